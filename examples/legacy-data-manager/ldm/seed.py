"""Sample records, for the demo: reads [{"id", "name", "records": [[title, note], …]}, …] from
standard input and gives each user theirs."""

import json
import os
import sys

from .identity import Identity
from .tables import Record, open_database, row_of

with open_database(os.environ["LDM_DATABASE"])() as database:
    for person in json.load(sys.stdin):
        name = person["name"]
        who = Identity(person["id"], name, name.capitalize(), "", (), "", 0)
        owner = row_of(database, who)
        for title, note in person["records"]:
            database.add(Record(owner_id=owner.id, title=title, note=note))
    database.commit()
