"""Requests that outlast the credential they came with, while another request renews it."""

import signal

import pytest

from browser import NAME, Browser
from cloakroom_client import AsyncCloakroom, Unavailable, Verified
from cloakroom_client._cookies import SessionCookie
from cloakroom_client._request import RequestSession
from cloakroom_client.asgi import SessionMiddleware
from test_calls import somebody
from test_middleware import App, connect

pytestmark = pytest.mark.anyio
AGO = "arrived_ms_ago"


def request(client, *tokens, kind="http", method="POST"):
    """A request that arrives now with these cookies."""
    cookies = "; ".join(f"{NAME}={token}" for token in tokens).encode()
    scope = {"type": kind, "method": method, "headers": [(b"cookie", cookies)]}
    return RequestSession(scope, client, SessionCookie(NAME))


async def renewed_by_a_page(client, server, token, seconds_ago=120):
    """What another request of the browser's has in place of the token, whose grace is over."""
    server.make_renewals_due()
    page = request(client, token, method="GET")
    assert await page.current()
    newer = cookie_of(page)
    assert newer != token
    assert await request(client, newer, method="GET").current()
    server.age_renewals(seconds_ago)
    return newer


def cookie_of(session):
    (cookie,) = (value for name, value in session.finish([]) if name == b"set-cookie")
    return cookie.decode().partition(";")[0].partition("=")[2]


async def issue(client):
    issued = await client.create(somebody())
    return issued.token.reveal(), issued.session.id


async def test_a_web_socket_that_asks_again_is_not_taken_for_a_thief(client, server):
    token, session_id = await issue(client)
    asked = []

    async def inner(scope, _receive, _send):
        session = scope["cloakroom"]
        asked.append(await session.current())
        asked.append(await renewed_by_a_page(client, server, token))
        asked.append(await session.recheck())

    await connect(SessionMiddleware(inner, client), {"cookie": f"{NAME}={token}"} | SAME_ORIGIN)
    before, newer, after = asked
    assert before.id == after.id == session_id
    assert (await client.verify(newer)).session.id == session_id


SAME_ORIGIN = {"host": "app.test", "origin": "https://app.test"}


async def test_an_answer_that_renewed_the_cookie_itself_may_ask_again(client, server):
    token, session_id = await issue(client)
    server.make_renewals_due()
    stream = request(client, token, method="GET")
    assert await stream.current()
    newer = cookie_of(stream)
    assert await client.verify(newer)
    server.age_renewals(120)
    assert (await stream.recheck()).id == session_id
    assert await client.verify(newer)


async def test_asking_again_tells_an_end_from_an_outage(own_server):
    async with AsyncCloakroom(own_server.url, own_server.api_key()) as client:
        token, session_id = await issue(client)
        first, second = request(client, token), request(client, token)
        assert (await first.recheck()).id == (await second.recheck()).id == session_id
        own_server.stop(signal.SIGKILL)
        with pytest.raises(Unavailable):
            await first.recheck()
        own_server.start()
        assert (await first.recheck()).id == session_id
        await client.end(session_id)
        assert await first.recheck() is None
        assert await first.recheck() is None
        assert (await second.current()).id == session_id, "read once"


async def test_an_upload_that_asks_when_it_is_read_is_not_taken_for_a_thief(client, server):
    token, session_id = await issue(client)
    upload, junk = request(client, token), request(client, "junk", token)
    newer = await renewed_by_a_page(client, server, token)
    for late in (upload, junk):
        late._arrived_at -= 100
        assert (await late.current()).id == session_id
    assert (await client.verify(newer)).session.id == session_id


async def test_an_act_at_the_end_of_a_long_request_uses_the_newest_credential(client, server):
    token, session_id = await issue(client)
    slow = request(client, token)
    assert await slow.current()
    newer = await renewed_by_a_page(client, server, token)
    slow._arrived_at -= 100
    assert (await slow.rotate()).id == session_id
    assert await client.verify(newer) is None
    assert (await client.verify(cookie_of(slow))).session.id == session_id


async def test_a_rotation_in_a_request_that_renews_gives_one_good_cookie(client, server):
    app = SessionMiddleware(App(), client)
    async with Browser(app) as browser:
        browser.cookies[NAME], session_id = await issue(client)
        server.make_renewals_due()
        answer = await browser.post("/read_and_rotate")
        assert len(answer.headers.get_list("set-cookie")) == 1
        assert (await client.verify(browser.session)).session.id == session_id


class Recording:
    """In the place of a client: keeps what is verified, and with what."""

    def __init__(self, session):
        self.session, self.calls = session, []

    async def verify(self, token, **options):
        self.calls.append((token, options[AGO]))
        return Verified(self.session)


async def test_when_a_request_arrived_is_said_if_it_took_a_second_and_ten_minutes_at_most(client):
    session = (await client.create(somebody())).session
    for seconds, low, high in ((0, None, None), (2, 2000, 60_000), (3600, 600_000, 600_000)):
        recording = Recording(session)
        late = request(recording, "clk_x")
        late._arrived_at -= seconds
        await late.current()
        ((_, ago),) = recording.calls
        assert ago is None if low is None else low <= ago <= high
