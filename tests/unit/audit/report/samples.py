"""Templates with a number of roles, as teams write them, for drawings and pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

ACCOUNT = {"Ref": "AWS::AccountId"}

_TEAMS = ("Payments", "Search", "WebFrontend", "DataPlatform", "Identity", "Warehouse", "Analytics", "EdgeDelivery")


def arn(service: str, resource: str) -> dict[str, str]:
    region = "" if service in ("iam", "s3") else "${AWS::Region}"
    account = "" if service == "s3" else "${AWS::AccountId}"
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:{region}:{account}:{resource}"}


def aws_policy(name: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::aws:policy/{name}"}


def trust(principal: dict[str, Any], condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition is not None:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def allow(actions: Sequence[str], resource: Any, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    if condition is not None:
        statement["Condition"] = condition
    return statement


def role(trusted: dict[str, Any], *statements: dict[str, Any], managed: Sequence[str] = ()) -> dict[str, Any]:
    policy = {"PolicyName": "Own", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": trusted,
            "ManagedPolicyArns": [aws_policy(each) for each in managed],
            **({"Policies": [policy]} if statements else {}),
        },
    }


def to_systems_manager(resource: str) -> dict[str, Any]:
    return trust(
        {"Service": "ssm.amazonaws.com"},
        {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": arn("ssm", resource)}},
    )


def hybrid() -> dict[str, Any]:
    bucket = allow(["s3:PutObject"], arn("s3", "session-logs/*"))
    return role(
        to_systems_manager("*"), bucket, managed=["AmazonSSMManagedInstanceCore", "CloudWatchAgentServerPolicy"]
    )


def open_hybrid() -> dict[str, Any]:
    return role(trust({"Service": "ssm.amazonaws.com"}), managed=["AmazonSSMManagedInstanceCore"])


def automation() -> dict[str, Any]:
    return role(
        to_systems_manager("automation-execution/*"),
        allow(["ssm:SendCommand"], arn("ssm", "document/AWS-RunPatchBaseline")),
        allow(["ec2:StopInstances", "ec2:StartInstances", "ec2:DescribeInstances"], "*"),
    )


def window() -> dict[str, Any]:
    return role(
        trust({"Service": "ssm.amazonaws.com"}),
        allow(["ssm:StartAutomationExecution"], arn("ssm", "automation-definition/MyTeam-Patch:*")),
        managed=["service-role/AmazonSSMMaintenanceWindowRole"],
    )


def notification() -> dict[str, Any]:
    return role(trust({"Service": "ssm.amazonaws.com"}), allow(["sns:Publish"], {"Ref": "Topic"}))


def instance() -> dict[str, Any]:
    return role(
        trust({"Service": "ec2.amazonaws.com"}),
        allow(["ssm:GetParameter*"], arn("ssm", "parameter/web/*")),
        managed=["AmazonSSMManagedEC2InstanceDefaultPolicy"],
    )


def shared() -> dict[str, Any]:
    other = {"AWS": ["arn:aws:iam::111122223333:root", {"Fn::GetAtt": ["DeployFunctionRole", "Arn"]}]}
    return role(trust(other), allow(["ssm:*"], "*"))


_KINDS = {
    "HybridNodeRole": hybrid,
    "PatchAutomationServiceRole": automation,
    "MaintenanceWindowRole": window,
    "RunCommandNotificationRole": notification,
    "WebServerInstanceRole": instance,
    "ImportedOnPremisesHybridRole": open_hybrid,
    "CentralOperationsRole": shared,
}


def names(count: int) -> Iterator[str]:
    kinds = [*_KINDS]
    for index in range(count):
        kind = kinds[index % len(kinds)]
        turn = index // len(kinds)
        number = "" if turn <= len(_TEAMS) else str(turn)
        yield kind if turn == 0 else f"{_TEAMS[(turn - 1) % len(_TEAMS)]}{kind}{number}"


def template(count: int) -> dict[str, Any]:
    """Return a template with a number of roles, and with principals that may pass some of them."""
    chosen = [*names(count)]
    resources: dict[str, Any] = {
        name: build() for name, build in zip(chosen, islice(cycle(_KINDS.values()), count), strict=True)
    }
    to_ssm = {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}
    first = {"Fn::GetAtt": [chosen[0], "Arn"]}
    resources["DeployFunctionPolicy"] = _policy("DeployFunctionRole", [allow(["iam:PassRole"], first, to_ssm)])
    if count > 2:
        runbooks = [{"Fn::GetAtt": [each, "Arn"]} for each in chosen if "Automation" in each]
        resources["WindowPolicy"] = _policy("MaintenanceWindowRole", [allow(["iam:PassRole"], runbooks, to_ssm)])
        resources["Operators"] = {
            "Type": "AWS::IAM::Group",
            "Properties": {
                "Policies": [
                    {
                        "PolicyName": "Pass",
                        "PolicyDocument": {"Statement": [allow(["iam:PassRole", "ssm:SendCommand"], "*", to_ssm)]},
                    }
                ]
            },
        }
        resources["Inventory"] = {
            "Type": "AWS::IAM::ServiceLinkedRole",
            "Properties": {"AWSServiceName": "ssm.amazonaws.com"},
        }
    return {"Resources": resources}


def _policy(role_name: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "Pass",
            "Roles": [role_name if role_name == "DeployFunctionRole" else {"Ref": role_name}],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
        },
    }
