"""The session of one request: read when asked for, once; changed by log_in, log_out, rotate."""

from __future__ import annotations

import asyncio
import enum
import ipaddress
import logging
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import anyio

from ._caching import HeaderList, kept_by_nobody, kept_by_the_client
from ._calls import Carry
from ._client import AsyncCloakroom, AsyncData
from ._cookies import MOST_CANDIDATES, MOST_KEPT, SessionCookie
from ._csrf import SAFE_METHODS
from ._errors import CloakroomError, HeadersSent, NotFound, NotLoggedIn, OutcomeUnknown, SessionEnded
from ._models import Client, Issued, Session, User, Verified
from ._secrets import Token

T = TypeVar("T")
LEAST_AGO_MS, MOST_AGO_MS = 1000, 600_000
"""What is said about when a request arrived: nothing below the first, the second at most."""
log = logging.getLogger("cloakroom_client")
_running: set[asyncio.Task[Any]] = set()


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Runs work to its end, even if whoever asked for it is cancelled meanwhile."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with anyio.CancelScope(shield=True):
            return await work
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_finished)
    return await asyncio.shield(task)


def _finished(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    fault = None if task.cancelled() else task.exception()
    if fault is not None:
        # Whoever still waits is told; if nobody does, this is the only trace.
        log.debug("an act on a session failed: %s", fault)


class Standing(enum.Enum):
    """What the acts of a request came to."""

    AS_BEFORE = enum.auto()
    LOGGED_IN = enum.auto()
    LOGGED_OUT = enum.auto()
    UNKNOWN = enum.auto()


class RequestSession:
    """Who makes this request. Nothing is asked until a method is called.

    Every method raises Unavailable if that cannot be told now; the middleware then answers 503
    and leaves the client's cookie alone.
    """

    def __init__(self, scope: dict[str, Any], client: AsyncCloakroom, cookie: SessionCookie) -> None:
        self._client, self._cookie, self._scope = client, cookie, scope
        self._arrived_at = time.monotonic()
        self._presented = cookie.candidates(scope["headers"])
        self._turn = anyio.Lock()
        self._known: Verified | None = None
        self._own: str | None = None  # which of the presented ones it is
        self._token: Token | None = None  # the newest one: its parent must not be used any more
        self._is_asked = self._is_read = self._is_closed = False
        self._outgoing: bytes | None = None
        self._begun: Token | None = None
        self.owes_cookie = False
        """Whether the client is left without a good credential if the cookie does not reach it."""
        self.standing = Standing.AS_BEFORE
        """What the acts of the request came to."""
        self.is_ambiguous = False
        """Whether it named several live sessions, or more credentials than are looked at."""

    # --- who it is ---

    async def current(self) -> Session | None:
        """The live session of the request, or None. Asked once per request."""
        async with self._turn:
            await self._read()
        return self._known.session if self._known else None

    async def recheck(self) -> Session | None:
        """As `current`, asked anew: for web sockets and long answers, during which it may end.

        It is asked by id, as the credential may have been renewed by another request meanwhile.
        So it is no use of the session, and does not put off its end.
        """
        async with self._turn:
            if self._is_read and self._known:
                await self._look_again(self._known.session.id)
            else:
                await self._read()
        return self._known.session if self._known else None

    async def _look_again(self, session_id: str) -> None:
        try:
            self._known = Verified(await self._client.session(session_id))
        except (NotFound, SessionEnded):
            self._known = self._token = None

    async def user(self) -> User | None:
        """Its user, or None."""
        session = await self.current()
        return session.user if session else None

    async def data(self) -> AsyncData:
        """The data of the session. Raises NotLoggedIn."""
        return self._client.data((await self._required()).id)

    async def _required(self) -> Session:
        session = await self.current()
        if session is None:
            raise NotLoggedIn("the request has no session")
        return session

    async def _read(self) -> None:
        if self._is_read:
            return
        self._is_asked = True
        presented = [value for value in self._presented if value]
        if len(self._presented) > MOST_CANDIDATES:
            self.is_ambiguous = True
        elif len(presented) == 1:
            await self._verify(presented[0])
        elif presented:
            await self._choose(presented)
        self._is_read = True

    async def _choose(self, presented: list[str]) -> None:
        found = await self._sessions_of(presented)
        live = {session.id: value for session, value in zip(found, presented, strict=True) if session}
        self.is_ambiguous = len(live) > 1
        if len(live) == 1:
            await self._verify(next(iter(live.values())))

    async def _sessions_of(self, presented: list[str]) -> Sequence[Session | None]:
        ago = self._arrived_ms_ago()
        if ago is None:
            return await self._client.verify_batch(presented)
        found = [await self._client.verify(value, arrived_ms_ago=ago) for value in presented]
        return [each.session if each else None for each in found]

    async def _verify(self, presented: str) -> None:
        renew = self._scope["type"] == "http" and not self._is_closed
        ago = self._arrived_ms_ago()
        self._known = await self._client.verify(presented, renew=renew, arrived_ms_ago=ago)
        if self._known is None:
            self._token = None
            return
        self._own, self._token = presented, Token(presented)
        successor = self._known.successor
        if successor and not self._is_closed:
            self._outgoing = self._cookie.setting(successor, self._known.cookie_max_age)
            self._token = successor

    def _arrived_ms_ago(self) -> int | None:
        millis = int((time.monotonic() - self._arrived_at) * 1000)
        return min(millis, MOST_AGO_MS) if millis >= LEAST_AGO_MS else None

    async def _read_to_act(self) -> None:
        """After this the token is the newest one, even if others renewed it since it was read."""
        was_read = self._is_read
        await self._read()
        if was_read and self._own and self._token == Token(self._own) and self._arrived_ms_ago():
            await self._verify(self._own)
        # To use a successor is to give its parent up.
        self.owes_cookie = self._outgoing is not None

    @contextmanager
    def _acting(self) -> Iterator[None]:
        try:
            yield
        except OutcomeUnknown:
            self.standing = Standing.UNKNOWN
            raise

    # --- what changes it ---

    async def log_in(
        self,
        user: User | str,
        *,
        remember: bool = False,
        as_of_epoch: int | None = None,
        carry: Carry | None = None,
        client: Client | None = None,
    ) -> Session:
        """Begins a session for a user whom you have just authenticated, in place of the one the
        request had. The client's address and agent are those of the request unless given.

        A client that hangs up leaves the login done or not; a session whose cookie cannot reach
        the client is ended. An error later in the request does not undo it. Raises what
        `AsyncCloakroom.create` does, and HeadersSent.
        """
        self._check_act()
        return await to_its_end(
            self._log_in(user, remember, as_of_epoch, carry, client or self._seen_client())
        )

    async def _log_in(
        self,
        user: User | str,
        remember: bool,
        as_of_epoch: int | None,
        carry: Carry | None,
        client: Client,
    ) -> Session:
        async with self._turn:
            await self._read_to_act()
            with self._acting():
                issued = await self._client.create(
                    user,
                    client=client,
                    remember=remember,
                    as_of_epoch=as_of_epoch,
                    replaces=self._token,
                    carry=carry if self._token else None,
                )
            return await self._adopt(issued, begun=True)

    async def log_out(self) -> bool:
        """Ends the session for good and takes the cookie away in the answer. A client that
        presents several is logged out of all of them. Whether any was live.

        False means that the credential was good for nothing: its session had ended, or another
        request rotated it a moment ago, and then the session lives on. Ask `current()` before, as
        every handler does that needs the user: a session that is known is ended by its id.

        If it raises, the session may be live still, and the cookie stays; it does so for more than
        sixteen cookies of our name.
        """
        self._check_method()
        return await to_its_end(self._log_out())

    async def _log_out(self) -> bool:
        async with self._turn:
            with self._acting():
                was_live = await self._end_all()
            self._known = self._token = self._begun = self._own = None
            self._is_asked = self._is_read = self.owes_cookie = True
            self._outgoing, self.standing = self._cookie.clearing(), Standing.LOGGED_OUT
            return was_live

    async def _end_all(self) -> bool:
        was_live = await self._end_known()
        for value in self._presented[:MOST_KEPT]:
            if value and value != self._own:
                was_live = await self._client.log_out(value) or was_live
                self.standing = Standing.UNKNOWN
        if len(self._presented) > MOST_KEPT:
            raise CloakroomError(f"more than {MOST_KEPT} session cookies: one of them may be live still")
        return was_live

    async def _end_known(self) -> bool:
        if self._known is None:
            return False
        user = self._known.session.user
        by = (user.name or user.id) if user else None
        was_live = await self._client.end(self._known.session.id, by=by, reason="logout")
        self._known, self._token, self.standing = None, None, Standing.UNKNOWN
        return was_live

    async def rotate(self, *, reauthenticated: bool = False) -> Session:
        """A fresh credential after a change of privilege; the old one is dead at once.

        With `reauthenticated`, after the user has proved again who they are, the session counts as
        authenticated now. Raises NotLoggedIn, SessionEnded, HeadersSent.
        """
        self._check_act()
        return await to_its_end(self._rotate(reauthenticated))

    async def _rotate(self, reauthenticated: bool) -> Session:
        async with self._turn:
            await self._read_to_act()
            if self._token is None:
                raise NotLoggedIn("there is no session to rotate")
            with self._acting():
                issued = await self._client.rotate(self._token, reauthenticated=reauthenticated)
            return await self._adopt(issued, begun=False)

    async def _adopt(self, issued: Issued, *, begun: bool) -> Session:
        if self._is_closed:
            await self._client.log_out(issued.token)
            raise HeadersSent("the answer had begun, so the new session was ended")
        self._known, self._token, self._own = Verified(issued.session), issued.token, None
        self._begun = issued.token if begun else self._begun
        self._is_asked = self._is_read = self.owes_cookie = True
        self._outgoing = self._cookie.setting(issued.token, issued.cookie_max_age)
        self.is_ambiguous, self.standing = False, Standing.LOGGED_IN
        return issued.session

    def _check_act(self) -> None:
        self._check_method()
        if self._is_closed:
            raise HeadersSent("the answer has begun, so no cookie can reach the client")

    def _check_method(self) -> None:
        if self._scope["type"] != "http" or self._scope["method"] in SAFE_METHODS:
            raise CloakroomError("logins, logouts and rotations need a POST")

    def _seen_client(self) -> Client:
        agents = [value for name, value in self._scope["headers"] if name.lower() == b"user-agent"]
        agent = agents[0].decode("utf-8", "replace") if agents else None
        return Client(_address(self._scope.get("client")), agent)

    # --- for the middleware ---

    def finish(self, headers: HeaderList) -> HeaderList:
        """The headers of the answer. From here on no act can change the cookie."""
        self._is_closed, self._begun = True, None
        if not self._is_asked:
            # It may be asked while the body is sent.
            return kept_by_the_client(headers) if self._presented else headers
        kept = kept_by_nobody(headers)
        if self._outgoing:
            kept.append((b"set-cookie", self._outgoing))
        return kept

    async def abandon(self) -> None:
        """No answer of the application's will reach the client: a login that it made is undone."""
        self._is_closed, begun, self._begun = True, self._begun, None
        if begun:
            await to_its_end(self._client.log_out(begun))


def _address(client: Sequence[Any] | None) -> str | None:
    """The peer's address, unless it is something else, as of a Unix socket or a test client."""
    try:
        return str(ipaddress.ip_address(str(client[0]).partition("%")[0])) if client else None
    except ValueError:
        return None
