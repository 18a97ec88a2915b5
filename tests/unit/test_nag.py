"""The sample app and the examples, reviewed by cdk-nag: the table below acknowledges each finding, with a reason."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import aws_cdk
import pytest
from aws_cdk import App, Stack
from constructs import IConstruct

from tests.unit.templates import ACCOUNT
from tests.unit.test_snapshots import PROGRAMS, ROOT

# cdk-nag requires a newer aws-cdk-lib than the oldest supported one.
cdk_nag = pytest.importorskip("cdk_nag")

if TYPE_CHECKING:
    from cdk_nag import AwsSolutionsChecks

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("snapshots")]

# Where cdk-nag looks for acknowledgements. `Validations.of(construct).acknowledge` writes the same metadata.
METADATA_KEY = "aws:cdk:acknowledged-rules"

HERE = "<AWS::Region>:<AWS::AccountId>"
OF_THE_STACK = "eu-central-1:111122223333"


def policy(name: str) -> str:
    """Return the rule that finds an AWS managed policy."""
    return f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]"


def resource(name: str) -> str:
    """Return the rule that finds a wildcard in the resources of a statement."""
    return f"AwsSolutions-IAM5[Resource::{name}]"


def arn(name: str) -> str:
    """Return the rule that finds a wildcard in an ARN, which is given from the service on."""
    return resource(f"arn:<AWS::Partition>:{name}")


CORE = {policy("AmazonSSMManagedInstanceCore"): "SSM Agent needs this policy, which AWS keeps up to date"}
WITHOUT_PARAMETERS = {
    policy("AmazonSSMManagedEC2InstanceDefaultPolicy"): "SSM Agent needs this policy, which allows no parameters"
}
CLOUD_WATCH_AGENT = {
    policy("CloudWatchAgentServerPolicy"): "The CloudWatch agent needs this policy, which AWS keeps up to date"
}
RUNBOOK_VERSIONS = "The wildcard stands for the versions of this one runbook"
EXECUTION = "An execution gets its ID when it starts"
NODES_WITH_TAG = "A condition limits the statement to nodes with a tag"
EVERY_REGION = "The administration role starts the runbook in every Region of this account"
BOUNDARY = "A permissions boundary allows nothing: it limits what other policies allow"
READ = "The statement only reads service-linked roles, whose names and policies AWS publishes"
ONE_ROLE = "The wildcard stands for the service, which the name of the role determines"
NO_FLOW_LOGS = "Flow logs are a setting of the network, which exists already in most accounts"
ACTIVATIONS = "Activations have no ARN that a statement could name"
RUNTIME = {"AwsSolutions-L1": "This is the newest runtime that every Region has; FunctionSettings can set a newer one"}
INTERFACES = "Network interfaces, traces and activations have no ARN that a statement could name"
TAGS = "A condition limits the statement to exactly the tags of these nodes"
CLUSTER_NAME = '{"Fn::Select":[1,{"Fn::Split":[":cluster/",{"Fn::GetAtt":["Cluster","Arn"]}]}]}'
NEW_OBJECTS = "Each log is a new object below the prefix of these nodes"


def ensured(*role_names: str, account: str = "<AWS::AccountId>") -> dict[str, str]:
    """Return what is acknowledged for the function of a stack, by the roles that the stack ensures."""
    path = f"iam::{account}:role/aws-service-role/*"
    return {
        **RUNTIME,
        arn(path): READ,
        arn(f"iam::{account}:role/AWSServiceRoleFor*"): READ,
        **{arn(f"{path}/{name}"): ONE_ROLE for name in role_names},
    }


# Program -> path of a construct -> rule -> reason. An entry also covers what is below the construct.
ACKNOWLEDGED: dict[str, dict[str, dict[str, str]]] = {
    "account_baseline": {
        "AccountBaseline/Hosts": {
            policy(
                "AmazonSSMManagedEC2InstanceDefaultPolicy"
            ): "SSM Agent needs this policy, which AWS keeps up to date"
        },
        "AccountBaseline/Explorer": {
            policy("AWSSystemsManagerEnableExplorerExecutionPolicy"): "AWS's own runbook needs exactly this policy"
        },
        "AccountBaseline/QuickSetup": {
            policy("AWSQuickSetupDeploymentRolePolicy"): "AWS's own templates need this policy, limited to their names"
        },
        "AccountBaseline/PatchPolicies": {
            policy("AWSQuickSetupPatchPolicyDeploymentRolePolicy"): (
                "AWS's own template for patch policies needs this policy, limited to its names"
            )
        },
    },
    "app": {
        "HybridNodes/HybridNodes": CORE,
        "Fleet/EnsureServiceLinkedRoles": ensured(
            "AWSServiceRoleForAmazonSSM", "AWSServiceRoleForAmazonSSM_AccountDiscovery", account=ACCOUNT
        ),
    },
    "activations_in_two_regions": {
        "FleetRoles/Nodes": CORE,
        "Fleet-eu-west-1/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
        "Fleet-us-east-1/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
    },
    "automation_roles": {
        "Central/Operator": {
            arn(f"ssm:{HERE}:automation-definition/<RestartRunbook>:*"): RUNBOOK_VERSIONS,
            arn("ssm:<AWS::Region>::automation-definition/<RestartRunbook>:*"): RUNBOOK_VERSIONS,
            arn("ssm:<AWS::Region>::automation-definition/AWS-RestartEC2Instance:*"): RUNBOOK_VERSIONS,
            arn(f"ssm:{HERE}:automation-execution/*"): EXECUTION,
        },
        "Central/Dispatch": {
            arn(f"ssm:{HERE}:automation-definition/<RestartRunbook>:*"): RUNBOOK_VERSIONS,
            arn("ssm:<AWS::Region>::automation-definition/<RestartRunbook>:*"): RUNBOOK_VERSIONS,
            arn(f"ssm:{HERE}:automation-execution/*"): EXECUTION,
        },
        "Central/Restart": {
            arn(f"ec2:{HERE}:instance/*"): NODES_WITH_TAG,
            arn(f"ssm:{HERE}:managed-instance/*"): NODES_WITH_TAG,
            resource("*"): "Commands have no ARN; the documents that can be sent are named",
        },
        "Central/Administration": {
            arn("iam::*:role/AWS-SystemsManager-AutomationExecutionRole"): (
                "In each account, this one role decides itself whether it trusts the central account"
            )
        },
        "Member/Execution": {
            arn("ssm:*::document/AWS-RestartEC2Instance"): EVERY_REGION,
            arn("ssm:*::automation-definition/AWS-RestartEC2Instance:*"): EVERY_REGION,
            arn("ssm:*:<AWS::AccountId>:automation-execution/*"): EVERY_REGION,
            arn("ec2:*:<AWS::AccountId>:instance/*"): "The runbook restarts any instance of the account",
            resource("*"): "IAM has no resources for lists of instances, tags and groups",
        },
    },
    "cloud_connector": {
        "AzureNodes/Nodes": CORE,
        "AzureNodes/Azure": {
            resource("*"): "Tokens, activations and lists have no ARN; a condition limits the tokens to one audience",
            arn("ssm:<AWS::Region>:*:document/AWS-InstallSSMAgentOnAzure"): (
                "This one runbook belongs to AWS, whose documentation has the wildcard for the account"
            ),
            arn("ssm:<AWS::Region>:*:automation-definition/AWS-InstallSSMAgentOnAzure:1"): (
                "This is the same runbook under its name in Automation"
            ),
            arn(f"ssm:{HERE}:automation-execution/*"): EXECUTION,
            arn(f"ssm:{HERE}:activation/*"): "The runbook tags what it creates",
            arn(f"ssm:{HERE}:managed-instance/*"): "The runbook tags what it creates",
        },
    },
    "deletable_service_linked_role": {
        "Explorer/EnsureServiceLinkedRoles": ensured("AWSServiceRoleForAmazonSSM_AccountDiscovery"),
        "Explorer/AccountDiscovery": {
            arn("iam::<AWS::AccountId>:role/aws-service-role/*/AWSServiceRoleForAmazonSSM_AccountDiscovery"): ONE_ROLE
        },
    },
    "ecs_anywhere": {
        "Edge/Instances": {
            **WITHOUT_PARAMETERS,
            resource("*"): "IAM has no resources for ecs:DiscoverPollEndpoint",
            arn(f"ecs:{HERE}:container-instance/*"): (
                "Instances have no ARN before they are registered; a condition limits them to the cluster"
            ),
            arn(f"ecs:{HERE}:container-instance/{CLUSTER_NAME}/*"): "These are the instances of the cluster",
            arn(f"ecs:{HERE}:task/{CLUSTER_NAME}/*"): "These are the tasks of the cluster",
        },
        "Edge/Activation": {**RUNTIME, resource("*"): ACTIVATIONS},
    },
    "ecs_service": {
        "Web/EnsureServiceLinkedRoles": ensured("AWSServiceRoleForECS"),
        "Web/Vpc": {"AwsSolutions-VPC7": NO_FLOW_LOGS},
    },
    "eks_hybrid_nodes": {
        "EdgeCluster/Nodes": {
            **WITHOUT_PARAMETERS,
            policy("AmazonEC2ContainerRegistryPullOnly"): "The kubelet needs this policy to pull images",
            resource("*"): "IAM has no resources for ssm:DescribeInstanceInformation",
            arn(f"ssm:{HERE}:managed-instance/*"): "A condition limits the statement to nodes with the cluster's tag",
        },
        "EdgeCluster/Activation": {**RUNTIME, resource("*"): ACTIVATIONS, arn(f"ssm:{HERE}:managed-instance/*"): TAGS},
    },
    "encrypted_auto_scaling_group": {
        "Servers/EnsureServiceLinkedRoles": ensured("AWSServiceRoleForAutoScaling_encrypted"),
        "Servers/Group": {"AwsSolutions-AS3": "The group always has one instance, so that nothing scales"},
        "Servers/Vpc": {"AwsSolutions-VPC7": NO_FLOW_LOGS},
    },
    "existing_roles": {
        "Operators/Operator": {
            resource("*"): "Activations have no ARN; the role that is passed with them is named",
            arn(f"ssm:{HERE}:managed-instance/*"): TAGS,
        }
    },
    "hardened_hybrid_role": {
        "HybridNodes/Boundary": {
            "AwsSolutions-IAM5[Action::ec2messages:*]": BOUNDARY,
            "AwsSolutions-IAM5[Action::logs:*]": BOUNDARY,
            "AwsSolutions-IAM5[Action::ssm:*]": BOUNDARY,
            "AwsSolutions-IAM5[Action::ssmmessages:*]": BOUNDARY,
            resource("*"): BOUNDARY,
        },
        "HybridNodes/HybridNodes": {**CORE, **CLOUD_WATCH_AGENT},
    },
    "maintenance_window": {
        "Patching/Snapshots": {
            arn(f"ec2:{HERE}:volume/*"): "The runbook takes snapshots of any volume of the account and Region",
            arn("ec2:<AWS::Region>::snapshot/*"): "A snapshot gets its ID when it is created",
        },
        "Patching/WindowRole": {
            arn(f"ssm:{HERE}:automation-execution/*"): EXECUTION,
            arn("ssm:<AWS::Region>::automation-definition/AWS-CreateSnapshot:*"): RUNBOOK_VERSIONS,
            arn(f"ec2:{HERE}:instance/*"): NODES_WITH_TAG,
            arn(f"ssm:{HERE}:managed-instance/*"): NODES_WITH_TAG,
            resource("*"): "Commands and lists have no ARN; the documents that can be sent are named",
        },
    },
    "managed_instances": {
        "Nodes/Web": {
            **WITHOUT_PARAMETERS,
            **CLOUD_WATCH_AGENT,
            arn("s3:::session-logs-of-the-company/web/*"): NEW_OBJECTS,
        },
        "Nodes/Devices": {**WITHOUT_PARAMETERS, arn("s3:::session-logs-of-the-company/devices/*"): NEW_OBJECTS},
        "Nodes/TokenExchange": {
            resource("*"): "A device has no ARN before it is registered",
            arn(f"ssm:{HERE}:managed-instance/*"): TAGS,
        },
    },
    "minimal_hybrid_role": {"HybridNodes/HybridNodes": CORE},
    "on_premises_fleet": {
        "Fleet/Logs": {"AwsSolutions-S1": "This example doesn't record who reads the bucket of logs"},
        "Fleet/Servers": {
            **WITHOUT_PARAMETERS,
            **CLOUD_WATCH_AGENT,
            resource("*"): "IAM has no resources for logs:DescribeLogGroups",
            arn(
                "ssm:eu-central-1:<AWS::AccountId>:parameter/servers/*"
            ): "The servers read the parameters of this path",
            resource("<Logs6819BB44.Arn>/commands/*"): NEW_OBJECTS,
            resource("<Logs6819BB44.Arn>/sessions/*"): NEW_OBJECTS,
            **{
                arn(f"s3:::{bucket}/*"): "AWS publishes these objects in its own bucket"
                for bucket in (
                    "amazon-ssm-eu-central-1",
                    "aws-patch-manager-eu-central-1-9163fdaaf",
                    "aws-ssm-distributor-file-eu-central-1",
                    "aws-ssm-document-attachments-eu-central-1",
                    "aws-ssm-eu-central-1",
                    "aws-windows-downloads-eu-central-1",
                    "eu-central-1-birdwatcher-prod",
                    "patch-baseline-snapshot-eu-central-1",
                )
            },
        },
    },
    "opensearch_domain": {
        "Search/EnsureServiceLinkedRoles": ensured("AWSServiceRoleForAmazonOpenSearchService"),
        "Search/Domain": {
            "AwsSolutions-OS3": "Only clients in the VPC reach the domain, through its security group",
            "AwsSolutions-OS4": "An example with two data nodes needs no dedicated master nodes",
            "AwsSolutions-OS5": "Only clients in the VPC reach the domain, through its security group",
            "AwsSolutions-OS9[LogExport::INDEX_SLOW_LOGS]": "The example shows the order of resources, not operations",
            "AwsSolutions-OS9[LogExport::SEARCH_SLOW_LOGS]": "The example shows the order of resources, not operations",
        },
        "Search/Vpc": {"AwsSolutions-VPC7": NO_FLOW_LOGS},
    },
    "regulated_functions": {
        "Network/Vpc": {
            "AwsSolutions-VPC7": NO_FLOW_LOGS,
            "AwsSolutions-EC23": "The endpoints allow only the range of their VPC, which the rule can't resolve",
        },
        "Fleet/EnsureServiceLinkedRoles": {
            **ensured("AWSServiceRoleForAmazonSSM"),
            resource("*"): INTERFACES,
        },
        "Fleet/HybridNodes": CORE,
        "Fleet/Activation": {**RUNTIME, resource("*"): INTERFACES},
    },
    "rotating_activation": {
        "Servers/HybridNodes": CORE,
        "Servers/Activation": {
            **RUNTIME,
            resource("*"): ACTIVATIONS,
            arn(f"ssm:{OF_THE_STACK}:managed-instance/*"): TAGS,
        },
        "Servers/Provisioner": {arn(f"ssm:{OF_THE_STACK}:managed-instance/*"): TAGS},
    },
    "service_linked_roles": {
        "Fleet/EnsureServiceLinkedRoles": ensured(
            "AWSServiceRoleForAmazonSSM",
            "AWSServiceRoleForAmazonSSM_AccountDiscovery",
            "AWSServiceRoleForAmazonSSM_OpsInsights",
        )
    },
}

Build = Callable[..., App]


@dataclass(frozen=True, order=True)
class Finding:
    construct: str
    rule: str


def acknowledge(app: App, program: str) -> None:
    """Add the acknowledgements of a program to its constructs."""
    for path, reasons in ACKNOWLEDGED.get(program, {}).items():
        construct: IConstruct = app
        for id in path.split("/"):
            construct = construct.node.find_child(id)
        construct.node.add_metadata(METADATA_KEY, reasons)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Run a program as the AWS CDK command line does, and return its app."""
    synth = App.synth

    def run(program: str, *, acknowledging: bool = True) -> App:
        context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]

        def acknowledge_and_synth(app: App, **arguments: Any) -> Any:
            if acknowledging:
                acknowledge(app, program)
            return synth(app, **arguments)

        with monkeypatch.context() as patch:
            patch.setattr(aws_cdk, "App", partial(aws_cdk.App, outdir=str(tmp_path), context=context))
            patch.setattr(App, "synth", acknowledge_and_synth)
            patch.setenv("CDK_DEFAULT_ACCOUNT", ACCOUNT)
            patch.setenv("CDK_DEFAULT_REGION", "eu-central-1")
            return cast(App, runpy.run_path(str(PROGRAMS[program]), run_name="__main__")["app"])

    return run


