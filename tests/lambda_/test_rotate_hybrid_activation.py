"""The function that rotates hybrid activations, with Systems Manager and Secrets Manager of the emulator."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from .answer_endpoint import AnswerEndpoint
from .in_process_activations import REGION, ROLE
from .in_process_aws import CALL_SECONDS, Call, Fault, Killed
from .interleaving import interleave
from .lambda_function import FUNCTION_SECONDS
from .rotation_stack import DAY, FUNCTION_NAME, LOG_GROUP, SETTINGS, STEPS, RotationStack

RecordProperty = Callable[[str, object], None]

STUCK_SECONDS = 21 * 60
PAUSE_SECONDS = 10 * 60
# The function reserves 30 of its 900 seconds. The last call starts before these, and can end within them.
LONGEST_SECONDS = 870 + CALL_SECONDS


@pytest.fixture(scope="module")
def bench(endpoint: AnswerEndpoint) -> RotationStack:
    return RotationStack(endpoint)


@pytest.fixture
def stack(bench: RotationStack) -> Iterator[RotationStack]:
    bench.aws.after_call = lambda call: None
    with bench.deployed():
        yield bench
        bench.check_silence()


@pytest.fixture
def rotated(stack: RotationStack) -> RotationStack:
    """Return the stack after its first rotation."""
    stack.rotate()
    stack.aws.calls.clear()
    return stack


def calls(stack: RotationStack, act: Callable[[], object]) -> list[str]:
    """Return the names of the function's AWS API calls."""
    stack.aws.calls.clear()
    act()
    return [call.action for call in stack.aws.calls]


def use_up(stack: RotationStack) -> None:
    for _ in range(SETTINGS["RegistrationLimit"]):
        stack.register_node()


class TestRotation:
    def test_the_first_rotation_stores_a_usable_activation_in_the_secret(self, stack: RotationStack) -> None:
        token = stack.rotate()

        (activation,) = stack.ours().values()
        value = stack.value()
        assert stack.version("AWSCURRENT") == token
        assert list(value) == [
            "ActivationCode", "ActivationId", "ExpirationDate", "IamRole", "Region", "RegistrationLimit",
        ]  # fmt: skip
        assert value["ActivationId"] == activation["ActivationId"]
        assert (value["Region"], value["IamRole"], value["RegistrationLimit"]) == (REGION, ROLE, 2)
        assert (
            datetime.fromisoformat(value["ExpirationDate"].replace("Z", "+00:00")).timestamp()
            == (activation["ExpirationDate"])
        )
        assert stack.register_node().startswith("mi-")

    def test_the_value_is_compact_and_sorted_for_the_scripts(self, rotated: RotationStack) -> None:
        text = rotated.secrets.get_secret_value(SecretId=rotated.secret_arn)["SecretString"]

        assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))

    def test_the_description_ends_with_a_mark_for_the_secret_and_the_settings(self, bench: RotationStack) -> None:
        with bench.deployed(Description="Nodes & more"):
            bench.rotate()
            owner = hashlib.sha256(bench.secret_arn.encode()).hexdigest()[:16]
            (activation,) = bench.ours().values()
            description, _, mark = activation["Description"].partition(" [")
            assert description == "Nodes & more"
            assert mark.startswith(f"ssm-roles:{owner}:")
            assert len(f" [{mark}") == 46

    def test_the_activation_has_all_settings(self, bench: RotationStack) -> None:
        given = {
            "DefaultInstanceName": "branch",
            "Description": "d" * 210,
            "Tags": [{"Key": "team", "Value": "blue"}],
            "RegistrationLimit": 1000,
            "LifetimeSeconds": 3600,
        }
        with bench.deployed(**given):
            bench.rotate()
            (activation,) = bench.ours().values()
            for key in ("DefaultInstanceName", "Tags", "RegistrationLimit"):
                assert activation[key] == given[key]
            assert activation["ExpirationDate"] - activation["CreatedDate"] == pytest.approx(3600, abs=2)
            assert len(activation["Description"]) == 256

    def test_the_longest_lifetime_is_a_minute_less_than_systems_manager_allows(self, rotated: RotationStack) -> None:
        (activation,) = rotated.ours().values()

        assert activation["ExpirationDate"] - activation["CreatedDate"] == pytest.approx(30 * DAY - 60, abs=2)

    def test_the_previous_activation_stays_usable_until_the_next_rotation(self, rotated: RotationStack) -> None:
        first = rotated.value()["ActivationId"]
        rotated.rotate()
        second = rotated.value()["ActivationId"]
        assert rotated.alive() == {first, second}
        assert rotated.value("AWSPREVIOUS")["ActivationId"] == first

        rotated.rotate()

        assert rotated.alive() == {second, rotated.value()["ActivationId"]}

    def test_only_versions_whose_activation_exists_have_a_label(self, rotated: RotationStack) -> None:
        for _ in range(25):
            rotated.rotate()

        labels = [each for labels in rotated.labels().values() for each in labels if each.startswith("activation:")]
        assert {label.removeprefix("activation:") for label in labels} == set(rotated.ours())

    def test_the_calls_of_a_rotation_a_check_and_a_deletion(
        self, rotated: RotationStack, record_property: RecordProperty
    ) -> None:
        rotated.rotate()

        assert calls(rotated, rotated.rotate) == [
            *("DescribeActivations", "DescribeSecret", "DeleteActivation", "UpdateSecretVersionStage"),
            *("CreateActivation", "DescribeSecret", "PutSecretValue"),
            *("DescribeSecret", "DescribeActivations"),
            *("DescribeSecret", "DescribeActivations", "UpdateSecretVersionStage", "UpdateSecretVersionStage"),
        ]
        assert calls(rotated, rotated.check) == ["DescribeSecret", "DescribeActivations"]
        assert calls(rotated, lambda: rotated.run(rotated.resource.delete(rotated.properties, "id"))) == [
            *("CancelRotateSecret", "DescribeActivations", "DeleteActivation", "DeleteActivation"),
            "DescribeActivations",
        ]

    def test_the_code_is_never_read(self, rotated: RotationStack) -> None:
        rotated.rotate()
        use_up(rotated)
        rotated.check()
        rotated.run(rotated.resource.delete(rotated.properties, "id"))

        assert "GetSecretValue" not in {call.action for call in rotated.aws.calls}

    @pytest.mark.parametrize("step", STEPS)
    def test_a_step_can_be_repeated(self, rotated: RotationStack, step: str) -> None:
        token = rotated.start_rotation()
        for each in STEPS:
            assert rotated.step(each, token).succeeded
            if each == step:
                before = rotated.labels(), rotated.ours()
                assert rotated.step(each, token).succeeded
                assert (rotated.labels(), rotated.ours()) == before

        for each in STEPS:
            made = calls(rotated, functools.partial(rotated.step, each, token))
            assert not [call for call in made if not call.startswith("Describe")]

    def test_other_activations_stay_unchanged(self, rotated: RotationStack) -> None:
        mark = next(iter(rotated.ours().values()))["Description"]
        for description in (
            "",
            "Theirs",
            mark[:-1],
            f"{mark} and more",
            "[ssm-roles:0123456789abcdef:0123456789abcdef]",
        ):
            rotated.ssm.create_activation(IamRole=ROLE, Description=description)
        theirs = set(rotated.aws.activations()) - {rotated.value()["ActivationId"]}

        rotated.rotate()
        rotated.rotate()
        rotated.run(rotated.resource.delete(rotated.properties, "id"))

        assert set(rotated.aws.activations()) == theirs

    def test_all_pages_of_activations_are_read(self, rotated: RotationStack) -> None:
        for _ in range(120):
            rotated.ssm.create_activation(IamRole=ROLE)

        made = calls(rotated, lambda: rotated.rotate())
        assert made.count("DescribeActivations") == 9
        assert rotated.check().returned == "usable"


