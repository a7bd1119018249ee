"""`freeswitch.records`: what is put reaches each reader, whatever becomes of server and switch in between."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hosts.base import Host
from hosts.freeswitch import FreeSwitchHost
from support.configuration import settings
from support.nats import NUMBERS, Nats, connected, needs_nats, server, state, use
from support.saw import in_loop

pytestmark = needs_nats


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats | None]:
    yield from server(tmp_path_factory)


@pytest.fixture
def shared(host: Host, nats: Nats | None) -> Callable[[str], Any]:
    return use(host, nats, "bus")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Nats]:
    """A server that the test may stop."""
    found = Nats(tmp_path / "server")
    yield found
    found.stop()


def put(host: Host, name: str, *values: int) -> str:
    """Put records of these numbers, each under its own id; what became of it."""
    return in_loop(
        host,
        f"""
from freeswitch import records
async def body(say):
    try:
        for value in {values!r}: await records.put({name!r}, value, id=f"call-{{value}}")
        say("put")
    except records.BusError as error:
        say(f"{{error}}")
""",
    )


def read(host: Host, name: str, count: int) -> list[Any]:
    """Read so many records as one reader, each done: what each was."""
    reply = in_loop(
        host,
        f"""
import json
from freeswitch import records
async def body(say):
    found = []
    async for record in records.read({name!r}, reader="test"):
        await record.done()
        found.append(record.value)
        if len(found) == {count}: break
    say(json.dumps(found))
""",
    )
    found: list[Any] = json.loads(reply)
    return found


def on_disk(host: Host) -> int:
    return state(host, "queued_record_bytes") + state(host, "queued_records")


def test_each_reader_gets_each_record_once(shared: Callable[[str], Any]) -> None:
    assert shared("""
async def main():
    for number in range(50): await records.put(mine, {"number": number}, id=f"c{number}")
    await records.put(mine, {"number": 0}, id="c0")
    made_up = await records.put(mine, {"number": 50})
    found = {}
    for reader in ("billing", "archive"):
        seen = found[reader] = []
        async for record in records.read(mine, reader=reader):
            seen.append((record.value["number"], record.attempts))
            await record.done()
            if record.id == made_up: break
    once = [(number, 1) for number in range(51)]
    return [sorted(found["billing"]) == once, sorted(found["archive"]) == once, len(made_up)]
""") == [True, True, 32]


def test_a_record_that_is_not_done_comes_again(shared: Callable[[str], Any]) -> None:
    assert shared("""
async def main():
    await records.put(mine, "one", id="a")
    found = []
    async for record in records.read(mine, lease=1):
        found.append((record.id, record.value, record.attempts, bool(record.node)))
        if record.attempts == 1: continue
        if record.attempts == 2: await record.again()
        else:
            await record.done()
            break
    return found
""") == [["a", "one", 1, True], ["a", "one", 2, True], ["a", "one", 3, True]]


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ('records.put("a.b", 1)', "argument 'name' must be"),
        ('records.put("x", object())', "JSON"),
        ('records.put("x", "y" * 600_000)', "512 KB at most"),
        ('records.put("x", 1, id="two\\nlines")', "argument 'id'"),
        ('records.read("x", reader="*").__anext__()', "argument 'reader'"),
        ('records.read("x", lease=0).__anext__()', "argument 'lease'"),
    ],
)
def test_what_is_no_record(shared: Callable[[str], Any], call: str, why: str) -> None:
    said = shared(f"""
async def main():
    try: await {call}
    except (ValueError, TypeError) as error: return str(error)
""")
    assert why in said


def test_without_a_bus(host: Host) -> None:
    assert "none is configured: set bus-url" in put(host, "x", 1)


def test_records_wait_for_a_server_that_is_away(host: Host, own: Nats) -> None:
    host.config(settings(("bus-url", own.url)))
    connected(host)
    assert put(host, "r", 1, 2) == "put"
    host.wait_for(lambda: on_disk(host) == 0 or None, what="the server's word that it has them")
    own.stop()
    assert put(host, "r", *range(3, 60)) == "put"
    assert on_disk(host) > 0
    own.start()
    assert read(host, "r", 59) == list(range(1, 60))
    host.wait_for(lambda: on_disk(host) == 0 or None, what="the server's word that it has them")
    assert state(host, "lost_records") == 0


def test_records_wait_for_the_switch_that_was_loaded_again(host: Host, own: Nats) -> None:
    host.config(settings(("bus-url", own.url)))
    connected(host)
    own.stop()
    assert put(host, "r", 1, 2) == "put"
    # Loaded again, as after a crash: the folder is what it has.
    host.config(settings(("bus-url", own.url)))
    assert put(host, "r", 3) == "put"
    own.start()
    assert read(host, "r", 3) == [1, 2, 3]


def test_a_spool_that_is_full_says_so(host: Host, own: Nats) -> None:
    host.config(settings(("bus-url", own.url), ("bus-records-limit", "1")))
    connected(host)
    own.stop()
    said = in_loop(
        host,
        """
