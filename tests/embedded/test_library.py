"""What the extension shows to the loader, and what it asks of it."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from pocket import _pocket

LIBRARY = Path(_pocket.__file__ or "")
WHEELS = Path(__file__).resolve().parents[2] / "build" / "wheels"


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


def test_the_wheel_serves_a_fresh_environment(tmp_path: Path) -> None:
    wheels = sorted(WHEELS.glob("pocket-*.whl"))
    if not wheels:
        pytest.skip("no wheel in build/wheels: `make build` makes it")
    venv.create(tmp_path, with_pip=True)
    python = str(tmp_path / "bin" / "python")
    output(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheels[-1]))
    code = "import freeswitch, pocket; print(pocket.Switch().open().api('echo yes'))"
    assert output(python, "-c", code) == "yes\n"
    assert sys.version_info[:2] == tuple(
        map(int, output(python, "-c", "import sys; print(*sys.version_info[:2])").split())
    )
