"""The scripts that register machines. The scripts for Linux run here, with stubs in place of AWS's commands."""

from __future__ import annotations

import ast
import functools
import hashlib
import itertools
import json
import os
import pty
import re
import shutil
import signal
import string
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tree_sitter
import tree_sitter_powershell
import yaml
from aws_cdk import CfnOutput, CfnParameter

import ssm_roles
from ssm_roles import HybridActivation, HybridServiceRole, Registration
from ssm_roles.activation.registration import registration_script
from tests.unit.templates import ACCOUNT, new_stack

SCRIPTS = Path(ssm_roles.__file__).resolve().parent / "activation" / "scripts"
WINDOWS = SCRIPTS / "register_windows.ps1"

REGION = "eu-central-1"
SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:ActivationSecret-AbCdEf"
ACTIVATION_ID = "01234567-89ab-cdef-0123-456789abcdef"
CODE = "S3cr3t+Code/0123456789=="
NODE = "mi-0123456789abcdef0"

# The commands that every system has. All others are stubs, or missing.
SYSTEM_COMMANDS = ("bash", "cat", "chmod", "cut", "date", "env", "mktemp", "rm", "sed", "sha256sum", "tr")
NEEDED = ("cat", "chmod", "curl", "cut", "date", "env", "gpg", "mktemp", "rm", "sed", "tr", "uname")

# `sh` is one of these shells.
SHELLS = {"dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "sh"]}


# A shell can't trap a signal that it inherits as ignored, as from nohup. A process with a function to call before the
# program starts more slowly.
IGNORED = [each for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is signal.SIG_IGN]


def _default_signals() -> None:
    for each in IGNORED:
        signal.signal(each, signal.SIG_DFL)


which = functools.cache(shutil.which)


@functools.cache
def why_not(shell: str) -> str | None:
    """Return why a shell can't run the tests."""
    program = shutil.which(SHELLS.get(shell, [shell])[0])
    if program is None:
        return f"{shell} is not installed"
    # Some builds of BusyBox run their own commands although PATH has others, which would be the stubs.
    found = subprocess.run(
        [program, *SHELLS.get(shell, [shell])[1:], "-c", "command -v sed"],
        env={"PATH": "/nowhere"},
        capture_output=True,
        timeout=60,
    )
    return (
        f"{shell} doesn't look for commands in PATH only: install busybox, not busybox-static" if found.stdout else None
    )


# Each stub records its arguments, its environment, and what all processes of the machine show of theirs. The tests
# start hundreds of them, and importing json and pathlib would take longer than the rest.
NOTES = """
import os, sys

def read(path):
    with open(path, errors="replace") as file:
        return file.read()

program, *arguments = sys.argv[1:]
name = os.path.basename(program)
own = {own!r}.encode()
shown = []
for process in os.listdir("/proc"):
    if process.isdigit() and process != str(os.getpid()):
        try:
            with open(f"/proc/{{process}}/environ", "rb") as file:
                environment = file.read()
            # Other tests can run at the same time.
            if own in environment:
                with open(f"/proc/{{process}}/cmdline", "rb") as file:
                    shown.append(file.read() + environment)
        except OSError:
            pass
files = {{
    os.path.join(folder, each): [
        read(os.path.join(folder, each)),
        oct(os.stat(os.path.join(folder, each)).st_mode),
        oct(os.stat(folder).st_mode),
    ]
    for place in (os.environ["TMPDIR"], {other!r})
    for folder, _, names in os.walk(place)
    for each in names
    if os.path.isfile(os.path.join(folder, each))
}}
note = dict(
    name=name,
    arguments=arguments,
    environment=dict(os.environ),
    shown=b" ".join(shown).decode(errors="replace"),
    files=files,
    mode=oct(os.stat(program).st_mode),
    folder=os.path.dirname(program),
    current=os.getcwd(),
    input=sys.stdin.read() if name not in ("aws", "curl") else None,
)
with open({notes!r}, "a") as file:
    file.write(ascii(note) + "\\n")
"""
BEHAVIOUR = {
    "aws": """
if arguments[0] == "secretsmanager":
    sys.stdout.write(read({secret!r}))
    sys.exit({aws})
print("output of the AWS CLI")
sys.exit({tagging})
""",
    "curl": """
if {curl} == 0:
    with open(arguments[arguments.index("--output") + 1], "w") as file:
        file.write({download!r})
sys.exit({curl})
""",
    "tool": """
print("output of the tool")
if {hangs}:
    import time
    open({ready!r}, "w").close()
    time.sleep(60)
if {registers} and arguments[0] != "install":
    with open({registration!r}, "w") as file:
        file.write({node!r})
sys.exit({tool} if arguments[0] != "install" else {install})
""",
}


def value(**changes: Any) -> str:
    """Write the secret's value as the rotation function does."""
    settings = {
        "ActivationId": ACTIVATION_ID,
        "ActivationCode": CODE,
        "Region": REGION,
        "IamRole": "service-role/Nodes",
        "ExpirationDate": "2999-12-31T23:59:59Z",
        "RegistrationLimit": 10,
    }
    return json.dumps({**settings, **changes}, sort_keys=True, separators=(",", ":"))


def registration_of(node: str) -> str:
    """Write the file that SSM Agent writes."""
    return json.dumps({"ManagedInstanceID": node, "Region": REGION}, separators=(",", ":"))


@dataclass
class Run:
    exit_code: int
    output: str
    error: str
    notes: list[dict[str, Any]]
    temporary: Path
    other: Path
    registration: Path

    def note(self, name: str) -> dict[str, Any]:
        (note,) = [each for each in self.notes if each["name"] == name]
        return note

    @property
    def tool(self) -> dict[str, Any]:
        return self.notes[-1]

    @property
    def url(self) -> str:
        return str(self.note("curl")["arguments"][-1])

    @property
    def commands(self) -> list[str]:
        return [each["name"] for each in self.notes]

    @property
    def message(self) -> str:
        """The last line of the error output, after the name."""
        last = self.error.splitlines()[-1]
        assert last.startswith("register: ")
        return last.removeprefix("register: ")

    def left(self) -> list[Path]:
        return [path for place in (self.temporary, self.other) for path in place.iterdir()]


LINUX = Registration.linux()
EKS = Registration.eks_hybrid_node(cluster_name="Cluster_1-a", kubernetes_version="1.34")
ECS = Registration.ecs_anywhere(cluster_name="Cluster_1-a")
ON_LINUX = {"linux": LINUX, "eks_hybrid_node": EKS, "ecs_anywhere": ECS}
# The fast suite tries one of them.
KINDS = ["linux", *(pytest.param(kind, marks=pytest.mark.deep) for kind in ON_LINUX if kind != "linux")]
TOOLS = {"linux": "ssm-setup-cli", "eks_hybrid_node": "nodeadm", "ecs_anywhere": "ecs-anywhere-install.sh"}


@dataclass
class Machine:
    """A machine outside AWS, with a folder for everything that the script reads or writes."""

    folder: Path
    shell: str
    registration: Registration = LINUX
    secret: str = field(default_factory=value)
    stdin: str = "input of a user"
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "0"
    architecture: str = "x86_64"
    bits: str | None = "64"
    os_release: str | None = 'NAME="Red Hat"\nID="rhel"\nID_LIKE="fedora"\n'
    packages: tuple[str, ...] = ("rpm",)
    missing: tuple[str, ...] = ()
    noexec: tuple[str, ...] = ()
    aws: int = 0
    tagging: int = 0
    curl: int = 0
    tool: int = 0
    install: int = 0
    hangs: bool = False
    registers: bool = True
    registered: str | None = None
    node: str = registration_of(NODE)
    region: str = REGION
    url_suffix: str = "amazonaws.com"
    script: str | None = None

    @property
    def ready(self) -> Path:
        return self.folder / "elsewhere" / "ready"

    def run(self, *options: str, shell_options: tuple[str, ...] = ()) -> Run:
        process = self.start(*options, shell_options=shell_options)
        output, error = process.communicate(self.stdin, timeout=60)
        return self.result(process.returncode, output, error)

    def start(
        self, *options: str, shell_options: tuple[str, ...] = (), before: tuple[str, ...] = (), **how: Any
    ) -> subprocess.Popen[str]:
        reason = why_not(self.shell)
        if reason is not None:
            pytest.skip(reason)
        self._prepare()
        name, *applet = SHELLS.get(self.shell, [self.shell])
        shell = [str(which(name)), *applet]
        return subprocess.Popen(
            [*before, *shell, *shell_options, str(self.folder / "register.sh"), *options],
            env={
                "PATH": str(self.folder / "commands"),
                "TMPDIR": str(self.folder / "temporary"),
                **self.environment,
            },
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},
            text=True,
            preexec_fn=_default_signals if IGNORED else None,
        )

    def result(self, exit_code: int, output: str, error: str) -> Run:
        notes = self.folder / "elsewhere" / "notes"
        lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
        return Run(
            exit_code,
            output,
            error,
            [ast.literal_eval(line) for line in lines],
            self.folder / "temporary",
            self.folder / "other",
            self.folder / "registration",
        )

    def _prepare(self) -> None:
        # The secret is in Secrets Manager, not on the machine.
        commands, elsewhere = self.folder / "commands", self.folder / "elsewhere"
        for name in ("commands", "elsewhere", "temporary", "other"):
            (self.folder / name).mkdir()
        places = {
            "notes": str(elsewhere / "notes"),
            "own": f"TMPDIR={self.folder / 'temporary'}",
            "other": str(self.folder / "other"),
            "secret": str(elsewhere / "secret"),
            "ready": str(self.ready),
            "download": f'#!/bin/sh\nexec {sys.executable} -IS {elsewhere / "tool"} "$0" "$@"\n',
            "registration": str(self.folder / "registration"),
        }
        (elsewhere / "secret").write_text(self.secret + "\n", encoding="utf-8")
        for name, behaviour in BEHAVIOUR.items():
            program = (NOTES + behaviour).format(**{**vars(self), **places})
            (elsewhere / name).write_text(program, encoding="utf-8")
            if name != "tool":
                self._command(name, f'exec {sys.executable} -IS {elsewhere / name} "$0" "$@"')
        self._command("id", f"echo {self.user}")
        self._command("uname", f"echo {self.architecture}")
        if self.bits is not None:
            self._command("getconf", f'[ "$1" = LONG_BIT ] && echo {self.bits}')
        for name in ("gpg", *self.packages):
            self._command(name, "exit 1")
        for name in SYSTEM_COMMANDS:
            # BusyBox has commands of its own, which differ from those of other systems.
            own = self.shell == "busybox" and name != "bash"
            (commands / name).symlink_to(str(which("busybox" if own else name)))
        for name in self.missing:
            (commands / name).unlink()
        if self.noexec:
            # As in a folder that is mounted noexec, nothing can be run.
            (commands / "chmod").unlink()
            cases = " | ".join(f"{self.folder / name}/*" for name in self.noexec)
            real = which("chmod")
            self._command("chmod", f'case "$2" in {cases}) exec {real} 600 "$2" ;; esac; exec {real} "$@"')
        if self.registered is not None:
            (self.folder / "registration").write_text(self.registered, encoding="utf-8")
        if self.os_release is not None:
            (self.folder / "os-release").write_text(self.os_release, encoding="utf-8")
        text = self.script
        if text is None:
            text = registration_script(
                self.registration, region=self.region, secret_arn=SECRET_ARN, url_suffix=self.url_suffix
            )
        for place, filled in {
            "/var/lib/amazon/ssm/registration": str(self.folder / "registration"),
            "/etc/os-release": str(self.folder / "os-release"),
            "/var/tmp /var/lib /opt": str(self.folder / "other"),
        }.items():
            assert place in text
            text = text.replace(place, filled)
        (self.folder / "register.sh").write_text(text, encoding="utf-8")

    def _command(self, name: str, text: str) -> None:
        command = self.folder / "commands" / name
        command.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        command.chmod(0o700)


