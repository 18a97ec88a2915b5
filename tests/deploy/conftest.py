"""Makes the fixtures of the deployments known to their tests."""

from tests.deploy.account import account, cdk
from tests.embedded_aws.fixtures import aws, embedded_aws

__all__ = ["account", "aws", "cdk", "embedded_aws"]
