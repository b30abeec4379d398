"""What needs no server: requests, answers, retries, cookies, the check of origins."""

import copy
import inspect
import json
import logging
import pickle

import pytest

from cloakroom_client import (
    ApiKey,
    AsyncCloakroom,
    AsyncData,
    Cloakroom,
    Conflict,
    Data,
    DataConflict,
    KeyRefused,
    OutcomeUnknown,
    Problem,
    SessionEnded,
    Token,
    Unavailable,
    _calls,
)
from cloakroom_client._cookies import SessionCookie
from cloakroom_client._core import Answer, Attempts
from cloakroom_client._csrf import refusal
from cloakroom_client._data import changes_of, updating
from cloakroom_client._models import Entry, Issued

LOST, UNSENT = Unavailable("lost"), Unavailable("unsent", unsent=True)
SESSION = {
    "id": "0199",
    "user": {"id": "u", "name": "Ada", "groups": ["staff"]},
    "created_at": "2026-11-25T10:00:00.000Z",
    "authenticated_at": "2026-11-25T10:00:00.000Z",
    "last_seen_at": "2026-11-25T10:00:30.500Z",
    "idle_deadline": "2026-11-26T10:00:00.000Z",
    "absolute_deadline": "2026-11-25T11:00:30.500Z",
    "remembered": True,
    "client": {"address": None, "user_agent": "Firefox"},
    "a member of a later version": 1,
}


def answer(status, body, headers=()):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, dict(headers), content)


def refused(status, code, **members):
    return answer(status, {"code": code, "detail": "no", **members})


def attempts(call, retries=2, deadline=10.0):
    return Attempts(call, deadline, retries)


# --- answers ---


def test_a_session_is_read_with_moments_in_utc_and_later_members_are_ignored():
    issued = Issued.of({"token": "clk_x", "session": SESSION})
    assert issued.session.created_at.isoformat() == "2026-11-25T10:00:00+00:00"
    assert issued.session.user.groups == ("staff",)
    assert issued.cookie_max_age == 3600
    assert Issued.of({"token": "clk_x", "session": SESSION, "cookie_max_age": 7}).cookie_max_age == 7


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "api-key-required", KeyRefused),
        (403, "insufficient-scope", KeyRefused),
        (409, "data-conflict", DataConflict),
        (409, "session-limit", Conflict),
        (410, "session-ended", SessionEnded),
        (422, "invalid-body", Problem),
        (418, "of-a-later-version", Problem),
    ],
)
def test_a_refusal_is_an_error_of_its_kind_with_a_stable_code(status, code, kind):
    with pytest.raises(kind) as caught:
        attempts(_calls.count()).outcome(refused(status, code, key="k"))
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.members["key"] == "k"


@pytest.mark.parametrize(
    "said",
    [
        answer(200, b"<html>a page of some proxy's</html>"),
        answer(200, b"[]"),
        answer(200, {"unexpected": 1}),
        answer(302, b""),
        answer(204, b""),
        answer(502, b"Bad Gateway"),
        answer(500, {"code": "internal-error"}),
        answer(429, b""),
    ],
)
def test_whatever_is_no_answer_of_cloakrooms_says_nothing_about_anybody(said):
    with pytest.raises(Unavailable):
        attempts(_calls.verify("clk_x")).outcome(said)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410])
@pytest.mark.parametrize("body", [b"no such page", b"", b"[]", {"detail": "Not Found"}])
def test_a_refusal_that_is_not_cloakrooms_is_a_problem_that_means_nothing_more(status, body):
    with pytest.raises(Problem) as caught:
        attempts(_calls.session("s")).outcome(answer(status, body))
    assert type(caught.value) is Problem
    assert (caught.value.status, caught.value.code) == (status, "unknown")


def test_an_outage_brings_the_time_to_wait():
    with pytest.raises(Unavailable) as caught:
        attempts(_calls.count()).outcome(answer(503, {"code": "sessions-unavailable"}, {"retry-after": "2"}))
    assert caught.value.retry_after == 2


# --- retries ---


def test_reads_and_ends_are_sent_again_and_a_bounded_number_of_times():
    for call in (_calls.verify("t"), _calls.log_out("t"), _calls.create("u")):
        made = attempts(call, retries=2)
        assert made.pause_after(LOST, 0) < made.pause_after(LOST, 0) < 1
        with pytest.raises(Unavailable):
            made.pause_after(LOST, 0)


