"""`python -m pocket call`: one call to a script, and what happened on it."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import signal
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

from pocket import ladder
from pocket._call import Call
from pocket._caller import CallTimeout
from pocket._commands import words
from pocket._far_end import seconds
from pocket._signals import Noted
from pocket._switch import Switch

# What is shown of the log beside what scripts write.
GRAVE = frozenset({"ALERT", "CRIT", "ERR", "WARNING"})
# The exit status of a program that Ctrl-C has ended, as shells have it.
INTERRUPTED = 130


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
    add_world(parser)
    parser.add_argument(
        "--press",
        type=words.timed,
        action="extend",
        default=[],
        metavar="S:DIGITS",
        help="digits, seconds after the start",
    )
    parser.add_argument(
        "--says",
        type=words.timed,
        action="extend",
        default=[],
        metavar="S:WORDS",
        help="what recognition hears, and when",
    )
    parser.add_argument("--hangup-after", type=float, metavar="S", help="when the caller hangs up")
    parser.add_argument("--variable", type=words.variable, action="append", default=[], metavar="NAME=VALUE")
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


def add_world(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes of sounds and phones."""
    parser.add_argument("--sounds", type=Path, metavar="FOLDER", help="the folder of the sounds")
    parser.add_argument(
        "--missing-sounds",
        type=words.number,
        metavar="S",
        help="how long a sound that is not there plays (it fails, as on FreeSWITCH)",
    )
    parser.add_argument(
        "--phone",
        type=words.phone,
        action="append",
        default=[],
        dest="phones",
        metavar=f"'{words.PHONE}'",
        help="a phone for what scripts dial, and what it does: 'user/1001 answers_after=3', 'sofia/* busy'",
    )


def run(args: argparse.Namespace) -> int:
    """Place the call; 1 where a script has failed, or the call did not end, 130 where Ctrl-C has ended it."""
    try:
        seconds("--timeout", args.timeout)
        if args.html and not args.html.parent.is_dir():
            raise NotADirectoryError(f"--html {args.html}: there is no folder {args.html.parent}")
        if args.html and args.html.is_dir():
            raise IsADirectoryError(f"--html {args.html}: that is a folder; name a file in it")
    except (OSError, ValueError) as error:
        print(f"call: {error}", file=sys.stderr)
        return 2
    # A script may run before the call that it serves is known here.
    with Noted(signal.SIGINT) as ctrl_c:
        return _place(args, ctrl_c)


def _place(args: argparse.Namespace, ctrl_c: Noted) -> int:
    try:
        switch = _switch(args).open()
    except (OSError, ValueError) as error:
        print(f"call: {error}", file=sys.stderr)
        return 2
    with contextlib.closing(switch):
        try:
            words.add_phones(switch, args.phones)
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
        status, ended = 0, ""
        try:
            ctrl_c.let_through()
            call.wait(args.timeout)
        except CallTimeout as error:
            status, ended = 1, str(error)
        except KeyboardInterrupt:
            status, ended = INTERRUPTED, f"interrupted; the call {call.uuid} was in {call.state}{_end(switch, call)}"
        faults = ladder.faults_in(switch.log)
        _show(switch, call)
        if args.html:
            status = _draw(args.html, switch, call) or status
    if ended:
        print(f"\n{ended}", file=sys.stderr)
    return status or int(bool(faults))


def _draw(file: Path, switch: Switch, call: Call) -> int:
    """Draw the call; 2 where the file cannot be written."""
    try:
        file.write_text(ladder.page(switch, call), encoding="utf-8")
    except OSError as error:
        print(f"call: --html {file}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"\ndrawn in {file}")
    return 0


def _end(switch: Switch, call: Call) -> str:
    """Hang up, and end scripts that would go on; where those of the call stood."""
    places = switch._places_of(call.uuid)
    call.hangup()
    for script in json.loads(switch.api("pyps json")):
        switch.api(f"pykill {script['id']}")
    return places


def _switch(args: argparse.Namespace) -> Switch:
    file, _, function = (args.script or "").partition("::")
    script = Path(file)
    if file and not script.is_file():
        raise FileNotFoundError(f"there is no script {script}")
    if not file and not args.dialplan:
        raise ValueError("name a script, or a --dialplan that runs one")
    scripts = args.scripts or (script.resolve().parent if file else Path.cwd())
    if args.dialplan:
        dialplan: str | Path = args.dialplan
    else:
        target = _module(script, scripts) + (f"::{function}" if function else "")
        data = quoteattr(f"{target} {args.args}".rstrip())
        dialplan = (
            '<extension name="script"><condition field="destination_number" expression="^(.*)$">'
            f'<action application="python" data={data}/></condition></extension>'
        )
    return Switch(
        scripts=scripts,
        conf=args.conf,
        sounds=args.sounds,
        missing_sounds=args.missing_sounds,
        dialplan=dialplan,
        real_time=args.real_time,
        debug=args.debug,
    )


def _module(script: Path, scripts: Path) -> str:
    """Give the name by which a dialplan calls a script; ValueError where there is none."""
    if script.suffix != ".py":
        raise ValueError(f"{script} is no script: its name does not end in .py")
    # Where it lies by its name: a script may be a link to one elsewhere.
    whole, folder = script.absolute(), scripts.absolute()
    if ".." in whole.parts or not whole.is_relative_to(folder):
        whole, folder = script.resolve(), scripts.resolve()
    if not whole.is_relative_to(folder):
        raise ValueError(f"{script} does not lie in the folder of the scripts, {scripts}")
    parts = whole.relative_to(folder).with_suffix("").parts
    if any(re.search(r"[\s.]", part) for part in parts):
        raise ValueError(
            f"{script}: a dialplan cannot name it: neither a script nor its folders may have a space or a dot"
        )
    return ".".join(parts)


def _show(switch: Switch, call: Call) -> None:
    print(_told(switch, call))
    for leg in switch.legs:
        if leg.uuid != call.uuid:
            print(f"\n--- {leg.name}\n{_told(switch, leg)}")
    told = (line for line in switch.log if line.text.strip() and (line.file.endswith(".py") or line.level in GRAVE))
    lines = [f"[{line.level}] {line.text.strip()}" for line in told]
    if lines:
        print("\n--- log\n" + "\n".join(lines))


def _told(switch: Switch, call: Call) -> str:
    """Give what has happened on a call, but for how the switch worked it off; sounds without their folder."""
    begin = call.transcript[0].time if call.transcript else 0.0
    told = (entry for entry in call.transcript if entry.kind != "state")
    lines = "\n".join(f"{entry.time - begin:8.3f}  {entry.describe()}" for entry in told)
    return lines.replace(f"{switch._sounds_at}/", "")
