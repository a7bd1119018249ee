"""`python -m pocket shell`: a prompt as fs_cli has it, on an embedded switch."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import shlex
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pocket._call import Call
from pocket._commands import words as said
from pocket._commands.call import GRAVE, add_world
from pocket._switch import Switch

PROMPT = "pocket> "
# How often the log is looked at while somebody types, in seconds.
LOOK = 0.1

# Own commands: what they take, and what they do. All else is a command of the switch.
OWN = {
    "call": (
        "NUMBER [press=S:DIGITS] [hangup-after=S]",
        "a call comes in; without a --dialplan the number is a script's name",
    ),
    "press": ("DIGITS [UUID]", "the far end of the last call, or that one, presses digits"),
    "says": ("WORDS", "the far end of the last call speaks, for speech recognition"),
    "hangup": ("[CAUSE] [UUID]", "the far end of the last call, or that one, hangs up"),
    "phone": (said.PHONE, "a phone for what is dialled: phone user/1001 answers_after=3"),
    "transcript": ("[UUID]", "what has happened on the last call, or that one"),
    "log": ("all|scripts|off", "which lines of the log are shown"),
    "sleep": ("SECONDS", "let the switch's time go by"),
    "time": ("", "the switch's time"),
    "help": ("", "this"),
    "quit": ("", "end the switch; so do exit and Ctrl-D"),
}
# The switch's own that are completed even where it does not list them.
COMMANDS = (
    *(
        "bgapi",
        "echo",
        "eval",
        "expand",
        "global_getvar",
        "global_setvar",
        "hupall",
        "load",
        "originate",
        "pydial",
        "pykill",
        "pyps",
    ),
    *(
        "pyreload",
        "pyrun",
        "pystat",
        "python",
        "reload",
        "reloadxml",
        "show",
        "status",
        "uuid_bridge",
        "uuid_broadcast",
    ),
    *("uuid_exists", "uuid_getvar", "uuid_kill", "uuid_setvar", "uuid_transfer", "version"),
)
CHOICES = {
    "show": ("calls", "channels", "modules", "api", "application"),
    "log": ("all", "scripts", "off"),
}
# Without a dialplan, the number that is called names the script.
DIALPLAN = """<extension name="script"><condition field="destination_number" expression="^(.+)$">
<action application="python" data="$1"/></condition></extension>"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--scripts", type=Path, default=Path(), metavar="FOLDER", help="the folder of the scripts (this one)"
    )
    parser.add_argument("--conf", type=Path, metavar="FOLDER", help="a folder of configuration")
    parser.add_argument("--dialplan", type=Path, metavar="FILE", help="extensions of the context default")
    add_world(parser)
    parser.add_argument(
        "--virtual-time", action="store_true", help="have time stand still but for `sleep`, and for what is due at once"
    )


def run(args: argparse.Namespace) -> int:
    """Read commands until the end."""
    dialplan = args.dialplan or DIALPLAN
    try:
        switch = Switch(
            scripts=args.scripts,
            conf=args.conf,
            sounds=args.sounds,
            missing_sounds=args.missing_sounds,
            dialplan=dialplan,
            real_time=not args.virtual_time,
        ).open()
    except (OSError, RuntimeError, ValueError) as error:
        print(f"shell: {error}", file=sys.stderr)
        return 2
    with contextlib.closing(switch):
        try:
            said.add_phones(switch, args.phones)
        except ValueError as error:
            print(f"shell: {error}", file=sys.stderr)
            return 2
        Shell(switch, Path(args.scripts)).loop()
    return 0


