from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, Duration, Environment, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from ssm_roles import RunCommandNotificationRole
from tests.unit.conftest import Refused
from tests.unit.policy_engine import OTHER_ACCOUNT, deployed_roles, unknown_to_iam
from tests.unit.templates import ACCOUNT, case_id, logical_id, managed_policy, only, resources, statements

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}},
    ],
}
TOPIC_ARN = f"arn:aws:sns:eu-central-1:{ACCOUNT}:patching"
KEY_ARN = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def notification_role(stack: Stack, *topics: sns.ITopic, **arguments: Any) -> RunCommandNotificationRole:
    found = [sns.Topic(stack, "Topic")] if not topics else list(topics)
    return RunCommandNotificationRole(stack, "Notifications", topics=found, **arguments)


def publish(*topic_ids: str) -> dict[str, Any]:
    references = [{"Ref": id} for id in topic_ids]
    return {
        "Action": "sns:Publish",
        "Effect": "Allow",
        "Resource": references[0] if len(references) == 1 else references,
    }


# The four that every construct has


def test_a_minimal_definition_is_a_role_that_publishes_to_the_topic(stack: Stack) -> None:
    topic = sns.Topic(stack, "Topic")
    role = notification_role(stack, topic)
    assert resources(stack, "AWS::IAM::Role") == {
        logical_id(role): {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
    }
    assert statements(stack) == [publish(logical_id(topic))]
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]
    assert resources(stack, "AWS::SNS::TopicPolicy") == {}


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    boundary = iam.ManagedPolicy.from_aws_managed_policy_name("PowerUserAccess")
    topics = [sns.Topic(stack, "One"), sns.Topic(stack, "Two")]
    notification_role(
        stack,
        *topics,
        role_name="Notifications",
        path="/run-command/",
        description="Notifies about commands",
        permissions_boundary=boundary,
        max_session_duration=Duration.hours(2),
    )
    assert only(stack, "AWS::IAM::Role") == {
        "AssumeRolePolicyDocument": TRUST,
        "RoleName": "Notifications",
        "Path": "/run-command/",
        "Description": "Notifies about commands",
        "PermissionsBoundary": managed_policy("PowerUserAccess"),
        "MaxSessionDuration": 7200,
    }
    assert statements(stack) == [publish(*map(logical_id, topics))]


def test_it_is_granted_what_a_bucket_grants(stack: Stack) -> None:
    role = notification_role(stack)
    s3.Bucket(stack, "Bucket").grant_read(role)
    assert only(stack, "AWS::IAM::Policy")["Roles"] == [{"Ref": logical_id(role)}]
    assert statements(stack)[-1]["Action"] == ["s3:GetObject*", "s3:GetBucket*", "s3:List*"]


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("topics", {"topics": []}),
        ("topics", {"topics": None}),
        ("topics", {"topics": TOPIC_ARN}),
        ("topics", {"topics": [TOPIC_ARN]}),
        ("role_name", {"role_name": "no blanks"}),
        ("path", {"path": "run-command"}),
        ("description", {"description": "d" * 1001}),
        ("permissions_boundary", {"permissions_boundary": "PowerUserAccess"}),
        ("max_session_duration", {"max_session_duration": 3600}),
    ],
    ids=case_id,
)
def test_invalid_input_is_rejected_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    topic = sns.Topic(stack, "Topic")
    refused(
        lambda: RunCommandNotificationRole(stack, "Notifications", **{"topics": [topic], **arguments}),
        argument,
        tree=stack,
    )
    notification_role(stack, topic)
    assert len(resources(stack, "AWS::IAM::Role")) == 1


# Topics


def test_a_duplicate_topic_is_rejected(stack: Stack, refused: Refused) -> None:
    topic = sns.Topic(stack, "Topic")
    refused(lambda: notification_role(stack, topic, topic), "topics", tree=stack)


