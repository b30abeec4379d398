"""What the server answers, as frozen values. Members this version does not know are ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from ._secrets import PasswordLink, Token

T = TypeVar("T")
Json = Mapping[str, Any]


def moment(text: str) -> datetime:
    """An RFC 3339 moment in UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@dataclass(frozen=True)
class User:
    """Whose session it is, as the application knows them."""

    id: str
    """1 to 128 visible ASCII characters without commas; neither `.` nor `..`, which addresses
    cannot hold."""
    name: str = ""
    groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, body: Json) -> User:
        return cls(body["id"], body.get("name") or "", tuple(body.get("groups") or ()))


def _user(body: Json) -> User | None:
    return User.of(body["user"]) if body["user"] else None


@dataclass(frozen=True)
class Client:
    """Where a session is used from, as the application saw it."""

    address: str | None = None
    user_agent: str | None = None

    @classmethod
    def of(cls, body: Json | None) -> Client:
        body = body or {}
        return cls(body.get("address"), body.get("user_agent"))


@dataclass(frozen=True)
class Session:
    """A live session."""

    id: str
    user: User | None
    """None for a visitor, who is not logged in."""
    created_at: datetime
    authenticated_at: datetime | None
    last_seen_at: datetime
    idle_deadline: datetime
    absolute_deadline: datetime
    remembered: bool
    client: Client

    @classmethod
    def of(cls, body: Json) -> Session:
        authenticated = body["authenticated_at"]
        return cls(
            id=body["id"],
            user=_user(body),
            created_at=moment(body["created_at"]),
            authenticated_at=moment(authenticated) if authenticated else None,
            last_seen_at=moment(body["last_seen_at"]),
            idle_deadline=moment(body["idle_deadline"]),
            absolute_deadline=moment(body["absolute_deadline"]),
            remembered=bool(body["remembered"]),
            client=Client.of(body.get("client")),
        )


@dataclass(frozen=True)
class Issued:
    """A fresh credential and the session it belongs to."""

    token: Token
    session: Session
    cookie_max_age: int | None
    """Seconds for the cookie; None for one that ends with the browser."""
    ended: tuple[str, ...] = ()
    """Ids of sessions that the limit ended."""

    @classmethod
    def of(cls, body: Json) -> Issued:
        session = Session.of(body["session"])
        age = body.get("cookie_max_age", _remaining(session))
        return cls(Token(body["token"]), session, age, tuple(body.get("ended") or ()))


def _remaining(session: Session) -> int | None:
    left = session.absolute_deadline - session.last_seen_at
    return int(left.total_seconds()) if session.remembered else None


@dataclass(frozen=True)
class Verified:
    """A credential that is good now."""

    session: Session
    successor: Token | None = None
    """Asked for and due: give it to the client in place of the old one. Ignoring it costs nothing."""
    cookie_max_age: int | None = None

    @classmethod
    def of(cls, body: Json) -> Verified | None:
        if not body["active"]:
            return None
        successor = body.get("successor")
        token = Token(successor) if successor else None
        return cls(Session.of(body["session"]), token, body.get("cookie_max_age"))


@dataclass(frozen=True)
class Entry:
    """A value of the session's data and its version; 0 says that the key is absent."""

    value: Any
    version: int


@dataclass(frozen=True)
class EndedSession:
    """A line of the history."""

    id: str
    user: User | None
    created_at: datetime
    last_seen_at: datetime
    ended_at: datetime
    reason: str
    ended_by: str | None
    client: Client

    @classmethod
    def of(cls, body: Json) -> EndedSession:
        return cls(
            id=body["id"],
            user=_user(body),
            created_at=moment(body["created_at"]),
            last_seen_at=moment(body["last_seen_at"]),
            ended_at=moment(body["ended_at"]),
            reason=body["reason"],
            ended_by=body.get("ended_by"),
            client=Client.of(body.get("client")),
        )


@dataclass(frozen=True)
class Account:
    """A user that Cloakroom itself keeps."""

    id: str
    name: str
    display_name: str
    email: str
    groups: tuple[str, ...]
    role: str
    disabled: bool
    has_password: bool

    @classmethod
    def of(cls, body: Json) -> Account:
        return cls(
            id=body["id"],
            name=body["name"],
            display_name=body.get("display_name") or "",
            email=body.get("email") or "",
            groups=tuple(body.get("groups") or ()),
            role=body["role"],
            disabled=bool(body["disabled"]),
            has_password=bool(body["has_password"]),
        )


@dataclass(frozen=True)
class Invited:
    """A new user, and the link over which they choose their password."""

    user: Account
    password_link: PasswordLink

    @classmethod
    def of(cls, body: Json) -> Invited:
        return cls(Account.of(body["user"]), PasswordLink(body["password_link"]))


@dataclass(frozen=True)
class Count:
    """Live sessions, as counted at `as_of`."""

    sessions: int
    anonymous: int
    as_of: datetime

    @classmethod
    def of(cls, body: Json) -> Count:
        return cls(int(body["sessions"]), int(body["anonymous"]), moment(body["as_of"]))


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a list; `next` is what to pass as `after` for the following one."""

    items: tuple[T, ...]
    next: str | None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    @classmethod
    def of(cls, item: Callable[[Json], T]) -> Callable[[Json], Page[T]]:
        return lambda body: cls(tuple(item(each) for each in body["items"]), body.get("next"))
