"""The site in a browser: on phones and desks, light and dark, for everybody, and its search."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.site.built_site import Site
from tests.site.kinds import KINDS, QUESTIONS, SCREENS, Screen
from tests.site.navigation import ROOT, address, listed
from tests.site.requirements import CHROMIUM, ON_THE_SITE, needs_node

pytestmark = [
    *ON_THE_SITE,
    needs_node("playwright-core"),
    needs_node("axe-core"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: apt-get install chromium"),
]

VARIANTS = [f"{kind}-{screen}" for kind in KINDS for screen in SCREENS]

# Not on the site, but opened like its pages: what the browser must find.
PLANTED = """\
<!doctype html><html lang="en"><title>Planted</title>
<article><h1>Planted</h1><p style="width: 2000px; color: #eee; background: #fff">Too wide and too bright.</p>
<img src="http://127.0.0.1:1/other-host.png"></article></html>
"""


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[str]:
    """The address of the site, with the path that it has where it is published."""
    handler = partial(_QuietHandler, directory=str(site.folder.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{site.folder.name}/"
        server.shutdown()


@pytest.fixture(scope="module")
def found(site: Site, served: str) -> dict[str, Any]:
    """What the browser found, by page and screen, and by question."""
    planted = site.folder.with_name("planted")
    planted.mkdir()
    (planted / "index.html").write_text(PLANTED, encoding="utf-8")
    order = {
        "executable": CHROMIUM,
        "address": served,
        "pages": {"planted": "../planted/", **{kind: address(page) for kind, page in KINDS.items()}},
        "screens": [vars(screen) for screen in SCREENS],
        "questions": [*QUESTIONS],
    }
    run = subprocess.run(
        ["node", str(Path(__file__).with_name("browse.mjs"))],
        input=json.dumps(order),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    results: dict[str, Any] = json.loads(run.stdout)
    return results


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_page_is_for_everybody(found: dict[str, Any], variant: str) -> None:
    assert found["pages"][variant]["violations"] == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_page_fits_its_width(found: dict[str, Any], variant: str) -> None:
    assert found["pages"][variant]["overflow"] <= 0
    assert found["pages"][variant]["cut"] == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_page_asks_no_other_host_and_reports_nothing(found: dict[str, Any], served: str, variant: str) -> None:
    requests = found["pages"][variant]["requests"]
    assert len(requests) > 5
    assert [each for each in requests if not each.startswith(served)] == []
    assert found["pages"][variant]["messages"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_dark_on_dark_screens(found: dict[str, Any], kind: str) -> None:
    colors = {str(screen): found["pages"][f"{kind}-{screen}"]["background"] for screen in SCREENS}
    assert colors["400-light"] == colors["1280-light"] == "rgb(255, 255, 255)"
    assert colors["400-dark"] == colors["1280-dark"]
    assert max(map(int, colors["400-dark"].strip("rgb()").split(","))) < 64


@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_planted_faults_are_found(found: dict[str, Any], screen: Screen) -> None:
    result = found["pages"][f"planted-{screen}"]
    assert {each.split(":")[0] for each in result["violations"]} == {"color-contrast", "image-alt"}
    assert result["overflow"] > 0
    assert len(result["cut"]) == 1
    assert "http://127.0.0.1:1/other-host.png" in result["requests"]
    assert result["messages"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_search_answers_a_question_with_its_first_three_results(
    found: dict[str, Any], served: str, question: str
) -> None:
    paths = [urlsplit(each).path.removeprefix(urlsplit(served).path) for each in found["search"][question]]
    answers = {address(page) for page in QUESTIONS[question]}
    assert set(QUESTIONS[question]) <= set(listed())
    assert answers & set(paths[:3]), paths[:10]


def test_the_search_asks_no_other_host_and_reports_nothing(found: dict[str, Any], served: str) -> None:
    assert f"{served}search.json" in found["requestsOfSearch"]
    assert [each for each in found["requestsOfSearch"] if not each.startswith(served)] == []
    assert found["messagesOfSearch"] == []


def test_there_are_twenty_questions() -> None:
    assert len(QUESTIONS) == 20
