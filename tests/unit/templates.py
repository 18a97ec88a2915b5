"""Templates as the tests compare them."""

from __future__ import annotations

import re
from typing import Any, cast

import jsii
from aws_cdk import App, CfnElement, Environment, Stack
from aws_cdk.assertions import Template
from constructs import IConstruct

ACCOUNT = "111122223333"

ANY_PARTITION = {"Ref": "AWS::Partition"}
ANY_REGION = {"Ref": "AWS::Region"}
ANY_ACCOUNT = {"Ref": "AWS::AccountId"}


def case_id(value: object) -> str:
    """Name a case of a table after what is in it, the same in every process."""
    return re.sub(r" at 0x[0-9a-f]+|(?<=TOKEN\.)\d+", "", str(value))[:60]


def new_stack(name: str = "Stack", *, region: str | None = None, account: str = ACCOUNT) -> Stack:
    """Make the stack of an app of its own; without a Region it fits every environment."""
    return Stack(App(), name, env=None if region is None else Environment(account=account, region=region))


def join(*parts: Any) -> dict[str, Any]:
    return {"Fn::Join": ["", list(parts)]}


def managed_policy(name: str) -> dict[str, Any]:
    return join("arn:", ANY_PARTITION, f":iam::aws:policy/{name}")


def without_bootstrap(template: dict[str, Any]) -> dict[str, Any]:
    """Leave out what every template has, for the bootstrap stack."""
    parameters = {name: value for name, value in template.get("Parameters", {}).items() if name != "BootstrapVersion"}
    rules = {name: value for name, value in template.get("Rules", {}).items() if name != "CheckBootstrapVersion"}
    rest = {name: value for name, value in template.items() if name not in ("Parameters", "Rules")}
    return {**rest, **({"Parameters": parameters} if parameters else {}), **({"Rules": rules} if rules else {})}


def synthesized(stack: Stack) -> dict[str, Any]:
    return without_bootstrap(cast("dict[str, Any]", Template.from_stack(stack).to_json()))


def resources(stack: Stack, resource_type: str) -> dict[str, Any]:
    """Synthesize, and return the resources of one type by logical ID."""
    found = synthesized(stack).get("Resources", {})
    return {name: resource for name, resource in found.items() if resource["Type"] == resource_type}


def only(stack: Stack, resource_type: str) -> dict[str, Any]:
    """Synthesize, and return the properties of the one resource of a type."""
    (resource,) = resources(stack, resource_type).values()
    return cast("dict[str, Any]", resource["Properties"])


def statements(stack: Stack) -> list[dict[str, Any]]:
    """Synthesize, and return what the one policy of the stack says."""
    return cast("list[dict[str, Any]]", only(stack, "AWS::IAM::Policy")["PolicyDocument"]["Statement"])


def path_and_name(role_id: str) -> dict[str, Any]:
    """Return what CloudFormation cuts from the ARN of a role, given by its logical ID, for Systems Manager."""
    return {"Fn::Select": [1, {"Fn::Split": [":role/", {"Fn::GetAtt": [role_id, "Arn"]}]}]}


def logical_id(construct: IConstruct) -> str:
    """Return the logical ID of the resource that a construct is, or that it has as its default child."""
    child = construct.node.default_child
    element = construct if child is None else child.node.default_child or child
    return cast(str, Stack.of(construct).resolve(cast(CfnElement, element).logical_id))


def deployed(part: Any, partition: str, region: str) -> Any:
    """Give the pseudo parameters their values, as CloudFormation does."""
    pseudo_parameters = {"AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": ACCOUNT}
    pseudo_parameters["AWS::URLSuffix"] = {"aws-cn": "amazonaws.com.cn"}.get(partition, "amazonaws.com")
    if isinstance(part, dict) and "Ref" in part:
        return pseudo_parameters[part["Ref"]]
    if isinstance(part, dict) and "Fn::Join" in part:
        separator, parts = part["Fn::Join"]
        return separator.join(deployed(each, partition, region) for each in parts)
    if isinstance(part, dict):
        return {key: deployed(value, partition, region) for key, value in part.items()}
    if isinstance(part, list):
        return [deployed(each, partition, region) for each in part]
    return part


def path_of(construct: Any) -> str:
    return cast(str, construct.node.path)


def refusal_at_synth(stack: Stack) -> str:
    """Synthesize the app of a stack, which must fail, and return the error."""
    try:
        cast(App, stack.node.root).synth()
    except (RuntimeError, jsii.errors.JSIIError) as error:
        return str(error)
    raise AssertionError("the app synthesizes")