def test_nothing_is_sent_again_after_the_deadline():
    made = attempts(_calls.verify("t"), deadline=1.0)
    with pytest.raises(Unavailable):
        made.pause_after(LOST, 0.99)
    assert made.seconds_left(2) > 0


def test_a_read_that_the_server_put_off_is_handed_on_at_once():
    with pytest.raises(Unavailable):
        attempts(_calls.verify("t")).pause_after(Unavailable("later", 2), 0)
    assert attempts(_calls.log_out("t")).pause_after(Unavailable("later", 2), 0) == 2


def test_a_rotation_or_an_overwrite_whose_answer_was_lost_is_not_sent_again():
    overwrite = _calls.write_data("s", [{"key": "k", "value": 1, "overwrite": True}])
    for call in (_calls.rotate("t"), overwrite, _calls.add_user("ada")):
        with pytest.raises(OutcomeUnknown):
            attempts(call).pause_after(LOST, 0)
        assert attempts(call).pause_after(UNSENT, 0) > 0


def test_an_end_that_stays_unanswered_is_reported_as_unknown_and_a_read_is_not():
    for call, kind in ((_calls.log_out("t"), OutcomeUnknown), (_calls.count(), Unavailable)):
        with pytest.raises(Unavailable) as caught:
            attempts(call, retries=0).pause_after(LOST, 0)
        assert type(caught.value) is kind
    with pytest.raises(Unavailable) as caught:
        attempts(_calls.log_out("t"), retries=0).pause_after(UNSENT, 0)
    assert type(caught.value) is Unavailable


def test_a_guarded_write_that_conflicts_with_its_own_first_attempt_is_unknown():
    call = _calls.write_data("s", [{"key": "k", "value": 1, "expect": 0}])
    conflict = refused(409, "data-conflict", key="k")
    with pytest.raises(DataConflict):
        attempts(call).outcome(conflict)
    made = attempts(call)
    made.pause_after(LOST, 0)
    with pytest.raises(OutcomeUnknown) as caught:
        made.outcome(conflict)
    with pytest.raises(OutcomeUnknown):
        made.pause_after(caught.value, 0)


def test_every_creation_has_a_key_of_its_own_and_keeps_it():
    one, other = _calls.create("u"), _calls.create("u")
    assert one.headers["Idempotency-Key"] != other.headers["Idempotency-Key"]
    assert _calls.create("u", idempotency_key="mine").headers == {"Idempotency-Key": "mine"}


def test_when_a_request_arrived_is_sent_only_if_it_is_said():
    assert _calls.verify("t").body == {"token": "t"}
    assert _calls.verify("t", renew=True).body == {"token": "t", "renew": True}
    assert _calls.verify("t", arrived_ms_ago=1500).body == {"token": "t", "arrived_ms_ago": 1500}


# --- data ---


def test_update_reads_again_after_a_conflict_and_gives_up_in_the_end():
    steps = updating("s", "n", lambda n: (n or 0) + 1)
    next(steps)
    write = steps.send({"n": Entry(None, 0)})
    assert write.body == {"changes": [{"key": "n", "value": 1, "expect": 0}]}
    conflict = DataConflict(409, "data-conflict", "", {"key": "n"})
    steps.throw(conflict)
    assert steps.send({"n": Entry(5, 7)}).body["changes"][0]["value"] == 6
    with pytest.raises(DataConflict):
        for _ in range(100):
            steps.throw(conflict)
            steps.send({"n": Entry(5, 7)})


def test_a_key_that_was_not_read_is_not_written_over():
    with pytest.raises(ValueError, match="overwrite"):
        changes_of({"k": 1}, {})


# --- both clients ---


def test_the_two_clients_have_the_same_methods_with_the_same_parameters():
    for one, other in ((Cloakroom, AsyncCloakroom), (Data, AsyncData)):
        names = {name for name in vars(one) if not name.startswith("_")}
        assert names == {name for name in vars(other) if not name.startswith("_")}
        for name in names:
            ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (one, other))
            assert list(ours.parameters) == list(theirs.parameters), name
            assert inspect.getdoc(getattr(one, name)), name


def test_an_address_that_is_none_and_a_key_that_is_none_are_refused():
    for url in ("", "127.0.0.1:7070", "ftp://x", "/v1"):
        with pytest.raises(ValueError, match="address"):
            Cloakroom(url, "ckey_x")
    for key in ("", "ckey_\r\nX: y", "ckey_é"):
        with pytest.raises(ValueError, match=r"key|ApiKey"):
            Cloakroom("http://x", key)


