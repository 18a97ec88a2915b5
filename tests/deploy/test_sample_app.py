"""The sample app and the examples, deployed and destroyed by the CDK command line."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from embedded_aws.server import REPOSITORY, EmbeddedAwsError
from tests.deploy.account import Account

# They need an organization, or a managed policy of one: test_organization.py and test_regulated_functions.py have it.
WITH_ORGANIZATION = ("organization", "regulated_functions")
EXAMPLES = [path for path in sorted((REPOSITORY / "examples").glob("*.py")) if path.stem not in WITH_ORGANIZATION]


@pytest.mark.deep
def test_the_sample_app_makes_a_role_that_systems_manager_assumes_for_this_account_only(account: Account) -> None:
    # The CDK's own review of the templates would take most of the time.
    app = ["env", "CDK_VALIDATION=false", sys.executable, str(REPOSITORY / "app.py")]
    outputs = account.cdk.deploy(app).outputs
    activation_role_name = outputs["HybridNodes"]["ActivationRoleName"]
    role_arn = account.iam.get_role(RoleName=activation_role_name)["Role"]["Arn"]

    def assume(*, account_id: str | None = account.aws.account, region: str = "us-east-1") -> dict[str, str]:
        return account.aws.assume_role_as_service(
            role_arn,
            source_account=account_id,
            source_arn=f"arn:aws:ssm:{region}:{account_id}:managed-instance/mi-0123456789abcdef0",
        )

    identity = account.aws.client("sts", credentials=assume()).get_caller_identity()
    assert identity["Arn"].split(":")[5].startswith(f"assumed-role/{activation_role_name}/mi-")
    for foreign in ({"account_id": "444455556666"}, {"region": "ap-south-1"}):
        with pytest.raises(EmbeddedAwsError, match="AccessDenied"):
            assume(**foreign)
    with pytest.raises(EmbeddedAwsError, match="AccessDenied"):
        account.aws.assume_role_as_service(role_arn)
    for name in ("AWSServiceRoleForAmazonSSM", "AWSServiceRoleForAmazonSSM_AccountDiscovery"):
        assert account.has_role(name)


@pytest.mark.deep
@pytest.mark.parametrize("example", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_deploys_and_goes_again(example: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", account.aws.account)
    monkeypatch.setenv("CDK_DEFAULT_REGION", account.aws.region)
    # Here, which is quicker than having the command line start a Python.
    assembly = runpy.run_path(str(example))["app"].synth()
    # What an example leaves open is decided by the command line.
    regions = {stack.environment.region for stack in assembly.stacks} - {"unknown-region"} | {account.aws.region}
    account.cdk.bootstrap(*regions)
    directory = Path(assembly.directory)
    account.cdk.deploy(directory, parameters=account.image_parameters(directory))
    account.cdk.destroy(directory)
    for region in regions:
        stacks = account.aws.client("cloudformation", region).describe_stacks()["Stacks"]
        assert {stack["StackName"] for stack in stacks} == {"CDKToolkit"}
