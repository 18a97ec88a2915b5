"""What this library creates passes its own checks. The snapshots are the templates of all examples."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

import ssm_roles
from ssm_roles.audit import documents, engine
from ssm_roles.audit.check import Finding

PACKAGE = Path(ssm_roles.__file__).resolve().parent
ROOT = Path(__file__).parents[3]
SNAPSHOTS = sorted((ROOT / "tests" / "snapshots").glob("*.json"))
TEMPLATES = sorted((PACKAGE / "templates").glob("*.json"))


# This is what the example shows: a role that exactly one stack of the account creates.
WANTED = {"native_service_linked_role.AccountBaseline.json": ["SLR1[ssm.amazonaws.com]"]}


def severe(findings: list[Finding]) -> list[str]:
    return [each.id for each in findings if each.check.severity != "info"]


@pytest.mark.parametrize("path", [*SNAPSHOTS, *TEMPLATES], ids=lambda path: path.name)
def test_a_template_of_this_library_has_no_errors_and_warnings(path: Path) -> None:
    assert severe(engine.check_template(documents.read(path).body)) == WANTED.get(path.name, [])


def test_the_stacks_of_an_app_do_not_overwrite_policies_of_each_other() -> None:
    apps: defaultdict[str, dict[str, object]] = defaultdict(dict)
    for path in SNAPSHOTS:
        apps[path.name.partition(".")[0]][path.name] = documents.read(path).body
    assert {app: engine.check_shared_names(stacks) for app, stacks in apps.items()} == {app: {} for app in apps}


def test_the_templates_are_found() -> None:
    assert len(SNAPSHOTS) > 30
    assert len(TEMPLATES) > 5
