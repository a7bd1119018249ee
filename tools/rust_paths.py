"""Which file of a Rust crate uses which: every path in a `use`, a body, a macro or an attribute's string."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

Name = tuple[str, ...]  # a module's, or a path as it is written

_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_IN_COMMENT = r"(?:[^*/]|\*(?!/)|/(?!\*))"
_TOKEN = re.compile(
    rf"""
      (?://[^\n]*|/\*(?:{_IN_COMMENT}|/\*{_IN_COMMENT}*\*/)*\*/)  # comments, and those in them
    | (?P<string>
        [bc]?r(?P<hashes>\#*)".*?"(?P=hashes)
      | [bc]?"(?:\\.|[^"\\])*"
      )
    | b?'(?:\\.[^']*|[^'\\])'                           # characters
    | (?P<token>\$crate|r\#{_WORD}|{_WORD}|::|\#!?\[|[{{}}()\[\];,*<])
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTES = re.compile(r'\A[bc]?r?#*"|"#*\Z')
_KEYWORDS = frozenset({"r#mod", "r#use", "r#extern"})
# Ways to use another file with no path that could be read here, and what to write for them.
_UNREAD = {
    ("include", "("): "include! is not followed: make it a module",
    ("#[", "macro_use"): "#[macro_use] is not followed: name each macro by its path",
    ("#![", "macro_use"): "#![macro_use] is not followed: name each macro by its path",
}
_MADE = ("concat", "(", "env", "(", '"OUT_DIR"')
_JOINED = re.compile(r"\$(?!crate\b)\w+\s*::\s*\$\w+")


def arrows(root: Path, files: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Each file with each other one that it uses, of a crate whose files lie under this root."""
    sources = {path: path.read_text(encoding="utf-8") for path in files}
    tokens = {path: _tokens(source) for path, source in sources.items()}
    for path in files:
        _refuse(path, sources[path], tokens[path])
    names = _names_of(root, tokens)
    modules = {name: path for path, several in names.items() for name in several}
    itself = {name for path in files for name in _names_of_the_crate(tokens[path])}
    for path in files:
        for parts, inside in _paths(tokens[path]):
            for module in names[path]:
                used = _module_of(parts, module, inside, modules, itself)
                if used is not None:
                    yield path, modules[used]


def _refuse(file: Path, source: str, tokens: Sequence[str]) -> None:
    for at, pair in enumerate(pairwise(tokens)):
        # The build script writes this file: it is not one of the crate's.
        if pair in _UNREAD and tuple(tokens[at + 2 : at + 7]) != _MADE:
            raise LookupError(f"{file}: {_UNREAD[pair]}")
    joined = _JOINED.search(source)
    if joined:
        raise LookupError(f"{file}: {joined[0]} is a path that a macro joins, which is not followed: hand it on whole")


def functions_by_hand(source: str) -> Iterator[str]:
    """The functions of other languages that a file declares itself, in an `extern` block."""
    tokens = _tokens(source)
    for at, token in enumerate(tokens):
        begins = at + 2 if tokens[at + 1 : at + 2] and tokens[at + 1].startswith('"') else at + 1
        if token == "extern" and tokens[begins : begins + 1] == ["{"]:
            inside = tokens[begins : tokens.index("}", begins)]
            yield from (name for word, name in pairwise(inside) if word == "fn")


def uses_crate(source: str, crate: str) -> bool:
    """Whether a file names another crate, or something in it."""
    return any(parts[0] == crate or parts[:2] == ("::", crate) for parts, _ in _paths(_tokens(source)))


def _tokens(source: str) -> list[str]:
    found = (match["string"] or match["token"] for match in _TOKEN.finditer(source))
    return [token if token in _KEYWORDS else token.removeprefix("r#") for token in map(_as_token, found) if token]


def _as_token(text: str | None) -> str:
    # A raw string is written as a plain one, so that no name is taken for one and none for a name.
    if text is None or '"' not in text:
        return text or ""
    return f'"{_QUOTES.sub("", text)}"'


def _use_tree(tokens: Sequence[str], at: int, prefix: Name) -> tuple[list[Name], int]:
    """The paths of a `use` tree that begins at this token, and where it ends."""
    path = prefix
    while at < len(tokens):
        token = tokens[at]
        if token == "{":
            found = []
            at += 1
            while tokens[at] != "}":
                some, at = _use_tree(tokens, at, path)
                found += some
                at += tokens[at] == ","
            return found, at + 1
        if token in (",", "}", ";"):
            break
        if token == "as":
            at += 1
        elif token != "::":
            path = (*path, token)
        at += 1
    return [path], at


def _paths(tokens: Sequence[str]) -> Iterator[tuple[Name, int]]:
    """Each path of a file, with the number of modules inside the file that it stands in.

    One that begins with `::` has this as its first part.
    """
    inner: list[int] = []  # the depth of braces at which each module inside the file began
    depth = at = 0
    while at < len(tokens):
        token = tokens[at]
        following = tokens[at + 1 : at + 3]
        if token == "mod" and following[1:] == ["{"]:
            inner.append(depth)
            at += 2
            continue
        # `use<'a>` after an `impl` names lifetimes.
        if token == "use" and following[0] != "<":
            found, at = _use_tree(tokens, at + 1, ())
            yield from ((path, len(inner)) for path in found)
            continue
        if token == "extern" and following[0] == "crate":
            yield (following[1],), len(inner)
        elif token in ("#[", "#!["):
            for text in _texts(tokens[at : _end_of(tokens, at)]):
                yield from ((path, len(inner)) for path in _paths_of_text(text))
        elif token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            if inner and inner[-1] == depth:
                inner.pop()
        elif following[:1] == ["::"] and token != "::":
            path, at = _path(tokens, at)
            yield path, len(inner)
        at += 1


def _path(tokens: Sequence[str], at: int) -> tuple[Name, int]:
    """The path that begins at this token, and where its last token is."""
    path = ["::"] if at and tokens[at - 1] == "::" else []
    path.append(tokens[at])
    while at + 2 < len(tokens) and tokens[at + 1] == "::" and re.fullmatch(_WORD, tokens[at + 2]):
        path.append(tokens[at + 2])
        at += 2
    return tuple(path), at


# Attributes


def _end_of(tokens: Sequence[str], at: int) -> int:
    """Where the attribute that begins at this token ends."""
    depth = 0
    for end in range(at, len(tokens)):
        depth += tokens[end] in ("#[", "#![", "[")
        depth -= tokens[end] == "]"
        if depth == 0:
            return end + 1
    return len(tokens)


def _texts(attribute: Sequence[str]) -> Iterator[str]:
    """The strings of an attribute that may have a path: serde's `with`, `default`, `bound` and the like."""
    for before, token in pairwise(attribute):
        if token.startswith('"') and before != "doc":
            yield token[1:-1]


def _paths_of_text(text: str) -> Iterator[Name]:
    tokens = _tokens(text)
    at = 0
    while at + 1 < len(tokens):
        if tokens[at + 1] == "::" and tokens[at] != "::":
            path, at = _path(tokens, at)
            yield path
        at += 1


def _mods(file: Path, tokens: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Each module that a file declares and that has a file of its own, with what `#[path]` says of that."""
    given: str | None = None
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token == "{") - (token == "}")
        if token == "#[" and tokens[at + 1] in ("path", "cfg_attr"):
            attribute = tokens[at : _end_of(tokens, at)]
            texts = (text[1:-1] for word, text in pairwise(attribute) if word == "path" and text.startswith('"'))
            given = next(texts, given)
        elif token == "mod" and tokens[at + 2 : at + 3] in ([";"], ["{"]):
            if given is not None and (depth or tokens[at + 2] == "{"):
                raise LookupError(f"{file}: mod {tokens[at + 1]} has a #[path], and braces: this is not followed")
            if tokens[at + 2] == ";":
                yield tokens[at + 1], given
            given = None


# Modules


def _names_of(root: Path, files: Mapping[Path, Sequence[str]]) -> dict[Path, list[Name]]:
    """The names of each file's module: by where it lies, and by each `#[path]` that leads to it."""
    by_place = {path: _by_place(root, path) for path in files}
    plain: set[Name] = set()
    led_to: dict[Path, list[tuple[Path, str]]] = {}
    for file, tokens in files.items():
        for name, given in _mods(file, tokens):
            if given is None:
                plain.add((*by_place[file], name))
                continue
            target = Path(os.path.normpath(file.parent / given))
            if target not in files:
                raise LookupError(f'{file}: #[path = "{given}"] of mod {name} leads out of {root}')
            led_to.setdefault(target, []).append((file, name))
    for file in led_to:
        bare = [name for name, given in _mods(file, files[file]) if given is None]
        if bare:
            raise LookupError(f"{file}, to which a #[path] leads, declares mod {bare[0]}: this is not followed")

    def names(path: Path) -> list[Name]:
        if path not in led_to:
            return [by_place[path]]
        found = [(*module, name) for user, name in led_to[path] for module in names(user)]
        return [*found, by_place[path]] if by_place[path] in plain and by_place[path] not in found else found

    return {path: names(path) for path in files}


def _by_place(root: Path, path: Path) -> Name:
    parts = path.relative_to(root).with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib") else parts


def _names_of_the_crate(tokens: Sequence[str]) -> Iterator[str]:
    """What a file calls its own crate, by `extern crate self as name`."""
    for at in range(len(tokens) - 4):
        if tokens[at : at + 4] == ["extern", "crate", "self", "as"]:
            yield tokens[at + 4]


def _module_of(parts: Name, module: Name, inside: int, modules: Mapping[Name, Path], itself: set[str]) -> Name | None:
    """The module with a file of its own that a path leads to."""
    base = (*module, *("",) * inside)
    start, *rest = parts
    if start == "::":
        # Another crate, or this one under its other name.
        start, *rest = rest
        if start not in itself:
            return None
    if start in ("crate", "$crate") or start in itself:
        base = ()
    elif start in ("self", "super"):
        base = base[:-1] if start == "super" else base
        while rest and rest[0] == "super":
            base, rest = base[:-1], rest[1:]
    else:
        # A name of a module right below this one, or of nothing that is of interest.
        if (*module, start) not in modules:
            return None
        rest = [start, *rest]
        base = module
    if "" in base:
        return None
    for name in rest:
        if (*base, name) not in modules:
            break
        base = (*base, name)
    return base if base in modules else None
