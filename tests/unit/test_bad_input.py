"""What is wrong with an argument is refused at once, in one line; what is accepted synthesizes and suits IAM."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import botocore.loaders
import botocore.session
import jsii
import pytest
from aws_cdk import (
    App,
    Aws,
    CfnElement,
    CfnParameter,
    Duration,
    Environment,
    Fn,
    IStringProducer,
    Lazy,
    RemovalPolicy,
    Stack,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from hypothesis import assume, given
from hypothesis import strategies as st

from ssm_roles import (
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    AutomationStep,
    CloudConnectorRoles,
    DefaultHostManagementRole,
    ExplorerRole,
    GreengrassCoreRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowServiceRole,
    MaintenanceWindowTask,
    ManagedInstanceRole,
    NodeBasePolicy,
    NodeCapability,
    QuickSetupConfigurations,
    QuickSetupRoles,
    Registration,
    RunCommandNotificationRole,
    ServiceLinkedRole,
    ServiceLinkedRoleCreation,
    ServiceLinkedRoleType,
    activation_role_name,
)
from ssm_roles._iam.fixed_names import FixedNameChecks
from tests.unit.conftest import Refused
from tests.unit.templates import ACCOUNT, new_stack, resources, synthesized

# Each property is tried with few cases in every session, and with many in a session of `deep` ones.
in_few_and_in_many_cases = pytest.mark.parametrize("cases", ["few", pytest.param("many", marks=pytest.mark.deep)])

IAM = botocore.loaders.Loader().load_service_model("iam", "service-2")["shapes"]

AMAZON_SSM = ServiceLinkedRoleType.AMAZON_SSM


def allowed_by_iam(shape: str, text: str) -> bool:
    """Whether IAM's own model of its API allows a string."""
    model = IAM[shape]
    # The service reads `\\w` as ASCII, as its documentation says.
    pattern = re.compile(model["pattern"], re.ASCII)
    return model.get("min", 0) <= len(text) <= model["max"] and pattern.fullmatch(text) is not None


EKS_CLUSTER = f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/edge"


