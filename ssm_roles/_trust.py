"""The Systems Manager principal, with the conditions that keep confused deputies out.

https://docs.aws.amazon.com/systems-manager/latest/userguide/cross-service-confused-deputy-prevention.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam

from ._stack import StackFacts

# The same in every partition:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html
SYSTEMS_MANAGER = "ssm.amazonaws.com"


def hybrid_principal(facts: StackFacts, activation_regions: Sequence[str]) -> iam.IPrincipal:
    """Systems Manager acting for hybrid activations of this account in these Regions.

    The operator is ``ArnEquals``, which knows the ``*``, as ``StringEquals`` does not.
    """
    sources = [f"arn:{facts.partition}:ssm:{region}:{facts.account}:*" for region in activation_regions]
    return service_principal(
        facts,
        SYSTEMS_MANAGER,
        {
            "StringEquals": {"aws:SourceAccount": facts.account},
            "ArnEquals": {"aws:SourceArn": sources[0] if len(sources) == 1 else sources},
        },
    )


def service_principal(
    facts: StackFacts, service: str, conditions: Mapping[str, object] | None = None
) -> iam.IPrincipal:
    """Return a service that acts for sources that meet the conditions; without any where AWS documents none.

    Principals don't change, and each costs several calls into the CDK's JavaScript, so that roles of one stack share
    them.
    """
    key = f"{service} {conditions}"
    if key not in facts.principals:
        facts.principals[key] = iam.ServicePrincipal(service, conditions=conditions)
    return facts.principals[key]
