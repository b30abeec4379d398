"""FastAPI under a real uvicorn: what the README shows, and every dependency."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from browser import Browser
from server import free_port, wait_until

HERE = Path(__file__).parent
README = (HERE.parent / "README.md").read_text()
BLOCKS = re.findall(r"<!-- example: run by tests/test_fastapi.py -->\n```python\n(.*?)```", README, re.DOTALL)

pytestmark = pytest.mark.anyio


class Uvicorn:
    """An application of `folder` in a process of its own."""

    def __init__(self, folder, module, environment):
        self.url = f"http://localhost:{(port := free_port())}"
        argv = [sys.executable, "-m", "uvicorn", f"{module}:app", "--app-dir", str(folder)]
        argv += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
        self._process = subprocess.Popen(argv, env=environment, cwd=folder)

    def __enter__(self):
        wait_until("uvicorn answers", self._answers)
        return self.url

    def _answers(self):
        assert self._process.poll() is None, "uvicorn ended"
        try:
            return httpx.get(self.url, trust_env=False).status_code > 0
        except httpx.TransportError:
            return False

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def environment(server, key):
    source = str(HERE.parent / "src")
    return os.environ | {
        "CLOAKROOM_URL": server.url,
        "CLOAKROOM_API_KEY": key,
        "PYTHONPATH": source,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


async def test_the_quick_start_of_the_readme_works_when_copied(tmp_path, environment):
    (tmp_path / "app.py").write_text(BLOCKS[0])
    with Uvicorn(tmp_path, "app", environment) as url:
        async with Browser(base_url=url) as browser, Browser(base_url=url) as stranger:
            assert (await browser.get("/")).status_code == 401
            assert "<form" in (await browser.get("/login")).text
            wrong = {"name": "ada", "password": "guess"}
            assert (await browser.post("/login", data=wrong)).status_code == 401
            right = {"name": "ada", "password": "correct horse"}
            assert (await browser.post("/login", data=right)).status_code == 303
            assert (await browser.get("/")).json() == "Hello ada!"
            stranger.cookies = dict(browser.cookies)
            assert (await browser.post("/logout")).status_code == 303
            assert (await stranger.get("/")).status_code == 401


def test_the_example_without_a_framework_works_when_copied(environment, server):
    code = BLOCKS[1].replace("http://localhost:7070", server.url)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


DEPENDENCIES = """
import os
from typing import Annotated

from cloakroom_client import AsyncCloakroom, Session, User
from cloakroom_client.asgi import SessionMiddleware
from cloakroom_client.fastapi import (
    LoginRequired, OptionalUser, RequestSession, recent_login, request_session, require_group,
)
from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.responses import RedirectResponse

app = FastAPI()
client = AsyncCloakroom(os.environ["CLOAKROOM_URL"], os.environ["CLOAKROOM_API_KEY"])
app.add_middleware(SessionMiddleware, client=client, cookie="__Host-own")


@app.get("/maybe")
def maybe(user: OptionalUser) -> str | None:
    return user and user.name


@app.get("/staff")
def staff(user: Annotated[User, Depends(require_group("staff", "boss"))]) -> str:
    return user.id


@app.get("/page", dependencies=[Depends(require_group("boss"))])
def page() -> str:
    return "for the boss"


@app.get("/recent")
def recent(session: Annotated[Session, Depends(recent_login(10))]) -> str:
    return session.id


@app.get("/old")
def old(session: Annotated[Session, Depends(recent_login(-1))]) -> str:
    return session.id


@app.get("/visits")
async def visits(session: Annotated[RequestSession, Depends(request_session)]) -> int:
    return await (await session.data()).update("visits", lambda n: (n or 0) + 1)


@app.post("/in")
async def log_in(request: Request) -> str:
    return (await request.state.session.log_in(User("u1", "Ada", ("staff",)))).id


@app.post("/breaks")
async def breaks(request: Request) -> None:
    await log_in(request)
    raise RuntimeError("after the login")
"""


async def test_every_dependency_lets_in_whom_it_should(tmp_path, environment):
    (tmp_path / "app.py").write_text(DEPENDENCIES)
    with Uvicorn(tmp_path, "app", environment) as url:
        async with Browser(base_url=url) as browser:
            assert (await browser.get("/maybe")).json() is None
            for path in ("/staff", "/page", "/recent"):
                assert (await browser.get(path)).status_code == 401, path
            session = (await browser.post("/in")).json()
            assert list(browser.cookies) == ["__Host-own"]
            assert (await browser.get("/maybe")).json() == "Ada"
            assert (await browser.get("/staff")).json() == "u1"
            assert (await browser.get("/page")).status_code == 403
            assert (await browser.get("/recent")).json() == session
            assert (await browser.get("/old")).status_code == 403
            assert [(await browser.get("/visits")).json() for _ in range(3)] == [1, 2, 3]


async def test_a_login_holds_when_its_handler_breaks(tmp_path, environment):
    (tmp_path / "app.py").write_text(DEPENDENCIES)
    with Uvicorn(tmp_path, "app", environment) as url:
        async with Browser(base_url=url) as browser, Browser(base_url=url) as again:
            answer = await browser.post("/breaks")
            assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
            # uvicorn closes the connection after an error.
            again.cookies = browser.cookies
            assert (await again.get("/maybe")).json() == "Ada"
