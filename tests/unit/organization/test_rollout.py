"""A rollout deploys one stack per account and one per Region, and rejects what fails in some of them only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import jsii
import pytest
from aws_cdk import (
    Annotations,
    App,
    Aspects,
    Aws,
    BootstraplessSynthesizer,
    CfnCondition,
    CfnOutput,
    CfnParameter,
    CfnResource,
    Environment,
    Fn,
    IAspect,
    IStackSynthesizer,
    LegacyStackSynthesizer,
    NestedStack,
    PhysicalName,
    RemovalPolicy,
    SecretValue,
    Stack,
    Stage,
    Tags,
)
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm
from aws_cdk import cloudformation_include as include
from aws_cdk.assertions import Template
from constructs import Construct, IConstruct

from ssm_roles import (
    AutomationExecutionRole,
    DefaultHostManagementRole,
    DefaultHostManagementSetting,
    FunctionSettings,
    HybridActivation,
    HybridServiceRole,
    ManagedInstanceRole,
    OrganizationRollout,
    ServiceLinkedRole,
    ServiceLinkedRoleCreation,
    ServiceLinkedRoleType,
)
from tests.unit.conftest import Refused
from tests.unit.templates import case_id, logical_id, new_stack, refusal_at_synth

MANAGEMENT, MEMBER = "111122223333", "444455556666"
UNIT = "ou-ab12-11111111"
HERE, THERE = "eu-west-1", "us-east-1"
_STACK_SET = "AWS::CloudFormation::StackSet"


@pytest.fixture
def stack() -> Stack:
    """A stack in the management account."""
    return new_stack("Org", region=HERE, account=MANAGEMENT)


def rollout_in(scope: Construct, id: str = "Ssm", **arguments: Any) -> OrganizationRollout:
    return OrganizationRollout(scope, id, **{"organizational_units": [UNIT], "regions": [HERE, THERE], **arguments})


def hybrid_nodes(rollout: OrganizationRollout, **arguments: Any) -> HybridServiceRole:
    named = {"role_name": "HybridNodes", "activation_regions": rollout.regions, **arguments}
    return HybridServiceRole(rollout.account_stack, "Nodes", **named)


def topic(scope: Construct, id: str = "Topic") -> sns.CfnTopic:
    return sns.CfnTopic(scope, id)


def synthesized(stack: Stack) -> dict[str, Any]:
    """Synthesize the app, and return the properties of the stack sets by the last part of their names."""
    template = Template.from_stack(stack).find_resources(_STACK_SET)
    return {each["Properties"]["StackSetName"].rpartition("-")[2]: each for each in template.values()}


def body(stack: Stack, part: str) -> dict[str, Any]:
    """Return the template that a stack set deploys."""
    return cast("dict[str, Any]", json.loads(synthesized(stack)[part]["Properties"]["TemplateBody"]))


def types(template: dict[str, Any]) -> set[str]:
    return {each["Type"] for each in template["Resources"].values()}


# The four that every construct has


def test_a_minimal_rollout_has_two_stack_sets_in_order(stack: Stack) -> None:
    rollout = rollout_in(stack)
    topic(rollout.account_stack)
    topic(rollout.regional_stack)
    account, regional = (synthesized(stack)[part] for part in ("Account", "Regional"))
    (account_id,) = regional["DependsOn"]
    common = {
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "CallAs": "SELF",
        "ManagedExecution": {"Active": True},
        "OperationPreferences": {
            "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
            "FailureTolerancePercentage": 5,
            "MaxConcurrentPercentage": 25,
            "RegionConcurrencyType": "PARALLEL",
        },
        "PermissionModel": "SERVICE_MANAGED",
    }
    targets = {"OrganizationalUnitIds": [UNIT]}
    assert account == {
        "Type": _STACK_SET,
        "Properties": {
            **common,
            "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": True},
            "Description": "Org/Ssm: once per account, in eu-west-1",
            "StackInstancesGroup": [{"DeploymentTargets": targets, "Regions": [HERE]}],
            "StackSetName": "Org-Ssm-62426D3D-Account",
            "TemplateBody": '{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}',
        },
    }
    arn = ["arn:", {"Ref": "AWS::Partition"}, f":cloudformation:{HERE}:{MANAGEMENT}:stackset/", {"Ref": account_id}]
    assert regional == {
        "Type": _STACK_SET,
        "DependsOn": [account_id],
        "Properties": {
            **common,
            "AutoDeployment": {
                "DependsOn": [{"Fn::Join": ["", arn]}],
                "Enabled": True,
                "RetainStacksOnAccountRemoval": True,
            },
            "Description": "Org/Ssm: in every Region",
            "StackInstancesGroup": [{"DeploymentTargets": targets, "Regions": [HERE, THERE]}],
            "StackSetName": "Org-Ssm-62426D3D-Regional",
            "TemplateBody": '{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}',
        },
    }


def test_everything_that_can_be_set_is_in_the_template(stack: Stack) -> None:
    rollout = rollout_in(
        stack,
        organizational_units=[UNIT, "r-ab12"],
        regions=[THERE],
        home_region="eu-north-1",
        except_accounts=[MEMBER],
        new_accounts=True,
        account_removal_policy=RemovalPolicy.DESTROY,
        concurrent_accounts_percentage=100,
        tolerated_failures_percentage=0,
        management_account="999999999999",
        expected_accounts=10,
    )
    assert (rollout.regions, rollout.home_region) == ([THERE], "eu-north-1")
    topic(rollout.account_stack)
    topic(rollout.regional_stack)
    account, regional = (synthesized(stack)[part]["Properties"] for part in ("Account", "Regional"))
    for each in (account, regional):
        assert each["CallAs"] == "DELEGATED_ADMIN"
        assert each["OperationPreferences"]["MaxConcurrentPercentage"] == 100
        assert each["OperationPreferences"]["FailureTolerancePercentage"] == 0
        assert each["AutoDeployment"]["RetainStacksOnAccountRemoval"] is False
        assert each["StackInstancesGroup"][0]["DeploymentTargets"] == {
            "OrganizationalUnitIds": [UNIT, "r-ab12"],
            "Accounts": [MEMBER],
            "AccountFilterType": "DIFFERENCE",
        }
    assert account["StackInstancesGroup"][0]["Regions"] == ["eu-north-1"]
    assert regional["StackInstancesGroup"][0]["Regions"] == [THERE]
    # The management account owns the stack sets of a delegated administrator.
    (arn,) = regional["AutoDeployment"]["DependsOn"]
    assert arn["Fn::Join"][1][2] == f":cloudformation:{HERE}:999999999999:stackset/"


def test_only_some_accounts_are_targets(stack: Stack) -> None:
    topic(rollout_in(stack, only_accounts=[MEMBER], new_accounts=False).account_stack)
    account = synthesized(stack)["Account"]["Properties"]
    assert account["AutoDeployment"] == {"Enabled": False}
    assert account["StackInstancesGroup"][0]["DeploymentTargets"] == {
        "OrganizationalUnitIds": [UNIT],
        "Accounts": [MEMBER],
        "AccountFilterType": "INTERSECTION",
    }


BAD: dict[str, dict[str, Any]] = {
    "organizational_units": {
        "an ARN": [f"arn:aws:organizations::{MANAGEMENT}:ou/o-a/{UNIT}"],
        "none": [],
        "a string": UNIT,
        "not an ID": ["ou-1"],
        "an account": [MEMBER],
        "a number": [1],
        "twice": [UNIT, UNIT],
        "51": [f"ou-ab12-{number:08d}" for number in range(51)],
        "None": None,
    },
    "regions": {
        "none": [],
        "a string": HERE,
        "twice": [HERE, HERE],
        "every": ["*"],
        "a token": [Aws.REGION],
        "GovCloud": ["us-gov-west-1"],
        "China": ["cn-north-1"],
        "mixed": [HERE, "us-gov-west-1"],
        "not a Region": ["Ireland"],
        "a zone": ["eu-west-1a"],
    },
    "home_region": {"GovCloud": "us-gov-west-1", "a token": Aws.REGION, "every": "*", "a list": [HERE]},
    "except_accounts": {
        "none": [],
        "too short": ["1234"],
        "twice": [MEMBER, MEMBER],
        "a number": [444455556666],
        "the management account": [MANAGEMENT],
    },
    "new_accounts": {"text": "yes", "None": None},
    "account_removal_policy": {"SNAPSHOT": RemovalPolicy.SNAPSHOT, "text": "RETAIN", "None": None},
    "concurrent_accounts_percentage": {"0": 0, "101": 101, "a fraction": 2.5, "True": True, "text": "25"},
    "tolerated_failures_percentage": {"-1": -1, "101": 101, "a fraction": 2.5, "None": None},
    "expected_accounts": {"0": 0, "text": "10", "a fraction": 1.5},
    "management_account": {"too short": "1", "a number": 1, "the stack's own": MANAGEMENT},
    "after": {"a string": "Other", "strings": ["Other"], "no list": 1},
}


@pytest.mark.parametrize(
    ("argument", "value"),
    [(argument, value) for argument, cases in BAD.items() for value in cases.values()],
    ids=[f"{argument}-{name}" for argument, cases in BAD.items() for name in cases],
)
def test_invalid_input_is_rejected(stack: Stack, refused: Refused, argument: str, value: Any) -> None:
    refused(lambda: rollout_in(stack, **{argument: value}), argument, tree=stack)


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("only_accounts", {"only_accounts": [MEMBER], "except_accounts": [MEMBER], "new_accounts": False}),
        ("only_accounts", {"only_accounts": [MANAGEMENT], "new_accounts": False}),
        ("new_accounts", {"only_accounts": [MEMBER]}),
        ("account_removal_policy", {"new_accounts": False, "account_removal_policy": RemovalPolicy.DESTROY}),
    ],
    ids=case_id,
)
def test_arguments_that_stack_sets_would_ignore_are_rejected(
    stack: Stack, refused: Refused, argument: str, arguments: dict[str, Any]
) -> None:
    refused(lambda: rollout_in(stack, **arguments), argument, tree=stack)


def test_values_that_are_known_at_deploy_time_pass(stack: Stack) -> None:
    unit = Fn.import_value("Unit")
    topic(rollout_in(stack, organizational_units=[unit], except_accounts=[Fn.import_value("Sandbox")]).account_stack)
    (group,) = synthesized(stack)["Account"]["Properties"]["StackInstancesGroup"]
    assert group["DeploymentTargets"]["OrganizationalUnitIds"] == [{"Fn::ImportValue": "Unit"}]


def test_a_rollout_is_outside_of_china(refused: Refused) -> None:
    stack = new_stack(region="cn-north-1")
    message = refused(lambda: rollout_in(stack, regions=["cn-north-1"]), "scope", tree=stack)
    assert "trusted access" in message
    # Without a Region, the partition is that of the Regions.
    stack = new_stack()
    refused(lambda: rollout_in(stack, regions=["cn-north-1"]), "regions", tree=stack)


def test_a_rollout_is_not_inside_a_rollout(stack: Stack, refused: Refused) -> None:
    outer = rollout_in(stack)
    for inner in (outer.account_stack, outer.regional_stack):
        refused(lambda inner=inner: rollout_in(inner), "scope", tree=inner)


def test_the_home_region_is_that_of_the_stack(stack: Stack) -> None:
    assert rollout_in(stack, "One", regions=[THERE, HERE]).home_region == HERE
    # Another list of Regions doesn't move the roles of all accounts.
    assert rollout_in(stack, "Two", regions=[THERE, "us-west-2"]).home_region == HERE
    assert rollout_in(new_stack(), regions=[THERE, HERE]).home_region == THERE


# The stacks


def test_a_stack_without_resources_has_no_stack_set(stack: Stack) -> None:
    rollout = rollout_in(stack)
    topic(rollout.regional_stack)
    CfnOutput(rollout.account_stack, "Nothing", value="to deploy")
    found = synthesized(stack)
    assert list(found) == ["Regional"]
    assert "DependsOn" not in found["Regional"]
    assert "DependsOn" not in found["Regional"]["Properties"]["AutoDeployment"]


def test_a_rollout_without_resources_is_nothing(stack: Stack) -> None:
    rollout_in(stack)
    topic(stack)
    assert synthesized(stack) == {}


def test_the_stacks_are_no_artifacts_but_files_to_review(stack: Stack) -> None:
    rollout = rollout_in(stack)
    hybrid_nodes(rollout)
    app = cast(App, stack.node.root)
    assembly = app.synth()
    assert [each.display_name for each in assembly.stacks] == ["Org"]
    files = sorted(path.name for path in Path(assembly.directory).glob("*.template.json"))
    assert files == ["Org.template.json", "OrgSsmAccountC8D09C7B.template.json"]
    reviewed = json.loads((Path(assembly.directory) / files[1]).read_text(encoding="utf-8"))
    assert reviewed == body(stack, "Account")


def test_the_code_of_functions_is_in_the_template(stack: Stack) -> None:
    rollout = rollout_in(stack)
    nodes = hybrid_nodes(rollout)
    ServiceLinkedRole(rollout.account_stack, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)
    HybridActivation(rollout.regional_stack, "Activation", role=rollout.role_in_regions(nodes))
    assembly = cast(App, stack.node.root).synth()
    for part in ("Account", "Regional"):
        (function,) = (
            each for each in body(stack, part)["Resources"].values() if each["Type"] == "AWS::Lambda::Function"
        )
        assert "def handler(" in function["Properties"]["Code"]["ZipFile"]
    # The app has no assets that nothing deploys.
    assert not list(Path(assembly.directory).glob("asset.*"))


def test_a_template_that_is_too_long_for_a_request_is_an_asset_of_the_parent(stack: Stack) -> None:
    rollout = rollout_in(stack)
    for number in range(2):
        role = iam.Role.from_role_arn(
            rollout.regional_stack, f"Role{number}", f"arn:aws:iam::{Aws.ACCOUNT_ID}:role/Nodes", mutable=False
        )
        HybridActivation(rollout.regional_stack, f"Activation{number}", role=role)
    assembly = cast(App, stack.node.root).synth()
    properties = synthesized(stack)["Regional"]["Properties"]
    assert "TemplateBody" not in properties
    manifest = json.loads((Path(assembly.directory) / "Org.assets.json").read_text(encoding="utf-8"))
    (asset,) = (each for each in manifest["files"].values() if each["source"]["path"] != "Org.template.json")
    (destination,) = asset["destinations"].values()
    assert destination["objectKey"] in json.dumps(properties["TemplateURL"])
    deployed = json.loads((Path(assembly.directory) / asset["source"]["path"]).read_text(encoding="utf-8"))
    reviewed = Path(assembly.directory) / "OrgSsmRegionalBCF04D8E.template.json"
    assert deployed == json.loads(reviewed.read_text(encoding="utf-8"))


def test_cloudformation_resolves_dynamic_references_in_each_account(stack: Stack) -> None:
    rollout = rollout_in(stack)
    secret = SecretValue.ssm_secure("/nodes/name").unsafe_unwrap()
    ssm.CfnParameter(rollout.regional_stack, "Copy", type="String", value=secret)
    # In a property of the parent, it would be resolved in the management account.
    assert "TemplateBody" not in synthesized(stack)["Regional"]["Properties"]


@pytest.mark.parametrize("synthesizer", [LegacyStackSynthesizer(), BootstraplessSynthesizer()], ids=["legacy", "none"])
def test_a_template_that_is_too_long_for_a_request_needs_assets(synthesizer: IStackSynthesizer) -> None:
    app = App()
    stack = Stack(app, "Org", synthesizer=synthesizer)
    rollout = rollout_in(stack)
    secret = SecretValue.ssm_secure("/nodes/name").unsafe_unwrap()
    ssm.CfnParameter(rollout.regional_stack, "Copy", type="String", value=secret)
    if isinstance(synthesizer, LegacyStackSynthesizer):
        assert "TemplateURL" in synthesized(stack)["Regional"]["Properties"]
    else:
        assert "Org/Ssm/Regional: the template must be an asset of Org" in refusal_at_synth(stack)


def test_tags_reach_the_stack_sets_and_their_resources(stack: Stack) -> None:
    rollout = rollout_in(stack)
    topic(rollout.regional_stack)
    Tags.of(stack).add("Team", "Platform")
    assert synthesized(stack)["Regional"]["Properties"]["Tags"] == [{"Key": "Team", "Value": "Platform"}]
    assert body(stack, "Regional")["Resources"]["Topic"]["Properties"]["Tags"] == [{"Key": "Team", "Value": "Platform"}]


def test_warnings_and_errors_of_the_stacks_are_shown(stack: Stack) -> None:
    rollout = rollout_in(stack)
    resource = topic(rollout.regional_stack)
    Annotations.of(resource).add_warning_v2("test:careful", "Take care.")
    Annotations.of(resource).add_error("This is wrong.")
    Annotations.of(resource).add_info("This is so.")
    (artifact,) = cast(App, stack.node.root).synth().stacks
    found = {(each.level.name, str(each.entry.data)) for each in artifact.messages}
    assert {text for _, text in found} >= {
        "Org/Ssm/Regional/Topic: Take care. [ack: test:careful]",
        "Org/Ssm/Regional/Topic: This is wrong.",
        "Org/Ssm/Regional/Topic: This is so.",
    }


def test_a_stage_can_have_a_rollout() -> None:
    app = App()
    stage = Stage(app, "Production", env=Environment(account=MANAGEMENT, region=HERE))
    stack = Stack(stage, "Org")
    rollout = rollout_in(stack)
    nodes = hybrid_nodes(rollout)
    HybridActivation(rollout.regional_stack, "Activation", role=rollout.role_in_regions(nodes))
    app.synth()
    assert set(synthesized(stack)) == {"Account", "Regional"}


def test_escape_hatches_reach_the_stack_sets(stack: Stack) -> None:
    rollout = rollout_in(stack)
    topic(rollout.account_stack)
    stack_set = cast(CfnResource, rollout.node.find_child("AccountStackSet"))
    stack_set.add_property_override("AdministrationRoleARN", "arn:example")
    assert synthesized(stack)["Account"]["Properties"]["AdministrationRoleARN"] == "arn:example"


# Waves


def test_a_wave_waits_for_the_stack_sets_of_the_waves_before(stack: Stack) -> None:
    canary = rollout_in(stack, "Canary", organizational_units=["ou-ab12-00000000"])
    others = rollout_in(stack, "Others", after=[canary])
    for rollout in (others, canary):
        topic(rollout.account_stack)
        topic(rollout.regional_stack)
    template = Template.from_stack(stack).find_resources(_STACK_SET)
    order = {name: each.get("DependsOn", []) for name, each in template.items()}
    (first,) = (name for name in order if name.startswith("CanaryAccount"))
    (second,) = (name for name in order if name.startswith("CanaryRegional"))
    (third,) = (name for name in order if name.startswith("OthersAccount"))
    (fourth,) = (name for name in order if name.startswith("OthersRegional"))
    assert order == {
        first: [],
        second: [first],
        third: [second],
        fourth: [third],
    }
    for name, before in order.items():
        automatic = template[name]["Properties"]["AutoDeployment"].get("DependsOn", [])
        assert [each["Fn::Join"][1][3]["Ref"] for each in automatic] == before


def test_waves_define_the_same_names(stack: Stack) -> None:
    for wave, unit in (("Canary", "ou-ab12-00000000"), ("Others", UNIT)):
        rollout = rollout_in(stack, wave, organizational_units=[unit])
        hybrid_nodes(rollout)
        ServiceLinkedRole(
            rollout.account_stack,
            "Inventory",
            role_type=ServiceLinkedRoleType.AMAZON_SSM,
            removal_policy=RemovalPolicy.DESTROY if wave == "Canary" else RemovalPolicy.RETAIN,
        )
    (artifact,) = cast(App, stack.node.root).synth().stacks
    assert [each.entry.data for each in artifact.messages if "ssm-roles" in str(each.entry.data)] == []


def test_the_management_account_defines_the_same_names(stack: Stack) -> None:
    rollout = rollout_in(stack)
    nodes = hybrid_nodes(rollout)
    HybridActivation(rollout.regional_stack, "Activation", role=rollout.role_in_regions(nodes))
    own = Stack(cast(App, stack.node.root), "Management", env=Environment(account=MANAGEMENT, region=HERE))
    own_nodes = HybridServiceRole(own, "Nodes", role_name="HybridNodes")
    HybridActivation(own, "Activation", role=own_nodes)
    assembly = cast(App, stack.node.root).synth()
    found = [each.entry.data for artifact in assembly.stacks for each in artifact.messages]
    assert [each for each in found if "ssm-roles" in str(each)] == []


def test_a_wave_without_resources_does_not_break_the_chain(stack: Stack) -> None:
    first = rollout_in(stack, "First", organizational_units=["ou-ab12-00000000"])
    empty = rollout_in(stack, "Empty", after=[first])
    last = rollout_in(stack, "Last", after=[empty])
    topic(first.account_stack)
    topic(last.regional_stack)
    template = Template.from_stack(stack).find_resources(_STACK_SET)
    before, after = sorted(template)
    assert template[after]["DependsOn"] == [before]


def test_two_rollouts_to_the_same_accounts_do_not_share_names(stack: Stack) -> None:
    for wave in ("One", "Two"):
        hybrid_nodes(rollout_in(stack, wave))
    assert "role_name must be used once in an account, got 'HybridNodes'" in refusal_at_synth(stack)


def test_the_root_contains_every_account(stack: Stack) -> None:
    hybrid_nodes(rollout_in(stack, "Unit"))
    hybrid_nodes(rollout_in(stack, "Root", organizational_units=["r-ab12"]))
    assert "role_name must be used once in an account" in refusal_at_synth(stack)


def test_rollouts_with_lists_of_accounts_share_names(stack: Stack) -> None:
    hybrid_nodes(rollout_in(stack, "Pilot", only_accounts=[MEMBER], new_accounts=False))
    hybrid_nodes(rollout_in(stack, "Others", except_accounts=[MEMBER]))
    cast(App, stack.node.root).synth()


@pytest.mark.deep
def test_a_stack_set_waits_for_ten_others_at_most(stack: Stack) -> None:
    def last_of(waves: int) -> Stack:
        stack = new_stack("Org", region=HERE, account=MANAGEMENT)
        rollouts = [rollout_in(stack, f"Wave{number}") for number in range(waves)]
        for rollout in (*rollouts, rollout_in(stack, "Last", after=rollouts)):
            topic(rollout.account_stack)
            topic(rollout.regional_stack)
        return stack

    found = Template.from_stack(last_of(10)).find_resources(_STACK_SET)
    assert max(len(each.get("DependsOn", [])) for each in found.values()) == 10
    assert refusal_at_synth(last_of(11)) == (
        "Org/Last: after must be rollouts with at most 10 stack sets that don't wait for each other, got 11: name only "
        "the last rollouts"
    )


@pytest.mark.deep
def test_long_chains_of_waves_synthesize(stack: Stack) -> None:
    waves: list[OrganizationRollout] = []
    for number in range(25):
        waves.append(rollout_in(stack, f"Wave{number}", after=waves[-8:]))
        if number % 3 == 0:
            topic(waves[-1].account_stack)
            topic(waves[-1].regional_stack)
    found = Template.from_stack(stack).find_resources(_STACK_SET)
    assert [len(each.get("DependsOn", [])) for each in found.values()] == [0] + [1] * (len(found) - 1)


def test_waves_are_in_one_account_and_region(stack: Stack, refused: Refused) -> None:
    other = Stack(cast(App, stack.node.root), "Other", env=Environment(account=MANAGEMENT, region=THERE))
    refused(lambda: rollout_in(stack, after=[rollout_in(other)]), "after", tree=stack)


def test_a_wave_is_named_once(stack: Stack, refused: Refused) -> None:
    wave = rollout_in(stack, "Wave")
    refused(lambda: rollout_in(stack, after=[wave, wave]), "after", tree=stack)


# Roles in Regions


def test_the_regions_refer_to_a_role_by_its_path_and_name(stack: Stack) -> None:
    rollout = rollout_in(stack)
    nodes = hybrid_nodes(rollout, path="/fleet/")
    role = rollout.role_in_regions(nodes)
    assert rollout.role_in_regions(nodes) is role
    HybridActivation(rollout.regional_stack, "Activation", role=role)
    text = json.dumps(body(stack, "Regional"))
    assert "fleet/HybridNodes" in text
    assert "Fn::ImportValue" not in text
    (artifact,) = cast(App, stack.node.root).synth().stacks
    assert [each.entry.data for each in artifact.messages if "ssm-roles" in str(each.entry.data)] == []


def test_a_policy_of_a_role_in_regions_is_an_error_instead_of_missing(stack: Stack) -> None:
    rollout = rollout_in(stack)
    role = rollout.role_in_regions(hybrid_nodes(rollout))
    s3.Bucket(rollout.regional_stack, "Bucket").grant_read(role)
    assert "Roles must be of the same stack" in refusal_at_synth(stack)


def test_a_policy_of_a_role_in_the_one_region_is_in_its_stack(stack: Stack) -> None:
    rollout = rollout_in(stack, regions=[HERE])
    role = rollout.role_in_regions(hybrid_nodes(rollout))
    s3.Bucket(rollout.regional_stack, "Bucket").grant_read(role)
    assert "AWS::IAM::Policy" in types(body(stack, "Regional"))


def test_a_role_of_the_cdk_is_known_in_regions(stack: Stack) -> None:
    rollout = rollout_in(stack)
    role = iam.Role(
        rollout.account_stack, "Own", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"), role_name="Own", path="/a/"
    )
    CfnOutput(rollout.regional_stack, "Arn", value=rollout.role_in_regions(role).role_arn)
    topic(rollout.regional_stack)
    arn = body(stack, "Regional")["Outputs"]["Arn"]["Value"]["Fn::Join"][1]
    assert arn[-1] == ":role/a/Own"


@pytest.mark.parametrize(
    "name", ["no name", "generated", "token", "in the parent", "in the Regions", "imported", "text"]
)
def test_a_role_that_the_regions_cannot_know_is_rejected(stack: Stack, refused: Refused, name: str) -> None:
    rollout = rollout_in(stack)
    regions = rollout.regions

    def nodes(scope: Construct, **arguments: Any) -> HybridServiceRole:
        return HybridServiceRole(scope, "Nodes", activation_regions=regions, **arguments)

    cases: dict[str, Callable[[], object]] = {
        "no name": lambda: nodes(rollout.account_stack),
        "generated": lambda: nodes(rollout.account_stack, role_name=PhysicalName.GENERATE_IF_NEEDED),
        "token": lambda: nodes(rollout.account_stack, role_name=f"Nodes-{Aws.ACCOUNT_ID}"),
        "in the parent": lambda: nodes(stack, role_name="Nodes"),
        "in the Regions": lambda: nodes(rollout.regional_stack),
        "imported": lambda: iam.Role.from_role_name(rollout.account_stack, "Imported", "Nodes"),
        "text": lambda: "Nodes",
    }
    role = cases[name]()
    refused(lambda: rollout.role_in_regions(cast(iam.IRole, role)), "role", tree=rollout.regional_stack)


def test_the_role_must_be_for_activations_in_every_region(stack: Stack, refused: Refused) -> None:
    rollout = rollout_in(stack)
    nodes = HybridServiceRole(rollout.account_stack, "Nodes", role_name="Nodes")
    message = refused(lambda: rollout.role_in_regions(nodes), "role")
    assert message.startswith(
        "role must have each Region of the rollout in its activation_regions, such as by rollout.regions, got "
        "'Org/Ssm/Account/Nodes'"
    )
    assert THERE in message


@pytest.mark.parametrize("change", ["name", "path"])
def test_a_role_keeps_the_name_by_which_the_regions_know_it(stack: Stack, change: str) -> None:
    rollout = rollout_in(stack)
    nodes = hybrid_nodes(rollout)
    HybridActivation(rollout.regional_stack, "Activation", role=rollout.role_in_regions(nodes))
    resource = cast(iam.CfnRole, nodes.node.default_child)
    if change == "name":
        resource.add_property_override("RoleName", "Other")
    else:
        resource.path = "/other/"
    assert "Org/Ssm/Account/Nodes" in refusal_at_synth(stack)
    assert "path and role_name must be those with which the regional stack refers to the role" in refusal_at_synth(
        stack
    )


def test_a_role_of_the_account_is_not_passed_to_the_regions_directly(stack: Stack, refused: Refused) -> None:
    rollout = rollout_in(stack)
    nodes = hybrid_nodes(rollout)
    message = refused(
        lambda: HybridActivation(rollout.regional_stack, "Activation", role=nodes), "role", tree=rollout.regional_stack
    )
    assert message.endswith("pass role_in_regions(role) of the rollout to regional_stack")


def test_a_role_of_another_rollout_is_imported(stack: Stack, refused: Refused) -> None:
    """Also if it is in the same accounts: only the rollout of a role has its ``role_in_regions``."""
    nodes = hybrid_nodes(rollout_in(stack, "One"))
    other = rollout_in(stack, "Two").regional_stack
    message = refused(lambda: HybridActivation(other, "Activation", role=nodes), "role", tree=other)
    assert message.endswith("import it by its name")


def test_a_role_of_the_parent_is_not_passed_to_a_rollout(stack: Stack, refused: Refused) -> None:
    rollout = rollout_in(stack)
    nodes = HybridServiceRole(stack, "Nodes", role_name="Nodes", activation_regions=rollout.regions)
    for part in (rollout.account_stack, rollout.regional_stack):
        refused(lambda part=part: HybridActivation(part, "Activation", role=nodes), "role", tree=part)


def test_a_role_of_one_account_is_not_imported_into_a_rollout(stack: Stack, refused: Refused) -> None:
    part = rollout_in(stack).regional_stack
    nodes = iam.Role.from_role_arn(part, "Nodes", f"arn:aws:iam::{MEMBER}:role/Nodes")
    assert "Aws.ACCOUNT_ID" in refused(lambda: HybridActivation(part, "Activation", role=nodes), "role", tree=part)


# Default Host Management


def test_default_host_management_is_a_role_per_account_and_a_setting_per_region(stack: Stack) -> None:
    rollout = rollout_in(stack)
    hosts = DefaultHostManagementRole(rollout.account_stack, "Hosts", role_name="DefaultHosts")
    DefaultHostManagementSetting(rollout.regional_stack, "Hosts", role=rollout.role_in_regions(hosts))
    assert types(body(stack, "Account")) == {"AWS::IAM::Role"}
    assert body(stack, "Regional")["Resources"] == {
        "DefaultHostManagementSetting": {
            "Type": "AWS::SSM::ServiceSetting",
            "Properties": {
                "SettingId": "/ssm/managed-instance/default-ec2-instance-management-role",
                "SettingValue": "service-role/DefaultHosts",
            },
        }
    }


@pytest.mark.parametrize("argument", ["encryption_key", "use_fips_endpoint", "ServiceSetting"])
def test_what_depends_on_the_region_is_checked_for_every_region(stack: Stack, refused: Refused, argument: str) -> None:
    rollout = rollout_in(stack, regions=["us-east-1", "me-central-1"])
    part = rollout.regional_stack
    role = rollout.role_in_regions(hybrid_nodes(rollout))
    key = kms.Key.from_key_arn(part, "Key", f"arn:aws:kms:us-east-1:{MANAGEMENT}:key/1")
    if argument == "encryption_key":
        refused(lambda: HybridActivation(part, "Activation", role=role, encryption_key=key), argument, tree=part)
    elif argument == "use_fips_endpoint":
        FunctionSettings.of(part).apply(use_fips_endpoint=True)
        refused(lambda: HybridActivation(part, "Activation", role=role), argument, tree=part)
    else:
        refused(lambda: DefaultHostManagementSetting(part, "Hosts", role=role), "scope", tree=part)


def test_a_setting_is_not_in_the_account_part(stack: Stack, refused: Refused) -> None:
    part = rollout_in(stack).account_stack
    role = DefaultHostManagementRole(part, "Hosts")
    message = refused(lambda: DefaultHostManagementSetting(part, "Setting", role=role), "scope", tree=part)
    assert "regional_stack" in message


def test_default_host_management_is_not_enabled_for_one_region_of_a_rollout(stack: Stack, refused: Refused) -> None:
    rollout = rollout_in(stack)
    part = rollout.account_stack
    message = refused(lambda: DefaultHostManagementRole(part, "Hosts", enabled=True), "enabled", tree=part)
    assert "DefaultHostManagementSetting" in message


# What fails in some accounts or Regions only


def refers_to_the_account(rollout: OrganizationRollout) -> None:
    role = iam.Role(rollout.account_stack, "Own", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    profile = iam.CfnInstanceProfile(rollout.account_stack, "Profile", roles=[role.role_name])
    ssm.CfnParameter(rollout.regional_stack, "Id", type="String", value=profile.attr_arn)


def refers_to_the_parent(rollout: OrganizationRollout) -> None:
    ssm.CfnParameter(rollout.regional_stack, "Name", type="String", value=topic(Stack.of(rollout)).ref)


def is_referred_to_by_the_parent(rollout: OrganizationRollout) -> None:
    own = topic(rollout.account_stack)
    ssm.CfnParameter(Stack.of(rollout), "Id", type="String", value=own.ref)


def is_granted_to_by_the_parent(rollout: OrganizationRollout) -> None:
    s3.Bucket(Stack.of(rollout), "Bucket", bucket_name="ours").grant_read(hybrid_nodes(rollout))


def creates_a_service_linked_role(rollout: OrganizationRollout) -> None:
    iam.CfnServiceLinkedRole(rollout.account_stack, "Inventory", aws_service_name="ssm.amazonaws.com")


def names_a_role(rollout: OrganizationRollout) -> None:
    AutomationExecutionRole(
        rollout.regional_stack, "Automation", administrator_accounts=[MANAGEMENT], runbooks=["AWS-RestartEC2Instance"]
    )


def names_a_policy(rollout: OrganizationRollout) -> None:
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    name = f"Read-{Aws.ACCOUNT_ID}"
    iam.ManagedPolicy(rollout.regional_stack, "Read", managed_policy_name=name, statements=[statement])


def names_a_profile(rollout: OrganizationRollout) -> None:
    ManagedInstanceRole(
        rollout.regional_stack, "Instances", create_instance_profile=True, instance_profile_name="Instances"
    )


def adds_a_policy_to_a_role_of_the_account(rollout: OrganizationRollout) -> None:
    role = iam.Role.from_role_name(rollout.regional_stack, "Role", "HybridNodes")
    role.add_to_principal_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"]))


def has_a_condition_of_the_parent(rollout: OrganizationRollout) -> None:
    resource = topic(rollout.regional_stack)
    resource.cfn_options.condition = CfnCondition(Stack.of(rollout), "Never", expression=Fn.condition_equals("a", "b"))


def has_a_boundary_of_the_parent(rollout: OrganizationRollout) -> None:
    boundary = iam.ManagedPolicy.from_managed_policy_name(Stack.of(rollout), "Boundary", "Boundary")
    hybrid_nodes(rollout, permissions_boundary=boundary)


def has_a_policy_of_the_parent(rollout: OrganizationRollout) -> None:
    policy = iam.ManagedPolicy.from_managed_policy_name(Stack.of(rollout), "Policy", "Policy")
    hybrid_nodes(rollout).add_managed_policy(policy)


def names_a_bucket(rollout: OrganizationRollout) -> None:
    s3.Bucket(rollout.account_stack, "Bucket", bucket_name="ours")


def names_a_bucket_of_each_account(rollout: OrganizationRollout) -> None:
    s3.Bucket(rollout.regional_stack, "Bucket", bucket_name=f"ours-{Aws.ACCOUNT_ID}")


def names_a_role_by_a_parameter(rollout: OrganizationRollout) -> None:
    name = CfnParameter(rollout.regional_stack, "Name", default="Fixed")
    HybridServiceRole(rollout.regional_stack, "Nodes", role_name=name.value_as_string)


def is_the_scope_itself(rollout: OrganizationRollout) -> None:
    HybridServiceRole(rollout, "Nodes")


def has_a_stack(rollout: OrganizationRollout) -> None:
    topic(Stack(rollout.account_stack, "Roles"))


def nests_a_stack(rollout: OrganizationRollout) -> None:
    CfnResource(
        rollout.account_stack,
        "Nested",
        type="AWS::CloudFormation::Stack",
        properties={"TemplateURL": "https://example"},
    )


def nests_a_stack_set(rollout: OrganizationRollout) -> None:
    CfnResource(rollout.regional_stack, "Nested", type=_STACK_SET)


def has_a_transform(rollout: OrganizationRollout) -> None:
    topic(rollout.account_stack)
    rollout.account_stack.add_transform("AWS::LanguageExtensions")


def has_a_macro(rollout: OrganizationRollout) -> None:
    value = Fn.transform("AWS::Include", {"Location": "s3://bucket/key"}).to_string()
    ssm.CfnParameter(rollout.regional_stack, "Included", type="String", value=value)


def has_a_parameter(rollout: OrganizationRollout) -> None:
    name = CfnParameter(rollout.regional_stack, "Name")
    ssm.CfnParameter(rollout.regional_stack, "Copy", type="String", value=name.value_as_string)


def is_too_long(rollout: OrganizationRollout) -> None:
    for number in range(300):
        ssm.CfnParameter(rollout.regional_stack, f"P{number}", type="String", value="x" * 4000)


AT_SYNTH: dict[str, tuple[Callable[[OrganizationRollout], None], str]] = {
    "a reference to the account part": (
        refers_to_the_account,
        "Org/Ssm/Regional/Id: resources of a rollout must refer only to resources of their own stack, because exports "
        "don't reach other accounts and Regions, got a reference to Org/Ssm/Account/Profile: give a role a role_name "
        "and pass role_in_regions(role), or refer to it by a fixed name",
    ),
    "a reference to the parent": (refers_to_the_parent, "got a reference to Org/Topic: refer to it by a fixed name"),
    "a reference of the parent": (
        is_referred_to_by_the_parent,
        "Org/Id: resources of Org must not refer to resources of a rollout, which are in other accounts, got a "
        "reference to Org/Ssm/Account/Topic: refer to it by a fixed name",
    ),
    "a grant of the parent": (
        is_granted_to_by_the_parent,
        "Org: resources must not refer to resources of the rollout Org/Ssm, which are in other accounts",
    ),
    "a native service-linked role": (
        creates_a_service_linked_role,
        "[Org/Ssm/Account/Inventory] creation must be ServiceLinkedRoleCreation.ENSURE in a rollout, because "
        "CloudFormation fails in accounts that have the role already, got AWS::IAM::ServiceLinkedRole",
    ),
    "a name of a role": (
        names_a_role,
        "[Org/Ssm/Regional/Automation] RoleName must differ between Regions, because IAM is global and the second "
        "Region would fail: move the resource to account_stack, or add Aws.REGION, got "
        "'AWS-SystemsManager-AutomationExecutionRole'",
    ),
    "a name of a policy": (names_a_policy, "ManagedPolicyName must differ between Regions"),
    "a name of a profile": (names_a_profile, "InstanceProfileName must differ between Regions"),
    "a policy of a role of the account": (
        adds_a_policy_to_a_role_of_the_account,
        "Roles must be of the same stack, because the policies of the Regions would overwrite each other: move the "
        "policy to account_stack, or add Aws.REGION to its policy_name, got 'HybridNodes'",
    ),
    "a condition of another stack by reference": (has_a_condition_of_the_parent, "got a reference to Org/Never"),
    "a boundary of another account": (
        has_a_boundary_of_the_parent,
        "[Org/Ssm/Account/Nodes] PermissionsBoundary must be policies of AWS or of the role's own account, as IAM "
        "requires, got one of account 111122223333: create or import the policy with account_stack or regional_stack "
        "as its scope",
    ),
    "a policy of another account": (has_a_policy_of_the_parent, "ManagedPolicyArns must be policies of AWS"),
    "a name of a bucket": (names_a_bucket, "BucketName must differ between accounts"),
    "a name of a bucket in each account": (names_a_bucket_of_each_account, "BucketName must differ between Regions"),
    "a name by a parameter": (names_a_role_by_a_parameter, "RoleName must differ between Regions"),
    "a construct in the rollout itself": (
        is_the_scope_itself,
        "[Org/Ssm/Nodes] scope must be account_stack or regional_stack of the rollout",
    ),
    "a stack": (has_a_stack, "Org/Ssm/Account/Roles: stacks must not be in Org/Ssm/Account"),
    "a nested stack": (nests_a_stack, "stacks must not be nested in a rollout"),
    "a nested stack set": (
        nests_a_stack_set,
        f"stacks must not be nested in a rollout, which StackSets rejects, got {_STACK_SET}",
    ),
    "a transform": (has_a_transform, "[Org/Ssm/Account] the template must have no macros"),
    "a macro": (has_a_macro, "got Fn::Transform"),
    "a parameter": (has_a_parameter, "[Org/Ssm/Regional/Name] default must be given"),
    "a template over 1 MB": (is_too_long, "the template must be at most 1,000,000 bytes, got 1,2"),
}


@pytest.mark.parametrize("name", AT_SYNTH)
def test_what_fails_in_an_account_or_region_is_an_error_at_synth(stack: Stack, name: str) -> None:
    add, error = AT_SYNTH[name]
    add(rollout_in(stack))
    assert error in refusal_at_synth(stack)


@pytest.mark.parametrize("name", [name for name in AT_SYNTH if "reference" in name])
def test_references_are_rejected_in_a_stack_without_an_environment(name: str) -> None:
    stack = new_stack("Org")
    add, error = AT_SYNTH[name]
    add(rollout_in(stack))
    assert error in refusal_at_synth(stack)


def test_a_native_service_linked_role_is_rejected_at_once(stack: Stack, refused: Refused) -> None:
    for part in (rollout_in(stack).account_stack, rollout_in(stack, "Other").regional_stack):
        refused(
            lambda part=part: ServiceLinkedRole(
                part,
                "Inventory",
                role_type=ServiceLinkedRoleType.AMAZON_SSM,
                creation=ServiceLinkedRoleCreation.NATIVE,
            ),
            "creation",
            tree=part,
        )


def test_assets_are_rejected_at_once(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text("", encoding="utf-8")
    part = rollout_in(stack).account_stack
    with pytest.raises(RuntimeError, match=r"^Org/Ssm/Account: assets must not be in a rollout, .*got 'asset\..*'$"):
        lambda_.Function(
            part,
            "Function",
            code=lambda_.Code.from_asset(str(tmp_path)),
            handler="index.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
        )


def test_a_nested_stack_of_the_cdk_is_rejected(stack: Stack) -> None:
    HybridServiceRole(NestedStack(rollout_in(stack).regional_stack, "Nested"), "Nodes")
    assert refusal_at_synth(stack).startswith("Org/Ssm/Regional/Nested: stacks must not be in Org/Ssm/Regional")


def test_names_that_differ_between_regions_pass(stack: Stack) -> None:
    rollout = rollout_in(stack)
    part = rollout.regional_stack
    for id, name in (
        ("Region", f"Nodes-{Aws.REGION}"),
        ("Stack", f"Nodes-{Aws.STACK_NAME}"),
        ("Sub", Fn.sub("Nodes-${AWS::Region}")),
    ):
        HybridServiceRole(part, id, role_name=name)
    s3.Bucket(part, "Bucket", bucket_name=f"ours-{Aws.ACCOUNT_ID}-{Aws.REGION}")
    HybridServiceRole(part, "Generated")
    included = topic(part)
    iam.ManagedPolicy(
        part,
        "Policy",
        managed_policy_name=Fn.get_att(included.logical_id, "TopicName").to_string(),
        statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])],
    )
    cast(App, stack.node.root).synth()


def test_one_region_has_no_second_one(stack: Stack) -> None:
    names_a_role(rollout_in(stack, regions=[HERE]))
    cast(App, stack.node.root).synth()


def test_a_parameter_with_a_default_passes(stack: Stack) -> None:
    part = rollout_in(stack).regional_stack
    CfnParameter(part, "Name", default="Nodes")
    topic(part)
    cast(App, stack.node.root).synth()


@pytest.mark.parametrize(
    ("region", "resource_type", "fails"),
    [
        ("me-central-1", "AWS::SSM::ServiceSetting", True),
        ("me-central-1", "AWS::SSM::CloudConnector", True),
        ("eu-south-2", "AWS::SSMQuickSetup::ConfigurationManager", True),
        ("eu-south-2", "AWS::SSM::ServiceSetting", False),
    ],
)
def test_a_region_must_have_the_resource_types(stack: Stack, region: str, resource_type: str, fails: bool) -> None:
    CfnResource(rollout_in(stack, regions=[HERE, region]).regional_stack, "Setting", type=resource_type)
    if not fails:
        cast(App, stack.node.root).synth()
        return
    assert (
        f"[Org/Ssm/Regional/Setting] regions must be Regions whose CloudFormation has {resource_type}, got {region}, "
        "which had none as of 2026-10-20: use another rollout for these Regions"
    ) in refusal_at_synth(stack)


# Quotas


@pytest.mark.parametrize(
    ("accounts", "regions", "warning"),
    [
        (1, 30, None),
        (5000, 1, None),
        (5000, 30, "would have 150,000 stacks, but the quota is 100,000"),
        (3300, 30, "can take longer than the 36 hours"),
    ],
)
def test_a_rollout_over_a_quota_is_a_warning(stack: Stack, accounts: int, regions: int, warning: str | None) -> None:
    names = [f"eu-west-{number}" for number in range(1, regions + 1)]
    topic(rollout_in(stack, expected_accounts=accounts, regions=names).regional_stack)
    (artifact,) = cast(App, stack.node.root).synth().stacks
    found = [str(each.entry.data) for each in artifact.messages if "rolloutSize" in str(each.entry.data)]
    assert len(found) == (warning is not None)
    assert warning is None or warning in found[0]


def test_the_number_of_named_accounts_is_known(stack: Stack) -> None:
    names = [f"eu-west-{number}" for number in range(1, 31)]
    accounts = [f"{number:012d}" for number in range(3400)]
    topic(rollout_in(stack, only_accounts=accounts, new_accounts=False, regions=names).regional_stack)
    (artifact,) = cast(App, stack.node.root).synth().stacks
    assert [each for each in artifact.messages if "rolloutSize" in str(each.entry.data)]


def test_a_stack_without_stack_set_is_in_no_quota(stack: Stack) -> None:
    names = [f"eu-west-{number}" for number in range(1, 31)]
    topic(rollout_in(stack, expected_accounts=5000, regions=names).account_stack)
    (artifact,) = cast(App, stack.node.root).synth().stacks
    assert not [each for each in artifact.messages if "rolloutSize" in str(each.entry.data)]


@jsii.implements(IAspect)
class AddsLate:
    """Adds the first resource of a stack when its stack set has been left out already."""

    def __init__(self, rollout: OrganizationRollout) -> None:
        self.rollout = rollout

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, sns.CfnTopic) and self.rollout.account_stack.node.try_find_child("Topic") is None:
            topic(self.rollout.account_stack)


def test_resources_without_a_stack_set_are_an_error(stack: Stack) -> None:
    rollout = rollout_in(stack)
    topic(rollout.regional_stack)
    Aspects.of(stack.node.root).add(AddsLate(rollout))
    assert "[Org/Ssm/Account] the first resources must be added before the first synthesis" in refusal_at_synth(stack)


def test_resources_after_the_first_synthesis_are_an_error(stack: Stack) -> None:
    rollout = rollout_in(stack)
    topic(rollout.regional_stack)
    app = cast(App, stack.node.root)
    app.synth()
    topic(rollout.account_stack)
    with pytest.raises(RuntimeError, match="the first resources must be added before the first synthesis"):
        app.synth(force=True)


def test_a_third_stack_can_not_refer_to_a_rollout(stack: Stack) -> None:
    """The CDK would have the role of a deployment in this account read outputs in the other accounts."""
    nodes = hybrid_nodes(rollout_in(stack))
    other = Stack(cast(App, stack.node.root), "Other", env=Environment(account=MANAGEMENT, region=HERE))
    CfnResource(other, "Id", type="AWS::SSM::Parameter", properties={"Type": "String", "Value": nodes.role_id})
    found = refusal_at_synth(stack)
    # The oldest supported aws-cdk-lib rejects it itself.
    assert "resources must not refer to resources of a rollout" in found or "cannot reference" in found


def test_resources_of_other_stacks_can_have_the_same_logical_ids(stack: Stack) -> None:
    topic(rollout_in(stack).account_stack)
    other = Stack(cast(App, stack.node.root), "Other", env=Environment(account=MANAGEMENT, region=HERE))
    CfnOutput(stack, "Name", value=topic(other).attr_topic_name)
    assert list(synthesized(stack)) == ["Account"]


def test_rollouts_to_different_regions_have_the_same_regional_names(stack: Stack) -> None:
    for id, region in (("One", HERE), ("Two", THERE)):
        CfnResource(
            rollout_in(stack, id, regions=[region]).regional_stack,
            "Secret",
            type="AWS::SecretsManager::Secret",
            properties={"Name": "activation"},
        )
    assert len(Template.from_stack(stack).find_resources(_STACK_SET)) == 2


def test_both_stacks_of_a_rollout_can_not_have_the_same_regional_name(stack: Stack) -> None:
    rollout = rollout_in(stack)
    for part in (rollout.account_stack, rollout.regional_stack):
        CfnResource(part, "Secret", type="AWS::SecretsManager::Secret", properties={"Name": "activation"})
    assert "secret_name must be used once in " in refusal_at_synth(stack)


@pytest.mark.parametrize("follows", [False, True])
def test_a_role_of_a_wave_before_is_there(stack: Stack, follows: bool) -> None:
    one = rollout_in(stack, "One", regions=[HERE])
    two = rollout_in(stack, "Two", regions=[THERE], after=[one] if follows else None)
    hybrid_nodes(one, activation_regions=[HERE, THERE])
    role = iam.Role.from_role_arn(two.regional_stack, "Role", f"arn:aws:iam::{Aws.ACCOUNT_ID}:role/HybridNodes")
    HybridActivation(two.regional_stack, "Activation", role=role)
    (artifact,) = cast(App, stack.node.root).synth().stacks
    found = [str(each.entry.data) for each in artifact.messages if "deployedBefore" in str(each.entry.data)]
    assert len(found) == (not follows)
    assert follows or "name its rollout in after of the other rollout" in found[0]


def test_a_service_linked_role_that_one_region_deletes_for_the_others_is_a_warning(stack: Stack) -> None:
    for id, regions in (("One", [HERE]), ("Several", [HERE, THERE])):
        ServiceLinkedRole(
            rollout_in(stack, id, regions=regions, organizational_units=[f"ou-ab12-{len(id):08}"]).regional_stack,
            "Inventory",
            role_type=ServiceLinkedRoleType.AMAZON_SSM,
            removal_policy=RemovalPolicy.DESTROY,
        )
    (artifact,) = cast(App, stack.node.root).synth().stacks
    found = [str(each.entry.data) for each in artifact.messages if "deletedForOthers" in str(each.entry.data)]
    assert len(found) == 1
    assert found[0].startswith("Org/Several/Regional/Inventory: If the stack of one Region creates the role")


def test_a_policy_of_a_region_can_be_of_a_role_of_the_account(stack: Stack) -> None:
    rollout = rollout_in(stack)
    role = iam.Role.from_role_name(rollout.regional_stack, "Role", "HybridNodes")
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    iam.Policy(rollout.regional_stack, "Policy", policy_name=f"Read-{Aws.REGION}", roles=[role], statements=[statement])
    assert "AWS::IAM::Policy" in types(body(stack, "Regional"))


@pytest.mark.parametrize("regions", [[HERE], [HERE, THERE]])
def test_a_network_is_in_one_region(stack: Stack, regions: list[str]) -> None:
    """Subnets can be shared with all accounts of an organization, but are in one Region."""
    network = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-1", availability_zones=[f"{HERE}a"], private_subnet_ids=["subnet-1"]
    )
    FunctionSettings.of(stack).apply(vpc=network)
    rollout = rollout_in(stack, regions=regions)
    HybridActivation(rollout.regional_stack, "Activation", role=rollout.role_in_regions(hybrid_nodes(rollout)))
    if len(regions) == 1:
        assert "subnet-1" in json.dumps(body(stack, "Regional"))
    else:
        assert "VPCs, subnets and security groups must differ between Regions" in refusal_at_synth(stack)


def test_a_rollout_is_deployed_after_what_it_depends_on(stack: Stack) -> None:
    rollout = rollout_in(stack)
    hybrid_nodes(rollout)
    first, last = topic(stack, "First"), topic(stack, "Last")
    rollout.node.add_dependency(first)
    last.node.add_dependency(rollout)
    (stack_set,) = synthesized(stack).values()
    template = Template.from_stack(stack)
    assert stack_set["DependsOn"] == [logical_id(first)]
    resource = template.to_json()["Resources"][logical_id(last)]
    assert resource["DependsOn"] == [*template.find_resources(_STACK_SET)]


def test_a_rollout_is_deployed_after_a_stack_that_it_depends_on(stack: Stack) -> None:
    rollout = rollout_in(stack)
    hybrid_nodes(rollout)
    other = Stack(cast(App, stack.node.root), "Other", env=Environment(account=MANAGEMENT, region=HERE))
    rollout.node.add_dependency(topic(other))
    assembly = cast(App, stack.node.root).synth()
    assert [each.id for each in assembly.get_stack_by_name("Org").dependencies if "assets" not in each.id] == ["Other"]


def test_what_depends_on_the_stack_before_is_deployed_after_it(stack: Stack) -> None:
    rollout = rollout_in(stack)
    topic(rollout.regional_stack).node.add_dependency(hybrid_nodes(rollout))
    assert [*synthesized(stack)] == ["Account", "Regional"]


def test_an_aspect_reaches_the_stacks(stack: Stack) -> None:
    rollout = rollout_in(stack)
    nodes = hybrid_nodes(rollout)
    boundary = iam.ManagedPolicy.from_managed_policy_name(rollout.account_stack, "Boundary", "Boundary")
    iam.PermissionsBoundary.of(stack).apply(boundary)
    assert Aspects.of(stack).all
    (role,) = body(stack, "Account")["Resources"].values()
    assert "policy/Boundary" in json.dumps(role["Properties"]["PermissionsBoundary"])
    assert nodes.node.path == "Org/Ssm/Account/Nodes"


def test_an_included_template_is_deployed(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "topic.json"
    file.write_text('{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}', encoding="utf-8")
    include.CfnInclude(rollout_in(stack).regional_stack, "Included", template_file=str(file))
    assert types(body(stack, "Regional")) == {"AWS::SNS::Topic"}


def test_an_app_can_be_synthesized_again(stack: Stack) -> None:
    rollout = rollout_in(stack)
    secret = SecretValue.ssm_secure("/nodes/name").unsafe_unwrap()
    ssm.CfnParameter(rollout.regional_stack, "Copy", type="String", value=secret)
    app = cast(App, stack.node.root)
    before = (Path(app.synth().directory) / "Org.template.json").read_text(encoding="utf-8")
    again = app.synth(force=True)
    assert (Path(again.directory) / "Org.template.json").read_text(encoding="utf-8") == before


def test_another_stack_does_not_refer_to_a_rollout(stack: Stack) -> None:
    rollout = rollout_in(stack)
    nodes = hybrid_nodes(rollout)
    for region in (HERE, THERE):
        other = Stack(cast(App, stack.node.root), region, env=Environment(account=MANAGEMENT, region=region))
        s3.Bucket(other, "Bucket", bucket_name=f"ours-{region}").grant_read(nodes)
        assert "resources must not refer to resources of the rollout Org/Ssm" in refusal_at_synth(stack)


def test_a_nested_stack_can_not_have_a_rollout(stack: Stack, refused: Refused) -> None:
    """The CDK would take changes of the rollout's templates for none, and not deploy them."""
    nested = NestedStack(stack, "Nested")
    refused(lambda: rollout_in(nested), "scope", tree=stack)
