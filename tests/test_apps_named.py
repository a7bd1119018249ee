"""What an app names in its code is kept for it from its load on, not only from its first wait for it."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from unittest import mock

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
    "by_an_object": ('class Wanted:\n    def name(self): return "NAME"\nwanted = Wanted()', "wanted.name()"),
    "by_an_object_s_own": (
        'class Wanted:\n    def __init__(self): self.name = "NAME"\nwanted = Wanted()',
        "wanted.name",
    ),
    "in_a_namespace": ('import types\nwanted = types.SimpleNamespace(name="NAME")', "wanted.name"),
    "by_what_can_be_called": ('class Wanted:\n    def __call__(self): return "NAME"\nwanted = Wanted()', "wanted()"),
    "by_what_is_cached": ('import functools\n@functools.cache\ndef wanted(): return "NAME"', "wanted()"),
    "by_a_context": (
        'import contextlib\n@contextlib.contextmanager\ndef wanted(): yield "NAME"',
        "wanted().__enter__()",
    ),
    "beside_a_table": ("", '("NAME", self.table)[0]'),
    "by_an_object_beside": ("from HELPER import here", "here.wanted()"),
    "by_a_file_beside": ("from HELPER import wanted", "wanted()"),
    "by_a_module_beside": ("import HELPER", "HELPER.wanted()"),
}

# The event is fired, and has been told, before the coroutine first waits for it.
APP = """
class App:
    BODY
    def __init__(self):
        self.own = OWN
        self.table = [[str(row * column * 7) for row in range(99)] for column in range(99)]
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
HERE = """
class Here:
    def wanted(self): return wanted()
here = Here()
"""


@pytest.mark.parametrize("how", NAMED)
def test_what_an_app_names_is_kept_before_it_first_waits_for_it(host: Host, parked: str, how: str) -> None:
    name = f"test::named-{how}"
    script, names = (text.replace("NAME", name) for text in NAMED[how])
    if "HELPER" in script:
        script = script.replace("HELPER", helper := host.script(f'def wanted(): return "{name}"\n' + HERE))
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


@pytest.mark.parametrize("added", ["function", "functools.partial(function)", "Called()", "Called().__call__"])
def test_what_a_callback_that_is_added_names_is_listened_to(host: Host, added: str) -> None:
    # Nobody else names this one.
    name = f"test::added-{added.translate(NO_WORD)}"
    app = Loaded(
        host,
        f"""
import functools
from freeswitch.apps.handlers import get_listener
def wanted(): return "{name}"
def function(session): return wanted()
class Called:
    def __call__(self, session): return wanted()
def load():
    listener = get_listener()
    listener.event_loop.add_callback("CHANNEL_PARK", "added", {added})
    from freeswitch import _loop
    said[:] = [name for name in _loop.here.listener._needed if name == "{name}"]
    listener.event_loop.remove_callback("CHANNEL_PARK", "added", {added})
    return "added"
""",
    )
    assert app.said() == [name]


NO_WORD = str.maketrans("", "", "().")
MANY = ["test::named-many"] * 1000


class Names:
    """An app's functions."""

    @staticmethod
    def of_a_leg() -> tuple[str, ...]:
        return "CHANNEL_BRIDGE", "DTMF", "test::named", "CUSTOM test::with-custom", "CUSTOM plainword", "a::b/c::d"

    @staticmethod
    def others() -> tuple[str, ...]:
        return "CUSTOM", "LOG", "API", "ALL", "NO_EVENT", "a::b c", "CHANNEL_bridge", "test::", "::", "CUSTOM "

    @staticmethod
    def by_what_is_elsewhere() -> object:
        return import_module("json"), MANY


def test_what_is_no_event_of_a_leg_is_not_listened_to() -> None:
    names = ("of_a_leg", "others", "by_what_is_elsewhere")
    found = [events_named(function, [function]) for function in (getattr(Names, name) for name in names)]
    assert found == [set(Names.of_a_leg()), set(), set()]
    assert events_named(Names(), [Names.of_a_leg]) == found[0]


class Claims:
    """Says that it is what it is not, and does something when it is asked."""

    asked = 0

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        Claims.asked += 1
        raise OSError("it is asked")

    def __getattr__(self, name: str) -> object:
        Claims.asked += 1
        raise OSError(f"it is asked for {name}")

    def __len__(self) -> int:
        raise OSError("it is asked how long it is")


class Raises(dict[str, str]):
    """A collection that cannot be read."""

    def __iter__(self) -> Iterator[str]:
        raise OSError("it is read")

    __len__ = values = __iter__  # type: ignore[assignment]


class Odd:
    """Has values that do not like to be looked at."""

    def __init__(self) -> None:
        gone = Names()
        self.proxy = weakref.proxy(gone)
        self.claims, self.raises = Claims(), Raises()
        self.like_a_dict, self.like_a_text = mock.Mock(spec=dict), mock.Mock(spec=str)
        self.of_no_module = type("OfNoModule", (), {"__module__": []})()
        self.tables = [[[str(i * j * k) for i in range(60)] for j in range(60)] for k in range(10)]

    functions: object = [Claims(), "no function"]

    def on_park(self, session: object) -> tuple[object, ...]:
        """Use them."""
        return session, ODD, CLAIMS, RAISES, PROXY, "test::odd"


def wrapped() -> None:
    """Go around in a circle."""


wrapped.__wrapped__ = wrapped  # type: ignore[attr-defined]
CLAIMS, RAISES, PROXY = Claims(), Raises(), weakref.proxy(Names())
ODD = Odd()


class Asked(Odd):
    """Has functions that cannot be asked for, either."""

    @property
    def functions(self) -> object:  # type: ignore[override]
        """Say that they cannot."""
        raise OSError("functions")


def test_values_that_do_not_like_to_be_looked_at_are_left_alone() -> None:
    before = Claims.asked
    assert events_named(ODD, [ODD.on_park]) == {"test::odd"}
    assert events_named(Asked(), [ODD.on_park]) == {"test::odd"}
    assert events_named(wrapped, [wrapped]) == set()
    assert Claims.asked == before


def test_what_a_function_of_a_large_script_names_is_found() -> None:
    lines = [
        f"def f{number}():\n    return f{(number * 7 + 1) % 5000}, f{(number * 3) % 5000}" for number in range(5000)
    ]
    module = ModuleType("large")
    module.__file__ = __file__
    exec("\n".join([*lines, "def first():\n    return f1(), 'test::large'"]), module.__dict__)
    assert "test::large" in events_named(module, [module.first])