def test_a_fifo_topic_is_rejected_because_run_command_does_not_support_it(stack: Stack, refused: Refused) -> None:
    made = sns.Topic(stack, "Made", fifo=True)
    named = sns.Topic.from_topic_arn(stack, "Named", f"{TOPIC_ARN}.fifo")
    for topic in (made, named):
        assert "FIFO" in refused(lambda topic=topic: notification_role(stack, topic), "topics", tree=stack)


def test_a_value_that_is_not_a_topic_is_rejected(stack: Stack, refused: Refused) -> None:
    topic, bucket = sns.Topic(stack, "Topic"), s3.Bucket(stack, "Bucket")
    for wrong in (bucket, kms.Key(stack, "Key"), None, 5, stack):
        refused(
            lambda wrong=wrong: RunCommandNotificationRole(stack, "Notifications", topics=[topic, wrong]),
            "topics",
            tree=stack,
        )


def test_the_role_can_use_the_key_of_a_topic_as_aws_documents_and_no_other_key(stack: Stack) -> None:
    key = kms.Key(stack, "Key")
    encrypted, plain = sns.Topic(stack, "Encrypted", master_key=key), sns.Topic(stack, "Plain")
    notification_role(stack, encrypted, plain)
    assert statements(stack) == [
        publish(logical_id(encrypted), logical_id(plain)),
        {
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Effect": "Allow",
            "Resource": {"Fn::GetAtt": [logical_id(key), "Arn"]},
        },
    ]


def test_an_imported_topic_has_the_key_that_it_was_given(stack: Stack) -> None:
    topic = sns.Topic.from_topic_attributes(stack, "Topic", topic_arn=TOPIC_ARN, key_arn=KEY_ARN)
    notification_role(stack, topic)
    assert [each["Resource"] for each in statements(stack)] == [TOPIC_ARN, KEY_ARN]


def stacks(account: str, region: str) -> tuple[Stack, Stack]:
    """Return the stack of the role, and a stack of another environment."""
    app = App()
    return (
        Stack(app, "Nodes", env=Environment(account=ACCOUNT, region="eu-central-1")),
        Stack(app, "Central", env=Environment(account=account, region=region)),
    )


def test_a_key_in_a_stack_of_another_account_is_rejected_because_it_would_become_every_key(refused: Refused) -> None:
    nodes, central = stacks(OTHER_ACCOUNT, "eu-central-1")
    topic = sns.Topic(central, "Topic", topic_name="central", master_key=kms.Key(central, "Key"))
    message = refused(lambda: notification_role(nodes, topic, role_name="Notifications"), "topics", tree=nodes)
    assert f"Central/Key of account {OTHER_ACCOUNT}" in message
    assert "kms.Key.from_key_arn" in message


def test_a_key_of_another_account_with_a_known_arn_is_the_only_key() -> None:
    nodes, central = stacks(OTHER_ACCOUNT, "eu-central-1")
    theirs = KEY_ARN.replace(ACCOUNT, OTHER_ACCOUNT)
    key = kms.Key.from_key_arn(central, "Key", theirs)
    topic = sns.Topic(central, "Topic", topic_name="central", master_key=key)
    notification_role(nodes, topic, role_name="Notifications")
    _, allowed = statements(nodes)
    assert allowed == {"Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Effect": "Allow", "Resource": theirs}


