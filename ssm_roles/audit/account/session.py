"""The session with AWS: credentials, and one client for each service and Region."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ... import __version__
from .errors import AccountError, credentials_problem, explanation_of

_MISSING = 'reading an account needs boto3: pip install "boto3>=1.34,<2"'


@dataclass(frozen=True)
class Limits:
    """How long reading can take.

    Attributes:
        attempts: The number of times to try each call. The delay between them grows, and adapts to throttling.
        connect_seconds: How long to wait for a connection.
        read_seconds: How long to wait for a response.
        pages: The number of pages to read of one listing.
        parallel: The number of Regions to read at the same time.
    """

    attempts: int = 6
    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    pages: int = 1000
    parallel: int = 8


def open_session(profile: str | None) -> Any:  # noqa: ANN401
    """Return a boto3 session whose credentials are loaded.

    Args:
        profile: The profile of the AWS configuration. Default: - the default profile, or the environment

    Raises:
        AccountError: boto3 is missing, the profile is unknown, or there are no credentials.
    """
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ProfileNotFound
    except ImportError as error:
        raise AccountError(_MISSING) from error
    try:
        session = boto3.Session(profile_name=profile)
        credentials = session.get_credentials()
        if credentials is not None:
            # Signing in, assuming the role of a profile or reading a cached token happens here.
            credentials.get_frozen_credentials()
    except ProfileNotFound as error:
        known = ", ".join(boto3.Session().available_profiles) if profile is not None else ""
        raise AccountError(
            f"{explanation_of(error)}{f'; known are {known}' if known else ''}".replace("ProfileNotFound: ", "")
        ) from error
    except BotoCoreError as error:
        raise AccountError(credentials_problem(error)) from error
    except Exception as error:
        # Assuming the role of a profile can fail with a ClientError; a configuration file can be unreadable.
        raise AccountError(f"the AWS credentials can't be loaded: {explanation_of(error)}") from error
    if credentials is None:
        raise AccountError("no AWS credentials were found; sign in, set AWS_PROFILE, or pass --profile")
    return session


class Clients:
    """The clients of a session. Several threads can use them.

    Args:
        session: The boto3 session.
        limits: How long each call can take.
    """

    def __init__(self, session: Any, limits: Limits) -> None:  # noqa: ANN401
        """Start without clients."""
        from botocore.config import Config

        settings: Mapping[str, Any] = {
            "retries": {"mode": "adaptive", "total_max_attempts": limits.attempts},
            "connect_timeout": limits.connect_seconds,
            "read_timeout": limits.read_seconds,
            "user_agent_extra": f"ssm-roles/{__version__}",
            "max_pool_connections": 10,
        }
        self._config = Config(**settings)
        self._session = session
        # A session can't create two clients at the same time.
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def get(self, service: str, region: str) -> Any:  # noqa: ANN401
        """Return the client of a service in a Region.

        Args:
            service: The name of the service.
            region: The Region.
        """
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._session.client(service, region_name=region, config=self._config)
            return self._clients[service, region]
