"""Who is in the demo: alice and bob are Cloakroom's users, carol and dave the application's own."""

import secrets
import uuid

PEOPLE = [
    {
        "name": "alice",
        "options": ["--display-name=Alice Archer", "--email=alice@example.org", "--group=staff", "--admin"],
        "records": [
            ["Supplier contracts 2019", "Scanned, three boxes. Box 2 is missing its index."],
            ["Server room inventory", "Last checked in spring. The tape drive still works."],
            ["Customer list, old system", "Exported before the migration; keep until 2030."],
        ],
    },
    {
        "name": "bob",
        "options": ["--display-name=Bob Baker", "--email=bob@example.org", "--group=staff"],
        "records": [
            ["Payroll archive", "Do not delete. Audited every second year."],
            ["Fax numbers", "Nobody has asked for these since 2014."],
        ],
    },
]

OWN_PEOPLE = [
    {
        "name": "carol",
        "display_name": "Carol Carter",
        "records": [
            ["Leases 2021", "Two of them run out in spring."],
            ["Telephone directory", "The printed one; pages 40 to 44 are gone."],
        ],
    },
    {
        "name": "dave",
        "display_name": "Dave Dunn",
        "records": [["Key register", "Key 17 is with the caretaker."]],
    },
]


def with_ids_and_passwords(people):
    """The application's own people, as it keeps them."""
    return [person | {"id": uuid.uuid4().hex, "password": new_password()} for person in people]


def new_password():
    return "-".join(
        "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(5)) for _ in range(3)
    )
