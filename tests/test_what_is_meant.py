"""What the log says of mistakes that beginners make."""

from __future__ import annotations

import re

import pytest

from hosts.base import Host


def log_of(host: Host, source: str) -> str:
    """Call a script that fails; what the log says of it."""
    name = host.script(source)
    host.run("python", name)
    return host.wait_log(f"^MR000[456] .*{name}").text


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ('session.playback("a.wav")', "did you mean `session.streamFile`?"),
        ("session.get_digits(1)", "did you mean `session.getDigits`?"),
        ('session.StreamFile("a.wav")', "did you mean `session.streamFile`?"),
        ('session.streamfile("a.wav")', "did you mean `session.streamFile`?"),
        ("session.park()", 'an application of the dialplan runs by `session.execute("park", data)`'),
        ('freeswitch.consolelog("info", "x")', "did you mean `freeswitch.consoleLog`?"),
        ("nobody.knows(argv[1])", None),
        ("print(argv[1])", "what stands after the script's name is one text, the last argument"),
    ],
)
def test_names_that_are_not_there(host: Host, line: str, meant: str | None) -> None:
    text = log_of(host, f"import freeswitch\ndef handler(session, args):\n    session.answer()\n    {line}\n")
    last = text.rstrip().splitlines()[-1]
    if meant is None:
        assert last == "NameError: name 'nobody' is not defined"
    else:
        assert last.startswith(f"({meant}"), text


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ('await session.playback("a.wav")', "did you mean `await session.play(...)`?"),
        (
            "await session.voicemail()",
            'an application of the dialplan runs by `await session.execute("voicemail", data)`',
        ),
        ("await session.answer", "only coroutines are awaited"),
    ],
)
def test_names_that_are_not_there_in_a_coroutine(host: Host, line: str, meant: str) -> None:
    text = log_of(host, f"async def handler(session, args):\n    {line}\n")
    assert f"({meant}" in text if "answer" not in line else "TypeError" in text


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ('session.streamFile("silence_stream://100")', "`await session.play(file)`"),
        ('session.getDigits(1, "#", 100)', "`await session.get_digits(max_digits, timeout=seconds)`"),
        ("freeswitch.msleep(10)", "`await session.sleep(seconds)`"),
    ],
)
def test_names_of_mod_python_in_a_coroutine(host: Host, line: str, instead: str) -> None:
    text = log_of(host, f"import freeswitch\nasync def handler(session, args):\n    {line}\n")
    assert re.search(rf"RuntimeError: \w+ would make every coroutine wait: .*{re.escape(instead)}", text), text


def test_a_global_session(host: Host) -> None:
    text = log_of(host, "session.answer()\n")
    assert "NameError: name 'session' is not defined" in text
    assert "there is no global one, as in Lua" in text


def test_the_loaders_frames_are_left_out(host: Host) -> None:
    helper = host.script("import no_such_module_at_all\n")
    name = host.script(f"import {helper}\ndef handler(session, args): pass\n")
    host.run("python", name)
    text = host.wait_log(f"^MR000[456] .*{name}").text
    files = re.findall(r'File "([^"]+)"', text)
    assert [file.rpartition("/")[2] for file in files] == [f"{name}.py", f"{helper}.py"], text


def test_a_script_that_is_no_python(host: Host) -> None:
    name = host.script("def handler(session, args):\nreturn 1\n")
    host.run("python", name)
    text = host.wait_log(f"^MR000[456] .*{name}").text
    assert re.findall(r'File "[^"]*/([^"/]+)", line (\d+)', text) == [(f"{name}.py", "2")]
    assert "IndentationError" in text


def test_what_a_script_logs_itself_has_none_of_the_loaders_frames(host: Host) -> None:
    name = host.script(
        """
        import logging
        def handler(session, args):
            try: import no_such_module_at_all
            except ImportError: logging.getLogger("mine").exception("caught")
        """
    )
    host.run("python", name)
    text = host.wait_log("^caught").text
    assert re.findall(r'File "[^"]*/([^"/]+)"', text) == [f"{name}.py"]


def test_a_command_that_answers_nothing_is_told_how(host: Host) -> None:
    name = host.script("def fsapi(session, stream, env, args):\n    if args: stream.write(args)\n    return 'text'\n")
    assert host.api(f"python {name} said") == "said"
    host.no_log("has written no reply")
    for _ in range(3):
        assert host.api(f"python {name}").strip() in {"-ERR no reply", ""}
    told = [line for line in host.log() if "has written no reply" in line.text]
    assert len(told) == 1
    assert told[0].text.startswith(f"{name} has written no reply")
    assert "stream.write(text)" in told[0].text


def test_dir_has_what_there_is(host: Host) -> None:
    name = host.script(
        """
        import freeswitch
        def fsapi(session, stream, env, args):
            names = dir(freeswitch)
            missing = [name for name in names if not hasattr(freeswitch, name)]
            known = [name in names for name in ("AsyncSession", "originate", "apps", "events", "Session")]
            stream.write(f"{missing} {known}")
        """
    )
    assert host.api(f"python {name}") == f"[] {[True] * 5}"
