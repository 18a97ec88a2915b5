"""Checks of organizations: what StackSets deploys, where and in which order."""

import json

from ..check import NotCheckedError, check, not_checkable
from ..sandbox import Sandbox, expect

_GUIDE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide"
_SCHEMAS = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/resource-type-schemas.html"
_AUTO = f"{_GUIDE}/stacksets-orgs-manage-auto-deployment.html"
_LIMITS = f"{_GUIDE}/cloudformation-limits.html"
_ROLLOUT = "ssm_roles/organization/rollout.py"
_STACK_SETS = "ssm_roles/organization/stack_sets.py"
_UNIT = "the management account of an organization, and ORGANIZATIONAL_UNIT with at least one account"
_JOINING = "an account that joins an organizational unit during the run"


@check(
    "stack-set-leaves-out-the-management-account",
    "A service-managed stack set deploys to the accounts of an organizational unit, but not to the management account.",
    f"{_GUIDE}/stacksets-orgs-associate-stackset-with-org.html",
    _ROLLOUT,
    needs=_UNIT,
    seconds=300,
)
def leaves_out_the_management_account(sandbox: Sandbox) -> str:
    """Deploy a stack set without resources of any cost, and look where its stacks are."""
    unit = sandbox.organizational_unit
    if unit is None:
        raise NotCheckedError(f"it needs {_UNIT}")
    name = sandbox.run.name("stack-set")
    body = {"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
    properties = {
        "StackSetName": name,
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": {"Enabled": False},
        "TemplateBody": json.dumps(body),
        "StackInstancesGroup": [{"DeploymentTargets": {"OrganizationalUnitIds": [unit]}, "Regions": [sandbox.region]}],
        "Tags": sandbox.run.tag_list,
    }
    sandbox.stack(
        "organization", {"Resources": {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": properties}}}
    )
    instances = sandbox.client("cloudformation").list_stack_instances(StackSetName=name)["Summaries"]
    accounts = sorted({each["Account"] for each in instances})
    return expect(accounts and sandbox.account not in accounts, f"its stacks are in {len(accounts)} accounts")


CHECKS = (
    leaves_out_the_management_account,
    not_checkable(
        "stack-set-order",
        "`AutoDeployment.DependsOn` makes StackSets deploy a stack set to a joining account after those that it "
        "depends on, and delete it from a leaving account before them.",
        _AUTO,
        _ROLLOUT,
        _STACK_SETS,
        needs=_JOINING,
    ),
    not_checkable(
        "stack-set-order-is-transitive",
        "The order of `AutoDeployment.DependsOn` is transitive: a stack set that depends on another one waits for its "
        "dependencies, too.",
        _AUTO,
        _STACK_SETS,
        needs=_JOINING,
    ),
    not_checkable(
        "stack-set-after-a-failed-dependency",
        "StackSets doesn't deploy a stack set to an account in which one that it depends on failed.",
        _AUTO,
        "embedded_aws/emulator/stack_set_auto_deployment.py",
        needs=_JOINING,
    ),
    not_checkable(
        "stack-set-of-a-delegated-administrator",
        "Stack sets that a delegated administrator creates belong to the management account, whose ID is in their "
        "ARNs.",
        f"{_GUIDE}/stacksets-orgs-delegated-admin.html",
        _ROLLOUT,
        needs="a delegated administrator of an organization",
    ),
    not_checkable(
        "stack-set-timeout",
        "An operation of `AWS::CloudFormation::StackSet` can take 36 hours.",
        _SCHEMAS,
        "ssm_roles/_facts/stack_set_limits.py",
        needs="a rollout that takes a day and a half",
    ),
    not_checkable(
        "stack-set-quotas",
        "A stack set has at most 100,000 stack instances, and depends on at most 10 stack sets.",
        _LIMITS,
        "ssm_roles/_facts/stack_set_limits.py",
        needs="thousands of accounts",
    ),
    not_checkable(
        "stack-set-skips-suspended-accounts",
        "StackSets skips suspended accounts of an organizational unit.",
        _AUTO,
        "embedded_aws/emulator/stack_set_targets.py",
        needs="a suspended account in an organizational unit",
    ),
    not_checkable(
        "automation-execution-in-other-accounts",
        "Automation assumes the execution role of another account from the administration role, by its name.",
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/running-automations-multiple-accounts-regions.html",
        "ssm_roles/_iam/principals.py",
        "ssm_roles/operations/automation.py",
        needs="two accounts of an organization",
    ),
)
