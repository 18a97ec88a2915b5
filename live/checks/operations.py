"""Checks of automations, maintenance windows, notifications and associations: which sources they send to IAM.

AWS documents no field of AWS CloudTrail that records `aws:SourceArn` and `aws:SourceAccount` of a service's calls.
Therefore, each check has roles whose trust policies accept one source each, and looks which of them Systems Manager can
assume: https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.exceptions import ClientError

from ..check import Check, ContradictedError, NotCheckedError, check, not_checkable
from ..sandbox import Sandbox, code_and_message, expect, trust

_USER_GUIDE = "https://docs.aws.amazon.com/systems-manager/latest/userguide"
_DEPUTY = f"{_USER_GUIDE}/cross-service-confused-deputy-prevention.html"
_AUTOMATION = f"{_USER_GUIDE}/automation-setup-iam.html"
_WINDOWS = f"{_USER_GUIDE}/configuring-maintenance-window-permissions-cli.html"
_NOTIFICATIONS = f"{_USER_GUIDE}/monitoring-sns-notifications.html"
_ASSOCIATIONS = f"{_USER_GUIDE}/scheduling-automations-state-manager-associations.html"
_OTHER_ACCOUNT = "999999999999"
_WINDOW_ENDED = ("SUCCESS", "FAILED", "TIMED_OUT", "CANCELLED", "SKIPPED_OVERLAPPING")
_ENDED = ("Success", "Failed", "TimedOut", "Cancelled", "CompletedWithFailure")

# The role of this runbook needs no permission. Its only step looks who runs it.
_RUNBOOK = {
    "schemaVersion": "0.3",
    "description": "Assume the role of a live test of ssm_roles",
    "assumeRole": "{{ AutomationAssumeRole }}",
    "parameters": {"AutomationAssumeRole": {"type": "String"}},
    "mainSteps": [
        {
            "name": "identity",
            "action": "aws:executeAwsApi",
            "inputs": {"Service": "sts", "Api": "GetCallerIdentity"},
            "isEnd": True,
        }
    ],
}


def _runbook(name: str) -> dict[str, Any]:
    properties = {"Name": name, "DocumentType": "Automation", "DocumentFormat": "JSON", "Content": _RUNBOOK}
    return {"Type": "AWS::SSM::Document", "Properties": properties}


def _role(conditions: Mapping[str, Any] | None, statements: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    properties: dict[str, Any] = {"AssumeRolePolicyDocument": trust(conditions)}
    if statements:
        document = {"Version": "2012-10-17", "Statement": statements}
        properties["Policies"] = [{"PolicyName": "Check", "PolicyDocument": document}]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _roles(variants: Mapping[str, Any], statements: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {name: _role(conditions, statements) for name, conditions in variants.items()}


def _outputs(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"Value": {"Fn::GetAtt": [name, "Arn"]}} for name in names}


def _starting(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return what a role needs that starts the runbook with another role of the run."""
    roles = sandbox.target.arn("iam", f"role/{sandbox.run.id}-*")
    return [
        {
            "Effect": "Allow",
            "Action": ["ssm:StartAutomationExecution", "ssm:GetAutomationExecution"],
            "Resource": "*",
        },
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": roles},
    ]


def _account(account: str) -> dict[str, Any]:
    return {"StringEquals": {"aws:SourceAccount": account}}


def _judge(works: Mapping[str, bool], expected: str) -> str:
    """Return the evidence if the open and the expected role can be assumed, and the closed one can't be."""
    evidence = ", ".join(f"{name}: {'assumed' if can else 'not assumed'}" for name, can in works.items())
    if not works["Open"]:
        raise NotCheckedError(f"the role without conditions was not assumed either ({evidence})")
    if works["Closed"]:
        raise ContradictedError(f"the role that trusts another account was assumed ({evidence})")
    return expect(works[expected], evidence)


