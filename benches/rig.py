"""What the benchmarks share: the first FreeSWITCH found, and a switch in a folder that is gone afterwards."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import switches
from hosts.freeswitch import FreeSwitchHost
from hosts.manager import MODULE


def switch() -> switches.FreeSwitch:
    """The FreeSWITCH to measure on; ends the program if none was found."""
    found = switches.find()
    if not found:
        print(switches.NONE_FOUND)
        sys.exit(2)
    return found[0]


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mod_rust-") as name:
        yield Path(name)


@contextmanager
def running(*, module: str = "mod_rust", quiet: bool = True) -> Iterator[FreeSwitchHost]:
    """A switch with one of the modules that run scripts; a quiet one tells nobody of its events."""
    with folder() as own:
        environ: Mapping[str, str] = {"PYTHONPATH": str(own / "scripts")} if module == "mod_python3" else {}
        host = FreeSwitchHost(switch(), own, MODULE if module == "mod_rust" else None, environ=environ)
        try:
            if module == "mod_python3" and "+OK" not in host.api(f"load {module}"):
                raise SystemExit(f"{module} does not load:\n{host.log_text()[-2000:]}")
            if quiet:
                host.deafen()
                host.pool.api("fsctl loglevel err")
            yield host
        finally:
            host.abandon()


def number(position: int, default: int) -> int:
    """A number from the command line."""
    return int(sys.argv[position]) if len(sys.argv) > position else default
