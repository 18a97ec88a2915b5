"""A run that is interrupted deletes what it has created, and `live-clean` deletes what a killed run has left."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from embedded_aws.server import EmbeddedAws
from live.checks.service_linked_roles import Loan
from live.cleanup import Cleaner
from live.run import Run
from live.sandbox import Ledger, Sandbox, trust
from ssm_roles._facts.service_linked_roles import SERVICE_LINKED_ROLES
from tests.live.account import RUN, arguments, ended, inventory, report_of, started, target_of

pytestmark = pytest.mark.deep

# The check waits for two seconds, with an activation and a managed node.
_WAITING = "node-expired-activation"


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read the output of a command up to a line with a text."""
    assert process.stdout is not None
    output = ""
    while text not in output:
        line = process.stdout.readline()
        assert line != "", output
        output += line
    return output


def wait_for_node(aws: EmbeddedAws) -> None:
    deadline = time.monotonic() + 60
    while not aws.nodes():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_deletes_everything(
    bootstrapped: EmbeddedAws, tmp_path: Path, number: signal.Signals
) -> None:
    before = inventory(bootstrapped)
    options = ["--examples", "none", "--checks", _WAITING, "--report", str(tmp_path / "report.md")]
    process = started(bootstrapped, arguments(bootstrapped, "run", *options))
    wait_for_node(bootstrapped)
    process.send_signal(number)
    code, output = ended(process)
    assert code == 130, output
    assert "**The run ended early**: it was interrupted" in report_of(tmp_path)
    assert inventory(bootstrapped) == before


def test_a_run_that_is_interrupted_in_a_deployment_deletes_everything(
    bootstrapped: EmbeddedAws, tmp_path: Path
) -> None:
    before = inventory(bootstrapped)
    options = ["--examples", "minimal_hybrid_role", "--checks", "none", "--report", str(tmp_path / "report.md")]
    process = started(bootstrapped, arguments(bootstrapped, "run", *options))
    wait_for_stack(bootstrapped)
    process.send_signal(signal.SIGINT)
    code, output = ended(process)
    assert code == 130, output
    assert inventory(bootstrapped) == before


def wait_for_stack(aws: EmbeddedAws) -> None:
    deadline = time.monotonic() + 60
    while not [name for name in inventory(aws)["stacks"] if name.startswith("srl-")]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_a_killed_run_has_left_is_deleted_later(bootstrapped: EmbeddedAws, tmp_path: Path) -> None:
    before = inventory(bootstrapped)
    # These belong to nobody's run, although their names look so.
    iam = bootstrapped.client("iam")
    iam.create_role(RoleName="srl-0123abcd-mine", AssumeRolePolicyDocument=json.dumps(trust()))
    bootstrapped.client("secretsmanager").create_secret(Name="srl-0123abcd-mine", SecretString="1")
    bootstrapped.client("logs").create_log_group(logGroupName="srl-0123abcd-mine")
    mine = inventory(bootstrapped)

    # One run is killed during a check, and another one during its third deployment.
    killed = ["run", "--report", str(tmp_path / "report.md")]
    process = started(bootstrapped, arguments(bootstrapped, *killed, "--examples", "none", "--checks", _WAITING))
    wait_for_node(bootstrapped)
    process.kill()
    ended(process)
    examples = "rotating_activation,service_linked_roles,managed_instances"
    process = started(bootstrapped, arguments(bootstrapped, *killed, "--examples", examples, "--checks", "none"))
    read_until(process, "deploying managed_instances")
    process.kill()
    ended(process)
    left = inventory(bootstrapped)
    for kind in ("activations", "functions", "nodes", "roles", "secrets", "stacks"):
        assert len(left[kind]) > len(mine[kind]), kind
    assert not (tmp_path / "report.md").exists()

    # Without the confirmation, it lists only.
    code, output = ended(started(bootstrapped, arguments(bootstrapped, "clean", confirm=False)))
    assert code == 2
    assert "stack srl-" in output
    assert "managed node mi-" in output
    assert "service-linked role AWSServiceRoleForAmazonSSM " in output
    assert "mine" not in output
    assert inventory(bootstrapped) == left

    # Another run's ID deletes nothing.
    code, output = ended(started(bootstrapped, arguments(bootstrapped, "clean", "--run", "srl-ffffffff")))
    assert (code, "Runs have left nothing" in output) == (0, True)
    assert inventory(bootstrapped) == left

    code, output = ended(started(bootstrapped, arguments(bootstrapped, "clean")))
    assert code == 0, output
    assert inventory(bootstrapped) == mine != before


def test_the_cli_ends_with_a_killed_run(bootstrapped: EmbeddedAws, tmp_path: Path) -> None:
    options = ["--examples", "minimal_hybrid_role", "--checks", "none"]
    given = arguments(bootstrapped, "run", *options, "--report", str(tmp_path / "report.md"))
    process = started(bootstrapped, given)
    wait_for_stack(bootstrapped)
    listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    (child,) = listed.stdout.split()
    process.kill()
    ended(process)
    deadline = time.monotonic() + 20
    while subprocess.run(["pgrep", "-g", child], capture_output=True, check=False).returncode == 0:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert ended(started(bootstrapped, arguments(bootstrapped, "clean")))[0] == 0


def test_a_service_linked_role_that_is_used_stays(aws: EmbeddedAws) -> None:
    target = target_of(aws)
    sandbox = Sandbox(target, RUN, Ledger())
    Loan(sandbox, SERVICE_LINKED_ROLES["OPS_INSIGHTS"])
    name = SERVICE_LINKED_ROLES["OPS_INSIGHTS"].role_name
    aws.mark_role_used(name, {"eu-west-1": ["arn:aws:ssm:eu-west-1:111122223333:opsitem/1"]})
    cleaner = Cleaner(target, ["eu-west-1"])
    assert not cleaner.delete()
    ((what, why),) = cleaner.left.items()
    assert name in what
    assert "in use, so that it stays" in why
    aws.mark_role_unused(name)
    assert cleaner.delete()


def test_a_service_linked_role_that_existed_before_stays(aws: EmbeddedAws) -> None:
    role = aws.client("iam").create_service_linked_role(
        AWSServiceName="opsinsights.ssm.amazonaws.com", Description="Ours"
    )["Role"]
    target = target_of(aws)
    with Sandbox(target, RUN, Ledger()) as sandbox:
        assert not Loan(sandbox, SERVICE_LINKED_ROLES["OPS_INSIGHTS"]).is_ours
    assert Cleaner(target, ["eu-west-1"]).find() == []
    assert aws.client("iam").get_role(RoleName=role["RoleName"])["Role"]["RoleId"] == role["RoleId"]


def test_a_run_deletes_only_its_own_resources(aws: EmbeddedAws) -> None:
    target, other = target_of(aws), Run("srl-ffffffff")
    Sandbox(target, other, ledger := Ledger()).role("kept", trust())
    Sandbox(target, RUN, Ledger()).role("deleted", trust())
    assert Cleaner(target, ["eu-west-1"], RUN.id).delete()
    assert ledger.created == ["role srl-ffffffff-kept"]
    assert [each.id for each in Cleaner(target, ["eu-west-1"]).find()] == ["srl-ffffffff-kept"]
