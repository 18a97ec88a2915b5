"""Who may assume a role: service principals, with the conditions that prevent confused deputies.

https://docs.aws.amazon.com/systems-manager/latest/userguide/cross-service-confused-deputy-prevention.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from aws_cdk import aws_iam as iam

from .._cdk.stack_facts import StackFacts
from .._checks import check_bool
from .._facts.service_principals import CLOUDFORMATION, SYSTEMS_MANAGER

Trust = Callable[[StackFacts], iam.IPrincipal]
"""Returns the principal that may assume a role in a stack."""


def trust_service(service: str) -> Trust:
    """Trust a service without a condition, for roles for which AWS documents none."""
    return lambda _: service_principal(service)


def trust_activations(regions: Sequence[str]) -> Trust:
    """Trust Systems Manager for hybrid activations of the stack's account in these Regions."""

    def principal(facts: StackFacts) -> iam.IPrincipal:
        # ArnEquals knows the wildcard; StringEquals does not.
        sources = [facts.arn("ssm", "*", region=region) for region in regions]
        return service_principal(
            SYSTEMS_MANAGER,
            {
                "StringEquals": {"aws:SourceAccount": facts.account},
                "ArnEquals": {"aws:SourceArn": sources[0] if len(sources) == 1 else sources},
            },
        )

    return principal


def trust_own_account(facts: StackFacts) -> iam.IPrincipal:
    """Trust Systems Manager for any resource of the stack's account."""
    return service_principal(SYSTEMS_MANAGER, {"StringEquals": {"aws:SourceAccount": facts.account}})


def trust_systems_manager(require_source_account: object) -> Trust:
    """Trust Systems Manager, on request for resources of the stack's account only."""
    check_bool("require_source_account", require_source_account)
    return trust_own_account if require_source_account else trust_service(SYSTEMS_MANAGER)


def trust_automation(facts: StackFacts) -> iam.IPrincipal:
    """Trust Systems Manager for automation executions of the stack's account, in any Region.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html
    """
    return _source_principal(facts, SYSTEMS_MANAGER, facts.arn("ssm", "automation-execution/*", region="*"))


def trust_quick_setup(facts: StackFacts) -> iam.IPrincipal:
    """Trust CloudFormation for the stack sets of Quick Setup in the stack's account, in any Region.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html
    """
    return _source_principal(
        facts, CLOUDFORMATION, facts.arn("cloudformation", "stackset/AWS-QuickSetup-*", region="*")
    )


def trust_connectors(callers: Sequence[iam.IRole]) -> Trust:
    """Trust Systems Manager for cloud connectors of the stack's account, and the roles that call it.

    The roles have the tag ``caller=SSM``. A condition names them, not a principal, because IAM requires a principal to
    exist when the policy is created.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/cloud-connector-azure-federation-role.html
    """

    def principal(facts: StackFacts) -> iam.IPrincipal:
        roles = iam.PrincipalWithConditions(
            iam.AccountRootPrincipal(),
            {
                "StringEquals": {"aws:PrincipalTag/caller": "SSM"},
                "ArnLike": {"aws:PrincipalArn": [each.role_arn for each in callers]},
            },
        )
        service = _source_principal(facts, SYSTEMS_MANAGER, facts.arn("ssm", "cloud-connector/*", region="*"))
        return iam.CompositePrincipal(roles, cast(iam.PrincipalBase, service))

    return principal


def trusting_administrators(accounts: Sequence[str], role_name: str, facts: StackFacts) -> iam.PolicyStatement:
    """Return a statement that trusts the administration role of each of these accounts.

    A condition names the roles, not a principal, because IAM requires a principal to exist when the policy is created.
    The condition needs no accounts, because the principals have them. So that many accounts fit in a trust policy, one
    statement has all of them.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/running-automations-multiple-accounts-regions.html
    """
    return iam.PolicyStatement.from_json(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": [facts.arn("iam", "root", region="", account=account) for account in accounts]},
            # In each part of an ARN, ArnLike compares a wildcard with the same part only.
            "Condition": {
                "ArnLike": {"aws:PrincipalArn": facts.arn("iam", f"role/{role_name}", region="", account="*")}
            },
        }
    )


def _source_principal(facts: StackFacts, service: str, source_arn: str) -> iam.IPrincipal:
    return service_principal(
        service,
        {"StringEquals": {"aws:SourceAccount": facts.account}, "ArnLike": {"aws:SourceArn": source_arn}},
    )


def service_principal(service: str, conditions: Mapping[str, object] | None = None) -> iam.IPrincipal:
    """Return a service as a principal, for sources that meet the conditions.

    Principals don't change and belong to no stack, so that all roles share them: each costs calls into Node.js.
    """
    key = f"{service} {conditions}"
    if key not in _principals:
        _principals[key] = iam.ServicePrincipal(service, conditions=conditions)
    return _principals[key]


_principals: dict[str, iam.IPrincipal] = {}
