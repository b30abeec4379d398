"""What the demo needs before it can start: a free port, nginx, Python packages, the server."""

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Trouble(Exception):
    """Something the user can act on: printed without a traceback."""


def say(text=""):
    print(text, flush=True)


def wanted_ports():
    """Of the origin behind nginx, and of the application without it."""
    first = wanted_port("PORT", 7080)
    return first, wanted_port("OWN_PORT", first % 65535 + 1)


def wanted_port(variable, default):
    text = os.environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise Trouble(f"{variable}={text} is not a port: choose 1 to 65535.")
    return int(text)


def refuse_port_in_use(port, variable):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise Trouble(
                f"you may not listen on port {port}. Choose a higher one: make demo {variable}=7081"
            ) from None
        except OSError as fault:
            other = (port + 9) % 65535 + 1
            raise Trouble(
                f"port {port} is in use ({fault.strerror}). Choose another: make demo {variable}={other}"
            ) from None


def free_ports(count):
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def find_nginx_and_venv():
    """The nginx binary, after installing what is missing where that is allowed."""
    missing = missing_packages()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"Installing {' and '.join(missing)} …")
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, stdout=subprocess.DEVNULL)
        subprocess.run(
            ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing],
            env=quiet,
            stdout=subprocess.DEVNULL,
        )
        if "nginx" in missing and Path("/run/systemd/system").exists():
            # The package starts a server of its own on port 80; nobody asked for that one.
            subprocess.run(["systemctl", "disable", "--now", "--quiet", "nginx"])
        missing = missing_packages()
    if missing:
        line = f"sudo apt-get install -y {' '.join(missing)}"
        raise Trouble(f"{' and '.join(missing)} missing. Install, then try again:\n\n    {line}")
    return nginx_binary()


def missing_packages():
    nginx = [] if nginx_binary() else ["nginx"]
    probe = [sys.executable, "-c", "import venv, ensurepip"]
    has_venv = subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0
    return nginx + ([] if has_venv else ["python3-venv"])


def nginx_binary():
    """Debian keeps it in /usr/sbin, which is not on everybody's PATH."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    return shutil.which(os.environ.get("NGINX") or "nginx", path=path)


def application_python(venv):
    """The Python of a virtual environment that holds the pinned packages."""
    pins = HERE / "requirements.txt"
    stamp, digest = venv / "installed", hashlib.sha256(pins.read_bytes()).hexdigest()
    python = venv / "bin" / "python"
    if stamp.exists() and stamp.read_text() == digest and python.exists():
        return python
    say("Installing the application's Python packages (once) …")
    shutil.rmtree(venv, ignore_errors=True)
    command([sys.executable, "-m", "venv", venv], "making a virtual environment")
    command(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pins],
        "installing the Python packages",
    )
    stamp.write_text(digest)
    return python


def server_binary():
    given = os.environ.get("CLOAKROOM_BIN")
    if given:
        if not os.access(given, os.X_OK):
            raise Trouble(f"CLOAKROOM_BIN={given} is not a program.")
        return Path(given).resolve()
    if not shutil.which("cargo"):
        raise Trouble("cargo is missing: install Rust, or set CLOAKROOM_BIN to a built cloakroom.")
    say("Building the server …")
    if subprocess.run(["cargo", "build", "-p", "cloakroom-server"], cwd=ROOT).returncode != 0:
        raise Trouble("the server did not build; cargo says why above.")
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "cloakroom"


def command(argv, doing, **options):
    """Runs a short command to its end and gives its output; its errors are shown when it fails."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Trouble(f"{doing} failed (status {done.returncode}).\n{(done.stderr or done.stdout).strip()}")
    return done.stdout
