"""What a check uses: clients, and resources with the tag of the run, which are deleted when the check ends."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar, cast

from botocore.exceptions import ClientError

from .check import ContradictedError, NotCheckedError
from .node import Node
from .run import Run
from .target import Client, Target

SYSTEMS_MANAGER = "ssm.amazonaws.com"
# IAM is eventually consistent: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
_PATIENCE = 120.0
_EMULATOR_PATIENCE = 2.0
_NEW_ROLE = ("Nonexistent role", "Not existing role")
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")

T = TypeVar("T")
Statements = Sequence[Mapping[str, Any]]


class KeptError(Exception):
    """AWS didn't delete a resource."""


def trust(conditions: Mapping[str, Any] | None = None, *, service: str = SYSTEMS_MANAGER) -> dict[str, Any]:
    """Return a trust policy for a service."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {
        "Version": "2012-10-17",
        "Statement": [statement | ({} if conditions is None else {"Condition": conditions})],
    }


def code_and_message(error: ClientError) -> tuple[str, str]:
    """Return the code and the message of an error."""
    details = error.response.get("Error", {})
    return str(details.get("Code")), str(details.get("Message"))


def is_denied(error: ClientError) -> bool:
    """Return whether the caller lacks a permission."""
    return code_and_message(error)[0] in _DENIED


@dataclass
class Ledger:
    """What a run has created and deleted.

    Attributes:
        created: The resources that were created, oldest first.
        deleted: Those of them that were deleted.
    """

    created: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


class Sandbox:
    """The account of one check. What it creates is deleted at the end of a `with` statement.

    Args:
        target: The account and Region.
        run: The run.
        ledger: Records what is created and deleted.
        organizational_unit: The ID of the organizational unit that the caller gave for checks of an organization.
    """

    def __init__(self, target: Target, run: Run, ledger: Ledger, organizational_unit: str | None = None) -> None:
        self.target = target
        self.run = run
        self.organizational_unit = organizational_unit
        self.patience = _EMULATOR_PATIENCE if target.is_emulator else _PATIENCE
        self._ledger = ledger
        self._stack = ExitStack()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def account(self) -> str:
        """The account."""
        return self.target.account

    @property
    def region(self) -> str:
        """The Region."""
        return self.target.region

    def client(
        self, service: str, region: str | None = None, *, credentials: Mapping[str, str] | None = None
    ) -> Client:
        """Return a client of a service. `Target.client` describes the arguments."""
        return self.target.client(service, region, credentials=credentials)

    def not_on_emulator(self, what: str) -> None:
        """Raise `NotCheckedError` on the emulator, which doesn't model something."""
        if self.target.is_emulator:
            raise NotCheckedError(f"the emulator doesn't {what}")

    def wait(self, attempt: Callable[[], T], *, seconds: float | None = None, on_emulator: float | None = None) -> T:
        """Return the first true result of a function, or its last result when the time is over.

        Args:
            attempt: The function.
            seconds: The time. Default: - the time that IAM needs
            on_emulator: The time on the emulator, where most things take effect at once.
        """
        given = on_emulator if self.target.is_emulator else seconds
        deadline = time.monotonic() + (self.patience if given is None else given)
        pause = 0.05 if self.target.is_emulator else 2.0
        while not (result := attempt()) and time.monotonic() < deadline:
            time.sleep(pause)
        return result

    def settle(self, seconds: float) -> None:
        """Wait until new roles are known to all services, which no API tells."""
        time.sleep(0 if self.target.is_emulator else seconds)

    def created(self, what: str, delete: Callable[[], object]) -> None:
        """Record something that was created, and how it is deleted at the end of the check."""
        self._ledger.created.append(what)

        def undo() -> None:
            try:
                delete()
            except KeptError:
                return
            except ClientError as error:
                if not _is_gone(error):
                    # The clean-up of the run looks for what is left.
                    return
            self._ledger.deleted.append(what)

        self._stack.callback(undo)

    def role(
        self,
        suffix: str,
        trust_policy: Mapping[str, Any],
        statements: Statements = (),
        *,
        path: str = "/",
        managed: Sequence[str] = (),
    ) -> str:
        """Create a role, and return its name.

        Args:
            suffix: The end of its name.
            trust_policy: Its trust policy.
            statements: The statements of its inline policy.
            path: Its path.
            managed: The names of AWS managed policies.
        """
        iam, name = self.client("iam"), self.run.name(suffix)
        iam.create_role(
            RoleName=name,
            Path=path,
            AssumeRolePolicyDocument=json.dumps(trust_policy),
            Description="A live test of ssm_roles",
            Tags=self.run.tag_list,
        )
        self.created(f"role {name}", lambda: self._delete_role(name))
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_role_policy(RoleName=name, PolicyName="Check", PolicyDocument=document)
        for policy in managed:
            iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:{self.target.partition}:iam::aws:policy/{policy}")
        return name

    def _delete_role(self, name: str) -> None:
        iam = self.client("iam")
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
        iam.delete_role(RoleName=name)

    def node_role(self, suffix: str = "node", conditions: Mapping[str, Any] | None = None, *, path: str = "/") -> str:
        """Create a role for managed nodes, and return its name."""
        return self.role(suffix, trust(conditions), path=path, managed=["AmazonSSMManagedInstanceCore"])

    def activation(self, role: str, **arguments: object) -> dict[str, Any]:
        """Create an activation as soon as Systems Manager knows the role, and return its ID and code.

        Args:
            role: The path and name of the role.
            arguments: Further parameters of `CreateActivation`.
        """
        ssm = self.client("ssm")
        parameters: dict[str, object] = {"Description": self.run.id, **arguments, "IamRole": role}
        parameters["Tags"] = [*cast("list[dict[str, str]]", arguments.get("Tags", [])), *self.run.tag_list]

        def create() -> dict[str, Any] | None:
            try:
                made: dict[str, Any] = ssm.create_activation(**parameters)
            except ClientError as error:
                if any(text in code_and_message(error)[1] for text in _NEW_ROLE):
                    return None
                raise
            return made

        made = self.wait(create)
        if made is None:
            raise ContradictedError(f"CreateActivation doesn't find the role {role} after {self.patience:.0f} s")
        activation_id = made["ActivationId"]
        self.created(f"activation {activation_id}", lambda: ssm.delete_activation(ActivationId=activation_id))
        return {"ActivationId": activation_id, "ActivationCode": made["ActivationCode"]}

    def described_activation(self, activation_id: str) -> dict[str, Any]:
        """Return what `DescribeActivations` returns of an activation."""
        filters = [{"FilterKey": "ActivationIds", "FilterValues": [activation_id]}]
        ssm = self.client("ssm")
        found = self.wait(lambda: ssm.describe_activations(Filters=filters)["ActivationList"], seconds=30)
        if not found:
            raise ContradictedError(f"DescribeActivations doesn't list {activation_id} within 30 s")
        listed: dict[str, Any] = found[0]
        return listed

    def node(self, activation: Mapping[str, str]) -> Node:
        """Register a machine with an activation, and return it."""
        node = Node(self.target.url("ssm"), self.region)
        node.register(activation["ActivationId"], activation["ActivationCode"])
        ssm = self.client("ssm")
        self.created(f"managed node {node.id}", lambda: ssm.deregister_managed_instance(InstanceId=node.id))
        return node

    def caller(self, suffix: str, statements: Statements) -> dict[str, str]:
        """Return the credentials of a new role with these permissions, as soon as they work."""
        control = {"Effect": "Allow", "Action": "ssm:DescribeActivations", "Resource": "*"}
        root = {"AWS": self.target.arn("iam", "root")}
        trusted = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
        policy = {"Version": "2012-10-17", "Statement": [trusted]}
        arn = self.target.arn("iam", f"role/{self.role(suffix, policy, [control, *statements])}")

        def works() -> dict[str, str] | None:
            try:
                assumed = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="live")["Credentials"]
                credentials = {key: assumed[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
                self.client("ssm", credentials=credentials).describe_activations(MaxResults=1)
            except ClientError as error:
                if is_denied(error):
                    return None
                raise
            return credentials

        found: dict[str, str] | None = self.wait(works)
        if found is None:
            raise NotCheckedError(f"the caller can't assume the role {arn}, which trusts its account")
        return found

    def stack(self, suffix: str, template: Mapping[str, Any], *, expect_failure: bool = False) -> dict[str, str]:
        """Deploy a stack, and return its outputs, or the reasons by logical ID if it must fail.

        Args:
            suffix: The end of its name.
            template: The template.
            expect_failure: Whether the deployment is expected to fail. Default: False
        """
        cloudformation, name = self.client("cloudformation"), self.run.name(suffix)
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            Tags=self.run.tag_list,
        )
        self.created(f"stack {name}", lambda: self._delete_stack(name))
        stack = self._settled(name)
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        reasons = {
            each["LogicalResourceId"]: each.get("ResourceStatusReason", "")
            for each in events
            if each["ResourceStatus"].endswith("_FAILED") and "cancelled" not in each.get("ResourceStatusReason", "")
        }
        if expect_failure:
            return reasons
        if stack["StackStatus"] != "CREATE_COMPLETE":
            raise NotCheckedError(f"the stack {name} failed: {reasons}")
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}

    def _settled(self, name: str) -> dict[str, Any]:
        cloudformation = self.client("cloudformation")

        def settled() -> dict[str, Any] | None:
            stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

        stack: dict[str, Any] | None = self.wait(settled, seconds=900, on_emulator=120)
        if stack is None:
            raise NotCheckedError(f"the stack {name} is still in progress after 15 minutes")
        return stack

    def _delete_stack(self, name: str) -> None:
        cloudformation = self.client("cloudformation")
        stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=name)
        self._settled(stack_id)

    @contextlib.contextmanager
    def expecting(self, *codes: str, text: str = "") -> Iterator[list[str]]:
        """Expect that a call fails with one of these codes, and with this text in its message.

        The list that it yields has the error afterwards.

        Raises:
            ContradictedError: The call succeeds, or fails otherwise.
        """
        seen: list[str] = []
        try:
            yield seen
        except ClientError as error:
            code, message = code_and_message(error)
            seen.append(f"{code}: {message}")
            if code not in codes or text.lower() not in message.lower():
                wanted = f"{' or '.join(codes)}{f' with {text!r}' if text else ''}"
                raise ContradictedError(f"expected {wanted}, got {seen[0]}") from None
            return
        raise ContradictedError(f"expected {' or '.join(codes)}, but the call succeeded")


def expect(condition: object, evidence: str) -> str:
    """Return the evidence if a condition is true.

    Raises:
        ContradictedError: The condition is false.
    """
    if not condition:
        raise ContradictedError(evidence)
    return evidence


def _is_gone(error: ClientError) -> bool:
    code, message = code_and_message(error)
    gone = (
        "NoSuchEntity",
        "InvalidActivation",
        "InvalidActivationId",
        "InvalidInstanceId",
        "ResourceNotFoundException",
    )
    return code in gone or "does not exist" in message
