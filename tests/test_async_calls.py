"""Async handlers: verbs that are awaited, digits between them, and the end of the call."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from hosts.base import Host
from support.configuration import settings
from support.saw import coroutine, in_api, in_coroutine, seen


def test_verbs_run_in_order(host: Host) -> None:
    saw, result = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            await session.play("tone_stream://%(200,0,440)")
            await session.sleep(0.1)
            await session.execute("set", "did=it")
            saw["did"] = session.variables["did"]
        """,
    )
    assert saw["did"] == "it"
    assert result.answered
    names = [e["Event-Name"] for e in result.events]
    assert names.index("CHANNEL_ANSWER") < names.index("PLAYBACK_START") < names.index("PLAYBACK_STOP")


def test_a_timeout_ends_what_plays_and_nothing_else(host: Host) -> None:
    saw, result = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            for _ in range(3):
                try:
                    await asyncio.wait_for(session.play("silence_stream://20000"), 0.2)
                except asyncio.TimeoutError:
                    saw["ended"] = saw.get("ended", 0) + 1
            await session.sleep(0.2)
            saw["ready"] = session.ready()
        """,
    )
    assert saw == {"ended": 3, "ready": True}
    assert [e["Event-Name"] for e in result.events].count("PLAYBACK_STOP") == 3


def test_many_things_at_once(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            async def ask():
                await asyncio.sleep(0.2)
                return "from the database"
            music = asyncio.create_task(session.play("silence_stream://60000"))
            saw["asked"], saw["name"] = await asyncio.gather(ask(), asyncio.to_thread(lambda: "from a thread"))
            music.cancel()
            saw["music"] = [type(e).__name__ for e in await asyncio.gather(music, return_exceptions=True)]
            saw["digits"] = await session.get_digits(1, timeout=0.2)
        """,
    )
    assert saw == {"asked": "from the database", "name": "from a thread", "music": ["CancelledError"], "digits": ""}


WAITS = [
    "session.play('silence_stream://60000')",
    "session.get_digits(1)",
    "session.sleep(60)",
    "asyncio.sleep(60)",
    "session.execute('sleep', '60000')",
]


@pytest.mark.parametrize("waits", WAITS)
def test_the_hangup_cancels_the_coroutine(host: Host, waits: str) -> None:
    saw, _ = in_coroutine(
        host,
        f"""
        async def body(session, saw):
            await session.answer()
            try:
                await {waits}
            except asyncio.CancelledError as error:
                saw["reason"] = str(error)
                saw["lost"] = session.lost
                saw["cause"] = session.cause
                raise
            saw["went on"] = True
        """,
        hangup_after=1.5,
    )
    assert saw == {"reason": "hangup", "lost": "hangup", "cause": "NORMAL_CLEARING"}


def test_the_hook_comes_before_the_end_of_the_coroutine(host: Host) -> None:
    saw, result = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            saw["order"] = []
            async def hook(of, what):
                await asyncio.sleep(0.1)
                saw["order"].append([what, of.cause, of is session])
                of.setVariable("hooked", "yes")
            session.set_hangup_hook(hook)
            try:
                await session.sleep(60)
            finally:
                saw["order"].append("cancelled")
        """,
        hangup_after=1.5,
    )
    assert saw["order"] == [["hangup", "NORMAL_CLEARING", True], "cancelled"]
    assert result.variables["hooked"] == "yes"


def test_a_hook_of_a_script_that_hangs_up_itself(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            session.set_hangup_hook(lambda session, what: session.setVariable("hooked", what + session.cause))
            await session.hangup("USER_BUSY")
        """,
    )
    assert saw == {}


def test_a_hook_is_told_of_a_transfer(host: Host) -> None:
    there = host.extension(("set", "arrived=yes"))
    _, result = in_coroutine(
        host,
        f"""
        async def body(session, saw):
            await session.answer()
            # The call goes on meanwhile, and may be over before the hook sets a variable.
            session.set_hangup_hook(lambda session, what: print("hooked", what))
            await session.transfer("{there}")
            await session.sleep(60)
        """,
    )
    host.wait_log("^hooked transfer$")
    assert result.variables["arrived"] == "yes"


