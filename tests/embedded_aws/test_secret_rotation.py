"""Secrets Manager rotates secrets as its user guide and API reference specify."""

import io
import json
import textwrap
import time
import uuid
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_SERVICE = "secretsmanager.amazonaws.com"
_STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
_RULES = {"ScheduleExpression": "rate(12 hours)", "Duration": "1h"}
_INCOMPLETE = (
    "InvalidRequestException",
    "A previous rotation isn't complete. That rotation will be reattempted.",
    400,
)

# This function fails a given number of times. It logs its calls in a file, because its process ends with each failure.
_FAILING = textwrap.dedent(
    """
    import json, os, time

    def handler(event, context):
        with open(os.environ["CALLS"], "a+") as calls:
            print(json.dumps(event), file=calls, flush=True)
            calls.seek(0)
            times = [json.loads(line)["Step"] for line in calls].count(event["Step"])
        time.sleep(float(os.environ["PAUSE"]))
        if times <= json.loads(os.environ["FAILURES"]).get(event["Step"], 0):
            raise RuntimeError("told to fail")
    """
)

_ROTATING = textwrap.dedent(
    """
    import boto3

    def handler(event, context):
        client = boto3.client("secretsmanager")
        secret, token = event["SecretId"], event["ClientRequestToken"]
        versions = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
        if event["Step"] == "createSecret":
            assert versions[token] == ["AWSPENDING"], versions
            try:
                client.get_secret_value(SecretId=secret, VersionStage="AWSPENDING")
            except client.exceptions.ResourceNotFoundException:
                client.put_secret_value(
                    SecretId=secret, ClientRequestToken=token, SecretString=token, VersionStages=["AWSPENDING"]
                )
        if event["Step"] == "finishSecret":
            (current,) = [version for version, labels in versions.items() if "AWSCURRENT" in labels]
            client.update_secret_version_stage(
                SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
            )
    """
)


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def _make_function(
    aws: EmbeddedAws,
    code: str = _FAILING,
    failures: Mapping[str, int] | None = None,
    pause: float = 0,
    permission: Mapping[str, str] | None = None,
    actions: Sequence[str] = ("secretsmanager:*",),
) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", code)
    trust = _policy({"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
    iam, functions = aws.client("iam"), aws.client("lambda")
    role = iam.create_role(RoleName="Function", AssumeRolePolicyDocument=trust)["Role"]
    allowed = _policy({"Action": list(actions), "Resource": "*"})
    iam.put_role_policy(RoleName="Function", PolicyName="policy", PolicyDocument=allowed)
    _calls_file(aws).unlink(missing_ok=True)
    function = functions.create_function(
        FunctionName="rotation",
        Runtime="python3.14",
        Role=role["Arn"],
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
        Environment={
            "Variables": {
                "CALLS": str(_calls_file(aws)),
                "FAILURES": json.dumps(failures or {}),
                "PAUSE": str(pause),
            }
        },
    )
    functions.add_permission(
        FunctionName="rotation",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        **({"Principal": _SERVICE, "SourceAccount": aws.account} if permission is None else permission),
    )
    return str(function["FunctionArn"])


def _permit(aws: EmbeddedAws, **condition: str) -> None:
    functions = aws.client("lambda")
    functions.remove_permission(FunctionName="rotation", StatementId="rotation")
    functions.add_permission(
        FunctionName="rotation",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal=_SERVICE,
        SourceAccount=aws.account,
        **condition,
    )


def _make_secret(aws: EmbeddedAws) -> str:
    return str(aws.client("secretsmanager").create_secret(Name="secret", SecretString="first")["ARN"])


def _calls_file(aws: EmbeddedAws) -> Path:
    return aws.directory / "calls"


def _called(aws: EmbeddedAws) -> list[dict[str, str]]:
    file = _calls_file(aws)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _called_steps(aws: EmbeddedAws) -> list[str]:
    return [event["Step"] for event in _called(aws)]


def _wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _rejection(call: Callable[..., Any], **arguments: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as rejected:
        call(**arguments)
    response: Any = rejected.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def _labels(aws: EmbeddedAws) -> dict[str, list[str]]:
    versions = aws.client("secretsmanager").describe_secret(SecretId="secret")["VersionIdsToStages"]
    return {version: sorted(labels) for version, labels in versions.items()}


def test_a_rotation_creates_a_new_current_version_in_the_background(aws: EmbeddedAws) -> None:
    secret, function = _make_secret(aws), _make_function(aws, _ROTATING)
    client = aws.client("secretsmanager")
    (first,) = _labels(aws)
    rotated = client.rotate_secret(SecretId=secret, RotationLambdaARN=function, RotationRules=_RULES)
    token = rotated["VersionId"]
    _wait_until(lambda: "LastRotatedDate" in client.describe_secret(SecretId=secret))
    assert _labels(aws) == {first: ["AWSPREVIOUS"], token: ["AWSCURRENT", "AWSPENDING"]}
    assert client.get_secret_value(SecretId=secret)["SecretString"] == token
    described = client.describe_secret(SecretId=secret)
    assert (described["RotationEnabled"], described["RotationLambdaARN"]) == (True, function)
    assert described["RotationRules"] == _RULES
    again = client.rotate_secret(SecretId=secret)["VersionId"]
    _wait_until(lambda: "AWSCURRENT" in _labels(aws)[again])
    assert _labels(aws) == {token: ["AWSPREVIOUS"], again: ["AWSCURRENT", "AWSPENDING"]}


def test_the_four_steps_run_in_order_for_one_version(aws: EmbeddedAws) -> None:
    secret, function = _make_secret(aws), _make_function(aws)
    client, token = aws.client("secretsmanager"), str(uuid.uuid4())
    (first,) = _labels(aws)
    for _ in range(2):
        # The second request is a duplicate.
        rotated = client.rotate_secret(SecretId=secret, RotationLambdaARN=function, ClientRequestToken=token)
        assert rotated["VersionId"] == token
    _wait_until(lambda: len(_called(aws)) == 4)
    assert _called(aws) == [{"SecretId": secret, "ClientRequestToken": token, "Step": step} for step in _STEPS]
    # The function doesn't store a value.
    assert _labels(aws) == {first: ["AWSCURRENT"], token: ["AWSPENDING"]}
    assert _rejection(client.get_secret_value, SecretId=secret, VersionStage="AWSPENDING") == (
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
        400,
    )


def test_when_a_step_fails_the_whole_rotation_is_retried(aws: EmbeddedAws) -> None:
    secret, function = _make_secret(aws), _make_function(aws, failures={"testSecret": 1})
    aws.client("secretsmanager").rotate_secret(SecretId=secret, RotationLambdaARN=function)
    _wait_until(lambda: len(_called(aws)) == 7)
    assert _called_steps(aws) == [*_STEPS[:3], *_STEPS]
    assert len({event["ClientRequestToken"] for event in _called(aws)}) == 1


def test_a_failed_rotation_is_retried_before_a_new_one_starts(aws: EmbeddedAws) -> None:
    secret, function = _make_secret(aws), _make_function(aws, failures={"createSecret": 3})
    client = aws.client("secretsmanager")
    (first,) = _labels(aws)
    token = client.rotate_secret(SecretId=secret, RotationLambdaARN=function)["VersionId"]
    assert _rejection(client.rotate_secret, SecretId=secret) == _INCOMPLETE
    _wait_until(lambda: len(_called(aws)) == 3)
    assert _labels(aws) == {first: ["AWSCURRENT"], token: ["AWSPENDING"]}

    def reattempted() -> bool:
        if len(_called(aws)) == 3:
            assert _rejection(client.rotate_secret, SecretId=secret) == _INCOMPLETE
        return len(_called(aws)) == 7

    _wait_until(reattempted)
    assert _called_steps(aws) == ["createSecret"] * 3 + _STEPS
    assert {event["ClientRequestToken"] for event in _called(aws)} == {token}
    client.update_secret_version_stage(SecretId=secret, VersionStage="AWSPENDING", RemoveFromVersionId=token)
    another = client.rotate_secret(SecretId=secret)["VersionId"]
    assert _labels(aws) == {first: ["AWSCURRENT"], another: ["AWSPENDING"]}


def test_a_canceled_rotation_stops(aws: EmbeddedAws) -> None:
    secret, function = _make_secret(aws), _make_function(aws, pause=0.3)
    client = aws.client("secretsmanager")
    assert _rejection(client.cancel_rotate_secret, SecretId=secret)[0] == "InvalidRequestException"
    token = client.rotate_secret(SecretId=secret, RotationLambdaARN=function)["VersionId"]
    assert client.cancel_rotate_secret(SecretId=secret)["VersionId"] == token
    _wait_until(lambda: _called(aws))
    time.sleep(0.3)
    assert _called_steps(aws) == ["createSecret"]
    assert client.describe_secret(SecretId=secret)["RotationEnabled"] is False
    assert ["AWSPENDING"] in _labels(aws).values()


def test_a_rotation_that_does_not_start_immediately_is_tested(aws: EmbeddedAws) -> None:
    secret, function = _make_secret(aws), _make_function(aws)
    before = _labels(aws)
    client = aws.client("secretsmanager")
    client.rotate_secret(SecretId=secret, RotationLambdaARN=function, RotationRules=_RULES, RotateImmediately=False)
    _wait_until(lambda: _called(aws) and _labels(aws) == before)
    assert _called_steps(aws) == ["testSecret"]
    assert client.describe_secret(SecretId=secret)["RotationEnabled"] is True


@pytest.mark.parametrize(
    "permission",
    [
        {"Principal": "events.amazonaws.com"},
        {"Principal": _SERVICE, "SourceAccount": "444455556666"},
        {"Principal": _SERVICE, "SourceArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-000000"},
        {
            "Principal": _SERVICE,
            "SourceAccount": "111122223333",
            "SourceArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-000000",
        },
    ],
)
def test_the_policy_of_the_function_must_allow_secrets_manager(aws: EmbeddedAws, permission: Mapping[str, str]) -> None:
    secret, function = _make_secret(aws), _make_function(aws, permission=permission)
    client = aws.client("secretsmanager")
    rejected = (
        "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access "
        f"to the principal {_SERVICE}",
        400,
    )
    assert _rejection(client.rotate_secret, SecretId=secret, RotationLambdaARN=function) == rejected
    assert _rejection(client.rotate_secret, SecretId=secret, RotationLambdaARN=f"{function}2") == rejected
    assert client.describe_secret(SecretId=secret)["RotationEnabled"] is False


def test_the_policy_of_the_function_can_name_the_secret(aws: EmbeddedAws) -> None:
    secret, function = _make_secret(aws), _make_function(aws, failures={"setSecret": 1}, pause=0.3)
    _permit(aws, SourceArn=secret)
    aws.client("secretsmanager").rotate_secret(SecretId=secret, RotationLambdaARN=function)
    _wait_until(lambda: _called(aws))
    # The policy is checked at each invocation.
    _permit(aws, SourceArn=f"{secret}2")
    _wait_until(lambda: aws.log.count("The policy of the function doesn't allow the invocation") >= 3)
    assert set(_called_steps(aws)) <= {"createSecret", "setSecret"}


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"ScheduleExpression": "rate(3 hours)"},
        {"ScheduleExpression": "rate(1001 days)"},
        {"ScheduleExpression": "rate(5 minutes)"},
        {"ScheduleExpression": "rate(4 hours)", "Duration": "5h"},
        {"ScheduleExpression": "rate(4 hours)", "AutomaticallyAfterDays": 1},
    ],
)
def test_an_invalid_schedule_is_rejected(aws: EmbeddedAws, rules: Mapping[str, Any]) -> None:
    secret = _make_secret(aws)
    call = aws.client("secretsmanager").rotate_secret
    arn = "arn:aws:lambda:eu-west-1:111122223333:function:any"
    rejection = _rejection(call, SecretId=secret, RotationLambdaARN=arn, RotationRules=rules)
    assert (rejection[0], rejection[2]) == ("InvalidParameterException", 400)


