"""A call that uses the whole module; it logs each step as it begins, for the far end to do its part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import freeswitch

saw: dict[str, Any] = {}


def hook(session: freeswitch.Session, what: str) -> None:
    """Say what was seen, when all is over."""
    saw["hook"] = [what, session.hangupCause()]
    session.setVariable("saw", json.dumps(saw))


def controls(_session: freeswitch.Session, _what: str, obj: freeswitch.DTMF, said: list[str]) -> str:
    """Steer what is played."""
    said.append(obj.digit)
    return {"1": "seek:+8000", "2": "pause", "3": "pause", "9": "stop"}[obj.digit]


def on_leg(_session: freeswitch.Session, what: str, obj: freeswitch.DTMF, heard: list[str]) -> str | None:
    """Hear the digits of a leg of the bridge, until the star."""
    if what != "dtmf":
        return None
    heard.append(obj.digit)
    step(f"heard {obj.digit}")
    return "stop" if obj.digit == "*" else "ignore"


def step(name: str) -> None:
    """Log that this begins."""
    freeswitch.consoleLog("info", "step: " + name)


def handler(session: freeswitch.Session, args: str) -> None:
    """Do all of it."""
    folder, silent, quiet, target = args.split()
    session.setHangupHook(hook)
    session.answer()
    digits(session)
    record_and_play(session, folder)
    menus(session)
    placed(session, silent)
    bridged(session, quiet)

    with freeswitch.EventConsumer("CUSTOM", "one::test") as consumer:
        freeswitch.Event({"Event-Subclass": "one::test", "Event-Name": "CUSTOM", "Said": "hello"}).fire()
        event = consumer.pop(1, 5000)
        saw["event"] = event and event["Said"]

    session.transfer(target, "XML", "default")


def digits(session: freeswitch.Session) -> None:
    """Get digits, each way that it can end."""
    step("terminated")
    saw["terminated"] = session.getDigits(5, "#*", 5000)
    saw["timeout"] = session.getDigits(5, "#", 100)
    step("between")
    saw["between"] = session.getDigits(5, "#", 5000, 300)
    saw["total"] = session.getDigits(5, "#", 5000, 5000, 200)


def record_and_play(session: freeswitch.Session, folder: str) -> None:
    """Record, and play with controls."""
    recording = Path(folder, "recorded.wav")
    saw["record"] = session.recordFile(str(recording), 1)
    saw["recorded"] = recording.is_file()

    said: list[str] = []
    session.setInputCallback(controls, said)
    step("controls")
    saw["play"] = session.streamFile(session.getVariable("hold_music") or "")
    saw["controls"] = said
    session.unsetInputCallback()


def menu(main: freeswitch.IVRMenu | None, name: str) -> freeswitch.IVRMenu:
    """Make a menu."""
    quiet = "silence_stream://2000"
    return freeswitch.IVRMenu(
        main, name, quiet, quiet, None, None, None, None, None, None, None, 1, 500, 1, 5000, 2, 2
    )  # fmt: skip


def menus(session: freeswitch.Session) -> None:
    """Go down into a menu and choose."""
    main = menu(None, "main")
    sub = menu(main, "sub")
    main.bindAction("menu-sub", "sub", "1")
    sub.bindAction("menu-exec-app", "set menu_choice=two", "2")
    sub.bindAction("menu-exit", "", "3")
    step("menu")
    main.execute(session, "main")
    saw["menu"] = session.getVariable("menu_choice")


def placed(session: freeswitch.Session, silent: str) -> None:
    """Place calls that do not come to be."""
    for cause, dial in (("busy", "error/user_busy"), ("no answer", "{ignore_early_media=true}loopback/" + silent)):
        other = freeswitch.Session()
        status = other.originate(session, dial, 1)
        saw[cause] = [status, other.ready(), other.hangupCause()]


def bridged(session: freeswitch.Session, quiet: str) -> None:
    """Bridge with a callback on either leg."""
    peer = freeswitch.Session("{leg=b,loopback_bowout=false}loopback/" + quiet, session)
    saw["peer"] = [peer.ready(), peer.hangupCause()]
    heard: dict[str, list[str]] = {"a": [], "b": []}
    session.setInputCallback(on_leg, heard["a"])
    peer.setInputCallback(on_leg, heard["b"])
    step(f"bridge {peer.getVariable('other_loopback_leg_uuid')}")
    freeswitch.bridge(session, peer)
    saw["heard"] = heard
    saw["after the bridge"] = session.ready()
    session.unsetInputCallback()
    peer.destroy()