def test_ids_are_one_segment_of_a_path():
    assert _calls.session("a/b?c#d é").path == "/sessions/a%2Fb%3Fc%23d%20%C3%A9"
    for no_id in ("", ".", ".."):
        with pytest.raises(ValueError, match="no id"):
            _calls.end(no_id)


# --- secrets ---


def test_secrets_are_not_printed_pickled_copied_or_logged(caplog):
    caplog.set_level(logging.DEBUG)
    for secret in (Token("clk_secret"), ApiKey("ckey_secret")):
        for shown in (repr(secret), str(secret), f"{secret}", repr([secret])):
            assert "secret" not in shown
        for copying in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                copying(secret)
    made = [_calls.verify("clk_secret"), _calls.create("u", replaces="clk_secret", idempotency_key="secret")]
    assert "secret" not in repr([*made, answer(200, {"token": "secret"}, {"x": "secret"})])
    assert "secret" not in repr(Issued.of({"token": "clk_secret", "session": SESSION}))
    with Cloakroom("http://127.0.0.1:1", "ckey_secret", retries=0) as client:
        assert "secret" not in repr(client)
        with pytest.raises(Unavailable) as caught:
            client.verify("clk_secret")
    assert "secret" not in str(caught.value) + caplog.text
    assert Token("x") == Token("x") != Token("y")


# --- cookies ---


def read(*headers):
    return SessionCookie("__Host-s").candidates([(b"cookie", header) for header in headers])


def test_cookies_are_found_in_any_place_and_header_under_exactly_their_name():
    assert read(b"a=1; __Host-s=x; b=2") == ["x"]
    assert read(b"a=1", b'__Host-s="x"') == ["x"]
    assert read(b"__Host-s=x; __Host-s=y;__Host-s=x") == ["x", "y"]
    for other in (
        b"__host-s=x",
        b"__Host-s2=x",
        b"a__Host-s=x",
        b"__Host-s =x",
        b"\xc2\xa0__Host-s=x",
        b"\x0b__Host-s=x",
        b"__Host-s",
        b"=__Host-s=x",
        b"$Version=1,__Host-s=x",
    ):
        assert read(other) == [], other


def test_what_cannot_be_ours_counts_but_is_not_kept_and_no_more_than_seventeen_are_collected():
    assert read(b"__Host-s=\xff\xfe") == [""]
    assert read(b"__Host-s=" + b"x" * 5000) == [""]
    assert len(read(b";".join(b"__Host-s=%d" % n for n in range(1000)))) == 17


def test_the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts():
    cookie = SessionCookie("__Host-s")
    rest = b"; Path=/; Secure; HttpOnly; SameSite=Lax"
    assert cookie.setting(Token("clk_x"), None) == b"__Host-s=clk_x" + rest
    assert cookie.setting(Token("clk_x"), 10**12).endswith(b"; Max-Age=34560000")
    assert cookie.clearing() == b"__Host-s=" + rest + b"; Max-Age=0"
    for bad in ("clk; Domain=evil", "clk\r\nSet-Cookie: a=b", 'c"', "c d", "é"):
        with pytest.raises(ValueError, match="cookie"):
            cookie.setting(Token(bad), None)
    for bad in ("", "a b", "a=b", "a;b", "a" * 65, "é"):
        with pytest.raises(ValueError, match="name"):
            SessionCookie(bad)


# --- where a request comes from ---


def refuses(**headers):
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return refusal(pairs, {"https://admin.example.org"}) is not None


def test_browsers_of_this_site_pass_and_of_others_do_not():
    assert not refuses(sec_fetch_site="same-origin")
    assert not refuses(sec_fetch_site="none")
    for site in ("cross-site", "same-site", "Same-Origin", ""):
        assert refuses(sec_fetch_site=site, origin="https://example.org", host="example.org")


def test_without_fetch_metadata_the_origin_must_be_this_host_over_tls():
    assert not refuses(host="example.org", origin="https://example.org")
    assert not refuses(host="localhost:7070", origin="http://localhost:7070")
    for origin in (
        "http://example.org",
        "https://example.org:8443",
        "https://evil.example.org",
        "https://example.org.evil",
        "null",
        "",
    ):
        assert refuses(host="example.org", origin=origin), origin
    assert refuses(origin="https://")


def test_a_trusted_origin_passes_and_a_program_without_cookies_does():
    assert not refuses(sec_fetch_site="cross-site", origin="https://admin.example.org")
    assert not refuses()
    assert refuses(cookie="a=b")
