"""Limits and names of IAM that need no CDK.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
"""

from __future__ import annotations

import re

ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")
ROLE_NAME_LENGTH = 64

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html
INSTANCE_PROFILE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")
INSTANCE_PROFILE_NAME_LENGTH = 128

POLICY_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+")
POLICY_NAME_LENGTH = 128

NAME_CHARACTERS = "letters, digits and _+=,.@-"
"""The characters of both names, for errors."""

# The quotas, in characters without white space or in policies:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
INLINE_POLICIES = {"role": 10_240, "group": 5_120, "user": 2_048}
"""The characters of all inline policies together, by what has them."""
MANAGED_POLICY = 6_144
TRUST_POLICY = 2_048
MOST_TRUST_POLICY = 8_192
"""The maximum that an account can request."""
MANAGED_POLICIES_PER_ROLE = 10
MOST_MANAGED_POLICIES_PER_ROLE = 25
"""The maximum that an account can request."""

SERVICE_LINKED_PATH = "aws-service-role/"
"""The path of every service-linked role and of its policy, without the leading slash.

https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
"""

SERVICE_LINKED_NAME = "AWSServiceRoleFor"
"""How the name of every service-linked role begins."""
