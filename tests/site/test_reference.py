"""The reference: every public name with its arguments, its defaults and its errors, and no internals."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from collections import defaultdict
from typing import Any

import pytest

import ssm_roles
from tests.site.built_site import Site
from tests.site.elements import Element
from tests.site.navigation import listed
from tests.site.requirements import ON_THE_SITE
from tests.unit.test_documentation import MEMBERS, parameters, section

pytestmark = ON_THE_SITE

PAGES = [f"{page.removesuffix('.md')}/index.html" for page in listed() if re.match(r"reference/(?!index)", page)]


def constants() -> dict[str, Any]:
    """Find the members of enumerations and the constants of classes."""
    found: dict[str, Any] = {}
    for name in ssm_roles.__all__:
        cls = getattr(ssm_roles, name)
        if inspect.isclass(cls):
            values = cls.__members__ if issubclass(cls, enum.Enum) else vars(cls)
            found |= {f"{name}.{constant}": values[constant] for constant in values if constant.isupper()}
    return found


CONSTANTS = constants()
# The constructor is described with its class.
HEADINGS = [*(name for name in MEMBERS if not name.endswith(".__init__")), *CONSTANTS]
FUNCTIONS = [name for name, member in MEMBERS.items() if inspect.isfunction(member) and parameters(member)]


@pytest.fixture(scope="module")
def documented(site: Site) -> dict[str, list[Element]]:
    """What the pages describe, by name: the element of each place."""
    found: dict[str, list[Element]] = defaultdict(list)
    for page in PAGES:
        for each in site.page(page).all("div", css="doc-object"):
            heading = next(each.all("h2", "h3", "h4"))
            found[heading.attributes["id"].removeprefix("ssm_roles.")].append(each)
    return found


def described(documented: dict[str, list[Element]], name: str) -> Element:
    """Return what a page says about a member itself, without the members below."""
    [element] = documented[name.removesuffix(".__init__")]
    contents = next(element.all("div", css="doc-contents"))
    return without_members(contents)


def without_members(element: Element) -> Element:
    own = [each if isinstance(each, str) else without_members(each) for each in element.content if not is_member(each)]
    return Element(element.tag, element.attributes, own)


def is_member(element: Element | str) -> bool:
    return isinstance(element, Element) and "doc-object" in element.attributes.get("class", "").split()


def rows(element: Element, kind: str) -> list[list[Element]]:
    """Return the cells of the table of arguments or errors, without its head."""
    tables = [*element.all("table", css=kind)]
    assert len(tables) <= 1
    return [[*row.all("td")] for table in tables for row in table.all("tr") if [*row.all("td")]]


def plain(text: str) -> str:
    """Return a text of a docstring as a page shows it."""
    return " ".join(text.replace("`", "").split())


def arguments(name: str) -> dict[str, str]:
    """Return the description of each argument in a docstring."""
    found = re.findall(
        r"^    (\w+): (.*(?:\n     .*)*)", section(inspect.getdoc(MEMBERS[name]) or "", "Args"), flags=re.MULTILINE
    )
    return {argument: plain(text) for argument, text in found}


def test_the_names_are_found() -> None:
    assert len(PAGES) == 9
    assert {"HybridServiceRole", "HybridServiceRole.grant_pass_role", "NodeBasePolicy.CORE"} <= set(HEADINGS)
    assert {"ServiceLinkedRoleType.AMAZON_SSM", "ServiceLinkedRoleCreation.ENSURE"} <= set(HEADINGS)


@pytest.mark.parametrize("name", HEADINGS)
def test_a_public_name_is_on_one_page_with_a_description(documented: dict[str, list[Element]], name: str) -> None:
    assert len(documented[name]) == 1
    paragraphs = [each.text() for each in described(documented, name).all("p")]
    assert any(re.match("[A-Z].{10}", each) for each in paragraphs)


def test_the_pages_describe_only_public_names(documented: dict[str, list[Element]]) -> None:
    # The attributes of data classes are arguments as well.
    fields = {
        f"{name}.{each.name}"
        for name in ssm_roles.__all__
        if dataclasses.is_dataclass(getattr(ssm_roles, name))
        for each in dataclasses.fields(getattr(ssm_roles, name))
    }
    assert set(documented) - set(HEADINGS) <= fields
    assert [name for name in documented if re.search(r"\._|^_", name)] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_table_of_arguments_has_each_argument_with_its_default(
    documented: dict[str, list[Element]], name: str
) -> None:
    signature = inspect.signature(MEMBERS[name])
    texts = arguments(name)
    table = rows(described(documented, name), "arguments")
    assert [next(cells[0].all("code")).text() for cells in table] == parameters(MEMBERS[name])
    for argument, (_, description, default) in zip(parameters(MEMBERS[name]), table, strict=True):
        expected, _, expected_default = texts[argument].partition("Default:")
        assert description.text()[:20] == expected.strip()[:20]
        if signature.parameters[argument].default is inspect.Parameter.empty:
            assert default.text() == "required"
        else:
            assert default.text() == expected_default.strip().removeprefix("- ")
            assert default.text()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_table_of_errors_has_each_error(documented: dict[str, list[Element]], name: str) -> None:
    raised = section(inspect.getdoc(MEMBERS[name]) or "", "Raises")
    expected = re.findall(r"^    (\w+): ", raised, flags=re.MULTILINE)
    table = rows(described(documented, name), "errors")
    assert [cells[0].text() for cells in table] == expected
    assert expected
    assert all(cells[1].text() for cells in table)


@pytest.mark.parametrize("page", PAGES)
def test_a_signature_shows_no_internals(site: Site, page: str) -> None:
    for signature in site.page(page).all(css="doc-signature"):
        # jsii's metaclass takes any arguments.
        assert not re.search(r"\b_[a-z]|\*args|\*\*|<lambda>|\bself\b|\bcls\b", signature.text()), signature.text()


def test_signatures_are_shown(site: Site) -> None:
    signatures = [each.text() for page in PAGES for each in site.page(page).all(css="doc-signature")]
    assert len(signatures) > 80
    assert any(re.match(r"HybridActivation ?\( ?scope ?: ?Construct", each) for each in signatures)