class Bench:
    """What the cases share: a stack in which nothing may be left, and constructs that nothing may change."""

    def __init__(self) -> None:
        self.app = App()
        self.stack = Stack(self.app, "Stack")
        constructs = Stack(self.app, "Constructs")
        self.constructs = constructs
        self.nodes = HybridServiceRole(constructs, "Nodes")
        self.imported = iam.Role.from_role_arn(constructs, "Imported", f"arn:aws:iam::{ACCOUNT}:role/Imported")
        self.connector = CloudConnectorRoles(constructs, "Azure", connector_name="A", node_role=self.nodes)
        self.connector.add_connector("*")
        self.quick_setup = QuickSetupRoles(
            constructs, "QuickSetup", configurations=QuickSetupConfigurations.PATCH_POLICIES
        )
        self.runbook = AutomationServiceRole(constructs, "Runbook")
        self.topics = [sns.Topic.from_topic_arn(constructs, "Topic", f"arn:aws:sns:eu-central-1:{ACCOUNT}:topic")]
        self.linked = ServiceLinkedRole(constructs, "Linked", role_type=AMAZON_SSM)
        self.activation = HybridActivation(constructs, "Activation", role=self.nodes)
        self.key = kms.Key(constructs, "Key")
        self.bucket = s3.Bucket(constructs, "Bucket")
        self.grantee = iam.User(constructs, "Grantee")
        self.role = iam.Role(constructs, "Role", assumed_by=iam.AccountRootPrincipal())
        self.policy = iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess")
        self.statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
        self.document = iam.PolicyDocument()
        self.duration = Duration.hours(1)
        self.capability = NodeCapability.directory_service()


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Share what the cases need, and see in the end that none of them has changed it."""
    made = Bench()
    yield made
    assert "Resources" not in synthesized(made.stack)
    assert synthesized(made.constructs) == synthesized(Bench().constructs)


# Wrong types

Call = Callable[[Bench, Any], object]


@dataclass(frozen=True)
class Argument:
    """An argument of something public: how to give it, and of which kinds it may be."""

    name: str
    call: Call
    kinds: frozenset[str]


def kinds_of_values(bench: Bench) -> dict[str, st.SearchStrategy[Any]]:
    """Make values of every kind that one might give for another."""
    return {
        "none": st.none(),
        "string": st.text(max_size=8),
        "number": st.integers() | st.floats(),
        "boolean": st.booleans(),
        "bytes": st.binary(max_size=4) | st.binary(max_size=4).map(bytearray),
        "list": st.lists(st.integers() | st.none() | st.lists(st.text()), min_size=1, max_size=3),
        "empty list": st.just([]) | st.just(()),
        "strings": st.lists(st.text(max_size=4), min_size=1, max_size=3),
        "set": st.sets(st.text(max_size=4)) | st.frozensets(st.integers()),
        "iterator": st.builds(iter, st.lists(st.text(max_size=4))),
        "mapping": st.dictionaries(st.text(max_size=4), st.integers(), min_size=1, max_size=2),
        "empty mapping": st.just({}),
        "object": st.builds(object)
        | st.sampled_from([len, Stack, iam.Role, ServiceLinkedRoleType, re, NotImplemented]),
        "look-alike": st.sampled_from([LooksLikeAPolicy(), LooksLikeAGrantee(), LooksLikeAPolicy]),
        "construct": st.just(bench.stack),
        "bucket": st.just(bench.bucket),
        "capability": st.just(bench.capability),
        "base policy": st.sampled_from([NodeBasePolicy.CORE, NodeBasePolicy.WITHOUT_PARAMETERS, NodeBasePolicy.NONE]),
        "grantee": st.just(bench.grantee),
        "policy": st.just(bench.policy),
        "statement": st.just(bench.statement),
        "document": st.just(bench.document),
        "duration": st.just(bench.duration),
        "removal policy": st.sampled_from(RemovalPolicy),
        "creation": st.sampled_from(ServiceLinkedRoleCreation),
        "role type": st.sampled_from(ServiceLinkedRoleType.all()),
        "role": st.sampled_from([bench.nodes, bench.imported, bench.role]),
        "service-linked role": st.just(bench.linked),
        "key": st.just(bench.key),
        "registration": st.sampled_from([Registration.linux(), Registration.windows()]),
        "configurations": st.sampled_from(QuickSetupConfigurations),
    }


class LooksLikeAPolicy:
    managed_policy_arn = "arn:of:no:policy:at:all"


class LooksLikeAGrantee:
    grant_principal = "nobody"


class SpeaksInLines:
    def __repr__(self) -> str:
        return "one line\nand another"


def hybrid(argument: str) -> Call:
    return lambda bench, value: HybridServiceRole(bench.stack, "Role", **{argument: value})


def activation(argument: str) -> Call:
    return lambda bench, value: HybridActivation(bench.stack, "Activation", **{"role": bench.nodes, argument: value})


def capability_of(argument: str) -> Call:
    return lambda _, value: NodeCapability.of(**{"statements": [], argument: value})


def linked(argument: str) -> Call:
    return lambda bench, value: ServiceLinkedRole(
        bench.stack, "Role", **{"role_type": ServiceLinkedRoleType.OPS_INSIGHTS, argument: value}
    )


OTHER_SERVICE = {"role_name": "AWSServiceRoleForAutoScaling", "service_principal": "autoscaling.amazonaws.com"}


def other_service(argument: str) -> Call:
    return lambda _, value: ServiceLinkedRoleType.of(**{**OTHER_SERVICE, argument: value})


def role_type(argument: str) -> Call:
    described = {name: getattr(AMAZON_SSM, name) for name in vars(AMAZON_SSM) if not name.startswith("_")}
    return lambda _, value: ServiceLinkedRoleType(**{**described, argument: value})


# What is of one kind can be of another, too.
ALSO = {
    "construct": {"bucket", "grantee", "role", "service-linked role", "key"},
    "grantee": {"role", "service-linked role"},
}


def made(construct: type[Any], **good: Any) -> Callable[[str], Call]:
    """Make a construct, with one argument given and the others as they should be."""

    def of(argument: str) -> Call:
        def call(bench: Bench, value: Any) -> object:
            # What is of the bench is told by name, since the bench is made later.
            needed = {name: getattr(bench, each[1:]) if str(each)[0] == "@" else each for name, each in good.items()}
            given_values = {"scope": bench.stack, "id": "Role", **needed, argument: value}
            return construct(given_values.pop("scope"), given_values.pop("id"), **given_values)

        return call

    return of


# What constructors take, by argument, and the kinds that each may be.
ANYWHERE = {"scope": {"construct"}, "id": {"string"}}
ROLE_ARGUMENTS = {
    **ANYWHERE,
    "managed_policies": {"none", "empty list"},
    "inline_policies": {"none", "empty mapping"},
    "role_name": {"none", "string"},
    "path": {"none", "string"},
    "description": {"none", "string"},
    "permissions_boundary": {"none", "policy"},
    "max_session_duration": {"none", "duration"},
}


NODE_ARGUMENTS = {**ROLE_ARGUMENTS, "base_policy": {"base policy"}, "capabilities": {"none", "empty list"}}


def without(*names: str) -> dict[str, set[str]]:
    return {name: kinds for name, kinds in ROLE_ARGUMENTS.items() if name not in names}


TASKS = [MaintenanceWindowTask.run_command(["AWS-RunPatchBaseline"])]

CONSTRUCTORS: list[tuple[type[Any], Callable[[str], Call], dict[str, set[str]]]] = [
    (
        AssociationDispatchRole,
        made(AssociationDispatchRole),
        {**ROLE_ARGUMENTS, "require_source_account": {"boolean"}},
    ),
    (
        AutomationAdministrationRole,
        made(AutomationAdministrationRole),
        {
            **without("managed_policies", "inline_policies", "path", "max_session_duration"),
            "role_name": {"string"},
            "execution_role_name": {"string"},
            "target_organizational_units": {"boolean"},
        },
    ),
    (
        AutomationExecutionRole,
        made(AutomationExecutionRole, administrator_accounts=[ACCOUNT], runbooks=["Mine"]),
        {
            **without("path"),
            "role_name": {"string"},
            "administration_role_name": {"string"},
            "administrator_accounts": set(),
            "runbooks": {"strings"},
            "regions": {"none"},
            "amazon_ssm_automation_role": {"boolean"},
        },
    ),
    (
        AutomationServiceRole,
        made(AutomationServiceRole),
        {**ROLE_ARGUMENTS, "amazon_ssm_automation_role": {"boolean"}, "steps": {"none", "empty list"}},
    ),
    (
        MaintenanceWindowServiceRole,
        made(MaintenanceWindowServiceRole, tasks=TASKS),
        {**ROLE_ARGUMENTS, "tasks": set(), "find_targets": {"boolean"}, "require_source_account": {"boolean"}},
    ),
    (
        RunCommandNotificationRole,
        made(RunCommandNotificationRole, topics="@topics"),
        {
            **without("managed_policies", "inline_policies"),
            "topics": set(),
            "require_source_account": {"boolean"},
        },
    ),
    (
        CloudConnectorRoles,
        made(CloudConnectorRoles, connector_name="B", node_role="@nodes"),
        {
            **ANYWHERE,
            "connector_name": {"string"},
            "node_role": {"role"},
            "strict_audience": {"boolean"},
            "permissions_boundary": {"none", "policy"},
        },
    ),
    (
        DefaultHostManagementRole,
        made(DefaultHostManagementRole),
        {
            **ROLE_ARGUMENTS,
            "path": {"none", "string"},
            "enabled": {"boolean"},
            "require_source_account": {"boolean"},
        },
    ),
    (
        ExplorerRole,
        made(ExplorerRole),
        {**ANYWHERE, "description": {"none", "string"}, "permissions_boundary": {"none", "policy"}},
    ),
    (
        GreengrassCoreRole,
        made(GreengrassCoreRole),
        {**NODE_ARGUMENTS, "token_exchange_role": {"none", "role"}, "require_source_account": {"boolean"}},
    ),
    (
        ManagedInstanceRole,
        made(ManagedInstanceRole),
        {
            **NODE_ARGUMENTS,
            "create_instance_profile": {"boolean"},
            "instance_profile_name": {"none", "string"},
        },
    ),
    (
        QuickSetupRoles,
        made(QuickSetupRoles, configurations=QuickSetupConfigurations.PATCH_POLICIES),
        {**ANYWHERE, "configurations": {"configurations"}, "permissions_boundary": {"none", "policy"}},
    ),
]


def arguments() -> dict[str, Argument]:
    """List every argument of every public constructor and method."""
    listed: list[tuple[str, str, Call, set[str]]] = [
        (
            "HybridServiceRole",
            "scope",
            lambda _, value: HybridServiceRole(value, "Role"),
            {"construct"},
        ),
        ("HybridServiceRole", "id", lambda bench, value: HybridServiceRole(bench.stack, value), {"string"}),
        ("HybridServiceRole", "activation_regions", hybrid("activation_regions"), {"none", "strings"}),
        ("HybridServiceRole", "base_policy", hybrid("base_policy"), {"base policy"}),
        ("HybridServiceRole", "capabilities", hybrid("capabilities"), {"none", "empty list"}),
        ("add_capability", "capability", lambda bench, value: bench.nodes.add_capability(value), {"capability"}),
        ("NodeCapability.grant", "role", lambda bench, value: bench.capability.grant(value), {"role"}),
        ("NodeCapability.of", "managed_policies", capability_of("managed_policies"), set()),
        ("NodeCapability.of", "statements", capability_of("statements"), {"none", "empty list"}),
        (
            "agent_buckets",
            "regions",
            lambda bench, value: HybridServiceRole(
                bench.stack, "Role", capabilities=[NodeCapability.agent_buckets(value)]
            ),
            {"none"},
        ),
        (
            "patching",
            "regions",
            lambda bench, value: HybridServiceRole(bench.stack, "Role", capabilities=[NodeCapability.patching(value)]),
            set(),
        ),
        ("run_command_output", "bucket", lambda _, value: NodeCapability.run_command_output(value), {"bucket"}),
        (
            "run_command_output",
            "prefix",
            lambda bench, value: NodeCapability.run_command_output(bench.bucket, value),
            {"none", "string"},
        ),
        ("session_logs", "bucket", lambda _, value: NodeCapability.session_logs(value), {"bucket"}),
        (
            "session_logs",
            "prefix",
            lambda bench, value: NodeCapability.session_logs(bench.bucket, value),
            {"none", "string"},
        ),
        (
            "session_logs",
            "log_group",
            lambda bench, value: NodeCapability.session_logs(bench.bucket, None, value),
            {"none"},
        ),
        ("session_encryption", "key", lambda _, value: NodeCapability.session_encryption(value), {"key"}),
        ("parameters", "parameters", lambda _, value: NodeCapability.parameters(value), {"string"}),
        (
            "parameters",
            "encryption_key",
            lambda _, value: NodeCapability.parameters("/fleet", encryption_key=value),
            {"none", "key"},
        ),
        ("ecs_anywhere", "cluster_arns", lambda _, value: NodeCapability.ecs_anywhere(value), {"none"}),
        (
            "parameters",
            "regions",
            lambda bench, value: HybridServiceRole(
                bench.stack,
                "Role",
                base_policy=NodeBasePolicy.WITHOUT_PARAMETERS,
                capabilities=[NodeCapability.parameters("/fleet", regions=value)],
            ),
            {"none"},
        ),
        ("eks_hybrid_nodes", "cluster_arns", lambda _, value: NodeCapability.eks_hybrid_nodes(value), set()),
        (
            "eks_hybrid_nodes",
            "pod_identity",
            lambda _, value: NodeCapability.eks_hybrid_nodes([EKS_CLUSTER], pod_identity=value),
            {"boolean"},
        ),
        (
            "greengrass",
            "tags",
            lambda bench, value: NodeCapability.greengrass(bench.nodes, tags=value),
            {"none", "empty mapping"},
        ),
        ("greengrass", "token_exchange_role", lambda _, value: NodeCapability.greengrass(value), {"role"}),
        ("HybridServiceRole", "managed_policies", hybrid("managed_policies"), {"none", "empty list"}),
        ("HybridServiceRole", "inline_policies", hybrid("inline_policies"), {"none", "empty mapping"}),
        ("HybridServiceRole", "role_name", hybrid("role_name"), {"none", "string"}),
        ("HybridServiceRole", "path", hybrid("path"), {"none", "string"}),
        ("HybridServiceRole", "description", hybrid("description"), {"none", "string"}),
        ("HybridServiceRole", "permissions_boundary", hybrid("permissions_boundary"), {"none", "policy"}),
        ("HybridServiceRole", "max_session_duration", hybrid("max_session_duration"), {"none", "duration"}),
        ("activation_role_name", "role", lambda _, value: activation_role_name(value), {"role"}),
        (
            "grant_pass_role",
            "grantee",
            lambda bench, value: bench.nodes.grant_pass_role(value),
            {"grantee"},
        ),
        (
            "grants.pass_role",
            "grantee",
            # The oldest supported aws-cdk-lib has no `grants`.
            lambda bench, value: (
                bench.nodes.grants.pass_role(value)
                if hasattr(iam.Role, "grants")
                else bench.nodes.grant_pass_role(value)
            ),
            {"grantee"},
        ),
        (
            "grant_create_activation",
            "grantee",
            lambda bench, value: bench.nodes.grant_create_activation(value),
            {"grantee"},
        ),
        (
            "grant_create_activation",
            "tags",
            lambda bench, value: bench.nodes.grant_create_activation(bench.grantee, tags=value),
            {"none", "empty mapping"},
        ),
        (
            "grant_manage_activations",
            "grantee",
            lambda bench, value: bench.nodes.grant_manage_activations(value),
            {"grantee"},
        ),
        (
            "grant_manage_activations",
            "tags",
            lambda bench, value: bench.nodes.grant_manage_activations(bench.grantee, tags=value),
            {"none", "empty mapping"},
        ),
        (
            "grant_deregister_nodes",
            "grantee",
            lambda bench, value: bench.nodes.grant_deregister_nodes(value, tags={"Team": "edge"}),
            {"grantee"},
        ),
        (
            "grant_deregister_nodes",
            "tags",
            lambda bench, value: bench.nodes.grant_deregister_nodes(bench.grantee, tags=value),
            set(),
        ),
        (
            "HybridActivation.grant_manage",
            "grantee",
            lambda bench, value: HybridActivation.grant_manage(value, bench.imported),
            {"grantee"},
        ),
        (
            "HybridActivation.grant_manage",
            "role",
            lambda bench, value: HybridActivation.grant_manage(bench.grantee, value),
            {"role"},
        ),
        (
            "HybridActivation.grant_create",
            "tags",
            lambda bench, value: HybridActivation.grant_create(bench.grantee, bench.imported, tags=value),
            {"none", "empty mapping"},
        ),
        (
            "HybridActivation.grant_create",
            "grantee",
            lambda bench, value: HybridActivation.grant_create(value, bench.imported),
            {"grantee"},
        ),
        (
            "HybridActivation.grant_create",
            "role",
            lambda bench, value: HybridActivation.grant_create(bench.grantee, value),
            {"role"},
        ),
        (
            "ServiceLinkedRole",
            "scope",
            lambda _, value: ServiceLinkedRole(value, "Role", role_type=AMAZON_SSM),
            {"construct"},
        ),
        (
            "ServiceLinkedRole",
            "id",
            lambda bench, value: ServiceLinkedRole(bench.stack, value, role_type=AMAZON_SSM),
            {"string"},
        ),
        ("ServiceLinkedRole", "role_type", linked("role_type"), {"role type"}),
        ("ServiceLinkedRole", "creation", linked("creation"), {"creation"}),
        ("ServiceLinkedRole", "removal_policy", linked("removal_policy"), {"removal policy"}),
        ("ServiceLinkedRole", "description", linked("description"), {"none", "string"}),
        (
            "from_role_type",
            "scope",
            lambda _, value: ServiceLinkedRole.from_role_type(value, "Role", AMAZON_SSM),
            {"construct"},
        ),
        (
            "from_role_type",
            "id",
            lambda bench, value: ServiceLinkedRole.from_role_type(bench.stack, value, AMAZON_SSM),
            {"string"},
        ),
        (
            "from_role_type",
            "role_type",
            lambda bench, value: ServiceLinkedRole.from_role_type(bench.stack, "Role", value),
            {"role type"},
        ),
        (
            "grant_create_types",
            "grantee",
            lambda _, value: ServiceLinkedRole.grant_create_types(value, [AMAZON_SSM]),
            {"grantee"},
        ),
        (
            "grant_create_types",
            "role_types",
            lambda bench, value: ServiceLinkedRole.grant_create_types(bench.grantee, value),
            set(),
        ),
        ("grant_create", "grantee", lambda bench, value: bench.linked.grant_create(value), {"grantee"}),
        ("grant_delete", "grantee", lambda bench, value: bench.linked.grant_delete(value), {"grantee"}),
        (
            "ServiceLinkedRole.grant_pass_role",
            "grantee",
            lambda bench, value: bench.linked.grant_pass_role(value),
            {"grantee"},
        ),
        (
            "ServiceLinkedRole.grant",
            "grantee",
            lambda bench, value: bench.linked.grant(value, "iam:GetRole"),
            {"grantee"},
        ),
        (
            "add_dependent",
            "constructs",
            lambda bench, value: bench.linked.add_dependent(bench.bucket, value),
            {"construct"},
        ),
        (
            "HybridActivation",
            "scope",
            lambda bench, value: HybridActivation(value, "Activation", role=bench.nodes),
            {"construct"},
        ),
        (
            "HybridActivation",
            "id",
            lambda bench, value: HybridActivation(bench.stack, value, role=bench.nodes),
            {"string"},
        ),
        ("HybridActivation", "role", activation("role"), {"role"}),
        ("HybridActivation", "registration_limit", activation("registration_limit"), {"number"}),
        ("HybridActivation", "lifetime", activation("lifetime"), {"none"}),
        ("HybridActivation", "rotate_every", activation("rotate_every"), {"none"}),
        ("HybridActivation", "replace_when_used_up", activation("replace_when_used_up"), {"boolean"}),
        ("HybridActivation", "default_instance_name", activation("default_instance_name"), {"none", "string"}),
        ("HybridActivation", "description", activation("description"), {"none", "string"}),
        ("HybridActivation", "tags", activation("tags"), {"none", "empty mapping"}),
        ("HybridActivation", "encryption_key", activation("encryption_key"), {"none", "key"}),
        ("grant_read", "grantee", lambda bench, value: bench.activation.grant_read(value), {"grantee"}),
        (
            "registration_script",
            "registration",
            lambda bench, value: bench.activation.registration_script(value),
            {"registration"},
        ),
        (
            "CloudConnectorRoles.add_connector",
            "cloud_connector_id",
            lambda bench, value: bench.connector.add_connector(value),
            {"string"},
        ),
        (
            "CloudConnectorRoles.grant_pass_role",
            "grantee",
            lambda bench, value: bench.connector.grant_pass_role(value),
            {"grantee"},
        ),
        (
            "QuickSetupRoles.grant_pass_role",
            "grantee",
            lambda bench, value: bench.quick_setup.grant_pass_role(value),
            {"grantee"},
        ),
        (
            "AutomationServiceRole.grant_start_execution",
            "grantee",
            lambda bench, value: bench.runbook.grant_start_execution(value, ["Mine"]),
            {"grantee"},
        ),
        (
            "AutomationServiceRole.grant_start_execution",
            "runbooks",
            lambda bench, value: bench.runbook.grant_start_execution(bench.grantee, value),
            {"strings"},
        ),
        (
            "AutomationServiceRole.grant_start_execution",
            "regions",
            lambda bench, value: bench.runbook.grant_start_execution(bench.grantee, ["Mine"], regions=value),
            {"none"},
        ),
        ("AutomationStep.run_command", "documents", lambda _, value: AutomationStep.run_command(value), {"strings"}),
        (
            "AutomationStep.run_command",
            "node_tags",
            lambda _, value: AutomationStep.run_command(["Mine"], node_tags=value),
            {"none"},
        ),
        (
            "AutomationStep.run_command",
            "output_buckets",
            lambda _, value: AutomationStep.run_command(["Mine"], output_buckets=value),
            {"none"},
        ),
        (
            "AutomationStep.run_command",
            "notification_role",
            lambda _, value: AutomationStep.run_command(["Mine"], notification_role=value),
            {"none", "role"},
        ),
        ("execute_automation", "runbooks", lambda _, value: AutomationStep.execute_automation(value), {"strings"}),
        (
            "execute_automation",
            "service_role",
            lambda _, value: AutomationStep.execute_automation(["Mine"], service_role=value),
            {"none", "role"},
        ),
        (
            "invoke_lambda_function",
            "functions",
            lambda _, value: AutomationStep.invoke_lambda_function(value),
            set(),
        ),
        (
            "execute_state_machine",
            "state_machines",
            lambda _, value: AutomationStep.execute_state_machine(value),
            set(),
        ),
        ("run_command", "documents", lambda _, value: MaintenanceWindowTask.run_command(value), {"strings"}),
        (
            "run_command",
            "node_tags",
            lambda _, value: MaintenanceWindowTask.run_command(["Mine"], node_tags=value),
            {"none"},
        ),
        (
            "run_command",
            "output_buckets",
            lambda _, value: MaintenanceWindowTask.run_command(["Mine"], output_buckets=value),
            {"none"},
        ),
        (
            "run_command",
            "notification_role",
            lambda _, value: MaintenanceWindowTask.run_command(["Mine"], notification_role=value),
            {"none", "role"},
        ),
        ("automation", "runbooks", lambda _, value: MaintenanceWindowTask.automation(value), {"strings"}),
        (
            "automation",
            "service_role",
            lambda _, value: MaintenanceWindowTask.automation(["Mine"], service_role=value),
            {"none", "role"},
        ),
        ("lambda_functions", "functions", lambda _, value: MaintenanceWindowTask.lambda_functions(value), set()),
        ("step_functions", "state_machines", lambda _, value: MaintenanceWindowTask.step_functions(value), set()),
        ("ServiceLinkedRoleType.of", "role_name", other_service("role_name"), {"string"}),
        ("ServiceLinkedRoleType.of", "service_principal", other_service("service_principal"), {"string"}),
        ("ServiceLinkedRoleType.of", "managed_policy_name", other_service("managed_policy_name"), {"none", "string"}),
        (
            "ServiceLinkedRoleType.of",
            "deletion_prerequisites",
            other_service("deletion_prerequisites"),
            {"none", "string"},
        ),
        ("ServiceLinkedRoleType.of", "documentation_url", other_service("documentation_url"), {"none", "string"}),
        ("ServiceLinkedRoleType.of", "custom_suffix", other_service("custom_suffix"), {"none", "string"}),
        (
            "ServiceLinkedRoleType.of_service",
            "service_principal",
            lambda _, value: ServiceLinkedRoleType.of_service(value),
            {"string"},
        ),
        (
            "ServiceLinkedRoleType.of_service",
            "custom_suffix",
            lambda _, value: ServiceLinkedRoleType.of_service("lexv2.amazonaws.com", custom_suffix=value),
            {"none", "string"},
        ),
        ("ServiceLinkedRoleType", "role_name", role_type("role_name"), {"string"}),
        ("ServiceLinkedRoleType", "service_principal", role_type("service_principal"), {"string"}),
        ("ServiceLinkedRoleType", "managed_policy_name", role_type("managed_policy_name"), {"none", "string"}),
        ("ServiceLinkedRoleType", "custom_suffix", role_type("custom_suffix"), {"none", "string"}),
    ]
    listed += [
        (construct.__name__, name, of(name), kinds)
        for construct, of, all_kinds in CONSTRUCTORS
        for name, kinds in all_kinds.items()
    ]
    return {
        f"{owner}: {name}": Argument(name, call, frozenset(kinds.union(*(ALSO.get(kind, set()) for kind in kinds))))
        for owner, name, call, kinds in listed
    }


ARGUMENTS = arguments()


@in_few_and_in_many_cases
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_wrong_type_is_refused(argument: str, cases: str, bench: Bench, refused: Refused) -> None:
    given_to = ARGUMENTS[argument]
    values = kinds_of_values(bench)

    @given(value=st.one_of(*(values[kind] for kind in values if kind not in given_to.kinds)))
    def check(value: Any) -> None:
        refused(lambda: given_to.call(bench, value), given_to.name, tree=bench.stack)

    check()


@pytest.mark.parametrize("argument", ["HybridServiceRole: role_name", "grant_create_types: role_types"])
def test_a_value_that_is_shown_in_several_lines_is_refused_in_one(
    argument: str, bench: Bench, refused: Refused
) -> None:
    refused(lambda: ARGUMENTS[argument].call(bench, SpeaksInLines()), ARGUMENTS[argument].name, tree=bench.stack)


@in_few_and_in_many_cases
def test_a_list_with_one_wrong_thing_in_it_is_refused(cases: str, bench: Bench, refused: Refused) -> None:
    values = kinds_of_values(bench)
    good = {"activation_regions": "eu-central-1", "managed_policies": bench.policy, "role_types": AMAZON_SSM}
    kinds = {"activation_regions": "string", "managed_policies": "policy", "role_types": "role type"}

    @given(data=st.data(), name=st.sampled_from(sorted(good)))
    def check(data: st.DataObject, name: str) -> None:
        wrong = data.draw(st.one_of(*(values[kind] for kind in values if kind != kinds[name])))
        things = data.draw(st.permutations([good[name], wrong]).map(data.draw(st.sampled_from([list, tuple]))))
        if name == "role_types":
            refused(lambda: ServiceLinkedRole.grant_create_types(bench.grantee, cast(Any, things)), name)
        else:
            refused(lambda: HybridServiceRole(bench.stack, "Role", **{name: things}), name, tree=bench.stack)

    check()


@in_few_and_in_many_cases
def test_a_wrong_inline_policy_is_refused(cases: str, bench: Bench, refused: Refused) -> None:
    values = kinds_of_values(bench)
    names = st.one_of(*(values[kind] for kind in ("none", "number", "boolean"))) | st.text(max_size=3).filter(
        lambda name: not allowed_by_iam("policyNameType", name)
    )
    documents = st.one_of(*(values[kind] for kind in values if kind != "document"))

    @given(policy=st.tuples(names, st.just(bench.document)) | st.tuples(st.just("Read"), documents))
    def check(policy: tuple[Any, Any]) -> None:
        policies = {"Good": bench.document, policy[0]: policy[1]}
        refused(
            lambda: HybridServiceRole(bench.stack, "Role", inline_policies=policies),
            "inline_policies",
            tree=bench.stack,
        )

    check()


# Strings

# Mostly what is allowed, with a thing in it that may not be.
NEARLY_NAMES = st.lists(
    st.sampled_from("abcXYZ019_+=,.@-") | st.characters(max_codepoint=0x2FF) | st.characters(categories=["Cs", "Nd"]),
    max_size=68,
).map("".join)
NAMES = st.text("abcXYZ019_+=,.@-", min_size=0, max_size=66) | NEARLY_NAMES
NEARLY_PATHS = st.text(st.characters(min_codepoint=0x1F, max_codepoint=0x80), max_size=20)
PATHS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["/", "", "//"]),
    NEARLY_PATHS | st.integers(500, 515).map("p".__mul__) | st.integers(58, 66).map("p".__mul__),
    st.sampled_from(["/", "", "//", "/\n"]),
)
NEARLY_LATIN = st.text(st.characters(max_codepoint=0x100), max_size=20)
DESCRIPTIONS = NEARLY_LATIN | st.text(max_size=10) | st.integers(960, 1010).map("d".__mul__)


class Roles:
    """Makes one accepted role after another, and sees in the end that they synthesize."""

    # CloudFormation's limit is 500 resources in a stack.
    _PER_STACK = 200

    def __init__(self) -> None:
        self.app = App()
        self.expected: dict[str, dict[str, Any]] = {}

    def next_place(self) -> tuple[Stack, str]:
        number = len(self.expected)
        name = f"Stack{number // self._PER_STACK}"
        found = self.app.node.try_find_child(name)
        stack = Stack(self.app, name) if found is None else cast(Stack, found)
        return stack, f"Role{number}"

    def accepted(self, role: HybridServiceRole, **properties: Any) -> None:
        resource = cast(iam.CfnRole, role.node.default_child)
        stack = Stack.of(role)
        self.expected[f"{stack.node.id}/{stack.resolve(resource.logical_id)}"] = properties

    def synthesize(self) -> None:
        found = {}
        with pytest.MonkeyPatch.context() as patch:
            # Two roles of different cases may have one name, which is no fault of the cases.
            patch.setattr(FixedNameChecks, "__call__", lambda *_: ())
            assembly = self.app.synth()
        for artifact in assembly.stacks:
            for logical_id, resource in artifact.template.get("Resources", {}).items():
                found[f"{artifact.stack_name}/{logical_id}"] = resource["Properties"]
        for place, expected in self.expected.items():
            assert {name: found[place].get(name) for name in expected} == expected


@in_few_and_in_many_cases
@pytest.mark.parametrize(
    ("argument", "shape", "property_name", "texts"),
    [
        ("role_name", "roleNameType", "RoleName", NAMES),
        ("path", "pathType", "Path", PATHS),
        ("description", "roleDescriptionType", "Description", DESCRIPTIONS),
    ],
    ids=["role_name", "path", "description"],
)
def test_what_iam_allows_is_accepted_and_what_it_does_not_is_refused(
    argument: str, shape: str, property_name: str, texts: st.SearchStrategy[str], cases: str, refused: Refused
) -> None:
    roles = Roles()
    empty = new_stack()

    @given(text=texts)
    def check(text: str) -> None:
        assume("${Token[" not in text)
        # Activations take a shorter path than IAM, because a name of at least 1 character belongs to it.
        if allowed_by_iam(shape, text) and (argument != "path" or len(text) <= 64):
            assume(not text.startswith("/aws-service-role/"))
            stack, id = roles.next_place()
            role = HybridServiceRole(stack, id, **cast(Any, {argument: text}))
            roles.accepted(role, **{property_name: text or None})
        else:
            refused(lambda: HybridServiceRole(empty, "Role", **cast(Any, {argument: text})), argument, tree=empty)

    check()
    if argument != "path":
        roles.synthesize()


@pytest.mark.parametrize(
    ("argument", "shape", "around"),
    [("role_name", "roleNameType", ""), ("path", "pathType", "/"), ("description", "roleDescriptionType", "")],
    ids=["role_name", "path", "description"],
)
def test_each_character_is_accepted_where_iam_allows_it(
    argument: str, shape: str, around: str, stack: Stack, refused: Refused
) -> None:
    characters = [chr(point) for point in range(0x180)]
    allowed = [each for each in characters if allowed_by_iam(shape, around + each + around)]
    for each in set(characters) - set(allowed):
        text = around + each + around
        refused(lambda text=text: HybridServiceRole(stack, "Role", **{argument: text}), argument, tree=stack)
    # Few at a time, for an activation takes 64 characters.
    for index in range(0, len(allowed), 16):
        text = around + "".join(allowed[index : index + 16]) + around
        HybridServiceRole(stack, f"Role{index}", **cast(Any, {argument: text}))
    roles = resources(stack, "AWS::IAM::Role").values()
    name = {"role_name": "RoleName", "path": "Path", "description": "Description"}[argument]
    assert set(allowed) <= {each for role in roles for each in role["Properties"][name]}


@in_few_and_in_many_cases
def test_a_path_and_a_name_are_accepted_as_far_as_an_activation_takes_them(cases: str, refused: Refused) -> None:
    roles = Roles()
    empty = new_stack()

    @given(path_length=st.integers(1, 66), name_length=st.integers(1, 64))
    def check(path_length: int, name_length: int) -> None:
        path, name = "/" + "p" * path_length + "/", "n" * name_length
        if len(path) - 1 + len(name) <= 64:
            stack, id = roles.next_place()
            roles.accepted(HybridServiceRole(stack, id, path=path, role_name=name), Path=path, RoleName=name)
        else:
            wrong = "path" if len(path) > 64 else "activation_role_name"
            refused(lambda: HybridServiceRole(empty, "Role", path=path, role_name=name), wrong, tree=empty)

    check()
    roles.synthesize()


@in_few_and_in_many_cases
def test_a_description_of_a_service_linked_role_is_refused_where_iam_refuses_it(
    cases: str, bench: Bench, refused: Refused
) -> None:
    @given(text=DESCRIPTIONS, creation=st.sampled_from(ServiceLinkedRoleCreation))
    def check(text: str, creation: ServiceLinkedRoleCreation) -> None:
        assume("${Token[" not in text)
        mark = " [ssm-roles:0123456789abcdef]" if creation is ServiceLinkedRoleCreation.ENSURE else ""
        if allowed_by_iam("roleDescriptionType", text + mark):
            ServiceLinkedRole(new_stack(), "Role", role_type=AMAZON_SSM, creation=creation, description=text)
        else:
            refused(
                lambda: ServiceLinkedRole(
                    bench.stack, "Role", role_type=AMAZON_SSM, creation=creation, description=text
                ),
                "description",
                tree=bench.stack,
            )

    check()


@in_few_and_in_many_cases
def test_names_of_other_service_s_roles_are_accepted_as_iam_would(cases: str, refused: Refused) -> None:
    @given(name=NAMES | NAMES.map("AWSServiceRoleFor{}".format), policy=NAMES)
    def check(name: str, policy: str) -> None:
        if not (allowed_by_iam("roleNameType", name) and name.startswith("AWSServiceRoleFor")):
            refused(lambda: ServiceLinkedRoleType.of(**{**OTHER_SERVICE, "role_name": name}), "role_name")
        elif not allowed_by_iam("policyNameType", policy):
            refused(
                lambda: ServiceLinkedRoleType.of(
                    role_name=name, service_principal="autoscaling.amazonaws.com", managed_policy_name=policy
                ),
                "managed_policy_name",
            )
        else:
            described = ServiceLinkedRoleType.of(
                role_name=name, service_principal="autoscaling.amazonaws.com", managed_policy_name=policy
            )
            assert (described.role_name, described.managed_policy_name) == (name, policy)

    check()


# Session durations


@in_few_and_in_many_cases
def test_a_session_duration_is_accepted_where_iam_accepts_it(cases: str, refused: Refused) -> None:
    roles = Roles()
    empty = new_stack()
    shape = IAM["roleMaxSessionDurationType"]
    around = st.sampled_from([shape["min"], shape["max"]]).flatmap(
        lambda limit: st.integers(1000 * (limit - 2), 1000 * (limit + 2))
    )
    milliseconds = around | st.integers(0, 50_000_000) | st.integers(0, 50_000).map((1000).__mul__)

    @given(milliseconds=milliseconds)
    def check(milliseconds: int) -> None:
        duration = Duration.millis(milliseconds)
        seconds, rest = divmod(milliseconds, 1000)
        if rest == 0 and shape["min"] <= seconds <= shape["max"]:
            stack, id = roles.next_place()
            role = HybridServiceRole(stack, id, max_session_duration=duration)
            roles.accepted(role, MaxSessionDuration=seconds)
        else:
            refused(
                lambda: HybridServiceRole(empty, "Role", max_session_duration=duration),
                "max_session_duration",
                tree=empty,
            )

    check()
    roles.synthesize()


# Regions

SESSION = botocore.session.Session()
REGIONS = {
    partition: sorted(SESSION.get_available_regions("iam", partition) + SESSION.get_available_regions("ec2", partition))
    for partition in SESSION.get_available_partitions()
}
KNOWN_REGIONS = {
    partition: [region for region in regions if re.fullmatch(r"[a-z-]+-\d", region)]
    for partition, regions in REGIONS.items()
}


@pytest.mark.parametrize("partition", [partition for partition, regions in KNOWN_REGIONS.items() if regions])
def test_every_region_that_the_sdk_knows_is_accepted_in_its_partition_and_in_no_other(
    partition: str, refused: Refused
) -> None:
    regions = sorted(set(KNOWN_REGIONS[partition]))
    stack = Stack(App(), "Stack", env=Environment(account=ACCOUNT, region=regions[0]))
    role = HybridServiceRole(stack, "All", activation_regions=regions)
    empty = Stack(App(), "Stack", env=Environment(account=ACCOUNT, region=regions[0]))
    for other, others in KNOWN_REGIONS.items():
        for foreign in set(others) if other != partition else ():
            message = refused(
                lambda foreign=foreign: HybridServiceRole(empty, "Role", activation_regions=[regions[0], foreign]),
                "activation_regions",
                tree=empty,
            )
            assert foreign in message
    assert role.role_arn
    synthesized(stack)


MALFORMED_REGIONS = (
    st.text(max_size=20)
    | st.text("abc-123*", max_size=20)
    | st.sampled_from(["eu-central-1a", "EU-CENTRAL-1", " eu-central-1", "eu-central-1\n", "eu_central_1", "Frankfurt"])
    | st.sampled_from(["eu-*", "**", "", "-", "eu-central-1,us-east-1", "arn:aws:ssm:eu-central-1", "euc1", "global"])
).filter(lambda text: text != "*" and not re.fullmatch(r"[a-z]{2,4}(-[a-z]+){1,2}-\d{1,2}", text))

WELL_KNOWN = sorted(set(KNOWN_REGIONS["aws"]))


@in_few_and_in_many_cases
def test_malformed_regions_are_refused_wherever_they_stand(cases: str, bench: Bench, refused: Refused) -> None:
    @given(data=st.data(), malformed=MALFORMED_REGIONS)
    def check(data: st.DataObject, malformed: str) -> None:
        others = data.draw(st.lists(st.sampled_from(WELL_KNOWN), unique=True, max_size=3))
        regions = data.draw(st.permutations([*others, malformed]))
        refused(
            lambda: HybridServiceRole(bench.stack, "Role", activation_regions=regions),
            "activation_regions",
            tree=bench.stack,
        )

    check()


@in_few_and_in_many_cases
def test_a_region_twice_or_a_star_among_regions_is_refused(cases: str, bench: Bench, refused: Refused) -> None:
    @given(
        data=st.data(),
        regions=st.lists(st.sampled_from([*WELL_KNOWN, Aws.REGION]), unique=True, min_size=1, max_size=4),
    )
    def check(data: st.DataObject, regions: list[str]) -> None:
        extra = data.draw(st.sampled_from(["*", *(region for region in regions if region != Aws.REGION)]))
        all_regions = data.draw(st.permutations([*regions, extra]))
        refused(
            lambda: HybridServiceRole(bench.stack, "Role", activation_regions=all_regions),
            "activation_regions",
            tree=bench.stack,
        )

    check()


# Policies


@in_few_and_in_many_cases
def test_managed_policies_are_refused_beyond_the_maximum_and_as_duplicates(cases: str, refused: Refused) -> None:
    roles = Roles()
    empty = new_stack()
    policies = [iam.ManagedPolicy.from_aws_managed_policy_name(f"Policy{number}") for number in range(27)]
    core = iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")
    theirs = iam.ManagedPolicy.from_aws_managed_policy_name("aws-service-role/AmazonSSMServiceRolePolicy")
    choices = {**{str(number): policy for number, policy in enumerate(policies)}, "core": core, "theirs": theirs}
    numbers = st.lists(st.integers(0, 26).map(str), unique=True, max_size=27)
    keys = numbers | st.lists(st.sampled_from(list(choices)), max_size=4)

    @given(keys=keys)
    def check(keys: list[str]) -> None:
        chosen = [choices[key] for key in keys]
        if len(keys) <= 24 and len(set(keys)) == len(keys) and not {"core", "theirs"} & set(keys):
            stack, id = roles.next_place()
            roles.accepted(HybridServiceRole(stack, id, managed_policies=chosen))
        else:
            refused(lambda: HybridServiceRole(empty, "Role", managed_policies=chosen), "managed_policies", tree=empty)

    check()
    roles.synthesize()


@in_few_and_in_many_cases
def test_inline_policies_are_refused_beyond_what_a_role_can_have(cases: str, refused: Refused) -> None:
    roles = Roles()
    empty = new_stack()
    # Each document but for its resource, as IAM counts it.
    rest = len('{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","Resource":""}],"Version":"2012-10-17"}')

    @given(number=st.integers(1, 3), over=st.integers(-3, 3) | st.integers(-10_000, 10_000))
    def check(number: int, over: int) -> None:
        each, more = divmod(10_240 + over - number * rest, number)
        assume(each > 0)
        sizes = [each] * (number - 1) + [each + more]
        policies = {
            f"Policy{index}": iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=["x" * size])]
            )
            for index, size in enumerate(sizes)
        }
        if over <= 0:
            stack, id = roles.next_place()
            roles.accepted(HybridServiceRole(stack, id, inline_policies=policies))
        else:
            refused(lambda: HybridServiceRole(empty, "Role", inline_policies=policies), "inline_policies", tree=empty)

    check()
    roles.synthesize()


# Activations

SSM = botocore.loaders.Loader().load_service_model("ssm", "service-2")["shapes"]


def allowed_by_ssm(shape: str, text: str) -> bool:
    """Whether the model of Systems Manager's API allows a string."""
    model = SSM[shape]
    # ``re`` doesn't know what the service's patterns say: letters, separators and numbers of every script.
    assert model["pattern"] == r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"
    allowed = all(each in "_.:/=+-@" or unicodedata.category(each)[0] in "LZN" for each in text)
    return allowed and model.get("min", 0) <= len(text) <= model["max"]


