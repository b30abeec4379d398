"""Values that must not be printed, logged or pickled by accident."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A text that only `reveal` shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not text:
            raise ValueError(f"an empty {type(self).__name__}")
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return type(self).__name__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled or copied")


class Token(Secret):
    """The credential of one session: for the client's cookie, and nowhere else."""

    __slots__ = ()


class ApiKey(Secret):
    """The application's key to Cloakroom."""

    __slots__ = ()


class PasswordLink(Secret):
    """A one-time link over which a person chooses a password."""

    __slots__ = ()


def text_of(secret: Secret | str) -> str:
    """The text of a secret that may come as a plain string."""
    return secret.reveal() if isinstance(secret, Secret) else secret
