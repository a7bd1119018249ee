"""What the extension shows to the loader, and what it asks of it."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from pocket import _pocket

LIBRARY = Path(_pocket.__file__ or "")
ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / "build" / "wheels"
VERSION = re.findall(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[0]


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_nothing_is_exported_but_the_entry_point() -> None:
    defined = {line.split()[-1] for line in output("nm", "-D", "--defined-only", str(LIBRARY)).splitlines()}
    assert defined == {"PyInit__pocket"}


def test_nothing_of_the_switch_is_missing() -> None:
    """A function that mod_rust imports and pocket lacks would be looked for elsewhere, and not be found."""
    undefined = {line.split()[-1] for line in output("nm", "-D", "--undefined-only", str(LIBRARY)).splitlines()}
    assert not {name for name in undefined if re.match("switch_|SWITCH_", name)}


def test_libpython_is_the_programs_own() -> None:
    dynamic = output("readelf", "-d", str(LIBRARY))
    assert "libpython" not in dynamic
    assert "SYMBOLIC" in dynamic


@pytest.fixture(scope="module")
def wheel() -> Path:
    """The wheel that `make build` has made for the Python that runs."""
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    wheels = sorted(WHEELS.glob(f"freeswitch_pocket-*-{tag}-*.whl"))
    if not wheels:
        pytest.skip("no wheel in build/wheels: `make build` makes it")
    return wheels[-1]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it, and no Rust on its PATH; its folder."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)],
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    return folder


def run_in(environment: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(environment / "bin" / "python"), "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=environment,
        env={"PATH": "/usr/bin:/bin"},
    )


def test_the_wheel_serves_a_fresh_environment(installed: Path) -> None:
    code = "import freeswitch, pocket; print(pocket.Switch().open().api('echo yes'))"
    done = run_in(installed, code)
    assert (done.stdout, done.stderr, done.returncode) == ("yes\n", "", 0)
    code = (
        "import sys; from importlib.metadata import version; print(*sys.version_info[:2], version('freeswitch-pocket'))"
    )
    assert run_in(installed, code).stdout == f"{sys.version_info[0]} {sys.version_info[1]} {VERSION}\n"


def test_the_wheel_has_what_editors_look_for(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        stub = archive.read("_freeswitch-stubs/__init__.pyi").decode()
    assert {"freeswitch/py.typed", "freeswitch/__init__.pyi", "pocket/py.typed", "pocket/_pocket.pyi"} <= names
    assert "freeswitch/apps/__init__.py" in names
    assert "class SessionThread:" in stub


def test_another_projects_pocket_is_said_at_import(installed: Path) -> None:
    site = next(installed.glob("lib/python*/site-packages"))
    info = site / "pocket-0.3.6.dist-info"
    info.mkdir()
    try:
        done = run_in(installed, "import pocket; print(pocket.Switch)")
    finally:
        info.rmdir()
    assert done.returncode == 0
    assert "RuntimeWarning: pocket-0.3.6.dist-info" in done.stderr
    assert "pip uninstall pocket" in done.stderr
    assert run_in(installed, "import pocket").stderr == ""


def test_another_projects_pocket_in_place_of_ours_is_said(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "pocket.py").write_text("")
    done = run_in(installed, f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import freeswitch")
    assert done.returncode == 1
    assert f"`pocket` in {tmp_path}/pocket.py is another project's" in done.stderr


SLOW_END = """
import pathlib, sys, time
import pocket

class Slow:
    def __del__(self, sleep=time.sleep):
        sleep(0.6)

pathlib.Path("coroutine.py").write_text("async def handler(session, args): await session.answer()")
with pocket.Switch(scripts=".") as switch:
    print(switch.run("python", "coroutine").answered, flush=True)
slow = Slow()
"""


def test_a_program_that_ends_slowly_ends(tmp_path: Path) -> None:
    """No thread that looked after coroutines is left: CPython would end it in the middle of Rust's frames."""
    done = subprocess.run(
        [sys.executable, "-c", SLOW_END], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
