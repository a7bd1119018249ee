"""`pyremote`: calls that workers serve over the bus."""

from __future__ import annotations

import json
import signal

import pytest

from hosts.base import Host
from support.nats import Nats, state
from support.workers import (
    BEGINS,
    HEAD,
    WAITS,
    Work,
    app,
    begun,
    keeps,
    known,
    nats,
    needs_nats,
    node,
    on_bus,
    saw,
    variable,
    work,
)

__all__ = ["app", "nats", "node", "work"]
pytestmark = needs_nats


def test_a_handler_runs_in_a_worker(node: Host, work: Work, app: str) -> None:
    worker = work(
        HEAD
        + """
async def handler(session, args):
    found = [args, session.ready(), session.getVariable("given"), os.getpid()]
    await session.answer()
    session.setVariable("mine", "ü 1")
    found.append(session.getVariable("mine"))
    await session.execute("set", "theirs=2")
    found.append(session.variables["theirs"])
    found.append(await session.get_digits(3, timeout=20))
    await session.play("tone_stream://%(50,0,440)")
    found.append([session.resumed, session.last_checkpoint, session.lost])
    session.setVariable("saw", json.dumps(found))
    await session.hangup("USER_BUSY")
"""
    )
    result = node.call(("set", "given=yes"), ("pyremote", f"{app} one two"), press=[(1.0, "123")])
    assert saw(result) == ["one two", True, "yes", worker.process.pid, "ü 1", "2", "123", [False, None, None]]
    assert result.cause == "USER_BUSY"
    assert "python_error" not in result.variables


def test_the_dialplan_goes_on_when_the_handler_returns(node: Host, work: Work, app: str) -> None:
    work("async def handler(session, args): session.setVariable('saw', '1')")
    result = node.call(("pyremote", app), ("set", "after=yes"), ("hangup", "CALL_REJECTED"))
    assert (result.variables["saw"], result.variables["after"], result.cause) == ("1", "yes", "CALL_REJECTED")


def test_why_a_handler_failed_is_in_python_error(node: Host, work: Work, app: str) -> None:
    worker = work("async def handler(session, args): 1 / 0")
    result = node.call(("pyremote", app), ("hangup", "CALL_REJECTED"))
    assert result.variables["python_error"] == "ZeroDivisionError: division by zero"
    assert result.cause == "CALL_REJECTED"
    worker.says("MR0004 program .* failed on call")


def test_what_is_awaited_before_a_verb_is_heard_after_it(node: Host, work: Work, app: str) -> None:
    work(
        HEAD
        + """
async def handler(session, args):
    wanted = session.once("DTMF", timeout=5)
    await session.answer()
    try: session.setVariable("saw", json.dumps((await wanted)["DTMF-Digit"]))
    except TimeoutError: session.setVariable("saw", "null")
"""
    )
    extension = node.extension(("pyremote", app))
    for _ in range(20):
        call = node.start_call(extension)
        node.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
        call.press("7")
        assert saw(call.wait()) == "7"


# Nobody, or nobody in time


def test_without_a_worker_the_switch_says_so(node: Host) -> None:
    node.call(("pyremote", "nobody_has_it"))
    # Workers have had the time to be known: from now on nobody is waited for.
    patient = ("set", "pyremote_timeout=3600")
    result = node.call(patient, ("pyremote", "nobody_has_it one"), ("hangup", "CALL_REJECTED"))
    assert result.variables["python_error"] == "no worker serves 'nobody_has_it'"
    assert result.cause == "CALL_REJECTED"
    node.wait_log("MR0025 pyremote nobody_has_it one: no worker serves 'nobody_has_it'; the dialplan goes on")


def test_that_nobody_serves_is_found_out_before_the_switch_s_time_goes_by(host: Host, nats: Nats) -> None:
    on_bus(host, nats)
    known(host, "nobody_has_it")
    for _ in range(20):
        error = host.call(("pyremote", "nobody_has_it")).variables["python_error"]
        assert error == "no worker serves 'nobody_has_it'"


