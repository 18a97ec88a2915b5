"""An error begins with where it comes from: in a loop, nobody would know which construct has failed otherwise."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

import ssm_roles
from ssm_roles import (
    AutomationServiceRole,
    HybridActivation,
    HybridServiceRole,
    MaintenanceWindowTask,
    NodeCapability,
    QuickSetupRoles,
    Registration,
    RunCommandNotificationRole,
    ServiceLinkedRole,
    ServiceLinkedRoleCreation,
    ServiceLinkedRoleType,
    activation_role_name,
)
from tests.unit.templates import ACCOUNT

REST = r" \w+ must .*, got .*"
WRONG: Any = object()


def error_of(call: Callable[[], object]) -> str:
    with pytest.raises((TypeError, ValueError)) as raised:
        call()
    return str(raised.value)


def constructs() -> Iterator[type[Any]]:
    for name in ssm_roles.__all__:
        public = getattr(ssm_roles, name)
        if inspect.isclass(public) and issubclass(public, Construct):
            yield public


def values() -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield each constructor of each value class."""
    for name in ssm_roles.__all__:
        public = getattr(ssm_roles, name)
        if inspect.isclass(public) and not issubclass(public, Construct):
            for method, member in vars(public).items():
                # From Python 3.13 on, an enumeration has a private one.
                is_public = not method.startswith("_")
                if is_public and isinstance(member, staticmethod) and inspect.signature(member.__func__).parameters:
                    yield f"{name}.{method}", getattr(public, method)


@pytest.mark.parametrize("construct", list(constructs()), ids=lambda construct: construct.__name__)
def test_an_error_of_a_constructor_begins_with_the_path_of_the_construct(construct: type[Any], stack: Stack) -> None:
    group = Construct(stack, "Group")
    assert error_of(lambda: construct(group, "It", unknown=1)).startswith("Stack/Group/It: ")
    assert error_of(lambda: construct(scope=group, id="It", unknown=1)).startswith("Stack/Group/It: ")


@pytest.mark.parametrize("construct", list(constructs()), ids=lambda construct: construct.__name__)
def test_without_a_path_an_error_begins_with_the_class(construct: type[Any], stack: Stack) -> None:
    assert error_of(lambda: construct(WRONG, "It")).startswith(f"{construct.__name__}: ")
    assert error_of(lambda: construct(stack, "")).startswith(f"{construct.__name__}: ")
    assert error_of(lambda: construct(stack, 5)).startswith(f"{construct.__name__}: ")


