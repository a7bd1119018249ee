"""What is recorded of calls, the figures of a run, and its report."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

import pytest

from freeswitch import apps
from freeswitch.apps.measure import (
    CDR,
    FIELDS,
    CSVStore,
    DataStorer,
    Measurers,
    Quantiles,
    RingBuffer,
    call_metrics,
    figures_of,
    load,
    multiplot,
)
from freeswitch.apps.measure.figures import active_over_time, per_second
from freeswitch.apps.measure.metrics import FIGSPEC
from freeswitch.apps.measure.plots import plots_of
from freeswitch.apps.measure.report import as_page, as_text, write_page
from freeswitch.apps.measure.store import to_parquet
from freeswitch.apps.measure.svg import ticks

Row = dict[str, Any]


def call(at: float, cause: str = "NORMAL_CLEARING", setup: float | None = 0.1, held: float = 10.0, **more: Any) -> Row:
    """A call's row; without a set-up time it was not answered."""
    answered = None if setup is None else at + setup
    return {
        "switchio_app": "App",
        "hangup_cause": cause,
        "caller_create": at,
        "caller_answer": answered,
        "caller_hangup": at + (setup or 0.0) + held if answered else at + 1.0,
        "outcome": "answered" if answered else "failed",
        "setup_time": setup,
        "duration": held if answered else None,
        **more,
    }


RUN = [
    call(1000.0),
    call(1001.0, setup=0.3),
    call(1002.0, "USER_BUSY", None),
    call(1003.0, "NORMAL_TEMPORARY_FAILURE", None),
]


def test_the_figures_are_those_of_e425() -> None:
    found = figures_of(RUN)
    assert (found.calls, found.answered, found.failed) == (4, 2, 2)
    assert (found.asr, found.ner) == (0.5, 0.75)
    assert found.acd == 10.0
    assert found.rate == 1.0
    assert found.most_at_once == 3
    assert math.isclose(found.seconds, 11.3)
    assert math.isclose(found.erlangs, 20 / 11.3)
    assert found.causes == {"NORMAL_CLEARING": 2, "USER_BUSY": 1, "NORMAL_TEMPORARY_FAILURE": 1}
    assert found.times["setup_time"].at(0.5) == pytest.approx(0.1, rel=0.011)
    assert found.times["setup_time"].at(1.0) == pytest.approx(0.3, rel=0.011)
    assert found.mos is None


def test_no_call_at_all_has_figures_and_a_report() -> None:
    found = figures_of([])
    assert (found.calls, found.asr, found.acd, found.erlangs) == (0, None, None, 0.0)
    assert "calls offered" in as_text([])
    assert "<html" in as_page([])
    # Nobody was answered: there are no times.
    assert figures_of([call(1.0, "NO_ANSWER", None)]).times["setup_time"].at(0.5) is None
    assert "<svg" in as_page([call(1.0, "NO_ANSWER", None)])


def test_active_calls_and_rates_over_time() -> None:
    assert active_over_time(RUN[:2]) == [(1000.0, 1), (1001.0, 2), (1010.1, 1), (1011.3, 0)]
    rates = per_second(RUN, 2.0)
    assert rates["offered"] == [(0.0, 1.0), (2.0, 1.0)]
    assert rates["asr"] == [(0.0, 1.0), (2.0, 0.0)]
    assert rates["failed"] == [(0.0, 0.0), (2.0, 1.0)]


def test_rows_are_in_the_file_as_soon_as_they_are_whole(tmp_path: Path) -> None:
    store = CSVStore(tmp_path / "run" / "calls.csv")
    for row in RUN:
        store.append(row)
    # Nothing was closed: a run that is killed leaves this.
    found = load(tmp_path / "run")
    assert [row["hangup_cause"] for row in found] == [row["hangup_cause"] for row in RUN]
    assert found[0]["caller_create"] == 1000.0
    assert found[2]["setup_time"] is None
    assert figures_of(found).asr == 0.5
    store.close()


@pytest.mark.parametrize("cut", [1, 2, 5, 30, 80])
def test_a_file_that_is_cut_is_read(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "calls.csv"
    store = CSVStore(path)
    for row in RUN:
        store.append(row)
    store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    found = load(path)
    assert [row["hangup_cause"] for row in found] == [row["hangup_cause"] for row in RUN[:3]]
    # What comes later stands in lines of its own.
    again = CSVStore(path)
    again.append(RUN[0])
    again.close()
    assert [row["caller_create"] for row in load(path)][-1] == 1000.0


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    for work in (lambda: load(other), lambda: CSVStore(other)):
        with pytest.raises(ValueError, match=r"other\.csv"):
            work()
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.csv")
    with pytest.raises(OSError, match=r"denied|[Nn]ot a directory|exists"):
        CSVStore(Path(other / "below" / "calls.csv"))
    empty = tmp_path / "empty.csv"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="no file of calls"):
        load(empty)


