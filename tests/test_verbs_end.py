"""Every awaitable of an app ends: with what it is for, with a refusal, with a failure, or with its call."""

from __future__ import annotations

import json

import pytest

from freeswitch import apps
from hosts.base import Host
from support.apps import Loaded
from support.saw import in_coroutine

TRIED = """
async def tried(work):
    try: found = await asyncio.wait_for(work, 15)
    except asyncio.TimeoutError: return "never ends"
    except BaseException as error: return type(error).__name__
    return found.getType() if isinstance(found, freeswitch.Event) else str(found)
"""

# By what is awaited: how it ends on a call that goes on.
ON_A_CALL = {
    'session.playback("/no/such/file.wav")': "VerbError",
    'session.playback("tone_stream://%(50,0,440)")': "PLAYBACK_STOP",
    'session.bridge("error/user_busy")': "VerbError",
    'session.bridge("nothing/at/all")': "VerbError",
    'session.hangup("USER_BUSY")': "CHANNEL_HANGUP",
}
# Of these pocket has none.
RECORDINGS = {
    "session.stop_record()": "VerbError",
    'session.stop_record("/tmp/never-recorded.wav")': "VerbError",
    'session.stop_record("/tmp/never-recorded.wav", delay=0.1)': "VerbError",
    'session.start_record("/proc/no.wav")': "VerbError",
}


@pytest.mark.parametrize(("work", "end"), [*ON_A_CALL.items()])
def test_a_verb_on_a_call_ends(host: Host, parked: str, work: str, end: str) -> None:
    ends(host, parked, work, end)


@pytest.mark.freeswitch_only  # pocket records in coroutines alone
@pytest.mark.parametrize(("work", "end"), [*RECORDINGS.items()])
def test_a_recording_ends(host: Host, parked: str, work: str, end: str) -> None:
    ends(host, parked, work, end)


def ends(host: Host, parked: str, work: str, end: str) -> None:
    app = Loaded(
        host,
        TRIED
        + f"""
class App:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return
        await session.answer()
        session.setvar("continue_on_fail", "true")
        said.append(await tried({work}))
def load(): return apps.load(App, app_id="verbs")
""",
    )
    call = host.start_call(parked, variables={"freeswitch_app": "verbs"})
    app.wait_said(end)
    if end != "CHANNEL_HANGUP":
        call.hangup()
    call.wait()
    app.unload()
    if end == "VerbError":
        host.wait_log(f"^MR0015 call {call.uuid}: '.*' was refused: ")


@pytest.mark.pocket_only  # the program that drives a switch in its own process has threads that no script has
def test_a_refusal_to_a_thread_of_the_program_is_in_the_log(host: Host, parked: str) -> None:
    class App:
        @apps.callback("CHANNEL_PARK")
        def on_park(self, session: apps.Session) -> None:
            pass

    client = apps.Client()
    client.load_app(App, on_value="told")
    try:
        call = host.start_call(parked, variables={"freeswitch_app": "told"})
        session = host.wait_for(lambda: client.listener.sessions.get(call.uuid))
        session.send_dtmf("")
        host.wait_log(f"^MR0015 call {call.uuid}: 'uuid_send_dtmf {call.uuid} ' was refused: ")
        call.hangup()
        call.wait()
    finally:
        client.unload_app("told")


WAITS = (
    'session.recv("CHANNEL_UNHOLD")',
    'session.recv("CHANNEL_UNHOLD", timeout=14)',
    'session.poll(["CHANNEL_UNHOLD", "CHANNEL_HOLD"])',
    'session.poll(["CHANNEL_UNHOLD", "CHANNEL_HOLD"], return_when=asyncio.ALL_COMPLETED)',
    'session.playback("tone_stream://%(60000,0,440)")',
    'session.bridge("loopback/FAR")',
    'session.stop_record("/tmp/never-recorded.wav", delay=14)',
)
VERBS = ("session.answer()", "session.hangup()", "session.park()", "session.stop_record()", *WAITS)


