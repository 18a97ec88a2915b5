from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Aws, CfnParameter, CfnResource, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from ssm_roles import CloudConnectorRoles, HybridServiceRole
from tests.unit.conftest import Refused
from tests.unit.policy_engine import OTHER_ACCOUNT, DeployedRole, deployed_roles, unknown_to_iam
from tests.unit.templates import (
    ACCOUNT,
    ANY_ACCOUNT,
    ANY_PARTITION,
    ANY_REGION,
    case_id,
    join,
    logical_id,
    managed_policy,
    new_stack,
    refusal_at_synth,
    resources,
    synthesized,
)

CONNECTOR_ID = "01234567-89ab-cdef-0123-456789abcdef"
OTHER_CONNECTOR_ID = "fedcba98-7654-3210-fedc-ba9876543210"


def arn(id: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [id, "Arn"]}


def roles_of(stack: Stack, name: str = "Production", **arguments: Any) -> CloudConnectorRoles:
    """Make the roles of a connector, whose machines have a role of the same stack."""
    return CloudConnectorRoles(
        stack, "Azure", connector_name=name, node_role=HybridServiceRole(stack, "Nodes"), **arguments
    )


def logical_ids(stack: Stack, roles: CloudConnectorRoles) -> list[str]:
    three = (roles.federation_role, roles.assume_role, roles.dispatch_role)
    return [stack.resolve(role.role_name)["Ref"] for role in three]


def trust(*statements: dict[str, Any]) -> dict[str, Any]:
    common = {"Action": "sts:AssumeRole", "Effect": "Allow"}
    return {"Version": "2012-10-17", "Statement": [{**common, **statement} for statement in statements]}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}


def attached_policies(stack: Stack) -> dict[str, list[dict[str, Any]]]:
    """Return the documents of the policies that are resources of their own, by the role's logical ID."""
    found: dict[str, list[dict[str, Any]]] = {}
    for policy in resources(stack, "AWS::IAM::Policy").values():
        (role,) = policy["Properties"]["Roles"]
        found.setdefault(role["Ref"], []).append(policy["Properties"]["PolicyDocument"])
    return found


OF_THE_ACCOUNT = trust(
    {
        "Principal": {"Service": "ssm.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": ANY_ACCOUNT}},
    }
)

DOCUMENT = join("arn:", ANY_PARTITION, ":ssm:", ANY_REGION, ":*:document/AWS-InstallSSMAgentOnAzure")
AUTOMATION = [
    DOCUMENT,
    join("arn:", ANY_PARTITION, ":ssm:", ANY_REGION, ":*:automation-definition/AWS-InstallSSMAgentOnAzure:1"),
    join("arn:", ANY_PARTITION, ":ssm:", ANY_REGION, ":", ANY_ACCOUNT, ":automation-execution/*"),
]


# The four that every construct has