# The fast suite tries the strictest shell.
@pytest.fixture(params=["dash", *(pytest.param(shell, marks=pytest.mark.deep) for shell in SHELLS if shell != "dash")])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(tmp_path, request.param)


@pytest.fixture
def any_machine(tmp_path: Path) -> Machine:
    """A machine for tests that don't depend on the shell."""
    return Machine(tmp_path, "sh")


@pytest.fixture(params=KINDS)
def each_machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    """A machine for tests that depend on what it becomes."""
    return Machine(tmp_path, "sh", ON_LINUX[request.param])


def error_of(run: Run, exit_code: int = 1) -> str:
    """Return the error of a run, which must leave the machine unchanged."""
    assert run.exit_code == exit_code, run.error
    assert run.output == ""
    assert run.left() == []
    if exit_code != 2:
        assert [line for line in run.error.splitlines() if not line.startswith("output of the ")] == [
            f"register: {run.message}"
        ]
    return run.message if exit_code != 2 else run.error.splitlines()[0].removeprefix("register: ")


# What it does


def test_it_registers_the_machine_with_the_activation_of_the_secret(machine: Machine) -> None:
    run = machine.run()
    assert run.exit_code == 0, run.error
    assert run.error == (
        f"output of the tool\nregister: registered as {NODE} with the activation {ACTIVATION_ID} in {REGION}\n"
    )
    assert run.commands == ["aws", "curl", "ssm-setup-cli"]
    assert run.note("aws")["arguments"] == [
        *["secretsmanager", "get-secret-value", "--region", REGION, "--secret-id", SECRET_ARN],
        *["--query", "SecretString", "--output", "text"],
    ]
    assert run.url == f"https://amazon-ssm-{REGION}.s3.{REGION}.amazonaws.com/latest/linux_amd64/ssm-setup-cli"
    assert run.tool["arguments"] == [
        *["-register", "-activation-code", CODE, "-activation-id", ACTIVATION_ID, "-region", REGION]
    ]


def test_it_prints_the_id_of_the_node_and_nothing_else(each_machine: Machine) -> None:
    assert each_machine.run().output == f"{NODE}\n"


def test_no_command_waits_for_input(each_machine: Machine) -> None:
    assert each_machine.run().tool["input"] == ""


def test_it_makes_the_machine_a_hybrid_node(machine: Machine) -> None:
    machine.registration = EKS
    run = machine.run()
    assert run.exit_code == 0, run.error
    assert run.commands == ["aws", "curl", "nodeadm", "nodeadm"]
    install, join = run.notes[2:]
    assert install["arguments"] == ["install", "1.34", "--credential-provider", "ssm", "--region", REGION]
    assert install["files"].keys() == {f"{install['folder']}/nodeadm"}
    assert join["arguments"] == ["init", "--config-source", "file://nodeConfig.yaml"]
    text, mode, folder_mode = join["files"][f"{join['current']}/nodeConfig.yaml"]
    assert (mode, folder_mode) == ("0o100600", "0o40700")
    assert yaml.safe_load(text) == {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {
            "cluster": {"name": "Cluster_1-a", "region": REGION},
            "hybrid": {"ssm": {"activationCode": CODE, "activationId": ACTIVATION_ID}},
        },
    }
    assert run.left() == []


def test_it_makes_the_machine_an_external_instance(machine: Machine) -> None:
    machine.registration = ECS
    run = machine.run()
    assert run.exit_code == 0, run.error
    assert run.url == "https://amazon-ecs-agent.s3.amazonaws.com/ecs-anywhere-install-latest.sh"
    assert run.tool["arguments"] == [
        *["--region", REGION, "--cluster", "Cluster_1-a", "--activation-id", ACTIVATION_ID, "--activation-code", CODE]
    ]


