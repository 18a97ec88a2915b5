"""Every service role is held against what AWS documents of it: who may assume it, its policies, its name.

What is not as documented is listed in a data file, with the reason, and nothing else may differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from ssm_roles import (
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    CloudConnectorRoles,
    DefaultHostManagementRole,
    ExplorerRole,
    GreengrassCoreRole,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    ManagedInstanceRole,
    NodeCapability,
    QuickSetupConfigurations,
    QuickSetupRoles,
    RunCommandNotificationRole,
)
from tests.unit.node_permissions import managed_policy_document
from tests.unit.policy_engine import IAM, resolved
from tests.unit.templates import ACCOUNT, new_stack, synthesized

REGION = "eu-central-1"

# Facts about AWS, each with the page that states it.
FACTS: dict[str, dict[str, Any]] = {
    fact["key"]: fact
    for fact in json.loads((Path(__file__).parent / "data" / "service-roles.json").read_text(encoding="utf-8"))
}

# How each role differs from the documented one, and why. The page about service roles shows it, too.
DIFFERENCES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "service-role-differences.json").read_text(encoding="utf-8")
)

Condition = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Held:
    """A role of a construct, and the documented one that it is held against."""

    fact: str
    make: Callable[[Stack], object]
    role: str
    """Where the logical ID of the role begins."""
    policy: str = ""
    """The documented managed policy that the construct replaces by statements of its own."""


def window(stack: Stack) -> None:
    here = f"{REGION}:{ACCOUNT}"
    function = lambda_.Function.from_function_arn(stack, "F", f"arn:aws:lambda:{here}:function:Snapshot")
    machine = stepfunctions.StateMachine.from_state_machine_arn(stack, "M", f"arn:aws:states:{here}:stateMachine:Drain")
    bucket = s3.Bucket.from_bucket_name(stack, "B", "output")
    MaintenanceWindowServiceRole(
        stack,
        "Window",
        tasks=[
            MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"], output_buckets=[bucket]),
            MaintenanceWindowTask.automation(["AWS-RestartEC2Instance"]),
            MaintenanceWindowTask.lambda_functions([function]),
            MaintenanceWindowTask.step_functions([machine]),
        ],
    )


def notifications(stack: Stack) -> None:
    topic = sns.Topic.from_topic_arn(stack, "Topic", f"arn:aws:sns:{REGION}:{ACCOUNT}:patching")
    RunCommandNotificationRole(stack, "Notifications", topics=[topic])


def connector(stack: Stack) -> None:
    nodes = iam.Role.from_role_arn(
        stack, "Nodes", f"arn:aws:iam::{ACCOUNT}:role/service-role/AmazonEC2RunCommandRoleForManagedInstances"
    )
    CloudConnectorRoles(stack, "Azure", connector_name="A", node_role=nodes).add_connector(
        "01234567-89ab-cdef-0123-456789abcdef"
    )


def token_exchange(stack: Stack) -> None:
    tokens = iam.Role(stack, "Tokens", assumed_by=iam.ServicePrincipal("credentials.iot.amazonaws.com"))
    GreengrassCoreRole(stack, "Devices", role_name="SSMServiceRole", token_exchange_role=tokens)


def tagging_token_exchange(stack: Stack) -> None:
    tokens = iam.Role(stack, "Tokens", assumed_by=iam.ServicePrincipal("credentials.iot.amazonaws.com"))
    capability = NodeCapability.greengrass(tokens, tags={"Owner": "richard-roe"})
    GreengrassCoreRole(stack, "Devices", role_name="SSMServiceRole", capabilities=[capability])


def quick_setup(stack: Stack) -> None:
    QuickSetupRoles(stack, "QuickSetup", configurations=QuickSetupConfigurations.ALL_EXCEPT_PATCH_POLICIES)


EKS_CLUSTER, ECS_CLUSTER = (f"arn:aws:{service}:{REGION}:{ACCOUNT}:cluster/edge" for service in ("eks", "ecs"))

ROLES = {
    "HybridServiceRole": Held(
        "hybrid_node",
        lambda stack: HybridServiceRole(stack, "Nodes"),
        "Nodes",
    ),
    "HybridServiceRole, EKS hybrid nodes": Held(
        "eks_hybrid_node",
        lambda stack: HybridServiceRole(
            stack,
            "Nodes",
            activation_regions=[REGION],
            capabilities=[NodeCapability.eks_hybrid_nodes([EKS_CLUSTER], pod_identity=True)],
        ),
        "Nodes",
    ),
    "HybridServiceRole, ECS Anywhere": Held(
        "ecs_anywhere",
        lambda stack: HybridServiceRole(
            stack,
            "Nodes",
            activation_regions=[REGION],
            capabilities=[NodeCapability.ecs_anywhere([ECS_CLUSTER])],
        ),
        "Nodes",
        policy="service-role/AmazonEC2ContainerServiceforEC2Role",
    ),
    "AutomationServiceRole": Held(
        "automation",
        lambda stack: AutomationServiceRole(stack, "Runbook"),
        "Runbook",
    ),
    "AutomationServiceRole with AWS's policy": Held(
        "automation",
        lambda stack: AutomationServiceRole(stack, "Runbook", amazon_ssm_automation_role=True),
        "Runbook",
    ),
    "AutomationAdministrationRole": Held(
        "automation_multi_account_admin",
        lambda stack: AutomationAdministrationRole(stack, "Administration", target_organizational_units=True),
        "Administration",
    ),
    "AutomationExecutionRole": Held(
        "automation_multi_account_execution",
        lambda stack: AutomationExecutionRole(
            stack, "Execution", administrator_accounts=["444455556666"], runbooks=["AWS-RestartEC2Instance"]
        ),
        "Execution",
    ),
    "AutomationExecutionRole with AWS's policy": Held(
        "automation_multi_account_execution",
        lambda stack: AutomationExecutionRole(
            stack, "Execution", administrator_accounts=["444455556666"], amazon_ssm_automation_role=True
        ),
        "Execution",
    ),
    "MaintenanceWindowServiceRole": Held(
        "maintenance_window",
        window,
        "Window",
    ),
    "RunCommandNotificationRole": Held("run_command_sns", notifications, "Notifications"),
    "AssociationDispatchRole": Held(
        "state_manager_dispatch", lambda stack: AssociationDispatchRole(stack, "Dispatch"), "Dispatch"
    ),
    "DefaultHostManagementRole": Held("dhmc", lambda stack: DefaultHostManagementRole(stack, "Hosts"), "Hosts"),
    "ManagedInstanceRole": Held(
        "ec2_instance_profile",
        lambda stack: ManagedInstanceRole(stack, "Instances"),
        "Instances",
    ),
    "GreengrassCoreRole": Held(
        "greengrass_registration", lambda stack: GreengrassCoreRole(stack, "Devices"), "Devices"
    ),
    "GreengrassCoreRole, token exchange": Held(
        "greengrass_token_exchange_addon",
        token_exchange,
        "Tokens",
    ),
    "GreengrassCoreRole, token exchange with tags": Held(
        "greengrass_token_exchange_addon",
        tagging_token_exchange,
        "Tokens",
    ),
    "CloudConnectorRoles, federation": Held(
        "cloud_connector_azure_federation",
        connector,
        "AzureFederation",
    ),
    "CloudConnectorRoles, assume": Held(
        "cloud_connector_azure_assume",
        connector,
        "AzureAssume",
    ),
    "CloudConnectorRoles, dispatch": Held(
        "cloud_connector_azure_dispatch",
        connector,
        "AzureDispatch",
    ),
    "ExplorerRole": Held(
        "quicksetup_explorer",
        lambda stack: ExplorerRole(stack, "Explorer"),
        "Explorer",
    ),
    "QuickSetupRoles, administration": Held(
        "quicksetup_admin",
        quick_setup,
        "QuickSetupAdministration",
    ),
    "QuickSetupRoles, execution": Held("quicksetup_execution", quick_setup, "QuickSetupExecution"),
}

# What has no construct of its own, and why.
WITHOUT_A_CONSTRUCT: dict[str, str] = DIFFERENCES["without"]


def test_every_documented_role_has_a_construct_or_a_reason_to_have_none() -> None:
    held = {each.fact for each in ROLES.values()}
    assert DIFFERENCES["constructs"].keys() == ROLES.keys()
    assert held | WITHOUT_A_CONSTRUCT.keys() == FACTS.keys()
    assert not held & WITHOUT_A_CONSTRUCT.keys()
    assert len(FACTS) == 30


def test_what_has_no_construct_because_its_trust_policy_is_unknown_has_none_in_the_facts() -> None:
    for key, reason in WITHOUT_A_CONSTRUCT.items():
        if "no page of AWS shows its trust policy" in reason:
            assert FACTS[key]["trust_conditions"] == "unverified"
            assert any("unverified" in principal for principal in FACTS[key]["principals"])
    assert "unverified" in json.dumps(FACTS["cloud_connector_gcp"])
    assert "unverified" in json.dumps(FACTS["incident_manager_runbook"])


def test_each_fact_has_the_page_of_aws_that_states_it_and_the_day_it_was_read() -> None:
    for fact in FACTS.values():
        assert fact["source_url"].startswith("https://docs.aws.amazon.com/"), fact["key"]
        assert re.fullmatch(r"2026-\d\d-\d\d", fact["read"]), fact["key"]


@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_as_documented_but_for_what_is_listed_with_its_reason(name: str) -> None:
    held = ROLES[name]
    stack = new_stack()
    held.make(stack)
    fact = with_statements_of(held.policy, FACTS[held.fact]) if held.policy else FACTS[held.fact]
    listed = DIFFERENCES["constructs"][name]
    assert listed["fact"] == held.fact
    assert sorted(differences(fact, role_of(stack, held.role))) == sorted(listed["differs"])
    assert all(listed["differs"].values())


def with_statements_of(policy: str, fact: dict[str, Any]) -> dict[str, Any]:
    """Return a documented role with the statements of a managed policy in place of the policy."""
    policies = fact["managed_policies"]
    required = [arn for arn in policies["required"] if not arn.endswith(f":policy/{policy}")]
    assert len(required) == len(policies["required"]) - 1
    statements = [
        {**each, "Action": [action for name in _listed(each["Action"]) for action in _named(name)]}
        for each in managed_policy_document(policy, "aws")["Statement"]
    ]
    return {**fact, "managed_policies": {**policies, "required": required}, "extra_statements": statements}


def _named(action: str) -> list[str]:
    """Return the actions that a name with a star stands for."""
    service, name = action.split(":")
    if not name.endswith("*"):
        return [action]
    every = IAM.actions.get_actions_for_service(service)
    return [f"{service}:{each}" for each in every if each.startswith(name.removesuffix("*"))]


# The comparison


@dataclass(frozen=True)
class Role:
    """A role as it is after a deployment."""

    properties: dict[str, Any]
    policies: list[dict[str, Any]]


def role_of(stack: Stack, id_prefix: str) -> Role:
    """Find the one role whose logical ID begins so, and all of its policies."""
    found = synthesized(stack)["Resources"]
    values = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
    for id, each in found.items():
        if each["Type"] == "AWS::IAM::Role":
            name = each["Properties"].get("RoleName", f"Stack-{id}-0123456789AB")
            path = each["Properties"].get("Path", "/")
            values |= {id: name, f"{id}.Arn": f"arn:aws:iam::{ACCOUNT}:role{path}{name}"}
    (id,) = (id for id in found if id.startswith(id_prefix) and found[id]["Type"] == "AWS::IAM::Role")
    properties = resolved(found[id]["Properties"], values)
    policies = [each["PolicyDocument"] for each in properties.get("Policies", [])]
    for each in found.values():
        if each["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy") and {"Ref": id} in each["Properties"].get(
            "Roles", []
        ):
            policies.append(resolved(each["Properties"]["PolicyDocument"], values))
    return Role(properties, policies)


def differences(fact: dict[str, Any], role: Role) -> Iterator[str]:
    """Tell how a role differs from the documented one, each difference once."""
    yield from dict.fromkeys(
        [
            *_name_differences(fact, role.properties),
            *_trust_differences(fact, role.properties["AssumeRolePolicyDocument"]),
            *_managed_policy_differences(fact, role.properties.get("ManagedPolicyArns", [])),
            *_permission_differences(fact, role.policies),
        ]
    )


def _name_differences(fact: dict[str, Any], properties: dict[str, Any]) -> Iterator[str]:
    names = [_text(name) for name in [fact["default_role_name"], *fact.get("variants", [])] if name is not None]
    name = properties.get("RoleName")
    if name is not None and not any(_compared(name, each) == SAME for each in names):
        yield f"name {name}"
    path = _text(fact.get("path", "/"))
    if properties.get("Path", "/") != path:
        yield f"path {properties.get('Path', '/')}"
    tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    if tags != fact.get("required_tags", {}):
        yield f"tags {tags}"


def _trust_differences(fact: dict[str, Any], policy: dict[str, Any]) -> Iterator[str]:
    documented = {_text(principal): _trust_conditions(fact, principal) for principal in fact["principals"]}
    found = {}
    for statement in policy["Statement"]:
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
        ((kind, principal),) = statement["Principal"].items()
        found[principal if kind == "Service" else f"{kind}: {principal}"] = statement.get("Condition", {})
    pairs = {
        principal: next((each for each in documented if _compared(principal, each) == SAME), None)
        for principal in found
    }
    for principal in documented:
        if principal not in pairs.values():
            yield f"trust lacks {principal}"
    for principal, conditions in found.items():
        match = pairs[principal]
        if match is None:
            yield f"trust of {principal} beyond"
        else:
            yield from (
                f"trust of {principal}: {each}" for each in _condition_differences(documented[match], conditions)
            )


def _trust_conditions(fact: dict[str, Any], principal: str) -> Condition:
    """Find the conditions for a principal: those that are not told apart are for services."""
    conditions = fact["trust_conditions"]
    assert conditions != "unverified", "there is nothing to hold a construct to"
    of_account = principal.startswith("AWS: ")
    if conditions is not None and "ssm_statement" in conditions:
        return cast(Condition, conditions["root_statement" if of_account else "ssm_statement"])
    return {} if conditions is None or of_account else cast(Condition, conditions)


def _condition_differences(documented: Condition, found: Condition) -> Iterator[str]:
    wanted = {key: (operator, value) for operator, keys in documented.items() for key, value in keys.items()}
    given = {key: (operator, value) for operator, keys in found.items() for key, value in keys.items()}
    for key in wanted.keys() - given.keys():
        yield f"{key} missing"
    for key, (operator, values) in given.items():
        if key not in wanted:
            yield f"{key} added"
            continue
        documented_operator, documented_values = wanted[key]
        if operator != documented_operator:
            yield f"{key} by {operator}"
        verdicts = {
            max(_compared(value, _text(each)) for each in _listed(documented_values)) for value in _listed(values)
        }
        if min(verdicts) < SAME:
            yield f"{key} {VERDICTS[min(verdicts)]}"


def _managed_policy_differences(fact: dict[str, Any], arns: list[str]) -> Iterator[str]:
    required = [_text(arn) for arn in fact["managed_policies"]["required"]]
    optional = [_text(arn) for arn in fact["managed_policies"]["optional"]]
    begin = "arn:aws:iam::aws:policy/"
    yield from (f"lacks policy {arn.removeprefix(begin)}" for arn in required if arn not in arns)
    yield from (f"policy {arn.removeprefix(begin)} beyond" for arn in arns if arn not in (*required, *optional))


def _permission_differences(fact: dict[str, Any], policies: list[dict[str, Any]]) -> Iterator[str]:
    documented = list(_by_action(_statements(fact)))
    found = list(_by_action([each for policy in policies for each in policy["Statement"]]))
    given = {action for action, _ in found}
    yield from (f"lacks {action}" for action, _ in documented if action not in given)
    for action, statement in found:
        same_action = [each for other, each in documented if other == action]
        if not same_action:
            yield f"{action} beyond"
            continue
        own = _listed(statement["Resource"])
        patterns = [_text(each) for other in same_action for each in _listed(other["Resource"])]
        worst = min(max(_compared(resource, each) for each in patterns) for resource in own)
        if worst < SAME:
            yield f"{action}: {VERDICTS[worst]}"
        all_own = [each for other, one in found if other == action for each in _listed(one["Resource"])]
        if worst > WIDER and any(all(_compared(each, one) == WIDER for each in all_own) for one in patterns):
            yield f"{action}: fewer resources"
        # Several statements of one action are told apart by their resources.
        like = max(
            same_action,
            key=lambda other: sum(_compared(one, _text(each)) for one in own for each in _listed(other["Resource"])),
        )
        yield from (
            f"{action}: condition {each}"
            for each in _condition_differences(like.get("Condition", {}), statement.get("Condition", {}))
        )


def _statements(fact: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the documented statements; some are those of another role, some say in words what they are for."""
    found = []
    for statement in fact["extra_statements"]:
        if "same_as" in statement:
            key, _, id = statement["same_as"].partition(".")
            wanted = id or statement.get("id")
            found += [each for each in _statements(FACTS[key]) if wanted in (None, each.get("id"))]
        elif "Action" in statement:
            found.append(statement)
    return found