def _execution_ends_well(sandbox: Sandbox, execution_id: str) -> bool:
    ssm = sandbox.client("ssm")

    def ended() -> str | None:
        execution = ssm.get_automation_execution(AutomationExecutionId=execution_id)["AutomationExecution"]
        status = str(execution["AutomationExecutionStatus"])
        return status if status in _ENDED else None

    return bool(sandbox.wait(ended, seconds=120) == "Success")


def _automation(id: str, statement: str, variant: str, condition: Callable[[Sandbox], dict[str, Any]]) -> Check:
    @check(
        id, statement, _AUTOMATION, "ssm_roles/_iam/principals.py", "ssm_roles/operations/automation.py", seconds=180
    )
    def verify(sandbox: Sandbox) -> str:
        variants = {"Open": None, "Closed": _account(_OTHER_ACCOUNT), variant: condition(sandbox)}
        document = sandbox.run.name(id)
        template = {"Resources": {"Runbook": _runbook(document), **_roles(variants)}, "Outputs": _outputs(variants)}
        roles = sandbox.stack(id, template)
        sandbox.not_on_emulator("run automations")
        sandbox.settle(15)
        ssm, works = sandbox.client("ssm"), {}
        for name, arn in roles.items():
            parameters = {"AutomationAssumeRole": [arn]}
            try:
                started = ssm.start_automation_execution(DocumentName=document, Parameters=parameters)
            except ClientError as error:
                if "assume" not in code_and_message(error)[1]:
                    raise
                works[name] = False
                continue
            works[name] = _execution_ends_well(sandbox, started["AutomationExecutionId"])
        return _judge(works, variant)

    return verify


automation_account = _automation(
    "automation-source-account",
    "Automation assumes the role of a runbook with the account as `aws:SourceAccount`.",
    "SourceAccount",
    lambda sandbox: _account(sandbox.account),
)
automation_arn = _automation(
    "automation-source-arn",
    "Automation assumes the role of a runbook with an `aws:SourceArn` of the form "
    "`arn:PARTITION:ssm:REGION:ACCOUNT:automation-execution/ID`.",
    "SourceArn",
    lambda sandbox: {"ArnLike": {"aws:SourceArn": sandbox.target.arn("ssm", "automation-execution/*", region="*")}},
)


def _window(id: str, statement: str, variant: str, condition: Callable[[Sandbox], dict[str, Any]]) -> Check:
    @check(id, statement, _DEPUTY, "ssm_roles/operations/maintenance_window.py", seconds=420)
    def verify(sandbox: Sandbox) -> str:
        variants = {"Open": None, "Closed": _account(_OTHER_ACCOUNT), variant: condition(sandbox)}
        runbook = sandbox.run.name(id)
        resources: dict[str, Any] = {"Runbook": _runbook(runbook), **_roles(variants, _starting(sandbox))}
        begin = datetime.now(timezone.utc) + timedelta(minutes=4)
        for name in variants:
            resources |= _window_resources(
                name, runbook, sandbox.run.name(f"{id}-{name}"), f"at({begin:%Y-%m-%dT%H:%M:%S})"
            )
        outputs = {name: {"Value": {"Ref": f"{name}Window"}} for name in variants}
        windows = sandbox.stack(id, {"Resources": resources, "Outputs": outputs})
        sandbox.not_on_emulator("run maintenance windows")
        time.sleep(max(0.0, (begin - datetime.now(timezone.utc)).total_seconds()))
        return _judge({name: _window_ran(sandbox, window_id) for name, window_id in windows.items()}, variant)

    return verify


def _window_resources(name: str, runbook: str, title: str, schedule: str) -> dict[str, Any]:
    window = {
        "Name": title,
        "Schedule": schedule,
        "Duration": 1,
        "Cutoff": 0,
        "AllowUnassociatedTargets": True,
    }
    task = {
        "WindowId": {"Ref": f"{name}Window"},
        "TaskType": "AUTOMATION",
        "TaskArn": runbook,
        "ServiceRoleArn": {"Fn::GetAtt": [name, "Arn"]},
        "Priority": 1,
        "TaskInvocationParameters": {
            "MaintenanceWindowAutomationParameters": {
                "Parameters": {"AutomationAssumeRole": [{"Fn::GetAtt": ["Open", "Arn"]}]}
            }
        },
    }
    return {
        f"{name}Window": {"Type": "AWS::SSM::MaintenanceWindow", "Properties": window},
        f"{name}Task": {"Type": "AWS::SSM::MaintenanceWindowTask", "Properties": task, "DependsOn": ["Runbook"]},
    }