def test_tools_run_in_a_private_folder_that_is_deleted(each_machine: Machine) -> None:
    run = each_machine.run()
    assert run.tool["mode"] == "0o100700"
    assert run.tool["current"] == run.tool["folder"]
    assert run.left() == []
    assert oct(run.registration.stat().st_mode) == "0o100600"
    assert {path.name for path in each_machine.folder.iterdir() if path.is_file()} == {
        *["os-release", "register.sh", "registration"]
    }


# Standard input


@pytest.mark.parametrize("kind", KINDS)
def test_it_takes_the_value_from_standard_input_without_the_aws_cli(kind: str, machine: Machine) -> None:
    machine.registration = ON_LINUX[kind]
    machine.stdin, machine.missing = value() + "\n", ("aws",)
    run = machine.run("--from-stdin")
    assert (run.exit_code, run.output) == (0, f"{NODE}\n"), run.error
    assert "aws" not in run.commands
    assert CODE in json.dumps(run.tool)
    assert run.tool["input"] == ""


def test_a_terminal_as_standard_input_is_an_error(machine: Machine) -> None:
    ours, theirs = pty.openpty()
    process = machine.start("--from-stdin", stdin=theirs)
    output, error = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    run = machine.result(process.returncode, output, error)
    assert error_of(run) == "--from-stdin requires the value of the secret on standard input"


def test_an_empty_standard_input_names_the_command_that_has_failed(machine: Machine) -> None:
    machine.stdin = ""
    run = machine.run("--from-stdin")
    assert error_of(run) == "standard input is empty: the command that reads the secret has failed"
    assert run.commands == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_registered_machine_is_skipped_or_registered_again_but_not_both(kind: str, any_machine: Machine) -> None:
    any_machine.registration = ON_LINUX[kind]
    again = "--override" if kind == "linux" else "--keep-registration"
    run = any_machine.run("--skip-registered", again)
    assert run.exit_code == 2
    assert "--skip-registered excludes --override and --keep-registration" in run.error


def test_an_activation_of_another_region_is_rejected(machine: Machine) -> None:
    machine.stdin = value(Region="eu-west-1")
    run = machine.run("--from-stdin")
    assert error_of(run) == "the value on standard input must have an activation in eu-central-1, got one in eu-west-1"
    assert run.commands == []


# The code


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "shell_option",
    [
        pytest.param((), id="as it is"),
        pytest.param(("-x",), id="traced"),
        pytest.param(("-a",), id="exported", marks=pytest.mark.deep),
    ],
)
@pytest.mark.parametrize(
    "option",
    [pytest.param((), id="from the secret"), pytest.param(("--from-stdin",), id="from stdin", marks=pytest.mark.deep)],
)
def test_only_what_registers_the_machine_shows_the_code(
    option: tuple[str, ...], shell_option: tuple[str, ...], kind: str, machine: Machine
) -> None:
    machine.registration = ON_LINUX[kind]
    machine.stdin = value()
    # These variables would stay exported.
    machine.environment = {"secret": "exported", "activation_code": "exported", "value": "exported"}
    run = machine.run(*option, shell_options=shell_option)
    assert run.exit_code == 0, run.error
    for note in run.notes:
        assert CODE not in json.dumps(note["environment"])
        assert CODE not in note["shown"]
        assert CODE not in note["arguments"] or note["name"] in ("ssm-setup-cli", "ecs-anywhere-install.sh")
        assert {path for path, (text, *_) in note["files"].items() if CODE in text} <= {
            f"{note['current']}/nodeConfig.yaml"
        }
        if note["arguments"][0] != "init":
            assert CODE not in json.dumps(note["files"])
    assert CODE not in run.output + run.error
    # A stub doesn't see itself. These assertions make sure that the ones above can fail.
    assert CODE in json.dumps([run.tool["arguments"], run.tool["files"]])
    assert str(machine.folder / "register.sh") in run.tool["shown"]


# The API documents the length of a code, but no pattern. JSON escapes some of these characters.
PRINTABLE = string.digits + string.ascii_letters + string.punctuation + " "


CODES = [
    PRINTABLE,
    PRINTABLE[::-1],
    '"' * 10 + "\\" * 10,
    '\\"' * 10,
    "\\n\\t\\u0041\\\\" * 2,
    ',"ActivationId":"another","ActivationCode":"',
    "$(touch owned) `touch owned` ${HOME} $'x'",
    "-clear -y 0123456789",
    "%s%n%d\\0\\c 0123456789",
    "': x\n".strip() + " # 0123456789012345",
    "x" * 250,
]


@pytest.mark.parametrize("kind", ["linux", pytest.param("eks_hybrid_node", marks=pytest.mark.deep)])
@pytest.mark.parametrize(
    "code", [pytest.param(code, id=str(each), marks=[pytest.mark.deep] * (each % 2)) for each, code in enumerate(CODES)]
)
def test_a_code_with_any_characters_is_passed_unchanged(code: str, kind: str, machine: Machine) -> None:
    machine.registration = ON_LINUX[kind]
    machine.secret = value(ActivationCode=code)
    run = machine.run()
    assert run.exit_code == 0, run.error
    if kind == "eks_hybrid_node":
        text = run.tool["files"][f"{run.tool['current']}/nodeConfig.yaml"][0]
        assert yaml.safe_load(text)["spec"]["hybrid"]["ssm"] == {"activationCode": code, "activationId": ACTIVATION_ID}
    else:
        assert code in run.tool["arguments"]
        assert ACTIVATION_ID in run.tool["arguments"]
    assert not (machine.folder / "owned").exists()


@pytest.mark.parametrize(
    ("kind", "code", "sentence"),
    [
        ("eks_hybrid_node", "x" * 19, "must have 20 to 250 characters"),
        ("eks_hybrid_node", "x" * 251, "must have 20 to 250 characters"),
        ("ecs_anywhere", "--skip-registration01", "begins with --"),
    ],
)
def test_a_code_that_a_tool_would_show_or_misunderstand_is_rejected(
    kind: str, code: str, sentence: str, machine: Machine
) -> None:
    machine.registration = ON_LINUX[kind]
    machine.secret = value(ActivationCode=code)
    run = machine.run()
    error = error_of(run)
    assert sentence in error
    assert code not in error
    assert run.commands == ["aws", "curl"]


def test_a_value_with_spaces_after_its_colons_is_accepted(machine: Machine) -> None:
    machine.secret = json.dumps(json.loads(value()))
    assert CODE in machine.run().tool["arguments"]


# The machine


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_the_download_comes_from_the_region_s_bucket(region: str, any_machine: Machine) -> None:
    any_machine.region, any_machine.secret = region, value(Region=region)
    any_machine.url_suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    assert any_machine.run().url == (
        f"https://amazon-ssm-{region}.s3.{region}.{any_machine.url_suffix}/latest/linux_amd64/ssm-setup-cli"
    )


@pytest.mark.parametrize(
    ("region", "architecture", "url"),
    [
        ("eu-central-1", "x86_64", "https://hybrid-assets.eks.amazonaws.com/releases/latest/bin/linux/amd64/nodeadm"),
        ("us-gov-west-1", "aarch64", "https://hybrid-assets.eks.amazonaws.com/releases/latest/bin/linux/arm64/nodeadm"),
        ("cn-north-1", "x86_64", "https://eks-hybrid-assets.awsstatic.cn/releases/latest/bin/linux/amd64/nodeadm"),
    ],
)
def test_nodeadm_comes_from_the_partition_s_host(
    region: str, architecture: str, url: str, any_machine: Machine
) -> None:
    any_machine.registration, any_machine.architecture = EKS, architecture
    any_machine.region, any_machine.secret = region, value(Region=region)
    assert any_machine.run().url == url


