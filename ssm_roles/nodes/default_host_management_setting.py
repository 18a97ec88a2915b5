"""The service setting that enables Default Host Management Configuration in an account and Region."""

from __future__ import annotations

from aws_cdk import CfnResource
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.signature import ConstructorSignature
from .._cdk.stack_facts import StackFacts, remember, stack_facts
from .._cdk.stack_set_part import StackSetPart
from .._cdk.tree import check_construct, unique_id
from .._facts.resource_types import REGIONS_WITHOUT, SCHEMAS_AS_OF, SERVICE_SETTING
from .._iam.fixed_names import FixedNameChecks
from .._iam.other_stacks import use_role
from .._iam.role_names import checked_role_arn
from .._named_errors import NamesItsErrors
from .activation_role_name import activation_role_name

_SETTING_ID = "/ssm/managed-instance/default-ec2-instance-management-role"


class DefaultHostManagementSetting(NamesItsErrors, Construct):
    """Makes a role the default of the EC2 instances in the stack's account and Region.

    IAM is global and the setting is regional, so that one ``DefaultHostManagementRole`` serves several Regions, each
    with a setting of its own. In the role's own stack, ``enabled=True`` has the same effect.

    When the setting is removed, instances that have no other role are no longer managed nodes.

    Example::

        hosts = DefaultHostManagementRole(rollout.account_stack, "Hosts", role_name="DefaultHosts")
        DefaultHostManagementSetting(rollout.regional_stack, "Hosts", role=rollout.role_in_regions(hosts))

    https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-default-host-management-configuration.html
    """

    __signature__ = ConstructorSignature()

    def __init__(self, scope: Construct, id: str, *, role: iam.IRole) -> None:
        """Create the setting.

        Args:
            scope: The scope in which to define this construct. A stack can have the setting once. CloudFormation lacks
                ``AWS::SSM::ServiceSetting`` in China, AWS GovCloud (US) and ``me-central-1``.
            id: The ID of this construct, unique in its scope.
            role: The role: one of this library, an ``iam.Role``, or one from ``iam.Role.from_role_arn``. It must be in
                the stack's account and trust Systems Manager. In another Region than the stack, it must have a fixed
                ``role_name``.

        Raises:
            TypeError: ``role`` is not a role.
            ValueError: ``role`` is a service-linked role or in another account, its path and name are longer than 64
                characters, the stack's Region lacks the setting, or the stack has it already. The tree stays unchanged.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-servicesetting.html
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        checked_role_arn("role", role, facts)
        setting = facts.shared(SettingOfStack)
        setting.check("scope", "a stack outside of", "a stack without this setting", got=facts.path)
        value = activation_role_name(role)
        with unique_id(scope, id):
            super().__init__(scope, id)
        remember(self, facts)
        try:
            use_role("role", role, facts)
        except ValueError:
            scope.node.try_remove_child(id)
            raise
        setting.add(self, "Resource", value)


class SettingOfStack:
    """The setting of an account and Region, as far as one stack knows."""

    def __init__(self, facts: StackFacts) -> None:
        self._facts = facts
        self._owner: Construct | None = None

    def check(self, argument: str, elsewhere: str, otherwise: str, *, got: object) -> None:
        """Check that the stack can have the setting, and has none.

        Args:
            argument: The argument that asks for the setting, for the error.
            elsewhere: What the argument must be in a Region without the setting, for the error.
            otherwise: What the argument must be in a stack that has the setting already, for the error.
            got: What the argument is, for the error.
        """
        stack = self._facts.stack
        if isinstance(stack, StackSetPart) and not stack.is_regional:
            raise ValueError(
                f"{argument} must be {elsewhere} account_stack of a rollout, which is deployed to one Region: add a "
                f"DefaultHostManagementSetting to regional_stack, got {got!r}"
            )
        region = next((each for each in self._facts.regions if each in REGIONS_WITHOUT[SERVICE_SETTING]), None)
        if region is not None:
            raise ValueError(
                f"{argument} must be {elsewhere} {region}, where CloudFormation lacks {SERVICE_SETTING} as of "
                f"{SCHEMAS_AS_OF}: deploy the role, and call `aws ssm update-service-setting` with "
                f"activation_role_name(role), got {got!r}"
            )
        if self._owner is not None:
            raise ValueError(
                f"{argument} must be {otherwise}, because an account has one setting per Region, got {got!r}, but "
                f"{self._owner.node.path} already has {_SETTING_ID}"
            )

    def add(self, owner: Construct, id: str, value: str) -> None:
        """Create the setting below the construct that asks for it."""
        self._owner = owner
        setting = CfnResource(
            owner, id, type=SERVICE_SETTING, properties={"SettingId": _SETTING_ID, "SettingValue": value}
        )
        # When a resource is deleted, CloudFormation resets the setting to AWS's default. With a logical ID of its own,
        # a construct that moves within its stack would become another resource, and the deletion of the first would
        # reset what the second has set.
        setting.override_logical_id("DefaultHostManagementSetting")
        self._facts.synth_checks.get(FixedNameChecks)
