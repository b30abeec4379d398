"""Pages and JSON API, the same in both modes. Who is asking is a question to the mode, which
`ldm.app` (behind the proxy) and `ldm.app_v1` (with a sign-in of its own) answer."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, StringConstraints
from sqlalchemy.orm import Session

from .identity import Identity, NotSignedIn
from .tables import Record, WebUser, open_database, row_of

HERE = Path(__file__).parent
ORIGIN = os.environ["LDM_ORIGIN"].rstrip("/")  # as browsers see this application
open_session = open_database(os.environ["LDM_DATABASE"])
templates = Jinja2Templates(directory=HERE / "templates")
router = APIRouter()

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class RecordIn(BaseModel):
    title: Title
    note: Note = ""


class NotFound(Exception):
    """There is no such record among the user's own."""


def problem(status: int, title: str, code: str, **more) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "code": code, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


# --- what every request goes through -------------------------------------------------------


@dataclass(frozen=True)
class Mode:
    """What differs between the ways in."""

    identify: Callable[[Request], Awaitable[Identity]]  # raises NotSignedIn
    not_signed_in: Callable[[Request], Response]
    devices: str  # addresses of the page and of the form's target
    sign_out: str
    explained: str  # how this page knows who you are
    checked: dict[str, str]  # headers that say it, never shown, with what was done to them


async def identity(request: Request) -> Identity:
    return await request.app.state.mode.identify(request)


def database():
    with open_session() as session:
        yield session


Who = Annotated[Identity, Depends(identity)]
Database = Annotated[Session, Depends(database)]


def current_user(who: Who, database: Database) -> WebUser:
    return row_of(database, who)


User = Annotated[WebUser, Depends(current_user)]


async def refuse_other_sites(request: Request, call_next):
    """A change must come from our own pages. Programs send neither header and may pass."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site not in (None, "same-origin", "none") or origin not in (None, ORIGIN):
            return problem(403, "This request came from another site", "cross_site")
    answer = await call_next(request)
    if not request.url.path.startswith("/static/"):
        answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return answer


def not_found(_request: Request, _reason: NotFound):
    return problem(404, "You have no such record", "not_found")


def not_valid(_request: Request, reason: RequestValidationError):
    fields = sorted({str(error["loc"][-1]) for error in reason.errors()})
    return problem(422, "A record needs a title of 1 to 120 characters", "invalid", fields=fields)


def own_record(record_id: int, user: User, database: Database) -> Record:
    record = database.get(Record, record_id)
    if record is None or record.owner_id != user.id:
        raise NotFound
    return record


OwnRecord = Annotated[Record, Depends(own_record)]


def records_of(database: Session, user: WebUser) -> list[Record]:
    return database.query(Record).filter_by(owner_id=user.id).order_by(Record.id.desc()).all()


# --- pages ---------------------------------------------------------------------------------


@router.get("/", response_class=HTMLResponse)
def index(request: Request, who: Who, user: User, database: Database):
    page = {"who": who, "user": user, "records": records_of(database, user)}
    return templates.TemplateResponse(request, "records.html", page)


@router.get("/records/{record_id}", response_class=HTMLResponse)
def edit_page(request: Request, who: Who, record: OwnRecord):
    return templates.TemplateResponse(request, "edit.html", {"who": who, "record": record})


@router.post("/records")
def add(user: User, database: Database, title: Annotated[Title, Form()], note: Annotated[Note, Form()] = ""):
    database.add(Record(owner_id=user.id, title=title, note=note))
    database.commit()
    return RedirectResponse("/", 303)


@router.post("/records/{record_id}")
def change(
    record: OwnRecord, database: Database, title: Annotated[Title, Form()], note: Annotated[Note, Form()] = ""
):
    record.title, record.note = title, note
    database.commit()
    return RedirectResponse("/", 303)


@router.post("/records/{record_id}/delete")
def delete(record: OwnRecord, database: Database):
    database.delete(record)
    database.commit()
    return RedirectResponse("/", 303)


# --- JSON ----------------------------------------------------------------------------------


def as_json(record: Record) -> dict:
    created = record.created.isoformat() + "Z"
    return {"id": record.id, "title": record.title, "note": record.note, "created": created}


@router.get("/api/records")
def list_records(user: User, database: Database):
    return {"records": [as_json(record) for record in records_of(database, user)]}


@router.post("/api/records", status_code=201)
def create_record(new: RecordIn, user: User, database: Database):
    record = Record(owner_id=user.id, title=new.title, note=new.note)
    database.add(record)
    database.commit()
    return as_json(record)


@router.get("/api/whoami")
def whoami(request: Request, who: Who, user: User):
    """Everything that arrived here, so that you can see what the proxy lets through."""
    checked = request.app.state.mode.checked
    shown = [[k, f"({checked[k]})" if k in checked else v] for k, v in request.headers.items()]
    return {"identity": who, "web_user": user.id, "headers": shown}


@router.get("/healthz")
def healthz():
    return {"status": "ok"}


# --- the application -----------------------------------------------------------------------


def application(mode: Mode, **options) -> FastAPI:
    app = FastAPI(title="Legacy Data Manager", docs_url=None, redoc_url=None, openapi_url=None, **options)
    app.state.mode = mode
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.include_router(router)
    app.middleware("http")(refuse_other_sites)
    app.exception_handler(NotSignedIn)(lambda request, _reason: mode.not_signed_in(request))
    app.exception_handler(NotFound)(not_found)
    app.exception_handler(RequestValidationError)(not_valid)
    return app
