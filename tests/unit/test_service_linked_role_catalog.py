"""The roles of all AWS services, and where their names come from."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from aws_cdk import RemovalPolicy, Stack
from hypothesis import given
from hypothesis import strategies as st

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleCreation, ServiceLinkedRoleType
from ssm_roles._facts.service_linked_role_catalog import _FILE, cataloged_roles
from tests.unit.templates import new_stack, only, resources, synthesized

CATALOG = json.loads(_FILE.read_text(encoding="utf-8"))
SERVICES = sorted(CATALOG["services"])
WITH_SUFFIX = ("autoscaling.amazonaws.com", "connect.amazonaws.com", "lexv2.amazonaws.com")
LONGEST = sorted(
    [*ServiceLinkedRoleType.all(), *(ServiceLinkedRoleType.of_service(each) for each in SERVICES)],
    key=lambda each: (-len(each.role_name) - len(each.service_principal), each.role_name),
)


def test_every_role_has_two_sources_that_are_described() -> None:
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", CATALOG["asOf"])
    for source in CATALOG["sources"].values():
        assert source["what"]
        assert source["url"].startswith("https://")
    for principal, roles in CATALOG["services"].items():
        for role in roles:
            assert len(set(role["sources"])) >= 2, principal
            assert set(role["sources"]) <= set(CATALOG["sources"])


def test_the_catalog_is_sorted_and_has_no_role_of_systems_manager() -> None:
    assert list(CATALOG["services"]) == SERVICES
    assert not {each.service_principal for each in ServiceLinkedRoleType.all()} & set(SERVICES)


def test_no_two_services_share_a_role() -> None:
    names = [each.role_name.lower() for each in LONGEST]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("service", [*SERVICES, *(f"{each}.cn" for each in ("autoscaling.amazonaws.com",))])
def test_each_service_can_be_looked_up(service: str) -> None:
    role_type = ServiceLinkedRoleType.of_service(service)
    assert role_type.service_principal == service
    [expected] = cataloged_roles()[service]
    assert role_type.role_name == expected.role_name
    assert role_type.managed_policy_name == expected.managed_policy_name
    assert role_type.custom_suffix is None


def test_the_services_that_accept_a_suffix() -> None:
    accepting = {name for name, roles in cataloged_roles().items() if any(each.accepts_custom_suffix for each in roles)}
    assert accepting == {*WITH_SUFFIX, "autoscaling.amazonaws.com.cn"}


@pytest.mark.parametrize("service", WITH_SUFFIX)
def test_a_suffix_becomes_part_of_the_name(service: str) -> None:
    plain = ServiceLinkedRoleType.of_service(service)
    suffixed = ServiceLinkedRoleType.of_service(service, custom_suffix="team")
    assert suffixed.role_name == f"{plain.role_name}_team"
    assert suffixed.custom_suffix == "team"
    # A name that already has the suffix describes the same role.
    again = ServiceLinkedRoleType.of(role_name=suffixed.role_name, service_principal=service)
    assert (again.role_name, again.custom_suffix) == (suffixed.role_name, "team")


def test_a_role_of_systems_manager_is_its_constant() -> None:
    for role_type in ServiceLinkedRoleType.all():
        assert ServiceLinkedRoleType.of_service(role_type.service_principal) is role_type


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"service_principal": "opensearch.amazonaws.com"},
            [
                "of(role_name=..., service_principal=...)",
                "'opensearch.amazonaws.com'",
                "opensearchservice.amazonaws.com",
            ],
        ),
        ({"service_principal": "events.amazonaws.com.cnx"}, ["a service's name such as"]),
        ({"service_principal": "es"}, ["a service's name such as", "'es'"]),
        ({"service_principal": "ecs.amazonaws.com.cn"}, ["of(role_name=..., service_principal=...)"]),
        (
            {"service_principal": "ecs.amazonaws.com", "custom_suffix": "team"},
            ["custom_suffix", *WITH_SUFFIX, "'team' for ecs.amazonaws.com"],
        ),
        (
            {"service_principal": "ssm.amazonaws.com", "custom_suffix": "team"},
            ["custom_suffix", *WITH_SUFFIX, "'team' for ssm.amazonaws.com"],
        ),
        ({"service_principal": "lexv2.amazonaws.com", "custom_suffix": ""}, ["custom_suffix", "1 to 64"]),
        ({"service_principal": "lexv2.amazonaws.com", "custom_suffix": "a b"}, ["custom_suffix", "'a b'"]),
        ({"service_principal": "lexv2.amazonaws.com", "custom_suffix": "s" * 40}, ["role_name", "1 to 64"]),
    ],
)
def test_what_cannot_be_looked_up_is_an_error_that_lists_the_choices(
    arguments: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        ServiceLinkedRoleType.of_service(**arguments)
    for word in words:
        assert word in str(caught.value)


def test_a_service_with_several_roles_is_an_error_that_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    roles = cataloged_roles()
    several = (*roles["ecs.amazonaws.com"], *roles["eks.amazonaws.com"])
    monkeypatch.setitem(roles, "ecs.amazonaws.com", several)
    with pytest.raises(ValueError, match="AWSServiceRoleForECS, AWSServiceRoleForAmazonEKS") as caught:
        ServiceLinkedRoleType.of_service("ecs.amazonaws.com")
    assert "of(role_name=..., service_principal=...)" in str(caught.value)


@pytest.mark.parametrize(
    ("role_name", "custom_suffix"),
    [("AWSServiceRoleForAutoScaling_team", "blue"), ("AWSServiceRoleForAutoScaling_team", "team")],
)
def test_a_second_suffix_is_an_error(role_name: str, custom_suffix: str) -> None:
    with pytest.raises(ValueError, match="custom_suffix must not be given for a name that already has a suffix"):
        ServiceLinkedRoleType.of(
            role_name=role_name, service_principal="autoscaling.amazonaws.com", custom_suffix=custom_suffix
        )


def test_a_suffix_of_a_described_role_is_appended() -> None:
    role_type = ServiceLinkedRoleType.of(
        role_name="AWSServiceRoleForNewService", service_principal="new.amazonaws.com", custom_suffix="team"
    )
    assert role_type.role_name == "AWSServiceRoleForNewService_team"
    with pytest.raises(ValueError, match="custom_suffix"):
        ServiceLinkedRoleType.of(
            role_name="AWSServiceRoleForECS", service_principal="ecs.amazonaws.com", custom_suffix="team"
        )


@pytest.mark.parametrize("creation", ServiceLinkedRoleCreation)
def test_the_suffix_is_in_the_template(creation: ServiceLinkedRoleCreation) -> None:
    stack = new_stack()
    role_type = ServiceLinkedRoleType.of_service("autoscaling.amazonaws.com", custom_suffix="team")
    role = ServiceLinkedRole(stack, "Role", role_type=role_type, creation=creation)
    ensured = creation is ServiceLinkedRoleCreation.ENSURE
    properties = only(stack, "Custom::ServiceLinkedRole" if ensured else "AWS::IAM::ServiceLinkedRole")
    assert properties["CustomSuffix"] == "team"
    assert properties["AWSServiceName"] == "autoscaling.amazonaws.com"
    assert properties.get("RoleName", role_type.role_name) == role_type.role_name
    (name,) = resources(stack, "Custom::ServiceLinkedRole" if ensured else "AWS::IAM::ServiceLinkedRole")
    assert {"Ref": name} in stack.resolve(role.role_arn)["Fn::Join"][1]


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1"])
def test_a_principal_of_china_is_an_error_in_another_partition(region: str) -> None:
    role_type = ServiceLinkedRoleType.of_service("elasticmapreduce.amazonaws.com.cn")
    stack = new_stack(region=region)
    with pytest.raises(ValueError, match=r"stack's partition, aws.*, got elasticmapreduce.amazonaws.com.cn"):
        ServiceLinkedRole(stack, "Role", role_type=role_type)
    assert stack.node.children == []


@pytest.mark.parametrize("region", ["cn-north-1", None])
@pytest.mark.parametrize("service", ["autoscaling", "elasticmapreduce", "events"])
def test_a_principal_of_china_is_accepted_in_china_and_where_the_partition_is_not_known(
    service: str, region: str | None
) -> None:
    stack = new_stack(region=region)
    role_type = ServiceLinkedRoleType.of_service(f"{service}.amazonaws.com.cn")
    ServiceLinkedRole(stack, "Role", role_type=role_type)
    assert only(stack, "Custom::ServiceLinkedRole")["AWSServiceName"] == f"{service}.amazonaws.com.cn"


# The quotas of IAM, with every token at its maximum length

LENGTHS = {
    "AWS::Partition": "aws-us-gov",
    "AWS::AccountId": "111122223333",
    "AWS::Region": "ap-southeast-99",
    "AWS::StackId": f"arn:aws-us-gov:cloudformation:us-gov-west-1:111122223333:stack/{'s' * 128}/{'0' * 36}",
}
LOG_GROUP_ARN = f"arn:aws-us-gov:logs:us-gov-west-1:111122223333:log-group:/aws/cloudformation/{'l' * 64}:*"


def at_most(part: Any) -> Any:
    if isinstance(part, dict):
        if "Ref" in part:
            return LENGTHS[part["Ref"]]
        if "Fn::GetAtt" in part:
            return LOG_GROUP_ARN
        if "Fn::Join" in part:
            return "".join(at_most(part["Fn::Join"][1]))
        return {key: at_most(value) for key, value in part.items()}
    return [at_most(each) for each in part] if isinstance(part, list) else part


def sizes(stack: Stack) -> tuple[int, int]:
    """Return the characters of all inline policies of the function's role, and those of its managed policy."""

    def size(resource_type: str) -> int:
        documents = [each["Properties"]["PolicyDocument"] for each in resources(stack, resource_type).values()]
        return sum(len(json.dumps(at_most(each), separators=(",", ":"))) for each in documents)

    return size("AWS::IAM::Policy"), size("AWS::IAM::ManagedPolicy")