def test_a_minimal_definition_is_three_roles_that_refer_to_each_other_by_their_arns(stack: Stack) -> None:
    roles = roles_of(stack)
    roles.add_connector("*")
    federation, assume, dispatch = logical_ids(stack, roles)
    found = {id: each["Properties"] for id, each in resources(stack, "AWS::IAM::Role").items() if "Nodes" not in id}
    (nodes,) = resources(stack, "AWS::IAM::Role").keys() - found.keys()
    assert found == {
        federation: {
            "RoleName": "SSM-AzureRole-Production",
            "Path": "/service-role/",
            "AssumeRolePolicyDocument": trust(
                {
                    "Principal": {"AWS": join("arn:", ANY_PARTITION, ":iam::", ANY_ACCOUNT, ":root")},
                    "Condition": {
                        "StringEquals": {"aws:PrincipalTag/caller": "SSM"},
                        "ArnLike": {"aws:PrincipalArn": [arn(assume), arn(dispatch)]},
                    },
                },
                {
                    "Principal": {"Service": "ssm.amazonaws.com"},
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": ANY_ACCOUNT},
                        "ArnLike": {
                            "aws:SourceArn": join("arn:", ANY_PARTITION, ":ssm:*:", ANY_ACCOUNT, ":cloud-connector/*")
                        },
                    },
                },
            ),
            "Policies": [
                {
                    "PolicyName": "CloudConnector",
                    "PolicyDocument": document(
                        {
                            "Action": ["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"],
                            "Resource": "*",
                            "Condition": {
                                "ForAnyValue:StringEquals": {
                                    "sts:IdentityTokenAudience": ["api://AzureADTokenExchange"]
                                }
                            },
                        }
                    ),
                }
            ],
        },
        assume: {
            "RoleName": "SSM-AzureAssumeRole-Production",
            "Path": "/service-role/",
            "Tags": [{"Key": "caller", "Value": "SSM"}],
            "AssumeRolePolicyDocument": OF_THE_ACCOUNT,
        },
        dispatch: {
            "RoleName": "SSM-AzureDispatchRole-Production",
            "Path": "/service-role/",
            "Tags": [{"Key": "caller", "Value": "SSM"}],
            "AssumeRolePolicyDocument": OF_THE_ACCOUNT,
        },
    }
    read_connectors = document(
        {
            "Action": "ssm:GetCloudConnector",
            "Resource": join("arn:", ANY_PARTITION, ":ssm:", ANY_REGION, ":", ANY_ACCOUNT, ":cloud-connector/*"),
        }
    )
    assert attached_policies(stack) == {
        assume: [
            document(
                {"Action": "sts:AssumeRole", "Resource": arn(federation)},
                {
                    "Action": "iam:PassRole",
                    "Resource": arn(nodes),
                    "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
                },
                {
                    "Action": [
                        "ssm:CreateActivation",
                        "ssm:DeleteActivation",
                        "ssm:DescribeActivations",
                        "ssm:DescribeInstanceInformation",
                    ],
                    "Resource": "*",
                },
                {
                    "Action": "ssm:AddTagsToResource",
                    "Resource": [
                        *(
                            join("arn:", ANY_PARTITION, ":ssm:", ANY_REGION, ":", ANY_ACCOUNT, f":{kind}/*")
                            for kind in ("activation", "managed-instance")
                        ),
                        arn(nodes),
                    ],
                },
                {"Action": "iam:ListRoleTags", "Resource": arn(federation)},
                {"Action": "ssm:GetDocument", "Resource": DOCUMENT},
            ),
            read_connectors,
        ],
        dispatch: [
            document(
                {
                    "Action": "iam:PassRole",
                    "Resource": arn(assume),
                    "Condition": {
                        "StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"},
                        "ArnLike": {"iam:AssociatedResourceARN": AUTOMATION},
                    },
                },
                {"Action": "ssm:StartAutomationExecution", "Resource": AUTOMATION},
                {"Action": "sts:AssumeRole", "Resource": arn(federation)},
                {"Action": ["ssm:DescribeInstanceInformation", "ssm:ListCloudConnectors"], "Resource": "*"},
                {"Action": "iam:ListRoleTags", "Resource": [arn(federation), arn(assume)]},
            ),
            read_connectors,
        ],
    }
    assert len(synthesized(stack)["Resources"]) == 8


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    boundary = iam.ManagedPolicy.from_aws_managed_policy_name("PowerUserAccess")
    roles = roles_of(stack, permissions_boundary=boundary)
    roles.add_connector(CONNECTOR_ID)
    found = resources(stack, "AWS::IAM::Role")
    for role in logical_ids(stack, roles):
        assert found[role]["Properties"]["PermissionsBoundary"] == managed_policy("PowerUserAccess")


