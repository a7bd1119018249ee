"""The event loop that all scripts share: one that ends is made again, and what a script does to it is its own."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hosts.base import Host, texts
from support.saw import in_coroutine

# Whether coroutines of others work: what is asked after each attempt.
WELL = """
import asyncio
async def fsapi(session, stream, env, args):
    task = asyncio.create_task(asyncio.sleep(0.01, "well"))
    stream.write(await task + await asyncio.to_thread(str, 1))
"""


def is_well(host: Host) -> None:
    """Run a coroutine of somebody else."""
    assert host.api(f"python {host.script(WELL)}") == "well1"


@pytest.mark.parametrize(
    "attempt",
    [
        "loop.stop()",
        "loop.close()",
        "loop.set_debug(True)",
        "await loop.shutdown_asyncgens()",
        "await loop.shutdown_default_executor()",
        "loop.call_soon = None",
        "loop.create_task = None",
        "loop._closed = True",
        "loop.run_forever()",
        "loop.run_until_complete(work)",
        "asyncio.run(work)",
    ],
)
def test_what_would_end_the_loop_or_slow_it_down_is_refused(host: Host, attempt: str) -> None:
    saw, _ = in_coroutine(
        host,
        f"""
        async def body(session, saw):
            work = asyncio.sleep(0)
            loop = asyncio.get_running_loop()
            saw["before"] = loop.get_debug()
            try:
                {attempt}
                saw["tried"] = "done"
            except RuntimeError as error:
                saw["tried"] = str(error)
            work.close()
            saw["after"] = [loop.get_debug(), loop.is_running(), loop.is_closed()]
            await asyncio.sleep(0.01)
        """,
    )
    assert "refused" in saw["tried"] or "already running" in saw["tried"] or "cannot be called" in saw["tried"]
    assert saw["after"] == [saw["before"], True, False]
    is_well(host)


@pytest.mark.freeswitch_only  # in pocket no descriptor wakes it
def test_the_descriptor_that_wakes_the_loop_is_not_taken_away(fresh: Callable[..., Host]) -> None:
    host = fresh()
    saw, _ = in_coroutine(
        host,
        """
        import _freeswitch
        async def body(session, saw):
            loop = asyncio.get_running_loop()
            mine = _freeswitch.descriptor()
            saw["remove"] = tried(loop.remove_reader, mine).split(":")[0]
            saw["add"] = tried(loop.add_reader, mine, print).split(":")[0]
        """,
    )
    assert saw == {"remove": "RuntimeError", "add": "RuntimeError"}
    is_well(host)
    # One that closes a descriptor twice may hit it.
    host.api("python " + host.script("import os, _freeswitch\nfsapi = lambda *_: os.close(_freeswitch.descriptor())"))
    is_well(host)
    host.wait_log("MR0016 the event loop was not woken")
    is_well(host)


def test_a_task_factory_is_that_of_its_script(host: Host) -> None:
    # With the signature of before Python 3.11, which has no context.
    saw, _ = in_coroutine(
        host,
        f"""
        def factory(loop, work):
            MADE.append(work.__name__)
            return asyncio.Task(work, loop=loop)
        MADE = []
        async def mine(): return "mine"
        async def body(session, saw):
            loop = asyncio.get_running_loop()
            loop.set_task_factory(factory)
            saw["set"] = loop.get_task_factory() is factory
            saw["mine"] = await asyncio.create_task(mine(), name="named")
            saw["others"] = await asyncio.to_thread(freeswitch.API().execute, "python", "{host.script(WELL)}")
            saw["made"] = MADE
            loop.set_task_factory(None)
            await asyncio.create_task(mine())
        """,
    )
    assert saw == {"set": True, "mine": "mine", "others": "well1", "made": ["mine"]}
    is_well(host)


def test_an_exception_handler_is_that_of_its_script(host: Host) -> None:
    failing = host.script("""
        import asyncio, gc
        async def fails(): raise ValueError("of somebody else")
        async def fsapi(session, stream, env, args):
            asyncio.create_task(fails())
            await asyncio.sleep(0.01)
            gc.collect()
    """)
    saw, _ = in_coroutine(
        host,
        f"""
        def on_error(loop, context): TOLD.append(str(context["exception"]))
        TOLD = []
        async def fails(): raise ValueError("of mine")
        async def body(session, saw):
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(on_error)
            await asyncio.to_thread(freeswitch.API().execute, "python", "{failing}")
            asyncio.create_task(fails())
            await asyncio.sleep(0.01)
            gc.collect()
            saw["told"] = TOLD
        """,
    )
    assert saw == {"told": ["of mine"]}
    if not host.is_pocket:  # there asyncio's own log lines are the program's, where no script runs
        host.wait_log("of somebody else")


def test_a_default_executor_is_that_of_its_script(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        from concurrent.futures import ThreadPoolExecutor
        def name(): return threading.current_thread().name.split("_")[0]
        async def body(session, saw):
            loop = asyncio.get_running_loop()
            loop.set_default_executor(ThreadPoolExecutor(1, thread_name_prefix="own"))
            saw["own"] = await asyncio.to_thread(name)
            await loop.shutdown_default_executor()
            saw["after"] = await asyncio.to_thread(name)
            # What a script must not do, and can.
            loop._pool.shutdown()
            saw["shut"] = await asyncio.to_thread(name)
        """,
    )
    assert saw == {"own": "own", "after": "asyncio", "shut": "asyncio"}
    is_well(host)


