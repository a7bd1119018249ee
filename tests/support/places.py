"""One call program in all its places: in the switch, beside it, and in a worker; and what came of its calls."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hosts.base import CallResult, Event, Host, LiveCall
from hosts.manager import Manager, Spec
from support.configuration import settings
from support.nats import Nats, connected, node_of
from support.programs.case import HANG_UP, Case
from support.served import Served
from support.workers import Worker

# What tells a call's story; the rest is the same whatever a program does, or comes when it comes.
STORY = ("CHANNEL_ANSWER", "CHANNEL_EXECUTE", "PLAYBACK_START", "PLAYBACK_STOP", "RECORD_START", "RECORD_STOP", "DTMF",
         "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE")  # fmt: skip
TELLS = ("Application", "Playback-File-Path", "Record-File-Path", "DTMF-Digit")
# By which header an event is the one that a far end waits for.
ABOUT = {
    "CHANNEL_EXECUTE": "Application",
    "PLAYBACK_START": "Playback-File-Path",
    "PLAYBACK_STOP": "Playback-File-Path",
}
# Who serves a call may have to notice first that there is a switch again.
PATIENCE = {"pysocket_timeout": "20", "pyremote_timeout": "20"}

Outcome = dict[str, Any]


def events_of(host: Host, result: CallResult) -> list[Event]:
    """The events of a call, the last of which may come after its end is known."""

    def all_of_it() -> list[Event] | None:
        events = [event for event in host.all_events() if event.get("Unique-ID") == result.uuid]
        return events if any(event["Event-Name"] == "CHANNEL_DESTROY" for event in events) else None

    return host.wait_for(all_of_it, 20, f"the last event of {result.uuid}")


def story(host: Host, result: CallResult) -> list[str]:
    """What happened on a call, with nothing in it that is of this call or of a place alone."""
    told = []
    for event in events_of(host, result):
        if event["Event-Name"] not in STORY:
            continue
        line = " ".join([event["Event-Name"], *filter(None, (event.get(header) or "" for header in TELLS))])
        told.append(re.sub(" (pysocket|pyremote)$", " python", line).replace(result.uuid, "UUID"))
    return told


def far_end(host: Host, call: LiveCall, case: Case) -> None:
    """Do what the far end of a case does, each when it hears of its event."""
    heard = 0
    for cue, deed in case.hears:
        name, _, about = cue.partition(" ")
        headers = {"Unique-ID": call.uuid}
        if name == "set":
            name = "CHANNEL_EXECUTE_COMPLETE"
            headers |= {"Application": "set", "Application-Data": about}
        elif about:
            headers[ABOUT[name]] = about
        event = host.wait_event(name, headers, since=heard)
        heard += host.all_events()[heard:].index(event) + 1
        if deed == HANG_UP:
            call.hangup()
        else:
            call.press(deed)


def module_of(program: str) -> str:
    """The name by which a program is served."""
    return "place_" + re.sub(r"\W", "_", program.removesuffix(".py"))


def outcome_of(host: Host, app: str, program: str, case: Case) -> Outcome:
    """What came of a call that a program has served, by one of the applications."""
    data = f"{program} {host.extension(*case.far)}" if case.far else program
    call = host.start_call(host.extension((app, data), *case.then), variables={**PATIENCE, **case.given})
    try:
        far_end(host, call, case)
        result = call.wait()
    finally:
        # What programs record to.
        Path(f"/tmp/{call.uuid}.wav").unlink(missing_ok=True)
    kept = {name: result.variables.get(name) for name in ("python_error", "went", *case.leaves)}
    if case.outlives:
        text = host.wait_for(lambda: re.search("{.*", host.api(f"global_getvar saw_{call.uuid}")), 20, "what it saw")[0]
    else:
        text = result.variables.get("saw") or "{}"
    return {**kept, "saw": json.loads(text), "cause": result.cause, "story": story(host, result)}


def wrong(case: Case, app: str, outcome: Outcome, first: Outcome) -> str:
    """Why an outcome is not what it must be, or is another than in the first place; "" where it is right."""
    said = outcome["python_error"]
    if app in case.cannot:
        return "" if (said or "").startswith(case.cannot[app]) else f"must not run by {app}: {said!r}"
    return next(_complaints(case, outcome, first), "")


def _complaints(case: Case, outcome: Outcome, first: Outcome) -> Iterator[str]:
    if outcome["python_error"] != case.error:
        yield f"python_error is {outcome['python_error']!r}, not {case.error!r}"
    for name, value in case.saw.items():
        if outcome["saw"].get(name) != value:
            yield f"saw[{name!r}] is {outcome['saw'].get(name)!r}, not {value!r}"
    for name, value in case.leaves.items():
        if outcome[name] != value:
            yield f"the variable {name} is {outcome[name]!r}, not {value!r}"
    for line in case.tells:
        if line not in outcome["story"]:
            yield f"its story lacks {line!r}: {outcome['story']}"
    for name, value in first.items():
        if outcome[name] != value:
            yield f"{name} is {outcome[name]!r}, and {value!r} in the first place"


class Places:
    """Switches, each with a process beside it and a worker that serve the programs of all cases."""

    def __init__(self, cases: Mapping[str, Case], nats: Nats | None, manager: Manager) -> None:
        self.cases, self._nats, self._manager = cases, nats, manager
        self._hosts: dict[Spec, Host] = {}
        self._beside: list[Served] = []
        self._workers: list[Worker] = []
        # By program: what came of it in the first place that has run it.
        self._first: dict[str, Outcome] = {}

    def on(self, spec: Spec) -> Host:
        """Give a switch of its own, started where it is not."""
        if spec in self._hosts:
            return self._hosts[spec]
        config = settings(("bus-url", self._nats.url), ("bus-node", node_of(spec))) if self._nats is not None else None
        host = self._hosts[spec] = self._manager.fresh(spec, config=config, real_time=True)
        for program, case in self.cases.items():
            host.script(case.text(), module_of(program))
        files = [host.script_dir / f"{module_of(program)}.py" for program in self.cases]
        self._beside.append(Served(host, *files))
        if self._nats is not None:
            connected(host)
            self._workers.append(Worker(host, self._nats.url, *files))
            self._workers[-1].up()
        self._beside[-1].up()
        return host

    @property
    def apps(self) -> list[str]:
        """The applications that there is somebody for."""
        return ["python", "pysocket", *(["pyremote"] if self._nats is not None else [])]

    def verdicts(self, host: Host, program: str) -> Iterator[tuple[str, str]]:
        """Run a program in all places of a switch: the application, and what was wrong, "" for nothing."""
        case = self.cases[program]
        for app in self.apps:
            outcome = outcome_of(host, app, module_of(program), case)
            first = outcome if app in case.cannot else self._first.setdefault(program, outcome)
            yield app, wrong(case, app, outcome, first)

    def end(self) -> None:
        """End all, in an orderly way."""
        try:
            for one in self._beside:
                assert one.end() == 0, one.said
            for worker in self._workers:
                # It drains: a call whose end it has not heard would hold it up.
                assert worker.end(signal.SIGTERM) == 0, worker.said
        finally:
            for one in self._beside:
                one.end(signal.SIGKILL)
            for worker in self._workers:
                worker.end()
            for host in self._hosts.values():
                host.abandon()
