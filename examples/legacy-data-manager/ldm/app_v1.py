"""Without a proxy: the application checks passwords itself and keeps sessions in Cloakroom, over
its `/v1`. The cookie, its renewal and the check of each request are the client's middleware."""

import os
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import urlencode

from cloakroom_client import AsyncCloakroom, Conflict, NotFound, SessionEnded, Unavailable, UserDisabled
from cloakroom_client import User as SessionUser
from cloakroom_client.asgi import SessionMiddleware
from cloakroom_client.fastapi import RequestSession, request_session
from fastapi import Depends, FastAPI, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from .accounts import password_is_right, user_called
from .devices import Device
from .identity import Identity, NotSignedIn
from .pages import Database, Mode, Who, application, open_session, problem, templates
from .tables import WebUser

CLOAKROOM = AsyncCloakroom(os.environ["CLOAKROOM_URL"], os.environ["CLOAKROOM_API_KEY"])
COOKIE = "__Host-ldm"
WRONG = "That name and password do not belong together."
NOT_NOW = "You cannot sign in just now. Try again in a moment."
OfRequest = Annotated[RequestSession, Depends(request_session)]


async def identify(request: Request) -> Identity:
    session = await request.state.session.current()
    known = session and session.user
    user = await run_in_threadpool(row_called, known.id) if known else None
    if user is None:
        raise NotSignedIn("no session")
    return Identity(
        subject=user.subject,
        name=user.username,
        display_name=user.display_name,
        email="",
        groups=known.groups,
        session=session.id,
        authenticated_at=int((session.authenticated_at or session.created_at).timestamp()),
    )


def row_called(subject: str) -> WebUser | None:
    with open_session() as database:
        return database.query(WebUser).filter_by(subject=subject).one_or_none()


def not_signed_in(request: Request) -> Response:
    if not is_page(request):
        return problem(401, "Not signed in", "not_signed_in")
    back = request.url.path if request.method == "GET" else "/"
    return RedirectResponse("/login?" + urlencode({"next": back}), 303)


def is_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def own_path(address: str) -> str:
    """Where to go after signing in: a path of this application's, whatever the form says."""
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_own else "/"


@asynccontextmanager
async def closing(_app: FastAPI):
    async with CLOAKROOM:
        yield


app = application(
    Mode(
        identify,
        not_signed_in,
        devices="/account",
        sign_out="/logout",
        explained="From a session that this application keeps in Cloakroom, checked for this request.",
        checked={"cookie": "looked at"},
    ),
    lifespan=closing,
)
app.add_middleware(SessionMiddleware, client=CLOAKROOM, cookie=COOKIE)


@app.exception_handler(Unavailable)
def unavailable(request: Request, _fault: Unavailable):
    retry = {"Retry-After": "2"}
    if is_page(request):
        return templates.TemplateResponse(request, "unavailable.html", status_code=503, headers=retry)
    answer = problem(503, "Cannot check who you are just now", "sessions_unavailable")
    answer.headers.update(retry)
    return answer


# --- signing in and out --------------------------------------------------------------------


def sign_in_page(request: Request, next: str, name: str = "", error: str = "", status: int = 200):
    page = {"next": own_path(next), "name": name, "error": error}
    return templates.TemplateResponse(request, "login.html", page, status_code=status)


@app.get("/login", response_class=HTMLResponse)
async def login_page(request: Request, session: OfRequest, next: str = "/"):
    if await session.current():
        return RedirectResponse(own_path(next), 303)
    return sign_in_page(request, next)


@app.post("/login", response_class=HTMLResponse)
async def sign_in(
    request: Request,
    session: OfRequest,
    database: Database,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    remember: Annotated[bool, Form()] = False,
    next: Annotated[str, Form()] = "/",
):
    user = await run_in_threadpool(user_called, database, name)
    # Read before the password is checked: "end all sessions" meanwhile refuses this login.
    epoch = await CLOAKROOM.epoch(user.subject if user else "nobody")
    if not await run_in_threadpool(password_is_right, database, user, password):
        return sign_in_page(request, next, name, WRONG, 401)
    who = SessionUser(user.subject, user.username)
    try:
        await session.log_in(who, remember=remember, as_of_epoch=epoch)
    except (Conflict, UserDisabled):
        return sign_in_page(request, next, name, NOT_NOW, 409)
    return RedirectResponse(own_path(next), 303)


@app.post("/logout")
async def sign_out(session: OfRequest):
    await session.log_out()
    return RedirectResponse("/login", 303)


# --- your devices --------------------------------------------------------------------------


@app.get("/account", response_class=HTMLResponse)
async def devices(request: Request, who: Who, ended: int | None = None):
    found = await CLOAKROOM.sessions(user=who.subject, limit=100)
    page = {"who": who, "ended": ended, "devices": [Device.of(each, who.session) for each in found]}
    return templates.TemplateResponse(request, "devices.html", page)


@app.post("/account/end")
async def end_one(who: Who, session_id: Annotated[str, Form()] = ""):
    try:
        other = await CLOAKROOM.session(session_id)
    except (NotFound, SessionEnded, ValueError):
        return RedirectResponse("/account?ended=0", 303)
    if other.user is None or other.user.id != who.subject:
        return problem(404, "You have no such session", "not_found")
    ended = await CLOAKROOM.end(other.id, by=who.name, reason="logout")
    return RedirectResponse(f"/account?ended={int(ended)}", 303)


@app.post("/account/end-others")
async def end_others(who: Who):
    ended = await CLOAKROOM.end_others(who.session)
    return RedirectResponse(f"/account?ended={ended}", 303)
