"""Draws the diagrams of the pages with the code that draws those of the audit's report: ``make diagrams``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ssm_roles.audit.report.drawing import arrow, document, parts, rectangle, text
from ssm_roles.audit.report.graph import Box, Graph, Line, grouped
from ssm_roles.audit.report.layout import wide
from ssm_roles.audit.report.markup import Markup, element
from ssm_roles.audit.report.ordering import ordered
from ssm_roles.audit.report.text_width import wrapped

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"

_WINDOW, _RUNBOOK = "MaintenanceWindowServiceRole", "AutomationServiceRole"
_ADMINISTRATION, _EXECUTION = "AutomationAdministrationRole", "AutomationExecutionRole"
_NOTIFICATION, _NODES = "RunCommandNotificationRole", "HybridServiceRole"
_OPERATOR, _FUNCTION = "Operator or pipeline", "Function of HybridActivation"
_SERVICE = "Systems Manager"


def passing_roles() -> str:
    """Return the diagram of who passes which role to whom."""
    roles = (
        Box(_WINDOW, _WINDOW, ("tasks of a maintenance window",)),
        Box(_NOTIFICATION, _NOTIFICATION, ("notifications about commands",)),
        Box(_RUNBOOK, _RUNBOOK, ("runbooks",)),
        Box(_ADMINISTRATION, _ADMINISTRATION, ("runbooks in several accounts",)),
        Box(_EXECUTION, _EXECUTION, ("in each of these accounts",)),
        Box(_NODES, _NODES, ("servers outside EC2",)),
    )
    passers = (
        Box(_OPERATOR, _OPERATOR, ("starts runbooks and commands",), "principal"),
        Box(_WINDOW, _WINDOW, ("a role", "starts runbooks and commands"), "principal"),
        Box(_RUNBOOK, _RUNBOOK, ("a role", "starts other runbooks"), "principal"),
        Box(_FUNCTION, _FUNCTION, ("creates the activation",), "principal"),
    )
    assumers = (
        Box(_SERVICE, _SERVICE, ("ssm.amazonaws.com",), "service"),
        Box(_ADMINISTRATION, _ADMINISTRATION, ("a role", "starts runbooks in other accounts"), "principal"),
    )
    passes = [Line(_OPERATOR, each) for each in (_WINDOW, _NOTIFICATION, _RUNBOOK, _ADMINISTRATION)]
    passes += [Line(_WINDOW, _NOTIFICATION), Line(_WINDOW, _RUNBOOK), Line(_RUNBOOK, _RUNBOOK), Line(_FUNCTION, _NODES)]
    # AWS documents no condition for two of them.
    assumes = [Line(_SERVICE, each.id, each.id not in (_WINDOW, _NOTIFICATION)) for each in roles]
    assumes.append(Line(_ADMINISTRATION, _EXECUTION))
    graph = Graph(passers, roles, assumers, tuple(passes), tuple(assumes))
    layout = wide(ordered(grouped(graph)), ("", "", ""))
    description = (
        "An operator or a pipeline passes the roles of maintenance windows, notifications, runbooks and automation "
        "administration. The role of a maintenance window passes those of notifications and runbooks, the role of a "
        "runbook passes itself, and the function of HybridActivation passes the hybrid service role. Systems Manager "
        "assumes all of them, and the administration role assumes the execution roles."
    )
    return _file(document(parts(layout), layout.width, layout.height, "Who passes which role to whom", description))


_CODE, _ENSURED = "Function for service-linked roles", "Service-linked roles"
_SECRET, _ROTATION, _NODE_ROLE = "Secret with the activation", "Rotation function", "Hybrid service role"
_DEPLOYER, _OTHER_ACCOUNT, _MACHINE = "Developer or pipeline", "Another account", "Machine outside EC2"
_INVOKER, _READER = "Principal that may invoke", "Principal that may read"
_CLOUDFORMATION, _SECRETS_MANAGER, _IAM = "CloudFormation", "Secrets Manager", "IAM"


def trust_boundaries() -> str:
    """Return the diagram of who crosses which trust boundary."""
    outside = (
        Box(_OTHER_ACCOUNT, _OTHER_ACCOUNT, ("a confused deputy",), "principal"),
        Box(_MACHINE, _MACHINE, ("registers with the code",), "principal"),
        Box(_READER, _READER, ("the secret",), "principal"),
        Box(_INVOKER, _INVOKER, ("the functions",), "principal"),
        Box(_DEPLOYER, _DEPLOYER, ("deploys the stack",), "principal"),
    )
    inside = (
        Box(_NODE_ROLE, _NODE_ROLE, ("credentials of nodes",)),
        Box(_SECRET, _SECRET, ("ID and code",)),
        Box(_ROTATION, _ROTATION, ("writes the code",)),
        Box(_CODE, _CODE, ("creates and deletes",)),
        Box(_ENSURED, _ENSURED, ("belong to AWS",)),
    )
    services = (
        Box(_SERVICE, _SERVICE, ("assumes the role for nodes",), "service"),
        Box(_SECRETS_MANAGER, _SECRETS_MANAGER, ("keeps the code",), "service"),
        Box(_CLOUDFORMATION, _CLOUDFORMATION, ("confirms each deletion",), "service"),
        Box(_IAM, _IAM, ("keeps roles that are in use",), "service"),
    )
    entering = (
        *(Line(each, _NODE_ROLE) for each in (_OTHER_ACCOUNT, _MACHINE)),
        Line(_READER, _SECRET, is_limited=False),
        *(Line(_INVOKER, each) for each in (_ROTATION, _CODE)),
        *(Line(_DEPLOYER, each, is_limited=False) for each in (_NODE_ROLE, _ROTATION, _CODE)),
    )
    called = (
        *(Line(_SERVICE, each) for each in (_NODE_ROLE, _ROTATION)),
        *(Line(_SECRETS_MANAGER, each) for each in (_SECRET, _ROTATION)),
        *(Line(_CLOUDFORMATION, each) for each in (_ROTATION, _CODE)),
        *(Line(_IAM, each) for each in (_CODE, _ENSURED)),
    )
    layout = wide(ordered(grouped(Graph(outside, inside, services, entering, called))), ("", "", ""))
    titles = zip(layout.headings, ("Actors", "Your stack", "AWS services"), strict=True)
    layout = replace(layout, headings=tuple(replace(heading, text=title) for heading, title in titles))
    description = (
        "Actors on the left, AWS services on the right, and the stack between them. A solid line crosses a boundary "
        "that the library restricts. A dashed line crosses one that only the policies of your account restrict: "
        "reading the secret, and deploying the stack."
    )
    return _file(document(parts(layout), layout.width, layout.height, "Who crosses which trust boundary", description))


@dataclass(frozen=True)
class _Message:
    """An arrow from one participant to another. Replies are dashed."""

    source: int
    target: int
    label: str
    is_reply: bool = False


_PARTICIPANTS = (
    "Function of HybridActivation",
    "Secrets Manager",
    "Machine outside EC2",
    "Systems Manager",
    "IAM and STS",
)
_BEFORE = (
    _Message(0, 3, "CreateActivation, passing the hybrid service role"),
    _Message(3, 4, "May the role be passed? Does it trust Systems Manager?"),
    _Message(3, 0, "activation ID and code", is_reply=True),
    _Message(0, 1, "store both in one secret"),
    _Message(2, 1, "GetSecretValue, with permission to read it"),
    _Message(1, 2, "activation ID and code", is_reply=True),
    _Message(2, 3, "ssm-setup-cli -register"),
    _Message(3, 2, "node ID mi-…", is_reply=True),
)
_LOOP = (
    _Message(2, 3, "request credentials, signed with the machine's own key"),
    _Message(3, 4, "sts:AssumeRole, for a source in ACCOUNT and REGION"),
    _Message(4, 3, "if the trust policy names both", is_reply=True),
    _Message(3, 2, "temporary credentials of the hybrid service role", is_reply=True),
)
_AFTER = (_Message(2, 3, "inventory, patches, sessions"),)

_COLUMN, _BOX, _BOX_HEIGHT = 176.0, 148.0, 52.0
_SIZE, _LINE, _GAP = 12.0, 16.0, 20.0
# Some labels are on the lines of other participants.
_ON_LINES = "paint-order: stroke; stroke: var(--paper); stroke-width: 5px"


def credentials() -> str:
    """Return the diagram of the way from the activation to temporary credentials."""
    middles = [_BOX / 2 + index * _COLUMN for index in range(len(_PARTICIPANTS))]
    before, y = _messages(_BEFORE, 1, middles, _BOX_HEIGHT + _GAP)
    top = y
    loop, y = _messages(_LOOP, len(_BEFORE) + 1, middles, y + 2.2 * _LINE)
    bottom = y - _GAP / 2
    after, y = _messages(_AFTER, len(_BEFORE) + len(_LOOP) + 1, middles, y + _GAP / 2)
    left, right = middles[2] - _COLUMN * 0.42, middles[4] + _COLUMN * 0.36
    frame = [
        rectangle("frame", left, top, right - left, bottom - top, radius=8),
        text(middles[2] + 8, top + 18, "count", "at least every hour"),
    ]
    lives = [rectangle("frame", x - 0.5, _BOX_HEIGHT, 1.0, y - _BOX_HEIGHT, radius=0) for x in middles]
    heads = [part for x, name in zip(middles, _PARTICIPANTS, strict=True) for part in _participant(x, name)]
    rows = [*frame, *lives, *before, *loop, *after, *heads]
    width = middles[-1] + max(_BOX / 2, right - middles[-1])
    description = (
        "The function of HybridActivation creates the activation, passing the hybrid service role, and stores its ID "
        "and code in one secret. The machine reads the secret and registers. At least every hour, it requests "
        "credentials, and Systems Manager assumes the hybrid service role for it."
    )
    return _file(document(rows, width, y, "From the activation to temporary credentials", description))


def _participant(x: float, name: str) -> Iterator[Markup]:
    lines = wrapped(name, 13.0, _BOX - 20, is_bold=True)
    first = _BOX_HEIGHT / 2 - len(lines) * 8.5 + 13
    shapes = [rectangle("box", x - _BOX / 2, 0.0, _BOX, _BOX_HEIGHT, radius=6)]
    shapes += [text(x, first + 17 * index, "title", line, "middle") for index, line in enumerate(lines)]
    yield element("g", {}, *shapes)


def _messages(
    messages: Sequence[_Message], number: int, middles: Sequence[float], y: float
) -> tuple[list[Markup], float]:
    """Return arrows one below the other, and the height below them."""
    found: list[Markup] = []
    for offset, message in enumerate(messages):
        start, end = middles[message.source], middles[message.target]
        room = abs(end - start) - 16
        lines = wrapped(f"{number + offset}. {message.label}", _SIZE, room)
        for index, line in enumerate(lines):
            place = {"x": f"{min(start, end) + 8:.1f}", "y": f"{y + 12 + index * _LINE:.1f}", "style": _ON_LINES}
            found.append(element("text", place, line))
        y += len(lines) * _LINE + 6
        to_left = end < start
        back = 7.0 if to_left else -7.0
        css_class = "line unlimited" if message.is_reply else "line"
        found.append(element("path", {"class": css_class, "d": f"M{start:.1f} {y:.1f}H{end + back:.1f}"}))
        found.append(arrow(end, y, to_left=to_left))
        y += _GAP
    return found, y


def _file(svg: Markup) -> str:
    return f"{svg.text}\n"


DIAGRAMS = {
    "passing-roles.svg": passing_roles,
    "credentials.svg": credentials,
    "trust-boundaries.svg": trust_boundaries,
}
"""The functions that draw the diagrams, by the name of the file."""


def main() -> None:
    """Write all diagrams."""
    IMAGES.mkdir(exist_ok=True)
    for name, draw in DIAGRAMS.items():
        (IMAGES / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
