"""The policies of deployers, on the emulator: exactly their permissions are enough, and without one, resources fail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cdk import Cdk
from embedded_aws.server import EmbeddedAws
from tests.deploy.deployer import STACK, Deployer, prepared

constructs = pytest.importorskip("tools.deployer_constructs", reason="the tools are in the repository only")
pages = pytest.importorskip("tools.deployer_page", reason="the tools are in the repository only")
policies = pytest.importorskip("tools.deployer_policy", reason="the tools are in the repository only")

pytestmark = pytest.mark.deep

USES = {use.title: use for use in constructs.USES}
TEMPLATES = {
    "automation-administration-role": ("AutomationAdministrationRole", {}),
    "automation-execution-role": (
        "AutomationExecutionRole",
        {"AdministratorAccountId": "111122223333", "Runbook": "AWS-RestartEC2Instance"},
    ),
    "fleet": ("HybridActivation", {}),
    "hybrid-node-role": ("HybridServiceRole", {}),
    "service-linked-roles": ("ServiceLinkedRole", {"AmazonSSM": "true"}),
}
UNIT = "ou-ab12-11111111"

# The uses for which each action that CloudFormation calls is removed once.
WITHOUT_EACH_ACTION = (
    "CloudConnectorRoles",
    "DefaultHostManagementRole",
    "ManagedInstanceRole",
    "OrganizationRollout",
    "ServiceLinkedRole with NATIVE",
)
# For the uses with a function, which deploy more slowly, some of the actions.
WITHOUT_ACTION = {
    "ServiceLinkedRole": (
        "iam:AttachRolePolicy",
        "iam:CreatePolicy",
        "iam:DeletePolicy",
        "lambda:CreateFunction",
        "lambda:InvokeFunction",
        "logs:PutRetentionPolicy",
        "s3:GetObject",
    ),
    "HybridActivation": (
        "events:PutTargets",
        "iam:PassRole",
        "lambda:AddPermission",
        "lambda:PutFunctionEventInvokeConfig",
        "secretsmanager:CreateSecret",
        "secretsmanager:GetRandomPassword",
        "secretsmanager:RotateSecret",
    ),
    "HybridActivation with FunctionSettings": (
        "ec2:DescribeSubnets",
        "kms:CreateGrant",
        "lambda:PutFunctionConcurrency",
    ),
}
ONE_BY_ONE = [
    *[(title, None) for title in WITHOUT_EACH_ACTION],
    *[(title, action) for title, actions in WITHOUT_ACTION.items() for action in actions],
]


@pytest.fixture
def deployer(aws: EmbeddedAws) -> Deployer:
    return prepared(aws, key=constructs.KEY_ARN, unit=UNIT)


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def without(policy: Mapping[str, Any], action: str) -> dict[str, Any]:
    """Take an action out of a policy."""
    statements = [
        {**each, "Action": left}
        for each in policy["Statement"]
        if (left := [name for name in listed(each["Action"]) if name != action])
    ]
    return {**policy, "Statement": statements}


def life(deployer: Deployer, first: Path, second: Path) -> bool:
    """Create, update and delete the stack until something fails, and return whether everything succeeded."""
    if deployer.create(first) != "CREATE_COMPLETE":
        return False
    # A few constructs have nothing that an update could change.
    templates = [(folder / f"{STACK}.template.json").read_text(encoding="utf-8") for folder in (first, second)]
    for assembly in (second, first) if templates[0] != templates[1] else ():
        if deployer.update(assembly) != "UPDATE_COMPLETE":
            return False
    return deployer.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("title", USES)
def test_exactly_the_policy_is_enough_to_create_update_and_delete(
    title: str, deployer: Deployer, tmp_path: Path
) -> None:
    use = USES[title]
    policy = policies.policy(use.stack(tmp_path / "policy"))
    deployer.grant(policy)
    second = use.assembly(tmp_path / "second", "Second", tags=True)
    assert life(deployer, use.assembly(tmp_path / "first"), second), deployer.reasons()
    calls = deployer.calls()
    assert {each.error_code for each in calls} == {None}
    assert {each.action for each in calls} <= {
        action for each in policy["Statement"] for action in listed(each["Action"])
    }


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_plain_template_needs_the_policy_of_its_construct(name: str, deployer: Deployer, tmp_path: Path) -> None:
    title, parameters = TEMPLATES[name]
    deployer.grant(policies.policy(USES[title].stack(tmp_path / "policy")))
    template = (files("ssm_roles") / "templates" / f"{name}.json").read_text(encoding="utf-8")
    assert deployer.create_from(template, **parameters) == "CREATE_COMPLETE", deployer.reasons()
    assert deployer.delete() == "DELETE_COMPLETE", deployer.reasons()


@pytest.mark.parametrize(("title", "unwanted"), ONE_BY_ONE)
def test_without_an_action_a_resource_fails_with_its_name(
    title: str, unwanted: str | None, deployer: Deployer, tmp_path: Path
) -> None:
    use = USES[title]
    policy = policies.policy(use.stack(tmp_path / "policy"))
    first, second = use.assembly(tmp_path / "first"), use.assembly(tmp_path / "second", "Second", tags=True)
    if unwanted is None:
        deployer.grant(policy)
        assert life(deployer, first, second), deployer.reasons()
    for action in sorted({each.action for each in deployer.calls()}) if unwanted is None else [unwanted]:
        deployer.grant(without(policy, action))
        assert not life(deployer, first, second), action
        reasons = deployer.reasons()
        assert any(f"AWSCloudFormation is not authorized to perform: {action}" in each for each in reasons), reasons
        deployer.grant(policy)
        assert deployer.delete() == "DELETE_COMPLETE", deployer.reasons()


def test_a_policy_is_for_the_stacks_that_it_names(deployer: Deployer, tmp_path: Path) -> None:
    use = USES["HybridServiceRole"]
    policy = json.dumps(policies.policy(use.stack(tmp_path / "policy"))).replace("Fleet-*", "Other-*")
    deployer.grant(json.loads(policy))
    assert deployer.create(use.assembly(tmp_path / "first")) == "ROLLBACK_COMPLETE"
    assert f"perform: iam:CreateRole on resource: arn:aws:iam::111122223333:role/{STACK}-" in deployer.reasons()[-1]


def test_a_policy_of_bounded_roles_allows_no_role_without_the_boundary(deployer: Deployer, tmp_path: Path) -> None:
    use = USES["HybridActivation with FunctionSettings"]
    deployer.grant(policies.policy(use.stack(tmp_path / "policy")))
    assembly = use.assembly(tmp_path / "first")
    path = assembly / f"{STACK}.template.json"
    template = json.loads(path.read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        resource.get("Properties", {}).pop("PermissionsBoundary", None)
    path.write_text(json.dumps(template), encoding="utf-8")
    assert deployer.create(assembly) == "ROLLBACK_COMPLETE"
    assert any(
        "perform: iam:CreateRole on resource: arn:aws:iam::111122223333:role/platform/" in each
        for each in deployer.reasons()
    )


@pytest.mark.parametrize("bounded", [False, True])
def test_with_the_policy_about_the_boundary_only_bounded_roles_can_be_created(
    deployer: Deployer, tmp_path: Path, *, bounded: bool
) -> None:
    use = USES["CloudConnectorRoles"]
    allowed = policies.policy(use.stack(tmp_path / "policy"))
    deployer.grant({**allowed, "Statement": [*allowed["Statement"], *pages.BOUNDARY["Statement"]]})
    boundary = pages.BOUNDARY_ARN if bounded else None
    first = use.assembly(tmp_path / "first", boundary=boundary)
    second = use.assembly(tmp_path / "second", "Second", tags=True, boundary=boundary)
    assert life(deployer, first, second) is bounded
    if not bounded:
        denied = "perform: iam:CreateRole on resource"
        assert any(denied in each and "with an explicit deny" in each for each in deployer.reasons())


def test_with_the_cdk_a_person_needs_only_the_roles_of_the_bootstrap(aws: EmbeddedAws, tmp_path: Path) -> None:
    use = USES["ServiceLinkedRole"]
    iam = aws.client("iam")
    policy = json.dumps(policies.policy(use.stack(tmp_path / "policy")))
    arn = iam.create_policy(PolicyName="FleetDeployer", PolicyDocument=policy)["Policy"]["Arn"]
    # In a folder with a cdk.json, the command line would run the app.
    Cdk(aws, directory=tmp_path).run(
        "bootstrap", f"aws://{aws.account}/{aws.region}", "--cloudformation-execution-policies", arn
    )
    iam.create_user(UserName="Operator")
    iam.put_user_policy(UserName="Operator", PolicyName="Deploy", PolicyDocument=json.dumps(pages.CDK_CALLER))
    person = Cdk(aws, access_key=iam.create_access_key(UserName="Operator")["AccessKey"])
    assembly = use.assembly(tmp_path / "first")
    person.deploy(assembly)
    person.deploy(use.assembly(tmp_path / "second", "Second", tags=True))
    person.destroy(assembly)
    execution_role = f"cdk-hnb659fds-cfn-exec-role-{aws.account}-{aws.region}"
    assert any(f"/{execution_role}/AWSCloudFormation" in each.principal_arn for each in aws.calls())


@pytest.mark.parametrize("with_role", [False, True])
def test_without_the_cdk_a_person_has_the_permissions_or_passes_a_role(
    deployer: Deployer, aws: EmbeddedAws, tmp_path: Path, *, with_role: bool
) -> None:
    use = USES["HybridServiceRole"]
    policy = policies.policy(use.stack(tmp_path / "policy"))
    iam = aws.client("iam")
    iam.create_user(UserName="Operator")
    caller = json.dumps(pages.TEMPLATE_CALLER).replace("role/FleetDeployer", "role/Deployer")
    iam.put_user_policy(UserName="Operator", PolicyName="Deploy", PolicyDocument=caller)
    if with_role:
        deployer.grant(policy)
    else:
        iam.put_user_policy(UserName="Operator", PolicyName="Resources", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="Operator")["AccessKey"]
    cloudformation = aws.client("cloudformation", credentials=key)
    template = (use.assembly(tmp_path / "first") / f"{STACK}.template.json").read_text(encoding="utf-8")
    cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=template,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        **({"RoleARN": deployer.role_arn} if with_role else {}),
    )
    cloudformation.execute_change_set(StackName=STACK, ChangeSetName="first")
    (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", deployer.reasons()
    cloudformation.delete_stack(StackName=STACK)
    (stack,) = cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"]
    assert stack["StackStatus"] == "DELETE_COMPLETE", deployer.reasons()
    assert bool(deployer.calls()) is with_role
