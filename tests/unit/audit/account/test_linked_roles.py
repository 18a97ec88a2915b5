from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ssm_roles._facts.service_linked_roles import SERVICE_LINKED_ROLES
from ssm_roles.audit.account.calls import Calls
from ssm_roles.audit.account.identities import identities_in
from ssm_roles.audit.account.linked_roles import read_linked_roles, read_owners, with_owners
from ssm_roles.audit.account.model import Identities, LinkedRole, StackOwner
from ssm_roles.audit.account.session import Clients, Limits

from .scripted_aws import ScriptedAws, aws_error

NAME = "AWSServiceRoleForAmazonSSM"
LIMITS = Limits(attempts=1)
STACK_ID = "arn:aws:cloudformation:eu-west-1:111122223333:stack/Baseline/0"
MARK = f"[ssm-roles:{hashlib.sha256(STACK_ID.encode()).hexdigest()[:16]}]"


def calls(aws: ScriptedAws, region: str = "eu-west-1") -> Calls:
    return Calls(Clients(aws.session(), LIMITS), region, LIMITS)


def details(name: str = NAME, principal: str = "ssm.amazonaws.com", **rest: Any) -> dict[str, Any]:
    path = f"/aws-service-role/{principal}/"
    arn = f"arn:aws:iam::111122223333:role{path}{name}"
    return {"RoleName": name, "Path": path, "Arn": arn, "AssumeRolePolicyDocument": "%7B%7D", **rest}


def having(*roles: dict[str, Any]) -> Identities:
    return identities_in([{"RoleDetailList": list(roles)}])


def read(aws: ScriptedAws, identities: Identities | None) -> dict[str, LinkedRole]:
    return {each.role_name: each for each in read_linked_roles(calls(aws), identities)}


def test_every_role_of_systems_manager_is_reported_whether_it_exists_or_not() -> None:
    found = read(ScriptedAws(), having())
    assert set(found) == {each.role_name for each in SERVICE_LINKED_ROLES.values()}
    assert {each.exists for each in found.values()} == {False}


def test_only_roles_that_exist_are_looked_up() -> None:
    aws = ScriptedAws()
    aws.answer("iam:GetRole", {"Role": details(Description="made by hand", RoleLastUsed={})})
    found = read(aws, having(details()))[NAME]
    assert found.exists
    assert found.role is not None
    assert found.role.description == "made by hand"
    assert aws.actions() == ["iam:GetRole"]


def test_a_role_of_a_feature_that_the_library_does_not_know_is_reported_too() -> None:
    aws = ScriptedAws()
    aws.answer("iam:GetRole", aws_error("AccessDenied"))
    new = details("AWSServiceRoleForSystemsManagerNew", "new.ssm.amazonaws.com")
    other = details("AWSServiceRoleForSupport", "support.amazonaws.com")
    found = read(aws, having(new, other))
    assert found["AWSServiceRoleForSystemsManagerNew"].service_principal == "new.ssm.amazonaws.com"
    assert "AWSServiceRoleForSupport" not in found


def test_a_role_that_may_not_be_looked_up_is_known_from_the_list() -> None:
    aws = ScriptedAws()
    aws.answer("iam:GetRole", aws_error("AccessDenied"))
    own = calls(aws)
    (found,) = [each for each in read_linked_roles(own, having(details())) if each.exists]
    assert (found.role_name, found.role is not None) == (NAME, True)
    assert [each.action for each in own.unread] == ["iam:GetRole"]


def test_without_the_list_each_role_is_looked_up() -> None:
    aws = ScriptedAws()
    aws.answer(
        "iam:GetRole",
        lambda request, _: {"Role": details()} if request["RoleName"] == NAME else aws_error("NoSuchEntity"),
    )
    found = read(aws, None)
    assert {name for name, each in found.items() if each.exists} == {NAME}
    assert {each.exists for name, each in found.items() if name != NAME} == {False}


def test_without_the_list_and_the_permission_nothing_is_known() -> None:
    aws = ScriptedAws()
    aws.answer("iam:GetRole", aws_error("AccessDenied"))
    assert {each.exists for each in read(aws, None).values()} == {None}


def linked(description: str = "") -> LinkedRole:
    role = identities_in([{"RoleDetailList": [details(Description=description)]}]).linked_roles[0]
    return LinkedRole(NAME, "ssm.amazonaws.com", True, role)


def resource(**rest: str) -> dict[str, str]:
    return {
        "StackName": "Baseline",
        "StackId": STACK_ID,
        "LogicalResourceId": "Role",
        "PhysicalResourceId": NAME,
        "ResourceType": "Custom::ServiceLinkedRole",
        "ResourceStatus": "CREATE_COMPLETE",
        **rest,
    }


def owner(role: LinkedRole, *resources: dict[str, str]) -> StackOwner | None:
    aws = ScriptedAws()
    aws.answer("cloudformation:DescribeStackResources", {"StackResources": list(resources)})
    return read_owners(calls(aws), [role])[NAME]


@pytest.mark.parametrize(
    ("description", "created"),
    [(MARK, True), (f"text {MARK}", True), ("[ssm-roles:0123456789abcdef]", False), ("", None)],
)
def test_the_mark_in_the_description_tells_whether_the_stack_created_the_role(
    description: str, created: bool | None
) -> None:
    assert owner(linked(description), resource()) == StackOwner(
        "eu-west-1", "Baseline", STACK_ID, "Custom::ServiceLinkedRole", "Role", created
    )


def test_cloudformations_own_type_always_creates_the_role() -> None:
    found = owner(linked(), resource(ResourceType="AWS::IAM::ServiceLinkedRole"))
    assert found is not None
    assert found.created_role is True


def test_the_resource_is_found_among_those_of_its_stack() -> None:
    others = [resource(PhysicalResourceId=f"other-{index}", LogicalResourceId=f"O{index}") for index in range(5)]
    found = owner(linked(), *others, resource(PhysicalResourceId=NAME.lower()))
    assert found is not None
    assert found.logical_id == "Role"


def test_a_stack_with_more_resources_than_aws_returns_is_known_without_the_resource() -> None:
    found = owner(linked(), *(resource(PhysicalResourceId=f"other-{index}") for index in range(100)))
    assert found is not None
    assert (found.stack_name, found.resource_type, found.logical_id) == ("Baseline", "", "")


def test_a_deleted_stack_owns_nothing() -> None:
    assert owner(linked(), resource(ResourceStatus="DELETE_COMPLETE")) is None
    assert owner(linked()) is None


def test_an_error_that_no_stack_has_the_role_is_an_answer() -> None:
    aws = ScriptedAws()
    aws.answer(
        "cloudformation:DescribeStackResources", aws_error("ValidationError", f"Stack for {NAME} does not exist")
    )
    own = calls(aws)
    assert read_owners(own, [linked()]) == {NAME: None}
    assert own.unread == []


def test_a_missing_role_has_no_owner_to_look_for() -> None:
    aws = ScriptedAws()
    assert read_owners(calls(aws), [LinkedRole(NAME, "ssm.amazonaws.com", False)]) == {}
    assert aws.calls == []


def test_the_owners_of_all_regions_are_put_together() -> None:
    found = owner(linked(), resource())
    assert found is not None
    (known,) = with_owners([linked()], [{NAME: None}, {NAME: found}])
    assert (known.owners, known.owners_known) == ((found,), True)
    (unknown,) = with_owners([linked()], [{NAME: None}, {}])
    assert (unknown.owners, unknown.owners_known) == ((), False)
    (missing,) = with_owners([LinkedRole(NAME, "ssm.amazonaws.com", False)], [{}])
    assert missing.owners_known
