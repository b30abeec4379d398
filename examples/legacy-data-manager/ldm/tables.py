"""The application's own data. `web_users` has a row for everyone who was ever here."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import ForeignKey, Index, String, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from .identity import Identity

SEEN_EVERY = timedelta(minutes=1)


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


class Base(DeclarativeBase):
    pass


class WebUser(Base):
    __tablename__ = "web_users"
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), unique=True)
    username: Mapped[str] = mapped_column(String(128))
    display_name: Mapped[str] = mapped_column(String(256))
    first_seen: Mapped[datetime] = mapped_column(default=now)
    last_seen: Mapped[datetime] = mapped_column(default=now)


class Record(Base):
    __tablename__ = "records"
    __table_args__ = (Index("records_by_owner", "owner_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("web_users.id"))
    title: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(String(2000), default="")
    created: Mapped[datetime] = mapped_column(default=now)


def open_database(where: str) -> sessionmaker[Session]:
    """Opens the SQLite file at a path, or the database at an address such as
    `postgresql+psycopg://user@host/name`, making what is missing."""
    engine = create_engine(where if "://" in where else f"sqlite:///{where}")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", configure)
    Base.metadata.create_all(engine)
    return sessionmaker(engine, expire_on_commit=False)


def configure(connection, _record):
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA foreign_keys = ON")


def row_of(database: Session, who: Identity) -> WebUser:
    """The user's row, made at the first visit and brought up to date at most once a minute."""
    row = database.query(WebUser).filter_by(subject=who.subject).one_or_none()
    if row and (row.username, row.display_name) == (who.name, who.display_name):
        if now() - row.last_seen < SEEN_EVERY:
            return row
    insert = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[database.get_bind().dialect.name]
    seen = {"username": who.name, "display_name": who.display_name, "last_seen": now()}
    database.execute(
        insert(WebUser)
        .values(subject=who.subject, first_seen=now(), **seen)
        .on_conflict_do_update(index_elements=[WebUser.subject], set_=seen)
    )
    database.commit()
    return database.query(WebUser).filter_by(subject=who.subject).one()
