"""The fixtures of the tests in this folder."""

from .fixtures import aws, cdk_cli, embedded_aws

__all__ = ["aws", "cdk_cli", "embedded_aws"]
