#!/usr/bin/env python3
"""Runs the whole demo on loopback: Cloakroom, nginx and the application behind one origin, and
beside them the same application without a proxy, which checks passwords itself.

    make demo                       or: python3 examples/legacy-data-manager/demo.py
    make demo PORT=8080 DATA=/tmp/d   another port (the second is the next), another data directory
    make demo OWN_PORT=9000           another second port
    make demo RESET=1                 forget users and records, start afresh

Also read from the environment: CLOAKROOM_BIN (a built `cloakroom`; else cargo builds one) and
NGINX (an nginx binary). Needs Python 3.11 and nothing outside its standard library.
"""

import argparse
import contextlib
import ctypes
import fcntl
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from demo_files import APP_ID, cloakroom_config, nginx_config
from demo_needs import (
    HERE,
    ROOT,
    Trouble,
    application_python,
    command,
    find_nginx_and_venv,
    free_ports,
    refuse_port_in_use,
    say,
    server_binary,
    wanted_ports,
)
from demo_people import OWN_PEOPLE, PEOPLE, new_password, with_ids_and_passwords

CLIENT = ROOT / "clients" / "python" / "src"
SCOPES = ("sessions:read", "sessions:write", "sessions:end")
START_SECONDS = 30
STOP_SECONDS = 10


class Stopped(BaseException):
    """A signal asked us to stop."""


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--ready-file",
        type=Path,
        metavar="PATH",
        help="write addresses and passwords here, as JSON, once all is up",
    )
    ready_file = arguments.parse_args().ready_file
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_on_signal)
    demo = None
    try:
        if ready_file:
            ready_file.unlink(missing_ok=True)
        demo = Demo()
        demo.start()
        demo.announce(ready_file)
        demo.watch()
    except Stopped:
        say("\nStopping.")
        return 0
    except Trouble as trouble:
        print(f"\nmake demo: {trouble}", file=sys.stderr, flush=True)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if demo:
            demo.stop()


def stop_on_signal(_number, _frame):
    raise Stopped


# --- the demo as a whole -------------------------------------------------------------------


