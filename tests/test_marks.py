"""Marks work, or are refused when the app is loaded."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.apps import Loaded
from support.configuration import settings
from support.saw import FIRE, in_loop


def test_marks_with_the_end_of_a_job(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    app = Loaded(
        host,
        """
class App:
    @apps.callback("BACKGROUND_JOB")
    def on_job(self, session, job):
        said.append(["callback", job.command.split()[0], session is not None and session.bg_job is job])

    @apps.coroutine("BACKGROUND_JOB")
    async def after_job(self, session, job):
        await asyncio.sleep(0)
        said.append(["coroutine", job.successful(), session is not None])
        if session is not None: session.hangup()

    @apps.handler("BACKGROUND_JOB")
    def low(self, event):
        said.append(["handler", event["Job-Command"]])

def load():
    app_id = apps.load(App, app_id="of jobs")
    apps.bgapi("nosuchcommand")
    return app_id

def place(): apps.originate("loopback/CALLEE", "of jobs")
""".replace("CALLEE", callee)
        + "\nasync def runtime(args): place()\n",
    )
    app.wait_said(["handler", "nosuchcommand"], ["callback", "nosuchcommand", False], ["coroutine", False, False])
    host.api(f"pyrun {app.name}")
    host.wait_for(lambda: len(app.said()) == 6 or None, what="the marks of the second job")
    assert app.said()[3:] == [["handler", "originate"], ["callback", "originate", True], ["coroutine", True, True]]
    app.unload()
    host.wait_no_calls()


@pytest.mark.parametrize("name", ["CUSTOM test::events", "test::events", "CUSTOM"])
def test_marks_with_custom_events(host: Host, parked: str, name: str) -> None:
    app = Loaded(
        host,
        FIRE
        + f"""
class App:
    @apps.handler("{name}")
    def low(self, event):
        if event["Event-Subclass"] == "test::events": said.append("handler " + event["Number"])

    @apps.callback("{name}")
    def back(self, session): said.append(["callback", session.uuid == mine[0]])

    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return
        mine.append(session.uuid)
        fire(1, **{{"Unique-ID": session.uuid}})
        said.append((await session.recv("{name}"))["Number"])
        fire(2)
        session.hangup()
mine = []
def load(): return apps.load(App, app_id="custom")
""",
    )
    host.call(extension=parked, variables={"freeswitch_app": "custom"})
    # The second event is of no leg: it is for handlers, whichever id the app has.
    app.wait_said("handler 1", ["callback", True], "1", "handler 2")
    app.unload()


def test_a_callback_that_takes_the_job_too(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
class App:
    @apps.callback("CHANNEL_DESTROY")
    def both(self, sess, job):
        if sess.is_inbound(): said.append(["both", job])
    @apps.callback("CHANNEL_DESTROY")
    def one(self, sess):
        if sess.is_inbound(): said.append("one")
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session): session.hangup()
def load(): return apps.load(App, app_id="both")
""",
    )
    host.call(extension=parked, variables={"freeswitch_app": "both"})
    app.wait_said(["both", None], "one")
    app.unload()
    host.no_log("MR0004")


def test_a_leg_knows_the_job_that_places_it(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
class App:
    @apps.callback("CHANNEL_CREATE")
    def on_create(self, session):
        if session.bg_job is not None:
            said.append([session.bg_job.sess_uuid == session.uuid, session.bg_job.done(), session.bg_job.cid])
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session): session.hangup()
def load():
    app_id = apps.load(App, app_id="placing")
    apps.originate("loopback/CALLEE", app_id, variables={"origination_uuid": "known-before"})
    return app_id
""".replace("CALLEE", parked),
    )
    app.wait_said([True, False, "placing"])
    host.wait_no_calls()
    app.unload()


def test_marks_that_could_not_work_are_refused(host: Host) -> None:
    said = in_loop(
        host,
        """
from freeswitch import apps
import types
def app(mark, function):
    # Marks stay on a function: each app has its own.
    if isinstance(function, types.FunctionType): function = types.FunctionType(function.__code__, globals())
    return type("App", (), {"on": staticmethod(mark(function))})
class Class:
    def __init__(self, session): pass
def one(session): pass
def none(): pass
def two(session, job): pass
def three(session, job, more): pass
async def waits(session): pass
async def body(say):
    for mark, function in (
        (apps.callback("CHANNEL_PARK"), Class), (apps.handler("CHANNEL_PARK"), Class),
        (apps.callback("CHANNEL_PARK"), none), (apps.callback("CHANNEL_PARK"), three),
        (apps.handler("CHANNEL_PARK"), two), (apps.callback("CHANNEL_PARK"), waits),
        (apps.coroutine("CHANNEL_PARK"), one), (apps.callback("BACKGROUND_JOB"), one),
        (apps.callback("HEARTBEAT"), one), (apps.coroutine("RELOADXML"), waits),
        (apps.callback("ALL"), one), (apps.handler("ALL"), one), (apps.callback("NO_SUCH_EVENT"), one),
    ):
        try: say(apps.load(app(mark, function), app_id="refused"))
        except TypeError as error: say("T")
        except ValueError as error: say("V")
    from freeswitch import _loop
    say(f" {_loop.here.listener.apps.get('refused')}")
""",
    )
    assert said == "TTTTTTTTVVVVV None"


def test_a_name_in_any_case_is_a_mark(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
class App:
    @apps.callback("channel_park")
    def on_park(self, session):
        if session.is_inbound(): said.append("parked")
        session.hangup()
def load(): return apps.load(App, app_id="case")
""",
    )
    host.call(extension=parked, variables={"freeswitch_app": "case"})
    app.wait_said("parked")
    app.unload()


def test_a_coroutine_is_over_its_time(host: Host, parked: str) -> None:
    host.config(settings('<param name="script-timeout" value="app 1"/>'))
    app = Loaded(
        host,
        """
class App:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return
        try:
            # Its time is that of the machine: pocket's clock would jump over a wait.
            while True: await asyncio.sleep(0)
        except asyncio.CancelledError:
            said.append("ended")
            raise
        finally:
            session.hangup()
def load(): return apps.load(App, app_id="late")
""",
    )
    host.call(extension=parked, variables={"freeswitch_app": "late"})
    app.wait_said("ended")
    host.wait_log(r"^MR0007 app .*App::on_park.* was ended: script-timeout reached after [1-9]\d*\.\d s")
    app.unload()


def test_the_last_coroutine_of_a_leg_ends_before_it_is_looked_after(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
import time
class App:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return
        await session.hangup()
        # The end of the leg comes while the loop is busy here.
        time.sleep(0.05)
        said.append("ended")
def load(): return apps.load(App, app_id="last")
""",
    )
    for number in range(1, 7):
        host.call(extension=parked, variables={"freeswitch_app": "last"})
        app.wait_said(*["ended"] * number)
    app.unload()
    host.no_log("Task exception was never retrieved|is empty")
