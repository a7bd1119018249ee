"""Recorded calls whose scripts use what no recording holds: each such recording is open, and never called identical."""

from __future__ import annotations

import http.server
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts.base import Host
from support.recordings import config, entries, replay, running


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"gold")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """Give the URL of a web server that answers "gold" and keeps connections open."""

    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


URLLIB = """
    import urllib.request
    def handler(session, args):
        session.answer()
        with urllib.request.urlopen("{url}", timeout=10) as answer:
            session.setVariable("tier", answer.read().decode())
"""
# The client of the module has its connection from the call before.
KEPT = """
    import http.client
    calls = []
    client = http.client.HTTPConnection("{place}", timeout=10)
    def handler(session, args):
        session.answer()
        client.request("GET", "/")
        session.setVariable("tier", client.getresponse().read().decode())
        calls.append(1)
        if len(calls) == 2:
            client.close()
"""
AIOHTTP = """
    import aiohttp
    async def handler(session, args):
        await session.answer()
        async with aiohttp.ClientSession() as client, client.get("{url}") as answer:
            session.setVariable("tier", await answer.text())
"""
AIOHTTP_KEPT = """
    import aiohttp
    calls, clients = [], []
    async def handler(session, args):
        await session.answer()
        if not clients:
            clients.append(aiohttp.ClientSession())
        async with clients[0].get("{url}") as answer:
            session.setVariable("tier", await answer.text())
        calls.append(1)
        if len(calls) == 2:
            await clients[0].close()
"""
HTTPX = """
    import httpx
    async def handler(session, args):
        await session.answer()
        async with httpx.AsyncClient(trust_env=False) as client:
            session.setVariable("tier", (await client.get("{url}")).text)
"""
TO_THREAD = """
    import asyncio, urllib.request
    def ask():
        with urllib.request.urlopen("{url}", timeout=10) as answer:
            return answer.read().decode()
    async def handler(session, args):
        await session.answer()
        session.setVariable("tier", await asyncio.to_thread(ask))
"""
EXECUTOR = """
    import asyncio, urllib.request
    def ask():
        with urllib.request.urlopen("{url}", timeout=10) as answer:
            return answer.read().decode()
    async def handler(session, args):
        await session.answer()
        session.setVariable("tier", await asyncio.get_running_loop().run_in_executor(None, ask))
"""


SOURCES = {
    "urllib": (URLLIB, "socket"),
    "http.client, kept": (KEPT, "socket"),
    "aiohttp": (AIOHTTP, "socket"),
    "aiohttp, kept": (AIOHTTP_KEPT, "socket"),
    "httpx": (HTTPX, "socket"),
    "to_thread": (TO_THREAD, "thread"),
    "run_in_executor": (EXECUTOR, "thread"),
}
# A switch's Python has the packages of the tests' environment, uvloop among them, by this alone.
ENVIRONMENT = f'<param name="virtual-env" value="{sys.prefix}"/>'


def test_a_script_with_http_makes_its_recording_open(fresh: Callable[..., Host], tmp_path: Path, url: str) -> None:
    folder = tmp_path / "recorded"
    folder.mkdir()
    host = fresh(config=config(folder, ENVIRONMENT))
    record = running(host, folder)
    wrong = []
    for case, (source, kind) in SOURCES.items():
        name = host.script(source.format(url=url, place=url.split("/")[2]))
        # The second call finds what the first has left: a connection, a thread of the pool.
        for number in (1, 2):
            file = record(f"import {name}\nhandler = {name}.handler\n")
            values = [entry["args"] for entry in entries(file) if entry.get("name") == "Session.setVariable"]
            assert values == [["tier", "gold"]], (case, host.log_text()[-3000:])
            played = replay(file)
            kinds = {entry["open"] for entry in entries(file) if "open" in entry}
            # httpx connects in a task of its own, in which no line is the script's.
            place = "anyio" if case == "httpx" else f"{name}.py:"
            if kind not in kinds or (played.returncode, played.stdout) != (3, "") or place not in played.stderr:
                wrong.append((case, number, kinds, played))
    assert not wrong


@pytest.mark.freeswitch_only  # pocket has a loop of its own
def test_what_uvloop_does_is_never_called_identical(fresh: Callable[..., Host], tmp_path: Path, url: str) -> None:
    folder = tmp_path / "recorded"
    folder.mkdir()
    settings = '<configuration name="python.conf"><settings>{}</settings></configuration>'
    host = fresh(config=settings.format(ENVIRONMENT))
    name = host.script(AIOHTTP_KEPT.format(url=url))
    result = host.call(("python", name))
    assert result.variables["tier"] == "gold"
    # The setting comes while the loop runs, and the connection is there.
    host.write_config("python.conf", config(folder, ENVIRONMENT))
    host.api("pyreload")
    file = running(host, folder)(f"import {name}\nhandler = {name}.handler\n")
    assert "Session.setVariable" in {entry.get("name") for entry in entries(file)}
    assert "uvloop runs since before record-calls was set" in replay(file).stderr
