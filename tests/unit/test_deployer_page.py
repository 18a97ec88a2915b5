"""The page with the policies of deployers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .authorization_reference import unsupported

constructs = pytest.importorskip("tools.deployer_constructs", reason="the tools are in the repository only")
pages = pytest.importorskip("tools.deployer_page", reason="the tools are in the repository only")
policies = pytest.importorskip("tools.deployer_policy", reason="the tools are in the repository only")
samples = pytest.importorskip("tools.construct_samples", reason="the tools are in the repository only")

PAGE: Path = pages.PAGE


def documents() -> list[dict[str, Any]]:
    blocks = re.findall(r"^```json\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [json.loads(block) for block in blocks]


@pytest.mark.deep
def test_the_page_is_up_to_date() -> None:
    assert pages.page() == PAGE.read_text(encoding="utf-8"), "run `make pages`"


def test_every_construct_has_a_policy() -> None:
    # The settings of functions have no resources of their own, but change what a deployer needs.
    assert {use.construct for use in constructs.USES} == samples.SAMPLES.keys() | {"FunctionSettings"}
    headings = re.findall(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings == [*[use.title for use in constructs.USES], "All constructs"]


def test_every_policy_fits_into_a_managed_policy() -> None:
    assert len(documents()) > len(constructs.USES)
    assert all(policies.length(document) <= policies.MOST_CHARACTERS for document in documents())


def test_the_actions_on_the_page_support_their_resources_and_conditions() -> None:
    statements = [each for document in documents() for each in document["Statement"]]
    assert [each for each in statements if unsupported(each)] == []


def test_no_policy_allows_removing_a_permissions_boundary() -> None:
    statements = [each for document in documents() for each in document["Statement"]]
    allowed = json.dumps([each for each in statements if each["Effect"] == "Allow"])
    assert "iam:PutRolePermissionsBoundary" in allowed
    assert "iam:DeleteRolePermissionsBoundary" not in allowed