NODE_TEXTS = (
    st.text(st.characters(categories=["L", "N", "Z"]) | st.sampled_from("_.:/=+-@"), max_size=12)
    | st.text(max_size=6)
    | st.integers(125, 130).map("n".__mul__)
    | st.integers(254, 258).map("\u00fc".__mul__)
    | st.sampled_from(["aws:", "AWS:x", "Aws:owner", "aws", "xaws:", " aws:"])
)


class Activations:
    """Makes one accepted activation after another, and sees in the end that their functions get what was given."""

    # CloudFormation's limit is 500 resources in a stack.
    PER_STACK = 35

    def __init__(self) -> None:
        self.app = App()
        self.expected: dict[str, dict[str, Any]] = {}

    def accepted(self, arguments: dict[str, Any], **settings: Any) -> None:
        number = len(self.expected)
        name = f"Stack{number // self.PER_STACK}"
        stack = cast("Stack | None", self.app.node.try_find_child(name))
        if stack is None:
            stack = Stack(self.app, name)
            HybridServiceRole(stack, "Nodes")
        role = cast(HybridServiceRole, stack.node.find_child("Nodes"))
        activation = HybridActivation(stack, f"Activation{number}", role=role, **arguments)
        function = cast(CfnElement, activation.node.find_child("Function").node.default_child)
        self.expected[stack.resolve(function.logical_id)] = settings

    def synthesize(self) -> None:
        found = {}
        with pytest.MonkeyPatch.context() as patch:
            # Two roles of different cases may have one name, which is no fault of the cases.
            patch.setattr(FixedNameChecks, "__call__", lambda *_: ())
            assembly = self.app.synth()
        for artifact in assembly.stacks:
            for name, resource in artifact.template["Resources"].items():
                if resource["Type"] == "AWS::Lambda::Function":
                    parts = resource["Properties"]["Environment"]["Variables"]["ACTIVATION"]["Fn::Join"][1]
                    text = "".join(part if isinstance(part, str) else "Nodes" for part in parts)
                    found[name] = json.loads(text)
        assert found.keys() == self.expected.keys()
        assert {name: {key: found[name][key] for key in expected} for name, expected in self.expected.items()} == (
            self.expected
        )


