"""`IVRMenu`: keys, submenus, patterns, timeouts, and menus of several calls at once."""

from __future__ import annotations

from hosts.base import Host
from support.menus import MENU
from support.saw import in_api, in_call, until_waits


def test_two_levels(host: Host) -> None:
    saw, _ = in_call(
        host,
        MENU
        + """
def body(session, saw):
    session.answer()
    main = menu(None, "main")
    sub = menu(main, "sub")
    main.bindAction("menu-sub", "sub", "1")
    main.bindAction("menu-exec-app", "set chosen=in_main", "2")
    main.bindAction("menu-exit", "", "9")
    sub.bindAction("menu-exec-app", "set chosen_below=in_sub", "2")
    sub.bindAction("menu-top", "", "0")
    main.execute(session, "main")
    saw["chosen"] = [session.getVariable("chosen"), session.getVariable("chosen_below")]
    saw["status"] = session.getVariable("ivr_menu_status")
""",
        press=[(0.4, "1"), (0.9, "2"), (1.4, "0"), (1.9, "2"), (2.4, "9")],
    )
    assert saw == {"chosen": ["in_main", "in_sub"], "status": "success"}


def test_patterns(host: Host) -> None:
    saw, _ = in_call(
        host,
        MENU
        + r"""
def body(session, saw):
    session.answer()
    main = menu(None, "main", digit_len=4)
    main.bindAction("menu-exec-app", "set dialled=$1", r"/^(10[01]\d)$/")
    main.bindAction("menu-exit", "", "9")
    main.execute(session, "main")
    saw["dialled"] = session.getVariable("dialled")
""",
        press=[(0.4, "1012"), (1.2, "9")],
    )
    assert saw == {"dialled": "1012"}


def test_failures_and_timeouts(host: Host) -> None:
    saw, _ = in_call(
        host,
        MENU
        + """
def body(session, saw):
    session.answer()
    main = menu(None, "main", greeting_sound="silence_stream://100", timeout=300)
    main.bindAction("menu-exit", "", "9")
    main.execute(session, "main")
    saw["status"] = [session.getVariable("ivr_menu_status")]
    main = menu(None, "main")
    main.bindAction("menu-exit", "", "9")
    freeswitch.consoleLog("info", "failing\\n")
    main.execute(session, "main")
    saw["status"].append(session.getVariable("ivr_menu_status"))
""",
        press=[(1.5, "1"), (2.5, "1")],
    )
    assert saw == {"status": ["timeout", "failure"]}


def test_bad_bindings_are_told(host: Host) -> None:
    saw, _ = in_call(
        host,
        MENU
        + """
def body(session, saw):
    main = menu(None, "main")
    saw["action"] = tried(main.bindAction, "no-such-action", "x", "1")
    saw["name"] = tried(main.execute, session, "no_such_menu")
    saw["session"] = tried(main.execute, "session", "main")
    saw["main"] = tried(menu, "main", "sub")
    saw["number"] = tried(menu, None, "sub", timeout=1 << 31)
""",
    )
    assert (saw["action"], saw["name"]) == (None, None)
    host.wait_log("no-such-action")
    assert saw["session"].startswith("TypeError: argument 'session'")
    assert saw["main"].startswith("TypeError: argument 'main'")
    assert saw["number"].startswith("ValueError: argument 'timeout'")


def test_a_menu_of_a_call_that_is_gone(host: Host) -> None:
    saw = in_api(
        host,
        MENU + "\ndef body(saw): saw['said'] = tried(menu(None, 'm').execute, freeswitch.Session(), 'm')\n",
    )
    assert saw["said"].startswith("SessionGone: ")


def test_one_menu_leads_one_call_at_a_time(host: Host) -> None:
    name = host.script(
        "import freeswitch\n"
        + MENU
        + """
MAIN = menu(None, "main")
MAIN.bindAction("menu-exit", "", "9")
def handler(session, args):
    session.answer()
    freeswitch.consoleLog("info", "in the menu\\n")
    try:
        MAIN.execute(session, "main")
        session.setVariable("led", "yes")
    except RuntimeError as error:
        session.setVariable("led", str(error))
"""
    )
    extension = host.extension(("python", name))
    first = host.start_call(extension)
    host.wait_log("^in the menu")
    until_waits(host, first.uuid)
    assert "another call" in host.call(extension=extension).variables["led"]
    first.press("9")
    assert first.wait().variables["led"] == "yes"