def test_what_is_said_of_a_long_line_is_not_pushed_out(node: Host) -> None:
    long = "x" * 10_240
    result = node.call(("pyremote", f"nobody_has_it {long}"))
    why = result.variables["python_error"]
    line = node.wait_log("MR0025 pyremote nobody_has_it x")
    assert line.text.endswith(f"x...: {why}; the dialplan goes on") and len(line.text) < 400
    result = node.call(("pyremote", long))
    assert result.variables["python_error"] == f"'{'x' * 80}' is not a module name"


def test_a_timeout_that_is_none_is_said(node: Host) -> None:
    for wrong in ("soon", "-1", "nan", "3601"):
        node.call(("set", f"pyremote_timeout={wrong}"), ("pyremote", "nobody_has_it"))
        node.wait_log(f"^MR0025 pyremote_timeout '{wrong}' must be 0 to 3600 seconds: 2 is used$")


@pytest.mark.parametrize(("started", "called"), [("", "::handler"), (":handler", "")])
def test_handler_is_the_function_that_is_meant_without_a_name(
    node: Host, work: Work, app: str, started: str, called: str
) -> None:
    work("async def handler(session, args): session.setVariable('saw', '1')", function=started)
    assert saw(node.call(("pyremote", app + called))) == 1


def test_without_a_worker_the_fallback_takes_the_call(node: Host) -> None:
    name = node.script("import json\nasync def handler(session, args): session.setVariable('saw', json.dumps(args))")
    result = node.call(("set", f"pyremote_fallback={name} here"), ("pyremote", "nobody_has_it"))
    assert saw(result) == "here"
    assert "python_error" not in result.variables
    node.wait_log(f"MR0025 pyremote nobody_has_it: no worker serves 'nobody_has_it'; {name} here takes it")


def test_the_fallback_goes_on_from_the_checkpoint_and_nothing_after_it_does(node: Host, work: Work, app: str) -> None:
    worker = work(keeps("kept"))
    name = node.script("""
import json
async def handler(session, args):
    session.setVariable(args, json.dumps([session.resumed, session.last_checkpoint]))
""")
    call = node.start_call(
        node.extension(("set", f"pyremote_fallback={name} saw"), ("pyremote", app), ("python", f"{name} after"))
    )
    variable(node, call.uuid, "is_kept")
    worker.send(signal.SIGKILL)
    result = call.wait(30)
    assert saw(result) == [True, "kept"]
    assert json.loads(result.variables["after"]) == [False, None]


def test_without_a_bus_there_is_no_worker(served: Host) -> None:
    result = served.call(("pyremote", "some_app"), ("hangup", "CALL_REJECTED"))
    assert result.variables["python_error"] == "no bus is configured: set bus-url in python.conf"


def test_a_worker_that_hangs_does_not_get_the_call(node: Host, work: Work, app: str) -> None:
    source = HEAD + "async def handler(session, args): session.setVariable('saw', str(os.getpid()))"
    one, two = work(source), work(source)
    one.send(signal.SIGSTOP)
    results = [node.call(("pyremote", app)) for _ in range(3)]
    assert [result.variables.get("saw") for result in results] == [str(two.process.pid)] * 3


def test_nobody_in_time_is_said(node: Host, work: Work, app: str) -> None:
    worker = work("async def handler(session, args): pass")
    node.call(("pyremote", app))
    worker.send(signal.SIGSTOP)
    result = node.call(("set", "pyremote_timeout=0.4"), ("pyremote", app))
    assert result.variables["python_error"] == f"no worker that serves '{app}' has taken the call in 0.4 s"


