"""Who a trust policy names, as people call them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re

from ..._facts.service_names import service_of_principal
from ..intrinsics import has_wildcard, reference, referenced, shown, split_arn
from ..policies import Principal
from ..template import Template
from .views import Party

_ACCOUNT = re.compile(r"\d{12}")
_OWN = reference("AWS::AccountId")


def party_of(principal: Principal, template: Template) -> Party:
    """Return who a principal of a trust policy is.

    Args:
        principal: The principal.
        template: The template of the trust policy.
    """
    text = principal.text
    if principal.kind == "*" or text == "*":
        return Party("everybody", "Everybody", "every AWS account, or anyone", "open")
    if principal.kind == "Service":
        name = service_of_principal(shown(text))
        return Party(f"service {text.lower()}", name or shown(text), shown(text) if name else "AWS service", "service")
    if principal.kind == "Federated":
        return Party(f"federated {text}", shown(text).rsplit("/", 1)[-1], _federated(shown(text)), "open")
    return _of_aws(text, template)


def is_single(principal: Principal) -> bool:
    """Return whether a principal is one role or user, and not everybody, an account or a service.

    Args:
        principal: The principal.
    """
    parts = split_arn(principal.text)
    is_arn = len(parts) == 6 and parts[5] not in ("root", "*") and not has_wildcard(parts[5])
    names = referenced(principal.text)
    is_reference = len(names) == 1 and principal.text == reference(names[0]) and names[0].endswith(".Arn")
    return principal.kind == "AWS" and (is_arn or is_reference)


def _of_aws(text: str, template: Template) -> Party:
    parts = split_arn(text)
    account = parts[4] if len(parts) == 6 else text
    names = [each.split(".")[0] for each in referenced(text)]
    own = next((each for each in names if each in template.roles), None)
    if own is not None:
        return Party(f"role {own}", own, "role", "principal")
    if len(names) == 1 and text.startswith(reference("")[0]) and text != _OWN:
        return Party(f"reference {text}", names[0], "named by the template", "principal")
    if account == _OWN and (text == _OWN or parts[-1] == "root"):
        return Party("account", "This account", "its principals with sts:AssumeRole", "principal")
    if text == account or parts[-1] == "root":
        title = f"Account {shown(account)}" if _ACCOUNT.fullmatch(account) else shown(account)
        return Party(f"account {account}", title, "another account", "open")
    if len(parts) == 6 and parts[2] in ("iam", "sts"):
        is_own = account == _OWN
        note = "in this account" if is_own else f"in account {shown(account)}"
        return Party(text, shown(parts[5]), note, "principal" if is_own else "open")
    return Party(text, shown(text), "AWS principal", "open")


def _federated(text: str) -> str:
    if "saml-provider" in text:
        return "SAML identity provider"
    return "OpenID Connect identity provider" if "oidc-provider" in text else "identity provider"
