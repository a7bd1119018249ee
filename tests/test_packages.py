"""The Debian package: what `make deb` would put into it, and where."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]["metadata"]["deb"]
BUILT = "build/deb/mod_rust.so"


def test_all_that_the_package_has_is_there() -> None:
    places = {source: place for source, place, _ in PACKAGE["assets"]}
    assert places.pop(BUILT) == "usr/lib/freeswitch/mod/"
    for source in [*places, PACKAGE["license-file"][0], PACKAGE["changelog"]]:
        assert list(ROOT.glob(source)), source
    # The administrator's files are FreeSWITCH's packages' business.
    assert not [place for place in places.values() if place.startswith(("etc", "/"))]
    assert "libfreeswitch1 (>= 1.10.12)" in PACKAGE["depends"]


def test_its_version_is_the_module_s() -> None:
    version = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
    changelog = (ROOT / PACKAGE["changelog"]).read_text(encoding="utf-8")
    assert re.match(rf"freeswitch-mod-rust \({re.escape(version)}-1\) ", changelog)


@pytest.mark.skipif(sys.base_prefix == "/usr" or not shutil.which("bash"), reason="this is the system's Python")
def test_a_python_that_is_not_the_system_s_is_refused() -> None:
    done = subprocess.run(
        ["bash", str(ROOT / "tools" / "deb.sh")],
        env={"PYO3_PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "make deb PYO3_PYTHON=/usr/bin/python3" in done.stderr


def test_the_dockerfile_has_the_compiler_and_the_package() -> None:
    text = (ROOT / "packaging" / "Dockerfile").read_text(encoding="utf-8")
    rust = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["rust-version"]
    assert f"FROM rust:{rust}-bookworm AS package" in text
    assert re.search(r"^ARG IMAGE$(.|\n)*^FROM \$\{IMAGE\}$", text, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    needed = {source.split("/")[0] for source, _, _ in PACKAGE["assets"] if source != BUILT}
    assert not needed & set(ignored)


def test_a_release_has_the_module_the_wheels_and_the_package() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    for part in (
        "cp build/mod_rust.so",
        "cp build/wheels/*.whl",
        "make deb PYO3_PYTHON=/usr/bin/python3",
        "build/deb/*.deb",
    ):
        assert part in text
    assert "needs: [build, deb]" in text
