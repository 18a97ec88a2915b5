"""All checks that only an account tells."""

from __future__ import annotations

from .account_check import AccountCheck
from .activation_checks import ACTIVATION_CHECKS
from .host_management_checks import HOST_MANAGEMENT_CHECKS
from .node_checks import NODE_CHECKS

ALL_ACCOUNT_CHECKS: tuple[AccountCheck, ...] = (*ACTIVATION_CHECKS, *NODE_CHECKS, *HOST_MANAGEMENT_CHECKS)
"""The checks, by area."""
