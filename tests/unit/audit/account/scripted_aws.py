"""AWS as a script: what each call returns, without a connection."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.exceptions import ClientError

# Loading the API models takes most of the time that creating a client takes.
_LOADER = botocore.loaders.create_loader()

Answer = dict[str, Any] | Exception | Callable[[dict[str, Any], str], Any]

_CALLER = {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/auditor", "UserId": "AIDA"}
_NOTHING: dict[str, dict[str, Any]] = {
    "account:ListRegions": {"Regions": []},
    "cloudformation:DescribeStackResources": {"StackResources": []},
    "ec2:DescribeRegions": {"Regions": []},
    "iam:GetAccountAuthorizationDetails": {"RoleDetailList": [], "IsTruncated": False},
    "ssm:DescribeActivations": {"ActivationList": []},
    "ssm:DescribeInstanceInformation": {"InstanceInformationList": []},
    "ssm:DescribeMaintenanceWindowTasks": {"Tasks": []},
    "ssm:DescribeMaintenanceWindows": {"WindowIdentities": []},
    "ssm:GetServiceSetting": {"ServiceSetting": {"SettingValue": "$None"}},
    "ssm:ListCloudConnectors": {"CloudConnectors": []},
    "sts:GetCallerIdentity": _CALLER,
}


def aws_error(code: str, message: str = "told to fail") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


class ScriptedAws:
    """Returns the same answer to each call of an action; an account without anything by default.

    Attributes:
        calls: The calls, with their actions, Regions and parameters.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self._answers: dict[tuple[str, str], Answer] = {}

    def answer(self, action: str, answer: Answer, region: str = "") -> None:
        """Set what an action returns, or raises, in a Region or in all of them."""
        self._answers[action, region] = answer

    def session(self, region: str | None = "eu-west-1") -> Any:
        low_level = botocore.session.Session()
        low_level.register_component("data_loader", _LOADER)
        session = boto3.Session("test", "test", region_name=region, botocore_session=low_level)
        session.events.register("before-call", self._call)
        return session

    def actions(self) -> list[str]:
        return [action for action, _, _ in self.calls]

    def _call(self, model: Any, params: dict[str, Any], request_signer: Any, **_: Any) -> Any:
        action = f"{model.service_model.endpoint_prefix}:{model.name}"
        # IAM has no Regions.
        region = "" if action.startswith("iam:") else request_signer.region_name
        body = params["body"]
        request = body if isinstance(body, dict) else json.loads(body or b"{}")
        self.calls.append((action, region, request))
        if action == "iam:GetRole" and (action, "") not in self._answers:
            raise aws_error("NoSuchEntity")
        answer = self._answers.get((action, region), self._answers.get((action, ""), _NOTHING.get(action)))
        assert answer is not None, action
        if callable(answer):
            answer = answer(request, region)
        if isinstance(answer, Exception):
            raise answer
        # The AWS SDK decodes policy documents in place.
        return SimpleNamespace(status_code=200), copy.deepcopy(answer)
