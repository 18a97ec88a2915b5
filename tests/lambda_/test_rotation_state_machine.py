"""Random histories of one hybrid activation, with faults of every kind.

The tests simulate the retries of Secrets Manager, the scheduled check, CloudFormation and other users. The function is
the real one. The emulator provides the versions of the secret and the activations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

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
from .in_process_activations import ROLE
from .in_process_aws import Call, Fault, Killed
from .interleaving import interleave
from .lambda_function import FUNCTION_SECONDS
from .rotation_stack import CHECK, DAY, HOUR, STEPS, Outcome, RotationStack

RecordProperty = Callable[[str, object], None]

# Longer than the function considers a rotation without changes to be in progress.
STUCK_SECONDS = 21 * 60.0
SETTINGS: list[dict[str, Any]] = [
    {"RegistrationLimit": 1},
    {"RegistrationLimit": 2, "Description": "Nodes of a branch", "DefaultInstanceName": "branch"},
    {"RegistrationLimit": 2, "LifetimeSeconds": 3600, "Tags": [{"Key": "team", "Value": "blue"}]},
]
LONGEST_HISTORY = 25


@dataclass(frozen=True)
class Trouble:
    """The faults of one run.

    Attributes:
        faults: The faults of its calls, in order. None is no fault.
        outage: The fault of all its calls.
    """

    faults: tuple[Fault | None, ...] = ()
    outage: Fault | None = None

    @property
    def passes(self) -> bool:
        """Whether the function must succeed despite the faults.

        Denials are retried for half a minute, which two calls that hang exceed. What a limit rejects is not retried.
        """
        faults = [fault for fault in self.faults if fault is not None]
        kinds = {fault.kind for fault in faults}
        denied = any(fault.code == "AccessDeniedException" for fault in faults)
        limited = any(fault.code == "LimitExceededException" for fault in faults)
        return self.outage is None and "kills" not in kinds and not limited and not (denied and "hangs" in kinds)

    @property
    def seconds(self) -> float:
        """The timeout of the function: enough for some attempts, because 15 minutes would allow hundreds."""
        return FUNCTION_SECONDS if self.outage is None else 60.0


CALM = Trouble()
single_faults = st.one_of(
    st.builds(Fault, st.sampled_from(["hangs", "closes", "kills"]), st.booleans()),
    st.builds(
        Fault,
        st.sampled_from(["error", "quotes"]),
        st.booleans(),
        st.sampled_from(
            [
                "ThrottlingException",
                "InternalServiceError",
                "TooManyUpdates",
                "AccessDeniedException",
                "LimitExceededException",
            ]
        ),
    ),
    # An unreadable response looks like an empty one, which means that a deletion has succeeded.
    st.just(Fault("garbles", processed=True)),
)
troubles = st.one_of(
    st.just(CALM),
    st.builds(Trouble, faults=st.lists(st.none() | single_faults, min_size=1, max_size=7).map(tuple)),
    st.builds(Trouble, outage=st.sampled_from([Fault("hangs"), Fault("error"), Fault("closes", processed=True)])),
)
choices = st.lists(st.integers(0, 1), max_size=25)
steps = st.sampled_from([*STEPS, "createSecret", "createSecret"])


@dataclass
class Tried:
    """Counts of what all histories have tried."""

    sequences: int = 0
    steps: int = 0
    faults: int = 0


class Account(RuleBasedStateMachine):
    """The stack, with its users and the services that call the function."""

    stack: ClassVar[RotationStack]
    tried: ClassVar[Tried]

    def __init__(self) -> None:
        super().__init__()
        self.tried.sequences += 1
        self.running = self.stack.deployed(**SETTINGS[0])
        self.running.__enter__()
        self.stack.aws.after_call = self.see
        self.tokens: list[str] = []
        self.next_step = 0
        # Whether the secret has an activation that only the function can have deleted.
        self.is_sound = False
        # Whether concurrent runs can have left an extra activation.
        self.is_crowded = False
        # Whether an update can have left the activation of its trial.
        self.has_trial = False
        self.is_deleting = False
        self.physical_id = ""
        self.theirs: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        try:
            self.end()
        finally:
            self.running.__exit__(None, None, None)

    # The actions of users and Secrets Manager.

    @initialize(first=st.booleans())
    def others_have_activations_and_the_stack_is_created(self, first: bool) -> None:
        ssm = self.stack.ssm
        for description in ("Theirs", "[ssm-roles:0123456789abcdef:0123456789abcdef]", ""):
            ssm.create_activation(IamRole=ROLE, Description=description)
        self.theirs = self.stack.aws.activations()
        self.tokens.append(self.stack.start_rotation())
        if first:
            self.complete()
            assert self.is_sound
        self.physical_id = hashlib.sha256(self.stack.secret_arn.encode()).hexdigest()[:16]
        self.stack.resource.record(self.physical_id, "CREATE_COMPLETE")

    @rule()
    def a_rotation_is_due(self) -> None:
        pending = self.pending()
        try:
            self.tokens.append(self.stack.start_rotation())
        except self.stack.secrets.exceptions.InvalidRequestException:
            assert pending is not None
            self.next_step = 0
        else:
            assert pending is None
            self.next_step = 0

    @precondition(lambda self: self.pending() is not None)
    @rule(trouble=troubles, times=st.integers(1, 4))
    def secrets_manager_goes_on(self, trouble: Trouble, times: int) -> None:
        for number in range(times):
            if self.pending() is None:
                return
            outcome = self.step(STEPS[self.next_step], self.pending(), trouble if number == 0 else CALM)
            self.next_step = self.next_step + 1 if outcome.succeeded and self.next_step < 3 else 0

    @precondition(lambda self: self.tokens)
    @rule(step=steps, number=st.integers(0, 10), trouble=troubles)
    def a_step_is_repeated(self, step: str, number: int, trouble: Trouble) -> None:
        self.step(step, self.tokens[-1 - number % len(self.tokens)], trouble)

    @precondition(lambda self: self.tokens)
    @rule(
        first=steps,
        second=st.one_of(steps, st.just("check")),
        numbers=st.tuples(st.integers(0, 1), st.integers(0, 3)),
        choices=choices,
        trouble=troubles,
    )
    def two_run_at_once(
        self, first: str, second: str, numbers: tuple[int, int], choices: list[int], trouble: Trouble
    ) -> None:
        self.is_crowded = True

        def run(environment: int, step: str, number: int) -> None:
            self.tried.steps += 1
            token = self.tokens[-1 - number % len(self.tokens)]
            event = CHECK if step == "check" else self.event(step, token)
            self.stack.call(event, environment=environment, seconds=trouble.seconds)

        with self.faults(trouble):
            interleave(
                self.stack.aws,
                [lambda: run(0, first, numbers[0]), lambda: run(1, second, numbers[1])],
                choices,
            )
        self.note_new_version()

    @rule(trouble=troubles)
    def the_check_runs(self, trouble: Trouble) -> None:
        with self.faults(trouble):
            outcome = self.stack.call(CHECK, seconds=trouble.seconds)
        self.note_new_version()
        assert outcome.succeeded or not trouble.passes, outcome.error

    @rule()
    def check_and_rotation_mend_everything(self) -> None:
        self.mend()

    @rule(new=st.sampled_from(SETTINGS), trouble=troubles)
    def the_stack_is_updated(self, new: dict[str, Any], trouble: Trouble) -> None:
        old = {**self.stack.properties}
        self.stack.configure({"IamRole": ROLE, "LifetimeSeconds": 30 * 24 * 3600, **new})
        event = self.stack.resource.update(self.stack.properties, {"RoleName": "", **old}, self.physical_id)
        self.has_trial = True
        self.stack.clock.in_pauses = self.in_pauses
        try:
            with self.faults(trouble):
                answer = self.stack.run(event, seconds=trouble.seconds).answer
        except Killed:
            return
        finally:
            self.stack.clock.in_pauses = lambda: None
            self.note_new_version()
        if trouble.passes:
            assert answer["Status"] == "SUCCESS", answer
        if answer["Status"] == "SUCCESS":
            activation = self.stack.aws.activations()[self.stack.value()["ActivationId"]]
            assert not activation["Expired"]
            assert activation["RegistrationLimit"] == new["RegistrationLimit"]
            assert activation.get("DefaultInstanceName") == new.get("DefaultInstanceName")
            assert activation.get("Tags") == new.get("Tags")

    @rule(seconds=st.sampled_from([60.0, STUCK_SECONDS, HOUR, 10 * DAY, 31 * DAY]))
    def time_passes(self, seconds: float) -> None:
        self.stack.clock.now += seconds

    @precondition(lambda self: self.named() in self.stack.alive())
    @rule(all_of_them=st.booleans())
    def nodes_register(self, all_of_them: bool) -> None:
        self.stack.register_node()
        while all_of_them and self.named() in self.stack.alive():
            self.stack.register_node()

    @precondition(lambda self: self.stack.ours())
    @rule(number=st.integers(0, 2))
    def somebody_deletes_an_activation(self, number: int) -> None:
        ours = list(self.stack.ours())
        self.stack.ssm.delete_activation(ActivationId=ours[number % len(ours)])
        self.look()

    @rule(number=st.integers(0, 5))
    def somebody_removes_a_label(self, number: int) -> None:
        labels = [
            (version, label)
            for version, labels in self.stack.labels().items()
            for label in labels
            if label not in ("AWSCURRENT", "AWSPREVIOUS")
        ]
        if labels:
            version, label = labels[number % len(labels)]
            self.stack.secrets.update_secret_version_stage(
                SecretId=self.stack.secret_arn, VersionStage=label, RemoveFromVersionId=version
            )
            self.look()

    @precondition(lambda self: self.stack.version("AWSPREVIOUS") is not None)
    @rule()
    def somebody_goes_back_to_the_previous_version(self) -> None:
        self.stack.secrets.update_secret_version_stage(
            SecretId=self.stack.secret_arn,
            VersionStage="AWSCURRENT",
            MoveToVersionId=self.stack.version("AWSPREVIOUS"),
            RemoveFromVersionId=self.stack.version("AWSCURRENT"),
        )
        self.look()

    @rule()
    def somebody_stores_another_value(self) -> None:
        self.stack.secrets.put_secret_value(SecretId=self.stack.secret_arn, SecretString='{"By":"hand"}')
        self.look()

    @rule()
    def somebody_turns_the_rotation_off(self) -> None:
        self.stack.secrets.cancel_rotate_secret(SecretId=self.stack.secret_arn)

    @invariant()
    def all_is_well(self) -> None:
        activations = self.stack.aws.activations()
        assert {key: activations[key] for key in self.theirs} == {
            key: {**theirs, "Expired": activations[key]["Expired"]} for key, theirs in self.theirs.items()
        }
        self.compare()
        for label in ("AWSCURRENT", "AWSPENDING"):
            value = self.stack.value(label)
            if "ActivationId" in value:
                assert self.stack.aws.codes[value["ActivationId"]] == value["ActivationCode"]

    # The expectations.

    def see(self, call: Call) -> None:
        """Check each call of the function when it is processed."""
        if call.action == "DeleteActivation" and call.processed:
            assert call.parameters["ActivationId"] not in self.theirs
        if call.processed and call.parameters.get("VersionStage") == "AWSCURRENT":
            assert self.named() in self.stack.alive(), "the current activation is not usable"
            self.is_sound = True
        self.compare()

    def compare(self) -> None:
        """Check what is true at any time."""
        if self.is_sound and not self.is_deleting:
            assert self.named() in self.stack.ours(), "the activation of the secret was deleted"
        assert len(self.stack.alive()) <= 2 + self.is_crowded + self.has_trial

    def look(self) -> None:
        """Check the state after an action of a user."""
        self.is_sound = self.named() in self.stack.ours()

    def step(self, step: str, token: str | None, trouble: Trouble) -> Outcome:
        """Run a step alone, and check its outcome."""
        assert token is not None
        labels = self.stack.labels().get(token, [])
        named = next((label.removeprefix("activation:") for label in labels if label.startswith("activation:")), None)
        alive = self.stack.alive()
        is_current = "AWSCURRENT" in labels
        may_go_on = is_current or ("AWSPENDING" in labels and self.stack.is_rotated)
        may_go_on = may_go_on and self.stack.is_rotated
        calls = len(self.stack.aws.calls)
        self.tried.steps += 1
        with self.faults(trouble):
            outcome = self.stack.step(step, token, seconds=trouble.seconds)
        written = [call.action for call in self.stack.aws.calls[calls:] if not call.action.startswith("Describe")]
        if step == "setSecret":
            assert outcome.succeeded
            assert not written
        elif not may_go_on or is_current:
            assert not written, f"{step} of {labels} has done {written}"
            assert outcome.succeeded == (may_go_on and outcome.succeeded)
            assert outcome.succeeded or not trouble.passes or not may_go_on, outcome.error
        elif step == "createSecret":
            # A step can't succeed if the version has a value without a label, or an unusable activation.
            hopeless = bool(self.stack.value_of(token)) and (named is None or named not in alive)
            if (trouble.passes and named is None and not hopeless) or named in alive:
                assert outcome.succeeded or not trouble.passes, outcome.error
        elif trouble.passes:
            assert outcome.succeeded == (named in alive), outcome.error
        if outcome.succeeded and may_go_on and not is_current and step in ("createSecret", "finishSecret"):
            self.is_crowded = self.has_trial = False
            self.compare()
        if outcome.succeeded and step == "finishSecret":
            assert self.stack.version("AWSCURRENT") == token
        return outcome

    def complete(self) -> None:
        """Run the steps of the pending rotation until one fails."""
        token = self.pending()
        for step in STEPS:
            if token is None or not self.step(step, token, CALM).succeeded:
                return
        self.next_step = 0

    def mend(self) -> None:
        """Run checks and the rotations that they start, until the secret has a usable activation."""
        for _ in range(4):
            outcome = self.stack.check()
            assert outcome.succeeded, outcome.error
            self.note_new_version()
            if outcome.returned == "usable":
                break
            self.complete()
            # In this time, a rotation gets stuck, and the next replacement is allowed.
            self.stack.clock.now += STUCK_SECONDS
        assert self.named() in self.stack.alive()
        self.stack.register_node()

    def end(self) -> None:
        """Delete the stack, and check that nothing is left."""
        stack = self.stack
        self.is_deleting = True
        event = stack.resource.delete(stack.properties, self.physical_id)
        if self.tokens:
            self.is_crowded = True
            order = [len(self.tokens) * 7 % 3, *([0, 1, 1, 0, 1] * len(self.tokens))]
            interleave(
                stack.aws,
                [lambda: stack.step("createSecret", self.tokens[-1], environment=1), lambda: stack.run(event)],
                [choice % 2 for choice in order],
            )
        else:
            stack.run(event)
        assert stack.run(event).answer["Status"] == "SUCCESS"
        for step in STEPS:
            for token in self.tokens[-2:]:
                stack.step(step, token)
        assert stack.check().returned == "its rotation is turned off, because CloudFormation deletes it"
        assert stack.ours() == {}
        assert set(stack.aws.activations()) == set(self.theirs)
        stack.check_silence()

    # Helpers.

    def event(self, step: str, token: str) -> dict[str, Any]:
        return {"Step": step, "SecretId": self.stack.secret_arn, "ClientRequestToken": token}

    def pending(self) -> str | None:
        version = self.stack.version("AWSPENDING")
        return None if version == self.stack.version("AWSCURRENT") else version

    def named(self) -> str:
        """Return the ID of the current activation, or "" if there is none or its version lacks the label."""
        activation_id = str(self.stack.value("AWSCURRENT").get("ActivationId", ""))
        labels = self.stack.labels()[str(self.stack.version("AWSCURRENT"))]
        return activation_id if f"activation:{activation_id}" in labels else ""

    def note_new_version(self) -> None:
        """Record the version of a rotation that the function has started."""
        pending = self.pending()
        if pending is not None and pending not in self.tokens:
            self.tokens.append(pending)
            self.next_step = 0
        self.stack.work.clear()

    def in_pauses(self) -> None:
        """Run the rotation that the function waits for."""
        self.stack.clock.in_pauses = lambda: None
        try:
            if (token := self.pending()) is not None:
                for step in STEPS:
                    if not self.stack.step(step, token, environment=1).succeeded:
                        break
        finally:
            self.stack.clock.in_pauses = self.in_pauses

    def faults(self, trouble: Trouble) -> Any:
        return Faults(self, trouble)


class Faults:
    """The faults of one run, which end with it."""

    def __init__(self, account: Account, trouble: Trouble) -> None:
        self._account = account
        self._trouble = trouble

    def __enter__(self) -> None:
        aws, trouble = self._account.stack.aws, self._trouble
        aws.faults = list(trouble.faults) if trouble.outage is None else [trouble.outage] * 2000
        self._before = len(aws.faults)

    def __exit__(self, *_: object) -> None:
        aws = self._account.stack.aws
        self._account.tried.faults += self._before - len(aws.faults)
        aws.faults = []


@pytest.fixture(scope="module")
def stack(endpoint: AnswerEndpoint) -> RotationStack:
    return RotationStack(endpoint)


def try_histories(stack: RotationStack, record_property: RecordProperty, histories: int) -> None:
    Account.stack, Account.tried = stack, Tried()
    try:
        run_state_machine_as_test(
            Account,
            settings=settings(
                max_examples=histories,
                stateful_step_count=LONGEST_HISTORY,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        record_property("rotation sequences", Account.tried.sequences)
        record_property("steps of rotations", Account.tried.steps)
        record_property("faults in rotations", Account.tried.faults)


def test_a_call_that_breaks_a_rule_fails_the_test_and_not_only_the_function(stack: RotationStack) -> None:
    def see(_: Call) -> None:
        raise AssertionError("a broken rule")

    with stack.deployed():
        stack.aws.after_call = see
        with pytest.raises(pytest.fail.Exception, match="a broken rule"):
            stack.check()


def test_no_history_leaves_the_secret_without_a_usable_activation(
    stack: RotationStack, record_property: RecordProperty
) -> None:
    try_histories(stack, record_property, 5)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(4))
def test_no_history_of_many_leaves_the_secret_without_a_usable_activation(
    stack: RotationStack, record_property: RecordProperty, part: int
) -> None:
    try_histories(stack, record_property, 80)
