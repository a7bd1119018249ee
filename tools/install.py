"""Installs mod_rust for a FreeSWITCH (`make install`).

Nothing that is there and differs is overwritten, the module itself apart: a
configuration, a dialplan and a script belong to the administrator who edited them.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import switches

ROOT = Path(__file__).resolve().parent.parent
MODULE = ROOT / "build" / "mod_rust.so"


@dataclass(frozen=True)
class Places:
    """Where a FreeSWITCH looks for things."""

    modules: Path
    conf: Path
    scripts: Path


def places(prefix: str) -> Places:
    """The folders of the FreeSWITCH under a prefix, or of the one found; for a bare prefix, the default ones."""
    if prefix:
        switch = switches.at_prefix(Path(prefix))
        if switch is None:
            # Packages are made for a FreeSWITCH that is not on the machine that makes them.
            return Places(Path(prefix, "mod"), Path(prefix, "conf"), Path(prefix, "scripts"))
    else:
        found = switches.find()
        if len(found) != 1:
            names = ", ".join(str(switch.prefix) for switch in found)
            raise switches.SwitchError(f"several found ({names}): say PREFIX=" if found else switches.NONE_FOUND)
        switch = found[0]
    return Places(switch.module_dir, switch.conf_dir, switch.script_dir)


def put(source: Path, target: Path, mode: int, *, replace: bool = False) -> str:
    """Copy a file as a whole; what was done, for the log."""
    content = source.read_bytes()
    if target.exists() and not replace:
        return "is there already" if target.read_bytes() == content else "kept, though it differs from ours"
    target.parent.mkdir(parents=True, exist_ok=True)
    # A rename, so that a switch that has the old module mapped keeps it whole.
    fresh = target.with_name(f".{target.name}.new")
    fresh.write_bytes(content)
    fresh.chmod(mode)
    fresh.rename(target)
    return "installed"


def main() -> int:
    """Install, and print a line per file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--destdir", default="")
    arguments = parser.parse_args()
    if not MODULE.exists():
        print("install: build/mod_rust.so is missing: run `make build` first", file=sys.stderr)
        return 1
    try:
        to = places(arguments.prefix)
    except switches.SwitchError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    wanted = [(MODULE, to.modules / "mod_rust.so", 0o755)]
    wanted += [
        (ROOT / "conf" / "python.conf.xml", to.conf / "autoload_configs" / "python.conf.xml", 0o644),
        (
            ROOT / "examples" / "dialplan" / "python_test.xml",
            to.conf / "dialplan" / "default" / "python_test.xml",
            0o644,
        ),
    ]
    wanted += [
        (script, to.scripts / script.relative_to(ROOT / "examples"), 0o644)
        for script in sorted((ROOT / "examples").rglob("*.py"))
    ]
    try:
        for source, target, mode in wanted:
            place = Path(arguments.destdir + os.fspath(target)) if arguments.destdir else target
            print(f"{place}: {put(source, place, mode, replace=source == MODULE)}")
    except OSError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    print('To load it: <load module="mod_rust"/> in modules.conf.xml, or `load mod_rust` at the console.')
    return 0


if __name__ == "__main__":
    sys.exit(main())