def _by_action(statements: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for statement in statements:
        assert statement.get("Effect", "Allow") == "Allow"
        yield from ((action, statement) for action in _listed(statement["Action"]))


# How one text compares with a documented one, in which a star is any text and a name in braces is a text of one's own.
WIDER, NARROWER, SAME = 0, 1, 2
VERDICTS = {WIDER: "wider", NARROWER: "narrower"}
PLACEHOLDER = re.compile(r"\{[\w -]+\}")


def _compared(found: str, documented: str) -> int:
    if re.fullmatch(_pattern(documented, star=r"\*"), found):
        return SAME
    return NARROWER if re.fullmatch(_pattern(documented, star=".*"), found) else WIDER


def _pattern(documented: str, *, star: str) -> str:
    texts = [re.escape(text).replace(r"\*", star) for text in PLACEHOLDER.split(documented)]
    return "[^*]+".join(texts)


def _text(documented: str) -> str:
    """Give the placeholders that everybody has the same for their values, and leave out what is said in brackets."""
    known = {"{partition}": "aws", "{region}": REGION, "{account}": ACCOUNT}
    text = re.sub(r" \(.*", "", documented)
    for name, value in known.items():
        text = text.replace(name, value)
    return text


def _listed(value: Any) -> list[str]:
    return cast("list[str]", value if isinstance(value, list) else [value])


@pytest.mark.parametrize(
    ("found", "documented", "verdict"),
    [
        ("arn:aws:sns:r:1:topic", "arn:aws:sns:r:1:{topic}", SAME),
        ("arn:aws:sns:r:1:*", "arn:aws:sns:r:1:{topic}", WIDER),
        ("arn:aws:lambda:r:1:function:F", "arn:aws:lambda:*:*:function:*", NARROWER),
        ("arn:aws:lambda:*:*:function:*", "arn:aws:lambda:*:*:function:*", SAME),
        ("*", "arn:aws:lambda:*:*:function:*", WIDER),
        ("arn:aws:lambda:r:1:function:F", "*", NARROWER),
        ("*", "*", SAME),
        ("ssm.amazonaws.com", "ec2.amazonaws.com", WIDER),
    ],
)
def test_the_comparison_tells_what_is_narrower_from_what_is_wider(found: str, documented: str, verdict: int) -> None:
    assert _compared(found, documented) == verdict


def changed(**changes: Any) -> Role:
    """Make the documented role of run_command_sns, with something changed."""
    statement = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"}
    trust = {"Statement": [{**statement, **changes.pop("trust", {})}]}
    policies = [{"Statement": [{**publish, **changes.pop("publish", {})}, *changes.pop("more", [])]}]
    return Role({"AssumeRolePolicyDocument": trust, **changes}, policies)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (changed(), []),
        (changed(trust={"Principal": {"Service": "ec2.amazonaws.com"}}), ["trust lacks", "trust of ec2"]),
        (
            changed(trust={"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}),
            ["trust of ssm.amazonaws.com: aws:SourceAccount added"],
        ),
        (changed(publish={"Resource": "*"}), ["sns:Publish: wider"]),
        (changed(publish={"Action": "sns:Subscribe"}), ["lacks sns:Publish", "sns:Subscribe beyond"]),
        (
            changed(more=[{"Effect": "Allow", "Action": ["ssm:SendCommand"], "Resource": "*"}]),
            ["ssm:SendCommand beyond"],
        ),
        (changed(ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]), ["policy AdministratorAccess"]),
        (changed(Path="/service-role/"), ["path /service-role/"]),
        (changed(Tags=[{"Key": "caller", "Value": "SSM"}]), ["tags"]),
    ],
)
def test_the_comparison_sees_every_difference(role: Role, expected: list[str]) -> None:
    found = sorted(differences(FACTS["run_command_sns"], role))
    assert len(found) == len(expected)
    for one, begin in zip(found, expected, strict=True):
        assert one.startswith(begin)