def test_what_is_shielded_goes_on_without_the_call(host: Host) -> None:
    name = coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            session.setVariable("customer", "42")
            async with session.hangup_shield():
                await asyncio.sleep(0.3)
                while session.lost is None:
                    await asyncio.sleep(0.1)
                await asyncio.sleep(1)
                print("saved", session.variables["customer"], session.cause)
                try:
                    await session.play("silence_stream://1000")
                except freeswitch.SessionGone:
                    print("no more verbs")
            print("not reached")
        """,
    )
    host.run("python", name, hangup_after=1.5)
    host.wait_log("^saved 42 NORMAL_CLEARING$")
    host.wait_log("^no more verbs$")
    host.wait_for(lambda: "0 running" in host.api("pyps") or None, what="its end")
    host.no_log("^not reached$")


def test_errors_are_told_as_those_of_other_scripts(host: Host) -> None:
    name = host.script("""
        async def handler(session, args):
            await session.answer()
            raise ValueError("in the coroutine")
    """)
    result = host.call(("python", name), ("set", "went_on=yes"))
    assert "in the coroutine" in result.variables["python_error"]
    assert result.variables["went_on"] == "yes"
    line = host.wait_log(r"^MR0004 application .*::handler")
    assert line.uuid == result.uuid


def test_a_verb_that_fails(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            for file in ("/nowhere/at/all.wav", ""):
                try:
                    await session.play(file)
                except (freeswitch.VerbError, ValueError) as error:
                    saw[file] = type(error).__name__
            try:
                await session.sleep(-1)
            except ValueError:
                saw["negative"] = "ValueError"
            await session.sleep(0.1)
            saw["ready"] = session.ready()
        """,
    )
    assert saw["/nowhere/at/all.wav"] == "VerbError"
    assert saw["negative"] == "ValueError"
    assert saw["ready"] is True