def test_each_is_granted_what_a_bucket_grants(stack: Stack) -> None:
    roles = roles_of(stack)
    roles.add_connector("*")
    bucket = s3.Bucket(stack, "Bucket")
    for role in (roles.federation_role, roles.assume_role, roles.dispatch_role):
        bucket.grant_read(role)
    readers = {
        id
        for id, documents in attached_policies(stack).items()
        if any("s3:GetObject*" in each["Action"] for document in documents for each in document["Statement"])
    }
    assert readers == set(logical_ids(stack, roles))


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("connector_name", {"connector_name": ""}),
        ("connector_name", {"connector_name": "n" * 43}),
        ("connector_name", {"connector_name": "with blanks"}),
        ("connector_name", {"connector_name": "a/path"}),
        ("connector_name", {"connector_name": "dot.ted"}),
        ("connector_name", {"connector_name": None}),
        ("node_role", {"node_role": "service-role/AmazonEC2RunCommandRoleForManagedInstances"}),
        ("node_role", {"node_role": None}),
        ("permissions_boundary", {"permissions_boundary": "PowerUserAccess"}),
    ],
    ids=case_id,
)
def test_invalid_input_is_refused_and_leaves_nothing_behind(
    argument: str, arguments: dict[str, Any], stack: Stack, refused: Refused
) -> None:
    good: dict[str, Any] = {"connector_name": "Production", "node_role": HybridServiceRole(stack, "Nodes")}
    refused(lambda: CloudConnectorRoles(stack, "Azure", **{**good, **arguments}), argument, tree=stack)
    CloudConnectorRoles(stack, "Azure", **good).add_connector("*")
    assert len(resources(stack, "AWS::IAM::Role")) == 4


# Names