def findings(app: App) -> set[Finding]:
    """Review an app with the AwsSolutions pack."""
    checks: AwsSolutionsChecks = cdk_nag.AwsSolutionsChecks(app)
    return {
        Finding(str(resource.construct_path), violation.rule_name)
        for violation in checks.validate_scope(app).violations
        for resource in violation.violating_resources
    }


def acknowledgements(app: App) -> Iterator[tuple[IConstruct, str, str]]:
    """Find what is acknowledged in an app: where, which rule, and why."""
    for construct in app.node.find_all():
        for entry in construct.node.metadata:
            if entry.type == METADATA_KEY:
                for rule, reason in cast("dict[str, Any]", entry.data).items():
                    # The CDK acknowledges some findings of its own review.
                    if not rule.startswith("CloudFormation-Validate::"):
                        yield construct, rule, reason


def covers(construct: IConstruct, rule: str, finding: Finding) -> bool:
    return finding.rule == rule and f"{finding.construct}/".startswith(f"{construct.node.path}/")


each_program = pytest.mark.parametrize("program", PROGRAMS)


def test_only_programs_that_exist_have_acknowledgements() -> None:
    assert set(ACKNOWLEDGED) <= set(PROGRAMS)


@each_program
def test_a_program_has_no_metadata_for_reviews(program: str, build: Build) -> None:
    assert list(acknowledgements(build(program, acknowledging=False))) == []
    text = PROGRAMS[program].read_text(encoding="utf-8")
    assert [each for each in ("metadata", "acknowledge", "cdk_nag", "cdk-nag") if each in text.lower()] == []


