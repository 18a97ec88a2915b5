"""The AWS emulator as a context manager.

The emulator is one process on a free loopback port. When the context exits, the process ends and its files are deleted.
"""

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
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

from .loopback import require_loopback

REPOSITORY = Path(__file__).resolve().parents[1]
_REQUEST_SECONDS = 30.0
# The maximum timeout of a Lambda function.
_FUNCTION_SECONDS = 900.0
_POLL_SECONDS = 0.05
# Loading the API models takes most of the time that creating a client takes. All clients share one loader.
_LOADER = botocore.loaders.create_loader()
# Child processes don't inherit these variables: they set credentials, profiles, Regions and proxies.
_FOREIGN = ("AWS_", "CDK_", "BOTO_", "MINISTACK_", "LOCALSTACK_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_NO_PROXY = dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1")
# The emulator inherits only these variables.
_NEEDED_TO_RUN = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")


class EmbeddedAwsError(Exception):
    """An error that the emulator returns, with the error code and the message that AWS returns.

    Attributes:
        code: The error code, such as `AccessDenied`.
        message: The error message.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class ApiCall:
    """An AWS API call.

    Attributes:
        action: The IAM action, such as `iam:GetRole`.
        principal_arn: The ARN of the principal that made the call.
        account: The account in which the call was made.
        region: The Region that the call was signed for.
        error_code: The error code of the response, or None if the call succeeded.
    """

    action: str
    principal_arn: str
    account: str
    region: str
    error_code: str | None


class EmbeddedAws:
    """An AWS emulator on a free port of this machine.

    ```python
    with EmbeddedAws() as aws:
        aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    ```

    Args:
        authorization: Whether to enforce IAM policies. The credentials of `environment()` belong to the root user of
            the account, which has all permissions. Default: True
        account: The default account, 12 digits. Default: `111122223333`
        region: The default Region. Default: `eu-west-1`
        start_seconds: The maximum time that the emulator takes to start, in seconds. Default: 30

    Raises:
        ValueError: `account` isn't 12 digits.
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
        """The endpoint URL of all services."""
        if self._port == 0:
            raise RuntimeError("the AWS emulator is not running: use it in a `with` statement")
        return require_loopback(f"http://localhost:{self._port}")

    @property
    def directory(self) -> Path:
        """The folder of all files of the emulator. It is deleted on exit. You can store temporary files in it."""
        if self._directory is None:
            raise RuntimeError("the AWS emulator is not running: use it in a `with` statement")
        return self._directory

    @property
    def log(self) -> str:
        """The log output of the emulator."""
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")

    def environment(self, *, region: str | None = None, account: str | None = None) -> dict[str, str]:
        """Return the environment variables with which the AWS SDKs and the AWS CDK CLI use the emulator.

        The environment is that of this process, without the variables that select another AWS account or a proxy.

        Args:
            region: The Region to use. Default: - the default Region of the emulator
            account: The account to use. Default: - the default account of the emulator
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
        """Return a boto3 client that uses the emulator.

        Args:
            service: The boto3 name of the service.
            region: The Region to use. Default: - the default Region of the emulator
            account: The account whose root user makes the calls. Default: - the default account of the emulator
            credentials: The `AccessKeyId`, `SecretAccessKey` and `SessionToken` of another principal, as AWS STS
                returns them. Default: - the root user of `account`
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
        """Delete the resources of all accounts, or restore the checkpoint.

        A reset also clears the injected errors, the call log and the registered uses of roles.
        """
        self._request("/_ministack/reset", {}, _REQUEST_SECONDS)

    def save_checkpoint(self) -> None:
        """Save the current resources as the checkpoint that `reset` restores."""
        self._command("save-checkpoint")

    def forget_checkpoint(self) -> None:
        """Delete the checkpoint, so that `reset` deletes all resources."""
        self._command("forget-checkpoint")

    def mark_role_used(self, role_name: str, usage: Mapping[str, Sequence[str]], *, account: str | None = None) -> None:
        """Register the resources that use a service-linked role, so that its deletion fails.

        Args:
            role_name: The name of the role.
            usage: The ARNs of the resources that use the role, by Region.
            account: The account of the role. Default: - the default account of the emulator
        """
        self._command(
            "set-usage",
            account=self.account if account is None else account,
            role_name=role_name,
            usage={region: list(arns) for region, arns in usage.items()},
        )

    def mark_role_unused(self, role_name: str, *, account: str | None = None) -> None:
        """Clear the registered uses of a service-linked role.

        Args:
            role_name: The name of the role.
            account: The account of the role. Default: - the default account of the emulator
        """
        self.mark_role_used(role_name, {}, account=account)

    def set_deletion_seconds(self, seconds: float) -> None:
        """Set how long the deletion of a service-linked role takes.

        Args:
            seconds: The duration in seconds. A reset restores the default, 0.2 seconds.
        """
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
        """Return an error for the next calls of an action, regardless of the caller.

        The AWS SDKs retry calls that fail with some error codes, such as `Throttling`.

        Args:
            action: The IAM action, such as `iam:GetRole`. An action without a service prefix is an action of IAM.
            code: The error code, such as `Throttling`.
            message: The error message. Default: - a message that includes the code
            times: The number of calls that fail. Default: 1
            http_status: The HTTP status code of the response. Default: 400
            after_processing: Whether to process the call before the error is returned. Default: False
        """
        self._command(
            "fail-next",
            action=action if ":" in action else f"iam:{action}",
            code=code,
            message=message if message != "" else f"{code}, injected by a test",
            times=times,
            http_status=http_status,
            after_processing=after_processing,
        )

    def calls(self, action: str | None = None) -> list[ApiCall]:
        """Return the API calls since the last reset, oldest first, including calls that failed.

        Args:
            action: The IAM action to return calls of, such as `iam:GetRole`. An action without a service prefix is an
                action of IAM. Default: - all actions
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
        """Assume a role as an AWS service.

        Customers can't make this call. The trust policy of the role determines whether the call succeeds.

        Args:
            role_arn: The ARN of the role.
            service: The service principal. Default: `ssm.amazonaws.com`
            source_account: The value of `aws:SourceAccount`. Default: - the request doesn't include the key
            source_arn: The value of `aws:SourceArn`. Default: - the request doesn't include the key
            session_name: The session name. Systems Manager uses the ID of the managed node. Default:
                `mi-0123456789abcdef0`
            region: The Region of the service. Default: - the default Region of the emulator

        Returns:
            `AccessKeyId`, `SecretAccessKey`, `SessionToken` and `Expiration` as AWS STS returns them, which you can
            pass to `client()`, and `AssumedRoleArn`.

        Raises:
            EmbeddedAwsError: `AccessDenied`: The role doesn't exist, or its trust policy doesn't allow the service.
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

    def set_service_control_policy(self, document: Mapping[str, Any] | None, *, account: str | None = None) -> None:
        """Attach a service control policy to an account, which replaces the policy of an earlier call.

        The policy limits all principals of the account, including the root user. If the account isn't a member of an
        organization yet, it becomes one. To attach policies to organizational units or to the root of an organization,
        use the Organizations API from its management account.

        Args:
            document: The policy document, or None to delete the policy of an earlier call.
            account: The account. Default: - the default account of the emulator
        """
        account = self.account if account is None else account
        self._command("set-service-control-policy", account=account, document=document)

    def activations(self, region: str | None = None, *, account: str | None = None) -> list[dict[str, Any]]:
        """Return the hybrid activations, oldest first, in the format of `DescribeActivations`.

        Args:
            region: The Region of the activations. Default: - the default Region of the emulator
            account: The account of the activations. Default: - the default account of the emulator
        """
        return list(self._command("activations", **self._place(region, account)))

    def nodes(self, region: str | None = None, *, account: str | None = None) -> list[dict[str, Any]]:
        """Return the managed nodes that registered with activations, in the format of `DescribeInstanceInformation`.

        Args:
            region: The Region of the managed nodes. Default: - the default Region of the emulator
            account: The account of the managed nodes. Default: - the default account of the emulator
        """
        return list(self._command("nodes", **self._place(region, account)))

    def register_node(
        self, activation_id: str, activation_code: str, region: str | None = None, *, account: str | None = None
    ) -> str:
        """Register a machine with a hybrid activation, as SSM Agent does, and return the ID of the managed node.

        Args:
            activation_id: The activation ID.
            activation_code: The activation code.
            region: The Region of the activation. Default: - the default Region of the emulator
            account: The account of the activation. Default: - the default account of the emulator

        Raises:
            EmbeddedAwsError: `InvalidActivation`: The activation doesn't exist, or the code is wrong.
                `ActivationExpired`: The activation expired. `RegistrationLimitExceeded`: The activation reached its
                registration limit.
        """
        return str(
            self._command(
                "register-node",
                activation_id=activation_id,
                activation_code=activation_code,
                **self._place(region, account),
            )
        )

    def set_node_status(
        self,
        node_id: str,
        ping_status: str,
        last_ping: datetime,
        region: str | None = None,
        *,
        account: str | None = None,
    ) -> None:
        """Set the connection status of a managed node that registered with an activation.

        Args:
            node_id: The ID of the managed node.
            ping_status: `Online`, `ConnectionLost` or `Inactive`.
            last_ping: The time of the last ping of SSM Agent.
            region: The Region of the managed node. Default: - the default Region of the emulator
            account: The account of the managed node. Default: - the default account of the emulator

        Raises:
            EmbeddedAwsError: `InvalidInstanceId`: The node doesn't exist.
        """
        self._command(
            "set-node-status",
            node_id=node_id,
            ping_status=ping_status,
            last_ping=last_ping.timestamp(),
            **self._place(region, account),
        )

    def set_role_last_use(
        self, role_name: str, time: datetime, region: str | None = None, *, account: str | None = None
    ) -> None:
        """Set when a role was last used, which the emulator doesn't record.

        Args:
            role_name: The name of the role.
            time: The time of the last use.
            region: The Region of the last use. Default: - the default Region of the emulator
            account: The account of the role. Default: - the default account of the emulator

        Raises:
            EmbeddedAwsError: `NoSuchEntity`: The role doesn't exist.
        """
        moment = time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._command("set-role-last-use", role_name=role_name, time=moment, **self._place(region, account))

    def disable_region(self, region: str, *, account: str | None = None) -> None:
        """Disable an opt-in Region, whose endpoints then don't know the credentials of the account.

        Args:
            region: The Region. A reset enables it.
            account: The account. Default: - the default account of the emulator
        """
        self._command("disable-region", **self._place(region, account))

    def set_role_propagation_seconds(self, seconds: float) -> None:
        """Set how long it takes until `CreateActivation` finds a new role.

        Args:
            seconds: The duration in seconds. A reset restores the default, 0 seconds.
        """
        self._command("set-role-propagation-seconds", seconds=seconds)

    def fire_rule(
        self, rule_name: str, region: str | None = None, *, account: str | None = None
    ) -> list[dict[str, Any]]:
        """Invoke the Lambda functions of an EventBridge rule once, and wait for their results.

        The emulator doesn't run rules on their schedules.

        Args:
            rule_name: The name of a rule on the default event bus.
            region: The Region of the rule. Default: - the default Region of the emulator
            account: The account of the rule. Default: - the default account of the emulator

        Returns:
            For each target, `Arn`, `Payload` with the response of the function, and `Error`, which is None if the
            invocation succeeded. If the rule is disabled, the list is empty.

        Raises:
            EmbeddedAwsError: `ResourceNotFoundException`: The rule doesn't exist.
        """
        arguments = {"rule_name": rule_name, **self._place(region, account)}
        return list(self._request("/_embedded_aws/fire-rule", arguments, _FUNCTION_SECONDS))

    def wait_for_stack_sets(self, *, seconds: float = 120.0) -> None:
        """Wait until no operation on a stack set is running or queued, including automatic deployments.

        Args:
            seconds: The maximum time to wait, in seconds. Default: 120

        Raises:
            TimeoutError: An operation didn't end in time.
        """
        deadline = time.monotonic() + seconds
        while not self._command("stack-sets-are-idle"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"an operation on a stack set didn't end within {seconds:g} seconds")
            time.sleep(_POLL_SECONDS)

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
        # The child process inherits the open socket, so that no other process can take the port in the meantime.
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
            late = f" within {self._start_seconds:g} seconds" if time.monotonic() >= deadline else ""
            raise RuntimeError(f"the AWS emulator did not start{late}:\n{self.log}") from error

    def _emulator_environment(self) -> dict[str, str]:
        directory = self.directory
        # Lambda functions inherit this environment.
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
            # Neither use a Docker daemon nor listen on further ports.
            "DOCKER_HOST": f"unix://{directory}/no-docker",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # Lambda functions run as child processes and use these settings.
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
            # The emulator has no state to save. Its process group includes the Lambda functions.
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
        # The profile that AWS_PROFILE names doesn't exist in the configuration file of the emulator.
        session.set_config_variable("profile", "default")
        session.set_config_variable("config_file", str(self.directory / "config"))
        session.set_config_variable("credentials_file", str(self.directory / "credentials"))
        # The type stubs of boto3 accept only literal service names.
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
