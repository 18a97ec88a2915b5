"""The pytest fixtures of the embedded AWS."""

from collections.abc import Iterator

import pytest

from .cdk import Cdk
from .server import EmbeddedAws


@pytest.fixture(scope="session")
def embedded_aws() -> Iterator[EmbeddedAws]:
    """Run an AWS that enforces IAM policies, one per pytest worker."""
    with EmbeddedAws() as running:
        yield running


@pytest.fixture
def aws(embedded_aws: EmbeddedAws) -> EmbeddedAws:
    """Hand a test the embedded AWS with nothing in it."""
    embedded_aws.reset()
    return embedded_aws


@pytest.fixture
def cdk_cli(aws: EmbeddedAws) -> Cdk:
    """Hand a test the CDK command line, with the Region of the embedded AWS bootstrapped."""
    cdk = Cdk(aws)
    cdk.bootstrap()
    return cdk
