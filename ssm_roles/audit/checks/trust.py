"""Whom roles trust, and for which accounts and resources.

https://docs.aws.amazon.com/systems-manager/latest/userguide/cross-service-confused-deputy-prevention.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set

from ..._facts.service_principals import SYSTEMS_MANAGER
from ..check import Check, Fault, Path
from ..intrinsics import has_wildcard, is_dynamic, is_known, lowered, shown, split_arn
from ..policies import Condition, Statement
from ..roles import RoleKind, has_url_suffix, is_systems_manager, is_wrong_principal, trusts_instances
from ..template import Role, Template

_HYBRID_PAGE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html"
_AUTOMATION_PAGE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html"
_DEPUTY_PAGE = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/cross-service-confused-deputy-prevention.html"
)
_OPERATORS_PAGE = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
)

_ACCOUNT, _ARN = "aws:sourceaccount", "aws:sourcearn"
_SOURCES = (_ACCOUNT, _ARN, "aws:sourceorgid", "aws:sourceorgpaths")
_EXACT = ("stringequals", "stringequalsignorecase")
_ACCOUNT_ID = re.compile("[0-9]{12}")

# The resources that never use a role of the kind, by how the sixth part of their ARN begins.
_NOT_OF = {
    RoleKind.HYBRID: (
        *("automation-execution", "automation-definition", "document", "maintenancewindow", "cloud-connector"),
    ),
    RoleKind.AUTOMATION: ("managed-instance", "activation", "automation-definition", "document", "maintenancewindow"),
}


def _statements(template: Template) -> Iterator[tuple[Role, Statement]]:
    """Yield the statements of trust policies that allow Systems Manager to assume a role."""
    for role in template.roles.values():
        for statement in role.trust:
            if statement.allows and any(is_systems_manager(each) for each in statement.services):
                yield role, statement


def _names_account(condition: Condition) -> bool:
    """Return whether a condition limits the account for which Systems Manager assumes the role."""
    if condition.key not in _SOURCES or condition.is_negated or condition.comparison == "null":
        return False
    if condition.comparison in _EXACT:
        return True
    if condition.key == _ARN:
        return not any(_is_of_any_account(value) for value in condition.values)
    return not any(re.fullmatch(r"\*+", value) for value in condition.values)


def _is_of_any_account(arn: str) -> bool:
    parts = split_arn(arn)
    if len(parts) < 6:
        # A pattern can end before the account, such as arn:PARTITION:ssm:*.
        return bool(re.fullmatch(r"\*+", parts[-1])) and (len(parts) == 1 or parts[0] == "arn")
    return bool(re.fullmatch(r"[*?]*", parts[4]))


def _denies_others(statement: Statement) -> bool:
    """Return whether a statement denies what isn't for some account."""
    return not statement.allows and any(each.key in _SOURCES and each.is_negated for each in statement.conditions)


def _is_open(statement: Statement) -> bool:
    """Return whether a statement has no source in one of its alternatives. An optional source is another mistake."""
    return any(not any(_names_account(each) for each in one) for one in statement.condition_sets)


def _open(template: Template) -> Iterator[tuple[Role, Statement, str]]:
    """Yield the statements that name no account, with what is wrong."""
    for role, statement in _statements(template):
        if _is_open(statement) and not any(map(_denies_others, role.trust)):
            yield role, statement, _missing(statement)


def _missing(statement: Statement) -> str:
    arns = [shown(value) for each in statement.conditions if each.key == _ARN for value in each.values]
    if arns:
        return f"aws:SourceArn {', '.join(arns)} names no account, and there is no aws:SourceAccount"
    alternative = " in one of its alternatives" if len(statement.condition_sets) > 1 else ""
    others = [shown(each.text) for each in statement.principals if not is_systems_manager(lowered(each.text))]
    shared = f"; it also trusts {', '.join(others)}, so give Systems Manager its own statement" if others else ""
    return f"The statement has no aws:SourceAccount and no aws:SourceArn{alternative}{shared}"


