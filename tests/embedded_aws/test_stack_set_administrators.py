"""Who operates stack sets: the management account, delegated administrators, and their users.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
"""

import json

import pytest

from embedded_aws.server import EmbeddedAws

from .organization import HERE, Organization, error_of, parameter, user_of

pytestmark = pytest.mark.deep

_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"


def test_the_caller_needs_permissions_for_the_stack_set_only(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    user = user_of(aws, "cloudformation:*StackSet*", "cloudformation:*StackInstance*")
    organization.cloudformation = aws.client("cloudformation", credentials=user)
    organization.create()
    # The user may not create stacks. StackSets creates them.
    assert error_of(organization.cloudformation.list_stacks)[0] == "AccessDenied"
    assert organization.deploy() == "SUCCEEDED"
    assert len(organization.values()) == 1
    organization.cloudformation = aws.client("cloudformation", credentials=user_of(aws, "s3:*", name="Other"))
    assert error_of(organization.start)[0] == "AccessDenied"


def test_only_the_management_account_and_delegated_administrators_operate_stack_sets(aws: EmbeddedAws) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
    organization = Organization(aws, 2)
    delegated, other = organization.accounts
    client = aws.client("cloudformation", account=delegated)
    settings = {"TemplateBody": json.dumps(parameter()), "PermissionModel": "SERVICE_MANAGED"}
    no_administrator = ("ValidationError", "Account used is not a delegated administrator")
    assert error_of(client.create_stack_set, StackSetName="Set", **settings) == (
        "ValidationError",
        "You must be the management account or delegated admin account of an organization before operating a "
        "SERVICE_MANAGED stack set",
    )
    settings["CallAs"] = "DELEGATED_ADMIN"
    assert error_of(client.create_stack_set, StackSetName="Set", **settings) == no_administrator
    principal = {"ServicePrincipal": _PRINCIPAL}
    organization.client.register_delegated_administrator(AccountId=delegated, **principal)
    (listed,) = organization.client.list_delegated_administrators(**principal)["DelegatedAdministrators"]
    assert (listed["Id"], listed["Status"]) == (delegated, "ACTIVE")
    services = organization.client.list_delegated_services_for_account(AccountId=delegated)["DelegatedServices"]
    assert [each["ServicePrincipal"] for each in services] == [_PRINCIPAL]
    twice = error_of(organization.client.register_delegated_administrator, AccountId=delegated, **principal)
    assert twice[0] == "AccountAlreadyRegisteredException"
    own = error_of(organization.client.register_delegated_administrator, AccountId=aws.account, **principal)
    assert own[0] == "ConstraintViolationException"

    created = client.create_stack_set(StackSetName="Set", **settings)["StackSetId"]
    # The stack set belongs to the management account.
    described = organization.cloudformation.describe_stack_set(StackSetName="Set")["StackSet"]
    assert described["StackSetARN"] == f"arn:aws:cloudformation:{HERE}:{aws.account}:stackset/{created}"
    assert error_of(client.describe_stack_set, StackSetName="Set")[0] == "StackSetNotFoundException"
    assert client.list_stack_sets()["Summaries"] == []
    assert [each["StackSetId"] for each in client.list_stack_sets(CallAs="DELEGATED_ADMIN")["Summaries"]] == [created]
    taken = error_of(organization.create)
    assert taken == ("NameAlreadyExistsException", "StackSet Set already exists")
    # A delegated administrator deploys to its own account too.
    client.create_stack_instances(
        StackSetName="Set", Regions=[HERE], DeploymentTargets=organization.targets(), CallAs="DELEGATED_ADMIN"
    )
    aws.wait_for_stack_sets()
    assert set(organization.values()) == {(delegated, HERE), (other, HERE)}

    organization.client.deregister_delegated_administrator(AccountId=delegated, **principal)
    assert error_of(client.list_stack_sets, CallAs="DELEGATED_ADMIN") == no_administrator
    gone = error_of(organization.client.deregister_delegated_administrator, AccountId=delegated, **principal)
    assert gone[0] == "AccountNotRegisteredException"


def test_stack_sets_need_trusted_access_which_is_active_until_it_is_deactivated(aws: EmbeddedAws) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
    organization = Organization(aws, 1)
    client = organization.cloudformation
    organization.create()
    assert client.describe_organizations_access()["Status"] == "ENABLED"
    client.deactivate_organizations_access()
    assert client.describe_organizations_access()["Status"] == "DISABLED"
    message = "You must enable organizations access to operate a service managed stack set"
    assert error_of(organization.start) == ("ValidationError", message)
    assert error_of(organization.create, name="Other") == ("ValidationError", message)
    client.activate_organizations_access()
    assert organization.deploy() == "SUCCEEDED"
    member = aws.client("cloudformation", account=organization.accounts[0])
    assert error_of(member.activate_organizations_access)[0] == "InvalidOperationException"