@pytest.mark.parametrize("work", [*WAITS])
def test_a_wait_ends_with_the_leg(host: Host, parked: str, work: str) -> None:
    far = host.extension("ring_ready", ("sleep", "60000"))
    app = Loaded(
        host,
        TRIED
        + """
class App:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return
        if not session.answered: await session.answer()
        said.append("waits")
        said.append(await tried(WORK))

    @apps.callback("CHANNEL_PARK")
    def of_others(self, session):
        if session.is_inbound(): tasks.append(asyncio.ensure_future(self.on_another(session)))

    async def on_another(self, session):
        try: await session.recv("CHANNEL_UNHOLD")
        except freeswitch.SessionLost: others.append("lost")
tasks, others = [], []
def load(): return apps.load(App, app_id="waits")
""".replace("WORK", work).replace("FAR", far),
    )
    call = host.start_call(parked, variables={"freeswitch_app": "waits"})
    app.wait_said("waits")
    call.hangup()
    call.wait()
    host.wait_for(lambda: len(app.said()) == 2 or None, what="the end of the wait")
    # What has begun to play is broken before the leg is over.
    assert app.said()[1] in ({"PLAYBACK_STOP", "CancelledError"} if "playback" in work else {"CancelledError"})
    app.unload()


@pytest.mark.parametrize("work", [*VERBS])
def test_a_verb_on_a_leg_that_is_over_ends(host: Host, parked: str, work: str) -> None:
    app = Loaded(
        host,
        TRIED
        + f"""
class App:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session):
        if session.is_inbound(): tasks.append(asyncio.ensure_future(self.after(session)))

    async def after(self, session):
        said.append("parked")
        while not session.hungup: await asyncio.sleep(0.01)
        said.append(await tried({work}))
tasks = []
def load(): return apps.load(App, app_id="over")
""",
    )
    call = host.start_call(parked, variables={"freeswitch_app": "over"})
    app.wait_said("parked")
    call.hangup()
    call.wait()
    app.wait_said("parked", "SessionLost")
    app.unload()


def test_a_job_ends(host: Host) -> None:
    app = Loaded(
        host,
        TRIED
        + """
class App:
    @apps.handler("CUSTOM")
    def low(self, event): pass

def load():
    async def work():
        for command in ("", "nosuchcommand", "originate nothing/at/all &park()", "uuid_kill", "echo right"):
            said.append(await tried(wait_for(apps.bgapi(command))))
        apps.bgapi("originate nothing/at/all &park()")
        said.append(dict((await listener()).failed_jobs)["CHAN_NOT_IMPLEMENTED"] >= 1)
    async def wait_for(job): return await job
    async def listener():
        from freeswitch import _loop
        while _loop.here.listener.bg_jobs: await asyncio.sleep(0.01)
        return _loop.here.listener
    tasks.append(asyncio.ensure_future(work()))
    return apps.load(App, app_id="jobs")
tasks = []
""",
    )
    app.wait_said("JobError", "JobError", "JobError", "JobError", "right", True)
    host.wait_log(r"^MR0015 job .*: 'originate nothing/at/all &park\(\)' failed: CHAN_NOT_IMPLEMENTED")
    lines = [line for line in host.log() if "MR0015 job" in line.text]
    assert len(lines) == 1, lines  # of the one that nobody awaits
    app.unload()


def test_what_is_refused_is_one_line_and_counted(host: Host, parked: str) -> None:
    def refused() -> int:
        found: int = json.loads(host.api("pystat json"))["refused_commands"]
        return found

    before = refused()
    app = Loaded(
        host,
        """
class App:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return
        await session.answer()
        session.send_dtmf("")
        session.setvar("", "")
        said.append("asked")
def load(): return apps.load(App, app_id="refused")
""",
    )
    app.work_on_a_call(parked, "asked")
    lines = [line.text for line in host.log() if line.text.startswith("MR0015")]
    assert [line.split("'")[1].split()[0] for line in lines] == ["uuid_send_dtmf", "uuid_setvar"], lines
    assert all("-USAGE" in line for line in lines), lines
    assert refused() - before == 2