@each_program
def test_a_review_finds_nothing_that_is_not_acknowledged(program: str, build: Build) -> None:
    assert sorted(findings(build(program))) == []


@each_program
def test_what_is_acknowledged_would_be_found_and_has_a_reason(program: str, build: Build) -> None:
    found = findings(build(program, acknowledging=False))
    acknowledged = list(acknowledgements(build(program)))
    table = ACKNOWLEDGED.get(program, {})
    assert sorted((at.node.path, rule) for at, rule, _ in acknowledged) == sorted(
        (path, rule) for path, reasons in table.items() for rule in reasons
    )
    assert {each for each in found if not any(covers(at, rule, each) for at, rule, _ in acknowledged)} == set()
    for construct, rule, reason in acknowledged:
        assert any(covers(construct, rule, each) for each in found), (construct.node.path, rule)
        assert not Stack.is_stack(construct), "an acknowledgement for a whole stack hides what comes later"
        assert not App.is_app(construct)
        assert len(reason.split()) >= 5, reason


def test_the_review_has_teeth() -> None:
    app = App()
    stack = Stack(app, "Stack")
    aws_cdk.aws_iam.ManagedPolicy(
        stack,
        "Open",
        statements=[aws_cdk.aws_iam.PolicyStatement(actions=["ssm:SendCommand"], resources=["*"])],
    )
    assert findings(app) == {Finding("Stack/Open/Resource", "AwsSolutions-IAM5[Resource::*]")}


def test_an_app_that_has_the_pack_as_a_plugin_synthesizes(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    made = aws_cdk.App

    def with_plugin(**arguments: Any) -> App:
        app = made(**arguments)
        aws_cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
        return app

    monkeypatch.setattr(aws_cdk, "App", with_plugin)
    build("cloud_connector")
    with pytest.raises(RuntimeError, match="AwsSolutions-IAM4"):
        build("cloud_connector", acknowledging=False)
