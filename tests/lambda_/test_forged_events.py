"""Events that do not come from CloudFormation, or not now. Anyone who may invoke the functions can send them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from .answer_endpoint import SECRET, AnswerEndpoint
from .ensure_function import EnsureFunction
from .events import DISCOVERY, SSM, CustomResource, properties
from .in_process_activations import ROLE
from .in_process_aws import EXPLICIT_DENY, Fault
from .in_process_iam import InProcessIam
from .lambda_function import botocore_session
from .rotation_stack import RotationStack
from .simulated_clock import SimulatedClock

NOWHERE = "http://localhost:9"
ROOT = {"AccessKeyId": "111122223333", "SecretAccessKey": "test"}
BUCKET = "cloudformation-custom-resource-response-euwest1"
DESTROY = properties(destroy=True)


class Account:
    """An account in which one stack has created its role."""

    def __init__(self, endpoint: AnswerEndpoint) -> None:
        self.clock = SimulatedClock()
        self.iam = InProcessIam(self.clock)
        self.function = EnsureFunction(endpoint, NOWHERE, ROOT, self.clock)
        self.iam.attach(self.function.iam, faulty=True)
        make_client: Any = boto3.session.Session(botocore_session=botocore_session()).client
        self.by_hand = make_client(
            "iam",
            region_name="eu-west-1",
            endpoint_url=NOWHERE,
            aws_access_key_id=ROOT["AccessKeyId"],
            aws_secret_access_key=ROOT["SecretAccessKey"],
        )
        self.iam.attach(self.by_hand, faulty=False)
        self.resource = CustomResource()

    def create(self) -> None:
        self.function.run(self.resource.create(DESTROY)).attributes  # noqa: B018
        self.resource.record(SSM.role_name, "CREATE_COMPLETE")
        self.iam.calls.clear()

    def forged_delete(self, **changes: Any) -> dict[str, Any]:
        """Return the event of a deletion that CloudFormation does not carry out."""
        event = {**self.resource.create(DESTROY, forged=True), "RequestType": "Delete"}
        return {**event, "PhysicalResourceId": SSM.role_name, **changes}

    def refusal(self, event: dict[str, Any]) -> str:
        """Run the function, which must refuse, and return its reason. Nothing was asked of IAM."""
        run = self.function.run(event, stack_id=self.resource.stack_id)
        assert self.iam.calls == []
        assert SSM.role_name in self.iam.settle()
        assert run.returned["Status"] == "FAILED"
        return str(run.returned["Reason"])


@pytest.fixture(scope="module")
def new_account(endpoint: AnswerEndpoint) -> Account:
    return Account(endpoint)


@pytest.fixture
def account(new_account: Account) -> Iterator[Account]:
    new_account.resource = CustomResource()
    new_account.function.cloudformation.faults.clear()
    new_account.function.cloudformation.denied = frozenset()
    new_account.function.cloudformation.lag.clear()
    new_account.function.cloudformation.page_size = 100
    with new_account.iam.running(deletion_seconds=1):
        new_account.create()
        yield new_account


class TestStack:
    @pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
    def test_an_event_of_another_stack_is_refused(self, account: Account, request_type: str) -> None:
        other = CustomResource().stack_id

        reason = account.refusal({**account.forged_delete(), "RequestType": request_type, "StackId": other})

        assert reason.startswith(f"StackId must be {account.resource.stack_id}, got {other[:60]!r}"[:-1])

    def test_an_event_of_another_stack_with_its_deletion_in_progress_is_refused(self, account: Account) -> None:
        other = CustomResource()

        assert "StackId must be" in account.refusal(other.delete(DESTROY))


class TestDeletion:
    def test_a_deletion_that_cloudformation_does_not_carry_out_is_refused(self, account: Account) -> None:
        before = account.clock.now

        reason = account.refusal(account.forged_delete())

        assert reason == (
            f"'EnsuredAWSServiceRoleForAmazonSSM' {SSM.role_name!r} is not deleted, "
            "because CloudFormation isn't deleting it: its status is CREATE_COMPLETE"
        )
        assert 15 < account.clock.now - before < 60

    def test_a_deletion_that_is_complete_is_not_repeated(self, account: Account) -> None:
        event = account.resource.delete(DESTROY)
        assert account.function.run(event).answer["Status"] == "SUCCESS"
        account.resource.record(SSM.role_name, "DELETE_COMPLETE")
        # Another stack creates the role again, or this one does.
        account.create()

        assert "its status is CREATE_COMPLETE" in account.refusal(event)

    def test_a_deletion_of_another_logical_id_is_refused(self, account: Account) -> None:
        account.resource.delete(DESTROY)

        assert "its status is unknown" in account.refusal(account.forged_delete(LogicalResourceId="Other"))

    def test_another_role_than_the_one_that_is_being_deleted_stays(self, account: Account) -> None:
        account.by_hand.create_service_linked_role(
            AWSServiceName=DISCOVERY.service_principal, Description=account.resource.mark
        )
        event = account.resource.delete(DESTROY)
        forged = {**event, "ResourceProperties": properties(DISCOVERY, destroy=True)}

        account.function.run(forged).answer  # noqa: B018

        # The role is the one whose ID CloudFormation confirms, not the one that the properties name.
        assert set(account.iam.settle()) == {DISCOVERY.role_name}

    def test_another_role_stays_while_a_resource_without_a_response_is_deleted(self, account: Account) -> None:
        account.by_hand.create_service_linked_role(
            AWSServiceName=DISCOVERY.service_principal, Description=account.resource.mark
        )
        event = account.resource.delete(DESTROY, account.resource.made_up_id)
        forged = {**event, "ResourceProperties": properties(DISCOVERY, destroy=True)}

        assert f"LogicalResourceId must be that of {DISCOVERY.role_name}" in account.refusal(forged)

    def test_the_deletion_of_a_replaced_resource_is_confirmed_by_both_ids(self, account: Account) -> None:
        event = account.resource.delete(DESTROY)
        # Meanwhile, the resource that replaces it has the same logical ID.
        account.resource.record(DISCOVERY.role_name, "UPDATE_COMPLETE")

        assert account.function.run(event).answer["Status"] == "SUCCESS"
        assert account.iam.settle() == {}

    @pytest.mark.parametrize("policy", ["DESTROY", "RETAIN"])
    def test_retain_never_asks_cloudformation(self, account: Account, policy: str) -> None:
        account.function.cloudformation.calls.clear()
        event = account.forged_delete()
        event["ResourceProperties"]["RemovalPolicy"] = policy

        account.function.run(event, stack_id=account.resource.stack_id)

        assert bool(account.function.cloudformation.calls) == (policy == "DESTROY")
        assert SSM.role_name in account.iam.settle()


class TestStackEvents:
    def test_an_event_that_cloudformation_reports_late_is_awaited(self, account: Account) -> None:
        event = account.resource.delete(DESTROY)
        account.function.cloudformation.lag = [1, 1, 1]

        assert account.function.run(event).answer["Status"] == "SUCCESS"

    def test_the_event_is_found_on_a_later_page(self, account: Account) -> None:
        event = account.resource.delete(DESTROY)
        for number in range(12):
            account.resource.record(f"Other{number}", "DELETE_COMPLETE")
        account.function.cloudformation.page_size = 5

        assert account.function.run(event).answer["Status"] == "SUCCESS"

    def test_a_missing_permission_is_reported(self, account: Account) -> None:
        account.function.cloudformation.denied = frozenset({"DescribeStackEvents"})

        reason = account.refusal(account.resource.delete(DESTROY))

        assert "is not deleted, because CloudFormation can't be asked whether it deletes it" in reason
        assert reason.count(EXPLICIT_DENY) == 1

    @pytest.mark.parametrize("fault", [Fault("hangs"), Fault("error"), Fault("closes"), Fault("garbles")])
    def test_an_outage_of_cloudformation_is_reported_within_two_minutes(self, account: Account, fault: Fault) -> None:
        account.function.cloudformation.faults = [fault] * 500
        before = account.clock.now

        assert "CloudFormation can't be asked" in account.refusal(account.resource.delete(DESTROY))
        assert account.clock.now - before < 120

    def test_a_transient_fault_is_retried(self, account: Account) -> None:
        account.function.cloudformation.faults = [Fault("error"), Fault("closes"), Fault("hangs")]

        assert account.function.run(account.resource.delete(DESTROY)).answer["Status"] == "SUCCESS"


OTHER_URLS = [
    None,
    7,
    "",
    f"http://{BUCKET}.s3.eu-west-1.amazonaws.com/?{SECRET}",
    f"https://{BUCKET}.s3.eu-west-1.amazonaws.com:8443/?{SECRET}",
    f"https://{BUCKET}.s3.eu-west-1.amazonaws.com@attacker.example/?{SECRET}",
    f"https://attacker.example/{BUCKET}.s3.eu-west-1.amazonaws.com/?{SECRET}",
    f"https://{BUCKET}.s3.eu-west-1.amazonaws.com.attacker.example/?{SECRET}",
    f"https://{BUCKET}.s3.eu-west-1.amazonaws.com.cn/?{SECRET}",
    f"https://{BUCKET}-attacker.s3.eu-west-1.amazonaws.com/?{SECRET}",
    f"https://attacker-{BUCKET}.s3.eu-west-1.amazonaws.com/?{SECRET}",
    f"https://attacker.{BUCKET}.s3.eu-west-1.amazonaws.com/?{SECRET}",
    f"https://{BUCKET}.s3.us-east-1.amazonaws.com/?{SECRET}",
    f"https://{BUCKET}.s3-website-eu-west-1.amazonaws.com/?{SECRET}",
    f"https://{BUCKET}xs3.eu-west-1.amazonaws.com/?{SECRET}",
    f"https://cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com/?{SECRET}",
    f"https://{BUCKET.upper()}.s3.eu-west-1.amazonaws.com/?{SECRET}",
    f"https://{BUCKET}.s3.eu-west-1.amazonaws.com",
    f"https://{BUCKET}.s3.eu-west-1.amazonaws.com/a b?{SECRET}",
    f"https://{BUCKET}.s3.eu-west-1.amazonaws.com/?{SECRET}\n",
    f"https://{BUCKET}.s3.eu-west-1.amazonaws.com\\@attacker.example/?{SECRET}",
    f"https://s3.eu-west-1.amazonaws.com/{BUCKET}/?{SECRET}",
    f"https://169.254.169.254/latest/meta-data/?{SECRET}",
    f"https://[::1]/?{SECRET}",
    f"file:///tmp/answer?{SECRET}",
]


class TestResponseUrl:
    @pytest.mark.parametrize("url", OTHER_URLS)
    def test_an_event_with_another_response_url_is_refused_before_anything_else(
        self, account: Account, url: object
    ) -> None:
        run = account.function.run({**account.resource.delete(DESTROY), "ResponseURL": url})

        assert run.returned["Reason"] == (
            "the event does not come from CloudFormation: its ResponseURL has another host"
        )
        assert run.answers == []
        assert account.iam.calls == []
        assert SECRET not in "\n".join(run.log)

    @pytest.mark.parametrize(
        ("region", "suffix", "host"),
        [
            ("eu-west-1", "amazonaws.com", f"{BUCKET}.s3-eu-west-1.amazonaws.com"),
            ("eu-west-1", "amazonaws.com", f"{BUCKET}.s3.eu-west-1.amazonaws.com"),
            ("us-east-1", "amazonaws.com", "cloudformation-custom-resource-response-useast1.s3.amazonaws.com"),
            (
                "cn-north-1",
                "amazonaws.com.cn",
                "cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn",
            ),
            (
                "us-gov-west-1",
                "amazonaws.com",
                "cloudformation-custom-resource-response-usgovwest1.s3-us-gov-west-1.amazonaws.com",
            ),
        ],
    )
    def test_every_form_of_the_host_is_accepted(
        self, account: Account, region: str, suffix: str, host: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(account.function.environment, "AWS_REGION", region)
        monkeypatch.setitem(account.function.environment, "URL_SUFFIX", suffix)
        is_response_url = account.function.modules["custom_resource"]._is_response_url

        assert is_response_url(f"https://{host}/arn%3Aaws%3Acloudformation%3A?{SECRET}")
        assert not is_response_url(f"https://{host}.attacker.example/?{SECRET}")


class TestLog:
    @pytest.mark.parametrize("key", ["LogicalResourceId", "PhysicalResourceId", "RequestId", "StackId", "RequestType"])
    def test_an_event_can_not_forge_a_line_of_the_log(self, account: Account, key: str) -> None:
        run = account.function.run(
            account.forged_delete(**{key: "a\n[ERROR] forged\r\x1b[2K"}), stack_id=account.resource.stack_id
        )

        assert all(line.isprintable() for line in run.log), run.log


@pytest.fixture(scope="module")
def bench(endpoint: AnswerEndpoint) -> RotationStack:
    return RotationStack(endpoint)


class TestActivations:
    @pytest.fixture
    def stack(self, bench: RotationStack) -> Iterator[RotationStack]:
        with bench.deployed() as stack:
            stack.rotate()
            yield stack

    def forged_delete(self, stack: RotationStack, **changes: Any) -> dict[str, Any]:
        event = {**stack.resource.create(stack.properties, forged=True), "RequestType": "Delete"}
        return {**event, "PhysicalResourceId": "id", **changes}

    def test_the_rotation_stays_on_and_the_activations_stay(self, stack: RotationStack) -> None:
        before = stack.alive()

        for kind in ("Custom::HybridActivation", "Custom::HybridActivationCleanUp"):
            run = stack.run(self.forged_delete(stack, ResourceType=kind))
            assert "isn't deleting it" in run.reason

        assert stack.is_rotated
        assert stack.alive() == before

    def test_a_deletion_that_names_another_secret_is_refused_even_while_one_is_in_progress(
        self, stack: RotationStack
    ) -> None:
        event = stack.resource.delete(stack.properties, "id")
        other = stack.secret_arn.replace("Fleet", "Other")

        run = stack.run({**event, "ResourceProperties": {**stack.properties, "Secret": other}})

        assert run.reason.startswith("Secret must be that of 'id', got ")
        assert stack.is_rotated

    @pytest.mark.parametrize("physical_id", ["bucket-1", "0123456789abcdef"])
    def test_the_deletion_of_another_resource_confirms_nothing(self, stack: RotationStack, physical_id: str) -> None:
        """While CloudFormation deletes any resource of the stack, an event can name it."""
        stack.resource.delete(stack.properties, physical_id)
        stack.functions[0].environment["RESOURCES"] = "CleanUp,Activation"

        run = stack.run(self.forged_delete(stack, PhysicalResourceId=physical_id))

        assert run.reason.startswith("LogicalResourceId must be one of CleanUp,Activation, got 'Ensured")
        assert stack.is_rotated
        assert stack.alive()

    def test_the_deletion_of_a_replaced_secret_does_not_confirm_that_of_the_new_one(self, stack: RotationStack) -> None:
        event = stack.resource.delete(stack.properties, "0123456789abcdef")

        assert stack.run(event).reason.startswith("Secret must be that of '0123456789abcdef', got ")
        assert stack.is_rotated
        assert stack.alive()

    def test_the_activations_of_another_stack_stay(self, stack: RotationStack) -> None:
        """The event names the secret of another stack, and the ID that its resource has."""
        other = stack.secret_arn.replace("Fleet", "Other")
        owner = hashlib.sha256(other.encode()).hexdigest()[:16]
        theirs = stack.ssm.create_activation(IamRole=ROLE, Description=f"[ssm-roles:{owner}:0123456789abcdef]")
        before = set(stack.aws.activations())
        assert theirs["ActivationId"] in before

        for kind in ("Custom::HybridActivation", "Custom::HybridActivationCleanUp"):
            event = self.forged_delete(stack, ResourceType=kind, PhysicalResourceId=owner)
            run = stack.run({**event, "ResourceProperties": {**stack.properties, "Secret": other}})
            assert "isn't deleting it" in run.reason

        assert set(stack.aws.activations()) == before
        assert stack.is_rotated

    def test_an_event_of_another_stack_is_refused(self, stack: RotationStack) -> None:
        other = CustomResource()
        event = other.delete(stack.properties, "id")

        run = stack.functions[0].run(event, stack_id=stack.resource.stack_id)

        assert "StackId must be" in run.reason
        assert stack.is_rotated

    def test_a_version_can_not_forge_a_line_of_the_log(self, stack: RotationStack) -> None:
        outcome = stack.step("createSecret", "0" * 32 + "\n[ERROR] forged")

        assert "ClientRequestToken must be 1 to 64 printable characters" in outcome.error
        assert all(line.isprintable() for line in outcome.log)
