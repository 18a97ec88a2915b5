"""AWS managed policies for Systems Manager that MiniStack lacks, as of March 2026.

Other AWS managed policies can be attached, too, but grant no permissions.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

import json
from pathlib import Path
from typing import Any

from .ministack import iam


def install() -> None:
    """Add the policies, now and after each reset."""
    seed = iam._seed_aws_managed_policies
    policies: dict[str, dict[str, Any]] = json.loads(
        Path(__file__).with_name("managed_policies.json").read_text(encoding="utf-8")
    )

    def seed_all() -> None:
        seed()
        for name, policy in policies.items():
            record = iam._make_aws_managed_record(name, json.dumps(policy["document"]), policy.get("description", ""))
            iam._aws_managed_policies[record["Arn"]] = record

    iam._seed_aws_managed_policies = seed_all
    seed_all()
