"""The scripts that register machines. The Linux script runs here, with stubs in place of AWS's commands."""

from __future__ import annotations

import json
import os
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tree_sitter
import tree_sitter_powershell

import ssm_roles
from ssm_roles import HybridActivation, HybridServiceRole, RegistrationPlatform
from tests.unit.templates import ACCOUNT, new_stack

SCRIPTS = Path(ssm_roles.__file__).resolve().parent / "activation" / "scripts"
LINUX = SCRIPTS / "register_linux.sh"
WINDOWS = SCRIPTS / "register_windows.ps1"

SECRET_ARN = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:ActivationSecret-AbCdEf"
ACTIVATION_ID = "01234567-89ab-cdef-0123-456789abcdef"
CODE = "S3cr3t+Code/0123456789=="

# The commands that every system has. All others are stubs, or missing.
SYSTEM_COMMANDS = ("cat", "chmod", "cut", "date", "mktemp", "rm", "sed", "tr")
NEEDED = ("aws", "curl", "cut", "date", "mktemp", "sed", "tr", "uname")

# `sh` is dash on some systems, and bash on others.
SHELLS = ("sh", "bash")

# Each stub records its arguments, its environment, and what all processes of the machine show of theirs.
NOTES = """
import json, os, sys
from pathlib import Path

name, *arguments = [Path(sys.argv[0]).name, *sys.argv[1:]]
notes = Path({notes!r})
shown = []
for process in Path("/proc").iterdir():
    if process.name.isdigit() and process.name != str(os.getpid()):
        try:
            environment = (process / "environ").read_bytes()
            # Other tests can run at the same time.
            if os.environ["TMPDIR"].encode() in environment:
                shown.append((process / "cmdline").read_bytes() + environment)
        except OSError:
            pass
files = [path.read_bytes() for path in Path(os.environ["TMPDIR"]).rglob("*") if path.is_file()]
note = dict(
    name=name,
    arguments=arguments,
    environment=dict(os.environ),
    shown=b" ".join(shown).decode(errors="replace"),
    files=b" ".join(files).decode(errors="replace"),
    mode=oct(Path(sys.argv[0]).stat().st_mode),
    input=sys.stdin.read() if name == "ssm-setup-cli" else None,
)
with notes.open("a") as file:
    file.write(json.dumps(note) + "\\n")
"""
BEHAVIOUR = {
    "aws": """
sys.stdout.write(Path({secret!r}).read_text())
sys.exit({aws})
""",
    "curl": """
if {curl} == 0:
    download = Path(arguments[arguments.index("--output") + 1])
    download.write_text(Path({setup!r}).read_text())
sys.exit({curl})
""",
    "ssm-setup-cli": """
if {registers}:
    Path({registration!r}).write_text("{{}}")
sys.exit({setup_cli})
""",
}


def value(**changes: Any) -> str:
    """Write the secret's value as the rotation function does."""
    settings = {
        "ActivationId": ACTIVATION_ID,
        "ActivationCode": CODE,
        "Region": "eu-central-1",
        "IamRole": "service-role/Nodes",
        "ExpirationDate": "2999-12-31T23:59:59Z",
        "RegistrationLimit": 10,
    }
    return json.dumps({**settings, **changes}, sort_keys=True, separators=(",", ":"))


@dataclass
class Run:
    exit_code: int
    output: str
    error: str
    notes: list[dict[str, Any]]
    temporary: Path
    registration: Path

    def note(self, name: str) -> dict[str, Any]:
        (note,) = [each for each in self.notes if each["name"] == name]
        return note

    @property
    def commands(self) -> list[str]:
        return [each["name"] for each in self.notes]


