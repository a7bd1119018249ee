"""Which file uses which, and what of that runs against the layers.

    python tools/layers.py            print arrows that run up, and knots
    python tools/layers.py --arrows   print every arrow between two layers, too

An arrow is a path in Rust that leads to another file of the crate (tools/rust_paths.py), or an import in Python
(tools/python_imports.py). An arrow runs up when it leads from a layer to one above it. A knot is a set of files that
all reach each other. Arrows between Python packages are listed with their reasons (PACKAGES), and so are the files that
name FreeSWITCH's C API themselves (DIRECT).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import python_imports
import rust_paths

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, order=True)
class Arrow:
    """One file uses another; both are relative to the tree's root."""

    user: str
    used: str


@dataclass(frozen=True)
class Tree:
    """Files of one language under one root, and the layers that they form, from the top down.

    A layer is the name of a folder or of a file right under the root, without its ending. Files of one layer may use
    each other, but not in a circle. A folder in `whole` counts as one file; so do layers that stand `together`, whose
    files use each other: their names joined by a plus name the layer.

    `by_call` has the imports by a call that are no arrows, with the reason: of a name that the text does not have (`*`
    stands for it), or of a module that is loaded when it is first asked for.
    """

    root: Path
    layers: Sequence[str]
    whole: Sequence[str] = ()
    together: Sequence[Sequence[str]] = ()
    by_call: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def arrows(self) -> set[Arrow]:
        """Every arrow between two files."""
        rust = sorted(self.root.rglob("*.rs"))
        found = rust_paths.arrows(self.root, rust) if rust else self._python_arrows()
        arrows = {Arrow(self._file(user), self._file(used)) for user, used in found}
        return {arrow for arrow in arrows if arrow.user != arrow.used}

    def _python_arrows(self) -> Iterator[tuple[Path, Path]]:
        imports = python_imports.imports_of(self.root)
        for each in imports.found:
            used = imports.used(each)
            if used is not None and not (each.by_call and (self._relative(each.user), each.name) in self.by_call):
                yield each.user, used

    def undeclared(self) -> list[str]:
        """Imports by a call of what the text does not have, but for those declared; and those declared in vain."""
        calls = [each for each in python_imports.imports_of(self.root).found if each.by_call]
        found = {(self._relative(each.user), each.name) for each in calls}
        new = {(user, name) for user, name in found if "*" in name} - self.by_call.keys()
        gone = self.by_call.keys() - found
        return [
            *(f"{user} imports {name} by a call: write the whole name, or declare it" for user, name in sorted(new)),
            *(f"{user} does not import {name} by a call: declare it no longer" for user, name in sorted(gone)),
        ]

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _file(self, path: Path) -> str:
        file = self._relative(path)
        layer = self.layer(file)
        for knot in self.together:
            if layer in knot:
                return "+".join(knot)
        return next((folder for folder in self.whole if file.startswith(f"{folder}/")), file)

    def layer(self, file: str) -> str:
        """The layer of a file."""
        return Path(file.split("/", maxsplit=1)[0]).stem

    def upward(self, arrows: set[Arrow]) -> list[Arrow]:
        """Arrows from a layer to one above it; a file in no layer is an error. None where no order is given."""
        if not self.layers:
            return []
        rank = {name: at for at, name in enumerate(self.layers)}
        unknown = sorted({self.layer(file) for arrow in arrows for file in (arrow.user, arrow.used)} - rank.keys())
        if unknown:
            raise LookupError(f"{self.root}: in no layer: {', '.join(unknown)}")
        return sorted(a for a in arrows if rank[self.layer(a.used)] < rank[self.layer(a.user)])


# Knots


def knots(arrows: set[Arrow]) -> list[list[str]]:
    """Sets of two and more files that all reach each other, the largest first (Tarjan)."""
    out: dict[str, list[str]] = {}
    for arrow in sorted(arrows):
        out.setdefault(arrow.user, []).append(arrow.used)
        out.setdefault(arrow.used, [])
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(file: str) -> None:
        number[file] = low[file] = len(number)
        stack.append(file)
        for used in out[file]:
            if used not in number:
                visit(used)
                low[file] = min(low[file], low[used])
            elif used in stack:
                low[file] = min(low[file], number[used])
        if low[file] == number[file]:
            at = stack.index(file)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for file in out:
        if file not in number:
            visit(file)
    return sorted(found, key=len, reverse=True)


