"""The function that rotates hybrid activations, with Systems Manager and Secrets Manager of the emulator."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from .answer_endpoint import AnswerEndpoint
from .in_process_activations import REGION, ROLE
from .in_process_aws import CALL_SECONDS, Call, Fault
from .interleaving import interleave
from .lambda_function import FUNCTION_SECONDS
from .rotation_stack import DAY, LOG_GROUP, SETTINGS, STEPS, RotationStack

RecordProperty = Callable[[str, object], None]

STUCK_SECONDS = 21 * 60
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
        use_up(rotated)
        assert rotated.check().returned == "its rotation is turned off"

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

        assert "out of time: create_activation" in outcome.error
        assert "Nonexistent role or missing ssm service principal in trust policy" in outcome.error
        assert 850 < stack.clock.now - before <= LONGEST_SECONDS
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


class TestConcurrency:
    @pytest.mark.parametrize("number", range(60))
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

    @pytest.mark.parametrize("number", range(60))
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
            rotated.clock.now += 30 * DAY + (0 if how == "expired" else -60 - 5 * 60)

        assert rotated.check().returned == "its rotation was started"
        rotated.let_secrets_manager_work()

        assert rotated.check().returned == "usable"
        assert rotated.value()["ActivationId"] != activation_id
        rotated.register_node()

    def test_a_rotation_in_progress_is_not_interrupted(self, rotated: RotationStack) -> None:
        use_up(rotated)
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
        started: list[str] = []

        def start(call: Any) -> None:
            if call.action == "DescribeActivations" and not started:
                started.append(rotated.start_rotation())

        rotated.aws.after_call = start

        assert rotated.check().returned == "its rotation is in progress"
        assert rotated.version("AWSPENDING") == started[0]

    def test_the_check_fails_without_permission_to_rotate(self, rotated: RotationStack) -> None:
        use_up(rotated)
        rotated.aws.faults = [None, None, *[Fault("error", code="AccessDeniedException")] * 100]

        assert "AccessDeniedException" in rotated.check().error
        rotated.aws.faults = []


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
        assert LOG_GROUP in run.reason
        assert 850 < run.seconds <= LONGEST_SECONDS

    def test_the_reason_is_reported_even_if_the_time_ends_between_two_calls(self, stack: RotationStack) -> None:
        stack.start_rotation()
        calls: list[str] = []

        def describe_slowly(call: Call) -> None:
            calls.append(call.action)
            if len(calls) == 3:
                stack.clock.now += FUNCTION_SECONDS - 20

        stack.aws.after_call = describe_slowly
        try:
            run = stack.run(stack.resource.create(stack.properties))
        finally:
            stack.aws.after_call = lambda call: None

        assert calls == ["DescribeSecret", "DescribeActivations", "DescribeSecret"]
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

    def test_a_creation_without_rotation_reports_it(self, stack: RotationStack) -> None:
        assert "its rotation is turned off" in stack.run(stack.resource.create(stack.properties)).reason

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


def alive_at_most_two(stack: RotationStack) -> None:
    assert len(stack.alive()) <= 2
