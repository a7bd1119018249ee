"""What a test says of the switch, and what of it makes no sense."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pocket import _pocket


def patience(timeout: float | None, hangup_after: float | None) -> float:
    """How long a call may take."""
    return max(60.0, (hangup_after or 0.0) + 30.0) if timeout is None else timeout


def dialplan(given: str | os.PathLike[str]) -> str:
    """The dialplan's text; one that the switch could not use is said at once."""
    if not isinstance(given, (str, os.PathLike)):
        raise TypeError(
            f"dialplan: {given!r} must be XML as a str or a file as a pathlib.Path, not {type(given).__name__}; "
            "actions by number are what the pytest marker dialplan takes"
        )
    if not isinstance(given, str):
        path = Path(given)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"dialplan={path}: not text in UTF-8: {error.reason} at {error.start}") from None
        if text.strip() and "<" not in text:
            raise ValueError(f"dialplan={path}: there is no XML in it")
        return check_xml(f"dialplan={path}", text)
    if given.strip() and "<" not in given:
        raise ValueError(
            f"dialplan: {given!r} is no XML; for a file give pathlib.Path({given!r}), "
            "for a folder with dialplan/*.xml give conf="
        )
    return check_xml("dialplan", given)


def check_xml(name: str, text: str) -> str:
    error = _pocket.xml_error(re.sub(r"<\?xml.*?\?>", "", text))
    if error is not None:
        raise ValueError(f"{name}: the XML is faulty: {error}")
    return text


def check_text(name: str, text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{name}: {text!r} must be a str, not {type(text).__name__}")
    return text


LAST_PORT = 65535


def check_port(port: int) -> int:
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"port: {port!r} must be an int, not {type(port).__name__}")
    if not 0 <= port <= LAST_PORT:
        raise ValueError(f"port: {port} must be from 1 to {LAST_PORT}, or 0 for a free one")
    return port


def check_address(address: str) -> None:
    check_text("address", address)
    endpoint, slash, name = address.partition("/")
    if not slash:
        raise ValueError(f'{address!r} is no address of a dial string; one has a slash, as in "user/{address}"')
    if not endpoint or not name or re.search(r"[\[\]{}<>,|]|:_:", address):
        raise ValueError(
            f'{address!r} is not the address of one phone, such as "user/1001" or "sofia/gateway/*": '
            "name each by itself, without variables in brackets"
        )


def variables(given: Mapping[str, str] | None) -> dict[str, str]:
    """Variables by name; one that is no text is said at once."""
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"variables: {given!r} must be a mapping of names to values, not {type(given).__name__}")
    for name, value in (given or {}).items():
        check_text("variables", name)
        check_text(f"variables[{name!r}]", value)
    return dict(given or {})


def check_function(name: str, function: object) -> None:
    if not name or " " in name:
        raise ValueError(f"{name!r} is no name of a command or an application: it is one word")
    if not callable(function):
        raise TypeError(f"{name}: {function!r} must be a function, not {type(function).__name__}")
