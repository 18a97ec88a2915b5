from __future__ import annotations

import pytest

from ssm_roles.audit.account.as_template import as_templates
from ssm_roles.audit.account.model import Identity, RoleUse
from ssm_roles.audit.roles import RoleKind

from .accounts import (
    ACCOUNT,
    CORE,
    REGION,
    account,
    activation,
    allow,
    document,
    group,
    inline,
    managed,
    nodes_role,
    role,
    trust,
    user,
)

PASS = allow("iam:PassRole", resource=f"arn:aws:iam::{ACCOUNT}:role/Nodes")


def resources(*identities: Identity, uses: tuple[RoleUse, ...] = ()) -> dict[str, object]:
    (template,) = as_templates(account(*identities, uses=uses))
    found = template.body["Resources"]
    assert isinstance(found, dict)
    assert set(found) <= set(template.arns)
    return found


def test_a_role_is_a_resource_with_everything_that_was_read_of_it() -> None:
    own = managed("Own", allow("s3:*"))
    nodes = role("Nodes", trust("ssm.amazonaws.com"), CORE, own, inline("Inline", allow("ssm:*")), boundary=own)
    assert resources(nodes) == {
        "Nodes": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "Nodes",
                "Path": "/",
                "AssumeRolePolicyDocument": trust("ssm.amazonaws.com"),
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", {"Ref": "Own"}],
                "Policies": [{"PolicyName": "Inline", "PolicyDocument": document(allow("ssm:*"))}],
                "PermissionsBoundary": {"Ref": "Own"},
            },
        },
        "Own": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": "Own", "PolicyDocument": document(allow("s3:*"))},
        },
    }


def test_arns_of_roles_become_references() -> None:
    found = resources(nodes_role(), user("operator", inline("Pass", PASS)))
    policy = found["operator"]["Properties"]["Policies"][0]  # type: ignore[index]
    assert policy["PolicyDocument"]["Statement"][0]["Resource"] == {"Fn::GetAtt": ["Nodes", "Arn"]}


def test_an_instance_profile_refers_to_its_role() -> None:
    found = resources(role("Instances", trust("ec2.amazonaws.com"), CORE, instance_profiles=("Instances",)))
    assert found["Instances-profile"] == {
        "Type": "AWS::IAM::InstanceProfile",
        "Properties": {"InstanceProfileName": "Instances", "Roles": [{"Ref": "Instances"}]},
    }


def test_names_that_are_no_logical_ids_or_that_are_taken_are_changed() -> None:
    found = resources(nodes_role("team.Nodes"), nodes_role("team-Nodes"), user("team.Nodes", inline("Pass", PASS)))
    assert set(found) == {"team-Nodes", "team-Nodes-2", "team-Nodes-3"}


@pytest.mark.parametrize(
    "identity",
    [
        role("Lambda", trust("lambda.amazonaws.com"), inline("Logs", allow("logs:*"))),
        role("Instances", trust("ec2.amazonaws.com")),
        user("reader", inline("Read", allow("s3:GetObject"))),
        group("Readers", managed("Unknown")),
    ],
    ids=lambda identity: str(identity.name),
)
def test_identities_that_cannot_concern_systems_manager_are_left_out(identity: Identity) -> None:
    assert resources(identity) == {}


def test_the_kinds_of_roles_are_known_from_their_use() -> None:
    (template,) = as_templates(account(role("Nodes", trust("lambda.amazonaws.com")), activations=[activation()]))
    assert template.known == {"Nodes": frozenset({RoleKind.HYBRID})}


@pytest.mark.parametrize(
    ("arn", "properties"),
    [
        ("", {}),
        (f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM", None),
    ],
)
def test_a_task_without_a_role_of_its_own_is_a_resource(arn: str, properties: dict[str, str] | None) -> None:
    use = RoleUse(REGION, arn, RoleKind.MAINTENANCE_WINDOW, "task patch of mw-0")
    (task,) = resources(uses=(use,)).values()
    assert task == {
        "Type": "AWS::SSM::MaintenanceWindowTask",
        "Properties": {"ServiceRoleArn": arn} if properties is None else properties,
    }


def test_a_task_with_a_role_of_its_own_is_no_resource() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/Tasks"
    assert resources(uses=(RoleUse(REGION, arn, RoleKind.MAINTENANCE_WINDOW, "task patch of mw-0"),)) == {}


def test_many_identities_are_in_several_templates_with_the_roles_of_systems_manager_in_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ssm_roles.audit.account.as_template._MOST_OTHERS", 2)
    users = [user(f"user{index}", inline("Pass", PASS)) for index in range(5)]
    templates = [set(each.body["Resources"]) for each in as_templates(account(nodes_role(), *users))]
    assert templates == [
        {"Nodes", "user0", "user1"},
        {"Nodes", "user2", "user3"},
        {"Nodes", "user4"},
    ]


def test_an_account_whose_identities_could_not_be_read_has_no_templates() -> None:
    assert [*as_templates(account(readable=False))] == []
