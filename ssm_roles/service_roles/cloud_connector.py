"""The three roles of a cloud connector, with which Systems Manager enrols virtual machines of Microsoft Azure."""

from __future__ import annotations

from collections.abc import Callable

import jsii
from aws_cdk import Tags
from aws_cdk import aws_iam as iam
from constructs import Construct, IValidation

from .. import _validation as validation
from .._grants import pass_roles, statement
from .._not_a_role import NotARole
from .._role_names import checked_role_arn
from .._stack import stack_facts
from .._trust import SYSTEMS_MANAGER, account_principal, connector_principal

# https://docs.aws.amazon.com/systems-manager/latest/userguide/cloud-connector-console-iam-roles.html
_PATH = "/service-role/"
_FEDERATION_PREFIX = "SSM-AzureRole-"
_ASSUME_PREFIX = "SSM-AzureAssumeRole-"
_DISPATCH_PREFIX = "SSM-AzureDispatchRole-"

# What Microsoft Entra ID wants of a token that is exchanged for Azure credentials.
_TOKEN_AUDIENCE = "api://AzureADTokenExchange"
_RUNBOOK = "AWS-InstallSSMAgentOnAzure"


class CloudConnectorRoles(NotARole):
    """The federation role, the assume role and the dispatch role of one cloud connector to Microsoft Azure.

    State Manager starts a runbook with the dispatch role; the runbook runs with the assume role, enrols the virtual
    machines with hybrid activations, and passes them the node role; both get their Azure credentials through the
    federation role. All three are in ``/service-role/`` and have the names that AWS documents, since they refer to each
    other by name: the federation role is there before the connector, the others know the connector. IAM is global, so
    that a connector's name is for one Region of the account.

    Example::

        roles = CloudConnectorRoles(stack, "Azure", connector_name="Production", node_role=nodes)
        connector = ssm.CfnCloudConnector(stack, "Connector", role_arn=roles.federation_role.role_arn, ...)
        roles.add_connector(connector.attr_cloud_connector_id)

    https://docs.aws.amazon.com/systems-manager/latest/userguide/cloud-connector-console-iam-roles.html
    """

    _instead = "federation_role, assume_role or dispatch_role"

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        connector_name: str,
        node_role: iam.IRole,
        permissions_boundary: iam.IManagedPolicy | None = None,
    ) -> None:
        """Create the roles.

        Args:
            scope: The construct that this one belongs to, in a stack of the connector's Region.
            id: Its id, unique in ``scope``.
            connector_name: What the roles' names end in, 1 to 42 letters, digits, dashes or underscores: IAM allows 64
                characters with ``SSM-AzureDispatchRole-``.
            node_role: The role that the enrolled machines have; the association takes its ``activation_role_name`` as
                ``ManagedInstanceIamRole``. AWS's console would make one named
                ``AmazonEC2RunCommandRoleForManagedInstances``, to which ``iam.Role.from_role_arn`` refers.
            permissions_boundary: The most that each of the roles can be allowed. Default: - none

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument has a value that CloudFormation, IAM or Systems Manager would refuse later. The tree
                is as before.
        """
        validation.check_construct(scope, id)
        facts = stack_facts(scope)
        validation.check_connector_name(connector_name)
        node_role_arn = checked_role_arn("node_role", node_role, facts)
        if permissions_boundary is not None:
            validation.managed_policy_arn("permissions_boundary", permissions_boundary)

        validation.add_to_tree(self, scope, id)
        self._connectors_arn = f"arn:{facts.partition}:ssm:{facts.region}:{facts.account}:cloud-connector"
        document_arn = f"arn:{facts.partition}:ssm:{facts.region}:*:document/{_RUNBOOK}"
        automation_arns = [
            document_arn,
            f"arn:{facts.partition}:ssm:{facts.region}:*:automation-definition/{_RUNBOOK}:1",
            f"arn:{facts.partition}:ssm:{facts.region}:{facts.account}:automation-execution/*",
        ]

        def role(
            role_id: str, prefix: str, trust: iam.IPrincipal, inline_policies: dict[str, iam.PolicyDocument] | None
        ) -> iam.Role:
            return iam.Role(
                self,
                role_id,
                assumed_by=trust,
                inline_policies=inline_policies,
                role_name=f"{prefix}{connector_name}",
                path=_PATH,
                permissions_boundary=permissions_boundary,
            )

        self._assume_role = role("Assume", _ASSUME_PREFIX, account_principal(facts), None)
        self._dispatch_role = role("Dispatch", _DISPATCH_PREFIX, account_principal(facts), None)
        token = statement(
            ["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"],
            ["*"],
            {"ForAnyValue:StringEquals": {"sts:IdentityTokenAudience": [_TOKEN_AUDIENCE]}},
        )
        self._federation_role = role(
            "Federation",
            _FEDERATION_PREFIX,
            connector_principal(facts, [self._assume_role.role_arn, self._dispatch_role.role_arn]),
            {"CloudConnector": iam.PolicyDocument.from_json({"Statement": [token]})},
        )
        federation_arn = self._federation_role.role_arn
        # In policies of their own: the federation role's trust policy refers to these roles.
        _attach(
            self._assume_role,
            statement(["sts:AssumeRole"], [federation_arn]),
            statement(["iam:PassRole"], [node_role_arn], {"StringEquals": {"iam:PassedToService": SYSTEMS_MANAGER}}),
            statement(
                [
                    "ssm:AddTagsToResource",
                    "ssm:CreateActivation",
                    "ssm:DeleteActivation",
                    "ssm:DescribeActivations",
                    "ssm:DescribeInstanceInformation",
                ],
                ["*"],
            ),
            statement(["iam:ListRoleTags"], [federation_arn]),
            statement(["ssm:GetDocument"], [document_arn]),
        )
        _attach(
            self._dispatch_role,
            statement(
                ["iam:PassRole"],
                [self._assume_role.role_arn],
                {
                    "StringEquals": {"iam:PassedToService": SYSTEMS_MANAGER},
                    "ArnLike": {"iam:AssociatedResourceARN": automation_arns},
                },
            ),
            statement(["ssm:StartAutomationExecution"], automation_arns),
            statement(["sts:AssumeRole"], [federation_arn]),
            statement(["ssm:DescribeInstanceInformation", "ssm:ListCloudConnectors"], ["*"]),
            statement(["iam:ListRoleTags"], [federation_arn, self._assume_role.role_arn]),
        )
        for caller in (self._assume_role, self._dispatch_role):
            Tags.of(caller).add("caller", "SSM")
        self._connectors = 0
        self.node.add_validation(_ConnectorValidation(lambda: self._connectors))

    @property
    def federation_role(self) -> iam.IRole:
        """The role that exchanges tokens for Azure credentials; the connector takes its ARN as ``RoleArn``."""
        return self._federation_role

    @property
    def assume_role(self) -> iam.IRole:
        """The role of the runbook; the association takes its ARN as the parameter ``AutomationAssumeRole``."""
        return self._assume_role

    @property
    def dispatch_role(self) -> iam.IRole:
        """The role of State Manager; the association takes its ARN as ``AssociationDispatchAssumeRole``."""
        return self._dispatch_role

    def add_connector(self, cloud_connector_id: str) -> None:
        """Let the assume role and the dispatch role read a connector, as they must; one without is an error at synth.

        Args:
            cloud_connector_id: Its ID, such as a new connector's attribute ``CloudConnectorId``, or ``*`` for every
                connector of the account in the stack's Region, where the connector is made elsewhere.

        Raises:
            TypeError: ``cloud_connector_id`` is no string.
            ValueError: It is no connector's ID.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/cloud-connector-automation-assume-role.html
        """
        validation.check_connector_id(cloud_connector_id)
        read = iam.PolicyStatement(
            actions=["ssm:GetCloudConnector"], resources=[f"{self._connectors_arn}/{cloud_connector_id}"]
        )
        for role in (self._assume_role, self._dispatch_role):
            role.add_to_principal_policy(read)
        self._connectors += 1

    def grant_pass_role(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let ``grantee`` pass the federation role and the dispatch role to Systems Manager, and to no other service.

        These are what the connector and the association take. The dispatch role passes the assume role itself.

        Args:
            grantee: Who may pass them, such as who makes connectors and associations.

        Raises:
            TypeError: ``grantee`` is nothing that permissions can be granted to.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        """
        validation.check_grantee(grantee)
        return pass_roles(grantee, [self._federation_role.role_arn, self._dispatch_role.role_arn], SYSTEMS_MANAGER)


@jsii.implements(IValidation)
class _ConnectorValidation:
    def __init__(self, connectors: Callable[[], int]) -> None:
        self._connectors = connectors

    def validate(self) -> list[str]:
        if self._connectors():
            return []
        return ["add_connector must be called with the connector's ID, or with '*', got no call"]


def _attach(role: iam.Role, *statements: dict[str, object]) -> None:
    iam.Policy(
        role, "CloudConnector", roles=[role], document=iam.PolicyDocument.from_json({"Statement": [*statements]})
    )
