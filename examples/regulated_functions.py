"""Functions that fit the rules of an organization: a VPC, keys, names, a permissions boundary and FIPS endpoints.

The organization has created the managed policy PlatformBoundary in the account. The network is a stack of its own, so
that it exists until the functions have answered the last request of CloudFormation:

    cdk bootstrap aws://ACCOUNT/REGION
    cdk deploy --all --app "python examples/regulated_functions.py"
"""

import os

from aws_cdk import App, Fn, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from ssm_roles import FunctionSettings, HybridActivation, HybridServiceRole, ServiceLinkedRole, ServiceLinkedRoleType

app = App()
network = Stack(app, "Network")
# The endpoint service of IAM is in one Region. From other Regions, the functions reach it through a NAT gateway.
vpc = ec2.Vpc(network, "Vpc", max_azs=2, nat_gateways=1)
vpc.add_interface_endpoint("CloudFormation", service=ec2.InterfaceVpcEndpointAwsService.CLOUDFORMATION)
vpc.add_interface_endpoint("SecretsManager", service=ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER)
vpc.add_interface_endpoint("SystemsManager", service=ec2.InterfaceVpcEndpointAwsService.SSM)
responses = f"cloudformation-custom-resource-response-{Fn.join('', Fn.split('-', network.region))}"
vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3).add_to_policy(
    iam.PolicyStatement(
        principals=[iam.AnyPrincipal()],
        actions=["s3:PutObject"],
        resources=[f"arn:{network.partition}:s3:::{responses}/*"],
    )
)
https_only = ec2.SecurityGroup(network, "HttpsOnly", vpc=vpc, allow_all_outbound=False)
https_only.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))

fleet = Stack(app, "Fleet")
key = kms.Key(fleet, "Key", enable_key_rotation=True)
FunctionSettings.of(fleet).apply(
    vpc=vpc,
    vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
    security_groups=[https_only],
    log_retention=logs.RetentionDays.ONE_YEAR,
    log_encryption_key=key,
    log_removal_policy=RemovalPolicy.RETAIN,
    environment_encryption=key,
    reserved_concurrent_executions=3,
    tracing=lambda_.Tracing.ACTIVE,
    architecture=lambda_.Architecture.ARM_64,
    runtime=lambda_.Runtime.PYTHON_3_13,
    permissions_boundary=iam.ManagedPolicy.from_managed_policy_name(fleet, "Boundary", "PlatformBoundary"),
    role_path="/platform/",
    role_name_prefix="platform-",
    # All services that the functions call have FIPS endpoints in the United States.
    use_fips_endpoint=os.environ.get("CDK_DEFAULT_REGION", "").startswith("us-"),
    use_dualstack_endpoint=False,
)
ServiceLinkedRole(fleet, "Inventory", role_type=ServiceLinkedRoleType.AMAZON_SSM)
HybridActivation(fleet, "Activation", role=HybridServiceRole(fleet, "HybridNodes"))
app.synth()
