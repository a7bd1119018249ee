"""Debuggers in scripts: debugpy, as VS Code drives it, and `breakpoint()`."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hosts.ports import free_port

DEADLINE = 30.0
# How long a script stands at a breakpoint, in real seconds: longer than the clock waits for one that computes.
STOPPED = 2.5

SCRIPT = """
    import time
    import freeswitch
    from freeswitch import apps

    def handler(session, args):
        session.setHangupHook(hook)
        session.answer()
        value = "of the handler"
        session.setVariable("a", "b")  # stop: handler
        session.sleep(60000)

    def plain(session, args):
        session.answer()

    def hook(session, what):
        value = f"of the hook, {what}"
        session.setVariable("c", "d")  # stop: hook

    async def coroutine(session, args):
        await session.answer()
        value = "of the coroutine"
        await session.sleep(1)  # stop: coroutine

    class App:
        @apps.callback("CHANNEL_ANSWER")
        def on_answer(self, session):
            value = "of the app"
            session.setvar("e", "f")  # stop: app

    def runtime(args):
        apps.load(App, app_id="mine")
        freeswitch.setGlobalVariable("loaded", "yes")

    async def begins_the_loop(session, args):
        await session.answer()
    """
# `other` is a call whose timer is not to fire while a script is stopped.
PROGRAM = """
    import json, os, sys, threading, time
    {first}
    import pocket

    PLAN = '''<extension name="timer"><condition field="destination_number" expression="^6$">
        <action application="answer"/><action application="sleep" data="5000"/>
        <action application="set" data="timer=fired"/><action application="park"/></condition></extension>'''

    def tell(**what): print("TOLD", json.dumps(what), flush=True)

    with pocket.Switch(scripts={scripts!r}, dialplan=PLAN, debug=True) as switch:
        {late}
        for target in ("stops", "stops::coroutine"):
            other = switch.start_call("6")
            begin = switch.time
            call = switch.run("python", target, hangup_after=2)
            took = switch.time - begin
            tell(target=target, took=round(took, 1), timer=other.variables.get("timer"), variables=call.variables)
            other.hangup()
        switch.api("pyrun stops")
        switch.wait_for(lambda: "loaded" in switch.globals)
        call = switch.call("6", variables={{"freeswitch_app": "mine"}}, hangup_after=2)
        tell(target="app", variables=call.variables)
        def known(): return sum(thread.name.startswith("Dummy") for thread in threading.enumerate())
        before = known()
        for _ in range(5): switch.run("python", "stops::plain")
        log = [str(line) for line in switch.log if line.level in ("WARNING", "ERR")]
        tell(target="end", more=known() - before, log=log)
    """


class Client:
    """A client of the debug adapter protocol."""

    def __init__(self, port: int) -> None:
        end = time.monotonic() + DEADLINE
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.05)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._events: list[dict[str, Any]] = []

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._file.readline().strip():
            length = int(line.partition(b":")[2])
        assert length, "the debugger has gone"
        message: dict[str, Any] = json.loads(self._file.read(length))
        return message

    def send(self, command: str, **arguments: Any) -> int:
        self._number += 1
        text = json.dumps({"seq": self._number, "type": "request", "command": command, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(text), text))
        return self._number

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        number = self.send(command, **arguments)
        while True:
            message = self._read()
            if message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                body: dict[str, Any] = message.get("body") or {}
                return body
            if message["type"] == "event":
                self._events.append(message)

    def event(self, name: str) -> dict[str, Any]:
        while True:
            found = next((event for event in self._events if event["event"] == name), None)
            if found is not None:
                self._events.remove(found)
                return found.get("body") or {}
            message = self._read()
            if message["type"] == "event":
                self._events.append(message)

    def begin(self, script: Path) -> dict[int, str]:
        """Set a breakpoint at each line that says so; their names by line."""
        self.ask("initialize", adapterID="test", pathFormat="path", linesStartAt1=True, columnsStartAt1=True)
        self.send("attach", justMyCode=True)
        self.event("initialized")
        lines = script.read_text(encoding="utf-8").splitlines()
        stops = {number: line.partition("# stop: ")[2] for number, line in enumerate(lines, 1) if "# stop: " in line}
        self.ask("setBreakpoints", source={"path": str(script)}, breakpoints=[{"line": line} for line in stops])
        self.ask("configurationDone")
        return stops

    def stop(self, stops: dict[int, str]) -> tuple[str, str]:
        """Wait for a stop; its name, and what the variable `value` is there. Goes on after a while."""
        thread = self.event("stopped")["threadId"]
        frame = self.ask("stackTrace", threadId=thread)["stackFrames"][0]
        scope = self.ask("scopes", frameId=frame["id"])["scopes"][0]
        variables = self.ask("variables", variablesReference=scope["variablesReference"])["variables"]
        (value,) = [variable["value"] for variable in variables if variable["name"] == "value"]
        time.sleep(STOPPED)
        self.ask("continue", threadId=thread)
        return stops[frame["line"]], value


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "scripts" / "stops.py"
    path.parent.mkdir()
    path.write_text(dedent(SCRIPT), encoding="utf-8")
    return path


@pytest.fixture(params=["launched", "attached", "attached to a running loop"])
def program(request: pytest.FixtureRequest, script: Path, tmp_path: Path) -> Iterator[tuple[Any, int]]:
    """A program with a switch, under debugpy from its beginning, from where it has pocket, or from a call on."""
    port = free_port()
    path = tmp_path / "program.py"
    command = [sys.executable, "-Xfrozen_modules=off"]
    # What debugpy waits for is the client, and not its breakpoints.
    attach = (
        f"import debugpy; debugpy.listen(('127.0.0.1', {port})); open({str(tmp_path / 'listens')!r}, 'w').close();"
        "debugpy.wait_for_client();"
        f"[time.sleep(0.01) for _ in iter(lambda: os.path.exists({str(tmp_path / 'begun')!r}), True)]"
    )
    first = late = ""
    if request.param == "launched":
        command += ["-m", "debugpy", "--listen", f"127.0.0.1:{port}", "--wait-for-client"]
    elif request.param == "attached":
        first = f"import pocket; {attach}"
    else:
        late = f"switch.run('python', 'stops::begins_the_loop'); {attach}"
    path.write_text(dedent(PROGRAM.format(first=first, late=late, scripts=str(script.parent))), encoding="utf-8")
    # To a file: the debugger's own process has the program's output, too, and outlives it.
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen([*command, str(path)], stdout=output, stderr=subprocess.STDOUT)
        # Its adapter takes clients before the program has come to it, and may send them away.
        end = time.monotonic() + DEADLINE
        while request.param != "launched" and not (tmp_path / "listens").exists():
            assert process.poll() is None and time.monotonic() < end, (tmp_path / "output").read_text()
            time.sleep(0.02)
        yield process, port
        process.kill()
        process.wait()


def test_breakpoints_are_hit_and_time_stands_still(script: Path, program: tuple[Any, int], tmp_path: Path) -> None:
    process, port = program
    client = Client(port)
    hit: list[tuple[str, str]] = []
    try:
        stops = client.begin(script)
        (tmp_path / "begun").touch()
        hit.extend(client.stop(stops) for _ in stops)
        process.wait(DEADLINE)
    except (OSError, AssertionError, subprocess.TimeoutExpired) as error:
        raise AssertionError(f"{error} after {hit}:\n{(tmp_path / 'output').read_text()}") from error
    finally:
        client.close()
    output = (tmp_path / "output").read_text()
    assert hit == [
        ("handler", "'of the handler'"),
        ("hook", "'of the hook, hangup'"),
        ("coroutine", "'of the coroutine'"),
        ("app", "'of the app'"),
    ], output
    told = {one["target"]: one for one in map(json.loads, re.findall("^TOLD (.*)$", output, re.MULTILINE))}
    assert (told["stops"]["took"], told["stops"]["timer"]) == (2.0, None)
    assert (told["stops"]["variables"]["a"], told["stops"]["variables"]["c"]) == ("b", "d")
    assert (told["stops::coroutine"]["took"], told["stops::coroutine"]["timer"]) == (1.0, None)
    assert told["app"]["variables"]["e"] == "f"
    # The threads of calls are forgotten with them; that of the event loop stays known. Where the debugger is told of
    # each line it forgets a thread itself as that ends, and calls one after the other share one or two.
    assert told["end"]["more"] <= (2 if sys.version_info >= (3, 12) else 0)
    assert told["end"]["log"] == []
    assert "DEBUGGER WARNING" not in output
    assert process.returncode == 0


def test_breakpoint_reaches_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text(
        dedent(
            """
            def handler(session, args):
                session.answer()
                value = "of the handler"
                breakpoint()
                session.setVariable("a", value)

            async def coroutine(session, args):
                value = "of the coroutine"
                breakpoint()
                await session.sleep(1)
                session.setVariable("a", value)
            """
        ),
        encoding="utf-8",
    )
    code = f"""
        import time, pocket
        with pocket.Switch(scripts={str(tmp_path)!r}, debug=True) as switch:
            for target in ("asks", "asks::coroutine"):
                call = switch.run("python", target)
                print("\\nTOLD", call.variables["a"], round(switch.time, 1))
        """
    shown = ""
    with subprocess.Popen(
        [sys.executable, "-c", dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for value in ("of the handler", "of the coroutine"):
            while not shown.endswith("(Pdb) "):
                character = process.stdout.read(1)
                assert character, shown
                shown += character
            time.sleep(STOPPED)
            process.stdin.write("p value\nvalue = value.upper()\nc\n")
            while f"TOLD {value.upper()}" not in shown:
                character = process.stdout.read(1)
                assert character, shown
                shown += character
            assert f"'{value}'" in shown
        process.stdin.close()
        shown += process.stdout.read()
    assert re.findall(r"TOLD of the (\w+) ([\d.]+)", shown, re.IGNORECASE) == [
        ("HANDLER", "0.0"),
        ("COROUTINE", "1.0"),
    ]
