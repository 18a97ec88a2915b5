"""The audit and the tools that it is compared with: how to run each of them, and how to read its report."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.children import ROOT, ChildError, neutral_environment
from benchmarks.watched_command import Watched, watch

CHECKOV = ROOT / ".venv-review" / "bin" / "checkov"
_CFN_LINT = Path(sys.executable).with_name("cfn-lint")
_CDK_NAG = ROOT / "benchmarks" / "processes" / "review_with_cdk_nag.py"


@dataclass(frozen=True)
class Report:
    """What a tool reports about a folder of templates.

    Attributes:
        findings: How often it reports each rule for each file, which is relative to the folder.
        unreadable: The number of templates that it can't read.
        version: The version of the tool.
    """

    findings: Counter[tuple[str, str]]
    unreadable: int
    version: str


@dataclass(frozen=True)
class Tool:
    """A command that checks all templates below the current folder.

    Attributes:
        name: The name of the tool.
        command: The program and its arguments.
        read: Reads the report from the JSON that it prints.
    """

    name: str
    command: Sequence[str]
    read: Callable[[Any], Report]

    def run(self, folder: Path) -> Watched:
        """Run the tool on a folder."""
        return watch(self.command, folder=folder, environment=neutral_environment())

    def report(self, run: Watched) -> Report:
        """Read the report of a run.

        Args:
            run: The run.

        Raises:
            ChildError: The tool failed.
        """
        try:
            printed = json.loads(run.output)
        except ValueError as error:
            raise ChildError(f"{self.name} must print JSON, got {run.output!r}:\n{run.errors}") from error
        return self.read(printed)


def _of_ssm_roles(printed: dict[str, Any]) -> Report:
    findings = Counter((each["file"], each["check"]) for each in printed["findings"])
    return Report(findings, len(printed["unreadable"]), printed["tool"]["version"])


def _of_cfn_lint(printed: list[dict[str, Any]]) -> Report:
    findings = Counter((each["Filename"], each["Rule"]["Id"]) for each in printed)
    unreadable = {file for file, rule in findings if rule == "E0000"}
    return Report(findings, len(unreadable), version("cfn-lint"))


def _of_checkov(printed: dict[str, Any]) -> Report:
    failed = printed["results"]["failed_checks"]
    findings = Counter((each["file_path"].lstrip("/"), each["check_id"]) for each in failed)
    return Report(findings, printed["summary"]["parsing_errors"], printed["summary"]["checkov_version"])


def _of_cdk_nag(printed: dict[str, Any]) -> Report:
    findings = Counter((file, rule) for file, rule in printed["findings"])
    return Report(findings, printed["unreadable"], version("cdk-nag"))


SSM_ROLES = Tool(
    "ssm-roles",
    [sys.executable, "-m", "ssm_roles", "check", "--info", "--format", "json", "."],
    _of_ssm_roles,
)
OTHERS = [
    # The information is included, because the rule about fixed partitions is one.
    Tool("cfn-lint", [str(_CFN_LINT), "--include-checks", "I", "--format", "json", "--template", "*/*"], _of_cfn_lint),
    Tool(
        "checkov",
        [
            *(str(CHECKOV), "--directory", ".", "--framework", "cloudformation"),
            *("--compact", "--quiet", "--skip-download", "--output", "json"),
        ],
        _of_checkov,
    ),
    Tool("cdk-nag", [sys.executable, str(_CDK_NAG), "."], _of_cdk_nag),
]
"""The tools to compare with, and their default rules."""
