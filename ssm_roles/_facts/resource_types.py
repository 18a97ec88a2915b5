"""The Regions whose CloudFormation lacks a resource type, by the resource schemas that AWS published on 2026-10-20.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/resource-type-schemas.html
"""

from __future__ import annotations

from collections.abc import Mapping

SCHEMAS_AS_OF = "2026-10-20"

SERVICE_SETTING = "AWS::SSM::ServiceSetting"

_NOT_EVERYWHERE = ("cn-north-1", "cn-northwest-1", "me-central-1", "us-gov-east-1", "us-gov-west-1")

REGIONS_WITHOUT: Mapping[str, tuple[str, ...]] = {
    "AWS::SSM::CloudConnector": _NOT_EVERYWHERE,
    SERVICE_SETTING: _NOT_EVERYWHERE,
    "AWS::SSMQuickSetup::ConfigurationManager": (
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-northeast-3",
        "ap-south-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-west-1",
        "cn-north-1",
        "cn-northwest-1",
        "eu-central-2",
        "eu-south-1",
        "eu-south-2",
        "il-central-1",
        "me-central-1",
        "mx-central-1",
        "us-gov-east-1",
        "us-gov-west-1",
    ),
}
"""The Regions without a resource type that Systems Manager needs."""
