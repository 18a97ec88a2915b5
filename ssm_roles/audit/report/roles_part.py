"""The roles of a section in words: who may pass them, who may assume them, and what they may do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..check import Severity
from ..counting import counted
from .figure import sign
from .markup import Content, Markup, definitions, element
from .permission_words import Permission, PolicyWords
from .views import FindingView, LinkedRoleView, Passing, RoleView, Section, Trust, summary, worst
from .words import Code, Words

_MOST_ITEMS = 60
_MOST_ACTIONS = 20


def role_anchor(section: int, role: int) -> str:
    """Return the anchor of a role.

    Args:
        section: The number of the section.
        role: The position of the role.
    """
    return f"stack-{section}-role-{role + 1}"


def roles_part(section: Section, anchors: Mapping[str, str]) -> Iterator[Content]:
    """Yield the roles of a section.

    Args:
        section: The section.
        anchors: The anchors of its roles, by their logical ID.
    """
    if not section.roles:
        return
    findings = section.findings_by_role
    yield element("h3", {}, "What each role may do")
    for role in section.roles:
        yield _role(role, section.place, findings[role.logical_id], anchors[role.logical_id])
    if section.more_roles:
        yield element("p", {"class": "more"}, f"and {counted(section.more_roles, 'more role')}")


def linked_roles_part(section: Section) -> Iterator[Content]:
    """Yield the service-linked roles of a section.

    Args:
        section: The section.
    """
    if section.linked_roles:
        yield element("h3", {}, "Service-linked roles")
    for role in section.linked_roles:
        yield _linked_role(role)


def _role(role: RoleView, place: str, findings: Sequence[FindingView], anchor: str) -> Markup:
    severity = worst(findings)
    nobody = f"Nobody else in {place}" if role.passes_itself else f"Nobody in {place}"
    purpose = role.purpose if role.is_certain else f"{role.purpose}, judging by the name"
    return element(
        "article",
        {"class": "card", "id": anchor, "aria-labelledby": f"{anchor}-name"},
        element(
            "header",
            {},
            element("h4", {"id": f"{anchor}-name"}, element("code", {}, role.title)),
            element("span", {"class": "tag"}, purpose),
            None if severity is None else _badge(severity, summary(findings)),
        ),
        None
        if role.title == role.logical_id
        else element("p", {"class": "muted"}, "Logical ID ", element("code", {}, role.logical_id)),
        element(
            "div",
            {"class": "role-parts"},
            _part("Who may pass it", (_passing(each) for each in role.passings), nobody),
            _part("Who may assume it", (_trust(each) for each in role.trusts), "Nobody"),
            _part("What it may do", _permissions(role), f"Nothing, as far as {place} tells"),
        ),
    )


def _badge(severity: Severity, text: str) -> Markup:
    return element("span", {"class": f"badge {severity}"}, sign(severity), text)


def _part(title: str, items: Iterable[Markup], nothing: str) -> Markup:
    found = [*items]
    more = len(found) - _MOST_ITEMS
    if more > 0:
        found = [*found[:_MOST_ITEMS], element("li", {}, f"and {more:,} more")]
    content = element("ul", {}, *found) if found else element("p", {"class": "muted"}, nothing)
    return element("div", {}, element("h5", {}, title), content)


def _passing(passing: Passing) -> Markup:
    party = passing.party
    words = (Code(party.title), f" ({party.note}), ", *passing.words)
    return element("li", {}, *_written(words), *_conditions(passing.conditions))


def _trust(trust: Trust) -> Markup:
    party = trust.party
    name: Words = (
        (party.title, " (", Code(party.note), ")") if "." in party.note else (Code(party.title), f" ({party.note})")
    )
    if party.look == "service" and "." not in party.note:
        name = (Code(party.title),)
    alternatives = [each for each in trust.conditions if each]
    words: list[Content] = [*(["Never: "] if trust.is_denied else []), *_written(name)]
    if len(alternatives) == len(trust.conditions):
        for index, each in enumerate(alternatives):
            words += [" or" if index else None, *_conditions(each)]
    elif not trust.is_limited:
        words.append(element("span", {"class": "condition"}, ", without a condition"))
    return element("li", {}, *words)


def _permissions(role: RoleView) -> Iterator[Markup]:
    for policy in role.policies:
        yield _policy(policy)
    for permission in role.permissions:
        yield _permission(permission)
    if role.boundary:
        yield element("li", {}, "At most what the permissions boundary ", element("code", {}, role.boundary), " allows")


def _policy(policy: PolicyWords) -> Markup:
    name: Content = element("code", {}, policy.name)
    if policy.page is not None:
        name = element("a", {"href": policy.page}, name)
    if not policy.phrases:
        where = "the AWS managed policy " if policy.page else "the policy "
        note = None if policy.page else ", which is not known here"
        return element("li", {}, "Whatever ", where, name, " allows", note)
    phrases = [element("li", {}, each) for each in policy.phrases]
    return element("li", {}, "By ", name, ":", element("ul", {}, *phrases))


def _permission(permission: Permission) -> Markup:
    actions = permission.actions[:_MOST_ACTIONS]
    more = len(permission.actions) - len(actions)
    listed: list[Content] = []
    for index, action in enumerate(actions):
        listed += [", " if index else None, element("code", {}, action)]
    if more:
        listed.append(f" and {counted(more, 'more action')}")
    return element(
        "li",
        {},
        "Never: " if permission.is_denied else None,
        *_written(permission.words),
        *_conditions(permission.conditions),
        element("span", {"class": "actions"}, *listed) if listed else None,
    )


def _conditions(conditions: Sequence[Words]) -> list[Content]:
    found: list[Content] = []
    for each in conditions:
        found.append(element("span", {"class": "condition"}, ", ", *_written(each)))
    return found


def _written(words: Words) -> list[Content]:
    return [element("code", {}, each.text) if isinstance(each, Code) else each for each in words]


def _linked_role(role: LinkedRoleView) -> Markup:
    name = element("code", {}, role.name)
    return element(
        "article",
        {"class": "card"},
        element("header", {}, element("h4", {}, name), element("span", {"class": "tag"}, "service-linked")),
        definitions("facts", (("Assumed by", role.principal), *role.facts)),
        element("p", {"class": "more"}, element("a", {"href": role.page}, f"AWS documentation about {role.name}"))
        if role.page
        else None,
    )
