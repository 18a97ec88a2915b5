"""docs/tasks/upgrade.md: what another version of the library changes in a stack that is deployed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import ssm_roles
from tests.deploy.account import Account
from tests.deploy.page import Page, assert_shows, diff, resources

PAGE = Page.task("upgrade")
LINKED_ROLE = "AWSServiceRoleForAmazonSSM"

pytestmark = [pytest.mark.deep, pytest.mark.skipif(not PAGE.exists, reason="the documentation is not here")]


class Installed:
    """A version of the library, and the app of the page with it."""

    def __init__(self, folder: Path, *, later: bool) -> None:
        shutil.copytree(Path(ssm_roles.__file__).parent, folder / "ssm_roles")
        for module in (folder / "ssm_roles" / "_lambda" / "functions").glob("*.py"):
            if later:
                module.write_text(module.read_text(encoding="utf-8") + "# A later version\n", encoding="utf-8")
        (folder / "app.py").write_text(PAGE.blocks("python")[0], encoding="utf-8")
        # The CDK's own review of the templates would take most of the time.
        self.app = ["env", f"PYTHONPATH={folder}", "CDK_VALIDATION=false", sys.executable, str(folder / "app.py")]


def state(account: Account) -> dict[str, Any]:
    """Return what must not be created again: roles, the activation and the nodes."""
    aws = account.aws
    roles = {each["RoleName"]: each["RoleId"] for each in account.iam.list_roles()["Roles"]}
    (secret,) = aws.client("secretsmanager").list_secrets()["SecretList"]
    value = aws.client("secretsmanager").get_secret_value(SecretId=secret["ARN"])["SecretString"]
    nodes = aws.client("ssm").describe_instance_information()["InstanceInformationList"]
    return {"roles": roles, "secret": secret["ARN"], "activation": json.loads(value), "nodes": nodes}


def test_new_code_of_functions_updates_the_functions_and_nothing_else(account: Account, tmp_path: Path) -> None:
    earlier, later = Installed(tmp_path / "earlier", later=False), Installed(tmp_path / "later", later=True)
    account.cdk.deploy(earlier.app)
    activation = state(account)["activation"]
    account.aws.register_node(activation["ActivationId"], activation["ActivationCode"])
    before = state(account)
    assert len(before["nodes"]) == 1
    assert LINKED_ROLE in before["roles"]
    creations = account.creations()

    assert "There were no differences" in diff(account, account.cdk.synth(earlier.app))
    output = diff(account, account.cdk.synth(later.app))
    (shown,) = PAGE.blocks("text")
    assert_shows(shown, output)
    assert resources(output) == resources(shown)

    for version in (later, earlier):
        account.cdk.deploy(version.app)
        assert state(account) == before
        assert account.creations() == creations
