"""The drawing of a section: who may pass its roles, and who may assume them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .graph import Box, Graph, Line
from .views import FindingView, Party, RoleView, Section, summary, worst


def graph_of(section: Section, links: Mapping[str, str]) -> Graph:
    """Return the drawing of a section.

    Args:
        section: The section.
        links: Where a click on a role leads, by its logical ID.
    """
    findings = section.findings_by_subject
    of_roles = section.findings_by_role
    passes = {(each.party.id, role.logical_id): False for role in section.roles for each in role.passings}
    for role in section.roles:
        for each in role.passings:
            passes[each.party.id, role.logical_id] |= each.is_limited
    # One trust without a condition makes all others of the same principal pointless.
    assumes: dict[tuple[str, str], bool] = {}
    for role in section.roles:
        for trust in role.trusts:
            if not trust.is_denied:
                key = trust.party.id, role.logical_id
                assumes[key] = assumes.get(key, True) and trust.is_limited
    return Graph(
        passers=_boxes((each.party for role in section.roles for each in role.passings), findings),
        roles=tuple(_role(each, of_roles[each.logical_id], links) for each in section.roles),
        assumers=_boxes((each.party for role in section.roles for each in role.trusts if not each.is_denied), {}),
        passes=tuple(Line(*ends, limited) for ends, limited in passes.items()),
        assumes=tuple(Line(*ends, limited) for ends, limited in assumes.items()),
    )


def _boxes(parties: Iterable[Party], findings: Mapping[str, Sequence[FindingView]]) -> tuple[Box, ...]:
    found: dict[str, Box] = {}
    for party in parties:
        if party.id not in found:
            own = [each for logical_id in sorted(party.logical_ids) for each in findings.get(logical_id, ())]
            # The findings of a role are in its own box.
            own = [] if party.note == "role" else own
            found[party.id] = Box(party.id, party.title, (party.note,), party.look, worst(own) or "", summary(own))
    return tuple(found.values())


def _role(role: RoleView, findings: Sequence[FindingView], links: Mapping[str, str]) -> Box:
    return Box(
        role.logical_id,
        role.title,
        (role.purpose,),
        "role",
        worst(findings) or "",
        summary(findings),
        links.get(role.logical_id, ""),
    )
