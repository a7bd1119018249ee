"""The fixtures of the pytest plugin, imported when a test first asks for one."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from freeswitch_pocket.real import lacks
from freeswitch_pocket.real.switch import Instances, RealSwitch, module_of
from freeswitch_pocket.recording import RecordingSwitch
from freeswitch_pocket.stash import REAL, USED
from pocket import ladder
from pocket._awaits import Awaited
from pocket._records import LogLine

LOG_SHOWN = 200
ABSENT = "pocket_sounds names their folder; pocket_missing_sounds = 2 has each that is not there play for two seconds"


USES = {
    "dialplan": 'dialplan({"5000": "python ivr"})',
    "variables": "variables(name=value)",
    "configuration": 'configuration("<configuration name=...>")',
    "pocket_only": 'pocket_only("why")',
    "script_errors": 'script_errors(match="...")',
}


class UsedSwitch:
    """A switch that a test has used, and what is to be said of it: a `Used` of the stash."""

    def __init__(self, switch: Any, awaited: Awaited, errors: pytest.Mark | None, *, verbose: bool) -> None:
        self._switch = switch
        self._verbose = verbose
        self._awaited = awaited
        self._errors = errors
        self._told = False

    def failures(self) -> str:
        """Say what scripts have done that fails a test; once."""
        if self._told:
            return ""
        faults = ladder.faults_in(self._switch.log)
        texts = [fault.text for fault in faults]
        parts = []
        if self._errors is None:
            parts += [f"a script has failed:\n{text}" for text in texts]
        else:
            match = self._errors.kwargs.get("match", self._errors.args[0] if self._errors.args else None)
            if match is not None and not any(re.search(match, text) for text in texts):
                found = "\n".join(fault.summary for fault in faults) or "none has failed"
                parts.append(f"no script has failed with {match!r}: {found}")
        forgotten = [*self._awaited.forgotten, *_warned_of(self._switch.log)]
        parts += [f"a script has forgotten an await:\n{text}" for text in forgotten]
        self._told = bool(parts)
        return "\n\n".join(parts)

    def sections(self) -> list[tuple[str, str]]:
        """Give the calls, the prints and the log, each with its title."""
        found = []
        for number, call in enumerate(self._switch.placed, 1):
            told = f"{call.transcript.text()}\n{call.name}: {call.cause or call.state}"
            found.append((f"call {number}", told))
        log = self._switch.log
        absent = self._absent()
        if absent:
            found.append(("sounds that are not there", f"{ABSENT}\n{chr(10).join(absent)}"))
        printed = [f"{line.file}:{line.line}: {line.text.rstrip()}" for line in log if line.file.endswith(".py")]
        if printed:
            found.append(("what scripts have printed and logged", "\n".join(printed)))
        shown = [line for line in log if self._verbose or line.level != "DEBUG"]
        title = "log of the switch" if self._verbose else "log of the switch, DEBUG with -v"
        found.append((title, "\n".join(str(line).rstrip() for line in shown[-LOG_SHOWN:])))
        return found

    def _absent(self) -> list[str]:
        """Sounds that scripts have wanted, and that were not there."""
        entries = [entry for call in self._switch.placed for entry in call.transcript.of_kind("played")]
        return sorted({entry.text for entry in entries if entry.data.get("why") == "file not found"})


def lend(request: pytest.FixtureRequest, prefix: str) -> Generator[Any, None, None]:
    """Open a switch as the test's markers say, and close it."""
    node, root = request.node, request.config.rootpath
    options = options_of(node, root, request.config, prefix)
    switch = _real(request, prefix, options) if request.config.stash.get(REAL, None) else RecordingSwitch(**options)
    with Awaited() as awaited:
        errors = node.get_closest_marker(f"{prefix}script_errors")
        used = UsedSwitch(switch, awaited, errors, verbose=(request.config.getoption("verbose") or 0) > 0)
        switch.open()
        node.stash.setdefault(USED, []).append(used)
        try:
            yield switch
        finally:
            switch.close()
        # What came as it closed.
        told = used.failures()
    if told:
        pytest.fail(told, pytrace=False)


def _real(request: pytest.FixtureRequest, prefix: str, options: dict[str, Any]) -> RecordingSwitch:
    """Make a switch that is FreeSWITCH, or skip a test that asks for what it cannot do."""
    node, config = request.node, request.config
    mark = node.get_closest_marker(f"{prefix}pocket_only")
    reasons = [] if mark is None else [mark.kwargs.get("reason") or (mark.args or ("it is marked so",))[0]]
    if options["missing_sounds"] is not None:
        reasons.append("pocket_missing_sounds: a sound that is not there cannot be played")
    names = (f"{prefix}switch", f"{prefix}call")
    given = node.callspec.params if hasattr(node, "callspec") else {}
    reasons += lacks.asked_for([node.function, *_fixtures_of(node)], names, given)
    if reasons:
        pytest.skip(f"not on a FreeSWITCH: {'; '.join(reasons)}")
    found = config.stash[REAL]
    assert found is not None
    if found.instances is None:
        module = module_of(found.switch, config.getini("pocket_module"), config.rootpath)
        cache = getattr(config, "cache", None)
        found.instances = Instances(found.switch, module, cache.mkdir("pocket-certs") if cache else None)
    return RealSwitch(found.instances, **options)


