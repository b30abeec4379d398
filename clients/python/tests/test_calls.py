"""Every call, by both clients, on the real server."""

import secrets

import pytest

from cloakroom_client import (
    Client,
    Conflict,
    DataConflict,
    Entry,
    KeyRefused,
    NotFound,
    Problem,
    SessionEnded,
    Token,
    User,
    UserDisabled,
)
from conftest import opened


def somebody():
    """A user of this test's own."""
    return User(f"id-{secrets.token_hex(6)}", f"name-{secrets.token_hex(6)}", ("staff",))


def test_a_session_is_created_verified_and_ended(cloakroom):
    user, seen = somebody(), Client("203.0.113.7", "Firefox")
    issued = cloakroom.create(user, client=seen)
    assert isinstance(issued.token, Token)
    assert issued.token.reveal().startswith("clk_")
    assert (issued.session.user, issued.session.client) == (user, seen)
    verified = cloakroom.verify(issued.token)
    assert verified.session.id == issued.session.id
    assert verified.successor is None
    assert cloakroom.session(issued.session.id).user == user
    assert cloakroom.end(issued.session.id, by="the administrator", reason="admin") is True
    assert cloakroom.end(issued.session.id) is False
    assert cloakroom.verify(issued.token) is None
    with pytest.raises(SessionEnded):
        cloakroom.session(issued.session.id)
    ended = cloakroom.ended_session(issued.session.id)
    assert (ended.reason, ended.ended_by) == ("admin", "the administrator")
    assert ended.id in {each.id for each in cloakroom.history(name=user.name)}


def test_a_user_may_be_an_id_alone_and_remembered(cloakroom):
    issued = cloakroom.create(somebody().id, remember=True)
    assert issued.session.remembered
    assert issued.cookie_max_age > 24 * 3600
    assert cloakroom.create(somebody()).cookie_max_age is None


def test_nonsense_is_nobody_whatever_it_is(cloakroom):
    for nonsense in ("x", "clk_" + "A" * 84, "clk_é", "x" * 2000, "'; --"):
        assert cloakroom.verify(nonsense) is None
        assert cloakroom.log_out(nonsense) is False


def test_many_are_verified_at_once_in_order(cloakroom):
    first, second = cloakroom.create(somebody()), cloakroom.create(somebody())
    found = cloakroom.verify_batch([second.token, "nonsense", first.token])
    assert [each and each.id for each in found] == [second.session.id, None, first.session.id]
    with pytest.raises(Problem):
        cloakroom.verify_batch(["x"] * 101)


def test_a_rotated_credential_replaces_the_old_one(cloakroom):
    old = cloakroom.create(somebody())
    new = cloakroom.rotate(old.token, reauthenticated=True)
    assert new.session.id == old.session.id
    assert new.session.authenticated_at >= old.session.authenticated_at
    assert cloakroom.verify(old.token) is None
    assert cloakroom.verify(new.token)
    cloakroom.log_out(new.token)
    with pytest.raises(SessionEnded):
        cloakroom.rotate(new.token)


def test_a_users_sessions_are_listed_in_pages_and_ended_together(cloakroom):
    user = somebody()
    made = [cloakroom.create(user).session.id for _ in range(5)]
    first = cloakroom.sessions(user=user.id, limit=2)
    second = cloakroom.sessions(user=user.id, limit=2, after=first.next)
    third = cloakroom.sessions(user=user.id, limit=2, after=second.next)
    listed = [each.id for page in (first, second, third) for each in page]
    assert listed == made[::-1]
    assert third.next is None
    assert len(cloakroom.sessions(name=user.name).items) == 5
    assert len(cloakroom.sessions(name_prefix=user.name[:-1]).items) == 5
    assert cloakroom.count().sessions >= 5
    assert cloakroom.end_others(made[0]) == 4
    assert [each.id for each in cloakroom.sessions(user=user.id)] == [made[0]]
    assert cloakroom.end_user_sessions(user.id, by="ada", reason="admin") == 1


def test_a_login_replaces_the_clients_former_session_and_carries_its_data(cloakroom):
    old = cloakroom.create(somebody())
    cloakroom.data(old.session.id).overwrite({"basket": ["pen"], "other": 1})
    new = cloakroom.create(old.session.user, replaces=old.token, carry=["basket"])
    assert cloakroom.verify(old.token) is None
    assert {k: e.value for k, e in cloakroom.data(new.session.id).read().items()} == {"basket": ["pen"]}
    again = cloakroom.create(old.session.user, replaces="no token of ours")
    assert cloakroom.verify(new.token)
    assert cloakroom.verify(again.token)


