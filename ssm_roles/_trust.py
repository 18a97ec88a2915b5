"""The Systems Manager principal, with the conditions that keep confused deputies out.

https://docs.aws.amazon.com/systems-manager/latest/userguide/cross-service-confused-deputy-prevention.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from aws_cdk import aws_iam as iam

from ._stack import StackFacts

# The same in every partition:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html
SYSTEMS_MANAGER = "ssm.amazonaws.com"
CLOUDFORMATION = "cloudformation.amazonaws.com"
QUICK_SETUP = "ssm-quicksetup.amazonaws.com"


def hybrid_principal(facts: StackFacts, activation_regions: Sequence[str]) -> iam.IPrincipal:
    """Systems Manager acting for hybrid activations of this account in these Regions.

    The operator is ``ArnEquals``, which knows the ``*``, as ``StringEquals`` does not.
    """
    sources = [f"arn:{facts.partition}:ssm:{region}:{facts.account}:*" for region in activation_regions]
    return service_principal(
        SYSTEMS_MANAGER,
        {
            "StringEquals": {"aws:SourceAccount": facts.account},
            "ArnEquals": {"aws:SourceArn": sources[0] if len(sources) == 1 else sources},
        },
    )


def account_principal(facts: StackFacts) -> iam.IPrincipal:
    """Systems Manager acting for any source of this account."""
    return service_principal(SYSTEMS_MANAGER, {"StringEquals": {"aws:SourceAccount": facts.account}})


def automation_principal(facts: StackFacts) -> iam.IPrincipal:
    """Systems Manager acting for automation executions of this account, in any Region.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html
    """
    return _source_principal(
        facts, SYSTEMS_MANAGER, f"arn:{facts.partition}:ssm:*:{facts.account}:automation-execution/*"
    )


def connector_principal(facts: StackFacts, caller_arns: Sequence[str]) -> iam.IPrincipal:
    """Systems Manager acting for cloud connectors of this account, and roles of this account tagged ``caller=SSM``.

    The roles are named by their ARNs in a condition, since IAM wants a principal to exist when the policy is made.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/cloud-connector-azure-federation-role.html
    """
    callers = iam.PrincipalWithConditions(
        iam.AccountRootPrincipal(),
        {"StringEquals": {"aws:PrincipalTag/caller": "SSM"}, "ArnLike": {"aws:PrincipalArn": list(caller_arns)}},
    )
    service = _source_principal(
        facts, SYSTEMS_MANAGER, f"arn:{facts.partition}:ssm:*:{facts.account}:cloud-connector/*"
    )
    return iam.CompositePrincipal(callers, cast(iam.PrincipalBase, service))


def quick_setup_principal(facts: StackFacts) -> iam.IPrincipal:
    """CloudFormation acting for the stack sets of Quick Setup in this account, in any Region.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
    """
    return _source_principal(
        facts, CLOUDFORMATION, f"arn:{facts.partition}:cloudformation:*:{facts.account}:stackset/AWS-QuickSetup-*"
    )


def administered_principal(facts: StackFacts, administrators: Sequence[tuple[str, str]]) -> iam.IPrincipal:
    """Systems Manager acting for automation executions of this account, and the administration roles of accounts.

    The roles are named by their ARNs in a condition, since IAM wants a principal to exist when the policy is made, and
    theirs are made in other accounts.

    Args:
        facts: Those of the stack.
        administrators: The accounts, and the ARN of the administration role in each.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/running-automations-multiple-accounts-regions.html
    """
    roles = [
        iam.PrincipalWithConditions(iam.AccountPrincipal(account), {"ArnEquals": {"aws:PrincipalArn": role_arn}})
        for account, role_arn in administrators
    ]
    return iam.CompositePrincipal(*roles, cast(iam.PrincipalBase, automation_principal(facts)))


def _source_principal(facts: StackFacts, service: str, source_arn: str) -> iam.IPrincipal:
    return service_principal(
        service,
        {"StringEquals": {"aws:SourceAccount": facts.account}, "ArnLike": {"aws:SourceArn": source_arn}},
    )


def service_principal(service: str, conditions: Mapping[str, object] | None = None) -> iam.IPrincipal:
    """Return a service that acts for sources that meet the conditions; without any where AWS documents none.

    Principals don't change and belong to no stack, and each costs calls into the CDK's JavaScript, so that all roles
    share them.
    """
    key = f"{service} {conditions}"
    if key not in _principals:
        _principals[key] = iam.ServicePrincipal(service, conditions=conditions)
    return _principals[key]


_principals: dict[str, iam.IPrincipal] = {}
