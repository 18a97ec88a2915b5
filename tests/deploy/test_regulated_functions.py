"""The example whose functions fit the rules of an organization, deployed: the functions work and have the settings."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from embedded_aws.server import REPOSITORY
from tests.deploy.account import Account

PAGE = REPOSITORY / "docs" / "topics" / "functions.md"


@pytest.mark.deep
def test_functions_with_all_settings_work(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = account.aws
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", aws.account)
    monkeypatch.setenv("CDK_DEFAULT_REGION", aws.region)
    # The boundary that the page recommends is enough.
    (boundary,) = re.findall(r"^```json\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    account.iam.create_policy(PolicyName="PlatformBoundary", PolicyDocument=boundary)
    assembly = runpy.run_path(str(REPOSITORY / "examples" / "regulated_functions.py"))["app"].synth()
    directory = Path(assembly.directory)

    account.cdk.deploy(directory)

    assert account.has_role("AWSServiceRoleForAmazonSSM")
    assert len(aws.activations()) == 1
    functions = aws.client("lambda").list_functions()["Functions"]
    assert len(functions) == 2
    (key,) = {each["KMSKeyArn"] for each in functions}
    names = set()
    for function in functions:
        assert len(function["VpcConfig"]["SubnetIds"]) == 2
        assert len(function["VpcConfig"]["SecurityGroupIds"]) == 1
        concurrency = aws.client("lambda").get_function_concurrency(FunctionName=function["FunctionName"])
        assert concurrency["ReservedConcurrentExecutions"] == 3
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        names.add(function["Role"].rpartition("/")[2])
        role = account.iam.get_role(RoleName=function["Role"].rpartition("/")[2])["Role"]
        assert role["Path"] == "/platform/"
        assert role["RoleName"].startswith("platform-")
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/PlatformBoundary")
    assert len(names) == 2
    log_groups = aws.client("logs").describe_log_groups()["logGroups"]
    assert [(each["retentionInDays"], each["kmsKeyId"]) for each in log_groups] == [(365, key)] * 2

    account.cdk.destroy(directory)

    assert aws.activations() == []
    assert not [each for each in account.iam.list_roles()["Roles"] if each["RoleName"] in names]
