"""Virtual machines in Microsoft Azure as managed nodes: a cloud connector, its three roles and the machines' role.

Replace the IDs with those of your Azure tenant, of the application that trusts the federation role, and of your AWS
Config connector. The State Manager association for ``AWS-InstallSSMAgentOnAzure`` takes the outputs as its parameters.
"""

from aws_cdk import App, CfnOutput, CfnResource, Stack

from ssm_roles import CloudConnectorRoles, HybridServiceRole

TENANT_ID = "00000000-1111-2222-3333-444444444444"
APPLICATION_ID = "55555555-6666-7777-8888-999999999999"
CONFIG_CONNECTOR = "azure-production"

app = App()
stack = Stack(app, "AzureNodes")

nodes = HybridServiceRole(stack, "Nodes", description="Machines in Azure, managed by Systems Manager")
roles = CloudConnectorRoles(stack, "Azure", connector_name="Production", node_role=nodes)
# With aws-cdk-lib 2.275.0 or later, you can use ssm.CfnCloudConnector.
connector = CfnResource(
    stack,
    "Connector",
    type="AWS::SSM::CloudConnector",
    properties={
        "DisplayName": "Production",
        "RoleArn": roles.federation_role.role_arn,
        "ConfigConnectorArn": stack.format_arn(service="config", resource="connector", resource_name=CONFIG_CONNECTOR),
        "Configuration": {"AzureConfiguration": {"TenantId": TENANT_ID, "ApplicationId": APPLICATION_ID}},
    },
)
connector_id = connector.get_att("CloudConnectorId").to_string()
roles.add_connector(connector_id)

CfnOutput(stack, "CloudConnector", value=connector_id)
CfnOutput(stack, "AssociationDispatchAssumeRole", value=roles.dispatch_role.role_arn)
CfnOutput(stack, "AutomationAssumeRole", value=roles.assume_role.role_arn)
CfnOutput(stack, "ManagedInstanceIamRole", value=nodes.activation_role_name)
app.synth()
