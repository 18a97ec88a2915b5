"""Managed and inline policies: the checks of arguments, and those of the complete app."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import cast

from aws_cdk import aws_iam as iam

from .._cdk.reach import check_reach
from .._cdk.resources import is_known_to_cdk
from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.tokens import same
from .._checks import check_list, check_text, check_type, is_dummy, is_known_later, shown, without_tokens
from .._facts.iam_limits import (
    INLINE_POLICIES,
    MOST_MANAGED_POLICIES_PER_ROLE,
    NAME_CHARACTERS,
    POLICY_NAME,
    POLICY_NAME_LENGTH,
    SERVICE_LINKED_PATH,
)
from .._facts.regions import partition_of


def managed_policy_arn(argument: str, policy: object, *, in_list: bool = False) -> str:
    """Return the ARN of what must be a managed policy that IAM attaches to a role of the user's."""
    arn = getattr(policy, "managed_policy_arn", None)
    if not isinstance(arn, str) or not is_known_to_cdk(policy):
        raise TypeError(
            f"{'each of ' if in_list else ''}{argument} must be an IManagedPolicy, such as "
            f"iam.ManagedPolicy.from_aws_managed_policy_name('CloudWatchAgentServerPolicy'), got {shown(policy)}"
        )
    if f":policy/{SERVICE_LINKED_PATH}" in arn:
        raise ValueError(
            f"{argument} must not be the policy of a service-linked role, "
            f"which IAM attaches to that role only, got {shown_policy(cast(iam.IManagedPolicy, policy), arn)}"
        )
    return arn


def shown_policy(policy: iam.IManagedPolicy, arn: str) -> str:
    """Return a managed policy as errors show it: by its path in the construct tree if this app defines it."""
    return repr(policy.node.path if isinstance(policy, iam.ManagedPolicy) else without_tokens(arn))


def check_managed_policies(argument: str, policies: object) -> None:
    """Check what must be a list of managed policies that IAM attaches to a role of the user's."""
    for policy in check_list(argument, policies, "a list of IManagedPolicy"):
        managed_policy_arn(argument, policy, in_list=True)


def check_policies_of_role(argument: str, policies: Sequence[iam.IManagedPolicy]) -> None:
    """Check the managed policies of one role for duplicates and for their number."""
    arns = [_arn_of(each) for each in policies]
    # The partition is a token in some ARNs and a name in others that mean the same policy.
    names = [arn.split(":", 2)[-1] if arn.startswith("arn:") else arn for arn in arns]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ValueError(
                f"{argument} must not name a policy that the role already has, got the duplicate "
                f"{shown_policy(policies[index], arns[index])}"
            )
    if len(arns) > MOST_MANAGED_POLICIES_PER_ROLE:
        raise ValueError(
            f"{argument} must leave the role at most {MOST_MANAGED_POLICIES_PER_ROLE} policies including the default "
            f"ones, got {len(arns)}"
        )


def check_places_of_policies(
    argument: str, policies: Sequence[iam.IManagedPolicy], facts: StackFacts, *, in_list: bool = True
) -> None:
    """Check that IAM can attach managed policies to a role of a stack, as far as their account and partition are known.

    Args:
        argument: The argument's name, for the error.
        policies: The policies, which have passed ``managed_policy_arn``.
        facts: The stack of the role.
        in_list: Whether the argument is a list of policies. Default: ``True``
    """
    for policy in policies:
        arn = _arn_of(policy)
        own = stack_facts(policy) if isinstance(policy, iam.ManagedPolicy) else None
        parts = arn.split(":") if arn.startswith("arn:") else ["", "", "", "", "" if own is None else own.account]
        named = f"{'each of ' if in_list else ''}{argument}"
        if own is not None:
            check_reach(named, policy, arn, facts, of_account=True)
        what = f"{named} must be a policy of"
        if is_dummy(arn) or not parts[4]:
            continue
        if parts[4] != "aws" and same(parts[4], facts.account) is False:
            raise ValueError(
                f"{what} the stack's account, here {facts.account}, or of AWS, got {shown_policy(policy, arn)} of "
                f"account {parts[4]}"
            )
        partition = "" if is_known_later(facts.region) else partition_of(facts.region)
        if partition and parts[1] and same(parts[1], partition) is False:
            raise ValueError(f"{what} the stack's partition, here {partition}, got {shown_policy(policy, arn)}")


def check_boundary(policy: iam.IManagedPolicy | None, facts: StackFacts) -> None:
    """Check the permissions boundary of a role of a stack, if it has one."""
    if policy is not None:
        managed_policy_arn("permissions_boundary", policy)
        check_places_of_policies("permissions_boundary", [policy], facts, in_list=False)


def check_inline_policies(inline_policies: object) -> None:
    """Check inline policies: their names, their types and their total length."""
    allowed = "a mapping of names to PolicyDocuments, such as {'Read': iam.PolicyDocument(statements=[...])}"
    check_type("inline_policies", inline_policies, Mapping, allowed)
    length = 0
    for name, policy_document in cast("Mapping[object, object]", inline_policies).items():
        check_text("inline_policies", name, POLICY_NAME, NAME_CHARACTERS, POLICY_NAME_LENGTH)
        check_type("inline_policies", policy_document, iam.PolicyDocument, allowed)
        text = json.dumps(cast(iam.PolicyDocument, policy_document).to_json(), separators=(",", ":"))
        # IAM does not count white space. The length of a token is unknown and counts as one character.
        length += len(re.sub(r"\s", "", without_tokens(text)))
    if length > INLINE_POLICIES["role"]:
        raise ValueError(
            f"inline_policies must have at most {INLINE_POLICIES['role']} characters in total, got {length}"
        )


@cache
def aws_managed_policy(name: str) -> iam.IManagedPolicy:
    """Return an AWS managed policy by its path and name.

    All roles share one object: each costs several calls into Node.js.
    """
    policy = iam.ManagedPolicy.from_aws_managed_policy_name(name)
    _arns_of_aws[id(policy)] = policy.managed_policy_arn
    return policy


def _arn_of(policy: iam.IManagedPolicy) -> str:
    arn = _arns_of_aws.get(id(policy))
    return policy.managed_policy_arn if arn is None else arn


# The ARNs of the shared objects, which saves a call each. By identity, because a user's policy may have no hash.
_arns_of_aws: dict[int, str] = {}