@in_few_and_in_many_cases
def test_the_texts_of_an_activation_are_those_that_systems_manager_allows(
    cases: str, bench: Bench, refused: Refused
) -> None:
    good = Activations()

    @given(argument=st.sampled_from(["default_instance_name", "key", "value"]), text=NODE_TEXTS)
    def check(argument: str, text: str) -> None:
        shape = {"default_instance_name": "DefaultInstanceName", "key": "TagKey", "value": "TagValue"}[argument]
        name = "tags" if argument in ("key", "value") else argument
        given_to: dict[str, Any] = {"key": {text: ""}, "value": {"key": text}}
        arguments = {name: given_to.get(argument, text)}
        reserved = argument == "key" and text.lower().startswith("aws:")
        # The API takes an empty name, which means none.
        empty = argument == "default_instance_name" and text == ""
        if allowed_by_ssm(shape, text) and not reserved and not empty:
            settings: dict[str, Any] = {
                "key": {"Tags": [{"Key": text, "Value": ""}]},
                "value": {"Tags": [{"Key": "key", "Value": text}]},
            }
            good.accepted(arguments, **settings.get(argument, {"DefaultInstanceName": text}))
        else:
            refused(
                lambda: HybridActivation(bench.stack, "Activation", role=bench.nodes, **arguments),
                name,
                tree=bench.stack,
            )

    check()
    good.synthesize()


