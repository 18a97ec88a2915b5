"""Where the live tests run: an account that the caller has named, or the AWS emulator on this machine.

This is the only code of the repository that connects to AWS. It refuses to do so in a test.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.loopback import require_loopback
from ssm_roles._facts.regions import REGION, partition_of

_LOADER = botocore.loaders.create_loader()
# pytest sets these variables, which the processes that a test starts inherit.
_IN_TESTS = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "PYTEST_XDIST_WORKER")
_ENDPOINTS = "AWS_ENDPOINT_URL"
# How the IDs of access keys of AWS begin. Those of the emulator are account numbers.
_REAL_KEYS = ("AKIA", "ASIA")


Client = Any
"""A client of boto3, or an object that its events have, whose types boto3 makes at run time."""


class RefusedError(Exception):
    """The run must not start."""


@dataclass(frozen=True)
class ApiCall:
    """One API call.

    Attributes:
        operation: The operation, such as `ssm:CreateActivation`.
        request_id: The ID of the request.
        error_code: The code of the error, or None if the call succeeded.
    """

    operation: str
    request_id: str
    error_code: str | None

    def __str__(self) -> str:
        return f"{self.operation} {self.error_code or 'succeeded'} ({self.request_id})"


@dataclass
class Target:
    """The account and Region of a run. Create it with `open_target`, which checks the caller's identity.

    Attributes:
        account: The account.
        region: The Region.
        caller_arn: The ARN of the caller.
        endpoint_url: The endpoint of the emulator, or None for AWS.
        calls: The API calls so far, oldest first.
    """

    account: str
    region: str
    caller_arn: str
    endpoint_url: str | None
    session: boto3.session.Session
    environment: Mapping[str, str]
    calls: list[ApiCall] = field(default_factory=list)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """The partition of the Region."""
        return partition_of(self.region)

    @property
    def is_emulator(self) -> bool:
        """Whether the run uses the emulator."""
        return self.endpoint_url is not None

    def keys(self) -> dict[str, str]:
        """Return environment variables with the caller's credentials, whose identity was checked.

        Another process that looked for credentials could find those of another account.
        """
        found = self.session.get_credentials()
        assert found is not None
        frozen = found.get_frozen_credentials()
        token = {} if frozen.token is None else {"AWS_SESSION_TOKEN": frozen.token}
        return {"AWS_ACCESS_KEY_ID": str(frozen.access_key), "AWS_SECRET_ACCESS_KEY": str(frozen.secret_key), **token}

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """Return an ARN in the account. The Region of IAM is empty."""
        region = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{'' if service == 'iam' else region}:{self.account}:{resource}"

    def url(self, service: str) -> str:
        """Return the URL of a service's endpoint."""
        return str(self.client(service).meta.endpoint_url)

    def client(
        self, service: str, region: str | None = None, *, credentials: Mapping[str, str] | None = None
    ) -> Client:
        """Return a client of a service, whose calls are recorded.

        Args:
            service: The boto3 name of the service.
            region: The Region. Default: - the Region of the run
            credentials: The credentials of another principal, as AWS STS returns them. Default: - the caller's
        """
        region = self.region if region is None else region
        if credentials is not None:
            return self._make_client(service, region, credentials)
        if (service, region) not in self._clients:
            self._clients[service, region] = self._make_client(service, region, None)
        return self._clients[service, region]

    def _make_client(self, service: str, region: str, credentials: Mapping[str, str] | None) -> Client:
        client = _client(self.session, service, region, self.endpoint_url, credentials)
        client.meta.events.register_last("after-call", self._record)
        return client

    def _record(self, http_response: Client, parsed: Mapping[str, Any], model: Client, **_rest: object) -> None:
        failed = http_response.status_code >= 300
        code = str(parsed.get("Error", {}).get("Code", http_response.status_code)) if failed else None
        request_id = str(parsed.get("ResponseMetadata", {}).get("RequestId", "no request ID"))
        service = model.service_model.signing_name
        self.calls.append(ApiCall(f"{service}:{model.name}", request_id, code))


