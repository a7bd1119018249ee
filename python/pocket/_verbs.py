"""What scripts can call: the names of the package `freeswitch`, with their signatures and first sentences."""

from __future__ import annotations

import ast
import functools
from importlib import resources

# Where each kind is declared: the file, the class ("" for functions of the module), and how a script writes it.
PLACES = (
    ("__init__.pyi", "CoreSession", "session."),
    ("__init__.pyi", "Session", "session."),
    ("_async.py", "AsyncSession", "await session."),
    ("_async.py", "", "await freeswitch."),
    ("events.py", "", "events."),
    ("__init__.pyi", "", "freeswitch."),
    ("__init__.pyi", "API", "freeswitch.API()."),
    ("__init__.pyi", "Event", "event."),
    ("__init__.pyi", "EventConsumer", "consumer."),
    ("__init__.pyi", "Dbh", "dbh."),
)


@functools.cache
def lines() -> tuple[str, ...]:
    """Give a line for each."""
    found: dict[str, None] = {}
    for file, kind, prefix in PLACES:
        tree = ast.parse(resources.files("freeswitch").joinpath(file).read_text(encoding="utf-8"))
        body = tree.body
        if kind:
            body = next(each.body for each in body if isinstance(each, ast.ClassDef) and each.name == kind)
        for each in body:
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and not each.name.startswith("_"):
                found[_line(each, prefix, bool(kind))] = None
    return tuple(found)


def _line(function: ast.FunctionDef | ast.AsyncFunctionDef, prefix: str, is_method: bool) -> str:
    if not isinstance(function, ast.AsyncFunctionDef):
        prefix = prefix.removeprefix("await ")
    arguments = ast.unparse(function.args)
    if is_method:
        arguments = arguments.partition(",")[2].strip() if arguments.startswith("self") else arguments
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    is_property = any(ast.unparse(each) == "property" for each in function.decorator_list)
    called = "" if is_property else f"({arguments.removeprefix('/, ')})"
    doc = (ast.get_docstring(function) or "").split("\n\n")[0].replace("\n", " ")
    return f"{prefix}{function.name}{called}{returns}{': ' if doc else ''}{doc}"
