"""The report in a browser: on phones and desks, light and dark, on paper, for everybody."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ssm_roles.audit.account.judging import judge
from ssm_roles.audit.report.account_view import section_of_account
from ssm_roles.audit.report.page import page
from ssm_roles.audit.report.views import Report, Section
from tests.unit.audit.account import accounts
from tests.unit.audit.report.findings import finding, section
from tests.unit.audit.report.samples import hybrid, template

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("inspect.mjs")
CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.deep,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: apt-get install chromium"),
]


@dataclass(frozen=True)
class Variant:
    """How a page is opened."""

    width: int
    scheme: str
    media: str = "screen"

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}-{self.media}"


SCREENS = [Variant(width, scheme) for width in (400, 1280) for scheme in ("light", "dark")]
# The width of A4 between its margins.
PAPER = Variant(703, "dark", "print")
VARIANTS = [*SCREENS, PAPER]

_LONG = "Very" * 60 + "LongName"


def account() -> Section:
    deployer = accounts.user("Deployer", accounts.inline("Pass", accounts.allow("iam:PassRole")))
    open_role = accounts.role("Open", accounts.trust("ssm.amazonaws.com"), accounts.CORE)
    found = accounts.account(accounts.nodes_role(), open_role, deployer, activations=[accounts.activation()])
    return section_of_account(judge(found))


def hostile() -> Section:
    body = hybrid()
    body["Properties"]["RoleName"] = "\u202e</text><script>alert(1)</script>" + "W" * 400
    return section({"Resources": {_LONG: body, "x" * 250: hybrid()}}, f"{'very-long-folder/' * 20}a.json")


REPORTS: Mapping[str, Report] = {
    "no roles": Report("Roles", "Nothing", (Section("a.json", (), (), (finding("A"), finding("B", "warning"))),)),
    "1 role": Report("Roles", "1 template", (section({"Resources": {"Role": hybrid()}}),)),
    "5 roles": Report("Roles", "1 template", (section(template(5)),)),
    "60 roles": Report(
        "Roles",
        "2 templates",
        (section(template(60), "cdk.out/Large.template.json"), section(template(2), "cdk.out/Small.template.json")),
        (("b.yaml:1:1", "must be valid YAML"),),
        ("c.json",),
    ),
    "hostile": Report("Roles", "1 template", (hostile(),)),
    "account": Report("Roles", "1 account", (account(),)),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], Any]:
    """What the browser found, by report and variant."""
    folder = tmp_path_factory.mktemp("pages")
    pages = []
    for name, report in REPORTS.items():
        file = folder / f"{name}.html"
        file.write_text(page(report), encoding="utf-8")
        pages.append({"file": str(file), "variants": [vars(each) for each in VARIANTS]})
    run = subprocess.run(
        ["node", str(SCRIPT), json.dumps({"executable": CHROMIUM, "pages": pages})],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    results = {}
    for name, result in zip(REPORTS, json.loads(run.stdout), strict=True):
        own = {key: result[key] for key in ("requests", "messages")}
        for variant, measured in zip(VARIANTS, result["variants"], strict=True):
            results[name, str(variant)] = {**own, **measured}
    return results


@pytest.mark.parametrize("variant", SCREENS, ids=str)
@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_for_everybody(found: Mapping[tuple[str, str], Any], name: str, variant: Variant) -> None:
    assert found[name, str(variant)]["violations"] == []


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("name", REPORTS)
def test_a_page_fits_its_width(found: Mapping[tuple[str, str], Any], name: str, variant: Variant) -> None:
    result = found[name, str(variant)]
    assert result["overflow"] <= 0
    assert result["cut"] == []
    # The fonts of this machine are at most as wide as the layout takes them to be.
    assert result["overflowing"] == []


@pytest.mark.parametrize("name", REPORTS)
def test_the_texts_of_drawings_are_readable(found: Mapping[tuple[str, str], Any], name: str) -> None:
    for variant in SCREENS:
        smallest = found[name, str(variant)]["smallest"]
        assert smallest is None or smallest >= 11, variant
    on_paper = found[name, str(PAPER)]["smallest"]
    # 8 pixels are 6 points.
    assert on_paper is None or on_paper >= 8


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_loads_nothing_and_reports_nothing(found: Mapping[tuple[str, str], Any], name: str) -> None:
    for variant in VARIANTS:
        result = found[name, str(variant)]
        assert result["requests"] == []
        assert result["messages"] == []


def test_one_drawing_of_each_sheet_is_shown(found: Mapping[tuple[str, str], Any]) -> None:
    samples = 1
    for variant in VARIANTS:
        assert found["1 role", str(variant)]["drawings"] == 1 + samples
        assert found["no roles", str(variant)]["drawings"] == 0


def test_a_page_is_dark_on_dark_screens_but_not_on_paper(found: Mapping[tuple[str, str], Any]) -> None:
    colors = {str(variant): found["1 role", str(variant)]["background"] for variant in VARIANTS}
    assert colors == {
        "400-light-screen": "rgb(251, 252, 253)",
        "400-dark-screen": "rgb(16, 21, 27)",
        "1280-light-screen": "rgb(251, 252, 253)",
        "1280-dark-screen": "rgb(16, 21, 27)",
        "703-dark-print": "rgb(255, 255, 255)",
    }


def test_a_page_is_printed_on_few_sheets(found: Mapping[tuple[str, str], Any]) -> None:
    assert found["1 role", str(PAPER)]["pages"] == 1
    assert found["5 roles", str(PAPER)]["pages"] <= 5
