"""An error for constructs that are not a role, where the CDK expects one."""

from __future__ import annotations

from typing import ClassVar, NoReturn

import jsii
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._cdk.signature import ConstructorSignature
from .._named_errors import NamesItsErrors


@jsii.implements(iam.IRole)
class NotARole(NamesItsErrors, Construct):
    """A construct that users could mistake for a role.

    Without the members below, the CDK finds no ARN and no name, and drops the construct without a message. A type
    checker still sees that the construct is not an ``iam.IRole``.
    """

    __signature__ = ConstructorSignature()

    _instead: ClassVar[str]
    """What to pass instead."""

    def _reject(self) -> NoReturn:
        raise AttributeError(
            f"{self.node.path}: a role must be an iam.IRole, got a {type(self).__name__}; pass {self._instead}"
        )

    @property
    def role_arn(self) -> str:
        """Not available: this construct is not a role."""
        self._reject()

    @property
    def role_name(self) -> str:
        """Not available: this construct is not a role."""
        self._reject()

    @property
    def role_ref(self) -> object:
        """Not available: this construct is not a role."""
        self._reject()

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """Not available: this construct is not a role."""
        self._reject()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.node.path}>"

    def attach_inline_policy(self, policy: iam.Policy) -> None:
        """Raise an error: this construct is not a role."""
        self._reject()


def role_instead_of(value: object) -> str:
    """Return which role to pass instead of a construct that is not a role, for errors.

    Returns:
        A text such as ``", such as the role that you passed to the activation"``, which is empty for any other value.
    """
    return f", such as {value._instead}" if isinstance(value, NotARole) else ""
