from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations

from hypothesis import given
from hypothesis import strategies as st

from ssm_roles.audit.report.channel import Net, Side, Terminal, tracks

SIDES: tuple[Side, ...] = ("left", "right")


def net(*ends: tuple[float, Side]) -> Net:
    return Net(tuple(Terminal(y, side, has_arrow=False) for y, side in ends), is_limited=True)


def crossings(nets: Sequence[Net], chosen: Sequence[int]) -> int:
    """Count how often a horizontal piece of a net crosses the vertical piece of another one."""
    return sum(
        crossed.top <= end.y <= crossed.bottom and (other < track if end.side == "left" else other > track)
        for (net, track), (crossed, other) in permutations(zip(nets, chosen, strict=True), 2)
        for end in net.terminals
    )


NETS = st.lists(
    st.lists(st.tuples(st.integers(0, 30).map(float), st.sampled_from(SIDES)), min_size=2, max_size=5).map(
        lambda ends: net(*ends)
    ),
    max_size=9,
)


@given(NETS)
def test_vertical_pieces_on_one_track_do_not_meet(nets: list[Net]) -> None:
    chosen = tracks(nets)
    for (one, left), (other, right) in combinations(zip(nets, chosen, strict=True), 2):
        if left == right and not one.is_straight and not other.is_straight:
            assert one.bottom < other.top or other.bottom < one.top


@given(NETS)
def test_tracks_are_the_same_each_time_and_there_is_no_empty_one(nets: list[Net]) -> None:
    chosen = tracks(nets)
    assert chosen == tracks(nets)
    used = {each for each, net in zip(chosen, nets, strict=True) if not net.is_straight}
    assert used == {*range(len(used))}


def test_nested_lines_to_the_same_side_do_not_cross() -> None:
    nets = [net((0, "right"), (30, "right")), net((10, "right"), (20, "right"))]
    chosen = tracks(nets)
    assert chosen == [0, 1]
    assert crossings(nets, chosen) == 0
    assert crossings(nets, [1, 0]) == 2


def test_tracks_are_swapped_where_it_saves_crossings() -> None:
    nets = [net((0, "left"), (30, "right")), net((10, "left"), (40, "right"))]
    assert crossings(nets, tracks(nets)) == 0


def test_a_straight_line_needs_no_track() -> None:
    straight = net((5, "left"), (5, "right"))
    assert straight.is_straight
    assert tracks([straight, net((0, "left"), (9, "right"))]) == [0, 0]
