"""Call applications as switchio has them: marks, models, loading, and what they wait for."""

from __future__ import annotations

import json

from hosts.base import Host
from support.apps import COMMANDS, HEAD, Loaded


def test_a_parked_call_is_worked_on(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
class Greeter:
    @apps.callback("CHANNEL_ANSWER")
    def count(self, session):
        if session.uuid in mine: said.append("answered")

    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return  # the far end of the test
        mine.append(session.uuid)
        said.append("parked")
        await session.answer()
        session.playback("tone_stream://%(100,0,440)")
        await session.recv("PLAYBACK_START")
        said.append("plays")
        event = await session.recv("PLAYBACK_STOP", timeout=5)
        said.append(event["Playback-Status"])
        session.setvar("mood", "good")
        said.append(session.getvar("mood"))
        await session.hangup("USER_BUSY")
        said.append(session["Hangup-Cause"])

mine = []
def load(): return apps.load(Greeter, app_id="default")
""",
    )
    result = host.call(extension=parked)
    app.wait_said("parked", "answered", "plays", "done", "good", "USER_BUSY")
    assert result.cause == "USER_BUSY"
    app.unload()


def test_a_clip_that_plays_before_its_beginning_is_waited_for(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
import time
class Late:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return  # the far end of the test
        await session.answer()
        session.playback("tone_stream://%(100,0,440)")
        time.sleep(0.5)  # the loop stands still, the leg does not
        await session.recv("PLAYBACK_START", timeout=5)
        said.append("plays")
        await session.hangup("USER_BUSY")

def load(): return apps.load(Late, app_id="default")
""",
    )
    assert host.call(extension=parked).cause == "USER_BUSY"
    app.wait_said("plays")
    app.unload()


def test_calls_find_their_app_by_its_id(host: Host, parked: str) -> None:
    both = Loaded(
        host,
        """
class Named:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session):
        said.append([session.cid, session["Caller-Destination-Number"] != ""])
        session.hangup()

class Other(Named): pass

def load():
    apps.load(Other, app_id="other")
    return apps.load(Named, app_id="sales", header="variable_department")
""",
    )
    host.call(extension=parked, variables={"department": "sales"})
    both.wait_said(["sales", True])
    host.call(extension=parked, variables={"freeswitch_app": "other"})
    both.wait_said(["sales", True], ["other", True])
    both.unload()
    host.api(f"python {both.name} unload other")


def test_several_apps_under_one_id_work_in_their_order(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
def make(name, last=False):
    class App:
        @apps.callback("CHANNEL_PARK")
        def on_park(self, session):
            said.append(name)
            if last: session.hangup()
    App.__name__ = name
    return App

def load():
    apps.load(make("second"), app_id="several")
    apps.load(make("third", last=True), app_id="several")
    apps.load(make("first"), app_id="several", prepend=True)
    try: apps.load(make("first"), app_id="several")
    except ValueError as error: said.append("twice")
    return "several"
""",
    )
    host.call(extension=parked, variables={"freeswitch_app": "several"})
    app.wait_said("twice", "first", "second", "third")
    app.unload()


def test_set_up_and_tear_down(host: Host) -> None:
    app = Loaded(
        host,
        """
class App:
    def prepost(self, listener, greeting="none"):
        said.append(["up", greeting, listener.count_sessions()])
        yield
        said.append("down")

    @apps.handler("CUSTOM")
    def low(self, event): pass

class Fails:
    def prepost(self): raise KeyError("in prepost")
    @apps.handler("CUSTOM")
    def low(self, event): pass

class Nothing: pass

def load():
    for bad in (Fails, Nothing):
        try: apps.load(bad, app_id="bad")
        except (KeyError, ValueError) as error: said.append(type(error).__name__)
    try: apps.load(App, app_id="up", wrong=1)
    except TypeError: said.append("TypeError")
    return apps.load(App, app_id="up", greeting="hello")
""",
    )
    app.wait_said("KeyError", "ValueError", "TypeError", ["up", "hello", 0])
    app.unload()
    app.wait_said("KeyError", "ValueError", "TypeError", ["up", "hello", 0], "down")


def test_what_raises_harms_nothing_else(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
class Bad:
    @apps.handler("CHANNEL_PARK")
    def low(self, event): raise ValueError("in the handler")
    @apps.callback("CHANNEL_PARK")
    def back(self, session): raise ValueError("in the callback")
    @apps.coroutine("CHANNEL_PARK")
    async def co(self, session): raise ValueError("in the coroutine")

class Good:
    @apps.coroutine("CHANNEL_PARK")
    async def co(self, session):
        await asyncio.sleep(0.1)
        said.append("good")
        session.hangup()

def load(): return apps.load_multi([Bad, Good], "harm")
""",
    )
    host.call(extension=parked, variables={"freeswitch_app": "harm"})
    app.wait_said("good")
    for place in ("handler", "callback", "coroutine"):
        host.wait_log(f"in the {place}")
    app.unload()


