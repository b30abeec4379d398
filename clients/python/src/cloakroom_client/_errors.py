"""What can go wrong. No text here ever holds a token or a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class CloakroomError(Exception):
    """The root of all errors of this package."""


class Unavailable(CloakroomError):
    """Nothing could be learnt: the server or its store did not answer.

    It never means that somebody is logged out. Answer 503 and touch no cookie.
    """

    def __init__(self, message: str, retry_after: float | None = None, *, unsent: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which the server asks to be tried again, if it said so."""
        self.unsent = unsent
        """Whether the request certainly never reached the server."""


class OutcomeUnknown(Unavailable):
    """A change may have been made, or not: its answer was lost and sending it again is not safe,
    or did not help either."""


class NotLoggedIn(CloakroomError):
    """The act needs a session, and the request has none."""


class HeadersSent(CloakroomError):
    """The answer has begun, so a cookie can no longer reach the client."""


class Problem(CloakroomError):
    """The server understood and refused (RFC 9457).

    With the code "unknown" something in between refused, or it is no Cloakroom that answers.
    """

    def __init__(self, status: int, code: str, detail: str, members: Mapping[str, Any]) -> None:
        super().__init__(f"{code} ({status}): {detail}")
        self.status = status
        self.code = code
        """Stable, in kebab-case."""
        self.detail = detail
        self.members = members
        """All members of the problem document."""


class KeyRefused(Problem):
    """The API key is missing, unknown or removed, or lacks a scope (`members["scope"]`)."""


class SessionEnded(Problem):
    """The session has ended; it never comes back."""


class NotFound(Problem):
    """There is no such thing."""


class UserDisabled(Problem):
    """The user may have no sessions."""


class Conflict(Problem):
    """Something else happened first: the limit of sessions, another epoch, a taken name."""


class DataConflict(Conflict):
    """Another request changed a key of the session's data since it was read."""

    @property
    def key(self) -> str:
        """The key."""
        return str(self.members.get("key", ""))


_BY_CODE: dict[str, type[Problem]] = {
    "data-conflict": DataConflict,
    "session-ended": SessionEnded,
    "user-disabled": UserDisabled,
    "insufficient-scope": KeyRefused,
}
_BY_STATUS: dict[int, type[Problem]] = {401: KeyRefused, 404: NotFound, 409: Conflict, 410: SessionEnded}


def problem(status: int, members: Mapping[str, Any]) -> Problem:
    """The error of a problem document."""
    code = str(members.get("code", "unknown"))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, Problem)
    return kind(status, code, str(members.get("detail", "")), members)