class TestRejections:
    @pytest.mark.parametrize("step", ["createSecret", "testSecret", "finishSecret"])
    def test_a_version_that_is_not_pending_is_rejected(self, rotated: RotationStack, step: str) -> None:
        rotated.rotate()
        for token in (str(rotated.version("AWSPREVIOUS")), "0" * 36, "~"):
            outcome = rotated.step(step, token)
            assert "is neither the pending nor the current version" in outcome.error

    @pytest.mark.parametrize("step", ["createSecret", "testSecret", "finishSecret"])
    def test_no_step_changes_anything_while_rotation_is_turned_off(self, rotated: RotationStack, step: str) -> None:
        token = rotated.start_rotation()
        rotated.secrets.cancel_rotate_secret(SecretId=rotated.secret_arn)
        before = rotated.labels(), rotated.ours()

        assert "is turned off" in rotated.step(step, token).error
        assert (rotated.labels(), rotated.ours()) == before

    @pytest.mark.parametrize("step", ["testSecret", "finishSecret"])
    def test_a_version_without_a_value_is_rejected(self, rotated: RotationStack, step: str) -> None:
        token = rotated.start_rotation()

        assert "the pending version has no activation" in rotated.step(step, token).error
        assert rotated.version("AWSCURRENT") != token

    @pytest.mark.parametrize("step", ["createSecret", "testSecret", "finishSecret"])
    @pytest.mark.parametrize("how", ["deleted", "expired"])
    def test_a_version_whose_activation_is_unusable_is_rejected(
        self, rotated: RotationStack, step: str, how: str
    ) -> None:
        token = rotated.start_rotation()
        assert rotated.step("createSecret", token).succeeded
        if how == "deleted":
            rotated.ssm.delete_activation(ActivationId=rotated.value("AWSPENDING")["ActivationId"])
        else:
            rotated.clock.now += 31 * DAY

        assert "is deleted, expired or used up" in rotated.step(step, token).error
        assert rotated.version("AWSCURRENT") != token
        # A version can't get another value, so that the next rotation must be able to start.
        assert (rotated.version("AWSPENDING") == token) == (step != "createSecret")

    def test_a_value_without_an_activation_is_abandoned(self, rotated: RotationStack) -> None:
        token = rotated.start_rotation()
        rotated.secrets.put_secret_value(
            SecretId=rotated.secret_arn, ClientRequestToken=token, SecretString="{}", VersionStages=["AWSPENDING"]
        )
        before = rotated.ours()

        assert "has no activation; the next rotation starts over" in rotated.step("createSecret", token).error
        assert rotated.ours() == before
        rotated.rotate()

    @pytest.mark.parametrize(
        ("event", "error"),
        [
            ({"Step": "dropSecret"}, "Step must be one of createSecret, setSecret, testSecret, finishSecret"),
            ({"Step": ["createSecret"]}, "Step must be one of"),
            ({"Step": None}, "Step must be one of"),
            (
                {"SecretId": "arn:aws:secretsmanager:us-east-1:000000000000:secret:Other-123456"},
                "SecretId must be arn:",
            ),
            ({"SecretId": None}, "SecretId must be"),
            ({"ClientRequestToken": None}, "ClientRequestToken must be 1 to 64 printable characters"),
            ({"ClientRequestToken": ""}, "ClientRequestToken must be 1 to 64 printable characters"),
            ({"ClientRequestToken": "a\nb"}, "ClientRequestToken must be 1 to 64 printable characters"),
            ({"ClientRequestToken": {"a": 1}}, "ClientRequestToken must be 1 to 64 printable characters"),
        ],
    )
    def test_an_event_that_is_not_a_step_of_this_secret_is_rejected(
        self, stack: RotationStack, event: dict[str, Any], error: str
    ) -> None:
        token = stack.start_rotation()
        step = {"Step": "createSecret", "SecretId": stack.secret_arn, "ClientRequestToken": token}

        assert error in stack.call({**step, **event}).error
        assert stack.aws.calls == []


