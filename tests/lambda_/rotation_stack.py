"""A stack with a hybrid activation: the secret, the function that rotates it, and the callers of the function."""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from .answer_endpoint import AnswerEndpoint
from .events import SSM, CustomResource, logical_id_of
from .in_process_activations import REGION, ROLE, InProcessActivations
from .in_process_aws import Killed
from .lambda_function import FUNCTION_SECONDS, LambdaFunction, Run, botocore_session
from .simulated_clock import SimulatedClock

NOWHERE = "http://localhost:9"
ROOT = {"AccessKeyId": "111122223333", "SecretAccessKey": "test"}
FUNCTION_NAME = "Fleet-Rotation"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:000000000000:function:{FUNCTION_NAME}"
MAX_REPLACEMENTS = 50
LOG_GROUP = "Fleet-RotationLogGroup"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
HOUR = 3600.0
DAY = 24 * HOUR
CHECK = {"Check": "activation"}
PLACEHOLDER = '{"Placeholder":"x"}'
SETTINGS: dict[str, Any] = {"IamRole": ROLE, "RegistrationLimit": 2, "LifetimeSeconds": 30 * 24 * 3600}


@dataclass(frozen=True)
class Outcome:
    """The outcome of one run of the function.

    Attributes:
        returned: The return value, or None after an error.
        error: The exception with its causes, as AWS Lambda logs it, or "" after a success.
        log: The lines that the function logged.
    """

    returned: Any
    error: str
    log: list[str]

    @property
    def succeeded(self) -> bool:
        """Whether the run ended without an exception."""
        return not self.error


