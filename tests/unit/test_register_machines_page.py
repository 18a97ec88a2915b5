"""The page about registering machines: its options, exit codes and recipes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ssm_roles import Registration
from ssm_roles.activation.registration import registration_script

PAGE = Path(__file__).resolve().parents[2] / "docs" / "topics" / "register-machines.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""

# The wheel is tested in a folder without the documentation.
pytestmark = pytest.mark.skipif(not TEXT, reason="the documentation is not here")

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
LINUX = [
    Registration.linux(),
    Registration.eks_hybrid_node(cluster_name="c", kubernetes_version="1.34"),
    Registration.ecs_anywhere(cluster_name="c"),
]


def section(title: str) -> str:
    return re.split(rf"^##+ {title}$", TEXT, flags=re.MULTILINE)[1].split("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


@pytest.fixture(scope="module")
def usages() -> list[str]:
    scripts = [registration_script(each, region="r", secret_arn="a", url_suffix="s") for each in LINUX]
    return [
        subprocess.run(["sh", "-s", "--", "--help"], input=script, capture_output=True, text=True, check=True).stdout
        for script in scripts
    ]


def test_the_page_lists_every_option_of_every_script(usages: list[str]) -> None:
    options = {line.split()[0] for usage in usages for line in usage.splitlines() if line.startswith("  --")}
    table = rows("Options")
    assert [row[0].strip("`").split()[0] for row in table if row[0]] == list(
        dict.fromkeys(row[0].strip("`").split()[0] for row in table)
    )
    assert {row[0].strip("`").split()[0] for row in table} == options
    windows = (Path(registration_script.__code__.co_filename).parent / "scripts" / "register_windows.ps1").read_text()
    declared = set(re.findall(r"^    \[[a-z\[\]]+\]\$(\w+)", windows, flags=re.MULTILINE)) - {"Unknown"}
    assert {row[1].strip("`").split()[0].removeprefix("-") for row in table if row[1]} == declared


def test_the_page_lists_every_exit_code(usages: list[str]) -> None:
    for usage in usages:
        codes = re.findall(r"^  ([0-9][0-9, ]*?)    \S", usage, flags=re.MULTILINE)
        assert [row[0] for row in rows("Exit codes")] == codes


@pytest.mark.parametrize("index", range(len(blocks("sh"))))
def test_a_command_of_the_page_has_no_syntax_error(index: int) -> None:
    subprocess.run(["sh", "-n"], input=blocks("sh")[index], text=True, check=True, timeout=60)


@pytest.fixture(scope="module")
def files() -> list[Any]:
    return [yaml.safe_load(text) for text in blocks("yaml")]


def test_the_recipes_send_the_value_through_standard_input(files: list[Any]) -> None:
    playbook, cloud_config, workflow = files
    register = playbook[0]["tasks"][1]
    assert playbook[0]["vars"]["ansible_pipelining"] is True
    assert register["ansible.builtin.command"]["stdin"] == "{{ lookup('ansible.builtin.pipe', command) | string }}"
    assert register["no_log"] is True
    assert cloud_config.keys() == {"packages", "disable_root", "ssh_authorized_keys", "write_files"}
    (run,) = [step["run"] for step in workflow["jobs"]["register"]["steps"] if "run" in step]
    subprocess.run(["bash", "-n"], input=run, text=True, check=True, timeout=60)
    assert "--from-stdin" in run
    assert "${{" not in run


def test_the_recipe_for_terraform_keeps_the_value_out_of_the_state() -> None:
    (text,) = blocks("terraform")
    assert text.count("{") == text.count("}")
    assert "data " not in text
    (command,) = re.findall(r"<<-EOT\n(.*?)EOT", text, flags=re.DOTALL)
    subprocess.run(["bash", "-n"], input=command, text=True, check=True, timeout=60)
    assert "--from-stdin" in command
