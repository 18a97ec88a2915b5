"""Checks of managed nodes: their registration, the conditions of their role's trust policy, and their permissions."""

import contextlib
import json
import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.exceptions import ClientError

from ssm_roles._facts.agent_buckets import agent_bucket_names, has_patch_buckets, patch_bucket_names
from ssm_roles._facts.managed_policies import MANAGED_POLICIES

from ..check import ContradictedError, NotCheckedError, check, not_checkable
from ..node import Node
from ..sandbox import Sandbox, code_and_message, expect, trust

_USER_GUIDE = "https://docs.aws.amazon.com/systems-manager/latest/userguide"
_DEPUTY = f"{_USER_GUIDE}/cross-service-confused-deputy-prevention.html"
_OPERATORS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
_AGENT = "https://github.com/aws/amazon-ssm-agent"
_GUIDE = f"{_USER_GUIDE}/hybrid-activation-managed-nodes.html"
_API = "https://docs.aws.amazon.com/systems-manager/latest/APIReference"
_PRINCIPALS = "ssm_roles/_iam/principals.py"
_OTHER_ACCOUNT = "999999999999"


class TrustTrial:
    """A managed node whose role's trust policy changes, and what Systems Manager makes of each policy.

    A change of a trust policy takes time to have an effect. A policy counts as refused only after another one worked.
    """

    def __init__(self, sandbox: Sandbox, suffix: str) -> None:
        self._sandbox = sandbox
        self._error = self._key = ""
        self._role = sandbox.node_role(suffix)
        self._node = sandbox.node(sandbox.activation(self._role))
        if not self._works():
            raise NotCheckedError(f"the node gets no credentials although its role has no conditions: {self._error}")

    def accepts(self, conditions: Mapping[str, Any]) -> str:
        """Return the evidence that Systems Manager can assume the role with these conditions."""
        self._set(conditions)
        return self._require(
            self._works(), f"the node gets no credentials with {json.dumps(conditions)}: {self._error}"
        )

    def refuses(self, conditions: Mapping[str, Any]) -> str:
        """Return the evidence that Systems Manager can't assume the role with these conditions."""
        before = self._key
        self._set(conditions)
        is_refused = self._sandbox.wait(lambda: not self._gets_credentials())
        if not is_refused and self._key == before:
            raise NotCheckedError("Systems Manager returns the same credentials as before the new policy")
        return self._require(
            is_refused,
            f"the node gets credentials with {json.dumps(conditions)}",
            self._error,
        )

    def _set(self, conditions: Mapping[str, Any]) -> None:
        document = json.dumps(trust(conditions))
        self._sandbox.client("iam").update_assume_role_policy(RoleName=self._role, PolicyDocument=document)

    def _works(self) -> bool:
        return bool(self._sandbox.wait(self._gets_credentials))

    def _gets_credentials(self) -> bool:
        try:
            self._key = str(self._node.credentials()["AccessKeyId"])
        except ClientError as error:
            self._error = ": ".join(code_and_message(error))
            return False
        return True

    @staticmethod
    def _require(condition: object, otherwise: str, evidence: str | None = None) -> str:
        if not condition:
            raise ContradictedError(otherwise)
        return evidence if evidence else "the node got credentials"


@check(
    "node-trust-of-account-and-arn",
    "Systems Manager assumes the role of a managed node with the node's account as `aws:SourceAccount`, and with an "
    "`aws:SourceArn` that `ArnEquals` matches with `arn:PARTITION:ssm:REGION:ACCOUNT:*`.",
    _DEPUTY,
    _PRINCIPALS,
    "ssm_roles/nodes/hybrid_service_role.py",
    seconds=60,
)
def trust_of_account_and_arn(sandbox: Sandbox) -> str:
    """Try the trust policy that HybridServiceRole writes."""
    arn = sandbox.target.arn("ssm", "*")
    conditions = {"StringEquals": {"aws:SourceAccount": sandbox.account}, "ArnEquals": {"aws:SourceArn": arn}}
    trial = TrustTrial(sandbox, "own")
    trial.refuses({"StringEquals": {"aws:SourceAccount": _OTHER_ACCOUNT}})
    return trial.accepts(conditions)


