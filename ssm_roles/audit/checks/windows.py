"""The tasks of maintenance windows."""

from __future__ import annotations

from collections.abc import Iterator

from ..._facts.iam_limits import SERVICE_LINKED_PATH
from ..check import Check, Fault
from ..intrinsics import shown
from ..template import Template


def _without_role(template: Template) -> Iterator[Fault]:
    for resource in template.of("AWS::SSM::MaintenanceWindowTask"):
        value = resource.properties.get("ServiceRoleArn")
        path = resource.at("ServiceRoleArn")
        properties = (*resource.path, "Properties") if "Properties" in resource.body else resource.path
        place = path if value is not None else properties
        if any(each in (None, "") for each, _ in template.values.alternatives(value, path)):
            yield Fault(resource.logical_id, place, "The task has no ServiceRoleArn")
        for text in template.values.texts(value):
            if f":role/{SERVICE_LINKED_PATH}" in text:
                yield Fault(resource.logical_id, path, f"The task has the service-linked role {shown(text)}")


CHECKS = (
    Check(
        id="WINDOW1",
        severity="warning",
        cfn_lint_id="W9761",
        title="A task of a maintenance window has no service role of its own",
        risk=(
            "Systems Manager uses its service-linked role, which AWS no longer recommends: you can't limit what the "
            "task may do, and the role can't run every task."
        ),
        remedy="Create a service role for the tasks of maintenance windows, and name it as ServiceRoleArn.",
        documentation_url=(
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/"
            "using-service-linked-roles-service-action-1.html"
        ),
        find=_without_role,
        example='{"Fn::GetAtt": ["MaintenanceWindowRole", "Arn"]}',
    ),
)