from freeswitch import records
async def body(say):
    try:
        for number in range(5): await records.put("big", "x" * 300_000, id=str(number))
    except records.BusError as error:
        say(f"{number} {error}")
""",
    )
    assert said == "3 the records that wait for the bus have reached their limit of 1 MB"
    own.start()
    host.wait_for(lambda: on_disk(host) == 0 or None, what="room")
    assert put(host, "big", 7) == "put"


def test_a_record_that_the_server_does_not_take_keeps_no_other(host: Host, own: Nats) -> None:
    own.stop()
    own.start("max_payload: 2000")
    host.config(settings(("bus-url", own.url)))
    connected(host)
    assert put(host, "r", 1) == "put"
    said = in_loop(
        host,
        """
from freeswitch import records
async def body(say):
    await records.put("r", "x" * 5000, id="large")
    await records.put("r", 2, id="small")
    say("put")
""",
    )
    assert said == "put"
    line = host.wait_log("MR0024 1 records that the server does not take were put into ")
    assert read(host, "r", 2) == [1, 2]
    refused = Path(line.text.rpartition(" ")[2])
    assert json.loads(refused.read_text(encoding="utf-8"))["id"] == "large"


def test_each_call_leaves_a_record(host: Host, own: Nats) -> None:
    recorded = (("bus-call-records", "cdr"), ("bus-call-record-headers", "variable_account"))
    host.config(settings(("bus-url", own.url), *recorded))
    connected(host)
    extension = host.extension(("set", "account=a-17"), ("answer", ""), ("hangup", "NORMAL_CLEARING"))
    host.call(extension=extension)
    own.stop()
    # The switch ends calls with no server: their records wait for it.
    host.call(extension=extension)
    own.start()
    found = read(host, "cdr", 2)
    assert len({record["Unique-ID"] for record in found}) == 2
    for record in found:
        if record.get("variable_account") == "a-17":
            assert record["Hangup-Cause"] == "NORMAL_CLEARING"
            assert int(record["Caller-Channel-Answered-Time"]) <= int(record["Caller-Channel-Hangup-Time"])
    assert any(record.get("variable_account") == "a-17" for record in found)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("bus-call-records", "a.b", "must be a name"),
        ("bus-call-records", "cdr", "needs bus-url"),
        ("bus-call-record-headers", "x", "needs bus-call-records"),
        ("bus-records-limit", "0", "MiB"),
    ],
)
def test_a_parameter_that_is_wrong(host: Host, name: str, value: str, why: str) -> None:
    host.config(settings((name, value)))
    host.wait_log(f"MR0010 python.conf: {name} .*{why}")


def test_no_record_is_lost_while_the_server_dies_again_and_again(host: Host, own: Nats) -> None:
    host.config(settings(("bus-url", own.url)))
    connected(host)
    number = next(NUMBERS)
    name = host.script(f"""
from freeswitch import records
async def runtime(args):
    for value in range(2000): await records.put("many{number}", value, id=f"c{{value}}")
    print("all put")
""")
    assert host.api(f"pyrun {name}").startswith("+OK")

    def goes_on(sent: int) -> bool | None:
        return state(host, "records_sent") > sent or on_disk(host) == 0 or None

    for _ in range(3):
        host.wait_for(partial(goes_on, state(host, "records_sent")), 60, "some to be sent")
        own.stop()
        own.start()
    host.wait_log("^all put$", 60)
    host.wait_for(lambda: on_disk(host) == 0 or None, 60, "the server's word that it has them")
    found = read(host, f"many{number}", 2000)
    assert sorted(found) == list(range(2000))
    assert state(host, "lost_records") == 0


@pytest.mark.freeswitch_only  # pocket ends with the test run
def test_records_outlive_a_switch_that_is_killed(fresh: Callable[..., FreeSwitchHost], own: Nats) -> None:
    config = settings(("bus-url", own.url), ("bus-call-records", "cdr"))
    killed = fresh(config=config)
    connected(killed)
    own.stop()
    assert put(killed, "r", 1, 2, 3) == "put"
    uuid = killed.call(extension=killed.extension(("answer", ""), ("hangup", "USER_BUSY"))).uuid
    killed.wait_for(lambda: state(killed, "queued_records") == 0 or None, what="the records on the disk")
    assert killed.process is not None
    killed.process.kill()
    killed.process.wait()
    # Another process has the database folder of the one that died.
    heir = fresh(config=config, load=False)
    shutil.copytree(killed.folder / "db" / "mod_rust_records", heir.folder / "db" / "mod_rust_records")
    own.start()
    assert heir.api("load mod_rust").startswith("+OK")
    assert read(heir, "r", 3) == [1, 2, 3]
    ends = {record["Unique-ID"]: record["Hangup-Cause"] for record in read(heir, "cdr", 2)}
    assert ends[uuid] == "USER_BUSY"
