"""A session as its user knows it: on which device, since when."""

from dataclasses import dataclass
from datetime import datetime

from cloakroom_client import Session

BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Device:
    id: str
    name: str
    address: str
    since: datetime
    seen: datetime
    is_this: bool

    @classmethod
    def of(cls, session: Session, current: str) -> "Device":
        client = session.client
        name, address = described(client.user_agent or ""), client.address or "unknown address"
        return cls(session.id, name, address, session.created_at, session.last_seen_at, session.id == current)


def described(agent: str) -> str:
    browser = next((name for mark, name in BROWSERS if mark in agent), "Another program")
    system = next((name for mark, name in SYSTEMS if mark in agent), None)
    return f"{browser} on {system}" if system else browser
