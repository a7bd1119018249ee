"""`python -m pocket mcp`, driven by a client of the Model Context Protocol over its standard input and output."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from support.signals import unwoken

HELLO = """
def handler(session, args):
    session.answer()
    digits = session.getDigits(4, "#", 10000)
    print(f"{session.getVariable('colour')} {args} pressed {digits}")
    session.hangup()
"""

Answer = tuple[bool, str]
Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a script, beside one that is not in it."""
    made = tmp_path / "scripts"
    made.mkdir()
    (made / "hello.py").write_text(HELLO)
    (tmp_path / "outside.py").write_text("def handler(session, args): print('outside ran')\n")
    return made


def served(folder: Path, use: Callable[[Ask, ClientSession], Awaitable[None]], *options: str) -> None:
    """Use a server as a client does."""

    async def serve() -> None:
        # What a server of Python needs: the client hands on few variables by itself.
        parameters = StdioServerParameters(
            command=sys.executable, args=["-m", "pocket", "mcp", str(folder), *options], env=dict(os.environ)
        )
        with (folder.parent / "stderr").open("w", encoding="utf-8") as log:
            async with stdio_client(parameters, errlog=log) as (read, write), ClientSession(read, write) as client:
                await client.initialize()

                async def ask(tool: str, **arguments: Any) -> Answer:
                    result: Any = await client.call_tool(tool, arguments)
                    return result.is_error, "\n".join(each.text for each in result.content)

                await use(ask, client)

    async def within() -> None:
        await asyncio.wait_for(serve(), 120)

    asyncio.run(within())


def test_a_call_is_run_and_its_transcript_read(folder: Path) -> None:
    async def use(ask: Ask, client: ClientSession) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"list_scripts", "run_call", "read_transcript", "list_verbs"}
        assert "runs the script's code" in (tools["run_call"].description or "")
        assert "runs the code of these scripts" in (client.instructions or "")
        assert await ask("list_scripts") == (False, "hello.py: handler")
        failed, text = await ask(
            "run_call",
            script="hello.py",
            args="some text",
            press=[{"at": 1.5, "digits": "12"}, {"at": 2, "digits": "34#"}],
            variables={"colour": "blue"},
        )
        assert not failed, text
        assert text.startswith("call 1: the call has ended\n")
        assert "[INFO] blue some text pressed 1234" in text
        assert await ask("read_transcript", call=1) == (False, text)
        assert (await ask("read_transcript", call=2))[0]

    served(folder, use)
    assert "It runs the code of these scripts" in (folder.parent / "stderr").read_text()


def test_a_script_in_a_folder_within_is_run(folder: Path) -> None:
    (folder / "sales").mkdir()
    (folder / "sales" / "hello.py").write_text(HELLO.replace("pressed", "sold"))

    async def use(ask: Ask, _client: ClientSession) -> None:
        assert (await ask("list_scripts"))[1].splitlines() == ["hello.py: handler", "sales/hello.py: handler"]
        _, text = await ask("run_call", script="sales/hello.py", press=[{"at": 1.5, "digits": "12#"}])
        assert text.startswith("call 1: the call has ended\n") and "sold 12" in text

    served(folder, use)


def test_a_script_that_fails_says_so(folder: Path) -> None:
    (folder / "bad.py").write_text("def handler(session, args): 1 / 0\ndef other(session, args): session.hangup()\n")
    (folder / "broken.py").write_text("def handler(:\n")
    (folder / "deep.py").write_text(f"x = a{'.b' * 100_000}\n")

    async def use(ask: Ask, _client: ClientSession) -> None:
        assert (await ask("list_scripts"))[1].splitlines() == [
            "bad.py: handler, other",
            "broken.py: it does not compile",
            "deep.py: it does not compile",
            "hello.py: handler",
        ]
        failed, text = await ask("run_call", script="bad.py")
        assert not failed and text.startswith("call 1: a script failed") and "ZeroDivisionError" in text
        _, text = await ask("run_call", script="bad.py", function="other")
        assert text.startswith("call 2: the call has ended")
        _, text = await ask("run_call", script="broken.py")
        assert "SyntaxError" in text

    served(folder, use)


def test_nothing_outside_of_the_folder_can_be_named(folder: Path) -> None:
    (folder / "link.py").symlink_to(folder.parent / "outside.py")
    (folder / "away").symlink_to(folder.parent)
    (folder / "loop.py").symlink_to(folder / "loop.py")
    (folder / "within.py").symlink_to(folder / "hello.py")
    (folder / "some.py").mkdir()

    async def use(ask: Ask, _client: ClientSession) -> None:
        assert (await ask("list_scripts"))[1].splitlines() == ["hello.py: handler", "within.py: handler"]
        for script in (
            "../outside.py",
            "link.py",
            "away/outside.py",
            "loop.py",
            "some.py",
            str(folder.parent / "outside.py"),
            "./../scripts/../outside.py",
            "hello.py\0",
            "hello",
            "",
            "--help",
            "-c.py",
            "a" * 5000 + ".py",
        ):
            failed, text = await ask("run_call", script=script)
            assert failed and "outside ran" not in text, (script, text)
        assert (await ask("run_call", script="within.py", press=[{"at": 1, "digits": "1#"}]))[0] is False

    served(folder, use)