@pytest.mark.deep
class TestFaults:
    def test_the_function_waits_for_a_role_that_systems_manager_does_not_know_yet(self, stack: RotationStack) -> None:
        stack.aws.let_the_role_propagate(stack.clock.time() + 60 - stack.aws.role_created())
        before = stack.clock.now

        stack.rotate()

        assert 60 <= stack.clock.now - before < 90
        assert len(stack.ours()) == 1

    def test_a_role_that_never_appears_fails_the_step_in_time(self, stack: RotationStack) -> None:
        stack.aws.let_the_role_propagate(stack.clock.time() + DAY - stack.aws.role_created())
        token = stack.start_rotation()
        before = stack.clock.now

        outcome = stack.step("createSecret", token)

        assert "Nonexistent role or missing ssm service principal in trust policy" in outcome.error
        assert 180 <= stack.clock.now - before < 200
        assert stack.ours() == {}

    def test_another_error_of_systems_manager_fails_the_step_immediately(self, bench: RotationStack) -> None:
        with bench.deployed(DefaultInstanceName="not; allowed"):
            outcome = bench.step("createSecret", bench.start_rotation())
            assert "defaultInstanceName" in outcome.error
            assert bench.ours() == {}

    @pytest.mark.parametrize("kind", ["hangs", "closes", "error", "garbles"])
    @pytest.mark.parametrize("number", range(13))
    def test_a_lost_response_leaves_no_extra_activation(self, rotated: RotationStack, number: int, kind: str) -> None:
        rotated.rotate()
        token = rotated.start_rotation()
        rotated.aws.after_call = lambda call: alive_at_most_two(rotated)
        rotated.aws.faults = [*[None] * number, Fault(kind, processed=True, code="InternalServerError")]

        rotated.go_through(token)

        assert rotated.aws.faults == []
        assert len(rotated.alive()) == 2
        rotated.register_node()

    @pytest.mark.parametrize("processed", [True, False])
    @pytest.mark.parametrize("number", range(13))
    def test_the_next_attempt_completes_a_rotation_that_was_killed_at_any_call(
        self, rotated: RotationStack, number: int, processed: bool
    ) -> None:
        rotated.rotate()
        token = rotated.start_rotation()
        rotated.aws.after_call = lambda call: alive_at_most_two(rotated)
        rotated.aws.faults = [*[None] * number, Fault("kills", processed=processed)]
        for step in STEPS:
            if not rotated.step(step, token).succeeded:
                break
        assert rotated.aws.faults == []

        rotated.go_through(token)

        assert rotated.version("AWSCURRENT") == token
        assert len(rotated.alive()) == 2
        rotated.register_node()

    def test_a_permanent_fault_fails_the_step_in_time_and_is_in_the_error(self, rotated: RotationStack) -> None:
        token = rotated.start_rotation()
        rotated.aws.faults = [Fault("error", code="ThrottlingException")] * 5000

        outcome = rotated.step("createSecret", token, seconds=120)

        assert "out of time: describe_activations" in outcome.error
        assert "ThrottlingException" in outcome.error

    def test_an_outage_does_not_count_as_an_unusable_activation(self, rotated: RotationStack) -> None:
        token = rotated.start_rotation()
        assert rotated.step("createSecret", token).succeeded
        rotated.aws.faults = [None, None, *[Fault("error")] * 5000]

        assert "out of time" in rotated.step("createSecret", token, seconds=120).error
        rotated.aws.faults = []
        assert rotated.version("AWSPENDING") == token
        rotated.go_through(token)


@pytest.mark.deep
class TestSilence:
    @pytest.mark.parametrize(
        "code",
        [
            *("ValidationException", "InvalidParameterException", "AccessDeniedException", "EncryptionFailure"),
            *("LimitExceededException", "ResourceNotFoundException", "InternalServiceError", "ThrottlingException"),
        ],
    )
    def test_errors_of_secrets_manager_that_quote_the_value_are_not_repeated(
        self, stack: RotationStack, code: str
    ) -> None:
        token = stack.start_rotation()
        stack.aws.faults = [None, None, None, None, *[Fault("quotes", code=code)] * 200]

        outcome = stack.step("createSecret", token, seconds=120)

        stack.aws.faults = []
        assert code in outcome.error
        assert len(stack.aws.codes) == 1
        stack.check_silence()
        stack.go_through(token)

    @pytest.mark.parametrize("kind", ["hangs", "closes", "quotes", "garbles", "kills"])
    @pytest.mark.parametrize("number", range(13))
    def test_no_fault_of_any_call_reveals_the_code(self, rotated: RotationStack, number: int, kind: str) -> None:
        rotated.rotate()
        token = rotated.start_rotation()
        rotated.aws.faults = [*[None] * number, *[Fault(kind, processed=number % 2 == 0)] * 40]
        for step in STEPS:
            rotated.step(step, token, seconds=90)
        rotated.aws.faults = []

        rotated.check_silence()


# Orders of the first calls of two runs. The deep tests try all of them.
ORDERS = [pytest.param(number, marks=[] if number % 5 == 0 else pytest.mark.deep) for number in range(60)]


