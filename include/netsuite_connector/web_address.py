"""Whether a web address is one to send secrets to."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

_WITHIN = ("localhost", "local", "internal", "test")  # last parts of names that no public address has


def is_read_on_the_way(url: str) -> bool:
    """Whether others may read what is sent there: without TLS, and beyond this machine and the network that
    it stands in. Raises ValueError for what is no web address.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "http":
        return False
    try:
        return not ip_address(host).is_private
    except ValueError:
        # A name without dots is a neighbour's, such as a container's.
        return "." in host and host.rpartition(".")[2] not in _WITHIN
