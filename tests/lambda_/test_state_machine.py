"""Random histories of several stacks in one account, with faults at any point.

The function is the real one, and IAM is that of the embedded AWS. CloudFormation, AWS Lambda, other users and other
tools are simulated. A model has the expected state of the account, and is compared with IAM at every call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import boto3
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from .answer_endpoint import AnswerEndpoint
from .ensure_function import EnsureFunction
from .events import CLEAN_UP, DISCOVERY, SSM, CustomResource, logical_id_of, properties
from .in_process_aws import EXPLICIT_DENY, Call, Fault, Killed
from .in_process_iam import InProcessIam
from .lambda_function import FUNCTION_SECONDS, Run, botocore_session
from .simulated_clock import SimulatedClock

RecordProperty = Callable[[str, object], None]

# The account of requests without credentials of an account; they never leave this process.
ACCOUNT = "000000000000"
NOWHERE = "http://localhost:9"
ROOT = {"AccessKeyId": "111122223333", "SecretAccessKey": "test"}
REGIONS = ("eu-west-1", "us-east-1", "eu-west-1")
ROLE_TYPES = {each.role_name: each for each in (SSM, DISCOVERY)}
DELETION_SECONDS = 40.0
# The time that CloudFormation waits for a response, and the number of runs of AWS Lambda for one event.
SERVICE_SECONDS = 960.0
LAMBDA_ATTEMPTS = 3
CLEAN_UP_ATTEMPTS = 3
DENIED_CREATION = frozenset({"CreateServiceLinkedRole"})
OTHER_URLS = {
    "another bucket": "https://attacker-response-euwest1.s3.eu-west-1.amazonaws.com/",
    "another Region": "https://cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com/",
    "another host": "https://169.254.169.254/latest/meta-data/",
}
USAGE = {"us-east-1": ["arn:aws:ssm:us-east-1:111122223333:resource-data-sync/fleet"]}


@dataclass(frozen=True)
class Trouble:
    """The faults during one event.

    Attributes:
        faults: The faults of the IAM calls in the first run, in order. None is no fault.
        outage: The fault of all IAM calls in every run.
        misfortunes: What happens to the first attempts to respond; see `AnswerEndpoint.url`.
        lost: Whether no response ever arrives.
        repeated: Whether AWS Lambda delivers the event again after the response.
        denied: The actions that a policy of the organization denies.
    """

    faults: tuple[Fault | None, ...] = ()
    outage: Fault | None = None
    misfortunes: tuple[str, ...] = ()
    lost: bool = False
    repeated: bool = False
    denied: frozenset[str] = frozenset()

    @property
    def passes(self) -> bool:
        """Whether the function must succeed despite the faults."""
        lasting = [fault for fault in self.faults if fault is not None and fault.code == "AccessDenied"]
        return self.outage is None and not lasting and not self.denied


@dataclass(frozen=True)
class Forgery:
    """An event that does not come from CloudFormation, or not now.

    Attributes:
        request_type: The type of its request.
        stack: The number of the slot whose stack it names.
        logical_id: The role whose logical ID it has, or another ID.
        physical_id: Its physical ID.
        wish: Its properties.
        url: Its ResponseURL: that of CloudFormation, or another one.
    """

    request_type: str
    stack: int
    logical_id: str
    physical_id: str
    wish: dict[str, Any]
    url: str


CALM = Trouble()

passing_faults = st.builds(
    Fault,
    st.sampled_from(["error", "hangs", "closes", "garbles", "kills"]),
    st.booleans(),
    st.sampled_from(["Throttling", "ServiceFailure", "ConcurrentModification", "RequestLimitExceeded", "AccessDenied"]),
)
troubles = st.one_of(
    st.just(CALM),
    st.builds(Trouble, faults=st.lists(st.none() | passing_faults, min_size=1, max_size=4).map(tuple)),
    st.builds(
        Trouble,
        faults=st.lists(st.none() | passing_faults, max_size=2).map(tuple),
        misfortunes=st.lists(st.sampled_from(["500", "503", "closes the connection"]), max_size=2).map(tuple),
        lost=st.booleans(),
        repeated=st.booleans(),
    ),
    st.builds(Trouble, outage=st.sampled_from([Fault("hangs"), Fault("error", code="Throttling"), Fault("closes")])),
    st.builds(Trouble, denied=st.sampled_from([DENIED_CREATION, DENIED_CREATION, DENIED_CREATION | {"GetRole"}])),
)
wishes = st.builds(
    properties,
    st.sampled_from(sorted(ROLE_TYPES.values(), key=lambda each: each.role_name)),
    destroy=st.booleans(),
    description=st.sampled_from([None, "Inventory", "Explorer & <more>"]),
)
forgeries = st.builds(
    Forgery,
    request_type=st.sampled_from(["Create", "Update", "Delete", "Delete", "Delete"]),
    stack=st.integers(0, 2),
    logical_id=st.sampled_from([*sorted(ROLE_TYPES), "Other"]),
    physical_id=st.sampled_from([*sorted(ROLE_TYPES), "Fleet-Ensured-1ABCDEFGHIJKL", "nothing-created"]),
    wish=wishes,
    url=st.sampled_from(["of CloudFormation", "of CloudFormation", *OTHER_URLS]),
)


@dataclass
class Bench:
    """The objects that all histories share, because creating them takes long."""

    endpoint: AnswerEndpoint
    clock: SimulatedClock
    iam: InProcessIam
    functions: list[EnsureFunction]
    by_hand: Any
    histories: int = 0
    events: int = 0
    faults: int = 0
    forgeries: int = 0


@dataclass
class KnownRole:
    """The expected state of a role.

    Attributes:
        role_id: The ID of the role, which differs from that of a later role of the same name.
        owner: The ID of the stack that created the role and whose mark it still has, or None.
        description: The description of the role.
        doomed: Whether its deletion was requested by someone who is allowed to delete it.
    """

    role_id: str
    owner: str | None
    description: str
    doomed: bool = False


@dataclass
class Stack:
    """A slot for one stack at a time.

    Attributes:
        number: The number of the slot and of its function.
        resource: The custom resource of the current stack.
        wish: The properties of the custom resource that CloudFormation knows.
        physical_id: The physical ID that CloudFormation knows.
        state: `none`, `live`, `to be rolled back` (the rollback of an update has failed) or `to be deleted`.
    """

    number: int
    resource: CustomResource = field(default_factory=CustomResource)
    wish: dict[str, Any] = field(default_factory=dict)
    physical_id: str = ""
    state: str = "none"


class Account(RuleBasedStateMachine):
    """One account with its stacks, other users and other tools."""

    bench: ClassVar[Bench]

    def __init__(self) -> None:
        super().__init__()
        self.bench.histories += 1
        self.bench.endpoint.forget()
        self.iam = self.bench.iam
        self.clock = self.bench.clock
        self.running = self.iam.running(deletion_seconds=DELETION_SECONDS)
        self.running.__enter__()
        self.iam.after_call = self.see
        self.roles: dict[str, KnownRole] = {}
        self.used: set[str] = set()
        self.stacks = [Stack(number) for number in range(len(REGIONS))]
        # The reasons why roles outlive their stacks, by stack ID and role name.
        self.left: dict[tuple[str, str], str] = {}
        self.current: tuple[Stack, dict[str, Any]] | None = None
        self.is_forged = False
        # The events that CloudFormation has sent, each with the slot of its stack.
        self.delivered: list[tuple[Stack, dict[str, Any]]] = []

    def teardown(self) -> None:
        try:
            self.end()
        finally:
            self.running.__exit__(None, None, None)

    # The actions of users.

    @initialize(existing=st.sets(st.sampled_from(sorted(ROLE_TYPES))))
    def some_roles_exist(self, existing: set[str]) -> None:
        for role_name in sorted(existing):
            self.create_by_hand(role_name)

    @precondition(lambda self: self.in_state("none"))
    @rule(number=st.integers(0, 2), wish=wishes, trouble=troubles, then=troubles, rolls_back=st.integers(0, 3))
    def create_stack(self, number: int, wish: dict[str, Any], trouble: Trouble, then: Trouble, rolls_back: int) -> None:
        stack = self.choose("none", number)
        stack.resource = CustomResource(REGIONS[stack.number])
        stack.wish = wish
        answer = self.deliver(stack, stack.resource.create(wish), trouble)
        if answer is None:
            # CloudFormation has no physical ID and generates one.
            self.delete(stack, stack.resource.made_up_id, then)
        elif answer["Status"] == "FAILED" or rolls_back == 3:
            self.delete(stack, answer["PhysicalResourceId"], then)
        else:
            stack.physical_id = answer["PhysicalResourceId"]
            stack.state = "live"

    @precondition(lambda self: self.in_state("live"))
    @rule(
        number=st.integers(0, 2),
        wish=wishes,
        trouble=troubles,
        then=troubles,
        rolls_back=st.integers(0, 3),
        cleaning=troubles,
    )
    def update_stack(
        self, number: int, wish: dict[str, Any], trouble: Trouble, then: Trouble, rolls_back: int, cleaning: Trouble
    ) -> None:
        stack = self.choose("live", number)
        if wish == stack.wish:
            wish = properties(ROLE_TYPES[wish["RoleName"]], destroy=wish["RemovalPolicy"] == "RETAIN")
        old, old_id = stack.wish, stack.physical_id
        answer = self.deliver(stack, stack.resource.update(wish, old, old_id), trouble)
        if answer is None or answer["Status"] == "FAILED":
            # CloudFormation doesn't know whether there is a new role, and doesn't delete it.
            self.leave(stack, wish["RoleName"], "of an update that failed")
            self.roll_back(stack, wish, then, cleaning)
            return
        stack.wish, stack.physical_id = wish, answer["PhysicalResourceId"]
        if rolls_back == 3:
            stack.wish, stack.physical_id = old, stack.physical_id
            self.roll_back(stack, wish, then, cleaning)
        elif stack.physical_id != old_id:
            self.clean_up(stack, old, old_id, cleaning)

    @precondition(lambda self: self.in_state("to be rolled back"))
    @rule(number=st.integers(0, 2), trouble=troubles, cleaning=troubles)
    def continue_rollback(self, number: int, trouble: Trouble, cleaning: Trouble) -> None:
        stack = self.choose("to be rolled back", number)
        self.roll_back(stack, stack.wish, trouble, cleaning)

    @precondition(lambda self: self.in_state("live", "to be rolled back", "to be deleted"))
    @rule(number=st.integers(0, 2), trouble=troubles)
    def delete_stack(self, number: int, trouble: Trouble) -> None:
        stack = self.choose(("live", "to be rolled back", "to be deleted"), number)
        self.delete(stack, stack.physical_id, trouble)

    @precondition(lambda self: len(self.roles) < len(ROLE_TYPES))
    @rule(number=st.integers(0, 1), lookalike=st.integers(0, 4))
    def a_user_creates_a_role(self, number: int, lookalike: int) -> None:
        missing = sorted(set(ROLE_TYPES) - set(self.roles))
        self.create_by_hand(missing[number % len(missing)], lookalike=lookalike == 4)

    @precondition(lambda self: set(self.roles) - self.used)
    @rule(number=st.integers(0, 1))
    def a_user_deletes_a_role(self, number: int) -> None:
        unused = sorted(set(self.roles) - self.used)
        role_name = unused[number % len(unused)]
        self.roles[role_name].doomed = True
        if self.is_linked(role_name):
            self.bench.by_hand.delete_service_linked_role(RoleName=role_name)
        else:
            self.bench.by_hand.delete_role(RoleName=role_name)
        self.clock.now += DELETION_SECONDS + 1
        self.compare()

    @precondition(lambda self: self.roles)
    @rule(number=st.integers(0, 1), description=st.sampled_from(["Theirs", "Theirs: {}", "{}!"]))
    def another_tool_edits_a_description(self, number: int, description: str) -> None:
        role_name = sorted(self.roles)[number % len(self.roles)]
        role = self.roles[role_name]
        role.description = description.format(role.description)
        if not role.description.endswith(self.mark_of(role.owner)):
            role.owner = None
        self.bench.by_hand.update_role(RoleName=role_name, Description=role.description)

    @precondition(lambda self: set(self.roles) - self.used)
    @rule(number=st.integers(0, 1))
    def a_service_starts_using_a_role(self, number: int) -> None:
        unused = sorted(set(self.roles) - self.used)
        role_name = unused[number % len(unused)]
        self.used.add(role_name)
        self.iam.mark_used(role_name, USAGE)

    @precondition(lambda self: self.used)
    @rule(number=st.integers(0, 1))
    def a_service_stops_using_a_role(self, number: int) -> None:
        role_name = sorted(self.used)[number % len(self.used)]
        self.used.discard(role_name)
        self.iam.mark_used(role_name, {})

    @precondition(lambda self: self.in_state("live", "to be rolled back", "to be deleted"))
    @rule(number=st.integers(0, 2), forged=st.lists(forgeries, min_size=5, max_size=10))
    def someone_invokes_a_function(self, number: int, forged: list[Forgery]) -> None:
        stack = self.choose(("live", "to be rolled back", "to be deleted"), number)
        for each in forged:
            resource = self.stacks[each.stack].resource
            event = {
                **resource.create(each.wish, forged=True),
                "RequestType": each.request_type,
                "LogicalResourceId": logical_id_of(each.logical_id),
                "PhysicalResourceId": each.physical_id,
            }
            if each.url in OTHER_URLS:
                event["ResponseURL"] = OTHER_URLS[each.url]
            self.forge(stack, event)

    @precondition(lambda self: self.delivered)
    @rule(choices=st.lists(st.integers(0, 50), min_size=3, max_size=6))
    def someone_repeats_an_earlier_event(self, choices: list[int]) -> None:
        for choice in choices:
            stack, event = self.delivered[choice % len(self.delivered)]
            if stack.state != "none" and event["StackId"] == stack.resource.stack_id:
                self.forge(stack, event)

    def forge(self, stack: Stack, event: dict[str, Any]) -> None:
        """Invoke the function of a stack with an event that CloudFormation does not send now.

        Within its own stack, such an event can create or describe a role. It never deletes one.
        """
        self.bench.forgeries += 1
        self.is_forged = True
        try:
            run = self.run(stack, event, (), FUNCTION_SECONDS)
        finally:
            self.is_forged = False
        assert run is not None
        if "ResponseURL" in event:
            assert run.answers == []
        if event["StackId"] != stack.resource.stack_id or "ResponseURL" in event:
            assert run.returned["Status"] == "FAILED"
            assert len(self.iam.calls) == self.calls_before

    @invariant()
    def the_account_is_as_expected(self) -> None:
        self.compare()

    def end(self) -> None:
        """Delete every stack without faults, and check the remaining roles."""
        for role_name in sorted(self.used):
            self.iam.mark_used(role_name, {})
        self.used.clear()
        for stack in self.stacks:
            if stack.state != "none":
                self.delete(stack, stack.physical_id, CALM)
                assert stack.state == "none"
        self.clock.now += DELETION_SECONDS + 1
        self.compare()
        for role_name, role in self.roles.items():
            if role.owner is not None:
                assert (role.owner, role_name) in self.left, f"{role_name} still exists although its stack is deleted"

    # The actions of CloudFormation and AWS Lambda.

    def delete(self, stack: Stack, physical_id: str, trouble: Trouble) -> None:
        """Delete the stack, or roll back its creation."""
        stack.physical_id = physical_id
        stack.state = "to be deleted"
        answer = self.deliver(stack, stack.resource.delete(stack.wish, physical_id), trouble)
        if answer is not None and answer["Status"] == "SUCCESS":
            stack.state = "none"
            if stack.wish["RemovalPolicy"] == "RETAIN":
                self.leave(stack, stack.wish["RoleName"], "retained")
                self.leave(stack, physical_id, "retained")
            elif physical_id != stack.wish["RoleName"]:
                self.leave(stack, stack.wish["RoleName"], "of a rollback that failed")

    def roll_back(self, stack: Stack, undone: dict[str, Any], trouble: Trouble, cleaning: Trouble) -> None:
        """Roll back an update: return from the new properties to those that the stack has."""
        stack.state = "to be rolled back"
        new_id = stack.physical_id
        answer = self.deliver(stack, stack.resource.update(stack.wish, undone, new_id), trouble)
        if answer is None or answer["Status"] == "FAILED":
            # If the stack is deleted in this state, CloudFormation doesn't delete the replacement.
            self.leave(stack, undone["RoleName"], "of a rollback that failed")
            return
        stack.physical_id = answer["PhysicalResourceId"]
        stack.state = "live"
        if stack.physical_id != new_id:
            self.clean_up(stack, undone, new_id, cleaning)

    def clean_up(self, stack: Stack, replaced: dict[str, Any], physical_id: str, trouble: Trouble) -> None:
        """Delete a replaced resource. If that fails several times, keep it."""
        for attempt in range(CLEAN_UP_ATTEMPTS):
            event = stack.resource.delete(replaced, physical_id)
            answer = self.deliver(stack, event, trouble if attempt == 0 else CALM)
            if answer is not None and answer["Status"] == "SUCCESS":
                break
        else:
            self.leave(stack, replaced["RoleName"], "in use when it was replaced")
        if replaced["RemovalPolicy"] == "RETAIN":
            self.leave(stack, replaced["RoleName"], "retained")

    def deliver(self, stack: Stack, event: dict[str, Any], trouble: Trouble) -> dict[str, Any] | None:
        """Run the function for an event as often as AWS Lambda does.

        Returns:
            The response that CloudFormation got, or None.
        """
        answer: dict[str, Any] | None = None
        self.delivered.append((stack, event))
        self.iam.denied = trouble.denied
        for attempt in range(LAMBDA_ATTEMPTS):
            first = attempt == 0
            self.iam.faults = [trouble.outage] * 2000 if trouble.outage is not None else []
            if first and trouble.outage is None:
                self.iam.faults = list(trouble.faults)
            misfortunes = ("500",) * 3 if trouble.lost else trouble.misfortunes if first else ()
            # This is enough for many attempts; the full timeout allows hundreds.
            seconds = FUNCTION_SECONDS if trouble.outage is None else 120.0
            run = self.run(stack, event, misfortunes, seconds)
            if run is not None:
                must_succeed = trouble.passes or (attempt > 0 and trouble.outage is None and not trouble.denied)
                self.check(stack, event, run, must_succeed=must_succeed)
                self.check_denial(event, run, trouble.denied)
                answer = run.answer
                break
            self.clock.now += 60.0
        self.iam.denied = frozenset()
        if answer is None:
            self.clock.now += SERVICE_SECONDS
        elif trouble.repeated:
            self.iam.faults = []
            repeated = self.run(stack, event, (), FUNCTION_SECONDS)
            assert repeated is not None
            self.check(stack, event, repeated, must_succeed=True)
        status = "COMPLETE" if answer is not None and answer["Status"] == "SUCCESS" else "FAILED"
        physical_id = stack.physical_id if answer is None else answer["PhysicalResourceId"]
        stack.resource.record(physical_id, f"{event['RequestType'].upper()}_{status}")
        return answer

    def run(self, stack: Stack, event: dict[str, Any], misfortunes: tuple[str, ...], seconds: float) -> Run | None:
        """Run the function once, and return None if it was stopped or its response was not accepted."""
        self.bench.events += 1
        self.current = (stack, event)
        self.calls_before = len(self.iam.calls)
        self.before = {name: role.description for name, role in self.roles.items()}
        faults = len(self.iam.faults)
        try:
            run = self.bench.functions[stack.number].run(
                event, seconds=seconds, misfortunes=misfortunes, stack_id=stack.resource.stack_id
            )
        except Killed:
            return None
        except OSError:
            assert len(misfortunes) == 3
            return None
        finally:
            self.bench.faults += faults - len(self.iam.faults)
            self.iam.faults = []
            self.current = None
            self.compare()
        assert len(run.answers) == 1 or self.is_forged, "every run that ends has one response"
        assert run.seconds < seconds
        return run

    # The model.

    def see(self, call: Call) -> None:
        """Check each call of the function when IAM carries it out, and update the model."""
        assert self.current is not None
        stack, event = self.current
        assert event["StackId"] == stack.resource.stack_id
        assert not self.is_forged or call.action != "DeleteServiceLinkedRole"
        wish = event["ResourceProperties"]
        deleting = event["RequestType"] == "Delete"
        assert not (deleting and wish["RemovalPolicy"] == "RETAIN"), f"{call} for a role that is retained"
        if call.action == "CreateServiceLinkedRole":
            assert not deleting
            if call.processed:
                self.settle()
                role_name = wish["RoleName"]
                assert role_name not in self.roles
                real = self.iam.settle()[role_name]
                self.roles[role_name] = KnownRole(
                    real["RoleId"], stack.resource.stack_id, call.parameters["Description"]
                )
                self.left.pop((stack.resource.stack_id, role_name), None)
                if self.is_forged:
                    self.leave(stack, role_name, "of a forged event")
            return
        role_name = role_of(event)
        assert call.parameters.get("RoleName", role_name) == role_name
        if call.action in ("UpdateRole", "DeleteServiceLinkedRole") and call.processed:
            role = self.roles[role_name]
            assert role.owner == stack.resource.stack_id, f"{call} for a role that the stack did not create"
            assert deleting == (call.action == "DeleteServiceLinkedRole")
            if deleting:
                role.doomed = True
            else:
                role.description = call.parameters["Description"]
            return
        assert call.action in ("GetRole", "GetServiceLinkedRoleDeletionStatus", "UpdateRole", "DeleteServiceLinkedRole")

    def check(self, stack: Stack, event: dict[str, Any], run: Run, *, must_succeed: bool) -> None:
        """Compare a response with the model."""
        answer, wish = run.answer, event["ResourceProperties"]
        role_name = role_of(event)
        role = self.roles.get(role_name)
        ours = role is not None and role.owner == stack.resource.stack_id
        assert {key: answer[key] for key in ("StackId", "RequestId", "LogicalResourceId")} == {
            key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")
        }
        if event["RequestType"] == "Delete":
            self.check_delete(event, run, role, ours=ours, must_succeed=must_succeed)
            return
        if answer["Status"] == "FAILED":
            assert answer["Reason"]
            assert answer["PhysicalResourceId"] == event.get("PhysicalResourceId", role_name)
            lookalike = role is not None and not self.is_linked(role_name)
            assert lookalike or not must_succeed, answer["Reason"]
            return
        # An earlier deletion of the role can still be in progress.
        assert role is not None
        assert answer["PhysicalResourceId"] == role_name
        assert answer["Data"] == {
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role{ROLE_TYPES[role_name].path}{role_name}",
            "RoleName": role_name,
            "RoleId": role.role_id,
            "Creation": "CREATED" if ours else "ADOPTED",
        }
        if ours and "Description" in wish:
            assert role.description == f"{wish['Description']} {stack.resource.mark}"
        if not ours:
            assert role.description == self.before[role_name]

    def check_delete(
        self, event: dict[str, Any], run: Run, role: KnownRole | None, *, ours: bool, must_succeed: bool
    ) -> None:
        answer, wish = run.answer, event["ResourceProperties"]
        assert answer["PhysicalResourceId"] == event["PhysicalResourceId"]
        if wish["RemovalPolicy"] == "RETAIN":
            assert answer["Status"] == "SUCCESS"
            assert len(self.iam.calls) == self.calls_before
            return
        if answer["PhysicalResourceId"] == "nothing-created":
            assert answer["Status"] == "SUCCESS"
            return
        if answer["Status"] == "SUCCESS":
            assert not ours, f"{role_of(event)} is still there"
            return
        in_use = role is not None and ours and role_of(event) in self.used
        if in_use and must_succeed:
            assert "us-east-1: arn:aws:ssm:us-east-1:111122223333:resource-data-sync/fleet" in answer["Reason"]
            assert CLEAN_UP in answer["Reason"]
        assert in_use or not must_succeed, answer["Reason"]

    def check_denial(self, event: dict[str, Any], run: Run, denied: frozenset[str]) -> None:
        """Check that a role that exists is adopted, whether or not its creation is denied."""
        role_name = event["ResourceProperties"]["RoleName"]
        if not denied or event["RequestType"] == "Delete":
            return
        exists = role_name in self.roles
        adopted = exists and self.is_linked(role_name) and "GetRole" not in denied
        assert (run.answer["Status"] == "SUCCESS") == adopted
        if not adopted and (not exists or "GetRole" in denied):
            assert run.reason.count(EXPLICIT_DENY) == len(denied)

    def compare(self) -> None:
        """Compare the account with the model."""
        self.settle()
        real = self.iam.settle()
        assert set(real) == set(self.roles)
        for role_name, role in self.roles.items():
            assert real[role_name]["RoleId"] == role.role_id
            assert real[role_name]["Description"] == role.description

    def settle(self) -> None:
        """Remove the roles from the model whose deletion is complete."""
        real = self.iam.settle()
        for role_name, role in list(self.roles.items()):
            there = role_name in real and real[role_name]["RoleId"] == role.role_id
            if not there:
                assert role.doomed, f"{role_name} was deleted although no one was allowed to delete it"
                del self.roles[role_name]
            elif role.doomed and not self.iam.is_being_deleted(role_name):
                role.doomed = False

    # Helpers.

    def leave(self, stack: Stack, role_name: str, reason: str) -> None:
        self.left[stack.resource.stack_id, role_name] = reason

    def in_state(self, *states: str) -> list[Stack]:
        return [stack for stack in self.stacks if stack.state in states]

    def choose(self, states: str | tuple[str, ...], number: int) -> Stack:
        suitable = self.in_state(*((states,) if isinstance(states, str) else states))
        return suitable[number % len(suitable)]

    def mark_of(self, owner: str | None) -> str:
        marks = {stack.resource.stack_id: stack.resource.mark for stack in self.stacks}
        return marks.get(owner, "of nobody") if owner is not None else "of nobody"

    def is_linked(self, role_name: str) -> bool:
        return bool(self.iam.settle()[role_name]["Path"] == ROLE_TYPES[role_name].path)

    def create_by_hand(self, role_name: str, *, lookalike: bool = False) -> None:
        if lookalike:
            role = self.bench.by_hand.create_role(
                RoleName=role_name, AssumeRolePolicyDocument=TRUST, Description="Theirs"
            )
        else:
            principal = ROLE_TYPES[role_name].service_principal
            role = self.bench.by_hand.create_service_linked_role(AWSServiceName=principal, Description="Theirs")
        self.roles[role_name] = KnownRole(role["Role"]["RoleId"], None, "Theirs")


def role_of(event: dict[str, Any]) -> str:
    """Return the role that a request is about: what is deleted is what CloudFormation names by its physical ID."""
    physical_id = event.get("PhysicalResourceId", "")
    by_id = event["RequestType"] == "Delete" and physical_id.startswith("AWSServiceRoleFor")
    return str(physical_id if by_id else event["ResourceProperties"]["RoleName"])


TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": "ssm.amazonaws.com"}}]}'
)


@pytest.fixture(scope="module")
def bench(endpoint: AnswerEndpoint) -> Bench:
    clock = SimulatedClock()
    iam = InProcessIam(clock)
    # The code of the last function is in its template.
    functions = [
        EnsureFunction(endpoint, NOWHERE, ROOT, clock, inline=number == len(REGIONS) - 1)
        for number in range(len(REGIONS))
    ]
    for function in functions:
        iam.attach(function.iam, faulty=True)
    by_hand: Any = boto3.session.Session(botocore_session=botocore_session()).client(
        "iam",
        region_name="eu-west-1",
        endpoint_url=NOWHERE,
        aws_access_key_id="111122223333",
        aws_secret_access_key="test",
    )
    iam.attach(by_hand, faulty=False)
    return Bench(endpoint, clock, iam, functions, by_hand)


def try_histories(bench: Bench, record_property: RecordProperty, histories: int) -> None:
    bench.histories = bench.events = bench.faults = bench.forgeries = 0
    Account.bench = bench
    try:
        run_state_machine_as_test(
            Account,
            settings=settings(
                max_examples=histories, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
    finally:
        for name in ("histories", "events", "faults"):
            record_property(name, getattr(bench, name))
        record_property("forged or stale events", bench.forgeries)


def test_no_history_violates_the_model(bench: Bench, record_property: RecordProperty) -> None:
    try_histories(bench, record_property, 5)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(4))
def test_none_of_hundreds_of_histories_violates_the_model(
    bench: Bench, record_property: RecordProperty, part: int
) -> None:
    try_histories(bench, record_property, 150)
