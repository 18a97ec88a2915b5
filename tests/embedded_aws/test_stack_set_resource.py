"""The CloudFormation resource type of stack sets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
"""

import json
from typing import Any

import pytest

from embedded_aws.emulator.stack_set_groups import created, deleted, updated
from embedded_aws.server import EmbeddedAws

from .organization import HERE, THERE, Organization, parameter, role, signal

pytestmark = pytest.mark.deep


class Deployment:
    """A stack with a stack set in the management account."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.client = organization.cloudformation
        self.stack_id = ""

    def deploy(self, *groups: dict[str, Any], template: Any = None, **properties: Any) -> str:
        """Create or update the stack, and return its status."""
        operation = self.client.update_stack if self.stack_id else self.client.create_stack
        settings = {
            "StackSetName": "Set",
            "PermissionModel": "SERVICE_MANAGED",
            "TemplateBody": json.dumps(parameter() if template is None else template),
            "StackInstancesGroup": list(groups) or [self.group()],
            **properties,
        }
        resources = {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": settings}}
        outputs = {
            "Ref": {"Value": {"Ref": "Set"}},
            "Id": {"Value": {"Fn::GetAtt": ["Set", "StackSetId"]}},
        }
        body = json.dumps({"Resources": resources, "Outputs": outputs})
        self.stack_id = operation(StackName="Parent", TemplateBody=body)["StackId"]
        return self.status()

    def status(self) -> str:
        """Wait until the stack operation ends, and return the status of the stack."""
        return str(self.client.describe_stacks(StackName=self.stack_id)["Stacks"][0]["StackStatus"])

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the stack."""
        (stack,) = self.client.describe_stacks(StackName=self.stack_id)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def delete(self) -> str:
        """Delete the stack, and return its status."""
        self.client.delete_stack(StackName="Parent")
        return self.status()

    def reason(self) -> str:
        """Return why the resource failed."""
        events = self.client.describe_stack_events(StackName=self.stack_id)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
        return str(failed[0]["ResourceStatusReason"])

    def group(self, *units: str, regions: Any = (HERE,), overrides: Any = None, **targets: Any) -> dict[str, Any]:
        """Return stack instances."""
        found = {"DeploymentTargets": self.organization.targets(*units, **targets), "Regions": list(regions)}
        return found if overrides is None else {**found, "ParameterOverrides": overrides}


def test_a_stack_set_is_created_updated_and_deleted_with_its_instances(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 3)
    deployment = Deployment(organization)
    everywhere = deployment.group(regions=[HERE, THERE])
    assert deployment.deploy(everywhere, Tags=[{"Key": "team", "Value": "edge"}]) == "CREATE_COMPLETE"
    places = {(account, region) for account in organization.accounts for region in (HERE, THERE)}
    assert organization.values([HERE, THERE]) == dict.fromkeys(places, "one")
    outputs = deployment.outputs()
    described = organization.cloudformation.describe_stack_set(StackSetName="Set")["StackSet"]
    assert outputs == {"Ref": described["StackSetId"], "Id": described["StackSetId"]}
    assert described["Tags"] == [{"Key": "team", "Value": "edge"}]
    assert deployment.deploy(everywhere, template=parameter("two")) == "UPDATE_COMPLETE"
    assert organization.values([HERE, THERE]) == dict.fromkeys(places, "two")
    assert deployment.outputs() == outputs
    # The template doesn't contain tags any more.
    assert organization.cloudformation.describe_stack_set(StackSetName="Set")["StackSet"]["Tags"] == []
    assert deployment.delete() == "DELETE_COMPLETE"
    assert organization.values([HERE, THERE]) == {}
    assert organization.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def test_an_update_touches_only_the_instances_that_changed(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 2)
    one, two = organization.accounts
    deployment = Deployment(organization)
    deployment.deploy(deployment.group(regions=[HERE, THERE]))
    before = organization.instances()
    deployment.deploy(deployment.group(regions=[THERE], AccountFilterType="DIFFERENCE", Accounts=[two]))
    after = organization.instances()
    assert set(after) == {(one, THERE)}
    assert after[one, THERE]["LastOperationId"] == before[one, THERE]["LastOperationId"]
    deployment.deploy(deployment.group(regions=[THERE]))
    assert set(organization.instances()) == {(one, THERE), (two, THERE)}
    # The template is the same, so that there was no update.
    assert [action for action, _ in organization.operations()] == ["CREATE", "DELETE", "DELETE", "CREATE"]


