"""A private instance of a FreeSWITCH that is installed: it writes nothing where that is, and ends with the tests."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from freeswitch_pocket.real import settings
from freeswitch_pocket.real.esl import EslError, Headers, Listener, Packet, Pool
from freeswitch_pocket.real.installed import FreeSwitch, SwitchError

START_DEADLINE = 60.0
LAST_LINES = 30
# Every folder that the program lets one choose.
FOLDERS = ("conf", "log", "db", "run", "mod", "temp", "storage", "cache", "recordings", "htdocs", "grammar")
# What belongs to the Python of the tests: the switch has its own.
NOT_INHERITED = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Setup:
    """What an instance is started with; tests with the same share one."""

    switch: FreeSwitch
    module: Path
    scripts: Path
    sounds: Path | None
    conf: Path | None
    # Configurations by name.
    config: tuple[tuple[str, str], ...]
    certs: Path | None = None


class Instance:
    """A running FreeSWITCH."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.folder = Path(tempfile.mkdtemp(prefix="pocket-freeswitch-"))
        self.sounds = setup.sounds or self.folder / "sounds"
        # Whether a test has had it.
        self.is_used = False
        self.process: subprocess.Popen[bytes] | None = None
        # Who listens now; nobody does between two tests.
        self.on_event: Callable[[Headers], None] | None = None
        self.on_log: Callable[[Packet], None] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        password = secrets.token_hex(8)
        self._pool = Pool(port, password)
        self._listener: Listener | None = None
        for name in (*FOLDERS, "phones", "sounds"):
            (self.folder / name).mkdir()
        settings.write(self.folder, setup.conf, dict(setup.config), setup.switch.module_dir, port, password)
        for path in setup.switch.module_dir.glob("*.so"):
            (self.folder / "mod" / path.name).symlink_to(path)
        own = self.folder / "mod" / "mod_rust.so"
        own.unlink(missing_ok=True)
        own.symlink_to(setup.module)
        atexit.register(self.end)
        try:
            self._start()
            self._listener = self._wait_ready(port, password)
            if self.api("module_exists mod_rust").strip() != "true":
                raise SwitchError(f"mod_rust was not loaded from {setup.module}:\n{self._last_lines()}")
        except BaseException:
            self.end()
            raise

    def _start(self) -> None:
        # The kernel ends it when this process dies, however that happens.
        command = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        # Not at the real-time priority that it takes by default: it shares the machine with its developer.
        command += [str(self.setup.switch.binary), "-nf", "-nc", "-nonat", "-np"]
        folders = {kind: self.folder / kind for kind in FOLDERS}
        folders |= {"scripts": self.setup.scripts, "sounds": self.sounds}
        folders["certs"] = self.setup.certs or self.folder / "certs"
        for kind, folder in folders.items():
            folder.mkdir(exist_ok=True)
            command += [f"-{kind}", str(folder)]
        environ = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        with (self.folder / "stdout").open("wb") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environ, cwd=self.folder
            )

    def _wait_ready(self, port: int, password: str) -> Listener:
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline and self.alive:
            try:
                if "is ready" in self._pool.api("status"):
                    # It says so before its timer's thread runs, and until then refuses every call ("Throttle Error!",
                    # switch_time.c). One tick of that timer is waited for.
                    self._pool.api("timer_test 10 1")
                    return Listener(port, password, self._event, self._log)
            except (OSError, EslError):
                time.sleep(0.02)
        how = "did not become ready" if self.alive else "ended as it started"
        raise SwitchError(f"{self.setup.switch.binary} {how}:\n{self._last_lines()}")

    def _event(self, event: Headers) -> None:
        if self.on_event is not None and "Event-Name" in event:
            self.on_event(event)

    def _log(self, packet: Packet) -> None:
        if self.on_log is not None:
            self.on_log(packet)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def api(self, command: str) -> str:
        """Run a command; SwitchError when the switch has gone."""
        try:
            return self._pool.api(command)
        except (OSError, EslError) as error:
            raise SwitchError(f"FreeSWITCH has gone at {command[:80]!r}: {error}\n{self._last_lines()}") from error

    def _last_lines(self) -> str:
        paths = (self.folder / "log" / "freeswitch.log", self.folder / "stdout")
        text = "".join(path.read_text(errors="replace") for path in paths if path.exists())
        return "\n".join(text.splitlines()[-LAST_LINES:])

    def end(self) -> None:
        """End it at once: its own shutdown takes five seconds; a second time nothing is done."""
        atexit.unregister(self.end)
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._pool.close()
        if self._listener is not None:
            self._listener.close()
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)
