"""Dependencies for FastAPI; they need `SessionMiddleware` around the application.

    @app.get("/")
    async def index(user: CurrentUser) -> str: ...

    @app.get("/reports", dependencies=[Depends(require_group("staff"))])

What they raise are HTTPExceptions of their own classes, so that an application can answer them its
own way, as with a redirect to its login page.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.requests import HTTPConnection

from ._models import Session, User
from ._request import RequestSession


class LoginRequired(HTTPException):
    """Nobody is logged in (401)."""

    def __init__(self) -> None:
        super().__init__(401, "Log in and send the request again.")


class GroupRequired(HTTPException):
    """The user is in none of the groups that may (403)."""

    def __init__(self) -> None:
        super().__init__(403, "You may not do this.")


class RecentLoginRequired(HTTPException):
    """The user proved who they are too long ago for this (403)."""

    def __init__(self) -> None:
        super().__init__(403, "Enter your password again, then repeat this.")


def request_session(connection: HTTPConnection) -> RequestSession:
    """The session of the request, for log_in, log_out and rotate."""
    found = connection.scope.get("cloakroom")
    if not isinstance(found, RequestSession):
        raise RuntimeError("no session middleware: app.add_middleware(SessionMiddleware, client=…)")
    return found


RequestSessionOf = Annotated[RequestSession, Depends(request_session)]


async def current_session(session: RequestSessionOf) -> Session:
    """The live session of a user; raises LoginRequired."""
    found = await session.current()
    if found is None or found.user is None:
        raise LoginRequired
    return found


async def current_user(session: RequestSessionOf) -> User:
    """Its user; raises LoginRequired."""
    user = await session.user()
    if user is None:
        raise LoginRequired
    return user


async def optional_user(session: RequestSessionOf) -> User | None:
    """Its user, or None."""
    return await session.user()


def require_group(*groups: str) -> Callable[[User], Awaitable[User]]:
    """A dependency: the user, who is in one of these groups; raises GroupRequired, LoginRequired."""

    async def user_in_group(user: Annotated[User, Depends(current_user)]) -> User:
        if not set(groups) & set(user.groups):
            raise GroupRequired
        return user

    return user_in_group


def recent_login(minutes: float) -> Callable[[Session], Awaitable[Session]]:
    """A dependency: the session, whose user proved who they are in the last minutes; raises
    RecentLoginRequired, LoginRequired."""

    async def recent_session(
        session: Annotated[Session, Depends(current_session)],
    ) -> Session:
        proven = session.authenticated_at
        if proven is None or time.time() - proven.timestamp() > minutes * 60:
            raise RecentLoginRequired
        return session

    return recent_session


CurrentUser = Annotated[User, Depends(current_user)]
OptionalUser = Annotated[User | None, Depends(optional_user)]
"""For the parameters of handlers."""

__all__ = [
    "CurrentUser",
    "GroupRequired",
    "LoginRequired",
    "OptionalUser",
    "RecentLoginRequired",
    "RequestSession",
    "RequestSessionOf",
    "current_session",
    "current_user",
    "optional_user",
    "recent_login",
    "request_session",
    "require_group",
]
