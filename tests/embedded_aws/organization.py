"""An organization with stack sets, for tests of stack sets."""

import itertools
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from embedded_aws.server import EmbeddedAws

HERE = "eu-west-1"
THERE = "us-east-1"
_SECONDS = 20.0

Template = Mapping[str, Any]
Place = tuple[str, str]


def parameter(value: Any = "one") -> Template:
    """Return a template with a parameter of Systems Manager, which deploys quickly."""
    properties = {"Name": "/value", "Type": "String", "Value": value}
    return {"Resources": {"Value": {"Type": "AWS::SSM::Parameter", "Properties": properties}}}


def role(name: str = "Taken") -> Template:
    """Return a template with a named role, which can't be created twice in an account."""
    properties = {"RoleName": name, "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}}
    return {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}}


def signal() -> Template:
    """Return a template whose stacks wait for a signal."""
    return {
        "Resources": {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Signal": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "600"},
            },
        }
    }


class Organization:
    """An organization, whose management account is the default account of the emulator."""

    def __init__(self, aws: EmbeddedAws, accounts: int = 0) -> None:
        self.aws = aws
        self.client = aws.client("organizations")
        self.cloudformation = aws.client("cloudformation")
        self.root: str = self.client.list_roots()["Roots"][0]["Id"]
        self.unit = self.add_unit()
        self.accounts = [self.add_account() for _ in range(accounts)]

    def add_unit(self, parent: str | None = None) -> str:
        """Create an organizational unit."""
        parent = self.root if parent is None else parent
        created = self.client.create_organizational_unit(ParentId=parent, Name="Unit")
        return str(created["OrganizationalUnit"]["Id"])

    def add_account(self, unit: str | None = None) -> str:
        """Create an account in an organizational unit."""
        created = self.client.create_account(Email="owner@example.com", AccountName="Member")
        account = str(created["CreateAccountStatus"]["AccountId"])
        unit = self.unit if unit is None else unit
        if unit != self.root:
            self.move(account, unit)
        return account

    def move(self, account: str, unit: str) -> None:
        """Move an account to an organizational unit."""
        (parent,) = self.client.list_parents(ChildId=account)["Parents"]
        self.client.move_account(AccountId=account, SourceParentId=parent["Id"], DestinationParentId=unit)

    def targets(self, *units: str, **targets: Any) -> dict[str, Any]:
        """Return deployment targets, whose default is the first organizational unit."""
        return {"OrganizationalUnitIds": list(units) or [self.unit], **targets}

    def create(self, template: Template | None = None, name: str = "Set", **settings: Any) -> str:
        """Create a stack set, and return its ID."""
        body = json.dumps(parameter() if template is None else template)
        settings = {"TemplateBody": body, "PermissionModel": "SERVICE_MANAGED", **settings}
        return str(self.cloudformation.create_stack_set(StackSetName=name, **settings)["StackSetId"])

    def start(self, *units: str, name: str = "Set", regions: Iterable[str] = (HERE,), **settings: Any) -> str:
        """Start the creation of stack instances, and return the ID of the operation."""
        settings = {"DeploymentTargets": self.targets(*units), **settings}
        answer = self.cloudformation.create_stack_instances(StackSetName=name, Regions=list(regions), **settings)
        return str(answer["OperationId"])

    def deploy(self, *units: str, name: str = "Set", **settings: Any) -> str:
        """Create stack instances, and return the status of the operation."""
        return self.finish(self.start(*units, name=name, **settings), name)

    def update(self, template: Template, name: str = "Set", **settings: Any) -> str:
        """Update a stack set, and return the status of the operation."""
        body = json.dumps(template)
        answer = self.cloudformation.update_stack_set(StackSetName=name, TemplateBody=body, **settings)
        return self.finish(answer["OperationId"], name)

    def remove(self, *units: str, name: str = "Set", regions: Iterable[str] = (HERE,), **settings: Any) -> str:
        """Delete stack instances, and return the status of the operation."""
        settings = {"DeploymentTargets": self.targets(*units), "RetainStacks": False, **settings}
        answer = self.cloudformation.delete_stack_instances(StackSetName=name, Regions=list(regions), **settings)
        return self.finish(answer["OperationId"], name)

    def finish(self, operation: str, name: str = "Set") -> str:
        """Wait until all operations end, and return the status of one."""
        self.aws.wait_for_stack_sets()
        return self.status(operation, name)

    def status(self, operation: str, name: str = "Set") -> str:
        """Return the status of an operation."""
        return str(self.operation(operation, name)["Status"])

    def operation(self, operation: str, name: str = "Set") -> dict[str, Any]:
        """Return an operation."""
        answer = self.cloudformation.describe_stack_set_operation(StackSetName=name, OperationId=operation)
        return dict(answer["StackSetOperation"])

    def operations(self, name: str = "Set") -> list[tuple[str, str]]:
        """Return the action and the status of each operation, oldest first."""
        found = self.cloudformation.list_stack_set_operations(StackSetName=name)["Summaries"]
        return [(each["Action"], each["Status"]) for each in reversed(found)]

    def results(self, operation: str, name: str = "Set") -> dict[Place, tuple[str, str]]:
        """Return the result and the reason of an operation in each account and Region."""
        pages = self.cloudformation.get_paginator("list_stack_set_operation_results")
        found = pages.paginate(StackSetName=name, OperationId=operation).search("Summaries[]")
        return {(each["Account"], each["Region"]): (each["Status"], each.get("StatusReason", "")) for each in found}

    def instances(self, name: str = "Set") -> dict[Place, dict[str, Any]]:
        """Return the stack instances."""
        found = self.cloudformation.get_paginator("list_stack_instances").paginate(StackSetName=name)
        return {(each["Account"], each["Region"]): each for each in found.search("Summaries[]")}

    def values(self, regions: Iterable[str] = (HERE,)) -> dict[Place, str]:
        """Return the values of the parameters that stacks created."""
        found = {}
        for place in itertools.product(self.members(), regions):
            client = self.aws.client("ssm", place[1], account=place[0])
            for each in client.get_parameters(Names=["/value"])["Parameters"]:
                found[place] = each["Value"]
        return found

    def members(self) -> list[str]:
        """Return all accounts, including the management account."""
        return [each["Id"] for each in self.client.list_accounts()["Accounts"]]

    def stacks(self, account: str, region: str = HERE) -> list[dict[str, Any]]:
        """Return the stacks that exist in an account and Region."""
        found = self.aws.client("cloudformation", region, account=account).list_stacks()["StackSummaries"]
        return [each for each in found if each["StackStatus"] != "DELETE_COMPLETE"]

    def waiting(self, count: int, regions: Iterable[str] = (HERE,)) -> list[Place]:
        """Wait until a number of stacks wait for a signal, and return where they are."""
        regions = list(regions)
        deadline = time.monotonic() + _SECONDS
        while True:
            found = [
                (account, region)
                for account in self.members()
                for region in regions
                for stack in self.stacks(account, region)
                if stack["StackStatus"].endswith("_IN_PROGRESS")
            ]
            if len(found) == count:
                return found
            assert time.monotonic() < deadline, f"{len(found)} stacks wait, not {count}"
            time.sleep(0.01)

    def send(self, place: Place, status: str = "SUCCESS") -> None:
        """Send the signal that a stack waits for, and wait until the stack operation ends."""
        account, region = place
        client = self.aws.client("cloudformation", region, account=account)
        (stack,) = [each for each in self.stacks(*place) if each["StackStatus"].endswith("_IN_PROGRESS")]
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                client.signal_resource(
                    StackName=stack["StackName"], LogicalResourceId="Signal", UniqueId="1", Status=status
                )
                break
            except client.exceptions.ClientError:
                # The stack doesn't wait yet.
                assert time.monotonic() < deadline
                time.sleep(0.01)
        client.describe_stacks(StackName=stack["StackId"])

    def take_role(self, account: str, name: str = "Taken") -> None:
        """Create a role, so that a stack with this role fails."""
        document = json.dumps({"Version": "2012-10-17", "Statement": []})
        self.aws.client("iam", account=account).create_role(RoleName=name, AssumeRolePolicyDocument=document)


def error_of(call: Any, **arguments: Any) -> tuple[str, str]:
    """Return the code and the message of the error that a call raises."""
    try:
        call(**arguments)
    except Exception as error:
        details: Any = error
        return details.response["Error"]["Code"], details.response["Error"]["Message"]
    raise AssertionError("the call succeeded")


def user_of(aws: EmbeddedAws, *actions: str, name: str = "Operator") -> dict[str, str]:
    """Create a user with some permissions in the default account, and return an access key."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="Policy", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}
