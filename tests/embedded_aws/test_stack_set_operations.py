"""Operations of stack sets: concurrency, failure tolerance, order, queues, and resets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html
"""

import json
from typing import Any

import pytest

from embedded_aws.server import EmbeddedAws

from .organization import HERE, THERE, Organization, error_of, parameter, role, signal

pytestmark = pytest.mark.deep

_EXCEEDED = "Cancelled since failure tolerance has exceeded"


def _statuses(organization: Organization, operation: str) -> list[str]:
    return sorted(status for status, _ in organization.results(operation).values())


@pytest.mark.parametrize(
    ("accounts", "preferences", "concurrent"),
    [
        (2, {}, 1),
        (4, {"MaxConcurrentCount": 3, "FailureToleranceCount": 2}, 3),
        # The default concurrency mode allows one account more than the failure tolerance.
        (4, {"MaxConcurrentCount": 3}, 1),
        (4, {"MaxConcurrentCount": 3, "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"}, 3),
        (4, {"MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 50}, 3),
        # Percentages are rounded down, but at least one account is deployed.
        (4, {"MaxConcurrentPercentage": 70, "FailureTolerancePercentage": 100}, 2),
        (3, {"MaxConcurrentPercentage": 1, "FailureTolerancePercentage": 100}, 1),
    ],
)
def test_the_preferences_determine_how_many_accounts_are_deployed_at_a_time(
    aws: EmbeddedAws, accounts: int, preferences: dict[str, Any], concurrent: int
) -> None:
    organization = Organization(aws, accounts)
    organization.create(signal())
    # Preferences apply to each Region, so that a second Region doesn't change the percentages.
    operation = organization.start(regions=[HERE, THERE], OperationPreferences=preferences)
    organization.waiting(concurrent)
    assert _statuses(organization, operation).count("RUNNING") == concurrent
    assert _statuses(organization, operation).count("PENDING") == 2 * accounts - concurrent


def test_strict_concurrency_shrinks_with_each_failure_until_the_tolerance_is_exceeded(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 5)
    organization.create(signal())
    preferences = {"MaxConcurrentCount": 3, "FailureToleranceCount": 2}
    operation = organization.start(OperationPreferences=preferences)
    for running in (3, 2, 1):
        organization.send(organization.waiting(running)[0], "FAILURE")
    assert organization.finish(operation) == "FAILED"
    assert _statuses(organization, operation) == ["CANCELLED", "CANCELLED", "FAILED", "FAILED", "FAILED"]
    reasons = {reason for status, reason in organization.results(operation).values() if status == "CANCELLED"}
    assert reasons == {_EXCEEDED}
    assert organization.operation(operation)["StatusDetails"] == {"FailedStackInstancesCount": 3}


def test_soft_concurrency_can_exceed_the_tolerance_by_the_accounts_that_run(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 4)
    organization.create(signal())
    preferences = {"MaxConcurrentCount": 3, "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"}
    operation = organization.start(OperationPreferences=preferences)
    for running in (3, 2, 1):
        organization.send(organization.waiting(running)[0], "FAILURE")
    assert organization.finish(operation) == "FAILED"
    assert _statuses(organization, operation) == ["CANCELLED", "FAILED", "FAILED", "FAILED"]


def test_failures_within_the_tolerance_let_the_operation_succeed(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 3)
    organization.take_role(organization.accounts[1])
    organization.create(role(), Capabilities=["CAPABILITY_NAMED_IAM"])
    operation = organization.start(OperationPreferences={"FailureTolerancePercentage": 34})
    assert organization.finish(operation) == "SUCCEEDED"
    assert _statuses(organization, operation) == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert organization.operation(operation)["StatusDetails"] == {"FailedStackInstancesCount": 1}


def test_a_percentage_of_tolerated_failures_is_rounded_down(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 3)
    organization.take_role(organization.accounts[0])
    organization.create(role(), Capabilities=["CAPABILITY_NAMED_IAM"])
    # 33 % of three accounts is less than one account.
    assert organization.deploy(OperationPreferences={"FailureTolerancePercentage": 33}) == "FAILED"


def test_regions_are_deployed_in_order_and_a_stopped_region_stops_the_later_ones(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 2)
    organization.create(signal())
    order = {"RegionOrder": [THERE, HERE, "eu-central-1"]}
    regions = [HERE, "eu-central-1", THERE]
    operation = organization.start(regions=regions, OperationPreferences=order)
    for region, status in ((THERE, "SUCCESS"), (THERE, "SUCCESS"), (HERE, "FAILURE")):
        ((account, place),) = organization.waiting(1, regions)
        assert place == region
        organization.send((account, place), status)
    assert organization.finish(operation) == "FAILED"
    results = organization.results(operation)
    assert [results[account, THERE][0] for account in organization.accounts] == ["SUCCEEDED"] * 2
    assert sorted(results[account, HERE][0] for account in organization.accounts) == ["CANCELLED", "FAILED"]
    assert [results[account, "eu-central-1"] for account in organization.accounts] == [("CANCELLED", _EXCEEDED)] * 2
    instance = organization.instances()[organization.accounts[0], "eu-central-1"]
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("OUTDATED", "CANCELLED")
    assert "StackId" not in instance


def test_regions_that_are_deployed_in_parallel_dont_stop_each_other(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 2)
    organization.create(signal())
    operation = organization.start(regions=[HERE, THERE], OperationPreferences={"RegionConcurrencyType": "PARALLEL"})
    first, second = organization.waiting(2, [HERE, THERE])
    assert {first[1], second[1]} == {HERE, THERE}
    organization.send((first[0], HERE), "FAILURE")
    for _ in range(2):
        ((account, region),) = organization.waiting(1, [THERE])
        organization.send((account, region))
    assert organization.finish(operation) == "FAILED"
    assert _statuses(organization, operation) == ["CANCELLED", "FAILED", "SUCCEEDED", "SUCCEEDED"]


@pytest.mark.parametrize(
    ("preferences", "message"),
    [
        (
            {"FailureToleranceCount": 1, "FailureTolerancePercentage": 1},
            "You can specify either FailureToleranceCount or FailureTolerancePercentage, but not both",
        ),
        (
            {"MaxConcurrentCount": 1, "MaxConcurrentPercentage": 1},
            "You can specify either MaxConcurrentCount or MaxConcurrentPercentage, but not both",
        ),
        ({"RegionOrder": [HERE, HERE]}, "RegionOrder must not contain a Region more than once"),
    ],
)
def test_contradictory_preferences_are_rejected(aws: EmbeddedAws, preferences: dict[str, Any], message: str) -> None:
    organization = Organization(aws)
    organization.create()
    assert error_of(organization.start, OperationPreferences=preferences) == ("ValidationError", message)
    assert organization.operations() == []


def test_an_operation_is_stopped_after_the_stacks_that_are_being_deployed(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 2)
    organization.create(signal())
    operation = organization.start()
    (place,) = organization.waiting(1)
    organization.cloudformation.stop_stack_set_operation(StackSetName="Set", OperationId=operation)
    assert organization.status(operation) == "STOPPING"
    organization.send(place)
    assert organization.finish(operation) == "STOPPED"
    assert _statuses(organization, operation) == ["CANCELLED", "SUCCEEDED"]
    again = error_of(organization.cloudformation.stop_stack_set_operation, StackSetName="Set", OperationId=operation)
    assert again[0] == "InvalidOperationException"


def test_a_second_operation_is_rejected_while_the_first_runs(aws: EmbeddedAws) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html
    organization = Organization(aws, 1)
    stack_set_id = organization.create(signal())
    operation = organization.start()
    arn = f"arn:aws:cloudformation:{HERE}:{aws.account}:stackset/{stack_set_id}"
    message = f"Another Operation on StackSet {arn} is in progress: {operation}"
    assert error_of(organization.start) == ("OperationInProgressException", message)
    deletion = error_of(organization.cloudformation.delete_stack_set, StackSetName="Set")
    assert deletion == ("OperationInProgressException", message)
    organization.send(organization.waiting(1)[0])
    assert organization.finish(operation) == "SUCCEEDED"
    assert error_of(organization.start, OperationId=operation)[0] == "OperationIdAlreadyExistsException"
    assert organization.deploy() == "SUCCEEDED"


def test_managed_execution_runs_operations_that_dont_conflict_and_queues_the_others_in_order(aws: EmbeddedAws) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ManagedExecution.html
    organization = Organization(aws)
    units = [organization.add_unit(), organization.add_unit()]
    one, two = (organization.add_account(unit) for unit in units)
    organization.create(signal(), ManagedExecution={"Active": True})
    first = organization.start(units[0])
    second = organization.start(units[1])
    assert set(organization.waiting(2)) == {(one, HERE), (two, HERE)}
    third = organization.start(units[0], regions=[HERE, THERE])
    # It doesn't conflict with the operations that run, but it follows one that waits.
    fourth = organization.start(units[1], regions=[THERE])
    assert [organization.status(each) for each in (first, second, third, fourth)] == ["RUNNING"] * 2 + ["QUEUED"] * 2
    update = {"StackSetName": "Set", "UsePreviousTemplate": True, "ManagedExecution": {"Active": False}}
    assert error_of(organization.cloudformation.update_stack_set, **update)[0] == "InvalidOperationException"
    organization.cloudformation.stop_stack_set_operation(StackSetName="Set", OperationId=third)
    assert organization.status(third) == "STOPPED"
    organization.waiting(3, [HERE, THERE])
    for place in ((one, HERE), (two, HERE), (two, THERE)):
        organization.send(place)
    assert [organization.finish(each) for each in (first, second, fourth)] == ["SUCCEEDED"] * 3


def test_a_queued_operation_deploys_what_was_requested_and_skips_what_earlier_ones_deleted(aws: EmbeddedAws) -> None:
    organization = Organization(aws)
    units = [organization.add_unit(), organization.add_unit()]
    kept, removed = (organization.add_account(unit) for unit in units)
    client = organization.cloudformation
    organization.create(ManagedExecution={"Active": True})
    organization.deploy(*units)
    waiting = {"Resources": {**parameter("two")["Resources"], **signal()["Resources"]}}
    update = client.update_stack_set(StackSetName="Set", TemplateBody=json.dumps(waiting))["OperationId"]
    organization.waiting(1)
    deletion = client.delete_stack_instances(
        StackSetName="Set", Regions=[HERE], DeploymentTargets=organization.targets(units[1]), RetainStacks=False
    )["OperationId"]
    last = client.update_stack_set(StackSetName="Set", TemplateBody=json.dumps(parameter("three")))["OperationId"]
    assert [organization.status(each) for each in (deletion, last)] == ["QUEUED"] * 2
    for _ in range(2):
        organization.send(organization.waiting(1)[0])
    assert [organization.finish(each) for each in (update, deletion, last)] == ["SUCCEEDED"] * 3
    assert set(organization.results(update)) == {(kept, HERE), (removed, HERE)}
    assert set(organization.results(last)) == {(kept, HERE)}
    assert organization.values() == {(kept, HERE): "three"}


def test_a_reset_ends_operations_and_their_threads(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 3)
    organization.create(signal(), ManagedExecution={"Active": True})
    preferences = {"MaxConcurrentCount": 3, "FailureToleranceCount": 2, "RegionConcurrencyType": "PARALLEL"}
    organization.start(regions=[HERE, THERE], OperationPreferences=preferences)
    organization.start()
    organization.waiting(6, [HERE, THERE])
    aws.reset()
    aws.wait_for_stack_sets(seconds=1)
    assert aws._command("internal-call-threads") == 0
    organization = Organization(aws, 1)
    assert organization.cloudformation.list_stack_sets()["Summaries"] == []
    organization.create()
    assert organization.deploy() == "SUCCEEDED"
    assert organization.stacks(organization.accounts[0])[0]["StackStatus"] == "CREATE_COMPLETE"


def test_a_checkpoint_contains_stack_sets(embedded_aws: EmbeddedAws) -> None:
    embedded_aws.reset()
    organization = Organization(embedded_aws, 1)
    organization.create()
    assert organization.deploy() == "SUCCEEDED"
    embedded_aws.save_checkpoint()
    try:
        assert organization.update(parameter("two")) == "SUCCEEDED"
        embedded_aws.reset()
        assert set(organization.values().values()) == {"one"}
        assert organization.operations() == [("CREATE", "SUCCEEDED")]
        assert organization.update(parameter("three")) == "SUCCEEDED"
        assert set(organization.values().values()) == {"three"}
    finally:
        embedded_aws.forget_checkpoint()
        embedded_aws.reset()
