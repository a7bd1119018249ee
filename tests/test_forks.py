"""Scripts that fork: what the child does when it has ended, and that the switch does not live on in it."""

from __future__ import annotations

import textwrap

import pytest

from hosts.base import Host
from support.saw import in_api, in_call, in_coroutine

# What a child process does; `exit` says how it ended, None for one that did not within 10 s.
CHILD = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
FORKS = multiprocessing.get_context("fork")
def work(queue): queue.put("from the child")
def square(n): return n * n
def child():
    queue = FORKS.Queue()
    process = FORKS.Process(target=work, args=(queue,))
    process.start()
    said = queue.get(timeout=10)
    process.join(10)
    code = process.exitcode
    process.kill()
    return [said, code]
"""


@pytest.mark.parametrize("before", ["plain", "after a pool of threads"])
def test_a_process_of_multiprocessing_ends_well(host: Host, before: str) -> None:
    body = f"""
        def use():
            if "{before}" != "plain":
                with ThreadPoolExecutor(2) as pool:
                    assert list(pool.map(str, range(4))) == ["0", "1", "2", "3"]
            return child()
    """
    source = CHILD + textwrap.dedent(body)
    saw, _ = in_call(host, source + "def body(session, saw): saw['child'] = use()\n")
    assert saw == {"child": ["from the child", 0]}
    saw = in_api(host, source + "def body(saw): saw['child'] = use()\n")
    assert saw == {"child": ["from the child", 0]}
    assert "is ready" in host.api("status")


def test_a_pool_of_processes(host: Host) -> None:
    saw, _ = in_call(
        host,
        CHILD
        + """
def body(session, saw):
    with ProcessPoolExecutor(2, mp_context=FORKS) as pool:
        saw["squares"] = list(pool.map(square, range(5)))
        children = list(pool._processes.values())
    saw["codes"] = [process.exitcode for process in children]
""",
    )
    assert saw["squares"] == [0, 1, 4, 9, 16]
    assert set(saw["codes"]) == {0}


def test_a_process_that_a_thread_of_the_script_starts(host: Host) -> None:
    saw = in_api(
        host,
        CHILD
        + """
def body(saw):
    done = []
    thread = threading.Thread(target=lambda: done.append(child()))
    thread.start()
    thread.join()
    saw["child"] = done[0]
""",
    )
    assert saw == {"child": ["from the child", 0]}


# How the children below end, by the pipe that they hold: it is at its end when all of them have.
ENDS = """
import select
def ended(child, pipe, seconds=10):
    closed = bool(select.select([pipe], [], [], seconds)[0]) and os.read(pipe, 100)
    if closed is False:
        os.kill(child, 9)
    status = os.waitpid(child, 0)[1]
    return [os.waitstatus_to_exitcode(status), closed and closed.decode()]
"""


def test_a_fork_in_a_thread_of_the_script_ends_with_its_function(host: Host) -> None:
    saw = in_api(
        host,
        ENDS
        + """
def body(saw):
    def fork():
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            print("a line of the child")
            os.write(writing, b"done")
            return
        os.close(writing)
        saw["ended"] = ended(child, reading)
        os.close(reading)
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
""",
    )
    assert saw == {"ended": [0, "done"]}


USES = """
def uses(session):
    try:
        session.setVariable("of", "the child")
    except RuntimeError as error:
        first = str(error)
    try:
        freeswitch.API().executeString("status")
    except RuntimeError as error:
        return first == str(error) and "forked" in first
def body(session, saw):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"refused" if uses(session) else b"done")
        os._exit(0)
    os.close(writing)
    saw["ended"] = ended(child, reading)
    saw["of"] = session.getVariable("of")
"""


def test_the_switch_is_not_used_in_a_child(host: Host) -> None:
    saw, _ = in_call(host, ENDS + USES)
    assert saw == {"ended": [0, "refused"], "of": None}


@pytest.mark.parametrize("how", ["returns", "awaits", "is awaited deep down"])
def test_a_fork_in_a_coroutine_leaves_no_second_event_loop(host: Host, how: str) -> None:
    saw, _ = in_coroutine(
        host,
        ENDS
        + f"""
HOW = "{how}"
async def deep(child, writing):
    if child == 0:
        os.write(writing, b"done")
        await asyncio.sleep(0)
        os.write(writing, b" and on the loop")
async def deeper(child, writing):
    await deep(child, writing)
async def body(session, saw):
    reading, writing = os.pipe()
    other = asyncio.create_task(asyncio.sleep(0.01))
    child = os.fork()
    if child == 0:
        os.close(reading)
        if HOW == "returns":
            os.write(writing, b"done")
            return
        if HOW == "awaits":
            os.write(writing, b"done")
            await asyncio.sleep(0.01)
            os.write(writing, b" and on the loop")
    if HOW == "is awaited deep down":
        await deeper(child, writing)
    os.close(writing)
    await other
    saw["ended"] = await asyncio.to_thread(ended, child, reading)
    os.close(reading)
""",
    )
    assert saw == {"ended": [0, "done"]}
    assert "is ready" in host.api("status")