class TestConcurrency:
    @pytest.mark.parametrize("number", ORDERS)
    def test_two_runs_of_one_step_leave_the_current_version_usable(self, rotated: RotationStack, number: int) -> None:
        rotated.rotate()
        current = rotated.value()["ActivationId"]
        token = rotated.start_rotation()
        choices = [number >> bit & 1 for bit in range(6)] * 3

        def see(_: object) -> None:
            assert current in rotated.alive()
            assert len(rotated.alive()) <= 3

        rotated.aws.after_call = see
        interleave(
            rotated.aws,
            [functools.partial(rotated.step, "createSecret", token, environment=each) for each in range(2)],
            choices,
        )
        rotated.aws.after_call = lambda call: None

        if not all(rotated.step(step, token).succeeded for step in STEPS):
            # One run has deleted the activation that the other one had stored. The next rotation can start.
            assert rotated.version("AWSCURRENT") != token
            token = rotated.rotate()
        assert rotated.version("AWSCURRENT") == token
        assert len(rotated.alive()) == 2
        rotated.register_node()

    @pytest.mark.parametrize("number", ORDERS)
    def test_a_deletion_during_a_rotation_leaves_no_activation(self, rotated: RotationStack, number: int) -> None:
        token = rotated.start_rotation()
        event = rotated.resource.delete(rotated.properties, "id")
        answers: list[dict[str, Any]] = []

        interleave(
            rotated.aws,
            [
                lambda: rotated.step("createSecret", token, environment=1),
                lambda: answers.append(rotated.run(event).answer),
            ],
            [number >> bit & 1 for bit in range(6)] * 3,
        )

        assert [answer["Status"] for answer in answers] == ["SUCCESS"]
        assert rotated.ours() == {}

    def test_a_rotation_deletes_the_activation_that_it_creates_after_the_deletion(self, rotated: RotationStack) -> None:
        token = rotated.start_rotation()
        event = rotated.resource.delete(rotated.properties, "id")
        runs: list[Any] = []

        def delete(call: Any) -> None:
            if call.action == "DescribeSecret" and not runs:
                runs.append(None)
                runs.append(rotated.run(event, environment=1))

        rotated.aws.after_call = delete
        outcome = rotated.step("createSecret", token)

        assert runs[1].answer["Status"] == "SUCCESS"
        assert "was canceled while its activation was created" in outcome.error
        assert len(rotated.aws.codes) == 2
        assert rotated.ours() == {}

    def test_an_activation_left_by_a_killed_run_is_deleted_before_the_version_becomes_current(
        self, rotated: RotationStack
    ) -> None:
        token = rotated.start_rotation()
        assert rotated.step("createSecret", token).succeeded
        named = set(rotated.ours())
        again(rotated, Call("DeleteActivation", {}, processed=True))
        assert len(rotated.ours()) == 3

        assert rotated.step("finishSecret", token).succeeded

        assert set(rotated.ours()) == named


class TestCheck:
    def test_a_usable_activation_is_kept(self, rotated: RotationStack) -> None:
        rotated.register_node()

        assert rotated.check().returned == "usable"
        assert rotated.version("AWSPENDING") is None

    @pytest.mark.parametrize("how", ["used up", "deleted", "expired", "about to expire", "another value", "no label"])
    def test_an_unusable_activation_starts_a_rotation(self, rotated: RotationStack, how: str) -> None:
        activation_id = rotated.value()["ActivationId"]
        if how == "used up":
            use_up(rotated)
        elif how == "deleted":
            rotated.ssm.delete_activation(ActivationId=activation_id)
        elif how == "another value":
            rotated.secrets.put_secret_value(SecretId=rotated.secret_arn, SecretString="{}")
        elif how == "no label":
            rotated.secrets.update_secret_version_stage(
                SecretId=rotated.secret_arn,
                VersionStage=f"activation:{activation_id}",
                RemoveFromVersionId=rotated.version("AWSCURRENT"),
            )
        else:
            rotated.clock.now += 30 * DAY + (0 if how == "expired" else -60 - 15 * 60)
        rotated.clock.now += PAUSE_SECONDS

        assert rotated.check().returned == "its rotation was started"
        rotated.let_secrets_manager_work()

        assert rotated.check().returned == "usable"
        assert rotated.value()["ActivationId"] != activation_id
        rotated.register_node()

    def test_a_rotation_in_progress_is_not_interrupted(self, rotated: RotationStack) -> None:
        use_up(rotated)
        rotated.clock.now += PAUSE_SECONDS
        token = rotated.start_rotation()
        rotated.clock.now += 15 * 60

        assert rotated.check().returned == "its rotation is in progress"
        assert rotated.version("AWSPENDING") == token

    @pytest.mark.parametrize("begun", [False, True])
    def test_a_rotation_that_is_stuck_is_abandoned(self, rotated: RotationStack, begun: bool) -> None:
        use_up(rotated)
        token = rotated.start_rotation()
        if begun:
            assert rotated.step("createSecret", token).succeeded
        rotated.work.clear()
        rotated.clock.now += STUCK_SECONDS

        assert rotated.check().returned == "its rotation was started"
        assert "is neither" in rotated.step("createSecret", token).error
        rotated.let_secrets_manager_work()

        assert rotated.check().returned == "usable"
        assert len(rotated.ours()) <= 2
        rotated.register_node()

    def test_a_rotation_that_has_just_started_is_not_an_error(self, rotated: RotationStack) -> None:
        use_up(rotated)
        rotated.clock.now += PAUSE_SECONDS
        started: list[str] = []

        def start(call: Any) -> None:
            if call.action == "ListSecretVersionIds" and not started:
                started.append(rotated.start_rotation())

        rotated.aws.after_call = start

        assert rotated.check().returned == "its rotation is in progress"
        assert rotated.version("AWSPENDING") == started[0]

    def test_the_check_fails_without_permission_to_rotate(self, rotated: RotationStack) -> None:
        use_up(rotated)
        rotated.clock.now += PAUSE_SECONDS
        rotated.aws.faults = [None, None, None, *[Fault("error", code="AccessDeniedException")] * 100]

        assert "AccessDeniedException" in rotated.check().error
        rotated.aws.faults = []


