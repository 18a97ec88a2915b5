"""Policies that IAM would reject at deploy time are an error at synth, and those that it may reject are a warning."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from aws_cdk import Annotations, App, CfnParameter, CfnResource, Environment, Stack, Stage
from aws_cdk import aws_iam as iam
from hypothesis import given, settings
from hypothesis import strategies as st

from ssm_roles import (
    AutomationExecutionRole,
    AutomationServiceRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    NodeBasePolicy,
    NodeCapability,
)
from ssm_roles._cdk.stack_facts import stack_facts
from ssm_roles._facts.agent_buckets import PATCH_SUFFIXES
from ssm_roles._facts.iam_limits import INLINE_POLICIES, MANAGED_POLICIES_PER_ROLE, MANAGED_POLICY, TRUST_POLICY
from ssm_roles._facts.regions import REGIONS, partition_of
from ssm_roles._iam.policy_sizes import PolicySizes
from tests.unit.templates import ACCOUNT, deployed, new_stack, refusal_at_synth

# A Region and its partition, with the longest names of each.
LONGEST = [("aws-us-gov", "us-gov-west-1"), ("aws", "ap-southeast-1"), ("aws-iso-b", "us-isob-west-1")]
PATCHED = sorted(PATCH_SUFFIXES)
COMMERCIAL = sorted(each for each in REGIONS if partition_of(each) == "aws")
REFUSAL = re.compile(
    r"\[Stack/\w+\] [a-z -]+ must (have at most [\d,]+ characters|be at most \d+), got [\d,]+"
    r"(?: and probably [\d,]+ more)?: [a-z ,]+"
)


def runbooks(number: int) -> list[str]:
    return [f"Restart-Application-Server-Number-{each:04}" for each in range(number)]


def accounts(number: int) -> list[str]:
    return [f"{each:012}" for each in range(1, number + 1)]


def size(document: Any, partition: str, region: str) -> int:
    """Measure a document as IAM does, after CloudFormation has resolved it."""
    text = json.dumps(deployed(document, partition, region), separators=(",", ":"), ensure_ascii=False)
    return len(re.sub(r"\s", "", text))


class Measured:
    """The policies of a synthesized app, measured without the library."""

    def __init__(self, stacks: Sequence[dict[str, Any]], partition: str, region: str) -> None:
        self.inline: dict[tuple[str, str], int] = {}
        self.managed: list[int] = []
        self.trust: list[int] = []
        self.attached: dict[tuple[str, str], int] = {}
        for number, template in enumerate(stacks):
            for logical_id, resource in template.get("Resources", {}).items():
                properties = deployed_names(resource.get("Properties", {}))
                own = (f"{number} {logical_id}", resource["Type"].rpartition("::")[2].lower())
                if resource["Type"] == "AWS::IAM::Role":
                    self.trust.append(size(properties["AssumeRolePolicyDocument"], partition, region))
                    self.attached[own] = self.attached.get(own, 0) + len(properties.get("ManagedPolicyArns", []))
                    for policy in properties.get("Policies", []):
                        self.add(own, size(policy["PolicyDocument"], partition, region))
                elif resource["Type"] == "AWS::IAM::ManagedPolicy":
                    self.managed.append(size(properties["PolicyDocument"], partition, region))
                    for name in properties.get("Roles", []):
                        holder = (f"{number} {name}", "role")
                        self.attached[holder] = self.attached.get(holder, 0) + 1
                elif resource["Type"] == "AWS::IAM::Policy":
                    for kind in ("role", "user", "group"):
                        for name in properties.get(f"{kind.capitalize()}s", []):
                            self.add((f"{number} {name}", kind), size(properties["PolicyDocument"], partition, region))

    def add(self, holder: tuple[str, str], length: int) -> None:
        self.inline[holder] = self.inline.get(holder, 0) + length

    def above_hard_limits(self) -> bool:
        return any(length > INLINE_POLICIES[kind] for (_, kind), length in self.inline.items()) or any(
            length > MANAGED_POLICY for length in self.managed
        )

    def above_defaults(self) -> bool:
        return any(length > TRUST_POLICY for length in self.trust) or any(
            number > MANAGED_POLICIES_PER_ROLE for number in self.attached.values()
        )


def deployed_names(part: Any) -> Any:
    """Give resources their logical IDs as names, and roles the longest ARN."""
    if isinstance(part, dict) and list(part) == ["Ref"] and "::" not in part["Ref"]:
        return part["Ref"]
    if isinstance(part, dict) and list(part) == ["Fn::GetAtt"]:
        return {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, f":iam::{ACCOUNT}:role/{'n' * 64}"]]}
    if isinstance(part, dict):
        return {key: deployed_names(value) for key, value in part.items()}
    if isinstance(part, list):
        return [deployed_names(each) for each in part]
    return part


def templates_of(app: App) -> tuple[list[dict[str, Any]], list[str]]:
    """Synthesize, and return the templates and the warnings."""
    stacks = app.synth().stacks_recursively
    warnings = [str(message.entry.data) for stack in stacks for message in stack.messages]
    return [cast("dict[str, Any]", stack.template) for stack in stacks], warnings


def check_fits(stack: Stack) -> list[str]:
    """Check that all documents fit in every partition, and return the warnings."""
    templates, warnings = templates_of(cast(App, stack.node.root))
    for partition, region in LONGEST:
        assert not Measured(templates, partition, region).above_hard_limits()
    return warnings


def statement(length: int) -> iam.PolicyStatement:
    """Make a statement of about this size."""
    return iam.PolicyStatement(actions=["s3:GetObject"], resources=[f"arn:aws:s3:::bucket/{'k' * (length - 90)}"])


def document(length: int) -> iam.PolicyDocument:
    return iam.PolicyDocument(statements=[statement(length - 40)])


# Written so that it fits


@pytest.mark.parametrize("number", [1, 20, 21, len(PATCHED)])
def test_the_buckets_of_any_number_of_regions_fit(number: int) -> None:
    stack = new_stack()
    capabilities = [NodeCapability.agent_buckets(PATCHED[:number]), NodeCapability.patching(PATCHED[:number])]
    HybridServiceRole(stack, "Nodes", capabilities=capabilities)
    assert check_fits(stack) == []


@pytest.mark.parametrize("number", [1, 37, 38, 120])
def test_a_role_can_start_any_number_of_runbooks(number: int) -> None:
    stack = new_stack()
    operator = iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())
    AutomationServiceRole(stack, "Runbooks").grant_start_execution(operator, runbooks(number))
    assert check_fits(stack) == []


def test_a_maintenance_window_can_have_many_tasks() -> None:
    stack = new_stack()
    MaintenanceWindowServiceRole(stack, "Window", tasks=[MaintenanceWindowTask.automation(runbooks(120))])
    assert check_fits(stack) == []


@pytest.mark.parametrize("number", [1, 8, 20])
def test_an_execution_role_can_trust_many_central_accounts(number: int) -> None:
    stack = new_stack()
    AutomationExecutionRole(
        stack, "Execution", administrator_accounts=accounts(number), runbooks=["AWS-RestartEC2Instance"]
    )
    assert check_fits(stack) == []


def test_an_execution_role_that_trusts_too_many_accounts_is_a_warning_or_an_error() -> None:
    for number in (60, 200):
        stack = new_stack()
        AutomationExecutionRole(
            stack, "Execution", administrator_accounts=accounts(number), runbooks=["AWS-RestartEC2Instance"]
        )
        if number == 60:
            (warning,) = check_fits(stack)
            assert "ssm-roles:trustPolicyLength" in warning
        else:
            assert "[Stack/Execution] the trust policy must have at most 8,192 characters" in refusal_at_synth(stack)


def test_a_statement_is_divided_only_if_it_is_long() -> None:
    stack = new_stack()
    HybridServiceRole(stack, "Nodes", capabilities=[NodeCapability.agent_buckets(["eu-central-1", "eu-west-1"])])
    (template,), _ = templates_of(cast(App, stack.node.root))
    (policy,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::IAM::Policy")
    assert len(policy["Properties"]["PolicyDocument"]["Statement"]) == 1


# An error


def test_too_many_inline_policies_are_an_error_that_says_what_to_do() -> None:
    stack = new_stack()
    HybridServiceRole(
        stack,
        "Nodes",
        inline_policies={"Own": document(8000)},
        capabilities=[NodeCapability.agent_buckets(PATCHED[:10]), NodeCapability.patching(PATCHED[:10])],
    )
    error = refusal_at_synth(stack)
    assert "[Stack/Nodes] inline policies of a role must have at most 10,240 characters, got 1" in error
    assert ": attach some of the permissions as a managed policy, or divide the tasks among several roles" in error


@pytest.mark.parametrize(("kind", "fits", "too_large"), [("User", 5, 40), ("Group", 20, 60)])
def test_users_and_groups_have_limits_of_their_own(kind: str, fits: int, too_large: int) -> None:
    limit = f"{INLINE_POLICIES[kind.lower()]:,}"
    for number in (fits, too_large):
        stack = new_stack()
        operator = getattr(iam, kind)(stack, "Operator")
        AutomationServiceRole(stack, "Runbooks").grant_start_execution(operator, runbooks(number))
        if number == fits:
            assert check_fits(stack) == []
        else:
            expected = f"[Stack/Operator] inline policies of a {kind.lower()} must have at most {limit} characters, got"
            assert expected in refusal_at_synth(stack)


def test_a_managed_policy_that_is_too_large_is_an_error() -> None:
    for length, fits in ((6144, True), (6145, False)):
        stack = new_stack()
        policy = iam.ManagedPolicy(stack, "Policy", statements=[statement(3000)])
        HybridServiceRole(stack, "Nodes", managed_policies=[policy])
        own = policy.document.to_json()
        missing = length - size(own, "aws", "eu-central-1")
        stack = new_stack()
        policy = iam.ManagedPolicy(stack, "Policy", statements=[statement(3000 + missing)])
        HybridServiceRole(stack, "Nodes", managed_policies=[policy])
        if fits:
            assert check_fits(stack) == []
        else:
            assert "[Stack/Policy] a managed policy must have at most 6,144 characters, got 6,145: divide" in (
                refusal_at_synth(stack)
            )


def test_permissions_of_one_imported_role_from_two_stacks_count_together() -> None:
    app = App()
    for name in ("One", "Two"):
        stack = Stack(app, name, env=Environment(account=ACCOUNT, region="eu-central-1"))
        role = iam.Role.from_role_arn(stack, "Role", f"arn:aws:iam::{ACCOUNT}:role/Imported")
        NodeCapability.of(statements=[statement(6000)]).grant(role)
    assert "inline policies of a role must have at most 10,240 characters, got 12," in refusal_at_synth(
        cast(Stack, app.node.find_child("One"))
    )


def test_tags_that_no_policy_can_name_are_an_error() -> None:
    stack = new_stack()
    tags = {f"{each:02}{'k' * 126}": "v" for each in range(30)}
    HybridActivation(
        stack, "Activation", role=HybridServiceRole(stack, "Nodes"), tags={"a": "b"}
    ).grant_deregister_nodes(iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal()), tags=tags)
    HybridServiceRole(stack, "Others").grant_create_activation(
        iam.User(stack, "User"), tags=dict.fromkeys(list(tags)[:10], "v")
    )
    assert "[Stack/User] inline policies of a user must have at most 2,048 characters" in refusal_at_synth(stack)


# A warning


def test_a_policy_that_the_cdk_divides_may_be_one_policy_too_many() -> None:
    stack = new_stack()
    policies = [iam.ManagedPolicy.from_aws_managed_policy_name(f"Policy{each}") for each in range(9)]
    role = HybridServiceRole(
        stack, "Nodes", managed_policies=policies, capabilities=[NodeCapability.agent_buckets(PATCHED)]
    )
    warnings = check_fits(stack)
    (own,) = (each for each in warnings if "ssm-roles:managedPoliciesPerRole" in each)
    assert re.match(r"The role has 1[1-9] managed policies. An account allows 10 unless you have requested", own)
    assert role.node.path == "Stack/Nodes"


def test_warnings_can_be_acknowledged() -> None:
    stack = new_stack()
    policies = [iam.ManagedPolicy.from_aws_managed_policy_name(f"Policy{each}") for each in range(10)]
    HybridServiceRole(stack, "Nodes", managed_policies=policies)
    # Older versions of the CDK look for acknowledgements above the construct with the warning only.
    Annotations.of(stack).acknowledge_warning("ssm-roles:managedPoliciesPerRole", "The quota is 20 here.")
    assert check_fits(stack) == []


def test_warnings_reach_the_stacks_of_stages() -> None:
    stage = Stage(App(), "Production")
    policies = [iam.ManagedPolicy.from_aws_managed_policy_name(f"Policy{each}") for each in range(10)]
    HybridServiceRole(Stack(stage, "Fleet"), "Nodes", managed_policies=policies)
    (stack,) = stage.synth().stacks
    assert [str(each.entry.data) for each in stack.messages if "managedPoliciesPerRole" in str(each.entry.data)]
    (stack,) = cast(App, stage.node.root).synth().nested_assemblies[0].nested_assembly.stacks
    assert len([each for each in stack.messages if "managedPoliciesPerRole" in str(each.entry.data)]) == 1


def test_a_policy_whose_size_is_known_at_deploy_time_only_is_a_warning() -> None:
    stack = new_stack()
    buckets = [CfnParameter(stack, f"Bucket{each}").value_as_string for each in range(80)]
    reading = iam.PolicyStatement(actions=["s3:GetObject"], resources=[f"arn:aws:s3:::{each}/*" for each in buckets])
    HybridServiceRole(stack, "Nodes", inline_policies={"Read": iam.PolicyDocument(statements=[reading])})
    (warning,) = (each for each in check_fits_except_tokens(stack) if "policySizeUnknown" in each)
    assert "It has 1,5" in warning
    assert "and probably 12,000 more characters of 10,240 that IAM allows. If it is too large, attach some" in warning


def check_fits_except_tokens(stack: Stack) -> list[str]:
    _, warnings = templates_of(cast(App, stack.node.root))
    return warnings


def test_a_few_tokens_are_no_warning() -> None:
    stack = new_stack()
    activation = HybridActivation(stack, "Activation", role=HybridServiceRole(stack, "Nodes"))
    activation.grant_read(iam.User(stack, "Reader"))
    assert check_fits_except_tokens(stack) == []


def test_a_trust_policy_above_the_default_quota_is_a_warning_and_above_the_maximum_an_error() -> None:
    def trusting(number: int) -> Stack:
        stack = new_stack()
        role = HybridServiceRole(stack, "Nodes")
        trust = cast(iam.PolicyDocument, role.assume_role_policy)
        principals = [iam.AccountPrincipal(each) for each in accounts(number)]
        trust.add_statements(iam.PolicyStatement(actions=["sts:AssumeRole"], principals=[*principals]))
        return stack

    assert check_fits(trusting(10)) == []
    (warning,) = check_fits(trusting(60))
    assert re.match(r"The trust policy has 2,\d{3} characters. An account allows 2,048 unless", warning)
    assert "[Stack/Nodes] the trust policy must have at most 8,192 characters, got 1" in refusal_at_synth(trusting(250))


# Everything together


def combinations() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "buckets": st.integers(0, len(PATCHED)),
            "patching": st.integers(0, len(PATCHED)),
            "regions": st.integers(1, 30),
            "parameters": st.integers(0, 60),
            "policies": st.integers(0, 14),
            "inline": st.lists(st.integers(100, 6000), max_size=3),
            "runbooks": st.integers(1, 90),
            "grantee": st.sampled_from(["role", "user", "group"]),
            "tasks": st.integers(1, 90),
            "tags": st.integers(0, 20),
            "trusted": st.integers(0, 220),
            "accounts": st.integers(1, 120),
            "region": st.sampled_from([None, "eu-central-1"]),
        }
    )


def build(made: dict[str, Any]) -> Stack:
    stack = new_stack(region=made["region"])
    capabilities = [
        capability(PATCHED[: made[name]])
        for name, capability in (("buckets", NodeCapability.agent_buckets), ("patching", NodeCapability.patching))
        if made[name]
    ]
    if made["parameters"]:
        names = [f"/fleet/application/parameter-number-{each}" for each in range(made["parameters"])]
        capabilities.append(NodeCapability.parameters(*names))
    inline = {f"Inline{each}": document(length) for each, length in enumerate(made["inline"])}
    nodes = HybridServiceRole(
        stack,
        "Nodes",
        activation_regions=COMMERCIAL[: made["regions"]],
        base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
        capabilities=capabilities,
        managed_policies=[
            iam.ManagedPolicy.from_aws_managed_policy_name(f"Policy{each}") for each in range(made["policies"])
        ],
        # More in one argument are an error of the constructor.
        inline_policies=inline if sum(made["inline"]) < 10_000 else None,
    )
    kinds: dict[str, Any] = {"user": iam.User, "group": iam.Group}
    grantee = (
        iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())
        if made["grantee"] == "role"
        else kinds[made["grantee"]](stack, "Operator")
    )
    AutomationServiceRole(stack, "Runbooks").grant_start_execution(grantee, runbooks(made["runbooks"]))
    nodes.grant_create_activation(grantee, tags={f"key-{each}": "value" * 10 for each in range(made["tags"])})
    MaintenanceWindowServiceRole(stack, "Window", tasks=[MaintenanceWindowTask.automation(runbooks(made["tasks"]))])
    AutomationExecutionRole(
        stack,
        "Execution",
        administrator_accounts=accounts(made["accounts"]),
        # Each is named as a runbook of each of the accounts.
        runbooks=runbooks(made["runbooks"] // 30 + 1),
    )
    if made["trusted"]:
        trust = cast(iam.PolicyDocument, nodes.assume_role_policy)
        principals = [iam.AccountPrincipal(each) for each in accounts(made["trusted"])]
        trust.add_statements(iam.PolicyStatement(actions=["sts:AssumeRole"], principals=[*principals]))
    return stack


def check_combination(made: dict[str, Any]) -> str:
    """Check that all documents fit, or that an error or a warning says so, and return which."""
    stack = build(made)
    app = cast(App, stack.node.root)
    places = [("aws", made["region"])] if made["region"] else LONGEST
    refusal: str | None = None
    try:
        templates, warnings = templates_of(app)
    except RuntimeError as error:
        refusal = str(error)
    if refusal is not None:
        assert REFUSAL.search(refusal), refusal
        return "error"
    measured = [Measured(templates, partition, region) for partition, region in places]
    assert not any(each.above_hard_limits() for each in measured)
    if any(each.above_defaults() for each in measured):
        assert any("ssm-roles:managedPoliciesPerRole" in each or "trustPolicyLength" in each for each in warnings)
        return "warning"
    return "fits"


@given(combinations())
def test_every_combination_fits_or_is_an_error_or_a_warning(made: dict[str, Any]) -> None:
    check_combination(made)


# jsii keeps all objects of a process, so that many cases need several processes: SSM_ROLES_QUOTA_CASES=1000.
@pytest.mark.deep
@settings(max_examples=int(os.environ.get("SSM_ROLES_QUOTA_CASES", "80")))
@given(combinations())
def test_every_combination_of_many_fits_or_is_an_error_or_a_warning(made: dict[str, Any]) -> None:
    check_combination(made)


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    small: dict[str, Any] = {
        "buckets": 1,
        "patching": 0,
        "regions": 1,
        "parameters": 0,
        "policies": 0,
        "inline": [],
        "runbooks": 1,
        "grantee": "role",
        "tasks": 1,
        "tags": 0,
        "trusted": 0,
        "accounts": 1,
        "region": None,
    }
    yield "fits", small
    yield "warning", {**small, "policies": 12}
    yield "error", {**small, "grantee": "user", "runbooks": 60}


@pytest.mark.parametrize(("expected", "made"), list(cases()), ids=["fits", "warning", "error"])
def test_the_property_knows_all_three_results(expected: str, made: dict[str, Any]) -> None:
    assert check_combination(made) == expected


# Templates that people write


def test_a_template_with_loops_and_conditions_is_measured() -> None:
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    inline = {"PolicyName": "P", "PolicyDocument": {"Statement": [allow]}}
    principal = {"Service": "ssm.amazonaws.com"}
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]}
    resources = {
        "Optional": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust,
                "Policies": [{"Fn::If": ["IsProduction", inline, {"Ref": "AWS::NoValue"}]}],
                "ManagedPolicyArns": {"Fn::Split": [",", {"Ref": "AWS::StackName"}]},
            },
        },
        "Other": {"Type": "AWS::IAM::RolePolicy", "Properties": {**inline, "RoleName": {"Ref": "Optional"}}},
    }
    stack = new_stack()
    HybridServiceRole(stack, "Nodes")
    for name, resource in resources.items():
        made = CfnResource(stack, name, type=str(resource["Type"]))
        for key, value in cast("dict[str, Any]", resource["Properties"]).items():
            made.add_property_override(key, value)
    loop = {"Fn::ForEach::Topics": ["Name", ["A"], {"Topic${Name}": {"Type": "AWS::SNS::Topic"}}]}
    _, warnings = templates_of(cast(App, stack.node.root))
    assert [each for each in warnings if "ssm-roles" in each] == []
    sizes = PolicySizes(stack_facts(stack), resources)
    unusual: list[Any] = [{"Fn::If": "malformed"}, {"Fn::Sub": ["${A}", "malformed"]}, {"Fn::Join": []}, loop]
    assert all(sizes.of(part).most > 0 for part in unusual)
