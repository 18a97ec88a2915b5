"""A run on the emulator: it confirms what the emulator models, reports, and leaves nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from embedded_aws.server import EmbeddedAws
from live.check import Outcome
from live.checking import run_checks
from live.checks import CHECKS
from live.run import Run
from live.sandbox import Ledger
from tests.embedded_aws.organization import Organization
from tests.live.account import arguments, ended, inventory, report_of, started, target_of

pytestmark = pytest.mark.deep

# Why the emulator confirms no more: the reasons by check, without those of the checks that no account can verify.
REASONS = {
    "agent-buckets-exist": "have AWS's buckets",
    "association-source-account": "run associations",
    "automation-source-account": "run automations",
    "automation-source-arn": "run automations",
    "fips-endpoints": "have FIPS endpoints",
    "function-log-group": "write the logs of functions to their own groups",
    "iam-quotas": "tell quotas as AWS does",
    "inline-policies-size": "limit the size of inline policies",
    "maintenance-window-source-account": "run maintenance windows",
    "maintenance-window-source-arn": "run maintenance windows",
    "notification-source-account": "publish notifications of commands",
    "one-stack-owns-an-inline-policy": "keep two stacks from owning one policy",
    "resource-types-of-the-region": "describe resource types",
    "role-name-is-reserved": "reserve names of roles",
    "role-path-is-reserved": "reserve paths of roles",
    "trust-policy-principal-exists": "check that principals exist",
    "trust-policy-size": "limit the size of trust policies",
}


def test_a_run_confirms_what_the_emulator_models_and_leaves_nothing(bootstrapped: EmbeddedAws, tmp_path: Path) -> None:
    before = inventory(bootstrapped)
    options = ["--examples", "rotating_activation,service_linked_roles", "--report", str(tmp_path / "report.md")]
    code, output = ended(started(bootstrapped, arguments(bootstrapped, "run", *options)))

    report = report_of(tmp_path)
    assert code == 0, f"{output}\n{report}"
    assert inventory(bootstrapped) == before
    results = dict(re.findall(r"^\| \[([a-z0-9-]+)\]\(#\1\) \| ([a-z *]+) \|", report, re.MULTILINE))
    assert list(results) == [check.id for check in CHECKS]
    unchecked = {name for name, result in results.items() if result != "confirmed"}
    needing = {name for name in unchecked if f"### {name}\n" in report and "Reason: it needs " in section(report, name)}
    assert {name: reason(report, name) for name in unchecked - needing} == {
        name: f"the emulator doesn't {text}" for name, text in REASONS.items()
    }
    # Every account can verify the others.
    assert {check.id for check in CHECKS if check.id in needing} == {
        check.id for check in CHECKS if check.id in needing and check.needs is not None
    }
    assert "| rotating_activation | deployed |" in report
    assert "| service_linked_roles | deployed |" in report
    assert "Nothing is left." in report


def section(report: str, name: str) -> str:
    return report.partition(f"### {name}\n")[2].partition("\n#")[0]


def reason(report: str, name: str) -> str:
    (found,) = re.findall(r"^\* Reason: (.*)$", section(report, name), re.MULTILINE)
    return str(found)


def test_the_report_tells_evidence_sources_and_calls_without_the_account(
    bootstrapped: EmbeddedAws, tmp_path: Path
) -> None:
    options = ["--examples", "none", "--checks", "activation-pass-role", "--report", str(tmp_path / "report.md")]
    code, output = ended(started(bootstrapped, arguments(bootstrapped, "run", *options)))
    report = report_of(tmp_path)
    assert code == 0, output
    shown = section(report, "activation-pass-role")
    assert "* Result: confirmed" in shown
    assert "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::************:role/" in shown
    assert "<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html>" in shown
    assert re.search(r"Last calls: .*iam:DeleteRole succeeded \([0-9a-f-]{36}\)", shown)
    assert bootstrapped.account not in report
    (run_id,) = re.findall(r"^\* Run (srl-[0-9a-f]{8}) on the AWS emulator", report, re.MULTILINE)
    assert f"* role {run_id}-passed" in report.partition("### Deleted")[2]


def test_the_stack_set_check_runs_in_an_organization(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    (check,) = [each for each in CHECKS if each.id == "stack-set-leaves-out-the-management-account"]
    (result,) = run_checks([check], target_of(aws), Run(), Ledger(), organizational_unit=organization.unit)
    assert (result.outcome, result.evidence) == (Outcome.CONFIRMED, "its stacks are in 1 accounts")