def test_rotations_that_are_impossible_are_rejected(aws: EmbeddedAws) -> None:
    client = aws.client("secretsmanager")
    assert _rejection(client.rotate_secret, SecretId="absent")[0] == "ResourceNotFoundException"
    secret = _make_secret(aws)
    assert _rejection(client.rotate_secret, SecretId=secret)[:2] == (
        "InvalidRequestException",
        "You tried to enable rotation on a secret that doesn't already have a Lambda function ARN configured and you "
        "didn't include such an ARN as a parameter in this call.",
    )
    assert _rejection(client.rotate_secret, SecretId=secret, ClientRequestToken="a" * 65)[0] == "ValidationException"
    client.delete_secret(SecretId=secret)
    assert _rejection(client.rotate_secret, SecretId=secret)[0] == "InvalidRequestException"
    assert _rejection(client.cancel_rotate_secret, SecretId=secret)[0] == "InvalidRequestException"


def _client_allowed(aws: EmbeddedAws, *statements: Mapping[str, Any]) -> Any:
    iam = aws.client("iam")
    iam.create_user(UserName="caller")
    iam.put_user_policy(UserName="caller", PolicyName="policy", PolicyDocument=_policy(*statements))
    return aws.client("secretsmanager", credentials=iam.create_access_key(UserName="caller")["AccessKey"])


