"""Behind the proxy. There is no session, cookie or password code here: every request says who it
is by a signed header, which `ldm.identity` checks."""

import os

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from .identity import HEADER, Identity, KeysUnavailable, Verifier
from .pages import Mode, application, problem

VERIFIER = Verifier(
    jwks_url=os.environ["CLOAKROOM_URL"].rstrip("/") + "/.well-known/jwks.json",
    issuer=os.environ["CLOAKROOM_ISSUER"],
    application=os.environ.get("CLOAKROOM_APP", "ldm"),
)


async def identify(request: Request) -> Identity:
    # Fetching the keys may wait.
    return await run_in_threadpool(VERIFIER.verify, request.headers.get(HEADER))


def not_signed_in(_request: Request) -> Response:
    detail = f"This application is reached through its proxy, which sends {HEADER}."
    return problem(401, "Not signed in", "not_signed_in", detail=detail)


app = application(
    Mode(
        identify,
        not_signed_in,
        devices="/cloakroom/account",
        sign_out="/cloakroom/logout",
        explained="From a signed header that nginx got from Cloakroom for this request.",
        checked={HEADER.lower(): "verified"},
    )
)


@app.exception_handler(KeysUnavailable)
def keys_unavailable(_request: Request, _fault: KeysUnavailable):
    answer = problem(503, "Cannot check who you are just now", "keys_unavailable")
    answer.headers["Retry-After"] = "2"
    return answer
