"""What the deployments run on: an account of the embedded AWS, and the CDK command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App, Environment, IStackSynthesizer, Stack

from embedded_aws.cdk import Cdk
from embedded_aws.server import EmbeddedAws

OTHER_REGION = "us-east-1"


class Account:
    """An account to deploy to, with IAM policies enforced, and what the tests ask of it."""

    def __init__(self, aws: EmbeddedAws, cdk: Cdk, directory: Path) -> None:
        self.aws = aws
        self.cdk = cdk
        self.iam = aws.client("iam")
        self._directory = directory
        self._apps = 0

    def assembly(
        self,
        *builds: Callable[[Stack], None],
        name: str = "Fleet",
        region: str | None = None,
        synthesizer: IStackSynthesizer | None = None,
    ) -> Path:
        """Synthesize an app of one stack, here, which is quicker than having the command line start a Python."""
        self._apps += 1
        app = App(outdir=str(self._directory / f"app{self._apps}"))
        env = Environment(account=self.aws.account, region=region or self.aws.region)
        stack = Stack(app, name, env=env, synthesizer=synthesizer)
        for build in builds:
            build(stack)
        return Path(app.synth().directory)

    def image_parameters(self, assembly: Path) -> dict[str, str]:
        """Return values for the template parameters that read the IDs of AWS's images, which the emulator lacks."""
        found = {}
        for path in assembly.glob("*.template.json"):
            for name, parameter in json.loads(path.read_text(encoding="utf-8")).get("Parameters", {}).items():
                if "AWS::EC2::Image::Id" in parameter["Type"]:
                    found[name] = "/image"
        if found:
            self.aws.client("ssm").put_parameter(Name="/image", Value="ami-0123456789abcdef0", Type="String")
        return found

    def creations(self) -> int:
        """How often a service-linked role was asked for."""
        return len(self.aws.calls("CreateServiceLinkedRole"))

    def has_role(self, name: str) -> bool:
        try:
            self.iam.get_role(RoleName=name)
        except self.iam.exceptions.NoSuchEntityException:
            return False
        return True


@pytest.fixture(scope="session")
def cdk(embedded_aws: EmbeddedAws) -> Cdk:
    return Cdk(embedded_aws)


@pytest.fixture
def account(aws: EmbeddedAws, cdk: Cdk, tmp_path: Path) -> Account:
    """The account, bootstrapped in two Regions and otherwise empty."""
    cdk.bootstrap(aws.region, OTHER_REGION)
    return Account(aws, cdk, tmp_path)
