"""Write docs/operations/quotas.md: the quotas of AWS, from the limits that the library checks and from quotas.json."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssm_roles._facts import iam_limits, stack_set_limits
from ssm_roles.activation import settings
from ssm_roles.nodes.activation_role_name import ACTIVATION_ROLE_NAME_LENGTH
from tools.construct_samples import SAMPLES, Resources, resources_of

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "operations" / "quotas.md"
DATA: dict[str, Any] = json.loads((ROOT / "tools" / "quotas.json").read_text(encoding="utf-8"))

IAM_PAGE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
STACK_SETS_PAGE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
DEPENDENCIES_PAGE = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html"
)
ACTIVATION_PAGE = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateActivation.html"

# What a row counts, by a word for the reader and the type of the resource.
COUNTED = {
    "roles": "AWS::IAM::Role",
    "inline policies": "AWS::IAM::Policy",
    "managed policies": "AWS::IAM::ManagedPolicy",
    "instance profiles": "AWS::IAM::InstanceProfile",
    "functions": "AWS::Lambda::Function",
    "log groups": "AWS::Logs::LogGroup",
    "secrets": "AWS::SecretsManager::Secret",
    "stack sets": "AWS::CloudFormation::StackSet",
}


@dataclass(frozen=True)
class Limit:
    """A limit that the library checks, with the value that it has for the limit."""

    what: str
    value: int
    unit: str
    check: str
    page: str
    most: int | None = None


LIMITS = (
    Limit("length of a role name", iam_limits.ROLE_NAME_LENGTH, "characters", "an error", IAM_PAGE),
    Limit(
        "length of an instance profile name",
        iam_limits.INSTANCE_PROFILE_NAME_LENGTH,
        "characters",
        "an error",
        IAM_PAGE,
    ),
    Limit(
        "trust policy of a role",
        iam_limits.TRUST_POLICY,
        "characters",
        "a warning, and an error above the maximum",
        IAM_PAGE,
        iam_limits.MOST_TRUST_POLICY,
    ),
    Limit(
        "managed policies of a role",
        iam_limits.MANAGED_POLICIES_PER_ROLE,
        "policies",
        "a warning, and an error above the maximum",
        IAM_PAGE,
        iam_limits.MOST_MANAGED_POLICIES_PER_ROLE,
    ),
    Limit("a managed policy", iam_limits.MANAGED_POLICY, "characters", "an error", IAM_PAGE),
    *(
        Limit(f"inline policies of a {holder} together", size, "characters", "an error", IAM_PAGE)
        for holder, size in iam_limits.INLINE_POLICIES.items()
    ),
    Limit(
        "path and name of the role of an activation",
        ACTIVATION_ROLE_NAME_LENGTH,
        "characters",
        "an error",
        ACTIVATION_PAGE,
    ),
    Limit("registrations with one activation", settings.REGISTRATION_LIMIT, "machines", "an error", ACTIVATION_PAGE),
    Limit(
        "a template in a request of StackSets",
        stack_set_limits.TEMPLATE_BODY_BYTES,
        "bytes",
        "none: a longer template is published to Amazon S3",
        STACK_SETS_PAGE,
    ),
    Limit(
        "a template of StackSets in Amazon S3", stack_set_limits.TEMPLATE_BYTES, "bytes", "an error", STACK_SETS_PAGE
    ),
    Limit(
        "organizational units of a rollout",
        stack_set_limits.MOST_ORGANIZATIONAL_UNITS,
        "units",
        "an error",
        STACK_SETS_PAGE,
    ),
    Limit(
        "stack sets that a stack set depends on",
        stack_set_limits.MOST_DEPENDENCIES,
        "stack sets",
        "an error",
        DEPENDENCIES_PAGE,
    ),
    Limit(
        "stack instances of a stack set",
        stack_set_limits.MOST_INSTANCES,
        "stacks",
        "a warning",
        STACK_SETS_PAGE,
    ),
)

INTRODUCTION = """\
# Quotas

<!-- `make pages` writes this page from the limits of the library and from tools/quotas.json. -->