@pytest.mark.parametrize(
    ("os_release", "architecture", "bits", "folder"),
    [
        ('ID="amzn"\nID_LIKE="fedora"\n', "x86_64", "64", "linux_amd64"),
        ('ID="sles"\nID_LIKE="suse"\n', "aarch64", "64", "linux_arm64"),
        ("ID=debian\nVERSION_ID=12\n", "x86_64", "64", "debian_amd64"),
        ('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', "aarch64", "64", "debian_arm64"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "amd64", None, "debian_amd64"),
        ("PRETTY_NAME=debian\nID=notdebian\n", "arm64", None, "linux_arm64"),
        (None, "x86_64", "64", "linux_amd64"),
        # Raspberry Pi OS: 32 bits, with a kernel of 64 or 32 bits.
        ("ID=raspbian\nID_LIKE=debian\n", "aarch64", "32", "debian_arm"),
        ("ID=raspbian\nID_LIKE=debian\n", "armv7l", "32", "debian_arm"),
        ("ID=raspbian\nID_LIKE=debian\n", "armv6l", "32", "debian_arm"),
    ],
)
def test_the_download_fits_the_system_and_the_processor(
    os_release: str | None, architecture: str, bits: str | None, folder: str, any_machine: Machine
) -> None:
    any_machine.os_release, any_machine.architecture, any_machine.bits = os_release, architecture, bits
    assert f"/latest/{folder}/" in any_machine.run().url


@pytest.mark.parametrize(
    ("architecture", "bits", "got"),
    [
        ("riscv64", "64", "linux_riscv64"),
        ("armv7l", "32", "linux_arm"),
        ("aarch64", "32", "linux_arm"),
        ("x86_64", "32", "linux_x86_64"),
    ],
)
def test_another_processor_is_rejected(architecture: str, bits: str, got: str, each_machine: Machine) -> None:
    each_machine.architecture, each_machine.bits = architecture, bits
    run = each_machine.run()
    error = error_of(run)
    assert error.startswith("requires a machine with one of the platforms linux_amd64 linux_arm64 ")
    assert error.endswith(f", got {got}")
    assert run.commands == []


@pytest.mark.parametrize("kind", ["eks_hybrid_node", "ecs_anywhere"])
def test_raspberry_pi_os_with_32_bits_can_be_a_managed_node_only(kind: str, any_machine: Machine) -> None:
    any_machine.registration = ON_LINUX[kind]
    any_machine.os_release, any_machine.bits, any_machine.architecture = "ID_LIKE=debian\n", "32", "aarch64"
    assert error_of(any_machine.run()).endswith(", got debian_arm")


@pytest.mark.parametrize("packages", [(), ("apk",)])
def test_a_distribution_without_packages_of_the_agent_is_rejected(packages: tuple[str, ...], machine: Machine) -> None:
    machine.packages, machine.os_release = packages, "ID=alpine\n"
    run = machine.run()
    assert error_of(run) == "requires a Linux distribution with dpkg, rpm or snap, for which AWS provides packages"
    assert run.commands == []


@pytest.mark.parametrize("command", ["dpkg", "rpm", "snap"])
def test_one_of_the_package_managers_is_enough(command: str, any_machine: Machine) -> None:
    any_machine.packages = (command,)
    assert any_machine.run().exit_code == 0


@pytest.mark.parametrize("command", ["aws", *NEEDED])
def test_a_missing_command_is_an_error_before_anything_happens(command: str, machine: Machine) -> None:
    machine.missing = (command,)
    run = machine.run()
    assert error_of(run) == f"requires the command {command}, which is not in PATH"
    assert run.commands == []


def test_a_missing_command_of_an_option_is_an_error(machine: Machine) -> None:
    machine.missing = ("sha256sum",)
    run = machine.run("--sha256", "0" * 64)
    assert error_of(run) == "requires the command sha256sum, which is not in PATH"


def test_the_tool_of_amazon_ecs_needs_bash(machine: Machine) -> None:
    machine.registration, machine.missing = ECS, ("bash",)
    assert error_of(machine.run()) == "requires the command bash, which is not in PATH"


def test_a_user_other_than_root_is_rejected(machine: Machine) -> None:
    machine.user = "1000"
    assert error_of(machine.run()) == "must be run as root"


def test_another_folder_is_used_if_nothing_can_be_run_in_the_usual_one(machine: Machine) -> None:
    machine.noexec = ("temporary",)
    run = machine.run()
    assert run.exit_code == 0, run.error
    assert Path(run.tool["folder"]).parent == run.other
    assert run.left() == []


def test_no_folder_in_which_programs_can_run_is_an_error_before_anything_happens(machine: Machine) -> None:
    machine.noexec = ("temporary", "other")
    run = machine.run()
    assert error_of(run) == "found no folder in which programs can run: set TMPDIR to one that is not mounted noexec"
    assert run.commands == []


def test_a_folder_that_is_really_mounted_noexec_is_not_used(machine: Machine) -> None:
    mount = ["unshare", "--mount", "--map-root-user", "sh", "-c", 'mount -t tmpfs -o noexec none "$0" && exec "$@"']
    temporary = machine.folder / "temporary"
    trial = subprocess.run([*mount, str(machine.folder), "true"], capture_output=True, timeout=60, check=False)
    if trial.returncode != 0:
        pytest.skip(f"can't mount a folder here: {trial.stderr.decode().strip()}")
    # The machine has few commands in PATH.
    mount = [str(shutil.which(each)) if each in ("unshare", "sh") else each for each in mount]
    mount[-1] = mount[-1].replace("mount", str(shutil.which("mount")), 1)
    process = machine.start(before=(*mount, str(temporary)))
    output, error = process.communicate("", timeout=60)
    run = machine.result(process.returncode, output, error)
    assert run.exit_code == 0, run.error
    assert Path(run.tool["folder"]).parent == run.other


# What the tools see of the environment

AWS_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret key",
    "AWS_SESSION_TOKEN": "lines\nAWS_OF_NOTHING=x\n$(touch owned)",
    "AWS_PROFILE": "a profile",
    "AWS_ENDPOINT_URL": "https://elsewhere.example",
    "AWS_CA_BUNDLE": "/of/the/cli.pem",
}


def test_the_tool_sees_no_setting_of_the_aws_cli(each_machine: Machine) -> None:
    each_machine.environment = {**AWS_SETTINGS, "HOME": "/root"}
    run = each_machine.run("--tag", "a=b")
    assert run.exit_code == 0, run.error
    read, *tools, tagged = run.notes
    for note in (read, tagged):
        assert note["environment"].items() >= AWS_SETTINGS.items()
    for note in tools:
        assert [name for name in note["environment"] if name.startswith("AWS_")] == []
        assert note["environment"]["HOME"] == "/root"


PROXIES = {name: f"http://{name}.example:3128" for name in ("http_proxy", "https_proxy", "no_proxy")}


@pytest.mark.parametrize("upper", [False, True])
def test_proxies_apply_to_all_downloads(upper: bool, each_machine: Machine) -> None:
    given = {name.upper(): value for name, value in PROXIES.items()} if upper else PROXIES
    each_machine.environment = dict(given)
    run = each_machine.run()
    for note in run.notes:
        assert note["environment"].items() >= {**given, **PROXIES}.items()


def test_a_proxy_in_lower_case_wins(any_machine: Machine) -> None:
    any_machine.environment = {"https_proxy": "http://lower", "HTTPS_PROXY": "http://upper"}
    assert any_machine.run().tool["environment"]["https_proxy"] == "http://lower"