@in_few_and_in_many_cases
def test_the_limits_of_an_activation_are_those_of_the_services(cases: str, bench: Bench, refused: Refused) -> None:
    good = Activations()
    day = 86_400

    @given(
        limit=st.integers(1, 1000) | st.integers(-5, 5) | st.integers(990, 1010),
        lifetime=st.integers(5 * 3600, 30 * day) | st.integers(4 * 3600, 6 * 3600) | st.integers(29 * day, 31 * day),
        rotation=st.none() | st.integers(4, 719) | st.integers(1, 6),
    )
    def check(limit: int, lifetime: int, rotation: int | None) -> None:
        arguments: dict[str, Any] = {"registration_limit": limit, "lifetime": Duration.seconds(lifetime)}
        if rotation is not None:
            arguments["rotate_every"] = Duration.hours(rotation)
        faults = {
            "registration_limit": not SSM["RegistrationLimit"]["min"] <= limit <= SSM["RegistrationLimit"]["max"],
            "lifetime": not 5 * 3600 <= lifetime <= 30 * day,
            "rotate_every": rotation is not None and not (rotation >= 4 and (rotation + 1) * 3600 <= lifetime),
        }
        fault = next((argument for argument, wrong in faults.items() if wrong), None)
        if fault is None:
            good.accepted(arguments, RegistrationLimit=limit, LifetimeSeconds=lifetime)
        else:
            refused(
                lambda: HybridActivation(bench.stack, "Activation", role=bench.nodes, **arguments),
                fault,
                tree=bench.stack,
            )

    check()
    good.synthesize()


