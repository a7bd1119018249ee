"""A switch on the bus that is written by hand: it offers one call, and tells of no call's end unless it is asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence

from support.nats import Nats, Raw

NEWS = {"variables": {}, "fields": {}, "state": "CS_EXECUTE", "cause": "NONE", "ready": True, "media_ready": True,
        "answered": True, "bridged": False}  # fmt: skip


class HandSwitch:
    """Offers the call `a` to the first worker that serves an app; calls that it places are `b`, and over at once."""

    def __init__(self, nats: Nats, app: str, says_first: Sequence[str | None] = ()) -> None:
        # What it says first of its global variables; None is no answer.
        self._says = [*says_first, "a=1"]
        # What workers have asked for.
        self.asked: list[str] = []
        self._app, self._port = app, nats.port
        self._worker = ""
        self._over = threading.Event()
        self._wire = Raw(nats.port)
        for subject in ("fs.hand.calls", "fs.hand.api", "fs.beat.*"):
            self._wire.subscribe(subject)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._over.is_set():
            subject, reply, data = self._wire.next()
            if subject.startswith("fs.beat."):
                self._beaten(json.loads(data))
            elif reply:
                self._answer(data.decode().split(" "), reply)

    def _beaten(self, beat: dict[str, object]) -> None:
        if self._worker or beat.get("apps") != [self._app]:
            return
        self._worker = str(beat["node"])
        self._wire.publish("fs.beat.hand", b'{"node": "hand", "kind": "switch", "instance": "1"}')
        self._tell({"kind": "offer", "name": self._app, "call": "a", "epoch": 1, "arguments": "", "resumed": False})

    def _answer(self, words: list[str], reply: str) -> None:
        self.asked.append(" ".join(words[5:] if words[0] == "in" else words))
        answers = {"accept": f"+OK {json.dumps(NEWS)}", "still": '+OK {"b": "there is no such call"}'}
        if words[0] == "global_getvar":
            said = self._says.pop(0) if len(self._says) > 1 else self._says[0]
            if said is None:
                return
            answers[words[0]] = said
        self._wire.publish(reply, answers.get(words[0], "+OK").encode())
        if words[0] == "place":
            self._tell({"kind": "placed", "number": int(words[2]), "call": "b", "epoch": 2, "news": NEWS})

    def _tell(self, body: dict[str, object]) -> None:
        self._wire.publish(f"fs.worker.{self._worker}", json.dumps({**body, "node": "hand"}).encode())

    def is_asked(self, what: str, times: int = 1) -> None:
        """Wait until workers have asked for something so often."""
        deadline = time.monotonic() + 30
        while sum(line.startswith(what) for line in self.asked) < times:
            assert time.monotonic() < deadline, self.asked
            time.sleep(0.02)

    def close(self) -> None:
        """End."""
        self._over.set()
        # It waits for a message.
        last = Raw(self._port)
        last.publish("fs.beat.hand", b"{}")
        self._thread.join()
        last.close()
        self._wire.close()
