"""Checks of the functions of the library, and of CloudFormation: the examples that a run has deployed are looked at."""

import json
from typing import Any

from botocore.exceptions import ClientError

from ssm_roles._facts.resource_types import REGIONS_WITHOUT

from ..check import NotCheckedError, check
from ..node import Node
from ..sandbox import Sandbox, code_and_message, expect, trust

_CLOUDFORMATION = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide"
_SCHEMAS = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/resource-type-schemas.html"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg"
_RUNTIMES = ("python3.10", "python3.11", "python3.12", "python3.13", "python3.14")
_ROTATING = "rotating_activation"
_LOGS = ("AWS::Logs::LogGroup",)


def _stack(sandbox: Sandbox, example: str, name: str) -> str:
    """Return the name of the stack of an example."""
    stack = sandbox.run.stack_name(example, name)
    try:
        status = sandbox.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        raise NotCheckedError(f"examples/{example}.py was not deployed: {': '.join(code_and_message(error))}") from None
    if status != "CREATE_COMPLETE":
        raise NotCheckedError(f"examples/{example}.py was not deployed: {status}")
    return stack


def _resources(sandbox: Sandbox, stack: str, *types: str) -> list[str]:
    pages = sandbox.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return [each["PhysicalResourceId"] for each in found if each["ResourceType"] in types]


@check(
    "function-runtimes-and-architectures",
    f"AWS Lambda has {', '.join(_RUNTIMES)} in the Region, on x86_64 and on arm64.",
    f"{_LAMBDA}/lambda-runtimes.html",
    "ssm_roles/_cdk/packaged_function.py",
    "ssm_roles/functions/function_settings.py",
    seconds=90,
)
def runtimes_and_architectures(sandbox: Sandbox) -> str:
    """Deploy and read a function of each runtime on each architecture."""
    resources: dict[str, Any] = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": trust(service="lambda.amazonaws.com")},
        }
    }
    outputs = {}
    for runtime in _RUNTIMES:
        for architecture in ("x86_64", "arm64"):
            name = f"{runtime}{architecture}".replace(".", "").replace("_", "").capitalize()
            properties = {
                "Runtime": runtime,
                "Architectures": [architecture],
                "Handler": "index.handler",
                "Code": {"ZipFile": "def handler(event, context):\n    return event\n"},
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            }
            resources[name] = {"Type": "AWS::Lambda::Function", "Properties": properties}
            outputs[name] = {"Value": {"Ref": name}}
    made = sandbox.stack("runtimes", {"Resources": resources, "Outputs": outputs})
    client, found = sandbox.client("lambda"), []
    for name in made.values():
        configuration = client.get_function_configuration(FunctionName=name)
        expect(configuration["State"] == "Active", f"{name} is {configuration['State']}")
        found.append(f"{configuration['Runtime']} on {configuration['Architectures'][0]}")
    wanted = {f"{runtime} on {architecture}" for runtime in _RUNTIMES for architecture in ("x86_64", "arm64")}
    return expect(set(found) == wanted, ", ".join(sorted(found)))


@check(
    "function-response-url",
    "The `ResponseURL` of a custom resource has a host of the form "
    "`cloudformation-custom-resource-response-REGIONWITHOUTDASHES.s3.REGION.URLSUFFIX` or one of its two variants.",
    f"{_CLOUDFORMATION}/cfn-vpce-bucketnames.html",
    "ssm_roles/_lambda/functions/custom_resource.py",
    example=_ROTATING,
)
def response_url(sandbox: Sandbox) -> str:
    """Look whether the functions, which answer to these hosts only, have answered."""
    stack = _stack(sandbox, _ROTATING, "Servers")
    events = sandbox.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    custom = [each for each in events if each["ResourceType"].startswith("Custom::HybridActivation")]
    answered = [each["LogicalResourceId"] for each in custom if each["ResourceStatus"] == "CREATE_COMPLETE"]
    return expect(answered, f"{len(answered)} custom resources were answered: {', '.join(sorted(set(answered)))}")


