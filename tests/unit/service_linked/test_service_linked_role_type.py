from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ssm_roles import ServiceLinkedRoleType
from tests.unit.conftest import Refused

# Facts about AWS, each with the page that states it.
FACTS: dict[str, dict[str, Any]] = {
    fact["key"]: fact
    for fact in json.loads(
        (Path(__file__).parents[1] / "data" / "service-linked-roles.json").read_text(encoding="utf-8")
    )
}

CONSTANTS = {
    "ssm": ServiceLinkedRoleType.AMAZON_SSM,
    "accountDiscovery": ServiceLinkedRoleType.ACCOUNT_DISCOVERY,
    "opsDataSync": ServiceLinkedRoleType.OPS_DATA_SYNC,
    "opsInsights": ServiceLinkedRoleType.OPS_INSIGHTS,
    "quickSetup": ServiceLinkedRoleType.QUICK_SETUP,
    "justInTimeAccess": ServiceLinkedRoleType.JUST_IN_TIME_ACCESS,
    "notifications": ServiceLinkedRoleType.NOTIFICATIONS,
    "changeManagement": ServiceLinkedRoleType.CHANGE_MANAGEMENT,
    "incidentManager": ServiceLinkedRoleType.INCIDENT_MANAGER,
    "ssmSap": ServiceLinkedRoleType.SSM_FOR_SAP,
}

WITHOUT_A_CONSTANT = {
    "appConfig": "AWS has published the policy of the role, but neither its name nor its principal",
}

ALL = ServiceLinkedRoleType.all()

each_type = pytest.mark.parametrize("role_type", ALL, ids=lambda role_type: role_type.role_name)
each_fact = pytest.mark.parametrize("key", CONSTANTS)


def test_every_role_with_known_facts_is_in_the_catalog() -> None:
    assert set(FACTS) == set(CONSTANTS) | set(WITHOUT_A_CONSTANT)
    assert set(CONSTANTS.values()) == set(ALL)
    assert len(ALL) == 10


def test_all_returns_the_constants_in_order() -> None:
    names = ["AMAZON_SSM", "ACCOUNT_DISCOVERY", "OPS_DATA_SYNC", "OPS_INSIGHTS", "QUICK_SETUP", "JUST_IN_TIME_ACCESS"]
    names += ["NOTIFICATIONS", "CHANGE_MANAGEMENT", "INCIDENT_MANAGER", "SSM_FOR_SAP"]
    assert [getattr(ServiceLinkedRoleType, name) for name in names] == list(ALL)


def test_no_two_roles_share_a_name_a_principal_a_policy_or_a_page() -> None:
    for attribute in ("role_name", "service_principal", "managed_policy_name", "documentation_url"):
        assert len({str(getattr(role_type, attribute)).lower() for role_type in ALL}) == len(ALL)


@each_type
def test_every_attribute_of_a_role_has_meaningful_text(role_type: ServiceLinkedRoleType) -> None:
    assert re.fullmatch(r"AWSServiceRoleFor\w+", role_type.role_name)
    assert re.fullmatch(r"([a-z-]+\.)?(ssm|ssm-[a-z]+)\.amazonaws\.com", role_type.service_principal)
    assert re.fullmatch(r"\w+Policy", str(role_type.managed_policy_name))
    assert role_type.documentation_url.startswith("https://docs.aws.amazon.com/")
    assert role_type.documentation_url.endswith(".html")
    for text in (role_type.feature, role_type.created_by, role_type.deletion_prerequisites, *role_type.caveats):
        assert text == text.strip()
        assert len(text.splitlines()) == 1
        assert text[0].isupper()
    assert not role_type.deletion_prerequisites.endswith("."), "the text is part of sentences"


@each_fact
def test_name_principal_and_policy_are_as_documented(key: str) -> None:
    role_type, fact = CONSTANTS[key], FACTS[key]
    assert role_type.role_name == fact["role_name"]
    assert role_type.service_principal == fact["service_principal"]
    assert role_type.managed_policy_name == fact["managed_policy_name"]
    assert fact["managed_policy_arn"].endswith(f":iam::aws:policy/aws-service-role/{role_type.managed_policy_name}")


@each_fact
def test_the_documentation_is_the_source_of_the_facts_or_a_caveat_names_the_source(key: str) -> None:
    role_type, fact = CONSTANTS[key], FACTS[key]
    if fact["source_url"].startswith("https://docs.aws.amazon.com/"):
        assert role_type.documentation_url == fact["source_url"]
    else:
        assert any(fact["source_url"] in caveat for caveat in role_type.caveats)


@each_fact
def test_a_role_is_closed_to_new_customers_if_its_feature_is(key: str) -> None:
    assert CONSTANTS[key].closed_to_new_customers == ("closed to new customers" in FACTS[key]["status"])