@dataclass(frozen=True)
class Packages:
    """Python packages in one folder, and the arrows between them that may be, with the reason.

    These are pairs of patterns, for the file that uses and the one that is used, from the folder on.
    """

    root: Path
    between: Mapping[tuple[str, str], str]

    def arrows(self) -> set[Arrow]:
        """Every arrow from one package to another."""
        imports = python_imports.imports_of(*(path.parent for path in sorted(self.root.glob("*/__init__.py*"))))
        pairs = ((each.user, imports.used(each)) for each in imports.found)
        files = {(self._relative(user), self._relative(used)) for user, used in pairs if used is not None}
        return {Arrow(user, used) for user, used in files if user.split("/")[0] != used.split("/")[0]}

    def with_those_inside(self, arrows: set[Arrow], trees: Iterable[Tree]) -> set[Arrow]:
        """These, and the arrows inside those of the packages that are held."""
        inside = ((tree.root, arrow) for tree in trees if tree.root.parent == self.root for arrow in tree.arrows())
        return arrows | {Arrow(f"{root.name}/{arrow.user}", f"{root.name}/{arrow.used}") for root, arrow in inside}

    def unlisted(self, arrows: set[Arrow]) -> list[str]:
        """Arrows that no pattern allows, and patterns that no arrow needs."""
        needed: set[tuple[str, str]] = set()
        new = []
        for arrow in sorted(arrows):
            user, used = PurePosixPath(arrow.user), PurePosixPath(arrow.used)
            fitting = {pair for pair in self.between if user.match(pair[0]) and used.match(pair[1])}
            needed |= fitting
            if not fitting:
                new.append(f"{user} -> {used}: turn it, or list it with its reason")
        return [*new, *(f"{user} -> {used}: list it no longer" for user, used in sorted(self.between.keys() - needed))]

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


@dataclass(frozen=True)
class Direct:
    """The files of a crate that name the C API themselves, from the crate's root on; the others ask another crate."""

    root: Path
    files: Sequence[str]

    def unlisted(self) -> list[str]:
        """Files that name it and are not listed, and those listed in vain."""
        paths = {path.relative_to(self.root).as_posix(): path for path in self.root.rglob("*.rs")}
        sources = {file: path.read_text(encoding="utf-8") for file, path in paths.items()}
        found = {file for file, source in sources.items() if rust_paths.uses_crate(source, "bindings")}
        by_hand = [
            (file, name)
            for file, source in sorted(sources.items())
            for name in rust_paths.functions_by_hand(source)
            if name.startswith("switch_")
        ]
        return [
            *(f"{file} declares {name} by hand: go through the crate freeswitch" for file, name in by_hand),
            *(f"{file} uses bindings: go through the crate freeswitch" for file in sorted(found - set(self.files))),
            *(f"{file} does not use bindings: list it no longer" for file in sorted(set(self.files) - found)),
        ]


TREES = (
    Tree(
        ROOT / "src",
        (
            "lib",
            "module",
            "pymodule",
            "admin",
            "entry",
            "aio",
            "python",
            "script",
            "interp",
            "metrics",
        ),
    ),
    # pocket's extension, around pocket's core and these.
    Tree(
        ROOT / "pocket" / "src",
        ("lib", "switch", "control", "fake", "far_end", "call", "check", "convert", "memory", "threads"),
    ),
    # A crate below all of these, which the compiler holds: it can name none of them.
    Tree(ROOT / "switch" / "src", ()),
    Tree(
        ROOT / "pocket" / "core" / "src",
        (
            "two_leg_tests",
            "call_tests",
            "clock_model",
            "clock_tests",
            "lib",
            "exports",
            "script",
            "queue",
            "call",
            "control",
            "check",
            "builtin",
            "endpoint",
            "chat",
            "apps",
            "command",
            "json",
            "ivr",
            "dialplan",
            # The objects of a switch, which know each other, as FreeSWITCH's do.
            "switch+session+module+database",
            "zone",
            "pattern",
            "outbox",
            "stream",
            "globals",
            "event",
            "xml",
            "log",
            "sound",
            "pool",
            "completion",
            "transcript",
            "newest",
            "timers",
            "attached",
            "clock+presence",
            "follow",
            "pulse",
            "dirs",
            "cause",
            "edge",
            "place",
            "text",
            "c",
        ),
        # A dial string may name a user or a group, whose legs have dial strings of their own.
        whole=("ivr/originate",),
        # A switch holds its sessions, modules and databases, and each of them its switch; a clock counts the threads
        # that are present, and a presence leaves its clock.
        together=(("switch", "session", "module", "database"), ("clock", "presence")),
    ),
    Tree(
        ROOT / "python" / "freeswitch",
        (
            "apps",
            "_calls",
            "_recording",
            "_border",
            "_unrecorded",
            "_masking",
            "_codec",
            "_scripts",
            "_serving",
            "_boot",
            "_hints",
            "__init__",
            "_async",
            "_checkpoints",
            "bus",
            "records",
            "queue",
            "kv",
            "events",
            "_bus",
            "_keys",
            "_once",
            "_waits",
            "_spans",
            "_loop",
            "_selector",
            "_shared",
            "_tape",
            "_errors",
            "_reload",
            "_finder",
            "_imports_in",
            "_registry",
            "_output",
            "_place",
        ),
        by_call={
            # Its public modules above and below it, and asyncio with them, when a script first asks for one.
            ("__init__.py", "freeswitch.*"): "apps, bus, events, kv, queue, records",
            # A name when it is first asked for, and all that are apps when load() is called with none.
            ("apps/__init__.py", "freeswitch.apps.*"): "the package's own modules",
            ("apps/alias.py", "*"): "what a script imports from switchio; it stands for __import__ there",
            ("apps/utils.py", "*"): "switchio's iter_import_submods: its user names the packages",
            ("apps/_programs.py", "*"): "the user's programs",
            ("apps/command/apps.py", "*"): "the user's apps",
            ("_scripts.py", "*"): "the module of a script",
            ("_reload.py", "*"): "what a script imports while it is reloaded; it stands for both functions then",
            ("_finder.py", "*"): "what a script imports; it stands for __import__ there",
            ("_codec.py", "*"): "the module of an exception, as the recording names it",
        },
    ),
    # Few files each, which only must not go in a circle.
    Tree(
        ROOT / "python" / "pocket",
        (),
        by_call={
            ("__main__.py", "pocket._commands.*"): "the command that the command line names, and no other",
            ("_replay.py", "*"): "the script of the recording",
        },
    ),
    Tree(ROOT / "python" / "freeswitch_pocket", ()),
)

