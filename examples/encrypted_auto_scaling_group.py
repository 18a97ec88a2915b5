"""An EC2 Auto Scaling group whose volumes are encrypted with a customer managed key.

The group has a service-linked role of its own, which the key policy allows to use the key:
https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
"""

from typing import cast

from aws_cdk import App, Stack
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleType

app = App()
stack = Stack(app, "Servers")
role = ServiceLinkedRole(
    stack,
    "AutoScaling",
    role_type=ServiceLinkedRoleType.of_service("autoscaling.amazonaws.com", custom_suffix="encrypted"),
)
key = kms.Key(stack, "Key", enable_key_rotation=True)
key.grant_encrypt_decrypt(role)
key.grant(role, "kms:DescribeKey")
key.add_to_resource_policy(
    iam.PolicyStatement(
        principals=[iam.ArnPrincipal(role.role_arn)],
        actions=["kms:CreateGrant"],
        resources=["*"],
        conditions={"Bool": {"kms:GrantIsForAWSResource": True}},
    )
)
vpc = ec2.Vpc(
    stack,
    "Vpc",
    max_azs=2,
    nat_gateways=0,
    subnet_configuration=[ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC)],
)
template = ec2.LaunchTemplate(
    stack,
    "Template",
    instance_type=ec2.InstanceType("t4g.micro"),
    machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
    security_group=ec2.SecurityGroup(stack, "SecurityGroup", vpc=vpc),
    require_imdsv2=True,
    block_devices=[
        ec2.BlockDevice(device_name="/dev/xvda", volume=ec2.BlockDeviceVolume.ebs(8, encrypted=True, kms_key=key))
    ],
)
group = autoscaling.AutoScalingGroup(
    stack,
    "Group",
    vpc=vpc,
    vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
    launch_template=template,
)
cast(autoscaling.CfnAutoScalingGroup, group.node.default_child).service_linked_role_arn = role.role_arn
# The key policy names the role, too, so that the role must exist before the key.
role.add_dependent(key, group)
app.synth()
