"""Hybrid activations behave as the Systems Manager API reference and API model specify."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws, EmbeddedAwsError

pytestmark = pytest.mark.deep

_ACCOUNT = "111122223333"
_ROLE = "service-role/Node"
_ROLE_ARN = f"arn:aws:iam::{_ACCOUNT}:role/{_ROLE}"
_DAY = 24 * 3600
_SESSION: Any = botocore.session.Session()
_MODEL = _SESSION.get_service_model("ssm")


def _make_role(aws: EmbeddedAws, name: str = "Node", **statement: Any) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole", **statement}
    aws.client("iam").create_role(
        RoleName=name,
        Path="/service-role/",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )


def _unchecked(aws: EmbeddedAws) -> Any:
    # The SDK validates parameters and retries calls. These tests do without both.
    return _SESSION.create_client(
        "ssm",
        region_name=aws.region,
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=aws.account,
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


def _rejection(call: Callable[..., Any], **arguments: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as rejected:
        call(**arguments)
    response: Any = rejected.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_the_description_of_an_activation_includes_everything_except_the_code(aws: EmbeddedAws) -> None:
    _make_role(aws)
    ssm = aws.client("ssm")
    created = ssm.create_activation(
        IamRole=_ROLE,
        Description="R&D",
        DefaultInstanceName="Büro 1",
        RegistrationLimit=3,
        ExpirationDate=time.time() + 2 * _DAY,
        Tags=[{"Key": "team", "Value": "blue"}],
    )
    answer = ssm.describe_activations()
    (shown,) = answer["ActivationList"]
    assert shown.pop("ActivationId") == created["ActivationId"]
    assert shown.pop("ExpirationDate").timestamp() == pytest.approx(time.time() + 2 * _DAY, abs=10)
    assert shown.pop("CreatedDate").timestamp() == pytest.approx(time.time(), abs=10)
    assert shown == {
        "IamRole": _ROLE,
        "Description": "R&D",
        "DefaultInstanceName": "Büro 1",
        "RegistrationLimit": 3,
        "RegistrationsCount": 0,
        "Expired": False,
        "Tags": [{"Key": "team", "Value": "blue"}],
    }
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.1"
    assert created["ActivationCode"] not in str(answer) + str(aws.activations()) + str(aws.calls()) + aws.log


def test_by_default_an_activation_is_for_one_node_and_one_day(aws: EmbeddedAws) -> None:
    _make_role(aws)
    aws.client("ssm").create_activation(IamRole=_ROLE)
    (activation,) = aws.activations()
    assert activation["RegistrationLimit"] == 1
    assert activation["ExpirationDate"] - activation["CreatedDate"] == pytest.approx(_DAY)
    assert not activation.keys() & {"Description", "DefaultInstanceName", "Tags"}


def test_activations_belong_to_their_account_and_region(aws: EmbeddedAws) -> None:
    _make_role(aws)
    created = aws.client("ssm").create_activation(IamRole=_ROLE)
    assert aws.activations("us-east-1") == aws.activations(account="444455556666") == []
    assert aws.client("ssm", "us-east-1").describe_activations()["ActivationList"] == []
    elsewhere = aws.client("ssm", "us-east-1").delete_activation
    assert _rejection(elsewhere, ActivationId=created["ActivationId"])[0] == "InvalidActivation"
    with pytest.raises(EmbeddedAwsError, match="InvalidActivation"):
        aws.register_node(created["ActivationId"], created["ActivationCode"], "us-east-1")
    assert len(aws.activations()) == 1


@pytest.mark.parametrize(
    ("arguments", "value", "at", "constraint"),
    [
        ({"IamRole": "a" * 65}, f"'{'a' * 65}'", "iamRole", "have length less than or equal to 64"),
        ({"IamRole": None}, "null", "iamRole", "not be null"),
        ({"RegistrationLimit": 0}, "'0'", "registrationLimit", "have value greater than or equal to 1"),
        ({"RegistrationLimit": 1001}, "'1001'", "registrationLimit", "have value less than or equal to 1000"),
        ({"Description": "a" * 257}, f"'{'a' * 257}'", "description", "have length less than or equal to 256"),
        (
            {"DefaultInstanceName": "a;b"},
            "'a;b'",
            "defaultInstanceName",
            f"satisfy regular expression pattern: {_MODEL.shape_for('DefaultInstanceName').metadata['pattern']}",
        ),
        ({"Tags": [{"Key": "a", "Value": "b"}, {"Key": "c"}]}, "null", "tags.2.member.value", "not be null"),
    ],
)
def test_the_constraints_of_the_api_model_are_enforced(
    aws: EmbeddedAws, arguments: dict[str, Any], value: str, at: str, constraint: str
) -> None:
    _make_role(aws)
    given = {name: value for name, value in {"IamRole": _ROLE, **arguments}.items() if value is not None}
    assert _rejection(_unchecked(aws).create_activation, **given) == (
        "ValidationException",
        f"1 validation error detected: Value {value} at '{at}' failed to satisfy constraint: Member must {constraint}",
        400,
    )
    assert aws.activations() == []


def test_limits_and_error_codes_are_those_of_the_api_model(aws: EmbeddedAws) -> None:
    limit = _MODEL.shape_for("RegistrationLimit").metadata
    page = _MODEL.operation_model("DescribeActivations").input_shape.members["MaxResults"].metadata
    assert (limit["min"], limit["max"], page["min"], page["max"]) == (1, 1000, 1, 50)
    _make_role(aws)
    ssm = _unchecked(aws)
    absent = "00000000-0000-4000-8000-000000000000"
    for operation, rejection in {
        "DeleteActivation": _rejection(ssm.delete_activation, ActivationId=absent),
        "DescribeActivations": _rejection(ssm.describe_activations, NextToken="none"),
    }.items():
        assert rejection[0] in [shape.name for shape in _MODEL.operation_model(operation).error_shapes]
    assert _rejection(ssm.describe_activations, Filters=[{"FilterKey": "IamRole"}])[0] == "InvalidFilter"
    assert _rejection(ssm.describe_activations, MaxResults=51)[0] == "ValidationException"
    assert _rejection(ssm.delete_activation, ActivationId="x")[0] == "ValidationException"
    created = ssm.create_activation(IamRole=_ROLE, RegistrationLimit=limit["max"])
    for field, shape in _MODEL.operation_model("CreateActivation").output_shape.members.items():
        assert shape.metadata.get("min", 0) <= len(created[field]) <= shape.metadata.get("max", 36)


@pytest.mark.parametrize("ahead", [-1, 30 * _DAY + 60])
def test_an_activation_expires_within_30_days(aws: EmbeddedAws, ahead: int) -> None:
    _make_role(aws)
    ssm = aws.client("ssm")
    assert _rejection(ssm.create_activation, IamRole=_ROLE, ExpirationDate=time.time() + ahead)[::2] == (
        "ValidationException",
        400,
    )
    ssm.create_activation(IamRole=_ROLE, ExpirationDate=time.time() + 30 * _DAY - 60)


@pytest.mark.parametrize(
    ("role", "arn"),
    [
        ("Node", f"arn:aws:iam::{_ACCOUNT}:role/Node"),
        ("/service-role/Node", f"arn:aws:iam::{_ACCOUNT}:role//service-role/Node"),
        ("service-role/Other", f"arn:aws:iam::{_ACCOUNT}:role/service-role/Other"),
        ("service-role/Ec2", f"arn:aws:iam::{_ACCOUNT}:role/service-role/Ec2"),
        ("service-role/Denying", f"arn:aws:iam::{_ACCOUNT}:role/service-role/Denying"),
        ("service-role/Tagging", f"arn:aws:iam::{_ACCOUNT}:role/service-role/Tagging"),
    ],
)
def test_the_role_name_includes_the_path_and_the_role_trusts_systems_manager(
    aws: EmbeddedAws, role: str, arn: str
) -> None:
    _make_role(aws)
    _make_role(aws, "Ec2", Principal={"Service": ["ec2.amazonaws.com"]})
    _make_role(aws, "Denying", Effect="Deny")
    _make_role(aws, "Tagging", Action=["sts:TagSession"])
    assert _rejection(aws.client("ssm").create_activation, IamRole=role) == (
        "ValidationException",
        f"Nonexistent role or missing ssm service principal in trust policy: {arn}",
        400,
    )


def test_role_arns_and_service_linked_roles_are_rejected(aws: EmbeddedAws) -> None:
    _make_role(aws)
    ssm = _unchecked(aws)
    assert _rejection(ssm.create_activation, IamRole=_ROLE_ARN) == ("InternalFailure", "", 500)
    aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    service_linked = "aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"
    assert _rejection(ssm.create_activation, IamRole=service_linked)[0] == "ValidationException"


def test_a_role_is_found_only_after_it_is_propagated(aws: EmbeddedAws) -> None:
    aws.set_role_propagation_seconds(1.5)
    _make_role(aws, Principal={"Service": ["ec2.amazonaws.com", "ssm.amazonaws.com"]}, Action=["sts:*"])
    ssm = aws.client("ssm")
    assert _rejection(ssm.create_activation, IamRole=_ROLE)[1].startswith("Nonexistent role")
    aws.set_role_propagation_seconds(0)
    ssm.create_activation(IamRole=_ROLE)


def test_filters_and_pages(aws: EmbeddedAws) -> None:
    _make_role(aws)
    _make_role(aws, "Other")
    ssm = aws.client("ssm")
    made = [
        ssm.create_activation(IamRole=role, DefaultInstanceName=name)["ActivationId"]
        for role in (_ROLE, "service-role/Other")
        for name in ("a", "b")
    ]

    def found(**filters: list[str]) -> list[str]:
        pages = ssm.get_paginator("describe_activations").paginate(
            Filters=[{"FilterKey": key, "FilterValues": values} for key, values in filters.items()],
            PaginationConfig={"PageSize": 1},
        )
        return [each["ActivationId"] for page in pages for each in page["ActivationList"]]

    assert found() == made
    assert found(IamRole=[_ROLE]) == made[:2]
    assert found(DefaultInstanceName=["a", "c"]) == made[::2]
    assert found(ActivationIds=made[1:], IamRole=[_ROLE]) == made[1:2]
    first = ssm.describe_activations(MaxResults=2)
    assert [each["ActivationId"] for each in first["ActivationList"]] == made[:2]
    ssm.delete_activation(ActivationId=made[1])
    rest = ssm.describe_activations(MaxResults=2, NextToken=first["NextToken"])
    assert [each["ActivationId"] for each in rest["ActivationList"]] == made[2:]
    assert "NextToken" not in rest


def test_machines_register_until_the_activation_reaches_its_limit(aws: EmbeddedAws) -> None:
    _make_role(aws)
    ssm = aws.client("ssm")
    created = ssm.create_activation(IamRole=_ROLE, RegistrationLimit=2, DefaultInstanceName="web")
    other = ssm.create_activation(IamRole=_ROLE)
    activation_id = created["ActivationId"]
    with pytest.raises(EmbeddedAwsError, match="InvalidActivation"):
        aws.register_node(activation_id, other["ActivationCode"])
    nodes = [aws.register_node(activation_id, created["ActivationCode"]) for _ in range(2)]
    assert [activation["RegistrationsCount"] for activation in aws.activations()] == [2, 0]
    with pytest.raises(EmbeddedAwsError, match="RegistrationLimitExceeded"):
        aws.register_node(activation_id, created["ActivationCode"])
    ssm.delete_activation(ActivationId=activation_id)
    with pytest.raises(EmbeddedAwsError, match="InvalidActivation"):
        aws.register_node(activation_id, created["ActivationCode"])
    shown = ssm.describe_instance_information()["InstanceInformationList"]
    assert [node["InstanceId"] for node in shown] == [node["InstanceId"] for node in aws.nodes()] == nodes
    assert {(node["ActivationId"], node["IamRole"], node["Name"]) for node in shown} == {(activation_id, _ROLE, "web")}
    pattern = _MODEL.operation_model("DeregisterManagedInstance").input_shape.members["InstanceId"].metadata["pattern"]
    assert [node for node in nodes if re.search(pattern, node)] == nodes


def test_an_expired_activation_registers_no_machine_and_remains_visible(aws: EmbeddedAws) -> None:
    _make_role(aws)
    created = aws.client("ssm").create_activation(IamRole=_ROLE, ExpirationDate=time.time() + 0.3)
    time.sleep(0.35)
    with pytest.raises(EmbeddedAwsError, match="ActivationExpired"):
        aws.register_node(created["ActivationId"], created["ActivationCode"])
    assert [activation["Expired"] for activation in aws.activations()] == [True]


def test_a_reset_and_a_checkpoint_include_activations(aws: EmbeddedAws) -> None:
    _make_role(aws)
    kept = aws.client("ssm").create_activation(IamRole=_ROLE)
    aws.save_checkpoint()
    try:
        aws.register_node(kept["ActivationId"], kept["ActivationCode"])
        aws.client("ssm").create_activation(IamRole=_ROLE)
        aws.reset()
        assert [activation["RegistrationsCount"] for activation in aws.activations()] == [0]
        aws.register_node(kept["ActivationId"], kept["ActivationCode"])
    finally:
        aws.forget_checkpoint()
    aws.reset()
    assert aws.activations() == aws.nodes() == []


_NEEDED: list[dict[str, Any]] = [
    {"Action": "ssm:CreateActivation", "Resource": "*"},
    {"Action": "ssm:AddTagsToResource", "Resource": f"arn:aws:ssm:eu-west-1:{_ACCOUNT}:managed-instance/*"},
    {"Action": "ssm:AddTagsToResource", "Resource": _ROLE_ARN},
    {
        "Action": "iam:PassRole",
        "Resource": _ROLE_ARN,
        "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
    },
]


def _caller(aws: EmbeddedAws, statements: list[dict[str, Any]], name: str = "caller") -> Any:
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    iam.put_user_policy(UserName=name, PolicyName="policy", PolicyDocument=json.dumps(document))
    return aws.client("ssm", credentials=iam.create_access_key(UserName=name)["AccessKey"])


def test_creating_an_activation_requires_passing_the_role_and_adding_the_tags(aws: EmbeddedAws) -> None:
    _make_role(aws)
    ssm = _caller(aws, [*_NEEDED, {"Action": ["ssm:DescribeActivations", "ssm:DeleteActivation"], "Resource": "*"}])
    ssm.create_activation(IamRole=_ROLE, Tags=[{"Key": "team", "Value": "blue"}])
    (activation,) = ssm.describe_activations()["ActivationList"]
    ssm.delete_activation(ActivationId=activation["ActivationId"])


@pytest.mark.parametrize("missing", [0, 1, 2, 3])
def test_each_permission_is_required(aws: EmbeddedAws, missing: int) -> None:
    _make_role(aws)
    ssm = _caller(aws, _NEEDED[:missing] + _NEEDED[missing + 1 :])
    statement = _NEEDED[missing]
    code, message, status = _rejection(ssm.create_activation, IamRole=_ROLE, Tags=[{"Key": "team", "Value": "blue"}])
    assert (code, status) == ("AccessDeniedException", 400)
    assert f"is not authorized to perform: {statement['Action']} on resource: {statement['Resource']}" in message
    assert aws.activations() == []
    if missing in (1, 2):
        ssm.create_activation(IamRole=_ROLE)


def test_the_tags_of_an_activation_can_be_limited(aws: EmbeddedAws) -> None:
    _make_role(aws)
    limited = {
        "StringEquals": {"aws:RequestTag/team": "blue"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "site"]},
    }
    statements = [{**each, "Condition": limited} for each in _NEEDED[:3]]
    ssm = _caller(aws, [*statements, _NEEDED[3]])
    team, site = {"Key": "team", "Value": "blue"}, {"Key": "site", "Value": "x"}
    ssm.create_activation(IamRole=_ROLE, Tags=[team])
    ssm.create_activation(IamRole=_ROLE, Tags=[site, team])
    for tags in ([site], [{"Key": "team", "Value": "red"}], [team, {"Key": "other", "Value": "x"}], []):
        code, message, _ = _rejection(ssm.create_activation, IamRole=_ROLE, Tags=tags)
        assert (code, "perform: ssm:CreateActivation on" in message) == ("AccessDeniedException", True)
    # Tagging has the same keys.
    free = _caller(aws, [_NEEDED[0], *statements[1:3], _NEEDED[3]], "free")
    code, message, _ = _rejection(free.create_activation, IamRole=_ROLE, Tags=[site])
    assert (code, "perform: ssm:AddTagsToResource on" in message) == ("AccessDeniedException", True)
    free.create_activation(IamRole=_ROLE, Tags=[team])
    assert len(aws.activations()) == 3


def test_the_role_is_passed_to_systems_manager(aws: EmbeddedAws) -> None:
    _make_role(aws)
    elsewhere = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    ssm = _caller(aws, [*_NEEDED[:3], {**_NEEDED[3], "Condition": elsewhere}])
    assert "iam:PassRole" in _rejection(ssm.create_activation, IamRole=_ROLE)[1]
    assert "ssm:DescribeActivations" in _rejection(ssm.describe_activations)[1]
    absent = "00000000-0000-4000-8000-000000000000"
    assert "ssm:DeleteActivation" in _rejection(ssm.delete_activation, ActivationId=absent)[1]
