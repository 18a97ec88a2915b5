"""The calls in one Region: each one reads, and what can't be read is recorded instead of ending the run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import code_of, explanation_of, reason_of
from .model import Unread
from .permissions import PERMISSIONS
from .session import Clients, Limits

# What an endpoint answers if it doesn't have the operation, such as that of a Region without the feature.
_UNSUPPORTED = frozenset({"UnknownOperationException", "UnknownOperation", "InvalidAction"})

_DISABLED = "The Region is disabled, or doesn't accept these credentials, so the report has nothing about it"


class Calls:
    """Calls in one Region.

    Args:
        clients: The clients of the session.
        region: The Region.
        limits: How much to read.
        is_global: Whether what is read belongs to the whole account, and not to the Region.

    Attributes:
        unread: What couldn't be read.
        succeeded: The number of calls that succeeded.
        is_disabled: Whether the Region doesn't know the credentials.
    """

    def __init__(self, clients: Clients, region: str, limits: Limits, *, is_global: bool = False) -> None:
        """Start without calls."""
        self.region = region
        self.unread: list[Unread] = []
        self.succeeded = 0
        self.is_disabled = False
        self._clients = clients
        self._limits = limits
        self._place = "" if is_global else region
        self._unreachable: dict[str, str] = {}

    def call(
        self, action: str, parameters: Mapping[str, Any], *, expected: Iterable[str] = ()
    ) -> dict[str, Any] | None:
        """Make a call, and return its response: None if it failed, and nothing if there is nothing to read.

        Args:
            action: The IAM action, such as ``iam:GetRole``.
            parameters: The parameters of the call.
            expected: The codes of errors that mean that there is nothing to read.
        """
        service, method = _operation(action)
        if self._is_given_up(service, action):
            return None
        try:
            answer: dict[str, Any] = getattr(self._clients.get(service, self.region), method)(**parameters)
        except Exception as error:
            if self._is_nothing(error, expected):
                return {}
            self._record(service, action, error)
            return None
        self.succeeded += 1
        return answer

    def pages(
        self, action: str, parameters: Mapping[str, Any], *, size: int | None = None, expected: Iterable[str] = ()
    ) -> list[dict[str, Any]] | None:
        """Make the calls of a listing, and return its pages; fewer if a call fails, or None if the first one fails.

        Args:
            action: The IAM action, such as ``ssm:DescribeActivations``.
            parameters: The parameters of each call.
            size: The number of items to request for each page. Default: - that of AWS
            expected: The codes of errors that mean that there is nothing to read.
        """
        service, method = _operation(action)
        if self._is_given_up(service, action):
            return None
        found: list[dict[str, Any]] = []
        try:
            client = self._clients.get(service, self.region)
            if not hasattr(client, method):
                # An old version of boto3 doesn't know the operation.
                self._add(action, "failed", f"this version of boto3 doesn't have {method}")
                return None
            pages = client.get_paginator(method).paginate(**parameters, PaginationConfig={"PageSize": size})
            for page in itertools.islice(pages, self._limits.pages):
                found.append(page)
                self.succeeded += 1
            if len(found) == self._limits.pages and _continues(found[-1]):
                self._add(action, "incomplete", f"there are more than {self._limits.pages:,} pages")
        except Exception as error:
            if not self._is_nothing(error, expected):
                self._record(service, action, error)
                return found or None
        return found

    def _is_given_up(self, service: str, action: str) -> bool:
        if self.is_disabled:
            return True
        if service in self._unreachable:
            # Waiting once is enough.
            self._add(action, "unreachable", self._unreachable[service])
            return True
        return False

    def _is_nothing(self, error: Exception, expected: Iterable[str]) -> bool:
        is_nothing = code_of(error) in {*_UNSUPPORTED, *expected}
        self.succeeded += is_nothing
        return is_nothing

    def _record(self, service: str, action: str, error: Exception) -> None:
        reason = reason_of(error)
        if reason == "disabled":
            self.is_disabled = True
            self.unread = [Unread("", self._place, reason, explanation_of(error), _DISABLED)]
            return
        if reason == "unreachable":
            self._unreachable[service] = explanation_of(error)
        self._add(action, reason, explanation_of(error))

    def _add(self, action: str, reason: Any, explanation: str) -> None:  # noqa: ANN401
        unread = Unread(action, self._place, reason, explanation, PERMISSIONS[action].missing)
        # The same call for several roles or maintenance windows fails for the same reason.
        if not any((each.action, each.reason) == (action, reason) for each in self.unread):
            self.unread.append(unread)


def _operation(action: str) -> tuple[str, str]:
    from botocore import xform_name

    service, _, name = action.partition(":")
    return service, xform_name(name)


def _continues(page: Mapping[str, Any]) -> bool:
    return bool(page.get("NextToken") or page.get("Marker") or page.get("IsTruncated"))
