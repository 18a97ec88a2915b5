"""An Amazon OpenSearch Service domain in a VPC, which is created after the service-linked role of the service.

Without the role, the deployment fails: "Before you can proceed, you must enable a service-linked role to give Amazon
OpenSearch Service permissions to access your VPC."
"""

from aws_cdk import App, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_opensearchservice as opensearch

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleType

app = App()
stack = Stack(app, "Search")
vpc = ec2.Vpc(
    stack,
    "Vpc",
    max_azs=2,
    subnet_configuration=[ec2.SubnetConfiguration(name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)],
)
domain = opensearch.Domain(
    stack,
    "Domain",
    version=opensearch.EngineVersion.OPENSEARCH_2_19,
    vpc=vpc,
    vpc_subnets=[ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)],
    zone_awareness=opensearch.ZoneAwarenessConfig(availability_zone_count=2),
    capacity=opensearch.CapacityConfig(data_nodes=2, data_node_instance_type="r7g.large.search"),
    enforce_https=True,
    tls_security_policy=opensearch.TLSSecurityPolicy.TLS_1_2,
    node_to_node_encryption=True,
    encryption_at_rest=opensearch.EncryptionAtRestOptions(enabled=True),
    removal_policy=RemovalPolicy.DESTROY,
)
role = ServiceLinkedRole(
    stack, "OpenSearch", role_type=ServiceLinkedRoleType.of_service("opensearchservice.amazonaws.com")
)
role.add_dependent(domain)
app.synth()
