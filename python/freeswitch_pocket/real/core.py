"""A FreeSWITCH as `pocket.Switch` wants its core: calls, phones, variables, time, log and events of one test."""

from __future__ import annotations

import re
import secrets
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn
from xml.sax.saxutils import quoteattr

from freeswitch_pocket.real.dial_strings import braces
from freeswitch_pocket.real.far_end import Player
from freeswitch_pocket.real.installed import SwitchError
from freeswitch_pocket.real.lacks import NotOnFreeSwitch
from freeswitch_pocket.real.leg import Leg, Pairs
from freeswitch_pocket.real.phones import NUMBER, RUN, Phones
from freeswitch_pocket.real.records import Line, Records

if TYPE_CHECKING:
    from freeswitch_pocket.real.esl import Headers
    from freeswitch_pocket.real.instance import Instance
    from pocket._far_end import FarEnd

DEADLINE = 30.0
# How often it is looked whether nothing goes on any more.
LOOK = 0.02


class Core:
    """An instance, lent to one test."""

    def __init__(self, instance: Instance, dialplan: str, variables: Pairs) -> None:
        self._instance = instance
        self._dialplan = dialplan
        self._runs: list[tuple[str, str]] = []
        self._set: dict[str, str] = {}
        self._kinds: tuple[set[str], int] = (set(), 0)
        self._told = 0
        # Legs that play a far end, and those that scripts see.
        self._far: set[str] = set()
        self._legs: dict[str, Leg] = {}
        self._lines: list[Line] = []
        self.ended = False
        self.records = Records()
        self.phones = Phones(instance.folder / "phones")
        instance.on_event, instance.on_log = self._on_event, self.records.on_log
        for name, value in (("sound_prefix", str(instance.sounds)), *variables):
            self.set_global(name, value)
        self._write_dialplan()
        if instance.is_used:
            # Each test begins with no script loaded; the first begins with none anyway.
            reply = self.api("reload mod_rust")
            if "-ERR" in reply:
                raise SwitchError(f"reload mod_rust: {reply.strip()}")
        instance.is_used = True

    def close(self) -> int:
        """End what is left of the test."""
        self.ended = True
        if self._instance.alive:
            self.api("hupall")
            if not self._comes_to_rest():
                # What hangs in it would be the next test's.
                self._instance.end()
            else:
                self._flush()
                for name, before in self._set.items():
                    self.api(f"global_setvar {name}={before}")
        self._lines += self.records.take_lines()
        self._instance.on_event = self._instance.on_log = None
        return 0

    def _comes_to_rest(self) -> bool:
        deadline = self.time + DEADLINE
        while not (self._has_no_calls() and self.api("pyps json").strip() == "[]"):
            if self.time > deadline:
                return False
            time.sleep(LOOK)
        return True

    def _has_no_calls(self) -> bool:
        # What `show channels` asks is a database, which hears of a channel after it is there, and after it has gone.
        return "\n0 session(s) - " in self.api("status") and self.api("show channels count").strip().startswith("0 ")

    def stand_still(self) -> NoReturn:
        """Time is the world's."""
        raise NotOnFreeSwitch("debug=True")

    # Time and commands

    @property
    def time(self) -> float:
        """Seconds since the test began."""
        return self.records.now

    def sleep(self, duration: float) -> None:
        """Wait."""
        time.sleep(duration)

    def api(self, line: str) -> str:
        """The reply to a command."""
        return self._instance.api(line)

    def expect(self, line: str) -> None:
        """Run a command that must not fail."""
        reply = self.api(line)
        if not reply.startswith("+OK"):
            raise SwitchError(f"{line}: {reply.strip()}")

    # Calls

    def start_call(
        self,
        *,
        extension: str,
        application: tuple[str, str] | None,
        context: str,
        caller_id_name: str,
        caller_id_number: str,
        variables: Pairs,
        far_end: FarEnd,
    ) -> Leg:
        """Call the extension: the first leg of a loopback pair is the far end, the second is what scripts see."""
        if far_end.says or any(deed == "say" for _, _, deed, _, _ in far_end.cues):
            raise NotOnFreeSwitch("says=")
        given = dict(variables)
        if application is not None:
            given[RUN] = self._number_of(application)
        far = str(uuid.uuid4())
        self._far.add(far)
        own = {
            "origination_uuid": far,
            "origination_caller_id_number": caller_id_number,
            "origination_caller_id_name": caller_id_name,
            "originate_timeout": "86400",
            # A bridge in a script must not make the pair vanish from under the test.
            "loopback_bowout": "false",
            "loopback_export": ",".join(["loopback_bowout", *given]),
        }
        reply = self.api(f"bgapi originate {braces({**own, **given})}loopback/{extension}/{context}/xml &park()")
        job = reply.strip().rpartition(" ")[2]
        if not self.records.wait(lambda: bool(self._near(far) or self._refused(job)), self.time + DEADLINE):
            raise SwitchError(f"the call to {extension} did not begin in {DEADLINE:g} s")
        near = self._near(far)
        if near is None:
            raise SwitchError(f"the call to {extension} did not begin: {self._refused(job)}")
        leg = self._legs[near]
        if far_end.press or far_end.cues or far_end.hangs_up_after is not None:
            # On a busy machine the way through the dialplan can take longer than the first step.
            Player(self, leg, far_end, ("CHANNEL_EXECUTE",)).start()
        return leg

    def _number_of(self, application: tuple[str, str]) -> str:
        if application not in self._runs:
            self._runs.append(application)
            self._write_dialplan()
        return str(self._runs.index(application))

    def _near(self, far: str) -> str | None:
        return next((leg.uuid for leg in list(self._legs.values()) if leg.far == far), None)

    def _refused(self, job: str) -> str | None:
        return next((e.get("_body", "").strip() for e in list(self.records.events) if e.get("Job-UUID") == job), None)

    def _on_event(self, event: Headers) -> None:
        self._look(event)
        self.records.on_event(event)

    def _look(self, event: Headers) -> None:
        """Take in new legs; the far end of a phone begins at its answer."""
        own, other = event.get("Unique-ID", ""), event.get("variable_other_loopback_leg_uuid", "")
        if not own or own in self._legs:
            return
        if other in self._far and own not in self._far:
            # The second leg of a call, which scripts see.
            self._legs[own] = Leg(self, own, other)
        elif f"variable_{NUMBER}" in event and event.get("Channel-Name", "").endswith("-a"):
            # The first leg of a phone, which scripts have dialled.
            if other:
                self._far.add(other)
                self._legs[own] = leg = Leg(self, own, other)
                does = self.phones.far_end(event[f"variable_{NUMBER}"])
                if does.press or does.cues or does.hangs_up_after is not None:
                    Player(self, leg, does, ("CHANNEL_ANSWER",)).start()
        elif event["Event-Name"] == "CHANNEL_EXECUTE" and own not in self._far:
            self._legs[own] = Leg(self, own, own)

    def wait(self, call: Leg, deadline: float) -> bool:
        """Wait for the end of a call; whether it came by then."""
        return self.records.wait(lambda: call.over, deadline)

    def channels(self) -> list[Leg]:
        """The legs that are there, as the events say: `show channels` asks a database that comes after them."""
        return [leg for leg in self.legs() if not leg.has("CHANNEL_DESTROY")]

    def legs(self) -> list[Leg]:
        """All legs of the test but the far ends'."""
        return [leg for leg in list(self._legs.values()) if leg.uuid not in self._far]

    # Dialplan and phones

    def phone(self, address: str, far_end: FarEnd) -> None:
        """Name a phone."""
        self.phones.add(address, far_end)
        self._write_dialplan()

    def _write_dialplan(self) -> None:
        runs = "".join(
            f'<extension name="run {number}"><condition field="${{{RUN}}}" expression="^{number}$">'
            # A transfer later looks through the dialplan as if this were not there.
            f'<action application="set" data="{RUN}=" inline="true"/>'
            f"<action application={quoteattr(name)} data={quoteattr(data)}/></condition></extension>"
            for number, (name, data) in enumerate(self._runs)
        )
        plan = re.sub(r"</?include>|<\?xml.*?\?>", "", self._dialplan)
        if "<context" in plan:
            default = f'<context name="default">{runs}</context>'
            if re.search(r"<context\s+name=[\"']default[\"']\s*>", plan):
                default, plan = "", re.sub(r"(<context\s+name=[\"']default[\"']\s*>)", rf"\1{runs}", plan, count=1)
        else:
            default, plan = f'<context name="default">{runs}{plan}</context>', ""
        text = f"<include>\n{default}\n{plan}\n{self.phones.context()}\n</include>\n"
        (self._instance.folder / "conf" / "test_dialplan.xml").write_text(text, encoding="utf-8")
        self.expect("reloadxml")

    # Variables

    def globals(self) -> Pairs:
        """The global variables."""
        pairs = (line.partition("=") for line in self.api("global_getvar").splitlines())
        return [(name, value) for name, equals, value in pairs if equals]

    def global_variable(self, name: str) -> str | None:
        """One of them."""
        value = self.api(f"global_getvar {name}").rstrip("\n")
        return None if value in {"", "-ERR no reply"} else value

    def set_global(self, name: str, value: str) -> None:
        """Set one; it is as before when the test ends."""
        self._set.setdefault(name, self.global_variable(name) or "")
        self.api(f"global_setvar {name}={value}")

    # Log and events

    def _flush(self) -> None:
        marker = f"marker {secrets.token_hex(8)}"
        self.records.mark(marker)
        self.api(f"log debug {marker}")
        self.records.wait(lambda: self.records.passed(marker), self.time + DEADLINE)

    def log(self) -> list[Line]:
        """The lines since this was last asked."""
        if not self.ended and self._instance.alive:
            self._flush()
            return self.records.take_lines()
        lines, self._lines = self._lines, []
        return lines

    def subscribe(self, kinds: list[str], limit: int) -> None:
        """Keep events of these kinds from now on."""
        self._kinds = set(kinds), limit
        self._told = len(self.records.events)

    def events(self) -> list[Pairs]:
        """Those that came since this was last asked."""
        kinds, limit = self._kinds
        if not limit:
            return []
        new = self.records.events[self._told :]
        self._told += len(new)
        return [
            [*event.items()]
            for event in new[-limit:]
            if not kinds or "ALL" in kinds or event["Event-Name"] in kinds or event.get("Event-Subclass") in kinds
        ]

    # What there is not

    def fake_api(self, name: str, _: Callable[[str], str]) -> NoReturn:
        """Nothing of a real switch can be replaced."""
        raise NotOnFreeSwitch(f"fake_api({name!r})")

    def fake_application(self, name: str, _: Callable[[Any, str], None]) -> NoReturn:
        """The same."""
        raise NotOnFreeSwitch(f"fake_application({name!r})")

    def messages(self) -> NoReturn:
        """They leave it."""
        raise NotOnFreeSwitch("messages")

    def letters(self) -> NoReturn:
        """The same."""
        raise NotOnFreeSwitch("letters")

    def control(self, _: int) -> NoReturn:
        """Its event socket is its own."""
        raise NotOnFreeSwitch("serve()")
