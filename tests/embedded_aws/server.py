"""The embedded AWS as a context manager: one process on a free loopback port, gone with everything it made on exit."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

from .loopback import require_loopback

REPOSITORY = Path(__file__).resolve().parents[2]
_REQUEST_SECONDS = 30.0
# A function may run for a quarter of an hour.
_FUNCTION_SECONDS = 900.0
# The models of the APIs, which take most of the time that a client takes to make: read once for all clients.
_LOADER = botocore.loaders.create_loader()
# What a child process may have of the caller's environment: no credentials, no profile, no Region, no proxy.
_FOREIGN = ("AWS_", "CDK_", "BOTO_", "MINISTACK_", "LOCALSTACK_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_NO_PROXY = dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1")
# What the emulator may have of it.
_NEEDED_TO_RUN = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")


class EmbeddedAwsError(Exception):
    """What the embedded AWS refuses: the code and the sentence that AWS would answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class ApiCall:
    """One call of an AWS API.

    Attributes:
        action: The action as policies name it, such as `iam:GetRole`.
        principal_arn: Who called.
        account: The account that was called.
        region: The Region for which the call was signed.
        error_code: The code of the answer, or None after a success.
    """

    action: str
    principal_arn: str
    account: str
    region: str
    error_code: str | None


class EmbeddedAws:
    """An AWS account on a free port of this machine.

    ```python
    with EmbeddedAws() as aws:
        aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    ```

    Args:
        authorization: Whether IAM policies are enforced. The account's own credentials, those of `environment()`, are
            its root's and may do everything.
        account: The account of `environment()`, and of `client()` by default: 12 digits.
        region: The Region of `environment()`, and of `client()` by default.
        start_seconds: How long the start may take.
    """

    def __init__(
        self,
        *,
        authorization: bool = True,
        account: str = "111122223333",
        region: str = "eu-west-1",
        start_seconds: float = 30.0,
    ) -> None:
        if len(account) != 12 or not account.isdigit():
            raise ValueError(f"account must be 12 digits, got {account!r}")
        self.authorization = authorization
        self.account = account
        self.region = region
        self._start_seconds = start_seconds
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._clients: dict[tuple[str, str, str], Any] = {}

    def __enter__(self) -> "EmbeddedAws":
        self._directory = Path(tempfile.mkdtemp(prefix="embedded-aws-"))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def endpoint_url(self) -> str:
        """The endpoint of every service."""
        if self._port == 0:
            raise RuntimeError("the embedded AWS is not running: use it in a `with` statement")
        return require_loopback(f"http://localhost:{self._port}")

    @property
    def directory(self) -> Path:
        """Where all its files are. It is removed on exit; tests may put theirs there."""
        if self._directory is None:
            raise RuntimeError("the embedded AWS is not running: use it in a `with` statement")
        return self._directory

    @property
    def log(self) -> str:
        """What the emulator has written so far."""
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")

    def environment(self, *, region: str | None = None, account: str | None = None) -> dict[str, str]:
        """Return an environment for a child process in which every AWS SDK and the CDK CLI talk to this account.

        It is the caller's own environment without what would lead elsewhere.
        """
        region = self.region if region is None else region
        account = self.account if account is None else account
        return {
            **_neutral_environment(),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_CONFIG_FILE": str(self.directory / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.directory / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DEFAULT_ACCOUNT": account,
            "CDK_DEFAULT_REGION": region,
            "CDK_HOME": str(self.directory / "cdk-home"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
        }

    def client(
        self,
        service: str,
        region: str | None = None,
        account: str | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> Any:
        """Return a boto3 client.

        Args:
            service: The service, as boto3 names it.
            region: Default: the Region of this object.
            account: The account whose root calls. Default: the account of this object.
            credentials: `AccessKeyId`, `SecretAccessKey` and `SessionToken` of somebody else, as STS gives them.
        """
        region = self.region if region is None else region
        account = self.account if account is None else account
        if credentials is not None:
            return self._make_client(service, region, credentials)
        key = (service, region, account)
        if key not in self._clients:
            self._clients[key] = self._make_client(service, region, {"AccessKeyId": account, "SecretAccessKey": "test"})
        return self._clients[key]

    def reset(self) -> None:
        """Empty every account, or return to the checkpoint. Faults, the log of calls and uses of roles go as well."""
        self._request("/_ministack/reset", {}, _REQUEST_SECONDS)

    def save_checkpoint(self) -> None:
        """Make the present resources those to which `reset` returns."""
        self._command("save-checkpoint")

    def forget_checkpoint(self) -> None:
        """Let `reset` empty every account again."""
        self._command("forget-checkpoint")

    def mark_role_used(self, role_name: str, usage: Mapping[str, Sequence[str]], *, account: str | None = None) -> None:
        """Say which resources use a service-linked role, so that its deletion fails.

        Args:
            role_name: The name of the role.
            usage: Region to the ARNs of the resources there.
            account: Default: the account of this object.
        """
        self._command(
            "set-usage",
            account=self.account if account is None else account,
            role_name=role_name,
            usage={region: list(arns) for region, arns in usage.items()},
        )

    def mark_role_unused(self, role_name: str, *, account: str | None = None) -> None:
        """Say that nothing uses a service-linked role any more."""
        self.mark_role_used(role_name, {}, account=account)

    def set_deletion_seconds(self, seconds: float) -> None:
        """Set how long the deletion of a service-linked role takes. It is 0.2 seconds after a reset."""
        self._command("set-deletion-seconds", seconds=seconds)

    def fail_next(
        self,
        action: str,
        code: str,
        message: str = "",
        *,
        times: int = 1,
        http_status: int = 400,
        after_processing: bool = False,
    ) -> None:
        """Let the next calls of an action fail, whoever makes them. AWS SDKs retry some codes by themselves.

        Args:
            action: The action as policies name it, such as `iam:GetRole`. Without a colon it is one of IAM.
            code: The code of the error, such as `Throttling`.
            message: The sentence of the error. Default: a sentence with the code.
            times: How many calls fail.
            http_status: The HTTP status of the answer.
            after_processing: Whether the call has its effect and only its answer is lost.
        """
        self._command(
            "fail-next",
            action=action if ":" in action else f"iam:{action}",
            code=code,
            message=message if message != "" else f"{code}, put there by a test",
            times=times,
            http_status=http_status,
            after_processing=after_processing,
        )

    def calls(self, action: str | None = None) -> list[ApiCall]:
        """Return the API calls since the last reset, refused ones included, the oldest first.

        Args:
            action: Only calls of this action, such as `iam:GetRole`. Without a colon it is one of IAM.
        """
        wanted = action if action is None or ":" in action else f"iam:{action}"
        return [ApiCall(**call) for call in self._command("calls") if wanted is None or call["action"] == wanted]

    def assume_role_as_service(
        self,
        role_arn: str,
        service: str = "ssm.amazonaws.com",
        *,
        source_account: str | None = None,
        source_arn: str | None = None,
        session_name: str = "mi-0123456789abcdef0",
        region: str | None = None,
    ) -> dict[str, str]:
        """Assume a role as an AWS service does, which no customer can.

        The role's trust policy decides.

        Args:
            role_arn: The role.
            service: The service principal.
            source_account: The value of `aws:SourceAccount`. Default: - the service sends no such key.
            source_arn: The value of `aws:SourceArn`. Default: - the service sends no such key.
            session_name: The name of the session; Systems Manager takes the id of the managed node.
            region: The Region that the service calls from. Default: the Region of this object.

        Returns:
            `AccessKeyId`, `SecretAccessKey`, `SessionToken` and `Expiration` as STS gives them, good for `client()`,
            and `AssumedRoleArn`.

        Raises:
            EmbeddedAwsError: `AccessDenied`: there is no such role, or its trust policy does not let the service in.
        """
        answer: dict[str, str] = self._command(
            "assume-role-as-service",
            role_arn=role_arn,
            service=service,
            source_account=source_account,
            source_arn=source_arn,
            session_name=session_name,
            region=self.region if region is None else region,
        )
        return answer

    def activations(self, region: str | None = None, *, account: str | None = None) -> list[dict[str, Any]]:
        """Return the hybrid activations that exist, the oldest first, as `DescribeActivations` shows them.

        Args:
            region: Default: the Region of this object.
            account: Default: the account of this object.
        """
        return list(self._command("activations", **self._place(region, account)))

    def nodes(self, region: str | None = None, *, account: str | None = None) -> list[dict[str, Any]]:
        """Return the nodes that have registered with activations, as `DescribeInstanceInformation` shows them.

        Args:
            region: Default: the Region of this object.
            account: Default: the account of this object.
        """
        return list(self._command("nodes", **self._place(region, account)))

    def register_node(
        self, activation_id: str, activation_code: str, region: str | None = None, *, account: str | None = None
    ) -> str:
        """Register a node with a hybrid activation, as SSM Agent does, and return the node's id.

        Args:
            activation_id: The id of the activation.
            activation_code: Its code.
            region: The Region of the activation. Default: the Region of this object.
            account: The account of the activation. Default: the account of this object.

        Raises:
            EmbeddedAwsError: `InvalidActivation`: there is no such activation, or the code is another one's.
                `ActivationExpired`: it is too late. `RegistrationLimitExceeded`: the activation is used up.
        """
        return str(
            self._command(
                "register-node",
                activation_id=activation_id,
                activation_code=activation_code,
                **self._place(region, account),
            )
        )

    def set_role_propagation_seconds(self, seconds: float) -> None:
        """Set how old a role must be before `CreateActivation` knows of it. It is 0 seconds after a reset."""
        self._command("set-role-propagation-seconds", seconds=seconds)

    def fire_rule(
        self, rule_name: str, region: str | None = None, *, account: str | None = None
    ) -> list[dict[str, Any]]:
        """Fire a rule of EventBridge now, once, and wait for its Lambda functions. By itself no rule ever fires.

        Args:
            rule_name: The name of the rule, on the default event bus.
            region: Default: the Region of this object.
            account: Default: the account of this object.

        Returns:
            For every target `Arn`, `Payload`, which is what the function has answered, and `Error`: what went wrong,
            a function's policy that does not let EventBridge in for one, or None. Nothing for a rule that is disabled.

        Raises:
            EmbeddedAwsError: `ResourceNotFoundException`: there is no such rule.
        """
        arguments = {"rule_name": rule_name, **self._place(region, account)}
        return list(self._request("/_embedded_aws/fire-rule", arguments, _FUNCTION_SECONDS))

    def _place(self, region: str | None, account: str | None) -> dict[str, str]:
        return {
            "account": self.account if account is None else account,
            "region": self.region if region is None else region,
        }

    def _start(self) -> None:
        directory = self.directory
        (directory / "config").write_text("[default]\n", encoding="utf-8")
        (directory / "credentials").touch()
        (directory / "tmp").mkdir()
        # Opened here and handed down, so that nobody else can take the port in between.
        with socket.socket() as listener, (directory / "log").open("wb") as log:
            listener.bind(("127.0.0.1", 0))
            listener.listen(256)
            self._port = listener.getsockname()[1]
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.emulator", str(listener.fileno()), str(directory)],
                cwd=directory,
                env=self._emulator_environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(listener.fileno(),),
                start_new_session=True,
            )
        deadline = time.monotonic() + self._start_seconds
        try:
            self._request("/_embedded_aws/ready", {}, self._start_seconds)
        except (OSError, http.client.HTTPException) as error:
            late = " in time" if time.monotonic() >= deadline else ""
            raise RuntimeError(f"the embedded AWS did not start{late}:\n{self.log}") from error

    def _emulator_environment(self) -> dict[str, str]:
        directory = self.directory
        # The functions inherit all of it.
        inherited = {name: value for name, value in os.environ.items() if name in _NEEDED_TO_RUN}
        return {
            **inherited,
            **_NO_PROXY,
            "PYTHONPATH": str(REPOSITORY),
            "HOME": str(directory),
            "TMPDIR": str(directory / "tmp"),
            "AUTH": str(self.authorization).lower(),
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "MINISTACK_ACCOUNT_ID": self.account,
            "MINISTACK_REGION": self.region,
            "STATE_DIR": str(directory / "state"),
            "S3_DATA_DIR": str(directory / "s3"),
            "LAMBDA_EXECUTOR": "local",
            # No daemon, no listener besides the one port.
            "DOCKER_HOST": f"unix://{directory}/no-docker",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # For the functions, which run as its children.
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_CONFIG_FILE": str(directory / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(directory / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _stop(self) -> None:
        process, directory = self._process, self._directory
        self._process = self._directory = None
        self._port = 0
        self._clients.clear()
        if process is not None:
            # Nothing in it is worth an orderly end. The group is its own, and its functions are in it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)

    def _make_client(self, service: str, region: str, credentials: Mapping[str, str]) -> Any:
        session = botocore.session.Session()
        session.register_component("data_loader", _LOADER)
        # Whatever profile the caller's environment names does not exist here.
        session.set_config_variable("profile", "default")
        session.set_config_variable("config_file", str(self.directory / "config"))
        session.set_config_variable("credentials_file", str(self.directory / "credentials"))
        # Any service by its name, which the stubs of boto3 cannot know.
        make_client: Any = boto3.session.Session(botocore_session=session).client
        return make_client(
            service,
            region_name=region,
            endpoint_url=require_loopback(self.endpoint_url),
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
            config=Config(proxies={}, connect_timeout=5, read_timeout=60),
        )

    def _command(self, name: str, **arguments: Any) -> Any:
        return self._request(f"/_embedded_aws/{name}", arguments, _REQUEST_SECONDS)

    def _request(self, path: str, payload: Mapping[str, Any], seconds: float) -> Any:
        require_loopback(self.endpoint_url)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds)
        try:
            connection.request("POST", path, body=json.dumps(payload), headers={"content-type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= 400:
            raise EmbeddedAwsError(str(answer.get("code", response.status)), str(answer.get("message", answer)))
        return answer


def _neutral_environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and name.lower() not in _PROXIES
    }
    return {**kept, **_NO_PROXY}
