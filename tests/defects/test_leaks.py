"""What grew in mod_python3 with every call (rows P40 to P46)."""

from __future__ import annotations

import json

from hosts.base import Host
from support.saw import in_api


def test_p40_results_of_callbacks(host: Host) -> None:
    name = host.script("""
        import sys
        ANSWER = "".join(["tr", "ue"])
        def on_input(session, what, obj): return ANSWER
        def hook(session, what): return ANSWER
        def handler(session, args):
            session.answer()
            session.setInputCallback(on_input)
            session.setHangupHook(hook)
            session.sleep(15000)
        def fsapi(session, stream, env, args): stream.write(str(sys.getrefcount(ANSWER)))
    """)
    before = host.api(f"python {name}")
    host.run("python", name, press=[(0.2, "1234567890" * 3)], hangup_after=1.5)
    assert host.api(f"python {name}") == before


def test_p41_p46_failing_scripts(host: Host) -> None:
    failing = host.script("""
        def deep(n):
            if n:
                deep(n - 1)
            raise ValueError("again")
        def fsapi(session, stream, env, args): deep(20)
    """)
    looking = host.script("""
        import gc, json
        COLLECTED = []
        def note(phase, info):
            if phase == "start" and info["generation"] == 2:
                COLLECTED.append(1)
        def fsapi(session, stream, env, args):
            if args == "begin":
                gc.collect()
                gc.callbacks.append(note)
            else:
                gc.callbacks.remove(note)
                gc.collect()
            stream.write(json.dumps([len(gc.get_objects()), len(COLLECTED)]))
    """)
    for _ in range(20):
        host.api(f"python {failing}")
    before, _ = json.loads(host.api(f"python {looking} begin"))
    for _ in range(200):
        host.api(f"python {failing}")
    after, collections = json.loads(host.api(f"python {looking} end"))
    assert after - before < 100, "objects stay behind after errors"
    assert collections < 20, "an error is followed by a whole collection"


def test_p42_search_path(host: Host) -> None:
    name = host.script("""
        import sys
        def handler(session, args): pass
        def fsapi(session, stream, env, args): stream.write(str(len(sys.path)))
    """)
    extension = host.extension(("set", f"python_script_path={host.script_dir}"), ("python", name))
    host.call(extension=extension)
    before = host.api(f"python {name}")
    for _ in range(10):
        host.call(extension=extension)
    assert host.api(f"python {name}") == before


def test_p43_module_state_stays(host: Host) -> None:
    name = host.script("""
        COUNT = 0
        class Kept: pass
        KEPT = Kept()
        def fsapi(session, stream, env, args):
            global COUNT
            COUNT += 1
            stream.write("%d %s" % (COUNT, isinstance(KEPT, Kept)))
    """)
    assert [host.api(f"python {name}") for _ in range(3)] == ["1 True", "2 True", "3 True"]


def test_p44_a_kept_session_keeps_no_channel(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    name = host.script(f"""
        import freeswitch
        KEPT = []
        class Circle: pass
        def hook(session, what): pass
        def handler(session, args):
            session.setHangupHook(lambda *_: session)
            other = freeswitch.Session("loopback/{callee}")
            circle = Circle()
            circle.me, circle.session = circle, other
            other.circle = circle
            KEPT.extend([session, other])
            try:
                raise ValueError("kept")
            except ValueError as error:
                KEPT.append(error)
        def fsapi(session, stream, env, args):
            for kept in KEPT[:2]:
                try:
                    kept.answer()
                except freeswitch.SessionGone as error:
                    stream.write(error.uuid + ",")
            stream.write(str(KEPT[1].variables["channel_name"]) + "," + KEPT[1].hangupCause())
    """)
    uuid = host.run("python", name).uuid
    host.wait_no_calls()
    reply = host.api(f"python {name}").split(",")
    assert reply[0] == uuid
    assert reply[2:] == [f"loopback/{callee}-a", "NORMAL_CLEARING"]


def test_p44_sessions_without_end(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    saw = in_api(
        host,
        f"""
        def body(saw):
            for _ in range(5):
                freeswitch.Session("loopback/{callee}")  # dropped at once
        """,
    )
    assert saw == {}
    host.wait_no_calls()