PACKAGES = Packages(
    ROOT / "python",
    {
        ("freeswitch/*.py", "_freeswitch-stubs/*.pyi"): "what Rust gives to Python",
        ("freeswitch/apps/*.py", "_freeswitch-stubs/*.pyi"): "what Rust gives to Python",
        # The package freeswitch is carried in FreeSWITCH, too, where there is no pocket; so it imports pocket
        # inside functions, or where it has found no FreeSWITCH.
        ("freeswitch/__init__.py", "pocket/__init__.py"): "outside FreeSWITCH, pocket is what brings _freeswitch",
        ("freeswitch/_selector.py", "pocket/_threads.py"): "the loop in pocket's clock, and threads that count in it",
        ("freeswitch/apps/command/places.py", "pocket/__init__.py"): "freeswitch-apps --pocket opens one",
        ("freeswitch/apps/command/*.py", "pocket/_signals.py"): "Ctrl-C and SIGTERM end every program alike",
        # pytest imports its plugin in every project, so that the plugin is not a part of pocket: it uses pocket.
        ("freeswitch_pocket/*.py", "pocket/*.py*"): "pocket's fixtures",
        ("freeswitch_pocket/real/*.py", "pocket/*.py*"): "what pocket gives to a test, on a FreeSWITCH",
        # A replay answers in the switch's place, and so knows what stands before a script while it is recorded.
        ("pocket/_recording_file.py", "freeswitch/_*.py"): "the form of what the module has recorded",
        ("pocket/_replay*.py", "freeswitch/*.py"): "the script's sessions, events and calls, and their border",
        ("pocket/_commands/replay.py", "freeswitch/_border.py"): "puts that border before the script",
    },
)
DIRECT = Direct(
    ROOT / "src",
    (
        # The functions that FreeSWITCH calls have its types, and the module's table has its flags.
        "lib.rs",
        "module.rs",
        "admin/commands.rs",
        "entry/api.rs",
        "entry/application.rs",
        "entry/chat.rs",
        "entry/dialplan.rs",
        "entry/json.rs",
        "entry/outside.rs",
        "entry/remote.rs",
        # A channel's flag or a status, by its number.
        "aio/outside/mirror.rs",
        "aio/session_thread.rs",
        "entry/recovered.rs",
        "python/session/control.rs",
        "python/session/speech.rs",
    ),
)


def main() -> int:
    """Print what runs against the layers; 1 when something does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arrows", action="store_true", help="print every arrow between two layers, too")
    options = parser.parse_args()
    bad = 0
    for tree in TREES:
        arrows = tree.arrows()
        print(f"{tree.root.relative_to(ROOT)}: {len(arrows)} arrows")
        if options.arrows:
            for arrow in sorted(arrows):
                if tree.layer(arrow.user) != tree.layer(arrow.used):
                    print(f"  {arrow.user} -> {arrow.used}")
        for arrow in tree.upward(arrows):
            bad += 1
            print(f"  runs up: {arrow.user} -> {arrow.used}")
        for text in tree.undeclared():
            bad += 1
            print(f"  {text}")
        for knot in knots(arrows):
            bad += 1
            print(f"  knot of {len(knot)}: {' '.join(knot)}")
    between = PACKAGES.arrows()
    print(f"{PACKAGES.root.relative_to(ROOT)}: {len(between)} arrows between packages")
    if options.arrows:
        print(*(f"  {arrow.user} -> {arrow.used}" for arrow in sorted(between)), sep="\n")
    for text in PACKAGES.unlisted(between):
        bad += 1
        print(f"  {text}")
    for knot in knots(PACKAGES.with_those_inside(between, TREES)):
        bad += 1
        print(f"  knot over packages: {' '.join(knot)}")
    print(f"{DIRECT.root.relative_to(ROOT)}: {len(DIRECT.files)} files may use bindings")
    for text in DIRECT.unlisted():
        bad += 1
        print(f"  {text}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
