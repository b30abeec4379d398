import os
from contextlib import contextmanager

import anyio.from_thread
import pytest

from cloakroom_client import AsyncCloakroom, Cloakroom
from server import Server


@pytest.fixture(scope="session")
def binary():
    """The server to test against, as the environment names it."""
    return os.environ["CLOAKROOM_BIN"]


@pytest.fixture(scope="session")
def server(binary, tmp_path_factory):
    """One server for all tests that leave it running."""
    running = Server(binary, tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def key(server):
    """A key of the shared server with every scope."""
    return server.api_key()


@pytest.fixture
def own_server(binary, tmp_path):
    """A server that a test may kill."""
    running = Server(binary, tmp_path)
    yield running
    running.go_on()
    running.stop()


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def client(server, key):
    """The async client."""
    async with AsyncCloakroom(server.url, key) as client:
        yield client


class Both:
    """The async client in the clothes of the sync one, so that the same tests run on both."""

    def __init__(self, portal, client) -> None:
        self._portal, self._client = portal, client

    def __getattr__(self, name):
        made = getattr(self._client, name)
        if name == "data":
            return lambda session_id: Both(self._portal, made(session_id))

        def call(*arguments, **options):
            async def awaited():
                return await made(*arguments, **options)

            return self._portal.call(awaited)

        return call


@contextmanager
def opened(kind, *arguments, **settings):
    """A client of either kind, used as the sync one."""
    if kind == "sync":
        with Cloakroom(*arguments, **settings) as client:
            yield client
        return
    with anyio.from_thread.start_blocking_portal("asyncio") as portal:
        client = AsyncCloakroom(*arguments, **settings)
        yield Both(portal, client)
        portal.call(client.close)


@pytest.fixture(params=["sync", "async"])
def kind(request):
    """Which client."""
    return request.param


@pytest.fixture
def cloakroom(kind, server, key):
    """Either client at the shared server."""
    with opened(kind, server.url, key) as client:
        yield client
