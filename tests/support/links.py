"""Programs with a link to an event socket, for the tests of apps outside of the switch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hosts.fake_switch import Client, FakeSwitch

Start = Callable[..., Client]

# An app that says what it sees of its calls; it runs what it reads, line by line.
WATCH = """
class Watch:
    @apps.handler("DTMF")
    def on_dtmf(self, event):
        name = event.getHeader("Name")
        say("dtmf", name=None if name is None else name.encode("utf-8", "surrogateescape").hex(),
            uuid=event.getHeader("Unique-ID"), values=event.get("List"), number=event.getHeader("Number"))
    @apps.callback("CHANNEL_CREATE")
    def on_create(self, session):
        say("create", uuid=session.uuid)
    @apps.callback("CHANNEL_HANGUP")
    def on_hangup(self, session):
        say("hangup", uuid=session.uuid, cause=session["Hangup-Cause"], why=session.get("Reason"))
    @apps.callback("CHANNEL_DESTROY")
    def on_destroy(self, session):
        say("destroy", uuid=session.uuid, left=sorted(listener.sessions), causes=dict(listener.hangup_causes))
listener = serve(Watch, grace=GRACE, silence=SILENCE)
say("ready")
for line in sys.stdin: exec(line)
"""


def watching(start: Start, fake: FakeSwitch, grace: float = 60, silence: float = 60) -> Client:
    """Start it; it has connected."""
    started = start(WATCH.replace("GRACE", str(grace)).replace("SILENCE", str(silence)), fake)
    started.wait_for("ready")
    return started


def with_password(prelude: str) -> Iterator[Start]:
    """Give what starts a program after this prelude, as a fixture does; its first line of input is the password."""
    started: list[Client] = []

    def start(script: str, port: int, password: str = "ClueCon") -> Client:
        started.append(Client(prelude + script, port))
        stdin = started[-1].process.stdin
        assert stdin
        stdin.write(password + "\n")
        stdin.flush()
        return started[-1]

    yield start
    for one in started:
        one.kill()
