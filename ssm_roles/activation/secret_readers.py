"""Who can read the secret of an activation.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from aws_cdk import Stack, Stage
from aws_cdk import aws_iam as iam

from .._cdk.stack_facts import StackFacts, stack_facts
from .._cdk.tokens import same
from .._cdk.tree import is_construct
from .._checks import has_token, is_known_later
from .._iam.accounts import warn_of_account
from .._iam.grants import Conditions, Statement, allow, check_grantee, is_role, regions_of_grant, via_service
from .._iam.other_stacks import check_name_of_role, same_environment, use_role

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager
    from constructs import Construct

_ACTIONS = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]


@dataclass(frozen=True)
class ReadableSecret:
    """A secret with what its readers must know about it."""

    secret: secretsmanager.Secret
    name: str | None
    """The name, if the user has chosen it."""
    key: kms.IKey | None
    """The customer managed key."""
    facts: StackFacts
    needed: Sequence[Construct] = ()
    """What the activation's stack depends on, if it is in another stack."""

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a principal to read the secret, and to decrypt it."""
        check_grantee(grantee)
        principal = grantee.grant_principal
        account = _account_of(principal, self.facts)
        if self.key is None:
            self._check_account(principal, account)
        if _has_policies(principal) and same(account or "", self.facts.account) is True:
            # The default policy of a key leaves it to IAM who of the account uses the key. Naming the reader in the
            # policy of the key or the secret would make the stacks of both depend on each other.
            return self._allow(grantee)
        return self._allow_in_both(grantee, principal)

    def _allow(self, grantee: iam.IGrantable) -> iam.Grant:
        arns, key_arns = self._arns(grantee)
        read = allow(grantee, Statement(_ACTIONS, arns))
        if not key_arns:
            return read
        return read.combine(allow(grantee, Statement(["kms:Decrypt"], key_arns, self._condition(arns))))

    def _allow_in_both(self, grantee: iam.IGrantable, principal: iam.IPrincipal) -> iam.Grant:
        """Allow reading in the policies of the secret, the key and, if it has any, the principal."""
        if isinstance(principal, iam.Role):
            check_name_of_role("grantee", principal, self.facts)
        arns, key_arns = self._arns(grantee)
        if isinstance(principal, iam.Role):
            # IAM requires a principal to exist when a policy names it.
            use_role("grantee", principal, self.facts)
        own_arn = self.secret.secret_arn
        read = iam.Grant.add_to_principal_or_resource(
            grantee=grantee,
            actions=_ACTIONS,
            resource_arns=arns,
            resource=self.secret,
            resource_self_arns=[own_arn],
        )
        if self.key is None:
            return read
        iam.Grant.add_to_principal(
            grantee=grantee, actions=["kms:Decrypt"], resource_arns=key_arns, conditions=self._condition(arns)
        )
        # The key can't name the secret, which names the key. Its policy allows what Secrets Manager decrypts.
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt"],
                principals=[principal],
                resources=["*"],
                conditions={"StringEquals": {"kms:ViaService": via_service("secretsmanager", self.facts)}},
            )
        )
        return read

    def _check_account(self, principal: iam.IPrincipal, account: str | None) -> None:
        if same("" if account is None else account, self.facts.account) is False:
            given = "without an account" if account is None else f"in account {account}"
            raise ValueError(
                f"grantee must be in the stack's account, here {self.facts.account}, because encryption_key is not "
                f"set, got a principal {given}"
            )
        if account is not None and is_role(principal):
            warn_of_account(cast(iam.IRole, principal), account, self.facts)

    def _arns(self, grantee: iam.IGrantable) -> tuple[list[str], list[str]]:
        """Return the ARNs of the secret and its key, as the policy of a principal names them, in each Region."""
        key_arns = [] if self.key is None else [self.key.key_arn]
        # A managed policy can take statements, too, but its principal is not a construct.
        holder = next((each for each in (grantee.grant_principal, grantee) if is_construct(each)), None)
        regions = regions_of_grant(grantee, self.facts)
        if holder is None:
            return [self.secret.secret_arn], key_arns
        stack = Stack.of(cast("Construct", holder))
        if stack == self.facts.stack or (self.name is None and self._refers_to(stack)):
            return [self.secret.secret_arn], key_arns
        if self.name is None:
            raise ValueError(
                "secret_name must be set if the reader is in a stack of another Region, account or stage, or in the "
                "stack of the role or the key, because its policy must name the secret, got the reader "
                f"{cast('Construct', holder).node.path!r} in {stack.node.path}"
            )
        # A fixed name makes no stack depend on another. Secrets Manager appends six characters to it. The ID of the key
        # is not known there: the encryption context limits its use to this secret.
        arns = [
            # A name that contains the stack's Region differs between the Regions of a rollout.
            self.facts.arn(
                "secretsmanager", f"secret:{self.name.replace(self.facts.region, region)}-??????", region=region
            )
            for region in regions
        ]
        return arns, key_arns if self.key is None else self._key_arns(self.key, *key_arns)

    def _key_arns(self, key: kms.IKey, arn: str) -> list[str]:
        if not is_known_later(arn):
            return [arn]
        env = key.env
        regions = self.facts.regions if has_token(env.region) else [env.region]
        return [self.facts.arn("kms", "key/*", region=region, account=env.account) for region in regions]

    def _refers_to(self, stack: Stack) -> bool:
        """Whether the policy of a reader in another stack can refer to the secret without a cycle."""
        own = self.facts.stack
        return (
            same_environment(stack_facts(stack), self.facts)
            and Stage.of(stack) == Stage.of(own)
            and all(Stack.of(each) in (own,) or Stack.of(each) != stack for each in self.needed)
        )

    def _condition(self, arns: Sequence[str]) -> Conditions:
        """Return the condition that Secrets Manager uses the key for this secret."""
        operator = "StringLike" if arns[0].endswith("-??????") else "StringEquals"
        return {operator: {"kms:EncryptionContext:SecretARN": arns[0] if len(arns) == 1 else arns}}


def _account_of(principal: iam.IPrincipal, facts: StackFacts) -> str | None:
    # A service principal has no account. A principal that the CDK doesn't know, such as the one of a function without
    # a role, has no such attribute.
    account: str | None = getattr(principal, "principal_account", facts.account)
    return account


def _has_policies(principal: iam.IPrincipal) -> bool:
    """Whether a principal is a role, a user or a group, whose policies can be changed."""
    return hasattr(principal, "attach_inline_policy")