def define(stack: Stack, role_types: list[ServiceLinkedRoleType], described: int = 0) -> None:
    for index, role_type in enumerate(role_types):
        ServiceLinkedRole(
            stack,
            f"Role{index}",
            role_type=role_type,
            removal_policy=RemovalPolicy.DESTROY,
            description="Ours" if index < described else None,
        )


@pytest.mark.parametrize("described", [0, 40])
def test_forty_roles_that_are_deleted_with_the_stack_fit_into_the_quotas(described: int) -> None:
    stack = new_stack()
    define(stack, LONGEST[:40], described)
    inline, managed = sizes(stack)
    assert 8_000 < inline <= 10_240
    assert 4_000 < managed <= 6_144


def test_one_more_is_an_error_that_leaves_nothing() -> None:
    stack = new_stack()
    define(stack, LONGEST[-40:])
    with pytest.raises(ValueError, match=r"^Stack/Other: .*DESTROY for at most 40 roles of a stack.* got one more$"):
        ServiceLinkedRole(stack, "Other", role_type=LONGEST[0], removal_policy=RemovalPolicy.DESTROY)
    assert stack.node.try_find_child("Other") is None
    ServiceLinkedRole(stack, "Other", role_type=LONGEST[0])
    assert len(resources(stack, "Custom::ServiceLinkedRole")) == 41


