"""Who may pass the roles of Systems Manager, as far as IAM tells.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .authorization import Grant, boundary_decision, decision, grants, trusted_services
from .conditions import as_list, every
from .model import Identities, Identity, Role

_PASS = "iam:PassRole"
_PATTERN = re.compile(r"[*?$]")
_PASSED_TO = "iam:passedtoservice"
_ANY = ("*", "arn:*", "arn:*:iam::*:*", "arn:*:iam::*:role/*")

NOT_SEEN = (
    "service control policies and resource control policies of the organization",
    "session policies, and permissions boundaries that limit only a session",
    "the root user of the account, who may pass every role",
    "identities that may change IAM policies, and so can allow themselves to pass a role",
    "service-linked roles, with which AWS services pass roles",
)
"""What the read APIs of IAM don't tell, or what is left out of the result."""


@dataclass(frozen=True)
class Passer:
    """An identity that may pass a role.

    Attributes:
        identity: The role or the user.
        services: The services to which it may pass the role, among those that the role trusts.
        is_certain: Whether it depends only on what is known, and not on another condition, for example.
        sources: The policies that allow it.
        passes_any_role: Whether one of these allows it for every role.
    """

    identity: Identity
    services: tuple[str, ...]
    is_certain: bool
    sources: tuple[str, ...]
    passes_any_role: bool


@dataclass(frozen=True)
class _Candidate:
    identity: Identity
    grants: tuple[Grant, ...]
    named: frozenset[str] | None
    """The only roles that may be passed, by ARN; None if statements have patterns, which tell no list."""

    def can_pass(self, role: Role) -> bool:
        """Return whether a statement can be about a role that is another one."""
        return self.identity.arn != role.arn and (self.named is None or role.arn in self.named)


class Passing:
    """The identities of an account that may pass a role.

    Args:
        identities: The identities.
    """

    def __init__(self, identities: Identities) -> None:
        """Find the statements about passing, once for all roles."""
        groups = {each.name: each for each in identities.groups}
        self._candidates = [each for each in _candidates((*identities.roles, *identities.users), groups) if each.grants]
        everybody = (*identities.roles, *identities.users, *identities.groups)
        self.unknown_policies: tuple[str, ...] = tuple(
            sorted({policy.title for each in everybody for policy in each.policies if policy.document is None})
        )
        """The policies whose documents couldn't be read: they can allow more, or deny."""

    def passers(self, role: Role) -> tuple[Passer, ...]:
        """Return who may pass a role, roles first.

        Args:
            role: The role.
        """
        services = trusted_services(role.trust_policy)
        found = (_passer(each, role, services) for each in self._candidates if each.can_pass(role))
        return tuple(each for each in found if each is not None)


def _candidates(identities: Iterable[Identity], groups: Mapping[str, Identity]) -> Iterable[_Candidate]:
    for identity in identities:
        found = grants(identity.policies, _PASS)
        for name in identity.groups:
            if name in groups:
                found += grants(groups[name].policies, _PASS, f"group {name}, ")
        yield _Candidate(identity, found, _named(found))


def _named(found: Sequence[Grant]) -> frozenset[str] | None:
    allowing = [each.statement for each in found if not each.is_deny]
    texts = frozenset(str(text) for each in allowing for text in as_list(each.get("Resource")))
    is_listed = not any("NotResource" in each for each in allowing) and not any(_PATTERN.search(each) for each in texts)
    return texts if is_listed else None


def _passer(candidate: _Candidate, role: Role, services: Sequence[str]) -> Passer | None:
    verdicts = {each: _may_pass(candidate, role.arn, each) for each in services}
    allowed = tuple(service for service, verdict in verdicts.items() if verdict is not False)
    if not allowed:
        return None
    sources = [
        each
        for each in candidate.grants
        if not each.is_deny and any(each.verdict(role.arn, {_PASSED_TO: one}) is not False for one in allowed)
    ]
    return Passer(
        identity=candidate.identity,
        services=allowed,
        is_certain=all(verdicts[each] is True for each in allowed),
        sources=tuple(sorted({each.source for each in sources})),
        passes_any_role=any(_is_for_any_role(each) for each in sources),
    )


def _may_pass(candidate: _Candidate, role_arn: str, service: str) -> bool | None:
    request = {_PASSED_TO: service}
    return every(
        [
            decision(candidate.grants, role_arn, request),
            boundary_decision(candidate.identity, _PASS, role_arn, request),
        ]
    )


def _is_for_any_role(grant: Grant) -> bool:
    if "NotResource" in grant.statement:
        return True
    patterns = [str(each) for each in as_list(grant.statement.get("Resource"))]
    return any(each in _ANY or (each.startswith("arn:") and each.endswith(":role/*")) for each in patterns)