def test_without_proxies_and_certificates_no_variable_is_set(any_machine: Machine) -> None:
    names = any_machine.run().tool["environment"].keys()
    assert not [name for name in names if "PROXY" in name.upper() or "CA_BUNDLE" in name or "SSL" in name]


BUNDLES = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")


@pytest.mark.parametrize("name", BUNDLES)
def test_one_variable_with_certificates_applies_to_all_commands(name: str, each_machine: Machine) -> None:
    each_machine.environment = {name: "/certificates.pem"}
    read, *tools = each_machine.run().notes
    assert {read["environment"][each] for each in BUNDLES} == {"/certificates.pem"}
    assert {note["environment"][each] for note in tools for each in BUNDLES[:2]} == {"/certificates.pem"}


def test_certificates_of_a_variable_apply_to_its_commands(any_machine: Machine) -> None:
    any_machine.environment = {name: f"/{name}.pem" for name in BUNDLES}
    assert any_machine.run().note("aws")["environment"].items() >= any_machine.environment.items()


@pytest.mark.parametrize("absolute", [False, True])
def test_an_option_names_the_certificates(absolute: bool, machine: Machine) -> None:
    bundle = machine.folder / "my bundle.pem"
    bundle.touch()
    machine.environment = {"SSL_CERT_FILE": "/other.pem"}
    process = machine.start("--ca-bundle", str(bundle) if absolute else bundle.name, cwd=machine.folder)
    run = machine.result(process.wait(60), *process.communicate("", timeout=60))
    assert {note["environment"]["SSL_CERT_FILE"] for note in run.notes} == {str(bundle)}
    assert run.note("aws")["environment"]["AWS_CA_BUNDLE"] == str(bundle)
    assert run.note("curl")["environment"]["CURL_CA_BUNDLE"] == str(bundle)


def test_curl_has_limits_and_ignores_its_configuration(each_machine: Machine) -> None:
    arguments = each_machine.run().note("curl")["arguments"]
    assert arguments[0] == "-q"
    options = dict(itertools.pairwise(arguments))
    assert options["--proto"] == "=https"
    assert {"--tlsv1.2", "--fail", "--location"} <= set(arguments)
    for limit, most in {"--connect-timeout": 30, "--speed-time": 60, "--max-time": 1800, "--retry": 5}.items():
        assert 0 < int(options[limit]) <= most


# A registered machine


@pytest.mark.parametrize("kind", KINDS)
def test_a_registered_machine_has_an_exit_code_of_its_own(kind: str, machine: Machine) -> None:
    machine.registration, machine.registered = ON_LINUX[kind], registration_of("mi-0a")
    # Nothing else is needed to find out.
    machine.missing = ("aws", "curl", "gpg")
    run = machine.run()
    error = error_of(run, 3)
    assert error.startswith(f"this machine is already registered as mi-0a, because {run.registration} exists: --skip-")
    assert run.commands == []


def test_a_registered_machine_can_be_skipped(each_machine: Machine) -> None:
    each_machine.registered, each_machine.missing = registration_of("mi-0a"), ("aws", "curl", "gpg")
    run = each_machine.run("--skip-registered")
    assert (run.exit_code, run.output) == (0, "mi-0a\n")
    assert run.error == "register: this machine is already registered as mi-0a\n"
    assert run.commands == []


def test_a_registration_without_a_node_is_an_error(machine: Machine) -> None:
    machine.registered = "{}"
    run = machine.run("--skip-registered")
    assert error_of(run) == f"this machine is already registered, but {run.registration} doesn't name the node"


def test_a_registered_machine_can_be_registered_again(machine: Machine) -> None:
    machine.registered = registration_of("mi-0a")
    run = machine.run("--override")
    assert (run.exit_code, run.output) == (0, f"{NODE}\n")
    assert "-override" in run.tool["arguments"]


@pytest.mark.parametrize("kind", ["eks_hybrid_node", "ecs_anywhere"])
def test_a_tool_can_run_again_on_a_registered_machine(kind: str, machine: Machine) -> None:
    machine.registration, machine.registered, machine.registers = ON_LINUX[kind], registration_of("mi-0a"), False
    run = machine.run("--keep-registration")
    assert (run.exit_code, run.output) == (0, "mi-0a\n")
    assert run.tool["name"] == TOOLS[kind]


# Names and tags


def test_the_node_gets_its_name_and_tags(machine: Machine) -> None:
    run = machine.run("--name", "web 1", "--tag", "Team=a=b", "--tag", "empty=", "--tag", "größe=_.:/=+-@")
    assert (run.exit_code, run.output) == (0, f"{NODE}\n"), run.error
    *options, tags = run.notes[-1]["arguments"]
    assert options == [
        *["ssm", "add-tags-to-resource", "--region", REGION, "--resource-type", "ManagedInstance"],
        *["--resource-id", NODE, "--tags"],
    ]
    assert json.loads(tags) == [
        {"Key": "Name", "Value": "web 1"},
        {"Key": "Team", "Value": "a=b"},
        {"Key": "empty", "Value": ""},
        {"Key": "größe", "Value": "_.:/=+-@"},
    ]


def test_tags_that_cannot_be_set_have_an_exit_code_of_their_own(machine: Machine) -> None:
    machine.tagging = 254
    run = machine.run("--name", "web")
    assert (run.exit_code, run.output) == (4, f"{NODE}\n")
    assert run.message == f"registered as {NODE}, but could not set its tags"


@pytest.mark.parametrize("options", [("--name", "web"), ("--tag", "a=b")])
def test_tags_without_credentials_are_rejected(options: tuple[str, ...], machine: Machine) -> None:
    machine.stdin = value()
    error = error_of(machine.run("--from-stdin", *options), 2)
    assert "set the tags from the host that reads the secret, with the ID that this script prints" in error


# Mirrors


def test_the_tool_can_come_from_a_mirror(each_machine: Machine) -> None:
    assert each_machine.run("--url", "https://mirror.example/a b").url == "https://mirror.example/a b"


def checksum(machine: Machine) -> str:
    tool = f'#!/bin/sh\nexec {sys.executable} -IS {machine.folder / "elsewhere" / "tool"} "$0" "$@"\n'
    return hashlib.sha256(tool.encode()).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_a_download_with_the_right_checksum_is_run(kind: str, machine: Machine) -> None:
    machine.registration = ON_LINUX[kind]
    run = machine.run("--sha256", checksum(machine).upper())
    assert run.exit_code == 0, run.error


@pytest.mark.parametrize("kind", KINDS)
def test_a_download_with_another_checksum_is_not_run(kind: str, machine: Machine) -> None:
    machine.registration = ON_LINUX[kind]
    run = machine.run("--sha256", "a" * 64)
    assert error_of(run).endswith(f" must have the SHA-256 checksum {'a' * 64}, got {checksum(machine)}")
    assert run.commands == ["aws", "curl"]


@pytest.mark.parametrize("version", ["stable", "latest", "3.3.4108.0"])
def test_the_version_of_the_agent_can_be_chosen(version: str, machine: Machine) -> None:
    assert machine.run("--agent-version", version).tool["arguments"][-2:] == ["-version", version]


@pytest.mark.parametrize("source", ["all", "docker", "distro", "none"])
def test_the_source_of_docker_can_be_chosen(source: str, any_machine: Machine) -> None:
    any_machine.registration = ECS
    run = any_machine.run("--docker-install-source", source)
    assert run.tool["arguments"][-2:] == ["--docker-install-source", source]


# Options


