"""The Debian package of `make deb`, installed into a Debian of its own with the FreeSWITCH found: it runs a call.

Needs root, debootstrap and Debian's mirror; the system lies in build/chroot from then on.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from freeswitch_pocket.real.esl import EslError, Pool
from hosts import settings
from hosts.manager import Spec
from hosts.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
SYSTEM = ROOT / "build" / "chroot"
SUITE, MIRROR = "bookworm", "http://deb.debian.org/debian"
MODULES = Path("usr/lib/freeswitch/mod")
PACKAGES = sorted((ROOT / "build" / "deb").glob("freeswitch-mod-rust_*.deb"))

pytestmark = [
    pytest.mark.freeswitch_only,
    pytest.mark.skipif(not PACKAGES, reason="no package: make deb PYO3_PYTHON=/usr/bin/python3"),
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("debootstrap"), reason="needs root and debootstrap"),
]

SCRIPT = """
import sys
def handler(session, args):
    session.answer()
    session.streamFile("tone_stream://%(100,0,440)")
    print("called by", session.getVariable("caller_id_number"), args)
def fsapi(session, stream, env, args):
    stream.write(sys.version.split()[0] + " " + sys.base_prefix)
"""
DIALPLAN = """<include>
<context name="default"><extension name="all"><condition field="destination_number" expression="^1$">
<action application="python" data="greets some text"/></condition></extension></context>
</include>
"""


def run(*command: str) -> str:
    """Run a command of the system; what it says."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture
def system() -> Iterator[Path]:
    """Give a Debian with Python's library, in which neither FreeSWITCH nor the module is installed."""
    if not (SYSTEM / "usr/bin/dpkg").exists():
        shutil.rmtree(SYSTEM, ignore_errors=True)
        run("debootstrap", "--variant=minbase", "--include=libpython3.11", SUITE, str(SYSTEM), MIRROR)
    yield SYSTEM
    run("chroot", str(SYSTEM), "dpkg", "--purge", "freeswitch-mod-rust", "libfreeswitch1")


def freeswitch_package(prefix: Path, version: str, system: Path, folder: Path) -> Path:
    """Make a package of the FreeSWITCH found, where it lies, with its modules where FreeSWITCH's packages have them."""
    tree = folder / "libfreeswitch1"
    names = [*settings.MODULES, "mod_lua"]
    files = [prefix / "bin/freeswitch", *prefix.glob("lib/libfreeswitch.so*")]
    modules = [prefix / "lib/freeswitch/mod" / f"{name}.so" for name in names]
    for file in files:
        (tree / file.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tree / file.relative_to("/"))
    (tree / MODULES).mkdir(parents=True)
    for file in modules:
        shutil.copy(file, tree / MODULES)
    needed = set(re.findall(r"=> (/\S+)", run("ldd", *map(str, [*files, *modules]))))
    for library in sorted(needed):
        if not (system / library.lstrip("/")).exists() and not (tree / library.lstrip("/")).exists():
            # Beside libfreeswitch: the folder that its rpath names.
            shutil.copy(library, tree / prefix.relative_to("/") / "lib")
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(
        f"Package: libfreeswitch1\nVersion: {version}\nArchitecture: amd64\nMaintainer: nobody <nobody@example.org>\n"
        "Description: FreeSWITCH as it was found on this machine\n"
    )
    package = folder / "libfreeswitch1.deb"
    run("dpkg-deb", "-Znone", "--build", "--root-owner-group", str(tree), str(package))
    return package


def test_it_runs_a_call_where_it_is_installed(spec: Spec, system: Path, tmp_path: Path) -> None:
    assert spec.switch
    prefix = spec.switch.binary.parents[1]
    version = spec.name.removeprefix("freeswitch-")
    inside = system / "srv/try"
    shutil.rmtree(inside, ignore_errors=True)
    for name in ("conf/dialplan", "conf/autoload_configs", "scripts", "log", "db", "run", "other"):
        (inside / name).mkdir(parents=True)
    for package in (freeswitch_package(prefix, version, system, tmp_path), PACKAGES[-1]):
        shutil.copy(package, inside)
    # Without FreeSWITCH the module's package asks for it.
    missing = subprocess.run(
        ["chroot", str(system), "dpkg", "--install", f"/srv/try/{PACKAGES[-1].name}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "freeswitch-mod-rust depends on libfreeswitch1 (>= 1.10.12)" in missing.stderr
    said = run("chroot", str(system), "sh", "-c", "dpkg --install /srv/try/*.deb")
    assert "Setting up freeswitch-mod-rust" in said
    assert run("chroot", str(system), "dpkg-query", "-W", "-f", "${db:Status-Status}", "freeswitch-mod-rust") == (
        "installed"
    )
    # No file of the administrator's is the package's.
    listed = run("chroot", str(system), "dpkg", "--listfiles", "freeswitch-mod-rust").split()
    assert "/usr/lib/freeswitch/mod/mod_rust.so" in listed
    assert not [path for path in listed if path.startswith("/etc")]
    shutil.copy(
        system / "usr/share/freeswitch/conf/mod_rust/autoload_configs/python.conf.xml", inside / "conf/autoload_configs"
    )
    (inside / "scripts/greets.py").write_text(SCRIPT)
    (inside / "conf/dialplan/all.xml").write_text(DIALPLAN)
    port, password = free_port(), secrets.token_hex(8)
    settings.write(inside / "conf", port, password, ("mod_rust",))
    folders = {"conf": "conf", "log": "log", "db": "db", "run": "run", "scripts": "scripts"}
    others = ("temp", "storage", "cache", "recordings", "sounds", "htdocs", "grammar", "certs")
    command = ["setpriv", "--pdeathsig", "KILL", "--", "chroot", str(system)]
    command += [str(spec.switch.binary), "-nf", "-nc", "-nonat", "-np", "-mod", f"/{MODULES}"]
    for kind, folder in {**folders, **dict.fromkeys(others, "other")}.items():
        command += [f"-{kind}", f"/srv/try/{folder}"]
    environ = {"LD_LIBRARY_PATH": str(prefix / "lib"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    with (tmp_path / "stdout").open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environ)
    try:
        with closing(Pool(port, password)) as pool:
            wait_ready(pool, process, inside, tmp_path / "stdout")
            assert pool.api("module_exists mod_rust") == "true"
            assert re.fullmatch(r"3\.11\.\d+ /usr", pool.api("python greets"))
            assert pool.api("originate {origination_caller_id_number=4711}loopback/1/default &park()").startswith("+OK")
            log = inside / "log/freeswitch.log"
            wait_until("the call's line", lambda: "called by 4711 some text" in log.read_text(errors="replace"))
            assert "MR0" not in log.read_text(errors="replace")
            pool.api("fsctl shutdown")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def wait_ready(pool: Pool, process: subprocess.Popen[bytes], inside: Path, out: Path) -> None:
    """Wait until the switch answers."""

    def is_ready() -> bool:
        assert process.poll() is None, out.read_text(errors="replace")[-3000:]
        with suppress(OSError, EslError):
            return "is ready" in pool.api("status")
        return False

    wait_until(f"the switch of {inside}", is_ready)


def wait_until(what: str, test: object) -> None:
    """Ask again until it holds."""
    deadline = time.monotonic() + 60
    assert callable(test)
    while not test():
        assert time.monotonic() < deadline, f"no sign of {what}"
        time.sleep(0.1)
