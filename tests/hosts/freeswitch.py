"""FreeSWITCH as a host of tests: a private instance, in a folder of its own."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import switches
from freeswitch_pocket.real.esl import EslError, Listener, Packet, Pool
from hosts import settings
from hosts.base import DEADLINE, Event, Host, HostError, LogLine, Press, T
from hosts.legs import LoopbackCall
from hosts.ports import free_port

LEVELS = ("CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")
# What the core writes before a message: the time, how idle the machine is, the level, the place.
PREFIX = re.compile(r"^\S+ \S+ (?:[\d.]+% )?\[\w+\] \S+:\d+ ")
START_DEADLINE = 60.0
STOP_DEADLINE = 40.0

# Every folder that the program lets one choose: nothing is written where it is installed.
FOLDERS = (
    *("conf", "log", "db", "run", "mod", "scripts", "temp"),
    *("storage", "cache", "recordings", "sounds", "htdocs", "grammar"),
)

# A switch without a certificate makes one as it starts, which takes seconds: one serves all.
CERTS = Path(__file__).resolve().parents[2] / "build" / "test-certs"

# What a test run has in its environment and a switch has not.
NOT_INHERITED = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


class FreeSwitchHost(Host):
    """A running FreeSWITCH that ends with the process that started it, however that ends."""

    is_pocket = False

    def __init__(
        self,
        switch: switches.FreeSwitch,
        folder: Path,
        module: Path | None,
        *,
        config: str | None = None,
        stack_kb: int | None = None,
        environ: Mapping[str, str] | None = None,
        load: bool = True,
    ) -> None:
        self.name = switch.name
        self.process: subprocess.Popen[bytes] | None = None
        self._switch = switch
        self.password = secrets.token_hex(8)
        self._log: list[LogLine] = []
        self._events: list[Event] = []
        self._news = threading.Condition()
        self._count = 0
        self._marker = ""
        super().__init__(folder)
        self.write_config("python.conf", config)
        self.port = port = free_port()
        settings.write(self.conf_dir, port, self.password, ("mod_rust",) if module and load else ())
        self._link_modules(module)
        self.pool = Pool(port, self.password)
        self._start(stack_kb, environ or {})
        try:
            self._listener = self._wait_ready(port)
            if module and load and self.api("module_exists mod_rust") != "true":
                raise HostError(f"mod_rust was not loaded:\n{self.log_text()}")
        except BaseException:
            self._kill()
            raise

    def _link_modules(self, module: Path | None) -> None:
        # A module folder of our own: `reload mod_rust` finds the module by its name,
        # and the installation stays as it is.
        folder = self.folder / "mod"
        folder.mkdir(exist_ok=True)
        for path in self._switch.module_dir.glob("*.so"):
            (folder / path.name).symlink_to(path)
        if module:
            own = folder / "mod_rust.so"
            own.unlink(missing_ok=True)
            own.symlink_to(module.resolve())

    def _start(self, stack_kb: int | None, environ: Mapping[str, str]) -> None:
        # setpriv has the kernel end the switch when this process dies: no test run leaves one behind.
        command = ["setpriv", "--pdeathsig", "KILL", "--"]
        if stack_kb:
            command += ["bash", "-c", 'ulimit -s "$0" && exec "$@"', str(stack_kb)]
        # With the priority that it takes as root, a script that a test has spin keeps the test itself from running.
        command += [str(self._switch.binary), "-nf", "-nc", "-nonat", "-np"]
        for kind, folder in {**{kind: self.folder / kind for kind in FOLDERS}, "certs": CERTS}.items():
            folder.mkdir(parents=True, exist_ok=True)
            command += [f"-{kind}", str(folder)]
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        with (self.folder / "stdout").open("wb") as out:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**inherited, **environ},
                cwd=self.folder,
            )
        atexit.register(self._kill)

    def _wait_ready(self, port: int) -> Listener:
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline:
            if not self.alive():
                raise HostError(f"FreeSWITCH ended while starting: {self._end()}\n{self.log_text()}")
            try:
                if "is ready" in self.pool.api("status"):
                    # Until its timer's thread runs, it refuses every call: one tick is waited for.
                    self.pool.api("timer_test 10 1")
                    return Listener(port, self.password, self._on_event, self._on_log)
            except (OSError, EslError):
                time.sleep(0.02)
        raise HostError(f"FreeSWITCH did not become ready in {START_DEADLINE:.0f} s\n{self.log_text()}")

    # What the switch says

    def _on_log(self, packet: Packet) -> None:
        text = PREFIX.sub("", packet.body).rstrip("\n")
        number = int(packet.headers["Log-Level"])
        level = LEVELS[number] if number < len(LEVELS) else "DEBUG"
        if text == self._marker:
            self._marker = ""
        else:
            place = packet.headers.get("Log-File", ""), int(packet.headers.get("Log-Line", 0))
            self._log.append(LogLine(level, text, packet.headers.get("User-Data", ""), *place))
        self._notify()

    def _on_event(self, event: Event) -> None:
        # What the core gave an api_hangup_hook as its environment it fires as an event, with neither name nor number.
        if "Event-Name" not in event:
            return
        self._events.append(event)
        self._notify()

    def _notify(self) -> None:
        with self._news:
            self._count += 1
            self._news.notify_all()

    def all_log(self) -> Sequence[LogLine]:
        """Every log line since the event socket was there, or the test began."""
        return self._log

    def all_events(self) -> Sequence[Event]:
        """Every event since then."""
        return self._events

    def drop_records(self) -> None:
        """Drop them; the log file keeps the lines."""
        self._log.clear()
        self._events.clear()

    def flush(self) -> None:
        """Log a line and wait for it: the core keeps the order of lines."""
        if not self.alive():
            return
        self._marker = marker = f"marker {secrets.token_hex(8)}"
        self.api(f"log debug {marker}")
        self.wait_for(lambda: self._marker != marker or None, what="the log")

    def log_text(self) -> str:
        """What the switch wrote to its log file; before it had one, to its standard output.

        Of one that has run many tests that is hundreds of megabytes.
        """
        paths = (self.folder / "log" / "freeswitch.log", self.folder / "stdout")
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())

    # Commands and calls

    def api(self, command: str) -> str:
        """Run a command through the event socket."""
        try:
            return self.pool.api(command)
        except (OSError, EslError) as error:
            self._wait_end(2)
            raise HostError(f"{command[:80]!r}: {error}; FreeSWITCH {self._end()}") from error

    def event_socket(self) -> tuple[int, str]:
        """The port and password of mod_event_socket."""
        return self.port, self.password

    def queue_event(self, uuid: str, name: str, headers: Mapping[str, str]) -> None:
        """Give a session an event, as `sendevent` does; its input callback hears it."""
        lines = [f"sendevent {name}", f"Unique-ID: {uuid}", *(f"{key}: {value}" for key, value in headers.items())]
        self.pool.command("\n".join(lines))

    def start_call(
        self,
        extension: str,
        *,
        press: Press = (),
        hangup_after: float | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> LoopbackCall:
        """Originate a loopback call."""
        return LoopbackCall(self, extension, press, hangup_after, variables or {})

    # Time and life

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def wait_for(self, predicate: Callable[[], T | None], timeout: float = DEADLINE, what: str = "") -> T:
        """Ask again at each event and log line."""
        deadline = time.monotonic() + timeout
        while True:
            seen = self._count
            alive = self.alive()
            result = predicate()
            if result:
                return result
            if not alive:
                raise HostError(f"waiting for {what or predicate}: FreeSWITCH {self._end()}")
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no sign of {what or predicate} in {timeout} s")
            with self._news:
                self._news.wait_for(lambda: self._count != seen, min(left, 0.1))  # noqa: B023

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> int:
        """`fsctl shutdown`, then wait; a switch that does not end is killed, and that is an error."""
        assert self.process
        if self.alive():
            self.api("fsctl shutdown")
            self._wait_end(STOP_DEADLINE)
        stuck = self.alive()
        self._kill()
        if stuck:
            raise HostError(f"FreeSWITCH did not end in {STOP_DEADLINE:.0f} s\n{self.log_text()[-4000:]}")
        return self.process.returncode

    def deafen(self) -> None:
        """Listen no longer, so that what is measured is not slowed."""
        self._listener.close()

    def abandon(self) -> None:
        """Kill it: the core's own shutdown takes five seconds."""
        self._kill()

    def restart(self) -> None:
        """Start it again after its end, as it was: with its folder, its port and its password."""
        self.pool = Pool(self.port, self.password)
        self._start(None, {})
        self._listener = self._wait_ready(self.port)

    def _wait_end(self, timeout: float) -> None:
        assert self.process
        with contextlib.suppress(subprocess.TimeoutExpired):  # the caller looks at it
            self.process.wait(timeout)

    def _kill(self) -> None:
        atexit.unregister(self._kill)
        if self.process:
            self.process.kill()
            self.process.wait()
        self.pool.close()
        if hasattr(self, "_listener"):
            self._listener.close()

    def _end(self) -> str:
        if self.alive():
            return "still runs"
        status = self.process.returncode if self.process else None
        return f"was ended by signal {-status}" if status and status < 0 else f"ended with status {status}"
