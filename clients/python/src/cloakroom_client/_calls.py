"""The calls of `/v1`, one function each. The methods of both clients are made from these."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from ._core import Call, Repeat
from ._models import (
    Account,
    Client,
    Count,
    EndedSession,
    Entry,
    Invited,
    Issued,
    Json,
    Page,
    Session,
    User,
    Verified,
)
from ._secrets import PasswordLink, Token, text_of

T = TypeVar("T")
MOST_USER_AGENT_BYTES = 512
Carry = Literal["nothing", "everything"] | Sequence[str]


def create(
    user: User | str,
    *,
    client: Client | None = None,
    remember: bool = False,
    as_of_epoch: int | None = None,
    replaces: Token | str | None = None,
    carry: Carry | None = None,
    idempotency_key: str | None = None,
) -> Call[Issued]:
    """Begins a session for a user whom the application has just authenticated.

    A lost answer never makes two sessions: each call has a key of its own, with which it is sent
    again. Read `epoch(user_id)` before checking the password and pass it as `as_of_epoch`, so that
    a login that began before "end all sessions" does not slip in after it. `replaces` is the
    client's former credential: its session ends in the same commit, and `carry` says what of its
    data goes over.

    Name and groups are left out for users that Cloakroom itself keeps: it knows them.

    Raises Conflict (limit of sessions, newer epoch), UserDisabled.
    """
    user = User(user) if isinstance(user, str) else user
    body = {
        "user": _without_none(id=user.id, name=user.name or None, groups=list(user.groups) or None),
        "client": _client(client),
        "remember": remember,
        "as_of_epoch": as_of_epoch,
        "replaces": None if replaces is None else text_of(replaces),
        "carry": carry if carry is None or isinstance(carry, str) else list(carry),
    }
    key = idempotency_key or secrets.token_urlsafe(24)
    headers = {"Idempotency-Key": key}
    return _post("/sessions", Issued.of, _without_none(**body), Repeat.IDEMPOTENT, headers)


def verify(
    token: Token | str, *, renew: bool = False, arrived_ms_ago: int | None = None
) -> Call[Verified | None]:
    """Who presents this credential, or None. It never says why not. This counts as a use.

    With `renew` a due successor comes along; ask for it only if its cookie can be replaced.

    Present a credential once per request, when it arrives: one that another tab renewed more than
    a minute ago is taken for stolen, and the session ends. If it took a while to get to this, as
    with a long upload, say how long in `arrived_ms_ago` (0 to 600000). Look again by `session(id)`.
    """
    body: dict[str, Any] = {"token": text_of(token)}
    if renew:
        body["renew"] = True
    if arrived_ms_ago is not None:
        body["arrived_ms_ago"] = arrived_ms_ago
    return _post("/sessions/verify", Verified.of, body, Repeat.READ)


def verify_batch(tokens: Iterable[Token | str]) -> Call[tuple[Session | None, ...]]:
    """As `verify`, for up to 100 at once; the answers are in the order of the tokens."""

    def parse(body: Json) -> tuple[Session | None, ...]:
        found = [Verified.of(each) for each in body["results"]]
        return tuple(None if each is None else each.session for each in found)

    body = {"tokens": [text_of(token) for token in tokens]}
    return _post("/sessions/verify-batch", parse, body, Repeat.READ)


def rotate(token: Token | str, *, reauthenticated: bool = False) -> Call[Issued]:
    """A fresh credential after a change of privilege; the old one is dead at once.

    With `reauthenticated` the session counts as authenticated now. Raises SessionEnded.
    """
    body = {"token": text_of(token), "reauthenticated": reauthenticated}
    return _post("/sessions/rotate", Issued.of, body, Repeat.ONCE)


def log_out(token: Token | str) -> Call[bool]:
    """Ends the session of a credential for good. Whether it was live: False too if the credential
    was rotated meanwhile, and then the session lives on under its new one. Whoever knows the id
    ends it by `end`."""
    return _end("/sessions/log-out", {"token": text_of(token)}, bool)


def session(session_id: str) -> Call[Session]:
    """One live session. Raises NotFound, SessionEnded."""
    return _get(f"/sessions/{_part(session_id)}", Session.of)


def sessions(
    *,
    user: str | None = None,
    name: str | None = None,
    name_prefix: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> Call[Page[Session]]:
    """Live sessions, newest first; at most one of `user` (id), `name` and `name_prefix`."""
    query = _query(user=user, name=name, name_prefix=name_prefix, limit=limit, after=after)
    return _get("/sessions", Page.of(Session.of), query)


def count() -> Call[Count]:
    """How many sessions are live."""
    return _get("/sessions/count", Count.of)


def end(
    session_id: str, *, by: str | None = None, reason: Literal["logout", "admin"] | None = None
) -> Call[bool]:
    """Ends a session by its id. Whether it was live."""
    return _end(f"/sessions/{_part(session_id)}/end", _without_none(by=by, reason=reason), bool)


def end_others(session_id: str) -> Call[int]:
    """Ends all other sessions of the same user. How many."""
    return _end(f"/sessions/{_part(session_id)}/end-others", {}, int)


def end_user_sessions(
    user_id: str, *, by: str | None = None, reason: Literal["logout", "admin"] | None = None
) -> Call[int]:
    """Ends all sessions of a user, whether Cloakroom keeps that user or not. How many."""
    return _end(f"/users/{_part(user_id)}/end-sessions", _without_none(by=by, reason=reason), int)


def end_everyone() -> Call[int]:
    """Ends every session there is. How many."""
    return _end("/sessions/end-everyone", {"confirm": "everyone"}, int)


def read_data(session_id: str, keys: Iterable[str] = ()) -> Call[dict[str, Entry]]:
    """Data of a session with its versions: these keys, or all. An absent key has version 0."""

    def parse(body: Json) -> dict[str, Entry]:
        entries = body["entries"].items()
        return {key: Entry(each["value"], int(each["version"])) for key, each in entries}

    query = tuple(("key", key) for key in keys)
    return _get(f"/sessions/{_part(session_id)}/data", parse, query)


def write_data(session_id: str, changes: Sequence[Mapping[str, Any]]) -> Call[dict[str, int]]:
    """Changes data, all or nothing. The new versions."""

    def parse(body: Json) -> dict[str, int]:
        return {str(key): int(version) for key, version in body["versions"].items()}

    guarded = all("expect" in change for change in changes)
    path, repeat = f"/sessions/{_part(session_id)}/data", Repeat.GUARDED if guarded else Repeat.ONCE
    return Call("PATCH", path, parse, repeat, {"changes": [dict(change) for change in changes]})


def users(*, limit: int = 50, after: str | None = None) -> Call[Page[Account]]:
    """The users that Cloakroom keeps."""
    return _get("/users", Page.of(Account.of), _query(limit=limit, after=after))


def user(user_id: str) -> Call[Account]:
    """One of them. Raises NotFound."""
    return _get(f"/users/{_part(user_id)}", Account.of)


def epoch(user_id: str) -> Call[int]:
    """The user's epoch, for `create(as_of_epoch=…)`; of users Cloakroom does not keep as well."""
    return _get(f"/users/{_part(user_id)}/epoch", lambda body: int(body["epoch"]))


