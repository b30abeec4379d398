"""What type checkers see of the clients; mypy reads it, nobody runs it."""

from typing_extensions import assert_type

from cloakroom_client import (
    AsyncCloakroom,
    Cloakroom,
    Entry,
    Issued,
    Page,
    PasswordLink,
    Session,
    User,
    Verified,
)


def sync(client: Cloakroom) -> None:
    issued = client.create(User("u", "Ada"), remember=True)
    assert_type(issued, Issued)
    assert_type(client.verify(issued.token, renew=True, arrived_ms_ago=1000), Verified | None)
    assert_type(client.verify_batch([issued.token, "x"]), tuple[Session | None, ...])
    assert_type(client.sessions(user="u", limit=10), Page[Session])
    assert_type(client.end("id", by="ada", reason="admin"), bool)
    assert_type(client.data("id").read("k"), dict[str, Entry])
    assert_type(client.password_link("u"), PasswordLink)


async def awaited(client: AsyncCloakroom) -> None:
    assert_type(await client.create("u"), Issued)
    assert_type(await client.verify("x"), Verified | None)
    assert_type(await client.data("id").update("n", lambda _: 1), int)
