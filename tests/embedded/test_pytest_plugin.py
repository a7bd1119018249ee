"""The pytest plugin of the wheel, in projects of its own."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

pytest_plugins = ["pytester"]

SCRIPTS = {
    "ivr": """
        def handler(session, args):
            print("begins", args)
            session.answer()
            digit = session.getDigits(1, "#", 3000)
            session.setVariable("digit", digit or "none")
            if digit == "9": raise LookupError("nobody is there")
        """,
    "forgets": """
        async def handler(session, args):
            await session.answer()
            session.play("silence_stream://100")
            await session.sleep(1)
        """,
}


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with scripts."""
    folder = pytester.mkdir("scripts")
    for name, source in SCRIPTS.items():
        (folder / f"{name}.py").write_text(dedent(source), encoding="utf-8")
    return pytester


def run(project: pytest.Pytester, tests: str, *words: str) -> pytest.RunResult:
    """Run tests in a process of its own: this one has a switch already."""
    project.makepyfile(test_it=dedent(tests))
    return project.runpytest_subprocess("-W", "error", *words)


def test_fixtures_and_markers(project: pytest.Pytester) -> None:
    (project.path / "plan.xml").write_text(
        '<extension name="x"><condition field="destination_number" expression="^8$">'
        '<action application="python" data="ivr from-a-file"/></condition></extension>'
    )
    result = run(
        project,
        """
        import pytest

        pytestmark = pytest.mark.variables(who="all", where="here")

        @pytest.mark.dialplan({"5000": ["answer", "python ivr"], "5001": [("set", "given=${who}-${where}")]})
        @pytest.mark.variables(who="one")
        def test_numbers(call, switch):
            assert call("5000", press=[(1.0, "4")]).variables["digit"] == "4"
            assert call("5001").variables["given"] == "one-here"
            assert len(switch.placed) == 2

        @pytest.mark.dialplan("plan.xml")
        def test_a_file(call):
            assert call("8", press=[(1.0, "5")]).variables["digit"] == "5"

        @pytest.mark.configuration('<configuration name="python.conf"><settings>'
                                   '<param name="allow-modules" value="o*"/></settings></configuration>')
        @pytest.mark.script_errors
        def test_configuration(switch):
            assert "allow-modules" in switch.run("python", "ivr").variables["python_error"]
        """,
        "--strict-markers",
    )
    result.assert_outcomes(passed=3)


def test_the_report_of_a_failure(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        def test_it(switch):
            assert switch.run("python", "ivr hello", press=[(1.0, "4")]).variables["digit"] == "5"
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- call 1 -*",
            "*1.000  digit 4",
            "*pocket/1000: NORMAL_CLEARING",
            "*- what scripts have printed and logged -*",
            "ivr.py:3: begins hello",
            "*- log of the switch, DEBUG with -v -*",
            "*New Channel pocket/1000*",
        ]
    )
    result.stdout.no_fnmatch_line("*[[]DEBUG[]]*")


def test_sounds_that_are_not_there_are_named(project: pytest.Pytester) -> None:
    tests = """
        def test_it(switch):
            call = switch.run("playback", "ivr/no_such.wav")
            assert call.played == ["ivr/no_such.wav"]
            assert not call.transcript.of_kind("plays")
            assert switch.run("playback", "ivr/no_such.wav", press={"no_such": "1"}).transcript.of_kind("digit")
        """
    run(project, tests, "-q").stdout.no_fnmatch_line("*[[]DEBUG[]]*")
    result = run(project, tests, "-v")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- sounds that are not there -*", "pocket_sounds names*", "*/sounds/ivr/no_such.wav"])
    result.stdout.fnmatch_lines(["*- log of the switch -*", "*[[]DEBUG[]]*"])
    project.makeini("[pytest]\npocket_missing_sounds = 0.5\n")
    result = run(project, tests.replace("not call", "call"))
    result.assert_outcomes(passed=1)
    project.makeini("[pytest]\npocket_missing_sounds = long\n")
    run(project, tests).stdout.fnmatch_lines(["*pocket_missing_sounds: 'long' is not a number of seconds*"])
    project.mkdir("wavs").joinpath("beep.ul").write_bytes(b"\0" * 4000)
    project.makeini("[pytest]\npocket_sounds = wavs\n")
    run(
        project,
        """
        def test_it(switch):
            call = switch.run("playback", "beep.ul")
            assert call.played == ["beep.ul"]
            (entry,) = call.transcript.of_kind("played")
            assert entry.data["end"] - entry.data["start"] == 0.5
        """,
    ).assert_outcomes(passed=1)