class RotationStack:
    """The stack. `deployed` creates its account anew."""

    def __init__(self, endpoint: AnswerEndpoint) -> None:
        self.clock = SimulatedClock()
        self.aws = InProcessActivations(self.clock)
        # The code of the second function is in the template.
        self.functions = [self._function(endpoint, inline=inline) for inline in (False, True)]
        self.ssm = self._client("ssm")
        self.secrets = self._client("secretsmanager")
        self.secret_arn = ""
        self.work: list[Callable[[], None]] = []
        self.said: list[str] = []
        self._is_working = False

    def _function(self, endpoint: AnswerEndpoint, *, inline: bool) -> LambdaFunction:
        function = LambdaFunction("rotate_hybrid_activation", endpoint, NOWHERE, ROOT, self.clock, inline=inline)
        for service in ("ssm", "secretsmanager"):
            self.aws.attach(function.client(service), faulty=True)
        return function

    def _client(self, service: str) -> Any:
        make_client: Any = boto3.session.Session(botocore_session=botocore_session()).client
        client = make_client(
            service,
            region_name=REGION,
            endpoint_url=NOWHERE,
            aws_access_key_id=ROOT["AccessKeyId"],
            aws_secret_access_key=ROOT["SecretAccessKey"],
        )
        self.aws.attach(client, faulty=False)
        return client

    @contextmanager
    def deployed(self, **settings: Any) -> Iterator[RotationStack]:
        """Create the function and a secret with a placeholder, as before the first rotation."""
        self.work.clear()
        self.said.clear()
        self.clock.in_pauses = lambda: None
        with self.aws.running(invoke=self._invoked, in_background=self.work.append):
            created = self.secrets.create_secret(Name="Fleet/Activation", SecretString=PLACEHOLDER)
            self.secret_arn = created["ARN"]
            self.configure({**SETTINGS, **settings})
            self.resource = CustomResource()
            yield self

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Set the settings of the function."""
        self.settings = dict(settings)
        for function in self.functions:
            function.environment.clear()
            function.environment.update(
                SECRET_ARN=self.secret_arn,
                ACTIVATION=json.dumps(self.settings),
                AWS_REGION=REGION,
                URL_SUFFIX="amazonaws.com",
                AWS_LAMBDA_LOG_GROUP_NAME=LOG_GROUP,
                AWS_LAMBDA_FUNCTION_NAME=FUNCTION_NAME,
                MAX_REPLACEMENTS_PER_DAY=str(MAX_REPLACEMENTS),
                RESOURCES=f"CleanUp,{logical_id_of(SSM.role_name)}",
            )

    @property
    def properties(self) -> dict[str, Any]:
        """The properties of the custom resource."""
        return {"Secret": self.secret_arn, "Activation": json.dumps(self.settings)}

    # The callers of the function.

    def run(self, event: Any, *, environment: int = 0, seconds: float = FUNCTION_SECONDS) -> Run:
        """Run the function for an event of a custom resource."""
        function = self.functions[environment]
        try:
            run = function.run(event, seconds=seconds, stack_id=self.resource.stack_id)
        finally:
            self.said += function.last_log
        self.said.append(json.dumps(run.returned))
        return run

    def call(self, event: Any, *, environment: int = 0, seconds: float = FUNCTION_SECONDS) -> Outcome:
        """Run the function for a step or a check."""
        try:
            run = self.run(event, environment=environment, seconds=seconds)
            return Outcome(run.returned, "", run.log)
        except (Exception, Killed) as error:
            text = "".join(traceback.format_exception(error)) + repr(error)
            self.said.append(text)
            return Outcome(None, text, self.functions[environment].last_log)

    def step(self, step: str, token: str, *, environment: int = 0, seconds: float = FUNCTION_SECONDS) -> Outcome:
        """Run one step of a rotation."""
        event = {"Step": step, "SecretId": self.secret_arn, "ClientRequestToken": token}
        return self.call(event, environment=environment, seconds=seconds)

    def check(self) -> Outcome:
        """Run the scheduled check."""
        return self.call(CHECK)

    def start_rotation(self) -> str:
        """Create a pending version, as Secrets Manager does when a rotation is due, and return its ID."""
        rotation = {"RotationLambdaARN": FUNCTION_ARN, "RotationRules": {"ScheduleExpression": "rate(10 days)"}}
        token: str = self.secrets.rotate_secret(SecretId=self.secret_arn, **rotation)["VersionId"]
        return token

    def rotate(self) -> str:
        """Rotate the secret, and return the ID of the new version."""
        token = self.start_rotation()
        self.work.clear()
        self.go_through(token)
        return token

    def go_through(self, token: str) -> None:
        """Run all four steps, each of which must succeed."""
        for step in STEPS:
            outcome = self.step(step, token)
            assert outcome.succeeded, f"{step}: {outcome.error}"

    def let_secrets_manager_work(self) -> None:
        """Run the rotations that were started."""
        if not self._is_working:
            self._is_working = True
            try:
                while self.work:
                    self.work.pop(0)()
            finally:
                self._is_working = False

    def _invoked(self, function_arn: str, event: dict[str, Any]) -> tuple[Any, str | None]:
        assert function_arn == FUNCTION_ARN
        outcome = self.call(event)
        return outcome.returned, None if outcome.succeeded else outcome.error

    # The state of the account, read without API calls, which would take most of the time.

    @property
    def is_rotated(self) -> bool:
        """Whether rotation is turned on."""
        return bool(self.aws.secret(self.secret_arn)["RotationEnabled"])

    def labels(self) -> dict[str, list[str]]:
        """Return the staging labels of the versions that have any."""
        versions = self.aws.secret(self.secret_arn)["Versions"]
        return {version: list(record["Stages"]) for version, record in versions.items() if record["Stages"]}

    def version(self, label: str) -> str | None:
        """Return the version with a staging label."""
        return next((version for version, labels in self.labels().items() if label in labels), None)

    def value(self, label: str = "AWSCURRENT") -> dict[str, Any]:
        """Return the value of the version with a label, or {} if there is none."""
        version = self.version(label)
        return {} if version is None else self.value_of(version)

    def value_of(self, version: str) -> dict[str, Any]:
        """Return the value of a version, or {} if it has none."""
        text = self.aws.secret(self.secret_arn)["Versions"][version]["SecretString"]
        value: dict[str, Any] = {} if text is None else json.loads(text)
        return value

    def ours(self) -> dict[str, dict[str, Any]]:
        """Return the activations that the function has created, by ID."""
        owner = hashlib.sha256(self.secret_arn.encode()).hexdigest()[:16]
        return {
            activation_id: activation
            for activation_id, activation in self.aws.activations().items()
            if f"[ssm-roles:{owner}:" in activation.get("Description", "")
        }

    def alive(self) -> set[str]:
        """Return the IDs of the usable activations that the function has created."""
        return {activation_id for activation_id, activation in self.ours().items() if is_usable(activation)}

    def register_node(self) -> str:
        """Register a node with the value of the secret."""
        read = self.secrets.get_secret_value(SecretId=self.secret_arn)
        value = json.loads(read["SecretString"])
        return self.aws.register_node(value["ActivationId"], value["ActivationCode"])

    def check_silence(self) -> None:
        """Check that the function has revealed no code."""
        said = "\n".join(self.said)
        for code in self.aws.codes.values():
            assert code not in said
            assert json.dumps(code)[1:-1] not in said


def is_usable(activation: Mapping[str, Any]) -> bool:
    """Whether an activation can register another machine."""
    return not activation["Expired"] and activation["RegistrationsCount"] < activation["RegistrationLimit"]
