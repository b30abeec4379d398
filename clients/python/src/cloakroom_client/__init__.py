"""Sessions in Cloakroom, for applications that authenticate their users themselves.

`Cloakroom` is for threads, `AsyncCloakroom` for event loops; `cloakroom_client.asgi` holds the
middleware that keeps the session cookie, `cloakroom_client.fastapi` its dependencies.
"""

from ._client import AsyncCloakroom, AsyncData, Cloakroom, Data
from ._errors import (
    CloakroomError,
    Conflict,
    DataConflict,
    HeadersSent,
    KeyRefused,
    NotFound,
    NotLoggedIn,
    OutcomeUnknown,
    Problem,
    SessionEnded,
    Unavailable,
    UserDisabled,
)
from ._models import (
    Account,
    Client,
    Count,
    EndedSession,
    Entry,
    Invited,
    Issued,
    Page,
    Session,
    User,
    Verified,
)
from ._secrets import ApiKey, PasswordLink, Token

__all__ = [
    "Account",
    "ApiKey",
    "AsyncCloakroom",
    "AsyncData",
    "Client",
    "Cloakroom",
    "CloakroomError",
    "Conflict",
    "Count",
    "Data",
    "DataConflict",
    "EndedSession",
    "Entry",
    "HeadersSent",
    "Invited",
    "Issued",
    "KeyRefused",
    "NotFound",
    "NotLoggedIn",
    "OutcomeUnknown",
    "Page",
    "PasswordLink",
    "Problem",
    "Session",
    "SessionEnded",
    "Token",
    "Unavailable",
    "User",
    "UserDisabled",
    "Verified",
]
