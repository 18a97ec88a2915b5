"""The examples that a run can deploy: which it deploys by default, and what the others need."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .cost import ADDRESS, ALARM, ENDPOINT, INSTANCE, KEY, NAT_GATEWAY, SEARCH_NODE, SECRET, TASK, Cost
from .target import RefusedError

_FOLDER = Path(__file__).resolve().parents[1] / "examples"


@dataclass(frozen=True)
class Example:
    """An example.

    Attributes:
        name: The name of its file without `.py`.
        seconds: How long its deployment and deletion take.
        costs: What it costs.
        needs: What the account needs, or what the example changes for the whole account. A run deploys such an example
            only if the caller names it.
        regions: The Regions that the example names, in which its stacks are.
        adopts: The service-linked roles that the example creates if they are missing.
        optional: Whether a run deploys it only if the caller names it, although it needs nothing.
    """

    name: str
    seconds: int = 120
    costs: tuple[Cost, ...] = ()
    needs: str | None = None
    regions: tuple[str, ...] = ()
    adopts: tuple[str, ...] = ()
    optional: bool = False


EXAMPLES = (
    Example("minimal_hybrid_role", 60),
    Example("rotating_activation", 360, (Cost(SECRET), Cost(ALARM, 2))),
    Example(
        "service_linked_roles",
        240,
        adopts=(
            "AWSServiceRoleForAmazonSSM",
            "AWSServiceRoleForAmazonSSM_AccountDiscovery",
            "AWSServiceRoleForAmazonSSM_OpsInsights",
        ),
    ),
    Example("automation_roles", 120),
    Example("maintenance_window", 120, (Cost(KEY),)),
    Example("managed_instances", 120),
    Example("ecs_anywhere", 360, (Cost(SECRET),)),
    Example("runbook", 120, optional=True),
    Example("runbooks_across_accounts", 120, optional=True),
    Example("restricted_parameters", 360, (Cost(SECRET), Cost(KEY)), optional=True),
    Example("activation_alarms", 360, (Cost(SECRET), Cost(KEY), Cost(ALARM, 4)), optional=True),
    Example("session_logs", 360, (Cost(SECRET), Cost(KEY)), needs="that its logs may be deleted"),
    Example("hardened_hybrid_role", 60, needs="no role with the name HybridNodes"),
    Example("existing_roles", 60, needs="a role service-role/SSMServiceRole and the role AWSServiceRoleForAmazonSSM"),
    Example(
        "on_premises_fleet",
        120,
        (Cost(KEY, 3),),
        needs="that you delete its bucket, which is retained",
        regions=("eu-central-1",),
    ),
    Example(
        "activations_in_two_regions",
        600,
        (Cost(SECRET, 2),),
        needs="no role FleetNodes, no secret fleet/activation, and two Regions that are bootstrapped",
        regions=("eu-west-1", "us-east-1"),
    ),
    Example(
        "native_service_linked_role",
        60,
        needs="no role AWSServiceRoleForAmazonSSM: its deletion with the stack is part of the example",
    ),
    Example(
        "account_baseline",
        180,
        needs="no Default Host Management, Explorer and Quick Setup: it turns on Default Host Management in the Region",
    ),
    Example("deletable_service_linked_role", 240, needs="the management account of an organization"),
    Example("cloud_connector", 120, needs="a tenant of Microsoft Azure and an AWS Config connector"),
    Example("eks_hybrid_nodes", 360, (Cost(SECRET),), needs="an Amazon EKS cluster with the name edge"),
    Example(
        "ecs_service",
        600,
        (Cost(TASK), Cost(ADDRESS)),
        needs="that Amazon ECS may create its service-linked role, which stays",
    ),
    Example(
        "encrypted_auto_scaling_group",
        600,
        (Cost(KEY), Cost(INSTANCE), Cost(ADDRESS)),
        needs="a quota for an instance",
        adopts=("AWSServiceRoleForAutoScaling_encrypted",),
    ),
    Example(
        "opensearch_domain",
        3600,
        (Cost(SEARCH_NODE, 2),),
        needs="an hour",
        adopts=("AWSServiceRoleForAmazonOpenSearchService",),
    ),
    Example(
        "regulated_functions",
        2400,
        (Cost(NAT_GATEWAY), Cost(ENDPOINT, 6), Cost(SECRET), Cost(KEY), Cost(ADDRESS)),
        needs="a managed policy PlatformBoundary, and an hour: AWS Lambda keeps network interfaces for long",
    ),
    Example(
        "organization",
        1800,
        (Cost(SECRET, 2),),
        needs="the management account of an organization, and its organizational unit in the example",
        regions=("eu-west-1", "us-east-1"),
    ),
)
"""The examples, in the order in which they are deployed."""

DEFAULT = tuple(each for each in EXAMPLES if each.needs is None and not each.optional)
"""The examples that every account can deploy."""


def chosen(text: str | None) -> Sequence[Example]:
    """Return the examples that the caller has chosen.

    Args:
        text: Names with commas, `none` or `default`. Default: `default`

    Raises:
        RefusedError: There is no such example.
    """
    if text is None or text == "default":
        return DEFAULT
    if text == "none":
        return ()
    names = [name.strip() for name in text.split(",")]
    unknown = sorted(set(names) - {each.name for each in EXAMPLES})
    missing = [name for name in unknown if not (_FOLDER / f"{name}.py").is_file() or "/" in name]
    if missing:
        raise RefusedError(f"there is no example {', '.join(missing)}")
    if unknown:
        raise RefusedError(f"the cost of {', '.join(unknown)} is not known: add it to live/examples.py")
    return tuple(each for each in EXAMPLES if each.name in names)


def regions_of(examples: Sequence[Example], region: str) -> list[str]:
    """Return the Regions in which the examples have stacks: that of the run first."""
    named = {name for each in examples for name in each.regions}
    return [region, *sorted(named - {region})]