def test_verbs_and_jobs_work_in_any_thread(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
import threading
class App:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session):
        if session.is_inbound(): threading.Thread(target=self.work, args=(session,)).start()

    def work(self, session):
        said.append(session.answer().result(15).getType())
        said.append(session.answer().result(15) is not None)
        start = session.recv("PLAYBACK_START")
        said.append(session.playback("tone_stream://%(50,0,440)").result(15).getType())
        said.append(start.result(15).getType())
        for failing in (lambda: session.playback("/no/such/file.wav").result(15),
                        lambda: session.recv("CHANNEL_UNHOLD", timeout=0.1).result(15),
                        lambda: apps.bgapi("nosuchcommand").get(15)):
            try: said.append(str(failing()))
            except Exception as error: said.append(type(error).__name__)
        said.append(apps.bgapi("echo one").get(15))
        said.append(session.hangup("USER_BUSY").result(15)["Hangup-Cause"])
def load(): return apps.load(App, app_id="threads")
""",
    )
    assert host.call(extension=parked, variables={"freeswitch_app": "threads"}).cause == "USER_BUSY"
    app.wait_said(
        *("CHANNEL_ANSWER", True, "PLAYBACK_STOP", "PLAYBACK_START", "VerbError", "TimeoutError", "JobError", "one"),
        "USER_BUSY",
    )
    app.unload()


def test_jobs_in_a_plain_runtime(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    name = host.script(f"""
        from freeswitch import apps
        def runtime(args):
            print("echoes", apps.bgapi("echo hello").get(15))
            uuid = apps.originate("loopback/{callee}").get(15)
            print("placed", len(uuid), apps.bgapi("uuid_kill " + uuid).get(15) == "")
    """)
    host.api(f"pyrun {name}")
    host.wait_log("^placed 36 True")
    host.wait_no_calls()


def test_a_job_is_not_waited_for_on_the_loop(host: Host) -> None:
    name = host.script("""
        from freeswitch import apps
        async def fsapi(session, stream, env, args):
            job = apps.bgapi("echo hello")
            try: job.get()
            except RuntimeError as error: stream.write(str(error))
            stream.write(" " + await job)
    """)
    assert host.api(f"python {name}") == "Job.get waits in a thread: await the job in a coroutine hello"


@pytest.mark.parametrize(
    "verb",
    [
        'session.play("tone_stream://%(60000,0,440)")',
        "session.sleep(60)",
        "session.get_digits(3, timeout=60)",
        'session.play_and_get_digits("tone_stream://%(60000,0,440)", timeout=60)',
        'session.record("FOLDER/recorded.wav", limit=60)',
        'session.execute("playback", "tone_stream://%(60000,0,440)")',
        'session.execute("sleep", "60000")',
        'session.once("CHANNEL_UNHOLD")',
        'anext(session.stream("CHANNEL_UNHOLD"))',
        'session.bridge("loopback/FAR")',
        'session.originate("loopback/FAR")',
    ],
)
def test_an_await_of_an_async_session_ends_with_its_call(host: Host, verb: str) -> None:
    far = host.extension("ring_ready", ("sleep", "60000"))
    verb = verb.replace("FAR", far).replace("FOLDER", str(host.folder))
    name = host.script(
        f"""
import asyncio, freeswitch
async def handler(session, args):
    await session.answer()
    print("waits")
    try: await asyncio.wait_for(asyncio.ensure_future({verb}), 15)
    except asyncio.TimeoutError: print("never ends")
    except BaseException as error:
        print("ended by", type(error).__name__)
        raise
"""
    )
    call = host.start_call(host.extension(("python", name)))
    host.wait_log("^waits$")
    call.hangup()
    call.wait()
    host.wait_log("^ended by (CancelledError|SessionLost)")


def test_a_call_s_own_wait_ends_by_a_task_of_nobody(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
async def body(session, saw):
    other = await session.originate("loopback/FAR")
    wait = asyncio.create_task(other.once("CHANNEL_UNHOLD"))
    await asyncio.sleep(0)
    await other.hangup()
    try: await asyncio.wait_for(wait, 15)
    except Exception as error: saw["ended"] = type(error).__name__
    try: await asyncio.wait_for(other.once("CHANNEL_UNHOLD"), 15)
    except Exception as error: saw["again"] = type(error).__name__
""".replace("FAR", host.extension("answer", ("sleep", "60000"))),
    )
    assert saw == {"ended": "SessionLost", "again": "SessionLost"}