def test_it_is_refused_off_the_thread_of_the_call(node: Host, work: Work, app: str) -> None:
    work("async def handler(session, args): session.setVariable('saw', 'never')")
    call = node.start_call(node.extension(("set", f"execute_on_answer=pyremote {app}"), ("sleep", "1000")))
    node.wait_event("CHANNEL_EXECUTE", {"Unique-ID": call.uuid, "Application": "sleep"})
    # The thread that answers runs it: not the call's own.
    node.api(f"uuid_answer {call.uuid}")
    result = call.wait()
    assert "the call's own thread, which this is not" in result.variables["python_error"]
    assert "saw" not in result.variables


def test_a_program_that_runs_itself(node: Host, work: Work, app: str) -> None:
    work(f"async def handler(session, args): await session.execute('pyremote', {app!r})")
    result = node.call(("pyremote", app), ("set", "after=yes"))
    assert result.variables["after"] == "yes"
    node.wait_log(f"MR0025 pyremote {app}: a program outside has this call already, and runs this in one of its verbs")
    assert "is ready" in node.api("status")


# The end of the call, and of the worker


def test_the_end_of_the_call_ends_the_handler(node: Host, work: Work, app: str) -> None:
    work(WAITS)
    call, _ = begun(node, app)
    call.hangup()
    result = call.wait()
    assert (saw(result), result.variables["hooked"]) == ("hangup", "hangup")


def test_it_is_listed_and_can_be_ended(node: Host, work: Work, app: str) -> None:
    work(WAITS)
    call, _ = begun(node, app)
    (listed,) = [run for run in json.loads(node.api("pyps json")) if run["uuid"] == call.uuid]
    assert listed["way"] == "pyremote"
    assert node.api(f"pykill {listed['id']}").startswith("+OK")
    result = call.wait()
    assert (result.variables["python_error"], result.variables["went"]) == ("it was told to end", "on")


def test_pyps_names_the_worker_that_serves_a_call(node: Host, work: Work, app: str) -> None:
    worker = work(WAITS)
    call, _ = begun(node, app)
    (listed,) = [run for run in json.loads(node.api("pyps json")) if run["uuid"] == call.uuid]
    assert listed["worker"] == worker.name
    (line,) = [line for line in node.api("pyps").splitlines() if call.uuid in line]
    assert line.endswith(f"waits in pyremote, worker {worker.name}")
    call.hangup()
    call.wait()


def test_the_module_is_not_reloaded_under_such_a_call(node: Host, work: Work, app: str) -> None:
    work(WAITS)
    call, _ = begun(node, app)
    assert "-ERR" in node.api("reload mod_rust")
    assert node.api("pystat").count("\n") > 5
    call.hangup()
    call.wait()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_hangup_with_no_worker_is_not_waited_for(node: Host, work: Work, app: str, how: int) -> None:
    worker = work(WAITS)
    call, _ = begun(node, app)
    worker.send(how)
    call.hangup()
    call.wait()
    # It says that a hangup was waited for until the end.
    node.no_log("MR0013")


CHECKPOINTS = (
    HEAD
    + """
async def handler(session, args):
    if not session.resumed:
        await session.answer()
        await session.checkpoint({"step": 1})
        session.setVariable("pid", str(os.getpid()))
        await session.execute("set", "begun=${pid}")
        await session.play("silence_stream://-1")
        await session.execute("set", "never=carried out")
    found = [session.resumed, session.last_checkpoint, session.getVariable("pid") != str(os.getpid())]
    found.append(await session.get_digits(2, timeout=10))
    session.setVariable("saw", json.dumps(found))
    await session.hangup("USER_BUSY")
"""
)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_another_worker_goes_on_from_the_checkpoint(node: Host, work: Work, app: str, how: int) -> None:
    workers = [work(CHECKPOINTS), work(CHECKPOINTS)]
    call, pid = begun(node, app)
    first = next(worker for worker in workers if worker.process.pid == pid)
    since = node.mark()
    first.send(how)
    node.wait_log(f"MR0025 pyremote {app}: worker {first.name}: .* said nothing for 1.25 s", since=since)
    # It is kept for who comes next, though nobody has the call now.
    call.press("12")
    result = call.wait()
    assert saw(result) == [True, {"step": 1}, True, "12"]
    assert result.cause == "USER_BUSY"
    if how == signal.SIGSTOP:
        # It serves again, and what it has asked for the old call is not carried out.
        first.send(signal.SIGCONT)
        next(worker for worker in workers if worker is not first).end()
        again, serving = begun(node, app)
        again.hangup()
        again.wait()
        assert serving == pid
    assert "never" not in result.variables


