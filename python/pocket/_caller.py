"""Calls that come in to the switch, and how long they are waited for."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pocket import _checks
from pocket._call import Call
from pocket._far_end import Press, Says, far_end
from pocket._far_end import seconds as _seconds

if TYPE_CHECKING:
    from pocket import _pocket


class CallTimeout(TimeoutError):
    """A call did not end in time. It has been hung up."""


class Caller(ABC):
    """The half of a switch that makes calls."""

    # The folder of sounds while it is open, and after.
    _sounds_at: Path

    @property
    @abstractmethod
    def _running(self) -> _pocket.Switch:
        """The open switch; RuntimeError where it is not."""

    def start_call(
        self,
        extension: str,
        *,
        press: Press = (),
        says: Says = (),
        hangup_after: float | None = None,
        context: str = "default",
        variables: Mapping[str, str] | None = None,
        caller_id_number: str = "1000",
        caller_id_name: str = "Pocket",
    ) -> Call:
        """A call comes in to that extension, and goes on while this returns.

        What the far end does is counted in seconds from here: `press` are times
        and digits, `says` times and words, which speech recognition gets as they are,
        `hangup_after` is when it hangs up. In the place of times there can be sounds:
        `press={"menu.wav": "1"}` presses once that prompt was heard to its end,
        `{"menu.wav": (0.5, "1")}` half a second after it began, `{"pin": ["12", "34"]}`
        12 when it is heard first, 34 the second time, and nothing later. A sound is
        named by its file, with or without folder and extension, or by the text that is
        spoken; `*` and `?` stand for anything. TTS, recognition, say and phrases are
        stand-ins that take time and stand in the transcript; engines, languages and
        macros whose names are "none" or begin with "no_such" fail.
        """
        return self._start(
            extension=extension,
            application=None,
            press=press,
            says=says,
            hangup_after=hangup_after,
            context=context,
            variables=variables,
            caller_id_number=caller_id_number,
            caller_id_name=caller_id_name,
        )

    def call(
        self,
        extension: str,
        *,
        press: Press = (),
        says: Says = (),
        hangup_after: float | None = None,
        context: str = "default",
        variables: Mapping[str, str] | None = None,
        caller_id_number: str = "1000",
        caller_id_name: str = "Pocket",
        timeout: float | None = None,
    ) -> Call:
        """A call from its beginning to its end.

        timeout: how long that may take at most, else it is hung up, and CallTimeout is raised: a minute, or half a
        minute longer than `hangup_after`.
        """
        call = self.start_call(
            extension,
            press=press,
            says=says,
            hangup_after=hangup_after,
            context=context,
            variables=variables,
            caller_id_number=caller_id_number,
            caller_id_name=caller_id_name,
        )
        return call.wait(_checks.patience(timeout, hangup_after))

    def start_run(
        self,
        application: str,
        data: str = "",
        *,
        destination: str | None = None,
        press: Press = (),
        says: Says = (),
        hangup_after: float | None = None,
        variables: Mapping[str, str] | None = None,
        caller_id_number: str = "1000",
        caller_id_name: str = "Pocket",
    ) -> Call:
        """A call straight into one application, with no dialplan; it goes on while this returns.

        destination: the number that was dialled, `destination_number`; the application's name when it is not given.
        """
        return self._start(
            extension=application if destination is None else destination,
            application=(application, data),
            press=press,
            says=says,
            hangup_after=hangup_after,
            context="default",
            variables=variables,
            caller_id_number=caller_id_number,
            caller_id_name=caller_id_name,
        )

    def run(
        self,
        application: str,
        data: str = "",
        *,
        destination: str | None = None,
        press: Press = (),
        says: Says = (),
        hangup_after: float | None = None,
        variables: Mapping[str, str] | None = None,
        caller_id_number: str = "1000",
        caller_id_name: str = "Pocket",
        timeout: float | None = None,
    ) -> Call:
        """The same, from its beginning to its end; `timeout` as of `call`."""
        call = self.start_run(
            application,
            data,
            destination=destination,
            press=press,
            says=says,
            hangup_after=hangup_after,
            variables=variables,
            caller_id_number=caller_id_number,
            caller_id_name=caller_id_name,
        )
        return call.wait(_checks.patience(timeout, hangup_after))

    def _start(
        self,
        *,
        extension: str,
        application: tuple[str, str] | None,
        press: Press,
        says: Says,
        hangup_after: float | None,
        context: str,
        variables: Mapping[str, str] | None,
        caller_id_number: str,
        caller_id_name: str,
    ) -> Call:
        texts = {"context": context, "caller_id_name": caller_id_name, "caller_id_number": caller_id_number}
        for name, text in {"number": extension, **texts}.items():
            _checks.check_text(name, text)
        if application is not None:
            for name, text in zip(("application", "data"), application, strict=True):
                _checks.check_text(name, text)
        core = self._running.start_call(
            extension=extension,
            application=application,
            **texts,
            variables=list(_checks.variables(variables).items()),
            far_end=far_end(press, says, hangup_after),
        )
        return Call(self, core)

    def wait(self, call: Call, timeout: float = 60.0) -> None:
        """Wait for the end of a call, in the switch's time; CallTimeout when it does not come."""
        core = self._running
        timeout = _seconds("timeout", timeout)
        if not core.wait(call._core, core.time + timeout):
            raise self._give_up(call, timeout)
        # The clock moves only when all is done that the end of the call set off.
        core.sleep(1e-6)

    def _give_up(self, call: Call, timeout: float) -> CallTimeout:
        """Hang up a call that does not end; what is to be raised."""
        state, places = call.state, self._places_of(call.uuid)
        call.hangup()
        return CallTimeout(
            f"the call {call.uuid} was not over after {timeout:g} s; it was in {state}{places}; "
            "hangup_after= has the far end hang up, timeout= waits longer"
        )

    def _places_of(self, uuid: str) -> str:
        """Where the scripts of a call are."""
        try:
            runs = json.loads(self._running.api("pyps json"))
        except ValueError:
            # There is no mod_rust that knows.
            return ""
        return "".join(f", {run['function']} at {run['place']}" for run in runs if run["uuid"] == uuid)
