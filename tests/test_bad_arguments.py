"""Bad input, over every method and function: a clear error or the documented failure, and the switch lives."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hosts.base import Host
from support.bad_arguments import ENDS, FUNCTIONS, SESSION, Arguments
from support.saw import in_api, in_call, seen, start

BAD = {
    "None": "None",
    "wrong type": "object()",
    "bytes": "b'bytes'",
    "negative": "-1",
    "empty": "''",
    "nul": "'a\\0b'",
    "long": "'x' * 1000000",
    "huge": "1 << 64",
}
# Which errors a kind of argument must give for what is bad; other values must only do no harm.
MUST: dict[str, dict[str, str]] = {
    "text": dict.fromkeys(("None", "wrong type", "bytes", "negative", "huge"), "TypeError") | {"nul": "ValueError"},
    "text?": dict.fromkeys(("wrong type", "bytes", "negative", "huge"), "TypeError") | {"nul": "ValueError"},
    "number": dict.fromkeys(("wrong type", "bytes", "empty", "nul", "long"), "TypeError")
    | {"negative": "ValueError", "huge": "ValueError"},
    "limit": dict.fromkeys(("wrong type", "bytes", "empty", "nul", "long"), "TypeError") | {"huge": "ValueError"},
    "endless": dict.fromkeys(("wrong type", "bytes", "empty", "nul", "long"), "TypeError") | {"huge": "ValueError"},
    "flag": dict.fromkeys(("wrong type", "bytes", "empty", "nul", "long"), "TypeError"),
    "digit": {"wrong type": "TypeError", "empty": "ValueError", "nul": "ValueError", "long": "ValueError"},
    "bytes": {"None": "TypeError", "wrong type": "TypeError", "negative": "TypeError"},
    "Event": dict.fromkeys(BAD, "TypeError"),
    "Session": dict.fromkeys(BAD, "TypeError"),
    "Session?": dict.fromkeys([kind for kind in BAD if kind != "None"], "TypeError"),
    "IVRMenu?": dict.fromkeys([kind for kind in BAD if kind != "None"], "TypeError"),
    "function": dict.fromkeys(BAD, "TypeError"),
    "None": {"wrong type": "TypeError"},
    "any": {},
}
ERRORS = {"TypeError", "ValueError", "SessionGone"}
# What else an operation may raise of its own, documented.
OWN = {
    "freeswitch.Dbh": {"DatabaseError"},
    "freeswitch.Dbh('sqlite://bad_input').query": {"DatabaseError"},
    "freeswitch.API().json": {"RuntimeError"},
    "freeswitch.EventConsumer": {"RuntimeError"},
    "freeswitch.Event": {"RuntimeError"},
    "variables.__getitem__": {"KeyError"},
}

TRY = """
BAD = {kind: eval(value) for kind, value in json.loads(@BAD@).items()}
def attempt(function, arguments):
    try:
        function(*arguments)
        return "ok"
    except Exception as error:
        return type(error).__name__
def sweep(it, table, outcomes):
    for name, arguments in table.items():
        good = [eval(value) for _, value in arguments]
        for at in range(len(good)):
            for kind, bad in BAD.items():
                if kind == "negative" and arguments[at][0] == "endless":
                    outcomes["%s|%d|%s" % (name, at, kind)] = "ok"  # test_numbers has it
                    continue
                function = eval(name if name.startswith("freeswitch.") else "it." + name)
                outcomes["%s|%d|%s" % (name, at, kind)] = attempt(function, good[:at] + [bad] + good[at + 1:])
def good(it, table, outcomes):
    for name, arguments in table.items():
        function = eval(name if name.startswith("freeswitch.") else "it." + name)
        outcomes[name] = attempt(function, [eval(value) for _, value in arguments])
