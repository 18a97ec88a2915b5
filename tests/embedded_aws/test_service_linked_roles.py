"""Service-linked roles behave as the IAM user guide and API reference specify."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_SSM = "AWSServiceRoleForAmazonSSM"


def _rejection(call: Callable[..., Any], **arguments: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as rejected:
        call(**arguments)
    response: Any = rejected.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def _finished(iam: Any, task_id: str) -> Any:
    deadline = time.monotonic() + 10
    while True:
        answer = iam.get_service_linked_role_deletion_status(DeletionTaskId=task_id)
        if answer["Status"] in ("SUCCEEDED", "FAILED") or time.monotonic() > deadline:
            return answer
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("principal", "name", "policy"),
    [
        ("ssm.amazonaws.com", _SSM, "AmazonSSMServiceRolePolicy"),
        (
            "accountdiscovery.ssm.amazonaws.com",
            "AWSServiceRoleForAmazonSSM_AccountDiscovery",
            "AWSSystemsManagerAccountDiscoveryServicePolicy",
        ),
        ("ssm-quicksetup.amazonaws.com", "AWSServiceRoleForSSMQuickSetup", "SSMQuickSetupRolePolicy"),
    ],
)
def test_a_role_has_the_name_path_trust_policy_and_permissions_that_aws_documents(
    aws: EmbeddedAws, principal: str, name: str, policy: str
) -> None:
    iam = aws.client("iam")
    role = iam.create_service_linked_role(AWSServiceName=principal, Description="R&D <ä>")["Role"]
    assert role["RoleName"] == name
    assert role["Arn"] == f"arn:aws:iam::{aws.account}:role/aws-service-role/{principal}/{name}"
    assert role["Path"] == f"/aws-service-role/{principal}/"
    assert role["Description"] == "R&D <ä>"
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    ]
    assert iam.get_role(RoleName=name)["Role"]["Arn"] == role["Arn"]
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == [
        {"PolicyName": policy, "PolicyArn": f"arn:aws:iam::aws:policy/aws-service-role/{policy}"}
    ]


def test_the_name_of_an_unknown_role_is_derived_from_its_service(aws: EmbeddedAws) -> None:
    role = aws.client("iam").create_service_linked_role(AWSServiceName="some-thing.amazonaws.com")["Role"]
    assert role["Arn"].endswith(":role/aws-service-role/some-thing.amazonaws.com/AWSServiceRoleForSomeThing")


def test_creating_a_role_twice_fails(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    taken = (
        "InvalidInput",
        f"Service role name {_SSM} has been taken in this account, please try a different suffix.",
        400,
    )
    iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    assert _rejection(iam.create_service_linked_role, AWSServiceName="ssm.amazonaws.com") == taken
    aws.reset()
    iam.create_role(RoleName=_SSM.lower(), AssumeRolePolicyDocument="{}")
    assert _rejection(iam.create_service_linked_role, AWSServiceName="ssm.amazonaws.com") == taken


def test_a_role_belongs_to_one_account_and_all_its_regions(aws: EmbeddedAws) -> None:
    aws.client("iam", "eu-west-1").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    elsewhere = aws.client("iam", "us-east-1")
    assert _rejection(elsewhere.create_service_linked_role, AWSServiceName="ssm.amazonaws.com")[0] == "InvalidInput"
    other = aws.client("iam", account="444455556666").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    assert ":444455556666:" in other["Role"]["Arn"]


def test_a_suffix_is_rejected_if_the_service_does_not_support_it(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    assert _rejection(iam.create_service_linked_role, AWSServiceName="ssm.amazonaws.com", CustomSuffix="x") == (
        "InvalidInput",
        "Custom suffix is not allowed for ssm.amazonaws.com",
        400,
    )
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForAutoScaling_x"


@pytest.mark.parametrize(
    "parameters",
    [
        {"AWSServiceName": "a b"},
        {"AWSServiceName": "a" * 129},
        {"AWSServiceName": "ssm.amazonaws.com", "Description": "—"},
        {"AWSServiceName": "ssm.amazonaws.com", "Description": "a" * 1001},
    ],
)
def test_invalid_parameters_are_rejected(aws: EmbeddedAws, parameters: dict[str, str]) -> None:
    code, message, status = _rejection(aws.client("iam").create_service_linked_role, **parameters)
    assert (code, status) == ("ValidationError", 400)
    assert message.startswith("1 validation error detected: ")


def test_a_deletion_runs_in_the_background(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    aws.set_deletion_seconds(30)
    task_id = iam.delete_service_linked_role(RoleName=_SSM)["DeletionTaskId"]
    assert task_id.rpartition("/")[0] == f"task/aws-service-role/ssm.amazonaws.com/{_SSM}"
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task_id)["Status"] == "NOT_STARTED"
    assert iam.delete_service_linked_role(RoleName=_SSM)["DeletionTaskId"] == task_id
    assert iam.get_role(RoleName=_SSM)["Role"]["RoleName"] == _SSM
    aws.set_deletion_seconds(0)
    assert _finished(iam, task_id)["Status"] == "SUCCEEDED"
    assert _rejection(iam.get_role, RoleName=_SSM) == (
        "NoSuchEntity",
        f"The role with name {_SSM} cannot be found.",
        404,
    )


def test_a_role_in_use_is_not_deleted_and_the_resources_that_use_it_are_listed(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    usage = {"eu-west-1": [f"arn:aws:ssm:eu-west-1:{aws.account}:opsitem/oi-1"], "us-east-1": ["arn:aws:ssm:::x"]}
    aws.mark_role_used(_SSM, usage)
    failed = _finished(iam, iam.delete_service_linked_role(RoleName=_SSM)["DeletionTaskId"])
    assert failed["Status"] == "FAILED"
    assert {used["Region"]: used["Resources"] for used in failed["Reason"]["RoleUsageList"]} == usage
    assert failed["Reason"]["Reason"]
    iam.get_role(RoleName=_SSM)
    aws.mark_role_unused(_SSM)
    assert _finished(iam, iam.delete_service_linked_role(RoleName=_SSM)["DeletionTaskId"])["Status"] == "SUCCEEDED"


def test_invalid_deletions_are_rejected(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="Ordinary", AssumeRolePolicyDocument="{}")
    assert _rejection(iam.delete_service_linked_role, RoleName="Missing")[0] == "NoSuchEntity"
    assert _rejection(iam.delete_service_linked_role, RoleName="Ordinary")[0] == "InvalidInput"
    unknown = f"task/aws-service-role/ssm.amazonaws.com/{_SSM}/0"
    assert _rejection(iam.get_service_linked_role_deletion_status, DeletionTaskId=unknown)[0] == "NoSuchEntity"
    assert _rejection(iam.get_service_linked_role_deletion_status, DeletionTaskId="task")[0] == "InvalidInput"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("delete_role", {}),
        ("put_role_policy", {"PolicyName": "p", "PolicyDocument": "{}"}),
        ("delete_role_policy", {"PolicyName": "p"}),
        ("attach_role_policy", {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        ("detach_role_policy", {"PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy"}),
        ("update_assume_role_policy", {"PolicyDocument": "{}"}),
        ("update_role", {"MaxSessionDuration": 7200}),
    ],
)
def test_only_the_service_can_modify_a_role(aws: EmbeddedAws, operation: str, arguments: dict[str, Any]) -> None:
    iam = aws.client("iam")
    iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    code, message, status = _rejection(getattr(iam, operation), RoleName=_SSM, **arguments)
    assert (code, status) == ("UnmodifiableEntity", 400)
    assert _SSM in message


def test_only_description_and_tags_can_be_edited(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    iam.update_role(RoleName=_SSM, Description="first")
    assert iam.get_role(RoleName=_SSM)["Role"]["Description"] == "first"
    assert iam.update_role_description(RoleName=_SSM, Description="second")["Role"]["Description"] == "second"
    iam.tag_role(RoleName=_SSM, Tags=[{"Key": "team", "Value": "blue"}])
    assert iam.list_role_tags(RoleName=_SSM)["Tags"] == [{"Key": "team", "Value": "blue"}]


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_the_managed_policy_cannot_be_attached_to_other_principals(aws: EmbeddedAws, kind: str) -> None:
    iam = aws.client("iam")
    name = {f"{kind.capitalize()}Name": "mine"}
    getattr(iam, f"create_{kind}")(**name, **({"AssumeRolePolicyDocument": "{}"} if kind == "role" else {}))
    arn = "arn:aws:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy"
    assert _rejection(getattr(iam, f"attach_{kind}_policy"), **name, PolicyArn=arn) == (
        "PolicyNotAttachable",
        "Cannot attach a Service Role Policy to a Customer Role.",
        400,
    )


@pytest.mark.parametrize(
    "policy",
    [
        "AmazonSSMManagedInstanceCore",
        "AmazonSSMDirectoryServiceAccess",
        "CloudWatchAgentServerPolicy",
        "AmazonSSMPatchAssociation",
        "service-role/AmazonSSMAutomationRole",
        "service-role/AmazonSSMMaintenanceWindowRole",
    ],
)
def test_managed_policies_for_managed_nodes_can_be_attached(aws: EmbeddedAws, policy: str) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="Node", AssumeRolePolicyDocument="{}")
    arn = f"arn:aws:iam::aws:policy/{policy}"
    iam.attach_role_policy(RoleName="Node", PolicyArn=arn)
    (attached,) = iam.list_attached_role_policies(RoleName="Node")["AttachedPolicies"]
    assert attached == {"PolicyName": policy.rpartition("/")[2], "PolicyArn": arn}
