"""The application's own passwords, for the mode without a proxy: Werkzeug's hashes."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, Session, mapped_column
from werkzeug.security import check_password_hash, generate_password_hash

from .tables import Base, WebUser

NOBODYS = generate_password_hash("nobody's")  # so that unknown names take as long as known ones


class Password(Base):
    __tablename__ = "web_passwords"
    user_id: Mapped[int] = mapped_column(ForeignKey("web_users.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(256))


def set_password(database: Session, user: WebUser, password: str) -> None:
    database.merge(Password(user_id=user.id, hash=generate_password_hash(password)))


def user_called(database: Session, name: str) -> WebUser | None:
    return database.query(WebUser).filter_by(username=name.strip().lower()).one_or_none()


def password_is_right(database: Session, user: WebUser | None, password: str) -> bool:
    known = user and database.get(Password, user.id)
    return check_password_hash(known.hash if known else NOBODYS, password) and known is not None
