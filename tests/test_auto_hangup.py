"""`setAutoHangup` on calls that the script has not placed: they end with the script or the object."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.saw import in_api

# How the object of a handler ends, and what of the dialplan after it runs.
ENDS = {
    "return": "pass",
    "exception": "1 / 0",
    "exit": "raise SystemExit",
    "destroy": "session.destroy(); session.setVariable('ready', str(session.ready()))",
    "with": "session.__enter__().__exit__(None, None, None)",
    "kept": "KEPT.append(session)",
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("on", [True, False])
def test_the_session_of_a_handler(host: Host, how: str, on: bool) -> None:
    name = host.script(f"""
        KEPT = []
        def handler(session, args):
            session.answer()
            session.setAutoHangup(True)
            session.setAutoHangup({on})
            {ENDS[how]}
    """)
    result = host.call(("python", name), ("set", "after=yes"), ("hangup", "USER_BUSY"))
    assert result.cause == ("NORMAL_CLEARING" if on else "USER_BUSY")
    assert ("after" in result.variables) is not on
    if how == "destroy":
        assert result.variables["ready"] == str(not on)


@pytest.mark.parametrize("where", ["async def", "def"])
def test_a_handler_that_transfers_its_call(host: Host, where: str) -> None:
    target = host.extension(("set", "transferred=yes"), ("sleep", "300"), ("hangup", "USER_BUSY"))
    wait = "await " if where.startswith("async") else ""
    name = host.script(f"""
        {where} handler(session, args):
            {wait}session.answer()
            session.setAutoHangup(True)
            {wait}session.transfer("{target}", "XML", "default")
    """)
    result = host.run("python", name)
    assert (result.variables["transferred"], result.cause) == ("yes", "USER_BUSY")


@pytest.mark.parametrize("end", ["pass", "1 / 0"])
def test_the_session_of_a_coroutine(host: Host, end: str) -> None:
    name = host.script(f"""
        async def handler(session, args):
            await session.answer()
            session.setAutoHangup(True)
            await session.sleep(0.1)
            {end}
    """)
    result = host.call(("python", name), ("set", "after=yes"), ("hangup", "USER_BUSY"))
    assert (result.cause, "after" in result.variables) == ("NORMAL_CLEARING", False)


def test_the_session_of_a_command_and_of_a_nested_script(host: Host) -> None:
    name = host.script("""
        def fsapi(session, stream, env, args): session.setAutoHangup(True)
        def handler(session, args):
            session.answer()
            session.execute("python", f"{__name__}::inner")
            session.setVariable("ready", str(session.ready()))
        def inner(session, args): session.setAutoHangup(True)
    """)
    assert host.run("python", name).variables["ready"] == "False"
    result = host.call("answer", ("set", f"x=${{python({name})}}"), ("hangup", "USER_BUSY"))
    assert result.cause == "NORMAL_CLEARING"


OF_A_UUID = {
    "destroy()": "other.destroy()",
    "__exit__()": "other.__enter__().__exit__(None, None, None)",
    "its end": "del other",
    "the script's end": "KEPT.append(other)",
    "an exception": "KEPT.append(other); 1 / 0",
    "a thread's end": "del other",
}


@pytest.mark.parametrize("how", OF_A_UUID)
@pytest.mark.parametrize("on", [True, False])
def test_a_call_by_its_uuid(host: Host, parked: str, how: str, on: bool) -> None:
    call = host.start_call(parked)
    host.wait_event("CHANNEL_PARK", {"Unique-ID": call.uuid})
    thread = "threading.Thread(target=work).start()" if how == "a thread's end" else "work()"
    name = host.script(f"""
        import threading
        import freeswitch
        KEPT = []
        def work():
            other = freeswitch.Session("{call.uuid}")
            other.setAutoHangup(True)
            other.setAutoHangup({on})
            {OF_A_UUID[how]}
        def fsapi(session, stream, env, args):
            {thread}
            freeswitch.msleep(100)
    """)
    host.api(f"python {name}")
    if on:
        event = host.wait_event("CHANNEL_HANGUP", {"Unique-ID": call.uuid})
        assert event["Hangup-Cause"] == "NORMAL_CLEARING"
    else:
        assert host.api(f"uuid_exists {call.uuid}").strip() == "true"
        call.hangup()
    call.wait()


# The core's flag of a transfer is gone when the call has come where it was sent.
ARRIVES = "while other.getVariable('transferred') != 'yes': freeswitch.msleep(10)"


@pytest.mark.parametrize("then", ["", ARRIVES], ids=["at once", "later"])
@pytest.mark.parametrize("end", ["other.destroy()", "del other", "KEPT.append(other)"])
def test_a_call_by_its_uuid_that_is_transferred(host: Host, parked: str, end: str, then: str) -> None:
    target = host.extension(("set", "transferred=yes"), ("sleep", "500"), ("hangup", "USER_BUSY"))
    call = host.start_call(parked)
    host.wait_event("CHANNEL_PARK", {"Unique-ID": call.uuid})
    in_api(
        host,
        f"""
        KEPT = []
        def body(saw):
            other = freeswitch.Session("{call.uuid}")
            other.setAutoHangup(True)
            other.transfer("{target}", "XML", "default")
            {then}
            {end}
        """,
    )
    result = call.wait()
    assert (result.variables["transferred"], result.cause) == ("yes", "USER_BUSY")


def test_the_flag_says_so(host: Host, parked: str) -> None:
    call = host.start_call(parked)
    saw = in_api(
        host,
        f"""
        def body(saw):
            other = freeswitch.Session("{call.uuid}")
            saw["flags"] = [other.flags]
            other.setAutoHangup(True)
            saw["flags"].append(other.flags)
            other.setAutoHangup(False)
            saw["flags"].append(other.flags)
        """,
    )
    assert saw["flags"] == [0, 1, 0]
    call.hangup()
    call.wait()