AWS limits how many resources an account can have, and how large they can be. This page lists the quotas that the
constructs use up, what happens at the limit, and what the library checks before you deploy. The values are AWS's
defaults. To see the quotas of your account, open [Service
Quotas](https://docs.aws.amazon.com/servicequotas/latest/userguide/intro.html).

## What each construct uses up

These are the resources of each construct with its required arguments only. Capabilities, grants and
`FunctionSettings` add policies.

"""

SHARED = """
All ensured `ServiceLinkedRole`s of a stack share one function, with its role, policies and log group. The role itself
counts as a role of the account. `OrganizationRollout` creates one stack set for the roles of each account, and another
one if the rollout has regional resources. The resources that it deploys count in the accounts to which it deploys them.

## What the library checks

Synthesis compares the app with these limits. An error stops the deployment before AWS would reject it. A warning
is shown if your account can have a higher quota, or if a size is known at deploy time only.

| limit | default | maximum that you can request | check at synthesis | source |
|---|---:|---:|---|---|
"""

OTHERS = """
Sizes of policies are counted as IAM counts them: without white space. If you have requested a higher quota, acknowledge
the warning: see [Warnings of the library](troubleshooting.md#warnings-of-the-library).

The library also checks these limits when you create a construct:

* The lifetime of an activation is at most 30 days, which is the limit of
  [`CreateActivation`]({activation_page}).
* The interval between rotations is at least 4 hours, the limit of
  [Secrets Manager](https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html).
* `max_replacements_per_day` is at most 90, because Secrets Manager keeps each version for a day and about 100 in total.
* The settings of an activation fit into the 4,096 bytes of a function's
  [environment variables](https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
* At most 40 service-linked roles of a stack have `RemovalPolicy.DESTROY`, and all ensured roles of a stack fit into one
  managed policy.

## What the library can't check

What your account has already is not known at synthesis:

| service | quota | default | adjustable | what counts | at the limit |
|---|---|---:|---|---|---|
"""

ENDING = """
The statements of this table rest on AWS's documentation. They were not tried in a live account.

AWS removed the advanced-instances tier, and the limit of 1,000 standard hybrid nodes for each account and Region, on
2026-06-30 ([hybrid activations](https://docs.aws.amazon.com/systems-manager/latest/userguide/activations.html)). Older
pages still mention both.

## Before you deploy to many accounts

* Each service has request rates, too. StackSets deploys to several accounts at the same time. If AWS throttles a
  request, the functions of this library repeat it until 30 seconds before their timeout.
* A rollout to more than {in_36_hours:,} stacks can take longer than CloudFormation waits for a stack set. Synthesis
  shows the warning `ssm-roles:rolloutSize`.
* Register at most `registration_limit` machines within 10 minutes: see
  [Choose the registration limit](../topics/hybrid-activations.md#choose-the-registration-limit).
"""


def page() -> str:
    """Return the text of the page."""
    samples = {name: resources_of(build) for name, build in SAMPLES.items()}
    return "".join(
        (
            INTRODUCTION,
            *_counts(samples),
            SHARED,
            *_limits(),
            OTHERS.format(activation_page=ACTIVATION_PAGE),
            *_quotas(),
            ENDING.format(in_36_hours=stack_set_limits.INSTANCES_IN_36_HOURS),
        )
    )


def _counts(samples: Mapping[str, Resources]) -> Iterator[str]:
    yield f"| construct | {' | '.join(COUNTED)} |\n|---|{'---:|' * len(COUNTED)}\n"
    for name, resources in samples.items():
        number = Counter(resource["Type"] for resource in resources.values())
        cells = (str(number[each] or "") for each in COUNTED.values())
        yield f"| `{name}` | {' | '.join(cells)} |\n"


def _limits() -> Iterator[str]:
    for limit in LIMITS:
        most = "" if limit.most is None else f"{limit.most:,}"
        yield (f"| {limit.what} | {limit.value:,} {limit.unit} | {most} | {limit.check} | [AWS]({limit.page}) |\n")


def _quotas() -> Iterator[str]:
    for quota in DATA["quotas"]:
        adjustable = {True: "yes", False: "no", None: "see the page"}[quota["adjustable"]]
        yield (
            f"| [{quota['service']}]({quota['page']}) | {quota['quota']} | {quota['default']} | {adjustable} | "
            f"{quota['counts']} | {quota['at_the_limit']} |\n"
        )


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
