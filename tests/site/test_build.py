"""The site as it is built: every page is there, every link leads somewhere, and nothing comes from another host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.site.built_site import Site
from tests.site.navigation import DOCS, HOME, address, configuration, listed, written
from tests.site.requirements import ON_THE_SITE

pytestmark = ON_THE_SITE

PAGES = written()


def test_the_build_prints_no_warning(site: Site) -> None:
    assert "Build finished" in site.output
    assert site.code == 0, site.output


def test_every_page_is_in_the_navigation_once() -> None:
    assert len(PAGES) > 60
    assert sorted(listed()) == PAGES


def test_the_site_is_tested_where_it_is_published() -> None:
    assert configuration()["site_url"] == HOME


def test_every_file_of_the_site_is_a_page_of_the_navigation_or_the_page_of_errors(site: Site) -> None:
    assert sorted(site.addresses()) == sorted(["404.html", *(f"{address(page)}index.html" for page in listed())])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_title_and_its_sections(site: Site, page: str) -> None:
    article = next(site.page(f"{address(page)}index.html").all("article"))
    assert len([*article.all("h1")]) == 1
    text = "".join(each.text() for each in article.all("p", "td", "li"))
    assert len(text) > 100
    # Not replaced by the build.
    assert not re.search(r"--8<--|^:::|\{#", text)


@pytest.mark.parametrize("page", PAGES)
def test_the_links_images_and_anchors_of_a_page_resolve(site: Site, page: str) -> None:
    file = f"{address(page)}index.html"
    assert [*site.links(file)]
    assert site.faults(file) == []


def test_the_links_of_the_page_of_errors_resolve(site: Site) -> None:
    assert [*site.links("404.html")]
    assert site.faults("404.html") == []


def test_what_the_search_finds_exists(site: Site) -> None:
    found = site.indexed()
    assert {each.split("#")[0] for each in found} == {HOME + address(page) for page in listed() if searched(page)}
    assert sum("#" in each for each in found) > 300
    assert [fault for each in found if (fault := site.fault(each))] == []


def searched(page: str) -> bool:
    """Tell if a page doesn't leave itself out of the search."""
    return not (DOCS / page).read_text(encoding="utf-8").startswith("---\nsearch:\n  exclude: true\n")


def test_few_pages_are_not_searched() -> None:
    assert [page for page in PAGES if not searched(page)] == ["project/live-checks.md"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_nothing_from_another_host(site: Site, page: str) -> None:
    resources = [*site.resources(f"{address(page)}index.html")]
    assert any(each.endswith(".css") for each in resources)
    assert any(each.endswith(".js") for each in resources)
    assert [each for each in resources if not each.startswith(HOME)] == []


def test_style_sheets_load_nothing_from_another_host(site: Site) -> None:
    sheets = [*site.folder.rglob("*.css")]
    assert len(sheets) > 2
    for sheet in sheets:
        loaded = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')\s]+)", sheet.read_text(encoding="utf-8"))
        assert [each for each in loaded if re.match("(https?:)?//", each)] == [], sheet.name


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_mermaid(site: Site, page: str) -> None:
    # The theme loads Mermaid from another host.
    assert [*site.page(f"{address(page)}index.html").all(css="mermaid")] == []
    assert "```mermaid" not in (DOCS / page).read_text(encoding="utf-8").replace("``` mermaid", "```mermaid")


CONFIGURATION = f"site_name: Planted\nsite_url: {HOME}\nnav:\n  - Home: index.md\n  - Other: other.md\n"
PLANTED = {
    "link": "[other](missing.md)",
    "anchor": "[other](other.md#missing)",
    "image": "![other](images/missing.svg)",
    "file of the repository": "[other](https://github.com/ssm-roles/ssm-roles/blob/main/missing.py)",
    "nothing": "[other](other.md#there), [README](https://github.com/ssm-roles/ssm-roles/blob/main/README.md)",
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found(tmp_path: Path, planted: str) -> None:
    from tools.build_site import build

    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text(CONFIGURATION, encoding="utf-8")
    (tmp_path / "docs" / "index.md").write_text(f"# Home\n\n{PLANTED[planted]}\n", encoding="utf-8")
    (tmp_path / "docs" / "other.md").write_text("# Other\n\n## There\n", encoding="utf-8")
    code, output = build(tmp_path)
    site = Site(tmp_path / "site", code, output)
    assert len(site.faults("index.html")) == (planted != "nothing"), site.faults("index.html")
    # Zensical finds links and anchors.
    assert site.code == (planted in ("link", "anchor")), output


def test_a_planted_resource_of_another_host_is_found(tmp_path: Path) -> None:
    planted = '<script src="https://unpkg.com/mermaid"></script><img src="//example.com/a.png"><img src="a.png">'
    (tmp_path / "index.html").write_text(planted, encoding="utf-8")
    found = [*Site(tmp_path, 0, "").resources("index.html")]
    assert found == ["https://unpkg.com/mermaid", "https://example.com/a.png", f"{HOME}a.png"]
