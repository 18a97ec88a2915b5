"""Hand-written aws-cdk-lib code for the templates of ../app.py.

The benchmarks compare ../app.py with this app. It uses the function of the library as its asset, so that the templates
and assets of both apps are identical.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import App, Aws, CfnOutput, CustomResource, Duration, Environment, Fn, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

FUNCTION_CODE = Path(__file__).resolve().parents[1] / "ssm_roles" / "_lambda"
# The modules of the library's other function.
ROTATION = ("activations.py", "metrics.py", "rotate_hybrid_activation.py", "rotated_secret.py")


class HybridNodes(Stack):
    """The role with which the machines communicate with Systems Manager."""

    def __init__(self, scope: Construct, id: str, *, activation_regions: Sequence[str], env: Environment) -> None:
        super().__init__(scope, id, env=env)
        role = iam.Role(
            self,
            "HybridNodes",
            description="Machines outside EC2, managed by Systems Manager",
            assumed_by=iam.ServicePrincipal(
                "ssm.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": self.account},
                    "ArnEquals": {
                        "aws:SourceArn": [
                            self.format_arn(service="ssm", region=region, resource="*") for region in activation_regions
                        ]
                    },
                },
            ),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")],
        )
        CfnOutput(self, "ActivationRoleName", value=Fn.select(1, Fn.split(":role/", role.role_arn)))


class EnsureServiceLinkedRoles(Construct):
    """The function of the custom resources of a stack, and its permissions."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        log_group = logs.LogGroup(
            self, "LogGroup", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Ensures the service-linked roles of this stack",
        )
        log_group.grant_write(self.role)
        stack = Stack.of(self)
        service_linked = f"arn:{stack.partition}:iam::{stack.account}:role"
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:GetRole", "iam:GetServiceLinkedRoleDeletionStatus"],
                resources=[f"{service_linked}/aws-service-role/*", f"{service_linked}/AWSServiceRoleFor*"],
            )
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudformation:DescribeStackEvents", "cloudformation:ListStackResources"],
                resources=[Aws.STACK_ID],
            )
        )
        self.create = iam.PolicyStatement(actions=["iam:CreateServiceLinkedRole"])
        policy = "Allows creating the service-linked roles of this stack"
        iam.ManagedPolicy(self.role, "Create", description=policy, roles=[self.role], statements=[self.create])
        self.function = lambda_.Function(
            self,
            "Function",
            description="Ensures the service-linked roles of this stack",
            code=lambda_.Code.from_asset(str(FUNCTION_CODE), exclude=["__pycache__", *ROTATION]),
            handler="functions.ensure_service_linked_role.handler",
            runtime=lambda_.Runtime("python3.13", lambda_.RuntimeFamily.PYTHON),
            architecture=lambda_.Architecture.X86_64,
            memory_size=128,
            timeout=Duration.minutes(15),
            role=self.role,
            log_group=log_group,
            environment={"STACK_ID": Aws.STACK_ID, "URL_SUFFIX": Aws.URL_SUFFIX},
        )

    def ensure(self, role_name: str, service_principal: str) -> None:
        """Ensure a service-linked role.

        Args:
            role_name: The name of the role.
            service_principal: The service that the role is linked to.
        """
        stack = Stack.of(self)
        role_arn = f"arn:{stack.partition}:iam::{stack.account}:role/aws-service-role/*/{role_name}"
        self.create.add_resources(role_arn)
        CustomResource(
            stack,
            "Ensured" + re.sub(r"[^A-Za-z0-9]", "", role_name),
            resource_type="Custom::ServiceLinkedRole",
            service_token=self.function.function_arn,
            service_timeout=Duration.minutes(16),
            properties={"RoleName": role_name, "AWSServiceName": service_principal, "RemovalPolicy": "RETAIN"},
            removal_policy=RemovalPolicy.RETAIN,
        )


class Fleet(Stack):
    """The service-linked roles that Inventory and Explorer use."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        roles = EnsureServiceLinkedRoles(self, "EnsureServiceLinkedRoles")
        roles.ensure("AWSServiceRoleForAmazonSSM", "ssm.amazonaws.com")
        roles.ensure("AWSServiceRoleForAmazonSSM_AccountDiscovery", "accountdiscovery.ssm.amazonaws.com")


app = App()
env = Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION"))
activation_regions = app.node.try_get_context("activationRegions") or ["eu-central-1", "us-east-1"]
HybridNodes(app, "HybridNodes", activation_regions=activation_regions, env=env)
Fleet(app, "Fleet", env=env)
app.synth()
