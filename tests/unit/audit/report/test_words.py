from __future__ import annotations

from ssm_roles.audit.report.words import Code, listed, plain, services_in_words


def test_names_are_listed_as_in_a_sentence() -> None:
    assert listed([]) == ()
    assert listed(["a"]) == (Code("a"),)
    assert listed(["a", "b"], "or") == (Code("a"), " or ", Code("b"))
    assert plain(listed(["a", "b", "c", "a"])) == "a, b and c"


def test_many_names_are_cut() -> None:
    assert plain(listed([str(each) for each in range(9)])) == "0, 1, 2, 3, 4, 5, 6, 7 and 8"
    assert plain(listed([str(each) for each in range(20)])) == "0, 1, 2, 3, 4, 5, 6, 7 and 12 more"


def test_services_are_named_once_or_by_their_principal() -> None:
    principals = ["ssm.amazonaws.com", "ssm.amazonaws.com.cn", "new.amazonaws.com"]
    assert services_in_words(principals) == "Systems Manager or new.amazonaws.com"