def _others_with_source(template: Template) -> Iterator[Fault]:
    for role, statement in _statements(template):
        others = [shown(each.text) for each in statement.principals if each.kind == "AWS"]
        always = all(
            any(_names_account(each) and not each.is_if_exists for each in one) for one in statement.condition_sets
        )
        if others and always:
            message = f"The conditions on the source also apply to {', '.join(others)}, whose requests have no source"
            yield Fault(role.logical_id, statement.path, message, statement.name)


def _hybrid_for_anybody(template: Template) -> Iterator[Fault]:
    for role, statement, message in _open(template):
        if RoleKind.HYBRID in role.kinds:
            yield Fault(role.logical_id, statement.path, message, statement.name)


def _automation_for_anybody(template: Template) -> Iterator[Fault]:
    for role, statement, message in _open(template):
        if RoleKind.AUTOMATION in role.kinds and RoleKind.HYBRID not in role.kinds:
            yield Fault(role.logical_id, statement.path, message, statement.name)


def _other_for_anybody(template: Template) -> Iterator[Fault]:
    for role, statement, message in _open(template):
        if not role.kinds & {RoleKind.HYBRID, RoleKind.AUTOMATION, RoleKind.INSTANCE}:
            yield Fault(role.logical_id, statement.path, message, statement.name)


def _wildcards(template: Template) -> Iterator[Fault]:
    for role, statement in _statements(template):
        for condition in statement.conditions:
            wild = [shown(value) for value in condition.values if has_wildcard(value)]
            if condition.key in _SOURCES and condition.comparison in _EXACT and wild:
                message = f"{condition.operator} compares the source with {', '.join(wild)} character by character"
                yield Fault(role.logical_id, condition.path, message, condition.key)


def _optional_sources(template: Template) -> Iterator[Fault]:
    for role, statement in _statements(template):
        for one in statement.condition_sets:
            sources = [each for each in one if _names_account(each)]
            if sources and all(each.is_if_exists for each in sources):
                for each in sources:
                    message = f"{each.operator} allows requests that have no {_written(each.key)}"
                    yield Fault(role.logical_id, each.path, message, each.key)


def _written(key: str) -> str:
    names = {_ACCOUNT: "aws:SourceAccount", _ARN: "aws:SourceArn"}
    return names.get(key, key)


def _principals(template: Template) -> Iterator[tuple[str, Path, str, str]]:
    """Yield the service principals of a template: the resource, the place, what has the principal, and its text."""
    for role in template.roles.values():
        for statement in role.trust:
            path = statement.path if statement.is_text else (*statement.path, "Principal")
            for principal in statement.principals:
                if principal.kind == "Service":
                    yield role.logical_id, path, "The role trusts", principal.text
    for resource in template.of("AWS::IAM::ServiceLinkedRole"):
        for text in template.values.texts(resource.properties.get("AWSServiceName")):
            yield resource.logical_id, resource.at("AWSServiceName"), "The service is", text
    for holder in template.holders.values():
        for logical_id, statement in holder.statements:
            for condition in statement.conditions:
                if condition.key == "iam:passedtoservice":
                    for text in condition.values:
                        yield logical_id, condition.path, "iam:PassedToService is", text


def _wrong_principals(template: Template) -> Iterator[Fault]:
    for logical_id, path, subject, text in _principals(template):
        if is_wrong_principal(text):
            message = f"{subject} {shown(text)}, but the service principal is {SYSTEMS_MANAGER} everywhere"
            yield Fault(logical_id, path, message, shown(text))


def _suffixes(template: Template) -> Iterator[Fault]:
    for logical_id, path, subject, text in _principals(template):
        if has_url_suffix(text):
            message = f"{subject} {shown(text)}, which isn't {SYSTEMS_MANAGER} where the URL suffix is another one"
            yield Fault(logical_id, path, message, shown(text))


def _instances_and_services(template: Template) -> Iterator[Fault]:
    for role in template.roles.values():
        trusted = [each for each in sorted(role.services) if is_systems_manager(each)]
        if trusted and trusts_instances(role) and role.resource is not None:
            message = f"The role trusts Amazon EC2 and {shown(trusted[0])}"
            yield Fault(role.logical_id, role.resource.at("AssumeRolePolicyDocument"), message)


