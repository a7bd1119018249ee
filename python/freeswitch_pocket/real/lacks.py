"""What a real FreeSWITCH cannot do for a test, and which tests ask for it: said before they begin."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence


class NotOnFreeSwitch(NotImplementedError):
    """A test asks for what only pocket can do; `@pytest.mark.pocket_only` leaves it out on a FreeSWITCH."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not on a FreeSWITCH: {what} (mark the test with pocket_only)")


# Of a switch, of a call, and of what they are called with.
ATTRIBUTES = {
    "fake_api": "a command cannot be replaced",
    "fake_application": "an application cannot be replaced",
    "letters": "its mails leave it",
    "messages": "its chat messages leave it",
    "reset": "it cannot begin afresh in the middle of a test",
    "serve": "its event socket is its own",
    "says": "recognition hears no words that a test gives",
    "spoken": "what TTS has spoken stands in no event",
}
KEYWORDS = {"says": ATTRIBUTES["says"]}
DIALLED = ("user/", "group/")


def asked_for(
    functions: Sequence[Callable[..., object]], names: tuple[str, str], given: Mapping[str, object]
) -> list[str]:
    """Give what a test and its fixtures ask for that there is not.

    `names` are those of the fixtures for the switch and for calls, `given` is what the test is parametrized with.
    """
    found: set[str] = set()
    for function in functions:
        if getattr(function, "hypothesis", None) is not None:
            return ["fuzzing needs a switch that begins afresh for each caller"]
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        except (OSError, SyntaxError, TypeError):
            # What it asks for is said where it does.
            continue
        found.update(_found(tree, *names, {**getattr(function, "__globals__", {}), **given}))
    return sorted(found)


def _found(tree: ast.AST, switch: str, call: str, known: Mapping[str, object]) -> Iterator[str]:
    # What the calls that it places are called.
    legs = {call}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _places_call(node.value, switch, call):
            legs |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES and isinstance(node.value, ast.Name):
            if node.value.id in {switch, *legs}:
                yield f"{node.value.id}.{node.attr}: {ATTRIBUTES[node.attr]}"
        elif isinstance(node, ast.Call) and (_places_call(node, switch, call) or _is(node.func, switch, "phone")):
            for keyword in node.keywords:
                if keyword.arg in KEYWORDS:
                    yield f"{keyword.arg}=: {KEYWORDS[keyword.arg]}"
            if _is(node.func, switch, "phone") and node.args:
                address = _text(node.args[0], known)
                if address is not None and "/" in address and not address.startswith(DIALLED):
                    yield f"a phone {address!r}: only user/ and group/ phones can be reached"


def _text(node: ast.AST, known: Mapping[str, object]) -> str | None:
    """Give a text as far as it stands in the source, or in what a name stands for."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    value = node.value if isinstance(node, ast.Constant) else known.get(node.id) if isinstance(node, ast.Name) else None
    return value if isinstance(value, str) else None


def _places_call(node: ast.AST, switch: str, call: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id == call
    return any(_is(node.func, switch, name) for name in ("call", "run", "start_call", "start_run"))


def _is(node: ast.AST, owner: str, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name)
        and node.value.id == owner
    )
