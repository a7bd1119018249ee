"""The commands of the Makefile that need no switch: finding one, the ABI check, installing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import abi
import install
import switches

ROOT = Path(__file__).resolve().parent.parent

PC = """prefix={0}
exec_prefix=${{prefix}}
bindir=${{exec_prefix}}/bin
includedir={0}/include/freeswitch
modulesdir={0}/lib/freeswitch/mod
confdir={0}/etc/freeswitch
scriptdir={0}/share/freeswitch/scripts

Name: freeswitch
"""


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A prefix with something that says it is FreeSWITCH 1.10.99."""
    program = tmp_path / "switch" / "bin" / "freeswitch"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 'FreeSWITCH version: 1.10.99-release~64bit ( 64bit)'\n")
    program.chmod(0o755)
    return tmp_path / "switch"


def describe(prefix: Path) -> None:
    """Add the file that pkg-config reads."""
    folder = prefix / "lib" / "pkgconfig"
    folder.mkdir(parents=True)
    (folder / "freeswitch.pc").write_text(PC.format(prefix))


def test_finds_what_the_variable_names(prefix: Path) -> None:
    describe(prefix)
    (found,) = switches.find({"FREESWITCH_PREFIX": str(prefix)})
    assert (found.version, found.name) == ("1.10.99", "freeswitch-1.10.99")
    assert found.binary == prefix / "bin" / "freeswitch"
    assert found.module_dir == prefix / "lib" / "freeswitch" / "mod"
    assert not found.has_headers


def test_finds_several(prefix: Path) -> None:
    assert len(switches.find({"FREESWITCH_PREFIX": f"{prefix}:{prefix}"})) == 2


def test_guesses_the_flat_layout(prefix: Path) -> None:
    (prefix / "mod").mkdir()
    (prefix / "mod" / "mod_commands.so").touch()
    found = switches.at_prefix(prefix)
    assert found
    assert (found.module_dir, found.conf_dir) == (prefix / "mod", prefix / "conf")


def test_a_named_prefix_that_is_empty_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(switches.SwitchError, match="FREESWITCH_PREFIX"):
        switches.find({"FREESWITCH_PREFIX": str(tmp_path)})


def test_none_can_be_asked_for() -> None:
    assert switches.find({"FREESWITCH_PREFIX": "none"}) == []


def test_the_slice_is_read_wholly() -> None:
    facts = abi.Slice((ROOT / "bindings" / "src" / "api.rs").read_text(), abi.headers("*.h"))
    assert any("sizeof(switch_stream_handle_t) == 80" in line for line in facts.layouts())
    assert any("offsetof(switch_event_t, body) == " in line for line in facts.fields())
    assert any("SWITCH_STATUS_SUCCESS == 0" in line for line in facts.constants())
    assert any("SWITCH_LOG_DISABLE == -1" in line for line in facts.constants())


def test_a_wrong_offset_is_found() -> None:
    found = [switch for switch in switches.find() if switch.has_headers]
    if not found:
        pytest.skip("no FreeSWITCH headers")
    rust = (ROOT / "bindings" / "src" / "api.rs").read_text()
    wrong = rust.replace("offset_of!(switch_event, body) - 40usize", "offset_of!(switch_event, body) - 48usize")
    assert wrong != rust
    with pytest.raises(switches.SwitchError, match=r"switch_event\.body"):
        abi.check(found[0], wrong)


def run_install(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `make install`'s script."""
    command = [sys.executable, str(ROOT / "tools" / "install.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_installs_and_overwrites_no_configuration(prefix: Path, tmp_path: Path) -> None:
    if not install.MODULE.exists():
        pytest.skip("mod_rust.so is not built")
    describe(prefix)
    root = tmp_path / "package"
    answer = run_install(f"--prefix={prefix}", f"--destdir={root}")
    assert answer.returncode == 0, answer.stderr
    base = Path(str(root) + str(prefix))
    assert (base / "lib/freeswitch/mod/mod_rust.so").read_bytes() == install.MODULE.read_bytes()
    assert (base / "share/freeswitch/scripts/mod_fstest/python_example.py").exists()
    conf = base / "etc/freeswitch/autoload_configs/python.conf.xml"
    conf.write_text("<mine/>")
    (base / "lib/freeswitch/mod/mod_rust.so").write_bytes(b"old")

    answer = run_install(f"--prefix={prefix}", f"--destdir={root}")
    assert conf.read_text() == "<mine/>"
    assert f"{conf}: kept" in answer.stdout
    assert (base / "lib/freeswitch/mod/mod_rust.so").read_bytes() == install.MODULE.read_bytes()
    assert not list(prefix.rglob("*.xml")), "DESTDIR was not honoured"
