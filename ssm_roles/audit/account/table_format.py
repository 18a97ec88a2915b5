"""A judged account as text for people, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ..command.text_format import BOLD, COLORS, END, printable
from ..counting import counted, counted_findings
from .columns import columns, paragraph
from .judgment import AccountFinding, Judgment, PassableRole
from .model import LinkedRole, Regional, Unread
from .node_checks import is_lost
from .passing import NOT_SEEN, Passer

# Of one check in one Region. JSON has all.
_MOST_FINDINGS = 10
_MOST_NAMES = 6
_UNKNOWN = "?"
_OFF = "off"
_NOTHING = ["0", "0", "0", "0", _OFF]


def render(judgment: Judgment, *, color: bool = False) -> str:
    """Return the account in sections.

    Args:
        judgment: The judged account.
        color: Whether to use colors. Default: ``False``
    """
    sections = [
        ("", _head(judgment)),
        ("Findings", _findings(judgment.findings, color=color)),
        ("Who may pass the roles of Systems Manager", _passing(judgment)),
        ("Service-linked roles of Systems Manager", _linked_roles(judgment)),
        ("Regions", _regions(judgment)),
        ("Not read", _unread(judgment.account.unread)),
        ("Not visible to this report", _not_seen(judgment)),
        ("", [summary(judgment)]),
    ]
    blocks = []
    for title, lines in sections:
        if lines:
            heading = [f"{BOLD}{title}{END}" if color else title] if title else []
            blocks.append("\n".join([*heading, *lines]))
    return "\n\n".join(blocks)


def summary(judgment: Judgment) -> str:
    """Return one line that says what was found.

    Args:
        judgment: The judged account.
    """
    found = counted_findings(each.severity for each in judgment.findings) or "no findings"
    unread = len(judgment.account.unread)
    rest = f"; {counted(unread, 'reading')} failed, so the report is incomplete" if unread else ""
    return f"Account {judgment.account.account_id}: {found}{rest}"


def _head(judgment: Judgment) -> list[str]:
    account = judgment.account
    rows = [
        ["Account", f"{account.account_id} ({account.partition})"],
        ["Read", f"{account.read_at:%Y-%m-%d %H:%M} UTC by {printable(account.caller_arn)}"],
        ["Regions", ", ".join(each.region for each in account.regions) or "none"],
    ]
    if account.skipped_regions:
        rows.append(["Disabled", ", ".join(account.skipped_regions)])
    return columns(rows, indent=0)


def _findings(findings: Sequence[AccountFinding], *, color: bool) -> list[str]:
    if not findings:
        return ["  None."]
    lines: list[str] = []
    for (_, check_id), group in groupby(findings, key=lambda each: (each.severity, each.check.id)):
        found = list(group)
        check = found[0].check
        name = f"{check.severity} {check_id}"
        first, *rest = paragraph(f"{name}: {check.title}", hanging=4)
        lines += [first.replace(name, f"{COLORS[check.severity]}{name}{END}", 1) if color else first, *rest]
        lines += columns([*_rows(found)], indent=6)
        lines += paragraph(f"Remedy: {check.remedy}", indent=6, hanging=2)
        lines += [f"      {check.documentation_url}"]
    return lines


def _rows(findings: Sequence[AccountFinding]) -> Iterator[list[str]]:
    for region, group in groupby(findings, key=lambda each: each.region):
        found = list(group)
        for each in found[:_MOST_FINDINGS]:
            yield [each.region or "global", _short(each.subject), printable(each.message)]
        if len(found) > _MOST_FINDINGS:
            yield [region or "global", "", f"and {len(found) - _MOST_FINDINGS:,} more, which --format json lists"]


def _short(subject: str) -> str:
    """Return what people call a subject: the kind and the name in an ARN of IAM, or the subject itself."""
    if not subject.startswith("arn:"):
        return printable(subject)
    kind, _, rest = subject.split(":", 5)[-1].partition("/")
    return printable(f"{kind} {rest.rpartition('/')[2]}")


def _passing(judgment: Judgment) -> list[str]:
    if judgment.account.identities is None:
        return []
    if not judgment.roles:
        return ["  The account has no roles of Systems Manager."]
    everywhere = _names(passer for role in judgment.roles for passer in role.passers if passer.passes_any_role)
    lines = paragraph(f"Any role: {_listed(everywhere)}", hanging=2) if everywhere else []
    rows = [[_short(each.role.arn), ", ".join(each.kinds), _own_passers(each)] for each in judgment.roles]
    return [*lines, *columns(rows, header=["Role", "Kind", "May be passed by"])]


def _own_passers(role: PassableRole) -> str:
    own = _names(each for each in role.passers if not each.passes_any_role)
    others = any(each.passes_any_role for each in role.passers)
    if not own:
        return "those who may pass any role" if others else "nobody"
    return _listed(own)


def _names(passers: Iterable[Passer]) -> list[str]:
    found = {
        f"{each.identity.title} ({', '.join(each.sources)}{'' if each.is_certain else '; conditionally'})": None
        for each in passers
    }
    return [printable(each) for each in found]


def _listed(names: Sequence[str]) -> str:
    shown = "; ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown}; and {len(names) - _MOST_NAMES:,} more"


def _linked_roles(judgment: Judgment) -> list[str]:
    rows = [
        [each.role.role_name, _state(each.role), _last_use(each.role), each.choice, f"{each.reason}."]
        for each in judgment.advice
    ]
    heads = columns([row[:4] for row in rows], header=["Role", "State", "Last use", "Choose"])
    lines = heads[:1]
    for head, row in zip(heads[1:], rows, strict=True):
        lines += [head, *paragraph(printable(row[4]), indent=6)]
    return lines


def _state(role: LinkedRole) -> str:
    return {True: "exists", False: "missing", None: _UNKNOWN}[role.exists]


def _last_use(role: LinkedRole) -> str:
    if not role.exists:
        return "-"
    if role.role is None or role.role.last_use is None:
        return _UNKNOWN
    return "never" if role.role.last_use.time is None else f"{role.role.last_use.time:%Y-%m-%d}"


def _regions(judgment: Judgment) -> list[str]:
    rows = [_region(judgment, each) for each in judgment.account.regions]
    empty = [row[0] for row in rows if row[1:] == _NOTHING]
    # One line for each Region without anything would hide the others.
    if len(empty) > 1:
        rows = [row for row in rows if row[0] not in empty]
    lines = columns(rows, header=["Region", "Activations", "Nodes", "Online", "Lost", "Default Host Management"])
    return lines + (paragraph(f"Nothing of this in {', '.join(empty)}", hanging=2) if len(empty) > 1 else [])


def _region(judgment: Judgment, regional: Regional) -> list[str]:
    nodes = regional.nodes
    online = None if nodes is None else sum(each.ping_status == "Online" for each in nodes)
    lost = None if nodes is None else sum(is_lost(each, judgment.account.read_at) for each in nodes)
    management = regional.host_management
    return [
        regional.region,
        _number(None if regional.activations is None else len(regional.activations)),
        _number(None if nodes is None else len(nodes)),
        _number(online),
        _number(lost),
        _UNKNOWN if management is None else _OFF if management.role_name is None else printable(management.role_name),
    ]


def _number(value: int | None) -> str:
    return _UNKNOWN if value is None else f"{value:,}"


def _unread(unread: Sequence[Unread]) -> list[str]:
    lines: list[str] = []
    groups: dict[tuple[str, str, str], list[Unread]] = {}
    for each in unread:
        groups.setdefault((each.action, each.reason, each.missing), []).append(each)
    for (action, reason, missing), found in groups.items():
        places = ", ".join(each.region or "global" for each in found)
        lines += paragraph(f"{action or 'every action'} ({reason}) in {places}", hanging=4)
        lines += paragraph(f"{missing}.", indent=6)
        lines += paragraph(printable(found[0].explanation), indent=6, hanging=2)
    return lines


def _not_seen(judgment: Judgment) -> list[str]:
    if judgment.account.identities is None:
        return []
    notes = [*NOT_SEEN]
    if judgment.unknown_policies:
        notes.append(f"the documents of {', '.join(judgment.unknown_policies)}")
    return [line for each in notes for line in paragraph(f"- {printable(each)}", hanging=2)]
