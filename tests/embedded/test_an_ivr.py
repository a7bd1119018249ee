"""A whole IVR, as a script's author writes and tests one: languages, a PIN, an agent, voicemail, a record of each call.

Plain and with coroutines; nothing in the scripts knows that it is tested.
"""

from __future__ import annotations

import sqlite3
import wave
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import pocket

Open = Callable[..., pocket.Switch]

COMMON = """
import sqlite3
from contextlib import closing
import freeswitch

SOUNDS = ("language", "pin", "wrong", "main", "goodbye", "sorry")

def customer(pin):
    with closing(sqlite3.connect(freeswitch.API().executeString("global_getvar customers"))) as db, db:
        return db.execute("select name from customers where pin = ?", [pin]).fetchone()

def record(session, what):
    with closing(sqlite3.connect(freeswitch.API().executeString("global_getvar customers"))) as db, db:
        variable = session.getVariable
        db.execute(
            "insert into calls values (?, ?, ?)",
            [variable("caller_id_number"), variable("customer") or "", session.hangupCause()],
        )
"""

PLAIN = (
    COMMON
    + """
def handler(session, args):
    session.setHangupHook(record)
    session.answer()
    language = session.playAndGetDigits(1, 1, 2, 3000, "", "language.wav", "", "[12]") or "1"
    folder = {"1": "en", "2": "de"}[language]
    for attempt in range(3):
        pin = session.playAndGetDigits(4, 4, 1, 5000, "#", f"{folder}/pin.wav", "", "[0-9]+")
        found = customer(pin)
        if found:
            break
        session.streamFile(f"{folder}/wrong.wav")
    else:
        session.hangup("CALL_REJECTED")
        return
    session.setVariable("customer", found[0])
    choice = session.playAndGetDigits(1, 1, 1, 3000, "", f"{folder}/main.wav", "", "[12]")
    if choice == "1":
        agent = freeswitch.Session("{originate_timeout=20}sofia/gateway/office/agents")
        if agent.ready():
            freeswitch.bridge(session, agent)
        else:
            session.streamFile(f"{folder}/sorry.wav")
            session.execute("voicemail", "default office agents")
    session.streamFile(f"{folder}/goodbye.wav")
    session.hangup()
"""
)

ASYNC = (
    COMMON
    + """
async def handler(session, args):
    session.set_hangup_hook(record)
    await session.answer()
    language = await session.play_and_get_digits("language.wav", tries=2, timeout=3, regex="[12]") or "1"
    folder = {"1": "en", "2": "de"}[language]
    for attempt in range(3):
        pin = await session.play_and_get_digits(f"{folder}/pin.wav", min_digits=4, max_digits=4, tries=1)
        found = customer(pin)
        if found:
            break
        await session.play(f"{folder}/wrong.wav")
    else:
        await session.hangup("CALL_REJECTED")
        return
    session.variables["customer"] = found[0]
    choice = await session.play_and_get_digits(f"{folder}/main.wav", tries=1, timeout=3, regex="[12]")
    if choice == "1":
        try:
            agent = await session.originate("sofia/gateway/office/agents", timeout=20)
        except freeswitch.OriginateError:
            await session.play(f"{folder}/sorry.wav")
            await session.execute("voicemail", "default office agents")
        else:
            await session.bridge(agent)
    await session.play(f"{folder}/goodbye.wav")
    await session.hangup()
"""
)


@pytest.fixture(params=["plain", "async"])
def ivr(switch_with: Open, name: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[pocket.Switch]:
    """The IVR on extension 5, with its sounds and its customers."""
    sounds = tmp_path / "sounds"
    for file in ("language", *(f"{folder}/{stem}" for folder in ("en", "de") for stem in STEMS)):
        path = sounds / f"{file}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as wav:
            wav.setparams((1, 2, 8000, 0, "NONE", ""))
            wav.writeframes(b"\0" * 32_000)
    database = tmp_path / "customers.db"
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("create table customers (pin, name)")
        db.execute("create table calls (number, customer, cause)")
        db.execute("insert into customers values ('1234', 'Ann')")
    yield switch_with(
        script=PLAIN if request.param == "plain" else ASYNC,
        five=f'<action application="python" data="{name}"/>',
        sounds=sounds,
        variables={"customers": str(database)},
    )


STEMS = ("pin", "wrong", "main", "goodbye", "sorry")


def calls(switch: pocket.Switch) -> list[tuple[str, str, str]]:
    """What the IVR has recorded."""
    with closing(sqlite3.connect(switch.globals["customers"])) as db:
        return db.execute("select * from calls").fetchall()


def stems(call: pocket.Call) -> list[str]:
    """The files that were played, without what is the same for all."""
    return [file.removesuffix(".wav") for file in call.played]


def test_a_customer_is_connected_to_an_agent(ivr: pocket.Switch) -> None:
    agents = ivr.phone("sofia/gateway/office/*", answers_after=4, hangs_up_after=30)
    call = ivr.call("5", press={"language": "2", "pin": "1234", "main": "1"}, caller_id_number="4711")
    assert stems(call) == ["language", "de/pin", "de/main", "de/goodbye"]
    (agent,) = agents.calls
    assert agent.answered
    assert agent.transcript.of_kind("bridged")[0].text == call.name
    assert calls(ivr) == [("4711", "Ann", "NORMAL_CLEARING")]


@pytest.mark.parametrize("agent", [{"busy": True}, {"never": True}, {"refuses": "NO_ROUTE_DESTINATION"}])
def test_without_an_agent_there_is_voicemail(ivr: pocket.Switch, agent: dict[str, object]) -> None:
    left: list[str] = []
    ivr.phone("sofia/gateway/office/agents", **agent)  # type: ignore[arg-type]
    ivr.fake_application("voicemail", lambda leg, data: left.append(f"{leg.variable('customer')} {data}"))
    call = ivr.call("5", press={"pin": "1234", "main": "1"})
    assert stems(call)[-2:] == ["en/sorry", "en/goodbye"]
    assert left == ["Ann default office agents"]


def test_a_wrong_pin_is_asked_for_again(ivr: pocket.Switch) -> None:
    call = ivr.call("5", press={"language": "1", "pin": ["9999", "1234"], "main": "2"})
    assert stems(call) == ["language", "en/pin", "en/wrong", "en/pin", "en/main", "en/goodbye"]
    assert calls(ivr) == [("1000", "Ann", "NORMAL_CLEARING")]


def test_three_wrong_pins_are_the_end(ivr: pocket.Switch) -> None:
    call = ivr.call("5", press={"language": "1", "pin": "9999"})
    assert call.cause == "CALL_REJECTED"
    assert stems(call).count("en/pin") == 3
    assert calls(ivr) == [("1000", "", "CALL_REJECTED")]


def test_a_caller_who_hangs_up_at_any_prompt_is_recorded(ivr: pocket.Switch) -> None:
    for prompt in ("language", "pin", "main"):
        call = ivr.start_call("5", press={"language": "1", "pin": "1234"})
        call.wait_played(prompt, begins=True)
        call.hangup("ORIGINATOR_CANCEL")
        call.wait()
    assert [cause for _, _, cause in calls(ivr)] == ["ORIGINATOR_CANCEL"] * 3
    assert [line for line in ivr.log if line.level == "ERR"] == []