def test_what_another_call_of_its_uuid_has_kept_is_not_gone_on_from(node: Host, work: Work, app: str) -> None:
    source = (
        BEGINS
        + """
    if not session.resumed: await session.play("silence_stream://-1")
    session.setVariable("saw", json.dumps([session.resumed, session.last_checkpoint]))
"""
    )
    workers = [work(source), work(source)]
    call, pid = begun(node, app)
    keeps = node.script("""
from freeswitch import kv
async def fsapi(session, stream, env, args):
    await kv.put(f"calls.{args}", {"epoch": 7, "state": {"step": 9}})
    stream.write("+OK kept")
""")
    assert node.api(f"python {keeps} {call.uuid}.{app}") == "+OK kept"
    next(worker for worker in workers if worker.process.pid == pid).send(signal.SIGKILL)
    assert saw(call.wait()) == [True, None]


def test_what_a_stopped_worker_asks_for_is_refused(node: Host, work: Work, app: str) -> None:
    source = (
        HEAD
        + """
async def handler(session, args):
    if session.resumed:
        await session.checkpoint("of the second")
        await session.execute("set", "second=has it")
        await session.get_digits(1, timeout=60)
        from freeswitch import kv
        kept = await kv.entry(f"calls.{session.uuid}.{__name__}")
        session.setVariable("saw", json.dumps(kept.value["state"]))
        return
    await session.answer()
    await session.checkpoint("of the first")
    session.setVariable("pid", str(os.getpid()))
    await session.execute("set", "begun=${pid}")
    while True:
        await session.execute("set", "first=goes on")
        await session.checkpoint("of the first")
"""
    )
    workers = [work(source), work(source)]
    call, pid = begun(node, app)
    first = next(worker for worker in workers if worker.process.pid == pid)
    assert variable(node, call.uuid, "first") == "goes on"
    first.send(signal.SIGSTOP)
    assert variable(node, call.uuid, "second") == "has it"
    first.send(signal.SIGCONT)
    first.says(f"MR0025 call {call.uuid} is no longer served here")
    call.press("1")
    result = call.wait()
    assert saw(result) == "of the second"
    carried_out = [
        event["Application-Data"] for event in node.all_events()
        if event["Event-Name"] == "CHANNEL_EXECUTE" and event.get("Unique-ID") == result.uuid
        and event.get("Application") == "set"
    ]  # fmt: skip
    assert "first=goes on" in carried_out
    # Of two epochs nothing is carried out side by side.
    assert carried_out.index("second=has it") > max(
        at for at, data in enumerate(carried_out) if data == "first=goes on"
    )


@pytest.mark.parametrize(("setting", "goes_on"), [(None, True), ("false", False)])
def test_a_program_that_has_kept_nothing(node: Host, work: Work, app: str, setting: str | None, goes_on: bool) -> None:
    source = (
        HEAD
        + """
async def handler(session, args):
    if session.resumed:
        session.setVariable("saw", json.dumps(session.last_checkpoint))
        return
    await session.answer()
    session.setVariable("pid", str(os.getpid()))
    await session.execute("set", "begun=${pid}")
    await session.play("silence_stream://-1")
"""
    )
    workers = [work(source), work(source)]
    call, pid = begun(node, app, *([("set", f"pyremote_restart={setting}")] if setting else []))
    next(worker for worker in workers if worker.process.pid == pid).send(signal.SIGKILL)
    result = call.wait()
    assert result.variables["went"] == "on"
    if goes_on:
        assert saw(result) is None
    else:
        assert "saw" not in result.variables
        assert "has said nothing for 1.25 s" in result.variables["python_error"]


