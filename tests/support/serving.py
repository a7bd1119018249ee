"""`freeswitch-apps serve` as a process of its own, and what it says on its standard error."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from hosts.base import Host
from support import standing

NOWHERE = Path(os.devnull)


class Serving:
    """Programs that are served, by an event socket or the bus."""

    def __init__(self, host: Host, *arguments: str | Path, out: Path = NOWHERE) -> None:
        line = [sys.executable, "-m", "freeswitch.apps", "serve", *map(str, arguments)]
        with out.open("w") as printed:
            self.process = subprocess.Popen(line, stdout=printed, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self._host = host
        self._read = threading.Thread(target=self._reads)
        self._read.start()

    def _reads(self) -> None:
        assert self.process.stderr
        self.said.extend(iter(self.process.stderr.readline, ""))

    def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line."""

        def look() -> re.Match[str] | None:
            return next(filter(None, (re.search(pattern, line) for line in self.said)), None)

        return self._host.wait_for(look, 30, f"{pattern} in {self.said}")

    def send(self, number: int) -> None:
        """Send it a signal; it stands still after SIGSTOP."""
        if number == signal.SIGSTOP:
            standing.stop(self.process.pid)
        else:
            self.process.send_signal(number)

    def end(self, how: int) -> int:
        """End it, a stopped one, too; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
        code = self.process.wait(30)
        self._read.join(30)
        assert self.process.stderr
        self.process.stderr.close()
        return code


__all__ = ["Serving"]
