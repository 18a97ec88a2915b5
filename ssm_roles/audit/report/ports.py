"""Where lines meet boxes, and where principals stand beside the roles that they reach."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .boxes import PORT_GAP, PlacedGroup
from .channel import Net, Side, Terminal
from .graph import Links

_MOST_PORT_GAP = 16.0
# Lines of different nets are at least this far apart where they run side by side.
_APART = 5.0
_STEP = 1.0


@dataclass(frozen=True)
class Ends:
    """The heights at which lines meet the boxes of principals, by net, and of roles, by line."""

    principals: Mapping[tuple[int, bool], float]
    roles: Mapping[tuple[int, int, bool], float]

    def nets(self, principal_side: Side, role_side: Side, *, arrows_at_roles: bool) -> list[Net]:
        """Return the nets of a channel.

        Args:
            principal_side: The edge of the channel on which the principals are.
            role_side: The edge of the channel on which the roles are.
            arrows_at_roles: Whether the arrows are at the roles instead of the principals.
        """
        found = []
        for net, y in self.principals.items():
            roles = [
                Terminal(height, role_side, arrows_at_roles)
                for (principal, _, limited), height in self.roles.items()
                if (principal, limited) == net
            ]
            found.append(Net((Terminal(y, principal_side, not arrows_at_roles), *roles), net[1]))
        return found


def ends(
    links: Links, principals: Sequence[PlacedGroup], roles: Sequence[PlacedGroup], *, is_narrow: bool = False
) -> Ends:
    """Return where the lines between two columns meet the boxes.

    Args:
        links: The lines.
        principals: The groups of principals.
        roles: The groups of roles.
        is_narrow: Whether the columns are one below the other, so that the nearest principals have the upper lines.
    """

    def order(link: tuple[int, int, bool]) -> tuple[float, bool]:
        principal, _, limited = link
        return (-principal if is_narrow else principals[principal].center, limited)

    at_roles: dict[tuple[int, int, bool], float] = {}
    for index, group in enumerate(roles):
        met = sorted((each for each in links if each[1] == index), key=order)
        at_roles.update(zip(met, _spread(group, len(met)), strict=True))
    at_principals: dict[tuple[int, bool], float] = {}
    for index, group in enumerate(principals):
        reached: dict[bool, list[float]] = {}
        for (principal, _, limited), y in sorted(at_roles.items()):
            if principal == index:
                reached.setdefault(limited, []).append(y)
        # In the order of the roles, so that the two nets of a principal don't cross; see the order of the lines above.
        nets = sorted(reached, key=lambda each: sum(reached[each]) / len(reached[each]), reverse=is_narrow)
        for limited, y in zip(nets, _spread(group, len(nets)), strict=True):
            at_principals[index, limited] = y
    if not is_narrow:
        _align(at_principals, at_roles, principals)
    return Ends(at_principals, at_roles)


def beside(groups: Sequence[PlacedGroup], links: Links, roles: Sequence[PlacedGroup], gap: float) -> list[PlacedGroup]:
    """Return groups of principals as close as possible to the middle of their roles, in their order.

    Args:
        groups: The groups of principals, at any height.
        links: The lines.
        roles: The groups of roles.
        gap: The space between two groups.
    """
    top = min((each.y for each in roles), default=0.0)
    reached: dict[int, list[float]] = {}
    for principal, role, _ in links:
        reached.setdefault(principal, []).append(roles[role].center)
    # The heights without those of the groups above: they must not decrease, and shall be close to the wanted ones.
    above, wanted = 0.0, []
    for index, group in enumerate(groups):
        centers = reached.get(index, [top])
        wanted.append((min(centers) + max(centers)) / 2 - group.height / 2 - above)
        above += group.height + gap
    bottom = max((each.y + each.height for each in roles), default=0.0)
    highest = max(top, bottom - above + gap)
    above, found = 0.0, []
    for group, y in zip(groups, _not_decreasing(wanted), strict=True):
        found.append(group.at(above + min(max(top, y), highest)))
        above += group.height + gap
    return found


def _not_decreasing(wanted: Iterable[float]) -> list[float]:
    """Return the numbers that don't decrease and are closest to the wanted ones: each block has the mean of its own.

    https://en.wikipedia.org/wiki/Isotonic_regression
    """
    blocks: list[tuple[float, int]] = []
    for value in wanted:
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (left, many), (right, more) = blocks.pop(-2), blocks.pop()
            blocks.append(((left * many + right * more) / (many + more), many + more))
    return [mean for mean, count in blocks for _ in range(count)]


def _spread(group: PlacedGroup, count: int) -> list[float]:
    """Return heights that are evenly spaced around the middle of a group."""
    gap = min(_MOST_PORT_GAP, (group.height - PORT_GAP) / max(1, count - 1))
    return [group.center + (index - (count - 1) / 2) * gap for index in range(count)]


def _align(
    at_principals: dict[tuple[int, bool], float],
    at_roles: Mapping[tuple[int, int, bool], float],
    principals: Sequence[PlacedGroup],
) -> None:
    """Move the ends at principals so that lines are straight, and none of them runs on top of another one."""
    for net, y in at_principals.items():
        group = principals[net[0]]
        own = {height for (principal, _, limited), height in at_roles.items() if (principal, limited) == net}
        others = [height for (principal, _, limited), height in at_roles.items() if (principal, limited) != net]
        siblings = [height for key, height in at_principals.items() if key[0] == net[0] and key != net]
        low, high = group.y + PORT_GAP / 2, group.y + group.height - PORT_GAP / 2
        steps = (low + _STEP * each for each in range(int((high - low) / _STEP) + 1))
        candidates = [*(each for each in own if low <= each <= high), *steps]
        # A line away from others is better than a straight one, which is better than one from the middle of the box.
        at_principals[net] = max(
            candidates,
            key=lambda each, own=own, others=others, siblings=siblings, y=y: (  # type: ignore[misc]
                min(_APART, _distance(each, others)),
                min(PORT_GAP, _distance(each, siblings)),
                each in own,
                -abs(each - y),
            ),
        )


def _distance(y: float, others: Sequence[float]) -> float:
    return min((abs(y - each) for each in others), default=math.inf)
