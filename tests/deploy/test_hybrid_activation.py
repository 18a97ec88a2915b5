"""A hybrid activation, deployed: read, used, rotated, used up, changed, and gone with its stack."""

from __future__ import annotations

import json
import runpy
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam

from embedded_aws.cdk import Cdk
from embedded_aws.server import REPOSITORY, EmbeddedAwsError
from ssm_roles import HybridActivation, HybridServiceRole, Registration
from tests.deploy.account import Account

_SECONDS = 20.0


def activation(**arguments: Any) -> Callable[[Stack], None]:
    def build(stack: Stack) -> None:
        made = HybridActivation(stack, "Activation", role=HybridServiceRole(stack, "Nodes"), **arguments)
        made.grant_read(iam.Role(stack, "Reader", role_name="Reader", assumed_by=iam.AccountRootPrincipal()))
        iam.Role(stack, "Other", role_name="Other", assumed_by=iam.AccountRootPrincipal())
        CfnOutput(stack, "SecretArn", value=made.secret.secret_arn)
        CfnOutput(stack, "Script", value=made.registration_script(Registration.linux()))

    return build


class Deployed:
    """A stack with an activation, and what its users do with it."""

    def __init__(self, account: Account, outputs: Any) -> None:
        self._account = account
        self.secret_arn = outputs["Fleet"]["SecretArn"]
        self.secrets = account.aws.client("secretsmanager")
        self.codes: set[str] = set()

    def read(self, role_name: str = "Reader") -> dict[str, Any]:
        """Read the secret with a role."""
        aws = self._account.aws
        role_arn = f"arn:aws:iam::{aws.account}:role/{role_name}"
        credentials = aws.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        secrets = aws.client("secretsmanager", credentials=credentials)
        value: dict[str, Any] = json.loads(secrets.get_secret_value(SecretId=self.secret_arn)["SecretString"])
        self.codes.add(value.get("ActivationCode", ""))
        return value

    def register(self, value: dict[str, Any]) -> str:
        return self._account.aws.register_node(value["ActivationId"], value["ActivationCode"])

    def rotated_from(self, before: dict[str, Any]) -> dict[str, Any]:
        """Wait for the secret to have another activation."""
        deadline = time.monotonic() + _SECONDS
        while True:
            value = self.read()
            if value["ActivationId"] != before["ActivationId"]:
                return value
            assert time.monotonic() < deadline, self._account.aws.log
            time.sleep(0.05)

    def check(self) -> str:
        """Fire the rule, and return what the function has answered."""
        (rule,) = self._account.aws.client("events").list_rules()["Rules"]
        (result,) = self._account.aws.fire_rule(rule["Name"])
        return str(result["Error"] or result["Payload"])


def logged(account: Account) -> Iterator[str]:
    """What every function has logged; of what is no warning the embedded AWS keeps nothing."""
    logs = account.aws.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
            yield event["message"]


def shown_by_aws(account: Account) -> Iterator[str]:
    """What whoever may not read the secret may still see."""
    stacks, functions = account.aws.client("cloudformation"), account.aws.client("lambda")
    yield json.dumps(stacks.describe_stacks(StackName="Fleet"), default=str)
    yield json.dumps(stacks.describe_stack_events(StackName="Fleet"), default=str)
    yield json.dumps(stacks.list_stack_resources(StackName="Fleet"), default=str)
    yield json.dumps(stacks.get_template(StackName="Fleet"), default=str)
    yield json.dumps(functions.list_functions(), default=str)
    yield json.dumps(account.aws.activations())


def ids(account: Account) -> list[str]:
    return [each["ActivationId"] for each in account.aws.activations()]


