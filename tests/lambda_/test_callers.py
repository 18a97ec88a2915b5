"""What somebody who may invoke the functions can make them do, and what they refuse.

The page about the functions names these tests. ``test_forged_events.py`` has the events that delete something.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .answer_endpoint import SECRET, AnswerEndpoint
from .events import DISCOVERY, SSM, properties
from .rotation_stack import STEPS, RotationStack
from .test_forged_events import Account


@pytest.fixture(scope="module")
def new_account(endpoint: AnswerEndpoint) -> Account:
    return Account(endpoint)


@pytest.fixture(scope="module")
def bench(endpoint: AnswerEndpoint) -> RotationStack:
    return RotationStack(endpoint)


class TestServiceLinkedRoles:
    @pytest.fixture
    def account(self, new_account: Account) -> Iterator[Account]:
        with new_account.iam.running(deletion_seconds=1):
            new_account.create()
            yield new_account

    def test_a_caller_can_have_a_deleted_role_of_the_stack_created_again(self, account: Account) -> None:
        account.by_hand.delete_service_linked_role(RoleName=SSM.role_name)
        account.clock.sleep(2)
        assert account.iam.settle() == {}

        account.function.run(account.resource.create(properties(), forged=True))

        assert set(account.iam.settle()) == {SSM.role_name}

    def test_a_caller_can_change_the_description_of_a_role_of_the_stack_but_not_its_mark(
        self, account: Account
    ) -> None:
        account.function.run(account.resource.create(properties(description="forged"), forged=True))

        assert account.iam.settle()[SSM.role_name]["Description"] == f"forged {account.resource.mark}"

    def test_the_description_of_a_role_that_the_stack_did_not_create_stays(self, account: Account) -> None:
        account.by_hand.create_service_linked_role(AWSServiceName=DISCOVERY.service_principal, Description="Theirs")
        event = account.resource.create(properties(DISCOVERY, description="forged"), forged=True)

        assert account.function.run(event).attributes["Creation"] == "ADOPTED"

        assert account.iam.settle()[DISCOVERY.role_name]["Description"] == "Theirs"

    def test_the_answer_names_the_stack_so_that_its_id_is_no_secret(self, account: Account) -> None:
        event = {**account.resource.create(properties(), forged=True), "StackId": "unknown"}

        run = account.function.run(event, stack_id=account.resource.stack_id)

        assert account.resource.stack_id in run.returned["Reason"]


class TestActivations:
    @pytest.fixture
    def stack(self, bench: RotationStack) -> Iterator[RotationStack]:
        with bench.deployed() as stack:
            stack.rotate()
            yield stack

    def forged(self, stack: RotationStack, **changes: Any) -> dict[str, Any]:
        return {**stack.resource.create(stack.properties, forged=True), "PhysicalResourceId": "id", **changes}

    @pytest.mark.parametrize("request_type", ["Create", "Update"])
    def test_a_forged_event_changes_nothing_while_the_activation_is_current(
        self, stack: RotationStack, request_type: str
    ) -> None:
        before = stack.ours(), stack.labels()

        run = stack.run(self.forged(stack, RequestType=request_type))

        assert run.answer["Status"] == "SUCCESS"
        assert (stack.ours(), stack.labels()) == before

    def test_a_forged_event_replaces_an_expired_activation_once(self, stack: RotationStack) -> None:
        stack.clock.sleep(31 * 24 * 3600)
        stack.clock.in_pauses = stack.let_secrets_manager_work

        assert stack.run(self.forged(stack)).answer["Status"] == "SUCCESS"

        before = stack.ours(), stack.labels()
        assert len(stack.alive()) == 1
        assert stack.run(self.forged(stack)).answer["Status"] == "SUCCESS"
        assert (stack.ours(), stack.labels()) == before

    @pytest.mark.parametrize("settings", [{"IamRole": "Administrator"}, {"RegistrationLimit": 1000}, {"Tags": []}])
    def test_the_settings_of_the_activation_can_not_be_chosen(
        self, stack: RotationStack, settings: dict[str, Any]
    ) -> None:
        other = {**stack.properties, "Activation": json.dumps({**stack.settings, **settings})}

        run = stack.run(self.forged(stack, ResourceProperties=other))

        assert run.reason.startswith("Activation must be the function's settings, got ")

    def test_a_check_replaces_nothing_while_the_activation_is_usable(self, stack: RotationStack) -> None:
        before = stack.ours(), stack.labels()

        for _ in range(3):
            assert stack.check().returned == "usable"

        assert (stack.ours(), stack.labels()) == before

    def test_a_forged_step_raises_the_alarm_about_failed_rotations(self, stack: RotationStack) -> None:
        outcome = stack.call({"Step": "createSecret"})

        assert not outcome.succeeded
        assert any('"FailedRotations": 1' in line for line in outcome.log)

    def test_a_forged_step_does_not_start_a_rotation(self, stack: RotationStack) -> None:
        before = stack.ours(), stack.labels()

        for step in STEPS[2:]:
            assert "neither the pending nor the current version" in stack.step(step, "0" * 32).error
        assert "neither the pending nor the current version" in stack.step("createSecret", "0" * 32).error

        assert (stack.ours(), stack.labels()) == before

    @pytest.mark.parametrize("host", ["attacker.example", "169.254.169.254"])
    def test_a_response_goes_to_the_bucket_of_cloudformation_only(self, stack: RotationStack, host: str) -> None:
        run = stack.run(self.forged(stack, ResponseURL=f"https://{host}/?{SECRET}"))

        assert run.returned["Reason"].endswith("its ResponseURL has another host")
        assert run.answers == []

    def test_no_answer_and_no_line_of_the_log_has_the_code(self, stack: RotationStack) -> None:
        token = stack.start_rotation()
        for step in STEPS:
            assert stack.step(step, token).returned is None
        stack.check()
        for request_type in ("Create", "Update", "Delete"):
            stack.run(self.forged(stack, RequestType=request_type))

        stack.check_silence()
