"""Signals that come when it is least convenient for the thread that is to handle them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

# A signal does not end a wait that begins just after Python has looked for signals. Nor does a signal that another
# thread takes, and the test decides when that happens.
WAKES_NOBODY = """
import os, runpy, signal, sys, threading
def take(told, number):
    os.read(told, 1)
    signal.pthread_kill(threading.get_ident(), number)
_, told, number, module, *arguments = sys.argv
threading.Thread(target=take, args=(int(told), int(number)), daemon=True).start()
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
# The library's own code in Python (Popen.wait, Event.wait) takes such locks, and a handler of Python runs between two
# of its steps. Where the thread takes none in a second, the signal comes then.
IN_A_LOCK = """
import os, runpy, signal, sys, threading, time
_, told, number, module, *arguments = sys.argv
first, due, real = threading.get_ident(), [], threading.Lock
def come():
    try: due.remove(True)
    except ValueError: return
    signal.pthread_kill(first, int(number))
class Lock:
    def __init__(self): self._lock = real()
    def acquire(self, blocking=True, timeout=-1):
        got = self._lock.acquire(blocking, timeout)
        if got and threading.get_ident() == first: come()
        return got
    def release(self): self._lock.release()
    def locked(self): return self._lock.locked()
    def _at_fork_reinit(self): self._lock._at_fork_reinit()
    def __enter__(self): return self.acquire()
    def __exit__(self, *_): self.release()
threading.Lock = Lock
def take():
    os.read(int(told), 1)
    due.append(True)
    time.sleep(1.0)
    come()
threading.Thread(target=take, daemon=True).start()
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


class Running:
    """A program whose lines are read."""

    def __init__(self, *command: str, pass_fds: tuple[int, ...] = ()) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, pass_fds=pass_fds)

    def line(self) -> str:
        """Give the next line that it writes."""
        assert self.process.stdout
        return self.process.stdout.readline()

    def error_line(self) -> str:
        """Give the next line of its errors."""
        assert self.process.stderr
        return self.process.stderr.readline()

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()


class Signalled(Running):
    """A program that gets a signal by one of the programs above."""

    def __init__(self, how: str, number: int, module: str, *arguments: str) -> None:
        told, self._tell = os.pipe()
        super().__init__(sys.executable, "-c", how, str(told), str(number), module, *arguments, pass_fds=(told,))
        os.close(told)

    def signal(self) -> None:
        """Have the signal come."""
        os.write(self._tell, b"!")

    def close(self) -> None:
        """End it."""
        os.close(self._tell)
        super().close()


def unwoken(number: int, module: str, *arguments: str) -> contextlib.closing[Signalled]:
    """Start a program whose first thread waits on when a signal comes; it is ended with the block."""
    return contextlib.closing(Signalled(WAKES_NOBODY, number, module, *arguments))


def in_a_lock(number: int, module: str, *arguments: str) -> contextlib.closing[Signalled]:
    """Start a program whose first thread has just taken a lock when a signal comes; it is ended with the block."""
    return contextlib.closing(Signalled(IN_A_LOCK, number, module, *arguments))


def started(module: str, *arguments: str) -> contextlib.closing[Running]:
    """Start a module of Python; it is ended with the block."""
    return contextlib.closing(Running(sys.executable, "-m", module, *arguments))


__all__ = ["Running", "Signalled", "in_a_lock", "started", "unwoken"]
