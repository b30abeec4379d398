"""Whether a state-changing request came from a page of this site (OWASP CSRF cheat sheet)."""

from __future__ import annotations

import re
from collections.abc import Container

from ._cookies import Headers

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LOOPBACK = re.compile(rb"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)


def refusal(headers: Headers, trusted_origins: Container[str]) -> str | None:
    """Why a request that would change something is refused, or None if it may pass.

    Programs that send no cookies pass: no browser was made to send them.
    """
    first: dict[bytes, bytes] = {}
    for name, value in headers:
        first.setdefault(name.lower(), value)
    site, origin = first.get(b"sec-fetch-site"), first.get(b"origin")
    if origin is not None and origin.decode("latin-1") in trusted_origins:
        return None
    if site is not None:
        return None if site in (b"same-origin", b"none") else "This request came from another site."
    if origin is not None:
        own = is_own(origin, first.get(b"host", b""))
        return None if own else "This request came from another site."
    if b"cookie" in first:
        return "This request carries cookies but does not say where it comes from: send an Origin."
    return None


def is_own(origin: bytes, host: bytes) -> bool:
    """Same host and port as the request, over https; over plain http on this machine only, as the
    cookie is sent nowhere else without TLS."""
    scheme, _, own = origin.partition(b"://")
    if not host or own.lower() != host.lower():
        return False
    return scheme == b"https" or LOOPBACK.fullmatch(origin) is not None
