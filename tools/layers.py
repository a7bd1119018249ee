"""Which file uses which, and what of that runs against the layers.

    python tools/layers.py            print arrows that run up, and knots
    python tools/layers.py --arrows   print every arrow between two layers, too

An arrow is a path in Rust that leads to another file of the crate (tools/rust_paths.py), or an import in Python, at
the top or inside a function. What only annotations need (`if TYPE_CHECKING`) is no arrow. An arrow runs up
when it leads from a layer to one above it. A knot is a set of files that all reach each other.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    each other, but not in a circle. A layer in `whole` counts as one file; so do those that stand `together`, which
    use each other: their names joined by a plus name the layer.
    """

    root: Path
    layers: Sequence[str]
    whole: Sequence[str] = ()
    together: Sequence[Sequence[str]] = ()

    def arrows(self) -> set[Arrow]:
        """Every arrow between two files."""
        rust = sorted(self.root.rglob("*.rs"))
        found = rust_paths.arrows(self.root, rust) if rust else _python_arrows(self.root)
        arrows = {Arrow(self._file(user), self._file(used)) for user, used in found}
        return {arrow for arrow in arrows if arrow.user != arrow.used}

    def _file(self, path: Path) -> str:
        file = path.relative_to(self.root).as_posix()
        layer = self.layer(file)
        for knot in self.together:
            if layer in knot:
                return "+".join(knot)
        return layer if layer in self.whole else file

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


# Python


def _python_arrows(root: Path) -> Iterator[tuple[Path, Path]]:
    # A stub by itself is that of a module in another language; all its imports are for annotations.
    paths = (path for path in root.rglob("*.py*") if path.suffix == ".py" or _is_native(path))
    files = {_module_name(root, path): path for path in sorted(paths)}
    for name, path in files.items():
        if path.suffix == ".pyi":
            continue
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for imported in _imports(ast.parse(path.read_text(encoding="utf-8")), package):
            # `from package import name` may name a module or something in the package.
            used = imported if imported in files else imported.rpartition(".")[0]
            if used in files:
                yield path, files[used]


def _is_native(path: Path) -> bool:
    return path.suffix == ".pyi" and not path.with_suffix(".py").exists()


def _module_name(root: Path, path: Path) -> str:
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        yield from _imports(node, package)


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
            "dirs",
            "cause",
            "edge",
            "place",
            "text",
            "c",
        ),
        # The legs of a call are made by each other, and so are the files that do it.
        whole=("ivr",),
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
    ),
    # A few files each, that only must not go in a circle.
    Tree(ROOT / "python" / "pocket", ()),
    Tree(ROOT / "python" / "freeswitch_pocket", ()),
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
        for knot in knots(arrows):
            bad += 1
            print(f"  knot of {len(knot)}: {' '.join(knot)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
