"""Bad input: what the caller gets, what the log says, and that the switch goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hosts.base import Host

SCRIPTS: dict[str, str | bytes] = {
    "no_function": "something = 1\n",
    "not_callable": "fsapi = handler = runtime = 42\n",
    "syntax_error": "def fsapi(session, stream, env, args)\n    pass\n",
    "bad_encoding": b"# coding: utf-8\nx = '\xff'\n",
    "null_byte": b"x = 1\x00\n",
    "raises_at_import": "raise OSError('at import')\n",
    "exits_at_import": "import sys\nsys.exit(7)\n",
    "imports_nothing": "import no_such_dependency\n",
}

MISSING = [
    "",
    "   ",
    "no_such_module",
    "no_such_package.module",
    "::",
    "::function",
    "..",
    ".relative",
    "trailing.",
    "../../etc/passwd",
    "/etc/passwd",
    "a-b",
    "한국어",
]
# The standard library is no place for entry points: anyone with a console could run anything.
FORBIDDEN = ["os::system true", "subprocess::run true", "sys", "builtins::print x", "os.path", "freeswitch"]
WRONG_ARITY = "def fsapi(a, b, c, d, e, f): pass\ndef handler(a, b, c): pass\ndef runtime(a, b, c): pass\n"


@pytest.fixture(autouse=True)
def the_switch_goes_on(host: Host) -> Iterator[None]:
    yield
    assert "is ready" in host.api("status")
    assert host.run("set", "still=here").variables["still"] == "here"


def assert_refused(reply: str) -> None:
    """`-ERR` and one line that says why."""
    assert reply.startswith("-ERR"), reply[:200]
    assert len(reply.strip()) > len("-ERR"), "the reply does not say why"
    assert "\n" not in reply.strip(), reply[:200]


def assert_dialplan_went_on(host: Host, data: str) -> str:
    """The application failed, said so, and the next action ran; what `python_error` says."""
    result = host.call(("python", data), ("set", "after=yes"))
    assert result.variables.get("after") == "yes"
    assert result.variables.get("python_error")
    assert [line for line in host.log() if line.level == "ERR" and line.uuid == result.uuid]
    return result.variables["python_error"]


@pytest.mark.parametrize("command", ["python", "pyrun"])
@pytest.mark.parametrize("given", [*MISSING, *FORBIDDEN])
def test_command_with_nothing_to_run(host: Host, command: str, given: str) -> None:
    assert_refused(host.api(f"{command} {given}"))


@pytest.mark.parametrize("given", [*MISSING, *FORBIDDEN])
def test_application_with_nothing_to_run(host: Host, given: str) -> None:
    assert_dialplan_went_on(host, given)


@pytest.mark.parametrize("command", ["python", "pyrun"])
@pytest.mark.parametrize("kind", SCRIPTS)
def test_command_on_a_broken_script(host: Host, command: str, kind: str) -> None:
    name = host.script(SCRIPTS[kind])
    reply = host.api(f"{command} {name}")
    assert_refused(reply)
    assert name in reply


@pytest.mark.parametrize("kind", SCRIPTS)
def test_application_on_a_broken_script(host: Host, kind: str) -> None:
    assert_dialplan_went_on(host, host.script(SCRIPTS[kind]))


def test_a_syntax_error_names_its_line(host: Host) -> None:
    name = host.script(SCRIPTS["syntax_error"])
    host.api(f"python {name}")
    line = host.wait_log("SyntaxError")
    assert line.level == "ERR"
    assert f"{name}.py" in line.text
    assert "line 1" in line.text


def test_a_mended_script_runs(host: Host) -> None:
    name = host.script(SCRIPTS["syntax_error"])
    assert_refused(host.api(f"python {name}"))
    host.script("def fsapi(session, stream, env, args): stream.write('mended')", name)
    host.wait_for(lambda: host.api(f"python {name}") == "mended" or None, what="the mended script")


def test_wrong_arity(host: Host) -> None:
    name = host.script(WRONG_ARITY)
    assert_refused(host.api(f"python {name}"))
    assert_dialplan_went_on(host, name)


def test_wrong_arity_in_a_thread(host: Host) -> None:
    name = host.script(WRONG_ARITY)
    reply = host.api(f"pyrun {name}")
    # Told at once where the signature says so, in the log at the latest.
    if reply.startswith("+OK"):
        host.wait_log("TypeError")
    else:
        assert_refused(reply)


def test_a_script_that_raises(host: Host) -> None:
    name = host.script("""
        def helper():
            return {}["missing"]
        def fsapi(session, stream, env, args):
            try:
                helper()
            except KeyError as error:
                raise ValueError("from fsapi") from error
        def handler(session, args):
            fsapi(session, None, None, args)
    """)
    reply = host.api(f"python {name}")
    assert_refused(reply)
    assert "ValueError: from fsapi" in reply
    line = host.wait_log("ValueError: from fsapi")
    assert line.level == "ERR"
    for part in ("Traceback", "KeyError: 'missing'", "in helper", f"{name}.py", "direct cause"):
        assert part in line.text
    assert sum("Traceback" in entry.text for entry in host.log()) == 1

    mark = host.mark()
    assert "from fsapi" in assert_dialplan_went_on(host, name)
    line = host.wait_log("ValueError: from fsapi", since=mark)
    assert "handler" in line.text


@pytest.mark.parametrize(
    "error",
    ["SystemExit(1)", "KeyboardInterrupt()", "GeneratorExit()", "BaseException('base')", "MemoryError()"],
)
def test_a_script_that_raises_what_ends_programs(host: Host, error: str) -> None:
    name = host.script(f"""
        def fsapi(session, stream, env, args): raise {error}
        def handler(session, args): raise {error}
        def runtime(args): raise {error}
    """)
    host.api(f"python {name}")
    assert host.call(("python", name), ("set", "after=yes")).variables["after"] == "yes"
    host.api(f"pyrun {name}")


def test_an_exception_that_cannot_be_told(host: Host) -> None:
    name = host.script("""
        class Mute(Exception):
            def __str__(self): raise Mute()
            __repr__ = __str__
        def fsapi(session, stream, env, args): raise Mute()
    """)
    assert_refused(host.api(f"python {name}"))


def test_an_error_of_many_lines_is_one_line_in_the_reply(host: Host) -> None:
    name = host.script("def fsapi(session, stream, env, args): raise ValueError('one\\ntwo\\r\\nthree')")
    assert_refused(host.api(f"python {name}"))


@pytest.mark.parametrize("length", [2_000, 100_000])
def test_long_arguments(host: Host, length: int) -> None:
    name = host.script("""
        def fsapi(session, stream, env, args): stream.write(str(len(args)))
        def handler(session, args): session.setVariable("length", str(len(args)))
        def runtime(args): print("length", len(args))
    """)
    given = "x" * length
    assert host.api(f"python {name} {given}") == str(length)
    assert host.run("python", f"{name} {given}").variables["length"] == str(length)
    assert host.api(f"pyrun {name} {given}").startswith("+OK")
    host.wait_log(f"^length {length}$")


def test_long_names(host: Host) -> None:
    assert_refused(host.api("python " + "x" * 100_000))
    assert_refused(host.api("python " + ".".join("x" * 50_000)))
    assert_refused(host.api("python x::" + "y" * 100_000))


def test_bytes_that_are_no_utf8(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            given = session.getVariable("given")
            session.setVariable("back", given)
            session.setVariable("size", str(len(given)))
    """)
    raw = b"a\xff\xfe".decode(errors="surrogateescape")
    result = host.run("python", name, variables={"given": raw})
    assert (result.variables["back"], result.variables["size"]) == (raw, "3")


