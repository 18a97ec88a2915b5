"""A trust policy allows the services that it names, under its conditions, and no other principal."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws, EmbeddedAwsError

pytestmark = pytest.mark.deep

_ACCOUNT = "111122223333"
_CONDITIONS = {
    "StringEquals": {"aws:SourceAccount": _ACCOUNT},
    "ArnEquals": {"aws:SourceArn": [f"arn:aws:ssm:eu-*:{_ACCOUNT}:*", f"arn:aws:ssm:us-east-1:{_ACCOUNT}:*"]},
}
_SOURCE_ARN = f"arn:aws:ssm:eu-west-1:{_ACCOUNT}:managed-instance/mi-0123456789abcdef0"


def _role(aws: EmbeddedAws, **statement: Any) -> str:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ssm.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": _CONDITIONS,
                **statement,
            }
        ],
    }
    iam = aws.client("iam")
    role = iam.create_role(RoleName="Node", Path="/service-role/", AssumeRolePolicyDocument=json.dumps(document))
    iam.put_role_policy(
        RoleName="Node",
        PolicyName="policy",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}]}
        ),
    )
    return str(role["Role"]["Arn"])


def test_the_service_receives_credentials_with_the_permissions_of_the_role(aws: EmbeddedAws) -> None:
    credentials = aws.assume_role_as_service(_role(aws), source_account=_ACCOUNT, source_arn=_SOURCE_ARN)
    session_arn = f"arn:aws:sts::{_ACCOUNT}:assumed-role/Node/mi-0123456789abcdef0"
    assert credentials["AssumedRoleArn"] == session_arn
    assert aws.client("sts", credentials=credentials).get_caller_identity()["Arn"] == session_arn
    aws.client("ssm").put_parameter(Name="name", Value="value", Type="String")
    ssm = aws.client("ssm", credentials=credentials)
    assert ssm.get_parameter(Name="name")["Parameter"]["Value"] == "value"
    with pytest.raises(ClientError, match=r"AccessDenied.*not authorized to perform: ssm:PutParameter"):
        ssm.put_parameter(Name="name", Value="value", Type="String", Overwrite=True)


@pytest.mark.parametrize(
    ("service", "source_account", "source_arn"),
    [
        ("ssm.amazonaws.com", None, None),
        ("ssm.amazonaws.com", _ACCOUNT, None),
        ("ssm.amazonaws.com", None, _SOURCE_ARN),
        ("ssm.amazonaws.com", "444455556666", _SOURCE_ARN),
        ("ssm.amazonaws.com", _ACCOUNT, f"arn:aws:ssm:us-west-2:{_ACCOUNT}:managed-instance/mi-1"),
        ("ssm.amazonaws.com", _ACCOUNT, "arn:aws:ssm:eu-west-1:444455556666:managed-instance/mi-1"),
        ("ssm.amazonaws.com", _ACCOUNT, f"arn:aws:ssm:eu-west-1:444455556666:{_ACCOUNT}:x"),
        ("ec2.amazonaws.com", _ACCOUNT, _SOURCE_ARN),
    ],
)
def test_a_wrong_or_missing_source_is_denied(
    aws: EmbeddedAws, service: str, source_account: str | None, source_arn: str | None
) -> None:
    role_arn = _role(aws)
    with pytest.raises(EmbeddedAwsError) as rejected:
        aws.assume_role_as_service(role_arn, service, source_account=source_account, source_arn=source_arn)
    assert str(rejected.value) == (
        f"AccessDenied: User: {service} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    )


def test_string_equals_compares_an_asterisk_literally(aws: EmbeddedAws) -> None:
    role_arn = _role(aws, Condition={"StringEquals": {"aws:SourceArn": f"arn:aws:ssm:*:{_ACCOUNT}:*"}})
    with pytest.raises(EmbeddedAwsError, match="AccessDenied"):
        aws.assume_role_as_service(role_arn, source_account=_ACCOUNT, source_arn=_SOURCE_ARN)


def test_a_wildcard_in_an_arn_does_not_match_a_colon(aws: EmbeddedAws) -> None:
    role_arn = _role(aws, Condition={"ArnLike": {"aws:SourceArn": "arn:aws:ssm:*:managed-instance/*"}})
    with pytest.raises(EmbeddedAwsError, match="AccessDenied"):
        aws.assume_role_as_service(role_arn, source_account=_ACCOUNT, source_arn=_SOURCE_ARN)


def test_the_arn_of_the_role_must_include_the_path(aws: EmbeddedAws) -> None:
    _role(aws)
    with pytest.raises(EmbeddedAwsError, match="AccessDenied"):
        aws.assume_role_as_service(
            f"arn:aws:iam::{_ACCOUNT}:role/Node", source_account=_ACCOUNT, source_arn=_SOURCE_ARN
        )


@pytest.mark.parametrize("condition", [{}, _CONDITIONS])
def test_the_root_user_is_not_a_service(aws: EmbeddedAws, condition: dict[str, Any]) -> None:
    role_arn = _role(aws, Condition=condition)
    with pytest.raises(ClientError, match=r"AccessDenied.*not authorized to perform: sts:AssumeRole"):
        aws.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="session")
