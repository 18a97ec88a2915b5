"""The resource ARNs and condition keys against which IAM policies are evaluated.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import json
from collections.abc import Mapping
from typing import Any

from . import activations, managed_nodes, service_linked_roles
from .ministack import app, cloudformation_handlers, iam, iam_actions, iam_evaluator
from .responses import parameter


def _iam_resource(parameters: Mapping[str, list[str]], account: str) -> str | None:
    action = parameter(parameters, "Action")
    if action == "CreateServiceLinkedRole":
        kind = service_linked_roles.ServiceLinkedRoleKind.of(parameter(parameters, "AWSServiceName") or "")
        return service_linked_roles.role_arn(account, kind, parameter(parameters, "CustomSuffix"))
    if action == "GetServiceLinkedRoleDeletionStatus":
        return service_linked_roles.role_arn_of_task(parameter(parameters, "DeletionTaskId") or "", account)
    profile_name = parameter(parameters, "InstanceProfileName")
    if profile_name is not None:
        profile = iam._instance_profiles.get(profile_name)
        if profile is not None:
            return str(profile["Arn"])
        return f"arn:aws:iam::{account}:instance-profile{parameter(parameters, 'Path') or '/'}{profile_name}"
    role_name = parameter(parameters, "RoleName")
    if role_name is None:
        return None
    role = service_linked_roles.find_role(role_name, account)
    if role is not None and action != "CreateRole":
        return str(role["Arn"])
    return f"arn:aws:iam::{account}:role{parameter(parameters, 'Path') or '/'}{role_name}"


def _stack_resource(parameters: Mapping[str, list[str]]) -> str | None:
    # A stack that exists is authorized on its ARN, also if the request contains its name.
    name = parameter(parameters, "StackName")
    if name is None or parameter(parameters, "Action") == "CreateStack":
        return None
    stack = cloudformation_handlers._resolve_stack(name)
    return None if not stack or stack["StackStatus"] == "DELETE_COMPLETE" else str(stack["StackId"])


def _request(body: bytes) -> Mapping[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _ssm_resource(body: bytes, region: str, account: str) -> str | None:
    request = _request(body)
    setting, window = request.get("SettingId"), request.get("WindowId")
    if isinstance(setting, str):
        # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetServiceSetting.html
        return setting if setting.startswith("arn:") else f"arn:aws:ssm:{region}:{account}:servicesetting{setting}"
    if isinstance(window, str):
        return f"arn:aws:ssm:{region}:{account}:maintenancewindow/{window}"
    node_id = _managed_node(request)
    return None if node_id is None else activations.managed_node_arn(node_id)


def _managed_node(request: Mapping[str, Any]) -> str | None:
    node_id = request.get("ResourceId" if request.get("ResourceType") == "ManagedInstance" else "InstanceId")
    return node_id if isinstance(node_id, str) and node_id.startswith("mi-") else None


def _arn_matches(actual: str, expected: str) -> bool:
    # Each of the six parts of an ARN is compared separately, so that a wildcard doesn't match a colon.
    if expected == "*":
        return True
    actual_parts, expected_parts = actual.split(":", 5), expected.split(":", 5)
    return len(actual_parts) == len(expected_parts) and all(
        iam_evaluator.fnmatch_iam_cs(part, pattern) for part, pattern in zip(actual_parts, expected_parts, strict=True)
    )


def _role_of_session(principal_arn: str) -> str:
    """Return the ARN of the role of a session, or the ARN of any other principal."""
    account, resource = principal_arn.split(":", 5)[4:] if principal_arn.count(":") >= 5 else ("", "")
    if not resource.startswith("assumed-role/"):
        return principal_arn
    role = service_linked_roles.find_role(resource.split("/")[1], account)
    return principal_arn if role is None else str(role["Arn"])


def _without_services(document: Any) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(document) if isinstance(document, str) else dict(document)
    statements = policy.get("Statement", [])
    return {
        **policy,
        "Statement": [
            {**statement, "Principal": {kind: name for kind, name in principal.items() if kind != "Service"}}
            if isinstance(principal := statement.get("Principal"), dict)
            else statement
            for statement in ([statements] if isinstance(statements, dict) else statements)
        ],
    }


def install() -> None:
    """Correct how MiniStack evaluates policies."""
    _correct_requests()
    _correct_comparisons()


def _correct_comparisons() -> None:
    evaluate_trust_policy = iam_evaluator.evaluate_trust_policy
    # Callers of sts:AssumeRole are never AWS services, not even the root user of the account.
    iam_evaluator.evaluate_trust_policy = lambda document, *rest: evaluate_trust_policy(
        _without_services(document), *rest
    )
    resolve_condition_key = iam_evaluator._resolve_condition_key

    def condition_key(key: str, context: Any) -> Any:
        value = resolve_condition_key(key, context)
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
        return _role_of_session(value) if key.lower() == "aws:principalarn" else value

    iam_evaluator._resolve_condition_key = condition_key
    iam_evaluator._CONDITION_OPS.update(
        arnequals=_arn_matches,
        arnlike=_arn_matches,
        arnnotequals=lambda actual, expected: not _arn_matches(actual, expected),
        arnnotlike=lambda actual, expected: not _arn_matches(actual, expected),
    )


def _correct_requests() -> None:
    pin_request_origin = app.pin_request_origin
    # Requests count as sent over TLS. Otherwise, policies that deny unencrypted requests, such as that of the bootstrap
    # bucket, would deny every request to the loopback interface.
    app.pin_request_origin = lambda address, _secure: pin_request_origin(address, True)

    extract_resource_arn = iam_actions.extract_resource_arn
    request_tag_context = iam_actions.request_tag_context

    def resource_arn(service: str, *rest: Any) -> Any:
        if service == "iam":
            # The arguments are method, path, headers, body, parameters, Region and account.
            found = _iam_resource(rest[4], rest[6])
        elif service == "cloudformation":
            found = _stack_resource(rest[4])
        elif service == "ssm":
            found = _ssm_resource(rest[3], rest[5], rest[6])
        else:
            found = None
        if found is not None:
            return found
        return extract_resource_arn(service, *rest)

    def condition_keys(service: str, action: str, body: bytes, parameters: Mapping[str, list[str]]) -> dict[str, Any]:
        keys: dict[str, Any] = dict(request_tag_context(service, action, body, parameters))
        if action == "iam:CreateServiceLinkedRole":
            keys["iam:AWSServiceName"] = parameter(parameters, "AWSServiceName")
        if service == "ssm" and (node_id := _managed_node(_request(body))) is not None:
            keys.update(managed_nodes.condition_keys(node_id))
        if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
            keys["iam:PolicyARN"] = parameter(parameters, "PolicyArn")
        return keys

    iam_actions.extract_resource_arn = resource_arn
    iam_actions.request_tag_context = condition_keys
