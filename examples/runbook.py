"""A runbook with its own role, and an operator who can start it without the permissions of its steps.

The runbook restarts a service on managed nodes with the tag ``Restart=allowed``, and on no others. Deploy the stack,
assume the role of the operator, and start the runbook:

    cdk bootstrap aws://ACCOUNT/REGION
    cdk deploy --app "python examples/runbook.py"
    aws ssm start-automation-execution --region REGION --document-name RUNBOOK --parameters NodeId=NODE_ID
"""

import os

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm

from ssm_roles import AutomationServiceRole, AutomationStep

app = App()
env = Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION"))
stack = Stack(app, "Runbooks", env=env)
role = AutomationServiceRole(
    stack,
    "RestartRole",
    description="What the steps of the runbook can do",
    steps=[AutomationStep.run_command(["AWS-RunShellScript"], node_tags={"Restart": "allowed"})],
)
runbook = ssm.CfnDocument(
    stack,
    "Restart",
    document_type="Automation",
    document_format="JSON",
    content={
        "schemaVersion": "0.3",
        "description": "Restart a service on a managed node",
        "assumeRole": role.role_arn,
        "parameters": {
            "NodeId": {"type": "String", "allowedPattern": "^m?i-[0-9a-f]{8,17}$"},
            "Service": {"type": "String", "default": "nginx", "allowedPattern": "^[A-Za-z0-9_.@-]{1,64}$"},
        },
        "mainSteps": [
            {
                "name": "restart",
                "action": "aws:runCommand",
                "inputs": {
                    "DocumentName": "AWS-RunShellScript",
                    "InstanceIds": ["{{ NodeId }}"],
                    "Parameters": {"commands": ["systemctl restart {{ Service }}"]},
                },
            },
        ],
    },
)
operator = iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())
role.grant_start_execution(operator, [runbook.ref])
CfnOutput(stack, "Runbook", value=runbook.ref)
CfnOutput(stack, "OperatorRoleArn", value=operator.role_arn)
app.synth()
