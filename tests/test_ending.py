"""The end of the switch and of the module, with scripts that run, wait, sleep and refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hosts.base import Host
from hosts.freeswitch import FreeSwitchHost
from support.configuration import settings

# On pocket the process, its threads and its exit are the program's.
pytestmark = pytest.mark.freeswitch_only

STUCK = {
    "spins": "while True: pass",
    "sleeps": "time.sleep(3600)",
    "waits": "freeswitch.msleep(3600000)",
    "refuses": """while True:
        try:
            while True: pass
        except BaseException: pass""",
}


@pytest.mark.parametrize("how", [*STUCK, "all"])
def test_shutdown_ends_with_status_0(fresh: Callable[..., Host], tmp_path: Path, how: str) -> None:
    host = fresh(config=settings(("shutdown-timeout", "1")))
    for kind in STUCK if how == "all" else [how]:
        name = host.script(
            f"import time\nimport freeswitch\ndef runtime(args):\n    print('{kind}')\n    {STUCK[kind]}\n"
        )
        assert host.api(f"pyrun {name}").startswith("+OK ")
        host.wait_log(f"^{kind}$")
    told = tmp_path / "told"
    name = host.script(f"""
        import atexit, pathlib
        def runtime(args):
            atexit.register(lambda: pathlib.Path({str(told)!r}).write_text("atexit"))
            print("registered")
    """)
    host.api(f"pyrun {name}")
    host.wait_log("^registered$")
    assert host.stop() == 0
    assert told.read_text() == "atexit"


def test_shutdown_with_calls_that_sleep(fresh: Callable[..., Host]) -> None:
    host = fresh(config=settings(("shutdown-timeout", "1")))
    name = host.script("""
        def handler(session, args):
            session.answer()
            print("in the call")
            session.sleep(3600000)
    """)
    host.start_call(host.extension(("python", name)))
    host.wait_log("^in the call$")
    assert host.stop() == 0


def test_threads_inside_ssl_sqlite_and_hashlib(fresh: Callable[..., Host]) -> None:
    host = fresh(config=settings(("shutdown-timeout", "1")))
    name = host.script("""
        # FreeSWITCH's threads have real-time priority: without the naps nothing else would run.
        import hashlib, sqlite3, ssl, threading, time
        def digest():
            while True: hashlib.pbkdf2_hmac("sha256", b"x", b"y", 20000), time.sleep(0.002)
        def query():
            db = sqlite3.connect(":memory:")
            while True: db.execute("with recursive n(i) as (select 1 union all select i+1 from n limit 20000) "
                                   "select sum(i) from n").fetchall(), time.sleep(0.002)
        def context():
            while True: ssl.create_default_context(), time.sleep(0.002)
        def runtime(args):
            for work in (digest, query, context):
                threading.Thread(target=work).start()
            print("working")
    """)
    host.api(f"pyrun {name}")
    host.wait_log("^working$")
    assert host.stop() == 0


def test_shutdown_with_coroutines(fresh: Callable[..., Host], tmp_path: Path) -> None:
    host = fresh(config=settings(("shutdown-timeout", "1")))
    told = tmp_path / "told"
    name = host.script(f"""
        import asyncio, pathlib
        from freeswitch import events
        async def handler(session, args):
            await session.answer()
            print("in the call")
            try:
                await session.sleep(3600)
            except asyncio.CancelledError:
                pathlib.Path({str(told)!r}).write_text("cancelled")
                raise
        async def runtime(args):
            print("in the background")
            async for event in events.stream("ALL"): pass
    """)
    assert host.api(f"pyrun {name}").startswith("+OK ")
    host.wait_log("^in the background$")
    host.start_call(host.extension(("python", name)))
    host.wait_log("^in the call$")
    assert host.stop() == 0
    assert told.read_text() == "cancelled"


def test_a_module_that_is_loaded_again_has_a_loop_again(fresh: Callable[..., Host]) -> None:
    host = fresh()
    name = host.script("""
        import asyncio
        async def fsapi(session, stream, env, args):
            await asyncio.sleep(0.01)
            stream.write("slept")
    """)
    for _ in range(3):
        assert host.api(f"python {name}") == "slept"
        assert "+OK module loaded" in host.api("reload mod_rust")


def test_loading_again_leaves_no_thread_behind(fresh: Callable[..., Host]) -> None:
    host = fresh()
    assert isinstance(host, FreeSwitchHost)
    assert host.process
    maps = Path(f"/proc/{host.process.pid}/maps")
    name = host.script("def fsapi(session, stream, env, args): stream.write(args)")

    def load_again(times: int) -> int:
        for _ in range(times):
            assert "+OK" in host.api("reload mod_rust")
            assert host.api(f"python {name} hello") == "hello"
        return len(maps.read_text(encoding="utf-8").splitlines())

    before = load_again(5)
    # The core joins the thread that a module's runtime function had, unless the module refuses to be unloaded.
    assert load_again(20) < before + 20
