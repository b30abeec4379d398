"""One call: what it sends, what its answer means, and whether it may be sent again.

There is no I/O here; the two clients differ only in how they send and wait.
"""

from __future__ import annotations

import enum
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ._errors import Conflict, OutcomeUnknown, Problem, Unavailable, problem

T = TypeVar("T")
FIRST_PAUSE_SECONDS = 0.05


class Repeat(enum.Enum):
    """What sending a call twice would do."""

    READ = enum.auto()
    """Nothing: it changes nothing."""
    IDEMPOTENT = enum.auto()
    """The same as sending it once."""
    GUARDED = enum.auto()
    """Conflict with itself if the first was carried out: nothing is lost, but nothing is told."""
    ONCE = enum.auto()
    """Something else: only a call that never reached the server is sent again."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and how its answer is read."""

    method: str
    path: str
    parse: Callable[[Mapping[str, Any]], T]
    repeat: Repeat
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def content(self) -> bytes | None:
        """The body as it is sent."""
        if self.body is None:
            return None
        return json.dumps(self.body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()

    def content_headers(self) -> dict[str, str]:
        """The headers beside the key's."""
        kind = {} if self.body is None else {"Content-Type": "application/json"}
        return {"Accept": "application/json", **kind, **self.headers}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class Attempts(Generic[T]):
    """A call from its first attempt to its last, within one deadline."""

    def __init__(self, call: Call[T], deadline: float, retries: int) -> None:
        self._call, self._deadline, self._left = call, deadline, retries
        self._pause = FIRST_PAUSE_SECONDS
        self._unclear = False

    def seconds_left(self, now: float) -> float:
        """For the next attempt; never zero, which would mean no limit to some."""
        return max(self._deadline - now, 0.001)

    def outcome(self, answer: Answer) -> T:
        """What the answer says. Raises Unavailable if it says nothing, Problem if it refuses."""
        if answer.status >= 500 or answer.status == 429:
            raise _no_answer(answer)
        body = _json(answer)
        if answer.status >= 400 and not (body and "code" in body):
            # Not of Cloakroom's making, so its status does not mean what Cloakroom means by it.
            raise Problem(answer.status, "unknown", "the answer is no problem of Cloakroom's", body or {})
        if body is None:
            raise Unavailable(f"the answer ({answer.status}) is no JSON object: is this Cloakroom?")
        if 200 <= answer.status < 300:
            try:
                return self._call.parse(body)
            except (KeyError, TypeError, ValueError, AttributeError) as fault:
                raise Unavailable("the answer is not of the shape that Cloakroom gives") from fault
        refused = problem(answer.status, body)
        if self._unclear and isinstance(refused, Conflict) and self._call.repeat is Repeat.GUARDED:
            self._left = 0
            raise OutcomeUnknown("the change may have been made by an attempt whose answer was lost")
        raise refused

    def pause_after(self, fault: Unavailable, now: float) -> float:
        """Seconds to wait before the next attempt; raises if there is none."""
        self._unclear = self._unclear or not fault.unsent
        pause = max(self._pause * random.uniform(1, 2), fault.retry_after or 0)  # noqa: S311 no secret
        if not self._may_follow(fault) or self._left == 0 or now + pause >= self._deadline:
            raise self._final(fault)
        self._left, self._pause = self._left - 1, self._pause * 3
        return pause

    def _may_follow(self, fault: Unavailable) -> bool:
        if self._call.repeat is Repeat.READ:
            # Its caller hands Retry-After on: waiting here would only pile up requests.
            return fault.retry_after is None
        return fault.unsent or self._call.repeat is not Repeat.ONCE

    def _final(self, fault: Unavailable) -> Unavailable:
        if self._call.repeat is Repeat.READ or not self._unclear or isinstance(fault, OutcomeUnknown):
            return fault
        return OutcomeUnknown(f"the outcome is unknown: {fault}", fault.retry_after)


def _no_answer(answer: Answer) -> Unavailable:
    text = answer.headers.get("retry-after", "")
    retry_after = float(text) if text.isascii() and text.isdigit() else None
    try:
        code = str(json.loads(answer.content).get("code"))
    except (ValueError, AttributeError):
        code = "no code"
    kind = OutcomeUnknown if code == "outcome-unknown" else Unavailable
    # The server refused before it did anything: sending it later is as good as the first time.
    unsent = code == "sessions-unavailable"
    return kind(f"Cloakroom answered {answer.status} ({code})", retry_after, unsent=unsent)


def _json(answer: Answer) -> Mapping[str, Any] | None:
    try:
        body = json.loads(answer.content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
