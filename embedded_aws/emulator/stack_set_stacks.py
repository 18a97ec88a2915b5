"""The stacks of stack sets, in the accounts and Regions that they are deployed to.

StackSets calls CloudFormation with a role of its own in each account, so that the permissions of the caller don't
matter there, but the service control policies of the account do.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

import contextlib
import os
import time
import uuid
from collections.abc import Sequence
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

_BODY_BYTES = 51_200
_POLL_SECONDS = 0.05
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
# A stack that failed to be created can't be updated.
_DEAD = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_COMPLETE", "DELETE_FAILED")


class StackInstance(Protocol):
    """Where a stack is, and which it is."""

    account: str
    region: str
    stack_id: str | None


def client(service: str, account: str, region: str) -> Any:
    """Return a client that calls the emulator as the root user of an account."""
    make_client: Any = boto3.session.Session().client
    return make_client(
        service,
        region_name=region,
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(proxies={}, retries={"max_attempts": 2}, read_timeout=900),
    )


def deploy(name: str, template: str, capabilities: Sequence[str], instance: StackInstance) -> None:
    """Create or update the stack of an instance.

    Raises:
        Exception: CloudFormation rejected the request, or the stack failed. The message is the reason.
    """
    cloudformation = client("cloudformation", instance.account, instance.region)
    status = None if instance.stack_id is None else _stack(cloudformation, instance.stack_id)["StackStatus"]
    if status in _DEAD:
        delete(instance)
        status = None
    with _template(template, instance) as arguments:
        if status is None:
            stack = cloudformation.create_stack(
                StackName=f"StackSet-{name}-{uuid.uuid4()}", Capabilities=list(capabilities), **arguments
            )
            instance.stack_id = stack["StackId"]
        else:
            try:
                cloudformation.update_stack(StackName=instance.stack_id, Capabilities=list(capabilities), **arguments)
            except ClientError as error:
                if "No updates are to be performed" in str(error):
                    return
                raise
    assert instance.stack_id is not None
    _wait(cloudformation, instance.stack_id)


def delete(instance: StackInstance) -> None:
    """Delete the stack of an instance, if it has one.

    Raises:
        RuntimeError: The stack can't be deleted.
    """
    if instance.stack_id is None:
        return
    cloudformation = client("cloudformation", instance.account, instance.region)
    cloudformation.delete_stack(StackName=instance.stack_id)
    while (stack := _stack(cloudformation, instance.stack_id))["StackStatus"] == "DELETE_IN_PROGRESS":
        time.sleep(_POLL_SECONDS)
    if stack["StackStatus"] != "DELETE_COMPLETE":
        raise RuntimeError(_reason(cloudformation, stack))
    instance.stack_id = None


def _stack(cloudformation: Any, stack_id: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
    except ClientError:
        return {"StackId": stack_id, "StackStatus": "DELETE_COMPLETE"}
    return found


def _wait(cloudformation: Any, stack_id: str) -> None:
    while (stack := _stack(cloudformation, stack_id))["StackStatus"].endswith("_IN_PROGRESS"):
        time.sleep(_POLL_SECONDS)
    if stack["StackStatus"] not in _GOOD:
        raise RuntimeError(_reason(cloudformation, stack))


def _reason(cloudformation: Any, stack: dict[str, Any]) -> str:
    """Return which resource failed first, as StackSets reports it."""
    events = cloudformation.describe_stack_events(StackName=stack["StackId"])["StackEvents"]
    operation = []
    for event in events:
        operation.append(event)
        is_stack = event["PhysicalResourceId"] == stack["StackId"]
        if is_stack and event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"):
            break
    for event in reversed(operation):
        cancelled = "cancelled" in event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("_FAILED") and not cancelled:
            return (
                f"ResourceLogicalId:{event['LogicalResourceId']}, ResourceType:{event['ResourceType']}, "
                f"ResourceStatusReason:{event.get('ResourceStatusReason', '')}"
            )
    return f"Stack {stack['StackId']} is in status {stack['StackStatus']}: {stack.get('StackStatusReason', '')}"


@contextlib.contextmanager
def _template(template: str, instance: StackInstance) -> Any:
    """Yield the arguments for a template. StackSets has buckets of its own for long ones."""
    if len(template.encode()) <= _BODY_BYTES:
        yield {"TemplateBody": template}
        return
    s3, bucket = client("s3", instance.account, instance.region), f"stack-set-{uuid.uuid4()}"
    place = (
        {} if instance.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": instance.region}}
    )
    s3.create_bucket(Bucket=bucket, **place)
    try:
        s3.put_object(Bucket=bucket, Key="template.json", Body=template.encode())
        yield {"TemplateURL": f"https://s3.{instance.region}.amazonaws.com/{bucket}/template.json"}
    finally:
        s3.delete_object(Bucket=bucket, Key="template.json")
        s3.delete_bucket(Bucket=bucket)
