"""Which file of Python packages uses which: every import, at the top or in a function, by statement or by call.

What only annotations need (`if TYPE_CHECKING`) is no use. A call of `import_module` or `__import__` imports what its
name says; where the name is put together while it runs, `*` stands for what the text does not say. An attribute of a
module that was imported, `package.module.name`, is a use of that module: a package may import one when it is asked for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CALLS = ("import_module", "__import__")


@dataclass(frozen=True, order=True)
class Import:
    """A name that a file imports, and whether it does so by a call."""

    user: Path
    name: str
    by_call: bool


@dataclass(frozen=True)
class Imports:
    """All imports of packages, and the file of each of their modules."""

    files: Mapping[str, Path]
    found: Sequence[Import]

    def used(self, each: Import) -> Path | None:
        """The file that an import leads to, where it is one of the packages'."""
        # `from package import name` may name a module or something in the package.
        return self.files.get(each.name) or self.files.get(each.name.rpartition(".")[0])


def imports_of(*roots: Path) -> Imports:
    """All imports of the packages in these folders."""
    files: dict[str, Path] = {}
    found: set[Import] = set()
    for root in roots:
        # A stub by itself is that of a module in another language; all its imports are for annotations.
        paths = (path for path in root.rglob("*.py*") if path.suffix == ".py" or _is_native(path))
        files |= {_module_name(root, path): path for path in sorted(paths)}
    for name, path in files.items():
        if path.suffix == ".py":
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            reader = _Reader(name, package)
            reader.read(ast.parse(path.read_text(encoding="utf-8")))
            found |= {Import(path, imported, by_call) for imported, by_call in reader.found}
    return Imports(files, sorted(found))


def _is_native(path: Path) -> bool:
    return path.suffix == ".pyi" and not path.with_suffix(".py").exists()


def _module_name(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join((root.name.removesuffix("-stubs"), *(parts[:-1] if parts[-1] == "__init__" else parts)))


class _Reader(ast.NodeVisitor):
    """Finds what one module imports."""

    def __init__(self, module: str, package: str) -> None:
        self.known = {"__name__": module, "__package__": package}
        self.found: set[tuple[str, bool]] = set()
        # What the names of this file stand for that an import has given it, whichever function that is in.
        self._imported: dict[str, str] = {}
        self._chains: set[tuple[str, str]] = set()

    def read(self, tree: ast.Module) -> None:
        """Take what a file imports, and which attributes it uses of that."""
        self.visit(tree)
        for first, rest in self._chains:
            if first in self._imported:
                self.found.add((f"{self._imported[first]}.{rest}", False))

    def visit_If(self, node: ast.If) -> None:
        """Pass over what only annotations need."""
        of_types = ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for child in node.orelse if of_types else [node.test, *node.body, *node.orelse]:
            self.visit(child)

    def visit_Import(self, node: ast.Import) -> None:
        """Take each name."""
        self.found |= {(alias.name, False) for alias in node.names}
        for alias in node.names:
            first = alias.name.partition(".")[0]
            self._imported[alias.asname or first] = alias.name if alias.asname else first

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Take each name; a function that imports, under another name, is one that is not followed."""
        module = self._absolute(node.module or "", node.level, self.known["__package__"])
        self.found |= {(f"{module}.{alias.name}", False) for alias in node.names}
        self._imported |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names}
        if any(alias.name in CALLS and alias.asname not in (None, alias.name) for alias in node.names):
            self.found.add(("*", True))

    def visit_Call(self, node: ast.Call) -> None:
        """Take what a call imports."""
        called = _called(node.func)
        if called is None:
            self.visit(node.func)
        else:
            self.found |= {(name, True) for name in self._by_call(called, node)}
            if isinstance(node.func, ast.Attribute):
                self.visit(node.func.value)
        for child in (*node.args, *node.keywords):
            self.visit(child)

    def visit_Name(self, node: ast.Name) -> None:
        """A function that imports and is handed on may import anything."""
        if _called(node) and isinstance(node.ctx, ast.Load):
            self.found.add(("*", True))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """The same; and an attribute of a module may be a module."""
        if _called(node) and isinstance(node.ctx, ast.Load):
            self.found.add(("*", True))
        first, _, rest = ast.unparse(node).partition(".")
        self._chains.add((first, rest))
        self.visit(node.value)

    def _by_call(self, called: str, node: ast.Call) -> Iterator[str]:
        order = ("name", "package") if called == "import_module" else ("name", "globals", "locals", "fromlist", "level")
        given: dict[str | None, ast.expr] = dict(zip(order, node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords}
        name = self._text(given.get("name"))
        if called == "import_module":
            levels = len(name) - len(name.lstrip("."))
            yield self._absolute(name[levels:], levels, self._text(given.get("package")))
            return
        level = given.get("level", ast.Constant(0))
        if not isinstance(level, ast.Constant) or not isinstance(level.value, int):
            yield "*"
            return
        name = self._absolute(name, level.value, self.known["__package__"])
        yield name
        names = given.get("fromlist")
        if isinstance(names, ast.List | ast.Tuple):
            yield from (f"{name}.{self._text(each)}" for each in names.elts)
        elif names is not None and name != "*":
            yield f"{name}.*"

    @staticmethod
    def _absolute(name: str, level: int, package: str) -> str:
        if level == 0:
            return name
        if "*" in package:
            return "*"
        parts = package.split(".")
        return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])

    def _text(self, node: ast.expr | None) -> str:
        """A text as far as it stands in the file."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name) if name in self.known:
                return self.known[name]
            case ast.JoinedStr(values=parts):
                return "".join(map(self._text, parts))
            case ast.FormattedValue(value=value):
                return self._text(value)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._text(left) + self._text(right)
        return "*"


def _called(function: ast.expr) -> str | None:
    """Which of the functions that import this is."""
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    return name if name in CALLS else None