# ARNs

PARTS = {
    "prefix": ["arn", "ARN", "", "urn"],
    "partition": ["aws", "aws-cn", "aws-us-gov", "", "azure", "AWS", "aws cn"],
    "service": ["iam", "sts", "s3", ""],
    "region": ["", "eu-central-1"],
    "account": [ACCOUNT, "", "11112222333", "1111222233334", "aws", "*"],
    "resource": [
        "role/Nodes",
        "role/service-role/Nodes",
        "role/a/b/Nodes",
        "role/",
        "role//",
        "role/a/",
        "role",
        "role:Nodes",
        "role/Nodes ",
        "role/Nodes\n",
        "role/n\u00f6des",
        "user/Nodes",
        "policy/Nodes",
        "instance-profile/Nodes",
        "assumed-role/Nodes/session",
        "root",
        "role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM",
        "role/" + "n" * 65,
        "role/" + "p" * 64 + "/Nodes",
    ],
}
GOOD_PARTS = {
    "prefix": {"arn"},
    "partition": {"aws", "aws-cn", "aws-us-gov"},
    "service": {"iam"},
    "region": {""},
    "account": {ACCOUNT},
    "resource": {"role/Nodes", "role/service-role/Nodes", "role/a/b/Nodes"},
}
# Each part is mostly good, or nearly all ARNs would be bad for their account.
ARN_PARTS = st.fixed_dictionaries(
    {name: st.sampled_from(sorted(GOOD_PARTS[name])) | st.sampled_from(parts) for name, parts in PARTS.items()}
)


