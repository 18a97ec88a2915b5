"""Deploy the sample app to an AWS emulator on this machine, and show in six acts what its roles do.

The AWS CDK CLI deploys `app.py` and an example with a hybrid activation. Systems Manager assumes the hybrid service
role, machines register over HTTP with SSM Agent's protocol, and the secret of the activation is rotated. Then the audit
reads the account, to which a template with mistakes was added, and writes a report. No AWS account is required.
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
from embedded_aws.server import REPOSITORY, EmbeddedAws, EmbeddedAwsError

from .screen import begin_act, say, show, show_events, show_fields

STACKS = ("HybridNodes", "Fleet")
EXAMPLE = "examples/rotating_activation.py"
HAND_WRITTEN = Path("demo/hand_written.yaml")
REPORT = Path("cdk.out/report.html")
ROTATION_SECONDS = 60
SYSTEMS_MANAGER = "ssm.amazonaws.com"
CREDENTIALS = ("AccessKeyId", "SecretAccessKey", "SessionToken")

NEXT_STEP = f"""\
  cdk bootstrap aws://ACCOUNT/REGION
  cdk deploy --app "python {EXAMPLE}"
"""


def main() -> None:
    """Run the acts."""
    # SIGTERM raises SystemExit, so that the emulator stops, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print("Starting an AWS emulator on this machine", flush=True)
    with EmbeddedAws(region="eu-central-1") as aws:
        cdk = Cdk(aws)
        role_name = deploy_roles(aws, cdk)
        assume_role(aws, role_name)
        secret_arn = deploy_activation(aws, cdk)
        activation = read_secret(aws, secret_arn)
        register_machine(aws, activation)
        rotate(aws, secret_arn, activation)
        find_mistakes(aws)
        write_report(aws)


def deploy_roles(aws: EmbeddedAws, cdk: Cdk) -> str:
    """Show what the sample app creates, and return the name of the role for activations."""
    begin_act(1, "the roles")
    say("cdk bootstrap and cdk deploy of app.py, with the AWS CDK CLI:")
    cdk.bootstrap()
    run = cdk.deploy([sys.executable, "app.py"])
    show_events(run.output)
    say("The roles in the account, as IAM returns them:")
    for name in role_names(aws):
        show_role(aws, name)
    return run.outputs["HybridNodes"]["ActivationRoleName"]


def assume_role(aws: EmbeddedAws, role_name: str) -> None:
    """Show for which sources Systems Manager may assume the hybrid service role."""
    begin_act(2, "credentials, granted and refused")
    role_arn = aws.client("iam").get_role(RoleName=role_name)["Role"]["Arn"]
    for region, account, source in (
        (aws.region, aws.account, "this account"),
        (aws.region, "444455556666", "another account"),
        ("eu-west-1", aws.account, "a Region that activation_regions doesn't name"),
    ):
        source_arn = f"arn:aws:ssm:{region}:{account}:managed-instance/mi-0123456789abcdef0"
        say(f"Systems Manager assumes the hybrid service role for a managed node of {source}:")
        show(f"  {source_arn}")
        try:
            credentials = aws.assume_role_as_service(
                role_arn, SYSTEMS_MANAGER, source_account=account, source_arn=source_arn
            )
        except EmbeddedAwsError as error:
            show(f"    refused, as it should be: {error}")
            continue
        show_credentials(aws, credentials, credentials["Expiration"])


def deploy_activation(aws: EmbeddedAws, cdk: Cdk) -> str:
    """Deploy a hybrid activation, and return the ARN of its secret."""
    begin_act(3, "a machine registers")
    say(f"cdk deploy of {EXAMPLE}: a hybrid activation whose code is in AWS Secrets Manager:")
    run = cdk.deploy([sys.executable, EXAMPLE])
    show_events(run.output, ["AWS::SecretsManager::Secret", "AWS::Lambda::Function", "Custom::HybridActivation"])
    return run.outputs["Servers"]["SecretArn"]


def register_machine(aws: EmbeddedAws, activation: Mapping[str, Any]) -> None:
    """Register a machine, get the credentials of its role, and report its state with them."""
    say("A machine registers over HTTP with SSM Agent's protocol:")
    show_fields(activation, secret=["ActivationCode"])
    machine = register(aws, activation)
    credentials = machine.get_credentials()
    expiration = datetime.fromtimestamp(credentials["TokenExpirationDate"], timezone.utc)
    say("RequestManagedInstanceRoleToken returns credentials of the role:")
    show_credentials(aws, credentials, expiration.isoformat(timespec="seconds"))
    machine.report(credentials)
    filters = [{"Key": "InstanceIds", "Values": [machine.node_id]}]
    (node,) = aws.client("ssm").describe_instance_information(Filters=filters)["InstanceInformationList"]
    say("After UpdateInstanceInformation with them, DescribeInstanceInformation returns:")
    show_fields({name: node[name] for name in ("InstanceId", "PingStatus", "IamRole")})


def rotate(aws: EmbeddedAws, secret_arn: str, before: dict[str, Any]) -> None:
    """Rotate the secret, and register machines with the new and the previous activation."""
    begin_act(4, "rotation")
    say("RotateSecret creates a new activation before the previous one expires:")
    aws.client("secretsmanager").rotate_secret(SecretId=secret_arn)
    deadline = time.monotonic() + ROTATION_SECONDS
    while (after := read_secret(aws, secret_arn)) == before:
        if time.monotonic() > deadline:
            sys.exit(f"The rotation didn't complete within {ROTATION_SECONDS} seconds.")
        time.sleep(0.1)
    show_fields(after, secret=["ActivationCode"])
    say("A machine that has read the new value registers, and so does one that still has the previous value:")
    register(aws, after)
    register(aws, before)


def find_mistakes(aws: EmbeddedAws) -> None:
    """Add a template with mistakes to the account, and show that the audit finds them."""
    begin_act(5, "the audit finds three mistakes")
    cloudformation = aws.client("cloudformation")
    body = (REPOSITORY / HAND_WRITTEN).read_text(encoding="utf-8")
    cloudformation.create_stack(StackName="HandWritten", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName="HandWritten", WaiterConfig={"Delay": 1})
    say(f"ssm-roles check {HAND_WRITTEN.as_posix()}:")
    show(ssm_roles(aws, "check", HAND_WRITTEN.as_posix()))
    say("ssm-roles account, after the template was deployed by hand:")
    show("  " + ssm_roles(aws, "account").splitlines()[-1])


def write_report(aws: EmbeddedAws) -> None:
    """Write the report, and show how to go on."""
    begin_act(6, "the report")
    (REPOSITORY / REPORT).parent.mkdir(exist_ok=True)
    say("ssm-roles report --account: who may pass, assume and do what, with the findings. Open the page in a browser:")
    ssm_roles(aws, "report", "--account", "--output", REPORT.as_posix())
    show(f"  {REPOSITORY / REPORT}")
    say("Next, deploy the example to your AWS account:")
    print(NEXT_STEP, end="")


def role_names(aws: EmbeddedAws) -> Iterator[str]:
    """Return the names of the roles of the sample app, without those of its function."""
    cloudformation = aws.client("cloudformation")
    for stack in STACKS:
        for resource in cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]:
            if (
                resource["ResourceType"] == "Custom::ServiceLinkedRole"
                or "HybridNodes" in resource["LogicalResourceId"]
            ):
                yield resource["PhysicalResourceId"]


def show_role(aws: EmbeddedAws, name: str) -> None:
    """Print whom a role trusts, under which conditions, and its policies."""
    iam = aws.client("iam")
    role = iam.get_role(RoleName=name)["Role"]
    show(f"  {role['Arn']}")
    fields: dict[str, object] = {}
    for statement in role["AssumeRolePolicyDocument"]["Statement"]:
        fields["trusts"] = statement["Principal"]["Service"]
        for keys in statement.get("Condition", {}).values():
            fields |= {name: value if isinstance(value, str) else " ".join(value) for name, value in keys.items()}
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    fields["policy"] = " ".join(policy["PolicyName"] for policy in attached)
    show_fields(fields)


def show_credentials(aws: EmbeddedAws, credentials: Mapping[str, str], expiration: str) -> None:
    """Print credentials, of which only the first characters are shown, and whose they are."""
    identity = aws.client("sts", credentials=credentials).get_caller_identity()
    values = {name: credentials[name] for name in CREDENTIALS}
    session = identity["Arn"].rsplit(":", 1)[1]
    show_fields({**values, "Expiration": expiration, "Session": session}, secret=CREDENTIALS)


def read_secret(aws: EmbeddedAws, secret_arn: str) -> dict[str, Any]:
    """Return the activation in the secret."""
    text = aws.client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"]
    value: dict[str, Any] = json.loads(text)
    return value


def register(aws: EmbeddedAws, activation: Mapping[str, Any]) -> Machine:
    """Register a machine with an activation."""
    machine = Machine(aws.endpoint_url, activation["Region"])
    node_id = machine.register(activation["ActivationId"], activation["ActivationCode"])
    show(f"  {node_id} is registered with activation {activation['ActivationId']}")
    return machine


def ssm_roles(aws: EmbeddedAws, *arguments: str) -> str:
    """Run the command of the audit, and return what it prints."""
    command = [sys.executable, "-m", "ssm_roles", *arguments]
    run = subprocess.run(command, cwd=REPOSITORY, env=aws.environment(), check=False, capture_output=True, text=True)
    # The exit code also tells whether there are findings.
    if run.returncode & 1:
        sys.exit(f"{' '.join(command)} failed:\n{run.stderr}")
    return run.stdout


if __name__ == "__main__":
    main()