def test_a_role_that_is_defined_by_hand_may_be_the_node_role(stack: Stack) -> None:
    by_hand = iam.Role(stack, "ByHand", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    CloudConnectorRoles(stack, "Azure", connector_name="A", node_role=by_hand).add_connector("*")
    roles = deployed_roles(stack)
    (assume,) = (each for each in roles.values() if each.arn == ASSUME_ARN)
    nodes = roles[logical_id(by_hand)]
    assert assume.may("iam:PassRole", nodes.arn, **TO_SSM)
    assert not assume.may("iam:PassRole", nodes.arn, iam__PassedToService="ec2.amazonaws.com")
    assert not assume.may("iam:PassRole", NODES_ARN, **TO_SSM)
    assert nodes.policies == []


@pytest.mark.parametrize(
    ("role_arn", "got"),
    [
        (f"arn:aws:iam::{OTHER_ACCOUNT}:role/Nodes", f"got a role of {OTHER_ACCOUNT}"),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/Nodes", "got 'arn:aws-cn:iam::"),
        (
            f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM",
            "got a service-linked role",
        ),
    ],
)
def test_a_role_that_no_machine_of_the_account_can_have_is_no_node_role(
    role_arn: str, got: str, refused: Refused
) -> None:
    stack = new_stack(region="eu-central-1")
    role = iam.Role.from_role_arn(stack, "Nodes", role_arn)
    message = refused(
        lambda: CloudConnectorRoles(stack, "Azure", connector_name="A", node_role=role), "node_role", tree=stack
    )
    assert got in message


def test_no_role_can_be_outside_the_path_that_its_trust_policy_names(stack: Stack) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'path'"):
        roles_of(stack, path="/platform/")


def test_the_longest_name_makes_the_longest_role_name_that_iam_allows(stack: Stack) -> None:
    roles_of(stack, "n" * 42).add_connector("*")
    names = [each["Properties"].get("RoleName", "") for each in resources(stack, "AWS::IAM::Role").values()]
    assert max(map(len, names)) == 64


def test_a_name_known_at_deploy_time_only_is_accepted(stack: Stack) -> None:
    name = CfnParameter(stack, "Name").value_as_string
    roles_of(stack, name).add_connector("*")
    names = [each["Properties"].get("RoleName") for each in resources(stack, "AWS::IAM::Role").values()]
    assert join("SSM-AzureRole-", {"Ref": "Name"}) in names


def test_a_tag_of_the_stack_does_not_take_the_place_of_the_one_that_the_trust_policy_wants(stack: Stack) -> None:
    roles = roles_of(stack)
    roles.add_connector("*")
    Tags.of(stack).add("caller", "platform")
    Tags.of(stack).add("team", "platform")
    found = resources(stack, "AWS::IAM::Role")
    for role in logical_ids(stack, roles)[1:]:
        assert {"Key": "caller", "Value": "SSM"} in found[role]["Properties"]["Tags"]


# The connector


def test_a_connector_of_the_same_stack_is_no_cycle(stack: Stack) -> None:
    roles = roles_of(stack)
    connector = CfnResource(
        stack, "Connector", type="AWS::SSM::CloudConnector", properties={"RoleArn": roles.federation_role.role_arn}
    )
    roles.add_connector(connector.get_att("CloudConnectorId").to_string())
    template = synthesized(stack)["Resources"]
    federation, assume, dispatch = logical_ids(stack, roles)
    # Its trust policy names the other two.
    assert dependencies(template, "Connector") == {federation, assume, dispatch}
    assert dependencies(template, federation) == {assume, dispatch}
    assert dependencies(template, assume) == dependencies(template, dispatch) == set()
    read_the_connector = document(
        {
            "Action": "ssm:GetCloudConnector",
            "Resource": join(
                "arn:",
                ANY_PARTITION,
                ":ssm:",
                ANY_REGION,
                ":",
                ANY_ACCOUNT,
                ":cloud-connector/",
                {"Fn::GetAtt": ["Connector", "CloudConnectorId"]},
            ),
        }
    )
    attached = attached_policies(stack)
    assert attached.keys() == {assume, dispatch}
    for own, reader in attached.values():
        assert "ssm:GetCloudConnector" not in str(own)
        assert reader == read_the_connector


def test_no_resource_depends_on_itself(stack: Stack) -> None:
    roles = roles_of(stack)
    roles.add_connector("*")
    template = synthesized(stack)["Resources"]
    for id in template:
        assert id not in dependencies(template, id)


def dependencies(template: dict[str, Any], id: str) -> set[str]:
    """Find what a resource comes after, at any distance."""

    def named(part: Any) -> set[str]:
        if isinstance(part, dict):
            direct = {part["Ref"]} if "Ref" in part else {part["Fn::GetAtt"][0]} if "Fn::GetAtt" in part else set()
            return direct.union(*(named(value) for value in part.values()))
        return set().union(*(named(each) for each in part)) if isinstance(part, list) else set()

    found: set[str] = set()
    open_ids = {id}
    while open_ids:
        open_ids = {each for one in open_ids for each in named(template[one]) & template.keys()} - found
        found |= open_ids
    return found


def test_roles_without_a_connector_are_refused_at_synth(stack: Stack) -> None:
    roles_of(stack)
    assert "[Stack/Azure] add_connector must be called with the ID of a connector, or with '*'" in refusal_at_synth(
        stack
    )


@pytest.mark.parametrize(
    "id",
    ["", "**", CONNECTOR_ID.upper(), CONNECTOR_ID[:-1], f"{CONNECTOR_ID}0", "Production", None, f"*{CONNECTOR_ID}"],
)
def test_what_is_no_connector_s_id_is_refused(id: Any, stack: Stack, refused: Refused) -> None:
    roles = roles_of(stack)
    refused(lambda: roles.add_connector(id), "cloud_connector_id")
    assert "add_connector must be called" in refusal_at_synth(stack)


# Permissions

SSM = "arn:aws:ssm:eu-central-1"
AZURE_DOCUMENT = f"{SSM}::document/AWS-InstallSSMAgentOnAzure"
EXECUTION = f"{SSM}:{ACCOUNT}:automation-execution/01234567"
ROLES = f"arn:aws:iam::{ACCOUNT}:role/service-role/SSM-Azure"
FEDERATION_ARN, ASSUME_ARN, DISPATCH_ARN = f"{ROLES}Role-A", f"{ROLES}AssumeRole-A", f"{ROLES}DispatchRole-A"
NODES_ARN = f"arn:aws:iam::{ACCOUNT}:role/service-role/AmazonEC2RunCommandRoleForManagedInstances"
TO_SSM = {"iam__PassedToService": "ssm.amazonaws.com"}
FOR_THE_RUNBOOK = {**TO_SSM, "iam__AssociatedResourceARN": AZURE_DOCUMENT}


def three_of(stack: Stack, **arguments: Any) -> list[DeployedRole]:
    """Find the federation role, the assume role and the dispatch role of a stack's connector."""
    found = deployed_roles(stack, **arguments)
    ends = ("Role", "AssumeRole", "DispatchRole")
    three = [[each for each in found.values() if f"/SSM-Azure{end}-" in each.arn] for end in ends]
    return [one for (one,) in three]


@pytest.fixture(scope="module")
def three() -> list[DeployedRole]:
    """The three roles of a connector A, whose machines have the role that AWS's console makes."""
    stack = new_stack(region="eu-central-1")
    nodes = iam.Role.from_role_arn(stack, "Nodes", NODES_ARN)
    CloudConnectorRoles(stack, "Azure", connector_name="A", node_role=nodes).add_connector(CONNECTOR_ID)
    return three_of(stack)


def test_the_federation_role_may_get_tokens_for_azure_and_nothing_else(three: list[DeployedRole]) -> None:
    federation, _, _ = three
    for action in ("sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"):
        assert federation.may(action, sts__IdentityTokenAudience=["api://AzureADTokenExchange"])
        assert not federation.may(action, sts__IdentityTokenAudience=["sts.amazonaws.com"])
        assert not federation.may(action)
    for action in ("sts:AssumeRole", "iam:PassRole", "ssm:GetCloudConnector", "ssm:CreateActivation"):
        assert not federation.may(action)


def test_with_a_strict_audience_a_token_has_no_other_audience() -> None:
    azure, other = "api://AzureADTokenExchange", "sts.amazonaws.com"
    for strict in (False, True):
        stack = new_stack()
        roles_of(stack, strict_audience=strict).add_connector(CONNECTOR_ID)
        (federation,) = (each for each in deployed_roles(stack).values() if "/SSM-AzureRole-" in each.arn)
        for action in ("sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"):
            assert federation.may(action, sts__IdentityTokenAudience=[azure])
            assert federation.may(action, sts__IdentityTokenAudience=[azure, other]) is not strict
            assert not federation.may(action, sts__IdentityTokenAudience=[other])
            assert not federation.may(action)


def test_no_tags_can_be_added_to_every_resource(three: list[DeployedRole]) -> None:
    # AWS's own policy of the assume role has "*" here.
    for role in three:
        assert not role.may("ssm:AddTagsToResource", "*")
        assert not role.may("ssm:AddTagsToResource", f"{SSM}:{ACCOUNT}:parameter/fleet")
        assert not role.may("ssm:AddTagsToResource", f"{SSM}:{ACCOUNT}:document/Mine")


ASSUME_MAY: list[tuple[str, str, dict[str, str]]] = [
    ("sts:AssumeRole", FEDERATION_ARN, {}),
    ("iam:PassRole", NODES_ARN, TO_SSM),
    ("ssm:CreateActivation", "*", {}),
    ("ssm:DeleteActivation", "*", {}),
    ("ssm:DescribeActivations", "*", {}),
    ("ssm:DescribeInstanceInformation", "*", {}),
    ("ssm:AddTagsToResource", f"{SSM}:{ACCOUNT}:managed-instance/mi-0123456789abcdef0", {}),
    ("ssm:AddTagsToResource", NODES_ARN, {}),
    ("iam:ListRoleTags", FEDERATION_ARN, {}),
    ("ssm:GetDocument", AZURE_DOCUMENT, {}),
    ("ssm:GetCloudConnector", f"{SSM}:{ACCOUNT}:cloud-connector/{CONNECTOR_ID}", {}),
]
ASSUME_MAY_NOT: list[tuple[str, str, dict[str, str]]] = [
    ("sts:AssumeRole", f"{FEDERATION_ARN}2", {}),
    ("sts:AssumeRole", DISPATCH_ARN, {}),
    ("ssm:AddTagsToResource", f"{SSM}:444455556666:managed-instance/mi-0123456789abcdef0", {}),
    ("ssm:AddTagsToResource", f"{SSM}:{ACCOUNT}:parameter/fleet/password", {}),
    ("ssm:AddTagsToResource", f"{SSM}:{ACCOUNT}:document/Patch", {}),
    ("ssm:AddTagsToResource", f"{SSM}:{ACCOUNT}:maintenancewindow/mw-0123456789abcdef0", {}),
    ("ssm:AddTagsToResource", FEDERATION_ARN, {}),
    ("iam:PassRole", NODES_ARN, {}),
    ("iam:PassRole", NODES_ARN, {"iam__PassedToService": "ec2.amazonaws.com"}),
    ("iam:PassRole", FEDERATION_ARN, TO_SSM),
    ("iam:ListRoleTags", NODES_ARN, {}),
    ("ssm:GetDocument", f"{SSM}::document/AWS-RunShellScript", {}),
    ("ssm:GetDocument", "arn:aws:ssm:us-east-1::document/AWS-InstallSSMAgentOnAzure", {}),
    ("ssm:GetCloudConnector", f"{SSM}:{ACCOUNT}:cloud-connector/{OTHER_CONNECTOR_ID}", {}),
    ("ssm:GetCloudConnector", f"{SSM}:{OTHER_ACCOUNT}:cloud-connector/{CONNECTOR_ID}", {}),
    ("ssm:StartAutomationExecution", AZURE_DOCUMENT, {}),
    ("ssm:SendCommand", "*", {}),
    ("sts:GetWebIdentityToken", "*", {"sts__IdentityTokenAudience": "api://AzureADTokenExchange"}),
]
DISPATCH_MAY: list[tuple[str, str, dict[str, str]]] = [
    ("iam:PassRole", ASSUME_ARN, FOR_THE_RUNBOOK),
    ("iam:PassRole", ASSUME_ARN, {**TO_SSM, "iam__AssociatedResourceARN": EXECUTION}),
    ("ssm:StartAutomationExecution", AZURE_DOCUMENT, {}),
    ("ssm:StartAutomationExecution", f"{SSM}::automation-definition/AWS-InstallSSMAgentOnAzure:1", {}),
    ("ssm:StartAutomationExecution", EXECUTION, {}),
    ("sts:AssumeRole", FEDERATION_ARN, {}),
    ("ssm:DescribeInstanceInformation", "*", {}),
    ("ssm:ListCloudConnectors", "*", {}),
    ("iam:ListRoleTags", FEDERATION_ARN, {}),
    ("iam:ListRoleTags", ASSUME_ARN, {}),
    ("ssm:GetCloudConnector", f"{SSM}:{ACCOUNT}:cloud-connector/{CONNECTOR_ID}", {}),
]
DISPATCH_MAY_NOT: list[tuple[str, str, dict[str, str]]] = [
    ("iam:PassRole", ASSUME_ARN, TO_SSM),
    ("iam:PassRole", ASSUME_ARN, {**FOR_THE_RUNBOOK, "iam__PassedToService": "lambda.amazonaws.com"}),
    ("iam:PassRole", ASSUME_ARN, {**TO_SSM, "iam__AssociatedResourceARN": f"{SSM}::document/AWS-RunShellScript"}),
    ("iam:PassRole", NODES_ARN, FOR_THE_RUNBOOK),
    ("iam:PassRole", FEDERATION_ARN, FOR_THE_RUNBOOK),
    ("iam:PassRole", f"{ASSUME_ARN}2", FOR_THE_RUNBOOK),
    ("iam:ListRoleTags", NODES_ARN, {}),
    ("ssm:StartAutomationExecution", f"{SSM}::document/AWS-RestartEC2Instance", {}),
    ("ssm:StartAutomationExecution", f"{SSM}:{OTHER_ACCOUNT}:automation-execution/01234567", {}),
    ("sts:AssumeRole", ASSUME_ARN, {}),
    ("ssm:CreateActivation", "*", {}),
    ("ssm:GetCloudConnector", f"{SSM}:{ACCOUNT}:cloud-connector/{OTHER_CONNECTOR_ID}", {}),
]


@pytest.mark.parametrize(("action", "resource", "conditions"), ASSUME_MAY, ids=str)
def test_the_assume_role_may(action: str, resource: str, conditions: dict[str, str], three: list[DeployedRole]) -> None:
    assert three[1].may(action, resource, **conditions)


@pytest.mark.parametrize(("action", "resource", "conditions"), ASSUME_MAY_NOT, ids=str)
def test_the_assume_role_may_not(
    action: str, resource: str, conditions: dict[str, str], three: list[DeployedRole]
) -> None:
    assert not three[1].may(action, resource, **conditions)


@pytest.mark.parametrize(("action", "resource", "conditions"), DISPATCH_MAY, ids=str)
def test_the_dispatch_role_may(
    action: str, resource: str, conditions: dict[str, str], three: list[DeployedRole]
) -> None:
    assert three[2].may(action, resource, **conditions)


@pytest.mark.parametrize(("action", "resource", "conditions"), DISPATCH_MAY_NOT, ids=str)
def test_the_dispatch_role_may_not(
    action: str, resource: str, conditions: dict[str, str], three: list[DeployedRole]
) -> None:
    assert not three[2].may(action, resource, **conditions)


def test_with_a_star_each_connector_of_the_account_in_the_region_may_be_read() -> None:
    stack = new_stack(region="eu-central-1")
    roles_of(stack).add_connector("*")
    _, assume, dispatch = three_of(stack)
    for role in (assume, dispatch):
        for id in (CONNECTOR_ID, OTHER_CONNECTOR_ID):
            assert role.may("ssm:GetCloudConnector", f"{SSM}:{ACCOUNT}:cloud-connector/{id}")
        assert not role.may("ssm:GetCloudConnector", f"{SSM}:{OTHER_ACCOUNT}:cloud-connector/{CONNECTOR_ID}")
        assert not role.may("ssm:GetCloudConnector", f"arn:aws:ssm:us-east-1:{ACCOUNT}:cloud-connector/{CONNECTOR_ID}")


def test_iam_knows_the_actions_the_condition_keys_and_the_resources(three: list[DeployedRole]) -> None:
    federation, assume, dispatch = three
    # What AWS documents, though its list of condition keys has the audience for the first of the two actions only.
    assert unknown_to_iam(federation) == ["sts:TagGetWebIdentityToken: sts:IdentityTokenAudience"]
    # What AWS's own policies name, though its list of resources doesn't.
    assert unknown_to_iam(assume) == [
        f"ssm:AddTagsToResource: {each}" for each in (f"{SSM}:{ACCOUNT}:activation/*", NODES_ARN)
    ]
    assert unknown_to_iam(dispatch) == []


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_no_statement_is_for_another_partition(partition: str) -> None:
    stack = new_stack()
    roles_of(stack).add_connector(CONNECTOR_ID)
    for role in deployed_roles(stack, partition, "r-1").values():
        assert "arn:aws:" not in str([role.trust_policy, role.policies])


def test_whoever_may_pass_roles_may_pass_what_the_connector_and_the_association_take(stack: Stack) -> None:
    roles = roles_of(stack)
    roles.add_connector(Aws.STACK_NAME)
    admin = iam.Role(stack, "Admin", assumed_by=iam.AccountRootPrincipal())
    roles.grant_pass_role(admin)
    attributes = {"AWS::StackName": CONNECTOR_ID}
    deployed = deployed_roles(stack, attributes=attributes)[logical_id(admin)]
    federation, assume, dispatch = three_of(stack, attributes=attributes)
    for role in (federation, dispatch):
        assert deployed.may("iam:PassRole", role.arn, **TO_SSM)
        assert not deployed.may("iam:PassRole", role.arn, iam__PassedToService="ec2.amazonaws.com")
    assert not deployed.may("iam:PassRole", assume.arn, **TO_SSM)