class TestTrial:
    """What the custom resource tries out before it waits for a rotation, whose errors CloudFormation doesn't see."""

    def test_nothing_is_left_of_it(self, stack: RotationStack) -> None:
        stack.start_rotation()
        stack.clock.in_pauses = lambda: after(stack, 1)
        made = calls(stack, lambda: stack.run(stack.resource.create(stack.properties)))

        assert made[2:7] == [
            *("DescribeActivations", "CreateActivation", "DeleteActivation"),
            *("PutSecretValue", "UpdateSecretVersionStage"),
        ]
        assert set(stack.ours()) == {stack.value()["ActivationId"]}
        assert not any("trial" in labels for labels in stack.labels().values())

    def test_it_has_all_settings(self, bench: RotationStack) -> None:
        with bench.deployed(Tags=[{"Key": "team", "Value": "blue"}], DefaultInstanceName="branch"):
            bench.start_rotation()
            bench.clock.in_pauses = lambda: after(bench, 1)
            bench.aws.calls.clear()
            bench.run(bench.resource.create(bench.properties))
            trial, real = (call.parameters for call in bench.aws.calls if call.action == "CreateActivation")
            # The length of the description counts, too.
            assert trial["Description"][:-17] == real["Description"][:-17]
            assert len(trial["Description"]) == len(real["Description"])
            differing = {"ExpirationDate": None, "Description": None}
            assert {**trial, **differing} == {**real, **differing}

    def test_there_is_none_if_the_activation_is_usable(self, rotated: RotationStack) -> None:
        event = rotated.resource.update(rotated.properties, rotated.properties, "id")

        assert calls(rotated, lambda: rotated.run(event)) == ["DescribeSecret", "DescribeActivations"]

    def test_a_role_that_never_appears_fails_the_deployment_after_two_minutes(self, stack: RotationStack) -> None:
        stack.aws.let_the_role_propagate(stack.clock.time() + DAY - stack.aws.role_created())

        run = stack.run(stack.resource.create(stack.properties))

        assert run.reason.startswith("CreateActivation: ValidationException: Nonexistent role or missing ssm service")
        assert 120 <= run.seconds < 140

    def test_a_role_that_appears_within_two_minutes_is_awaited(self, stack: RotationStack) -> None:
        stack.aws.let_the_role_propagate(stack.clock.time() + 100 - stack.aws.role_created())
        stack.start_rotation()
        stack.clock.in_pauses = lambda: after(stack, 30)

        assert stack.run(stack.resource.create(stack.properties)).answer["Status"] == "SUCCESS"

    def test_settings_that_systems_manager_rejects_fail_the_deployment_immediately(self, bench: RotationStack) -> None:
        with bench.deployed(DefaultInstanceName="not; allowed"):
            run = bench.run(bench.resource.create(bench.properties))
            assert run.reason.startswith("CreateActivation: ValidationException")
            assert "defaultInstanceName" in run.reason
            assert run.seconds < 2

    @pytest.mark.parametrize(
        "action", ["CreateActivation", "DeleteActivation", "PutSecretValue", "UpdateSecretVersionStage", "RotateSecret"]
    )
    def test_a_denial_of_the_organization_fails_the_deployment_immediately(
        self, stack: RotationStack, action: str
    ) -> None:
        stack.aws.denied = frozenset({action})
        try:
            run = stack.run(stack.resource.create(stack.properties))
        finally:
            stack.aws.denied = frozenset()

        assert run.reason.startswith(f"{action}: AccessDenied: ")
        assert "with an explicit deny in a service control policy" in run.reason
        assert run.seconds < 3

    def test_a_secret_without_room_for_a_version_fails_the_deployment_immediately(self, stack: RotationStack) -> None:
        stack.aws.faults = [*[None] * 5, Fault("error", code="LimitExceededException")]

        assert stack.run(stack.resource.create(stack.properties)).reason.startswith("PutSecretValue: LimitExceeded")

    def test_it_deletes_the_activation_that_a_killed_run_left(self, rotated: RotationStack) -> None:
        rotated.rotate()
        old = rotated.properties
        rotated.configure({**SETTINGS, "RegistrationLimit": 7})
        event = rotated.resource.update(rotated.properties, old, "id")
        rotated.aws.after_call = kill_after_creation
        for _ in range(3):
            assert "Killed" in rotated.call(event).error

            assert len(rotated.alive()) == 3

    def test_its_retry_keeps_the_activation_that_a_rotation_has_not_stored_yet(self, rotated: RotationStack) -> None:
        old = rotated.properties
        rotated.configure({**SETTINGS, "RegistrationLimit": 7})
        event = rotated.resource.update(rotated.properties, old, "id")

        def deploy(call: Call) -> None:
            if call.action == "CreateActivation":
                rotated.aws.after_call = lose_response
                assert "Killed" in rotated.call(event, environment=1).error

        def lose_response(call: Call) -> None:
            if call.action == "CreateActivation":
                rotated.aws.after_call = kill_after_creation
                raise ConnectionClosedError(endpoint_url="")

        rotated.aws.after_call = deploy
        token = rotated.start_rotation()
        assert rotated.step("createSecret", token).succeeded
        rotated.aws.after_call = lambda call: None

        assert rotated.step("testSecret", token).succeeded

    @pytest.mark.parametrize("kind", ["hangs", "closes", "error", "garbles"])
    @pytest.mark.parametrize("number", range(8))
    def test_a_lost_response_leaves_nothing_after_the_next_rotation(
        self, stack: RotationStack, number: int, kind: str
    ) -> None:
        stack.start_rotation()
        stack.clock.in_pauses = lambda: after(stack, 1)
        stack.aws.faults = [*[None] * number, Fault(kind, processed=True, code="InternalServerError")]
        assert stack.run(stack.resource.create(stack.properties)).answer["Status"] == "SUCCESS"

        stack.rotate()

        assert len(stack.ours()) == 2
        assert not any("trial" in labels for labels in stack.labels().values())


