"""The sample app, really deployed: onto an AWS emulator on this machine, which needs no account.

The real CDK command line synthesizes and deploys `app.py`. What it made is read back with boto3 and shown. Then Systems
Manager's part is played: the hybrid service role is assumed as for an activation, which gives temporary credentials.
Last, an example with a hybrid activation is deployed, whose secret is read, used and rotated.
"""

import json
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.embedded_aws.cdk import Cdk
from tests.embedded_aws.server import EmbeddedAws, EmbeddedAwsError

STACKS = ("HybridNodes", "Fleet")
SYSTEMS_MANAGER = "ssm.amazonaws.com"
ROTATION_SECONDS = 60


def main() -> None:
    # Whatever ends the demo ends the emulator with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    step("Starting an AWS emulator on this machine")
    with EmbeddedAws(region="eu-central-1") as aws:
        cdk = Cdk(aws)
        step("cdk synth: app.py becomes two CloudFormation templates")
        assembly = cdk.synth([sys.executable, "app.py"])
        step("cdk bootstrap and cdk deploy")
        cdk.bootstrap()
        outputs = cdk.deploy(assembly).outputs
        step("What is in the account now, with names that the emulator generates")
        for name in role_names(aws):
            show_role(aws, name)
        activation_role_name = outputs["HybridNodes"]["ActivationRoleName"]
        step("Systems Manager assumes the role for a machine, as the emulator lets it")
        role_arn = aws.client("iam").get_role(RoleName=activation_role_name)["Role"]["Arn"]
        for account in (aws.account, "444455556666"):
            show_assumption(aws, role_arn, account)
        step("cdk deploy of examples/rotating_activation.py: a hybrid activation in a secret, and who may read it")
        example = cdk.deploy(cdk.synth([sys.executable, "examples/rotating_activation.py"])).outputs["Servers"]
        secret_arn = example["SecretArn"]
        activation = read_secret(aws, secret_arn)
        show_activation(secret_arn, activation)
        step("A machine registers with it, as the emulator lets it; then the secret is rotated, and two more register")
        register(aws, activation)
        show_activation(secret_arn, rotated := rotate(aws, secret_arn, activation))
        register(aws, rotated)
        register(aws, activation)
        step("Next, with an account of yours: deploy the example, and enrol machines with its script")
        query = "Stacks[0].Outputs[?OutputKey=='RegistrationScript'].OutputValue"
        print('  cdk deploy --app "python examples/rotating_activation.py"')
        print(
            f"  aws cloudformation describe-stacks --stack-name Servers --region {aws.region} --output text \\\n"
            f'      --query "{query}" > register.sh'
        )
        print("  # On a machine, with credentials of the example's role Provisioner:")
        print("  sudo --preserve-env=AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_SESSION_TOKEN sh register.sh")


def step(text: str) -> None:
    print(f"\n* {text}", flush=True)


def role_names(aws: EmbeddedAws) -> Iterator[str]:
    cloudformation = aws.client("cloudformation")
    for stack in STACKS:
        for resource in cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]:
            if resource["ResourceType"] in ("AWS::IAM::Role", "Custom::ServiceLinkedRole"):
                yield resource["PhysicalResourceId"]


def show_role(aws: EmbeddedAws, name: str) -> None:
    iam = aws.client("iam")
    role = iam.get_role(RoleName=name)["Role"]
    print(f"\n  {role['Arn']}")
    for statement in role["AssumeRolePolicyDocument"]["Statement"]:
        print(f"    assumed by  {statement['Principal']['Service']} ({statement['Action']})")
        for operator, keys in statement.get("Condition", {}).items():
            for key, value in keys.items():
                print(f"      only if   {key} {operator} {' or '.join(listed(value))}")
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        print(f"    policy      {policy['PolicyArn']}")
    for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy_name)["PolicyDocument"]
        for statement in document["Statement"]:
            show_statement(statement)


def show_statement(statement: dict[str, Any]) -> None:
    print(f"    may         {', '.join(listed(statement['Action']))}")
    for resource in listed(statement["Resource"]):
        print(f"      on        {resource}")
    for operator, keys in statement.get("Condition", {}).items():
        for key, value in keys.items():
            print(f"      only if   {key} {operator} {' or '.join(listed(value))}")


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def show_assumption(aws: EmbeddedAws, role_arn: str, account: str) -> None:
    source_arn = f"arn:aws:ssm:{aws.region}:{account}:managed-instance/mi-0123456789abcdef0"
    print(f"\n  for {source_arn}")
    try:
        credentials = aws.assume_role_as_service(
            role_arn, SYSTEMS_MANAGER, source_account=account, source_arn=source_arn
        )
    except EmbeddedAwsError as error:
        print(f"    refused: {error}")
        return
    identity = aws.client("sts", credentials=credentials).get_caller_identity()
    for key in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
        print(f"    {key:16}{mask(credentials[key])}")
    print(f"    {'Expiration':16}{credentials['Expiration']}")
    print(f"    {'acts as':16}{identity['Arn']}")


def read_secret(aws: EmbeddedAws, secret_arn: str) -> dict[str, Any]:
    text = aws.client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"]
    value: dict[str, Any] = json.loads(text)
    return value


def show_activation(secret_arn: str, activation: dict[str, Any]) -> None:
    print(f"\n  {secret_arn}")
    for key, value in activation.items():
        print(f"    {key:18}{mask(value) if key == 'ActivationCode' else value}")


def register(aws: EmbeddedAws, activation: dict[str, Any]) -> None:
    node_id = aws.register_node(activation["ActivationId"], activation["ActivationCode"])
    print(f"\n  {node_id} is a managed node, by activation {activation['ActivationId']}")


def rotate(aws: EmbeddedAws, secret_arn: str, before: dict[str, Any]) -> dict[str, Any]:
    aws.client("secretsmanager").rotate_secret(SecretId=secret_arn)
    deadline = time.monotonic() + ROTATION_SECONDS
    while (after := read_secret(aws, secret_arn)) == before:
        if time.monotonic() > deadline:
            sys.exit("The rotation has not ended.")
        time.sleep(0.1)
    return after


def mask(value: str) -> str:
    return f"{value[:4]}{'*' * 8}"


if __name__ == "__main__":
    main()
