"""What an app names in its code is kept for it from its load on, not only from its first wait for it."""

from __future__ import annotations

from importlib import import_module

import pytest

from freeswitch.apps._named import events_named
from hosts.base import Host
from support.apps import Loaded

# Each names what nobody else in this run does: a listener that listens to something once does so for good.
NAMED = {
    "itself": ("", '"NAME"'),
    "in_a_tuple": ("", '("DTMF", "NAME")[1]'),
    "in_a_function_within": ("", '(lambda: "NAME")()'),
    "in_an_argument": ("", "(lambda name='NAME': name)()"),
    "of_the_class": ("", "self.wanted"),
    "of_the_instance": ("", "self.own"),
    "of_the_script": ('WANTED = "NAME"', "WANTED"),
    "in_a_list_of_the_script": ('WANTED = ["NAME"]', "WANTED[0]"),
    "by_a_function": ('def wanted(): return "NAME"', "wanted()"),
    "by_a_function_of_a_function": ('def inner(): return "NAME"\ndef wanted(): return inner()', "wanted()"),
    "by_a_closure": ('def outer():\n    name = "NAME"\n    return lambda: name\nwanted = outer()', "wanted()"),
    "by_a_class": ('class Wanted:\n    def name(self): return "NAME"', "Wanted().name()"),
    "by_a_partial": (
        'import functools\nwanted = functools.partial(lambda name: name, "NAME")',
        "wanted()",
    ),
    "by_a_property": ("", "self.named"),
    "by_a_decorated": (
        'def again(function):\n    return lambda: function()\n@again\ndef wanted(): return "NAME"',
        "wanted()",
    ),
    "by_a_file_beside": ("from HELPER import wanted", "wanted()"),
    "by_a_module_beside": ("import HELPER", "HELPER.wanted()"),
}

# The event is fired, and has been told, before the coroutine first waits for it.
APP = """
class App:
    BODY
    def __init__(self): self.own = OWN
    @property
    def named(self): return PROPERTY
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if session.is_outbound(): return
        told = freeswitch.events.once("CUSTOM " + LATER[::-1], guard={"Unique-ID": session.uuid})
        event = freeswitch.Event("CUSTOM", LATER[::-1])
        event["Unique-ID"] = session.uuid
        event.fire()
        await told
        for _ in range(20): await asyncio.sleep(0)
        try: said.append((await session.recv(NAMES, timeout=5)).getHeader("Event-Subclass"))
        except TimeoutError as error: said.append(str(error))
        session.hangup()
def load(): return apps.load(App, app_id=LATER)
"""


@pytest.mark.parametrize("how", NAMED)
def test_what_an_app_names_is_kept_before_it_first_waits_for_it(host: Host, parked: str, how: str) -> None:
    name = f"test::named-{how}"
    script, names = (text.replace("NAME", name) for text in NAMED[how])
    if "HELPER" in script:
        script = script.replace("HELPER", helper := host.script(f'def wanted(): return "{name}"\n'))
        names = names.replace("HELPER", helper)
    body = APP.replace("NAMES", names).replace("BODY", f'wanted = "{name}"' if names == "self.wanted" else "")
    body = body.replace("PROPERTY", f'"{name}"' if names == "self.named" else "None")
    body = body.replace("OWN", f'"{name}"' if names == "self.own" else "None")
    app = Loaded(host, f"import freeswitch.events\nLATER = {name[::-1]!r}\n{script}\n{body}")
    host.call(extension=parked, variables={"freeswitch_app": name[::-1]})
    app.wait_said(name)
    app.unload()


def test_what_a_route_names_is_kept_before_it_first_waits_for_it(host: Host, parked: str) -> None:
    app = Loaded(
        host,
        """
from freeswitch.apps.routers import Router
router = Router()
LATER = "etuor-deman::tset"
def wanted(): return "test::named-route"
@router.route("(.*)")
async def named(sess, match, router):
    event = freeswitch.Event("CUSTOM", LATER[::-1])
    event["Unique-ID"] = sess.uuid
    event.fire()
    for _ in range(20): await asyncio.sleep(0)
    try: said.append((await sess.recv(wanted(), timeout=5)).getHeader("Event-Subclass"))
    except TimeoutError as error: said.append(str(error))
    sess.hangup()
def load(): return apps.load(router, app_id="named-route")
""",
    )
    host.call(extension=parked, variables={"freeswitch_app": "named-route"})
    app.wait_said("test::named-route")
    app.unload()


MANY = ["test::named-many"] * 1000


class Names:
    """An app's functions."""

    @staticmethod
    def of_a_leg() -> tuple[str, ...]:
        return "CHANNEL_BRIDGE", "DTMF", "test::named", "CUSTOM test::with-custom"

    @staticmethod
    def others() -> tuple[str, ...]:
        return "CUSTOM", "LOG", "API", "ALL", "NO_EVENT", "a::b c", "CHANNEL_bridge", "test::", "::"

    @staticmethod
    def by_what_is_elsewhere() -> object:
        return import_module("json"), MANY


def test_what_is_no_event_of_a_leg_is_not_listened_to() -> None:
    names = ("of_a_leg", "others", "by_what_is_elsewhere")
    found = [events_named(function, [function]) for function in (getattr(Names, name) for name in names)]
    assert found == [{"CHANNEL_BRIDGE", "DTMF", "test::named", "CUSTOM test::with-custom"}, set(), set()]
    assert events_named(Names(), [Names.of_a_leg]) == found[0]
