"""The instances tier of hybrid-activated nodes."""

from __future__ import annotations

from enum import Enum

from aws_cdk import CfnResource
from constructs import Construct

from .. import _validation as validation
from .._service_setting import RESOURCE_TYPE, check_service_setting, properties_of
from .._stack import stack_facts

_SETTING_ID = "/ssm/managed-instance/activation-tier"


class InstancesTier(Enum):
    """What Systems Manager does for the machines outside EC2 of one account and Region, and what it charges."""

    STANDARD = "standard"
    """Up to 1,000 hybrid-activated nodes, at no charge; AWS's default."""

    ADVANCED = "advanced"
    """More than 1,000 nodes, Session Manager for them, and patches of Microsoft's applications; charged by node."""


class ActivationTier(CfnResource):
    """The instances tier of all machines outside EC2 in the stack's account and Region: a service setting.

    The advanced tier is charged for every hybrid-activated node, also for those that were there before. Taking the
    construct away resets the setting to AWS's default, the standard tier; that can take 30 minutes or more, and is
    refused above 1,000 nodes. What needs which tier is AWS's to say and may have changed since this was written: look
    at the page below and at the prices before you choose.

    Example::

        ActivationTier(stack, "Tier", tier=InstancesTier.ADVANCED)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-configure-instance-tiers.html
    """

    def __init__(self, scope: Construct, id: str, *, tier: InstancesTier) -> None:
        """Set the tier.

        Args:
            scope: The construct that this one belongs to, in a stack: at most one in each. China, GovCloud and
                ``me-central-1`` lack the resource type ``AWS::SSM::ServiceSetting``.
            id: Its id, unique in ``scope``.
            tier: The tier.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: The stack has the setting already, or its Region lacks the type. The tree is as before.
        """
        validation.check_construct(scope, id)
        facts = stack_facts(scope)
        validation.check_type("tier", tier, InstancesTier, "an InstancesTier")
        check_service_setting(facts, scope, id, _SETTING_ID)
        # It is the resource itself: a construct around it would cost one more call into the CDK's JavaScript.
        try:
            super().__init__(scope, id, type=RESOURCE_TYPE, properties=properties_of(_SETTING_ID, tier.value))
        except RuntimeError:
            validation.refuse_taken_id(scope, id)
            raise
        facts.service_settings[_SETTING_ID] = self
