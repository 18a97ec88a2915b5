"""Finds names that an account can have once, but that several resources of an app have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack, Stage

from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.stack_set_part import can_share_account
from .._cdk.synth_checks import Templates
from .._cdk.tokens import same
from .._checks import is_known_later


@dataclass(frozen=True)
class _Kind:
    """A type of resource with a name that you choose."""

    name_of: Callable[[Mapping[str, Any]], object]
    argument: str
    remedy: str
    regional: bool = False


def _property(name: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda properties: properties.get(name)


def _service_linked(properties: Mapping[str, Any]) -> object:
    parts = [properties.get("AWSServiceName"), properties.get("CustomSuffix", "")]
    return " ".join(map(str, parts)).strip() if all(isinstance(each, str) for each in parts) else None


_GLOBAL = "IAM is global: use one for all Regions, or add the Region to the name"

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names
_KINDS = {
    "AWS::IAM::Role": _Kind(_property("RoleName"), "role_name", _GLOBAL),
    "AWS::IAM::InstanceProfile": _Kind(_property("InstanceProfileName"), "instance_profile_name", _GLOBAL),
    "AWS::IAM::ManagedPolicy": _Kind(_property("ManagedPolicyName"), "managed_policy_name", _GLOBAL),
    "AWS::IAM::ServiceLinkedRole": _Kind(
        _service_linked, "role_type", "use ServiceLinkedRoleCreation.ENSURE, or define the role in one stack"
    ),
    "AWS::SecretsManager::Secret": _Kind(_property("Name"), "secret_name", "choose another name", regional=True),
    "AWS::SSM::ServiceSetting": _Kind(
        _property("SettingId"), "enabled", "set it in one stack, so that no stack resets it", regional=True
    ),
}


@dataclass(frozen=True)
class _Named:
    facts: StackFacts
    logical_id: str


class FixedNameChecks:
    """Rejects a name that two resources of one account have."""

    def __call__(self, templates: Templates) -> Iterator[str]:
        """Return a sentence for each fault."""
        found: dict[tuple[str, str], list[_Named]] = {}
        for stack in templates.stacks():
            facts = stack_facts(stack)
            for logical_id, resource in templates.resources(stack).items():
                kind = _KINDS.get(resource["Type"])
                name = None if kind is None else kind.name_of(resource.get("Properties", {}))
                # Of resources with conditions, only one may be deployed.
                if not isinstance(name, str) or is_known_later(name) or "Condition" in resource:
                    continue
                named = _Named(facts, logical_id)
                # IAM doesn't distinguish names by case.
                others = found.setdefault((resource["Type"], name.lower()), [])
                yield from _compare(templates, _KINDS[resource["Type"]], name, named, others)
                others.append(named)


def _compare(templates: Templates, kind: _Kind, name: str, named: _Named, others: list[_Named]) -> Iterator[str]:
    for other in others:
        one, two = named.facts, other.facts
        if same(one.account, two.account) is not True or (kind.regional and not _share_region(one, two)):
            continue
        if not can_share_account(one.stack, two.stack):
            continue
        # Stages that don't say their account may be for one account each.
        if is_known_later(one.account) and _stage(one.stack) != _stage(two.stack):
            continue
        where = "a stack" if one is two else _environment(one, regional=kind.regional)
        accounts = "; if the stacks are for different accounts, set their env" if where.startswith("an account") else ""
        yield (
            f"{templates.path_of(one.stack, named.logical_id)}: {kind.argument} must be used once in {where}, got "
            f"{name!r}, which {templates.path_of(two.stack, other.logical_id)} has, too: {kind.remedy}"
            f"{accounts}"
        )
        return


def _share_region(one: StackFacts, other: StackFacts) -> bool:
    return any(same(here, there) is True for here in one.regions for there in other.regions)


def _environment(facts: StackFacts, *, regional: bool) -> str:
    account = "an account" if is_known_later(facts.account) else f"account {facts.account}"
    return f"{account} and Region" if regional else account


def _stage(stack: Stack) -> str:
    stage = Stage.of(stack)
    return "" if stage is None else stage.node.path
