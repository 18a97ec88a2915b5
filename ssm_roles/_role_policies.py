"""Checks of the managed policies that the roles of the complete app have, whichever way a policy came to a role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from aws_cdk import Stack

from . import _validation as validation
from ._stack import StackFacts
from ._synth_checks import Templates


class ManagedPolicyChecks:
    """Rejects policies that IAM would reject at deploy time.

    IAM attaches the policy of a service-linked role to that role only, and a role has a limited number of policies.
    """

    def __init__(self) -> None:
        self._stacks: dict[str, Stack] = {}
        self._everywhere = False

    def add(self, facts: StackFacts) -> None:
        """Check the roles of one more stack."""
        self._stacks[facts.path] = facts.stack

    def add_all(self) -> None:
        """Check the roles of every stack of the app."""
        self._everywhere = True

    def __call__(self, templates: Templates) -> Iterator[str]:
        """Return a sentence for each fault."""
        for stack in templates.stacks() if self._everywhere else self._stacks.values():
            for logical_id, resource in templates.resources(stack).items():
                policies = resource.get("Properties", {}).get("ManagedPolicyArns", [])
                if resource["Type"] == "AWS::IAM::Role" and isinstance(policies, list):
                    for error in _errors(policies):
                        yield f"{templates.path_of(stack, logical_id)}: {error}"


def _errors(policies: list[Any]) -> Iterator[str]:
    for policy in map(json.dumps, policies):
        if f"policy/{validation.SERVICE_LINKED_PATH}" in policy:
            yield (
                "managed policies must not be those of a service-linked role, which IAM attaches to that role only, "
                f"got {policy}"
            )
    if len(policies) > validation.MANAGED_POLICIES_PER_ROLE:
        yield f"managed policies must be at most {validation.MANAGED_POLICIES_PER_ROLE}, got {len(policies)}"
