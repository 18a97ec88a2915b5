"""What CloudFormation says about the stack of the function, which no event can forge."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from .custom_resource import shown
from .retries import Backoff, Deadline, RequestError, Service, described

# How long the events of a stack can lag behind, and how long asking may take in all.
_LAG_SECONDS = 15.0
_ASKING_SECONDS = 60.0


class AskingError(RequestError):
    """CloudFormation can't be asked."""


def check_deletion(event: dict[str, Any], deadline: Deadline) -> None:
    """Raise ``RequestError`` unless CloudFormation is deleting the resource of this event.

    The newest event with both IDs tells: the resource that replaces another one has the same logical ID, and one that
    was created again can have the same physical ID.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html
    """
    ids = {key: event[key] for key in ("LogicalResourceId", "PhysicalResourceId")}
    what = " ".join(shown(each) for each in ids.values())
    asking = deadline.within(_ASKING_SECONDS)
    backoff = Backoff(deadline)
    listed = time.monotonic() + _LAG_SECONDS
    while True:
        try:
            events = _asked(asking, "describe_stack_events", "StackEvents")
            newest = next((each for each in events if all(each.get(key) == ids[key] for key in ids)), {})
        except AskingError as error:
            raise AskingError(
                f"{what} is not deleted, because CloudFormation can't be asked whether it deletes it: {error}"
            ) from error
        status = newest.get("ResourceStatus", "unknown")
        if status == "DELETE_IN_PROGRESS":
            return
        reason = f"{what} is not deleted, because CloudFormation isn't deleting it: its status is {status}"
        if time.monotonic() > listed:
            raise RequestError(reason)
        backoff.wait(reason)


def is_being_deleted(physical_id: str, deadline: Deadline) -> bool:
    """Whether the newest event of the resources with a physical ID is about their deletion."""
    events = _asked(deadline.within(_ASKING_SECONDS), "describe_stack_events", "StackEvents")
    newest = next((each for each in events if each.get("PhysicalResourceId") == physical_id), {})
    return str(newest.get("ResourceStatus")).startswith("DELETE_")


def resources_of_type(resource_type: str, deadline: Deadline) -> dict[str, str]:
    """Return the logical IDs of the resources of a type in the stack, by physical ID.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html
    """
    listed = _asked(deadline.within(_ASKING_SECONDS), "list_stack_resources", "StackResourceSummaries")
    return {
        each["PhysicalResourceId"]: each["LogicalResourceId"]
        for each in listed
        # A resource that has not been created yet has no ID.
        if each["ResourceType"] == resource_type and "PhysicalResourceId" in each
    }


def _asked(deadline: Deadline, operation: str, key: str) -> Iterator[dict[str, Any]]:
    """Yield all pages of an answer about the stack."""
    cloudformation = Service("cloudformation", deadline)
    page: dict[str, Any] = {}
    while True:
        try:
            response = cloudformation.call(operation, needs=key, StackName=os.environ["STACK_ID"], **page)
        except ClientError as error:
            raise AskingError(described(error)) from error
        except RequestError as error:
            raise AskingError(str(error)) from error
        yield from response[key]
        if not response.get("NextToken"):
            return
        page = {"NextToken": response["NextToken"]}
