"""A runbook with its own role, an operator who can start it, and the roles for runbooks in other accounts.

The operator needs none of the permissions of the runbook's steps, and can start no other runbooks. The role in other
accounts starts the runbook that it names, and no other.
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm

from ssm_roles import (
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
    AutomationStep,
)

app = App()
central = Stack(app, "Central")
operator = iam.Role(central, "Operator", assumed_by=iam.AccountRootPrincipal())

# The runbook stops an application on the instance before it restarts the instance.
restart = AutomationServiceRole(
    central,
    "Restart",
    description="What the runbook's steps may do",
    steps=[AutomationStep.run_command(["AWS-RunShellScript"], node_tags={"Restart": "allowed"})],
)
restart.add_to_policy(
    iam.PolicyStatement(
        actions=["ec2:RebootInstances"],
        resources=[central.format_arn(service="ec2", resource="instance", resource_name="*")],
        conditions={"StringEquals": {"aws:ResourceTag/Restart": "allowed"}},
    )
)
runbook = ssm.CfnDocument(
    central,
    "RestartRunbook",
    document_type="Automation",
    document_format="JSON",
    content={
        "schemaVersion": "0.3",
        "description": "Restart an instance",
        "assumeRole": restart.role_arn,
        "parameters": {"InstanceId": {"type": "String"}},
        "mainSteps": [
            {
                "name": "stop",
                "action": "aws:runCommand",
                "inputs": {
                    "DocumentName": "AWS-RunShellScript",
                    "InstanceIds": ["{{ InstanceId }}"],
                    "Parameters": {"commands": ["systemctl stop orders"]},
                },
            },
            {
                "name": "restart",
                "action": "aws:executeAwsApi",
                "inputs": {"Service": "ec2", "Api": "RebootInstances", "InstanceIds": ["{{ InstanceId }}"]},
            },
        ],
    },
)
restart.grant_start_execution(operator, [runbook.ref])

# State Manager starts the same runbook every night.
dispatch = AssociationDispatchRole(central, "Dispatch", description="Starts the runbook for State Manager")
restart.grant_start_execution(dispatch, [runbook.ref])
association = ssm.CfnAssociation(
    central,
    "EveryNight",
    name=runbook.ref,
    schedule_expression="cron(0 3 * * ? *)",
    parameters={"InstanceId": ["i-0123456789abcdef0"]},
)
association.add_property_override("AssociationDispatchAssumeRole", dispatch.role_arn)

# Runbooks in other accounts need this role in the central account, and the role below in each of the other accounts.
administration = AutomationAdministrationRole(central, "Administration")
administration.grant_start_execution(operator, ["AWS-RestartEC2Instance"])
CfnOutput(central, "AutomationAssumeRole", value=administration.role_arn)

member = Stack(app, "Member")
execution = AutomationExecutionRole(
    member,
    "Execution",
    administrator_accounts=[app.node.try_get_context("centralAccount") or "111122223333"],
    runbooks=["AWS-RestartEC2Instance"],
    regions=["*"],
)
execution.add_to_policy(
    iam.PolicyStatement(
        actions=["ec2:StartInstances", "ec2:StopInstances"],
        resources=[member.format_arn(service="ec2", region="*", resource="instance", resource_name="*")],
    )
)
execution.add_to_policy(iam.PolicyStatement(actions=["ec2:DescribeInstanceStatus"], resources=["*"]))
app.synth()
