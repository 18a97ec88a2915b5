"""What a run found."""

from __future__ import annotations

from ssm_roles.audit.command.results import UnreadableFile

from .samples import located, results


def test_acknowledged_findings_are_counted_on_their_own() -> None:
    found = results(located(0), located(0, reason="accepted"), located(1))
    assert found.counts == {"error": 1, "warning": 1, "info": 0}
    assert found.acknowledged == 1
    assert found.open_findings == [located(0), located(1)]


def test_what_the_user_does_not_want_to_see_is_left_out() -> None:
    found = results(located(0), located(1), located(2), unreadable=(UnreadableFile("a", "is broken"),))
    shown = found.shown(ignored={"ONE1"}, severities={"error", "warning"})
    assert shown.findings == [located(1)]
    assert [each.id for each in shown.checks] == ["TWO2", "THREE3"]
    assert shown.unreadable == found.unreadable
