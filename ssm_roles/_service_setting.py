"""Service settings of Systems Manager: values that an account has once in each Region."""

from __future__ import annotations

from constructs import Construct

from ._stack import StackFacts

# Newer than the oldest aws-cdk-lib that is supported, which has no class for it:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-servicesetting.html
RESOURCE_TYPE = "AWS::SSM::ServiceSetting"

# Where CloudFormation lacks the type, by the resource schemas that it published on 2026-10-20:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html
_REGIONS_WITHOUT = ("cn-north-1", "cn-northwest-1", "me-central-1", "us-gov-east-1", "us-gov-west-1")


def check_service_setting(facts: StackFacts, scope: Construct, id: str, setting_id: str) -> None:
    """Check that a stack can have a service setting: its Region has the type, and the stack has it only once."""
    if facts.region in _REGIONS_WITHOUT:
        raise ValueError(
            f"scope must be in a Region whose CloudFormation has {RESOURCE_TYPE}, which as of 2026-10-20 is none of "
            f"{', '.join(_REGIONS_WITHOUT)}, got {facts.region!r} for {scope.node.path}/{id}"
        )
    twin = facts.service_settings.get(setting_id)
    if twin is not None:
        raise ValueError(
            f"scope must be in a stack that has {setting_id} at most once, for it is one per account and Region, "
            f"got it for {scope.node.path}/{id}, but {twin.node.path} has it already"
        )


def properties_of(setting_id: str, value: str) -> dict[str, str]:
    """Return the properties of a service setting; removing it from the stack resets it to AWS's default."""
    return {"SettingId": setting_id, "SettingValue": value}
