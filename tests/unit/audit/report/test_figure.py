from __future__ import annotations

from typing import Any

from ssm_roles.audit.report.figure import figure, sign
from ssm_roles.audit.report.markup import joined
from tests.unit.audit.report.findings import section
from tests.unit.audit.report.samples import allow, hybrid, open_hybrid, role, template, trust


def html(body: dict[str, Any]) -> str:
    return joined(figure(section(body), {})).text


def test_each_drawing_is_there_for_wide_screens_and_for_phones() -> None:
    text = html(template(60))
    assert text.count('class="drawing wide"') == text.count('class="drawing narrow"') == 3
    assert "drawing 3 of 3" in text


def test_a_drawing_has_a_name_and_can_be_scrolled_by_keyboard() -> None:
    assert '<section class="canvas" aria-label="Who may pass and who may assume the roles of a.json" tabindex="0">' in (
        html(template(1))
    )


def test_a_legend_explains_the_lines_that_the_drawing_has() -> None:
    assert "has a condition" in html({"Resources": {"Role": hybrid()}})
    assert "without a condition" not in html({"Resources": {"Role": hybrid()}})
    assert "permission for any role, or trust policy without a condition" in html(
        {"Resources": {"Role": open_hybrid()}}
    )
    assert "outside of this account" in html({"Resources": {"Role": role(trust({"AWS": "111122223333"}))}})


def test_a_role_that_may_pass_every_role_is_not_nobody() -> None:
    text = html({"Resources": {"Role": role(trust({"Service": "ssm.amazonaws.com"}), allow(["iam:PassRole"], "*"))}})
    assert "nobody else in this template" in text
    assert "nobody in this template" in html({"Resources": {"Role": hybrid()}})


def test_no_roles_have_no_drawing() -> None:
    assert html({"Resources": {}}) == ""


def test_a_sign_is_not_read_aloud() -> None:
    assert 'aria-hidden="true"' in sign("error").text
    assert len({sign("error").text, sign("warning").text, sign("info").text}) == 3
