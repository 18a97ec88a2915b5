"""The real CDK command line against the embedded AWS, with the default synthesizer and IAM policies enforced.

One run of the command line takes one to two seconds, so that each test says several things about one run.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from .cdk import Cdk, CdkError
from .server import EmbeddedAws

ROLE_NAME = "AWSServiceRoleForAmazonSSM"


@pytest.fixture(scope="session")
def assembly(embedded_aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesize a stack with a role and a function from an asset, and one with a service-linked role of its own."""
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
    """Let a script stand in for the command line, where only the way it is run is of interest."""
    script = tmp_path_factory.mktemp("stand-in") / "cdk.js"
    monkeypatch.setenv("CDK_CLI", str(script))

    def write(source: str) -> None:
        script.write_text(source, encoding="utf-8")

    return write


def stack_names(aws: EmbeddedAws, region: str | None = None) -> set[str]:
    return {stack["StackName"] for stack in aws.client("cloudformation", region).describe_stacks()["Stacks"]}


def test_the_command_line_bootstraps_once_and_its_stack_is_made_again_after_a_reset_and_in_other_regions(
    aws: EmbeddedAws,
) -> None:
    aws_cdk = Cdk(aws)
    aws_cdk.bootstrap()
    aws.reset()

    aws_cdk.bootstrap()
    aws_cdk.bootstrap(aws.region, "us-east-1")

    # The command line deploys with change sets.
    assert aws.calls("cloudformation:CreateChangeSet") == []
    assert [call.region for call in aws.calls("cloudformation:CreateStack")] == [aws.region, "us-east-1"]
    assert stack_names(aws) == stack_names(aws, "us-east-1") == {"CDKToolkit"}
    for region in (aws.region, "us-east-1"):
        bucket = f"cdk-hnb659fds-assets-{aws.account}-{region}"
        aws.client("s3", region).head_bucket(Bucket=bucket)
        parameter = aws.client("ssm", region).get_parameter(Name="/cdk-bootstrap/hnb659fds/version")["Parameter"]
        assert int(parameter["Value"]) >= 6


def test_an_app_with_the_default_synthesizer_is_deployed_by_the_roles_of_the_bootstrap_and_destroyed(
    aws: EmbeddedAws, assembly: Path
) -> None:
    aws_cdk = Cdk(aws)
    aws_cdk.bootstrap()
    # The command line bootstraps with a change set too, if it is this test where it does.
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


def test_a_failed_deployment_shows_the_reason_of_cloudformation(aws: EmbeddedAws, assembly: Path) -> None:
    aws_cdk = Cdk(aws)
    aws_cdk.bootstrap()
    aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")

    run = aws_cdk.deploy(assembly, "Native", expect_failure=True)

    assert run.exit_code != 0
    assert run.outputs == {}
    assert f"Service role name {ROLE_NAME} has been taken in this account, please try a different suffix." in run.output
    assert "HandlerErrorCode: AlreadyExists" in run.output


def test_a_run_that_fails_or_succeeds_against_the_expectation_is_an_error(
    embedded_aws: EmbeddedAws, stand_in: StandIn
) -> None:
    stand_in("process.stderr.write('the reason'); process.exit(Number(process.argv[2]))")
    aws_cdk = Cdk(embedded_aws)

    with pytest.raises(CdkError, match=r"cdk 3 .*ended with 3:\nthe reason"):
        aws_cdk.run("3")
    with pytest.raises(CdkError, match=r"cdk 0 .*ended with 0:\nthe reason"):
        aws_cdk.run("0", expect_failure=True)
    assert aws_cdk.run("3", expect_failure=True).exit_code == 3


def test_a_run_that_hangs_is_stopped_together_with_what_it_started(
    embedded_aws: EmbeddedAws, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in("""
        require("child_process").spawn("sh", ["-c", "while touch alive; do sleep 0.05; done"]);
        setInterval(() => {}, 1000);
    """)

    with pytest.raises(CdkError, match="took more than 2 seconds"):
        Cdk(embedded_aws, directory=tmp_path, timeout=2).run("synth")

    (tmp_path / "alive").unlink()
    time.sleep(0.3)
    assert not (tmp_path / "alive").exists()


def test_a_run_gets_nothing_of_the_caller_that_leads_to_another_aws(
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
