"""The one rule of this folder: nothing here talks to anything but this machine."""

import ipaddress
from urllib.parse import urlsplit


def require_loopback(url: str) -> str:
    """Return the URL if it leads to this machine.

    Args:
        url: An `http` or `https` URL whose host is `localhost`, an address in 127.0.0.0/8, or `[::1]`.

    Raises:
        ValueError: The URL has another scheme or another host, or cannot be read.
    """
    if not _is_loopback(url):
        raise ValueError(f"endpoint must be http(s)://localhost, 127.0.0.0/8 or [::1], got {url!r}")
    return url


def _is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except (ValueError, AttributeError, TypeError):
        return False
    # A user name in front of the host is how a foreign host is made to look like this one.
    if parts.scheme not in ("http", "https") or host is None or "@" in parts.netloc:
        return False
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address == ipaddress.IPv6Address("::1") or address in ipaddress.ip_network("127.0.0.0/8")