@dataclass
class Machine:
    """A machine outside AWS, with a folder for everything that the script reads or writes."""

    folder: Path
    shell: str
    secret: str = field(default_factory=value)
    user: str = "0"
    architecture: str = "x86_64"
    os_release: str | None = 'NAME="Red Hat"\nID="rhel"\nID_LIKE="fedora"\n'
    missing: tuple[str, ...] = ()
    aws: int = 0
    curl: int = 0
    setup_cli: int = 0
    registers: bool = True
    registered: bool = False
    region: str = "eu-central-1"
    url_suffix: str = "amazonaws.com"

    def run(self, *options: str) -> Run:
        commands, temporary = self.folder / "commands", self.folder / "temporary"
        # The secret is in Secrets Manager, not on the machine.
        elsewhere = self.folder / "elsewhere"
        for folder in (commands, temporary, elsewhere):
            folder.mkdir()
        places = {
            "notes": str(elsewhere / "notes"),
            "secret": str(elsewhere / "secret"),
            "setup": str(elsewhere / "ssm-setup-cli"),
            "registration": str(self.folder / "registration"),
        }
        (elsewhere / "secret").write_text(self.secret + "\n", encoding="utf-8")
        for name, behaviour in BEHAVIOUR.items():
            place = elsewhere if name == "ssm-setup-cli" else commands
            program = (NOTES + behaviour).format(**{**vars(self), **places})
            (place / name).write_text(f"#!{sys.executable} -IS\n{program}", encoding="utf-8")
            (place / name).chmod(0o700)
        for name, answer in (("id", self.user), ("uname", self.architecture)):
            (commands / name).write_text(f"#!/bin/sh\necho {answer}\n", encoding="utf-8")
            (commands / name).chmod(0o700)
        for name in SYSTEM_COMMANDS:
            (commands / name).symlink_to(str(shutil.which(name)))
        for name in self.missing:
            (commands / name).unlink()
        if self.registered:
            Path(places["registration"]).touch()
        if self.os_release is not None:
            (self.folder / "os-release").write_text(self.os_release, encoding="utf-8")
        run = subprocess.run(
            [str(shutil.which(self.shell)), *options, str(self._script(places["registration"]))],
            env={"PATH": str(commands), "TMPDIR": str(temporary)},
            input="input of a user",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        notes = elsewhere / "notes"
        lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
        return Run(
            run.returncode,
            run.stdout,
            run.stderr,
            [json.loads(line) for line in lines],
            temporary,
            Path(places["registration"]),
        )

    def _script(self, registration: str) -> Path:
        text = LINUX.read_text(encoding="utf-8")
        for place, filled in {
            "@REGION@": self.region,
            "@SECRET_ARN@": SECRET_ARN,
            "@URL_SUFFIX@": self.url_suffix,
            "/var/lib/amazon/ssm/registration": registration,
            "/etc/os-release": str(self.folder / "os-release"),
        }.items():
            assert place in text
            text = text.replace(place, filled)
        script = self.folder / "register.sh"
        script.write_text(text, encoding="utf-8")
        return script


@pytest.fixture(params=SHELLS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(tmp_path, request.param)


@pytest.fixture
def any_machine(tmp_path: Path) -> Machine:
    """A machine for tests that don't depend on the shell."""
    return Machine(tmp_path, "sh")


def error_of(run: Run) -> str:
    """Return the error of a run, which must be one line and must leave the machine unchanged."""
    assert run.exit_code == 1
    (line,) = run.error.splitlines()
    assert line.startswith("register_linux: ")
    assert run.output == ""
    assert list(run.temporary.iterdir()) == []
    return line.removeprefix("register_linux: ")


# Linux


def test_it_registers_the_machine_with_the_activation_of_the_secret(machine: Machine) -> None:
    run = machine.run()
    assert (run.exit_code, run.error) == (0, "")
    assert run.output == f"register_linux: registered with the activation {ACTIVATION_ID} in eu-central-1\n"
    assert run.commands == ["aws", "curl", "ssm-setup-cli"]
    assert run.note("aws")["arguments"] == [
        *["secretsmanager", "get-secret-value", "--region", "eu-central-1", "--secret-id", SECRET_ARN],
        *["--query", "SecretString", "--output", "text"],
    ]
    assert run.note("curl")["arguments"][-1] == (
        "https://amazon-ssm-eu-central-1.s3.eu-central-1.amazonaws.com/latest/linux_amd64/ssm-setup-cli"
    )
    assert run.note("ssm-setup-cli")["arguments"] == [
        *["-register", "-activation-code", CODE, "-activation-id", ACTIVATION_ID, "-region", "eu-central-1"]
    ]
    # It must not wait for input.
    assert run.note("ssm-setup-cli")["input"] == ""


@pytest.mark.parametrize("option", [[], ["-x"]], ids=["as it is", "traced"])
def test_only_the_arguments_of_ssm_setup_cli_show_the_code(option: list[str], machine: Machine) -> None:
    run = machine.run(*option)
    assert run.exit_code == 0
    for note in run.notes:
        assert CODE not in json.dumps(note["environment"])
        assert CODE not in note["shown"]
        assert CODE not in note["files"]
        assert CODE not in note["arguments"] or note["name"] == "ssm-setup-cli"
    assert CODE not in run.output + run.error
    # A stub doesn't see itself. These assertions make sure that the ones above can fail.
    assert SECRET_ARN in run.note("aws")["arguments"]
    assert str(machine.folder / "register.sh") in run.note("ssm-setup-cli")["shown"]


def test_only_root_can_read_the_download_which_is_deleted(machine: Machine) -> None:
    run = machine.run()
    assert list(run.temporary.iterdir()) == []
    assert run.note("ssm-setup-cli")["mode"] == "0o100700"
    assert oct(run.registration.stat().st_mode) == "0o100600"
    assert [path.name for path in machine.folder.iterdir() if path.is_file()] == [
        path.name for path in machine.folder.iterdir() if path.name in ("os-release", "register.sh", "registration")
    ]


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
    "x" * 250,
]


@pytest.mark.parametrize("code", CODES, ids=range(len(CODES)))
def test_a_code_with_any_characters_is_passed_unchanged(code: str, machine: Machine) -> None:
    machine.secret = value(ActivationCode=code)
    run = machine.run()
    assert run.exit_code == 0, run.error
    assert run.note("ssm-setup-cli")["arguments"][2] == code
    assert run.note("ssm-setup-cli")["arguments"][4] == ACTIVATION_ID


def test_a_value_with_spaces_after_its_colons_is_accepted(machine: Machine) -> None:
    machine.secret = json.dumps(json.loads(value()))
    assert machine.run().note("ssm-setup-cli")["arguments"][2] == CODE


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_the_download_comes_from_the_region_s_bucket(region: str, any_machine: Machine) -> None:
    any_machine.region = region
    any_machine.url_suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    url = any_machine.run().note("curl")["arguments"][-1]
    assert url == (f"https://amazon-ssm-{region}.s3.{region}.{any_machine.url_suffix}/latest/linux_amd64/ssm-setup-cli")


@pytest.mark.parametrize(
    ("os_release", "architecture", "folder"),
    [
        ('ID="amzn"\nID_LIKE="fedora"\n', "x86_64", "linux_amd64"),
        ('ID="sles"\nID_LIKE="suse"\n', "aarch64", "linux_arm64"),
        ("ID=debian\nVERSION_ID=12\n", "x86_64", "debian_amd64"),
        ('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', "aarch64", "debian_arm64"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "amd64", "debian_amd64"),
        ("PRETTY_NAME=debian\nID=notdebian\n", "arm64", "linux_arm64"),
        (None, "x86_64", "linux_amd64"),
    ],
)
def test_the_download_fits_the_system_and_the_processor(
    os_release: str | None, architecture: str, folder: str, any_machine: Machine
) -> None:
    any_machine.os_release, any_machine.architecture = os_release, architecture
    assert f"/latest/{folder}/" in any_machine.run().note("curl")["arguments"][-1]


@pytest.mark.parametrize("command", NEEDED)
def test_a_missing_command_is_an_error_before_anything_happens(command: str, any_machine: Machine) -> None:
    any_machine.missing = (command,)
    run = any_machine.run()
    assert error_of(run) == f"requires the command {command}, which is not in PATH"
    assert run.commands == []


REJECTED_MACHINES: dict[str, tuple[Callable[[Machine], object], str]] = {
    "a user other than root": (lambda machine: vars(machine).update(user="1000"), "must be run as root"),
    "another processor": (
        lambda machine: vars(machine).update(architecture="riscv64"),
        "requires an x86-64 or arm64 machine, got riscv64",
    ),
    "a 32-bit processor": (
        lambda machine: vars(machine).update(architecture="armv7l"),
        "requires an x86-64 or arm64 machine, got armv7l",
    ),
    "a registered machine": (
        lambda machine: vars(machine).update(registered=True),
        "this machine is already registered, because ",
    ),
}


@pytest.mark.parametrize("case", REJECTED_MACHINES)
def test_an_unsuitable_machine_is_rejected_before_anything_happens(case: str, machine: Machine) -> None:
    change, sentence = REJECTED_MACHINES[case]
    change(machine)
    run = machine.run()
    assert sentence in error_of(run)
    assert run.commands == []


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
    "an activation that has expired": (
        value(ExpirationDate="2026-01-31T08:15:00Z"),
        f"the activation {ACTIVATION_ID} expired at 2026-01-31T08:15:00Z",
    ),
    "an activation that has expired, with an offset": (
        value(ExpirationDate="2026-01-31T08:15:00.123456+00:00"),
        f"the activation {ACTIVATION_ID} expired at 2026-01-31T08:15:00.123456+00:00",
    ),
}


