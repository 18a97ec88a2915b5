"""The templates of stack sets with service-managed permissions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
"""

import json
from typing import Any

import pytest

from embedded_aws.server import EmbeddedAws

from .organization import HERE, Organization, error_of, parameter, role, user_of

pytestmark = pytest.mark.deep

_NO_TRANSFORM = "Transform is not supported in SERVICE_MANAGED permission model"


@pytest.mark.parametrize(
    ("template", "settings", "code", "message"),
    [
        (
            {**parameter(), "Transform": "AWS::Serverless-2016-10-31"},
            {},
            "ValidationError",
            "Transform is not supported",
        ),
        (parameter({"Fn::Transform": {"Name": "Macro"}}), {}, "ValidationError", "Transform is not supported"),
        (
            {"Resources": {"Nested": {"Type": "AWS::CloudFormation::Stack"}}},
            {},
            "ValidationError",
            "Stack resource is not supported in SERVICE_MANAGED permission model",
        ),
        (
            {"Resources": {"Nested": {"Type": "AWS::CloudFormation::StackSet"}}},
            {},
            "ValidationError",
            "StackSet resource is not supported in SERVICE_MANAGED permission model",
        ),
        (role(), {}, "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]"),
        (
            role(),
            {"Capabilities": ["CAPABILITY_IAM"]},
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_NAMED_IAM]",
        ),
        ({**parameter(), "Description": "x" * 51_200}, {}, "ValidationError", "less than or equal to 51200"),
        (parameter(), {"PermissionModel": "SELF_MANAGED"}, "ValidationError", "SERVICE_MANAGED"),
        (parameter(), {"PermissionModel": "OTHER"}, "ValidationError", "enum value set"),
        (
            parameter(),
            {"AdministrationRoleARN": "arn:aws:iam::111122223333:role/A"},
            "ValidationError",
            "not supported",
        ),
        (parameter(), {"Capabilities": ["CAPABILITY_OTHER"]}, "ValidationError", "enum value set"),
        (parameter(), {"name": "no_underscore"}, "ValidationError", "no_underscore"),
        (parameter(), {"name": "1st"}, "ValidationError", "1st"),
        (parameter(), {"TemplateURL": "https://s3.amazonaws.com/a/b"}, "ValidationError", "but not both"),
        ({"Parameters": {"A": {"Type": "String"}}, **parameter()}, {}, "ValidationError", "'A'"),
    ],
)
def test_stack_sets_that_service_managed_permissions_dont_support_are_rejected(
    aws: EmbeddedAws, template: dict[str, Any], settings: dict[str, Any], code: str, message: str
) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
    organization = Organization(aws)
    found = error_of(organization.create, template=template, **settings)
    assert found[0] == code
    assert message in found[1]
    assert organization.cloudformation.list_stack_sets()["Summaries"] == []


def test_a_request_without_a_template_is_rejected(aws: EmbeddedAws) -> None:
    client = Organization(aws).cloudformation
    missing = error_of(client.create_stack_set, StackSetName="Set", PermissionModel="SERVICE_MANAGED")
    assert missing == ("ValidationError", "Either Template URL or Template Body must be specified.")
    unknown = error_of(client.update_stack_set, StackSetName="Unknown", UsePreviousTemplate=True)
    assert unknown == ("StackSetNotFoundException", "StackSet Unknown not found")
    assert error_of(client.delete_stack_set, StackSetName="Unknown")[0] == "StackSetNotFoundException"


@pytest.mark.parametrize("host", ["s3.eu-west-1.amazonaws.com/templates", "templates.s3.eu-west-1.amazonaws.com"])
def test_a_long_template_is_read_from_amazon_s3(aws: EmbeddedAws, host: str) -> None:
    organization = Organization(aws, 1)
    template = json.dumps({**parameter(), "Metadata": {"Text": "x" * 60_000}})
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": HERE})
    s3.put_object(Bucket="templates", Key="a/template.json", Body=template)
    settings = {
        "StackSetName": "Set",
        "PermissionModel": "SERVICE_MANAGED",
        "TemplateURL": f"https://{host}/a/template.json",
    }
    organization.cloudformation.create_stack_set(**settings)
    assert organization.deploy() == "SUCCEEDED"
    assert len(organization.values()) == 1
    described = organization.cloudformation.describe_stack_set(StackSetName="Set")["StackSet"]
    assert described["TemplateBody"] == template
    user = aws.client("cloudformation", credentials=user_of(aws, "cloudformation:*"))
    denied = error_of(user.create_stack_set, **{**settings, "StackSetName": "Other"})
    assert denied[0] == "ValidationError"
    assert denied[1].startswith("S3 error: Access Denied")
    s3.put_object(Bucket="templates", Key="a/template.json", Body="x" * 1_000_001)
    too_long = error_of(organization.cloudformation.create_stack_set, **{**settings, "StackSetName": "Other"})
    assert too_long == ("ValidationError", "Template may not exceed 1000000 bytes in size.")
