"""Numbers in words."""

from __future__ import annotations

from ssm_roles.audit.counting import counted, counted_findings, counts


def test_each_severity_is_counted_from_the_worst_to_the_least() -> None:
    found = counts(["info", "error", "info"])
    assert [*found.items()] == [("error", 1), ("warning", 0), ("info", 2)]


def test_a_noun_is_in_the_singular_or_in_the_plural() -> None:
    assert [counted(each, "role") for each in (0, 1, 2, 1234)] == ["0 roles", "1 role", "2 roles", "1,234 roles"]


def test_only_severities_with_findings_are_named() -> None:
    assert counted_findings(["info", "warning", "info", "error"]) == "1 error, 1 warning, 2 informational findings"
    assert counted_findings([]) == ""