def _window_ran(sandbox: Sandbox, window_id: str) -> bool:
    """Return whether the window's task started the runbook, for which Systems Manager must assume the window's role."""
    ssm = sandbox.client("ssm")

    def ended() -> str | None:
        executions = ssm.describe_maintenance_window_executions(WindowId=window_id)["WindowExecutions"]
        return next((str(each["Status"]) for each in executions if each["Status"] in _WINDOW_ENDED), None)

    return bool(sandbox.wait(ended, seconds=240) == "SUCCESS")


window_account = _window(
    "maintenance-window-source-account",
    "A maintenance window assumes its role with the account as `aws:SourceAccount`, which AWS doesn't document.",
    "SourceAccount",
    lambda sandbox: _account(sandbox.account),
)
window_arn = _window(
    "maintenance-window-source-arn",
    "A maintenance window assumes its role with an `aws:SourceArn` of the form "
    "`arn:PARTITION:ssm:REGION:ACCOUNT:maintenancewindow/ID`, which AWS doesn't document.",
    "SourceArn",
    lambda sandbox: {"ArnLike": {"aws:SourceArn": sandbox.target.arn("ssm", "maintenancewindow/*")}},
)


def _notification(id: str, statement: str, variant: str, condition: Callable[[Sandbox], dict[str, Any]]) -> Check:
    @check(id, statement, _NOTIFICATIONS, "ssm_roles/operations/run_command_notification.py", seconds=240)
    def verify(sandbox: Sandbox) -> str:
        variants = {"Open": None, "Closed": _account(_OTHER_ACCOUNT), variant: condition(sandbox)}
        publish = [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]
        resources: dict[str, Any] = _roles(variants, publish)
        outputs = _outputs(variants)
        for name in variants:
            resources |= _topic_with_queue(name)
            outputs[f"{name}Topic"] = {"Value": {"Ref": f"{name}Topic"}}
            outputs[f"{name}Queue"] = {"Value": {"Ref": f"{name}Queue"}}
        made = sandbox.stack(id, {"Resources": resources, "Outputs": outputs})
        sandbox.not_on_emulator("publish notifications of commands")
        # The machine never answers. The command is cancelled, which is notified.
        node = sandbox.node(sandbox.activation(sandbox.node_role(f"{id}-node")))
        return _judge({name: _notified(sandbox, node.id, name, made) for name in variants}, variant)

    return verify


def _topic_with_queue(name: str) -> dict[str, Any]:
    subscription = {"Protocol": "sqs", "Endpoint": {"Fn::GetAtt": [f"{name}Queue", "Arn"]}}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [f"{name}Queue", "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": f"{name}Topic"}}},
    }
    policy = {
        "Queues": [{"Ref": f"{name}Queue"}],
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
    return {
        f"{name}Queue": {"Type": "AWS::SQS::Queue"},
        f"{name}Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Subscription": [subscription]}},
        f"{name}Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
    }


def _notified(sandbox: Sandbox, node_id: str, name: str, made: Mapping[str, str]) -> bool:
    ssm, sqs = sandbox.client("ssm"), sandbox.client("sqs")
    topic = {"NotificationArn": made[f"{name}Topic"], "NotificationEvents": ["All"], "NotificationType": "Command"}
    command = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        InstanceIds=[node_id],
        Parameters={"commands": ["true"]},
        ServiceRoleArn=made[name],
        NotificationConfig=topic,
    )["Command"]["CommandId"]
    ssm.cancel_command(CommandId=command)

    def received() -> bool:
        messages = sqs.receive_message(QueueUrl=made[f"{name}Queue"], WaitTimeSeconds=10).get("Messages", [])
        return any(command in json.dumps(each) for each in messages)

    return bool(sandbox.wait(received, seconds=60))


