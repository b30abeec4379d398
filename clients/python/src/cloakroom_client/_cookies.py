"""The session cookie: reading all of exactly its name, and writing it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ._secrets import Token

Headers = Iterable[tuple[bytes, bytes]]
MOST_CANDIDATES = 4
"""Of which a session is looked for."""
MOST_KEPT = 16
"""Which a logout ends."""
LONGEST_CREDENTIAL = 4096
MOST_AGE_SECONDS = 400 * 24 * 3600
"""What browsers keep a cookie for at most."""
NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")


class SessionCookie:
    """A cookie of one exact name; Secure, HttpOnly, for the whole host and its own site."""

    def __init__(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a cookie's name")
        self.name = name

    def candidates(self, headers: Headers) -> list[str]:
        """The different values of that name, at most one more than a logout ends."""
        found: list[str] = []
        for value in self._values(headers):
            # What cannot be ours still counts as a candidate.
            plausible = len(value) <= LONGEST_CREDENTIAL and value.isascii()
            text = value.decode("ascii") if plausible else ""
            if text not in found and len(found) <= MOST_KEPT:
                found.append(text)
        return found

    def _values(self, headers: Headers) -> Iterable[bytes]:
        for header, content in headers:
            if header.lower() != b"cookie":
                continue
            for pair in content.split(b";"):
                # Only space and tab: trimming more would let other names pass for ours.
                name, equals, value = pair.strip(b" \t").partition(b"=")
                if equals and name == self.name.encode():
                    yield _unquoted(value)

    def setting(self, token: Token, max_age: int | None) -> bytes:
        """The Set-Cookie value that gives the client its credential."""
        return self._written(token.reveal(), None if max_age is None else min(max_age, MOST_AGE_SECONDS))

    def clearing(self) -> bytes:
        """The one that takes it away; for the answer to a logout only."""
        return self._written("", 0)

    def _written(self, value: str, max_age: int | None) -> bytes:
        if re.search(r"[^\x21-\x7e]|[;,\"\\]", value):
            raise ValueError("a credential that cannot be a cookie's value")
        age = "" if max_age is None else f"; Max-Age={max(max_age, 0)}"
        return f"{self.name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}".encode()


def _unquoted(value: bytes) -> bytes:
    is_quoted = len(value) >= 2 and value.startswith(b'"') and value.endswith(b'"')
    return value[1:-1] if is_quoted else value
