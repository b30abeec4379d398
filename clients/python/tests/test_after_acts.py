"""What reaches the browser when a request fails after it logged in, out, or rotated."""

import asyncio

import pytest

from browser import NAME, Browser
from cloakroom_client import CloakroomError, OutcomeUnknown, Unavailable
from cloakroom_client.asgi import SessionMiddleware
from test_calls import somebody

pytestmark = pytest.mark.anyio


class Failing:
    """Does an act, then fails as it is told."""

    def __init__(self, client) -> None:
        self.client, self.fault, self.user = client, None, somebody()
        self.ended = None

    async def __call__(self, scope, _receive, send):
        await getattr(self, scope["path"].strip("/"))(scope["cloakroom"])
        if self.fault:
            raise self.fault
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    async def log_in(self, session):
        await session.log_in(self.user)

    async def log_out(self, session):
        self.ended = await session.log_out()

    async def log_out_known(self, session):
        assert await session.current()
        await self.client.rotate(session._token)
        self.ended = await session.log_out()

    async def rotate(self, session):
        await session.rotate()

    async def nothing(self, session):
        await session.current()


@pytest.fixture
def inner(client):
    return Failing(client)


@pytest.fixture
async def browser(inner, client):
    app = SessionMiddleware(inner, client)
    async with Browser(app, raises=False) as browser:
        browser.cookies[NAME] = (await client.create(inner.user)).token.reveal()
        yield browser


FAULTS = [(Unavailable("later"), 503), (OutcomeUnknown("later"), 503), (RuntimeError("bug"), 500)]


@pytest.mark.parametrize(("fault", "status"), FAULTS)
@pytest.mark.parametrize("act", ["/log_in", "/rotate"])
async def test_a_login_or_rotation_holds_whatever_fails_after_it(browser, inner, client, act, fault, status):
    old, inner.fault = browser.session, fault
    answer = await browser.post(act)
    assert answer.status_code == status
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert browser.session != old
    assert await client.verify(old) is None
    assert (await client.verify(browser.session)).session.user == inner.user
    if status == 503:
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["detail"].endswith("you are logged in.")


@pytest.mark.parametrize(("fault", "status"), FAULTS)
async def test_a_logout_takes_the_cookie_away_whatever_fails_after_it(browser, inner, client, fault, status):
    old, inner.fault = browser.session, fault
    answer = await browser.post("/log_out")
    assert (answer.status_code, browser.session) == (status, None)
    assert "stay logged in" not in answer.text
    assert await client.verify(old) is None


async def test_the_server_hears_of_the_error_after_the_answer(inner, client):
    async with Browser(SessionMiddleware(inner, client)) as strict:
        inner.fault = RuntimeError("bug")
        with pytest.raises(RuntimeError, match="bug"):
            await strict.post("/log_in")


async def test_a_failure_without_an_act_touches_no_cookie(browser, inner, server):
    server.make_renewals_due()
    for fault, status, text in ((FAULTS[0][0], 503, "you stay logged in"), (FAULTS[2][0], 500, "")):
        inner.fault = fault
        answer = await browser.post("/nothing")
        assert answer.status_code == status
        assert text in answer.text
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("act", ["log_in", "rotate", "log_out"])
async def test_nothing_is_promised_when_the_outcome_of_an_act_is_unknown(browser, client, monkeypatch, act):
    async def lost(*_, **__):
        raise OutcomeUnknown("lost")

    monkeypatch.setattr(client, "create" if act == "log_in" else act, lost)
    answer = await browser.post(f"/{act}")
    assert answer.status_code == 503
    assert "not known" in answer.json()["detail"]
    assert "stay" not in answer.json()["detail"]
    assert "set-cookie" not in answer.headers


async def test_a_cancelled_request_still_undoes_its_login(inner, client):
    async def hangs(_session):
        await inner.log_in(_session)
        reached.set()
        await asyncio.Event().wait()

    reached, inner.hangs = asyncio.Event(), hangs
    async with Browser(SessionMiddleware(inner, client)) as browser:
        hanging = asyncio.ensure_future(browser.post("/hangs"))
        await reached.wait()
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
    async with asyncio.timeout(10):
        while list(await client.sessions(user=inner.user.id)):
            await asyncio.sleep(0.01)


# --- logouts of many, and in races ---


def planted(browser, client_token, junk):
    values = [f"j{n}" for n in range(junk)] + [client_token]
    return [("Cookie", "; ".join(f"{NAME}={value}" for value in values))]


async def test_a_logout_finds_the_live_one_among_sixteen_cookies(browser, inner, client):
    own = browser.cookies.pop(NAME)
    answer = await browser.send("POST", "/log_out", headers=planted(browser, own, 15))
    assert answer.headers["set-cookie"].endswith("Max-Age=0")
    assert inner.ended is True
    assert await client.verify(own) is None


async def test_a_logout_with_more_cookies_does_not_claim_success(browser, inner, client):
    own = browser.cookies.pop(NAME)
    answer = await browser.send("POST", "/log_out", headers=planted(browser, own, 16))
    assert answer.status_code == 500
    assert "set-cookie" not in answer.headers
    assert inner.ended is None
    assert await client.verify(own)


async def test_a_logout_that_meets_a_rotation_ends_the_session_that_it_knows(browser, inner, client):
    await browser.post("/log_out_known")
    assert inner.ended is True
    assert list(await client.sessions(user=inner.user.id)) == []


async def test_a_logout_says_whether_there_was_a_live_session(browser, inner, client):
    own = browser.session
    for expected in (True, False):
        browser.cookies[NAME] = own
        await browser.post("/log_out")
        assert inner.ended is expected
    (ended,) = await client.history(name=inner.user.name)
    assert (ended.reason, ended.ended_by) == ("logout", inner.user.name)


async def test_a_logout_that_is_known_is_in_the_history_as_one(browser, inner, client):
    await browser.post("/log_out_known")
    (ended,) = await client.history(name=inner.user.name)
    assert (ended.reason, ended.ended_by) == ("logout", inner.user.name)


async def test_more_cookies_are_an_error_that_an_application_can_catch(inner, client):
    many = [("Cookie", "; ".join(f"{NAME}=j{n}" for n in range(30)))]
    async with Browser(SessionMiddleware(inner, client)) as strict:
        with pytest.raises(CloakroomError, match="16"):
            await strict.send("POST", "/log_out", headers=many)
