"""The golden templates of the sample app and of the examples, reviewed by checkov."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.review.accepted import CHECKOV, is_accepted
from tests.unit.test_snapshots import GOLDEN

pytestmark = pytest.mark.review

PROGRAM = Path(__file__).resolve().parents[2] / ".venv-review" / "bin" / "checkov"


def review(folder: Path) -> list[dict[str, Any]]:
    """Return the findings on the templates of a folder, without a connection to any service."""
    arguments = ["--framework", "cloudformation", "--compact", "--quiet", "--skip-download", "--output", "json"]
    # checkov gives some variables the path of their template as a value. An absolute path can look like a secret to it.
    run = subprocess.run(
        [str(PROGRAM), "--directory", ".", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    report = json.loads(run.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] > 0
    found: list[dict[str, Any]] = report["results"]["failed_checks"]
    return found


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    return review(GOLDEN)


def test_checkov_finds_nothing_that_is_not_accepted(
    found: list[dict[str, Any]], record_property: Callable[[str, object], None]
) -> None:
    record_property("accepted findings of checkov", len(found))
    assert [
        f"{each['check_id']} {each['check_name']}: {each['file_path']} {each['resource']}"
        for each in found
        if not is_accepted(each["check_id"], each["resource"], CHECKOV)
    ] == []


def test_every_accepted_rule_of_checkov_still_finds_something(found: list[dict[str, Any]]) -> None:
    assert {each["check_id"] for each in found} == set(CHECKOV)


def test_the_review_has_teeth(tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    template = {"Resources": {"Open": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}}}}
    (tmp_path / "open.json").write_text(json.dumps(template), encoding="utf-8")
    assert "CKV_AWS_109" in {each["check_id"] for each in review(tmp_path)}


def test_permissions_that_are_not_limited_are_accepted_for_named_resources_only() -> None:
    assert is_accepted("CKV_AWS_109", "AWS::IAM::ManagedPolicy.BoundaryEA298153", CHECKOV)
    assert not is_accepted("CKV_AWS_109", "AWS::IAM::ManagedPolicy.Open", CHECKOV)
    assert not is_accepted("CKV_AWS_62", "AWS::IAM::ManagedPolicy.BoundaryEA298153", CHECKOV)
    assert is_accepted("CKV_AWS_117", "AWS::Lambda::Function.Any", CHECKOV)