def test_text_that_is_no_utf8_comes_back_as_it_was(tmp_path: Path) -> None:
    store = CSVStore(tmp_path / "calls.csv")
    store.append(call(1.0, switchio_app='caf\udce9, "x"\nnext'))
    store.close()
    assert load(tmp_path)[0]["switchio_app"] == 'caf\udce9, "x"\nnext'
    write_page(load(tmp_path), tmp_path / "page.html")


def test_quantiles_are_exact_to_a_hundredth() -> None:
    found = Quantiles()
    values = [1.001**number * 1e-3 for number in range(5000)]
    for value in reversed(values):
        found.add(value)
    for share in (0.01, 0.5, 0.9, 0.999):
        assert found.at(share) == pytest.approx(values[math.ceil(share * 5000) - 1], rel=0.011)
    assert found.at(1.0) == pytest.approx(values[-1], rel=0.011)
    assert Quantiles().at(0.5) is None
    tiny = Quantiles()
    tiny.add(0.0)
    assert tiny.at(0.5) == 0.0


def test_the_page_has_every_plot_and_needs_no_other_file() -> None:
    page = as_page(RUN, "A <run> & more")
    assert page.count("<svg") == len(plots_of(RUN)) == 6
    assert "A &lt;run&gt; &amp; more" in page
    assert "http://" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    for part in page.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + part.split("</svg>")[0] + "</svg>")
    assert "NORMAL_TEMPORARY_FAILURE" in page


def test_no_plot_begins_before_the_first_call() -> None:
    early = [{**row, "job_launch": row["caller_create"] + 0.01} for row in RUN]
    plots = {plot.title: plot for plot in plots_of(early)}
    assert min(when for when, _ in plots["Calls at once"].lines["calls"]) == 0.0


def test_the_table_says_the_figures() -> None:
    lines = dict(line.rsplit(None, 1) for line in as_text(RUN).splitlines() if line.startswith(("answered", "failed")))
    assert lines == {"answered": "2", "failed": "2"}
    assert "50.00 %" in as_text(RUN)
    assert "75.00 %" in as_text(RUN)


@pytest.mark.parametrize(("least", "most"), [(0, 1), (0, 0), (0, 0.003), (17, 3600), (5, 5), (0, 99999), (-3, 4)])
def test_ticks_are_few_and_cover_the_values(least: float, most: float) -> None:
    found = ticks(least, most)
    assert found[0] <= least
    assert found[-1] >= most
    assert 2 <= len(found) <= 8
    steps = {round(b - a, 9) for a, b in itertools.pairwise(found)}
    assert len(steps) == 1