@pytest.mark.deep
def test_from_its_deployment_to_its_end(account: Account) -> None:
    first = account.assembly(activation(registration_limit=2, tags={"Environment": "test"}))
    run = account.cdk.deploy(first)
    deployed = Deployed(account, run.outputs)

    # Whoever may read it registers machines with it, and nobody else reads it.
    value = deployed.read()
    assert ids(account) == [value["ActivationId"]]
    (made,) = account.aws.activations()
    assert made["ExpirationDate"] - made["CreatedDate"] > 29.9 * 86_400
    assert made["Tags"] == [{"Key": "Environment", "Value": "test"}]
    assert (value["IamRole"], value["RegistrationLimit"]) == (made["IamRole"], 2)
    nodes = [deployed.register(value)]
    with pytest.raises(deployed.secrets.exceptions.ClientError, match="not authorized to perform: secretsmanager:Get"):
        deployed.read("Other")
    assert deployed.check() == "usable"

    # A rotation puts a new one there, and the old one works on.
    deployed.secrets.rotate_secret(SecretId=deployed.secret_arn)
    second = deployed.rotated_from(value)
    assert ids(account) == [value["ActivationId"], second["ActivationId"]]
    nodes += [deployed.register(value), deployed.register(second), deployed.register(second)]

    # Used up, it is replaced by a check, but not within ten minutes of the last rotation.
    with pytest.raises(EmbeddedAwsError):
        deployed.register(second)
    assert "600 seconds must pass" in deployed.check()
    deployed.secrets.rotate_secret(SecretId=deployed.secret_arn)
    third = deployed.rotated_from(second)
    nodes.append(deployed.register(third))

    # Somebody turns the rotation off, and the check turns it on.
    deployed.secrets.cancel_rotate_secret(SecretId=deployed.secret_arn)
    assert "its rotation was turned off; not rotated: 600 seconds must pass" in deployed.check()
    assert not deployed.secrets.describe_secret(SecretId=deployed.secret_arn)["RotationEnabled"]

    # Another setting makes another one, before the deployment has ended.
    account.cdk.deploy(account.assembly(activation(registration_limit=3, lifetime=Duration.days(2))))
    fourth = deployed.read()
    assert fourth["ActivationId"] != third["ActivationId"]
    assert fourth["RegistrationLimit"] == 3
    assert ids(account) == [third["ActivationId"], fourth["ActivationId"]]

    # The code is in the secret and nowhere else.
    shown = [*shown_by_aws(account), *logged(account), account.aws.log, run.output]
    assert len(deployed.codes) == 4
    assert any(fourth["ActivationId"] in each for each in shown)
    assert [each for each in shown if any(code in each for code in deployed.codes)] == []

    # With the stack all go but the machines.
    account.cdk.destroy(first)
    assert ids(account) == []
    with pytest.raises(deployed.secrets.exceptions.ResourceNotFoundException):
        deployed.secrets.describe_secret(SecretId=deployed.secret_arn)
    assert [node["InstanceId"] for node in account.aws.nodes()] == nodes


# What the function needs of the time that AWS Lambda gives it, and a little more: a rotation that fails is waited for.
_SHORT_SECONDS = 36


