"""Services of several switches, some of which are away."""

from __future__ import annotations

import socket
import time

from hosts.fake_switch import FakeSwitch, leg
from support.links import Start


def test_a_service_begins_while_a_switch_is_away(client: Start, fake: FakeSwitch) -> None:
    fake.answers["api global_getvar"] = "one"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = client(
        """
class Asks:
    def prepost(self, client): self.name = client.cmd("global_getvar name")
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session): say("park", uuid=session.uuid, name=self.name)
class Plain:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session): say("plain", uuid=session.uuid)
service = apps.Service([("127.0.0.1", port, "ClueCon") for port in PORTS])
for app in (Asks, Plain): service.apps.load_app(app, app_id="default")
say("up", connected=[listener.connected() for listener in service.pool.listeners])
service.run()
""",
        fake,
        port,
    )
    assert started.wait_for("up")["connected"] == [True, False]
    assert "is not there" in started.wait_log("MR0020")
    fake.send(leg("CHANNEL_PARK", "here"))
    assert started.wait_for("park") == {"what": "park", "uuid": "here", "name": "one"}
    started.wait_for("plain")
    late = FakeSwitch(port=port, answers={"api global_getvar": "two"})
    late.wait_for("api show channels")
    late.wait_for("api global_getvar")
    # The app is loaded behind the answer.
    late.send(leg("CHANNEL_PARK", "probe"))
    started.wait_for("plain")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        late.send(leg("CHANNEL_PARK", "there"))
        started.wait_for("plain")
        if any(said["what"] == "park" for said in started._kept):
            break
    assert started.wait_for("park")["name"] == "two"
    late.close()


def test_a_service_of_no_switch_that_is_there_says_so(client: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [server.getsockname()[1] for server in (one, two)]
    started = client(
        """
try: apps.Service([("127.0.0.1", port, "ClueCon") for port in PORTS])
except apps.ConnectionError as error: say("refused", why=str(error))
""",
        *ports,
    )
    assert "refused" in started.wait_for("refused")["why"]