def add_user(
    name: str,
    *,
    id: str | None = None,
    display_name: str | None = None,
    email: str | None = None,
    groups: Iterable[str] = (),
) -> Call[Invited]:
    """A new user of Cloakroom's. Raises Conflict if the name or id is taken."""
    body = _without_none(name=name, id=id, display_name=display_name, email=email, groups=list(groups))
    return _post("/users", Invited.of, body, Repeat.ONCE)


def change_user(
    user_id: str,
    *,
    display_name: str | None = None,
    email: str | None = None,
    groups: Iterable[str] | None = None,
) -> Call[Account]:
    """Changes what is given. Groups bite at once in live sessions."""
    listed = None if groups is None else list(groups)
    body = _without_none(display_name=display_name, email=email, groups=listed)
    return Call("PATCH", f"/users/{_part(user_id)}", Account.of, Repeat.IDEMPOTENT, body)


def disable_user(user_id: str) -> Call[Account]:
    """Refuses the user and ends all their sessions."""
    return _post(f"/users/{_part(user_id)}/disable", Account.of, {}, Repeat.IDEMPOTENT)


def enable_user(user_id: str) -> Call[Account]:
    """Lets the user in again."""
    return _post(f"/users/{_part(user_id)}/enable", Account.of, {}, Repeat.IDEMPOTENT)


def password_link(user_id: str) -> Call[PasswordLink]:
    """A new one-time link over which the user chooses a password."""

    def parse(body: Json) -> PasswordLink:
        return PasswordLink(body["password_link"])

    return _post(f"/users/{_part(user_id)}/password-link", parse, {}, Repeat.IDEMPOTENT)


def history(
    *, name: str | None = None, limit: int = 50, after: str | None = None
) -> Call[Page[EndedSession]]:
    """Ended sessions and why, newest first."""
    return _get("/history", Page.of(EndedSession.of), _query(name=name, limit=limit, after=after))


def ended_session(session_id: str) -> Call[EndedSession]:
    """Why one session ended. Raises NotFound."""
    return _get(f"/history/{_part(session_id)}", EndedSession.of)


def capabilities() -> Call[dict[str, Any]]:
    """Version, strategy, revocation bound, durability, time-outs, limits, scopes of this key."""
    return _get("/capabilities", dict)


def _get(path: str, parse: Callable[[Json], T], query: tuple[tuple[str, str], ...] = ()) -> Call[T]:
    return Call("GET", path, parse, Repeat.READ, query=query)


def _post(
    path: str,
    parse: Callable[[Json], T],
    body: Json,
    repeat: Repeat,
    headers: Mapping[str, str] | None = None,
) -> Call[T]:
    return Call("POST", path, parse, repeat, body, headers=headers or {})


def _end(path: str, body: Json, shape: Callable[[int], T]) -> Call[T]:
    return _post(path, lambda answer: shape(int(answer["ended"])), body, Repeat.IDEMPOTENT)


def _part(text: str) -> str:
    """One segment of a path. Dots alone would be resolved away, so no id may be one."""
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} is no id")
    return quote(text, safe="")


def _query(**members: str | int | None) -> tuple[tuple[str, str], ...]:
    return tuple((key, str(value)) for key, value in members.items() if value is not None)


def _without_none(**members: Any) -> dict[str, Any]:
    return {key: value for key, value in members.items() if value is not None}


def _client(client: Client | None) -> dict[str, Any] | None:
    if client is None:
        return None
    agent = client.user_agent
    if agent is not None:
        agent = agent.encode()[:MOST_USER_AGENT_BYTES].decode(errors="ignore")
    return _without_none(address=client.address, user_agent=agent)
