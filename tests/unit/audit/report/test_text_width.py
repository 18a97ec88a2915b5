from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssm_roles.audit.report.text_width import text_width, wrapped

NAMES = st.text(
    st.sampled_from("abcXYZ012-_/.:@+= ") | st.characters(exclude_categories=("C", "Z", "M")), min_size=1, max_size=80
)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("HybridRole", ["HybridRole"]),
        ("AutomationAdministrationRole", ["Automation", "Administration", "Role"]),
        ("web-servers-production", ["web-servers-", "production"]),
        ("service-role/MyRole", ["service-role/My", "Role"]),
        ("EC2InstanceRole", ["EC2Instance", "Role"]),
        ("words of a longer note", ["words of a", "longer note"]),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", ["a" * 13, "a" * 11]),
        ("", [""]),
    ],
)
def test_a_name_is_wrapped_where_its_parts_meet(text: str, lines: list[str]) -> None:
    assert wrapped(text, 12.0, 100.0) == lines


@given(NAMES, st.floats(30, 300), st.booleans())
def test_no_line_is_wider_than_allowed_and_no_character_is_lost(text: str, widest: float, is_bold: bool) -> None:
    lines = wrapped(text, 12.0, widest, is_bold=is_bold)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(text_width(each, 12.0, is_bold=is_bold) <= widest for each in lines)


def test_bold_and_wide_characters_need_more_space() -> None:
    assert text_width("Role", 12.0) < text_width("Role", 12.0, is_bold=True)
    assert text_width("役割", 12.0) > text_width("ab", 12.0)
    assert text_width("e\u0301", 12.0) == text_width("e", 12.0)


def test_a_width_grows_with_the_size_of_the_font() -> None:
    assert text_width("Role", 24.0) == pytest.approx(2 * text_width("Role", 12.0))
