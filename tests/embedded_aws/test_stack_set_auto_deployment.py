"""Automatic deployments of stack sets to accounts that join, move between and leave organizational units.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

from typing import Any

import pytest

from embedded_aws.server import EmbeddedAws

from .organization import HERE, THERE, Organization, error_of, parameter, role, signal

pytestmark = pytest.mark.deep

_AUTOMATIC = {"Enabled": True, "RetainStacksOnAccountRemoval": False}


def _created(organization: Organization, name: str = "Set", **settings: Any) -> str:
    auto_deployment = {**_AUTOMATIC, **settings.pop("auto_deployment", {})}
    organization.create(name=name, AutoDeployment=auto_deployment, **settings)
    described = organization.cloudformation.describe_stack_set(StackSetName=name)["StackSet"]
    assert described["AutoDeployment"] == auto_deployment
    return str(described["StackSetARN"])


def test_an_account_that_joins_gets_stacks_and_loses_them_when_it_leaves(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    _created(organization)
    organization.deploy(regions=[HERE, THERE])
    outside = organization.add_account(organization.root)
    joined = organization.add_account()
    aws.wait_for_stack_sets()
    members = {(account, region) for account in (organization.accounts[0], joined) for region in (HERE, THERE)}
    assert set(organization.values([HERE, THERE])) == members
    # The API lists the operation, whose preferences aren't those of the stack set.
    assert organization.operations() == [("CREATE", "SUCCEEDED"), ("CREATE", "SUCCEEDED")]
    assert organization.instances()[joined, HERE]["OrganizationalUnitId"] == organization.unit
    organization.move(joined, organization.root)
    aws.wait_for_stack_sets()
    assert {account for account, _ in organization.values([HERE, THERE])} == set(organization.accounts)
    assert organization.operations()[2:] == [("DELETE", "SUCCEEDED")]
    assert outside not in {account for account, _ in organization.instances()}


def test_stacks_of_accounts_that_leave_can_be_retained(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    (account,) = organization.accounts
    _created(organization, auto_deployment={"RetainStacksOnAccountRemoval": True})
    organization.deploy()
    organization.move(account, organization.root)
    aws.wait_for_stack_sets()
    assert organization.instances() == {}
    assert organization.values() == {(account, HERE): "one"}


def test_accounts_stay_as_they_are_without_automatic_deployment(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    organization.create()
    organization.deploy()
    organization.add_account()
    organization.move(organization.accounts[0], organization.root)
    aws.wait_for_stack_sets()
    assert set(organization.values()) == {(organization.accounts[0], HERE)}
    # An update of the setting applies to later changes of the organization.
    assert organization.update(parameter(), AutoDeployment=_AUTOMATIC) == "SUCCEEDED"
    later = organization.add_account()
    aws.wait_for_stack_sets()
    assert set(organization.values()) == {(organization.accounts[0], HERE), (later, HERE)}


def test_an_account_that_joins_a_child_unit_or_the_root_is_a_target_too(aws: EmbeddedAws) -> None:
    organization = Organization(aws)
    _created(organization)
    organization.deploy(organization.root)
    child = organization.add_unit(organization.unit)
    account = organization.add_account(organization.root)
    aws.wait_for_stack_sets()
    assert set(organization.values()) == {(account, HERE)}
    organization.move(account, child)
    aws.wait_for_stack_sets()
    # It stays in the target, which is the root.
    assert organization.operations() == [("CREATE", "SUCCEEDED")] * 2


def test_an_account_that_moves_between_targets_keeps_the_stacks_that_both_have(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    (account,) = organization.accounts
    other = organization.add_unit()
    _created(organization)
    organization.deploy(regions=[HERE, THERE])
    organization.deploy(other, regions=[THERE, "eu-central-1"])
    before = organization.instances()[account, THERE]["StackId"]
    organization.move(account, other)
    aws.wait_for_stack_sets()
    instances = organization.instances()
    assert set(instances) == {(account, THERE), (account, "eu-central-1")}
    assert {each["OrganizationalUnitId"] for each in instances.values()} == {other}
    assert instances[account, THERE]["StackId"] == before


def test_an_account_that_moves_from_one_stack_set_to_another_loses_stacks_before_it_gets_others(
    aws: EmbeddedAws,
) -> None:
    organization = Organization(aws, 1)
    (account,) = organization.accounts
    other = organization.add_unit()
    for name, unit in (("One", organization.unit), ("Two", other)):
        _created(organization, name, template=role(), Capabilities=["CAPABILITY_NAMED_IAM"])
        organization.deploy(unit, name=name)
    organization.move(account, other)
    aws.wait_for_stack_sets()
    # The role of the second stack set could not be created before that of the first is deleted.
    assert organization.operations("One")[1:] == [("DELETE", "SUCCEEDED")]
    assert organization.operations("Two")[1:] == [("CREATE", "SUCCEEDED")]


def test_filters_by_account_dont_apply(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 2)
    one, two = organization.accounts
    _created(organization)
    organization.deploy(DeploymentTargets=organization.targets(AccountFilterType="INTERSECTION", Accounts=[one]))
    joined = organization.add_account()
    aws.wait_for_stack_sets()
    assert set(organization.values()) == {(one, HERE), (joined, HERE)}
    assert (two, HERE) not in organization.instances()


def test_accounts_that_join_get_the_parameters_of_the_stack_set_instead_of_overrides(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    template = {"Parameters": {"Text": {"Type": "String", "Default": "default"}}, **parameter({"Ref": "Text"})}
    _created(organization, template=template)
    organization.deploy(ParameterOverrides=[{"ParameterKey": "Text", "ParameterValue": "special"}])
    joined = organization.add_account()
    aws.wait_for_stack_sets()
    assert organization.values() == {(organization.accounts[0], HERE): "special", (joined, HERE): "default"}


def test_the_targets_are_the_units_and_regions_that_have_instances(aws: EmbeddedAws) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackSetAutoDeploymentTargets.html
    organization = Organization(aws, 1)
    other = organization.add_unit()
    _created(organization)
    organization.deploy(regions=[THERE, HERE])
    organization.deploy(other)

    def targets() -> list[Any]:
        listed = organization.cloudformation.list_stack_set_auto_deployment_targets(StackSetName="Set")
        return list(listed["Summaries"])

    assert targets() == [
        {"OrganizationalUnitId": organization.unit, "Regions": [HERE, THERE]},
        {"OrganizationalUnitId": other, "Regions": [HERE]},
    ]
    organization.remove(regions=[HERE])
    organization.remove(other)
    assert targets() == [{"OrganizationalUnitId": organization.unit, "Regions": [THERE]}]
    joined = organization.add_account()
    aws.wait_for_stack_sets()
    assert set(organization.values([HERE, THERE])) == {(organization.accounts[0], THERE), (joined, THERE)}


def test_a_closed_account_keeps_its_instances(aws: EmbeddedAws) -> None:
    # https://repost.aws/knowledge-center/cloudformation-removal-stacksets
    organization = Organization(aws, 1)
    (account,) = organization.accounts
    _created(organization)
    organization.deploy()
    organization.client.close_account(AccountId=account)
    aws.wait_for_stack_sets()
    assert set(organization.instances()) == {(account, HERE)}


def test_stack_sets_are_deployed_in_the_order_of_their_dependencies_and_deleted_in_the_reverse_order(
    aws: EmbeddedAws,
) -> None:
    # https://aws.amazon.com/blogs/devops/take-fine-grained-control-of-your-aws-cloudformation-stacksets-deployment-with-stackset-dependencies/
    organization = Organization(aws)
    first = _created(organization, "First", template=signal())
    second = _created(organization, "Second", template=signal(), auto_deployment={"DependsOn": [first]})
    _created(organization, "Third", auto_deployment={"DependsOn": [first, second]})
    for name in ("Third", "Second", "First"):
        organization.deploy(name=name)

    def latest() -> list[str]:
        return [organization.operations(name)[-1][1] for name in ("First", "Second", "Third")]

    account = organization.add_account()
    organization.waiting(1)
    assert latest() == ["RUNNING", "QUEUED", "QUEUED"]
    organization.send((account, HERE))
    organization.waiting(1)
    assert latest() == ["SUCCEEDED", "RUNNING", "QUEUED"]
    organization.send((account, HERE))
    aws.wait_for_stack_sets()
    assert latest() == ["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]
    organization.move(account, organization.root)
    aws.wait_for_stack_sets()
    ends = []
    for name in ("Third", "Second", "First"):
        operation = organization.cloudformation.list_stack_set_operations(StackSetName=name)["Summaries"][0]
        assert (operation["Action"], operation["Status"]) == ("DELETE", "SUCCEEDED")
        ends += [operation["EndTimestamp"]]
    assert ends == sorted(ends)


def test_a_stack_set_isnt_deployed_after_a_dependency_failed(aws: EmbeddedAws) -> None:
    organization = Organization(aws)
    first = _created(organization, "First", template=signal())
    _created(organization, "Second", auto_deployment={"DependsOn": [first]})
    for name in ("First", "Second"):
        organization.deploy(name=name)
    account = organization.add_account()
    organization.send(organization.waiting(1)[0], "FAILURE")
    aws.wait_for_stack_sets()
    assert organization.operations("First")[1:] == [("CREATE", "FAILED")]
    assert organization.operations("Second")[1:] == [("CREATE", "FAILED")]
    instance = organization.instances("Second")[account, HERE]
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("OUTDATED", "CANCELLED")
    assert organization.values() == {}


def test_an_automatic_deployment_waits_for_the_operation_that_runs(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    _created(organization, template=signal())
    organization.start()
    organization.waiting(1)
    joined = organization.add_account()
    assert [status for _, status in organization.operations()] == ["RUNNING", "QUEUED"]
    organization.send((organization.accounts[0], HERE))
    assert organization.waiting(1) == [(joined, HERE)]
    organization.send((joined, HERE))
    aws.wait_for_stack_sets()
    assert organization.operations() == [("CREATE", "SUCCEEDED")] * 2


def test_a_stack_set_without_trusted_access_isnt_deployed(aws: EmbeddedAws) -> None:
    organization = Organization(aws, 1)
    _created(organization)
    organization.deploy()
    organization.cloudformation.deactivate_organizations_access()
    organization.add_account()
    aws.wait_for_stack_sets()
    assert len(organization.values()) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Enabled": False, "DependsOn": ["first"]}, "DependsOn can be specified only if AutoDeployment is enabled"),
        (
            {"Enabled": False, "RetainStacksOnAccountRemoval": True},
            "RetainStacksOnAccountRemoval can be specified only if AutoDeployment is enabled",
        ),
        ({"Enabled": True, "DependsOn": ["unknown"]}, "The stack set unknown in DependsOn doesn't exist"),
        ({"Enabled": True, "DependsOn": ["first"] * 11}, "A stack set can depend on at most 10 stack sets"),
    ],
)
def test_invalid_dependencies_are_rejected(aws: EmbeddedAws, settings: dict[str, Any], message: str) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_AutoDeployment.html
    organization = Organization(aws)
    first = _created(organization, "First")
    if "DependsOn" in settings:
        settings = {**settings, "DependsOn": [first if each == "first" else each for each in settings["DependsOn"]]}
    assert error_of(organization.create, AutoDeployment=settings) == ("ValidationError", message)


def test_circular_dependencies_are_rejected(aws: EmbeddedAws) -> None:
    organization = Organization(aws)
    first = _created(organization, "First")
    second = _created(organization, "Second", auto_deployment={"DependsOn": [first]})
    for arn in (first, second):
        settings = {"Enabled": True, "DependsOn": [arn]}
        found = error_of(organization.update, template=parameter(), name="First", AutoDeployment=settings)
        assert found == ("ValidationError", f"The dependencies of stack set {first} are circular")