@in_few_and_in_many_cases
def test_an_imported_role_with_an_arn_that_is_no_role_s_is_refused(cases: str, bench: Bench, refused: Refused) -> None:
    @given(parts=ARN_PARTS)
    def check(parts: dict[str, str]) -> None:
        arn = ":".join(parts[name] for name in PARTS)
        # The CDK itself rejects what does not have the form of an ARN.
        assume(parts["prefix"] == "arn" and parts["partition"] and parts["service"] and "/" in parts["resource"])
        role = iam.Role.from_role_arn(Stack(), "Role", arn)
        assert role.role_arn == arn
        if all(parts[name] in good for name, good in GOOD_PARTS.items()):
            assert activation_role_name(role) == parts["resource"].removeprefix("role/")
        else:
            # A path and a name that are too long together make the ARN no other than a role's.
            argument = "activation_role_name" if _only_too_long(parts) else "role"
            refused(lambda: activation_role_name(role), argument, tree=role.stack)
            if argument == "role":
                refused(lambda: HybridActivation.grant_create(bench.grantee, role), argument, tree=bench.grantee)
                refused(lambda: bench.capability.grant(role), argument, tree=role.stack)

    check()


def _only_too_long(parts: dict[str, str]) -> bool:
    rest = all(parts[name] in good for name, good in GOOD_PARTS.items() if name != "resource")
    return rest and re.fullmatch(r"role/[\w/]+", parts["resource"]) is not None and len(parts["resource"]) > 64


class RoleWithArn(iam.Role):
    """A role whose ARN is any text, as a class of a user's own may have it."""

    def __init__(self, scope: Stack, text: str) -> None:
        super().__init__(scope, "Role", assumed_by=iam.AccountRootPrincipal())
        self._text = text

    @property
    def role_arn(self) -> str:
        return self._text


