"""Shows mod_rust at work: a call to 5555555 that the example script takes, then `python` and `pyrun` (`make demo`)."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import switches  # noqa: E402
from hosts.base import Host, HostError, LogLine  # noqa: E402
from hosts.manager import Spec, specs  # noqa: E402

SCRIPT = "mod_fstest.python_example"
# Below these, the core talks to itself.
LEVELS_SHOWN = ("CRIT", "ERR", "WARNING", "INFO")
NEXT = """
The same on a script of your own:

    build/venv/bin/python -m pocket call examples/yaypm/ivr.py --press 1.5:4 --hangup-after 5 --html call.html"""


def chosen(kind: str) -> Spec | None:
    """The switch to show it on: `pocket`, or the first `freeswitch` found."""
    return next((spec for spec in specs() if spec.name.startswith(kind)), None)


def show(title: str, text: str) -> None:
    """Print a part of the demonstration."""
    print(f"\n--- {title}\n{text.rstrip()}")


def log_text(lines: list[LogLine], uuid: str = "") -> str:
    """Lines of this call, or of none, as the console prints them; of a long message only its first line."""
    shown = (line for line in lines if line.level in LEVELS_SHOWN and line.uuid in {uuid, ""} and line.text.strip())
    return "\n".join(f"[{line.level}] {line.text.strip().splitlines()[0]}" for line in shown)


def demonstrate(host: Host) -> None:
    """Do what the example's own comments promise, and print what came of it."""
    shutil.copytree(ROOT / "examples" / "mod_fstest", host.script_dir / "mod_fstest")
    host.dialplan((ROOT / "examples" / "dialplan" / "python_test.xml").read_text(encoding="utf-8"))

    print(f"On {host.name}: a call to 5555555; the caller presses 5 after a second, and 1, then hangs up.")
    mark = host.mark()
    call = host.call(extension="5555555", press=[(1.0, "5"), (1.6, "1")], hangup_after=2.5)
    show("the call, as the far end and the switch saw it", call.transcript)
    show("the log", log_text(host.log(mark), call.uuid))

    show(f"python {SCRIPT}", host.api(f"python {SCRIPT}"))

    mark = host.mark()
    show(f"pyrun {SCRIPT} hello", host.api(f"pyrun {SCRIPT} hello"))
    host.wait_log("hello", since=mark)
    show("the log", log_text(host.log(mark)))


def main() -> int:
    """Run on what the command line says."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "pocket"
    try:
        spec = chosen(kind)
    except switches.SwitchError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    if spec is None:
        print(f"demo: {switches.NONE_FOUND}", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="mod_rust-demo-"))
    try:
        host = spec.start(folder)
        try:
            demonstrate(host)
        finally:
            host.stop()
    except (HostError, TimeoutError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if kind == "pocket":
        print(NEXT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
