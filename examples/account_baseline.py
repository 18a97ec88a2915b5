"""The roles of an account and Region before any machine is there: Default Host Management, Explorer and Quick Setup.

AWS's policies expect the names of the roles for Explorer and Quick Setup, so that the stack can be deployed only once
per account.
"""

from aws_cdk import App, CfnOutput, Stack

from ssm_roles import DefaultHostManagementRole, ExplorerRole, QuickSetupConfigurations, QuickSetupRoles

app = App()
stack = Stack(app, "AccountBaseline")

DefaultHostManagementRole(stack, "Hosts", enabled=True, description="Every EC2 instance of the account and Region")

explorer = ExplorerRole(stack, "Explorer")
CfnOutput(stack, "ExplorerEnablingRoleArn", value=explorer.role_arn)

quick_setup = QuickSetupRoles(stack, "QuickSetup", configurations=QuickSetupConfigurations.ALL_EXCEPT_PATCH_POLICIES)
CfnOutput(stack, "LocalDeploymentAdministrationRoleArn", value=quick_setup.administration_role.role_arn)
CfnOutput(stack, "LocalDeploymentExecutionRoleName", value=quick_setup.execution_role.role_name)

patch_policies = QuickSetupRoles(stack, "PatchPolicies", configurations=QuickSetupConfigurations.PATCH_POLICIES)
CfnOutput(stack, "PatchPolicyAdministrationRoleArn", value=patch_policies.administration_role.role_arn)
CfnOutput(stack, "PatchPolicyExecutionRoleName", value=patch_policies.execution_role.role_name)
app.synth()