@in_few_and_in_many_cases
def test_a_role_with_any_text_for_an_arn_is_refused(cases: str, bench: Bench, refused: Refused) -> None:
    @given(text=st.text() | st.text(max_size=20).map("arn:aws:iam::{}".format))
    def check(text: str) -> None:
        assume("${Token[" not in text and "DUMMY_ARN" not in text)
        role = RoleWithArn(Stack(), text)
        refused(lambda: activation_role_name(role), "role", tree=role.stack)
        refused(lambda: HybridActivation(bench.stack, "Activation", role=role), "role", tree=bench.stack)
        refused(lambda: HybridActivation.grant_create(bench.grantee, role), "role", tree=bench.grantee)
        refused(lambda: bench.capability.grant(role), "role", tree=role.stack)

    check()


@in_few_and_in_many_cases
def test_any_text_for_a_service_principal_is_refused(cases: str, refused: Refused) -> None:
    nearly = st.builds(
        "{}{}".format, st.text("aZ.-/: \n", max_size=8), st.sampled_from([".amazonaws.com", ".amazonaws.com.cn", ""])
    )

    @given(text=(st.text() | nearly).filter(lambda text: not re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", text)))
    def check(text: str) -> None:
        refused(lambda: ServiceLinkedRoleType.of(**{**OTHER_SERVICE, "service_principal": text}), "service_principal")

    check()


# What is known at deploy time only


TOKENS: dict[str, Callable[[Stack], str]] = {
    "parameter": lambda stack: CfnParameter(stack, "Parameter").value_as_string,
    "pseudo parameter": lambda _: Aws.STACK_NAME,
    "import": lambda _: Fn.import_value("Exported"),
    "join": lambda _: Fn.join("-", ["a", Aws.STACK_NAME]),
    "part of a string": lambda _: f"{Aws.STACK_NAME} and \u2013 what not",
    "lazy": lambda _: Lazy.uncached_string(LazyName()),
}


@jsii.implements(IStringProducer)
class LazyName:
    def produce(self, context: Any) -> str:
        return "made-when-synthesized"


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("argument", ["role_name", "path", "description", "activation_regions"])
def test_a_token_in_place_of_a_string_is_accepted_unchecked(token: str, argument: str, stack: Stack) -> None:
    value = TOKENS[token](stack)
    arguments: dict[str, Any] = {argument: [value, "eu-central-1"] if argument == "activation_regions" else value}
    HybridServiceRole(stack, "Nodes", **arguments)
    ServiceLinkedRole(stack, "Inventory", role_type=AMAZON_SSM, description=value)
    ServiceLinkedRole(
        stack,
        "Native",
        role_type=ServiceLinkedRoleType.OPS_INSIGHTS,
        creation=ServiceLinkedRoleCreation.NATIVE,
        description=value,
    )
    synthesized(stack)


@pytest.mark.parametrize("token", TOKENS)
def test_a_role_imported_by_a_token_is_accepted_unchecked(token: str, stack: Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Nodes", TOKENS[token](stack))
    assert activation_role_name(role)
    HybridActivation(stack, "Activation", role=role)
    HybridActivation.grant_create(iam.User(stack, "Operator"), role)
    HybridActivation.grant_create(role, role)
    NodeCapability.agent_buckets().grant(role)
    synthesized(stack)


def test_text_that_is_too_long_whatever_a_token_in_it_becomes_is_refused(stack: Stack, refused: Refused) -> None:
    description = f"{'d' * 1001}{Aws.STACK_NAME}"
    refused(lambda: HybridServiceRole(stack, "Nodes", description=description), "description", tree=stack)


def test_a_duration_known_at_deploy_time_only_is_refused_since_the_cdk_takes_none(
    stack: Stack, refused: Refused
) -> None:
    duration = Duration.seconds(CfnParameter(stack, "Seconds", type="Number").value_as_number)
    refused(
        lambda: HybridServiceRole(stack, "Nodes", max_session_duration=duration), "max_session_duration", tree=stack
    )


def test_policies_known_at_deploy_time_only_are_accepted(stack: Stack) -> None:
    arns = [CfnParameter(stack, f"Policy{index}").value_as_string for index in range(3)]
    HybridServiceRole(
        stack,
        "Nodes",
        managed_policies=[
            iam.ManagedPolicy.from_managed_policy_arn(stack, f"Policy-{index}", arn) for index, arn in enumerate(arns)
        ],
        inline_policies={
            Aws.STACK_NAME: iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=[f"{Aws.STACK_NAME}/*"])]
            )
        },
    )
    synthesized(stack)


def test_an_id_known_at_deploy_time_only_is_refused(bench: Bench, refused: Refused) -> None:
    for make in (
        lambda: HybridServiceRole(bench.stack, Aws.STACK_NAME),
        lambda: ServiceLinkedRole(bench.stack, Aws.STACK_NAME, role_type=AMAZON_SSM),
        lambda: ServiceLinkedRole.from_role_type(bench.stack, f"Role-{Aws.REGION}", AMAZON_SSM),
    ):
        refused(make, "id", tree=bench.stack)


# All at once

VALID: dict[str, st.SearchStrategy[Any]] = {
    "activation_regions": st.lists(st.sampled_from([*WELL_KNOWN, Aws.REGION]), unique=True, min_size=1, max_size=4)
    | st.just(["*"]),
    "managed_policies": st.lists(st.integers(0, 20), unique=True, max_size=9).map(
        lambda numbers: [iam.ManagedPolicy.from_aws_managed_policy_name(f"Policy{number}") for number in numbers]
    ),
    "inline_policies": st.dictionaries(
        st.text("abcXYZ019_+=,.@-", min_size=1, max_size=12),
        st.lists(st.text("abc/*", min_size=1, max_size=20), min_size=1, max_size=3).map(
            lambda resources: iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=resources)]
            )
        ),
        max_size=2,
    ),
    "role_name": st.text("abcXYZ019_+=,.@-", min_size=1, max_size=32) | st.just(Aws.STACK_NAME),
    "path": st.text("abc019!~./", min_size=1, max_size=20).map("/{}/".format)
    | st.just("/")
    | st.just(f"/{Aws.REGION}/"),
    "description": st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
    | st.just(Aws.STACK_NAME),
    "permissions_boundary": st.builds(iam.ManagedPolicy.from_aws_managed_policy_name, st.just("PowerUserAccess")),
    "max_session_duration": st.integers(1, 12).map(Duration.hours),
}


@in_few_and_in_many_cases
def test_whatever_passes_synthesizes(cases: str) -> None:
    roles = Roles()
    parameters = botocore.session.Session().get_service_model("iam").operation_model("CreateRole").input_shape
    assert parameters is not None
    literal = ["RoleName", "Path", "Description", "MaxSessionDuration"]

    @given(arguments=st.fixed_dictionaries({}, optional=VALID))
    def check(arguments: dict[str, Any]) -> None:
        # The name that CloudFormation generates takes 28 characters or so.
        assume("role_name" in arguments or len(arguments.get("path", "")) < 20)
        stack, id = roles.next_place()
        roles.accepted(HybridServiceRole(stack, id, **arguments))

    check()
    roles.synthesize()
    for artifact in roles.app.synth().stacks:
        for resource in artifact.template["Resources"].values():
            properties = resource["Properties"]
            request = {name: properties[name] for name in literal if isinstance(properties.get(name), (str, int))}
            request = {"RoleName": "Generated", **request, "AssumeRolePolicyDocument": "{}"}
            report = botocore.validate.ParamValidator().validate(request, parameters)
            assert not report.has_errors(), report.generate_report()
            assert allowed_by_iam("roleNameType", request["RoleName"])
            assert allowed_by_iam("pathType", request.get("Path", "/"))
            assert allowed_by_iam("roleDescriptionType", request.get("Description", ""))
