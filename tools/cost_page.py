"""Write docs/operations/cost.md: the monthly cost of each construct, from templates and AWS's public prices."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from aws_cdk import Stack

from ssm_roles import HybridActivation, HybridServiceRole
from tools.construct_samples import SAMPLES, resources_of
from tools.cost_model import DATA, DAYS, PRICES, REGIONS, SECONDS_PER_INVOCATION, Line, golden, lines, total

PAGE = Path(__file__).resolve().parents[1] / "docs" / "operations" / "cost.md"
REPOSITORY = "https://github.com/ssm-roles/ssm-roles/blob/main"
ACCOUNTS, REGIONS_OF_ACCOUNT = 100, 3
FLEET = "rotating_activation.Servers"
OF_ACCOUNT, OF_REGION = "organization.OrganizationSsmAccount06B767DE", "organization.OrganizationSsmRegional689E4E23"

INTRODUCTION = f"""\
# Monthly cost

<!-- `make pages` writes this page from tools/prices.json and from the templates of the constructs. -->

Most constructs create IAM roles and policies, which AWS doesn't charge for. `HybridActivation` costs about
{{activation:.2f}} US dollars a month. This page shows where each amount comes from.
The actual amounts are in your [bill](https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/getting-viewing-bill.html).

The amounts are for {{region}}, in US dollars for {DAYS} days, without tax, and without deducting any free
tier. AWS can change its prices: see [Prices](#prices), and [Regions](#regions) for {{other}}.

## Cost of each construct

| construct | resources that have a price | US dollars a month |
|---|---|---:|
"""

ACTIVATION = """
## What an activation costs

One `HybridActivation` with its default settings:

"""

FLEET_TEXT = f"""
Everything but the secret depends on the check, which runs every 5 minutes. With `replace_when_used_up=False`, there is
no check, and the function publishes one metric. An activation then costs about {{without:.2f}} a month. If you create a
customer managed key for `encryption_key`, add {PRICES["key"]["usd"]:.2f}.

The number of API calls is that of the function itself: one for each check, and eight for each rotation. Calls of
machines and of their provisioners come in addition, at 0.05 for 10,000 calls. The amount for the duration assumes
{SECONDS_PER_INVOCATION:.0f} second for each invocation. The log is an upper bound of 2,000 bytes for each invocation.

## Example: a fleet

[`examples/rotating_activation.py`]({REPOSITORY}/examples/rotating_activation.py) registers up to 50 servers with each
activation, rotates every 7 days, and has two alarms:

"""

ORGANIZATION = f"""
The number of servers doesn't change the amount. [Systems Manager](#what-is-not-included) charges for some of what you
do with them.

## Example: an organization

[`examples/organization.py`]({REPOSITORY}/examples/organization.py) deploys the roles once to each account, and a hybrid
activation to each Region of each account. For {ACCOUNTS} accounts and {REGIONS_OF_ACCOUNT} Regions:

| part | stacks | each | US dollars a month |
|---|---:|---:|---:|
"""

REST = """
AWS deducts its free tier from these amounts. CloudWatch, for example, includes 10 custom metrics and 10 alarms
([prices](https://aws.amazon.com/cloudwatch/pricing/)). Don't expect this for each account: for billing, [AWS treats all
accounts of an organization as
one](https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/useconsolidatedbilling-effective.html). An account
with three Regions uses 12 custom metrics. If you need no replacement between rotations, set
`replace_when_used_up=False` in accounts that register few machines.

## Prices

| service | item | US dollars | unit | confirmed by | date |
|---|---|---:|---|---|---|
"""

ENDING = """
The price of a scheduled rule of Amazon EventBridge couldn't be confirmed from a public source. If AWS charged each
scheduled event like a custom event, at 1.00 for 1,000,000, the check would cost less than 0.01 a month. See [the prices
of Amazon EventBridge](https://aws.amazon.com/eventbridge/pricing/).

These resources have no price of their own:

* IAM roles, policies and instance profiles ([IAM](https://docs.aws.amazon.com/IAM/latest/UserGuide/introduction.html)).
* Custom resources and stack sets ([CloudFormation](https://aws.amazon.com/cloudformation/pricing/)).
* Hybrid activations, registrations and service settings of AWS Systems Manager
  ([prices](https://aws.amazon.com/systems-manager/pricing/)).

## Regions

Each Region has its own prices. For {other}, a public source confirms only those of
{confirmed}.
They are the same as in {region}. The other prices couldn't be confirmed for {other}: see the
pages of the services.

## What is not included

* Data transfer, and the NAT gateways or VPC endpoints of functions in a VPC.
* What Systems Manager charges for managed nodes. AWS removed the advanced-instances tier, and its price for each hour,
  on 2026-06-30 ([hybrid activations](https://docs.aws.amazon.com/systems-manager/latest/userguide/activations.html)).
  Session Manager and Run Command on nodes outside Amazon EC2 are pay-as-you-go since 2026-09-30. The prices couldn't be
  confirmed from a public source: see [Systems Manager](https://aws.amazon.com/systems-manager/pricing/).
* Steps of runbooks, advanced parameters of Parameter Store, and OpsItems.
* Logs of sessions and commands in Amazon CloudWatch Logs or Amazon S3, and storage of logs after the first month.
* Requests to AWS KMS, at [0.03 for 10,000](https://aws.amazon.com/kms/pricing/), if a customer managed key encrypts the
  secret or the log.
* AWS X-Ray, if `FunctionSettings` turns on tracing.
* The bucket of the CDK bootstrap stack, which holds the code of the functions.
"""


def page() -> str:
    """Return the text of the page."""
    samples = {name: lines(resources_of(build)) for name, build in SAMPLES.items()}
    activation = samples["HybridActivation"]
    here, other = REGIONS.values()
    confirmed = [price["item"] for price in PRICES.values() if list(REGIONS)[1] in price["confirmed_in"]]
    return "".join(
        (
            INTRODUCTION.format(activation=total(activation), region=here, other=other),
            *_constructs(samples),
            ACTIVATION,
            *_table(activation),
            FLEET_TEXT.format(without=total(lines(resources_of(_without_check)))),
            *_table(*map(lines, golden(FLEET))),
            ORGANIZATION,
            *_organization(),
            REST,
            *_prices(),
            ENDING.format(other=other, region=here, confirmed=f"AWS Lambda ({'; '.join(confirmed)})"),
        )
    )


def _without_check(stack: Stack) -> None:
    HybridActivation(stack, "Activation", role=HybridServiceRole(stack, "Nodes"), replace_when_used_up=False)


def _constructs(samples: dict[str, list[Line]]) -> Iterator[str]:
    for name in sorted(samples, key=lambda name: (-total(samples[name]), name)):
        items = ", ".join(dict.fromkeys(PRICES[line.price]["item"] for line in samples[name]))
        yield f"| `{name}` | {items or 'none'} | {total(samples[name]):.2f} |\n"
    yield "\n`OrganizationRollout` itself costs nothing: see [what it deploys](#example-an-organization).\n"
    yield "The function of `ServiceLinkedRole` runs only during deployments, which costs less than 0.01.\n"


def _table(found: Iterable[Line]) -> Iterator[str]:
    yield "| service | item | quantity | US dollars a month |\n|---|---|---:|---:|\n"
    listed = list(found)
    for line in listed:
        price = PRICES[line.price]
        yield f"| {price['service']} | {price['item']} | {_shown(line)} | {line.usd:.3f} |\n"
    yield f"| **total** | | | **{total(listed):.2f}** |\n"


def _shown(line: Line) -> str:
    unit = {"log_gb": " GB", "gb_second": " GB-seconds"}.get(line.price, "")
    return f"{line.quantity:.3f}{unit}" if line.quantity < 1 else f"{line.quantity:,.0f}{unit}"


def _organization() -> Iterator[str]:
    (account,), (region,) = (list(map(lines, golden(name))) for name in (OF_ACCOUNT, OF_REGION))
    parts = (
        ("roles, once in each account", ACCOUNTS, total(account)),
        ("hybrid activation, in each Region of each account", ACCOUNTS * REGIONS_OF_ACCOUNT, total(region)),
    )
    for what, stacks, each in parts:
        yield f"| {what} | {stacks} | {each:.2f} | {stacks * each:.2f} |\n"
    yield f"| **total** | | | **{sum(stacks * each for _, stacks, each in parts):.2f}** |\n"


def _prices() -> Iterator[str]:
    for price in PRICES.values():
        usd = f"{price['usd']:.10f}".rstrip("0")
        amount = usd if len(usd) > len("0.00") else f"{price['usd']:.2f}"
        yield (
            f"| [{price['service']}]({price['page']}) | {price['item']} | {amount} | {price['unit']} | "
            f"[source]({price['source']}) | {price['source_date']} |\n"
        )
    yield f"\nThe sources were read on {DATA['as_of']}.\n"


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
