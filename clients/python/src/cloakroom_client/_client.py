"""The two clients. They differ in how they send and wait; everything else is in `_core`."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Coroutine, Generator, Mapping
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

import anyio
import httpx

from . import _calls
from ._core import Answer, Attempts, Call
from ._data import changes_of, updating
from ._errors import Unavailable
from ._models import Entry
from ._secrets import ApiKey, text_of

P = ParamSpec("P")
T = TypeVar("T")
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _Settings:
    """What both clients are told."""

    def __init__(
        self,
        url: str,
        api_key: ApiKey | str,
        *,
        timeout: float = 3.0,
        connect_timeout: float = 1.0,
        retries: int = 2,
        connections: int = 100,
        uds: str | None = None,
        verify: Any = True,
    ) -> None:
        address = httpx.URL(url)
        if address.scheme not in ("http", "https") or not address.host:
            raise ValueError(f"{url!r} is not the address of a server, such as http://127.0.0.1:7070")
        self._base = url.rstrip("/") + "/v1"
        key = text_of(api_key).strip()
        if not key.isascii() or not key.isprintable():
            raise ValueError("the API key holds characters that no key has")
        self._key = ApiKey(key)
        self._timeout, self._connect_timeout, self._retries = timeout, connect_timeout, retries
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        tls = verify if address.scheme == "https" else False  # reading the authorities takes time
        # Proxies of the environment would be shown the key.
        self._connect({"uds": uds, "verify": tls, "trust_env": False, "limits": limits})

    def _connect(self, transport: dict[str, Any]) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._base!r})"

    def _attempts(self, call: Call[T]) -> Attempts[T]:
        return Attempts(call, time.monotonic() + self._timeout, self._retries)

    def _request(self, call: Call[T], seconds: float) -> dict[str, Any]:
        authorization = {"Authorization": f"Bearer {self._key.reveal()}"}
        connect = min(self._connect_timeout, seconds)
        return {
            "method": call.method,
            "url": self._base + call.path,
            "params": list(call.query) or None,
            "content": call.content(),
            "headers": {**call.content_headers(), **authorization},
            "timeout": httpx.Timeout(seconds, connect=connect),
        }


def _answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, response.headers, response.content)


def _fault(fault: httpx.HTTPError | TimeoutError) -> Unavailable:
    return Unavailable(f"Cloakroom did not answer: {type(fault).__name__}", unsent=isinstance(fault, UNSENT))


def _named(method: Callable[..., Any], build: Callable[..., Any], owner: str) -> None:
    """Gives a method the name, documentation and parameters of the call it makes."""
    functools.update_wrapper(method, build)
    method.__qualname__ = f"{owner}.{build.__name__}"
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    shape = inspect.signature(build)
    result = shape.return_annotation.removeprefix("Call[").removesuffix("]")
    parameters = [own, *shape.parameters.values()]
    vars(method)["__signature__"] = shape.replace(parameters=parameters, return_annotation=result)


def _blocking(build: Callable[P, Call[T]]) -> Callable[Concatenate[Cloakroom, P], T]:
    def method(self: Cloakroom, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(build(*args, **kwargs))

    _named(method, build, "Cloakroom")
    return method


def _awaitable(
    build: Callable[P, Call[T]],
) -> Callable[Concatenate[AsyncCloakroom, P], Coroutine[Any, Any, T]]:
    async def method(self: AsyncCloakroom, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(build(*args, **kwargs))

    _named(method, build, "AsyncCloakroom")
    return method


class Cloakroom(_Settings):
    """A client for threads. Keep one for the whole process and share it: it pools connections.

    `timeout` is for a whole call with its retries, in seconds; `uds` is a Unix socket on which the
    server listens, `verify` what httpx takes. Every method costs one round trip.

    All methods raise Unavailable if nothing could be learnt, and KeyRefused.
    """

    def _connect(self, transport: dict[str, Any]) -> None:
        self._http = httpx.Client(transport=httpx.HTTPTransport(**transport), trust_env=False)

    def send(self, call: Call[T]) -> T:
        """Makes one call; the methods are made of this."""
        attempts = self._attempts(call)
        while True:
            try:
                return attempts.outcome(self._exchange(call, attempts.seconds_left(time.monotonic())))
            except Unavailable as fault:
                pause = attempts.pause_after(fault, time.monotonic())
            time.sleep(pause)

    def _exchange(self, call: Call[T], seconds: float) -> Answer:
        try:
            return _answer(self._http.request(**self._request(call, seconds)))
        except httpx.HTTPError as fault:
            raise _fault(fault) from None

    def data(self, session_id: str) -> Data:
        """The data of a session."""
        return Data(self, session_id)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Cloakroom:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    create = _blocking(_calls.create)
    verify = _blocking(_calls.verify)
    verify_batch = _blocking(_calls.verify_batch)
    rotate = _blocking(_calls.rotate)
    log_out = _blocking(_calls.log_out)
    session = _blocking(_calls.session)
    sessions = _blocking(_calls.sessions)
    count = _blocking(_calls.count)
    end = _blocking(_calls.end)
    end_others = _blocking(_calls.end_others)
    end_user_sessions = _blocking(_calls.end_user_sessions)
    end_everyone = _blocking(_calls.end_everyone)
    users = _blocking(_calls.users)
    user = _blocking(_calls.user)
    epoch = _blocking(_calls.epoch)
    add_user = _blocking(_calls.add_user)
    change_user = _blocking(_calls.change_user)
    disable_user = _blocking(_calls.disable_user)
    enable_user = _blocking(_calls.enable_user)
    password_link = _blocking(_calls.password_link)
    history = _blocking(_calls.history)
    ended_session = _blocking(_calls.ended_session)
    capabilities = _blocking(_calls.capabilities)


class AsyncCloakroom(_Settings):
    """A client for one event loop. Keep one for the whole application: it pools connections.

    Settings and errors are those of `Cloakroom`; the time-out is exact, and a call may be
    cancelled at any time, which does not undo it.
    """

    def _connect(self, transport: dict[str, Any]) -> None:
        self._http = httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(**transport), trust_env=False)

    async def send(self, call: Call[T]) -> T:
        """Makes one call; the methods are made of this."""
        attempts = self._attempts(call)
        while True:
            try:
                seconds = attempts.seconds_left(time.monotonic())
                return attempts.outcome(await self._exchange(call, seconds))
            except Unavailable as fault:
                pause = attempts.pause_after(fault, time.monotonic())
            await anyio.sleep(pause)

    async def _exchange(self, call: Call[T], seconds: float) -> Answer:
        try:
            with anyio.fail_after(seconds):
                return _answer(await self._http.request(**self._request(call, seconds)))
        except (httpx.HTTPError, TimeoutError) as fault:
            raise _fault(fault) from None

    def data(self, session_id: str) -> AsyncData:
        """The data of a session."""
        return AsyncData(self, session_id)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncCloakroom:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    create = _awaitable(_calls.create)
    verify = _awaitable(_calls.verify)
    verify_batch = _awaitable(_calls.verify_batch)
    rotate = _awaitable(_calls.rotate)
    log_out = _awaitable(_calls.log_out)
    session = _awaitable(_calls.session)
    sessions = _awaitable(_calls.sessions)
    count = _awaitable(_calls.count)
    end = _awaitable(_calls.end)
    end_others = _awaitable(_calls.end_others)
    end_user_sessions = _awaitable(_calls.end_user_sessions)
    end_everyone = _awaitable(_calls.end_everyone)
    users = _awaitable(_calls.users)
    user = _awaitable(_calls.user)
    epoch = _awaitable(_calls.epoch)
    add_user = _awaitable(_calls.add_user)
    change_user = _awaitable(_calls.change_user)
    disable_user = _awaitable(_calls.disable_user)
    enable_user = _awaitable(_calls.enable_user)
    password_link = _awaitable(_calls.password_link)
    history = _awaitable(_calls.history)
    ended_session = _awaitable(_calls.ended_session)
    capabilities = _awaitable(_calls.capabilities)


class Data:
    """The data of one session."""

    def __init__(self, client: Cloakroom, session_id: str) -> None:
        self._client, self._id = client, session_id

    def read(self, *keys: str) -> dict[str, Entry]:
        """These keys, or all, with their versions. Raises SessionEnded, as all here do."""
        return self._client.send(_calls.read_data(self._id, keys))

    def write(self, values: Mapping[str, Any], seen: Mapping[str, Entry]) -> dict[str, int]:
        """Sets values, all or none, if their keys are still as `read` showed them in `seen`.

        Raises DataConflict if one is not, OutcomeUnknown if that may be this very write.
        """
        return self._client.send(_calls.write_data(self._id, changes_of(values, seen)))

    def update(self, key: str, change: Callable[[Any], T]) -> T:
        """Sets a key to `change(value)`, whoever else writes meanwhile. `change` may be called
        several times; an absent key has the value None. The new value."""
        return _drive(self._client, updating(self._id, key, change))

    def overwrite(self, values: Mapping[str, Any]) -> dict[str, int]:
        """Sets values, all or none, whatever others wrote."""
        changes = [{"key": key, "value": value, "overwrite": True} for key, value in values.items()]
        return self._client.send(_calls.write_data(self._id, changes))

    def remove(self, key: str, seen: Entry) -> None:
        """Removes a key that is still as it was seen."""
        change = {"key": key, "remove": True, "expect": seen.version}
        self._client.send(_calls.write_data(self._id, [change]))


class AsyncData:
    """As `Data`."""

    def __init__(self, client: AsyncCloakroom, session_id: str) -> None:
        self._client, self._id = client, session_id

    async def read(self, *keys: str) -> dict[str, Entry]:
        """As `Data.read`."""
        return await self._client.send(_calls.read_data(self._id, keys))

    async def write(self, values: Mapping[str, Any], seen: Mapping[str, Entry]) -> dict[str, int]:
        """As `Data.write`."""
        return await self._client.send(_calls.write_data(self._id, changes_of(values, seen)))

    async def update(self, key: str, change: Callable[[Any], T]) -> T:
        """As `Data.update`."""
        return await _drive_async(self._client, updating(self._id, key, change))

    async def overwrite(self, values: Mapping[str, Any]) -> dict[str, int]:
        """As `Data.overwrite`."""
        changes = [{"key": key, "value": value, "overwrite": True} for key, value in values.items()]
        return await self._client.send(_calls.write_data(self._id, changes))

    async def remove(self, key: str, seen: Entry) -> None:
        """As `Data.remove`."""
        change = {"key": key, "remove": True, "expect": seen.version}
        await self._client.send(_calls.write_data(self._id, [change]))


def _drive(client: Cloakroom, steps: Generator[Call[Any], Any, T]) -> T:
    try:
        call = next(steps)
        while True:
            try:
                result = client.send(call)
            except Exception as error:
                call = steps.throw(error)
            else:
                call = steps.send(result)
    except StopIteration as end:
        value: T = end.value
        return value


async def _drive_async(client: AsyncCloakroom, steps: Generator[Call[Any], Any, T]) -> T:
    try:
        call = next(steps)
        while True:
            try:
                result = await client.send(call)
            except Exception as error:
                call = steps.throw(error)
            else:
                call = steps.send(result)
    except StopIteration as end:
        value: T = end.value
        return value
