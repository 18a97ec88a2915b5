"""A runbook with its own role, an operator who can start it, and the roles for runbooks in other accounts.

The operator needs none of the permissions of the runbook's steps, and can start no other runbooks.
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm

from ssm_roles import (
    AssociationDispatchRole,
    AutomationAdministrationRole,
    AutomationExecutionRole,
    AutomationServiceRole,
)

app = App()
central = Stack(app, "Central")
operator = iam.Role(central, "Operator", assumed_by=iam.AccountRootPrincipal())

restart = AutomationServiceRole(central, "Restart", description="What the runbook's steps may do")
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
                "name": "restart",
                "action": "aws:executeAwsApi",
                "inputs": {"Service": "ec2", "Api": "RebootInstances", "InstanceIds": ["{{ InstanceId }}"]},
            }
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
AutomationExecutionRole(
    member,
    "Execution",
    administrator_accounts=[app.node.try_get_context("centralAccount") or "111122223333"],
    amazon_ssm_automation_role=False,
    inline_policies={
        "Restart": iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    actions=["ssm:StartAutomationExecution", "ssm:GetAutomationExecution"],
                    resources=[
                        f"arn:{member.partition}:ssm:*::document/AWS-RestartEC2Instance",
                        f"arn:{member.partition}:ssm:*::automation-definition/AWS-RestartEC2Instance:*",
                        f"arn:{member.partition}:ssm:*:{member.account}:automation-execution/*",
                    ],
                ),
                iam.PolicyStatement(
                    actions=["ec2:StartInstances", "ec2:StopInstances"],
                    resources=[f"arn:{member.partition}:ec2:*:{member.account}:instance/*"],
                ),
                iam.PolicyStatement(actions=["ec2:DescribeInstanceStatus"], resources=["*"]),
            ]
        )
    },
)
app.synth()
