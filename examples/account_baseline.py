"""What an account has before its machines come: EC2 instances managed by default, a tier, Explorer and Quick Setup.

The names of the roles for Explorer and Quick Setup are those that AWS's policies expect, so that an account has them
once. The advanced tier is charged by hybrid-activated node.
"""

from aws_cdk import App, CfnOutput, Stack

from ssm_roles import (
    ActivationTier,
    DefaultHostManagementRole,
    ExplorerRole,
    InstancesTier,
    QuickSetupConfigurations,
    QuickSetupRoles,
)

app = App()
stack = Stack(app, "AccountBaseline")

hosts = DefaultHostManagementRole(
    stack, "Hosts", turned_on=True, description="Every EC2 instance of the account and Region"
)
ActivationTier(stack, "Tier", tier=InstancesTier.ADVANCED)

explorer = ExplorerRole(stack, "Explorer")
CfnOutput(stack, "ExplorerEnablingRoleArn", value=explorer.role_arn)

quick_setup = QuickSetupRoles(stack, "QuickSetup", configurations=QuickSetupConfigurations.ALL_BUT_PATCH_POLICIES)
patch_policies = QuickSetupRoles(stack, "PatchPolicies", configurations=QuickSetupConfigurations.PATCH_POLICIES)
CfnOutput(stack, "LocalDeploymentAdministrationRoleArn", value=quick_setup.administration_role.role_arn)
CfnOutput(stack, "LocalDeploymentExecutionRoleName", value=quick_setup.execution_role.role_name)
CfnOutput(stack, "PatchPolicyAdministrationRoleArn", value=patch_policies.administration_role.role_arn)
CfnOutput(stack, "PatchPolicyExecutionRoleName", value=patch_policies.execution_role.role_name)

# For reviews with cdk-nag, which reads this; without it nothing does.
for role, policy_name, reason in (
    (hosts, "AmazonSSMManagedEC2InstanceDefaultPolicy", "What SSM Agent needs, kept up to date by AWS"),
    (explorer, "AWSSystemsManagerEnableExplorerExecutionPolicy", "What AWS's own runbook does, and nothing else"),
    (quick_setup, "AWSQuickSetupDeploymentRolePolicy", "What AWS's own templates deploy, bound to Quick Setup's names"),
    (
        patch_policies,
        "AWSQuickSetupPatchPolicyDeploymentRolePolicy",
        "What AWS's own template for patch policies deploys, bound to Quick Setup's names",
    ),
):
    role.node.add_metadata(
        "aws:cdk:acknowledged-rules",
        {f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy_name}]": reason},
    )
app.synth()