def test_the_end_of_the_leg_ends_what_waits_for_it(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
class App:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        said.append("waits")
        try: await session.recv("CHANNEL_UNHOLD")
        except asyncio.CancelledError:
            said.append(["over", session.hungup, session.done()])
            raise

    @apps.callback("CHANNEL_DESTROY")
    def on_end(self, session):
        # The far end's leg has the same id on a loopback call.
        if session.is_inbound():
            said.append([session["Hangup-Cause"], session.times["hangup"] >= session.times["create"]])

def load(): return apps.load(App, app_id="ends")
""",
    )
    call = host.start_call(parked, variables={"freeswitch_app": "ends"})
    app.wait_said("waits")
    running = json.loads(host.api("pyps json"))
    assert [(s["way"], s["function"], s["uuid"]) for s in running if s["way"] == "app"] == [
        ("app", "App::on_park", call.uuid)
    ]
    call.hangup()
    call.wait()
    app.wait_said("waits", ["NORMAL_CLEARING", True], ["over", True, True])
    assert "0 running" in host.api("pyps")
    app.unload()


def test_poll_and_timeouts(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
class App:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return  # the far end of the test, which parks when this one answers
        try: await session.recv("CHANNEL_UNHOLD", timeout=0.1)
        except asyncio.TimeoutError: said.append("late")
        session.answer()
        events, left = await session.poll(["CHANNEL_UNHOLD", "CHANNEL_ANSWER"])
        said.append([[event.getType() for event in events], left])
        try: await session.poll(["CHANNEL_UNHOLD", "CHANNEL_HOLD"], timeout=0.1)
        except asyncio.TimeoutError: said.append("none")
        session.hangup()

def load(): return apps.load(App, app_id="polls")
""",
    )
    host.call(extension=parked, variables={"freeswitch_app": "polls"})
    app.wait_said("late", [["CHANNEL_ANSWER"], ["CHANNEL_UNHOLD"]], "none")
    app.unload()


def test_jobs(host: Host) -> None:
    app = Loaded(
        host,
        """
class App:
    @apps.handler("CUSTOM")
    def low(self, event): pass

def load():
    async def work():
        said.append(await apps.bgapi("echo hello", lambda answer: answer.upper()))
        job = apps.bgapi("originate nothing/at/all &park()")
        try: await job
        except apps.JobError as error: said.append([str(error), job.successful()])
    asyncio.ensure_future(work())
    return apps.load(App, app_id="jobs")
""",
    )
    app.wait_said("HELLO", ["CHAN_NOT_IMPLEMENTED", False])
    app.unload()