@check(
    "function-log-group",
    "AWS Lambda writes the logs of a function with a log group of its own to this group, and creates no other.",
    f"{_LAMBDA}/monitoring-cloudwatchlogs-loggroups.html",
    "ssm_roles/_cdk/packaged_function.py",
    example=_ROTATING,
)
def log_group(sandbox: Sandbox) -> str:
    """Look for the logs of the function of an activation, and for a log group with the name that Lambda chooses."""
    stack = _stack(sandbox, _ROTATING, "Servers")
    logs, functions = sandbox.client("logs"), _resources(sandbox, stack, "AWS::Lambda::Function")
    groups = _resources(sandbox, stack, *_LOGS)
    configured = [
        sandbox.client("lambda").get_function_configuration(FunctionName=each)["LoggingConfig"]["LogGroup"]
        for each in functions
    ]
    expect(set(configured) == set(groups), f"the functions log to {configured}, and the stack has {groups}")
    sandbox.not_on_emulator("write the logs of functions to their own groups")
    default = [f"/aws/lambda/{each}" for each in functions]
    found = [
        each["logGroupName"]
        for name in default
        for each in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    ]
    written = [each for each in groups if logs.describe_log_streams(logGroupName=each, limit=1)["logStreams"]]
    return expect(written and not found, f"{written} have logs; log groups that Lambda created: {found}")


@check(
    "rotation-stores-a-usable-activation",
    "The first rotation of a secret stores an activation that registers a machine.",
    "https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html",
    "ssm_roles/_lambda/functions/rotate_hybrid_activation.py",
    example=_ROTATING,
)
def rotation_stores_a_usable_activation(sandbox: Sandbox) -> str:
    """Register a machine with the activation in the secret of an example."""
    stack = _stack(sandbox, _ROTATING, "Servers")
    (secret,) = _resources(sandbox, stack, "AWS::SecretsManager::Secret")
    value = json.loads(sandbox.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    before = sandbox.described_activation(value["ActivationId"]).get("RegistrationsCount", 0)
    node = Node(sandbox.target.url("ssm"), sandbox.region)
    node.register(value["ActivationId"], value["ActivationCode"])
    ssm = sandbox.client("ssm")
    # The activation has the tags of the example, and the node gets the run's, so that `make live-clean` finds it.
    sandbox.created(f"managed node {node.id}", lambda: ssm.deregister_managed_instance(InstanceId=node.id))
    ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node.id, Tags=sandbox.run.tag_list)
    count = sandbox.described_activation(value["ActivationId"]).get("RegistrationsCount", 0)
    evidence = f"{node.id} is registered; RegistrationsCount was {before} and is {count}"
    return expect(count == before + 1, evidence)


@check(
    "output-length",
    "The value of an output of a stack can have more than 4,096 characters.",
    f"{_CLOUDFORMATION}/cloudformation-limits.html",
    "ssm_roles/activation/registration.py",
    seconds=30,
)
def output_length(sandbox: Sandbox) -> str:
    """Deploy a stack with a long output."""
    text = "x" * 9000
    template = {
        "Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
        "Outputs": {"Long": {"Value": text}},
    }
    value = sandbox.stack("output", template).get("Long", "")
    return expect(value == text, f"the value has {len(value):,} characters")


@check(
    "resource-types-of-the-region",
    "CloudFormation has the resource types of Systems Manager in the Region, as the schemas of AWS say.",
    _SCHEMAS,
    "ssm_roles/_facts/resource_types.py",
)
def resource_types_of_the_region(sandbox: Sandbox) -> str:
    """Describe each type."""
    sandbox.not_on_emulator("describe resource types")
    found = []
    for name, without in REGIONS_WITHOUT.items():
        try:
            sandbox.client("cloudformation").describe_type(Type="RESOURCE", TypeName=name)
            exists = True
        except ClientError as error:
            if code_and_message(error)[0] != "TypeNotFoundException":
                raise
            exists = False
        expect(exists == (sandbox.region not in without), f"{name} {'exists' if exists else 'is missing'}")
        found.append(f"{name} {'exists' if exists else 'is missing'}")
    return ", ".join(found)


@check(
    "one-stack-owns-an-inline-policy",
    "CloudFormation refuses to let two stacks own an inline policy of one name on one role.",
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-rolepolicy.html",
    "ssm_roles/_iam/grants.py",
    seconds=60,
)
def one_stack_owns_an_inline_policy(sandbox: Sandbox) -> str:
    """Deploy the same policy for the same role in two stacks."""
    role = sandbox.role("shared", trust())
    statement = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    properties = {"RoleName": role, "PolicyName": "Shared", "PolicyDocument": document}
    template = {"Resources": {"Policy": {"Type": "AWS::IAM::RolePolicy", "Properties": properties}}}
    sandbox.not_on_emulator("keep two stacks from owning one policy")
    sandbox.stack("policy-1", template)
    reasons = sandbox.stack("policy-2", template, expect_failure=True)
    return expect(reasons, reasons.get("Policy", "the second stack was deployed"))


CHECKS = (
    runtimes_and_architectures,
    response_url,
    log_group,
    rotation_stores_a_usable_activation,
    output_length,
    resource_types_of_the_region,
    one_stack_owns_an_inline_policy,
)
