"""Stack sets with service-managed permissions: their API, their templates, and the accounts that they reach.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/what-is-cfnstacksets.html
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock

import boto3
import moto
import pytest

from embedded_aws.server import EmbeddedAws

from .organization import HERE, THERE, Organization, error_of, parameter, role

pytestmark = pytest.mark.deep

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _with_parameter(default: str) -> dict[str, Any]:
    return {"Parameters": {"Text": {"Type": "String", "Default": default}}, **parameter({"Ref": "Text"})}


def _given(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def test_a_stack_set_is_created_updated_and_deleted(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 2)
    client = organization.cloudformation
    stack_set_id = organization.create(Description="All accounts", Tags=[{"Key": "team", "Value": "edge"}])
    assert re.fullmatch(f"Set:{_UUID}", stack_set_id)
    assert organization.deploy(regions=[HERE, THERE]) == "SUCCEEDED"
    places = {(account, region) for account in organization.accounts for region in (HERE, THERE)}
    assert organization.values([HERE, THERE]) == dict.fromkeys(places, "one")
    names = {stack["StackName"] for place in places for stack in organization.stacks(*place)}
    assert len(names) == 4, "each account and Region has a UUID of its own"
    assert all(re.fullmatch(f"StackSet-Set-{_UUID}", name) for name in names)

    described = client.describe_stack_set(StackSetName=stack_set_id)["StackSet"]
    assert described == {
        "StackSetName": "Set",
        "StackSetId": stack_set_id,
        "StackSetARN": f"arn:aws:cloudformation:{HERE}:{aws.account}:stackset/{stack_set_id}",
        "Description": "All accounts",
        "Status": "ACTIVE",
        "TemplateBody": json.dumps(parameter()),
        "Parameters": [],
        "Capabilities": [],
        "Tags": [{"Key": "team", "Value": "edge"}],
        "AutoDeployment": {"Enabled": False},
        "PermissionModel": "SERVICE_MANAGED",
        "OrganizationalUnitIds": [organization.unit],
        "ManagedExecution": {"Active": False},
        "Regions": [HERE, THERE],
    }

    assert organization.update(parameter("two")) == "SUCCEEDED"
    assert organization.values([HERE, THERE]) == dict.fromkeys(places, "two")
    # The description and the tags that the update doesn't contain are kept.
    assert client.describe_stack_set(StackSetName="Set")["StackSet"]["Tags"] == [{"Key": "team", "Value": "edge"}]

    assert error_of(client.delete_stack_set, StackSetName="Set") == (
        "StackSetNotEmptyException",
        "StackSet is not empty",
    )
    assert organization.remove(regions=[HERE, THERE]) == "SUCCEEDED"
    assert organization.values([HERE, THERE]) == {}
    assert organization.instances() == {}
    assert organization.operations() == [("CREATE", "SUCCEEDED"), ("UPDATE", "SUCCEEDED"), ("DELETE", "SUCCEEDED")]
    client.delete_stack_set(StackSetName="Set")
    assert error_of(client.describe_stack_set, StackSetName="Set")[0] == "StackSetNotFoundException"
    assert client.describe_stack_set(StackSetName=stack_set_id)["StackSet"]["Status"] == "DELETED"
    assert [each["StackSetId"] for each in client.list_stack_sets(Status="DELETED")["Summaries"]] == [stack_set_id]
    assert client.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def test_the_tags_of_a_stack_set_reach_its_stacks(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    organization.create(Tags=[{"Key": "team", "Value": "edge"}])
    organization.deploy()
    client = aws.client("cloudformation", account=organization.accounts[0])
    (stack,) = client.describe_stacks()["Stacks"]
    assert stack["Tags"] == [{"Key": "team", "Value": "edge"}]


def test_an_instance_describes_its_stack(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    (account,) = organization.accounts
    stack_set_id = organization.create(_with_parameter("one"))
    operation = organization.start(ParameterOverrides=_given(Text="special"))
    organization.finish(operation)
    place = {"StackInstanceAccount": account, "StackInstanceRegion": HERE}
    instance = organization.cloudformation.describe_stack_instance(StackSetName="Set", **place)["StackInstance"]
    ((stack),) = organization.stacks(account)
    assert instance == {
        "StackSetId": stack_set_id,
        "Region": HERE,
        "Account": account,
        "StackId": stack["StackId"],
        "ParameterOverrides": _given(Text="special"),
        "Status": "CURRENT",
        "StackInstanceStatus": {"DetailedStatus": "SUCCEEDED"},
        "OrganizationalUnitId": organization.unit,
        "DriftStatus": "NOT_CHECKED",
        "LastOperationId": operation,
    }
    elsewhere = error_of(
        organization.cloudformation.describe_stack_instance,
        StackSetName="Set",
        StackInstanceAccount=account,
        StackInstanceRegion=THERE,
    )
    assert elsewhere[0] == "StackInstanceNotFoundException"


def test_lists_have_pages_and_filters(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 3)
    organization.take_role(organization.accounts[0])
    organization.create(role(), Capabilities=["CAPABILITY_NAMED_IAM"])
    organization.create(name="Other")
    operation = organization.start(OperationPreferences={"FailureToleranceCount": 1})
    organization.finish(operation)
    client = organization.cloudformation
    first = client.list_stack_instances(StackSetName="Set", MaxResults=2)
    rest = client.list_stack_instances(StackSetName="Set", MaxResults=2, NextToken=first["NextToken"])
    assert (len(first["Summaries"]), len(rest["Summaries"]), "NextToken" in rest) == (2, 1, False)
    assert len(client.list_stack_sets(MaxResults=1)["Summaries"]) == 1
    (failed,) = client.list_stack_instances(
        StackSetName="Set", Filters=[{"Name": "DETAILED_STATUS", "Values": "FAILED"}]
    )["Summaries"]
    assert failed["Account"] == organization.accounts[0]
    (found,) = client.list_stack_instances(StackSetName="Set", StackInstanceAccount=organization.accounts[1])[
        "Summaries"
    ]
    assert found["Account"] == organization.accounts[1]
    results = client.list_stack_set_operation_results(
        StackSetName="Set", OperationId=operation, Filters=[{"Name": "OPERATION_RESULT_STATUS", "Values": "FAILED"}]
    )
    assert [each["Account"] for each in results["Summaries"]] == [organization.accounts[0]]


def test_a_failed_creation_is_explained_and_leaves_no_stack_and_can_be_tried_again(aws: EmbeddedAws) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-troubleshooting.html
    organization = Organization(aws, 1)
    (account,) = organization.accounts
    organization.take_role(account)
    organization.create(role(), Capabilities=["CAPABILITY_NAMED_IAM"])
    operation = organization.start()
    assert organization.finish(operation) == "FAILED"
    instance = organization.instances()[account, HERE]
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("OUTDATED", "FAILED")
    prefix = "ResourceLogicalId:Role, ResourceType:AWS::IAM::Role, ResourceStatusReason:"
    assert instance["StatusReason"].startswith(prefix)
    assert "Role with name Taken already exists" in instance["StatusReason"]
    assert organization.results(operation)[account, HERE] == ("FAILED", instance["StatusReason"])
    # The stack is deleted, but its events remain.
    assert organization.stacks(account) == []
    client = aws.client("cloudformation", account=account)
    events = client.describe_stack_events(StackName=instance["StackId"])["StackEvents"]
    assert events[0]["ResourceStatus"] == "DELETE_COMPLETE"
    aws.client("iam", account=account).delete_role(RoleName="Taken")
    assert organization.update(role(), Capabilities=["CAPABILITY_NAMED_IAM"]) == "SUCCEEDED"
    instance = organization.instances()[account, HERE]
    assert (instance["Status"], "StatusReason" in instance) == ("CURRENT", False)


def test_a_failed_update_is_rolled_back_and_the_instance_is_outdated(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    (account,) = organization.accounts
    organization.create()
    organization.deploy()
    organization.take_role(account)
    template = {"Resources": {**parameter("two")["Resources"], **role()["Resources"]}}
    assert organization.update(template, Capabilities=["CAPABILITY_NAMED_IAM"]) == "FAILED"
    instance = organization.instances()[account, HERE]
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("OUTDATED", "FAILED")
    assert instance["StatusReason"].startswith("ResourceLogicalId:Role")
    assert organization.values() == {(account, HERE): "one"}
    assert organization.update(parameter("three")) == "SUCCEEDED"
    assert organization.values() == {(account, HERE): "three"}


def test_a_stack_that_cant_be_deleted_makes_the_instance_inoperable(aws: EmbeddedAws) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstance.html
    organization = Organization(aws, 2)
    stuck, other = organization.accounts
    organization.create(role("Stuck"), Capabilities=["CAPABILITY_NAMED_IAM"])
    organization.deploy()
    (stack,) = organization.stacks(stuck)
    client = aws.client("cloudformation", account=stuck)
    client.update_termination_protection(StackName=stack["StackName"], EnableTerminationProtection=True)
    assert organization.remove(OperationPreferences={"FailureToleranceCount": 1}) == "SUCCEEDED"
    instance = organization.instances()[stuck, HERE]
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("INOPERABLE", "INOPERABLE")
    assert (other, HERE) not in organization.instances()
    # Inoperable instances are excluded from updates, and only the instance can be deleted.
    assert organization.update(role("Stuck"), Capabilities=["CAPABILITY_NAMED_IAM"]) == "SUCCEEDED"
    assert organization.instances()[stuck, HERE]["Status"] == "INOPERABLE"
    assert organization.remove(RetainStacks=True) == "SUCCEEDED"
    assert [each["StackId"] for each in organization.stacks(stuck)] == [stack["StackId"]]
    organization.cloudformation.delete_stack_set(StackSetName="Set")


def test_an_update_without_changes_succeeds_and_one_of_some_accounts_outdates_the_others(aws: EmbeddedAws) -> None:
    organization = Organization(aws)
    one, two = organization.add_unit(), organization.add_unit()
    first, second = organization.add_account(one), organization.add_account(two)
    organization.create()
    organization.deploy(one, two)
    assert organization.update(parameter()) == "SUCCEEDED"
    targets = organization.targets(one)
    assert organization.update(parameter("two"), DeploymentTargets=targets, Regions=[HERE]) == "SUCCEEDED"
    assert organization.values() == {(first, HERE): "two", (second, HERE): "one"}
    instance = organization.instances()[second, HERE]
    # https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1751
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("OUTDATED", "PENDING")
    nowhere = {"DeploymentTargets": organization.targets(organization.add_unit()), "Regions": [HERE]}
    missing = error_of(organization.cloudformation.update_stack_instances, StackSetName="Set", **nowhere)
    assert missing[0] == "StackInstanceNotFoundException"


def test_stacks_can_be_retained(aws: EmbeddedAws) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStackInstances.html
    organization = Organization(aws, 1)
    organization.create()
    organization.deploy()
    assert organization.remove(RetainStacks=True) == "SUCCEEDED"
    assert (organization.instances(), len(organization.values())) == ({}, 1)
    organization.cloudformation.delete_stack_set(StackSetName="Set")
    assert [stack["StackStatus"] for stack in organization.stacks(organization.accounts[0])] == ["CREATE_COMPLETE"]


def test_parameters_have_values_of_the_stack_set_and_of_instances(aws: EmbeddedAws) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackInstances.html
    organization = Organization(aws, 1)
    organization.create(_with_parameter("default"), Parameters=_given(Text="set"))
    organization.deploy()

    def value() -> str:
        (found,) = organization.values().values()
        return found

    def override(**settings: Any) -> str:
        settings = {"DeploymentTargets": organization.targets(), "Regions": [HERE], **settings}
        answer = organization.cloudformation.update_stack_instances(StackSetName="Set", **settings)
        assert organization.finish(answer["OperationId"]) == "SUCCEEDED"
        return value()

    assert value() == "set"
    assert override(ParameterOverrides=_given(Text="special")) == "special"
    # An update of the stack set doesn't change overridden parameters.
    organization.update(_with_parameter("default"), Parameters=_given(Text="changed"))
    assert value() == "special"
    assert override() == "special"
    assert override(ParameterOverrides=[{"ParameterKey": "Text", "UsePreviousValue": True}]) == "special"
    assert override(ParameterOverrides=[]) == "changed"
    organization.update(_with_parameter("default"), Parameters=[{"ParameterKey": "Text", "UsePreviousValue": True}])
    assert value() == "changed"
    organization.update(_with_parameter("default"), Parameters=[])
    assert value() == "default"
    unknown = error_of(organization.start, ParameterOverrides=_given(Other="1"))
    assert unknown == ("ValidationError", "Parameters: [Other] do not exist in the template")


def test_a_stack_set_exists_in_one_region(aws: EmbeddedAws) -> None:
    organization = Organization(aws)
    organization.create()
    client = aws.client("cloudformation", THERE)
    assert error_of(client.describe_stack_set, StackSetName="Set")[0] == "StackSetNotFoundException"
    assert client.list_stack_sets()["Summaries"] == []


def test_a_creation_request_that_is_sent_again_has_the_same_answer(aws: EmbeddedAws) -> None:
    organization = Organization(aws)
    first = organization.create(ClientRequestToken="a")
    assert organization.create(ClientRequestToken="a") == first
    assert error_of(organization.create, ClientRequestToken="b")[0] == "NameAlreadyExistsException"


def _life(client: Any, organizations: Any, wait: Callable[[], None]) -> list[Any]:
    """Return the shape of each answer in the life of a stack set, and the code of each error."""
    (root,) = organizations.list_roots()["Roots"]
    unit = organizations.create_organizational_unit(ParentId=root["Id"], Name="Unit")["OrganizationalUnit"]["Id"]
    created = organizations.create_account(Email="owner@example.com", AccountName="Member")["CreateAccountStatus"]
    organizations.move_account(AccountId=created["AccountId"], SourceParentId=root["Id"], DestinationParentId=unit)
    answers: list[Any] = []

    def call(method: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = getattr(client, method)(**arguments)
        except client.exceptions.ClientError as error:
            answers.append((method, error.response["Error"]["Code"]))
            return {}
        answer.pop("ResponseMetadata")
        answers.append((method, sorted(answer)))
        wait()
        return dict(answer)

    name = {"StackSetName": "Set"}
    settings: dict[str, Any] = {"TemplateBody": json.dumps(parameter()), "PermissionModel": "SERVICE_MANAGED"}
    settings["AutoDeployment"] = {"Enabled": False}
    targets = {"DeploymentTargets": {"OrganizationalUnitIds": [unit]}, "Regions": [HERE]}
    call("describe_stack_set", **name)
    stack_set_id = call("create_stack_set", **name, **settings)["StackSetId"]
    answers.append(re.sub(_UUID, "uuid", stack_set_id))
    operation = call("create_stack_instances", **name, **targets)["OperationId"]
    described = call("describe_stack_set_operation", **name, OperationId=operation)["StackSetOperation"]
    answers.append([described[key] for key in ("Action", "Status")])
    # moto has no results of operations on organizational units.
    call("list_stack_set_operation_results", **name, OperationId=operation)
    (instance,) = call("list_stack_instances", **name)["Summaries"]
    answers.append([instance[key] for key in ("Region", "Status", "StackInstanceStatus")])
    call("delete_stack_set", **name)
    (stack_set,) = call("list_stack_sets")["Summaries"]
    answers.append([stack_set[key] for key in ("StackSetName", "Status")])
    return answers


@pytest.mark.deep
def test_moto_answers_alike(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    # moto imports a validator of API definitions, which isn't among its required packages.
    for module in ("", ".validation", ".validation.exceptions"):
        monkeypatch.setitem(sys.modules, f"openapi_spec_validator{module}", MagicMock())
    own = _life(aws.client("cloudformation"), aws.client("organizations"), aws.wait_for_stack_sets)
    with moto.mock_aws():
        session: Any = boto3.session.Session("testing", "testing", region_name=HERE)
        organizations = session.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        others = _life(session.client("cloudformation"), organizations, lambda: None)
    assert own == others
