"""A real Prometheus scrapes two switches: what the dashboard asks of it is what `pystat` says.

With one FreeSWITCH both are of it, with several the first and the last.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hosts.base import Host
from hosts.manager import Manager, Spec
from hosts.ports import free_port
from support.configuration import settings

pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="needs Prometheus (Debian: prometheus)")

DASHBOARD = Path(__file__).resolve().parents[1] / "docs" / "grafana-dashboard.json"
SCRIPT = """
def fsapi(session, stream, env, args):
    if args == "fail": 1 / 0
    stream.write("x")
def handler(session, args):
    session.answer()
    session.hangup(args)
"""
CAUSES = {"NORMAL_CLEARING": 6, "USER_BUSY": 4}
RUNS, FAILURES = 200, 5
WINDOW = 300.0
SAMPLES = 20

Sample = dict[str, str]


class Prometheus:
    """A Prometheus that scrapes switches each second."""

    def __init__(self, folder: Path, targets: list[int]) -> None:
        self.port = free_port()
        config = folder / "prometheus.yml"
        at = ", ".join(f"'127.0.0.1:{port}'" for port in targets)
        config.write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            f"scrape_configs: [{{job_name: freeswitch, static_configs: [{{targets: [{at}]}}]}}]\n"
        )
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
        command += [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]
        self._log = (folder / "prometheus.log").open("wb")
        self.process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)

    def ask(self, query: str, at: float | None = None) -> list[tuple[Sample, float]]:
        """Evaluate a query: the labels and the value of each series."""
        asked = {"query": query, **({"time": str(at)} if at else {})}
        url = f"http://127.0.0.1:{self.port}/api/v1/query?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                body: Any = json.load(answer)
        except OSError:
            return []
        assert body["status"] == "success", body
        return [(series["metric"], float(series["value"][1])) for series in body["data"]["result"]]

    def has(self, query: str, value: float) -> bool:
        """Whether a query gives one series, with this value."""
        return [found for _, found in self.ask(query)] == [value]

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)
        self._log.close()


class Switch:
    """A switch with a listener, what was done on it, and what its pystat says."""

    def __init__(self, host: Host, port: int) -> None:
        self.host, self.port = host, port
        self.instance = f"127.0.0.1:{port}"
        self.name = host.script(SCRIPT, "counted")

    def pystat(self) -> Any:
        """Give what the switch itself says."""
        return json.loads(self.host.api("pystat json"))

    def ends(self) -> dict[tuple[str, str], float]:
        """Give how many legs have ended, by cause: a leg that is called may end by another than its caller."""
        self.host.flush()
        ended = [event for event in self.host.all_events() if event["Event-Name"] == "CHANNEL_HANGUP_COMPLETE"]
        return {
            (self.instance, cause): float(count) for cause, count in Counter(e["Hangup-Cause"] for e in ended).items()
        }

    def load(self, factor: int) -> None:
        """Run scripts, calls and a hook."""
        for _ in range(RUNS * factor):
            self.host.api(f"python {self.name}")
        for _ in range(FAILURES * factor):
            self.host.api(f"python {self.name} fail")
        for cause, count in CAUSES.items():
            for _ in range(count * factor):
                self.host.call(("python", f"{self.name} {cause}"))
        self.host.wait_no_calls()


def wait_until(what: str, test: Callable[[], Any], timeout: float = 60.0) -> Any:
    """Ask again until it holds; what it gives then."""
    deadline = time.monotonic() + timeout
    while not (found := test()):
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.1)
    return found


@pytest.fixture
def two(hosts: Manager, found: list[Spec]) -> Iterator[list[Switch]]:
    """Give two real switches that serve their metrics."""
    real = [spec for spec in found if spec.switch]
    if not real:
        pytest.skip("needs a FreeSWITCH")
    made: list[Switch] = []
    try:
        for spec in (real[0], real[-1]):
            port = free_port()
            host = hosts.fresh(spec, config=settings(("metrics-listen", f"127.0.0.1:{port}")))
            made.append(Switch(host, port))
        yield made
    finally:
        for switch in made:
            switch.host.abandon()


@pytest.fixture
def prometheus(two: list[Switch], tmp_path: Path) -> Iterator[Prometheus]:
    """Give a Prometheus that has scraped both."""
    server = Prometheus(tmp_path, [switch.port for switch in two])
    try:
        wait_until("two targets that are up", lambda: [value for _, value in server.ask("up")] == [1.0, 1.0])
        yield server
    finally:
        server.close()


def panels() -> dict[str, list[str]]:
    """Give the queries of each panel, with every switch chosen."""
    found = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return {panel["title"]: [each["expr"].replace("$instance", ".*") for each in panel["targets"]] for panel in found}


def counters(prometheus: Prometheus, query: str) -> dict[tuple[str, str], float]:
    """Give a counter of each switch, by a label."""
    return {
        (labels["instance"], next(labels[name] for name in ("cause", "way", "function") if name in labels)): value
        for labels, value in prometheus.ask(query)
    }


def is_rate_of(rate: float, increase: float) -> bool:
    """Whether a rate is that of so many in its window.

    Prometheus adds what it did not see, at most 1.6 times the time between two of SAMPLES.
    """
    return increase <= rate * WINDOW + 0.001 <= increase * (1 + 1.7 / (SAMPLES - 1)) + 0.002


class Shown:
    """What the panels of the dashboard show, and what pystat said at that time, by switch."""

    def __init__(self, prometheus: Prometheus, said: dict[str, Any]) -> None:
        self.said = said
        self._asked = {title: [prometheus.ask(each) for each in queries] for title, queries in panels().items()}
        assert all(any(found) for found in self._asked.values()), self._asked

    def panel(self, title: str, number: int = 0) -> list[tuple[Sample, float]]:
        """Give the series of a panel's query."""
        return self._asked[title][number]

    def by_switch(self, title: str, number: int = 0) -> dict[str, float]:
        """Give the value of each switch."""
        return {labels["instance"]: value for labels, value in self.panel(title, number)}

    def by(self, label: str, title: str) -> dict[str, float]:
        """Give the values of all switches in sum, by a label."""
        return {labels[label]: value for labels, value in self.panel(title)}

    def all_of(self, name: str) -> dict[str, float]:
        """Give a figure of pystat, by switch."""
        return {instance: said[name] for instance, said in self.said.items()}


