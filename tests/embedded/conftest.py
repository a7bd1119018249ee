"""pocket's own tests open their own switches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import pocket
from hosts.manager import Manager

Open = Callable[..., pocket.Switch]


@pytest.fixture(autouse=True)
def alone(hosts: Manager) -> None:
    """A process has one switch at a time: the shared one is closed."""
    hosts.close_pocket()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """The script's name: another in each test, for an interpreter keeps modules by name."""
    return "of_" + re.sub(r"\W", "_", request.node.name)


@pytest.fixture
def switch_with(tmp_path: Path, name: str) -> Iterator[Open]:
    """Open a switch with a script and an extension: `switch_with(script=..., five=..., **options)`.

    The script is called `name`; `five` are the actions of extension 5.
    """
    opened: list[pocket.Switch] = []

    def open_one(*, script: str = "", five: str = "", **options: Any) -> pocket.Switch:
        folder = tmp_path / f"scripts{len(opened)}"
        folder.mkdir()
        (folder / f"{name}.py").write_text(dedent(script), encoding="utf-8")
        condition = '<condition field="destination_number" expression="^5$">'
        if five:
            options["dialplan"] = f'<extension name="five">{condition}{five}</condition></extension>'
        switch = pocket.Switch(scripts=folder, **options)
        opened.append(switch.open())
        return switch

    yield open_one
    for switch in opened:
        switch.close()