def test_what_is_not_installed_is_said(tmp_path: Path) -> None:
    # In a process of its own, where neither is to be found.
    code = f"""
import sys
sys.modules["polars"] = sys.modules["matplotlib"] = sys.modules["matplotlib.figure"] = None
sys.modules["matplotlib.backends"] = None
from freeswitch.apps.measure.store import to_parquet
from freeswitch.apps.measure.plots import write_png
for work in (lambda: to_parquet([], {str(tmp_path / "x")!r}), lambda: write_png([], {str(tmp_path)!r})):
    try: work()
    except RuntimeError as error: print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install polars" in said
    assert "pip install matplotlib" in said


def test_rows_are_written_as_parquet(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    to_parquet(RUN, tmp_path / "calls.parquet")
    found = polars.read_parquet(tmp_path / "calls.parquet")
    assert found.columns == list(FIELDS)
    assert found["hangup_cause"].to_list() == [row["hangup_cause"] for row in RUN]


CDR_ROWS = [
    call(1002.0, callee_create=1002.05, callee_answer=1002.08, failed_calls=1.0, active_sessions=4.0, erlangs=2.0),
    call(
        1000.0,
        callee_create=1000.2,
        callee_answer=1000.1,
        failed_calls=0.0,
        job_launch=999.9,
        caller_req_originate=1000.0,
    ),
    call(1000.5, "USER_BUSY", None, failed_calls=1.0),
]


def test_switchios_figures_of_each_call() -> None:
    first, second, third = call_metrics(CDR_ROWS)
    assert [row["hangup_index"] for row in (first, second, third)] == [1, 2, 0]
    assert [row["call_rate"] for row in (first, second, third)] == [None, 2.0, pytest.approx(1 / 1.5)]
    assert third["avg_call_rate"] == pytest.approx((2 + 1 / 1.5) / 2)
    assert first["invite_latency"] == pytest.approx(0.2)
    assert third["answer_latency"] == pytest.approx(0.02)
    assert (second["call_setup_latency"], second["invite_latency"]) == (None, None)
    assert first["originate_latency"] == pytest.approx(0.1)
    assert first["call_duration"] == pytest.approx(10.1)
    assert (third["seizure_fail_rate"], third["answer_seizure_ratio"]) == (0.5, 0.5)
    assert call_metrics([]) == []
    # Calls that began at once are no error, nor is one alone.
    assert call_metrics([call(1.0), call(1.0)])[1]["call_rate"] == 1000.0
    assert call_metrics([call(1.0, failed_calls=0.0)])[0]["seizure_fail_rate"] is None


def test_measurers_have_switchios_figures() -> None:
    measurers, cdr = Measurers(), CDR()
    measurers.add(cdr)
    cdr.storer.append(CDR_ROWS[0])
    assert [row["hangup_cause"] for row in measurers.ops.call_metrics()] == ["NORMAL_CLEARING"]
    assert (1, 1) in measurers.figspecs["call_metrics"]
    assert measurers["CDR"].app is cdr
    assert ("CDR" in measurers, "Other" in measurers) == (True, False)
    assert apps.Measurers is Measurers


def test_the_columns_of_a_call_are_known_with_their_types() -> None:
    assert [name for name, _ in CDR.fields] == list(FIELDS)
    # As numpy names them.
    types = dict(CDR.fields)
    assert (types["hangup_cause"], types["caller_create"], types["erlangs"]) == ("U50", "float64", "uint32")
    assert DataStorer("calls", CDR.fields).fields == CDR().new_storer().fields == FIELDS


def test_an_app_that_measures_may_name_its_columns_with_types_or_make_its_store() -> None:
    class Measures:
        fields: ClassVar = [("when", "float64"), ("what", "S50")]

        def prepost(self, storer: CSVStore | None = None) -> None:
            """Take it."""

    class Makes(Measures):
        def new_storer(self) -> CSVStore:
            return DataStorer("Makes", ["own"])

    measurers = Measurers()
    measurers.add(Measures())
    measurers.add(Makes())
    assert measurers["Measures"].storer.fields == ("when", "what")
    assert measurers["Makes"].storer.fields == ("own",)


def test_columns_are_plotted(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = call_metrics(CDR_ROWS)
    found = multiplot(rows, FIGSPEC, fname=tmp_path / "plot.png")
    assert sorted(found.axes) == [(1, 1), (2, 1), (3, 1)]
    assert sorted(found.artists[3, 1]) == ["avg_call_rate", "call_rate"]
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(KeyError, match="nothing_such"):
        multiplot(rows, {(1, 1): ["nothing_such"]}, fname=tmp_path / "x.png")
    with pytest.raises(ValueError, match="figspec"):
        multiplot(rows, {}, fname=tmp_path / "x.png")


def test_a_storer_keeps_rows(tmp_path: Path) -> None:
    storer = DataStorer("Mine", [("name", "S50"), ("took", "float64")], path=str(tmp_path / "mine.csv"))
    storer.append_row(("a", 1.5))
    storer.append_row(["b", None])
    assert storer.data == storer.buffer == [{"name": "a", "took": 1.5}, {"name": "b", "took": None}]
    assert (len(storer), storer.store.fields, storer.name) == (2, ("name", "took"), "Mine")
    storer.stopwriter()
    assert (tmp_path / "mine.csv").read_text() == "name,took\na,1.500000\nb,\n"
    with pytest.raises(ValueError, match=r"storetype.*CSVStore"):
        DataStorer("Mine", ["x"], storetype=dict)


def test_a_ring_begins_again_when_it_is_full() -> None:
    ring = RingBuffer([("number", "uint32")], size=3)
    assert (len(ring), ring.is_full(), ring.bi) == (0, False, 0)
    for number in range(3):
        ring.put([number])
    assert (len(ring), ring.is_full(), ring.read()) == (3, True, [(0,), (1,), (2,)])
    ring.put([3])
    assert (len(ring), ring.is_full(), ring.bi, ring.read()) == (1, False, 1, [(3,)])
    with pytest.raises(ValueError, match="1 values, not 2"):
        ring.put([1, 2])
    with pytest.raises(ValueError, match="size"):
        RingBuffer(["x"], 0)