def open_target(
    account: str,
    region: str,
    *,
    profile: str | None = None,
    endpoint_url: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Target:
    """Return the target if the caller's identity is the account.

    Args:
        account: The account that the caller has named.
        region: The Region.
        profile: The profile with the credentials. Default: - the default credentials of the AWS SDK
        endpoint_url: The endpoint of the emulator, which must be on this machine. Default: - AWS
        environment: The environment variables. Default: - those of this process

    Raises:
        RefusedError: The account or the Region isn't one, the caller isn't in the account or has no credentials, a test
            would connect to AWS, or the endpoint isn't on this machine.
    """
    environment = os.environ if environment is None else environment
    if len(account) != 12 or not account.isdecimal():
        raise RefusedError(f"ACCOUNT must be 12 digits, got {account!r}")
    if not REGION.fullmatch(region):
        raise RefusedError(f"REGION must be a Region such as 'eu-central-1', got {region!r}")
    _check_place(endpoint_url, environment)
    try:
        session = _session(profile, endpoint_url, environment)
        identity = _client(session, "sts", region, endpoint_url, None).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise RefusedError(f"the identity of the caller is not known: {error}") from None
    if identity["Account"] != account:
        raise RefusedError(f"the credentials belong to account {identity['Account']}, not to {account}")
    places = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    # `Target.keys` takes the place of the credentials and the profile.
    foreign = (
        "CDK_",
        "BOTO_",
        "AWS_ACCESS",
        "AWS_SECRET",
        "AWS_SESSION",
        "AWS_SECURITY",
        "AWS_PROFILE",
        "AWS_DEFAULT_P",
    )
    kept = {name: value for name, value in environment.items() if not name.startswith(foreign)}
    if endpoint_url is not None:
        kept = {name: value for name, value in kept.items() if not name.startswith(_ENDPOINTS)}
        places |= {_ENDPOINTS: endpoint_url, "NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}
    cdk = {name: value for name, value in environment.items() if name in ("CDK_HOME", "CDK_CLI")}
    settings = {"CDK_DEFAULT_ACCOUNT": account, "CDK_DEFAULT_REGION": region, "CDK_DISABLE_CLI_TELEMETRY": "true"}
    return Target(account, region, identity["Arn"], endpoint_url, session, {**kept, **cdk, **places, **settings})


def _check_place(endpoint_url: str | None, environment: Mapping[str, str]) -> None:
    if endpoint_url is not None:
        try:
            require_loopback(endpoint_url)
        except ValueError as error:
            raise RefusedError(str(error)) from None
        if environment.get("AWS_ACCESS_KEY_ID", "").startswith(_REAL_KEYS):
            raise RefusedError("the emulator takes dummy credentials only, not the access key of an AWS account")
        return
    if "pytest" in sys.modules or any(name in environment or name in os.environ for name in _IN_TESTS):
        raise RefusedError("a test must not connect to AWS: give the endpoint of the emulator")
    others = sorted(name for name in environment if name.startswith(_ENDPOINTS))
    if others:
        raise RefusedError(f"the run would not connect to AWS: unset {', '.join(others)}")


def _session(profile: str | None, endpoint_url: str | None, environment: Mapping[str, str]) -> boto3.session.Session:
    session = botocore.session.Session(profile=profile)
    session.register_component("data_loader", _LOADER)
    if endpoint_url is None:
        return boto3.session.Session(botocore_session=session)
    # Neither the files of the caller nor the metadata of an instance have dummy credentials.
    session.set_config_variable("config_file", os.devnull)
    session.set_config_variable("credentials_file", os.devnull)
    keys = {name: environment.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
    if keys["AWS_ACCESS_KEY_ID"] is None or keys["AWS_SECRET_ACCESS_KEY"] is None:
        raise RefusedError("the identity of the caller is not known: there are no credentials in the environment")
    return boto3.session.Session(
        keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"], botocore_session=session
    )


def _client(
    session: boto3.session.Session,
    service: str,
    region: str,
    endpoint_url: str | None,
    credentials: Mapping[str, str] | None,
) -> Client:
    # The type stubs of boto3 accept only literal service names.
    make_client: Any = session.client
    keys: dict[str, Any] = {}
    if credentials is not None:
        keys = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials.get("SessionToken"),
        }
    # Checks send what the API rejects. AWS decides, not the SDK.
    settings: dict[str, Any] = {"parameter_validation": False, "connect_timeout": 10, "read_timeout": 60}
    if endpoint_url is None:
        return make_client(service, region_name=region, config=Config(**settings), **keys)
    settings |= {"proxies": {}, "retries": {"total_max_attempts": 1}}
    endpoint = require_loopback(endpoint_url)
    return make_client(service, region_name=region, endpoint_url=endpoint, config=Config(**settings), **keys)
