from __future__ import annotations

from typing import Any

import pytest

from ssm_roles.audit.engine import read_template
from ssm_roles.audit.report.permission_words import managed_policy_words, permissions
from ssm_roles.audit.report.words import plain

OWN = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}"
SSM = "ssm.amazonaws.com"


def told(*statements: dict[str, Any]) -> list[str]:
    policy = {"PolicyName": "P", "PolicyDocument": {"Statement": list(statements)}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}}
    template = read_template({"Resources": {"Role": role, "Topic": {"Type": "AWS::SNS::Topic"}}})
    found = permissions((each for _, each in template.roles["Role"].statements), template.resources)
    return [
        f"{'never: ' if each.is_denied else ''}{', '.join(map(plain, (each.words, *each.conditions)))}"
        for each in found
    ]


def allow(actions: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": actions, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("ssm:GetParameter"), "Read every Parameter Store parameter of the account"),
        (
            allow("ssm:GetParameters", {"Fn::Sub": f"{OWN}:parameter/*"}),
            "Read every Parameter Store parameter of the account",
        ),
        (
            allow("ssm:GetParameters", {"Fn::Sub": f"{OWN}:parameter/a"}),
            "Read the Parameter Store parameter parameter/a",
        ),
        (
            allow("ssm:GetParameters", {"Fn::Sub": f"{OWN}:parameter/a/*"}),
            "Read the Parameter Store parameters parameter/a/*",
        ),
        (
            allow("ssm:GetParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/a"),
            "Read the Parameter Store parameter arn:aws:ssm:eu-west-1:111122223333:parameter/a",
        ),
        (allow(["ec2:StartInstances", "ec2:StopInstances"]), "Start and stop every EC2 instance of the account"),
        (allow("sns:Publish", {"Ref": "Topic"}), "Publish to the Amazon SNS topic Topic"),
        (
            allow("sns:Publish", [{"Ref": "Topic"}, {"Ref": "Other"}]),
            "Publish to the Amazon SNS topics Topic and Other",
        ),
        (
            allow(["ssm:UpdateInstanceInformation", "ec2messages:GetMessages"]),
            "As a managed node: report its state and receive commands",
        ),
        (allow("ssm:PutInventory"), "As a managed node: report inventory"),
        (
            allow("ssm:SendCommand", {"Fn::Sub": f"{OWN}:document/a"}),
            "Run commands with or on document/a",
        ),
        (
            allow(["ssm:CreateAssociation", "ssm:DeleteAssociation"], {"Fn::Sub": f"{OWN}:document/a"}),
            "Create and delete State Manager associations with or on document/a",
        ),
        (
            allow(["ssm:CreateAssociation", "ssm:UpdateAssociation"]),
            "Create and update every State Manager association on every managed node",
        ),
        (
            allow(["cloudformation:CreateStack", "cloudformation:DeleteStack"]),
            "Create and delete every CloudFormation stack",
        ),
        (
            allow(["cloudformation:CreateStack", "cloudformation:UpdateStack", "cloudformation:DeleteStack"]),
            "Create, update and delete every CloudFormation stack",
        ),
        (allow(["kms:Encrypt", "kms:Decrypt"]), "Encrypt and decrypt with every KMS key"),
        (
            allow(["kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"]),
            "Encrypt, re-encrypt and generate data keys with every KMS key",
        ),
        (
            allow(["logs:CreateLogStream", "logs:PutLogEvents"]),
            "Add log streams and write to every CloudWatch Logs log group",
        ),
        (allow("logs:PutLogEvents"), "Write to every CloudWatch Logs log group"),
        (
            allow(["iam:PutRolePolicy", "iam:DeleteRolePolicy"]),
            "Write inline policies and delete inline policies of every IAM role of the account",
        ),
        (allow("ssm:*"), "Do everything in Systems Manager"),
        (allow("ssm:*", {"Fn::Sub": f"{OWN}:document/a"}), "Do everything in Systems Manager, on document/a"),
        (allow("*"), "Do everything in the account"),
        (allow("ec2:Describe*"), "Amazon EC2: read"),
        (allow(["ec2:DescribeImages", "ec2:CreateTags", "ec2:ModifyHosts"]), "Amazon EC2: read, change, tag"),
        (allow("nosuch:Thing"), "nosuch: change"),
        (allow("iam:PassRole"), "Pass every role of the account to any service"),
        (
            allow(
                "iam:PassRole",
                {"Fn::GetAtt": ["Role", "Arn"]},
                Condition={"StringEquals": {"iam:PassedToService": SSM}},
            ),
            "Pass the role Role to Systems Manager",
        ),
        (
            allow("iam:PassRole", Condition={"StringNotEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
            "Pass every role of the account to every service but ec2.amazonaws.com",
        ),
        (
            allow("ssm:SendCommand", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
            "Run every command document on every managed node, in the Region eu-west-1",
        ),
        (
            {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"},
            "Do everything but iam:*",
        ),
        (
            {"Effect": "Allow", "Action": "ssm:GetParameter", "NotResource": f"{OWN}:parameter/a"},
            f"Read every Parameter Store parameter of the account, but not {OWN}:parameter/a",
        ),
        (allow("sqs:SendMessage", "*", "Deny"), "never: Send messages to every Amazon SQS queue"),
    ],
)
def test_a_statement_is_told_in_words(statement: dict[str, Any], expected: str) -> None:
    assert told(statement) == [expected]


def test_verbs_with_and_without_an_object_are_apart() -> None:
    assert told(allow(["iam:CreateRole", "iam:AttachRolePolicy", "iam:DeleteRole", "iam:PassRole"])) == [
        "Create and delete every IAM role of the account",
        "Attach policies to every IAM role of the account",
        "Pass every role of the account to any service",
    ]


def test_the_same_permission_of_several_statements_is_told_once() -> None:
    template = told(allow("ssm:GetParameter"), allow("ssm:GetParametersByPath"))
    assert template == ["Read every Parameter Store parameter of the account"]


def test_what_is_denied_comes_last() -> None:
    assert told(allow("ssm:*", "*", "Deny"), allow("*"))[-1] == "never: Do everything in Systems Manager"


def policy_words(*arns: Any) -> list[tuple[str, int, bool]]:
    role = {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": list(arns)}}
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {"Statement": [allow("ssm:*")]}}}
    template = read_template({"Resources": {"Role": role, "Policy": policy}})
    found = managed_policy_words(template.roles["Role"].managed, template.resources)
    return [(each.name, len(each.phrases), each.page is not None) for each in found]


def test_a_policy_of_aws_is_told_by_what_it_allows() -> None:
    own = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonSSMAutomationRole"}
    assert policy_words(own, "arn:aws-cn:iam::aws:policy/AmazonSSMManagedInstanceCore") == [
        ("AmazonSSMAutomationRole", 4, True),
        ("AmazonSSMManagedInstanceCore", 2, True),
    ]


def test_an_unknown_policy_of_aws_has_a_page() -> None:
    assert policy_words("arn:aws:iam::aws:policy/AmazonBraketFullAccess") == [("AmazonBraketFullAccess", 0, True)]


def test_another_policy_is_named_only() -> None:
    assert policy_words("arn:aws:iam::111122223333:policy/Own") == [("arn:aws:iam::111122223333:policy/Own", 0, False)]


def test_a_policy_of_the_template_is_told_by_its_statements() -> None:
    assert policy_words({"Ref": "Policy"}) == []