def test_text_that_the_switch_cannot_carry(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            for call in (
                lambda: session.setVariable("a\\0b", "x"),
                lambda: session.setVariable("x", "a\\0b"),
                lambda: session.execute("set", "x=a\\0b"),
                lambda: session.getVariable("a\\0b"),
            ):
                try:
                    call()
                except ValueError as error:
                    print("refused:", error)
    """)
    host.run("python", name)
    assert sum(line.text.startswith("refused:") for line in host.log()) == 4


def test_wrong_types_name_the_argument(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            for call in (
                lambda: session.setVariable(1, "x"),
                lambda: session.sleep("soon"),
                lambda: session.execute([]),
            ):
                try:
                    call()
                except TypeError as error:
                    print("refused:", error)
    """)
    host.run("python", name)
    assert sum(line.text.startswith("refused:") for line in host.log()) == 3


def test_kept_objects_are_stale(host: Host) -> None:
    name = host.script("""
        import freeswitch
        kept = {}
        def handler(session, args):
            kept["session"] = session
        def fsapi(session, stream, env, args):
            if args == "keep":
                kept.update(stream=stream, env=env)
                return
            for what, use in (
                ("session", lambda: kept["session"].answer()),
                ("stream", lambda: kept["stream"].write("late")),
                ("env", lambda: kept["env"].addHeader("late", "1")),
            ):
                try:
                    use()
                    stream.write(what + " works;")
                except freeswitch.SessionGone as error:
                    stream.write(what + " is gone;")
    """)
    host.run("python", name)
    host.api(f"python {name} keep")
    # A session and a stream are the caller's, and gone with it; an event may be a copy of its own.
    reply = host.api(f"python {name} use")
    assert reply in {f"session is gone;stream is gone;env {how};" for how in ("works", "is gone")}
