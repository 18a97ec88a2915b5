"""The policies of deployers, on the emulator: exactly their permissions are enough, and without one, something fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.server import EmbeddedAws
from tests.deploy.deployer import Deployer, prepared

constructs = pytest.importorskip("tools.deployer_constructs", reason="the tools are in the repository only")
policies = pytest.importorskip("tools.deployer_policy", reason="the tools are in the repository only")

pytestmark = pytest.mark.deep

USES = {use.title: use for use in constructs.USES}
UNIT = "ou-ab12-11111111"


@pytest.fixture
def deployer(aws: EmbeddedAws) -> Deployer:
    return prepared(aws, key=constructs.KEY_ARN, unit=UNIT)


@pytest.mark.parametrize("title", USES)
def test_exactly_the_policy_is_enough_to_create_update_and_delete(
    title: str, deployer: Deployer, tmp_path: Path
) -> None:
    use = USES[title]
    deployer.grant(policies.policy(use.stack(tmp_path / "policy")))
    assert deployer.create(use.assembly(tmp_path / "first")) == "CREATE_COMPLETE", deployer.reasons()
    second = use.assembly(tmp_path / "second", "Second", tags=True)
    assert deployer.update(second) == "UPDATE_COMPLETE", deployer.reasons()
    assert deployer.update(use.assembly(tmp_path / "third")) == "UPDATE_COMPLETE", deployer.reasons()
    assert deployer.delete() == "DELETE_COMPLETE", deployer.reasons()
    assert {each.error_code for each in deployer.calls()} == {None}
    print(sorted({each.action for each in deployer.calls()}))