def test_the_caller_must_be_allowed_to_invoke_the_function(aws: EmbeddedAws) -> None:
    secret, function = _make_secret(aws), _make_function(aws)
    rotation = {"Action": ["secretsmanager:RotateSecret", "secretsmanager:CancelRotateSecret"], "Resource": secret}
    client = _client_allowed(aws, rotation)
    code, message, status = _rejection(client.rotate_secret, SecretId=secret, RotationLambdaARN=function)
    assert (code, status) == ("AccessDeniedException", 400)
    assert f"is not authorized to perform: lambda:InvokeFunction on resource: {function}" in message
    aws.client("iam").put_user_policy(
        UserName="caller",
        PolicyName="policy",
        PolicyDocument=_policy(rotation, {"Action": "lambda:InvokeFunction", "Resource": function}),
    )
    client.rotate_secret(SecretId=secret, RotationLambdaARN=function)
    client.cancel_rotate_secret(SecretId=secret)
    other = aws.client("secretsmanager").create_secret(Name="other", SecretString="x")["ARN"]
    for operation in ("rotate_secret", "cancel_rotate_secret"):
        assert _rejection(getattr(client, operation), SecretId=other)[0] == "AccessDeniedException"


_NEEDED = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]


@pytest.mark.parametrize("missing", ["PutSecretValue", "GetSecretValue"])
def test_the_function_has_the_permissions_of_its_role(aws: EmbeddedAws, missing: str) -> None:
    secret = _make_secret(aws)
    before = _labels(aws)
    actions = [f"secretsmanager:{action}" for action in _NEEDED if action != missing]
    function = _make_function(aws, _ROTATING, actions=actions)
    token = aws.client("secretsmanager").rotate_secret(SecretId=secret, RotationLambdaARN=function)["VersionId"]
    _wait_until(lambda: "AccessDeniedException" in [call.error_code for call in aws.calls()])
    (rejected,) = {call for call in aws.calls() if call.error_code == "AccessDeniedException"}
    assert rejected.action == f"secretsmanager:{missing}"
    assert rejected.principal_arn.startswith(f"arn:aws:sts::{aws.account}:assumed-role/Function/")
    assert _labels(aws) == {**before, token: ["AWSPENDING"]}