class Demo:
    """Where everything is, and the four processes."""

    def __init__(self):
        self.port, self.own_port = wanted_ports()
        self.url = f"http://localhost:{self.port}"
        self.own_url = f"http://localhost:{self.own_port}"
        self.data = Path(os.environ.get("DATA") or "cloakroom-demo-data").resolve()
        self.state, self.logs = self.data / "state", self.data / "logs"
        self.config = self.state / "cloakroom.toml"
        self.people_file = self.state / "people.json"
        self.children = []
        self.passwords = {}
        self.key_file = self.state / "api-key"
        self.first_run = True

    def start(self):
        refuse_port_in_use(self.port, "PORT")
        refuse_port_in_use(self.own_port, "OWN_PORT")
        self.lock_data()
        self.nginx = find_nginx_and_venv()
        self.python = application_python(self.data / "venv")
        self.cloakroom = server_binary()
        self.write_files()
        self.start_children()
        if self.first_run:
            self.make_people()

    def lock_data(self):
        """One demo per data directory; and only a directory of ours is ever emptied."""
        marker = self.data / ".cloakroom-demo"
        if self.data.is_dir() and any(self.data.iterdir()) and not marker.exists():
            raise Trouble(f"{self.data} is not empty and not a demo's. Choose another: make demo DATA=…")
        try:
            self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.lock = marker.open("w")
        except OSError as fault:
            raise Trouble(
                f"cannot write in {self.data}: {fault.strerror}. Choose another: make demo DATA=…"
            ) from fault
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(f"a demo is already running with {self.data}.") from None
        if os.environ.get("RESET", "") not in ("", "0"):
            shutil.rmtree(self.state, ignore_errors=True)
            say("Starting afresh: the users and records of earlier runs are gone.")
        elif self.state.exists() and not self.people_file.exists():
            shutil.rmtree(self.state)
            say("An earlier first run did not get to its end: starting afresh.")
        self.first_run = not self.people_file.exists()
        for folder in (self.state, self.state / "nginx", self.logs):
            folder.mkdir(exist_ok=True)

    def write_files(self):
        self.server_port, self.app_port = free_ports(2)
        self.server_url = f"http://127.0.0.1:{self.server_port}"
        self.app_url = f"http://127.0.0.1:{self.app_port}"
        self.config.write_text(cloakroom_config(self))
        (self.state / "nginx.conf").write_text(nginx_config(self))

    def start_children(self):
        self.run("cloakroom", [self.cloakroom, "serve", "--config", self.config])
        self.wait("cloakroom", lambda: self.status(self.server_port, "/healthz") == 200)
        self.run_application("application", "ldm.app", self.app_port, self.app_environment())
        self.run_application("own sign-in", "ldm.app_v1", self.own_port, self.own_environment())
        self.run(
            "nginx",
            [
                self.nginx,
                "-p",
                self.state / "nginx",
                "-c",
                self.state / "nginx.conf",
                "-e",
                self.logs / "nginx-error.log",
            ],
        )
        self.wait("application", lambda: self.status(self.app_port, "/healthz") == 200)
        self.wait("own sign-in", lambda: self.status(self.own_port, "/healthz") == 200)
        self.wait("nginx", lambda: self.status(self.port, "/", accept="text/html") == 302)

    def run_application(self, name, module, port, environment):
        server = [self.python, "-m", "uvicorn", f"{module}:app", "--app-dir", HERE]
        where = ["--host", "127.0.0.1", "--port", str(port)]
        quiet = ["--no-server-header", "--timeout-graceful-shutdown", "5"]
        self.run(name, [*server, *where, *quiet], env=environment)

    def app_environment(self):
        """Of the application behind the proxy."""
        return os.environ | {
            "CLOAKROOM_URL": self.server_url,
            "CLOAKROOM_ISSUER": self.url,
            "CLOAKROOM_APP": APP_ID,
            "LDM_ORIGIN": self.url,
            "LDM_DATABASE": str(self.state / "records.db"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def own_environment(self):
        """Of the application without one."""
        return os.environ | {
            "CLOAKROOM_URL": self.server_url,
            "CLOAKROOM_API_KEY": self.api_key(),
            "LDM_ORIGIN": self.own_url,
            "LDM_DATABASE": str(self.state / "own.db"),
            "PYTHONPATH": str(CLIENT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def api_key(self):
        """The application's key, made at the first start; Cloakroom itself keeps its digest only."""
        if not self.key_file.exists():
            scopes = [part for scope in SCOPES for part in ("--scope", scope)]
            name = f"legacy-data-manager-{time.time_ns()}"
            out = self.cloakroom_command("api-key", "add", name, *scopes, "--json")
            write_private(self.key_file, json.loads(out)["key"])
        return self.key_file.read_text()

    def cloakroom_command(self, *arguments):
        return command([self.cloakroom, "--config", self.config, *arguments], f"cloakroom {arguments[0]}")

    def make_people(self):
        """Alice and bob: added by the command, password set over their one-time link, records
        put into the application's database. Carol and dave: rows of the application's own."""
        known = [self.add_person(person) for person in PEOPLE]
        seeds = [k | {"records": p["records"]} for k, p in zip(known, PEOPLE, strict=True)]
        self.seed(seeds, self.app_environment())
        own = with_ids_and_passwords(OWN_PEOPLE)
        self.passwords |= {person["name"]: person["password"] for person in own}
        self.seed(own, self.own_environment())
        self.people_file.write_text(json.dumps(known))

    def seed(self, people, environment):
        argv = [self.python, "-m", "ldm.seed"]
        command(argv, "adding sample records", cwd=HERE, env=environment, input=json.dumps(people))

    def add_person(self, person):
        name = person["name"]
        added = json.loads(self.cloakroom_command("user", "add", name, *person["options"], "--json"))
        self.passwords[name] = new_password()
        self.redeem(name, added["link"])
        return {"id": added["id"], "name": name}

    def redeem(self, name, link):
        """What a person does with a one-time link in a browser."""
        address = urllib.parse.urlsplit(link)
        password = self.passwords[name]
        form = {"code": address.fragment, "password": password, "repeat": password}
        status = self.status(self.port, address.path, form=form)
        if status not in (200, 302, 303):
            raise Trouble(f"the password link of {name} was refused ({status}).\n{self.tail('cloakroom')}")

    def announce(self, ready_file):
        say()
        say(f"  Behind nginx, Cloakroom's users:        {self.url}")
        self.announce_people(PEOPLE)
        say(f"  Without a proxy, its own users (/v1):   {self.own_url}")
        self.announce_people(OWN_PEOPLE)
        if not self.first_run:
            say("    Lost the passwords? Start with: make demo RESET=1")
        say(things_to_try(self.url, self.own_url))
        say(f"  Data and logs: {self.data}   Ctrl-C stops everything.")
        if ready_file:
            self.write_ready_file(ready_file)

    def announce_people(self, people):
        for person in people:
            shown = self.passwords.get(person["name"], "kept from the first run")
            role = "  (administrator)" if "--admin" in person.get("options", ()) else ""
            say(f"    {person['name']:<8}{shown}{role}")
        say()

    def write_ready_file(self, path):
        users = {person["name"]: self.passwords.get(person["name"]) for person in PEOPLE + OWN_PEOPLE}
        ready = {
            "url": self.url,
            "own": self.own_url,
            "users": users,
            "cloakroom": self.server_url,
            "app": self.app_url,
            "config": str(self.config),
            "data": str(self.data),
        }
        write_private(path, json.dumps(ready))

    # --- its processes ---

    def run(self, name, argv, env=None):
        with self.log(name).open("ab") as log:
            log.write(f"--- {time.strftime('%F %T')} ---\n".encode())
            log.flush()
            try:
                child = subprocess.Popen(
                    [str(a) for a in argv],
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=end_with_parent,
                )
            except OSError as fault:
                raise Trouble(f"cannot start {name}, {argv[0]}: {fault.strerror}") from fault
        self.children.append((name, child))

    def wait(self, name, ready):
        """Until it is ready, or cannot become so."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            self.fail_if_one_died()
            if time.monotonic() > deadline:
                raise Trouble(f"{name} was not ready after {START_SECONDS} s.\n{self.tail(name)}")
            time.sleep(0.05)

    def watch(self):
        while True:
            self.fail_if_one_died()
            time.sleep(0.25)

    def fail_if_one_died(self):
        for name, child in self.children:
            if child.poll() is not None:
                raise Trouble(
                    f"{name} ended by itself (status {child.returncode}); stopping the others.\n{self.tail(name)}"
                )

    def stop(self):
        """In the order of the way in, so that no request finds its next step gone."""
        for name in ("nginx", "application", "own sign-in", "cloakroom"):
            for child in [child for known, child in self.children if known == name]:
                signal_group(child, signal.SIGTERM)
                try:
                    child.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    signal_group(child, signal.SIGKILL)
                    child.wait()

    def status(self, port, path, **how):
        return status_of(port, path, self.url, **how)

    def log(self, name):
        return self.logs / f"{name}.log"

    def tail(self, name, lines=15):
        paths = [self.log(name)] + ([self.logs / "nginx-error.log"] if name == "nginx" else [])
        shown = []
        for path in paths:
            if path.exists():
                shown += [f"--- {path}", *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join(shown)


def things_to_try(url, own_url):
    return f"""  Four things to try:
    1. Sign in as alice at the first, and in a private window. Open "Your devices" in one, end the
       other: its next click asks for the password again.
    2. Sign in as bob in the private window: he sees his own records, not hers. As alice open
       {url}/cloakroom/admin and end his session.
    3. Pretend to be alice: curl -i -H 'Remote-User: alice' {url}/api/whoami
       The answer is 401: who you are comes from a signed header nobody else can make.
    4. Sign in as carol at {own_url}, where no proxy is. Alice sees that session
       at {url}/cloakroom/admin too, and ends it there.
"""


# --- small tools ---------------------------------------------------------------------------


def write_private(path, text):
    """A file that only its owner can read, there with all of its text or not at all."""
    partial = path.with_name(path.name + ".partial")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)


def status_of(port, path, origin, accept="*/*", form=None):
    """The status of one request on loopback, as a page of `origin` would make it; redirects are
    not followed. None: no answer."""
    host = urllib.parse.urlsplit(origin).netloc
    headers = {"Host": host, "Accept": accept, "User-Agent": "cloakroom-demo"}
    body = None
    if form is not None:
        body = urllib.parse.urlencode(form)
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET" if form is None else "POST", path, body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def end_with_parent():
    """Asks Linux to end this child when the demo dies without having stopped it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def signal_group(child, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main())
