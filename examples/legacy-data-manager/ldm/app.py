"""Pages and JSON API. There is no session, cookie or password code here: every request says
who it is by a signed header, which `ldm.identity` checks."""

import os
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, StringConstraints
from sqlalchemy.orm import Session

from .identity import HEADER, Identity, KeysUnavailable, NotSignedIn, Verifier
from .tables import Record, WebUser, open_database, row_of

HERE = Path(__file__).parent
ORIGIN = os.environ["LDM_ORIGIN"].rstrip("/")  # as browsers see this application
VERIFIER = Verifier(
    jwks_url=os.environ["CLOAKROOM_URL"].rstrip("/") + "/.well-known/jwks.json",
    issuer=os.environ["CLOAKROOM_ISSUER"],
    application=os.environ.get("CLOAKROOM_APP", "ldm"),
)
open_session = open_database(os.environ["LDM_DATABASE"])
app = FastAPI(title="Legacy Data Manager", docs_url=None, redoc_url=None, openapi_url=None)
app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
templates = Jinja2Templates(directory=HERE / "templates")

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


def identity(request: Request) -> Identity:
    return VERIFIER.verify(request.headers.get(HEADER))


def database():
    with open_session() as session:
        yield session


Who = Annotated[Identity, Depends(identity)]
Database = Annotated[Session, Depends(database)]


def current_user(who: Who, database: Database) -> WebUser:
    return row_of(database, who)


User = Annotated[WebUser, Depends(current_user)]


@app.middleware("http")
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


@app.exception_handler(NotSignedIn)
def not_signed_in(_request: Request, _reason: NotSignedIn):
    detail = f"This application is reached through its proxy, which sends {HEADER}."
    return problem(401, "Not signed in", "not_signed_in", detail=detail)


@app.exception_handler(KeysUnavailable)
def keys_unavailable(_request: Request, _fault: KeysUnavailable):
    answer = problem(503, "Cannot check who you are just now", "keys_unavailable")
    answer.headers["Retry-After"] = "2"
    return answer


@app.exception_handler(NotFound)
def not_found(_request: Request, _reason: NotFound):
    return problem(404, "You have no such record", "not_found")


@app.exception_handler(RequestValidationError)
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


@app.get("/", response_class=HTMLResponse)
def index(request: Request, who: Who, user: User, database: Database):
    page = {"who": who, "user": user, "records": records_of(database, user)}
    return templates.TemplateResponse(request, "records.html", page)


@app.get("/records/{record_id}", response_class=HTMLResponse)
def edit_page(request: Request, who: Who, record: OwnRecord):
    return templates.TemplateResponse(request, "edit.html", {"who": who, "record": record})


@app.post("/records")
def add(user: User, database: Database, title: Annotated[Title, Form()], note: Annotated[Note, Form()] = ""):
    database.add(Record(owner_id=user.id, title=title, note=note))
    database.commit()
    return RedirectResponse("/", 303)


@app.post("/records/{record_id}")
def change(
    record: OwnRecord, database: Database, title: Annotated[Title, Form()], note: Annotated[Note, Form()] = ""
):
    record.title, record.note = title, note
    database.commit()
    return RedirectResponse("/", 303)


@app.post("/records/{record_id}/delete")
def delete(record: OwnRecord, database: Database):
    database.delete(record)
    database.commit()
    return RedirectResponse("/", 303)


# --- JSON ----------------------------------------------------------------------------------


def as_json(record: Record) -> dict:
    created = record.created.isoformat() + "Z"
    return {"id": record.id, "title": record.title, "note": record.note, "created": created}


@app.get("/api/records")
def list_records(user: User, database: Database):
    return {"records": [as_json(record) for record in records_of(database, user)]}


@app.post("/api/records", status_code=201)
def create_record(new: RecordIn, user: User, database: Database):
    record = Record(owner_id=user.id, title=new.title, note=new.note)
    database.add(record)
    database.commit()
    return as_json(record)


@app.get("/api/whoami")
def whoami(request: Request, who: Who, user: User):
    """Everything that arrived here, so that you can see what the proxy lets through."""
    shown = [[k, "(verified)" if k == HEADER.lower() else v] for k, v in request.headers.items()]
    return {"identity": who, "web_user": user.id, "headers": shown}


@app.get("/healthz")
def healthz():
    return {"status": "ok"}
