"""The AWS CDK CLI against the AWS emulator, with the default synthesizer and enforced IAM policies.

A CLI command takes one to two seconds, so each test makes several assertions about one command.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from embedded_aws.cdk import Cdk, CdkError
from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

ROLE_NAME = "AWSServiceRoleForAmazonSSM"


@pytest.fixture(scope="session")
def assembly(embedded_aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesize a stack with a role and a function that has an asset, and a stack with a service-linked role."""
    folder = tmp_path_factory.mktemp("app")
    code = folder / "code"
    code.mkdir()
    (code / "index.py").write_text("def handler(event, context):\n    return 'deployed'\n", encoding="utf-8")

    app = cdk.App(outdir=str(folder / "cdk.out"))
    env = cdk.Environment(account=embedded_aws.account, region=embedded_aws.region)
    ordinary = cdk.Stack(app, "Ordinary", env=env)
    role = iam.Role(ordinary, "Role", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com"))
    function = lambda_.Function(
        ordinary,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_asset(str(code)),
    )
    cdk.CfnOutput(ordinary, "RoleName", value=role.role_name)
    cdk.CfnOutput(ordinary, "FunctionName", value=function.function_name)
    native = cdk.Stack(app, "Native", env=env)
    iam.CfnServiceLinkedRole(native, "ServiceLinkedRole", aws_service_name="ssm.amazonaws.com")
    app.synth()
    return folder / "cdk.out"


StandIn = Callable[[str], None]


@pytest.fixture
def stand_in(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Replace the CLI with a script, for tests of how the CLI is run."""
    script = tmp_path_factory.mktemp("stand-in") / "cdk.js"
    monkeypatch.setenv("CDK_CLI", str(script))

    def write(source: str) -> None:
        script.write_text(source, encoding="utf-8")

    return write


def stack_names(aws: EmbeddedAws, region: str | None = None) -> set[str]:
    return {stack["StackName"] for stack in aws.client("cloudformation", region).describe_stacks()["Stacks"]}


def test_the_cli_bootstraps_once_and_the_stack_is_created_without_it_after_a_reset_and_in_other_regions(
    aws: EmbeddedAws,
) -> None:
    aws_cdk = Cdk(aws)
    aws_cdk.bootstrap()
    aws.reset()

    aws_cdk.bootstrap()
    aws_cdk.bootstrap(aws.region, "us-east-1")

    # The CLI deploys with change sets.
    assert aws.calls("cloudformation:CreateChangeSet") == []
    assert [call.region for call in aws.calls("cloudformation:CreateStack")] == [aws.region, "us-east-1"]
    assert stack_names(aws) == stack_names(aws, "us-east-1") == {"CDKToolkit"}
    for region in (aws.region, "us-east-1"):
        bucket = f"cdk-hnb659fds-assets-{aws.account}-{region}"
        aws.client("s3", region).head_bucket(Bucket=bucket)
        parameter = aws.client("ssm", region).get_parameter(Name="/cdk-bootstrap/hnb659fds/version")["Parameter"]
        assert int(parameter["Value"]) >= 6


@pytest.mark.deep
def test_the_bootstrap_roles_deploy_and_destroy_an_app_with_the_default_synthesizer(
    aws: EmbeddedAws, assembly: Path
) -> None:
    aws_cdk = Cdk(aws)
    aws_cdk.bootstrap()
    # If this test is the first to bootstrap, the CLI does so with a change set, too.
    change_sets_before = len(aws.calls("cloudformation:ExecuteChangeSet"))

    run = aws_cdk.deploy(assembly, "Ordinary")

    outputs = run.outputs["Ordinary"]
    aws.client("iam").get_role(RoleName=outputs["RoleName"])
    payload = aws.client("lambda").invoke(FunctionName=outputs["FunctionName"])["Payload"].read()
    assert payload == b'"deployed"'
    assert "CREATE_COMPLETE" in run.output
    publishers = {call.principal_arn for call in aws.calls("s3:PutObject")}
    assert len(publishers) == 1
    assert ":assumed-role/cdk-hnb659fds-file-publishing-role-" in publishers.pop()
    deployers = {call.principal_arn for call in aws.calls("cloudformation:ExecuteChangeSet")[change_sets_before:]}
    assert len(deployers) == 1
    assert ":assumed-role/cdk-hnb659fds-deploy-role-" in deployers.pop()

    aws_cdk.destroy(assembly, "Ordinary")

    assert stack_names(aws) == {"CDKToolkit"}


def test_a_failed_deployment_shows_the_reason_from_cloudformation(aws: EmbeddedAws, assembly: Path) -> None:
    aws_cdk = Cdk(aws)
    aws_cdk.bootstrap()
    aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")

    run = aws_cdk.deploy(assembly, "Native", expect_failure=True)

    assert run.exit_code != 0
    assert run.outputs == {}
    assert f"Service role name {ROLE_NAME} has been taken in this account, please try a different suffix." in run.output
    assert "HandlerErrorCode: AlreadyExists" in run.output


def test_a_command_that_fails_or_succeeds_unexpectedly_is_an_error(
    embedded_aws: EmbeddedAws, stand_in: StandIn
) -> None:
    stand_in("process.stderr.write('the reason'); process.exit(Number(process.argv[2]))")
    aws_cdk = Cdk(embedded_aws)

    with pytest.raises(CdkError, match=r"cdk 3 .*exited with code 3:\nthe reason"):
        aws_cdk.run("3")
    with pytest.raises(CdkError, match=r"cdk 0 .*exited with code 0:\nthe reason"):
        aws_cdk.run("0", expect_failure=True)
    assert aws_cdk.run("3", expect_failure=True).exit_code == 3


@pytest.mark.deep
def test_a_command_that_hangs_is_stopped_with_its_child_processes(
    embedded_aws: EmbeddedAws, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in("""
        require("child_process").spawn("sh", ["-c", "while touch alive; do sleep 0.05; done"]);
        setInterval(() => {}, 1000);
    """)

    with pytest.raises(CdkError, match="timed out after 2 seconds"):
        Cdk(embedded_aws, directory=tmp_path, timeout=2).run("synth")

    (tmp_path / "alive").unlink()
    time.sleep(0.3)
    assert not (tmp_path / "alive").exists()


def test_a_command_inherits_no_variables_that_select_another_aws_account(
    embedded_aws: EmbeddedAws, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("process.stdout.write(JSON.stringify(process.env))")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "CDK_NEW_BOOTSTRAP", "HTTPS_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "of-the-caller")

    environment = json.loads(Cdk(embedded_aws).run("synth").output)

    assert "of-the-caller" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == embedded_aws.endpoint_url
    assert environment["CDK_DEFAULT_REGION"] == environment["AWS_REGION"] == embedded_aws.region
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "CDK_HOME", "TMPDIR"):
        assert Path(environment[name]).is_relative_to(embedded_aws.directory)
