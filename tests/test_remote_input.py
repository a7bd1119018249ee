"""`pyremote` and what is wrong: states that are none, workers that lie, messages that come twice, servers that end."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts.base import Host
from support.configuration import settings
from support.hand_switch import HandSwitch
from support.nats import Nats, Raw, connected, node_of, state
from support.workers import BEGINS, HEAD, WAITS, Work, app, begun, nats, needs_nats, node, saw, work

__all__ = ["app", "nats", "node", "work"]
pytestmark = needs_nats


def test_what_is_no_state_is_refused(node: Host, work: Work, app: str) -> None:
    work(
        HEAD
        + """
import dataclasses
@dataclasses.dataclass
class State:
    step: int
    said: list
async def handler(session, args):
    found = []
    for wrong in ({1, 2}, float("nan"), "x" * 10_000_000, object):
        try: await session.checkpoint(wrong)
        except (TypeError, ValueError) as error: found.append(f"{type(error).__name__}: {error}")
    await session.checkpoint(State(3, ["a"]))
    found.append(session.last_checkpoint)
    session.setVariable("saw", json.dumps(found))
"""
    )
    assert saw(node.call(("pyremote", app))) == [
        "TypeError: argument 'state' must be what JSON can hold: Object of type set is not JSON serializable",
        "ValueError: argument 'state' must be what JSON can hold: Out of range float values are not JSON compliant",
        "ValueError: argument 'state' is 10000002 bytes as JSON, and 1000000 is the most",
        "TypeError: argument 'state' must be what JSON can hold: Object of type type is not JSON serializable",
        {"step": 3, "said": ["a"]},
    ]


def test_who_lies_is_refused(node: Host, nats: Nats, work: Work, app: str) -> None:
    work(WAITS)
    call, _ = begun(node, app)
    raw = Raw(nats.port)
    raw.subscribe("_INBOX.liar")

    def ask(line: str) -> str:
        raw.request(f"fs.{node_of(node)}.calls", line.encode(), "_INBOX.liar")
        return raw.next()[2].decode()

    verb = '{"set_variable":{"name":"lie","value":"yes"}}'
    assert ask(f"in liar {call.uuid} 1 1 now {verb}").startswith("-ERR epoch 1 is over: it is ")
    epoch = ask(f"in liar {call.uuid} 1 1 now {verb}").rpartition(" ")[2]
    assert ask(f"in liar {call.uuid} {epoch} 1 now {verb}").endswith(" has it")
    assert ask(f"accept {call.uuid} {epoch} liar").startswith("-ERR")
    assert ask(f"now {call.uuid} {epoch} {verb}").startswith("-USAGE")
    assert ask("in liar no-such-call 1 1 release").startswith("-ERR there is no such call")
    for wrong in ("", "in", "in liar", "still", "jump over", "\x00", "in a b c d e"):
        assert ask(wrong).startswith(("-ERR", "-USAGE")), wrong
    raw.publish("fs.beat.liar", b"no JSON")
    raw.publish("fs.beat.liar", b'{"node": "liar", "kind": "worker", "protocol": 99, "apps": ["liars"]}')
    node.wait_log("MR0025 worker liar speaks protocol 99, and this switch 1: it gets no calls")
    node.wait_log(f"MR0025 'now' of worker liar for call {call.uuid} is refused")
    assert node.api(f"uuid_getvar {call.uuid} lie").strip() == "_undef_"
    raw.close()
    call.hangup()
    assert saw(call.wait()) == "hangup"


def test_a_worker_is_told_whether_what_it_wants_is_sent(node: Host, nats: Nats) -> None:
    raw = Raw(nats.port)
    raw.subscribe("_INBOX.wants")

    def ask(version: int) -> str:
        raw.request(f"fs.{node_of(node)}.calls", f"wished wants/1 {version}".encode(), "_INBOX.wants")
        return raw.next()[2].decode()

    assert ask(1) == "-LATER"
    wish = {"id": "wants/1", "version": 2, "nodes": [node_of(node)], "asks": [{"events": ["DTMF"], "headers": []}]}
    raw.publish("fs.want", json.dumps(wish).encode())
    node.wait_for(lambda: ask(2) == "+OK" or None, 10)
    assert (ask(1), ask(3)) == ("+OK", "-LATER")
    raw.publish("fs.unwant", b"wants/1")
    node.wait_for(lambda: ask(1) == "-LATER" or None, 10)
    raw.close()


@contextlib.contextmanager
def beside(nats: Nats, program: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a worker that no switch under test knows."""
    line = [sys.executable, "-m", "freeswitch.apps", "serve", nats.url, str(program)]
    worker = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def test_a_worker_ends_though_the_end_of_a_call_that_it_placed_was_not_told(nats: Nats, tmp_path: Path) -> None:
    program = tmp_path / "places.py"
    program.write_text(
        "import freeswitch\nasync def handler(session, args):\n    other = await freeswitch.originate('a/b')\n"
        "    await other.hangup()\n"
    )
    switch = HandSwitch(nats, "places")
    with contextlib.closing(switch), beside(nats, program) as worker:
        switch.is_asked("release", 2)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0