def test_a_key_of_another_region_is_the_only_key() -> None:
    app = App()
    nodes, central = (
        Stack(app, name, env=Environment(account=ACCOUNT, region=region), cross_region_references=True)
        for name, region in (("Nodes", "eu-central-1"), ("Central", "eu-west-1"))
    )
    topic = sns.Topic(central, "Topic", topic_name="central", master_key=kms.Key(central, "Key"))
    role = notification_role(nodes, topic)
    policies = resources(nodes, "AWS::IAM::Policy")
    (policy,) = (each["Properties"] for each in policies.values() if each["Properties"]["Roles"] == [ref(role)])
    _, allowed = policy["PolicyDocument"]["Statement"]
    assert allowed["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert "/cdk/exports/Nodes/Centraleuwest1FnGetAttKey" in str(allowed["Resource"])
    assert '"Resource": "*"' not in json.dumps(policy)


def test_a_key_whose_arn_is_a_token_is_the_only_key() -> None:
    nodes, _ = stacks(OTHER_ACCOUNT, "eu-central-1")
    key_arn = Fn.import_value("TopicKey")
    notification_role(nodes, sns.Topic.from_topic_attributes(nodes, "Topic", topic_arn=TOPIC_ARN, key_arn=key_arn))
    assert [each["Resource"] for each in statements(nodes)] == [TOPIC_ARN, {"Fn::ImportValue": "TopicKey"}]


@pytest.mark.parametrize("name", ["alias/topics", "alias/aws/sns"])
def test_an_alias_is_rejected_because_iam_policies_name_keys(name: str, stack: Stack, refused: Refused) -> None:
    topic = sns.Topic(stack, "Topic", master_key=kms.Alias.from_alias_name(stack, "Alias", name))
    assert f"got an alias: 'arn:*:kms:*:*:{name}'" in refused(
        lambda: notification_role(stack, topic), "topics[0].master_key", tree=stack
    )


def test_an_alias_of_this_app_or_with_a_known_arn_is_rejected(stack: Stack, refused: Refused) -> None:
    plain = sns.Topic(stack, "Plain")
    alias = kms.Key(stack, "Key").add_alias("alias/topics")
    made = sns.Topic(stack, "Made", master_key=alias)
    alias_arn = KEY_ARN.replace("key/", "alias/")
    named = sns.Topic.from_topic_attributes(stack, "Named", topic_arn=TOPIC_ARN, key_arn=alias_arn)
    for topic in (made, named):
        message = refused(
            lambda topic=topic: notification_role(stack, plain, topic), "topics[1].master_key", tree=stack
        )
        assert "got an alias" in message


def ref(role: RunCommandNotificationRole) -> dict[str, str]:
    return {"Ref": logical_id(role)}


# What the role can do, and which principals pass it


def test_the_role_can_publish_to_its_topics_and_do_nothing_else(stack: Stack) -> None:
    named = sns.Topic.from_topic_attributes(stack, "Topic", topic_arn=TOPIC_ARN, key_arn=KEY_ARN)
    notification_role(stack, named)
    (role,) = deployed_roles(stack).values()
    assert role.may("sns:Publish", TOPIC_ARN)
    assert not role.may("sns:Publish", f"{TOPIC_ARN}-2")
    assert not role.may("sns:Subscribe", TOPIC_ARN)
    assert role.may("kms:GenerateDataKey", KEY_ARN)
    assert not role.may("kms:GenerateDataKeyPair", KEY_ARN)
    assert not role.may("kms:Decrypt", KEY_ARN.replace("1234abcd", "9999abcd"))
    assert not role.may("iam:PassRole", role.arn, iam__PassedToService="ssm.amazonaws.com")
    assert unknown_to_iam(role) == []


def test_the_principal_that_sends_commands_can_pass_the_role_to_systems_manager_only(stack: Stack) -> None:
    role = notification_role(stack, sns.Topic.from_topic_arn(stack, "Topic", TOPIC_ARN))
    role.grant_pass_role(iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal()))
    roles = deployed_roles(stack)
    notifications = roles[logical_id(role)]
    (operator,) = (each for id, each in roles.items() if id.startswith("Operator"))
    assert operator.may("iam:PassRole", notifications.arn, iam__PassedToService="ssm.amazonaws.com")
    assert not operator.may("iam:PassRole", notifications.arn, iam__PassedToService="sns.amazonaws.com")
    assert not operator.may("sns:Publish", TOPIC_ARN)
