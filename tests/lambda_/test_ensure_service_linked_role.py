"""The function that ensures service-linked roles, on the IAM of the embedded AWS."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config

from embedded_aws.server import EmbeddedAws

from .answer_endpoint import SECRET, AnswerEndpoint, silent_endpoint
from .ensure_function import EnsureFunction
from .events import CLEAN_UP, DISCOVERY, SSM, CustomResource, RoleType, properties
from .in_process_cloudformation import native_resources
from .lambda_function import REGION, Run
from .simulated_clock import SimulatedClock
from .wire import answer_next

NewFunction = Callable[[], EnsureFunction]

TRANSIENT = (
    "ConcurrentModification",
    "InternalFailure",
    "RequestLimitExceeded",
    "ServiceFailure",
    "ServiceUnavailable",
    "Throttling",
)
# The timeout of one attempt to respond.
ANSWER_SECONDS = 5


@pytest.fixture
def resource() -> CustomResource:
    return CustomResource()


@pytest.fixture
def iam(aws: EmbeddedAws) -> Any:
    """IAM, as another user of the account calls it."""
    return aws.client("iam")


def role(iam: Any, role_type: RoleType = SSM) -> Any:
    """Return the role, or None if it does not exist."""
    try:
        return iam.get_role(RoleName=role_type.role_name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        return None


def calls_of(aws: EmbeddedAws, run: Callable[[], Run]) -> tuple[Run, list[str]]:
    """Return the result of a run, and its IAM calls."""
    before = len(aws.calls())
    done = run()
    return done, [call.action.removeprefix("iam:") for call in aws.calls()[before:]]


class TestCreate:
    def test_creates_a_missing_role_in_one_call(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        run, calls = calls_of(aws, lambda: function.run(resource.create()))

        created = role(iam)
        assert created["Path"] == SSM.path
        assert created["Description"] == resource.mark
        assert run.answer == {
            "Status": "SUCCESS",
            "PhysicalResourceId": SSM.role_name,
            "StackId": resource.stack_id,
            "RequestId": "00000001-0000-4000-8000-000000000000",
            "LogicalResourceId": resource.logical_id,
            "Data": {
                "RoleArn": created["Arn"],
                "RoleName": SSM.role_name,
                "RoleId": created["RoleId"],
                "Creation": "CREATED",
            },
        }
        assert run.returned == run.answer
        assert calls == ["CreateServiceLinkedRole"]

    def test_adopts_an_existing_role_in_two_calls(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        iam.create_service_linked_role(AWSServiceName=SSM.service_principal, Description="Inventory")
        before = role(iam)

        run, calls = calls_of(aws, lambda: function.run(resource.create(properties(description="Ours"))))

        assert run.answer["PhysicalResourceId"] == SSM.role_name
        assert run.attributes == {
            "RoleArn": before["Arn"],
            "RoleName": SSM.role_name,
            "RoleId": before["RoleId"],
            "Creation": "ADOPTED",
        }
        assert role(iam) == before
        assert calls == ["CreateServiceLinkedRole", "GetRole"]

    def test_the_mark_follows_the_description(
        self, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create(properties(description="Inventory & <more>, à l'usine")))

        assert role(iam)["Description"] == f"Inventory & <more>, à l'usine {resource.mark}"

    def test_the_longest_description_that_the_construct_allows_fits_with_its_mark(
        self, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create(properties(description="d" * 971))).attributes  # noqa: B018

        assert len(role(iam)["Description"]) == 1000

    @pytest.mark.parametrize(
        ("path", "principal"),
        [
            ("/", {"Service": SSM.service_principal}),
            (SSM.path, {"Service": "ec2.amazonaws.com"}),
            (SSM.path, {"AWS": "arn:aws:iam::111122223333:root"}),
            (SSM.path, {"Service": [SSM.service_principal, "ec2.amazonaws.com"]}),
            (DISCOVERY.path, {"Service": SSM.service_principal}),
        ],
    )
    def test_rejects_another_role_of_the_same_name(
        self,
        function: EnsureFunction,
        resource: CustomResource,
        iam: Any,
        path: str,
        principal: dict[str, Any],
    ) -> None:
        create_lookalike(iam, path, principal)
        before = role(iam)

        run = function.run(resource.create(properties(destroy=True)))

        assert before["Arn"] in run.reason
        assert "is another role" in run.reason
        assert run.answer["PhysicalResourceId"] == SSM.role_name
        assert function.run(resource.delete(properties(destroy=True))).answer["Status"] == "SUCCESS"
        assert role(iam) == before

    def test_rejects_another_role_whose_trust_policy_has_a_statement_that_is_not_in_a_list(
        self, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        create_lookalike(iam, "/", {"Service": "ec2.amazonaws.com"}, in_a_list=False)

        run = function.run(resource.create(properties(destroy=True)))

        assert "is another role" in run.reason
        # The rollback must succeed: otherwise, the stack stays in ROLLBACK_FAILED.
        assert function.run(resource.delete(properties(destroy=True))).answer["Status"] == "SUCCESS"
        assert role(iam) is not None

    def test_fails_with_the_message_of_iam_if_iam_rejects_the_input_for_another_reason(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        words = "Service ssm.amazonaws.com does not have a service-linked role template, is the name right?"
        aws.fail_next("CreateServiceLinkedRole", "InvalidInput", words)

        run, calls = calls_of(aws, lambda: function.run(resource.create()))

        assert run.reason == f"CreateServiceLinkedRole: InvalidInput: {words}"
        assert calls == ["CreateServiceLinkedRole"]
        assert role(iam) is None

    def test_fails_with_the_message_of_iam_if_the_description_is_too_long(
        self, function: EnsureFunction, resource: CustomResource
    ) -> None:
        run = function.run(resource.create(properties(description="d" * 4000)))

        assert "less than or equal to 1000" in run.reason

    def test_creates_the_role_if_it_is_deleted_between_the_two_calls(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        taken = f"Service role name {SSM.role_name} has been taken in this account, please try a different suffix."
        aws.fail_next("CreateServiceLinkedRole", "InvalidInput", taken, times=2)

        run = function.run(resource.create())

        assert run.attributes["Creation"] == "CREATED"
        assert role(iam)["Description"] == resource.mark

    def test_ensures_several_roles_of_one_stack(
        self, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        for role_type in (SSM, DISCOVERY):
            run = function.run(resource.create(properties(role_type)))
            assert run.attributes["RoleName"] == role_type.role_name
            assert run.attributes["RoleArn"] == role(iam, role_type)["Arn"]

    def test_stacks_that_ensure_a_role_concurrently_all_succeed_and_one_creates_it(
        self, aws: EmbeddedAws, new_function: NewFunction
    ) -> None:
        for _ in range(5):
            aws.reset()
            resources = [CustomResource("eu-west-1"), CustomResource("us-east-1"), CustomResource("eu-west-1", "Other")]
            functions = [new_function() for _ in resources]
            start = threading.Barrier(len(resources))
            runs: list[Run] = []

            def ensure(
                function: EnsureFunction,
                resource: CustomResource,
                start: threading.Barrier = start,
                runs: list[Run] = runs,
            ) -> None:
                start.wait()
                runs.append(function.run(resource.create()))

            threads = [threading.Thread(target=ensure, args=pair) for pair in zip(functions, resources, strict=True)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            assert sorted(run.attributes["Creation"] for run in runs) == ["ADOPTED", "ADOPTED", "CREATED"]
            assert len({run.attributes["RoleId"] for run in runs}) == 1


REGIONS = [f"{area}-west-{number}" for area in ("eu", "us", "ap") for number in range(1, 11)]


@pytest.mark.deep
class TestThirtyRegions:
    def test_stacks_in_thirty_regions_share_the_role_and_those_that_did_not_create_it_never_delete_it(
        self, aws: EmbeddedAws, new_function: NewFunction, iam: Any
    ) -> None:
        # Every third stack deletes the role with it, if it has created it.
        resources = [CustomResource(region) for region in REGIONS]
        functions = [new_function() for _ in REGIONS]
        wishes = [properties(destroy=number % 3 == 0) for number in range(len(REGIONS))]

        def run_all(events: list[dict[str, Any]]) -> list[Run]:
            with ThreadPoolExecutor(len(events)) as pool:
                return list(pool.map(lambda pair: pair[0].run(pair[1]), zip(functions, events, strict=True)))

        created = run_all([each.create(wish) for each, wish in zip(resources, wishes, strict=True)])
        creations = [run.attributes["Creation"] for run in created]
        assert sorted(creations) == [*["ADOPTED"] * 29, "CREATED"]
        assert len({run.attributes["RoleId"] for run in created}) == 1

        creator = creations.index("CREATED")
        deleted = run_all([each.delete(wish) for each, wish in zip(resources, wishes, strict=True)])
        assert [run.answer["Status"] for run in deleted] == ["SUCCESS"] * 30
        assert (role(iam) is None) == (wishes[creator]["RemovalPolicy"] == "DESTROY")


class TestNativeResource:
    """The role is an AWS::IAM::ServiceLinkedRole of the same stack, which CloudFormation would delete later."""

    @pytest.fixture(params=["AWSServiceRoleForAmazonSSM", "awsserviceroleforamazonssm"])
    def native(self, request: pytest.FixtureRequest, resource: CustomResource, iam: Any) -> CustomResource:
        iam.create_service_linked_role(AWSServiceName=SSM.service_principal)
        native_resources[resource.stack_id] = [
            ("AWS::IAM::Role", "Role", "Role"),
            ("AWS::IAM::ServiceLinkedRole", "Soon", ""),
            ("AWS::IAM::ServiceLinkedRole", "Inventory", request.param),
        ]
        return resource

    def test_it_is_not_adopted(self, function: EnsureFunction, native: CustomResource, iam: Any) -> None:
        run = function.run(native.create(properties(destroy=True)))

        assert run.reason.startswith(
            f"{SSM.role_name} is the AWS::IAM::ServiceLinkedRole Inventory of this stack, and CloudFormation deletes "
            "the role if you remove that resource; first set its DeletionPolicy to Retain and deploy, "
        )
        # The rollback keeps it.
        assert function.run(native.delete(properties(destroy=True))).answer["Status"] == "SUCCESS"
        assert role(iam) is not None

    def test_an_update_does_not_ask(self, function: EnsureFunction, native: CustomResource) -> None:
        function.cloudformation.calls.clear()

        assert function.run(native.update(properties(destroy=True))).attributes["Creation"] == "ADOPTED"
        assert function.cloudformation.calls == []

    def test_another_role_of_the_stack_does_not_matter(
        self, function: EnsureFunction, native: CustomResource, iam: Any
    ) -> None:
        iam.create_service_linked_role(AWSServiceName=DISCOVERY.service_principal)

        assert function.run(native.create(properties(DISCOVERY))).attributes["Creation"] == "ADOPTED"

    def test_a_created_role_needs_no_question(self, function: EnsureFunction, resource: CustomResource) -> None:
        function.cloudformation.calls.clear()

        assert function.run(resource.create()).attributes["Creation"] == "CREATED"
        assert function.cloudformation.calls == []

    def test_the_role_is_adopted_with_a_warning_if_cloudformation_cannot_be_asked(
        self, function: EnsureFunction, native: CustomResource
    ) -> None:
        function.cloudformation.denied = frozenset({"ListStackResources"})

        run = function.run(native.create())

        assert run.attributes["Creation"] == "ADOPTED"
        [line] = [line for line in run.log if line.startswith("it is not known whether the stack has ")]
        assert "with an explicit deny" in line


class TestUpdate:
    def test_a_new_description_changes_a_role_of_the_stack(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        created = function.run(resource.create(properties(description="Old"))).attributes

        update = resource.update(properties(description="New"), properties(description="Old"))
        run, calls = calls_of(aws, lambda: function.run(update))

        assert run.attributes == created
        assert run.answer["PhysicalResourceId"] == SSM.role_name
        assert role(iam)["Description"] == f"New {resource.mark}"
        assert calls == ["CreateServiceLinkedRole", "GetRole", "UpdateRole"]

    def test_a_new_description_does_not_change_an_adopted_role_and_is_logged(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        iam.create_service_linked_role(AWSServiceName=SSM.service_principal, Description="Theirs")
        function.run(resource.create())

        run, calls = calls_of(aws, lambda: function.run(resource.update(properties(description="New"))))

        assert run.attributes["Creation"] == "ADOPTED"
        assert role(iam)["Description"] == "Theirs"
        assert "UpdateRole" not in calls
        assert any("was not created by this stack: its description is not changed" in line for line in run.log)

    def test_a_new_description_does_not_change_a_role_of_another_stack(
        self, new_function: NewFunction, resource: CustomResource, iam: Any
    ) -> None:
        new_function().run(resource.create(properties(description="First")))
        second = CustomResource("us-east-1")

        run = new_function().run(second.create(properties(description="Second")))

        assert run.attributes["Creation"] == "ADOPTED"
        assert role(iam)["Description"] == f"First {resource.mark}"

    def test_a_role_keeps_its_description_if_the_property_is_removed(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create(properties(description="Old")))

        run, calls = calls_of(aws, lambda: function.run(resource.update(properties(), properties(description="Old"))))

        assert run.attributes["Creation"] == "CREATED"
        assert role(iam)["Description"] == f"Old {resource.mark}"
        assert "UpdateRole" not in calls

    def test_another_role_type_has_another_physical_id_and_the_old_role_stays(
        self, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create())

        run = function.run(resource.update(properties(DISCOVERY), properties(SSM)))

        assert run.answer["PhysicalResourceId"] == DISCOVERY.role_name
        assert run.attributes["RoleArn"] == role(iam, DISCOVERY)["Arn"]
        assert role(iam, SSM) is not None

    def test_the_replaced_role_is_deleted_later_and_the_new_one_stays(
        self, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        old, new = properties(SSM, destroy=True), properties(DISCOVERY, destroy=True)
        function.run(resource.create(old))
        function.run(resource.update(new, old))

        assert function.run(resource.delete(old)).answer["Status"] == "SUCCESS"

        assert role(iam, SSM) is None
        assert role(iam, DISCOVERY) is not None

    def test_a_failed_update_keeps_the_physical_id(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource
    ) -> None:
        function.run(resource.create())
        aws.fail_next("CreateServiceLinkedRole", "LimitExceeded")

        run = function.run(resource.update(properties(DISCOVERY), properties(SSM)))

        assert "LimitExceeded" in run.reason
        # With another ID, CloudFormation would delete the role as a replacement.
        assert run.answer["PhysicalResourceId"] == SSM.role_name

    def test_a_role_that_was_deleted_manually_is_created_again_by_the_stack(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        iam.create_service_linked_role(AWSServiceName=SSM.service_principal)
        function.run(resource.create())
        delete_by_hand(aws, iam)

        run = function.run(resource.update(properties(destroy=True)))

        assert run.attributes["Creation"] == "CREATED"
        assert role(iam)["Description"] == resource.mark

    def test_the_creator_is_known_after_a_replacement_and_its_rollback(
        self, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        ssm, discovery = properties(SSM, destroy=True), properties(DISCOVERY, destroy=True)
        function.run(resource.create(ssm))
        function.run(resource.update(discovery, ssm))

        assert function.run(resource.update(ssm, discovery)).attributes["Creation"] == "CREATED"
        function.run(resource.delete(discovery))
        function.run(resource.delete(ssm))

        assert role(iam, SSM) is None
        assert role(iam, DISCOVERY) is None

    def test_a_role_whose_mark_was_removed_belongs_to_no_stack(
        self, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create(properties(destroy=True)))
        iam.update_role(RoleName=SSM.role_name, Description="Ours now")

        run = function.run(resource.update(properties(destroy=True, description="New")))

        assert run.attributes["Creation"] == "ADOPTED"
        assert function.run(resource.delete(properties(destroy=True))).answer["Status"] == "SUCCESS"
        assert role(iam)["Description"] == "Ours now"


class TestDelete:
    def test_retain_makes_no_call(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create())

        run, calls = calls_of(aws, lambda: function.run(resource.delete()))

        assert run.answer["Status"] == "SUCCESS"
        assert run.answer["PhysicalResourceId"] == SSM.role_name
        assert calls == []
        assert role(iam) is not None

    def test_destroy_deletes_a_role_of_the_stack_and_waits_for_the_deletion(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create(properties(destroy=True)))

        run, calls = calls_of(aws, lambda: function.run(resource.delete(properties(destroy=True))))

        assert run.answer["Status"] == "SUCCESS"
        assert run.seconds > 0
        assert calls[:2] == ["GetRole", "DeleteServiceLinkedRole"]
        assert calls.count("GetServiceLinkedRoleDeletionStatus") > 1
        assert role(iam) is None

    @pytest.mark.parametrize("physical_id", [SSM.role_name, "Fleet-Ensured-1ABCDEFGHIJKL"])
    def test_destroy_does_not_delete_an_adopted_role(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any, physical_id: str
    ) -> None:
        iam.create_service_linked_role(AWSServiceName=SSM.service_principal)
        function.run(resource.create(properties(destroy=True)))

        run, calls = calls_of(
            aws, lambda: function.run(resource.delete(properties(destroy=True), physical_id=physical_id))
        )

        assert run.answer["Status"] == "SUCCESS"
        assert calls == ["GetRole"]
        assert role(iam) is not None
        assert any("was not created by this stack: it is not deleted" in line for line in run.log)

    def test_destroy_does_not_delete_a_role_of_another_stack(
        self, new_function: NewFunction, resource: CustomResource, iam: Any
    ) -> None:
        second = CustomResource("us-east-1")
        first_function, second_function = new_function(), new_function()
        first_function.run(resource.create(properties(destroy=True)))
        second_function.run(second.create(properties(destroy=True)))

        assert second_function.run(second.delete(properties(destroy=True))).answer["Status"] == "SUCCESS"
        assert role(iam) is not None
        assert first_function.run(resource.delete(properties(destroy=True))).answer["Status"] == "SUCCESS"
        assert role(iam) is None

    def test_a_stack_of_the_same_name_is_another_stack(
        self, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create())
        function.run(resource.delete())
        again = CustomResource()

        assert function.run(again.create(properties(destroy=True))).attributes["Creation"] == "ADOPTED"
        function.run(again.delete(properties(destroy=True)))

        assert role(iam) is not None

    def test_a_repeated_delete_succeeds(self, function: EnsureFunction, resource: CustomResource, iam: Any) -> None:
        function.run(resource.create(properties(destroy=True)))
        event = resource.delete(properties(destroy=True))

        assert [function.run(event).answer["Status"] for _ in range(3)] == ["SUCCESS"] * 3
        assert role(iam) is None

    def test_a_delete_waits_for_a_deletion_in_progress(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create(properties(destroy=True)))
        iam.delete_service_linked_role(RoleName=SSM.role_name)

        assert function.run(resource.delete(properties(destroy=True))).answer["Status"] == "SUCCESS"
        assert role(iam) is None

    def test_a_delete_succeeds_if_the_role_is_deleted_between_the_calls(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource
    ) -> None:
        function.run(resource.create(properties(destroy=True)))
        aws.fail_next("DeleteServiceLinkedRole", "NoSuchEntity", http_status=404)

        assert function.run(resource.delete(properties(destroy=True))).answer["Status"] == "SUCCESS"

    def test_the_error_for_a_role_in_use_has_its_uses_and_the_prerequisites(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create(properties(destroy=True)))
        usage = {
            "eu-west-1": ["arn:aws:ssm:eu-west-1:111122223333:resource-data-sync/one"],
            "us-east-1": [
                "arn:aws:ssm:us-east-1:111122223333:resource-data-sync/two",
                "arn:aws:ssm:us-east-1:111122223333:windowtask/three",
            ],
        }
        aws.mark_role_used(SSM.role_name, usage)
        event = resource.delete(properties(destroy=True))

        run = function.run(event)

        assert SSM.role_name in run.reason
        assert CLEAN_UP in run.reason
        for region, arns in usage.items():
            assert f"{region}: {', '.join(arns)}" in run.reason
        assert run.answer["PhysicalResourceId"] == SSM.role_name
        assert role(iam) is not None

        aws.mark_role_unused(SSM.role_name)
        assert function.run(event).answer["Status"] == "SUCCESS"
        assert role(iam) is None

    def test_an_error_with_a_thousand_uses_is_truncated_but_has_the_prerequisites(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource
    ) -> None:
        function.run(resource.create(properties(destroy=True)))
        aws.mark_role_used(SSM.role_name, {"eu-west-1": [f"arn:aws:ssm:eu-west-1::é-{n}-日本" for n in range(1000)]})

        run = function.run(resource.delete(properties(destroy=True)))

        assert len(run.answers[0].body) <= 4096
        assert CLEAN_UP in run.reason
        assert "eu-west-1: arn:aws:ssm:eu-west-1::é-0-日本" in run.reason
        assert run.reason.endswith("...")

    def test_a_deletion_that_does_not_end_fails_before_the_timeout_and_a_later_one_succeeds(
        self, aws: EmbeddedAws, new_function: NewFunction, resource: CustomResource, iam: Any
    ) -> None:
        aws.set_deletion_seconds(600)
        function = new_function()
        function.clock.pace = 0
        function.run(resource.create(properties(destroy=True)))

        run = function.run(resource.delete(properties(destroy=True)))

        assert "out of time: IAM is still deleting" in run.reason
        assert run.seconds < 900
        aws.set_deletion_seconds(0)
        assert function.run(resource.delete(properties(destroy=True))).answer["Status"] == "SUCCESS"
        assert role(iam) is None

    def test_the_delete_after_an_invalid_creation_makes_no_call(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource
    ) -> None:
        failed = function.run(resource.create({"RoleName": 7}))
        physical_id = failed.answer["PhysicalResourceId"]
        assert failed.reason

        event = resource.delete({"RoleName": 7}, physical_id=physical_id)
        run, calls = calls_of(aws, lambda: function.run(event))

        assert physical_id == "nothing-created"
        assert run.answer["Status"] == "SUCCESS"
        assert run.answer["PhysicalResourceId"] == physical_id
        assert calls == []

    @pytest.mark.parametrize("destroy", [True, False])
    def test_the_delete_after_a_lost_response_to_the_creation_deletes_the_role_of_the_stack(
        self, function: EnsureFunction, resource: CustomResource, iam: Any, *, destroy: bool
    ) -> None:
        function.run(resource.create(properties(destroy=destroy)))

        run = function.run(resource.delete(properties(destroy=destroy), physical_id=resource.made_up_id))

        assert run.answer["Status"] == "SUCCESS"
        assert run.answer["PhysicalResourceId"] == resource.made_up_id
        assert (role(iam) is None) == destroy

    def test_the_delete_of_a_role_that_was_never_created_succeeds(
        self, function: EnsureFunction, resource: CustomResource
    ) -> None:
        event = resource.delete(properties(destroy=True), physical_id=resource.made_up_id)

        assert function.run(event).answer["Status"] == "SUCCESS"


@pytest.mark.deep
class TestFaults:
    @pytest.mark.parametrize("code", TRANSIENT)
    def test_a_transient_error_is_retried_with_exponential_backoff(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, code: str
    ) -> None:
        aws.fail_next("CreateServiceLinkedRole", code, times=6)

        run = function.run(resource.create())

        assert run.attributes["Creation"] == "CREATED"
        assert len(function.clock.pauses) == 6
        for pause, longest in zip(function.clock.pauses, (0.5, 1, 2, 4, 8, 8), strict=True):
            assert longest / 2 <= pause <= longest

    @pytest.mark.parametrize(
        "action", ["GetRole", "DeleteServiceLinkedRole", "GetServiceLinkedRoleDeletionStatus", "UpdateRole"]
    )
    @pytest.mark.parametrize(
        "code",
        [
            "Throttling",
            pytest.param("ServiceFailure", marks=pytest.mark.deep),
            pytest.param("ConcurrentModification", marks=pytest.mark.deep),
        ],
    )
    def test_every_call_is_retried(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any, action: str, code: str
    ) -> None:
        function.run(resource.create(properties(destroy=True)))
        aws.fail_next(action, code, times=2)

        updated = function.run(resource.update(properties(destroy=True, description="New")))
        deleted = function.run(resource.delete(properties(destroy=True, description="New")))

        assert updated.attributes["Creation"] == "CREATED"
        assert deleted.answer["Status"] == "SUCCESS"
        assert role(iam) is None

    @pytest.mark.parametrize(
        ("code", "status"), [("ServiceFailure", 500), ("Throttling", 400), ("RequestTimeout", 408)]
    )
    def test_a_role_that_was_created_despite_an_error_belongs_to_the_stack(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any, code: str, status: int
    ) -> None:
        aws.fail_next("CreateServiceLinkedRole", code, http_status=status, after_processing=True)

        run = function.run(resource.create(properties(destroy=True)))

        assert run.attributes["Creation"] == "CREATED"
        function.run(resource.delete(properties(destroy=True)))
        assert role(iam) is None

    def test_the_rollback_deletes_a_role_that_was_created_despite_a_permanent_error(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        aws.fail_next("CreateServiceLinkedRole", "NobodyKnows", after_processing=True)
        failed = function.run(resource.create(properties(destroy=True)))
        assert "NobodyKnows" in failed.reason
        assert role(iam) is not None

        physical_id = failed.answer["PhysicalResourceId"]
        function.run(resource.delete(properties(destroy=True), physical_id=physical_id))

        assert role(iam) is None

    def test_a_deletion_succeeds_although_its_response_was_lost(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, iam: Any
    ) -> None:
        function.run(resource.create(properties(destroy=True)))
        aws.fail_next("DeleteServiceLinkedRole", "ServiceFailure", http_status=500, after_processing=True)

        assert function.run(resource.delete(properties(destroy=True))).answer["Status"] == "SUCCESS"
        assert role(iam) is None

    @pytest.mark.parametrize(("status", "body"), [(502, b"<html>Bad Gateway</html>"), (503, b""), (504, b"")])
    def test_an_error_of_a_gateway_is_retried(
        self, function: EnsureFunction, resource: CustomResource, status: int, body: bytes
    ) -> None:
        answer_next(function.iam, status, body, times=2)

        assert function.run(resource.create()).attributes["Creation"] == "CREATED"

    @pytest.mark.parametrize("body", [b"", b"<CreateServiceLinkedRoleResponse><Create", b"it works"])
    def test_an_unreadable_response_is_retried(
        self, function: EnsureFunction, resource: CustomResource, body: bytes
    ) -> None:
        answer_next(function.iam, 200, body)

        assert function.run(resource.create()).attributes["Creation"] == "CREATED"

    @pytest.mark.parametrize(
        "error",
        [
            b"<Error><Code>Odd</Code></Error>",
            b"<Error><Code>Odd</Code><Message/></Error>",
            b"<Error><Message>Odd</Message></Error>",
            b"<Error><Code>InvalidInput</Code></Error>",
            b"<Error/>",
            b"",
        ],
    )
    def test_an_incomplete_error_gets_a_response(
        self, function: EnsureFunction, resource: CustomResource, error: bytes
    ) -> None:
        answer_next(function.iam, 400, b"<ErrorResponse>" + error + b"<RequestId>1</RequestId></ErrorResponse>")

        assert function.run(resource.create()).reason

    def test_the_function_waits_for_a_new_permission(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource
    ) -> None:
        aws.fail_next("CreateServiceLinkedRole", "AccessDenied", http_status=403, times=4)

        assert function.run(resource.create()).attributes["Creation"] == "CREATED"

    def test_a_missing_permission_fails_after_a_short_time(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource
    ) -> None:
        aws.fail_next("CreateServiceLinkedRole", "AccessDenied", "not authorized to perform", http_status=403, times=99)

        run = function.run(resource.create())

        assert run.reason == (
            "AWSServiceRoleForAmazonSSM does not exist and may not be created: "
            "CreateServiceLinkedRole: AccessDenied: not authorized to perform"
        )
        assert 20 < run.seconds < 60

    @pytest.mark.parametrize("code", ["LimitExceeded", "MalformedInput", "UnmodifiableEntity"])
    def test_a_permanent_error_fails_immediately(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, code: str
    ) -> None:
        aws.fail_next("CreateServiceLinkedRole", code, "no")

        run = function.run(resource.create())

        assert run.reason == f"CreateServiceLinkedRole: {code}: no"
        assert run.seconds == 0


@pytest.mark.deep
class TestTime:
    @pytest.mark.parametrize("seconds", [900, 120, 45])
    def test_an_error_that_persists_gets_a_response_before_the_timeout(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, seconds: float
    ) -> None:
        function.clock.pace = 0
        aws.fail_next("CreateServiceLinkedRole", "Throttling", "Rate exceeded", times=10_000)

        run = function.run(resource.create(), seconds=seconds)

        assert run.reason.startswith("out of time: create_service_linked_role")
        assert "Rate exceeded" in run.reason
        # The rest is reserved for one call that hangs and for the response.
        assert seconds - 40 < run.seconds <= seconds - 25

    @pytest.mark.parametrize("call_seconds", [5, 14])
    def test_slow_calls_end_before_the_timeout(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource, call_seconds: float
    ) -> None:
        function.clock.pace = 0
        function.run(resource.create(properties(description="Old")))

        def take_time(**_: Any) -> None:
            function.clock.now += call_seconds

        function.iam.meta.events.register("before-send.iam", take_time)
        for seconds in range(31, 90):
            update = resource.update(properties(description=f"New {seconds}"))
            run = function.run(update, seconds=seconds)
            assert run.seconds <= seconds - 10, f"responded after {run.seconds} of {seconds} seconds"

    def test_the_function_responds_although_iam_never_does(
        self, function: EnsureFunction, endpoint: AnswerEndpoint, resource: CustomResource
    ) -> None:
        given: list[Config] = []

        def quicker(**options: Any) -> Config:
            given.append(Config(**options))
            return Config(**{**options, "connect_timeout": 0.1, "read_timeout": 0.1})

        with silent_endpoint() as iam_url:
            root = {"AccessKeyId": "111122223333", "SecretAccessKey": "test"}
            hanging = EnsureFunction(endpoint, iam_url, root, SimulatedClock())
            hanging.modules["retries"].Config = quicker
            start = time.monotonic()
            run = hanging.run(resource.create(), seconds=60)

        assert "out of time: create_service_linked_role: Read timeout" in run.reason
        assert time.monotonic() - start < 10
        config: Any = given[0]
        assert len(given) == 1
        margin = function.modules["retries"]._MARGIN_SECONDS
        # The reserved time is enough for a call that hangs and for the response.
        assert config.connect_timeout + config.read_timeout + ANSWER_SECONDS <= margin
        assert config.retries["total_max_attempts"] == 1

    def test_the_function_responds_although_it_cannot_connect_to_iam(
        self, endpoint: AnswerEndpoint, resource: CustomResource
    ) -> None:
        root = {"AccessKeyId": "111122223333", "SecretAccessKey": "test"}
        # Nothing listens on the discard port.
        lonely = EnsureFunction(endpoint, "http://127.0.0.1:9", root, SimulatedClock())

        assert "Could not connect" in lonely.run(resource.create(), seconds=60).reason


class TestResponses:
    def test_a_response_is_sent_once_and_without_a_content_type(
        self, endpoint: AnswerEndpoint, function: EnsureFunction, resource: CustomResource
    ) -> None:
        url = endpoint.url(region=REGION)

        function.run({**resource.create(), "ResponseURL": url})

        [answer] = endpoint.taken(url)
        assert endpoint.attempts(url) == 1
        # The signature of the URL includes the content type.
        assert answer.headers["Content-Type"] == ""
        assert answer.headers["Content-Length"] == str(len(answer.body))

    @pytest.mark.parametrize(
        "misfortunes",
        [
            ("500",),
            ("503", "500"),
            ("closes the connection",),
            ("closes the connection", "500"),
        ],
    )
    def test_a_response_that_is_not_accepted_is_sent_again(
        self,
        endpoint: AnswerEndpoint,
        function: EnsureFunction,
        resource: CustomResource,
        misfortunes: tuple[str, ...],
    ) -> None:
        run = function.run(resource.create(), misfortunes=misfortunes)

        assert run.attributes["Creation"] == "CREATED"
        assert len(run.answers) == 1

    def test_the_function_fails_if_its_response_is_never_accepted_so_that_the_event_is_retried(
        self, endpoint: AnswerEndpoint, function: EnsureFunction, resource: CustomResource
    ) -> None:
        event = resource.create()

        with pytest.raises(OSError, match="500"):
            function.run(event, misfortunes=("500",) * 9)

        assert function.run(event).attributes["Creation"] == "CREATED"

    def test_the_function_fails_if_the_endpoint_does_not_use_http(
        self, endpoint: AnswerEndpoint, function: EnsureFunction, resource: CustomResource
    ) -> None:
        event = resource.create()
        url = endpoint.url(*["does not use HTTP"] * 3, region=REGION)

        with pytest.raises(Exception):  # noqa: B017, PT011
            function.run({**event, "ResponseURL": url})

        assert endpoint.attempts(url) == 3

    def test_the_response_url_is_never_logged(
        self, endpoint: AnswerEndpoint, function: EnsureFunction, resource: CustomResource, aws: EmbeddedAws
    ) -> None:
        runs = [
            function.run(resource.create(properties(destroy=True)), misfortunes=("500", "closes the connection")),
            function.run({**resource.create(), "ResourceProperties": 7}),
            function.run(resource.delete(properties(destroy=True))),
        ]

        log = "\n".join(line for run in runs for line in run.log)
        assert "event: " in log
        assert "response: " in log
        assert SECRET not in log
        assert "ResponseURL" not in log

    def test_a_long_reason_is_truncated_to_the_limit_of_cloudformation(
        self, aws: EmbeddedAws, function: EnsureFunction, resource: CustomResource
    ) -> None:
        for message in ("m" * 20_000, "日" * 5_000, "\U0001d4b3" * 5_000):
            aws.fail_next("CreateServiceLinkedRole", "InvalidInput", message)

            run = function.run(resource.create())

            assert 2048 < len(run.answers[0].body) <= 4096
            assert run.reason.startswith(f"CreateServiceLinkedRole: InvalidInput: {message[:100]}")

    def test_an_unexpected_exception_gets_a_response(self, function: EnsureFunction, resource: CustomResource) -> None:
        def fail(**_: Any) -> None:
            raise ZeroDivisionError("unheard of")

        function.iam.meta.events.register("before-send.iam", fail)

        assert "ZeroDivisionError: unheard of" in function.run(resource.create()).reason


def create_lookalike(iam: Any, path: str, principal: dict[str, Any], *, in_a_list: bool = True) -> None:
    """Create a role with the name of the service-linked role."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement] if in_a_list else statement}
    iam.create_role(RoleName=SSM.role_name, Path=path, AssumeRolePolicyDocument=json.dumps(trust))


def delete_by_hand(aws: EmbeddedAws, iam: Any) -> None:
    """Delete the role as another user of the account."""
    aws.set_deletion_seconds(0)
    iam.delete_service_linked_role(RoleName=SSM.role_name)
    assert role(iam) is None
