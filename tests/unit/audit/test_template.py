"""Who has which permissions in a template, with the transforms of SAM and of language extensions."""

from __future__ import annotations

from typing import Any

import pytest

from ssm_roles.audit.template import Template

ALLOWED = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
DOCUMENT = {"Statement": [ALLOWED]}
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def role(**properties: Any) -> dict[str, Any]:
    return resource("AWS::IAM::Role", AssumeRolePolicyDocument=TRUST, **properties)


def template(resources: dict[str, Any], **sections: Any) -> Template:
    return Template({"Resources": resources, **sections})


def holders(found: Template) -> dict[str, list[str]]:
    """Return who may do something, with the resources that allow it."""
    return {key: [origin for origin, _ in each.statements] for key, each in found.holders.items() if each.statements}


@pytest.mark.parametrize(
    "policy",
    [
        resource("AWS::IAM::Policy", Roles=[{"Ref": "Role"}], PolicyName="Read", PolicyDocument=DOCUMENT),
        resource("AWS::IAM::Policy", Roles=["Nodes"], PolicyName="Read", PolicyDocument=DOCUMENT),
        resource("AWS::IAM::RolePolicy", RoleName={"Ref": "Role"}, PolicyName="Read", PolicyDocument=DOCUMENT),
        resource("AWS::IAM::ManagedPolicy", Roles=[{"Ref": "Role"}], PolicyDocument=DOCUMENT),
    ],
)
def test_a_policy_belongs_to_the_role_that_it_is_attached_to(policy: dict[str, Any]) -> None:
    assert holders(template({"Role": role(RoleName="Nodes"), "Policy": policy})) == {"role Role": ["Policy"]}


def test_a_role_has_its_inline_policies_and_its_managed_policies() -> None:
    own = role(
        Policies=[{"PolicyName": "Read", "PolicyDocument": DOCUMENT}],
        ManagedPolicyArns=[{"Ref": "Policy"}, {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/ReadOnlyAccess"}],
    )
    found = template({"Role": own, "Policy": resource("AWS::IAM::ManagedPolicy", PolicyDocument=DOCUMENT)})
    assert holders(found) == {"role Role": ["Role", "Policy"]}
    assert [each.name for each in found.roles["Role"].managed][1:] == ["ReadOnlyAccess"]


def test_a_policy_of_a_role_of_another_stack_has_the_name_of_the_role() -> None:
    policy = resource("AWS::IAM::RolePolicy", RoleName="Shared", PolicyName="Read", PolicyDocument=DOCUMENT)
    assert holders(template({"Policy": policy})) == {"role Shared": ["Policy"]}


def test_a_serverless_function_has_a_role_unless_it_names_one() -> None:
    own = resource("AWS::Serverless::Function", Policies=[DOCUMENT, "AmazonSSMReadOnlyAccess"])
    named = resource("AWS::Serverless::Function", Policies=[DOCUMENT], Role={"Fn::GetAtt": ["Role", "Arn"]})
    found = template({"Own": own, "Named": named})
    assert holders(found) == {"role Own": ["Own"]}
    assert found.roles["Own"].services == {"lambda.amazonaws.com"}
    assert [each.name for each in found.roles["Own"].managed] == ["AmazonSSMReadOnlyAccess"]


def test_globals_of_a_serverless_template_name_the_trust_policy_or_the_role() -> None:
    function = {"Function": resource("AWS::Serverless::Function")}
    trusted = template(function, Globals={"Function": {"AssumeRolePolicyDocument": TRUST}})
    assert trusted.roles["Function"].services == {"ssm.amazonaws.com"}
    assert trusted.roles["Function"].trust[0].path[:2] == ("Globals", "Function")
    assert template(function, Globals={"Function": {"Role": "arn"}}).roles["Function"].trust == []


def test_a_loop_has_a_resource_for_each_item() -> None:
    loop = ["Region", ["a", {"Ref": "Other"}], {"Role${Region}": role(RoleName={"Fn::Sub": "Nodes-${Region}"})}]
    found = template({"Fn::ForEach::Roles": loop}, Parameters={"Other": {"Type": "String"}})
    assert [each.names for each in found.roles.values()][:1] == [("Nodes-a",)]
    assert found.roles["Rolea"].resource is not None
    assert found.roles["Rolea"].resource.path == ("Resources", "Fn::ForEach::Roles", 2, "Role${Region}")


def test_loops_in_loops_have_a_resource_for_each_combination() -> None:
    inner = {"Fn::ForEach::Inner": ["B", ["1", "2"], {"Role${A}${B}": role()}]}
    found = template({"Fn::ForEach::Outer": ["A", ["x", "y"], inner]})
    assert list(found.roles) == ["Rolex1", "Rolex2", "Roley1", "Roley2"]


@pytest.mark.parametrize("resources", [None, [], {"Role": None}, {"Role": {"Type": 1}}, {"Role": {"Properties": {}}}])
def test_what_is_no_resource_is_left_out(resources: Any) -> None:
    assert template(resources).resources == {}


def test_a_place_is_the_resource_if_the_property_is_missing() -> None:
    found = template({"Role": role(RoleName="Nodes")}).resources["Role"]
    assert found.at("RoleName") == ("Resources", "Role", "Properties", "RoleName")
    assert found.at("Path") == ("Resources", "Role")
