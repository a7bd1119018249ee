"""Finds FreeSWITCH installations: for the pytest plugin, this project's own tests, `make abi` and `make install`.

Looked for, in this order; the first that finds one decides:

1. FREESWITCH_PREFIX: one installation prefix, or several separated by colons;
   the word `none` means that none is wanted;
2. `pkg-config freeswitch`;
3. `freeswitch` on PATH;
4. FreeSWITCH's own default prefix.

Standard library only: `make abi` and `make install` run it with no virtual environment, and pytest at its start.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PREFIX = "/usr/local/freeswitch"
NONE_FOUND = "no FreeSWITCH found: set FREESWITCH_PREFIX to its installation prefix (several: separated by colons)"


class SwitchError(Exception):
    """What was asked for by name is not there."""


@dataclass(frozen=True)
class FreeSwitch:
    """One installation: its program, and the folders that it was configured with."""

    prefix: Path
    binary: Path
    version: str
    include_dir: Path
    module_dir: Path
    conf_dir: Path
    script_dir: Path

    @property
    def name(self) -> str:
        """How the tests call it: `freeswitch-1.11.1`."""
        return f"freeswitch-{self.version}"

    @property
    def has_headers(self) -> bool:
        """Whether the development headers are installed, too."""
        return (self.include_dir / "switch.h").is_file()


def find(environ: dict[str, str] | None = None) -> list[FreeSwitch]:
    """The installations to use; empty if none was found.

    A prefix that the variable names and that holds no FreeSWITCH is an error:
    a test run must not quietly leave out what it was asked to test.
    """
    env = dict(os.environ) if environ is None else environ
    named = env.get("FREESWITCH_PREFIX", "").strip()
    if named == "none":
        return []
    if named:
        found = []
        for prefix in filter(None, named.split(":")):
            switch = at_prefix(Path(prefix))
            if switch is None:
                raise SwitchError(f"FREESWITCH_PREFIX: no FreeSWITCH program under {prefix}")
            found.append(switch)
        return found
    for switch in (_by_pkg_config(), _by_path(), at_prefix(Path(DEFAULT_PREFIX))):
        if switch is not None:
            return [switch]
    return []


def at_prefix(prefix: Path) -> FreeSwitch | None:
    """The installation under a prefix, or None."""
    for pattern in ("lib/pkgconfig/freeswitch.pc", "lib/*/pkgconfig/freeswitch.pc", "lib64/pkgconfig/freeswitch.pc"):
        for pc in sorted(prefix.glob(pattern)):
            switch = _described(_read_pc(pc))
            if switch is not None:
                return switch
    return _guessed(prefix, prefix / "bin" / "freeswitch")


def _by_pkg_config() -> FreeSwitch | None:
    if shutil.which("pkg-config") is None:
        return None
    answer = subprocess.run(
        ["pkg-config", "--variable=pcfiledir", "freeswitch"], capture_output=True, text=True, check=False
    )
    folder = answer.stdout.strip()
    return _described(_read_pc(Path(folder) / "freeswitch.pc")) if folder else None


def _by_path() -> FreeSwitch | None:
    program = shutil.which("freeswitch")
    if program is None:
        return None
    binary = Path(program).resolve()
    return at_prefix(binary.parent.parent) or _guessed(binary.parent.parent, binary)


def _read_pc(path: Path) -> dict[str, str]:
    """The variables of a pkg-config file, expanded.

    Read here and not by pkg-config, which may not be installed and does not
    look under a prefix of its own choosing.
    """
    variables: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and name.strip().isidentifier():
            variables[name.strip()] = re.sub(r"\$\{(\w+)\}", lambda match: variables.get(match[1], ""), value.strip())
    return variables


def _described(pc: dict[str, str]) -> FreeSwitch | None:
    try:
        binary = Path(pc["bindir"]) / "freeswitch"
        version = _version(binary)
        if version is None:
            return None
        return FreeSwitch(
            prefix=Path(pc["prefix"]),
            binary=binary,
            version=version,
            include_dir=Path(pc["includedir"]),
            module_dir=Path(pc["modulesdir"]),
            conf_dir=Path(pc["confdir"]),
            script_dir=Path(pc["scriptdir"]),
        )
    except KeyError:
        return None


def _guessed(prefix: Path, binary: Path) -> FreeSwitch | None:
    """An installation without a pkg-config file: one of the two layouts that its build knows."""
    version = _version(binary)
    if version is None:
        return None
    flat = (prefix / "mod" / "mod_commands.so").is_file()
    root = Path("/") if prefix == Path("/usr") else prefix
    return FreeSwitch(
        prefix=prefix,
        binary=binary,
        version=version,
        include_dir=prefix / "include" / "freeswitch",
        module_dir=prefix / "mod" if flat else prefix / "lib" / "freeswitch" / "mod",
        conf_dir=prefix / "conf" if flat else root / "etc" / "freeswitch",
        script_dir=prefix / "scripts" if flat else prefix / "share" / "freeswitch" / "scripts",
    )


def _version(binary: Path) -> str | None:
    if not binary.is_file():
        return None
    answer = subprocess.run([str(binary), "-version"], capture_output=True, text=True, check=False)
    match = re.search(r"version: (\d+\.\d+\.\d+)", answer.stdout)
    return match[1] if match else None


def main() -> int:
    """Say what was found: one line each."""
    try:
        found = find()
    except SwitchError as error:
        print(error, file=sys.stderr)
        return 1
    for switch in found:
        headers = "with headers" if switch.has_headers else "no headers"
        print(f"FreeSWITCH {switch.version} in {switch.prefix} ({headers})")
    if not found:
        print(NONE_FOUND)
    return 0
