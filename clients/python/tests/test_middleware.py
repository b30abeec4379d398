"""The middleware around a small ASGI application, with the real server behind it."""

import asyncio
import json
import signal

import pytest

from browser import NAME, ORIGIN, Browser
from cloakroom_client import AsyncCloakroom, CloakroomError, HeadersSent
from cloakroom_client.asgi import SessionMiddleware
from server import free_port
from test_calls import somebody

pytestmark = pytest.mark.anyio


class App:
    """Shows who is here, logs people in and out, and can be held while it works."""

    def __init__(self) -> None:
        self.user = somebody()
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        self.raised = None

    async def __call__(self, scope, receive, send):
        session = scope["cloakroom"]
        assert scope["state"]["session"] is session
        act = getattr(self, scope["path"].strip("/"))
        await act(session, send)

    async def plain(self, _session, send):
        await answer(send, "anybody")

    async def who(self, session, send):
        user = await session.user()
        again = await session.user()
        assert user is again
        await answer(send, user.name if user else "nobody")

    async def log_in(self, session, send):
        await session.log_in(self.user)
        await answer(send, "done")

    async def remember(self, session, send):
        await session.log_in(self.user, remember=True)
        await answer(send, "done")

    async def log_out(self, session, send):
        await session.log_out()
        await answer(send, "done")

    async def rotate(self, session, send):
        await session.rotate(reauthenticated=True)
        await answer(send, "done")

    async def read_and_rotate(self, session, send):
        await session.user()
        await self.rotate(session, send)

    async def stream(self, session, send):
        caching = [(b"Cache-Control", b"public, max-age=600, s-maxage=9"), (b"vary", b"Accept")]
        await send({"type": "http.response.start", "status": 200, "headers": caching})
        user = await session.user()
        body = (user.name if user else "nobody").encode()
        await send({"type": "http.response.body", "body": body})

    async def slow(self, session, send):
        await session.user()
        self.reached.set()
        await self.go_on.wait()
        await answer(send, "slow")

    async def hangs(self, session, _send):
        await session.log_in(self.user)
        self.reached.set()
        await self.go_on.wait()

    async def late(self, session, send):
        await session.user()
        await answer(send, "early")
        try:
            await session.log_in(self.user)
        except CloakroomError as error:
            self.raised = error