@check(
    "node-source-arn-of-managed-instance",
    "The `aws:SourceArn` for a managed node is that of the node: "
    "`arn:PARTITION:ssm:REGION:ACCOUNT:managed-instance/ID`.",
    _DEPUTY,
    "embedded_aws/emulator/node_credentials.py",
    seconds=60,
)
def source_arn_of_managed_instance(sandbox: Sandbox) -> str:
    """Try trust policies for managed nodes only, and for other resources only."""
    trial = TrustTrial(sandbox, "arn")
    trial.refuses({"ArnLike": {"aws:SourceArn": sandbox.target.arn("ssm", "automation-execution/*")}})
    return trial.accepts({"ArnLike": {"aws:SourceArn": sandbox.target.arn("ssm", "managed-instance/*")}})


@check(
    "node-trust-of-another-region",
    "Systems Manager can't assume the role of a node whose `aws:SourceArn` is limited to another Region.",
    _DEPUTY,
    _PRINCIPALS,
    "ssm_roles/nodes/regions.py",
    seconds=60,
)
def trust_of_another_region(sandbox: Sandbox) -> str:
    """Try a trust policy for a Region that isn't the node's."""
    other = "us-west-2" if sandbox.region != "us-west-2" else "us-east-1"
    arn = sandbox.target.arn("ssm", "*", region=other)
    return TrustTrial(sandbox, "region").refuses({"ArnEquals": {"aws:SourceArn": arn}})


@check(
    "node-trust-of-another-account",
    "Systems Manager can't assume the role of a node whose `aws:SourceAccount` is limited to another account.",
    _DEPUTY,
    _PRINCIPALS,
    "ssm_roles/audit/checks/trust.py",
    seconds=60,
)
def trust_of_another_account(sandbox: Sandbox) -> str:
    """Try a trust policy for another account."""
    return TrustTrial(sandbox, "account").refuses({"StringEquals": {"aws:SourceAccount": _OTHER_ACCOUNT}})


@check(
    "condition-string-equals-takes-no-wildcard",
    "`StringEquals` compares a `*` in `aws:SourceArn` literally, so that the condition is never met; `ArnEquals` and "
    "`StringLike` match it.",
    _OPERATORS,
    _PRINCIPALS,
    "ssm_roles/audit/checks/trust.py",
    seconds=90,
)
def string_equals_takes_no_wildcard(sandbox: Sandbox) -> str:
    """Try the same pattern with three operators."""
    pattern = {"aws:SourceArn": sandbox.target.arn("ssm", "*")}
    trial = TrustTrial(sandbox, "operators")
    refused = trial.refuses({"StringEquals": pattern})
    trial.accepts({"StringLike": pattern})
    trial.accepts({"ArnEquals": pattern})
    return refused


@check(
    "node-registration-limit",
    "An activation that has registered its number of machines refuses another one with `RegistrationLimitExceeded`, or "
    "with `InvalidActivation`.",
    _AGENT,
    "ssm_roles/_lambda/functions/activations.py",
)
def node_registration_limit(sandbox: Sandbox) -> str:
    """Register two machines with an activation for one."""
    activation = sandbox.activation(sandbox.node_role("one"), RegistrationLimit=1)
    sandbox.node(activation)
    with sandbox.expecting("RegistrationLimitExceeded", "InvalidActivation", "ActivationExpired") as seen:
        sandbox.node(activation)
    return seen[0]


@check(
    "node-registration-count",
    "`RegistrationsCount` of an activation counts the registered machines.",
    f"{_API}/API_Activation.html",
    "ssm_roles/_lambda/functions/activations.py",
)
def registration_count(sandbox: Sandbox) -> str:
    """Register a machine, and read the count of its activation."""
    activation = sandbox.activation(sandbox.node_role("count"), RegistrationLimit=2)
    sandbox.node(activation)

    def counted() -> bool:
        return sandbox.described_activation(activation["ActivationId"]).get("RegistrationsCount") == 1

    return expect(sandbox.wait(counted), "RegistrationsCount is 1 after a registration")


@check(
    "node-wrong-activation-code",
    "A machine with a wrong activation code is refused with `InvalidActivation`.",
    _AGENT,
    "embedded_aws/emulator/activations.py",
)
def wrong_activation_code(sandbox: Sandbox) -> str:
    """Register a machine with the code of another activation."""
    role = sandbox.node_role("codes")
    first, second = sandbox.activation(role), sandbox.activation(role, RegistrationLimit=2)
    sandbox.node(second)
    with sandbox.expecting("InvalidActivation") as seen:
        sandbox.node({**first, "ActivationCode": second["ActivationCode"]})
    return seen[0]


