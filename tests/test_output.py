"""What scripts print, log and raise, in the switch's log."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hosts.base import Host, texts
from support.saw import in_api

ROOT = Path(__file__).resolve().parents[1]


def test_a_chain_of_exceptions_is_one_entry(host: Host) -> None:
    name = host.script("""
        def inner(): raise KeyError("the cause")
        def handler(session, args):
            try:
                inner()
            except KeyError as error:
                raise ValueError("what came of it") from error
    """)
    result = host.run("python", name)
    line = host.wait_log("ValueError: what came of it")
    for part in ("KeyError: 'the cause'", "direct cause", "in inner", f"{name}::handler", "application", "MR0004"):
        assert part in line.text, part
    assert "the dialplan goes on" in line.text
    assert line.level == "ERR"
    assert line.uuid == result.uuid
    assert len([line for line in host.log() if line.level == "ERR"]) == 1


def test_logging_goes_to_the_log_with_its_level_and_place(host: Host) -> None:
    name = host.script("""
        import logging
        log = logging.getLogger("ivr")
        def handler(session, args):
            log.debug("a detail")
            log.warning("a %s", "warning")
            log.error("an error")
            try:
                1 / 0
            except ZeroDivisionError:
                log.exception("with its traceback")
    """)
    result = host.run("python", name)
    levels = {"^a detail$": "DEBUG", "^a warning$": "WARNING", "^an error$": "ERR", "^with its traceback": "ERR"}
    if host.is_pocket:  # the root logger's level is the program's
        del levels["^a detail$"]
    for pattern, level in levels.items():
        line = host.wait_log(pattern)
        assert (line.level, line.uuid) == (level, result.uuid)
        assert line.file.endswith(f"{name}.py")
        assert line.line > 0
    assert "ZeroDivisionError" in host.wait_log("^with its traceback").text


def test_warnings_and_unraisable_exceptions(host: Host) -> None:
    name = host.script("""
        import gc, sys, warnings
        class Bad:
            def __del__(self): raise RuntimeError("in __del__")
        def fsapi(session, stream, env, args):
            sys.stderr.write("to stderr\\n")
            if args:
                Bad()
                warnings.warn("take care", stacklevel=1)
            gc.collect()
            stream.write("done")
    """)
    # On pocket warnings and the hook are the program's.
    assert host.api(f"python {name} {'' if host.is_pocket else 'warn'}") == "done"
    assert host.wait_log("^to stderr$").level == "ERR"
    if not host.is_pocket:
        host.wait_log("UserWarning: take care")
        host.wait_log("RuntimeError: in __del__")


def test_other_python_runs_while_the_log_waits(host: Host) -> None:
    name = host.script("""
        import threading
        def fsapi(session, stream, env, args):
            def talk():
                for n in range(2000): print("line", n)
            threads = [threading.Thread(target=talk) for _ in range(4)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            stream.write("done")
    """)
    assert host.api(f"python {name}") == "done"
    host.wait_for(lambda: sum(text.startswith("line ") for text in texts(host.log())) == 8000 or None, what="the lines")


def test_stdout_and_stderr_are_whole_text_streams(host: Host) -> None:
    saw = in_api(
        host,
        """
        import io
        def body(saw):
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                stream.writelines([name + " by writelines\\n", "and the next\\n"])
                stream.buffer.write(b"\\xc3\\xa4 " + name.encode() + b" by its buffer\\n")
                stream.buffer.flush()
                stream.reconfigure(line_buffering=True, encoding="utf-8")
                print("still", name, file=stream)
                saw[name] = [
                    stream.fileno(), stream.seekable(), stream.readable(), stream.writable(), stream.closed,
                    stream.encoding.lower(), tried(stream.read).split(":")[0], isinstance(stream.name, str),
                    stream.mode, stream.line_buffering,
                ]
            with sys.stdout: pass
            sys.stderr.close()
            print("not closed for others")
        """,
    )
    rest = [False, False, True, False, "utf-8", "UnsupportedOperation", True, "w", True]
    if host.is_pocket:  # a descriptor is the program's, and pytest may have put its own there
        for name in ("stdout", "stderr"):
            saw[name][0] = {"stdout": 1, "stderr": 2}[name]
    assert saw == {"stdout": [1, *rest], "stderr": [2, *rest]}
    for name, level in {"stdout": "INFO", "stderr": "ERR"}.items():
        for text in (f"{name} by writelines", f"ä {name} by its buffer", f"still {name}"):
            assert host.wait_log(f"^{text}$").level == level, text
    host.wait_log("^not closed for others$")


@pytest.mark.freeswitch_only  # in pocket standard error is the program's
def test_the_fault_handler_of_python(fresh: Callable[..., Host]) -> None:
    host = fresh()
    name = host.script("""
        import faulthandler
        def fsapi(session, stream, env, args):
            faulthandler.enable()
            stream.write(str(faulthandler.is_enabled()))
            faulthandler.disable()
    """)
    assert host.api(f"python {name}") == "True"


def test_each_code_has_its_entry() -> None:
    rust = (path for crate in ("src", "switch/src") for path in (ROOT / crate).rglob("*.rs"))
    sources = [*rust, *(ROOT / "python").rglob("*.py")]
    used = {code for path in sources for code in re.findall(r"MR\d{4}", path.read_text("utf-8"))}
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert set(re.findall(r"^## (MR\d{4})", text, re.MULTILINE)) == used