def test_a_script_that_fails_fails_the_test(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        import pytest

        def test_it(switch):
            switch.run("python", "ivr", press=[(1.0, "9")])

        @pytest.mark.script_errors
        def test_it_may(switch):
            switch.run("python", "ivr", press=[(1.0, "9")])

        @pytest.mark.script_errors(match="nobody is there")
        def test_it_must(switch):
            switch.run("python", "ivr", press=[(1.0, "9")])

        @pytest.mark.script_errors(match="nobody is there")
        def test_it_did_not(switch):
            switch.run("python", "ivr", press=[(1.0, "1")])
        """,
        "-rA",
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        ["a script has failed:", '*ivr.py", line 7, in handler', "LookupError: nobody is there"]
    )
    result.stdout.fnmatch_lines(["no script has failed with 'nobody is there': none has failed"])


def test_an_error_as_the_switch_closes_fails_the_test(project: pytest.Pytester) -> None:
    (project.path / "scripts" / "hooked.py").write_text(
        "def handler(session, args):\n    session.setHangupHook(hook)\n    session.answer()\n    session.sleep(60000)\n"
        "def hook(session, what):\n    raise LookupError('in the hook')\n"
    )
    result = run(
        project,
        """
        import pytest

        @pytest.mark.dialplan({"5": "python hooked"})
        def test_it(switch):
            switch.start_call("5")
            switch.sleep(1)
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*LookupError: in the hook"])


def test_a_forgotten_await_fails_the_test(project: pytest.Pytester) -> None:
    result = run(project, "def test_it(switch): switch.run('python', 'forgets')\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*/forgets.py:4: in handler: `AsyncSession.play(...)` was never awaited: `await` is missing before it"]
    )


def test_a_prefix(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\npocket_prefix = fs_\npocket_scripts = scripts\n")
    result = run(
        project,
        """
        import pytest

        @pytest.fixture
        def switch(): return "another project's"

        @pytest.mark.fs_dialplan({"5": "python ivr"})
        def test_it(fs_switch, fs_call, switch):
            assert switch == "another project's"
            assert fs_call("5", press=[(1.0, "4")]).variables["digit"] == "4"
        """,
        "--strict-markers",
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ('dialplan("no_such.xml")', "there is no dialplan *no_such.xml"),
        ("dialplan(5)", "a dialplan is XML, a file or actions by number, not int"),
        ('dialplan({"5000": 5})', "dialplan: the actions of '5000' are 5: give 'python ivr', or a list of such"),
        ('dialplan({"5000": [("python",)]})', "dialplan: the actions of '5000' are [[]('python',)]: give 'python*"),
        ('dialplan({"5000": ["answer", ""]})', "dialplan: the actions of '5000' are [[]'answer', '']: give 'python*"),
        ("configuration(5)", "a configuration is XML, <configuration name=...>, not 5"),
        ('configuration("python.conf")', "a configuration is XML*'python.conf'"),
        ("dialplan", "dialplan(): it is used as dialplan({*"),
        ('dialplan(xml="<x/>")', "dialplan(xml='<x/>'): it is used as dialplan({*"),
        ("variables", "variables(): it is used as variables(name=value)"),
        ('variables("x")', "variables('x'): it is used as variables(name=value)"),
        ("variables(x=None)", "variables: a variable is a text, and None is none"),
        ('script_errors(mach="x")', "script_errors(mach='x'): it is used as script_errors(match=*"),
        ('script_errors(match="(")', "script_errors: '(' is no regular expression: missing*"),
    ],
)
def test_markers_that_make_no_sense(project: pytest.Pytester, marker: str, told: str) -> None:
    result = run(project, f"import pytest\n@pytest.mark.{marker}\ndef test_it(switch): pass\n")
    result.stdout.fnmatch_lines([f"*{told}*"])
    assert result.ret != 0


def test_numbers_with_signs_are_numbers(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
        import pytest

        @pytest.mark.dialplan({"*97": "set given=star", "+4930": "set given=plus", "5(0": "set given=bracket"})
        @pytest.mark.parametrize("number, given", [("*97", "star"), ("+4930", "plus"), ("5(0", "bracket")])
        def test_it(call, number, given):
            assert call(number).variables["given"] == given
        """,
    )
    result.assert_outcomes(passed=3)


def test_the_switch_is_not_imported_where_no_test_asks_for_it(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import sys, threading

        def test_it():
            assert "freeswitch_pocket.pytest_plugin" in sys.modules
            assert not {"pocket", "freeswitch", "_freeswitch", "xml.sax"} & set(sys.modules)
        """,
    )
    result.assert_outcomes(passed=1)


def test_the_plugin_can_be_left_out(pytester: pytest.Pytester) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:pocket", "--fixtures", str(pytester.path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=pytester.path)
    assert "freeswitch_pocket" not in done.stdout
