"""Makes the fixtures of the embedded AWS known to its own tests."""

from .fixtures import aws, cdk_cli, embedded_aws

__all__ = ["aws", "cdk_cli", "embedded_aws"]