@pytest.mark.parametrize("says_first", [[None], [""], ["-ERR 64 commands of workers run already"]])
def test_what_a_switch_does_not_say_of_itself_is_asked_again(
    nats: Nats, tmp_path: Path, says_first: list[str | None]
) -> None:
    program = tmp_path / "asks.py"
    program.write_text(
        "async def handler(session, args):\n    await session.execute('log', session.getVariable('a') or 'not known')\n"
    )
    switch = HandSwitch(nats, "asks", says_first)
    with contextlib.closing(switch), beside(nats, program):
        switch.is_asked("ask")
        verb = next(line for line in switch.asked if line.startswith("ask"))
        assert '"data":"1"' in verb.replace(" ", ""), verb


def test_what_is_asked_twice_is_done_once(node: Host, nats: Nats, app: str, request: pytest.FixtureRequest) -> None:
    """A worker that is written by hand."""
    raw = Raw(nats.port)
    raw.subscribe("fs.worker.byhand")
    raw.subscribe("_INBOX.byhand")
    beat = json.dumps({"node": "byhand", "kind": "worker", "protocol": 1, "apps": [app]}).encode()
    over = threading.Event()
    beats = Raw(nats.port)

    def say() -> None:
        while not over.wait(0.2):
            beats.publish("fs.beat.byhand", beat)

    saying = threading.Thread(target=say)
    saying.start()
    request.addfinalizer(over.set)
    call = node.start_call(node.extension(("pyremote", f"{app} x"), ("sleep", "100")))

    def ask(line: str) -> str:
        raw.request(f"fs.{node_of(node)}.calls", line.encode(), "_INBOX.byhand")
        while True:
            subject, _, data = raw.next()
            if subject == "_INBOX.byhand":
                return data.decode()
            told.append(json.loads(data))

    told: list[dict[str, object]] = []
    offer = json.loads(raw.next()[2])
    assert (offer["kind"], offer["name"], offer["arguments"], offer["node"]) == ("offer", app, "x", node_of(node))
    of = f"{call.uuid} {offer['epoch']}"
    assert ask(f"accept {of} byhand").startswith("+OK {")
    assert ask(f"accept {of} byhand").startswith("+OK {")
    # The second comes before the first, and each comes twice.
    append = '{"execute":{"app":"set","data":"did=${did}%s"}}'
    assert ask(f"in byhand {of} 2 ask 12 {append % 'b'}") == "-LATER"
    for _ in range(2):
        assert ask(f"in byhand {of} 1 ask 11 {append % 'a'}") == "+OK"
        assert ask(f"in byhand {of} 2 ask 12 {append % 'b'}") in {"+OK", "-LATER"}
    node.wait_for(lambda: node.api(f"uuid_getvar {call.uuid} did").strip() == "ab" or None, 10)
    # Answers are said again where they were not heard.
    assert ask(f"still byhand {of} 11,12,13") == "+OK {}"
    assert ask(f"in byhand {of} 3 release") == "+OK"
    answers = [int(str(body["number"])) for body in told if body["kind"] == "answer"]
    assert sorted(answers) == [11, 11, 12, 12]
    assert call.wait().variables["did"] == "ab"
    over.set()
    saying.join()
    beats.close()
    raw.close()