def test_what_would_run_more_than_the_script_is_refused(folder: Path) -> None:
    mark = folder.parent / "mark"
    command = f"${{system touch {mark}}}"
    refused: list[dict[str, Any]] = [
        {"args": command},
        {"variables": {"x": command}},
        {"variables": {f"x={command}": "y"}},
        {"number": command},
        {"number": "5000 -x"},
        {"function": f"handler {command}"},
        {"function": "__import__('os')"},
        {"press": [{"at": 1, "digits": "1,2:3"}]},
        {"press": [{"at": -1, "digits": "1"}]},
        {"press": [{"at": 1e300, "digits": "1"}]},
        {"hangup_after": -1},
        {"args": "two\nlines"},
        {"args": "x" * 5000},
    ]

    async def use(ask: Ask, _client: ClientSession) -> None:
        for arguments in refused:
            failed, text = await ask("run_call", script="hello.py", **arguments)
            assert failed, (arguments, text)

    served(folder, use)
    assert not mark.exists()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_script_that_loops_or_writes_without_end_is_ended(folder: Path) -> None:
    (folder / "loops.py").write_text("""
import os, subprocess
def handler(session, args):
    child = subprocess.Popen(["sleep", "600"])
    with open("pids", "w") as file: file.write(f"{os.getpid()} {child.pid}")
    while True: pass
""")
    (folder / "writes.py").write_text("""
import os
def handler(session, args):
    while True: os.write(1, b"x" * 65536)
""")
    (folder / "eats.py").write_text("def handler(session, args): print(len('x' * (8 * 1024**3)))\n")
    # What goes on behind the call's back keeps its output open.
    (folder / "leaves.py").write_text(
        "import subprocess\ndef handler(session, args): subprocess.Popen(['sleep', '600'])\n"
    )
    (folder / "long.py").write_text("def handler(session, args):\n for n in range(3000): print('line', n)\n")

    async def use(ask: Ask, _client: ClientSession) -> None:
        failed, text = await ask("run_call", script="loops.py")
        assert not failed and text.startswith("call 1: ended: it took more than 8 s of real time"), text
        pids = [int(pid) for pid in (folder / "pids").read_text().split()]
        deadline = time.monotonic() + 20
        while any(map(is_alive, pids)):
            assert time.monotonic() < deadline, "what the script started goes on"
            await asyncio.sleep(0.05)
        failed, text = await ask("run_call", script="writes.py")
        assert not failed and text.startswith("call 2: ended: it wrote more than 1 MB"), text[:200]
        assert len(text) < 30_000
        assert "read_transcript(call=2, offset=20000)" in text
        failed, text = await ask("run_call", script="eats.py")
        assert "MemoryError" in text
        failed, text = await ask("run_call", script="leaves.py")
        assert text.startswith("call 4: the call has ended")
        # The server still answers, and pages go on where the last one ended.
        failed, text = await ask("run_call", script="long.py")
        whole = text.partition("\n\n")[2].partition("\n... ")[0]
        while "more characters" in text:
            _, text = await ask("read_transcript", call=5, offset=len(whole))
            whole += text.partition("\n\n")[2].partition("\n... ")[0]
        assert [line for line in whole.splitlines() if line.startswith("[INFO] line")] == [
            f"[INFO] line {number}" for number in range(3000)
        ]

    served(folder, use, "--seconds", "8")


def test_what_runs_ends_with_the_server(folder: Path) -> None:
    (folder / "loops.py").write_text("""
import os
def handler(session, args):
    with open("pid.new", "w") as file: file.write(str(os.getpid()))
    os.rename("pid.new", "pid")
    while True: pass
""")
    pid = folder / "pid"

    async def use(ask: Ask, _client: ClientSession) -> None:
        asking = asyncio.ensure_future(ask("run_call", script="loops.py"))
        deadline = time.monotonic() + 60
        while not pid.exists():
            assert time.monotonic() < deadline and not asking.done()
            await asyncio.sleep(0.05)
        asking.cancel()

    served(folder, use, "--seconds", "300")
    deadline = time.monotonic() + 20
    while is_alive(int(pid.read_text())):
        assert time.monotonic() < deadline, "the call goes on"
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_that_wakes_nobody_ends_it(folder: Path, number: int, status: int) -> None:
    with unwoken(number, "pocket", "mcp", str(folder)) as server:
        assert "serves" in server.error_line()
        # It answers: it has begun to wait.
        assert server.process.stdin
        server.process.stdin.write('{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        server.process.stdin.flush()
        assert '"id":1' in server.line().replace(" ", "")
        server.signal()
        assert server.process.wait(60) == status


def test_verbs_are_listed_with_what_they_take(folder: Path) -> None:
    async def use(ask: Ask, _client: ClientSession) -> None:
        _, text = await ask("list_verbs")
        lines = text.splitlines()
        assert len(lines) > 120 and len(set(lines)) == len(lines)
        for begins in (
            "session.streamFile(",
            "await session.play_and_get_digits(",
            "await freeswitch.originate(dest: str",
            "freeswitch.consoleLog(",
            "events.stream(",
            "dbh.query(",
        ):
            assert [line for line in lines if line.startswith(begins)], begins
        _, text = await ask("list_verbs", containing="GETDIGITS")
        assert 0 < len(text.splitlines()) < 10

    served(folder, use)


def test_a_folder_that_is_none_is_one_line(folder: Path) -> None:
    command = [sys.executable, "-m", "pocket", "mcp", str(folder / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("mcp: ") and "Traceback" not in done.stderr


def test_without_the_package_it_says_what_to_install(folder: Path) -> None:
    code = "import sys; sys.modules['mcp'] = None; from pocket.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "mcp", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "pip install 'freeswitch-pocket[mcp]'" in done.stderr