@pytest.mark.parametrize("case", REJECTED_SECRETS)
def test_a_secret_without_a_usable_activation_is_rejected(case: str, machine: Machine) -> None:
    machine.secret, sentence = REJECTED_SECRETS[case]
    run = machine.run()
    error = error_of(run)
    assert sentence in error
    assert CODE not in error
    assert run.commands == ["aws"]


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


def test_a_registration_that_fails_is_an_error_without_the_code(machine: Machine) -> None:
    machine.setup_cli, machine.registers = 1, False
    error = error_of(machine.run())
    assert error == f"ssm-setup-cli could not register this machine with the activation {ACTIVATION_ID}"


def test_a_registration_that_reports_success_but_has_no_effect_is_an_error(machine: Machine) -> None:
    machine.registers = False
    run = machine.run()
    assert error_of(run) == f"ssm-setup-cli succeeded, but {run.registration} doesn't exist"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_shellcheck_finds_nothing(shell: str) -> None:
    # In the environment of Python or in PATH: the environment of the wheel test lacks the scripts of packages.
    checker = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert checker is not None
    run = subprocess.run(
        [checker, f"--shell={shell}", "--severity=style", "--norc", str(LINUX)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_can_read_it(shell: str) -> None:
    subprocess.run([shell, "-n", str(LINUX)], check=True, timeout=60)


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


# The scripts that the construct returns


def resolved(part: Any, partition: str, region: str) -> str:
    """Resolve CloudFormation's functions and pseudo parameters."""
    if isinstance(part, str):
        return part
    if "Fn::Join" in part:
        separator, parts = part["Fn::Join"]
        return str(separator.join(resolved(each, partition, region) for each in parts))
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    known = {"AWS::Region": region, "AWS::URLSuffix": suffix}
    return known.get(part["Ref"], SECRET_ARN.replace("arn:aws", f"arn:{partition}").replace("eu-central-1", region))


@pytest.mark.parametrize("known", [False, True], ids=["for every environment", "for one environment"])
@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "eu-central-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
)
@pytest.mark.parametrize("platform", RegistrationPlatform)
def test_a_script_has_the_stack_s_region_partition_and_secret(
    platform: RegistrationPlatform, partition: str, region: str, known: bool
) -> None:
    stack = new_stack(region=region if known else None)
    activation = HybridActivation(stack, "Activation", role=HybridServiceRole(stack, "Nodes"))
    script = resolved(stack.resolve(activation.registration_script(platform)), partition, region)
    file = LINUX if platform is RegistrationPlatform.LINUX else WINDOWS
    expected = file.read_text(encoding="utf-8")
    arn = f"arn:{partition}:secretsmanager:{region}:{ACCOUNT}:secret:ActivationSecret-AbCdEf"
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    for place, filled in (("@REGION@", region), ("@SECRET_ARN@", arn), ("@URL_SUFFIX@", suffix)):
        assert f"'{place}'" in expected
        expected = expected.replace(place, filled)
    assert script == expected
    assert "Token[" not in script
