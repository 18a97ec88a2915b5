from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

import ssm_roles
from ssm_roles.audit.account.permissions import policy_document
from ssm_roles.audit.command import account_command
from tests.unit.audit.account.scripted_aws import ScriptedAws, aws_error

Run = Callable[..., int]
PACKAGE = Path(ssm_roles.__file__).resolve().parent


@pytest.fixture
def aws() -> ScriptedAws:
    return ScriptedAws()


@pytest.fixture
def run(aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command on the scripted AWS, and return its exit code."""
    monkeypatch.setattr("ssm_roles.audit.account.session.open_session", lambda profile: aws.session())

    def run_command(*arguments: str) -> int:
        parser = argparse.ArgumentParser(prog="ssm-roles account")
        account_command.add_arguments(parser)
        return account_command.run(parser.parse_args(arguments))

    return run_command


def activations(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"ActivationList": [{"ActivationId": "1", "IamRole": "Gone", **each} for each in listed]}


USED_UP = {"RegistrationLimit": 1, "RegistrationsCount": 1}


def test_an_account_without_findings_exits_with_0(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    output = capsys.readouterr()
    assert output.out.startswith("Account  111122223333 (aws)\n")
    assert output.out.endswith("Account 111122223333: no findings\n")
    assert output.err == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("--info",), 10),
        (("--fail-on", "error"), 2),
        (("--fail-on", "info"), 10),
        (("--info", "--fail-on", "error"), 2),
        (("--ignore", "ACT1"), 0),
        (("--ignore", "act1,TRUST1".upper(), "--info"), 8),
    ],
)
def test_the_exit_code_tells_the_severities_that_are_shown(
    aws: ScriptedAws, run: Run, arguments: tuple[str, ...], code: int
) -> None:
    aws.answer("ssm:DescribeActivations", activations({}, USED_UP))
    assert run(*arguments) == code


def test_informational_findings_are_shown_only_if_they_are_wanted(
    aws: ScriptedAws, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.answer("ssm:DescribeActivations", activations(USED_UP))
    assert run() == 0
    assert "ACT4" not in capsys.readouterr().out
    assert run("--info") == 8
    assert "ACT4" in capsys.readouterr().out


def test_something_that_could_not_be_read_adds_1(aws: ScriptedAws, run: Run) -> None:
    aws.answer("ssm:DescribeActivations", activations({}))
    aws.answer("ssm:DescribeInstanceInformation", aws_error("AccessDeniedException"))
    assert run() == 3


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (
            "sts:GetCallerIdentity",
            aws_error("ExpiredToken", "it is old"),
            "have expired; sign in again (ExpiredToken: it is",
        ),
        ("sts:GetCallerIdentity", aws_error("InvalidClientTokenId"), "AWS doesn't know the credentials"),
        (
            "sts:GetCallerIdentity",
            EndpointConnectionError(endpoint_url="https://sts.example"),
            "AWS can't be asked who you are in eu-west-1, us-east-1: EndpointConnectionError",
        ),
    ],
)
def test_an_account_that_cannot_be_read_at_all_exits_with_1_and_one_line(
    aws: ScriptedAws, run: Run, capsys: pytest.CaptureFixture[str], action: str, error: Exception, message: str
) -> None:
    aws.answer(action, error)
    assert run() == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("ssm-roles account: ")
    assert message in output.err
    assert output.err.count("\n") == 1


def test_an_unknown_region_exits_with_1(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--region", "eu-wst-1") == 1
    assert capsys.readouterr().err == "ssm-roles account: eu-wst-1 is no Region; did you mean eu-west-1?\n"


def test_regions_can_be_given_in_several_ways(aws: ScriptedAws, run: Run) -> None:
    assert run("--region", "eu-west-1", "us-east-1", "--region", "us-west-2,eu-central-1") == 0
    read = {region for action, region, _ in aws.calls if action == "ssm:DescribeActivations"}
    assert read == {"eu-west-1", "us-east-1", "us-west-2", "eu-central-1"}


def test_all_regions_and_some_regions_exclude_each_other(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--region", "eu-west-1", "--all-regions")
    assert "not allowed with argument" in capsys.readouterr().err


def test_an_unknown_check_to_ignore_is_a_wrong_argument(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--ignore", "NO1")
    assert "--ignore must be one of TRUST1, " in capsys.readouterr().err


def test_json_is_one_object(aws: ScriptedAws, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    aws.answer("ssm:DescribeActivations", activations({}))
    assert run("--format", "json") == 2
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == 1
    assert [each["id"] for each in found["findings"]] == ["ACT1"]


def test_the_profile_is_that_of_the_argument(aws: ScriptedAws, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def open_session(profile: str | None) -> Any:
        opened.append(profile)
        return aws.session()

    monkeypatch.setattr("ssm_roles.audit.account.session.open_session", open_session)
    run("--profile", "audit")
    run()
    assert opened == ["audit", None]


def test_the_policy_is_printed_without_boto3_and_without_credentials() -> None:
    program = """
import argparse, sys
sys.modules.update(dict.fromkeys(["boto3", "botocore", "aws_cdk", "constructs", "jsii", "yaml"]))
from ssm_roles.audit.command import account_command
parser = argparse.ArgumentParser()
account_command.add_arguments(parser)
sys.exit(account_command.run(parser.parse_args(["--policy"])))
"""
    environment = {"PATH": "", "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, timeout=60, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == policy_document()


def test_a_missing_boto3_is_an_error_that_says_how_to_install_it() -> None:
    program = """
import argparse, sys
sys.modules.update(dict.fromkeys(["boto3", "botocore"]))
from ssm_roles.audit.command import account_command
parser = argparse.ArgumentParser()
account_command.add_arguments(parser)
sys.exit(account_command.run(parser.parse_args([])))
"""
    environment = {"PATH": "", "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'ssm-roles account: reading an account needs boto3: pip install "boto3>=1.34,<2"\n'
