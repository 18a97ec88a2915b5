"""Makes the fixtures of the live tests known to their tests."""

from tests.embedded_aws.fixtures import aws, embedded_aws
from tests.live.account import bootstrapped
from tests.live.planting import plant, planted_target

__all__ = ["aws", "bootstrapped", "embedded_aws", "plant", "planted_target"]