class TestRotationThatWasTurnedOff:
    @pytest.fixture
    def turned_off(self, rotated: RotationStack) -> RotationStack:
        rotated.secrets.cancel_rotate_secret(SecretId=rotated.secret_arn)
        rotated.clock.now += PAUSE_SECONDS
        self.physical_id = hashlib.sha256(rotated.secret_arn.encode()).hexdigest()[:16]
        rotated.resource.record(self.physical_id, "CREATE_COMPLETE")
        return rotated

    @pytest.mark.parametrize("used_up", [True, False])
    def test_the_check_turns_it_on(self, turned_off: RotationStack, used_up: bool) -> None:
        if used_up:
            use_up(turned_off)

        assert turned_off.check().returned == "its rotation was turned off; its rotation was started"
        turned_off.let_secrets_manager_work()

        assert turned_off.is_rotated
        turned_off.register_node()
        assert turned_off.check().returned == "usable"

    def test_the_next_deployment_turns_it_on(self, turned_off: RotationStack) -> None:
        old = turned_off.properties
        turned_off.configure({**SETTINGS, "RegistrationLimit": 7})
        turned_off.clock.in_pauses = lambda: after(turned_off, 1)

        run = turned_off.run(turned_off.resource.update(turned_off.properties, old, self.physical_id))

        assert run.answer["Status"] == "SUCCESS"
        assert turned_off.is_rotated

    @pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_FAILED"])
    def test_it_stays_off_if_the_stack_is_being_deleted(self, turned_off: RotationStack, status: str) -> None:
        turned_off.resource.record(self.physical_id, status)

        assert turned_off.check().returned == "its rotation is turned off, because CloudFormation deletes it"
        assert not turned_off.is_rotated

    def test_a_deletion_that_begins_meanwhile_wins(self, turned_off: RotationStack) -> None:
        def delete(call: Call) -> None:
            if call.action == "RotateSecret":
                turned_off.resource.record(self.physical_id, "DELETE_IN_PROGRESS")

        turned_off.aws.after_call = delete

        assert turned_off.check().returned == "its rotation is turned off, because CloudFormation deletes it"
        assert not turned_off.is_rotated

    def test_it_counts_as_a_replacement(self, turned_off: RotationStack) -> None:
        for _ in range(150):
            turned_off.secrets.cancel_rotate_secret(SecretId=turned_off.secret_arn)
            turned_off.clock.now += PAUSE_SECONDS
            assert turned_off.check().succeeded
            turned_off.let_secrets_manager_work()

        versions = turned_off.secrets.list_secret_version_ids(SecretId=turned_off.secret_arn, IncludeDeprecated=True)
        day = [each for each in versions["Versions"] if each["CreatedDate"].timestamp() > turned_off.clock.time() - DAY]
        assert len(day) <= 50
        turned_off.secrets.cancel_rotate_secret(SecretId=turned_off.secret_arn)
        assert published(turned_off.check().log)["ReplacementLimitReached"] == 1

    def test_it_stays_off_if_cloudformation_can_not_be_asked(self, turned_off: RotationStack) -> None:
        cloudformation = turned_off.functions[0].cloudformation
        cloudformation.denied = frozenset({"DescribeStackEvents"})
        try:
            assert "DescribeStackEvents: AccessDenied" in turned_off.check().error
        finally:
            cloudformation.denied = frozenset()
        assert not turned_off.is_rotated


class TestReplacements:
    def test_ten_minutes_pass_between_two(self, rotated: RotationStack) -> None:
        use_up(rotated)

        assert "not rotated: 600 seconds must pass, and the last time was 1 ago" in str(rotated.check().returned)
        rotated.clock.now += PAUSE_SECONDS - 5
        assert "not rotated: 600 seconds must pass, and the last time was 597 ago" in str(rotated.check().returned)
        rotated.clock.now += 5
        assert rotated.check().returned == "its rotation was started"

    @pytest.mark.deep
    def test_a_fleet_that_registers_without_a_pause_never_exhausts_the_versions(self, rotated: RotationStack) -> None:
        """Check every five minutes for three days, with an activation that is always used up."""
        rotated.functions[0].environment["MAX_REPLACEMENTS_PER_DAY"] = "90"
        registered, limits = [], 0
        for number in range(3 * 24 * 12):
            while rotated.alive() and rotated.value()["ActivationId"] in rotated.alive():
                registered.append(rotated.register_node())
            outcome = rotated.check()
            assert outcome.succeeded, (number, outcome.error)
            limits += published(outcome.log)["ReplacementLimitReached"]
            rotated.let_secrets_manager_work()
            rotated.clock.now += 300

        assert limits > 100
        # The first day has a version for the placeholder, and an activation registers two machines.
        assert 2 * (3 * 90 - 2) <= len(registered) <= 2 * 3 * 90

    def test_the_maximum_of_a_day_is_logged_and_published(self, rotated: RotationStack) -> None:
        rotated.functions[0].environment["MAX_REPLACEMENTS_PER_DAY"] = "2"
        use_up(rotated)
        rotated.clock.now += PAUSE_SECONDS

        outcome = rotated.check()

        reason = "not rotated: 2 versions were created in 24 hours, and 2 are allowed"
        assert outcome.returned == reason
        assert f"check of the current activation: {reason}" in outcome.log
        assert published(outcome.log)["ReplacementLimitReached"] == 1
        rotated.clock.now += DAY
        assert rotated.check().returned == "its rotation was started"

    def test_a_secret_that_takes_no_more_versions_counts_as_the_maximum(self, rotated: RotationStack) -> None:
        use_up(rotated)
        rotated.clock.now += PAUSE_SECONDS
        rotated.aws.faults = [None, None, None, Fault("error", code="LimitExceededException")]

        outcome = rotated.check()

        assert "the secret can't have another version: RotateSecret: LimitExceededException" in str(outcome.returned)
        assert published(outcome.log)["ReplacementLimitReached"] == 1

    def test_all_pages_of_versions_count(self, rotated: RotationStack) -> None:
        rotated.functions[0].environment["MAX_REPLACEMENTS_PER_DAY"] = "1"
        for _ in range(90):
            rotated.secrets.put_secret_value(SecretId=rotated.secret_arn, SecretString="{}")
        use_up_all(rotated)

        assert "not rotated: 92 versions were created in 24 hours" in str(rotated.check().returned)


