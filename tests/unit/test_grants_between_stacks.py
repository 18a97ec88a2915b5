"""What a construct of the regional stack grants to a role of the account stack holds in every Region."""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from ssm_roles import HybridActivation, HybridServiceRole, OrganizationRollout
from tests.unit.conftest import Refused
from tests.unit.organization.test_rollout import (
    HERE,
    THERE,
    body,
    hybrid_nodes,
    rollout_in,
    stack,
)

__all__ = ["stack"]


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