async def answer(send, text):
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"public"), (b"x-own", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


@pytest.fixture
def inner():
    return App()


@pytest.fixture
def app(inner, client):
    return SessionMiddleware(inner, client)


@pytest.fixture
async def browser(app):
    async with Browser(app) as browser:
        yield browser


async def sessions_of(client, user):
    return list(await client.sessions(user=user.id))


async def test_a_login_sets_the_cookie_and_a_logout_ends_the_session_in_every_tab(browser, inner, client):
    assert (await browser.get("/who")).text == "nobody"
    login = await browser.post("/log_in")
    cookie = login.headers["set-cookie"]
    assert cookie == f"{NAME}={browser.session}; Path=/; Secure; HttpOnly; SameSite=Lax"
    assert (await browser.get("/who")).text == inner.user.name
    (session,) = await sessions_of(client, inner.user)
    assert (session.client.address, session.client.user_agent) == ("203.0.113.7", "Firefox")
    stolen = browser.session
    logout = await browser.post("/log_out")
    assert logout.headers["set-cookie"].endswith("Max-Age=0")
    assert browser.session is None
    browser.cookies[NAME] = stolen
    late = await browser.get("/who")
    assert late.text == "nobody"
    assert "set-cookie" not in late.headers


async def test_a_remembered_cookie_outlives_the_browser(browser):
    login = await browser.post("/remember")
    age = int(login.headers["set-cookie"].partition("Max-Age=")[2])
    assert 24 * 3600 < age <= 400 * 24 * 3600


async def test_an_answer_that_used_the_session_is_kept_by_nobody(browser):
    used, unused = await browser.get("/who"), await browser.get("/plain")
    assert used.headers.get_list("cache-control") == ["no-store"]
    assert used.headers["vary"] == "Cookie"
    assert unused.headers["cache-control"] == "public"
    assert "vary" not in unused.headers
    assert used.headers["x-own"] == unused.headers["x-own"] == "1"


async def test_an_answer_that_asks_while_it_is_sent_is_given_to_nobody_else(browser, inner):
    unknown = await browser.get("/stream")
    assert (unknown.text, unknown.headers["cache-control"][:6]) == ("nobody", "public")
    await browser.post("/log_in")
    known = await browser.get("/stream")
    assert known.text == inner.user.name
    assert known.headers.get_list("cache-control") == ["private, max-age=600"]
    assert known.headers.get_list("vary") == ["Accept", "Cookie"]
    assert (await browser.get("/plain")).headers["cache-control"] == "private"


async def test_a_request_that_does_not_ask_costs_nothing():
    async with AsyncCloakroom(f"http://127.0.0.1:{free_port()}", "ckey_x") as nowhere:
        async with Browser(SessionMiddleware(App(), nowhere)) as browser:
            browser.cookies[NAME] = "clk_x"
            assert (await browser.get("/plain")).status_code == 200


async def test_a_second_login_replaces_the_first(browser, inner, client):
    await browser.post("/log_in")
    first = browser.session
    await browser.post("/log_in")
    assert browser.session != first
    assert len(await sessions_of(client, inner.user)) == 1


async def test_a_rotation_gives_a_new_cookie_and_the_old_one_is_dead(browser, client):
    await browser.post("/log_in")
    old = browser.session
    await browser.post("/rotate")
    assert browser.session != old
    assert await client.verify(old) is None
    assert await client.verify(browser.session)


async def test_two_tabs_that_renew_at_once_are_given_the_same_successor(browser, inner, server):
    await browser.post("/log_in")
    old = browser.session
    server.make_renewals_due()
    answers = await asyncio.gather(*(browser.get("/who") for _ in range(4)))
    assert {each.text for each in answers} == {inner.user.name}
    cookies = {each.headers["set-cookie"] for each in answers}
    assert len(cookies) == 1
    assert browser.session != old
    assert (await browser.get("/who")).text == inner.user.name


async def test_a_renewal_whose_answer_was_lost_logs_nobody_out(browser, inner, server):
    await browser.post("/log_in")
    old = browser.session
    server.make_renewals_due()
    await browser.get("/who")
    browser.cookies[NAME] = old
    assert (await browser.get("/who")).text == inner.user.name
    assert browser.session != old


async def test_a_logout_wins_over_a_slow_request_that_renews(browser, inner, server, app):
    await browser.post("/log_in")
    server.make_renewals_due()
    async with Browser(app) as tab:
        tab.cookies = dict(browser.cookies)
        slow = asyncio.ensure_future(tab.get("/slow"))
        await inner.reached.wait()
        await browser.post("/log_out")
        inner.go_on.set()
        late = await slow
        # Its answer may bring a successor, which is worth nothing.
        assert late.text == "slow"
        assert "Max-Age=0" not in late.headers.get("set-cookie", "")
        browser.cookies = dict(tab.cookies)
        assert (await browser.get("/who")).text == "nobody"


async def test_a_late_answer_about_an_ended_session_does_not_delete_a_newer_cookie(browser):
    await browser.post("/log_in")
    old = browser.session
    await browser.post("/log_out")
    await browser.post("/log_in")
    newer = browser.session
    late = await browser.send("GET", "/who", headers=[("Cookie", f"{NAME}={old}")])
    assert "set-cookie" not in late.headers
    assert browser.session == newer


async def test_cookies_that_are_planted_beside_ours_decide_nothing(app, browser, inner, client):
    await browser.post("/log_in")
    own = browser.session
    other = (await client.create(somebody())).token.reveal()

    async def who(cookies):
        async with Browser(app) as visitor:
            return (await visitor.send("GET", "/who", headers=[("Cookie", cookies)])).text

    name = inner.user.name
    assert await who(f"session={other}; {NAME.lower()}={other}; {NAME}={own}") == name
    for junk in ("", "x", "clk_" + "A" * 84):
        assert await who(f"{NAME}={junk}; {NAME}={own}") == name
        assert await who(f"{NAME}={own}; {NAME}={junk}") == name
    assert await who(f"{NAME}={own}; {NAME}={other}") == "nobody"
    assert await who(f"{NAME}={other}; {NAME}={own}") == "nobody"
    many = "; ".join(f"{NAME}={n}" for n in range(4))
    assert await who(f"{many}; {NAME}={own}") == "nobody"


async def test_a_logout_with_two_live_cookies_ends_both(browser, client):
    await browser.post("/log_in")
    own, other = browser.session, (await client.create(somebody())).token.reveal()
    both = [("Cookie", f"{NAME}={other}")]
    assert (await browser.send("POST", "/log_out", headers=both)).status_code == 200
    assert await client.verify_batch([own, other]) == (None, None)


async def test_requests_of_other_sites_change_nothing(app, inner, client):
    async with Browser(app) as visitor:
        for site in ("cross-site", "same-site"):
            sent = await visitor._http.post(
                "/log_in", headers={"Sec-Fetch-Site": site, "Origin": "https://evil"}
            )
            assert sent.status_code == 403
            assert sent.json()["code"] == "cross-site"
        sent = await visitor._http.post("/log_in", headers={"Origin": "https://evil.test"})
        assert sent.status_code == 403
        assert await sessions_of(client, inner.user) == []
        assert (await visitor._http.post("/log_in", headers={"Origin": ORIGIN})).status_code == 200


async def test_a_login_by_get_is_a_mistake_of_the_applications(browser):
    with pytest.raises(CloakroomError, match="POST"):
        await browser.get("/log_in")


async def test_an_outage_is_503_and_touches_no_cookie(own_server, inner):
    async with AsyncCloakroom(own_server.url, own_server.api_key()) as client:
        async with Browser(SessionMiddleware(inner, client)) as browser:
            await browser.post("/log_in")
            cookie = browser.session
            own_server.stop(signal.SIGKILL)
            for method, path in (("GET", "/who"), ("POST", "/log_out"), ("POST", "/log_in")):
                answer = await browser.send(method, path)
                assert answer.status_code == 503, path
                assert int(answer.headers["retry-after"]) > 0
                assert answer.json()["code"] == "sessions-unavailable"
                assert "set-cookie" not in answer.headers
            assert (await browser.get("/plain")).status_code == 200
            own_server.start()
            assert browser.session == cookie
            assert (await browser.get("/who")).text == inner.user.name


async def test_a_client_that_hangs_up_leaves_a_login_done_or_not(app, browser, inner, client):
    """Cancelled at every moment of the login: what stays behind has an owner."""
    for steps in range(0, 60, 3):
        task = asyncio.ensure_future(browser.post("/log_in"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    hanging = asyncio.ensure_future(browser.post("/hangs"))
    await inner.reached.wait()
    assert len(await sessions_of(client, inner.user)) >= 1
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)

    async def settled():
        """Whether no session lives whose cookie no browser has."""
        owned = await client.verify(browser.session or "none")
        live = {session.id for session in await sessions_of(client, inner.user)}
        return live <= ({owned.session.id} if owned else set())

    async with asyncio.timeout(10):
        while not await settled():
            await asyncio.sleep(0.01)


async def test_a_login_after_the_answer_has_begun_is_refused(browser, inner, client):
    assert (await browser.post("/late")).text == "early"
    assert isinstance(inner.raised, HeadersSent)
    assert await sessions_of(client, inner.user) == []


async def connect(app, headers):
    """Opens a web socket by hand; gives what the application sent."""
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await app({"type": "websocket", "path": "/", "headers": pairs}, receive, send)
    return sent


async def test_a_web_socket_knows_who_it_is_asks_again_and_is_not_opened_by_other_sites(client):
    issued = await client.create(somebody())

    async def inner(scope, _receive, send):
        session = scope["cloakroom"]
        user = await session.user()
        await send({"type": "websocket.accept", "headers": [(b"user", user.name.encode())]})
        assert await session.recheck()
        await client.log_out(issued.token)
        assert await session.current(), "read once"
        assert await session.recheck() is None

    app = SessionMiddleware(inner, client)
    cookie = f"{NAME}={issued.token.reveal()}"
    own = {"host": "app.test", "origin": ORIGIN, "cookie": cookie}
    (accepted,) = await connect(app, own)
    assert accepted["headers"] == [(b"user", issued.session.user.name.encode())]
    for origin in ("https://evil.test", "null"):
        (closed,) = await connect(app, {**own, "origin": origin})
        assert closed["type"] == "websocket.close"


async def test_a_lifespan_passes_untouched(client):
    seen = []

    async def inner(scope, _receive, _send):
        seen.append(scope)

    await SessionMiddleware(inner, client)({"type": "lifespan"}, None, None)
    assert json.dumps(seen) == '[{"type": "lifespan"}]'
