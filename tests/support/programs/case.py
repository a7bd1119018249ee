"""What a call program is to tests: its text, what the far end does meanwhile, and what must come of it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from support.saw import HEAD

HANG_UP = "hang up"

PROGRAM = """
async def handler(session, args):
    saw = {{}}
    async def cue():
        await session.execute("set", "cue=1")
    async def told():
        await freeswitch.api("global_setvar", f"saw_{{session.uuid}}={{json.dumps(saw)}}")
    async def body():
{body}
    try:
        await body()
    finally:
        session.setVariable("saw", json.dumps(saw))
"""


@dataclass(frozen=True)
class Case:
    """A program, what it is called with, and what the far end does.

    The body sees `session`, `args`, a dictionary `saw`, and two functions: `cue()`, which a far end hears as
    `set cue=1`, and `told()`, for a program that outlives its call.
    """

    body: str = ""
    # In the place of a body: a file, as it is.
    file: Path | None = None
    # What the far end does, each when it hears of an event of its call: it presses digits, or hangs up.
    hears: tuple[tuple[str, str], ...] = ()
    # It is called with the number of this extension.
    far: tuple[tuple[str, str], ...] = ()
    # The call is placed with these variables.
    given: Mapping[str, str] = field(default_factory=dict)
    # It goes on when the call is over: what it saw is in the global variable saw_<uuid>.
    outlives: bool = False
    # What it must have seen at least, so that two places cannot be wrong in the same way.
    saw: Mapping[str, object] = field(default_factory=dict)
    # What the dialplan does after it, and which variables the call must have in the end.
    then: tuple[tuple[str, str], ...] = (("set", "went=on"),)
    leaves: Mapping[str, str] = field(default_factory=dict)
    # What the story of its call must have.
    tells: tuple[str, ...] = ()
    # What `python_error` must be.
    error: str | None = None
    # Where it cannot run, by application: how `python_error` begins there.
    cannot: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The program."""
        if self.file is not None:
            return self.file.read_text(encoding="utf-8")
        body = textwrap.indent(textwrap.dedent(self.body).strip(), " " * 8)
        return "import asyncio\n" + HEAD + PROGRAM.format(body=body)
