"""Who may pass the roles of a template.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..intrinsics import has_wildcard, is_known, reference, referenced, shown, split_arn
from ..policies import Condition, Statement, matches
from ..template import Holder, Role, Template
from .condition_words import condition_words
from .views import Party, Passing
from .words import Words, services_in_words

_PASS = "iam:passrole"
_PASSED_TO = "iam:passedtoservice"
# Policies of AWS that allow to pass every role.
_ADMINISTRATORS = ("AdministratorAccess", "IAMFullAccess")
# A template with more of them has been made to be hostile.
_MOST_GRANTS = 500


@dataclass(frozen=True)
class _Grant:
    """A statement that allows a principal to pass roles."""

    party: Party
    statement: Statement

    def reaches(self, role: Role) -> tuple[bool, bool]:
        """Return whether the role may be passed, and whether the statement names it."""
        texts = self.statement.resources
        if self.statement.excludes_resources:
            excluded = self.statement.values.texts(self.statement.body.get("NotResource"))
            return not any(_is_arn_of(text, role) or _matches(text, role) for text in excluded), False
        if any(_is_arn_of(text, role) and not has_wildcard(text) for text in texts):
            return True, True
        return any(_matches(text, role) for text in texts), False

    def services(self, role: Role) -> tuple[str, ...] | None:
        """Return the services that the role may be passed to and that it trusts, or None for every service."""
        named: set[str] = set()
        for one in self.statement.condition_sets:
            conditions = [each for each in one if each.key == _PASSED_TO and each.comparison != "null"]
            if not conditions:
                return None
            named.update(each for each in role.services if all(_allows(condition, each) for condition in conditions))
        return tuple(sorted(named))


def _is_arn_of(text: str, role: Role) -> bool:
    """Return whether a text is the ARN of a role, by a reference or by the role's name."""
    if {f"{role.logical_id}.Arn", role.logical_id} & set(referenced(text)):
        return True
    return any(is_known(name) and text.endswith(f"/{name}") for name in role.names)


def passings(template: Template) -> Mapping[str, tuple[Passing, ...]]:
    """Return who may pass each role, by its logical ID.

    Args:
        template: The template.
    """
    grants = [*_grants(template)][:_MOST_GRANTS]
    administrators = [_party(each) for each in template.holders.values() if _is_administrator(each)][:_MOST_GRANTS]
    return {
        logical_id: (*_of_role(role, grants), *_of_administrators(role, administrators))
        for logical_id, role in template.roles.items()
    }


def passes_itself(role: Role) -> bool:
    """Return whether the permissions of a role include to pass the role itself.

    Args:
        role: The role.
    """
    if _is_administrator(role):
        return True
    return any(each.reaches(role)[0] and each.services(role) != () for each in _grants_of(role))


def _grants(template: Template) -> Iterator[_Grant]:
    for holder in template.holders.values():
        yield from _grants_of(holder)


def _grants_of(holder: Holder) -> Iterator[_Grant]:
    for _, statement in holder.statements:
        if statement.allows and any(matches(each, _PASS) for each in statement.actions):
            yield _Grant(_party(holder), statement)


def _is_administrator(holder: Holder) -> bool:
    return any(each.name in _ADMINISTRATORS and ":aws:policy/" in shown(each.arn) for each in holder.managed)


def _party(holder: Holder) -> Party:
    note = "everyone with this policy" if holder.kind == "policy" else holder.kind
    ids = {logical_id for logical_id, _ in holder.statements}
    if holder.resource is not None:
        ids.add(holder.resource.logical_id)
    return Party(f"{holder.kind} {holder.label}", shown(holder.label), note, "principal", frozenset(ids))


def _of_role(role: Role, grants: list[_Grant]) -> Iterator[Passing]:
    seen = set()
    for grant in grants:
        reaches, is_named = grant.reaches(role)
        services = grant.services(role)
        is_itself = grant.party.id == f"role {role.logical_id}"
        # A service that the role doesn't trust can do nothing with it.
        if not reaches or services == () or (is_itself and not is_named):
            continue
        others = [each for each in grant.statement.conditions if each.key != _PASSED_TO]
        found = Passing(grant.party, _words(services, is_named=is_named), tuple(condition_words(others)), is_named)
        if found not in seen:
            seen.add(found)
            yield found


def _of_administrators(role: Role, administrators: list[Party]) -> Iterator[Passing]:
    for party in administrators:
        if party.id != f"role {role.logical_id}":
            yield Passing(party, ("to any service, as an administrator",), (), is_limited=False)


def _words(services: tuple[str, ...] | None, *, is_named: bool) -> Words:
    to = "any service" if services is None else services_in_words(services)
    why = "" if is_named else ", because a wildcard includes this role"
    return (f"to {to}{why}",)


def _allows(condition: Condition, service: str) -> bool:
    hit = any(
        matches(value.lower(), service) if "like" in condition.comparison else value.lower() == service
        for value in condition.values
    )
    return hit != condition.is_negated


def _matches(text: str, role: Role) -> bool:
    """Return whether a pattern for ARNs includes a role, as far as its name is known."""
    if text == "*":
        return True
    parts = split_arn(text)
    if len(parts) != 6:
        return has_wildcard(text) and matches(text, "arn:")
    names = role.names or (reference(role.logical_id),)
    return any(matches(parts[5], f"role{path}{name}") for path in role.paths for name in names)
