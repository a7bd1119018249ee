"""One call program in four places: on pocket and in the switch, beside it by its event socket, and in a worker."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from hosts.base import Host
from hosts.manager import Manager, Spec
from support.nats import Nats
from support.places import Places
from support.programs import CASES, EXAMPLES
from support.programs.examples import FOLDER
from support.workers import nats

__all__ = ["nats"]


@pytest.fixture(scope="module")
def places(nats: Nats | None, hosts: Manager) -> Iterator[Places]:
    """Those of all switches of this run."""
    places = Places({**CASES, **EXAMPLES}, nats, hosts)
    yield places
    places.end()


@pytest.mark.parametrize("name", [*CASES, *EXAMPLES])
def test_a_program_does_the_same_in_all_places(
    spec: Spec, places: Places, lend: Callable[[Host], Host], name: str
) -> None:
    for app, wrong in places.verdicts(lend(places.on(spec)), name):
        assert not wrong, app


def test_there_are_fifty_programs_and_each_is_judged() -> None:
    assert len(CASES) >= 50
    assert [name for name, case in CASES.items() if not (case.saw or case.error or case.tells)] == []


def test_every_async_example_is_among_them() -> None:
    files = [path for path in FOLDER.rglob("*.py") if re.search(r"^async def handler\(", path.read_text(), re.M)]
    assert sorted(path.relative_to(FOLDER).as_posix() for path in files) == sorted(EXAMPLES)