def run_once(two: list[Switch], prometheus: Prometheus) -> dict[tuple[str, str], float]:
    """Run each thing once: a series that its first run makes begins at 1. How many legs have ended, by cause."""
    for switch in two:
        switch.host.api(f"python {switch.name}")
        for cause in CAUSES:
            switch.host.call(("python", f"{switch.name} {cause}"))
        switch.host.wait_no_calls()
    runs = 'mod_rust_way_calls_total{way="api"}'
    wait_until("the first runs", lambda: [value for _, value in prometheus.ask(runs)] == [1.0, 1.0])
    ends = {key: count for switch in two for key, count in switch.ends().items()}
    assert sum(ends.values()) == 2 * 2 * len(CAUSES)
    wait_until("the first ends", lambda: counters(prometheus, "mod_rust_hangups_total") == ends)
    return ends


def wait_for_all(switch: Switch, prometheus: Prometheus, said: Any) -> None:
    """Wait until Prometheus has what pystat said."""
    for kind in ("way", "module", "function"):
        for name, counted in said[f"{kind}s"].items():
            for figure in ("calls", "errors"):
                query = f'mod_rust_{kind}_{figure}_total{{instance="{switch.instance}",{kind}="{name}"}}'
                wait_until(query, functools.partial(prometheus.has, query, counted[figure]))


