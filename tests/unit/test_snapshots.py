"""The templates of the sample app and of the examples, held against golden ones: `make snapshots` writes these anew."""

from __future__ import annotations

import filecmp
import json
import re
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension
from syrupy.location import PyTestLocation
from syrupy.types import SnapshotIndex

from tests.unit.templates import ACCOUNT, without_bootstrap

pytestmark = pytest.mark.xdist_group("snapshots")

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "snapshots"
PROGRAMS = {path.stem: path for path in [ROOT / "app.py", *sorted((ROOT / "examples").glob("*.py"))]}


@dataclass(frozen=True)
class Partition:
    region: str
    activation_regions: tuple[str, ...]


# In `aws`, the programs say themselves which Regions activations are for.
PARTITIONS = {
    "aws": Partition("eu-central-1", ()),
    "aws-cn": Partition("cn-north-1", ("cn-north-1", "cn-northwest-1")),
    "aws-us-gov": Partition("us-gov-west-1", ("us-gov-east-1", "us-gov-west-1")),
}

Synthesize = Callable[[str, str], Path]
Templates = dict[str, dict[str, Any]]


class GoldenTemplates(JSONSnapshotExtension):
    """A file per program and stack, beside the tests."""

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(GOLDEN)

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:
        return str(index)


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(GoldenTemplates)


