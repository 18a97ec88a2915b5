from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Aspects, Stack, Tag

from ssm_roles import ActivationTier, DefaultHostManagementRole, InstancesTier

from ..conftest import Refused
from ..templates import new_stack, resources, synthesized
from .test_default_host_management import REGIONS_WITHOUT

# Of the four that every construct has, one is missing: a setting is granted nothing.


@pytest.mark.parametrize("tier", InstancesTier)
def test_a_definition_is_the_setting_and_nothing_else(tier: InstancesTier, stack: Stack) -> None:
    ActivationTier(stack, "Tier", tier=tier)
    assert synthesized(stack) == {
        "Resources": {
            "Tier": {
                "Type": "AWS::SSM::ServiceSetting",
                "Properties": {"SettingId": "/ssm/managed-instance/activation-tier", "SettingValue": tier.value},
            }
        }
    }


def test_the_tiers_are_those_of_the_setting() -> None:
    assert {tier.value for tier in InstancesTier} == {"standard", "advanced"}


@pytest.mark.parametrize("tier", ["advanced", None, True, InstancesTier], ids=str)
def test_invalid_input_is_refused_and_leaves_nothing_behind(tier: Any, stack: Stack, refused: Refused) -> None:
    refused(lambda: ActivationTier(stack, "Tier", tier=tier), "tier", tree=stack)
    ActivationTier(stack, "Tier", tier=InstancesTier.ADVANCED)


@pytest.mark.parametrize("region", REGIONS_WITHOUT)
def test_a_region_that_lacks_the_resource_type_is_refused_where_it_is_known(region: str, refused: Refused) -> None:
    stack = new_stack(region=region)
    message = refused(lambda: ActivationTier(stack, "Tier", tier=InstancesTier.ADVANCED), "scope", tree=stack)
    assert f"got '{region}'" in message


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "ap-southeast-7", "eusc-de-east-1"])
def test_a_region_that_has_it_is_accepted(region: str) -> None:
    ActivationTier(new_stack(region=region), "Tier", tier=InstancesTier.ADVANCED)


def test_the_setting_is_once_in_a_stack(stack: Stack, refused: Refused) -> None:
    ActivationTier(stack, "Tier", tier=InstancesTier.ADVANCED)
    DefaultHostManagementRole(stack, "Hosts", turned_on=True)
    message = refused(lambda: ActivationTier(stack, "More", tier=InstancesTier.STANDARD), "scope", tree=stack)
    assert "Stack/Tier has it already" in message
    assert len(resources(stack, "AWS::SSM::ServiceSetting")) == 2


def test_the_type_has_no_tags_and_gets_none(stack: Stack) -> None:
    ActivationTier(stack, "Tier", tier=InstancesTier.ADVANCED)
    Aspects.of(stack).add(Tag("team", "platform"))
    assert "Tags" not in resources(stack, "AWS::SSM::ServiceSetting")["Tier"]["Properties"]
