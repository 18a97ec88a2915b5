"""`DescribeStackResources` finds the stack of a resource by its physical ID."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_NAME = "AWSServiceRoleForAmazonSSM"


def _create(stacks: Any) -> None:
    resources = {
        "Role": {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": {"AWSServiceName": "ssm.amazonaws.com"}},
        "Other": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/other", "Type": "String", "Value": "x"}},
    }
    stacks.create_stack(StackName="Baseline", TemplateBody=json.dumps({"Resources": resources}))
    assert stacks.describe_stacks(StackName="Baseline")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def test_the_resources_of_the_stack_are_returned(aws: EmbeddedAws) -> None:
    stacks = aws.client("cloudformation")
    _create(stacks)
    found = stacks.describe_stack_resources(PhysicalResourceId=_NAME)["StackResources"]
    assert {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found} == {
        "Role": _NAME,
        "Other": "/other",
    }
    assert {each["StackName"] for each in found} == {"Baseline"}
    chosen = stacks.describe_stack_resources(PhysicalResourceId=_NAME, LogicalResourceId="Role")["StackResources"]
    assert [each["LogicalResourceId"] for each in chosen] == ["Role"]


def test_the_stacks_of_another_region_are_not_found(aws: EmbeddedAws) -> None:
    _create(aws.client("cloudformation"))
    with pytest.raises(ClientError, match=f"Stack for {_NAME} does not exist"):
        aws.client("cloudformation", "us-east-1").describe_stack_resources(PhysicalResourceId=_NAME)


def test_a_stack_that_is_deleted_is_not_found(aws: EmbeddedAws) -> None:
    stacks = aws.client("cloudformation")
    _create(stacks)
    stack_id = stacks.describe_stacks(StackName="Baseline")["Stacks"][0]["StackId"]
    stacks.delete_stack(StackName="Baseline")
    assert stacks.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="ValidationError"):
        stacks.describe_stack_resources(PhysicalResourceId=_NAME)


def test_a_name_and_a_physical_id_exclude_each_other(aws: EmbeddedAws) -> None:
    stacks = aws.client("cloudformation")
    _create(stacks)
    with pytest.raises(ClientError, match="ValidationError"):
        stacks.describe_stack_resources(StackName="Baseline", PhysicalResourceId=_NAME)
    assert len(stacks.describe_stack_resources(StackName="Baseline")["StackResources"]) == 2
