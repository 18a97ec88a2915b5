"""The example of restricted parameters, deployed: what a node with its role reads, and what it doesn't."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from embedded_aws.server import REPOSITORY
from tests.deploy.account import Account

MARKET = "/market/settings/currency"


@pytest.mark.deep
def test_a_node_reads_the_parameters_of_its_fleet_and_no_others(account: Account) -> None:
    assembly = runpy.run_path(str(REPOSITORY / "examples" / "restricted_parameters.py"))["app"].synth()
    outputs = account.cdk.deploy(Path(assembly.directory)).outputs["Kiosks"]
    owner = account.aws.client("ssm")
    for name in ("/kiosks/settings/language", "/shared/ntp-servers", "/shared/license", MARKET):
        owner.put_parameter(Name=name, Value="value", Type="String")
    owner.put_parameter(
        Name="/kiosks/passwords/screen", Value="secret", Type="SecureString", KeyId=outputs["PasswordsKeyArn"]
    )

    node = f"arn:aws:ssm:{account.aws.region}:{account.aws.account}:managed-instance/mi-0123456789abcdef0"
    credentials = account.aws.assume_role_as_service(
        outputs["NodesRoleArn"], source_account=account.aws.account, source_arn=node
    )
    ssm = account.aws.client("ssm", credentials=credentials)
    readable = ["/kiosks/settings/language", "/shared/ntp-servers", "/kiosks/passwords/screen"]
    for name in readable:
        assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] in ("value", "secret")
    for name in ("/shared/license", MARKET):
        with pytest.raises(ssm.exceptions.ClientError, match="AccessDenied"):
            ssm.get_parameter(Name=name)
    with pytest.raises(ssm.exceptions.ClientError, match="AccessDenied"):
        ssm.get_parameters(Names=[*readable, MARKET])
    with pytest.raises(ssm.exceptions.ClientError, match="AccessDenied"):
        ssm.get_parameters_by_path(Path="/kiosks/settings")
