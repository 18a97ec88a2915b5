"""What a construct of the regional stack grants to a role of the account stack holds in every Region."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from ssm_roles import HybridActivation, HybridServiceRole, NodeCapability, OrganizationRollout
from tests.unit.conftest import Refused
from tests.unit.organization.test_rollout import (
    HERE,
    MANAGEMENT,
    THERE,
    body,
    hybrid_nodes,
    rollout_in,
    stack,
)
from tests.unit.templates import refusal_at_synth

__all__ = ["stack"]

CLUSTERS = {region: f"arn:aws:eks:{region}:{MANAGEMENT}:cluster/edge" for region in (HERE, THERE)}


def provisioner_in(scope: Stack) -> iam.Role:
    return iam.Role(scope, "Provisioner", role_name="Provisioner", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))


def activation_of(rollout: OrganizationRollout, role: iam.Role, **arguments: Any) -> HybridActivation:
    return HybridActivation(rollout.regional_stack, "Activation", role=rollout.role_in_regions(role), **arguments)


def text(value: Any) -> Any:
    """Return values as text, in which pseudo parameters are as in ``Fn::Sub``."""
    if isinstance(value, list):
        return [text(each) for each in value]
    if isinstance(value, dict):
        if "Fn::Join" in value:
            return "".join(text(value["Fn::Join"][1]))
        return f"${{{value['Ref']}}}" if list(value) == ["Ref"] else {key: text(each) for key, each in value.items()}
    return value


def statements(stack: Stack, part: str = "Account") -> dict[str, list[dict[str, Any]]]:
    """Return the statements of the provisioner, by their first action."""
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in body(stack, part)["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Policy" and properties["PolicyName"].startswith("Provisioner"):
            for each in text(properties["PolicyDocument"]["Statement"]):
                found.setdefault(each["Action"] if isinstance(each["Action"], str) else each["Action"][0], []).append(
                    each
                )
    return found


def in_account(service: str, resource: str, *regions: str) -> list[str]:
    return [f"arn:${{AWS::Partition}}:{service}:{region}:${{AWS::AccountId}}:{resource}" for region in regions]


def test_a_role_of_the_account_reads_the_secret_of_every_region(stack: Stack) -> None:
    rollout = rollout_in(stack)
    key = kms.Key(rollout.regional_stack, "Key")
    activation = activation_of(rollout, hybrid_nodes(rollout), secret_name="fleet", encryption_key=key)
    activation.grant_read(provisioner_in(rollout.account_stack))
    found = statements(stack)
    secrets = in_account("secretsmanager", "secret:fleet-??????", HERE, THERE)
    (read,), (decrypt,) = found["secretsmanager:DescribeSecret"], found["kms:Decrypt"]
    assert read["Resource"] == secrets
    assert decrypt["Resource"] == in_account("kms", "key/*", HERE, THERE)
    assert decrypt["Condition"] == {"StringLike": {"kms:EncryptionContext:SecretARN": secrets}}


def test_the_only_region_can_be_another_than_that_of_the_account_stack(stack: Stack) -> None:
    rollout = rollout_in(stack, regions=[THERE], home_region=HERE)
    activation = activation_of(rollout, hybrid_nodes(rollout), secret_name="fleet", tags={"fleet": "racks"})
    role = provisioner_in(rollout.account_stack)
    activation.grant_read(role)
    activation.grant_tag_nodes(role, ["Name"])
    found = statements(stack)
    assert [found["secretsmanager:DescribeSecret"][0]["Resource"]] == in_account(
        "secretsmanager", "secret:fleet-??????", THERE
    )
    assert [found["ssm:AddTagsToResource"][0]["Resource"]] == in_account("ssm", "managed-instance/*", THERE)


def test_names_and_tags_that_contain_the_region_are_those_of_each_region(stack: Stack) -> None:
    rollout = rollout_in(stack)
    activation = activation_of(
        rollout, hybrid_nodes(rollout), secret_name=f"fleet-of-{Aws.REGION}x", tags={"fleet": Aws.REGION}
    )
    role = provisioner_in(rollout.account_stack)
    activation.grant_read(role)
    activation.grant_deregister_nodes(role)
    found = statements(stack)
    assert found["secretsmanager:DescribeSecret"][0]["Resource"] == [
        *in_account("secretsmanager", f"secret:fleet-of-{HERE}x-??????", HERE),
        *in_account("secretsmanager", f"secret:fleet-of-{THERE}x-??????", THERE),
    ]
    assert [
        ([each["Resource"]], each["Condition"]["StringEquals"]) for each in found["ssm:DeregisterManagedInstance"]
    ] == [
        (in_account("ssm", "managed-instance/*", region), {"ssm:resourceTag/fleet": region}) for region in (HERE, THERE)
    ]


def test_a_role_of_the_account_tags_and_deregisters_the_nodes_of_every_region(stack: Stack) -> None:
    rollout = rollout_in(stack)
    activation = activation_of(rollout, hybrid_nodes(rollout), tags={"fleet": "racks"})
    role = provisioner_in(rollout.account_stack)
    activation.grant_tag_nodes(role, ["Name"])
    activation.grant_deregister_nodes(role)
    found = statements(stack)
    nodes = in_account("ssm", "managed-instance/*", HERE, THERE)
    for action in ("ssm:AddTagsToResource", "ssm:DeregisterManagedInstance"):
        (statement,) = found[action]
        assert statement["Resource"] == nodes
        assert statement["Condition"]["StringEquals"] == {"ssm:resourceTag/fleet": "racks"}


def test_a_role_of_the_regional_stack_has_what_is_in_its_own_region(stack: Stack) -> None:
    rollout = rollout_in(stack)
    activation = activation_of(rollout, hybrid_nodes(rollout), tags={"fleet": "racks"})
    role = iam.Role(rollout.regional_stack, "Provisioner", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    activation.grant_deregister_nodes(role)
    (statement,) = statements(stack, "Regional")["ssm:DeregisterManagedInstance"]
    assert [statement["Resource"]] == in_account("ssm", "managed-instance/*", "${AWS::Region}")


def test_a_reader_in_the_account_stack_needs_the_name_of_the_secret(stack: Stack, refused: Refused) -> None:
    rollout = rollout_in(stack)
    activation = activation_of(rollout, hybrid_nodes(rollout))
    role = provisioner_in(rollout.account_stack)
    message = refused(lambda: activation.grant_read(role), "secret_name", tree=role)
    assert "'Org/Ssm/Account/Provisioner'" in message


def test_a_policy_of_the_account_names_the_secret_of_every_region(stack: Stack) -> None:
    rollout = rollout_in(stack)
    activation = activation_of(rollout, hybrid_nodes(rollout), secret_name="fleet")
    activation.grant_read(iam.ManagedPolicy(rollout.account_stack, "Read"))
    (policy,) = (
        each for each in body(stack, "Account")["Resources"].values() if each["Type"] == "AWS::IAM::ManagedPolicy"
    )
    (statement,) = text(policy["Properties"]["PolicyDocument"]["Statement"])
    assert statement["Resource"] == in_account("secretsmanager", "secret:fleet-??????", HERE, THERE)


@pytest.mark.parametrize("of_parent", [True, False], ids=["of the parent", "of another rollout"])
def test_a_principal_of_other_accounts_is_rejected(stack: Stack, refused: Refused, of_parent: bool) -> None:
    rollout = rollout_in(stack)
    other = rollout_in(stack, "Other", organizational_units=["ou-ab12-22222222"]).account_stack
    activation = activation_of(rollout, hybrid_nodes(rollout), secret_name="fleet", tags={"fleet": "racks"})
    role = provisioner_in(stack if of_parent else other)
    for grant in (
        lambda: activation.grant_read(role),
        lambda: activation.grant_tag_nodes(role, ["Name"]),
        lambda: activation.grant_deregister_nodes(role),
    ):
        assert repr(role.node.path) in refused(grant, "grantee", tree=role)


# What is known about a role in Regions


def nodes_of_clusters(rollout: OrganizationRollout, *regions: str) -> HybridServiceRole:
    clusters = [CLUSTERS[region] for region in regions]
    return hybrid_nodes(rollout, capabilities=[NodeCapability.eks_hybrid_nodes(clusters)])


def settings_of_activation(stack: Stack) -> str:
    """Return what the rotation function knows about the activation."""
    resources = text(body(stack, "Regional")["Resources"]).values()
    (settings,) = (
        each["Properties"]["Environment"]["Variables"]["ACTIVATION"]
        for each in resources
        if each["Type"] == "AWS::Lambda::Function"
    )
    return str(settings)


@pytest.mark.parametrize("later", [False, True], ids=["in the constructor", "later"])
def test_the_clusters_of_a_role_in_regions_are_known(stack: Stack, refused: Refused, later: bool) -> None:
    rollout = rollout_in(stack)
    nodes = hybrid_nodes(rollout) if later else nodes_of_clusters(rollout, HERE)
    rollout.role_in_regions(nodes)
    other = f"arn:aws:eks:{THERE}:222222222222:cluster/other"
    if later:
        activation_of(rollout, nodes, tags={"EKSClusterARN": other})
        nodes.add_capability(NodeCapability.eks_hybrid_nodes([CLUSTERS[HERE]]))
        message = refusal_at_synth(stack)
    else:
        message = refused(
            lambda: activation_of(rollout, nodes, tags={"EKSClusterARN": other}), "tags", tree=rollout.regional_stack
        )
    assert f"with a cluster of the role in {HERE}, here {CLUSTERS[HERE]}, got {other!r}" in message


def test_the_clusters_of_a_role_of_the_cdk_are_known_in_regions(stack: Stack, refused: Refused) -> None:
    rollout = rollout_in(stack)
    role = iam.Role(rollout.account_stack, "Own", role_name="Own", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    NodeCapability.eks_hybrid_nodes([CLUSTERS[HERE]]).grant(role)
    imported = rollout.role_in_regions(role)
    part = rollout.regional_stack
    refused(
        lambda: HybridActivation(part, "Activation", role=imported, tags={"EKSClusterARN": "other"}), "tags", tree=part
    )


def test_the_cluster_of_one_region_is_not_the_tag_of_another(stack: Stack, refused: Refused) -> None:
    rollout = rollout_in(stack)
    nodes = nodes_of_clusters(rollout, HERE, THERE)
    rollout.role_in_regions(nodes)
    message = refused(
        lambda: activation_of(rollout, nodes, tags={"EKSClusterARN": CLUSTERS[HERE]}),
        "tags",
        tree=rollout.regional_stack,
    )
    assert f"a cluster of the role in {THERE}, here {CLUSTERS[THERE]}" in message


@pytest.mark.parametrize(("regions", "named"), [([HERE, THERE], "${AWS::Region}"), ([THERE], THERE)])
def test_nodes_are_tagged_with_the_cluster_of_their_region(stack: Stack, regions: list[str], named: str) -> None:
    rollout = rollout_in(stack)
    activation_of(rollout, nodes_of_clusters(rollout, *regions))
    assert f"arn:aws:eks:{named}:{MANAGEMENT}:cluster/edge" in settings_of_activation(stack)


def test_creating_activations_with_a_role_in_regions_is_allowed_in_its_regions(stack: Stack) -> None:
    rollout = rollout_in(stack)
    role = rollout.role_in_regions(hybrid_nodes(rollout))
    HybridActivation.grant_create(provisioner_in(rollout.account_stack), role, tags={"fleet": "racks"})
    (statement,) = statements(stack)["ssm:AddTagsToResource"]
    assert statement["Resource"][:2] == in_account("ssm", "managed-instance/*", HERE, THERE)
