"""Threads that a script starts use the same objects."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.saw import in_api, in_call


def test_threads_use_the_session(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            session.answer()
            def work(n):
                for _ in range(50):
                    session.setVariable("thread_%d" % n, str(n))
                    assert session.variables["thread_%d" % n] == str(n)
                    session.ready(), session.getState(), session.hangupCause()
                    event = freeswitch.Event("CUSTOM", "threads::one")
                    session.setEventData(event)
                    event.fire()
                done.append(n)
            done = []
            threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            saw["done"] = sorted(done)
        """,
    )
    assert saw == {"done": list(range(8))}


def test_a_thread_hangs_up_and_the_script_s_wait_breaks(host: Host) -> None:
    saw, result = in_call(
        host,
        """
        def hook(session, what, saw): saw["hook on"] = threading.get_ident() == saw.pop("main")
        def later(session):
            freeswitch.msleep(300)
            session.hangup("USER_BUSY")
        def body(session, saw):
            saw["main"] = threading.get_ident()
            session.setHangupHook(hook, saw)
            session.answer()
            threading.Thread(target=later, args=(session,)).start()
            session.sleep(15000)
            saw["ready"] = session.ready()
        """,
        timeout=8,
    )
    assert saw == {"hook on": True, "ready": False}
    assert result.cause == "USER_BUSY"


def test_a_thread_that_outlives_the_call_is_told(host: Host) -> None:
    name = host.script("""
        import threading, freeswitch
        GO = threading.Event()
        def late(session):
            GO.wait(20)
            try:
                session.getVariable("x")
            except freeswitch.SessionGone as error:
                freeswitch.consoleLog("info", "late thread: %s %s\\n" % (session.ready(), error.uuid))
        def handler(session, args):
            threading.Thread(target=late, args=(session,)).start()
        def fsapi(session, stream, env, args): GO.set()
    """)
    uuid = host.run("python", name).uuid
    host.wait_no_calls()
    host.api(f"python {name}")
    host.wait_log(f"^late thread: False {uuid}")


def test_executors_and_asyncio(host: Host) -> None:
    saw = in_api(
        host,
        """
        import asyncio
        from concurrent.futures import ThreadPoolExecutor
        def body(saw):
            api = freeswitch.API()
            with ThreadPoolExecutor(4) as pool:
                saw["pool"] = list(pool.map(lambda n: api.execute("echo", str(n)), range(8)))
            async def main():
                return await asyncio.gather(*(asyncio.to_thread(api, "echo %d" % n) for n in range(4)))
            saw["asyncio"] = asyncio.run(main())
        """,
    )
    assert saw == {"pool": [str(n) for n in range(8)], "asyncio": [str(n) for n in range(4)]}


@pytest.mark.freeswitch_only  # in pocket nothing has real-time priority
def test_a_script_s_own_threads_do_not_keep_the_switch_from_the_processors(host: Host) -> None:
    name = host.script("""
        import os, threading
        def say(what):
            print(what, "runs", "ordinarily" if os.sched_getscheduler(0) == os.SCHED_OTHER else "before all others")
        def runtime(args):
            say("pyrun")
        def fsapi(session, stream, env, args):
            thread = threading.Thread(target=say, args=("thread",))
            thread.start()
            thread.join()
    """)
    host.api(f"pyrun {name}")
    host.api(f"python {name}")
    host.wait_log("^pyrun runs ordinarily$")
    host.wait_log("^thread runs ordinarily$")


def test_a_thread_places_calls(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    saw = in_api(
        host,
        f"""
        def body(saw):
            saw["causes"] = []
            def place():
                with freeswitch.Session("loopback/{callee}") as other:
                    ready = other.ready()
                saw["causes"].append([ready, other.cause])
            threads = [threading.Thread(target=place) for _ in range(4)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        """,
    )
    assert saw == {"causes": [[True, "NORMAL_CLEARING"]] * 4}
    host.wait_no_calls()


def test_thread_locals_that_end_with_the_thread_use_the_switch(host: Host) -> None:
    name = host.script("""
        import logging, threading, freeswitch
        class Last:
            def __init__(self, what): self.what = what
            def __del__(self):
                try:
                    if self.what == "prints": print("thread-local prints")
                    if self.what == "logs": logging.warning("thread-local logs")
                    if self.what == "calls":
                        freeswitch.consoleLog("info", "thread-local calls %s" % freeswitch.API()("echo it"))
                    if self.what == "runs":
                        reply = freeswitch.API().execute("python", __name__)
                        freeswitch.consoleLog("info", "thread-local runs " + reply)
                    if self.what == "waits":
                        freeswitch.msleep(1)
                        freeswitch.consoleLog("info", "thread-local waits")
                except Exception as error:
                    freeswitch.consoleLog("info", "thread-local %s: %r" % (self.what, error))
        LOCAL = threading.local()
        def runtime(args):
            LOCAL.last = Last(args)
        def fsapi(session, stream, env, args):
            stream.write("ran")
    """)
    for what in ("prints", "logs", "calls", "runs", "waits"):
        assert host.api(f"pyrun {name} {what}").startswith("+OK")
    host.wait_log("^thread-local prints$")
    host.wait_log("^thread-local logs$")
    host.wait_log("^thread-local calls it$")
    # The thread is at its end: no script begins on it any more.
    host.wait_log("^thread-local runs -ERR")
    host.wait_log("^thread-local waits$")
    host.no_log("panic|Panic")


def test_a_thread_whose_class_guards_its_attributes(host: Host) -> None:
    saw = in_api(
        host,
        """
        class Guarded(threading.Thread):
            def __init__(self, done):
                super().__init__()
                self.__dict__["done"] = done
            def __setattr__(self, name, value):
                if name == "run": raise AttributeError("run is fixed")
                super().__setattr__(name, value)
            def __delattr__(self, name):
                raise AttributeError("nothing is taken away")
            def run(self): self.done.append("ran")
        def body(saw):
            saw["done"] = []
            threads = [Guarded(saw["done"]) for _ in range(3)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        """,
    )
    assert saw == {"done": ["ran"] * 3}


def test_every_way_to_start_a_thread_is_the_script_s(host: Host) -> None:
    name = host.script("""
        import _thread, threading
        def fsapi(session, stream, env, args):
            gone = _thread.allocate_lock()
            gone.acquire()
            def say(what, also=""):
                print("a thread of", what + also)
                gone.release()
            _thread.start_new_thread(say, ("_thread",))
            gone.acquire()
            _thread.start_new_thread(say, ("_thread",), {"also": " with keywords"})
            gone.acquire()
            timer = threading.Timer(0, say, ("a timer",))
            timer.start()
            timer.join()
            for wrong in ((1, ()), (say, 1), (say, (), 1), ()):
                try:
                    _thread.start_new_thread(*wrong)
                except TypeError:
                    stream.write("TypeError,")
    """)
    assert host.api(f"python {name}") == "TypeError," * 4
    for what in ("_thread", "_thread with keywords", "a timer"):
        assert host.wait_log(f"^a thread of {what}$").level == "INFO"
