"""Pytest fixtures that provide the AWS emulator."""

from collections.abc import Iterator

import pytest

from embedded_aws.cdk import Cdk
from embedded_aws.server import EmbeddedAws


@pytest.fixture(scope="session")
def embedded_aws() -> Iterator[EmbeddedAws]:
    """Run an emulator that enforces IAM policies. Each pytest worker has its own."""
    with EmbeddedAws() as running:
        yield running


@pytest.fixture
def aws(embedded_aws: EmbeddedAws) -> EmbeddedAws:
    """Provide the emulator without any resources."""
    embedded_aws.reset()
    return embedded_aws


@pytest.fixture
def cdk_cli(aws: EmbeddedAws) -> Cdk:
    """Provide the AWS CDK CLI, with the default Region bootstrapped."""
    cdk = Cdk(aws)
    cdk.bootstrap()
    return cdk
