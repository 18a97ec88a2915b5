"""Responses of IAM that match those of AWS and are well-formed XML.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
"""

import re
from html import escape
from typing import Any

from .ministack import iam

_ROLE_NOT_FOUND = re.compile(r"Role (\S+) not found\.")


def install() -> None:
    """Correct the responses of MiniStack."""
    error, role_xml = iam._error, iam._role_xml

    def worded_error(status: int, code: str, message: str, ns: str = "iam") -> Any:
        return error(status, code, _ROLE_NOT_FOUND.sub(r"The role with name \1 cannot be found.", message), ns=ns)

    def escaped_role_xml(name: str, boundary: bool = True) -> str:
        description = iam._roles[name].get("Description") or ""
        xml: str = role_xml(name, boundary=boundary)
        escaped = escape(description, quote=False)
        return xml.replace(f"<Description>{description}</Description>", f"<Description>{escaped}</Description>", 1)

    iam._error = worded_error
    iam._role_xml = escaped_role_xml
