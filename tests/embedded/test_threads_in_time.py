"""Threads of scripts in virtual time: what holds the clock, and what lets it go.

A script says in its variable `saw` how long each thing took, in the switch's time and in real time.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import pocket
from pocket import _threads

Open = Callable[..., pocket.Switch]

HEAD = """
import asyncio, concurrent.futures, json, multiprocessing, queue, sched, socket, subprocess, sys, threading, time
import freeswitch

def now():
    return int(freeswitch.API().getTime()) / 1000

class Timed:
    def __init__(self):
        self.real, self.now = time.perf_counter(), now()

    def took(self):
        return [now() - self.now, time.perf_counter() - self.real]

def raised(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__
"""
# A wait comes first: whatever the machine did before, the clock is at real time then, and stands still for GRACE.
IN_CALL = """
def handler(session, args):
    session.answer()
    freeswitch.msleep(20)
    begin = Timed()
    saw = body(session)
    session.setVariable("saw", json.dumps([*begin.took(), saw]))
"""
IN_COROUTINE = """
async def handler(session, args):
    await session.answer()
    await session.sleep(0.02)
    begin = Timed()
    saw = await body(session)
    session.setVariable("saw", json.dumps([*begin.took(), saw]))
"""
# A millisecond for what takes none, since the switch tells its time in whole ones.
SLACK = 0.002
# How far the clock falls behind real time before it follows it (docs/pocket.md, "The clock").
GRACE = 1
# Long enough to be noticed if it were real.
LONG = 3000


def ran(switch_with: Open, name: str, body: str, end: str = IN_CALL, **how: Any) -> tuple[float, float, Any]:
    """Run `body(session)` in a call: how long it took in the switch's time, in real time, and what it gave."""
    indented = body.replace("\n        ", "\n")
    switch = switch_with(script=HEAD + indented + end)
    before = time.monotonic()
    result = switch.run("python", name, timeout=100 * LONG, **how)
    assert time.monotonic() - before < LONG / 10
    took, real, saw = json.loads(result.variables["saw"])
    return took, real, saw


def followed(real: float) -> float:
    """Give how much of real time the clock may have followed: a busy machine can let a thread wait past the grace."""
    return max(real - GRACE, 0)


def lasted(took: float, real: float, least: float, most: float) -> None:
    """It took between `least` and `most` seconds of the switch's time."""
    assert least - SLACK <= took <= most + SLACK + followed(real)


# What waits, and so lets the clock go


@pytest.mark.parametrize(
    ("wait", "gives"),
    [
        ("time.sleep(LONG)", None),
        ("later(LONG).join()", None),
        ("later(2 * LONG).join(LONG)", None),
        ("threading.Event().wait(LONG)", False),
        ("timer(LONG).wait()", True),
        ("raised(queue.Queue().get, timeout=LONG)", "Empty"),
        ("raised(queue.SimpleQueue().get, timeout=LONG)", "Empty"),
        ("raised(full().put, 2, timeout=LONG)", "Full"),
        ("threading.Semaphore(0).acquire(timeout=LONG)", False),
        ("raised(threading.Barrier(2).wait, LONG)", "BrokenBarrierError"),
        ("condition(LONG)", False),
        ("pool.submit(time.sleep, LONG).result()", None),
        ("raised(pool.submit(time.sleep, 2 * LONG).result, LONG)", "TimeoutError"),
        ("list(pool.map(time.sleep, [LONG / 2] * 4))", [None] * 4),
        ("raised(list, concurrent.futures.as_completed([pool.submit(time.sleep, 2 * LONG)], LONG))", "TimeoutError"),
        ("len(concurrent.futures.wait([pool.submit(time.sleep, 2 * LONG)], LONG).not_done)", 1),
        ("scheduled(LONG)", None),
        ("polled(LONG)", None),
        ("freeswitch.msleep(LONG * 1000)", None),
    ],
)
def test_what_waits_lets_the_clock_go(switch_with: Open, name: str, wait: str, gives: object) -> None:
    took, real, saw = ran(
        switch_with,
        name,
        f"""
        LONG = {LONG}
        pool = concurrent.futures.ThreadPoolExecutor(2)
        def later(seconds):
            thread = threading.Thread(target=time.sleep, args=(seconds,), daemon=True)
            thread.start()
            return thread
        def timer(seconds):
            event = threading.Event()
            threading.Timer(seconds, event.set).start()
            return event
        def full():
            one = queue.Queue(1)
            one.put(1)
            return one
        def condition(seconds):
            with (condition := threading.Condition()):
                return condition.wait_for(lambda: False, seconds)
        def scheduled(seconds):
            scheduler = sched.scheduler(time.monotonic, time.sleep)
            scheduler.enter(seconds, 1, lambda: None)
            scheduler.run()
        def polled(seconds):
            until = time.time() + seconds
            while time.time() < until:
                time.sleep(10)
        def body(session):
            return {wait}
        """,
    )
    assert saw == gives
    lasted(took, real, LONG, LONG)


def test_each_part_of_a_script_sees_one_time(switch_with: Open, name: str) -> None:
    _, real, (by_monotonic, by_time, by_ns, apart) = ran(
        switch_with,
        name,
        """
        def body(session):
            monotonic, wall, ns = time.monotonic(), time.time(), time.monotonic_ns()
            session.sleep(90000)
            apart = time.time() - now()
            return [time.monotonic() - monotonic, time.time() - wall, (time.monotonic_ns() - ns) / 1e9, apart]
        """,
    )
    for took in (by_monotonic, by_time, by_ns):
        lasted(took, real, 90, 90.02)
    assert apart == pytest.approx(0, abs=0.05 + followed(real))


def test_a_thread_says_when_what_is_heard_ends(switch_with: Open, name: str) -> None:
    took, real, _ = ran(
        switch_with,
        name,
        """
        def body(session):
            def work():
                time.sleep(2.5)
                freeswitch.API().executeString("uuid_break " + session.uuid)
            thread = threading.Thread(target=work)
            thread.start()
            session.streamFile("silence_stream://60000")
            return thread.join()
        """,
    )
    lasted(took, real, 2.5, 2.52)


def test_threads_hand_work_to_each_other_in_no_time(switch_with: Open, name: str) -> None:
    took, real, saw = ran(
        switch_with,
        name,
        """
        def body(session):
            jobs, answers = queue.Queue(), queue.SimpleQueue()
            def work():
                while (job := jobs.get()) is not None:
                    answers.put(job + 1)
            threads = [threading.Thread(target=work) for _ in range(3)]
            for thread in threads:
                thread.start()
            got = []
            for number in range(200):
                jobs.put(number)
                got.append(answers.get(timeout=1000))
            for _ in threads:
                jobs.put(None)
            for thread in threads:
                thread.join()
            return got == list(range(1, 201))
        """,
    )
    assert saw is True
    lasted(took, real, 0, 0)


# What works, and so holds it


def holds(took: float, real: float) -> None:
    """Time may have followed real time, and never have run ahead of it."""
    assert took <= real + SLACK


def test_a_thread_at_a_socket_holds_the_clock(switch_with: Open, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                time.sleep(0.3)
                connection.sendall(b"x")

        answering = threading.Thread(target=serve)
        answering.start()
        _, _, (took, real) = ran(
            switch_with,
            name,
            f"""
            def body(session):
                seen = []
                def work():
                    begin = Timed()
                    with socket.create_connection(("127.0.0.1", {port})) as connection:
                        assert connection.recv(1) == b"x"
                    seen.extend(begin.took())
                thread = threading.Thread(target=work)
                thread.start()
                session.sleep(600000)
                thread.join()
                return seen
            """.replace("\n    ", "\n"),
        )
        answering.join()
    assert real >= 0.3
    holds(took, real)


@pytest.mark.parametrize(
    "work",
    [
        "subprocess.run(COMMAND, check=True)",
        "subprocess.run(COMMAND, check=True, timeout=1000)",
        "sum(range(20_000_000))",
        "wait_by_hand(subprocess.Popen(COMMAND))",
    ],
)
def test_a_thread_that_works_holds_the_clock(switch_with: Open, name: str, work: str) -> None:
    _, _, (took, real) = ran(
        switch_with,
        name,
        f"""
        COMMAND = [sys.executable, "-c", "import time; time.sleep(0.2)"]
        def wait_by_hand(process):
            process.wait(1000)
        def body(session):
            seen = []
            def work():
                begin = Timed()
                {work}
                seen.extend(begin.took())
            thread = threading.Thread(target=work)
            thread.start()
            session.sleep(600000)
            thread.join()
            return seen
        """,
    )
    holds(took, real)


@pytest.mark.parametrize(
    "job",
    [
        "asyncio.to_thread(work)",
        "asyncio.get_running_loop().run_in_executor(pool, work)",
        "asyncio.get_running_loop().run_in_executor(None, work)",
        "asyncio.wrap_future(pool.submit(work))",
        "asyncio.create_subprocess_exec(sys.executable, '-c', 'import time; time.sleep(0.2)', stdout=-1)",
    ],
)
def test_a_job_that_a_coroutine_waits_for_holds_the_clock(switch_with: Open, name: str, job: str) -> None:
    _, _, (took, real) = ran(
        switch_with,
        name,
        f"""
        pool = concurrent.futures.ThreadPoolExecutor(1)
        def work():
            subprocess.run([sys.executable, "-c", "import time; time.sleep(0.2)"])
        async def body(session):
            sleeping = asyncio.create_task(session.sleep(600))
            begin = Timed()
            done = await {job}
            if done is not None:
                await done.communicate()
            took = begin.took()
            sleeping.cancel()
            return took
        """,
        IN_COROUTINE,
    )
    holds(took, real)


def test_a_job_in_a_pool_of_processes_holds_the_clock(switch_with: Open, name: str) -> None:
    _, _, (took, real) = ran(
        switch_with,
        name,
        """
        def body(session):
            seen = []
            context = multiprocessing.get_context("spawn")
            with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
                begin = Timed()
                result = pool.submit(abs, -1).result(600)
                seen.extend(begin.took())
                # With nothing to do it does not hold it.
                idle = Timed()
                session.sleep(600000)
                assert idle.took()[1] < 300
            assert result == 1
            return seen
        """,
    )
    holds(took, real)


def test_a_job_that_sleeps_sleeps_in_the_switchs_time(switch_with: Open, name: str) -> None:
    took, real, saw = ran(
        switch_with,
        name,
        f"""
        async def body(session):
            await asyncio.to_thread(time.sleep, {LONG})
            try:
                await asyncio.wait_for(asyncio.to_thread(freeswitch.msleep, 2000 * {LONG}), {LONG})
            except TimeoutError:
                return "timeout"
        """,
        IN_COROUTINE,
    )
    assert saw == "timeout"
    lasted(took, real, 2 * LONG, 2 * LONG)


def test_the_way_back_from_a_thread_takes_no_time(switch_with: Open, name: str) -> None:
    """A wake-up of the loop that was marked and not rung let the clock jump to the next timer, minutes ahead."""
    _, _, saw = ran(
        switch_with,
        name,
        """
        async def body(session):
            loop = asyncio.get_running_loop()
            pool = concurrent.futures.ThreadPoolExecutor(2)
            odd = 0
            for turn in range(300):
                begin = Timed()
                if turn % 3 == 0:
                    await asyncio.to_thread(lambda: None)
                elif turn % 3 == 1:
                    await loop.run_in_executor(pool, lambda: None)
                else:
                    def back(event):
                        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
                        loop.call_soon_threadsafe(event.set)
                    event = asyncio.Event()
                    threading.Thread(target=back, args=(event,)).start()
                    await event.wait()
                await session.sleep(0.02)
                took, real = begin.took()
                odd += took > 0.05 and took > real
            return odd
        """,
        IN_COROUTINE,
    )
    assert saw == 0


def test_a_child_that_a_script_forks_has_pythons_own_time(switch_with: Open, name: str) -> None:
    _, _, saw = ran(
        switch_with,
        name,
        """
        import os
        def child():
            begin = time.clock_gettime(time.CLOCK_MONOTONIC)
            time.sleep(0.05)
            assert queue.Queue().qsize() == 0 and not threading.Event().wait(0.05)
            thread = threading.Thread(target=time.sleep, args=(0.05,))
            thread.start()
            thread.join()
            return time.clock_gettime(time.CLOCK_MONOTONIC) - begin >= 0.15
        def fork():
            pid = os.fork()
            if pid == 0:
                try:
                    os._exit(0 if child() else 1)
                finally:
                    os._exit(2)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        def body(session):
            codes = []
            thread = threading.Thread(target=lambda: codes.append(fork()))
            thread.start()
            thread.join()
            return [*codes, fork()]
        """,
    )
    assert saw == [0, 0]


# Threads that are not of a script


def test_the_programs_own_threads_keep_real_time(switch_with: Open) -> None:
    switch = switch_with()
    saw: list[tuple[bool, float]] = []

    def work() -> None:
        begin = time.monotonic()
        done = threading.Event().wait(0.05)
        with pytest.raises(queue.Empty):
            queue.SimpleQueue().get(timeout=0.05)
        time.sleep(0.05)
        saw.append((done, time.monotonic() - begin))

    other = threading.Thread(target=work)
    other.start()
    work()
    other.join()
    for done, took in saw:
        assert done is False
        assert took >= 0.15
    assert time.time() == pytest.approx(time.clock_gettime(time.CLOCK_REALTIME), abs=60)
    assert switch.time < 1


def test_an_item_wakes_one_that_waits_for_it() -> None:
    """Every item of a queue that several threads wait in is taken."""
    items: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    assert isinstance(items, _threads.SimpleQueue)
    taken: list[int] = []

    def take() -> None:
        while (item := items.get()) is not None:
            taken.append(item)

    takers = [threading.Thread(target=take) for _ in range(4)]
    for thread in takers:
        thread.start()
    for number in range(2000):
        items.put(number)
    for _ in takers:
        items.put(None)
    for thread in takers:
        thread.join()
    assert sorted(taken) == list(range(2000))


def test_what_is_wrong_is_said_as_by_python(switch_with: Open, name: str) -> None:
    _, _, saw = ran(
        switch_with,
        name,
        """
        def body(session):
            return [raised(time.sleep, -1), raised(time.sleep, "1"), raised(queue.SimpleQueue().get, True, -1),
                    raised(threading.Thread().join)]
        """,
    )
    assert saw == ["ValueError", "TypeError", "ValueError", "RuntimeError"]