@each_fact
def test_what_aws_does_not_document_clearly_is_a_caveat(key: str) -> None:
    role_type, fact = CONSTANTS[key], FACTS[key]
    caveats = " ".join(role_type.caveats)
    if fact["deletion_prerequisite"] == "unverified":
        assert "does not document what must be deleted" in caveats
    if "contradicts" in fact["status"]:
        assert "principal" in caveats
    if "third-party" in fact["status"]:
        assert "no guide of AWS" in caveats
    unclear = fact["deletion_prerequisite"] == "unverified" or re.search("contradicts|third-party", fact["status"])
    assert bool(role_type.caveats) == bool(unclear)


def test_a_role_without_a_constant_has_no_known_name_and_principal() -> None:
    for key in WITHOUT_A_CONSTANT:
        assert "unverified" in FACTS[key]["role_name"]
        assert FACTS[key]["managed_policy_name"] not in {role_type.managed_policy_name for role_type in ALL}


@each_type
def test_a_role_type_can_t_be_changed(role_type: ServiceLinkedRoleType) -> None:
    for field in dataclasses.fields(role_type):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(role_type, field.name, "something else")
    hash(role_type)


def test_all_returns_the_same_tuple_each_time() -> None:
    assert isinstance(ServiceLinkedRoleType.all(), tuple)
    assert ServiceLinkedRoleType.all() == ServiceLinkedRoleType.all()


def test_the_role_of_any_other_service_can_be_described() -> None:
    role_type = ServiceLinkedRoleType.of(
        role_name="AWSServiceRoleForAutoScaling", service_principal="autoscaling.amazonaws.com"
    )
    assert role_type.role_name == "AWSServiceRoleForAutoScaling"
    assert role_type.service_principal == "autoscaling.amazonaws.com"
    assert role_type.managed_policy_name is None
    assert role_type.documentation_url.startswith("https://docs.aws.amazon.com/")
    assert role_type.deletion_prerequisites
    assert not role_type.closed_to_new_customers
    assert role_type not in ServiceLinkedRoleType.all()


@pytest.mark.parametrize("principal", ["autoscaling.amazonaws.com", "autoscaling.amazonaws.com.cn"])
def test_a_service_can_have_a_principal_of_its_own_in_china(principal: str) -> None:
    role_type = ServiceLinkedRoleType.of(role_name="AWSServiceRoleForAutoScaling", service_principal=principal)
    assert role_type.service_principal == principal


def test_all_arguments_of_a_description_are_attributes() -> None:
    role_type = ServiceLinkedRoleType.of(
        role_name="AWSServiceRoleForAutoScaling_MySuffix",
        service_principal="autoscaling.amazonaws.com",
        managed_policy_name="AutoScalingServiceRolePolicy",
        deletion_prerequisites="Delete the Auto Scaling groups",
        documentation_url="https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-service-linked-role.html",
    )
    assert role_type.managed_policy_name == "AutoScalingServiceRolePolicy"
    assert role_type.deletion_prerequisites == "Delete the Auto Scaling groups"
    assert role_type.documentation_url.endswith("autoscaling-service-linked-role.html")


def test_equal_descriptions_are_equal_role_types() -> None:
    names = {"role_name": "AWSServiceRoleForAutoScaling", "service_principal": "autoscaling.amazonaws.com"}
    assert ServiceLinkedRoleType.of(**names) == ServiceLinkedRoleType.of(**names)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("role_name", "AutoScaling"),
        ("role_name", "awsserviceroleforautoscaling"),
        ("role_name", "AWSServiceRoleFor Auto Scaling"),
        ("role_name", "AWSServiceRoleFor" + "A" * 48),
        ("role_name", ""),
        ("role_name", None),
        ("service_principal", "autoscaling"),
        ("service_principal", "AutoScaling.amazonaws.com"),
        ("service_principal", "https://autoscaling.amazonaws.com"),
        ("service_principal", ".amazonaws.com"),
        ("service_principal", ".amazonaws.com.cn"),
        ("service_principal", "autoscaling.amazonaws.com.us"),
        ("service_principal", "autoscaling.amazonaws.com.cn."),
        ("service_principal", "autoscaling.amazonaws.cn"),
        ("service_principal", ""),
        ("service_principal", None),
        ("managed_policy_name", "arn:aws-cn:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"),
        ("managed_policy_name", "aws-service-role/AutoScalingServiceRolePolicy"),
        ("managed_policy_name", ""),
        ("managed_policy_name", 5),
        ("deletion_prerequisites", 5),
        ("documentation_url", 5),
    ],
    ids=str,
)
def test_an_impossible_service_linked_role_is_rejected(argument: str, value: Any, refused: Refused) -> None:
    arguments = {
        "role_name": "AWSServiceRoleForAutoScaling",
        "service_principal": "autoscaling.amazonaws.com",
        argument: value,
    }
    refused(lambda: ServiceLinkedRoleType.of(**arguments), argument)