def _template(**schedule: Any) -> dict[str, Any]:
    return {
        "Resources": {
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"GenerateSecretString": {"SecretStringTemplate": "{}", "GenerateStringKey": "a"}},
            },
            "Schedule": {
                "Type": "AWS::SecretsManager::RotationSchedule",
                "Properties": {"SecretId": {"Ref": "Secret"}, "RotationRules": _RULES, **schedule},
            },
        },
        "Outputs": {
            "Secret": {"Value": {"Ref": "Secret"}},
            "Schedule": {"Value": {"Ref": "Schedule"}},
            "Id": {"Value": {"Fn::GetAtt": ["Schedule", "Id"]}},
        },
    }


def _deploy(aws: EmbeddedAws, operation: str, template: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    client = aws.client("cloudformation")
    getattr(client, f"{operation}_stack")(StackName="stack", TemplateBody=json.dumps(template))
    (stack,) = client.describe_stacks(StackName="stack")["Stacks"]
    return stack["StackStatus"], {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def test_a_rotation_schedule_rotates_the_secret_when_it_is_created_or_updated(aws: EmbeddedAws) -> None:
    function, client = _make_function(aws, _ROTATING), aws.client("secretsmanager")
    status, outputs = _deploy(aws, "create", _template(RotationLambdaARN=function))
    assert status == "CREATE_COMPLETE"
    (secret,) = {*outputs.values()}
    assert secret.startswith("arn:aws:secretsmanager:eu-west-1:111122223333:secret:Secret-")

    def rotated() -> int:
        return len(client.list_secret_version_ids(SecretId=secret)["Versions"]) - 1

    _wait_until(lambda: "LastRotatedDate" in client.describe_secret(SecretId=secret))
    assert rotated() == 1
    template = _template(RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 7})
    assert _deploy(aws, "update", template)[0] == "UPDATE_COMPLETE"
    assert client.describe_secret(SecretId=secret)["RotationRules"] == {"AutomaticallyAfterDays": 7}
    assert rotated() == 2
    del template["Resources"]["Schedule"], template["Outputs"]
    assert _deploy(aws, "update", template)[0] == "UPDATE_COMPLETE"
    assert client.describe_secret(SecretId=secret)["RotationEnabled"] is False
    aws.client("cloudformation").delete_stack(StackName="stack")
    _wait_until(lambda: client.list_secrets()["SecretList"] == [])


def test_a_rotation_schedule_with_a_function_that_denies_secrets_manager_fails_the_stack(aws: EmbeddedAws) -> None:
    function = _make_function(aws, permission={"Principal": "events.amazonaws.com"})
    assert _deploy(aws, "create", _template(RotationLambdaARN=function))[0] == "ROLLBACK_COMPLETE"
    events = aws.client("cloudformation").describe_stack_events(StackName="stack")["StackEvents"]
    (reason,) = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert reason.startswith('Resource handler returned message: "Secrets Manager cannot invoke')
    assert reason.endswith("HandlerErrorCode: AccessDenied)")
    assert aws.client("secretsmanager").list_secrets()["SecretList"] == []