def test_roles_that_do_not_fit_into_the_policy_are_an_error_that_leaves_nothing() -> None:
    stack = new_stack()

    def define_all() -> None:
        for index, role_type in enumerate(LONGEST):
            ServiceLinkedRole(stack, f"Role{index}", role_type=role_type)

    with pytest.raises(ValueError, match="fit into a managed policy of 6144 characters") as caught:
        define_all()
    assert "define the others in another stack" in str(caught.value)
    count = len(resources(stack, "Custom::ServiceLinkedRole"))
    assert count >= 40
    assert stack.node.try_find_child(f"Role{count}") is None
    assert sizes(stack)[1] <= 6_144


@given(st.data())
def test_every_choice_of_roles_fits_or_is_an_error(data: st.DataObject) -> None:
    stack = new_stack()
    chosen = data.draw(st.lists(st.sampled_from(LONGEST), unique_by=lambda each: each.role_name, max_size=60))
    for index, role_type in enumerate(chosen):
        policy = data.draw(st.sampled_from([RemovalPolicy.DESTROY, RemovalPolicy.DESTROY, RemovalPolicy.RETAIN]))
        description = data.draw(st.sampled_from([None, "Ours"]))
        try:
            ServiceLinkedRole(
                stack, f"Role{index}", role_type=role_type, removal_policy=policy, description=description
            )
        except ValueError:
            break
    if "Resources" in synthesized(stack):
        inline, managed = sizes(stack)
        assert inline <= 10_240
        assert managed <= 6_144
