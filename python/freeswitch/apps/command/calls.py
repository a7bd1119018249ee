"""`dial` and `find-capacity`."""

from __future__ import annotations

import argparse
import os
import re
import signal
from typing import Any

from freeswitch.apps.command.apps import find
from freeswitch.apps.command.display import Display
from freeswitch.apps.command.numbers import not_negative, positive, whole
from freeswitch.apps.command.places import Place, Stopped, add_options, place
from freeswitch.apps.profiles import parse_duration, parse_profile

# How long calls are waited for after the end of a run, in seconds.
FAREWELL = 10.0
POCKET_DESTINATION = "loopback/1000/default"


def add_commands(commands: Any) -> None:
    """Add them."""
    dialing = commands.add_parser("dial", help="place calls at a rate, and measure them")
    add_options(dialing)
    add_calls(dialing)
    add_rate(dialing)
    dialing.add_argument("--for", dest="seconds", type=positive, default=None, help="stop after so many seconds")
    dialing.add_argument("--interactive", action="store_true",
                         help="a Python console with `dialer`, which does not start by itself")  # fmt: skip
    dialing.set_defaults(run=dial)
    finding = commands.add_parser("find-capacity", help="raise the rate until set-up time or failures pass a bound")
    add_options(finding)
    add_calls(finding)
    finding.add_argument(
        "--start-rate", type=positive, default=5.0, help="calls a second at first (default: %(default)s)"
    )
    finding.add_argument("--max-rate", type=positive, default=250.0, help="where it ends (default: %(default)s)")
    finding.add_argument("--step-for", type=positive, default=10.0, help="seconds at each rate (default: %(default)s)")
    finding.add_argument("--max-setup", type=positive, default=500.0, help="ms of set-up, 95 %% of calls (%(default)s)")
    finding.add_argument("--max-failures", type=not_negative, default=1.0, help="percent (default: %(default)s)")
    finding.set_defaults(run=find_capacity)


