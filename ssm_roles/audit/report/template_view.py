"""A template as a section of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..._facts.service_linked_roles import SERVICE_LINKED_ROLES
from ..intrinsics import is_known, shown
from ..policies import Statement
from ..roles import RoleKind
from ..template import Role, Template
from .condition_words import condition_words
from .passing import passes_itself, passings
from .permission_words import managed_policy_words, permissions
from .principals import is_single, party_of
from .views import FindingView, LinkedRoleView, Passing, RoleView, Section, Trust
from .words import Words

_MOST_ROLES = 400
# What this library makes of a service-linked role.
_ENSURED = "Custom::ServiceLinkedRole"

PURPOSES = {
    RoleKind.HYBRID: "hybrid nodes",
    RoleKind.AUTOMATION: "runbooks",
    RoleKind.MAINTENANCE_WINDOW: "maintenance window",
    RoleKind.NOTIFICATION: "notifications",
    RoleKind.HOST_MANAGEMENT: "Default Host Management",
    RoleKind.INSTANCE: "EC2 instances",
    RoleKind.CLOUD_CONNECTOR: "cloud connector",
    RoleKind.OTHER: "other",
}
"""What a role is for, in a few words."""


def section_of(title: str, template: Template, findings: Sequence[FindingView]) -> Section:
    """Return what the report shows of a template.

    Args:
        title: The name of the template.
        template: The template, with the kinds of its roles.
        findings: The findings in it.
    """
    passed = passings(template)
    marked = {each.subject for each in findings}
    # Roles of Systems Manager and roles with findings are what a reader looks for.
    roles = sorted(
        template.roles.values(),
        key=lambda each: each.kinds <= {RoleKind.OTHER} and marked.isdisjoint({each.logical_id, *_policy_ids(each)}),
    )
    views = tuple(role_view(each, template, passed[each.logical_id]) for each in roles[:_MOST_ROLES])
    return Section(
        title, views, tuple(_linked_roles(template)), tuple(findings), more_roles=max(0, len(roles) - _MOST_ROLES)
    )


def role_view(role: Role, template: Template, passed: tuple[Passing, ...]) -> RoleView:
    """Return what the report shows of a role.

    Args:
        role: The role.
        template: The template of the role.
        passed: Who may pass the role.
    """
    known = template.resources.keys()
    boundary = (
        () if role.resource is None else template.values.texts(role.resource.properties.get("PermissionsBoundary"))
    )
    return RoleView(
        logical_id=role.logical_id,
        title=next((each for each in role.names if is_known(each)), role.logical_id),
        purpose=", ".join(sorted(PURPOSES[each] for each in role.kinds)),
        is_certain=role.is_evident,
        passings=passed,
        trusts=tuple(_trusts(role, template)),
        permissions=tuple(permissions((each for _, each in role.statements), known)),
        policies=tuple(managed_policy_words(role.managed, known)),
        boundary=" or ".join(shown(each).rsplit("/", 1)[-1] for each in boundary),
        policy_ids=_policy_ids(role),
        passes_itself=passes_itself(role),
    )


def _policy_ids(role: Role) -> frozenset[str]:
    return frozenset(logical_id for logical_id, _ in role.statements) - {role.logical_id}


def _trusts(role: Role, template: Template) -> Iterator[Trust]:
    seen = set()
    for statement in role.trust:
        for principal in statement.principals:
            is_limited = is_single(principal) or all(statement.condition_sets)
            trust = Trust(party_of(principal, template), _conditions(statement), is_limited, not statement.allows)
            if trust not in seen:
                seen.add(trust)
                yield trust


def _conditions(statement: Statement) -> tuple[tuple[Words, ...], ...]:
    return tuple(dict.fromkeys(tuple(condition_words(each)) for each in statement.condition_sets))


def _linked_roles(template: Template) -> Iterator[LinkedRoleView]:
    for resource in template.of("AWS::IAM::ServiceLinkedRole", _ENSURED):
        how = "ensured: created if the account lacks it" if resource.type == _ENSURED else "created by the stack"
        principals = template.values.texts(resource.properties.get("AWSServiceName"))
        suffixes = template.values.texts(resource.properties.get("CustomSuffix"))
        for principal in principals[:1]:
            facts = next(
                (each for each in SERVICE_LINKED_ROLES.values() if each.service_principal == principal.lower()), None
            )
            if facts is None or suffixes:
                names = template.values.texts(resource.properties.get("RoleName")) or (resource.logical_id,)
                yield LinkedRoleView(shown(names[0]), shown(principal), (("In this template", how),), "")
                continue
            yield LinkedRoleView(
                facts.role_name,
                principal,
                (
                    ("Used by", facts.feature),
                    ("In this template", how),
                    ("Otherwise created", facts.created_by),
                    ("Before you delete it", facts.deletion_prerequisites),
                ),
                facts.documentation_url,
            )