def test_verbs_that_would_make_all_wait_are_refused(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            for name, call in {
                "msleep": lambda: freeswitch.msleep(10),
                "streamFile": lambda: session.streamFile("silence_stream://100"),
                "Session": lambda: freeswitch.Session("loopback/nobody"),
                "pop": lambda: freeswitch.EventConsumer("CUSTOM").pop(1),
            }.items():
                saw[name] = tried(call).partition(":")[0]
        """,
    )
    assert saw == dict.fromkeys(("msleep", "streamFile", "Session", "pop"), "RuntimeError")


def test_sys_exit_ends_the_coroutine_alone(host: Host) -> None:
    name = host.script("""
        import sys
        async def handler(session, args):
            await session.answer()
            sys.exit(3)
    """)
    result = host.call(("python", name), ("set", "went_on=yes"))
    assert "python_error" not in result.variables
    assert result.variables["went_on"] == "yes"
    saw, _ = in_coroutine(host, "async def body(session, saw): saw['still'] = 'here'")
    assert saw == {"still": "here"}


def test_other_ways_in(host: Host) -> None:
    name = host.script("""
        import asyncio
        async def fsapi(session, stream, env, args):
            await asyncio.sleep(0.1)
            stream.write("slept " + args)
        async def runtime(args):
            await asyncio.sleep(0.1)
            print("ran", args)
        async def fails(session, stream, env, args):
            await asyncio.sleep(0)
            raise KeyError("in fsapi")
    """)
    assert host.api(f"python {name} well") == "slept well"
    assert host.api(f"pyrun {name} there").startswith("+OK")
    host.wait_log("^ran there$")
    assert "in fsapi" in host.api(f"python {name}::fails")


def test_ways_in_that_are_asked_for_an_answer(host: Host) -> None:
    name = host.script("""
        import asyncio
        async def dialplan(session, args):
            await asyncio.sleep(0.01)
            return [("set", "routed=" + session.variables["destination_number"])]
        async def json(data, args):
            await asyncio.sleep(0.01)
            return {"doubled": data["number"] * 2}
        async def chat(message, args):
            await asyncio.sleep(0.01)
            message["answer"] = message.body + " " + args
        async def xml_fetch(params):
            await asyncio.sleep(0.01)
            if params["section"] != "configuration" or params["key_value"] != "made_up.conf": return None
            return '''<document type="freeswitch/xml"><section name="configuration">
              <configuration name="made_up.conf"/></section></document>'''
    """)
    host.config(
        settings(
            f'<param name="xml-handler-script" value="{name}"/>',
            '<param name="xml-handler-bindings" value="configuration"/>',
        )
    )
    saw = in_api(
        host,
        f"""
        def body(saw):
            saw["json"] = freeswitch.API().json("python", {{"run": "{name}", "number": 21}})
            message = freeswitch.Event("MESSAGE")
            message.addBody("hello")
            saw["chat"] = message.chat_execute("python", "{name} you")
            saw["answer"] = message["answer"]
        """,
    )
    assert saw == {"json": {"doubled": 42}, "chat": 0, "answer": "hello you"}
    assert "made_up.conf" in host.api("xml_locate configuration configuration name made_up.conf")
    assert host.call(("transfer", f"1234 python:{name}")).variables["routed"] == "1234"


def test_ways_in_that_nobody_waits_for(host: Host) -> None:
    name = host.script("""
        import asyncio
        async def hook(event, args):
            await asyncio.sleep(0.01)
            print("hook", args, event["Number"])
        async def runtime(args):
            await asyncio.sleep(0.01)
            print("started", args)
        def fsapi(session, stream, env, args):
            import freeswitch
            freeswitch.Event({"Event-Name": "CUSTOM", "Event-Subclass": "hooks::async", "Number": "7"}).fire()
    """)
    host.config(
        settings(
            f'<hook event="CUSTOM" subclass="hooks::async" script="{name} x"/>',
            f'<param name="startup-script" value="{name} once"/>',
        )
    )
    host.wait_log("^started once$")
    host.api(f"python {name}")
    host.wait_log("^hook x 7$")


def test_pyps_and_pykill(host: Host) -> None:
    name = coroutine(
        host,
        """
        async def inner(session):
            await session.sleep(15)
        async def body(session, saw):
            await session.answer()
            print("waits")
            await inner(session)
        """,
    )
    call = host.start_call(host.extension(("python", name), ("set", "went_on=yes")))
    host.wait_log("^waits$")
    (script,) = json.loads(host.api("pyps json"))
    assert script["uuid"] == call.uuid
    assert script["way"] == "application"
    assert "in inner" in script["place"]
    assert host.api(f"pykill {script['id']}").startswith("+OK")
    result = call.wait()
    assert "was ended: by pykill" in result.variables["python_error"]
    assert result.variables["went_on"] == "yes"


def test_print_has_the_call_s_uuid(host: Host) -> None:
    name = host.script("""
        async def handler(session, args):
            print("printed in a coroutine")
    """)
    result = host.call(("python", name))
    assert host.wait_log("^printed in a coroutine$").uuid == result.uuid


def test_reading_a_call_that_is_gone(host: Host) -> None:
    name = coroutine(
        host,
        """
        kept = []
        async def body(session, saw):
            await session.answer()
            session.setVariable("mine", "yes")
            kept.append(session)
        async def fsapi(session, stream, env, args):
            try:
                stream.write(kept[0].variables["mine"])
            except freeswitch.SessionGone as error:
                stream.write("gone " + error.uuid)
        """,
    )
    _, result = seen(host.run("python", name))
    assert host.api(f"python {name}") == f"gone {result.uuid}"


@pytest.mark.freeswitch_only  # on pocket the loop waits in the switch's own time
def test_uvloop_where_the_virtual_environment_has_it(fresh: Callable[..., Host]) -> None:
    host = fresh(config=settings(f'<param name="virtual-env" value="{sys.prefix}"/>'))
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            saw["loop"] = type(asyncio.get_running_loop()).__module__
            answered = asyncio.ensure_future(session.once("CHANNEL_ANSWER", timeout=5))
            await asyncio.sleep(0)
            await session.answer()
            saw["answered"] = (await answered)["Unique-ID"] == session.uuid
            try:
                await asyncio.wait_for(session.play("silence_stream://20000"), 0.2)
            except asyncio.TimeoutError:
                saw["timeout"] = True
            await session.sleep(20)
        """,
        hangup_after=4.0,
    )
    assert saw == {"loop": "uvloop", "answered": True, "timeout": True}