def test_a_login_that_began_before_an_end_of_all_is_refused(cloakroom):
    user = somebody()
    epoch = cloakroom.epoch(user.id)
    cloakroom.create(user, as_of_epoch=epoch)
    cloakroom.end_user_sessions(user.id)
    with pytest.raises(Conflict) as caught:
        cloakroom.create(user, as_of_epoch=epoch)
    assert caught.value.code == "epoch-superseded"


def test_one_idempotency_key_makes_one_session(cloakroom):
    user, key = somebody(), secrets.token_hex(8)
    first = cloakroom.create(user, idempotency_key=key)
    again = cloakroom.create(user, idempotency_key=key)
    assert first.token == again.token
    assert len(cloakroom.sessions(user=user.id).items) == 1
    with pytest.raises(Problem) as caught:
        cloakroom.create(somebody(), idempotency_key=key)
    assert caught.value.code == "idempotency-key-reused"
    cloakroom.log_out(first.token)
    with pytest.raises(SessionEnded):
        cloakroom.create(user, idempotency_key=key)


def test_data_is_kept_by_key_with_versions_and_a_stale_write_is_refused(cloakroom):
    session = cloakroom.create(somebody()).session
    data = cloakroom.data(session.id)
    assert data.read("theme") == {"theme": Entry(None, 0)}
    seen = data.read("theme", "size")
    data.write({"theme": "dark", "size": 12}, seen)
    with pytest.raises(DataConflict) as caught:
        data.write({"theme": "light"}, seen)
    assert caught.value.key == "theme"
    now = data.read()
    assert {key: entry.value for key, entry in now.items()} == {"theme": "dark", "size": 12}
    data.overwrite({"theme": {"name": "light", "ink": [0, None, "é"]}})
    data.remove("size", now["size"])
    assert {k: e.value for k, e in data.read().items()} == {"theme": {"name": "light", "ink": [0, None, "é"]}}
    assert [data.update("visits", lambda n: (n or 0) + 1) for _ in range(3)] == [1, 2, 3]


def test_data_of_an_ended_session_is_gone(cloakroom):
    session = cloakroom.create(somebody()).session
    data = cloakroom.data(session.id)
    cloakroom.end(session.id)
    for act in (data.read, lambda: data.overwrite({"k": 1}), lambda: data.update("k", lambda _: 1)):
        with pytest.raises(SessionEnded):
            act()


def test_users_that_cloakroom_keeps_are_added_changed_and_disabled(cloakroom):
    name = f"ada{secrets.token_hex(4)}"
    invited = cloakroom.add_user(name, display_name="Ada", email="ada@example.org", groups=["staff"])
    assert "/password" in invited.password_link.reveal()
    user = invited.user
    assert (user.name, user.display_name, user.groups) == (name, "Ada", ("staff",))
    with pytest.raises(Conflict):
        cloakroom.add_user(name)
    session = cloakroom.create(user.id)
    assert session.session.user == User(user.id, name, ("staff",))
    assert cloakroom.change_user(user.id, groups=["boss"]).groups == ("boss",)
    assert cloakroom.verify(session.token).session.user.groups == ("boss",)
    assert cloakroom.disable_user(user.id).disabled
    assert cloakroom.verify(session.token) is None
    with pytest.raises(UserDisabled):
        cloakroom.create(user.id)
    assert not cloakroom.enable_user(user.id).disabled
    assert cloakroom.password_link(user.id).reveal() != invited.password_link.reveal()
    assert cloakroom.user(user.id).name == name
    listed, after = set(), None
    while after or not listed:
        page = cloakroom.users(limit=200, after=after)
        listed |= {each.name for each in page}
        after = page.next
    assert name in listed
    with pytest.raises(NotFound):
        cloakroom.user("nobody")


def test_capabilities_say_what_may_be_expected(cloakroom):
    capabilities = cloakroom.capabilities()
    assert capabilities["strategy"] == "database"
    assert "sessions:read" in capabilities["scopes"]


def test_a_key_is_needed_and_its_scopes_bind(kind, server, cloakroom):
    with opened(kind, server.url, "ckey_unknown") as stranger, pytest.raises(KeyRefused) as caught:
        stranger.count()
    assert caught.value.code == "api-key-required"
    reading = server.api_key(f"reads-{secrets.token_hex(4)}", ["sessions:read"])
    with opened(kind, server.url, reading) as reader:
        assert reader.count()
        with pytest.raises(KeyRefused) as caught:
            reader.create(somebody())
    assert caught.value.members["scope"] == "sessions:write"


def test_everyone_is_ended_at_once(kind, own_server):
    with opened(kind, own_server.url, own_server.api_key()) as cloakroom:
        tokens = [cloakroom.create(somebody()).token for _ in range(3)]
        assert cloakroom.end_everyone() == 3
        assert cloakroom.verify_batch(tokens) == (None, None, None)
