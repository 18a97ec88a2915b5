"""Everything that a run creates has its tag, and the checks of examples can fail."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from embedded_aws.cdk import Cdk
from embedded_aws.server import EmbeddedAws
from live.cdk import CdkCli
from live.checks import CHECKS
from live.run import TAG_KEY, run_of
from live.sandbox import Ledger, Sandbox
from live.target import Target
from tests.live.account import RUN, target_of
from tests.live.planting import Plant, contradicted

pytestmark = pytest.mark.deep


# Checks that create one or more of each kind.
CREATING = (
    "account-root-can-be-limited",
    "activation-pass-role",
    "function-runtimes-and-architectures",
    "node-deregistration-by-tag",
    "notification-source-account",
    "output-length",
    "secret-current-label-moves",
)


def tagged(aws: EmbeddedAws) -> Iterator[tuple[str, str | None]]:
    """Yield what is in the account, and the run that its tags name."""
    iam, ssm, lambda_ = aws.client("iam"), aws.client("ssm"), aws.client("lambda")
    for role in iam.list_roles()["Roles"]:
        if not role["RoleName"].startswith(("cdk-", "AWSServiceRoleFor")):
            yield f"role {role['RoleName']}", run_of(iam.list_role_tags(RoleName=role["RoleName"])["Tags"])
    for function in lambda_.list_functions()["Functions"]:
        tags = lambda_.list_tags(Resource=function["FunctionArn"])["Tags"]
        yield f"function {function['FunctionName']}", run_of(tags)
    logs = aws.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        arn = group["arn"].removesuffix(":*")
        yield f"log group {group['logGroupName']}", run_of(logs.list_tags_for_resource(resourceArn=arn)["tags"])
    for secret in aws.client("secretsmanager").list_secrets()["SecretList"]:
        yield f"secret {secret['Name']}", run_of(secret.get("Tags", []))
    for stack in aws.client("cloudformation").describe_stacks()["Stacks"]:
        if stack["StackName"] != "CDKToolkit" and stack["StackStatus"] != "DELETE_COMPLETE":
            yield f"stack {stack['StackName']}", run_of(stack.get("Tags", []))
    for node in aws.nodes():
        tags = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node["InstanceId"])["TagList"]
        yield f"node {node['InstanceId']}", run_of(tags)
    for topic in aws.client("sns").list_topics()["Topics"]:
        tags = aws.client("sns").list_tags_for_resource(ResourceArn=topic["TopicArn"])["Tags"]
        yield f"topic {topic['TopicArn']}", run_of(tags)
    kms = aws.client("kms")
    for key in kms.list_keys()["Keys"]:
        described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        if described["Description"] != "" or described["KeyState"] == "Enabled":
            tags = [
                {"Key": tag["TagKey"], "Value": tag["TagValue"]}
                for tag in kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]
            ]
            yield f"key {key['KeyId']}", run_of(tags)


EXAMPLES = ("rotating_activation", "maintenance_window")


@pytest.fixture(scope="module")
def deployed(embedded_aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Deploy the examples, and return what was in the account before."""
    embedded_aws.reset()
    Cdk(embedded_aws).bootstrap()
    before = {what for what, _ in tagged(embedded_aws)}
    cdk = CdkCli(target_of(embedded_aws), tmp_path_factory.mktemp("live"))
    assemblies = cdk.synthesize(RUN, EXAMPLES)
    for name in EXAMPLES:
        cdk.deploy(assemblies / name)
    return before


def test_the_resources_of_examples_have_the_tag(embedded_aws: EmbeddedAws, deployed: set[str]) -> None:
    found = {what: run for what, run in tagged(embedded_aws) if what not in deployed}
    kinds = {what.split(" ")[0] for what in found}
    assert kinds == {"role", "function", "log", "secret", "stack", "topic", "key"}
    assert {what: run for what, run in found.items() if run != RUN.id} == {}
    # CloudFormation gives the tags of a stack to its resources, too, and to those that the emulator doesn't tag.
    stacks = embedded_aws.client("cloudformation").describe_stacks()["Stacks"]
    names = {each["StackName"] for each in stacks if run_of(each.get("Tags", [])) == RUN.id}
    assert names == {RUN.stack_name("rotating_activation", "Servers"), RUN.stack_name("maintenance_window", "Patching")}


def test_the_checks_of_examples_are_contradicted_by_another_behavior(
    embedded_aws: EmbeddedAws, deployed: set[str], planted_target: Target, plant: Plant
) -> None:
    assert deployed is not None
    checks = [check for check in CHECKS if check.example in EXAMPLES and check.id != "function-log-group"]
    assert len(checks) == 2
    for check in checks:
        assert contradicted(check, embedded_aws, planted_target, plant, reset=False), check.id


def test_what_checks_create_has_the_tag(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tags are looked at when a check ends, before its resources are deleted."""
    untagged: dict[str, list[str]] = {}
    kinds: set[str] = set()
    close: Any = Sandbox.__exit__

    def look(self: Sandbox, *error: Any) -> None:
        found = dict(tagged(aws))
        kinds.update(what.split(" ")[0] for what in found)
        activations = {each["ActivationId"]: run_of(each.get("Tags", [])) for each in aws.activations()}
        wrong = [what for what, run in {**found, **activations}.items() if run != RUN.id]
        # Roles and functions of a stack have its tags on AWS, where CloudFormation copies them.
        wrong = [what for what in wrong if not what.startswith(("role srl-", "function srl-", "topic "))]
        if wrong:
            untagged[str(error)] = wrong
        close(self, *error)

    monkeypatch.setattr(Sandbox, "__exit__", look)
    target = target_of(aws)
    for check in [each for each in CHECKS if each.id in CREATING]:
        with Sandbox(target, RUN, Ledger()) as sandbox, contextlib.suppress(Exception):
            check.verify(sandbox)
    assert untagged == {}
    assert kinds >= {"role", "secret", "stack", "node"}
    assert TAG_KEY in RUN.tags