def test_of_a_dead_worker_a_bridge_goes_on(node: Host, work: Work, app: str) -> None:
    far = node.extension(("answer", ""), ("sleep", "4000"), ("hangup", ""))
    source = (
        HEAD
        + f"""
async def handler(session, args):
    if session.resumed:
        session.setVariable("saw", json.dumps(time.time()))
        return
    await session.answer()
    session.setVariable("pid", str(os.getpid()))
    await session.execute("set", "begun=${{pid}}")
    await session.execute("set", "hangup_after_bridge=false")
    await session.bridge("loopback/{far}/default")
"""
    )
    workers = [work(source), work(source)]
    call, pid = begun(node, app)
    node.wait_event("CHANNEL_BRIDGE", {"Unique-ID": call.uuid})
    since = node.mark()
    next(worker for worker in workers if worker.process.pid == pid).send(signal.SIGKILL)
    result = call.wait()
    assert isinstance(saw(result), float)
    names = [event["Event-Name"] for event in node.all_events() if event.get("Unique-ID") == call.uuid]
    assert "CHANNEL_UNBRIDGE" in names
    lines = [line.text for line in node.log(since) if "is offered to another" in line.text]
    assert len(lines) == 1


def test_a_worker_that_drains_moves_its_calls_at_their_next_checkpoint(node: Host, work: Work, app: str) -> None:
    source = (
        HEAD
        + """
async def handler(session, args):
    if session.resumed:
        session.setVariable("saw", json.dumps([session.last_checkpoint, os.getpid()]))
        await session.hangup("USER_BUSY")
        return
    await session.answer()
    session.setVariable("pid", str(os.getpid()))
    await session.execute("set", "begun=${pid}")
    for step in range(1000):
        await session.sleep(0.1)
        await session.checkpoint(step)
"""
    )
    first = work(source)
    call, pid = begun(node, app)
    # Nobody else has the app: the call stays, whatever is told.
    second = work(source)
    first.send(signal.SIGTERM)
    result = call.wait()
    found = saw(result)
    assert isinstance(found, list)
    assert found[0] >= 0
    assert found[1] == second.process.pid != pid
    assert first.process.wait(30) == 0
    assert state(node, "remote_moves") >= 1


def test_a_worker_that_drains_alone_serves_its_calls_to_their_end(node: Host, work: Work, app: str) -> None:
    worker = work(
        BEGINS
        + """
    digits = await session.get_digits(1, timeout=20)
    await session.checkpoint("on")
    session.setVariable("saw", json.dumps(digits))
"""
    )
    call, _ = begun(node, app)
    worker.send(signal.SIGTERM)
    worker.says("takes no more calls")
    node.wait_for(lambda: "no worker" in node.call(("pyremote", app)).variables.get("python_error", "") or None)
    call.press("7")
    assert saw(call.wait()) == "7"
    assert worker.process.wait(30) == 0


def test_a_worker_ends_after_calls_that_it_has_placed_and_hung_up_at_once(node: Host, work: Work, app: str) -> None:
    far = node.extension(("answer", ""), ("sleep", "20000"))
    worker = work(
        BEGINS
        + f"""
    for _ in range(30):
        # Its thread may not have come for its work yet.
        other = await session.originate("loopback/{far}/default", timeout=10)
        await other.hangup()
    session.setVariable("saw", "true")
"""
    )
    assert saw(node.call(("pyremote", app), timeout=60)) is True
    worker.send(signal.SIGTERM)
    assert worker.process.wait(30) == 0


def test_ctrl_c_ends_what_it_does_for_its_calls(node: Host, work: Work, app: str) -> None:
    worker = work(WAITS)
    call, _ = begun(node, app)
    assert worker.end(signal.SIGINT) == 0
    result = call.wait()
    assert (result.variables["python_error"], result.variables["went"]) == ("CancelledError: told to end", "on")
