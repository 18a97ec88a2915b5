"""The demo prints the deployed roles, registers machines, and leaves no files or processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded_aws.server import REPOSITORY

pytestmark = pytest.mark.deep


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=REPOSITORY,
        # The test has its own folder for temporary files. The demo must ignore the settings of a real account.
        env={
            **os.environ,
            "TMPDIR": str(tmp_path),
            "PYTHONUNBUFFERED": "1",
            "AWS_PROFILE": "production",
            "AWS_ACCESS_KEY_ID": "AKIAREALACCOUNT",
            "AWS_ENDPOINT_URL": "https://example.com",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Background processes of a shell ignore SIGINT, and so would the demo if the tests run in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def processes_that_use(folder: Path) -> list[str]:
    """Return the IDs of the processes whose environment or arguments contain the path of a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in text:
                found.append(entry.name)
    return found


def test_the_demo_shows_the_roles_and_masked_credentials_and_leaves_nothing(
    demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    output, _ = demo.communicate(timeout=300)
    assert demo.returncode == 0, output
    for expected in (
        r"HybridNodes +1/2  CREATE_COMPLETE  AWS::IAM::Role +HybridNodes\n",
        r"Fleet +8/8  CREATE_COMPLETE  AWS::CloudFormation::Stack +Fleet\n",
        r"role/aws-service-role/ssm\.amazonaws\.com/AWSServiceRoleForAmazonSSM\n",
        r"trusts +ssm\.amazonaws\.com\n +aws:SourceAccount +111122223333\n"
        r" +aws:SourceArn +arn:aws:ssm:eu-central-1:111122223333:\* ",
        r"policy +AmazonSSMManagedInstanceCore\n",
        r"(?s)of this account:.*AccessKeyId +ASIA\*+\n.*of another account:.*refused, as it should be: "
        r"AccessDenied: User: ssm\.amazonaws\.com is not authorized to perform:\s+sts:AssumeRole.*doesn't name:"
        r".*:eu-west-1:.*refused, as it should be: AccessDenied: ",
        r"Servers +19/19  CREATE_COMPLETE  AWS::CloudFormation::Stack +Servers\n",
        r"ActivationCode +.{4}\*+\n",
        r"ActivationId +[0-9a-f-]{36}\n",
        r"ExpirationDate +20\d\d-\d\d-\d\dT",
        r"(?s)(mi-[0-9a-f]{17} is registered with activation [0-9a-f-]{36}\n.*){3}",
        r"(?s)(mi-[0-9a-f]{17}) is registered.*RequestManagedInstanceRoleToken returns credentials.*"
        r"Session +assumed-role/Servers-HybridNodes[^/]+/\1\n.*"
        r"InstanceId +\1\n +PingStatus +Online\n",
        r"SecretAccessKey +.{4}\*+\n",
        r"SessionToken +.{4}\*+\n",
        r"Expiration +20\d\d-",
        r"(?s) error TRUST1 NodeRole: .* error PASS1 Operator: .* warning TAGS1 Operator: "
        r".*Checked 1 template: 2 errors, 1 warning\n",
        r"Account 111122223333: 2 errors, 1 warning\n",
        re.escape(str(REPOSITORY / "cdk.out" / "report.html")),
    ):
        assert re.search(expected, output), (expected, output)
    page = (REPOSITORY / "cdk.out" / "report.html").read_text(encoding="utf-8")
    assert "Servers-HybridNodes" in page
    assert "Read every Parameter Store parameter of the account" in page
    assert "HandWritten-Operator" in page
    acts = re.split(r"(?m)^Act \d of 6: ", output)[1:]
    assert [act.split(" ─")[0] for act in acts] == [
        "the roles",
        "credentials, granted and refused",
        "a machine registers",
        "rotation",
        "the audit finds three mistakes",
        "the report",
    ]
    # A terminal of 100 columns continues a longer line on the next one.
    lines = [[-(-len(line) // 100) or 1 for line in act.rstrip().splitlines()] for act in acts]
    assert max(map(sum, lines)) <= 30
    # Nothing else follows the first characters of a secret.
    assert re.findall(r"(?:ActivationCode|SecretAccessKey|SessionToken) +(?! |.{4}\*{8}\n).*", output) == []
    assert processes_that_use(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", ["Starting an AWS emulator", "cdk bootstrap and cdk deploy", "Act 3 of 6"])
def test_an_interrupted_demo_leaves_nothing(
    after: str, number: signal.Signals, demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert demo.stdout is not None
    for line in demo.stdout:
        if after in line:
            break
    time.sleep(0.5)
    demo.send_signal(number)
    demo.communicate(timeout=60)
    assert demo.returncode != 0
    deadline = time.monotonic() + 15
    while processes_that_use(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_that_use(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
