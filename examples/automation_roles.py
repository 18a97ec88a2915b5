"""A runbook with a role of its own that an operator may start, and the roles for runbooks in other accounts.

The operator needs none of the permissions of the steps, and may start these runbooks only.
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
restart.grant_start(operator, [runbook.ref])

# State Manager starts the same runbook every night.
dispatch = AssociationDispatchRole(central, "Dispatch", description="Starts the runbook for State Manager")
restart.grant_start(dispatch, [runbook.ref])
association = ssm.CfnAssociation(
    central,
    "EveryNight",
    name=runbook.ref,
    schedule_expression="cron(0 3 * * ? *)",
    parameters={"InstanceId": ["i-0123456789abcdef0"]},
)
association.add_property_override("AssociationDispatchAssumeRole", dispatch.role_arn)

# Runbooks in other accounts: this role in the central account, the one below in each of the others.
administration = AutomationAdministrationRole(central, "Administration")
administration.grant_start(operator, ["AWS-RestartEC2Instance"])
CfnOutput(central, "AutomationAssumeRole", value=administration.role_arn)

member = Stack(app, "Member")
execution = AutomationExecutionRole(
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
# For reviews with cdk-nag, which reads this; without it nothing does.
here = "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>"
runbook_reasons = {
    f"{here}:automation-definition/<RestartRunbook>:*": "The star is for the versions of the one runbook",
    f"{here}:automation-execution/*": "An execution of the runbook gets its ID when it starts",
}
aws_runbook = "arn:<AWS::Partition>:ssm:<AWS::Region>::automation-definition/AWS-RestartEC2Instance:*"
everywhere = "The administration role starts the runbook in every Region of this account"
for construct, reasons in (
    (operator, {**runbook_reasons, aws_runbook: "The star is for the versions of the one runbook"}),
    (dispatch, runbook_reasons),
    (
        restart,
        {"arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:instance/*": "A tag says which instances it may be"},
    ),
    (
        administration,
        {
            "arn:<AWS::Partition>:iam::*:role/AWS-SystemsManager-AutomationExecutionRole": (
                "The one role of each account, which trusts this one or does not"
            )
        },
    ),
    (
        execution,
        {
            "arn:<AWS::Partition>:ssm:*::document/AWS-RestartEC2Instance": everywhere,
            "arn:<AWS::Partition>:ssm:*::automation-definition/AWS-RestartEC2Instance:*": everywhere,
            "arn:<AWS::Partition>:ssm:*:<AWS::AccountId>:automation-execution/*": everywhere,
            "arn:<AWS::Partition>:ec2:*:<AWS::AccountId>:instance/*": "The runbook is for any instance of the account",
            "*": "Lists of instances, tags and groups, for which IAM knows no narrower resource",
        },
    ),
):
    construct.node.add_metadata(
        "aws:cdk:acknowledged-rules",
        {f"AwsSolutions-IAM5[Resource::{resource}]": reason for resource, reason in reasons.items()},
    )
app.synth()