""".replace("@BAD@", repr(json.dumps(BAD)))


@pytest.fixture(autouse=True)
def the_switch_goes_on(host: Host) -> Iterator[None]:
    yield
    assert "is ready" in host.api("status")
    assert host.run("set", "still=here").variables["still"] == "here"


def check(outcomes: dict[str, str], table: dict[str, Arguments]) -> None:
    """Compare with what each kind of argument must refuse."""
    wrong = {}
    assert len(outcomes) == sum(len(arguments) for arguments in table.values()) * len(BAD)
    for key, outcome in outcomes.items():
        name, at, bad = key.split("|")
        kind = table[name][int(at)][0]
        must = MUST[kind].get(bad)
        if (must and outcome != must) or outcome not in {"ok", *ERRORS, *OWN.get(name, ())}:
            wrong[key] = f"{outcome}, not {must}" if must else outcome
    assert not wrong


def part(table: dict[str, Arguments], number: int, of: int = 4) -> dict[str, Arguments]:
    """A part of a table: one call for all of it would last too long."""
    return {name: arguments for n, (name, arguments) in enumerate(table.items()) if n % of == number}


def code(table: dict[str, Arguments]) -> str:
    return f"TABLE = json.loads({json.dumps(table)!r})\n"


@pytest.mark.parametrize("number", range(4))
def test_functions_and_classes(host: Host, number: int) -> None:
    table = part(FUNCTIONS, number)
    check(in_api(host, f"{TRY}{code(table)}\ndef body(saw): sweep(None, TABLE, saw)\n"), table)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("answered", ["", "session.answer()"])
def test_methods_of_a_live_session(host: Host, number: int, answered: str) -> None:
    table = part(SESSION, number)
    saw, _ = in_call(
        host,
        f"{TRY}{code(table)}\ndef body(session, saw):\n    {answered}\n    sweep(session, TABLE, saw)\n",
        timeout=300,
    )
    check(saw, table)


@pytest.mark.parametrize("name", ENDS)
def test_methods_that_end_a_call(host: Host, name: str) -> None:
    if not ENDS[name]:
        in_call(host, f"def body(session, saw): session.{name}(); session.{name}(); saw['x'] = tried(session.answer)")
        return
    saw = {}
    for at in range(len(ENDS[name])):
        for bad, value in BAD.items():
            arguments = [value if n == at else good for n, (_, good) in enumerate(ENDS[name])]
            call = f"session.{name}({', '.join(arguments)})"
            source = f"def body(session, saw): saw['said'] = str(tried(lambda: {call})).split(':')[0][:20]\n"
            said, _ = in_call(host, source)
            # A destination of 1 MB stands in some hundred headers of the call's events.
            host.drop_records()
            saw[f"{name}|{at}|{bad}"] = said["said"] if said["said"] in ERRORS else "ok"
    check(saw, {name: ENDS[name]})


AFTER = {
    "hangup": "session.hangup()",
    "destroy": "session.destroy()",
    "transfer": "session.transfer('none', 'XML', 'default')",
}


@pytest.mark.parametrize("how", AFTER)
def test_good_and_bad_calls_after(host: Host, how: str) -> None:
    table = {**SESSION, **{name: ENDS[name] for name in ("recordFile", "hangup", "destroy")}}
    saw, _ = in_call(
        host,
        f"""{TRY}{code(table)}
def body(session, saw):
    session.answer()
    {AFTER[how]}
    saw["good"], saw["bad"] = {{}}, {{}}
    good(session, TABLE, saw["good"])
    sweep(session, TABLE, saw["bad"])
""",
    )
    check(saw["bad"], table)
    assert set(saw["good"].values()) <= {"ok", "SessionGone"}
    allowed = {"variables.__getitem__": {"ok", "KeyError", "SessionGone"}}
    assert all(said in allowed.get(name, {"ok", "SessionGone"}) for name, said in saw["good"].items())


def test_an_originated_session_after_destroy(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "60000"))
    table = {**SESSION, **{name: ENDS[name] for name in ("recordFile", "hangup", "destroy", "transfer")}}
    saw = in_api(
        host,
        f"""{TRY}{code(table)}
def body(saw):
    other = freeswitch.Session("loopback/{callee}")
    other.destroy()
    saw["good"], saw["bad"] = {{}}, {{}}
    good(other, TABLE, saw["good"])
    sweep(other, TABLE, saw["bad"])
    none = freeswitch.Session()
    saw["none"] = {{}}
    sweep(none, TABLE, saw["none"])
""",
    )
    check(saw["bad"], table)
    check(saw["none"], table)
    assert set(saw["good"].values()) <= {"ok", "SessionGone", "KeyError"}


@pytest.mark.parametrize("number", range(4))
def test_from_another_thread(host: Host, number: int) -> None:
    table = part(SESSION, number)
    saw, _ = in_call(
        host,
        f"""{TRY}{code(table)}
def body(session, saw):
    session.answer()
    thread = threading.Thread(target=sweep, args=(session, TABLE, saw))
    thread.start()
    while thread.is_alive():
        freeswitch.msleep(20)
        time.sleep(0.002)  # on pocket the clock would run away from a thread that computes
""",
        timeout=300,
    )
    check(saw, table)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("where", ["setHangupHook", "setInputCallback"])
def test_inside_a_hook_and_a_callback(host: Host, number: int, where: str) -> None:
    table = part(SESSION, number)
    call = start(
        host,
        f"""{TRY}{code(table)}
def callback(session, *rest):
    sweep(session, TABLE, SAW)
    freeswitch.consoleLog("info", "swept\\n")
    return "stop"
SAW = {{}}
def body(session, saw):
    session.{where}(callback)
    session.answer()
    session.sleep(15000)
    saw.update(SAW)
""",
    )
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    call.hangup() if where == "setHangupHook" else call.press("1")
    saw, _ = seen(call.wait(300))
    check(saw, table)
