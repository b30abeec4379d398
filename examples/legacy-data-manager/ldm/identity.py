"""Who is making this request: reads and checks X-Cloakroom-Assertion.

This file is all an application needs, and it does not depend on FastAPI: copy it into yours.
"""

import json
import threading
import time
import urllib.request
from dataclasses import dataclass

import jwt

HEADER = "X-Cloakroom-Assertion"
REQUIRED = ["iss", "aud", "sub", "name", "sid", "iat", "exp"]
LEEWAY_SECONDS = 5


class NotSignedIn(Exception):
    """The request carries no assertion, or one that does not hold."""


class KeysUnavailable(Exception):
    """The keys could not be fetched: a fault, which says nothing about the user."""


@dataclass(frozen=True)
class Identity:
    """A verified user, as of this request."""

    subject: str  # the user's id: never changes, is never given to another
    name: str  # the log-in name: may change
    display_name: str
    email: str
    groups: tuple[str, ...]
    session: str  # public id of the session, good for logs
    authenticated_at: int  # Unix seconds

    @classmethod
    def from_claims(cls, claims: dict) -> "Identity":
        return cls(
            subject=claims["sub"],
            name=claims["name"],
            display_name=claims.get("display_name") or claims["name"],
            email=claims.get("email") or "",
            groups=tuple(claims.get("groups") or ()),
            session=claims["sid"],
            authenticated_at=int(claims.get("auth_time") or claims["iat"]),
        )


class KeySet:
    """Cloakroom's public keys by `kid`, fetched when needed.

    An unknown `kid` may be a new key, so it asks again, but at most once in `pause` seconds:
    invented ones cost no requests. After `lifetime` seconds the set is fetched anew, so that a
    retired key stops counting.
    """

    def __init__(self, url: str, pause: float = 5, lifetime: float = 300):
        self._url, self._pause, self._lifetime = url, pause, lifetime
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = threading.Lock()

    def key(self, kid: str) -> jwt.PyJWK:
        """The key called `kid`. Raises NotSignedIn for an unknown one, KeysUnavailable."""
        with self._lock:
            now = time.monotonic()
            expired = now - self._fetched_at > self._lifetime
            if (expired or kid not in self._keys) and now - self._tried_at >= self._pause:
                self._tried_at = now
                self._fetch()
                self._fetched_at, expired = now, False
            if expired:
                raise KeysUnavailable("the keys are too old and were asked for a moment ago")
            if kid not in self._keys:
                raise NotSignedIn("unknown key")
            return self._keys[kid]

    def _fetch(self) -> None:
        try:
            with urllib.request.urlopen(self._url, timeout=3) as answer:
                keys = json.load(answer)["keys"]
            self._keys = {k["kid"]: jwt.PyJWK(k, "ES256") for k in keys if k.get("kty") == "EC"}
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as fault:
            raise KeysUnavailable(f"cannot fetch {self._url}: {fault}") from fault


class Verifier:
    """Checks assertions made for one application by one Cloakroom."""

    def __init__(self, jwks_url: str, issuer: str, application: str):
        self._keys = KeySet(jwks_url)
        self._issuer, self._application = issuer, application

    def verify(self, assertion: str | None) -> Identity:
        """The user behind a header's value. Raises NotSignedIn, KeysUnavailable."""
        if not assertion:
            raise NotSignedIn("no assertion")
        try:
            header = jwt.get_unverified_header(assertion)
            if header.get("typ") != "cloakroom-identity+jwt" or header.get("alg") != "ES256":
                raise NotSignedIn("another kind of token")
            claims = jwt.decode(
                assertion,
                self._keys.key(str(header.get("kid"))),
                algorithms=["ES256"],
                issuer=self._issuer,
                audience=self._application,
                leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED, "strict_aud": True},
            )
            return Identity.from_claims(claims)
        except jwt.PyJWTError as reason:
            raise NotSignedIn(str(reason)) from reason
