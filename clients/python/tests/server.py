"""The real server, in a directory and on a port of its own."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import httpx

START_SECONDS = 20
ALL_SCOPES = ("sessions:read", "sessions:write", "sessions:end", "users:read", "users:write")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition, seconds=START_SECONDS):
    """Waits on a condition; fails with its name."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


class Server:
    def __init__(self, binary: str, folder: Path, uds: str | None = None) -> None:
        self._binary, self.folder, self.port = binary, folder, free_port()
        self.url, self.uds = f"http://localhost:{self.port}", uds
        self._config = folder / "cloakroom.toml"
        settings = {
            "listen": f"unix:{uds}" if uds else f"127.0.0.1:{self.port}",
            "public_url": self.url,
            "data": str(folder / "data"),
        }
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        self._config.write_text("".join(lines))
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("CLOAKROOM_")}
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            argv = [self._binary, "serve", "--config", self._config]
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, env=self._environment)
        wait_until("the server is ready", self._is_ready)

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log()
        try:
            with httpx.Client(transport=httpx.HTTPTransport(uds=self.uds), trust_env=False) as client:
                return client.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> None:
        self._process.send_signal(number)
        self._process.wait(START_SECONDS)

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def command(self, *arguments: str) -> str:
        argv = [self._binary, "--config", self._config, *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, env=self._environment, timeout=20)
        assert done.returncode == 0, f"{arguments}: {done.stderr}{done.stdout}"
        return done.stdout

    def api_key(self, name: str = "tests", scopes=ALL_SCOPES) -> str:
        wanted = [part for scope in scopes for part in ("--scope", scope)]
        return json.loads(self.command("api-key", "add", name, *wanted, "--json"))["key"]

    def make_renewals_due(self) -> None:
        """Ages every credential by two hours, which no clock of the test's can do."""
        self.age_renewals(7200)

    def age_renewals(self, seconds: int) -> None:
        """As if every credential had come into force so much earlier."""
        with closing(sqlite3.connect(self.folder / "data" / "cloakroom.db", timeout=10)) as database:
            database.execute(
                "UPDATE cloakroom_session SET renewal_since = renewal_since - ?", (seconds * 1000,)
            )
            database.commit()
