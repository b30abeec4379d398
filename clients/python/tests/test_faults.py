"""Lost answers, dead servers, many at once."""

import asyncio
import signal
import socket
import time

import pytest

from cloakroom_client import AsyncCloakroom, OutcomeUnknown, Unavailable
from conftest import opened
from lossy import LossyProxy
from server import Server, free_port
from test_calls import somebody

pytestmark = pytest.mark.anyio


def test_a_lost_answer_never_makes_two_sessions(kind, server, key, cloakroom):
    user = somebody()
    with LossyProxy(server.port) as proxy, opened(kind, proxy.url, key) as client:
        issued = client.create(user)
        assert proxy.lost == 1
    assert [each.id for each in cloakroom.sessions(user=user.id)] == [issued.session.id]
    assert cloakroom.verify(issued.token)


def test_reads_and_ends_survive_a_lost_answer(kind, server, key, cloakroom):
    token = cloakroom.create(somebody()).token
    with LossyProxy(server.port) as proxy, opened(kind, proxy.url, key) as client:
        assert client.verify(token)
    with LossyProxy(server.port) as proxy, opened(kind, proxy.url, key) as client:
        assert client.log_out(token) is False, "the first attempt ended it"
    assert cloakroom.verify(token) is None


def test_a_write_whose_answer_was_lost_is_never_made_twice(kind, server, key, cloakroom):
    session = cloakroom.create(somebody()).session
    data = cloakroom.data(session.id)
    with LossyProxy(server.port, losses=1) as proxy, opened(kind, proxy.url, key) as client:
        with pytest.raises(OutcomeUnknown):
            client.data(session.id).overwrite({"n": 1})
        assert proxy.lost == 1
    seen = data.read("n")
    assert seen["n"].value == 1
    with LossyProxy(server.port, losses=1) as proxy, opened(kind, proxy.url, key) as client:
        with pytest.raises(OutcomeUnknown):
            client.data(session.id).write({"n": 2}, seen)
        assert proxy.lost == 1
    assert data.read("n")["n"].value == 2


def test_a_server_that_is_down_is_unavailable_within_the_time(kind, key):
    with opened(kind, f"http://127.0.0.1:{free_port()}", key) as client:
        started = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            client.verify("clk_x")
        assert type(caught.value) is Unavailable
        assert time.monotonic() - started < 3


def test_a_server_that_accepts_and_never_answers_is_unavailable_within_the_time(kind, key):
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        opened(kind, f"http://127.0.0.1:{silent.getsockname()[1]}", key, timeout=0.5) as client,
    ):
        started = time.monotonic()
        with pytest.raises(Unavailable):
            client.count()
        assert 0.4 < time.monotonic() - started < 2


def test_sessions_outlive_kill_9_and_the_client_finds_the_server_again(kind, own_server):
    with opened(kind, own_server.url, own_server.api_key()) as client:
        kept, ended = client.create(somebody()), client.create(somebody())
        client.end(ended.session.id)
        own_server.stop(signal.SIGKILL)
        with pytest.raises(Unavailable):
            client.verify(kept.token)
        own_server.start()
        assert client.verify(kept.token).session == kept.session
        assert client.verify(ended.token) is None


def test_a_unix_socket_works_as_a_port_does(kind, binary, tmp_path):
    server = Server(binary, tmp_path, uds=str(tmp_path / "socket"))
    try:
        with opened(kind, server.url, server.api_key(), uds=server.uds) as client:
            assert client.verify(client.create(somebody()).token)
    finally:
        server.stop()


async def test_two_hundred_at_once(server, key):
    async def one(client):
        issued = await client.create(somebody())
        verified = await client.verify(issued.token)
        assert verified.session.id == issued.session.id
        assert await client.log_out(issued.token)
        return issued.token

    async with AsyncCloakroom(server.url, key, timeout=30) as client:
        tokens = await asyncio.gather(*(one(client) for _ in range(200)))
    assert len({token.reveal() for token in tokens}) == 200


async def test_parallel_updates_lose_none(client):
    session = (await client.create(somebody())).session
    data = client.data(session.id)
    await asyncio.gather(*(data.update("n", lambda n: (n or 0) + 1) for _ in range(8)))
    assert (await data.read("n"))["n"].value == 8


async def test_a_call_that_is_cancelled_leaves_the_client_usable(server, key):
    async with AsyncCloakroom(server.url, key, connections=2) as client:
        for _ in range(10):
            task = asyncio.ensure_future(client.count())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert await client.count()
