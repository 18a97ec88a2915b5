"""Deploy the sample app to an AWS emulator on this machine. No AWS account is required.

The AWS CDK CLI synthesizes and deploys `app.py`. The demo then prints the roles that the stacks created, and assumes
the hybrid service role as Systems Manager does. Finally, it deploys an example with a hybrid activation, registers
machines with it over HTTP, and rotates its secret. One of the machines gets the credentials of its role, and reports
itself with them. It ends with a report about the roles in the account: `cdk.out/report.html`.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from embedded_aws.cdk import Cdk
from embedded_aws.machine import Machine
from embedded_aws.server import EmbeddedAws, EmbeddedAwsError

STACKS = ("HybridNodes", "Fleet")
SYSTEMS_MANAGER = "ssm.amazonaws.com"
ROTATION_SECONDS = 60
REPORT = Path("cdk.out/report.html")

NEXT_STEP = """\
  cdk bootstrap aws://ACCOUNT/REGION
  cdk deploy --app "python examples/rotating_activation.py"
  aws cloudformation describe-stacks --stack-name Servers --region REGION --output text \\
      --query "Stacks[0].Outputs[?OutputKey=='RegistrationScript'].OutputValue" > register.sh
  # The machine HOST needs no AWS credentials. The value of the output SecretArn is SECRET_ARN.
  scp register.sh root@HOST:
  aws secretsmanager get-secret-value --region REGION --secret-id SECRET_ARN --query SecretString --output text |
      ssh root@HOST sh register.sh --from-stdin"""


def main() -> None:
    # SIGTERM raises SystemExit, so that the emulator stops, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    step("Starting an AWS emulator on this machine")
    with EmbeddedAws(region="eu-central-1") as aws:
        cdk = Cdk(aws)
        step("cdk synth: synthesizing app.py into two CloudFormation templates")
        assembly = cdk.synth([sys.executable, "app.py"])
        step("cdk bootstrap and cdk deploy")
        cdk.bootstrap()
        outputs = cdk.deploy(assembly).outputs
        step("The roles in the account")
        for name in role_names(aws):
            show_role(aws, name)
        activation_role_name = outputs["HybridNodes"]["ActivationRoleName"]
        step("Systems Manager assumes the hybrid service role for managed nodes of this account and of another account")
        role_arn = aws.client("iam").get_role(RoleName=activation_role_name)["Role"]["Arn"]
        for account in (aws.account, "444455556666"):
            show_assumption(aws, role_arn, account)
        step("cdk deploy of examples/rotating_activation.py: a hybrid activation whose code is in AWS Secrets Manager")
        example = cdk.deploy(cdk.synth([sys.executable, "examples/rotating_activation.py"])).outputs["Servers"]
        secret_arn = example["SecretArn"]
        activation = read_secret(aws, secret_arn)
        show_activation(secret_arn, activation)
        step("A machine registers over HTTP, gets the credentials of its role, and reports itself with them")
        machine = register(aws, activation)
        show_report(aws, machine)
        step("The secret is rotated. Two machines register with the new and old activations")
        show_activation(secret_arn, rotated := rotate(aws, secret_arn, activation))
        register(aws, rotated)
        register(aws, activation)
        step("Next step: deploy the example to your AWS account, and register machines with its script")
        print(NEXT_STEP)
        step("ssm-roles account and ssm-roles report: the roles in the account, and who may pass, assume and do what")
        show_audit(aws)


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
        print(f"    trusts      {statement['Principal']['Service']} ({statement['Action']})")
        show_conditions(statement)
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        print(f"    policy      {policy['PolicyArn']}")
    for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy_name)["PolicyDocument"]
        for statement in document["Statement"]:
            show_statement(statement)


def show_statement(statement: dict[str, Any]) -> None:
    print(f"    allows      {', '.join(listed(statement['Action']))}")
    for resource in listed(statement["Resource"]):
        print(f"      on        {resource}")
    show_conditions(statement)


def show_conditions(statement: dict[str, Any]) -> None:
    for operator, keys in statement.get("Condition", {}).items():
        for key, value in keys.items():
            print(f"      if        {key} {operator} {' or '.join(listed(value))}")


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
        print(f"    error: {error}")
        return
    show_credentials(aws, credentials, credentials["Expiration"])


def show_credentials(aws: EmbeddedAws, credentials: Mapping[str, str], expiration: str) -> None:
    identity = aws.client("sts", credentials=credentials).get_caller_identity()
    for key in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
        print(f"    {key:16}{mask(credentials[key])}")
    print(f"    {'Expiration':16}{expiration}")
    print(f"    {'Arn':16}{identity['Arn']}")


def read_secret(aws: EmbeddedAws, secret_arn: str) -> dict[str, Any]:
    text = aws.client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"]
    value: dict[str, Any] = json.loads(text)
    return value


def show_activation(secret_arn: str, activation: dict[str, Any]) -> None:
    print(f"\n  {secret_arn}")
    for key, value in activation.items():
        print(f"    {key:18}{mask(value) if key == 'ActivationCode' else value}")


def register(aws: EmbeddedAws, activation: dict[str, Any]) -> Machine:
    machine = Machine(aws.endpoint_url, activation["Region"])
    node_id = machine.register(activation["ActivationId"], activation["ActivationCode"])
    print(f"\n  {node_id} is registered with activation {activation['ActivationId']}")
    return machine


def show_report(aws: EmbeddedAws, machine: Machine) -> None:
    credentials = machine.get_credentials()
    expiration = datetime.fromtimestamp(credentials["TokenExpirationDate"], timezone.utc)
    print("\n  RequestManagedInstanceRoleToken returns credentials of the role:")
    show_credentials(aws, credentials, expiration.isoformat())
    machine.report(credentials)
    filters = [{"Key": "InstanceIds", "Values": [machine.node_id]}]
    (node,) = aws.client("ssm").describe_instance_information(Filters=filters)["InstanceInformationList"]
    print("\n  After UpdateInstanceInformation with these credentials, DescribeInstanceInformation returns:")
    for key in ("InstanceId", "PingStatus", "AgentVersion", "PlatformName", "IamRole"):
        print(f"    {key:16}{node[key]}")


def rotate(aws: EmbeddedAws, secret_arn: str, before: dict[str, Any]) -> dict[str, Any]:
    aws.client("secretsmanager").rotate_secret(SecretId=secret_arn)
    deadline = time.monotonic() + ROTATION_SECONDS
    while (after := read_secret(aws, secret_arn)) == before:
        if time.monotonic() > deadline:
            sys.exit(f"The rotation didn't complete within {ROTATION_SECONDS} seconds.")
        time.sleep(0.1)
    return after


def show_audit(aws: EmbeddedAws) -> None:
    REPORT.parent.mkdir(exist_ok=True)
    for arguments in (["account"], ["report", "--account", "--output", str(REPORT)]):
        print(flush=True)
        command = [sys.executable, "-m", "ssm_roles", *arguments]
        # The exit code also tells whether there are findings.
        if subprocess.run(command, env=aws.environment(), check=False).returncode & 1:
            sys.exit(f"{' '.join(command)} failed")


def mask(value: str) -> str:
    return f"{value[:4]}{'*' * 8}"


if __name__ == "__main__":
    main()
