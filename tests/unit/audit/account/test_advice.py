from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ssm_roles._facts.service_linked_roles import SERVICE_LINKED_ROLES
from ssm_roles.audit.account.advice import advise
from ssm_roles.audit.account.model import LastUse, LinkedRole, StackOwner

from .accounts import NOW, role

NAME = "AWSServiceRoleForAmazonSSM"


def linked(name: str = NAME, *, exists: bool | None = True, **rest: Any) -> LinkedRole:
    last_use = rest.pop("last_use", LastUse(NOW))
    created = rest.pop("created", NOW - timedelta(days=500))
    found = role(name, path="/aws-service-role/ssm.amazonaws.com/", last_use=last_use, created=created)
    return LinkedRole(name, "ssm.amazonaws.com", exists, found if exists else None, **rest)


def owner(resource_type: str, **rest: Any) -> StackOwner:
    return StackOwner("eu-west-1", "Baseline", "arn:aws:cloudformation:...", resource_type, "Role", **rest)


def choice(each: LinkedRole) -> str:
    return advise(each, NOW).choice


@pytest.mark.parametrize("facts", SERVICE_LINKED_ROLES.values(), ids=lambda facts: facts.role_name)
def test_a_missing_role_is_ensured_unless_its_feature_is_closed_to_new_customers(facts: Any) -> None:
    advice = advise(linked(facts.role_name, exists=False), NOW)
    assert advice.choice == ("NOTHING" if facts.closed_to_new_customers else "ENSURE")
    assert (advice.feature, advice.documentation_url) == (facts.feature, facts.documentation_url)
    assert facts.feature in advice.reason


def test_a_role_that_no_stack_has_is_ensured() -> None:
    assert choice(linked()) == "ENSURE"


def test_a_role_that_could_not_be_read_is_ensured_which_works_in_both_cases() -> None:
    assert choice(linked(exists=None)) == "ENSURE"


def test_a_role_that_a_stack_has_as_cloudformations_own_type_stays_native_there() -> None:
    advice = advise(linked(owners=(owner("Custom::ServiceLinkedRole"), owner("AWS::IAM::ServiceLinkedRole"))), NOW)
    assert advice.choice == "NATIVE"
    assert advice.reason.startswith("The stack Baseline in eu-west-1 owns the role: keep NATIVE there")


@pytest.mark.parametrize(
    ("created", "shown"), [(True, "ensures the role and created it"), (False, "ensures the role;")]
)
def test_a_role_that_this_library_ensures_already_needs_nothing(created: bool, shown: str) -> None:
    advice = advise(linked(owners=(owner("Custom::ServiceLinkedRole", created_role=created),)), NOW)
    assert advice.choice == "NOTHING"
    assert shown in advice.reason


@pytest.mark.parametrize("resource_type", ["Custom::AWS", ""])
def test_a_role_of_another_resource_is_imported(resource_type: str) -> None:
    assert choice(linked(owners=(owner(resource_type),))) == "IMPORT"


def test_a_role_whose_owner_is_not_known_is_imported() -> None:
    assert choice(linked(owners_known=False)) == "IMPORT"


def test_a_role_that_this_library_does_not_know_is_imported() -> None:
    advice = advise(linked("AWSServiceRoleForNewFeature"), NOW)
    assert (advice.choice, advice.feature, advice.documentation_url) == ("IMPORT", "", "")


def test_a_role_that_was_not_used_for_400_days_needs_nothing() -> None:
    assert choice(linked(last_use=LastUse(None))) == "NOTHING"
    assert choice(linked(last_use=LastUse(None), created=NOW - timedelta(days=399))) == "ENSURE"
    assert choice(linked(last_use=None)) == "ENSURE"


def test_a_role_of_a_feature_that_is_closed_to_new_customers_is_left_to_its_service() -> None:
    assert choice(linked("AWSServiceRoleForIncidentManager")) == "NOTHING"


@pytest.mark.parametrize(
    "each",
    [
        linked(),
        linked(exists=None),
        linked(exists=False),
        linked(owners_known=False),
        linked(last_use=LastUse(None)),
        linked("AWSServiceRoleForIncidentManager"),
        linked("AWSServiceRoleForNewFeature"),
        *(linked(owners=(owner(kind),)) for kind in ("", "Custom::ServiceLinkedRole", "AWS::IAM::ServiceLinkedRole")),
    ],
)
def test_a_reason_is_one_sentence(each: LinkedRole) -> None:
    reason = advise(each, NOW).reason
    assert reason
    assert not reason.endswith(".")
    assert ". " not in reason
