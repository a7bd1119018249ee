"""Every test that asks for `host` runs on pocket and on each FreeSWITCH found."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

import switches
from hosts.base import Host, HostError
from hosts.manager import Manager, Spec, specs
from hosts.wire import Connect, Wire, close_all
from support.memory import resident_mb

# Of the process of pytest, in which pocket runs, with every host: what grows with the tests is kept somewhere.
MEMORY_MB = 1024
LOG_LINES_SHOWN = 200
LAST_LINES_SHOWN = 60  # of a switch that has ended

SPECS = pytest.StashKey[list[Spec]]()
USED = pytest.StashKey[list[Host]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --host."""
    parser.addoption(
        "--host", action="append", default=[], help="--host=NAME: only hosts whose name begins so; repeatable"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Find the hosts; a FREESWITCH_PREFIX that names none ends the run here.

    A run in the background of a shell inherits that SIGINT is ignored, and so would its switches and programs, until
    the first test that changes it: from here on each of them begins alike.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        found = specs()
    except switches.SwitchError as error:
        raise pytest.UsageError(str(error)) from error
    only = tuple(config.getoption("--host"))
    config.stash[SPECS] = [spec for spec in found if not only or spec.name.startswith(only)]


def pytest_report_header(config: pytest.Config) -> str:
    """Name the hosts."""
    return f"hosts: {', '.join(spec.name for spec in config.stash[SPECS])}"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run whose process has grown too large."""
    if resident_mb(at_most=True) > MEMORY_MB:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in a line each what memory the run took, and what was not tested and what to set."""
    highest = resident_mb(at_most=True)
    terminalreporter.write_line(
        f"memory: {resident_mb()} MB at the end, {highest} MB at most; {MEMORY_MB} MB are allowed",
        red=highest > MEMORY_MB,
    )
    if not config.getoption("--host") and all(spec.switch is None for spec in config.stash[SPECS]):
        terminalreporter.write_line(f"tests on FreeSWITCH skipped: {switches.NONE_FOUND}", yellow=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once per host; the marks `pocket_only` and `freeswitch_only` narrow that."""
    if "spec" not in metafunc.fixturenames:
        return
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    chosen = [
        spec
        for spec in metafunc.config.stash[SPECS]
        if not ("pocket_only" in marks and spec.switch) and not ("freeswitch_only" in marks and not spec.switch)
    ]
    metafunc.parametrize("spec", chosen, ids=[spec.name for spec in chosen])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that no host is there for: one line at the end says so for all of them."""
    kept = [item for item in items if not _has_no_host(item)]
    config.hook.pytest_deselected(items=[item for item in items if _has_no_host(item)])
    items[:] = kept


def _has_no_host(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "spec" in callspec.params and not isinstance(callspec.params["spec"], Spec)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the switch logged during the test to the report of its failure."""
    report = yield
    if report.failed:
        for host in item.stash.get(USED, []):
            report.sections.append((f"log of {host.name} (phase: {call.when})", _log_of(host)))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let go of a test's switches once it was reported, and of their logs: the next test may be another switch's."""
    result = yield
    for host in item.stash.get(USED, []):
        host.drop_records()
    # pytest keeps the item.
    item.stash[USED] = []
    return result


def _log_of(host: Host) -> str:
    if not host.alive():
        return "\n".join(host.log_text().splitlines()[-LAST_LINES_SHOWN:])
    return "\n".join(str(line) for line in host.all_log()[-LOG_LINES_SHOWN:])


@pytest.fixture(scope="session")
def found(pytestconfig: pytest.Config) -> list[Spec]:
    """Which hosts this run has."""
    return pytestconfig.stash[SPECS]


@pytest.fixture(scope="session")
def hosts() -> Iterator[Manager]:
    """Every host of this run."""
    manager = Manager()
    yield manager
    manager.stop()


@pytest.fixture
def host(spec: Spec, hosts: Manager, request: pytest.FixtureRequest) -> Iterator[Host]:
    """The shared switch with mod_rust: its configuration is put back after each test."""
    yield from _lent(hosts.shared(spec), request)


@pytest.fixture
def served(spec: Spec, hosts: Manager, request: pytest.FixtureRequest) -> Iterator[Host]:
    """A shared switch whose event socket can be spoken to: its time is real."""
    host = hosts.shared(spec, real_time=True)
    host.event_socket()
    yield from _lent(host, request)


@pytest.fixture
def connect(served: Host) -> Iterator[Connect]:
    """Make connections to its event socket that are let in."""
    port, password = served.event_socket()

    def connect() -> Wire:
        return Wire.to(port, password)

    yield connect
    close_all()


@pytest.fixture
def wire(connect: Connect) -> Wire:
    """One of them."""
    return connect()


@pytest.fixture
def plain(spec: Spec, hosts: Manager, request: pytest.FixtureRequest) -> Iterator[Host]:
    """A shared switch without mod_rust, for the harness's own tests."""
    yield from _lent(hosts.shared(spec, with_module=False), request)


def _begin(host: Host, request: pytest.FixtureRequest) -> None:
    request.node.stash.setdefault(USED, []).append(host)
    host.begin_test()


def _lent(host: Host, request: pytest.FixtureRequest) -> Iterator[Host]:
    _begin(host, request)
    yield host
    assert host.alive(), f"{host.name} died in this test"
    try:
        host.restore()
    except (HostError, TimeoutError):
        # A switch that hangs would make every test after this one wait in vain: they get a new one.
        host.abandon()
        raise


@pytest.fixture
def fresh(spec: Spec, hosts: Manager, request: pytest.FixtureRequest) -> Iterator[Callable[..., Host]]:
    """Make switches of one's own: `fresh(config=..., stack_kb=..., environ=..., with_module=...)`."""
    made: list[Host] = []
    used = request.node.stash.setdefault(USED, [])

    def start(**options: Any) -> Host:
        made.append(hosts.fresh(spec, **options))
        used.append(made[-1])
        return made[-1]

    yield start
    for host in made:
        host.abandon()


@pytest.fixture
def lend(request: pytest.FixtureRequest) -> Iterator[Callable[[Host], Host]]:
    """Have a switch that a module keeps for itself be one of this test's: `lend(host)`."""
    lent: list[Host] = []

    def take(host: Host) -> Host:
        lent.append(host)
        _begin(host, request)
        return host

    yield take
    for host in lent:
        assert host.alive(), f"{host.name} died in this test"
        if not host.has_no_calls():
            host.api("hupall")
            host.wait_no_calls()


@pytest.fixture
def parked(host: Host) -> str:
    """An extension whose calls park, for somebody to come and work on them."""
    return host.extension(("park", ""))
