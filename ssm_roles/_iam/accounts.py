"""The account of a role, which must be that of the stack that uses the role."""

from __future__ import annotations

from aws_cdk import Annotations
from aws_cdk import aws_iam as iam

from .._cdk.stack_facts import StackFacts
from .._cdk.stack_set_part import StackSetPart
from .._cdk.tokens import same
from .._checks import is_known_later


def check_account(
    argument: str, role: iam.IRole, arn: str, facts: StackFacts, *, allowed: str = "a role of the stack's account"
) -> None:
    """Compare the account of a role with that of a stack, and warn if only the role's account is known.

    Args:
        argument: The argument that the role was given as, for the error.
        role: The role.
        arn: The ARN of the role.
        facts: The stack that uses the role.
        allowed: What the role must be, for the error. Default: ``"a role of the stack's account"``

    Raises:
        ValueError: The role is in another account, or in one account only and the stack in many.
    """
    parts = arn.split(":")
    # The ARN of a role of this app is one token.
    account = parts[4] if arn.startswith("arn:") and len(parts) > 4 else role.env.account
    if same(account, facts.account) is False:
        raise ValueError(
            f"{argument} must be {allowed}, here {facts.account}, got a role of {account}: {role.node.path!r}"
        )
    if isinstance(facts.stack, StackSetPart) and not is_known_later(account):
        raise ValueError(
            f"{argument} must be {allowed}, which a rollout has in every account: use Aws.ACCOUNT_ID in its ARN, got a "
            f"role of {account}: {role.node.path!r}"
        )
    warn_of_account(role, account, facts)


def warn_of_account(role: iam.IRole, account: str, facts: StackFacts) -> None:
    """Warn that a stack must be deployed in the account of a role, if only the role's account is known."""
    if same(account, facts.account) is None and not is_known_later(account):
        Annotations.of(role).add_warning_v2(
            "ssm-roles:accountUnknown",
            f"The role belongs to account {account}; the stack {facts.path} must be deployed there.",
        )
