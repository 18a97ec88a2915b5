from __future__ import annotations

from ssm_roles.audit.account.columns import WIDTH, columns, paragraph


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    assert columns([["a", "b", "c"], ["long", "", "d"]], header=["X", "Y", "Z"]) == [
        "  X     Y  Z",
        "  a     b  c",
        "  long     d",
    ]


def test_the_last_column_is_wrapped() -> None:
    lines = columns([["name", "word " * 40]])
    assert len(lines) == 3
    assert all(len(line) <= WIDTH for line in lines)
    assert lines[1].startswith("        word")


def test_a_last_column_without_space_goes_under_the_others() -> None:
    assert columns([["x" * 90, "text"], ["y", ""]], indent=0) == ["x" * 90, "        text", "y"]


def test_columns_of_nothing_are_nothing() -> None:
    assert columns([], header=["X"]) == []


def test_what_is_to_be_copied_stays_whole() -> None:
    arn = "arn:aws:iam::111122223333:role/" + "x" * 90
    assert paragraph(f"see {arn}", indent=2, hanging=2) == ["  see", f"    {arn}"]
