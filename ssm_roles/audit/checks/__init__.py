"""The checks of the audit, by what they are about."""

from __future__ import annotations

from ..check import Check
from . import codes, names, nodes, passing, service_linked, sizes, trust, windows

ALL_CHECKS: tuple[Check, ...] = (
    *trust.CHECKS,
    *service_linked.CHECKS,
    *passing.CHECKS,
    *nodes.CHECKS,
    *names.CHECKS,
    *codes.CHECKS,
    *windows.CHECKS,
    *sizes.CHECKS,
)
"""Every check, in the order of the catalog."""
