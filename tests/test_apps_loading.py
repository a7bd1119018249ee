"""Loading, replacing and unloading apps at run time, and what is wrong with them."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.apps import Loaded
from support.saw import in_loop


def test_a_header_of_its_own_has_the_id_until_the_app_is_unloaded(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
class App:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session):
        if session.is_inbound(): said.append(session.cid)
        session.hangup()
def load():
    for wrong in (5, "", "\\0"):
        try: apps.load(App, app_id="own", header=wrong)
        except (TypeError, ValueError) as error: said.append(type(error).__name__)
    try: apps.load("no app")
    except TypeError as error: said.append("str" in str(error))
    return apps.load(App, app_id="own", header="variable_mine")
""",
    )
    host.call(extension=parked, variables={"mine": "own"})
    app.wait_said("TypeError", "ValueError", "ValueError", True, "own")
    app.unload()
    assert in_loop(
        host, "async def body(say):\n    from freeswitch import _loop\n    say(str(_loop.here.listener.headers))"
    ) == ("['variable_sip_h_X-switchio_app', 'variable_freeswitch_app', 'variable_switchio_app']")


@pytest.mark.parametrize("app_id", ["default", "edited"])
def test_an_app_whose_script_has_changed_takes_the_place_of_the_old_one(host: Host, parked: str, app_id: str) -> None:
    source = """
        import json
        from freeswitch import apps
        said = apps.__dict__.setdefault("said_in_test", [])
        @apps.app(name="edited APP_ID")
        class App:
            def prepost(self):
                yield
                said.append("down VERSION")
            @apps.callback("CHANNEL_PARK")
            def on_park(self, session):
                if session.is_inbound(): said.append("VERSION")
                session.hangup()
        def fsapi(session, stream, env, args):
            if args == "said": stream.write(json.dumps(said))
            elif args == "load": apps.load(App, app_id="APP_ID")
            else:
                apps.unload("APP_ID")
                del apps.said_in_test
    """.replace("APP_ID", app_id)
    name = host.script(source.replace("VERSION", "one"))
    host.api(f"python {name} load")
    host.script(source.replace("VERSION", "another"), name)
    assert host.api(f"pyreload {name}").startswith("+OK")
    host.api(f"python {name} load")
    host.call(extension=parked, variables={"freeswitch_app": app_id})
    try:
        assert host.api(f"python {name} said") == '["down one", "another"]'
    finally:
        host.api(f"python {name} unload")


def test_a_router_of_a_script_that_has_changed(host: Host, parked: str) -> None:
    source = """
        from freeswitch import apps
        from freeswitch.apps.routers import Router
        router, second = Router(), Router()
        @router.route(".*")
        async def first(sess, match, router): print("routed by VERSION")
        @second.route(".*")
        async def last(sess, match, router):
            print("last of VERSION")
            sess.hangup()
        def fsapi(session, stream, env, args):
            if args == "load": apps.load(router, app_id="routes"), apps.load(second, app_id="routes")
            else: apps.unload("routes")
    """
    name = host.script(source.replace("VERSION", "one"))
    host.api(f"python {name} load")
    host.script(source.replace("VERSION", "another"), name)
    assert host.api(f"pyreload {name}").startswith("+OK")
    host.api(f"python {name} load")
    host.call(extension=parked, variables={"freeswitch_app": "routes"})
    host.wait_log("last of another")
    assert not [line.text for line in host.log() if " of one" in line.text or " by one" in line.text]
    host.api(f"python {name} unload")


def test_apps_that_are_wrong(host: Host) -> None:
    said = in_loop(
        host,
        """
from freeswitch import apps
class Both:
    @apps.handler("CUSTOM")
    def low(self, event): pass
async def waits(self, event): pass
def no_prepost(self): return
def bad(**members): return type("Bad", (Both,), members)
async def body(say):
    one, two = Both(), Both()
    apps.load(one, app_id="objects"), apps.load(two, app_id="objects")
    def never(self):
        return
        yield
    async def gen(self): yield
    for wrong in (one, bad(prepost=never), bad(prepost=gen), bad(prepost=waits),
                  bad(low=apps.handler("CUSTOM")(waits)), bad(low=apps.callback("CUSTOM")(waits))):
        try: say(apps.load(wrong, app_id="objects"))
        except (TypeError, ValueError) as error: say("-")
    apps.unload("objects")
""",
    )
    assert said == "------"


def test_the_end_of_a_peer_is_an_error_to_whom_works_on_another_leg(host: Host, parked: str) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    app = Loaded(
        host,
        """
class App:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return
        await session.answer()
        # Answered already: nothing to wait for.
        await asyncio.wait_for(session.answer(), 5)
        before = len(session._waits)
        for _ in range(3):
            try: await session.recv("CHANNEL_UNHOLD", timeout=0.01)
            except asyncio.TimeoutError: pass
        said.append([len(waits) for name, waits in session._waits.items() if name == "CHANNEL_UNHOLD"])
        uuid = await apps.originate("loopback/CALLEE")
        other = session._listener.sessions[uuid]
        other.hangup()
        try: await other.recv("CHANNEL_UNHOLD")
        except freeswitch.SessionLost: said.append("lost")
def load(): return apps.load(App, app_id="peers")
""".replace("CALLEE", callee),
    )
    app.work_on_a_call(parked, [0], "lost")


def test_a_job_s_callback_that_raises_and_a_command_that_there_is_not(host: Host) -> None:
    app = Loaded(
        host,
        """
class App:
    @apps.handler("CUSTOM")
    def low(self, event): pass
def load():
    async def work():
        for command, callback in (("echo hello", lambda answer: 1 / 0), ("nosuchcommand", None)):
            try: said.append(await apps.bgapi(command, callback))
            except Exception as error: said.append(type(error).__name__)
    asyncio.ensure_future(work())
    return apps.load(App, app_id="jobs")
""",
    )
    app.wait_said("ZeroDivisionError", "JobError")
    app.unload()


def test_verbs_that_are_awaited(host: Host, parked: str) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    app = Loaded(
        host,
        """
class App:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return
        await session.answer()
        said.append((await session.playback("tone_stream://%(100,0,440)"))["Playback-Status"])
        said.append((await session.bridge("loopback/CALLEE")).getType())
def load(): return apps.load(App, app_id="awaits")
""".replace("CALLEE", callee),
    )
    app.work_on_a_call(parked, "done", "CHANNEL_BRIDGE")
