"""What runs have left in an account: resources with the tag of a run, or with its ID where AWS takes no tags."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from .run import RUN_ID, TAG_KEY, run_of
from .target import Client, Target

_PREFIX = "srl-"
_DESCRIPTION = re.compile(rf"live test of ssm_roles (?P<run>{RUN_ID.pattern})\Z")
_NAME = re.compile(rf"(?P<run>{RUN_ID.pattern})-.+")
_LAMBDA_LOGS = "/aws/lambda/"
_SETTLE_SECONDS = 3600.0


class LeftError(Exception):
    """A resource was not deleted. The message is the reason."""


@dataclass(frozen=True)
class Leftover:
    """A resource that a run created.

    Attributes:
        kind: What it is, such as `stack`.
        id: Its name or ARN.
        run: The ID of the run.
        region: Its Region.
        delete: Deletes it. It raises `LeftError` or `ClientError`.
    """

    kind: str
    id: str
    run: str
    region: str
    delete: Callable[[], object]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} in {self.region}, of the run {self.run}"


Find = Callable[[Target, str], Iterator[Leftover]]


def nodes(target: Target, region: str) -> Iterator[Leftover]:
    """Yield the managed nodes of runs."""
    ssm = target.client("ssm", region)
    pages = ssm.get_paginator("describe_instance_information").paginate(
        Filters=[{"Key": "tag-key", "Values": [TAG_KEY]}]
    )
    listed = [each["InstanceId"] for page in pages for each in page["InstanceInformationList"]]
    # Nodes that have never reported themselves may not be listed.
    tagged = [arn.rpartition("/")[2] for arn, _ in _tagged(target, region, "ssm:managed-instance")]
    for node_id in dict.fromkeys([*listed, *tagged]):
        tags = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node_id)["TagList"]
        run = run_of(tags)
        if run is not None and node_id.startswith("mi-"):
            yield Leftover(
                "managed node", node_id, run, region, _call(ssm, "deregister_managed_instance", InstanceId=node_id)
            )


def stacks(target: Target, region: str) -> Iterator[Leftover]:
    """Yield the stacks of runs, newest first, because older ones can export what newer ones use."""
    cloudformation = target.client("cloudformation", region)
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    found = [each for page in pages for each in page["Stacks"] if "ParentId" not in each]
    for stack in sorted(found, key=lambda each: str(each["CreationTime"]), reverse=True):
        run = run_of(stack.get("Tags", []))
        if run is not None and stack["StackStatus"] != "DELETE_COMPLETE":
            yield Leftover("stack", stack["StackName"], run, region, _deleting_stack(target, cloudformation, stack))


def _deleting_stack(target: Target, cloudformation: Client, stack: dict[str, Any]) -> Callable[[], None]:
    def delete() -> None:
        # A stack that is being updated can't be deleted.
        _settled(target, cloudformation, stack["StackId"])
        cloudformation.delete_stack(StackName=stack["StackId"])
        ended = _settled(target, cloudformation, stack["StackId"])
        if ended["StackStatus"] != "DELETE_COMPLETE":
            raise LeftError(f"{ended['StackStatus']}: {ended.get('StackStatusReason', 'no reason')}")

    return delete


def _settled(target: Target, cloudformation: Client, stack_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
        # A stack without resources, whose change set was never executed, stays in review.
        if stack["StackStatus"] == "REVIEW_IN_PROGRESS" or not stack["StackStatus"].endswith("IN_PROGRESS"):
            return stack
        if time.monotonic() > deadline:
            raise LeftError(f"{stack['StackStatus']} for an hour")
        time.sleep(0.1 if target.is_emulator else 5)


def activations(target: Target, region: str) -> Iterator[Leftover]:
    """Yield the hybrid activations that checks have created. Those of stacks are deleted with them."""
    ssm = target.client("ssm", region)
    for page in ssm.get_paginator("describe_activations").paginate():
        for each in page["ActivationList"]:
            run = run_of(each.get("Tags", []))
            if run is not None:
                activation_id = each["ActivationId"]
                delete = _call(ssm, "delete_activation", ActivationId=activation_id)
                yield Leftover("activation", activation_id, run, region, delete)


def secrets(target: Target, region: str) -> Iterator[Leftover]:
    """Yield the secrets of runs."""
    client = target.client("secretsmanager", region)
    pages = client.get_paginator("list_secrets").paginate(Filters=[{"Key": "tag-key", "Values": [TAG_KEY]}])
    for each in [each for page in pages for each in page["SecretList"]]:
        run = run_of(each.get("Tags", []))
        if run is not None:
            delete = _call(client, "delete_secret", SecretId=each["ARN"], ForceDeleteWithoutRecovery=True)
            yield Leftover("secret", each["Name"], run, region, delete)


def log_groups(target: Target, region: str) -> Iterator[Leftover]:
    """Yield the log groups of runs, also those without tags that AWS Lambda has created for functions of runs."""
    logs = target.client("logs", region)
    pages = logs.get_paginator("describe_log_groups").paginate()
    for group in [each for page in pages for each in page["logGroups"]]:
        name = group["logGroupName"]
        found = _NAME.fullmatch(name.removeprefix(_LAMBDA_LOGS))
        if found is None:
            continue
        arn = group["arn"].removesuffix(":*")
        tagged = run_of(logs.list_tags_for_resource(resourceArn=arn).get("tags", {}))
        run = found["run"] if name.startswith(_LAMBDA_LOGS) else tagged
        if run is not None:
            yield Leftover("log group", name, run, region, _call(logs, "delete_log_group", logGroupName=name))


def roles(target: Target, region: str) -> Iterator[Leftover]:
    """Yield the roles of runs."""
    iam = target.client("iam")
    for page in iam.get_paginator("list_roles").paginate():
        for name in [each["RoleName"] for each in page["Roles"] if each["RoleName"].startswith(_PREFIX)]:
            run = run_of(iam.list_role_tags(RoleName=name)["Tags"])
            if run is not None:
                yield Leftover("role", name, run, region, _deleting_role(iam, name))


def _deleting_role(iam: Client, name: str) -> Callable[[], None]:
    def delete() -> None:
        for profile in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]:
            profile_name = profile["InstanceProfileName"]
            iam.remove_role_from_instance_profile(InstanceProfileName=profile_name, RoleName=name)
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
        iam.delete_role(RoleName=name)

    return delete


def service_linked_roles(target: Target, region: str) -> Iterator[Leftover]:
    """Yield the service-linked roles that runs have created. IAM deletes them only if nothing uses them.

    The description of a role that a check created ends with the ID of the run. That of a role that a stack created ends
    with a hash of the stack's ID. CloudFormation lists deleted stacks for 90 days.
    """
    iam, marks = target.client("iam"), _marks_of_stacks(target, region)
    for page in iam.get_paginator("list_roles").paginate(PathPrefix="/aws-service-role/"):
        for name in [each["RoleName"] for each in page["Roles"]]:
            description = iam.get_role(RoleName=name)["Role"].get("Description", "")
            found = _DESCRIPTION.search(description)
            run = marks.get(description[-28:]) if found is None else found["run"]
            if run is not None:
                yield Leftover("service-linked role", name, run, region, _deleting_linked_role(target, iam, name))


def _marks_of_stacks(target: Target, region: str) -> dict[str, str]:
    pages = target.client("cloudformation", region).get_paginator("list_stacks").paginate()
    marks = {}
    for stack in [each for page in pages for each in page["StackSummaries"]]:
        found = _NAME.fullmatch(stack["StackName"])
        if found is not None:
            marks[f"[ssm-roles:{hashlib.sha256(stack['StackId'].encode()).hexdigest()[:16]}]"] = found["run"]
    return marks


def _deleting_linked_role(target: Target, iam: Client, name: str) -> Callable[[], None]:
    def delete() -> None:
        task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
        while True:
            status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
            if status["Status"] == "SUCCEEDED":
                return
            if status["Status"] == "FAILED":
                raise LeftError(f"in use, so that it stays: {status.get('Reason', {}).get('Reason', 'no reason')}")
            time.sleep(0.1 if target.is_emulator else 3)

    return delete


def retained(target: Target, region: str) -> Iterator[Leftover]:
    """Yield the keys and buckets that stacks of runs have retained."""
    for arn, run in _tagged(target, region, "kms:key", "s3"):
        if ":kms:" in arn:
            kms = target.client("kms", region)
            if kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] != "PendingDeletion":
                delete = _call(kms, "schedule_key_deletion", KeyId=arn, PendingWindowInDays=7)
                yield Leftover("key", arn, run, region, delete)
        elif ":s3:" in arn:
            bucket = arn.rpartition(":")[2]
            yield Leftover("bucket", bucket, run, region, _deleting_bucket(target.client("s3", region), bucket))


def _tagged(target: Target, region: str, *types: str) -> Iterator[tuple[str, str]]:
    """Yield the ARNs of resources with the tag, and the runs."""
    tagging = target.client("resourcegroupstaggingapi", region)
    pages = tagging.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": TAG_KEY}], ResourceTypeFilters=list(types)
    )
    for each in [each for page in pages for each in page["ResourceTagMappingList"]]:
        run = run_of(each["Tags"])
        if run is not None:
            yield each["ResourceARN"], run


def _deleting_bucket(s3: Client, bucket: str) -> Callable[[], None]:
    def delete() -> None:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
        s3.delete_bucket(Bucket=bucket)

    return delete


def _call(client: Client, operation: str, **parameters: object) -> Callable[[], object]:
    return lambda: getattr(client, operation)(**parameters)


REGIONAL: tuple[Find, ...] = (nodes, stacks, activations, secrets, log_groups, retained)
"""What is found in each Region, in the order in which it is deleted."""

GLOBAL: tuple[Find, ...] = (roles, service_linked_roles)
"""What is found once per account."""


def is_gone(error: ClientError) -> bool:
    """Return whether an error says that the resource doesn't exist."""
    code = str(error.response.get("Error", {}).get("Code"))
    return code in ("NoSuchEntity", "ResourceNotFoundException", "InvalidInstanceId", "InvalidActivation")
