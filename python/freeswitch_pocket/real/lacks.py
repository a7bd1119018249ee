"""What a real FreeSWITCH cannot do for a test, and which tests ask for it: said before they begin."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator


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


def asked_for(function: Callable[..., object], fixtures: tuple[str, str]) -> list[str]:
    """Give what a test asks for that there is not; `fixtures` are the names of the switch's and the call's."""
    if getattr(function, "hypothesis", None) is not None:
        return ["fuzzing needs a switch that begins afresh for each caller"]
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):
        # What it asks for is said where it does.
        return []
    return sorted(set(_found(tree, *fixtures)))


def _found(tree: ast.AST, switch: str, call: str) -> Iterator[str]:
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
            if _is(node.func, switch, "phone") and node.args and isinstance(node.args[0], ast.Constant):
                address = node.args[0].value
                if isinstance(address, str) and "/" in address and not address.startswith(DIALLED):
                    yield f"a phone {address!r}: only user/ and group/ phones can be reached"


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
