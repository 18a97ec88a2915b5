"""The ARN of a service-linked role."""

from __future__ import annotations

from .._cdk.stack_facts import build_arn
from .._facts.iam_limits import SERVICE_LINKED_PATH
from .service_linked_role_type import ServiceLinkedRoleType


def service_linked_role_arn(
    role_type: ServiceLinkedRoleType, partition: str, account: str, role_name: str | None = None
) -> str:
    """Return the ARN of a service-linked role.

    Args:
        role_type: The role.
        partition: The partition, which may be a token.
        account: The account, which may be a token.
        role_name: A reference to the role's name, so that the ARN depends on the role. Default: - the name itself
    """
    name = role_type.role_name if role_name is None else role_name
    path = f"{SERVICE_LINKED_PATH}{role_type.service_principal}"
    return build_arn(partition, "iam", "", account, f"role/{path}/{name}")


def arn_of_name(partition: str, account: str, role_name: str) -> str:
    """Return the ARN of the one service-linked role with a name, which is unique in its account, in policies.

    Without the service, which makes most ARNs a third longer, the permissions of 40 roles fit into the quotas.
    """
    return build_arn(partition, "iam", "", account, f"role/{SERVICE_LINKED_PATH}*/{role_name}")