def _read(function: Any) -> Any:
    def read(text: str) -> Any:
        try:
            return function(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def add_rate(command: argparse.ArgumentParser) -> None:
    """Add what says how many calls are placed."""
    command.add_argument("--rate", type=float, default=None, help="calls a second, fractions too (default: 30)")
    command.add_argument("--rate-profile", type=_read(parse_profile), default=None, metavar="PROFILE",
                         help="ramp:0-50/60, step:5/60,10/60 or burst:100/10, instead of --rate")  # fmt: skip
    command.add_argument("--limit", type=whole(1), default=None, help="calls at once (default: 1)")
    command.add_argument("--max-offered", type=whole(1), default=None, help="stop after so many calls")


def add_calls(command: argparse.ArgumentParser) -> None:
    """Add what says which calls these are."""
    command.add_argument("--app", action="append", default=[], metavar="APP",
                         help="NAME or FILE.py:NAME, with /KEY=VALUE,... (default: TonePlay)")  # fmt: skip
    command.add_argument(
        "--dest-url", default=None, help="user@host:port, or a dial string (default: the switch itself)"
    )
    command.add_argument("--profile", default="internal", help="the SIP profile (default: %(default)s)")
    command.add_argument("--gateway", default=None, help="the SIP gateway")
    command.add_argument("--proxy", default=None, help="where SIP goes first: host:port of the system under test")
    command.add_argument("--duration", type=_read(parse_duration), default=None,
                         help="seconds, exp:180, uniform:10-30 or normal:30,5 (default: limit / rate + 5)")  # fmt: skip
    command.add_argument("--results", "--metrics-file", default=None, metavar="FOLDER",
                         help="write calls.csv, as calls end, and report.html there")  # fmt: skip
    command.add_argument("--tune", action="store_true", help="raise the switch's own limits of sessions to 10,000")
    command.add_argument("--loglevel", "-l", default="WARNING", help="what is logged to stderr (default: %(default)s)")


def prepare(arguments: argparse.Namespace, where: Place, **settings: Any) -> Any:
    """Give a dialer that is ready to be started."""
    from freeswitch.apps.utils import log_to_stderr

    log_to_stderr(arguments.loglevel)
    if arguments.pocket and not arguments.dest_url:
        arguments.dest_url = POCKET_DESTINATION
    return make_dialer(arguments, where.contacts, **settings)


def make_dialer(arguments: argparse.Namespace, contacts: Any, **settings: Any) -> Any:
    """Give a dialer on the switches at these contacts, with its apps loaded."""
    from freeswitch.apps.call_gen import get_originator

    found = [find(text) for text in arguments.app or ["TonePlay"]]
    dialer = get_originator(contacts, duration=arguments.duration, **settings)
    if arguments.tune:
        dialer.setup()
    for client in dialer.pool.clients:
        to = arguments.dest_url or own_address(client, arguments.profile)
        proxy = arguments.proxy
        client.set_orig_cmd(to, profile=arguments.profile, gateway=arguments.gateway, proxy=proxy)
    for app, given in found:
        dialer.load_app(app, ppkwargs=given)
    if arguments.results:
        _store(dialer, arguments.results)
    return dialer


def _store(dialer: Any, folder: str) -> None:
    """Have the results written, as calls end. OSError where they cannot be."""
    try:
        dialer.measurers.to_store(folder)
    except OSError as error:
        why = f"no results can be written to {folder!r} ({error.strerror or error}): give --results another folder"
        raise OSError(why) from error


def own_address(client: Any, profile: str) -> str:
    """Give the address at which a switch's SIP profile can be called. ValueError if it has none."""
    status = client.cmd(f"sofia status profile {profile}")
    match = re.search(r"BIND-URL\s+sips?:[^@\s]*@([^;\s]+)", status, re.IGNORECASE)
    if match is None:
        raise ValueError(f"{client.host} has no SIP profile {profile!r} that runs: name another, or --dest-url")
    return f"switchio@{match[1]}"


def finish(dialer: Any, where: Place, display: Display) -> None:
    """End in order: hang up what there is, and wait for it. A second Ctrl-C ends that."""
    from pocket._signals import Noted

    dialer.shutdown()
    left = FAREWELL
    with Noted(signal.SIGINT) as leaves:
        while dialer.count_calls() and left > 0 and not leaves.has_come:
            where.sleep(0.2)
            left -= 0.2
            display.show(dialer)
    put_away(dialer)


def put_away(dialer: Any) -> None:
    """Unload its apps, end its connections, and close its files."""
    for client in dialer.pool.clients:
        for app_id in list(client._apps):
            client.unload_app(app_id)
        client.disconnect()
    dialer.measurers.close()


def report(dialer: Any, arguments: argparse.Namespace) -> None:
    """Print the table of a run, and write the page."""
    from freeswitch.apps.measure.report import as_text, write_page
    from freeswitch.apps.measure.store import load

    rows = load(arguments.results) if arguments.results else dialer.cdr.storer.data
    print(as_text(rows), end="")
    if dialer.held_back or dialer.refused:
        held = ", ".join(f"{count} by {why}" for why, count in dialer.held_back.items() if count)
        print(f"\nrefused by the switch: {dialer.refused}; due but not placed: {held or 0}")
    if arguments.results:
        page = os.path.join(arguments.results, "report.html")
        write_page(rows, page)
        print(f"\nwritten: {os.path.join(arguments.results, 'calls.csv')}, {page}")


def dial(arguments: argparse.Namespace) -> None:
    """Place calls until their number, the time or Ctrl-C ends it."""
    from pocket._signals import Noted

    with place(arguments) as where:
        settings = {"rate": arguments.rate, "limit": arguments.limit, "max_offered": arguments.max_offered}
        dialer = prepare(arguments, where, profile=arguments.rate_profile, **settings)
        if arguments.interactive:
            from freeswitch.apps.command.console import interact

            try:
                interact(dialer, where)
            finally:
                with Display() as display:
                    finish(dialer, where, display)
            report(dialer, arguments)
            return
        with Display() as display, Noted(signal.SIGINT) as stops:
            try:
                dialer.start()
                begin = where.time()
                stopped = Stopped(where, stops)
                while not dialer.stopped() or dialer.count_calls():
                    stopped.sleep(display.period)
                    display.show(dialer)
                    if arguments.seconds is not None and where.time() - begin >= arguments.seconds:
                        dialer.stop()
                        break
            except KeyboardInterrupt:
                print("the calls are hung up; Ctrl-C again to leave at once")
            finally:
                finish(dialer, where, display)
        report(dialer, arguments)


def find_capacity(arguments: argparse.Namespace) -> None:
    """Raise the rate by a quarter until a bound is passed, then halve the distance to what was well."""
    from freeswitch.apps.command.capacity import Bounds, search
    from pocket._signals import Noted

    bounds = Bounds(arguments.max_setup / 1000, arguments.max_failures / 100)
    with place(arguments) as where:
        dialer = prepare(arguments, where, rate=arguments.start_rate, limit=1_000_000)
        if arguments.duration is None:
            dialer.auto_duration, dialer.duration = False, 2.0
        with Display() as display, Noted(signal.SIGINT) as stops:
            try:
                said = search(dialer, Stopped(where, stops), display, bounds, arguments)
            finally:
                finish(dialer, where, display)
        print(said)
        report(dialer, arguments)


__all__ = ["add_calls", "add_commands", "add_rate", "dial", "find_capacity", "make_dialer", "own_address", "put_away"]
