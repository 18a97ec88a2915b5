"""The check that every endpoint is on this machine. No code of this package connects to another machine."""

import ipaddress
from urllib.parse import urlsplit


def require_loopback(url: str) -> str:
    """Return the URL if its host is this machine.

    Args:
        url: An `http` or `https` URL whose host is `localhost`, an address in 127.0.0.0/8, or `[::1]`.

    Raises:
        ValueError: The URL has a different scheme or host, or is malformed.
    """
    if not _is_loopback(url):
        raise ValueError(f"endpoint must be an http or https URL of localhost, 127.0.0.0/8 or [::1], got {url!r}")
    return url


def _is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except (ValueError, AttributeError, TypeError):
        return False
    # A user name before the host can make another host look like this machine.
    if parts.scheme not in ("http", "https") or host is None or "@" in parts.netloc:
        return False
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address == ipaddress.IPv6Address("::1") or address in ipaddress.ip_network("127.0.0.0/8")
