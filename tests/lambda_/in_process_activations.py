"""Systems Manager and Secrets Manager of the emulator, in this process and on a simulated clock."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from botocore.awsrequest import AWSRequest, AWSResponse

from .in_process_aws import InProcessAws, handled, request_body
from .simulated_clock import SimulatedClock
from .wire import wire_answer

ACCOUNT = "000000000000"
REGION = "us-east-1"
ROLE = "service-role/HybridNodes"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ssm.amazonaws.com"}}],
}


@functools.cache
def _emulator() -> Any:
    # The emulator reads its environment at import, which takes half a second.
    from embedded_aws.emulator import activations, managed_nodes, ministack, secret_rotation

    activations.install()
    managed_nodes.install()
    secret_rotation.install()
    # Nothing receives the events about labels.
    ministack.secretsmanager._emit_secret_label_updated = lambda *_: None
    return activations, managed_nodes, secret_rotation, ministack


class InProcessActivations(InProcessAws):
    """Systems Manager and Secrets Manager of one account, and the role of its nodes."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self._activations, self._nodes, self._rotation, self._ministack = _emulator()
        # By activation ID, including deleted activations.
        self.codes: dict[str, str] = {}

    @contextmanager
    def running(
        self,
        *,
        invoke: Callable[[str, dict[str, Any]], tuple[Any, str | None]],
        in_background: Callable[[Callable[[], None]], None],
    ) -> Iterator[None]:
        """Create an account that has only the role.

        Args:
            invoke: Invokes a rotation function, as Secrets Manager does.
            in_background: Receives a callable for each rotation that was started, and runs it when it is due.
        """
        modules = (self._activations, self._nodes, self._rotation, self._ministack.secretsmanager)
        real_time = modules[0].time
        self.faults, self.calls = [], []
        self.codes.clear()
        try:
            for module in modules:
                module.time = self.clock
            real = self._rotation.invoke, self._rotation.in_background
            self._rotation.invoke, self._rotation.in_background = invoke, in_background
            self._reset()
            path, _, name = f"/{ROLE}".rpartition("/")
            self._ministack.iam._create_role(
                {"RoleName": [name], "Path": [f"{path}/"], "AssumeRolePolicyDocument": [json.dumps(_TRUST)]}
            )
            yield
        finally:
            for module in modules:
                module.time = real_time
            self._rotation.invoke, self._rotation.in_background = real
            self._reset()

    def activations(self) -> dict[str, dict[str, Any]]:
        """Return all activations by ID."""
        return {each["ActivationId"]: each for each in self._activations.activations_of(ACCOUNT, REGION)}

    def secret(self, secret_arn: str) -> dict[str, Any]:
        """Return the record of a secret, with its `Versions`."""
        record: dict[str, Any] = self._ministack.secretsmanager._resolve(secret_arn)[1]
        return record

    def register_node(self, activation_id: str, activation_code: str) -> str:
        """Register a node, and return its ID."""
        node: str = self._nodes.register_node(activation_id, activation_code, ACCOUNT, REGION)
        return node

    def nodes(self) -> set[str]:
        """Return the IDs of the registered nodes."""
        return {node["InstanceId"] for node in self._nodes.nodes_of(ACCOUNT, REGION)}

    def role_created(self) -> float:
        """Return when the role was created."""
        created: str = self._ministack.iam._roles[ROLE.rpartition("/")[2]]["CreateDate"]
        return datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp()

    def let_the_role_propagate(self, seconds: float) -> None:
        """Set the time after which Systems Manager knows a new role."""
        self._activations.set_role_propagation_seconds(seconds)

    def _reset(self) -> None:
        self._activations.reset()
        self._nodes.reset()
        self._rotation.reset()
        self._ministack.secretsmanager.reset()
        self._ministack.iam.reset()

    def _answer(self, request: AWSRequest, status: int, body: bytes) -> AWSResponse:
        return wire_answer(request, status, body, "application/x-amz-json-1.1")

    def _process(self, request: AWSRequest) -> tuple[int, bytes]:
        target = self._target(request)
        service = self._ministack.ssm if target.startswith("AmazonSSM.") else self._ministack.secretsmanager
        status, body = handled(service.handle_request("POST", "/", {"x-amz-target": target}, request_body(request), {}))
        if status == 200 and target == "AmazonSSM.CreateActivation":
            created = json.loads(body)
            self.codes[created["ActivationId"]] = created["ActivationCode"]
        return status, body

    def _read(self, request: AWSRequest) -> tuple[str, dict[str, Any]]:
        return self._target(request).rpartition(".")[2], json.loads(request_body(request))

    def _error(self, code: str, message: str) -> tuple[int, bytes]:
        return 500 if code.startswith("Internal") else 400, json.dumps({"__type": code, "message": message}).encode()

    def _target(self, request: AWSRequest) -> str:
        target: Any = request.headers["X-Amz-Target"]
        return target if isinstance(target, str) else target.decode()
