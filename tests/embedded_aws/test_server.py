"""The AWS emulator starts, is isolated from other AWS accounts, and leaves no files or processes."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded_aws.server import REPOSITORY, EmbeddedAws

pytestmark = pytest.mark.deep


def _wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_no_files_and_no_process_remain_after_an_exception() -> None:
    aws = EmbeddedAws()
    with contextlib.suppress(KeyboardInterrupt), aws:
        directory, port = aws.directory, int(aws.endpoint_url.rsplit(":", 1)[1])
        aws.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": aws.region})
        assert _is_listening(port)
        raise KeyboardInterrupt
    assert not directory.exists()
    assert not _is_listening(port)
    with pytest.raises(RuntimeError, match="not running"):
        _ = aws.endpoint_url


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_process_that_started_it(end: signal.Signals, tmp_path: Path) -> None:
    program = (
        "import time\n"
        "from embedded_aws.server import EmbeddedAws\n"
        "with EmbeddedAws() as aws:\n"
        "    print(aws.directory, aws.endpoint_url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        directory, endpoint = parent.stdout.readline().split()
        assert Path(directory).is_dir()
        parent.send_signal(end)
    assert _wait_until(lambda: not _is_listening(int(endpoint.rsplit(":", 1)[1])))
    assert _wait_until(lambda: not list(tmp_path.iterdir()))


def test_two_emulators_run_side_by_side(aws: EmbeddedAws) -> None:
    with EmbeddedAws(account="444455556666", region="us-east-1") as other:
        assert other.endpoint_url != aws.endpoint_url
        other.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
        assert len(other.client("iam").list_roles()["Roles"]) == 1
        assert other.client("sts").get_caller_identity()["Account"] == "444455556666"
    assert aws.client("iam").list_roles()["Roles"] == []


def test_the_environment_selects_the_emulator_only(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_IAM", "CDK_CONTEXT_JSON", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "elsewhere")
    environment = aws.environment(region="us-east-1")
    assert "elsewhere" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint_url
    assert environment["AWS_ACCESS_KEY_ID"] == environment["CDK_DEFAULT_ACCOUNT"] == aws.account
    assert environment["AWS_REGION"] == environment["CDK_DEFAULT_REGION"] == "us-east-1"
    assert aws.client("sts", "eu-north-1").get_caller_identity()["Account"] == aws.account


def test_a_reset_deletes_the_resources_of_every_account_and_region(aws: EmbeddedAws) -> None:
    aws.client("ssm", "us-east-1").put_parameter(Name="name", Value="value", Type="String")
    aws.client("iam", account="444455556666").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    aws.fail_next("GetRole", "ServiceFailure")
    aws.reset()
    assert aws.client("ssm", "us-east-1").describe_parameters()["Parameters"] == []
    assert aws.client("iam", account="444455556666").list_roles()["Roles"] == []
    assert [call.action for call in aws.calls("iam:ListRoles")] == ["iam:ListRoles"]


def test_an_account_must_be_12_digits() -> None:
    with pytest.raises(ValueError, match="account must be 12 digits, got '1234'"):
        EmbeddedAws(account="1234")


def test_a_reset_restores_the_checkpoint(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="kept", AssumeRolePolicyDocument="{}")
    aws.save_checkpoint()
    try:
        iam.update_role(RoleName="kept", Description="changed")
        iam.create_role(RoleName="dropped", AssumeRolePolicyDocument="{}")
        aws.reset()
        (role,) = iam.list_roles()["Roles"]
        assert (role["RoleName"], role.get("Description", "")) == ("kept", "")
    finally:
        aws.forget_checkpoint()
    aws.reset()
    assert iam.list_roles()["Roles"] == []


def test_the_emulator_and_its_functions_do_not_inherit_the_environment_of_the_caller(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    assert "hunter2" not in aws._emulator_environment().values()
