"""`python -m pocket call`: one call to a script, and what happened on it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

from pocket import ladder
from pocket._call import Call
from pocket._caller import CallTimeout
from pocket._far_end import seconds
from pocket._switch import Switch

# What is shown of the log beside what scripts write.
GRAVE = frozenset({"ALERT", "CRIT", "ERR", "WARNING"})


def timed(text: str) -> list[tuple[float, str]]:
    """Read `1.5:1` or `1.5:1,3:42#`: seconds after the call's beginning, and digits or words."""
    steps = []
    for part in text.split(","):
        seconds, colon, what = part.partition(":")
        try:
            at = float(seconds)
        except ValueError:
            at = -1.0
        if not colon or not what or not 0 <= at < float("inf"):
            raise argparse.ArgumentTypeError(f"{part!r} must be seconds, a colon and digits, such as 1.5:1")
        steps.append((at, what))
    return steps


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} must be name=value")
    return name, value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "script", nargs="?", help="a script, hello.py or hello.py::function; none where --dialplan names what to run"
    )
    parser.add_argument("--args", default="", metavar="TEXT", help="what the script gets as args")
    parser.add_argument("--dial", default="5000", metavar="NUMBER", help="the number that is called (5000)")
    parser.add_argument(
        "--dialplan", type=Path, metavar="FILE", help="a dialplan, instead of the script for any number"
    )
    parser.add_argument("--scripts", type=Path, metavar="FOLDER", help="the folder of the scripts (that of the script)")
    parser.add_argument("--conf", type=Path, metavar="FOLDER", help="a folder of configuration")
    parser.add_argument(
        "--press", type=timed, action="extend", default=[], metavar="S:DIGITS", help="digits, seconds after the start"
    )
    parser.add_argument(
        "--says", type=timed, action="extend", default=[], metavar="S:WORDS", help="what recognition hears, and when"
    )
    parser.add_argument("--hangup-after", type=float, metavar="S", help="when the caller hangs up")
    parser.add_argument("--variable", type=_variable, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--caller-id-number", default="1000", metavar="NUMBER")
    parser.add_argument("--caller-id-name", default="Pocket", metavar="NAME")
    parser.add_argument(
        "--timeout", type=float, default=3600.0, metavar="S", help="the longest call, in its time (3600)"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="draw the call into this file")
    parser.add_argument("--real-time", action="store_true", help="have time go by as in reality")
    parser.add_argument(
        "--debug", action="store_true", help="have time stand still while a debugger has stopped a script"
    )


def run(args: argparse.Namespace) -> int:
    """Place the call; 1 where a script has failed, or the call did not end."""
    try:
        seconds("--timeout", args.timeout)
        if args.html and not args.html.parent.is_dir():
            raise NotADirectoryError(f"--html {args.html}: there is no folder {args.html.parent}")
        switch = _switch(args).open()
    except (OSError, ValueError) as error:
        print(f"call: {error}", file=sys.stderr)
        return 2
    with contextlib.closing(switch):
        try:
            call = switch.start_call(
                args.dial,
                press=args.press,
                says=args.says,
                hangup_after=args.hangup_after,
                variables=dict(args.variable),
                caller_id_number=args.caller_id_number,
                caller_id_name=args.caller_id_name,
            )
        except ValueError as error:
            print(f"call: {error}", file=sys.stderr)
            return 2
        timeout = ""
        try:
            call.wait(args.timeout)
        except CallTimeout as error:
            timeout = str(error)
        faults = ladder.faults_in(switch.log)
        _show(switch, call)
        if args.html:
            args.html.write_text(ladder.page(switch, call), encoding="utf-8")
            print(f"\ndrawn in {args.html}")
    if timeout:
        print(f"\n{timeout}", file=sys.stderr)
    return 1 if faults or timeout else 0


def _switch(args: argparse.Namespace) -> Switch:
    file, _, function = (args.script or "").partition("::")
    script = Path(file)
    if file and not script.is_file():
        raise FileNotFoundError(f"there is no script {script}")
    if not file and not args.dialplan:
        raise ValueError("name a script, or a --dialplan that runs one")
    if args.dialplan:
        dialplan: str | Path = args.dialplan
    else:
        target = script.stem + (f"::{function}" if function else "")
        data = quoteattr(f"{target} {args.args}".rstrip())
        dialplan = (
            '<extension name="script"><condition field="destination_number" expression="^(.*)$">'
            f'<action application="python" data={data}/></condition></extension>'
        )
    return Switch(
        scripts=args.scripts or (script.resolve().parent if file else Path.cwd()),
        conf=args.conf,
        dialplan=dialplan,
        real_time=args.real_time,
        debug=args.debug,
    )


def _show(switch: Switch, call: Call) -> None:
    print(_told(call))
    for leg in switch.legs:
        if leg.uuid != call.uuid:
            print(f"\n--- {leg.name}\n{_told(leg)}")
    told = (line for line in switch.log if line.text.strip() and (line.file.endswith(".py") or line.level in GRAVE))
    lines = [f"[{line.level}] {line.text.strip()}" for line in told]
    if lines:
        print("\n--- log\n" + "\n".join(lines))


def _told(call: Call) -> str:
    """Give what has happened on a call, but for how the switch worked it off."""
    begin = call.transcript[0].time if call.transcript else 0.0
    told = (entry for entry in call.transcript if entry.kind != "state")
    return "\n".join(f"{entry.time - begin:8.3f}  {entry.describe()}" for entry in told)