@pytest.mark.parametrize(
    ("name", "constructor"), list(values()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_error_of_a_value_begins_with_its_constructor(name: str, constructor: Callable[..., object]) -> None:
    # Whatever takes each of these doesn't take a set of nothing.
    required = [
        each.name if each.kind is each.KEYWORD_ONLY else None
        for each in inspect.signature(constructor).parameters.values()
    ]
    wrong = {each: {WRONG} for each in required if each is not None}
    assert error_of(lambda: constructor(*({WRONG} for each in required if each is None), **wrong)).startswith(
        f"{name}: "
    )


def test_in_a_loop_an_error_names_the_construct_that_failed(stack: Stack) -> None:
    paths = {"Web": "/web/", "Batch": "batch"}

    def define() -> None:
        for name, path in paths.items():
            HybridServiceRole(stack, name, path=path)

    assert re.fullmatch(f"Stack/Batch: path must{REST[10:]}", error_of(define))


def test_an_error_of_a_method_begins_with_the_path_of_its_construct(stack: Stack) -> None:
    nodes = HybridServiceRole(stack, "Nodes")
    runbooks = AutomationServiceRole(stack, "Runbooks")
    activation = HybridActivation(stack, "Activation", role=nodes)
    operator = iam.User(stack, "Operator")
    for place, call in {
        "Stack/Nodes": lambda: nodes.grant_pass_role(WRONG),
        "Stack/Runbooks": lambda: runbooks.grant_start_execution(operator, []),
        "Stack/Activation": lambda: activation.grant_tag_nodes(operator, []),
        "HybridActivation.grant_create": lambda: HybridActivation.grant_create(WRONG, nodes),
        "activation_role_name": lambda: activation_role_name(WRONG),
    }.items():
        assert re.fullmatch(f"{place}:{REST}", error_of(call))
    assert re.fullmatch(
        f"HybridActivation.grant_create:{REST}", error_of(lambda: HybridActivation.grant_create(WRONG, nodes))
    )
    assert re.fullmatch(f"activation_role_name:{REST}", error_of(lambda: activation_role_name(WRONG)))


def test_what_has_no_place_in_the_tree_is_named_by_the_class(stack: Stack) -> None:
    # To jsii, it is a construct, whose node can't be read.
    policy: Any = iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess")
    assert error_of(lambda: HybridServiceRole(policy, "R")).startswith("HybridServiceRole: scope must be a Construct")
    nodes = HybridServiceRole(stack, "Nodes")
    roles: list[Any] = ["", " ", "Nodes"]
    for role in roles:
        with pytest.raises(TypeError, match=r"^HybridActivation.grant_create: role must be"):
            HybridActivation.grant_create(nodes, role)


def test_an_error_names_both_the_role_and_its_capability(stack: Stack) -> None:
    capability = NodeCapability.patching()
    begin = "Stack/Nodes: NodeCapability.patching: regions must be known at synth time"
    assert error_of(lambda: HybridServiceRole(stack, "Nodes", capabilities=[capability])).startswith(begin)
    nodes = HybridServiceRole(stack, "Nodes")
    assert error_of(lambda: nodes.add_capability(capability)).startswith(begin)
    assert error_of(lambda: capability.grant(nodes)).startswith(begin)
    imported = iam.Role.from_role_arn(stack, "Imported", f"arn:aws:iam::{ACCOUNT}:role/Imported")
    assert error_of(lambda: capability.grant(imported)).startswith(begin.replace("Nodes", "Imported", 1))
    assert error_of(lambda: capability.grant(WRONG)).startswith("NodeCapability.patching().grant: role must be")


def test_the_place_is_named_once_even_if_constructors_call_each_other(stack: Stack) -> None:
    tokens: Any = "tokens"
    message = error_of(lambda: ssm_roles.GreengrassCoreRole(stack, "Devices", token_exchange_role=tokens))
    assert message.startswith("Stack/Devices: token_exchange_role must be")
    with pytest.raises(ValueError, match=r"^ServiceLinkedRoleType.of: role_name must") as raised:
        ServiceLinkedRoleType.of(role_name="Other", service_principal="autoscaling.amazonaws.com")
    # The traceback still shows where the error was raised.
    assert raised.traceback[-1].name != "naming"


def test_the_constructs_and_the_errors_of_users_stay_as_they_are(stack: Stack) -> None:
    class Fleet(HybridServiceRole):
        def rename(self) -> None:
            raise ValueError("no")

    assert error_of(Fleet(stack, "Fleet").rename) == "no"


# What is wrong, and what to pass instead


def test_an_error_of_an_enum_lists_its_members(stack: Stack) -> None:
    wrong: Any = "ensure"
    role_type = ServiceLinkedRoleType.AMAZON_SSM
    assert error_of(lambda: ServiceLinkedRole(stack, "R", role_type=role_type, creation=wrong)) == (
        "Stack/R: creation must be a ServiceLinkedRoleCreation: ENSURE or NATIVE, got 'ensure'"
    )
    assert error_of(lambda: QuickSetupRoles(stack, "Q", configurations=wrong)) == (
        "Stack/Q: configurations must be a QuickSetupConfigurations: ALL_EXCEPT_PATCH_POLICIES or PATCH_POLICIES, "
        "got 'ensure'"
    )
    native: Any = ServiceLinkedRoleCreation.NATIVE
    message = error_of(lambda: ServiceLinkedRole(stack, "R", role_type=role_type, removal_policy=native))
    assert "must be RemovalPolicy.RETAIN or RemovalPolicy.DESTROY, got" in message
    assert {"RETAIN", "DESTROY"} <= {each.name for each in RemovalPolicy}


def test_an_error_of_a_type_names_what_makes_the_right_one(stack: Stack) -> None:
    nodes = HybridServiceRole(stack, "Nodes")
    activation = HybridActivation(stack, "Activation", role=nodes)
    wrong: Any = 5
    linux: Any = "linux"
    messages = {
        "a Duration, such as Duration.hours(1), got": lambda: HybridServiceRole(stack, "R", max_session_duration=wrong),
        "a Duration, such as Duration.days(7), got": lambda: HybridActivation(stack, "A", role=nodes, lifetime=wrong),
        "an iam.IRole, such as an iam.Role, got": lambda: activation_role_name(wrong),
        "an s3.IBucket, such as an s3.Bucket, got": lambda: NodeCapability.run_command_output(wrong),
        "a kms.IKey, such as a kms.Key, got": lambda: NodeCapability.session_encryption(wrong),
        "an ITopic, such as an sns.Topic, got": lambda: RunCommandNotificationRole(stack, "R", topics=[wrong]),
        "such as {'Read': iam.PolicyDocument(statements=[...])}, got": lambda: HybridServiceRole(
            stack, "R", inline_policies=wrong
        ),
        "a Registration: linux(), windows(), eks_hybrid_node(...) or ecs_anywhere(...), got 'linux'": lambda: (
            activation.registration_script(linux)
        ),
        "a Construct, such as a Stack, got": lambda: HybridServiceRole(wrong, "R"),
    }
    for expected, call in messages.items():
        assert expected in error_of(call)
    assert Duration.hours(1).to_hours() == 1
    kinds = {name for name, member in vars(Registration).items() if isinstance(member, staticmethod)}
    assert kinds == {"linux", "windows", "eks_hybrid_node", "ecs_anywhere"}


def test_what_is_known_at_deploy_time_only_is_shown_by_its_path(stack: Stack) -> None:
    fifo = sns.Topic(stack, "Patching", fifo=True)
    assert error_of(lambda: RunCommandNotificationRole(stack, "R", topics=[fifo])).endswith("got 'Stack/Patching'")
    topic, bucket = sns.Topic(stack, "Topic"), s3.Bucket(stack, "Bucket")
    assert "got 'Stack/Topic' twice" in error_of(lambda: RunCommandNotificationRole(stack, "R", topics=[topic, topic]))
    assert "got 'Stack/Bucket' twice" in error_of(
        lambda: MaintenanceWindowTask.run_command(["Mine"], output_buckets=[bucket, bucket])
    )
    policy = iam.ManagedPolicy(stack, "Policy", statements=[iam.PolicyStatement(actions=["s3:*"], resources=["*"])])
    assert "got the duplicate 'Stack/Policy'" in error_of(
        lambda: HybridServiceRole(stack, "R", managed_policies=[policy, policy])
    )
    name = CfnParameter(stack, "Name").value_as_string
    runbooks = AutomationServiceRole(stack, "Runbooks")
    operator = iam.User(stack, "Operator")
    assert "got a token twice" in error_of(lambda: runbooks.grant_start_execution(operator, [name, name]))


def test_no_error_of_the_library_shows_only_an_asterisk(stack: Stack) -> None:
    linked = ServiceLinkedRole(stack, "Linked", role_type=ServiceLinkedRoleType.AMAZON_SSM)
    for call in (
        lambda: activation_role_name(linked),
        lambda: HybridActivation(stack, "A", role=linked),
        lambda: NodeCapability.greengrass(linked),
    ):
        assert "'*'" not in error_of(call)
