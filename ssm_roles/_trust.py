"""The Systems Manager principal, with the conditions that keep confused deputies out.

https://docs.aws.amazon.com/systems-manager/latest/userguide/cross-service-confused-deputy-prevention.html
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

from ._stack import StackFacts

# The same in every partition:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html
SYSTEMS_MANAGER = "ssm.amazonaws.com"


def hybrid_principal(facts: StackFacts, activation_regions: Sequence[str]) -> iam.IPrincipal:
    """Systems Manager acting for hybrid activations of this account in these Regions.

    The operator is ``ArnEquals``, which knows the ``*``, as ``StringEquals`` does not. Principals don't change, and
    each costs several calls into the CDK's JavaScript, so that roles of one stack share them.
    """
    regions = tuple(activation_regions)
    if regions not in facts.hybrid_principals:
        sources = [f"arn:{facts.partition}:ssm:{region}:{facts.account}:*" for region in regions]
        facts.hybrid_principals[regions] = iam.ServicePrincipal(
            SYSTEMS_MANAGER,
            conditions={
                "StringEquals": {"aws:SourceAccount": facts.account},
                "ArnEquals": {"aws:SourceArn": sources[0] if len(sources) == 1 else sources},
            },
        )
    return facts.hybrid_principals[regions]
