"""The roles of a cloud connector, by which Systems Manager manages virtual machines in Microsoft Azure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

import jsii
from aws_cdk import Tags
from aws_cdk import aws_iam as iam
from constructs import Construct, IValidation

from .._cdk.stack_facts import stack_facts
from .._cdk.tree import check_construct, unique_id
from .._checks import check_bool, check_text
from .._facts.iam_limits import ROLE_NAME_LENGTH
from .._facts.service_principals import SYSTEMS_MANAGER
from .._iam.fixed_names import FixedNameChecks
from .._iam.grants import Statement, add_document, allow, check_grantee, document, passing
from .._iam.not_a_role import NotARole
from .._iam.other_stacks import use_role
from .._iam.policies import check_boundary
from .._iam.principals import Trust, trust_connectors, trust_own_account
from .._iam.role_names import checked_role_arn, for_the_cdk

# https://docs.aws.amazon.com/systems-manager/latest/userguide/cloud-connector-console-iam-roles.html
_PATH = "/service-role/"
_FEDERATION_PREFIX = "SSM-AzureRole-"
_ASSUME_PREFIX = "SSM-AzureAssumeRole-"
_DISPATCH_PREFIX = "SSM-AzureDispatchRole-"

# AWS keeps these characters of a connector's name in the names of its roles.
_CONNECTOR_NAME = re.compile(r"[A-Za-z0-9_-]+")
_CONNECTOR_NAME_LENGTH = ROLE_NAME_LENGTH - len(_DISPATCH_PREFIX)

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCloudConnector.html
_CONNECTOR_ID = re.compile(r"\*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONNECTOR_ID_LENGTH = 36

# The audience that Microsoft Entra ID requires of a token that is exchanged for Azure credentials.
_TOKEN_AUDIENCE = "api://AzureADTokenExchange"
_RUNBOOK = "AWS-InstallSSMAgentOnAzure"


class CloudConnectorRoles(NotARole):
    """The federation role, the assume role and the dispatch role of a cloud connector to Microsoft Azure.

    State Manager starts a runbook with the dispatch role. The runbook runs with the assume role: it registers the
    virtual machines by hybrid activations with the node role. Both roles get Azure credentials through the federation
    role. All three have the path ``/service-role/`` and the names that AWS documents. IAM is global, so that you can
    use a connector's name in one Region of an account.

    The permissions of the assume role and the dispatch role are policies of their own. A resource that starts the
    runbook must wait for them: ``association.node.add_dependency(roles)``.

    Example::

        roles = CloudConnectorRoles(stack, "Azure", connector_name="Production", node_role=nodes)
        connector = ssm.CfnCloudConnector(stack, "Connector", role_arn=roles.federation_role.role_arn, ...)
        roles.add_connector(connector.attr_cloud_connector_id)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/cloud-connector-console-iam-roles.html
    """

    _instead: ClassVar[str] = "its federation_role, assume_role or dispatch_role"

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        connector_name: str,
        node_role: iam.IRole,
        strict_audience: bool = False,
        permissions_boundary: iam.IManagedPolicy | None = None,
    ) -> None:
        """Create the roles.

        Args:
            scope: The scope in which to define this construct. Its stack must be in the connector's Region.
            id: The ID of this construct, unique in its scope.
            connector_name: The name of the connector, 1 to 42 letters, digits, dashes or underscores. The names of the
                roles end with it.
            node_role: The role of the virtual machines as managed nodes. The association takes its
                ``activation_role_name`` as ``ManagedInstanceIamRole``. The console creates one named
                ``AmazonEC2RunCommandRoleForManagedInstances``; ``iam.Role.from_role_arn`` imports it.
            strict_audience: Whether tokens must have the audience of Microsoft Entra ID and no other. AWS's policy
                allows tokens that have further audiences. Default: ``False``
            permissions_boundary: The managed policy that sets the permissions boundary. It applies to each of the
                roles. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation, IAM or Systems Manager would reject later, or
                ``node_role`` is in another Region and has no fixed ``role_name``. The tree stays unchanged.
        """
        check_construct(scope, id)
        facts = stack_facts(scope)
        check_text(
            "connector_name", connector_name, _CONNECTOR_NAME, "letters, digits, _ and -", _CONNECTOR_NAME_LENGTH
        )
        node_role_arn = checked_role_arn("node_role", node_role, facts)
        check_bool("strict_audience", strict_audience)
        check_boundary(permissions_boundary, facts)

        with unique_id(scope, id):
            super().__init__(scope, id)
        try:
            use_role("node_role", node_role, facts)
        except ValueError:
            scope.node.try_remove_child(id)
            raise

        def role(role_id: str, prefix: str, trust: Trust, inline_policy: iam.PolicyDocument | None = None) -> iam.Role:
            return iam.Role(
                self,
                role_id,
                assumed_by=trust(facts),
                inline_policies=None if inline_policy is None else {"CloudConnector": inline_policy},
                role_name=for_the_cdk(f"{prefix}{connector_name}"),
                path=_PATH,
                permissions_boundary=permissions_boundary,
            )

        self._facts = facts
        facts.synth_checks.get(FixedNameChecks)
        self._assume_role = role("Assume", _ASSUME_PREFIX, trust_own_account)
        self._dispatch_role = role("Dispatch", _DISPATCH_PREFIX, trust_own_account)
        audience = {"sts:IdentityTokenAudience": [_TOKEN_AUDIENCE]}
        azure = {
            "ForAnyValue:StringEquals": audience,
            **({"ForAllValues:StringEquals": audience} if strict_audience else {}),
        }
        self._federation_role = role(
            "Federation",
            _FEDERATION_PREFIX,
            trust_connectors([self._assume_role, self._dispatch_role]),
            document(Statement(["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"], ["*"], azure)),
        )
        self._allow(node_role_arn)
        for caller in (self._assume_role, self._dispatch_role):
            Tags.of(caller).add("caller", "SSM")
        self._connectors = 0
        self.node.add_validation(_ConnectorValidation(lambda: self._connectors))

    def _allow(self, node_role_arn: str) -> None:
        """Give the assume role and the dispatch role their permissions, in policies of their own.

        The trust policy of the federation role refers to both roles, which therefore can't refer to that role.
        """
        facts, federation_arn, assume_arn = self._facts, self._federation_role.role_arn, self._assume_role.role_arn
        runbook = facts.arn("ssm", f"document/{_RUNBOOK}", account="*")
        automation = [
            runbook,
            facts.arn("ssm", f"automation-definition/{_RUNBOOK}:1", account="*"),
            facts.arn("ssm", "automation-execution/*"),
        ]
        add_document(
            self._assume_role,
            "CloudConnector",
            Statement(["sts:AssumeRole"], [federation_arn]),
            passing([node_role_arn], SYSTEMS_MANAGER),
            Statement(
                [
                    "ssm:CreateActivation",
                    "ssm:DeleteActivation",
                    "ssm:DescribeActivations",
                    "ssm:DescribeInstanceInformation",
                ],
                ["*"],
            ),
            # AWS documents what the runbook tags, but not with which tags, so that a condition could name none:
            # https://docs.aws.amazon.com/systems-manager/latest/userguide/cloud-connector-automation-assume-role.html
            Statement(
                ["ssm:AddTagsToResource"],
                [facts.arn("ssm", "activation/*"), facts.arn("ssm", "managed-instance/*"), node_role_arn],
            ),
            Statement(["iam:ListRoleTags"], [federation_arn]),
            Statement(["ssm:GetDocument"], [runbook]),
        )
        add_document(
            self._dispatch_role,
            "CloudConnector",
            Statement(
                ["iam:PassRole"],
                [assume_arn],
                {
                    "StringEquals": {"iam:PassedToService": SYSTEMS_MANAGER},
                    "ArnLike": {"iam:AssociatedResourceARN": automation},
                },
            ),
            Statement(["ssm:StartAutomationExecution"], automation),
            Statement(["sts:AssumeRole"], [federation_arn]),
            Statement(["ssm:DescribeInstanceInformation", "ssm:ListCloudConnectors"], ["*"]),
            Statement(["iam:ListRoleTags"], [federation_arn, assume_arn]),
        )

    @property
    def federation_role(self) -> iam.IRole:
        """The role that exchanges tokens for Azure credentials. The connector takes its ARN as ``RoleArn``."""
        return self._federation_role

    @property
    def assume_role(self) -> iam.IRole:
        """The role of the runbook. The association takes its ARN as the parameter ``AutomationAssumeRole``."""
        return self._assume_role

    @property
    def dispatch_role(self) -> iam.IRole:
        """The role of State Manager. The association takes its ARN as ``AssociationDispatchAssumeRole``."""
        return self._dispatch_role

    def add_connector(self, cloud_connector_id: str) -> None:
        """Allow the assume role and the dispatch role to read a connector. Without a connector, synthesis fails.

        Args:
            cloud_connector_id: The ID of the connector, such as the attribute ``CloudConnectorId`` of a new connector,
                or ``*`` for every connector of the stack's account and Region.

        Raises:
            TypeError: ``cloud_connector_id`` is not a string.
            ValueError: ``cloud_connector_id`` is not the ID of a connector.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/cloud-connector-automation-assume-role.html
        """
        check_text(
            "cloud_connector_id",
            cloud_connector_id,
            _CONNECTOR_ID,
            "the ID of a cloud connector in lower case, or only '*'",
            _CONNECTOR_ID_LENGTH,
        )
        connector = self._facts.arn("ssm", f"cloud-connector/{cloud_connector_id}")
        for role in (self._assume_role, self._dispatch_role):
            allow(role, Statement(["ssm:GetCloudConnector"], [connector]))
        self._connectors += 1

    def grant_pass_role(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow ``grantee`` to pass the federation role and the dispatch role to Systems Manager, and nothing else.

        The connector and the association take these roles. The dispatch role itself passes the assume role.

        Args:
            grantee: The principal to grant the permissions to.

        Raises:
            TypeError: ``grantee`` is not an ``IGrantable``.
            ValueError: ``grantee`` is a role whose policies this stack can't change.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        """
        check_grantee(grantee)
        return allow(grantee, passing([self._federation_role.role_arn, self._dispatch_role.role_arn], SYSTEMS_MANAGER))


@jsii.implements(IValidation)
class _ConnectorValidation:
    def __init__(self, connectors: Callable[[], int]) -> None:
        self._connectors = connectors

    def validate(self) -> list[str]:
        if self._connectors():
            return []
        return ["add_connector must be called with the ID of a connector, or with '*', got no call"]
