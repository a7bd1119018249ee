"""`Dbh` by ODBC on real databases: what is written is what comes back, whatever a backslash means there.

Runs where FreeSWITCH, the database's server and its ODBC driver are found, on a server of its own.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hosts.base import Host
from support.saw import in_api

pytestmark = pytest.mark.freeswitch_only

DEADLINE = 60.0
# Text with all that could end a string or a statement, or be read as an escape.
NASTY = [
    *["", "o'hara", "a\\b", "\\", "\\\\", "\\'", "x\\'; drop table quoted; --", "C:\\new\\temp"],
    "?",
    "$$?$$",
    "#",
]


@dataclass(frozen=True)
class Server:
    """A database server that can be started in a folder of its own."""

    name: str
    user: str
    binaries: tuple[str, ...]
    driver: str
    # Commands with {folder}: the one that makes it, with its input, and the one that runs.
    make: str
    given: str
    run: str
    source: str


POSTGRES = Server(
    name="postgresql",
    user="postgres",
    binaries=("initdb", "postgres"),
    driver="psqlodbcw.so",
    make="initdb -D {folder}/data -U tester -A trust --no-sync",
    given="",
    run="postgres -D {folder}/data -k {folder} -c listen_addresses= -c fsync=off",
    source="Servername={folder}\nUsername=tester\nDatabase=postgres\n",
)
MARIADB = Server(
    name="mariadb",
    user="nobody",
    binaries=("mariadbd",),
    driver="libmaodbc.so",
    make="mariadbd --no-defaults --datadir={folder}/data --skip-grant-tables --bootstrap",
    given="create database test;",
    run="mariadbd --no-defaults --datadir={folder}/data --socket={folder}/socket --skip-networking --skip-grant-tables",
    source="SOCKET={folder}/socket\nDATABASE=test\nUID=tester\n",
)

PLACES = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/sbin"), Path("/usr/local/bin"), Path("/usr/bin")]
DRIVERS = [Path("/usr/lib/x86_64-linux-gnu/odbc"), Path("/usr/lib/aarch64-linux-gnu/odbc"), Path("/usr/lib/odbc")]


def found(server: Server) -> tuple[Path, str]:
    """The driver, and a PATH with the binaries; skips the test where one is missing."""
    path = os.pathsep.join(map(str, PLACES))
    for binary in server.binaries:
        if not shutil.which(binary, path=path):
            pytest.skip(f"no {binary}: install the server of {server.name}")
    driver = next((place / server.driver for place in DRIVERS if (place / server.driver).exists()), None)
    if driver is None:
        pytest.skip(f"no {server.driver}: install the ODBC driver of {server.name}")
    if os.geteuid() == 0 and server.user not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip(f"no user {server.user} to run the server of {server.name} as")
    return driver, path


@pytest.fixture(scope="module", params=[POSTGRES, MARIADB], ids=lambda server: server.name)
def source(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Path]]:
    """A running server, and a file of ODBC sources that names it `tested`."""
    server: Server = request.param
    driver, path = found(server)
    # A socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="odbc-", dir="/tmp"))
    (folder / "data").mkdir(0o700)
    # Servers refuse to run as root.
    account: dict[str, Any] = {"user": server.user, "extra_groups": []} if os.geteuid() == 0 else {}
    if account:
        shutil.chown(folder, server.user)
        shutil.chown(folder / "data", server.user)
    environ = {"PATH": path, "LC_ALL": "C", "HOME": str(folder)}

    def command(line: str) -> list[str]:
        words = line.format(folder=folder).split()
        return [str(shutil.which(words[0], path=path)), *words[1:]]

    with (folder / "log").open("wb") as log:
        made = subprocess.run(
            command(server.make),
            check=False,
            input=server.given,
            text=True,
            stdout=log,
            stderr=log,
            env=environ,
            cwd=folder,
            **account,
        )
        assert made.returncode == 0, (folder / "log").read_text()
        process = subprocess.Popen(command(server.run), stdout=log, stderr=log, env=environ, cwd=folder, **account)
    try:
        ini = folder / "odbc.ini"
        ini.write_text(f"[tested]\nDriver={driver}\n{server.source.format(folder=folder)}")
        deadline = time.monotonic() + DEADLINE
        while not any(entry.is_socket() for entry in folder.iterdir()):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield server, ini
    finally:
        process.terminate()
        process.wait(DEADLINE)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def opened(source: tuple[Server, Path], fresh: Callable[..., Host]) -> tuple[str, Host]:
    """The database's name, and a switch that has the source."""
    server, ini = source
    return server.name, fresh(environ={"ODBCINI": str(ini)})


def test_what_is_written_comes_back(opened: tuple[str, Host]) -> None:
    name, host = opened
    saw = in_api(
        host,
        f"""
NASTY = json.loads({json.dumps(json.dumps(NASTY))})
def body(saw):
    with freeswitch.Dbh("odbc://tested:tester:") as db:
        rows = [db.first_row("select ? as text, char_length(?) as length", [text, text]) for text in NASTY]
        saw["back"] = [row["text"] for row in rows]
        saw["length"] = [int(row["length"]) for row in rows]
        saw["found"] = [len(list(db.query("select 1 where ? = ?", [text, text]))) for text in NASTY]
""",
    )
    assert saw == {"back": NASTY, "length": [len(text) for text in NASTY], "found": [1] * len(NASTY)}, name


# Statements with one parameter, 1, and what they give as `a`.
STATEMENTS = {
    "postgresql": [
        (r"select $$it's ?$$ as a, ? as b", "it's ?"),
        (r"select $tag$ $$?$$ $tag$ as a, ? as b", " $$?$$ "),
        (r"select 'C:\' as a, ? as b", "C:\\"),
        (r"select E'it\'s ?' as a, ? as b", "it's ?"),
        (r"select 5 # ? as a", "4"),
    ],
    "mariadb": [
        (r"select 'it\'s ?' as a, ? as b", "it's ?"),
        (r"select 'C:\\' as a, ? as b", "C:\\"),
        ("select 7 as a, ? as b # it's ?", "7"),
    ],
}


def test_strings_and_comments_have_no_parameters(opened: tuple[str, Host]) -> None:
    name, host = opened
    statements = STATEMENTS[name]
    saw = in_api(
        host,
        f"""
STATEMENTS = json.loads({json.dumps(json.dumps([text for text, _ in statements]))})
def body(saw):
    with freeswitch.Dbh("odbc://tested:tester:") as db:
        saw["a"] = [db.first_row(statement, [1])["a"] for statement in STATEMENTS]
""",
    )
    assert saw["a"] == [expected for _, expected in statements]


SETTINGS = {
    "postgresql": ["set standard_conforming_strings = off", "set standard_conforming_strings = on"],
    "mariadb": ["set sql_mode = 'NO_BACKSLASH_ESCAPES'", "set sql_mode = ''"],
}


def test_a_setting_of_the_database_is_followed(opened: tuple[str, Host]) -> None:
    name, host = opened
    saw = in_api(
        host,
        f"""
def body(saw):
    saw["back"] = []
    with freeswitch.Dbh("odbc://tested:tester:") as db:
        for setting in ["select 1", *{SETTINGS[name]!r}]:
            # By MariaDB's driver what has no rows is done, and said to have failed.
            tried(db.execute, setting)
            saw["back"].append(db.first_row("select ? as text", ["a\\\\'b"])["text"])
""",
    )
    assert saw["back"] == ["a\\'b"] * 3