class TestMetrics:
    def test_a_check_publishes_what_is_left_of_the_activation(self, rotated: RotationStack) -> None:
        rotated.register_node()
        rotated.clock.now += DAY

        metrics = published(rotated.check().log)

        assert metrics["SecondsToExpiry"] == pytest.approx(29 * DAY - 60, abs=5)
        assert metrics["RemainingRegistrations"] == 1
        assert metrics["ReplacementLimitReached"] == 0

    def test_an_activation_that_does_not_exist_has_nothing_left(self, rotated: RotationStack) -> None:
        rotated.ssm.delete_activation(ActivationId=rotated.value()["ActivationId"])

        metrics = published(rotated.check().log)

        assert (metrics["SecondsToExpiry"], metrics["RemainingRegistrations"]) == (0, 0)

    def test_an_expired_activation_has_nothing_left(self, rotated: RotationStack) -> None:
        rotated.clock.now += 31 * DAY

        metrics = published(rotated.check().log)

        assert (metrics["SecondsToExpiry"], metrics["RemainingRegistrations"]) == (0, 0)

    def test_a_check_that_fails_publishes_what_it_has_measured(self, rotated: RotationStack) -> None:
        use_up(rotated)
        rotated.clock.now += PAUSE_SECONDS
        rotated.aws.denied = frozenset({"RotateSecret"})
        outcome = rotated.check()
        rotated.aws.denied = frozenset()

        assert "AccessDenied" in outcome.error
        assert set(published(outcome.log)) == {"SecondsToExpiry", "RemainingRegistrations"}

    def test_a_rotation_publishes_whether_it_has_failed(self, rotated: RotationStack) -> None:
        token = rotated.start_rotation()
        rotated.aws.denied = frozenset({"CreateActivation"})
        failed = rotated.step("createSecret", token)
        rotated.aws.denied = frozenset()
        assert not failed.succeeded
        assert published(failed.log) == {"FailedRotations": 1}

        succeeded = [rotated.step(step, token).log for step in STEPS]
        assert [published(log) for log in succeeded] == [{}, {}, {}, {"FailedRotations": 0}]

    def test_the_line_has_the_embedded_metric_format(self, rotated: RotationStack) -> None:
        line, _ = [line for line in rotated.check().log if line.startswith("{")]

        assert json.loads(line)["FunctionName"] == FUNCTION_NAME
        metadata = json.loads(line)["_aws"]
        assert metadata["Timestamp"] == pytest.approx(rotated.clock.time() * 1000, abs=1000)
        (directive,) = metadata["CloudWatchMetrics"]
        assert directive["Namespace"] == "SsmRoles"
        assert directive["Dimensions"] == [["FunctionName"]]
        assert {each["Name"] for each in directive["Metrics"]} == set(published([line]))


