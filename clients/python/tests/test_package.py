"""The package as others get it: typed, linted, built."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run(*arguments, cwd=ROOT):
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_hold_strictly_for_the_package_and_for_its_users(tmp_path):
    run("mypy", "--cache-dir", str(tmp_path), "src", "tests/typed_use.py")


def test_the_source_is_formatted_and_linted():
    run("ruff", "format", "--no-cache", "--check", ".")
    run("ruff", "check", "--no-cache", ".")


def test_the_wheel_holds_the_package_and_says_that_it_is_typed(tmp_path):
    build = f"from hatchling.build import build_wheel; build_wheel({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("cloakroom_client-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.name for path in (ROOT / "src" / "cloakroom_client").iterdir() if path.is_file()}
    assert {f"cloakroom_client/{name}" for name in modules} <= names
    assert "cloakroom_client/py.typed" in names