@pytest.fixture(scope="module")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Run a program for a partition as the AWS CDK command line does, and return its new cloud assembly."""

    def run(program: str, partition: str) -> Path:
        assembly = tmp_path_factory.mktemp(f"{program}.{partition}.")
        context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
        if PARTITIONS[partition].activation_regions:
            context["activationRegions"] = list(PARTITIONS[partition].activation_regions)
        with pytest.MonkeyPatch.context() as patch:
            # The command line says these two in the environment, which is that of the Node.js process, started already.
            patch.setattr(aws_cdk, "App", partial(aws_cdk.App, outdir=str(assembly), context=context))
            patch.setenv("CDK_DEFAULT_ACCOUNT", ACCOUNT)
            patch.setenv("CDK_DEFAULT_REGION", PARTITIONS[partition].region)
            runpy.run_path(str(PROGRAMS[program]), run_name="__main__")
        return assembly

    return run


@pytest.fixture(scope="module")
def assembly_of(synthesize: Synthesize) -> Synthesize:
    """Synthesize each program once."""
    assemblies: dict[tuple[str, str], Path] = {}

    def find(program: str, partition: str) -> Path:
        if (program, partition) not in assemblies:
            assemblies[program, partition] = synthesize(program, partition)
        return assemblies[program, partition]

    return find


def templates(assembly: Path) -> Templates:
    """Read the templates of an assembly by stack, without asset hashes and without what is there for the bootstrap.

    A stack set has the name of the template that it deploys, instead of the template.
    """
    found = {}
    files = sorted(assembly.glob("*.template.json"))
    bodies = {
        json.dumps(json.loads(path.read_text(encoding="utf-8")), separators=(",", ":"), ensure_ascii=False): path.name
        for path in files
    }
    for path in files:
        text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", path.read_text(encoding="utf-8"))
        template = without_bootstrap(json.loads(text))
        for resource in template.get("Resources", {}).values():
            if resource["Type"] == "AWS::CloudFormation::StackSet" and "TemplateBody" in resource["Properties"]:
                resource["Properties"]["TemplateBody"] = bodies[resource["Properties"]["TemplateBody"]]
        found[path.name.removesuffix(".template.json")] = template
    return found


def ordered(template: Any) -> Any:
    """Sort the dependencies, whose order differs between versions of aws-cdk-lib and means nothing."""
    if isinstance(template, dict):
        return {
            key: sorted(value) if key == "DependsOn" and isinstance(value, list) else ordered(value)
            for key, value in template.items()
        }
    return [ordered(each) for each in template] if isinstance(template, list) else template


each_program = pytest.mark.parametrize("program", PROGRAMS)
each_partition = pytest.mark.parametrize(
    "partition", [pytest.param(each, marks=[] if each == "aws" else pytest.mark.deep) for each in PARTITIONS]
)


@each_partition
@each_program
def test_a_program_synthesizes_its_golden_templates(
    program: str, partition: str, assembly_of: Synthesize, golden: SnapshotAssertion
) -> None:
    found = ordered(templates(assembly_of(program, partition)))
    same = ordered(templates(assembly_of(program, "aws")))
    assert found.keys() == same.keys()
    assert found
    for stack, template in found.items():
        # A partition whose template is that of `aws` has no file of its own.
        if partition == "aws" or template != same[stack]:
            assert template == golden(name=golden_name(program, stack, partition))


def golden_name(program: str, stack: str, partition: str) -> str:
    return f"{program}.{stack}" if partition == "aws" else f"{program}.{stack}.{partition}"


@pytest.mark.deep
def test_there_is_a_golden_template_for_every_stack_and_for_every_difference_and_no_other(
    assembly_of: Synthesize, request: pytest.FixtureRequest
) -> None:
    if request.config.option.update_snapshots:
        pytest.skip("the golden templates are being written")
    needed = set()
    for program in PROGRAMS:
        same = templates(assembly_of(program, "aws"))
        for partition in PARTITIONS:
            for stack, template in templates(assembly_of(program, partition)).items():
                if partition == "aws" or template != same[stack]:
                    needed.add(f"{golden_name(program, stack, partition)}.json")
    assert {path.name for path in GOLDEN.iterdir()} == needed


def test_the_golden_templates_hold_no_noise() -> None:
    noise = ["BootstrapVersion", "CDKMetadata", "aws:cdk:path", "aws:asset:path", str(ROOT), str(Path.home()), "/tmp/"]
    for path in GOLDEN.iterdir():
        text = path.read_text(encoding="utf-8")
        assert [each for each in noise if each in text] == []
        assert not re.search(r"[0-9a-f]{32}", text)
        assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def relative_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "program", [pytest.param(each, marks=[] if each == "app" else pytest.mark.deep) for each in PROGRAMS]
)
def test_two_synths_are_byte_identical(program: str, synthesize: Synthesize, assembly_of: Synthesize) -> None:
    one, other = assembly_of(program, "aws"), synthesize(program, "aws")
    files = relative_files(one)
    assert files == relative_files(other)
    assert "manifest.json" in files
    assert filecmp.cmpfiles(one, other, files, shallow=False) == (files, [], [])


@each_program
def test_no_absolute_path_is_in_an_assembly(program: str, assembly_of: Synthesize) -> None:
    assembly = assembly_of(program, "aws")
    for name in relative_files(assembly):
        if name.endswith(".json"):
            text = (assembly / name).read_text(encoding="utf-8")
            assert str(ROOT) not in text
            assert str(assembly) not in text


@each_partition
@each_program
def test_no_template_assumes_a_partition(program: str, partition: str, assembly_of: Synthesize) -> None:
    for template in templates(assembly_of(program, partition)).values():
        assert "arn:aws" not in json.dumps(template)


# Where a statement is for every resource, and why.
FOR_EVERY_RESOURCE = {
    ("automation_roles", "ec2:DescribeInstanceStatus"): "IAM knows no resources for lists",
    ("automation_roles", "ssm:ListCommands"): "commands have no ARN",
    ("automation_roles", "ec2:DescribeInstances"): "targets are found by their tags and resource groups",
    ("cloud_connector", "ssm:CreateActivation"): "activations have no ARN",
    ("cloud_connector", "ssm:ListCloudConnectors"): "lists have no ARN",
    ("cloud_connector", "sts:GetWebIdentityToken"): "tokens have no ARN: the condition says for whom they are",
    ("ecs_anywhere", "ecs:DiscoverPollEndpoint"): "the agent asks where to poll before it has a cluster",
    ("eks_hybrid_nodes", "ssm:DescribeInstanceInformation"): "IAM can't narrow it to some nodes",
    ("encrypted_auto_scaling_group", "kms:*"): "in a key's own policy, every resource is that key",
    ("encrypted_auto_scaling_group", "kms:CreateGrant"): "in a key's own policy, every resource is that key",
    ("encrypted_auto_scaling_group", "kms:Decrypt"): "in a key's own policy, every resource is that key",
    ("encrypted_auto_scaling_group", "kms:DescribeKey"): "in a key's own policy, every resource is that key",
    ("existing_roles", "ssm:CreateActivation"): "activations have no ARN",
    ("existing_roles", "ssm:DeleteActivation"): "activations have no ARN",
    ("managed_instances", "ssm:RegisterManagedInstance"): "a device has no ARN before it is registered",
    ("activations_in_two_regions", "ssm:CreateActivation"): "activations have no ARN",
    ("activations_in_two_regions", "ssm:DeleteActivation"): "activations have no ARN",
    ("ecs_anywhere", "ssm:CreateActivation"): "activations have no ARN",
    ("ecs_anywhere", "ssm:DeleteActivation"): "activations have no ARN",
    ("eks_hybrid_nodes", "ssm:CreateActivation"): "activations have no ARN",
    ("eks_hybrid_nodes", "ssm:DeleteActivation"): "activations have no ARN",
    ("regulated_functions", "ec2:CreateNetworkInterface"): "AWS Lambda creates, lists and deletes network interfaces",
    ("regulated_functions", "kms:*"): "in a key's own policy, every resource is that key",
    ("regulated_functions", "kms:Encrypt"): "in a key's own policy, every resource is that key",
    ("regulated_functions", "ssm:CreateActivation"): "activations have no ARN",
    ("regulated_functions", "ssm:DeleteActivation"): "activations have no ARN",
    ("regulated_functions", "xray:PutTraceSegments"): "traces have no ARN",
    ("organization", "ssm:CreateActivation"): "activations have no ARN",
    ("organization", "ssm:DeleteActivation"): "activations have no ARN",
    ("rotating_activation", "ssm:CreateActivation"): "activations have no ARN",
    ("rotating_activation", "ssm:DeleteActivation"): "activations have no ARN",
    ("runbooks_across_accounts", "ec2:DescribeInstanceStatus"): "IAM knows no resources for lists",
    ("runbooks_across_accounts", "ec2:DescribeInstances"): "targets are found by their tags and resource groups",
    ("runbook", "ssm:ListCommands"): "commands have no ARN",
    ("hardened_hybrid_role", "ssm:*"): "a permissions boundary gives nothing: it says the most that may be given",
    ("hardened_hybrid_role", "ssm:GetParametersByPath"): "what a boundary denies, it denies everywhere",
    ("maintenance_window", "kms:*"): "the policy of a key is about that key only",
    ("maintenance_window", "ssm:ListCommands"): "commands have no ARN",
    ("maintenance_window", "tag:GetResources"): "targets are found by their tags and resource groups",
    ("on_premises_fleet", "kms:*"): "in a key's own policy, every resource is that key",
    ("on_premises_fleet", "logs:DescribeLogGroups"): "IAM can't narrow it to some log groups",
    ("activation_alarms", "kms:*"): "in a key's own policy, every resource is that key",
    ("activation_alarms", "kms:CreateGrant"): "in a key's own policy, every resource is that key",
    ("activation_alarms", "kms:Decrypt"): "in a key's own policy, every resource is that key",
    ("activation_alarms", "ssm:CreateActivation"): "activations have no ARN",
    ("activation_alarms", "ssm:DeleteActivation"): "activations have no ARN",
    ("restricted_parameters", "kms:*"): "in a key's own policy, every resource is that key",
    ("restricted_parameters", "ssm:CreateActivation"): "activations have no ARN",
    ("restricted_parameters", "ssm:DeleteActivation"): "activations have no ARN",
    ("session_logs", "kms:*"): "in a key's own policy, every resource is that key",
    ("session_logs", "kms:Decrypt"): "in a key's own policy, every resource is that key",
    ("session_logs", "logs:DescribeLogGroups"): "IAM can't narrow it to some log groups",
    ("session_logs", "ssm:CreateActivation"): "activations have no ARN",
    ("session_logs", "ssm:DeleteActivation"): "activations have no ARN",
}


def statements(part: Any) -> Iterator[dict[str, Any]]:
    """Find every statement of every policy in a template."""
    if isinstance(part, dict):
        if "Effect" in part and ("Action" in part or "NotAction" in part):
            yield part
        for value in part.values():
            yield from statements(value)
    elif isinstance(part, list):
        for value in part:
            yield from statements(value)


def test_a_statement_is_for_every_resource_only_where_there_is_a_reason(assembly_of: Synthesize) -> None:
    found = set()
    for program in PROGRAMS:
        for template in templates(assembly_of(program, "aws")).values():
            for statement in statements(template):
                if statement.get("Resource") == "*" or "*" in statement.get("Resource", ()):
                    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                    reasons = {(program, action) for action in actions} & set(FOR_EVERY_RESOURCE)
                    assert reasons, (program, statement)
                    found |= reasons
    assert found == set(FOR_EVERY_RESOURCE)