@check(
    "node-expired-activation",
    "An expired activation registers no machine.",
    _GUIDE,
    "ssm_roles/_lambda/functions/activations.py",
    seconds=180,
)
def expired_activation(sandbox: Sandbox) -> str:
    """Wait until an activation has expired, and register a machine with it."""
    seconds = 2 if sandbox.target.is_emulator else 120
    expiration = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    activation = sandbox.activation(sandbox.node_role("expired"), ExpirationDate=expiration, RegistrationLimit=2)
    sandbox.node(activation)
    time.sleep(max(0.0, (expiration - datetime.now(timezone.utc)).total_seconds()) + seconds / 20)
    with sandbox.expecting("ActivationExpired", "InvalidActivation") as seen:
        sandbox.node(activation)
    return seen[0]


@check(
    "node-survives-its-activation",
    "Machines stay managed nodes when their activation is deleted.",
    _GUIDE,
    "ssm_roles/_lambda/functions/activations.py",
    "ssm_roles/activation/hybrid_activation.py",
    seconds=60,
)
def survives_its_activation(sandbox: Sandbox) -> str:
    """Get credentials for a node after its activation was deleted."""
    activation = sandbox.activation(sandbox.node_role("survivor"))
    node = sandbox.node(activation)
    sandbox.client("ssm").delete_activation(ActivationId=activation["ActivationId"])

    def works() -> bool:
        try:
            node.credentials()
        except ClientError:
            return False
        return True

    expect(sandbox.wait(works), "the node gets no credentials after its activation was deleted")
    listed = _listed(sandbox, node)
    return expect(listed["InstanceId"] == node.id, f"{node.id} is listed, with activation {listed['ActivationId']}")


@check(
    "node-has-the-tags-of-its-activation",
    "Systems Manager copies the tags of an activation to the nodes that register with it.",
    _GUIDE,
    "ssm_roles/activation/activation_tags.py",
    "ssm_roles/nodes/recipes.py",
)
def has_the_tags_of_its_activation(sandbox: Sandbox) -> str:
    """Read the tags of a node."""
    tag = {"Key": "Team", "Value": "edge"}
    node = sandbox.node(sandbox.activation(sandbox.node_role("tags"), Tags=[tag]))
    ssm = sandbox.client("ssm")
    tags = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node.id)["TagList"]
    return expect(tag in tags and sandbox.run.tag_list[0] in tags, f"the node has the tags {tags}")


@check(
    "node-tells-its-role",
    "`DescribeInstanceInformation` returns the path and name of a node's role as `IamRole`, as `CreateActivation` took "
    "them.",
    f"{_API}/API_InstanceInformation.html",
    "ssm_roles/audit/account/reading.py",
    "ssm_roles/nodes/activation_role_name.py",
)
def tells_its_role(sandbox: Sandbox) -> str:
    """Read the role of a node whose role has a path."""
    name = f"service-role/{sandbox.node_role('told', path='/service-role/')}"
    listed = _listed(sandbox, sandbox.node(sandbox.activation(name)))
    return expect(listed["IamRole"] == name, f"IamRole is {listed['IamRole']}")


@check(
    "node-credentials-last-an-hour",
    "The credentials of a managed node are valid for an hour.",
    _AGENT,
    "embedded_aws/emulator/service_principals.py",
    seconds=60,
)
def credentials_last_an_hour(sandbox: Sandbox) -> str:
    """Read the expiration of a node's credentials."""
    node = sandbox.node(sandbox.activation(sandbox.node_role("hour")))
    found: list[dict[str, Any]] = []

    def works() -> bool:
        try:
            found.append(node.credentials())
        except ClientError:
            return False
        return True

    expect(sandbox.wait(works), "the node gets no credentials")
    minutes = (found[0]["TokenExpirationDate"] - time.time()) / 60
    return expect(50 < minutes < 70, f"they are valid for {minutes:.0f} minutes")


@check(
    "host-management-setting",
    "The setting of Default Host Management is `$None` by default. Its value is the path and name of a role otherwise.",
    f"{_USER_GUIDE}/fleet-manager-default-host-management-configuration.html",
    "ssm_roles/nodes/default_host_management_setting.py",
    "ssm_roles/audit/account/reading.py",
)
def host_management_setting(sandbox: Sandbox) -> str:
    """Read the setting, without changing it."""
    setting_id = "/ssm/managed-instance/default-ec2-instance-management-role"
    setting = sandbox.client("ssm").get_service_setting(SettingId=setting_id)["ServiceSetting"]
    value, status = setting["SettingValue"], setting["Status"]
    is_default = status == "Default"
    expect(is_default or status in ("Customized", "PendingUpdate"), f"its status is {status}")
    fits = value == "$None" if is_default else value == "$None" or not value.startswith(("arn:", "/"))
    return expect(fits, f"the value is {value}, and its status {status}")


