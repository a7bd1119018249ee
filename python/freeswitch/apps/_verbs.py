"""Commands that apps give to a leg."""

from __future__ import annotations

import asyncio
import logging
import uuid as uuids
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import _freeswitch
from _freeswitch import Event

from freeswitch._async import VerbError
from freeswitch.apps._link import Link, LinkError, Refused, refusal

log = logging.getLogger("freeswitch.apps")

# What an event of a command's end leads to: it is the one, or it is not, or the command has failed.
Test = Callable[[Event], bool]
# Gives a command, and has that told why it was refused, or None.
Act = Callable[[Refused], object]


class VerbLost(VerbError, LinkError):
    """The connection was lost, or is not there: whether the switch has done what a verb asked for is not known."""


class Verbs:
    """What can be done with a leg.

    A command is given at once, from whichever thread, and carried out by the leg's own thread. One that has an event
    which says that it is done gives an awaitable that ends with it; in a thread, a future whose `result(timeout)`
    waits. VerbError is raised there when the switch refuses the command or it fails, SessionLost when the leg ends.
    What is refused is also one line in the log (MR0015), and counted by `pystat`.
    """

    uuid: str
    answered: bool
    # The switch that it is on.
    con: Link

    def __getitem__(self, key: str) -> Any:
        raise NotImplementedError

    def get(self, key: str, default: Any = None) -> Any:
        """Give the latest value of a header."""
        raise NotImplementedError

    def _begin(
        self,
        names: Iterable[str],
        test: Test | None = None,
        *,
        act: Act | None = None,
        delay: float = 0.0,
        timeout: float | None = None,
    ) -> Any:
        raise NotImplementedError

    def _done_already(self) -> asyncio.Future[Event]:
        raise NotImplementedError

    def _need(self, *names: str) -> None:
        raise NotImplementedError

    def api(self, command: str) -> str:
        """Run an API command; its answer."""
        return self.con.ask(command)

    def _command(self, command: str) -> str:
        """Run an API command that is for this leg, and wait for its answer."""
        reply = self.con.ask(command)
        why = refusal(reply)
        if why is not None:
            self._refused(command, why)
        return reply

    def _give(self, command: str, then: Refused | None = None) -> None:
        """Run an API command that is for this leg, and go on."""

        def answered(reply: str) -> None:
            why = refusal(reply)
            if why is not None:
                self._refused(command, why)
            if then is not None:
                then(why)

        self.con.give(command, answered)

    def _refused(self, command: str, why: str) -> None:
        # What stands open when the program itself ends the connection, nobody has refused.
        if self.con.is_closed():
            return
        _freeswitch.count_refused()
        log.warning("MR0015 call %s: '%s' was refused: %s", self.uuid, command, why)

    def execute(self, cmd: str, arg: str = "", params: str = "", loops: int = 1) -> bool:
        """Have the leg's thread run a dialplan application.

        False where it is known that there is no such leg: a switch that is elsewhere says so later, in the log.
        """
        refused: list[str] = []
        self._execute(cmd, f"{params}{arg}", lambda why: refused.append(why) if why else None, loops)
        return not refused

    def _execute(self, app: str, argument: str, then: Refused, loops: int = 1, event_uuid: str | None = None) -> None:
        def answered(why: str | None) -> None:
            if why is not None:
                self._refused(f"{app} {argument}", why)
            then(why)

        self.con.execute(self.uuid, app, argument, loops, event_uuid, answered)

    def _verb(self, event: str, command: str) -> asyncio.Future[Event]:
        """Give an API command; its end is an event of the leg."""
        return self._begin((event,), act=lambda then: self._give(command, then))  # type: ignore[no-any-return]

    def _run(self, app: str, argument: str, event: str) -> asyncio.Future[Event]:
        """Have the leg run an application; its end is an event that comes while it runs."""
        self._need(event, "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE")
        mine, begun = str(uuids.uuid4()), False

        def test(found: Event) -> bool:
            nonlocal begun
            kind = found.getType()
            if kind == event:
                # That of another application comes before ours has begun.
                return begun
            if found.getHeader("Application-UUID") != mine:
                return False
            if kind == "CHANNEL_EXECUTE":
                begun = True
                return False
            if found.getHeader("Answer-State") == "hangup":
                # The end of the leg is about to be told.
                return False
            why = found.getHeader("Application-Response")
            self._refused(f"{app} {argument}", f"it ended without {event}: {why}")
            raise VerbError(f"{app}: {why}")

        names = (event, "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE")
        return self._begin(names, test, act=lambda then: self._execute(app, argument, then, 1, mine))  # type: ignore[no-any-return]

    def getvar(self, var: str) -> str | None:
        """Read a channel variable."""
        value = self._command(f"uuid_getvar {self.uuid} {var}")
        return None if value == "_undef_" or refusal(value) is not None else value

    def setvar(self, var: str, value: str) -> None:
        """Set a channel variable."""
        self._give(f"uuid_setvar {self.uuid} {var} {value}")

    def setvars(self, params: Mapping[str, Any]) -> None:
        """Set several channel variables."""
        for name, value in params.items():
            self.setvar(name, str(value))

    def unsetvar(self, var: str) -> None:
        """Remove a channel variable."""
        self._give(f"uuid_setvar {self.uuid} {var}")

    def answer(self) -> asyncio.Future[Event]:
        """Answer; await it to go on once the call is answered."""
        if self.answered or self.get("Answer-State") == "answered":
            return self._done_already()
        return self._verb("CHANNEL_ANSWER", f"uuid_answer {self.uuid}")

    def hangup(self, cause: str = "NORMAL_CLEARING") -> asyncio.Future[Event]:
        """Hang up; await it to go on once the leg is hung up."""
        return self._verb("CHANNEL_HANGUP", f"uuid_kill {self.uuid} {cause}")

    def park(self) -> asyncio.Future[Event]:
        """Take the leg out of what it does, and park it."""
        return self._verb("CHANNEL_PARK", f"uuid_park {self.uuid}")

    def sched_hangup(self, timeout: int, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up in so many seconds."""
        self._give(f"sched_hangup +{timeout} {self.uuid} {cause}")

    def clear_tasks(self) -> None:
        """Forget what was scheduled for this leg."""
        self._give(f"sched_del {self.uuid}")

    def send_dtmf(self, sequence: str, duration: str | int = "w") -> None:
        """Send digits to the far end, each of so many milliseconds."""
        self._give(f"uuid_send_dtmf {self.uuid} {sequence}{'' if duration == 'w' else f'@{duration}'}")

    def sched_dtmf(self, delay: float, sequence: str, tone_duration: str | None = None) -> str:
        """Send digits in so many seconds."""
        tone = "" if tone_duration is None else f"@{tone_duration}"
        return self._command(f"sched_api +{round(delay)} none uuid_send_dtmf {self.uuid} {sequence}{tone}")

    def playback(
        self,
        args: str | Iterable[str],
        start_sample: int | None = None,
        endless: bool = False,
        leg: str = "aleg",
        params: Mapping[str, Any] | None = None,
    ) -> asyncio.Future[Event]:
        """Play a file, or several after each other; await it to go on once that has stopped (PLAYBACK_STOP)."""
        files = [args] if isinstance(args, str) else list(args)
        if len(files) > 1:
            self.setvar("playback_delimiter", ";")
        start = f"@@{start_sample}" if start_sample else ""
        app = "endless_playback" if endless else "playback"
        # Who waits for its beginning does so after this, and the leg may play by then.
        self._need("PLAYBACK_START")
        return self._run(app, _params(params) + ";".join(files) + start, "PLAYBACK_STOP")

    def speak(self, text: str, engine: str = "flite", voice: str = "kal", timer_name: str = "") -> bool:
        """Speak text by a TTS engine."""
        return self.execute("speak", "|".join(part for part in (engine, voice, text, timer_name) if part))

    def breakmedia(self) -> None:
        """Stop what plays."""
        self._give(f"uuid_break {self.uuid}")

    def broadcast(self, path: str, leg: str = "", delay: float | None = None, hangup_cause: str | None = None) -> str:
        """Have the leg, or both legs, play a file or run `application::argument`, in so many seconds."""
        path = f"{path}!{hangup_cause}" if hangup_cause else path
        if delay:
            return self._command(f"sched_broadcast +{delay} {self.uuid} {path} {leg}".rstrip())
        return self._command(f"uuid_broadcast {self.uuid} {path} {leg}".rstrip())

    def bridge(
        self,
        dest_url: str | None = None,
        profile: str | None = None,
        gateway: str | None = None,
        proxy: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> asyncio.Future[Event]:
        """Call a SIP address and join the legs; await it to go on once they are (CHANNEL_BRIDGE).

        By default it is the address that was asked for, by the same profile. A `dest_url` with a slash is a dial
        string as it is: `loopback/1000`, `user/1000`.
        """
        if dest_url is not None and "/" in dest_url:
            target = dest_url
        else:
            via = f"gateway/{gateway}" if gateway else profile or self["variable_sofia_profile_name"]
            target = f"sofia/{via}/{dest_url or self['variable_sip_req_uri']}"
        target = f"{target};fs_path=sip:{proxy}" if proxy else target
        return self._run("bridge", _params(params) + target, "CHANNEL_BRIDGE")

    def start_record(
        self, path: str, rx_only: bool = False, stereo: bool = False, rate: int = 16000
    ) -> asyncio.Future[Event]:
        """Record the leg to a file, at so many samples a second; await it to go on once it is (RECORD_START)."""
        if rx_only:
            self.setvar("RECORD_READ_ONLY", "true")
        elif stereo:
            self.setvar("RECORD_STEREO", "true")
        self.setvar("record_sample_rate", str(rate))
        return self._run("record_session", path, "RECORD_START")

    def stop_record(self, path: str = "all", delay: float = 0) -> asyncio.Future[Event]:
        """End a recording, in so many seconds; await it to go on once it has ended (RECORD_STOP)."""
        if delay:
            command = f"uuid_record {self.uuid} stop {path}"
            self._need("RECORD_STOP")
            return self._begin(("RECORD_STOP",), act=lambda then: self._give(command, then), delay=delay)  # type: ignore[no-any-return]
        return self._run("stop_record_session", path, "RECORD_STOP")

    def record(self, action: str, path: str, rx_only: bool = True) -> None:
        """Do something with a recording: start, stop, mask or unmask."""
        self._give(f"uuid_record {self.uuid} {action} {path}")

    def echo(self) -> None:
        """Send back what is heard."""
        self.execute("echo")

    def mute(self, direction: str = "write", level: int = 1) -> None:
        """Make one direction silent; a level above 1 puts noise of comfort there."""
        self._give(f"uuid_audio {self.uuid} start {direction} mute {level}")

    def unmute(self, direction: str = "write") -> None:
        """End the silence."""
        self.mute(direction, 0)

    def bypass_media(self, state: bool) -> None:
        """Take the switch out of the media's way, or back in."""
        self._give(f"uuid_media off {self.uuid}" if state else f"uuid_media {self.uuid}")

    def start_amd(self, delay: float | None = None) -> None:
        """Look for an answering machine's tone, for so many seconds."""
        self._give(f"avmd {self.uuid} start")
        if delay is not None:
            self._give(f"sched_api +{int(delay)} none avmd {self.uuid} stop")

    def stop_amd(self) -> None:
        """Look for it no longer."""
        self._give(f"avmd {self.uuid} stop")

    def respond(self, response: str | int) -> None:
        """Answer a SIP request with this code."""
        self.execute("respond", str(response))

    def deflect(self, uri: str) -> None:
        """Send the caller to another SIP address."""
        self.execute("deflect", uri)


def _params(params: Mapping[str, Any] | None) -> str:
    return f"{{{','.join(f'{name}={value}' for name, value in params.items())}}}" if params else ""
