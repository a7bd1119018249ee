"""The pytest plugin: a switch and calls as fixtures, and what happened on them in the report of a test that fails.

pytest imports this file at its start, in every project of the environment; the switch is imported when a test first
asks for it.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from freeswitch_pocket.stash import REAL, USED, Real

OPTIONS = {
    "pocket_prefix": ("what the names of the fixtures and markers begin with, where others have those names", ""),
    "pocket_scripts": ("the folder of the scripts, from the root folder on: scripts, where there is one", ""),
    "pocket_conf": ("a folder of configuration, from the root folder on", ""),
    "pocket_sounds": ("the folder of the sounds, from the root folder on", ""),
    "pocket_missing_sounds": ("how many seconds a sound that is not there plays; without it, it fails", ""),
    "pocket_freeswitch": ("with --switch=freeswitch: the prefix of that FreeSWITCH, where several are there", ""),
    "pocket_module": ("with --switch=freeswitch: mod_rust.so, where it is not installed there", ""),
}
MARKERS = {
    "dialplan(xml)": "extensions of the context default as XML, a path to such a file, or actions by number: "
    '{"5000": ["answer", "python ivr"]}',
    "variables(name=value, ...)": "global variables of the switch",
    "configuration(*xml)": "configurations as XML, `<configuration name=...>`",
    "pocket_only(reason)": "not with --switch=freeswitch: it needs what only pocket can do",
    "script_errors(match=None)": "scripts may fail in this test; with `match`, a regular expression, one must, and so",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what projects set."""
    for name, (what, default) in OPTIONS.items():
        parser.addini(name, what, default=default)
    parser.getgroup("pocket").addoption(
        "--switch",
        choices=("pocket", "freeswitch"),
        default="pocket",
        help="what the fixture switch is: pocket, or a private instance of the FreeSWITCH that is installed",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixtures and markers under the names that the project wants."""
    prefix = config.getini("pocket_prefix")
    for marker, what in MARKERS.items():
        config.addinivalue_line("markers", f"{prefix}{marker}: {what}")
    config.pluginmanager.register(_fixtures(prefix), "pocket-fixtures")
    config.stash[REAL] = (
        _found(config.getini("pocket_freeswitch")) if config.getoption("--switch") != "pocket" else None
    )


def _found(prefix: str) -> Real:
    from freeswitch_pocket.real import installed

    try:
        found = [installed.at_prefix(Path(prefix))] if prefix else installed.find()
    except installed.SwitchError as error:
        raise pytest.UsageError(str(error)) from error
    if not found or found[0] is None:
        told = f"there is no FreeSWITCH in {prefix}" if prefix else installed.NONE_FOUND
        raise pytest.UsageError(f"--switch=freeswitch: {told}")
    return Real(found[0])


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which FreeSWITCH it is."""
    real = config.stash.get(REAL, None)
    return None if real is None else f"switch: FreeSWITCH {real.switch.version} in {real.switch.prefix}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it."""
    real = config.stash.get(REAL, None)
    if real is not None and real.instances is not None:
        real.instances.end()


def _fixtures(prefix: str) -> object:
    """Make the fixtures, by their names."""

    @pytest.fixture(name=f"{prefix}switch")
    def switch(request: pytest.FixtureRequest) -> Generator[Any, None, None]:
        """An open switch with the project's scripts, closed after the test."""
        from freeswitch_pocket import fixtures

        yield from fixtures.lend(request, prefix)

    @pytest.fixture(name=f"{prefix}call")
    def call(request: pytest.FixtureRequest) -> Any:
        """Place a call and wait for its end: `call("5000", press=[(1.5, "1")], hangup_after=20)`."""
        return request.getfixturevalue(f"{prefix}switch").call

    class Fixtures:
        """What pytest looks through."""

    Fixtures.switch, Fixtures.call = switch, call  # type: ignore[attr-defined]
    return Fixtures


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose scripts have failed."""
    result = yield
    _check(item)
    return result


def _check(item: pytest.Item) -> None:
    for used in item.stash.get(USED, []):
        told = used.failures()
        if told:
            pytest.fail(told, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the calls, what scripts printed and the log to the report of a failure."""
    report = yield
    if report.failed:
        for used in item.stash.get(USED, []):
            report.sections += used.sections()
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let go of what was kept for the report."""
    result = yield
    item.stash[USED] = []
    return result
