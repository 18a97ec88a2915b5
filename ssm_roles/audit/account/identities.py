"""Reads the roles, users and groups of an account, with their policies.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from ..._facts.iam_limits import SERVICE_LINKED_PATH
from .calls import Calls
from .model import Identities, Identity, LastUse, Policy, Role

_ACTION = "iam:GetAccountAuthorizationDetails"
_LARGEST_PAGE = 1000


def read_identities(calls: Calls) -> Identities | None:
    """Return the identities, or None if they couldn't be read.

    Args:
        calls: The calls of the whole account.
    """
    pages = calls.pages(_ACTION, {}, size=_LARGEST_PAGE)
    return None if pages is None else identities_in(pages)


def identities_in(pages: Iterable[Mapping[str, Any]]) -> Identities:
    """Return the identities in the responses of ``GetAccountAuthorizationDetails``.

    Args:
        pages: The responses.
    """
    listed = list(pages)
    documents = {each["Arn"]: _policy(each) for page in listed for each in page.get("Policies", ())}
    roles = _sorted(role_in(each, documents) for page in listed for each in page.get("RoleDetailList", ()))
    return Identities(
        roles=tuple(each for each in roles if not is_linked(each)),
        linked_roles=tuple(each for each in roles if is_linked(each)),
        users=tuple(
            _sorted(_identity("user", each, documents) for page in listed for each in page.get("UserDetailList", ()))
        ),
        groups=tuple(
            _sorted(_identity("group", each, documents) for page in listed for each in page.get("GroupDetailList", ()))
        ),
        managed_policies={arn: documents[arn] for arn in sorted(documents) if not is_of_aws(arn)},
    )


def is_of_aws(policy_arn: str) -> bool:
    """Return whether a managed policy is one of AWS.

    Args:
        policy_arn: The ARN of the policy.
    """
    return policy_arn.split(":")[4:5] == ["aws"]


def is_linked(role: Role) -> bool:
    """Return whether a role is a service-linked one.

    Args:
        role: The role.
    """
    return role.path.startswith(f"/{SERVICE_LINKED_PATH}")


def role_in(details: Mapping[str, Any], managed: Mapping[str, Policy]) -> Role:
    """Return the role in a response of IAM.

    Args:
        details: The role, as IAM describes it.
        managed: The managed policies, by ARN.
    """
    last = details.get("RoleLastUsed")
    return Role(
        kind="role",
        name=details["RoleName"],
        path=details.get("Path", "/"),
        arn=details["Arn"],
        policies=tuple(_policies(details, "RolePolicyList", managed)),
        boundary=_boundary(details, managed),
        trust_policy=_document(details.get("AssumeRolePolicyDocument")) or {},
        instance_profiles=tuple(
            sorted(each["InstanceProfileName"] for each in details.get("InstanceProfileList") or ())
        ),
        created=details.get("CreateDate"),
        description=details.get("Description", ""),
        last_use=None if last is None else LastUse(last.get("LastUsedDate"), last.get("Region")),
    )


def _identity(kind: Any, details: Mapping[str, Any], managed: Mapping[str, Policy]) -> Identity:  # noqa: ANN401
    title = kind.capitalize()
    return Identity(
        kind=kind,
        name=details[f"{title}Name"],
        path=details.get("Path", "/"),
        arn=details["Arn"],
        policies=tuple(_policies(details, f"{title}PolicyList", managed)),
        boundary=_boundary(details, managed),
        groups=tuple(sorted(details.get("GroupList") or ())),
    )


def _policies(details: Mapping[str, Any], inline: str, managed: Mapping[str, Policy]) -> Iterator[Policy]:
    for each in details.get(inline) or ():
        yield Policy(each["PolicyName"], _document(each.get("PolicyDocument")))
    for each in details.get("AttachedManagedPolicies") or ():
        yield _known(each["PolicyArn"], each.get("PolicyName"), managed)


def _boundary(details: Mapping[str, Any], managed: Mapping[str, Policy]) -> Policy | None:
    arn = (details.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return None if not arn else _known(arn, None, managed)


def _known(arn: str, name: str | None, managed: Mapping[str, Policy]) -> Policy:
    if arn in managed:
        return managed[arn]
    return Policy(arn.rpartition("/")[2] if name is None else name, None, arn)


def _policy(details: Mapping[str, Any]) -> Policy:
    default = next(
        (
            _document(each.get("Document"))
            for each in details.get("PolicyVersionList") or ()
            if each.get("IsDefaultVersion") or each.get("VersionId") == details.get("DefaultVersionId")
        ),
        None,
    )
    return Policy(details["Arn"].rpartition("/")[2], default, details["Arn"])


def _document(value: object) -> dict[str, Any] | None:
    """Return a policy document, which IAM returns as URL-encoded JSON and the AWS SDK decodes."""
    if isinstance(value, str):
        try:
            value = json.loads(unquote(value) if value.lstrip()[:1] == "%" else value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _sorted(identities: Iterable[Any]) -> list[Any]:
    return sorted(identities, key=lambda each: (each.name.lower(), each.arn))
