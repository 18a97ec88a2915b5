"""The permissions of the function in templates: all that it needs, and no others."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from aws_cdk import App, Environment, RemovalPolicy, Stack
from aws_cdk.assertions import Template

from embedded_aws.server import EmbeddedAws
from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleType

from .answer_endpoint import AnswerEndpoint
from .ensure_function import EnsureFunction
from .events import DISCOVERY, SSM, CustomResource, properties
from .lambda_function import Run
from .simulated_clock import SimulatedClock

Statement = dict[str, Any]
Operation = Callable[["Deployed"], bool]

FUNCTION_ROLE = "EnsureFunctionRole"
PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::AccountId": "111122223333",
    "AWS::Region": "eu-west-1",
    "AWS::StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/Fleet/1",
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def resolved(value: Any) -> Any:
    """Resolve intrinsic functions as CloudFormation does at deploy time."""
    if isinstance(value, list):
        return [resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return PSEUDO_PARAMETERS[value["Ref"]]
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(resolved(part) for part in parts)
    if "Fn::GetAtt" in value:
        return f"arn:aws:logs:eu-west-1:111122223333:log-group:{value['Fn::GetAtt'][0]}:*"
    return {key: resolved(each) for key, each in value.items()}


def policies(**options: Any) -> dict[str, list[Statement]]:
    """Synthesize a stack, and return the statements of its policies by kind: `function`, `create` or `delete`."""
    stack = Stack(App(), "Fleet", env=Environment(account="111122223333", region="eu-west-1"))
    ServiceLinkedRole(stack, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM, **options)
    template = Template.from_stack(stack)
    found = {**template.find_resources("AWS::IAM::Policy"), **template.find_resources("AWS::IAM::ManagedPolicy")}
    by_kind: dict[str, list[Statement]] = {}
    for logical_id, policy in found.items():
        managed = policy["Type"] == "AWS::IAM::ManagedPolicy"
        kind = "create" if managed else "delete" if "Delete" in logical_id else "function"
        assert kind not in by_kind
        statements = resolved(policy["Properties"]["PolicyDocument"]["Statement"])
        # AWS Lambda writes the log, not the code of the function. The stack events are those of the tests.
        elsewhere = ("logs:", "cloudformation:")
        by_kind[kind] = [each for each in statements if not any(text in json.dumps(each) for text in elsewhere)]
    return by_kind


class Deployed:
    """The function with its own role in an account that enforces policies."""

    def __init__(self, aws: EmbeddedAws, endpoint: AnswerEndpoint, statements: list[Statement]) -> None:
        aws.reset()
        aws.set_deletion_seconds(0)
        self.aws = aws
        self.root = aws.client("iam")
        self.resource = CustomResource()
        role = self.root.create_role(RoleName=FUNCTION_ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            self.root.put_role_policy(RoleName=FUNCTION_ROLE, PolicyName="Given", PolicyDocument=document)
        credentials = aws.assume_role_as_service(role["Arn"], "lambda.amazonaws.com", session_name="function")
        self.function = EnsureFunction(endpoint, aws.endpoint_url, credentials, SimulatedClock())

    def succeeds(self, event: Mapping[str, Any]) -> bool:
        """Run the function. It fails only if a permission is missing."""
        run = self.function.run(dict(event))
        if run.answer["Status"] == "SUCCESS":
            return True
        assert "AccessDenied" in run.reason, run.reason
        return False

    def create_as_ours(self, description: str | None = None) -> None:
        """Create the role with the mark of the stack, as the root user."""
        text = self.resource.mark if description is None else f"{description} {self.resource.mark}"
        self.root.create_service_linked_role(AWSServiceName=SSM.service_principal, Description=text)


def create_missing(deployed: Deployed) -> bool:
    return deployed.succeeds(deployed.resource.create())


def adopt(deployed: Deployed) -> bool:
    deployed.root.create_service_linked_role(AWSServiceName=SSM.service_principal)
    return deployed.succeeds(deployed.resource.create())


def ensure_again(deployed: Deployed) -> bool:
    deployed.create_as_ours()
    return deployed.succeeds(deployed.resource.update(properties(destroy=True)))


def retain(deployed: Deployed) -> bool:
    return deployed.succeeds(deployed.resource.delete())


def reject_lookalike(deployed: Deployed) -> bool:
    """Report that the role is another one, whose ARN differs, and not that a permission is missing."""
    deployed.root.create_role(RoleName=SSM.role_name, AssumeRolePolicyDocument=json.dumps(TRUST))
    return "is another role" in deployed.function.run(deployed.resource.create()).reason


def create_described(deployed: Deployed) -> bool:
    return deployed.succeeds(deployed.resource.create(properties(description="Inventory")))


def adopt_with_description(deployed: Deployed) -> bool:
    deployed.root.create_service_linked_role(AWSServiceName=SSM.service_principal)
    return deployed.succeeds(deployed.resource.create(properties(description="Inventory")))


def describe(deployed: Deployed) -> bool:
    deployed.create_as_ours("Old")
    return deployed.succeeds(deployed.resource.update(properties(description="New")))


def destroy(deployed: Deployed) -> bool:
    deployed.create_as_ours()
    return deployed.succeeds(deployed.resource.delete(properties(destroy=True)))


def destroy_adopted(deployed: Deployed) -> bool:
    deployed.root.create_service_linked_role(AWSServiceName=SSM.service_principal)
    return deployed.succeeds(deployed.resource.delete(properties(destroy=True)))


def destroy_lookalike(deployed: Deployed) -> bool:
    deployed.root.create_role(RoleName=SSM.role_name, AssumeRolePolicyDocument=json.dumps(TRUST))
    return deployed.succeeds(deployed.resource.delete(properties(destroy=True)))


def destroy_twice(deployed: Deployed) -> bool:
    """Delete the role, and get the same event again because the response was lost."""
    deployed.create_as_ours()
    event = deployed.resource.delete(properties(destroy=True))
    return deployed.succeeds(event) and deployed.succeeds(event)


def destroy_deleted(deployed: Deployed) -> bool:
    return deployed.succeeds(deployed.resource.delete(properties(destroy=True)))


MINIMAL: list[Operation] = [create_missing, adopt, ensure_again, retain, reject_lookalike]
DESCRIBED: list[Operation] = [*MINIMAL, create_described, adopt_with_description, describe]
DESTROYED: list[Operation] = [
    destroy,
    destroy_adopted,
    destroy_lookalike,
    destroy_deleted,
    destroy_twice,
]


@pytest.fixture(scope="module")
def deploy(embedded_aws: EmbeddedAws, endpoint: AnswerEndpoint) -> Iterator[Callable[[list[Statement]], Deployed]]:
    yield lambda statements: Deployed(embedded_aws, endpoint, statements)
    embedded_aws.reset()


def options(name: str) -> dict[str, Any]:
    by_name: dict[str, dict[str, Any]] = {
        "minimal": {},
        "described": {"description": "Inventory"},
        "destroyed": {"removal_policy": RemovalPolicy.DESTROY},
    }
    return by_name[name]


@pytest.fixture(scope="module", params=["minimal", "described", "destroyed"])
def given(request: pytest.FixtureRequest) -> tuple[str, dict[str, list[Statement]]]:
    return request.param, policies(**options(request.param))


def operations(name: str, kind: str) -> list[Operation]:
    """Return the operations that need a policy.

    When a role is removed from the template, the policy that allows creating roles changes before the role is deleted.
    """
    return DESTROYED if kind == "delete" else DESCRIBED if name == "described" else MINIMAL


def test_the_permissions_in_the_template_are_sufficient(
    given: tuple[str, dict[str, list[Statement]]], deploy: Callable[[list[Statement]], Deployed]
) -> None:
    name, by_kind = given
    assert set(by_kind) == {"function", "create", *(["delete"] if name == "destroyed" else [])}
    for kind in by_kind.keys() - {"function"}:
        for operation in operations(name, kind):
            assert operation(deploy([*by_kind["function"], *by_kind[kind]])), f"{operation.__name__} lacks a permission"


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def without_one(statements: list[Statement]) -> Iterator[tuple[str, list[Statement]]]:
    """Yield the statements without one action or resource, for each of them."""
    for number, statement in enumerate(statements):
        for key in ("Action", "Resource"):
            for left_out in as_list(statement[key]):
                rest = copy.deepcopy(statements)
                rest[number][key] = [each for each in as_list(statement[key]) if each != left_out]
                yield left_out, [each for each in rest if each[key]]


@pytest.mark.deep
def test_every_action_and_every_resource_is_needed(
    given: tuple[str, dict[str, list[Statement]]], deploy: Callable[[list[Statement]], Deployed]
) -> None:
    name, by_kind = given
    needed = [operation for kind in by_kind.keys() - {"function"} for operation in operations(name, kind)]
    for left_out, rest in without_one([each for statements in by_kind.values() for each in statements]):
        succeeded = [operation.__name__ for operation in needed if operation(deploy(rest))]
        # Only a deletion asks for its status.
        if left_out == "iam:GetServiceLinkedRoleDeletionStatus" and name != "destroyed":
            continue
        assert len(succeeded) < len(needed), f"nothing needs {left_out}"


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("minimal", {"iam:CreateServiceLinkedRole"}),
        ("described", {"iam:CreateServiceLinkedRole", "iam:UpdateRole"}),
        ("destroyed", {"iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole"}),
    ],
)
def test_every_permission_to_change_a_role_is_for_one_role(name: str, actions: set[str]) -> None:
    found: set[str] = set()
    for kind, statements in policies(**options(name)).items():
        for statement in statements if kind != "function" else []:
            assert statement["Effect"] == "Allow"
            found |= set(as_list(statement["Action"]))
            for resource in as_list(statement["Resource"]):
                assert resource.startswith("arn:aws:iam::111122223333:role/aws-service-role/")
                assert resource.endswith(f"/{SSM.role_name}")
    assert found == actions


def test_the_permissions_of_all_roles_only_read_service_linked_roles() -> None:
    [statement] = policies()["function"]
    assert statement["Action"] == ["iam:GetRole", "iam:GetServiceLinkedRoleDeletionStatus"]
    assert statement["Resource"] == [
        "arn:aws:iam::111122223333:role/aws-service-role/*",
        "arn:aws:iam::111122223333:role/AWSServiceRoleFor*",
    ]


def test_the_function_cannot_manage_a_role_of_another_type(deploy: Callable[[list[Statement]], Deployed]) -> None:
    statements = [
        each for name in ("described", "destroyed") for kind in policies(**options(name)).values() for each in kind
    ]
    deployed = deploy(statements)
    deployed.root.create_service_linked_role(
        AWSServiceName=DISCOVERY.service_principal, Description=deployed.resource.mark
    )

    assert not deployed.succeeds(deployed.resource.create(properties(DISCOVERY, description="New")))
    assert not deployed.succeeds(deployed.resource.delete(properties(DISCOVERY, destroy=True)))


def test_the_answer_says_whether_a_role_of_another_type_exists(
    deploy: Callable[[list[Statement]], Deployed],
) -> None:
    """The function can read all service-linked roles, so that a caller learns the ARN and the ID of each."""
    deployed = deploy([each for statements in policies().values() for each in statements])
    role = deployed.root.create_service_linked_role(AWSServiceName=DISCOVERY.service_principal)["Role"]

    run = deployed.function.run(deployed.resource.create(properties(DISCOVERY)))

    assert run.attributes == {
        "RoleArn": role["Arn"],
        "RoleName": DISCOVERY.role_name,
        "RoleId": role["RoleId"],
        "Creation": "ADOPTED",
    }


class TestDenials:
    """What the function does if a policy denies what the template allows."""

    CREATE = "iam:CreateServiceLinkedRole"
    GET = "iam:GetRole"

    @staticmethod
    def denied(*actions: str) -> list[Statement]:
        allowed = [each for statements in policies().values() for each in statements]
        return [*allowed, {"Effect": "Deny", "Action": list(actions), "Resource": "*"}]

    def run(self, deployed: Deployed) -> tuple[Run, list[str]]:
        before = len(deployed.aws.calls())
        run = deployed.function.run(deployed.resource.create())
        return run, [call.action for call in deployed.aws.calls()[before:]]

    def test_an_existing_role_is_adopted_although_its_creation_is_denied(
        self, deploy: Callable[[list[Statement]], Deployed]
    ) -> None:
        deployed = deploy(self.denied(self.CREATE))
        role = deployed.root.create_service_linked_role(AWSServiceName=SSM.service_principal)["Role"]

        run, calls = self.run(deployed)

        assert run.attributes == {
            "RoleArn": role["Arn"],
            "RoleName": SSM.role_name,
            "RoleId": role["RoleId"],
            "Creation": "ADOPTED",
        }
        assert calls == [self.CREATE, self.GET]
        assert run.seconds < 1

    def test_a_missing_role_whose_creation_is_denied_fails_at_once_with_the_words_of_iam(
        self, deploy: Callable[[list[Statement]], Deployed]
    ) -> None:
        deployed = deploy(self.denied(self.CREATE))

        run, calls = self.run(deployed)

        assert run.reason.startswith(
            f"{SSM.role_name} does not exist and may not be created: CreateServiceLinkedRole: AccessDenied: User: "
        )
        assert "is not authorized to perform: iam:CreateServiceLinkedRole on resource: arn:aws:iam::" in run.reason
        assert run.reason.endswith("with an explicit deny in an identity-based policy")
        assert calls == [self.CREATE, self.GET]
        assert run.seconds == 0

    def test_both_denials_are_reported(self, deploy: Callable[[list[Statement]], Deployed]) -> None:
        deployed = deploy(self.denied(self.CREATE, self.GET))
        deployed.root.create_service_linked_role(AWSServiceName=SSM.service_principal)

        run, calls = self.run(deployed)

        assert run.reason.startswith(f"{SSM.role_name} may not be looked up and may not be created: ")
        for action in (self.CREATE, self.GET):
            assert f"is not authorized to perform: {action} on resource: " in run.reason
        assert run.reason.count("with an explicit deny in an identity-based policy") == 2
        assert calls == [self.CREATE, self.GET]
        assert run.seconds == 0

    def test_a_permission_that_is_missing_is_awaited_and_the_role_is_looked_up_once(
        self, deploy: Callable[[list[Statement]], Deployed]
    ) -> None:
        deployed = deploy(policies()["function"])

        run, calls = self.run(deployed)

        assert "because no identity-based policy allows the iam:CreateServiceLinkedRole action" in run.reason
        assert calls.count(self.GET) == 1
        assert calls.count(self.CREATE) > 3
        assert 30 < run.seconds < 60

    def test_an_existing_role_is_adopted_without_waiting_for_a_permission_to_create_it(
        self, deploy: Callable[[list[Statement]], Deployed]
    ) -> None:
        deployed = deploy(policies()["function"])
        deployed.root.create_service_linked_role(AWSServiceName=SSM.service_principal)

        run, calls = self.run(deployed)

        assert run.attributes["Creation"] == "ADOPTED"
        assert calls == [self.CREATE, self.GET]

    def test_a_denied_deletion_fails_at_once(self, deploy: Callable[[list[Statement]], Deployed]) -> None:
        allowed = [each for statements in policies(**options("destroyed")).values() for each in statements]
        deny = {"Effect": "Deny", "Action": "iam:DeleteServiceLinkedRole", "Resource": "*"}
        deployed = deploy([*allowed, deny])
        deployed.create_as_ours()

        run = deployed.function.run(deployed.resource.delete(properties(destroy=True)))

        assert run.reason.startswith("DeleteServiceLinkedRole: AccessDenied: User: ")
        assert run.reason.endswith("with an explicit deny in an identity-based policy")
        assert run.seconds < 1
