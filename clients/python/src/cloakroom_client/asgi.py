"""An ASGI middleware that keeps the session in a cookie.

    app.add_middleware(SessionMiddleware, client=AsyncCloakroom(url, api_key))

Handlers find the session in `scope["cloakroom"]` and, in Starlette and FastAPI, in
`request.state.session`.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from ._client import AsyncCloakroom
from ._cookies import SessionCookie
from ._csrf import SAFE_METHODS, refusal
from ._errors import CloakroomError, OutcomeUnknown, Unavailable
from ._request import RequestSession, Standing

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["RequestSession", "SessionMiddleware"]
RETRY_AFTER_SECONDS = 2
STANDINGS = {
    Standing.AS_BEFORE: "you stay logged in.",
    Standing.LOGGED_IN: "you are logged in.",
    Standing.LOGGED_OUT: "you are logged out.",
    Standing.UNKNOWN: "whether you are still logged in will show then.",
}
log = logging.getLogger("cloakroom_client")


class SessionMiddleware:
    """Reads, renews, sets and clears the session cookie.

    - The session is verified when a handler first asks for it, once per request, by one round
      trip; requests that do not ask cost nothing.
    - A state-changing request that another site sent is refused (403) before the handler runs;
      `trusted_origins` names other sites that may, as in "https://admin.example.org".
    - If sessions cannot be checked the answer is 503 with Retry-After, and no cookie is touched:
      nobody is logged out by an outage. Only the answer to a logout clears the cookie.
    - A login, logout or rotation that was done holds, whatever fails later in the request: its cookie
      goes out with the 503, or with a plain 500 in the place of the application's own error page,
      and the error is raised to the server all the same. Once the answer has begun nothing can be
      added to it. If the client is gone, or the request is cancelled, a login is undone.
    - What was made for one client is kept by no cache. An answer that had not asked for the session
      when it began may yet do so: to a client with our cookie it is `private` and varies by it.

    The cookie is Secure: browsers take it over https, and over http on localhost only.
    """

    def __init__(
        self,
        app: App,
        client: AsyncCloakroom,
        *,
        cookie: str = "__Host-session",
        trusted_origins: Collection[str] = (),
    ) -> None:
        self._app, self._client = app, client
        self._cookie = SessionCookie(cookie)
        self._trusted_origins = frozenset(trusted_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif (why := self._refusal(scope)) is not None:
            await _refuse(scope, send, why)
        else:
            await self._serve(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        # The opening of a web socket is a GET that acts: browsers always send its Origin.
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return None
        return refusal(scope["headers"], self._trusted_origins)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = RequestSession(dict(scope), self._client, self._cookie)
        scope["cloakroom"] = session
        scope.setdefault("state", {})["session"] = session
        has_begun = False

        async def finishing(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message = {**message, "headers": session.finish(list(message.get("headers", ())))}
            await send(message)

        try:
            await self._app(scope, receive, finishing)
        except Unavailable as fault:
            if has_begun or scope["type"] != "http":
                raise
            log.warning("sessions cannot be checked: %s", fault)
            await _put_off(finishing if session.owes_cookie else send, session, fault)
            await _undo(session)
        except Exception:
            if session.owes_cookie and not has_begun:
                await _problem(finishing, 500, "internal-error", "Something went wrong here.", [])
            await _undo(session)
            raise
        except BaseException:
            await _undo(session)
            raise


async def _undo(session: RequestSession) -> None:
    try:
        await session.abandon()
    except CloakroomError as fault:
        log.warning("a login that reached nobody could not be undone: %s", fault)


async def _refuse(scope: Scope, send: Send, why: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await _problem(send, 403, "cross-site", why, [])


async def _put_off(send: Send, session: RequestSession, fault: Unavailable) -> None:
    seconds = math.ceil(fault.retry_after or RETRY_AFTER_SECONDS)
    is_unknown = isinstance(fault, OutcomeUnknown)
    what = "It is not known whether that worked." if is_unknown else "Sessions cannot be checked right now."
    detail = f"{what} Try again in a moment; {STANDINGS[session.standing]}"
    retry = [(b"retry-after", str(seconds).encode())]
    await _problem(send, 503, "sessions-unavailable", detail, retry)


async def _problem(
    send: Send, status: int, code: str, detail: str, headers: list[tuple[bytes, bytes]]
) -> None:
    document = {"type": f"urn:cloakroom:problem:{code}", "status": status, "code": code, "detail": detail}
    body = json.dumps(document).encode()
    headers += [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