@pytest.mark.parametrize("how", ["restarted", "hung"])
def test_calls_outlive_a_server_that_restarts(node: Host, nats: Nats, work: Work, app: str, how: str) -> None:
    work(
        BEGINS
        + """
    digits = await session.get_digits(1, timeout=60)
    await session.checkpoint(digits)
    session.setVariable("saw", json.dumps([digits, session.resumed]))
"""
    )
    call, _ = begun(node, app)
    if how == "restarted":
        nats.stop()
        node.wait_for(lambda: state(node, "bus_connected") == 0 or None, 20)
        nats.start()
        connected(node)
    else:
        with nats.hung():
            node.sleep(0.5)
    call.press("5")
    assert saw(call.wait(60)) == ["5", False]


@contextlib.contextmanager
def away(nats: Nats) -> Iterator[None]:
    """Have the server killed, and started again."""
    nats.stop()
    try:
        yield
    finally:
        nats.start()


@pytest.mark.parametrize("how", ["restarted", "hung"])
def test_a_checkpoint_that_is_not_acknowledged_is_asked_for_again(
    node: Host, nats: Nats, work: Work, app: str, tmp_path: Path, how: str
) -> None:
    # As long as the server is away, and as the machine takes to start it again.
    node.config(settings(("bus-url", nats.url), ("bus-node", node_of(node)), ("bus-worker-patience", "30")))
    connected(node)
    cue, kept = tmp_path / "cue", tmp_path / "kept"
    worker = work(
        BEGINS
        + f"""
    await session.checkpoint("before")
    open({str(kept)!r}, "w").close()
    while not os.path.exists({str(cue)!r}):
        await asyncio.sleep(0.02)
    try:
        await session.checkpoint("after")
        said = None
    except ConnectionError as error:
        said = str(error)
    session.setVariable("saw", json.dumps([said, session.last_checkpoint, session.resumed]))
"""
    )
    call, _ = begun(node, app)
    node.wait_for(kept.exists, 30, "the first checkpoint")
    with nats.hung() if how == "hung" else away(nats):
        cue.touch()
        worker.says("MR0023 checkpoint calls.* is asked for again")
    assert saw(call.wait(60)) == [None, "after", False]


def test_a_plain_handler_is_refused_when_it_is_loaded(nats: Nats, tmp_path: Path) -> None:
    program = tmp_path / "plain.py"
    program.write_text("def handler(session, args): pass")
    line = [sys.executable, "-m", "freeswitch.apps", "serve", nats.url, str(program)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "handler is not an async function" in done.stderr


def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    program = tmp_path / "lonely.py"
    program.write_text("async def handler(session, args): pass")
    line = [sys.executable, "-m", "freeswitch.apps", "serve", "nats://127.0.0.1:1", str(program)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "the bus is not connected: " in done.stderr


def test_nodes_lists_workers(node: Host, nats: Nats, work: Work, app: str) -> None:
    worker = work("async def handler(session, args): pass", "--version", "1.2")
    line = [sys.executable, "-m", "freeswitch.apps", "nodes", nats.url, "--json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
    found = {said["node"]: said for said in map(json.loads, done.stdout.splitlines())}
    assert (found[node_of(node)]["kind"], found[worker.name]["kind"]) == ("switch", "worker")
    assert (found[worker.name]["version"], found[worker.name]["apps"]) == ("1.2", [app])
