"""A signal that does not wake the thread that is to handle it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

# A signal does not end a wait that begins just after Python has looked for signals. Nor does a signal that another
# thread takes, and the test decides when that happens.
PROGRAM = """
import os, runpy, signal, sys, threading
def take(told, number):
    os.read(told, 1)
    signal.pthread_kill(threading.get_ident(), number)
_, told, number, module, *arguments = sys.argv
threading.Thread(target=take, args=(int(told), int(number)), daemon=True).start()
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


class Unwoken:
    """A program whose first thread waits on when a signal comes."""

    def __init__(self, number: int, module: str, *arguments: str) -> None:
        told, self._tell = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(told), str(number), module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[told],
        )
        os.close(told)

    def line(self) -> str:
        """Give the next line that it writes."""
        assert self.process.stdout
        return self.process.stdout.readline()

    def error_line(self) -> str:
        """Give the next line of its errors."""
        assert self.process.stderr
        return self.process.stderr.readline()

    def signal(self) -> None:
        """Have the signal come."""
        os.write(self._tell, b"!")

    def close(self) -> None:
        """End it."""
        os.close(self._tell)
        self.process.kill()
        self.process.communicate()


def unwoken(number: int, module: str, *arguments: str) -> contextlib.closing[Unwoken]:
    """Start the program; it is ended with the block."""
    return contextlib.closing(Unwoken(number, module, *arguments))


__all__ = ["Unwoken", "unwoken"]