class Shell:
    """A prompt on an open switch."""

    def __init__(self, switch: Switch, scripts: Path) -> None:
        self.switch = switch
        self.scripts = scripts
        self.calls: list[Call] = []
        self.level = "scripts"
        self._ends = threading.Event()
        self._shown = 0
        self._lock = threading.Lock()
        self._readline: Any = None

    def loop(self) -> None:
        """Read and run lines until `quit` or the end of input."""
        if sys.stdin.isatty():
            # Some Pythons are built without it.
            with contextlib.suppress(ImportError):
                self._readline = importlib.import_module("readline")
        if self._readline:
            self._readline.set_completer(self.complete)
            self._readline.set_completer_delims(" ")
            self._readline.parse_and_bind("tab: complete")
            print("An embedded switch. `help` lists what there is beside the switch's own commands; Tab completes.")
        self._shown = len(self.switch.log)
        watch = threading.Thread(target=self._watch, name="pocket shell log", daemon=True)
        watch.start()
        try:
            while self._one():
                pass
        finally:
            self._ends.set()
            watch.join()

    def _one(self) -> bool:
        try:
            line = input(PROMPT if sys.stdin.isatty() else "").strip()
        except EOFError:
            print()
            return False
        except KeyboardInterrupt:
            print()
            return True
        if line in {"quit", "exit", "/quit", "/exit", "..."}:
            return False
        if line:
            try:
                reply = self.do(line)
            except KeyboardInterrupt:
                reply = "-ERR interrupted"
            except (OSError, RuntimeError, ValueError, argparse.ArgumentTypeError) as error:
                reply = f"-ERR {error}"
            self.show_log()
            if reply:
                print(reply.rstrip("\n"), flush=True)
        return True

    # Commands

    def do(self, line: str) -> str:
        """Run one line; what it answers."""
        name, _, rest = line.partition(" ")
        own: Callable[[list[str]], str] | None = getattr(self, f"_do_{name}", None) if name in OWN else None
        if own is None:
            return self.switch.api(line)
        return own(shlex.split(rest))

    def _do_call(self, words: list[str]) -> str:
        options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        unknown = set(options) - {"press", "hangup-after"}
        if not words or "=" in words[0] or unknown or len(options) != len(words) - 1:
            return f"-USAGE: call {OWN['call'][0]}"
        after = options.get("hangup-after")
        call = self.switch.start_call(
            words[0],
            press=said.timed(options["press"]) if "press" in options else (),
            hangup_after=None if after is None else said.number(after),
        )
        self.calls.append(call)
        return f"+OK {call.uuid}"

    def _do_press(self, words: list[str]) -> str:
        if not words:
            return f"-USAGE: press {OWN['press'][0]}"
        self._live(words[1:]).press(words[0])
        return "+OK"

    def _do_says(self, words: list[str]) -> str:
        if not words:
            return f"-USAGE: says {OWN['says'][0]}"
        self._live([]).says(" ".join(words))
        return "+OK"

    def _do_hangup(self, words: list[str]) -> str:
        uuids = [word for word in words if "-" in word]
        causes = [word for word in words if "-" not in word]
        self._live(uuids).hangup(*causes[:1])
        return "+OK"

    def _do_phone(self, words: list[str]) -> str:
        if not words:
            return f"-USAGE: phone {OWN['phone'][0]}"
        said.add_phones(self.switch, [said.phone(" ".join(words))])
        return "+OK"

    def _do_transcript(self, words: list[str]) -> str:
        return self._call(words).transcript.text()

    def _do_log(self, words: list[str]) -> str:
        if len(words) != 1 or words[0] not in {"all", "scripts", "off"}:
            return f"-USAGE: log {OWN['log'][0]}"
        self.level = words[0]
        return "+OK"

    def _do_sleep(self, words: list[str]) -> str:
        self.switch.sleep(said.number(words[0]) if words else 1.0)
        return "+OK"

    def _do_time(self, _: list[str]) -> str:
        return f"{self.switch.time:.3f}"

    def _do_help(self, _: list[str]) -> str:
        return "\n".join(f"{f'{name} {takes}':48} {what}" for name, (takes, what) in OWN.items())

    def _live(self, uuids: list[str]) -> Call:
        call = self._call(uuids)
        if call.over:
            raise ValueError(f"the call {call.uuid} is over: {call.cause}")
        return call

    def _call(self, uuids: list[str]) -> Call:
        """The call that is meant: by its UUID, or the last of those that are not over."""
        known = {call.uuid: call for call in [*self.switch.channels(), *self.calls]}
        if uuids:
            if uuids[0] not in known:
                raise ValueError(f"there is no call {uuids[0]}")
            return known[uuids[0]]
        # One that the switch has placed itself comes before those that are over.
        mine = [call for call in self.calls if not call.over] or self.switch.channels() or self.calls
        if not mine:
            raise ValueError("there is no call: `call NUMBER` makes one")
        return mine[-1]

    # Completion

    def complete(self, text: str, state: int) -> str | None:
        """Give the completion with this number, for readline."""
        line = self._readline.get_line_buffer() if self._readline else text
        found = sorted({word for word in self.candidates(line, text) if word.startswith(text)})
        return f"{found[state]} " if state < len(found) else None

    def candidates(self, line: str, text: str) -> Iterable[str]:
        """Give what may stand where `text` ends, in that line."""
        before = line[: len(line) - len(text)].split()
        if not before:
            return {*OWN, *COMMANDS, *self._commands()}
        name = before[0]
        found: Iterable[str] = ()
        if len(before) == 1 and name in {"python", "pyrun", "pyreload", "call"}:
            found = self._scripts()
        elif len(before) == 1 and name in CHOICES:
            found = CHOICES[name]
        elif len(before) == 2 and name == "originate":
            found = ("&park()", "&echo()", *(f"&python({script})" for script in self._scripts()))
        elif name.startswith("uuid_") or name in {"hangup", "transcript", "press"}:
            found = [call.uuid for call in [*self.switch.channels(), *self.calls]]
        return found

    def _commands(self) -> list[str]:
        rows = self.switch.api("show api").splitlines()
        return [row.split(",")[0] for row in rows[1:] if row.count(",") >= 2]

    def _scripts(self) -> list[str]:
        found = []
        for path in self.scripts.rglob("*.py"):
            parts = path.relative_to(self.scripts).with_suffix("").parts
            if not any(part.startswith((".", "_")) for part in parts):
                found.append(".".join(parts))
        return found

    # The log

    def show_log(self) -> None:
        """Print what was logged since it was last looked at, above the prompt."""
        with self._lock:
            log = self.switch.log
            new, self._shown = log[self._shown :], len(log)
            lines = [
                f"[{line.level}] {line.text.rstrip()}"
                for line in new
                if self.level == "all"
                or (self.level == "scripts" and (line.file.endswith(".py") or line.level in GRAVE))
            ]
            if not lines:
                return
            waits = self._readline is not None and threading.current_thread() is not threading.main_thread()
            print(("\r\033[K" if waits else "") + "\n".join(lines), flush=True)
            if waits:
                print(PROMPT + self._readline.get_line_buffer(), end="", flush=True)

    def _watch(self) -> None:
        while not self._ends.wait(LOOK):
            self.show_log()