class TestCustomResource:
    def test_a_creation_waits_for_the_first_rotation(self, stack: RotationStack) -> None:
        stack.start_rotation()
        stack.clock.in_pauses = lambda: after(stack, 3)

        answer = stack.run(stack.resource.create(stack.properties)).answer

        assert answer["Status"] == "SUCCESS"
        assert answer["PhysicalResourceId"] == hashlib.sha256(stack.secret_arn.encode()).hexdigest()[:16]
        assert "Data" not in answer
        stack.register_node()

    def test_a_creation_whose_rotation_fails_names_the_log_group(self, stack: RotationStack) -> None:
        stack.start_rotation()

        run = stack.run(stack.resource.create(stack.properties))

        assert "has no usable activation with these settings yet, and its rotation is in progress" in run.reason
        assert f"the reason is in the log group {LOG_GROUP}, which a rollback deletes" in run.reason
        assert 270 < run.seconds < 310
        assert stack.ours() == {}

    def test_a_creation_restarts_a_rotation_that_makes_no_progress(self, stack: RotationStack) -> None:
        token = stack.start_rotation()
        stack.work.clear()
        stack.clock.in_pauses = lambda: after(stack, 1)

        run = stack.run(stack.resource.create(stack.properties))

        assert run.answer["Status"] == "SUCCESS"
        assert 90 <= run.seconds < 120
        assert stack.version("AWSCURRENT") != token
        stack.register_node()

    def test_the_reason_is_reported_even_if_the_time_ends_between_two_calls(self, stack: RotationStack) -> None:
        stack.start_rotation()
        calls: list[str] = []

        def describe_slowly(call: Call) -> None:
            calls.append(call.action)
            if calls.count("DescribeSecret") == 3:
                stack.clock.now += FUNCTION_SECONDS - 20

        stack.aws.after_call = describe_slowly
        try:
            run = stack.run(stack.resource.create(stack.properties))
        finally:
            stack.aws.after_call = lambda call: None

        assert calls[-3:] == ["DescribeSecret", "DescribeActivations", "DescribeSecret"]
        assert "its rotation is in progress" in run.reason
        assert LOG_GROUP in run.reason

    def test_the_clean_up_resource_waits_for_no_rotation_and_deletes_the_activations(
        self, stack: RotationStack
    ) -> None:
        properties = {"Secret": stack.secret_arn}

        def clean_up(event: dict[str, Any]) -> Any:
            return stack.run({**event, "ResourceType": "Custom::HybridActivationCleanUp"})

        created = clean_up(stack.resource.create(properties))
        assert created.answer["Status"] == "SUCCESS"
        assert not stack.alive()
        stack.rotate()
        assert stack.alive()
        id = created.answer["PhysicalResourceId"]
        assert clean_up(stack.resource.update(properties, properties, id)).answer["PhysicalResourceId"] == id
        assert stack.alive()
        assert clean_up(stack.resource.delete(properties, id)).answer["Status"] == "SUCCESS"
        assert not stack.alive()

    def test_an_update_succeeds_while_machines_use_up_each_activation_at_once(self, rotated: RotationStack) -> None:
        old = rotated.properties
        rotated.configure({**SETTINGS, "RegistrationLimit": 1})

        def work() -> None:
            rotated.let_secrets_manager_work()
            while rotated.value()["ActivationId"] in rotated.alive():
                rotated.register_node()

        rotated.clock.in_pauses = work
        versions = len(rotated.aws.secret(rotated.secret_arn)["Versions"])

        run = rotated.run(rotated.resource.update(rotated.properties, old, "id"))

        assert run.answer["Status"] == "SUCCESS"
        assert len(rotated.aws.secret(rotated.secret_arn)["Versions"]) <= versions + 2

    def test_an_activation_that_is_created_after_the_deletion_without_a_response_is_deleted(
        self, rotated: RotationStack
    ) -> None:
        token = rotated.start_rotation()
        event = rotated.resource.delete(rotated.properties, "id")
        done: list[Any] = []

        def before() -> None:
            # The deletion ends after the rotation has begun, and before Systems Manager creates the activation.
            if len(rotated.aws.calls) == 2 and not done:
                done.append(None)
                done.append(rotated.run(event, environment=1))
                rotated.aws.faults = [Fault("closes", processed=True)]

        rotated.aws.calls.clear()
        rotated.aws.before_call = before
        try:
            outcome = rotated.step("createSecret", token)
        finally:
            rotated.aws.before_call = lambda: None

        assert done[1].answer["Status"] == "SUCCESS"
        assert "is turned off" in outcome.error
        assert rotated.ours() == {}

    def test_a_creation_without_rotation_reports_it(self, stack: RotationStack) -> None:
        reason = stack.run(stack.resource.create(stack.properties)).reason

        assert reason.startswith("RotateSecret: InvalidRequestException: You tried to enable rotation on a secret")

    def test_an_update_with_other_settings_rotates_and_waits(self, rotated: RotationStack) -> None:
        before = rotated.value()["ActivationId"]
        old = rotated.properties
        rotated.configure({**SETTINGS, "RegistrationLimit": 7})
        rotated.clock.in_pauses = lambda: after(rotated, 2)

        run = rotated.run(rotated.resource.update(rotated.properties, old, "id"))

        assert run.answer["Status"] == "SUCCESS"
        assert rotated.value()["RegistrationLimit"] == 7
        assert rotated.alive() == {before, rotated.value()["ActivationId"]}

    def test_an_update_waits_for_a_rotation_with_the_old_settings_and_rotates_again(
        self, rotated: RotationStack
    ) -> None:
        token = rotated.start_rotation()
        assert rotated.step("createSecret", token).succeeded
        old = rotated.properties
        rotated.configure({**SETTINGS, "RegistrationLimit": 7})
        rotated.clock.in_pauses = lambda: after(rotated, 2)

        assert rotated.run(rotated.resource.update(rotated.properties, old, "id")).answer["Status"] == "SUCCESS"
        assert rotated.value()["RegistrationLimit"] == 7
        assert rotated.version("AWSPREVIOUS") == token

    def test_the_rollback_of_an_update_that_did_not_rotate_changes_nothing(self, rotated: RotationStack) -> None:
        old = rotated.properties
        event = rotated.resource.update(old, {**old, "Activation": "{}"}, "id")

        assert calls(rotated, lambda: rotated.run(event)) == ["DescribeSecret", "DescribeActivations"]
        assert rotated.run(event).answer["Status"] == "SUCCESS"

    def test_a_deletion_keeps_the_managed_nodes(self, rotated: RotationStack) -> None:
        node = rotated.register_node()

        run = rotated.run(rotated.resource.delete(rotated.properties, "id"))

        assert run.answer["Status"] == "SUCCESS"
        assert rotated.ours() == {}
        assert node in rotated.aws.nodes()
        assert not rotated.is_rotated

    @pytest.mark.parametrize("state", ["gone", "about to go", "never rotated"])
    def test_a_deletion_succeeds_without_a_secret_or_a_rotation(self, stack: RotationStack, state: str) -> None:
        if state != "never rotated":
            stack.rotate()
            stack.secrets.delete_secret(
                SecretId=stack.secret_arn,
                **({"ForceDeleteWithoutRecovery": True} if state == "gone" else {"RecoveryWindowInDays": 7}),
            )
        event = stack.resource.delete(stack.properties, "nothing-created")

        assert stack.run(event).answer["Status"] == "SUCCESS"
        assert stack.run(event).answer["Status"] == "SUCCESS"
        assert stack.ours() == {}

    def test_the_deletion_of_a_replaced_secret_keeps_the_new_secret_and_its_rotation(
        self, rotated: RotationStack
    ) -> None:
        replaced = "arn:aws:secretsmanager:us-east-1:000000000000:secret:Replaced-123456"
        owner = hashlib.sha256(replaced.encode()).hexdigest()[:16]
        rotated.ssm.create_activation(IamRole=ROLE, Description=f"[ssm-roles:{owner}:0123456789abcdef]")
        ours = rotated.ours()

        run = rotated.run(rotated.resource.delete({**rotated.properties, "Secret": replaced}, owner))

        assert run.answer["Status"] == "SUCCESS"
        assert rotated.aws.activations().keys() == ours.keys()
        assert rotated.is_rotated

    def test_a_deletion_without_permission_fails_with_the_error_of_aws(self, rotated: RotationStack) -> None:
        rotated.aws.faults = [None, None, *[Fault("error", code="AccessDeniedException")] * 100]

        reason = rotated.run(rotated.resource.delete(rotated.properties, "id")).reason

        rotated.aws.faults = []
        assert reason.startswith("DeleteActivation: AccessDeniedException")
        assert rotated.ours()

    def test_the_deletion_fails_if_systems_manager_still_lists_activations(self, rotated: RotationStack) -> None:
        rotated.aws.after_call = lambda call: again(rotated, call)

        run = rotated.run(rotated.resource.delete(rotated.properties, "id"))

        rotated.aws.after_call = lambda call: None
        assert "Systems Manager still lists" in run.reason
        assert run.seconds <= LONGEST_SECONDS


def after(stack: RotationStack, pauses: int) -> None:
    """Let Secrets Manager work after some pauses."""
    if len(stack.clock.pauses) >= pauses:
        stack.let_secrets_manager_work()


def again(stack: RotationStack, call: Any) -> None:
    if call.action == "DeleteActivation":
        owner = hashlib.sha256(stack.secret_arn.encode()).hexdigest()[:16]
        stack.ssm.create_activation(IamRole=ROLE, Description=f"[ssm-roles:{owner}:0123456789abcdef]")


def kill_after_creation(call: Call) -> None:
    if call.action == "CreateActivation":
        raise Killed


def alive_at_most_two(stack: RotationStack) -> None:
    assert len(stack.alive()) <= 2


def published(log: list[str]) -> dict[str, Any]:
    """Return the metrics in a log."""
    lines = [json.loads(line) for line in log if line.startswith("{")]
    return {name: value for line in lines for name, value in line.items() if name not in ("_aws", "FunctionName")}


def use_up_all(stack: RotationStack) -> None:
    for activation_id in stack.ours():
        stack.ssm.delete_activation(ActivationId=activation_id)