def test_parameter_overrides_of_instances_are_updated(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    deployment = Deployment(organization)
    template = {"Parameters": {"Text": {"Type": "String", "Default": "default"}}, **parameter({"Ref": "Text"})}

    def deploy(value: str | None) -> list[str]:
        overrides = None if value is None else [{"ParameterKey": "Text", "ParameterValue": value}]
        deployment.deploy(deployment.group(overrides=overrides), template=template)
        return list(organization.values().values())

    assert [deploy("one"), deploy("two"), deploy(None)] == [["one"], ["two"], ["default"]]


def test_a_failed_creation_says_why_and_the_rollback_deletes_what_was_created(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 3)
    failing = organization.accounts[1]
    organization.take_role(failing)
    deployment = Deployment(organization)
    status = deployment.deploy(template=role(), Capabilities=["CAPABILITY_NAMED_IAM"])
    assert status == "ROLLBACK_COMPLETE"
    reason = deployment.reason()
    # https://github.com/awslabs/aws-well-architected-labs/issues/973
    assert reason.startswith("Resource handler returned message: \"Resource of type 'Stack set operation [")
    assert "was unexpectedly stopped or failed. status reason(s): [ResourceLogicalId:Role, " in reason
    assert "Role with name Taken already exists" in reason
    assert "' did not stabilize.\" (RequestToken: " in reason
    assert reason.endswith("HandlerErrorCode: NotStabilized)")
    for account in organization.accounts:
        assert organization.stacks(account) == []
    assert organization.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def test_a_failed_update_is_rolled_back_in_all_accounts(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 2)
    deployment = Deployment(organization)
    deployment.deploy()
    organization.take_role(organization.accounts[1])
    template = {"Resources": {**parameter("two")["Resources"], **role()["Resources"]}}
    status = deployment.deploy(template=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert set(organization.values().values()) == {"one"}


def test_the_failure_tolerance_of_the_preferences_applies(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 3)
    organization.take_role(organization.accounts[1])
    deployment = Deployment(organization)
    preferences = {"FailureToleranceCount": "1", "MaxConcurrentCount": "2", "RegionConcurrencyType": "PARALLEL"}
    settings = {"Capabilities": ["CAPABILITY_NAMED_IAM"], "OperationPreferences": preferences}
    assert deployment.deploy(template=role(), **settings) == "CREATE_COMPLETE"
    statuses = [each["Status"] for each in organization.instances().values()]
    assert sorted(statuses) == ["CURRENT", "CURRENT", "OUTDATED"]
    assert deployment.delete() == "DELETE_COMPLETE"


def test_a_new_name_replaces_the_stack_set(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    deployment = Deployment(organization)
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    deployment.deploy(template=template)
    before = deployment.outputs()["Ref"]
    assert deployment.deploy(template=template, StackSetName="Other") == "UPDATE_COMPLETE"
    after = deployment.outputs()["Ref"]
    assert (before.partition(":")[0], after.partition(":")[0]) == ("Set", "Other")
    active = organization.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"]
    assert [each["StackSetId"] for each in active] == [after]


def test_managed_execution_and_automatic_deployment_are_updated(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    deployment = Deployment(organization)
    deployment.deploy()
    settings = {"Enabled": "true", "RetainStacksOnAccountRemoval": "false"}
    assert deployment.deploy(AutoDeployment=settings, ManagedExecution={"Active": "true"}) == "UPDATE_COMPLETE"
    described = organization.cloudformation.describe_stack_set(StackSetName="Set")["StackSet"]
    assert described["ManagedExecution"] == {"Active": True}
    assert described["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
    organization.add_account()
    aws.wait_for_stack_sets()
    assert len(organization.values()) == 2
    assert deployment.delete() == "DELETE_COMPLETE"
    assert organization.values() == {}


def test_the_event_loop_isnt_blocked_while_instances_are_created(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    deployment = Deployment(organization)
    client = organization.cloudformation
    settings = {
        "StackSetName": "Set",
        "PermissionModel": "SERVICE_MANAGED",
        "TemplateBody": json.dumps(signal()),
        "StackInstancesGroup": [deployment.group()],
    }
    resources = {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": settings}}
    client.create_stack(StackName="Parent", TemplateBody=json.dumps({"Resources": resources}))
    (place,) = organization.waiting(2)[1:]
    assert place == (organization.accounts[0], HERE)
    organization.send(place)
    assert client.describe_stacks(StackName="Parent")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def test_a_reset_ends_the_creation_of_a_stack_set(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    settings = {
        "StackSetName": "Set",
        "PermissionModel": "SERVICE_MANAGED",
        "TemplateBody": json.dumps(signal()),
        "StackInstancesGroup": [Deployment(organization).group()],
    }
    resources = {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": settings}}
    organization.cloudformation.create_stack(StackName="Parent", TemplateBody=json.dumps({"Resources": resources}))
    organization.waiting(2)
    aws.reset()
    organization = Organization(aws, 1)
    assert Deployment(organization).deploy() == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"PermissionModel": "SELF_MANAGED"}, "supports only the permission model SERVICE_MANAGED"),
        ({"CallAs": "DELEGATED_ADMIN"}, "Account used is not a delegated administrator"),
        ({"Unknown": "property"}, "Unknown"),
        ({"OperationPreferences": {"FailureToleranceCount": "many"}}, "must be an integer"),
        ({"targets": {"AccountFilterType": "UNION", "Accounts": ["1"]}}, "UNION is not a valid AccountFilterType"),
        (
            {"targets": {"OrganizationalUnitIds": []}},
            "OrganizationalUnitIds should be specified in SERVICE_MANAGED mode",
        ),
        (
            {"template": {"Resources": {"Nested": {"Type": "AWS::CloudFormation::Stack"}}}},
            "Nested AWS::CloudFormation::Stack is not supported in service managed AWS::CloudFormation::StackSet",
        ),
        (
            {"template": {"Resources": {"Nested": {"Type": "AWS::CloudFormation::StackSet"}}}},
            "Nested AWS::CloudFormation::StackSet is not supported in AWS::CloudFormation::StackSet",
        ),
    ],
)
def test_invalid_properties_are_rejected(aws: EmbeddedAws, properties: dict[str, Any], message: str) -> None:
    organization = Organization(aws, 1)
    deployment = Deployment(organization)
    group = deployment.group(**properties.get("targets", {}))
    settings = {name: value for name, value in properties.items() if name != "targets"}
    assert deployment.deploy(group, **settings) == "ROLLBACK_COMPLETE"
    assert message in deployment.reason()
    assert "HandlerErrorCode: InvalidRequest" in deployment.reason()
    assert organization.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def test_a_name_that_is_taken_is_reported(aws: EmbeddedAws) -> None:
    organization = Organization(aws)
    organization.create()
    deployment = Deployment(organization)
    assert deployment.deploy() == "ROLLBACK_COMPLETE"
    assert "HandlerErrorCode: AlreadyExists" in deployment.reason()
    assert len(organization.cloudformation.list_stack_sets()["Summaries"]) == 1


_ONLY = "INTERSECTION"
_BUT = "DIFFERENCE"


def _group(kind: str = "NONE", *names: str, regions: str = "a", unit: str = "ou", **overrides: str) -> dict[str, Any]:
    targets = {"OrganizationalUnitIds": [unit], "AccountFilterType": kind, "Accounts": list(names)}
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in overrides.items()]
    return {"DeploymentTargets": targets, "Regions": list(regions), "ParameterOverrides": parameters}


def _filters(calls: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (
            call["DeploymentTargets"].get("AccountFilterType", "NONE"),
            "".join(call["DeploymentTargets"].get("Accounts", [])),
            "".join(call["Regions"]),
        )
        for call in calls
    ]


@pytest.mark.parametrize(
    ("before", "after", "removed", "added"),
    [
        ([_group()], [_group()], [], []),
        ([_group()], [_group(regions="ab")], [], [("NONE", "", "b")]),
        ([_group(regions="ab")], [_group(regions="b")], [("NONE", "", "a")], []),
        ([_group()], [_group(unit="other")], [("NONE", "", "a")], [("NONE", "", "a")]),
        ([_group()], [_group(_BUT, "1", "2")], [(_ONLY, "12", "a")], []),
        ([_group()], [_group(_ONLY, "1")], [(_BUT, "1", "a")], []),
        ([_group(_BUT, "1")], [_group(_BUT, "2")], [(_ONLY, "2", "a")], [(_ONLY, "1", "a")]),
        ([_group(_ONLY, "1", "2")], [_group(_ONLY, "2", "3")], [(_ONLY, "1", "a")], [(_ONLY, "3", "a")]),
        ([_group(_BUT, "1")], [_group(_ONLY, "1", "2")], [(_BUT, "12", "a")], [(_ONLY, "1", "a")]),
        ([_group(_ONLY, "1", "2")], [_group(_BUT, "1")], [(_ONLY, "1", "a")], [(_BUT, "12", "a")]),
        ([_group(_ONLY, "1"), _group(_ONLY, "2")], [_group(_ONLY, "1", "2")], [], []),
        ([_group(_BUT, "1"), _group(_ONLY, "1")], [_group()], [], []),
    ],
)
def test_an_update_deletes_and_creates_the_difference_of_the_groups(
    before: list[Any], after: list[Any], removed: list[Any], added: list[Any]
) -> None:
    assert _filters(deleted(before, after)) == removed
    assert _filters(created(before, after)) == added


def test_groups_with_the_same_accounts_are_one_call() -> None:
    first = _group(regions="ab")
    first["DeploymentTargets"]["OrganizationalUnitIds"] = ["one", "two"]
    (call,) = created([], [first])
    assert call["DeploymentTargets"] == {"OrganizationalUnitIds": ["one", "two"]}
    assert call["Regions"] == ["a", "b"]


def test_overrides_are_updated_where_they_differ() -> None:
    before = [_group(regions="ab", Text="one")]
    after = [_group(_BUT, "1", regions="bc", Text="two")]
    assert _filters(updated(before, after)) == [(_BUT, "1", "b")]
    assert updated(before, after)[0]["ParameterOverrides"] == [{"ParameterKey": "Text", "ParameterValue": "two"}]
    assert updated(before, before) == []
