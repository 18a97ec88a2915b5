"""Limits and names of IAM that need no CDK.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
"""

from __future__ import annotations

import re

ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")
ROLE_NAME_LENGTH = 64

POLICY_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")
POLICY_NAME_LENGTH = 128

NAME_CHARACTERS = "letters, digits and _+=,.@-"
"""The characters of both names, for errors."""

SERVICE_LINKED_PATH = "aws-service-role/"
"""The path of every service-linked role and of its policy, without the leading slash.

https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
"""

SERVICE_LINKED_NAME = "AWSServiceRoleFor"
"""How the name of every service-linked role begins."""