def changed(assembly: Path, *, without: str | None = None) -> Path:
    """Take one action out of every statement of a synthesized template, and give the function less time."""
    path = assembly / "Fleet.template.json"
    template = json.loads(path.read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["Timeout"] = _SHORT_SECONDS
        if resource["Type"] == "AWS::IAM::Policy" and "Reader" not in json.dumps(resource["Properties"]["Roles"]):
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                actions = [actions] if isinstance(actions, str) else actions
                statement["Action"] = [each for each in actions if each != without] or ["iam:ListAccountAliases"]
    path.write_text(json.dumps(template), encoding="utf-8")
    return assembly


@pytest.mark.deep
def test_a_stack_whose_creation_fails_after_the_first_rotation_began_leaves_no_activation(account: Account) -> None:
    def failing(stack: Stack) -> None:
        first = HybridActivation(stack, "Activation", role=HybridServiceRole(stack, "Nodes"))
        taken = iam.CfnServiceLinkedRole(stack, "Taken", aws_service_name="ssm.amazonaws.com")
        # By then the second activation is there, and the first's rotation has been started by its schedule.
        second = HybridActivation(stack, "Other", role=HybridServiceRole(stack, "OtherNodes"))
        second.node.find_child("Activation").node.add_dependency(first.node.find_child("RotationSchedule"))
        taken.node.add_dependency(second.node.find_child("Activation"))
        first.node.find_child("Activation").node.add_dependency(taken)

    account.iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    account.cdk.deploy(account.assembly(failing), expect_failure=True)
    assert len(account.aws.calls("ssm:CreateActivation")) >= 2
    assert ids(account) == []


@pytest.mark.deep
def test_a_first_rotation_that_fails_makes_the_deployment_fail_and_leaves_nothing(account: Account) -> None:
    fleet = changed(account.assembly(activation()), without="secretsmanager:PutSecretValue")
    failure = account.cdk.deploy(fleet, expect_failure=True)
    # CloudFormation shows the reason, which is not in a log group that the rollback has deleted.
    assert "(AccessDeniedException) when calling the PutSecretValue operation" in failure.output
    assert "log group" not in failure.output
    assert len(account.aws.calls("ssm:CreateActivation")) > 0
    assert ids(account) == []
    assert account.aws.client("secretsmanager").list_secrets()["SecretList"] == []
    account.cdk.destroy(fleet)


def without_trust(stack: Stack) -> None:
    HybridActivation(stack, "Activation", role=iam.Role(stack, "Nodes", assumed_by=iam.AccountRootPrincipal()))


def without_role(stack: Stack) -> None:
    missing = stack.format_arn(service="iam", region="", resource="role", resource_name="Missing")
    HybridActivation(stack, "Activation", role=iam.Role.from_role_arn(stack, "Nodes", missing))


@pytest.mark.deep
@pytest.mark.parametrize("build", [without_trust, without_role])
def test_a_role_that_systems_manager_can_not_use_fails_the_deployment_after_two_minutes(
    build: Callable[[Stack], None], account: Account, record_property: Callable[[str, object], None]
) -> None:
    patient = Cdk(account.aws, timeout=300)
    before = time.monotonic()
    failure = patient.deploy(account.assembly(build), expect_failure=True)
    seconds = time.monotonic() - before
    # CloudFormation shows the reason, which is not in a log group that the rollback has deleted.
    assert "CreateActivation: ValidationException: Nonexistent role or missing ssm service principal" in failure.output
    assert "log group" not in failure.output
    assert 120 <= seconds < 240
    record_property("seconds until a deployment without a role failed", round(seconds))
    assert ids(account) == []
    assert account.aws.client("secretsmanager").list_secrets()["SecretList"] == []


@pytest.mark.deep
def test_what_waiting_can_not_fix_fails_the_deployment_at_once(
    account: Account, record_property: Callable[[str, object], None]
) -> None:
    fleet = account.assembly(activation())
    path = fleet / "Fleet.template.json"
    # What Systems Manager rejects, and is not known at synth.
    path.write_text(
        path.read_text(encoding="utf-8").replace('\\"RegistrationLimit\\":10', '\\"RegistrationLimit\\":1001')
    )
    before = time.monotonic()
    failure = account.cdk.deploy(fleet, expect_failure=True)
    seconds = time.monotonic() - before
    assert "CreateActivation: ValidationException" in failure.output
    assert seconds < 60
    record_property("seconds until a deployment with bad settings failed", round(seconds))
    assert ids(account) == []


@pytest.mark.deep
def test_one_role_serves_activations_in_two_regions(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", account.aws.account)
    example = runpy.run_path(str(REPOSITORY / "examples" / "activations_in_two_regions.py"))
    assembly = Path(example["app"].synth().directory)
    account.cdk.bootstrap(*example["REGIONS"])
    account.cdk.deploy(assembly)
    provisioner = next(each["Arn"] for each in account.iam.list_roles()["Roles"] if "Provisioner" in each["RoleName"])
    credentials = account.aws.client("sts").assume_role(RoleArn=provisioner, RoleSessionName="test")["Credentials"]
    for region in example["REGIONS"]:
        secrets = account.aws.client("secretsmanager", region, credentials=credentials)
        value = json.loads(secrets.get_secret_value(SecretId="fleet/activation")["SecretString"])
        (made,) = account.aws.activations(region)
        assert (value["ActivationId"], value["Region"]) == (made["ActivationId"], region)
        assert made["IamRole"] == "FleetNodes"
        assert account.aws.register_node(value["ActivationId"], value["ActivationCode"], region)
    account.cdk.destroy(assembly)
    assert [account.aws.activations(region) for region in example["REGIONS"]] == [[], []]


IN_THE_FIRST_ROTATION = (
    "iam:PassRole",
    "secretsmanager:DescribeSecret",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
    "ssm:AddTagsToResource",
    "ssm:CreateActivation",
    "ssm:DeleteActivation",
    "ssm:DescribeActivations",
)
IN_A_CHECK = ("lambda:InvokeFunction", "secretsmanager:ListSecretVersionIds", "secretsmanager:RotateSecret")
AT_THE_END = ("cloudformation:DescribeStackEvents", "secretsmanager:CancelRotateSecret")
OF_AWS_LAMBDA = ("logs:CreateLogStream", "logs:PutLogEvents")


# What is not called, but needed by whoever calls another action.
NEEDED_BY = {
    "iam:PassRole": "ssm:CreateActivation",
    "lambda:InvokeFunction": "secretsmanager:RotateSecret",
    "ssm:AddTagsToResource": "ssm:CreateActivation",
}


@pytest.mark.deep
@pytest.mark.parametrize("unwanted", [*IN_THE_FIRST_ROTATION, *IN_A_CHECK, *AT_THE_END])
def test_without_any_one_permission_something_fails(unwanted: str, account: Account) -> None:
    fleet = changed(account.assembly(activation(tags={"a": "b"})), without=unwanted)
    run = account.cdk.deploy(fleet, expect_failure=unwanted in IN_THE_FIRST_ROTATION)
    # Whatever the first rotation lacks, CloudFormation shows it.
    assert unwanted not in IN_THE_FIRST_ROTATION or "AccessDenied" in run.output
    if unwanted in IN_A_CHECK:
        deployed = Deployed(account, run.outputs)
        if unwanted == "secretsmanager:ListSecretVersionIds":
            account.aws.client("ssm").delete_activation(ActivationId=deployed.read()["ActivationId"])
            assert "rotation was started" not in deployed.check()
        else:
            other = account.assembly(activation(tags={"a": "b"}, registration_limit=3))
            assert "AccessDenied" in account.cdk.deploy(changed(other, without=unwanted), expect_failure=True).output
    if unwanted in AT_THE_END:
        account.cdk.destroy(fleet, expect_failure=True)
    denied = ("AccessDenied", "AccessDeniedException")
    refused = [call.action for call in account.aws.calls() if call.error_code in denied]
    needed = NEEDED_BY.get(unwanted, unwanted)
    assert refused[0] == needed
    # A rotation that is tried again while its stack is rolled back may have lost all its permissions.
    assert unwanted in IN_THE_FIRST_ROTATION or set(refused) == {needed}


@pytest.mark.deep
def test_the_table_of_permissions_is_complete(account: Account) -> None:
    assembly = account.assembly(activation(tags={"a": "b"}))
    template = json.loads((assembly / "Fleet.template.json").read_text(encoding="utf-8"))
    found = set()
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Policy" and "Reader" not in json.dumps(resource["Properties"]["Roles"]):
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                found |= {actions} if isinstance(actions, str) else set(actions)
    assert found == {*IN_THE_FIRST_ROTATION, *IN_A_CHECK, *AT_THE_END, *OF_AWS_LAMBDA}
