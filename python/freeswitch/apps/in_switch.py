"""What the module itself runs: `pydial`, and the app files that python.conf names by `switchio-app`."""

from __future__ import annotations

import argparse
import json
import logging
import shlex
from typing import Any, NoReturn

from freeswitch.apps.command.display import Display

log = logging.getLogger("freeswitch.apps")

USAGE = "pydial start <destination> [options]|status [json]|set <setting> <value>|stop|hupall"
SETTINGS = ("rate", "limit", "max_offered", "duration", "rate_profile")


class _Running:
    """The dialer of the switch."""

    def __init__(self, dialer: Any, loop: Any) -> None:
        self.dialer = dialer
        self.display = Display()
        # It goes with the module's event loop.
        self.loop = loop

    def is_here(self) -> bool:
        """Tell whether the event loop that it works in goes on."""
        from freeswitch import _loop

        # After a reload the old one stands there until somebody needs another.
        return self.loop is _loop.here.loop and bool(self.loop.is_running())

    def is_up(self) -> bool:
        """Tell whether it places calls, or some of its calls are not over."""
        return self.is_here() and bool(not self.dialer.stopped() or self.dialer.count_calls())


class _Parser(argparse.ArgumentParser):
    """Says what is wrong, and does not leave."""

    def error(self, message: str) -> NoReturn:
        """Raise it."""
        raise ValueError(message)


_running: list[_Running] = []


def pydial(session: object, stream: Any, env: object, args: str) -> None:
    """Answer the API command `pydial`."""
    verb, _, rest = args.strip().partition(" ")
    functions = {"start": _start, "status": _status, "set": _set, "stop": _stop, "hupall": _hupall}
    if verb not in functions:
        stream.write(f"-USAGE: {USAGE}\n")
        return
    try:
        stream.write(f"{functions[verb](rest.strip())}\n")
    except (ValueError, OSError, RuntimeError) as error:
        stream.write(f"-ERR {error}\n")


def _parser() -> argparse.ArgumentParser:
    from freeswitch.apps.command.calls import add_calls, add_rate

    parser = _Parser(prog="pydial start", add_help=False, allow_abbrev=False)
    parser.add_argument("destination")
    add_rate(parser)
    add_calls(parser)
    return parser


def _start(text: str) -> str:
    from freeswitch import _loop
    from freeswitch.apps.command.calls import make_dialer, put_away

    if _running and _running[0].is_up():
        raise ValueError("a dialer runs already: pydial status; pydial hupall ends its calls")
    given = _parser().parse_args(shlex.split(text))
    given.dest_url = given.destination
    if _running:
        _end(put_away)
    settings = {"rate": given.rate, "limit": given.limit, "max_offered": given.max_offered}
    dialer = make_dialer(given, None, profile=given.rate_profile, **settings)
    dialer.start()
    # The loop is there now, at the latest.
    _running[:] = [_Running(dialer, _loop.here.loop)]
    return f"+OK to {given.destination} at {dialer.rate:g} calls a second, at most {dialer.limit:g} at once"


def _end(put_away: Any) -> None:
    """Put the last dialer away. After a reload its event loop has gone, and its files alone are left to be closed."""
    before = _running.pop()
    if before.is_here():
        put_away(before.dialer)
    else:
        before.dialer.measurers.close()


def _now() -> _Running:
    if not _running or not _running[0].is_here():
        raise ValueError("there is no dialer: pydial start <destination> [options]")
    return _running[0]


def _status(text: str) -> str:
    if text not in {"", "json"}:
        raise ValueError("pydial status [json]")
    running = _now()
    running.display.take(running.dialer)
    values = dict(running.display.values(running.dialer))
    return json.dumps(values) if text else "\n".join(f"{name}: {value}" for name, value in values.items())


def _set(text: str) -> str:
    from freeswitch.apps.profiles import parse_duration, parse_profile

    name, _, value = text.partition(" ")
    name, value = name.replace("-", "_"), value.strip()
    dialer = _now().dialer
    if name not in SETTINGS or not value:
        raise ValueError(f"pydial set <setting> <value>: {', '.join(SETTINGS).replace('_', '-')}")
    if name == "rate_profile":
        dialer.profile = parse_profile(value)
    elif name == "duration":
        dialer.duration = parse_duration(value)
    else:
        setattr(dialer, name, float(value))
    return "+OK"


def _stop(_: str) -> str:
    dialer = _now().dialer
    dialer.stop()
    return f"+OK {dialer.count_calls()} calls go on"


def _hupall(_: str) -> str:
    dialer = _now().dialer
    count = dialer.count_calls()
    dialer.shutdown()
    return f"+OK {count} calls are hung up"


def load_switchio(_: str) -> None:
    """Load the app files that import switchio, as they are; each that fails is a line in the log."""
    from freeswitch import _scripts
    from freeswitch.apps import alias
    from freeswitch.apps.serve import Service

    service = Service()
    for line in list(_scripts.switchio_apps):
        try:
            text, app_id = _of_line(line)
            app, given = alias.find(text)
            service.apps.load_app(app, app_id=app_id, ppkwargs=given)
        except Exception:
            log.exception("MR0010 python.conf: switchio-app '%s'", line)


def _of_line(line: str) -> tuple[str, str]:
    """Cut the app's id off, which is `default` where there is none."""
    text, _, app_id = line.rpartition(" ")
    return (text.strip(), app_id) if ".py:" in text else (line, "default")


__all__ = ["load_switchio", "pydial"]
