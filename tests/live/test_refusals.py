"""A run doesn't start in another account, without confirmation, without credentials, or on AWS in a test."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from embedded_aws.server import REPOSITORY, EmbeddedAws
from live.__main__ import main
from live.target import RefusedError, open_target
from tests.live.account import arguments, target_of

pytestmark = pytest.mark.deep


@pytest.fixture
def caller(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> EmbeddedAws:
    """The emulator, with the credentials of its account in the environment of this process."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return aws


def writes(aws: EmbeddedAws) -> list[str]:
    """Return the calls that aren't a look at the caller's identity."""
    return [call.action for call in aws.calls() if call.action != "sts:GetCallerIdentity"]


@pytest.mark.parametrize("command", ["run", "clean"])
def test_another_account_is_refused(caller: EmbeddedAws, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = arguments(caller, command)
    given[given.index("--account") + 1] = "444455556666"
    given[given.index("--confirm") + 1] = "444455556666"
    assert main(given) == 2
    assert "the credentials belong to account 111122223333, not to 444455556666" in capsys.readouterr().err
    assert writes(caller) == []


@pytest.mark.parametrize("confirmation", [None, "444455556666", "yes", ""])
def test_without_the_confirmation_nothing_is_created(
    caller: EmbeddedAws, confirmation: str | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", nothing)
        option = [] if confirmation is None else ["--confirm", confirmation]
        assert main(arguments(caller, "run", *option, confirm=False)) == 2
    printed = capsys.readouterr()
    assert "confirm" in printed.err
    # The cost and the duration are stated before.
    assert "about" in printed.out
    assert "US dollars" in printed.out
    assert writes(caller) == []


@pytest.mark.parametrize("typed", ["111122223333", "y"])
def test_in_a_terminal_the_account_is_typed(
    caller: EmbeddedAws, typed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: typed)
    given = arguments(caller, "run", "--examples", "none", "--checks", "none", confirm=False)
    assert main([*given, "--report", str(tmp_path / "report.md")]) == (0 if typed == caller.account else 2)
    assert (tmp_path / "report.md").exists() == (typed == caller.account)


def test_without_credentials_nothing_is_called(
    caller: EmbeddedAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert main(arguments(caller, "run")) == 2
    assert "the identity of the caller is not known" in capsys.readouterr().err
    assert caller.calls() == []


def test_credentials_that_aws_does_not_know_are_refused(aws: EmbeddedAws) -> None:
    environment = {**aws.environment(), "AWS_ACCESS_KEY_ID": "unknown"}
    with pytest.raises(RefusedError, match="the identity of the caller is not known"):
        open_target(aws.account, aws.region, endpoint_url=aws.endpoint_url, environment=environment)


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_the_emulator_gets_no_credentials_of_an_account(aws: EmbeddedAws, key: str) -> None:
    environment = {**aws.environment(), "AWS_ACCESS_KEY_ID": key}
    with pytest.raises(RefusedError, match="dummy credentials only"):
        open_target(aws.account, aws.region, endpoint_url=aws.endpoint_url, environment=environment)


@pytest.mark.parametrize("url", ["https://sts.amazonaws.com", "http://localhost.example.com:4566", "http://10.0.0.1"])
def test_an_endpoint_that_is_not_on_this_machine_is_refused(url: str) -> None:
    with pytest.raises(RefusedError, match="endpoint must be"):
        open_target("111122223333", "eu-west-1", endpoint_url=url, environment={})


def test_no_test_can_connect_to_aws() -> None:
    with pytest.raises(RefusedError, match="a test must not connect to AWS"):
        open_target("111122223333", "eu-west-1", environment={})


def test_no_process_of_a_test_can_connect_to_aws() -> None:
    command = [sys.executable, "-m", "live", "run", "--account", "111122223333", "--region", "eu-west-1"]
    keys = {"AWS_ACCESS_KEY_ID": "111122223333", "AWS_SECRET_ACCESS_KEY": "test", "PYTHONPATH": str(REPOSITORY)}
    run = subprocess.run(
        [*command, "--confirm", "111122223333"],
        cwd=REPOSITORY,
        env={**os.environ, **keys},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (
        2,
        "Refused: a test must not connect to AWS: give the endpoint of the emulator\n",
    )


@pytest.mark.parametrize(("account", "region"), [("1111", "eu-west-1"), ("111122223333", "Frankfurt"), ("", "")])
def test_what_is_no_account_or_region_is_refused(account: str, region: str) -> None:
    with pytest.raises(RefusedError, match="must be"):
        open_target(account, region, endpoint_url="http://localhost:1", environment={})


def test_unknown_examples_and_checks_are_refused(caller: EmbeddedAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(caller, "run", "--examples", "minimal")) == 2
    assert main(arguments(caller, "run", "--checks", "activation")) == 2
    assert main(arguments(caller, "clean", "--run", "*")) == 2
    assert capsys.readouterr().err.count("Refused") == 3


def test_a_region_that_is_not_bootstrapped_is_refused(
    caller: EmbeddedAws, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    assert main(arguments(caller, "run", "--report", str(tmp_path / "report.md"))) == 2
    assert "eu-west-1 is not bootstrapped: run `cdk bootstrap aws://111122223333/eu-west-1`" in capsys.readouterr().err
    assert target_of(caller).client("cloudformation").describe_stacks()["Stacks"] == []


def commands(*given: str) -> str:
    """Return what `make` would run, without running it."""
    ready = ["-o", ".venv/.ready", "-o", "node_modules/.ready"]
    run = subprocess.run(["make", "-n", *ready, *given], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return run.stdout


def test_only_two_targets_use_the_credentials_of_the_caller() -> None:
    place = ["ACCOUNT=111122223333", "REGION=eu-central-1", "AWS_PROFILE=sandbox"]
    for target in ("live", "live-clean"):
        assert '--account "111122223333" --region "eu-central-1" --profile "sandbox"' in commands(target, *place)
        assert "--confirm" not in commands(target, *place)
        assert '--confirm "111122223333"' in commands(target, *place, "CONFIRM=111122223333")
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert makefile.count("AWS_SHARED_CREDENTIALS_FILE") == 2
    assert makefile.count("$(LIVE_ENVIRONMENT)") == 2
    assert "live" not in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
