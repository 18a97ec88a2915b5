"""Stack sets: the actions of the CloudFormation API, and what belongs to them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/what-is-cfnstacksets.html
"""

import functools
from typing import Any

from . import (
    query_protocol,
    stack_set_administrators,
    stack_set_answers,
    stack_set_auto_deployment,
    stack_set_resource,
    stack_set_state,
    stack_set_templates,
    stack_sets,
)
from .ministack import cloudformation


def _reading_as_caller(action: query_protocol.Action) -> query_protocol.Action:
    @functools.wraps(action)
    def handle(request: dict[str, Any]) -> dict[str, Any]:
        stack_set_templates.check_permission(request)
        return action(request)

    return handle


_ACTIONS: dict[str, query_protocol.Action] = {
    "ActivateOrganizationsAccess": stack_set_administrators.activate_access,
    "CreateStackInstances": stack_sets.create_stack_instances,
    "CreateStackSet": _reading_as_caller(stack_sets.create_stack_set),
    "DeactivateOrganizationsAccess": stack_set_administrators.deactivate_access,
    "DeleteStackInstances": stack_sets.delete_stack_instances,
    "DeleteStackSet": stack_sets.delete_stack_set,
    "DescribeOrganizationsAccess": stack_set_administrators.describe_access,
    "DescribeStackInstance": stack_set_answers.describe_stack_instance,
    "DescribeStackSet": stack_set_answers.describe_stack_set,
    "DescribeStackSetOperation": stack_set_answers.describe_stack_set_operation,
    "ListStackInstances": stack_set_answers.list_stack_instances,
    "ListStackSetAutoDeploymentTargets": stack_set_answers.list_auto_deployment_targets,
    "ListStackSetOperationResults": stack_set_answers.list_stack_set_operation_results,
    "ListStackSetOperations": stack_set_answers.list_stack_set_operations,
    "ListStackSets": stack_set_answers.list_stack_sets,
    "StopStackSetOperation": stack_sets.stop_stack_set_operation,
    "UpdateStackInstances": stack_sets.update_stack_instances,
    "UpdateStackSet": _reading_as_caller(stack_sets.update_stack_set),
}


def install() -> None:
    """Add stack sets to MiniStack."""
    query_protocol.put_in_front(cloudformation, "cloudformation", _ACTIONS)
    stack_set_administrators.install()
    stack_set_templates.install()
    stack_set_resource.install()
    stack_set_auto_deployment.install()
    reset_stacks = cloudformation.reset

    def reset_with_stack_sets() -> None:
        reset_stacks()
        stack_set_state.reset()
        stack_set_templates.reset()
        stack_set_administrators.reset()

    cloudformation.reset = reset_with_stack_sets
