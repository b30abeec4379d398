"""People and sample records, for the demo: reads [{"id", "name", "records": [[title, note], …]}, …]
from standard input and gives each user theirs. With a "password" the user can sign in here."""

import json
import os
import sys

from .accounts import set_password
from .identity import Identity
from .tables import Record, open_database, row_of

with open_database(os.environ["LDM_DATABASE"])() as database:
    for person in json.load(sys.stdin):
        name = person["name"]
        shown = person.get("display_name") or name.capitalize()
        owner = row_of(database, Identity(person["id"], name, shown, "", (), "", 0))
        if "password" in person:
            set_password(database, owner, person["password"])
        for title, note in person["records"]:
            database.add(Record(owner_id=owner.id, title=title, note=note))
    database.commit()
