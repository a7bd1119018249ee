"""`freeswitch.queue`: work that is shared, the same on a bus and without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hosts.base import Host
from support.nats import Nats, server, use


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats | None]:
    yield from server(tmp_path_factory)


@pytest.fixture(params=["bus", "alone"])
def shared(host: Host, nats: Nats | None, request: pytest.FixtureRequest) -> Callable[[str], Any]:
    return use(host, nats, request.param)


def test_each_piece_goes_to_one(shared: Callable[[str], Any]) -> None:
    assert shared("""
async def main():
    done = []
    async def work(name):
        async for job in queue.jobs(mine):
            done.append((job.value["number"], job.attempts))
            await job.done()
            await asyncio.sleep(0)
    workers = [asyncio.create_task(work(name)) for name in range(4)]
    async def put(first, last):
        for number in range(first, last): await queue.put(mine, {"number": number})
        async with asyncio.timeout(30):
            while len(done) < last: await asyncio.sleep(0.01)
    await put(0, 20)
    # A piece that went to two is there twice when each worker may have had another.
    await put(20, 24)
    for worker in workers: worker.cancel()
    return sorted(done) == [(number, 1) for number in range(24)]
""")


def test_work_waits_for_who_takes_it_in_its_order(shared: Callable[[str], Any]) -> None:
    assert shared("""
async def main():
    for number in range(3): await queue.put(mine, number)
    found = []
    for _ in range(3):
        job = await queue.take(mine, timeout=20)
        found.append((job.queue == mine, job.value))
        await job.done()
    try: await queue.take(mine, timeout=0.3)
    except TimeoutError: found.append("empty")
    return found
""") == [[True, 0], [True, 1], [True, 2], "empty"]


def test_one_id_is_one_piece(shared: Callable[[str], Any]) -> None:
    assert shared("""
async def main():
    for number in range(3): await queue.put(mine, number, id="call-7")
    await queue.put(mine, "other", id="call-8")
    found = []
    for _ in range(2):
        job = await queue.take(mine, timeout=20)
        found.append(job.value)
        await job.done()
    return found
""") == [0, "other"]


def test_what_is_not_done_in_time_is_anothers(shared: Callable[[str], Any]) -> None:
    assert shared("""
async def main():
    await queue.put(mine, "work")
    first = await queue.take(mine, timeout=20, lease=1)
    second = await queue.take(mine, timeout=20, lease=1)
    await second.done()
    return first.value, first.attempts, second.value, second.attempts
""") == ["work", 1, "work", 2]


def test_a_lease_can_be_begun_again(shared: Callable[[str], Any]) -> None:
    assert shared("""
async def main():
    await queue.put(mine, "work")
    # Half a dozen seconds, for a busy machine: a lease that is over before it is begun again is another's.
    job = await queue.take(mine, timeout=20, lease=6)
    for _ in range(5):
        await asyncio.sleep(1.4)
        await job.keep()
    try: await queue.take(mine, timeout=0.2, lease=6)
    except TimeoutError: mine_still = True
    await job.done()
    return mine_still
""")


def test_what_is_given_back_is_anothers_at_once(shared: Callable[[str], Any]) -> None:
    assert (
        shared("""
async def main():
    await queue.put(mine, "work")
    first = await queue.take(mine, timeout=20, lease=600)
    await first.again()
    second = await queue.take(mine, timeout=20, lease=600)
    await second.done()
    return second.attempts
""")
        == 2
    )


def test_work_that_a_cancelled_wait_has_got_is_not_lost(shared: Callable[[str], Any]) -> None:
    assert (
        shared("""
async def main():
    waits = asyncio.create_task(queue.take(mine, lease=2))
    # Its request is with the server by then, which nothing tells; sooner, the work is not lost either.
    await asyncio.sleep(0.2)
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    await queue.put(mine, "work")
    job = await queue.take(mine, timeout=30, lease=2)
    await job.done()
    return job.value
""")
        == "work"
    )


def test_bad_arguments_are_named(shared: Callable[[str], Any]) -> None:
    told = shared("""
async def said(awaitable):
    try: await awaitable
    except (TypeError, ValueError) as error: return f"{type(error).__name__}: {error}"
async def main():
    return [
        await said(queue.put("a.b", 1)), await said(queue.put("a", object())),
        await said(queue.put("a", 1, id="x\\ny")), await said(queue.take("a", lease=0)),
    ]
""")
    starts = [
        "ValueError: argument 'queue' must be letters",
        "TypeError: argument 'value' must be what JSON can hold",
        "ValueError: argument 'id' must be a text of one line",
        "ValueError: argument 'lease' must be seconds, 1 or more, not 0",
    ]
    for line, start in zip(told, starts, strict=True):
        assert line.startswith(start), line
