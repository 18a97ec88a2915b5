"""The Systems Manager resources of templates, as far as their deployment depends on roles."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_TIER = "/ssm/managed-instance/activation-tier"
_TIER_ARN = f"arn:aws:ssm:eu-west-1:111122223333:servicesetting{_TIER}"
_ROLE_ARN = "arn:aws:iam::111122223333:role/service-role/Connector"


def _resource(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::SSM::{name}", "Properties": properties}


def _deploy(
    aws: EmbeddedAws,
    resources: Mapping[str, Any],
    attributes: Mapping[str, tuple[str, str]] | None = None,
    operation: str = "create",
) -> tuple[str, dict[str, str]]:
    client = aws.client("cloudformation")
    outputs: dict[str, Any] = {name: {"Value": {"Ref": name}} for name in resources}
    outputs |= {name: {"Value": {"Fn::GetAtt": list(path)}} for name, path in (attributes or {}).items()}
    template = json.dumps({"Resources": resources, "Outputs": outputs})
    getattr(client, f"{operation}_stack")(
        StackName="stack", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    (stack,) = client.describe_stacks(StackName="stack")["Stacks"]
    return stack["StackStatus"], {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def _why(aws: EmbeddedAws) -> str:
    events = aws.client("cloudformation").describe_stack_events(StackName="stack")["StackEvents"]
    (reason,) = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    return str(reason)


def _delete(aws: EmbeddedAws) -> None:
    client = aws.client("cloudformation")
    stack_id = client.describe_stacks(StackName="stack")["Stacks"][0]["StackId"]
    client.delete_stack(StackName="stack")
    assert client.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def _tier(aws: EmbeddedAws) -> str:
    return str(aws.client("ssm").get_service_setting(SettingId=_TIER)["ServiceSetting"]["SettingValue"])


def test_a_service_setting_is_set_and_reset(aws: EmbeddedAws) -> None:
    setting = _resource("ServiceSetting", SettingId=_TIER, SettingValue="advanced")
    attributes = {name: ("Setting", name) for name in ("Arn", "Status", "LastModifiedDate", "LastModifiedUser")}
    status, outputs = _deploy(aws, {"Setting": setting}, attributes)
    assert (status, _tier(aws)) == ("CREATE_COMPLETE", "advanced")
    assert (outputs["Setting"], outputs["Arn"], outputs["Status"]) == (_TIER_ARN, _TIER_ARN, "Customized")
    setting = _resource("ServiceSetting", SettingId=_TIER, SettingValue="standard")
    assert _deploy(aws, {"Setting": setting}, operation="update")[0] == "UPDATE_COMPLETE"
    assert _tier(aws) == "standard"
    aws.client("ssm").update_service_setting(SettingId=_TIER, SettingValue="advanced")
    _delete(aws)
    assert _tier(aws) == "standard"


def test_an_invalid_value_of_a_setting_fails_the_stack(aws: EmbeddedAws) -> None:
    setting = _resource("ServiceSetting", SettingId=_TIER, SettingValue="premium")
    assert _deploy(aws, {"Setting": setting})[0] == "ROLLBACK_COMPLETE"
    assert _why(aws).endswith("HandlerErrorCode: InvalidRequest)")


def _connector(role_arn: str = _ROLE_ARN) -> dict[str, Any]:
    return _resource(
        "CloudConnector",
        DisplayName="Azure",
        RoleArn=role_arn,
        ConfigConnectorArn="arn:aws:config:eu-west-1:111122223333:connector/azure/1",
        Configuration={"AzureConfiguration": {"TenantId": "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
                                              "ApplicationId": "1" * 8 + "-1111" * 3 + "-" + "1" * 12}},
    )  # fmt: skip


def _role(path: str = "/service-role/", service: str = "ssm.amazonaws.com") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    properties = {"RoleName": "Connector", "Path": path, "AssumeRolePolicyDocument": document}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def test_a_cloud_connector_has_a_role_that_trusts_systems_manager(aws: EmbeddedAws) -> None:
    resources = {"Role": _role(), "Connector": {**_connector(), "DependsOn": "Role"}}
    attributes = {name: ("Connector", name) for name in ("CloudConnectorArn", "CloudConnectorId", "CreatedAt")}
    status, outputs = _deploy(aws, resources, attributes)
    assert status == "CREATE_COMPLETE", _why(aws)
    arn = outputs["Connector"]
    assert arn == outputs["CloudConnectorArn"]
    assert arn == f"arn:aws:ssm:eu-west-1:111122223333:cloud-connector/{outputs['CloudConnectorId']}"
    renamed = _connector()
    renamed["Properties"]["DisplayName"] = "Other"
    resources["Connector"] = {**renamed, "DependsOn": "Role"}
    assert _deploy(aws, resources, attributes, "update") == ("UPDATE_COMPLETE", outputs)
    _delete(aws)


@pytest.mark.parametrize(
    ("role", "arn", "why"),
    [
        (_role(path="/"), _ROLE_ARN.replace("service-role/", ""), "must have the path /service-role/"),
        (_role(path="/"), _ROLE_ARN, "Nonexistent role or missing ssm service principal in trust policy"),
        (_role(service="ec2.amazonaws.com"), _ROLE_ARN, "Nonexistent role or missing ssm service principal"),
        (_role(), _ROLE_ARN.replace("111122223333", "444455556666"), "Nonexistent role"),
    ],
)
def test_any_other_role_fails_the_connector(aws: EmbeddedAws, role: dict[str, Any], arn: str, why: str) -> None:
    resources = {"Role": role, "Connector": {**_connector(arn), "DependsOn": "Role"}}
    assert _deploy(aws, resources)[0] == "ROLLBACK_COMPLETE"
    assert why in _why(aws)


def _window(**properties: Any) -> dict[str, Any]:
    schedule = {"Schedule": "rate(7 days)", "Duration": 2, "Cutoff": 1, "AllowUnassociatedTargets": False}
    return _resource("MaintenanceWindow", **{"Name": "Patches", **schedule, **properties})


_TARGETS = [{"Key": "tag:Patch", "Values": ["yes"]}]


def test_other_resources_are_stored(aws: EmbeddedAws) -> None:
    resources = {
        "Document": _resource("Document", Content={"schemaVersion": "0.3", "mainSteps": []}, DocumentType="Automation"),
        "Association": _resource("Association", Name={"Ref": "Document"}, Targets=_TARGETS),
        "Window": _window(),
        "Target": _resource(
            "MaintenanceWindowTarget", WindowId={"Ref": "Window"}, ResourceType="INSTANCE", Targets=_TARGETS
        ),
        "Task": _resource(
            "MaintenanceWindowTask",
            WindowId={"Ref": "Window"},
            Targets=[{"Key": "WindowTargetIds", "Values": [{"Ref": "Target"}]}],
            TaskType="RUN_COMMAND",
            TaskArn="AWS-RunPatchBaseline",
            Priority=1,
            MaxConcurrency="1",
            MaxErrors="1",
            TaskInvocationParameters={"MaintenanceWindowRunCommandParameters": {"Parameters": {"Operation": ["Scan"]}}},
        ),
    }
    attributes = {
        "AssociationId": ("Association", "AssociationId"),
        "WindowId": ("Window", "WindowId"),
        "WindowTargetId": ("Target", "WindowTargetId"),
        "WindowTaskId": ("Task", "WindowTaskId"),
    }
    status, outputs = _deploy(aws, resources, attributes)
    assert status == "CREATE_COMPLETE"
    assert outputs["Document"].startswith("stack-Document-")
    assert re.fullmatch("mw-[0-9a-f]{17}", outputs["Window"])
    for name, (logical_id, _) in attributes.items():
        assert outputs[name] == outputs[logical_id]
    resources["Window"] = _window(Duration=3)
    assert _deploy(aws, resources, attributes, "update") == ("UPDATE_COMPLETE", outputs)
    _delete(aws)


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        (_window(Duration=25), "Value '25' at 'duration' failed to satisfy constraint"),
        (_window(Name="a b"), "at 'name' failed to satisfy constraint"),
        (_resource("Association", Name="AWS-RunShellScript", ComplianceSeverity="GRAVE"), "'complianceSeverity'"),
        (
            _resource("MaintenanceWindowTask", WindowId="mw-" + "0" * 17, TaskType="LAMBDA", TaskArn="a", Priority=1),
            "Maintenance window mw-00000000000000000 does not exist",
        ),
    ],
)
def test_a_resource_that_violates_the_api_model_fails_the_stack(
    aws: EmbeddedAws, resource: dict[str, Any], why: str
) -> None:
    assert _deploy(aws, {"Resource": resource})[0] == "ROLLBACK_COMPLETE"
    assert why in _why(aws)


def _sync(source_type: str = "AwsOrganizations") -> dict[str, Any]:
    source: dict[str, Any] = {"SourceType": source_type, "SourceRegions": ["eu-west-1"]}
    if source_type == "AwsOrganizations":
        source["AwsOrganizationsSource"] = {"OrganizationSourceType": "EntireOrganization"}
    return _resource("ResourceDataSync", SyncName="organization", SyncType="SyncFromSource", SyncSource=source)


def _deletion_status(aws: EmbeddedAws) -> str:
    iam = aws.client("iam")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForAmazonSSM_AccountDiscovery")["DeletionTaskId"]
    while (status := iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"]) not in (
        "FAILED",
        "SUCCEEDED",
    ):
        time.sleep(0.05)
    return str(status)


def test_a_resource_data_sync_for_an_organization_prevents_the_deletion_of_its_role(aws: EmbeddedAws) -> None:
    aws.client("iam").create_service_linked_role(AWSServiceName="accountdiscovery.ssm.amazonaws.com")
    status, outputs = _deploy(aws, {"Sync": _sync()}, {"SyncName": ("Sync", "SyncName")})
    assert (status, outputs["Sync"], outputs["SyncName"]) == ("CREATE_COMPLETE", "organization", "organization")
    assert _deletion_status(aws) == "FAILED"
    _delete(aws)
    assert _deletion_status(aws) == "SUCCEEDED"


def test_a_resource_data_sync_for_one_account_uses_no_role(aws: EmbeddedAws) -> None:
    aws.client("iam").create_service_linked_role(AWSServiceName="accountdiscovery.ssm.amazonaws.com")
    assert _deploy(aws, {"Sync": _sync("SingleAccountMultiRegions")})[0] == "CREATE_COMPLETE"
    assert _deletion_status(aws) == "SUCCEEDED"