def _different_accounts(template: Template) -> Iterator[Fault]:
    for role, statement in _statements(template):
        for one in statement.condition_sets:
            accounts = frozenset(_values(one, _ACCOUNT))
            if any(not is_known(each) or is_dynamic(each) or has_wildcard(each) for each in accounts):
                accounts = frozenset()
            for condition in one:
                if condition.key != _ARN or condition.is_negated:
                    continue
                for value in condition.values:
                    message = _mismatch(value, accounts)
                    if message:
                        path = condition.path if statement.is_text else (*statement.path, "Condition")
                        yield Fault(role.logical_id, path, message, shown(value))


def _values(conditions: Sequence[Condition], key: str) -> list[str]:
    return [value for each in conditions if each.key == key and not each.is_negated for value in each.values]


def _mismatch(arn: str, accounts: Set[str]) -> str | None:
    parts = split_arn(arn)
    if len(parts) < 6 or not is_known(parts[4]) or is_dynamic(parts[4]) or has_wildcard(parts[4]) or not parts[4]:
        return None
    if not _ACCOUNT_ID.fullmatch(parts[4]):
        return f"{shown(arn)} has {parts[4]} where the account belongs"
    if accounts and parts[4] not in accounts:
        return f"aws:SourceArn is {shown(arn)}, but aws:SourceAccount is {', '.join(sorted(accounts)[:3])}"
    return None


def _other_sources(template: Template) -> Iterator[Fault]:
    for role, statement in _statements(template):
        for one in statement.condition_sets:
            arns = [value for value in _values(one, _ARN) if len(split_arn(value)) == 6]
            if arns and all(_never_uses(role, value) for value in arns):
                path = statement.path if statement.is_text else (*statement.path, "Condition")
                kind = "a node's role" if RoleKind.HYBRID in role.kinds else "a runbook's role"
                message = f"{', '.join(map(shown, arns))} is never the source that uses {kind}"
                yield Fault(role.logical_id, path, message, statement.name)


def _never_uses(role: Role, arn: str) -> bool:
    others = next((names for kind, names in _NOT_OF.items() if role.kinds == {kind}), None)
    if others is None:
        return False
    parts = split_arn(arn)
    service, name = parts[2], re.split(r"[/:]", parts[5])[0]
    return (is_known(service) and not has_wildcard(service) and service != "ssm") or name in others


_HYBRID_EXAMPLE = """{
  "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
  "ArnEquals": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:*"}}
}"""
_AUTOMATION_EXAMPLE = """{
  "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
  "ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:ssm:*:${AWS::AccountId}:automation-execution/*"}}
}"""

