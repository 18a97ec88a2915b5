"""Makes the fixtures of the emulator known to these tests."""

from tests.embedded_aws.fixtures import aws, embedded_aws

__all__ = ["aws", "embedded_aws"]