def test_a_call_that_an_app_places(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    app = Loaded(
        host,
        f"""
class Dialer:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        said.append([session.is_outbound(), session.appname])
        session.call.hangup()

def load():
    app_id = apps.load(Dialer, app_id="dialer")
    apps.originate("loopback/{callee}", app_id, variables={{"mine": "yes"}})
    return app_id
""",
    )
    app.wait_said([True, "dialer"])
    app.unload()
    host.wait_no_calls()


def test_an_app_is_told_that_a_leg_is_created_before_it_is_answered(host: Host) -> None:
    at_once = host.extension("answer", ("sleep", "100"), "hangup")
    app = Loaded(
        host,
        f"""
import contextlib

told, ended = {{}}, []
class Tells:
    @apps.callback("CHANNEL_CREATE")
    def on_create(self, session): told.setdefault(session.uuid, []).append("create")
    @apps.callback("CHANNEL_ANSWER")
    def on_answer(self, session): told.setdefault(session.uuid, []).append("answer")
    @apps.callback("CHANNEL_DESTROY")
    def on_destroy(self, session):
        ended.append(session.uuid)
        if len(ended) == 50: said.append([told[uuid] for uuid in ended if told[uuid] != ["create", "answer"]])

def load():
    app_id = apps.load(Tells, app_id="tells")
    line = f"originate {{{{freeswitch_app={{app_id}}}}}}loopback/{at_once}/default/xml &park()"
    async def place():
        for _ in range(50):
            # The far end may have hung up before the switch has looked whether it answered.
            with contextlib.suppress(apps.JobError): await apps.bgapi(line)
    asyncio.ensure_future(place())
    return app_id
""",
    )
    app.wait_said([])
    app.unload()
    host.wait_no_calls()


def test_the_registry(host: Host) -> None:
    app = Loaded(
        host,
        """
@apps.app
class One:
    @apps.handler("CUSTOM")
    def low(self, event): pass

@apps.app(name="Second")
class Two(One): pass

def load():
    said.append([apps.get("One") is One, apps.get("Second") is Two, apps.get("Third")])
    for bad in (lambda: apps.register(Two, "One"), lambda: apps.register(int)):
        try: bad()
        except ValueError: said.append("refused")
    return apps.load(One)
""",
    )
    assert app.app_id == "One"
    app.wait_said([True, True, None], "refused", "refused")
    app.unload()


def test_a_mark_with_an_event_that_does_not_exist(host: Host) -> None:
    name = host.script(
        HEAD
        + """
class App:
    @apps.callback("CHANNEL_ANSWERED")
    def back(self, session): pass
def load(): return apps.load(App)
"""
        + COMMANDS
    )
    assert "there is no event 'CHANNEL_ANSWERED'" in host.api(f"python {name} load")


def test_a_router(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
from freeswitch.apps.routers import Router

router = Router(guards={"Call-Direction": "inbound"}, subscribe=("PLAYBACK_START", "PLAYBACK_STOP"))

@router.route("(7....)")
async def first(sess, match, router):
    said.append(["first", match.group(1) == sess["Caller-Destination-Number"]])

@router.route("red", field="variable_color")
async def red(sess, match, router):
    said.append("red")
    await sess.answer()
    await sess.hangup("CALL_REJECTED")
    raise router.StopRouting

@router.route("7")
async def never_red(sess, match, router):
    said.append("other")
    raise KeyError("in a route")

def load(): return apps.load(router, app_id="routed")
""",
    )
    result = host.call(extension=parked, variables={"freeswitch_app": "routed", "color": "red"})
    assert result.cause == "CALL_REJECTED"
    app.wait_said(["first", True], "red")
    call = host.start_call(parked, variables={"freeswitch_app": "routed"})
    host.wait_log("in a route")
    call.hangup()
    app.wait_said(["first", True], "red", ["first", True], "other")
    app.unload()


def test_a_router_rejects_what_no_route_matches(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
from freeswitch.apps.routers import Router
router = Router()
@router.route("nothing")
async def none(sess, match, router): said.append("matched")
def load(): return apps.load(router, app_id="rejects")
""",
    )
    assert host.call(extension=parked, variables={"freeswitch_app": "rejects"}).cause == "NO_ROUTE_DESTINATION"
    assert app.said() == []
    app.unload()