@check(
    "managed-policies-exist",
    "The AWS managed policies that the library knows exist.",
    f"{_USER_GUIDE}/security-iam-awsmanpol.html",
    "ssm_roles/_facts/managed_policies.py",
    seconds=15,
)
def managed_policies_exist(sandbox: Sandbox) -> str:
    """Look the policies up by their names."""
    pages = sandbox.client("iam").get_paginator("list_policies").paginate(Scope="AWS")
    names = {each["PolicyName"] for page in pages for each in page["Policies"]}
    known = [name for name in MANAGED_POLICIES if not sandbox.target.is_emulator or name in _ATTACHED]
    missing = sorted(set(known) - names)
    return expect(not missing, f"AWS has {len(known) - len(missing)} of {len(known)} policies; missing: {missing}")


# The emulator has the policies that the tests of the library need.
_ATTACHED = ("AmazonSSMManagedInstanceCore", "AmazonEC2ContainerServiceforEC2Role", "CloudWatchAgentServerPolicy")


@check(
    "managed-policy-reads-all-parameters",
    "`AmazonSSMManagedInstanceCore` lets a node read every parameter of the account.",
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html",
    "ssm_roles/nodes/node_base_policy.py",
    "ssm_roles/_facts/managed_policies.py",
)
def managed_policy_reads_all_parameters(sandbox: Sandbox) -> str:
    """Read the policy."""
    iam = sandbox.client("iam")
    arn = f"arn:{sandbox.target.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    reads = [
        each
        for each in document["Statement"]
        if each["Effect"] == "Allow" and "ssm:GetParameter" in each["Action"] and each["Resource"] in ("*", ["*"])
    ]
    return expect(reads and "Condition" not in reads[0], f"version {version} has {len(reads)} such statements")


@check(
    "agent-buckets-exist",
    "The buckets of AWS that SSM Agent reads from exist, with the suffixes of AWS's table.",
    f"{_USER_GUIDE}/patch-operations-s3-buckets.html",
    "ssm_roles/_facts/agent_buckets.py",
)
def agent_buckets_exist(sandbox: Sandbox) -> str:
    """Ask Amazon S3 for each bucket. A bucket of somebody else answers 403."""
    sandbox.not_on_emulator("have AWS's buckets")
    names = agent_bucket_names(sandbox.region)
    if has_patch_buckets(sandbox.region):
        names += patch_bucket_names(sandbox.region, macos=True)
    s3, missing = sandbox.client("s3"), []
    for name in names:
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            if code_and_message(error)[0] in ("404", "NoSuchBucket"):
                missing.append(name)
    return expect(not missing, f"{len(names) - len(missing)} of {len(names)} buckets exist; missing: {missing}")


def _listed(sandbox: Sandbox, node: Node) -> dict[str, Any]:
    filters = [{"Key": "InstanceIds", "Values": [node.id]}]
    ssm = sandbox.client("ssm")

    def listed() -> list[dict[str, Any]]:
        with contextlib.suppress(ClientError):
            node.report()
        found: list[dict[str, Any]] = ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]
        return found

    found = sandbox.wait(listed)
    if not found:
        raise ContradictedError(f"DescribeInstanceInformation doesn't list {node.id}")
    return found[0]


CHECKS = (
    trust_of_account_and_arn,
    source_arn_of_managed_instance,
    trust_of_another_region,
    trust_of_another_account,
    string_equals_takes_no_wildcard,
    node_registration_limit,
    registration_count,
    wrong_activation_code,
    expired_activation,
    survives_its_activation,
    has_the_tags_of_its_activation,
    tells_its_role,
    credentials_last_an_hour,
    host_management_setting,
    managed_policies_exist,
    managed_policy_reads_all_parameters,
    agent_buckets_exist,
    not_checkable(
        "host-management-trust",
        "Default Host Management assumes its role for EC2 instances; whether it sends `aws:SourceAccount` isn't "
        "documented.",
        f"{_USER_GUIDE}/fleet-manager-default-host-management-configuration.html",
        "ssm_roles/nodes/default_host_management_role.py",
        needs="an EC2 instance with SSM Agent and no instance profile, and changes a setting of the whole account",
    ),
    not_checkable(
        "greengrass-registration",
        "AWS IoT Greengrass passes the registration role to Systems Manager, which assumes it for the core device.",
        "https://docs.aws.amazon.com/greengrass/v2/developerguide/systems-manager-agent-component.html",
        "ssm_roles/nodes/greengrass_core_role.py",
        needs="a Greengrass core device",
    ),
)