notification_account = _notification(
    "notification-source-account",
    "Run Command assumes the role for notifications with the account as `aws:SourceAccount`, which AWS doesn't "
    "document.",
    "SourceAccount",
    lambda sandbox: _account(sandbox.account),
)


def _association(id: str, statement: str, variant: str, condition: Callable[[Sandbox], dict[str, Any]]) -> Check:
    @check(id, statement, _ASSOCIATIONS, "ssm_roles/operations/association_dispatch.py", seconds=240)
    def verify(sandbox: Sandbox) -> str:
        variants = {"Open": None, "Closed": _account(_OTHER_ACCOUNT), variant: condition(sandbox)}
        runbook = sandbox.run.name(id)
        resources: dict[str, Any] = {"Runbook": _runbook(runbook), **_roles(variants, _starting(sandbox))}
        for name in variants:
            properties = {
                "Name": runbook,
                "AssociationName": sandbox.run.name(f"{id}-{name}"),
                "AssociationDispatchAssumeRole": {"Fn::GetAtt": [name, "Arn"]},
                "Parameters": {"AutomationAssumeRole": [{"Fn::GetAtt": ["Open", "Arn"]}]},
            }
            resources[f"{name}Association"] = {
                "Type": "AWS::SSM::Association",
                "Properties": properties,
                "DependsOn": ["Runbook"],
            }
        outputs = {name: {"Value": {"Ref": f"{name}Association"}} for name in variants}
        made = sandbox.stack(id, {"Resources": resources, "Outputs": outputs})
        sandbox.not_on_emulator("run associations")
        return _judge({name: _association_ran(sandbox, association) for name, association in made.items()}, variant)

    return verify


def _association_ran(sandbox: Sandbox, association_id: str) -> bool:
    ssm = sandbox.client("ssm")

    def ended() -> str | None:
        executions = ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
        return next((str(each["Status"]) for each in executions if each["Status"] in _ENDED), None)

    return bool(sandbox.wait(ended, seconds=180) == "Success")


association_account = _association(
    "association-source-account",
    "State Manager assumes the dispatch role of an association with the account as `aws:SourceAccount`, which AWS "
    "documents for cloud connectors only.",
    "SourceAccount",
    lambda sandbox: _account(sandbox.account),
)

CHECKS = (
    automation_account,
    automation_arn,
    window_account,
    window_arn,
    notification_account,
    association_account,
    not_checkable(
        "cloud-connector-source-arn",
        "A cloud connector assumes its federation role with an `aws:SourceArn` of the form "
        "`arn:PARTITION:ssm:REGION:ACCOUNT:cloud-connector/ID`.",
        f"{_USER_GUIDE}/cloud-connector-azure-federation-role.html",
        "ssm_roles/_iam/principals.py",
        "ssm_roles/nodes/cloud_connector_roles.py",
        needs="a tenant of Microsoft Azure and an AWS Config connector",
    ),
    not_checkable(
        "quick-setup-source-arn",
        "CloudFormation assumes the administration role of Quick Setup with an `aws:SourceArn` that begins with "
        "`arn:PARTITION:cloudformation:REGION:ACCOUNT:stackset/AWS-QuickSetup-`.",
        f"{_USER_GUIDE}/quick-setup-getting-started.html",
        "ssm_roles/_iam/principals.py",
        "ssm_roles/operations/quick_setup.py",
        needs="a Quick Setup configuration, which changes settings of the whole account",
    ),
    not_checkable(
        "explorer-role",
        "Explorer uses a role with the name that AWS's policies expect, and trusts `ssm.amazonaws.com`.",
        f"{_USER_GUIDE}/Explorer-setup.html",
        "ssm_roles/operations/explorer.py",
        needs="enabling Explorer in the console, which no API does",
    ),
)