def _fixtures_of(node: Any) -> list[Any]:
    """Give the functions of the fixtures that a test has asked for, but for those of installed packages."""
    functions = [definitions[-1].func for definitions in node._fixtureinfo.name2fixturedefs.values()]
    codes = [getattr(inspect.unwrap(function), "__code__", None) for function in functions]
    return [
        function
        for function, code in zip(functions, codes, strict=True)
        if code is not None and not {"site-packages", "dist-packages"} & set(Path(code.co_filename).parts)
    ]


def options_of(node: Any, root: Path, config: pytest.Config, prefix: str) -> dict[str, Any]:
    """Give what the switch is made with: the nearest marker comes last, and wins."""
    _check_marks(node, prefix)
    named = config.getini("pocket_scripts")
    folder = root / (named or "scripts")
    if not folder.is_dir():
        if named:
            raise pytest.UsageError(f"pocket_scripts: there is no folder {folder}")
        folder = root
    conf, sounds = config.getini("pocket_conf"), config.getini("pocket_sounds")
    missing = config.getini("pocket_missing_sounds")
    try:
        missing_sounds = float(missing) if missing else None
    except ValueError:
        raise pytest.UsageError(f"pocket_missing_sounds: {missing!r} is not a number of seconds") from None
    marks = {
        name: list(node.iter_markers(f"{prefix}{name}"))[::-1] for name in ("dialplan", "variables", "configuration")
    }
    texts = [text for mark in marks["configuration"] for text in mark.args]
    return {
        "scripts": folder,
        "conf": root / conf if conf else None,
        "sounds": root / sounds if sounds else None,
        "missing_sounds": missing_sounds,
        "dialplan": "".join(_text_of(part, root) for mark in marks["dialplan"] for part in mark.args),
        "variables": {name: str(value) for mark in marks["variables"] for name, value in mark.kwargs.items()},
        "config": {_name_of(text): text for text in texts},
    }


def _text_of(marker: object, root: Path) -> str:
    """Give a dialplan as XML: text, a file, or actions by number."""
    if isinstance(marker, Mapping):
        return "".join(_extension(str(number), actions) for number, actions in marker.items())
    if isinstance(marker, Path) or (isinstance(marker, str) and "<" not in marker):
        path = root / marker
        if not path.is_file():
            raise pytest.UsageError(f"there is no dialplan {path}: give XML, a file or actions by number")
        return path.read_text(encoding="utf-8")
    if isinstance(marker, str):
        return marker
    raise pytest.UsageError(f"a dialplan is XML, a file or actions by number, not {type(marker).__name__}")


def _extension(number: str, actions: object) -> str:
    parts = []
    for action in actions if isinstance(actions, (list, tuple)) else [actions]:
        match action:
            case str():
                application, _, data = action.partition(" ")
            case (str(application), str(data)):
                pass
            case _:
                application = data = ""
        if not application:
            raise pytest.UsageError(
                f"dialplan: the actions of {number!r} are {actions!r}: give 'python ivr', or a list of such"
            )
        parts.append(f"<action application={quoteattr(application)} data={quoteattr(data)}/>")
    # A number may have signs that mean something in a pattern: *97, +4930.
    condition = f'<condition field="destination_number" expression={quoteattr(f"^{re.escape(number)}$")}>'
    return f"<extension name={quoteattr(number)}>{condition}{''.join(parts)}</condition></extension>"


def _check_marks(node: Any, prefix: str) -> None:
    """Say what of the test's markers would not be used."""
    # Positional arguments at least and at most, and keywords; None: any.
    known: dict[str, tuple[int, float, set[str] | None]] = {
        "dialplan": (1, math.inf, set()),
        "variables": (0, 0, None),
        "configuration": (1, math.inf, set()),
        "pocket_only": (0, 1, {"reason"}),
        "script_errors": (0, 1, {"match"}),
    }
    for mark in node.iter_markers():
        name = mark.name.removeprefix(prefix)
        if name not in known or mark.name != f"{prefix}{name}":
            continue
        least, most, keywords = known[name]
        unknown = [] if keywords is None else sorted(set(mark.kwargs) - keywords)
        if unknown or not least <= len(mark.args) <= most or (name == "variables" and not mark.kwargs):
            given = ", ".join([*map(repr, mark.args), *(f"{key}={value!r}" for key, value in mark.kwargs.items())])
            raise pytest.UsageError(f"{mark.name}({given}): it is used as {prefix}{USES[name]}")
        if name == "variables" and None in mark.kwargs.values():
            raise pytest.UsageError(f"{mark.name}: a variable is a text, and None is none")
        if name == "script_errors":
            match = mark.kwargs.get("match", mark.args[0] if mark.args else "")
            try:
                re.compile(match)
            except (re.error, TypeError) as error:
                raise pytest.UsageError(f"{mark.name}: {match!r} is no regular expression: {error}") from None


def _name_of(text: object) -> str:
    found = re.search(r"<configuration\s[^>]*name=[\"']([^\"']+)", text) if isinstance(text, str) else None
    if found is None:
        raise pytest.UsageError(f"a configuration is XML, <configuration name=...>, not {text!r:.60}")
    return found[1]


def _warned_of(log: Iterable[LogLine]) -> list[str]:
    """Coroutines that Python, in a switch that is a process of its own, has warned of in the log."""
    return [line.text.strip() for line in log if re.search("RuntimeWarning: .* was never awaited", line.text)]