CHECKS = (
    Check(
        id="TRUST1",
        severity="error",
        cfn_lint_id="E9701",
        title="A hybrid service role trusts Systems Manager for the activations of any account",
        risk=(
            "Someone in another account can make Systems Manager use the role for an activation there, and get its "
            "credentials on their own machine."
        ),
        remedy=(
            "Add both conditions: your account, and the Regions in which you create activations. If the statement has "
            "other principals, first move ssm.amazonaws.com to its own statement."
        ),
        documentation_url=_HYBRID_PAGE,
        find=_hybrid_for_anybody,
        example=_HYBRID_EXAMPLE,
    ),
    Check(
        id="TRUST2",
        severity="warning",
        cfn_lint_id="W9702",
        title="An automation role trusts Systems Manager for the automation executions of any account",
        risk="A runbook that someone starts in another account can run with the permissions of the role.",
        remedy=(
            "Add both conditions: your account, and its automation executions. If the statement has other principals, "
            "first move ssm.amazonaws.com to its own statement."
        ),
        documentation_url=_AUTOMATION_PAGE,
        find=_automation_for_anybody,
        example=_AUTOMATION_EXAMPLE,
    ),
    Check(
        id="TRUST3",
        severity="info",
        cfn_lint_id="I9703",
        title="A role trusts Systems Manager for any account, where AWS documents no condition",
        risk="Systems Manager can use the role for a request of another account, unless it checks the account itself.",
        remedy="Add a condition on aws:SourceAccount, and try the feature: not every feature sends the account.",
        documentation_url=_DEPUTY_PAGE,
        find=_other_for_anybody,
        example='{"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}',
    ),
    Check(
        id="TRUST4",
        severity="error",
        cfn_lint_id="E9704",
        title="A condition on the source has a wildcard, but its operator requires an exact match",
        risk="The condition is never met, so Systems Manager can't assume the role.",
        remedy="Use ArnEquals, ArnLike or StringLike.",
        documentation_url=_OPERATORS_PAGE,
        find=_wildcards,
        example=_HYBRID_EXAMPLE,
    ),
    Check(
        id="TRUST5",
        severity="warning",
        cfn_lint_id="W9705",
        title="The conditions on the source allow requests that have no source",
        risk="A request without the key meets the condition, so that it doesn't protect against confused deputies.",
        remedy="Use the operator without IfExists and without ForAllValues.",
        documentation_url=_OPERATORS_PAGE,
        find=_optional_sources,
        example=_HYBRID_EXAMPLE,
    ),
    Check(
        id="TRUST6",
        severity="error",
        cfn_lint_id="E9706",
        title="The service principal of Systems Manager is misspelled",
        risk="IAM rejects the policy, or Systems Manager can't assume the role or be passed one.",
        remedy="Use ssm.amazonaws.com, which is the service principal in every partition and Region.",
        documentation_url=_HYBRID_PAGE,
        find=_wrong_principals,
        example='{"Service": "ssm.amazonaws.com"}',
    ),
    Check(
        id="TRUST7",
        severity="warning",
        cfn_lint_id="W9707",
        title="One role is for EC2 instances and for Systems Manager",
        risk=(
            "Every process on an instance has the permissions that Systems Manager needs for its tasks, and the tasks "
            "have those of the instances."
        ),
        remedy=(
            "If only instances use the role, remove ssm.amazonaws.com from its trust policy. Otherwise, create another "
            "role for Systems Manager."
        ),
        documentation_url="https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html",
        find=_instances_and_services,
    ),
    Check(
        id="TRUST8",
        severity="warning",
        cfn_lint_id="W9708",
        title="aws:SourceAccount and the account in aws:SourceArn differ",
        risk="No request meets both conditions, so Systems Manager can't assume the role.",
        remedy="Name the same account in both, and check the number of colons in the ARN.",
        documentation_url=_DEPUTY_PAGE,
        find=_different_accounts,
        example=_HYBRID_EXAMPLE,
    ),
    Check(
        id="TRUST9",
        severity="warning",
        cfn_lint_id="W9709",
        title="The source in the trust policy never uses a role of this kind",
        risk="The condition is never met, so Systems Manager can't assume the role.",
        remedy=(
            "For a hybrid service role, name all resources of Systems Manager in your account and Region; for a "
            "runbook, its automation executions."
        ),
        documentation_url=_HYBRID_PAGE,
        find=_other_sources,
        example=_AUTOMATION_EXAMPLE,
    ),
    Check(
        id="TRUST10",
        severity="warning",
        cfn_lint_id="W9710",
        title="The service principal of Systems Manager ends with the URL suffix of the partition",
        risk="In China and in other partitions, IAM rejects the policy, or Systems Manager can't assume the role.",
        remedy="Use ssm.amazonaws.com, which is the service principal in every partition and Region.",
        documentation_url=_HYBRID_PAGE,
        find=_suffixes,
        example='{"Service": "ssm.amazonaws.com"}',
    ),
    Check(
        id="TRUST11",
        severity="warning",
        cfn_lint_id="W9717",
        title="The conditions on the source also apply to principals that send none",
        risk="Roles, users and accounts that the statement names can't assume the role: only services send a source.",
        remedy="Move ssm.amazonaws.com and the conditions to their own statement.",
        documentation_url=_DEPUTY_PAGE,
        find=_others_with_source,
    ),
)
