"""`Dbh`: statements with parameters, rows as dictionaries, errors as exceptions, and what happens to the handle."""

from __future__ import annotations

import json

from hosts.base import Host
from support.saw import in_api

OPEN = """
def opened(table):
    db = freeswitch.Dbh("sqlite://tests_of_mod_rust")
    db.execute("drop table if exists " + table)
    db.execute("create table %s (name text, size integer)" % table)
    return db
"""
# Text with all that could end a string or a statement.
NASTY = ["", "o'hara", "a\\b", 'say "x"', "x'; drop table t; --", "?", "\N{SNOWMAN}", "line\nbreak", "%s", "\\'"]


def test_rows(host: Host) -> None:
    saw = in_api(
        host,
        OPEN
        + """
def body(saw):
    with opened("rows_of") as db:
        saw["inserted"] = [db.execute("insert into rows_of values (?, ?)", (name, n)) for n, name in enumerate("abc")]
        saw["rows"] = [row for row in db.query("select * from rows_of where size > ? order by size", [0])]
        saw["first"] = db.first_row("select name from rows_of order by size")
        saw["none"] = [db.first_row("select * from rows_of where size > 9"), list(db.query("select 1 where 1 = 2"))]
        saw["null"] = db.first_row("select ? as n, ? as t, ? as f", [None, True, 1.5])
        saw["updated"] = db.execute("update rows_of set size = size + 1 where size > 0")
        saw["affected"] = db.affected_rows()
""",
    )
    assert saw == {
        "inserted": [1, 1, 1],
        "rows": [{"name": "b", "size": "1"}, {"name": "c", "size": "2"}],
        "first": {"name": "a"},
        "none": [None, []],
        "null": {"n": None, "t": "1", "f": "1.5"},
        "updated": 2,
        "affected": 2,
    }


def test_parameters_are_quoted(host: Host) -> None:
    saw = in_api(
        host,
        f"""{OPEN}
NASTY = json.loads({json.dumps(json.dumps(NASTY))})
def body(saw):
    with opened("quoted") as db:
        for n, text in enumerate(NASTY):
            db.execute("insert into quoted values (?, ?)", [text, n])
        saw["back"] = [row["name"] for row in db.query("select name from quoted order by size")]
        saw["literal"] = db.first_row("select '?' as a, ? as \\"b?\\"", ["x"])
        saw["found"] = [len(list(db.query("select 1 from quoted where name = ?", [text]))) for text in NASTY]
        saw["bytes"] = db.first_row("select hex(?) as h", [b"\\x00\\xff'"])
        saw["comments"] = db.first_row("select /* don't? */ ? as a -- why? it's\\n, ? as b", [1, 2])
""",
    )
    assert saw["back"] == NASTY
    assert saw["found"] == [1] * len(NASTY)
    assert saw["literal"] == {"a": "?", "b?": "x"}
    assert saw["bytes"] == {"h": "00FF27"}
    assert saw["comments"] == {"a": "1", "b": "2"}


def test_errors(host: Host) -> None:
    saw = in_api(
        host,
        OPEN
        + """
def body(saw):
    with opened("errors_of") as db:
        saw["syntax"] = tried(db.query, "selec nothing")
        saw["no table"] = tried(db.execute, "insert into no_such_table values (1)")
        saw["too few"] = tried(db.query, "select ?", [])
        saw["too many"] = tried(db.query, "select 1", [1])
        saw["kind"] = tried(db.query, "select ?", [object()])
        saw["function"] = tried(db.query, "select 1", print)
        saw["nul"] = tried(db.query, "select ?", ["a\\0b"])
        saw["nan"] = tried(db.query, "select ?", [float("nan")])
        saw["after"] = db.first_row("select 1 as one")
    saw["closed"] = tried(db.query, "select 1")
    saw["connected"] = db.connected()
    saw["dsn"] = tried(freeswitch.Dbh, "no_such_kind://x")
    db.close()
""",
    )
    kinds = {name: said.split(":")[0] for name, said in saw.items() if isinstance(said, str)}
    assert kinds == {
        "syntax": "DatabaseError",
        "no table": "DatabaseError",
        "too few": "ValueError",
        "too many": "ValueError",
        "kind": "TypeError",
        "function": "TypeError",
        "nul": "ValueError",
        "nan": "ValueError",
        "closed": "RuntimeError",
        "dsn": "DatabaseError",
    }
    assert (saw["after"], saw["connected"]) == ({"one": "1"}, False)
    assert "SQL ERR" in saw["no table"]
    host.wait_log("SQL ERR.*no_such_table")


def test_a_handle_is_one_thread_s_at_a_time(host: Host) -> None:
    saw = in_api(
        host,
        OPEN
        + """
def body(saw):
    said = []
    def work():
        with freeswitch.Dbh("sqlite://tests_of_mod_rust") as own:
            for n in range(20): own.first_row("select ? as n", [n])
        said.append("done")
    with opened("threads_of") as db:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    saw["said"] = said
""",
    )
    assert saw == {"said": ["done"] * 4}


def test_handles_go_back_to_the_cache(host: Host) -> None:
    saw = in_api(
        host,
        """
        KEPT = []
        def body(saw):
            for _ in range(300):
                db = freeswitch.Dbh("sqlite://tests_of_mod_rust")
                db.execute("select 1")
                del db
            KEPT.append(freeswitch.Dbh("sqlite://tests_of_mod_rust"))
            saw["done"] = True
        """,
    )
    assert saw == {"done": True}
    status = host.api("db_cache status")
    assert status.count("tests_of_mod_rust") < 20, status