def test_a_script_cancels_its_own_tasks_alone(host: Host) -> None:
    waiting = host.start_call(host.extension(("python", _waiting(host)), ("set", "after=yes")))
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": waiting.uuid})
    saw, _ = in_coroutine(
        host,
        """
        from asyncio import all_tasks
        async def body(session, saw):
            mine = asyncio.create_task(asyncio.sleep(60))
            others = [all_tasks() - {asyncio.current_task()}, asyncio.all_tasks() - {asyncio.current_task()}]
            saw["seen"] = [tasks == {mine} for tasks in others]
            for tasks in others:
                for task in tasks: task.cancel()
            saw["result"] = str(await asyncio.gather(mine, return_exceptions=True))
        """,
    )
    assert saw["seen"] == [True, True]
    assert "CancelledError" in saw["result"]
    assert waiting.wait().variables["waited"] == "to its end"


def _waiting(host: Host) -> str:
    return host.script("""
        async def handler(session, args):
            await session.answer()
            await session.sleep(2)
            session.variables["waited"] = "to its end"
    """)


def test_an_event_loop_policy_does_not_reach_the_loop(fresh: Callable[..., Host]) -> None:
    host = fresh()
    broken = host.script("""
        import asyncio, sys, warnings
        warnings.simplefilter("ignore")
        class Broken(asyncio.DefaultEventLoopPolicy):
            def fail(self, *args): raise RuntimeError("a broken policy")
            new_event_loop = get_event_loop = set_event_loop = get_child_watcher = fail
        def broken(*args): raise RuntimeError("a broken function")
        KEPT = asyncio.new_event_loop
        def fsapi(session, stream, env, args):
            if args:
                asyncio.set_event_loop_policy(None)
                asyncio.new_event_loop = KEPT
            else:
                asyncio.set_event_loop_policy(Broken())
                asyncio.new_event_loop = broken
    """)
    host.api(f"python {broken}")
    try:
        saw, _ = in_coroutine(
            host,
            """
            async def body(session, saw):
                process = await asyncio.create_subprocess_exec("echo", "hello", stdout=-1)
                said, _ = await process.communicate()
                saw["said"], saw["code"] = said.decode().strip(), process.returncode
                if asyncio._get_running_loop() is not None:
                    asyncio._set_running_loop(None)
            """,
        )
        assert saw == {"said": "hello", "code": 0}
        host.wait_for(lambda: host.api(f"python {host.script(WELL)}") == "well1" or None, what="a loop that is well")
    finally:
        host.api(f"python {broken} end")


BREAK = """
import asyncio
async def fsapi(session, stream, env, args):
    asyncio.get_running_loop()._selector.close()
"""


