"""The API calls that the resource handlers of CloudFormation make, which need permissions of the role of the stack.

MiniStack changes the state of its services directly. For each operation on a resource, a table names the calls that
the handler makes instead, in their order, with the resource and the condition keys against which AWS evaluates
policies. The calls are some of those that the resource types declare: the tests of deployers deploy with these alone.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .ministack import provisioners, responses

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """An API call.

    Attributes:
        action: The IAM action, such as `iam:CreateRole`.
        resource: The ARN of the resource, or `*` for an action without resource-level permissions.
        keys: The condition keys and their values.
    """

    action: str
    resource: str = "*"
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """An operation on a resource.

    Attributes:
        stack_name: The name of the stack.
        logical_id: The logical ID, which is empty when the resource is deleted.
        physical_id: The physical ID, which is empty when the resource is created.
        old: The properties before the operation.
        new: The properties after the operation.
    """

    stack_name: str
    logical_id: str
    physical_id: str
    old: Properties
    new: Properties

    def new_name(self, given: str, length: int) -> str:
        """Return the name of a resource to create.

        Args:
            given: The property with the name.
            length: The maximum length of a generated name.
        """
        name = self.new.get(given)
        return str(name) if name else str(provisioners._physical_name(self.stack_name, self.logical_id, max_len=length))

    def changes(self, *names: str) -> bool:
        """Return whether the operation changes one of the properties."""
        return any(self.old.get(name) != self.new.get(name) for name in names)


Calls = Callable[[Change], Iterator[Call]]


@dataclass(frozen=True)
class ResourceType:
    """The calls of the handlers of a resource type, without those for updates if updates replace the resource."""

    create: Calls
    delete: Calls
    update: Calls | None = None


def arn(service: str, resource: str, *, regional: bool = True) -> str:
    """Return the ARN of a resource in the account and Region of the stack."""
    region = responses.get_region() if regional else ""
    return f"arn:aws:{service}:{region}:{responses.get_account_id()}:{resource}"


def tags_of(properties: Properties) -> list[dict[str, str]]:
    """Return the tags of the template, without those that CloudFormation adds and that requests can't set.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html
    """
    return [tag for tag in properties.get("Tags", []) if not tag["Key"].startswith("aws:")]


def tag_keys(properties: Properties) -> dict[str, Any]:
    """Return the condition keys of a request that sets the tags of a resource."""
    tags = tags_of(properties)
    if not tags:
        return {}
    keys: dict[str, Any] = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags}
    return {**keys, "aws:TagKeys": [tag["Key"] for tag in tags]}


def tag_changes(change: Change, service: str, resource: str) -> Iterator[Call]:
    """Yield the calls that tag and untag a resource, for services whose actions are named so."""
    old, new = tags_of(change.old), tags_of(change.new)
    if old != new:
        if new:
            yield Call(f"{service}:TagResource", resource, tag_keys(change.new))
        if old:
            yield Call(f"{service}:UntagResource", resource)
