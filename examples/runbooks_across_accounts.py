"""A runbook that an operator in a central account runs in other accounts and Regions.

Deploy ``Central`` to the central account, and ``Member`` to each account in which the runbook runs:

    cdk deploy Central --app "python examples/runbooks_across_accounts.py"
    cdk deploy Member --app "python examples/runbooks_across_accounts.py" --context centralAccount=111122223333

The role in the other accounts starts the runbook that it names, and no other.
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iam as iam

from ssm_roles import AutomationAdministrationRole, AutomationExecutionRole

RUNBOOK = "AWS-RestartEC2Instance"

app = App()
central = Stack(app, "Central")
operator = iam.Role(central, "Operator", assumed_by=iam.AccountRootPrincipal())
administration = AutomationAdministrationRole(central, "Administration")
administration.grant_start_execution(operator, [RUNBOOK])
CfnOutput(central, "OperatorRoleArn", value=operator.role_arn)
CfnOutput(central, "AutomationAssumeRole", value=administration.role_arn)

member = Stack(app, "Member")
execution = AutomationExecutionRole(
    member,
    "Execution",
    administrator_accounts=[app.node.try_get_context("centralAccount") or "111122223333"],
    runbooks=[RUNBOOK],
    regions=["*"],
)
# What the steps of the runbook do.
execution.add_to_policy(
    iam.PolicyStatement(
        actions=["ec2:StartInstances", "ec2:StopInstances"],
        resources=[member.format_arn(service="ec2", region="*", resource="instance", resource_name="*")],
    )
)
execution.add_to_policy(iam.PolicyStatement(actions=["ec2:DescribeInstanceStatus"], resources=["*"]))
app.synth()