def test_a_loop_that_ends_fails_what_it_has_and_is_made_again(fresh: Callable[..., Host]) -> None:
    host = fresh()
    listens = host.script("""
        from freeswitch import consoleLog, events
        async def fsapi(session, stream, env, args):
            events.on("CUSTOM loop::test", callback=lambda event: consoleLog("info", "heard " + event["What"]))
    """)
    host.api(f"python {listens}")
    waits = host.script("""
        import asyncio
        async def handler(session, args):
            await session.answer()
            await session.sleep(3600)
        async def fsapi(session, stream, env, args):
            print("waits")
            try:
                await asyncio.sleep(3600)
            finally:
                print("is cleaned up")
    """)
    call = host.start_call(host.extension(("python", waits), ("set", "after=yes"), ("hangup", "")))
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    job = host.api(f"bgapi python {waits}").strip().rpartition(" ")[2]
    host.wait_log("^waits$")
    reply = host.api(f"python {host.script(BREAK)}")
    assert reply.startswith("-ERR") or reply == ""
    result = call.wait()
    assert "the event loop ended" in result.variables["python_error"]
    assert result.variables["after"] == "yes"
    done = host.wait_event("BACKGROUND_JOB", {"Job-UUID": job})
    assert "the event loop ended" in done["_body"]
    host.wait_log("MR0016 the event loop ended")
    host.wait_log("^is cleaned up$")
    # Who listens to events goes on, though no script asks for a loop.
    fire = host.script("""
        import freeswitch
        def fsapi(session, stream, env, args):
            event = freeswitch.Event("CUSTOM", "loop::test")
            event.addHeader("What", args)
            event.fire()
    """)
    host.api(f"python {fire} again")
    host.wait_log("^heard again$")
    is_well(host)
    # Once is not all. Who comes as it ends gets an error, too: here nobody does.
    host.api(f"python {host.script(BREAK)}")
    host.wait_for(lambda: sum("MR0016 the event loop ended" in text for text in texts(host.log())) == 2 or None)
    is_well(host)


def test_a_loop_that_cannot_be_made_is_an_error_and_tried_again(fresh: Callable[..., Host]) -> None:
    host = fresh()
    name = host.script("""
        import json, os, resource
        import freeswitch
        async def work(session, stream, env, args):
            stream.write("worked")
        def tried():
            return freeswitch.API().execute("python", __name__ + "::work").strip()
        def fsapi(session, stream, env, args):
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            taken = []
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 2, hard))
                try:
                    while True: taken.append(os.open("/dev/null", os.O_RDONLY))
                except OSError:
                    pass
                # One is left: that of the messages, and none for the loop's own.
                without = [tried(), None]
                os.close(taken.pop())
                without[1] = tried()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                for descriptor in taken: os.close(descriptor)
            stream.write(json.dumps([without, tried()]))
    """)
    without, after = json.loads(host.api(f"python {name}"))
    # Nobody waits for a loop that does not come.
    for reply in without:
        assert reply.startswith("-ERR"), reply
        assert "event loop" in reply
    assert after == "worked"


def test_a_coroutine_that_cannot_be_begun_tells_who_waits(host: Host) -> None:
    name = host.script("""
        import freeswitch
        async def handler(session, args): pass
        async def fsapi(session, stream, env, args): stream.write("ran")
        def broken(*args, **kwargs): raise RuntimeError("a broken beginning")
        def breaks(session, stream, env, args):
            from freeswitch import _loop
            if args:
                _loop.spawn = KEPT.pop()
            else:
                KEPT.append(_loop.spawn)
                _loop.spawn = broken
        KEPT = []
    """)
    assert host.api(f"python {name}") == "ran"
    host.api(f"python {name}::breaks")
    try:
        assert "a broken beginning" in host.api(f"python {name}")
        result = host.call(("python", name), ("set", "after=yes"))
    finally:
        host.api(f"python {name}::breaks no")
    assert "a broken beginning" in result.variables["python_error"]
    assert result.variables["after"] == "yes"
    assert host.api(f"python {name}") == "ran"