def test_help_lists_every_option_and_exit_code(each_machine: Machine) -> None:
    each_machine.user = "1000"
    run = each_machine.run("--help")
    assert (run.exit_code, run.error) == (0, "")
    own = {
        "ssm-setup-cli": {"--override", "--agent-version"},
        "nodeadm": {"--keep-registration"},
        "ecs-anywhere-install.sh": {"--keep-registration", "--docker-install-source"},
    }[TOOLS[next(kind for kind, each in ON_LINUX.items() if each == each_machine.registration)]]
    listed = {line.split()[0] for line in run.output.splitlines() if line.startswith("  --")}
    common = {"--from-stdin", "--skip-registered", "--name", "--tag", "--url", "--sha256", "--ca-bundle", "--help"}
    assert listed == common | own
    codes = re.findall(r"^  ([0-9][0-9, ]*?)    \S", run.output, flags=re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "4", "129, 130, 143"]
    assert max(map(len, run.output.splitlines())) <= 120


EVIL = "$(touch owned)`touch owned`'; touch owned; \"; touch owned; #"

INVALID = {
    "an unknown option": (["--unknown"], "unknown option: --unknown"),
    "an evil option": ([EVIL], f"unknown option: {EVIL}"),
    "an argument": (["now"], "unknown option: now"),
    "an empty argument": ([""], "unknown option: "),
    "an option of another tool": (["--keep-registration"], "unknown option: --keep-registration"),
    "a short option": (["-h"], "unknown option: -h"),
    "--name without a value": (["--name"], "--name requires a value"),
    "--tag without a value": (["--tag"], "--tag requires a value"),
    "--url without a value": (["--url"], "--url requires a value"),
    "--sha256 without a value": (["--sha256"], "--sha256 requires a value"),
    "--ca-bundle without a value": (["--ca-bundle"], "--ca-bundle requires a value"),
    "--agent-version without a value": (["--agent-version"], "--agent-version requires a value"),
    "an evil name": (["--name", EVIL], "--name and --tag must have only letters"),
    "a name with quotation marks": (["--name", '","Value":"x'], "--name and --tag must have only letters"),
    "a name with a backslash": (["--name", "\\"], "--name and --tag must have only letters"),
    "a name with a line": (["--name", "a\n"], "--name and --tag must have only letters"),
    "a name twice": (["--name", "a", "--tag", "Name=b"], "--name and --tag must set each tag once, got Name twice"),
    "a tag without a value": (["--tag", "key"], "--tag must be KEY=VALUE, got key"),
    "a tag without a key": (["--tag", "=value"], "the key of a tag must not be empty or begin with aws:"),
    "a tag of AWS": (["--tag", "Aws:key=value"], "the key of a tag must not be empty or begin with aws:"),
    "an evil key": (["--tag", f"{EVIL}=value"], "--name and --tag must have only letters"),
    "a pattern as a key": (["--tag", "*=value"], "--name and --tag must have only letters"),
    "an evil value": (["--tag", f"key={EVIL}"], "--name and --tag must have only letters"),
    "a URL without TLS": (["--url", "http://mirror"], "--url must begin with https://, got http://mirror"),
    "a file as URL": (["--url", "file:///etc/shadow"], "--url must begin with https://, got file:///etc/shadow"),
    "an option as URL": (["--url", "--upload-file"], "--url must begin with https://, got --upload-file"),
    "an empty URL": (["--url", ""], "--url must begin with https://, got "),
    "a short checksum": (["--sha256", "a" * 63], "--sha256 must be 64 hexadecimal digits"),
    "a checksum of other characters": (["--sha256", "g" * 64], "--sha256 must be 64 hexadecimal digits"),
    "an empty checksum": (["--sha256", ""], "--sha256 must be 64 hexadecimal digits"),
    "an evil checksum": (["--sha256", EVIL], "--sha256 must be 64 hexadecimal digits"),
    "certificates that don't exist": (["--ca-bundle", EVIL], "--ca-bundle must be a file"),
    "an evil version": (["--agent-version", EVIL], "--agent-version must be stable, latest or a number"),
    "an option as version": (["--agent-version", "-role"], "--agent-version must be stable, latest or a number"),
    "an empty version": (["--agent-version", ""], "--agent-version must be stable, latest or a number"),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_option_shows_the_usage_before_anything_happens(case: str, machine: Machine) -> None:
    options, sentence = INVALID[case]
    process = machine.start(*options, cwd=machine.folder)
    output, error = process.communicate("", timeout=60)
    run = machine.result(process.returncode, output, error)
    assert error_of(run, 2).startswith(sentence)
    assert "Usage: sh register.sh [OPTION...]" in run.error
    assert run.commands == []
    assert not (machine.folder / "owned").exists()


def test_an_invalid_source_of_docker_is_rejected(any_machine: Machine) -> None:
    any_machine.registration = ECS
    assert error_of(any_machine.run("--docker-install-source", EVIL), 2).startswith("--docker-install-source must be ")


def test_an_evil_url_is_only_an_argument(machine: Machine) -> None:
    process = machine.start("--url", f"https://{EVIL}", cwd=machine.folder)
    process.communicate("", timeout=60)
    assert not (machine.folder / "owned").exists()
    assert machine.result(0, "", "").url == f"https://{EVIL}"


# Failures

REJECTED_SECRETS = {
    "the placeholder": (
        '{"Nothing":"x7Y","Placeholder":"The first rotation puts an activation here."}',
        "first rotation",
    ),
    "no JSON": ("a password", "first rotation"),
    "nothing": ("", "first rotation"),
    "an empty code": (value(ActivationCode=""), "first rotation"),
    "a code that is no string": (value(ActivationCode=1), "first rotation"),
    "a code with a control character": (value(ActivationCode=f"{CODE}\n"), "first rotation"),
    "no end": (value(ExpirationDate=None), "first rotation"),
    "no Region": (value(Region=None), "first rotation"),
    "another Region": (value(Region="eu-west-1"), "must have an activation in eu-central-1, got one in eu-west-1"),
    "an evil ID": (value(ActivationId="-clear $(touch owned)"), "has an activation ID with invalid characters"),
    "an activation that has expired": (
        value(ExpirationDate="2026-01-31T08:15:00Z"),
        f"the activation {ACTIVATION_ID} expired at 2026-01-31T08:15:00Z",
    ),
    "an activation that has expired, with an offset": (
        value(ExpirationDate="2026-01-31T08:15:00.123456+00:00"),
        f"the activation {ACTIVATION_ID} expired at 2026-01-31T08:15:00.123456+00:00",
    ),
}


@pytest.mark.parametrize("from_stdin", [False, pytest.param(True, marks=pytest.mark.deep)])
@pytest.mark.parametrize("case", REJECTED_SECRETS)
def test_a_secret_without_a_usable_activation_is_rejected(case: str, from_stdin: bool, machine: Machine) -> None:
    machine.secret, sentence = REJECTED_SECRETS[case]
    if from_stdin and not machine.secret:
        sentence = "standard input is empty"
    machine.stdin = machine.secret
    run = machine.run(*(["--from-stdin"] if from_stdin else []))
    error = error_of(run)
    assert sentence in error
    assert CODE not in error
    assert run.commands == ([] if from_stdin else ["aws"])


def test_a_secret_that_cannot_be_read_is_an_error(machine: Machine) -> None:
    machine.aws = 254
    run = machine.run()
    assert error_of(run) == f"could not read the secret {SECRET_ARN}"
    assert run.commands == ["aws"]


def test_a_download_that_fails_is_an_error(machine: Machine) -> None:
    machine.curl = 22
    run = machine.run()
    assert error_of(run).startswith("could not download https://amazon-ssm-eu-central-1.")
    assert run.commands == ["aws", "curl"]


FAILED = {
    "linux": f"ssm-setup-cli could not register this machine with the activation {ACTIVATION_ID}",
    "eks_hybrid_node": f"nodeadm could not join the cluster Cluster_1-a with the activation {ACTIVATION_ID}",
    "ecs_anywhere": (
        f"ecs-anywhere-install.sh could not register this machine with the activation {ACTIVATION_ID} and the cluster "
        "Cluster_1-a"
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_registration_that_fails_is_an_error_without_the_code(kind: str, machine: Machine) -> None:
    machine.registration, machine.tool, machine.registers = ON_LINUX[kind], 1, False
    run = machine.run()
    assert error_of(run) == FAILED[kind]
    assert CODE not in run.error


def test_an_installation_that_fails_is_an_error_before_there_is_a_file_with_the_code(machine: Machine) -> None:
    machine.registration, machine.install = EKS, 1
    run = machine.run()
    assert error_of(run) == "nodeadm could not install the components of Kubernetes 1.34"
    assert run.commands == ["aws", "curl", "nodeadm"]


def test_a_registration_that_reports_success_but_has_no_effect_is_an_error(machine: Machine) -> None:
    machine.registers = False
    run = machine.run()
    assert error_of(run) == f"ssm-setup-cli succeeded, but {run.registration} doesn't exist"


def test_a_registration_that_names_no_node_is_an_error(machine: Machine) -> None:
    machine.node = "{}"
    run = machine.run()
    assert error_of(run) == f"ssm-setup-cli succeeded, but {run.registration} doesn't name the node"


# Signals


# The part of the script that handles signals is the same for every tool.
@pytest.mark.parametrize(
    ("number", "kind"),
    [
        pytest.param(number, kind, marks=[] if number == signal.SIGTERM or kind == "linux" else pytest.mark.deep)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
        for kind in ON_LINUX
    ],
)
def test_a_signal_stops_the_tool_and_deletes_everything(number: signal.Signals, kind: str, machine: Machine) -> None:
    machine.registration, machine.hangs = ON_LINUX[kind], True
    process = machine.start(stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not machine.ready.exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    started = time.monotonic()
    process.send_signal(number)
    # The pipe ends when the tool ends, which would take a minute.
    output, error = process.communicate(timeout=30)
    assert time.monotonic() - started < 20
    run = machine.result(process.returncode, output, error)
    assert (run.exit_code, run.output) == (128 + number, "")
    assert run.left() == []
    assert CODE not in run.error


# All of the scripts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shell", ["sh", *(pytest.param(shell, marks=pytest.mark.deep) for shell in ("bash", "dash"))])
def test_shellcheck_finds_nothing(shell: str, kind: str, tmp_path: Path) -> None:
    # In the environment of Python or in PATH: the environment of the wheel test lacks the scripts of packages.
    checker = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert checker is not None
    script = tmp_path / "register.sh"
    script.write_text(
        registration_script(ON_LINUX[kind], region=REGION, secret_arn=SECRET_ARN, url_suffix="amazonaws.com")
    )
    run = subprocess.run(
        [checker, f"--shell={shell}", "--severity=style", "--norc", str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_run_in_this_shell(shell: str) -> None:
    """Whoever reads the summary of the tests sees which shells are missing."""
    reason = why_not(shell)
    if reason is not None:
        pytest.skip(reason)


# Windows


def powershell_nodes() -> list[tree_sitter.Node]:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))

    def below(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
        yield node
        for child in node.children:
            yield from below(child)

    return list(below(parser.parse(WINDOWS.read_bytes()).root_node))


def texts(kind: str) -> list[str]:
    return [(node.text or b"").decode() for node in powershell_nodes() if node.type == kind]


def test_the_windows_script_parses() -> None:
    assert [node.start_point for node in powershell_nodes() if node.is_error or node.is_missing] == []


def test_the_windows_script_uses_full_names_of_commands() -> None:
    commands = set(texts("command_name"))
    assert {name for name in commands if "-" not in name} == {"aws"}
    assert commands >= {"Get-AuthenticodeSignature", "Invoke-WebRequest", "ConvertFrom-Json"}


def test_the_windows_script_stops_at_the_first_error_and_shows_no_trace() -> None:
    text = WINDOWS.read_text(encoding="utf-8")
    for line in (
        "Set-StrictMode -Version Latest",
        "$ErrorActionPreference = 'Stop'",
        "Set-PSDebug -Off",
        "[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12",
    ):
        assert f"\n{line}\n" in text or f"\n    {line}\n" in text
    assert text.isascii()


def test_the_windows_script_passes_the_code_to_ssm_setup_cli_only() -> None:
    uses = [line.strip() for line in WINDOWS.read_text(encoding="utf-8").splitlines() if ".ActivationCode" in line]
    check, register = uses
    assert check.startswith("if ($activation.ActivationCode -notmatch ")
    assert register.startswith("& $setup -register ")


def test_the_windows_script_offers_what_the_linux_script_offers(any_machine: Machine) -> None:
    def listed(usage: str) -> set[str]:
        lines = [line.split()[0] for line in usage.splitlines() if re.match(r"  --?[A-Za-z]", line)]
        return {line.replace("-", "").lower() for line in lines}

    text = WINDOWS.read_text(encoding="utf-8")
    usage = text[text.index("$usage = @'") : text.index("\n'@\n")]
    # Windows has a store for certificates.
    assert listed(usage) == listed(any_machine.run("--help").output) - {"cabundle"}
    declared = {
        each.removeprefix("$").lower() for each in re.findall(r"^    \[[a-z\[\]]+\](\$\w+)", text, re.MULTILINE)
    }
    assert listed(usage) == declared - {"unknown"}
    codes = re.findall(r"^  ([0-9])    (.*)$", usage, re.MULTILINE)
    assert [code for code, _ in codes] == ["0", "1", "2", "3", "4"]
    assert {f"$exitCode = {code}" for code in (1, 2, 3, 4)} <= set(re.findall(r"\$exitCode = [0-9]", text))
    assert max(map(len, usage.splitlines())) <= 120


def test_the_windows_script_rejects_unknown_options_and_positional_arguments() -> None:
    text = WINDOWS.read_text(encoding="utf-8")
    assert "[CmdletBinding(PositionalBinding = $false)]" in text
    assert "[Parameter(ValueFromRemainingArguments = $true)]" in text
    assert 'throw "unknown option: $($Unknown[0])"' in text


def test_the_windows_script_checks_options_before_anything_happens() -> None:
    text = WINDOWS.read_text(encoding="utf-8")
    order = ["$exitCode = 2", "-Sha256 must be", "$exitCode = 1", "IsInRole", "Get-Node -Path $registration", "& aws"]
    places = [text.index(each, text.index("try {")) for each in order]
    assert places == sorted(places)


def test_the_windows_script_hides_aws_settings_from_ssm_setup_cli_only() -> None:
    text = WINDOWS.read_text(encoding="utf-8")
    order = [
        "get-secret-value",
        "$settings | Remove-Item",
        "& $setup ",
        "Set-Item -LiteralPath",
        "add-tags-to-resource",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_the_windows_script_has_the_same_limits() -> None:
    text = WINDOWS.read_text(encoding="utf-8")
    assert "TimeoutSec = 900" in text
    assert "$activation.Region -cne $region" in text
    assert "Get-FileHash -Algorithm SHA256" in text
    assert "[Console]::IsInputRedirected" in text


# The scripts that the construct returns


def resolved(part: Any, partition: str, region: str, parameter: str = "") -> Any:
    """Resolve CloudFormation's functions and pseudo parameters."""
    if isinstance(part, str):
        return part
    if "Fn::Join" in part:
        separator, parts = part["Fn::Join"]
        if isinstance(parts, dict):
            parts = resolved(parts, partition, region, parameter)
        return separator.join(resolved(each, partition, region, parameter) for each in parts)
    if "Fn::Split" in part:
        separator, text = part["Fn::Split"]
        return resolved(text, partition, region, parameter).split(separator)
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    known = {"AWS::Region": region, "AWS::URLSuffix": suffix, "Parameter": parameter}
    return known.get(part["Ref"], SECRET_ARN.replace("arn:aws", f"arn:{partition}").replace("eu-central-1", region))


ALL = {**ON_LINUX, "windows": Registration.windows()}


@pytest.mark.parametrize("known", [False, True], ids=["for every environment", "for one environment"])
@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "eu-central-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
)
@pytest.mark.parametrize("kind", ALL)
def test_a_script_has_the_stack_s_region_partition_and_secret(
    kind: str, partition: str, region: str, known: bool
) -> None:
    stack = new_stack(region=region if known else None)
    activation = HybridActivation(stack, "Activation", role=HybridServiceRole(stack, "Nodes"))
    script = resolved(stack.resolve(activation.registration_script(ALL[kind])), partition, region)
    arn = f"arn:{partition}:secretsmanager:{region}:{ACCOUNT}:secret:ActivationSecret-AbCdEf"
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    assert script == registration_script(ALL[kind], region=region, secret_arn=arn, url_suffix=suffix)
    assert f"'{region}'" in script
    assert f"'{arn}'" in script
    assert (f"'{suffix}'" in script) == (kind in ("linux", "windows"))
    assert ("'Cluster_1-a'" in script) == (kind in ("eks_hybrid_node", "ecs_anywhere"))
    assert ("'1.34'" in script) == (kind == "eks_hybrid_node")
    assert "Token[" not in script
    assert not re.search(r"@[A-Z_]+@", script)


def test_the_scripts_for_linux_differ_in_the_part_for_the_tool_only() -> None:
    """Nothing is there twice."""
    texts = [
        registration_script(each, region=REGION, secret_arn=SECRET_ARN, url_suffix="amazonaws.com").splitlines()
        for each in ON_LINUX.values()
    ]
    common = (SCRIPTS / "register.sh").read_text(encoding="utf-8").split("# @TOOL@\n")
    before, after = (len(part.splitlines()) for part in common)
    for text in texts:
        assert text[:before] == texts[0][:before]
        assert text[-after:] == texts[0][-after:]
    for name in ("ssm_setup_cli", "nodeadm", "ecs_anywhere_install"):
        assert len((SCRIPTS / f"{name}.sh").read_text(encoding="utf-8").splitlines()) < (before + after) / 4


@pytest.mark.parametrize(
    "attack", [EVIL, "'", "''", "a'\n touch owned\n'", "\\'; touch owned; '", "--role", "", "../x"]
)
@pytest.mark.parametrize(
    "argument",
    [
        "cluster_name of EKS",
        pytest.param("kubernetes_version", marks=pytest.mark.deep),
        pytest.param("cluster_name of ECS", marks=pytest.mark.deep),
    ],
)
def test_a_value_that_is_known_at_deploy_time_only_cannot_inject_anything(
    argument: str, attack: str, machine: Machine
) -> None:
    stack = new_stack(region=REGION)
    parameter = CfnParameter(stack, "Parameter").value_as_string
    machine.registration = {
        "cluster_name of EKS": Registration.eks_hybrid_node(cluster_name=parameter, kubernetes_version="1.34"),
        "kubernetes_version": Registration.eks_hybrid_node(cluster_name="one", kubernetes_version=parameter),
        "cluster_name of ECS": Registration.ecs_anywhere(cluster_name=parameter),
    }[argument]
    activation = HybridActivation(stack, "Activation", role=HybridServiceRole(stack, "Nodes"))
    machine.script = resolved(
        stack.resolve(activation.registration_script(machine.registration)), "aws", REGION, attack
    )
    process = machine.start(cwd=machine.folder)
    output, error = process.communicate("", timeout=60)
    run = machine.result(process.returncode, output, error)
    assert (run.exit_code, run.output, run.left()) == (1, "", [])
    assert "is invalid: " in run.error
    assert run.commands == ["aws", "curl"]
    assert not (machine.folder / "owned").exists()


def test_a_cluster_of_the_app_can_be_named_by_a_token(machine: Machine) -> None:
    stack = new_stack(region=REGION)
    cluster = CfnParameter(stack, "Parameter").value_as_string
    activation = HybridActivation(stack, "Activation", role=HybridServiceRole(stack, "Nodes"))
    machine.registration = Registration.eks_hybrid_node(cluster_name=cluster, kubernetes_version="1.34")
    script = activation.registration_script(machine.registration)
    CfnOutput(stack, "Script", value=script)
    machine.script = resolved(stack.resolve(script), "aws", REGION, "Cluster-1")
    run = machine.run()
    assert run.exit_code == 0, run.error
    assert yaml.safe_load(run.tool["files"][f"{run.tool['current']}/nodeConfig.yaml"][0])["spec"]["cluster"] == {
        "name": "Cluster-1",
        "region": REGION,
    }


# The value class


@pytest.mark.parametrize("name", ["c", "9", "a_b-C", "a" * 100])
def test_a_name_of_a_cluster_is_accepted(name: str) -> None:
    Registration.eks_hybrid_node(cluster_name=name, kubernetes_version="1.34")
    Registration.ecs_anywhere(cluster_name=name)


@pytest.mark.parametrize(
    "name", ["", "a b", "a'b", "a\n", "$(touch owned)", "arn:aws:eks:eu-central-1:1:cluster/a", "ä"]
)
def test_a_name_that_no_cluster_can_have_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="cluster_name must be "):
        Registration.eks_hybrid_node(cluster_name=name, kubernetes_version="1.34")
    with pytest.raises(ValueError, match="cluster_name must be "):
        Registration.ecs_anywhere(cluster_name=name)


@pytest.mark.parametrize("name", ["-a", "_a", "a" * 101])
def test_a_name_that_no_cluster_of_amazon_eks_can_have_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="cluster_name must be "):
        Registration.eks_hybrid_node(cluster_name=name, kubernetes_version="1.34")
    if not name.startswith("-"):
        Registration.ecs_anywhere(cluster_name=name)


@pytest.mark.parametrize("name", ["--a", "a" * 256])
def test_a_name_that_no_cluster_of_amazon_ecs_can_have_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="cluster_name must be "):
        Registration.ecs_anywhere(cluster_name=name)


@pytest.mark.parametrize("version", ["1.34", "1.34.2", "1.9"])
def test_a_version_of_kubernetes_is_accepted(version: str) -> None:
    Registration.eks_hybrid_node(cluster_name="c", kubernetes_version=version)


@pytest.mark.parametrize("version", ["", "1", "latest", "v1.34", "1.34.", "1.34 --help", "1.34\n", "1.2.3.4"])
def test_a_version_that_is_none_is_rejected(version: str) -> None:
    with pytest.raises(ValueError, match="kubernetes_version must be "):
        Registration.eks_hybrid_node(cluster_name="c", kubernetes_version=version)


@pytest.mark.parametrize("wrong", [None, 1.34, ["1.34"], b"c"])
def test_arguments_of_other_types_are_rejected(wrong: Any) -> None:
    with pytest.raises(TypeError, match="cluster_name must be a string"):
        Registration.eks_hybrid_node(cluster_name=wrong, kubernetes_version="1.34")
    with pytest.raises(TypeError, match="kubernetes_version must be a string"):
        Registration.eks_hybrid_node(cluster_name="c", kubernetes_version=wrong)
    with pytest.raises(TypeError, match="cluster_name must be a string"):
        Registration.ecs_anywhere(cluster_name=wrong)


def test_registrations_are_values() -> None:
    assert Registration.linux() == Registration.linux()
    assert len({*ALL.values(), Registration.ecs_anywhere(cluster_name="Cluster_1-a")}) == len(ALL)
    assert Registration.ecs_anywhere(cluster_name="a") != Registration.ecs_anywhere(cluster_name="b")
    assert repr(EKS) == "Registration.eks_hybrid_node(cluster_name='Cluster_1-a', kubernetes_version='1.34')"
    assert repr(Registration.linux()) == "Registration.linux()"