def test_what_the_dashboard_asks_is_what_pystat_says(two: list[Switch], prometheus: Prometheus) -> None:
    first = run_once(two, prometheus)
    for factor, switch in enumerate(two, 1):
        switch.load(factor)
    said = {switch.instance: switch.pystat() for switch in two}
    for switch in two:
        wait_for_all(switch, prometheus, said[switch.instance])
    ends = {key: count for switch in two for key, count in switch.ends().items()}
    assert sum(ends.values()) == 2 * (2 * len(CAUSES) + 3 * sum(CAUSES.values()))
    assert counters(prometheus, "mod_rust_hangups_total") == ends
    # Those that the first runs have made have the fewest samples.
    for series in ("mod_rust_hangups_total", "mod_rust_function_errors_total"):
        query = f"min(count_over_time({series}[5m])) >= {SAMPLES}"
        wait_until(query, functools.partial(prometheus.ask, query))
    shown = Shown(prometheus, said)
    check_values(shown)
    check_rates(shown, prometheus)
    for cause, rate in shown.by("cause", "Legs ended, by cause").items():
        before = sum(count for (_, of), count in first.items() if of == cause)
        count = sum(count for (_, of), count in ends.items() if of == cause)
        assert is_rate_of(rate, count - before), (cause, rate * WINDOW, count - before)
    check_quantiles(shown)


def check_values(shown: Shown) -> None:
    """What a panel shows as it is."""
    instances = set(shown.said)
    assert shown.by_switch("Sessions") == dict.fromkeys(instances, 0)
    assert shown.by_switch("Sessions", 2) == dict.fromkeys(instances, 1000)
    assert set(shown.by_switch("Sessions a second")) == set(shown.by_switch("Sessions a second", 1)) == instances
    assert all(0 <= value <= 100 for value in shown.by_switch("Idle CPU").values())
    waiting = "queued_loop_messages", "queued_coroutine_events", "queued_hook_events", "queued_consumer_events"
    for number, name in enumerate(waiting):
        assert shown.by_switch("Event loop: what waits", number) == shown.all_of(name)
    for number, name in enumerate(("dropped_events", "refused_commands", "failed_reloads")):
        title = "Dropped events, refused commands, failed reloads"
        assert shown.by_switch(title, number) == shown.all_of(name) == dict.fromkeys(instances, 0)
    assert all(0 <= value < 5 for value in shown.by_switch("Event loop: lag").values())
    running = {(labels["instance"], labels["way"]): value for labels, value in shown.panel("Functions that run")}
    assert running == {
        (instance, way): count for instance, said in shown.said.items() for way, count in said["running_by_way"].items()
    }


def check_rates(shown: Shown, prometheus: Prometheus) -> None:
    """The rates of both switches in sum, over five minutes in which all this was."""
    calls: dict[str, int] = {}
    for said in shown.said.values():
        for way, counted in said["ways"].items():
            calls[way] = calls.get(way, 0) + counted["calls"]
    assert set(shown.by("way", "Runs a second, by way in")) == set(calls)
    query = panels()["Runs a second, by way in"][0].replace("[1m]", "[5m]")
    for labels, rate in prometheus.ask(query):
        assert is_rate_of(rate, calls[labels["way"]]), (labels, rate * WINDOW, calls)
    [(labels, rate)] = shown.panel("Errors a second, by function")
    assert labels["function"].endswith("::fsapi")
    assert is_rate_of(rate, 3 * FAILURES), rate * WINDOW


def check_quantiles(shown: Shown) -> None:
    """A quantile lies in the bucket that pystat's is in: one to 64 us, then each four times as large."""
    slow = shown.by("way", "How long runs take (99 of 100), by way in")
    for way in ("api", "application"):
        buckets = [bucket_of(said["ways"][way]["p99_us"]) for said in shown.said.values()]
        assert min(buckets)[0] <= slow[way] * 1e6 <= max(buckets)[1], (way, slow[way], buckets)
    for instance, value in shown.by_switch("Wait for Python's lock (99 of 100)").items():
        assert 0 < value * 1e6 <= bucket_of(shown.said[instance]["lock_wait_p99_us"])[1]


def bucket_of(micros: int) -> tuple[float, float]:
    """Give the bounds of the bucket for such a time, in microseconds."""
    upper = 64.0
    while upper < micros:
        upper *= 4
    return (upper / 4 if upper > 64 else 0.0), upper
