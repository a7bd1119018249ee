"""The pytest plugin with `--switch=freeswitch`: the same tests, on pocket and on a real switch."""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest

from hosts.manager import MODULE, Spec
from support.saw import script_file

pytest_plugins = ["pytester"]

SCRIPTS = {
    "ivr": """
        import os
        import freeswitch

        def handler(session, args):
            print("begins", args)
            session.answer()
            session.setVariable("number", session.getVariable("destination_number"))
            digit = session.getDigits(1, "#", 3000)
            session.setVariable("digit", digit or "none")
            if digit == "9": raise LookupError("nobody is there")

        def agent(session, args):
            session.answer()
            leg = freeswitch.Session(args, session)
            session.setVariable("agent", leg.hangupCause() if not leg.ready() else "there")
            if leg.ready():
                freeswitch.bridge(session, leg)
            session.setVariable("went", leg.hangupCause())

        def menu(session, args):
            session.answer()
            for _ in range(2):
                digits = session.playAndGetDigits(1, 1, 1, 3000, "#", "silence_stream://400", "", "[0-9]")
                session.setVariable("pressed", (session.getVariable("pressed") or "") + (digits or "-"))

        def config(session, args):
            session.setVariable("who", freeswitch.getGlobalVariable("who") or "nobody")

        def priority(session, args):
            session.setVariable("priority", f"{os.sched_getscheduler(0)} {os.getpriority(os.PRIO_PROCESS, 0)}")
        """,
    "begins": """
        import freeswitch
        FIRST = freeswitch.getGlobalVariable("first")
        runs = []

        def handler(session, args):
            runs.append(1)
            session.setVariable("first", f"{FIRST} {len(runs)}")
        """,
    "forgets": """
        async def handler(session, args):
            await session.answer()
            session.play("silence_stream://100")
            await session.sleep(1)
        """,
    "hooked": """
        def handler(session, args):
            session.setHangupHook(hook)
            session.answer()
            session.sleep(60000)

        def hook(session, what):
            raise LookupError("in the hook")
        """,
}


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with scripts."""
    folder = pytester.mkdir("scripts")
    for name, source in SCRIPTS.items():
        (folder / f"{name}.py").write_text(dedent(source), encoding="utf-8")
    return pytester


def run(project: pytest.Pytester, spec: Spec, tests: str, *words: str) -> pytest.RunResult:
    """Run tests in a process of its own, on that switch."""
    project.makepyfile(test_it=dedent(tests))
    if spec.switch is not None:
        words = (*words, "--switch=freeswitch", "-o", f"pocket_freeswitch={spec.switch.prefix}")
        words = (*words, "-o", f"pocket_module={MODULE}")
    return project.runpytest_subprocess("-W", "error", "--strict-markers", *words, timeout=180)


def test_the_same_tests_pass(project: pytest.Pytester, spec: Spec) -> None:
    result = run(project, spec, script_file("plugin_tests.py"))
    result.assert_outcomes(passed=17)
    if spec.switch is not None:
        result.stdout.fnmatch_lines([f"switch: FreeSWITCH {spec.switch.version} in *"])


def test_scripts_that_fail_fail_the_test(project: pytest.Pytester, spec: Spec) -> None:
    result = run(
        project,
        spec,
        """
        import pytest

        def test_raises(switch):
            switch.run("python", "ivr hello", press=[(0.5, "9")])

        def test_forgets(switch):
            switch.run("python", "forgets")

        @pytest.mark.script_errors(match="nobody is there")
        def test_must(switch):
            switch.run("python", "ivr", press=[(0.5, "9")])

        @pytest.mark.dialplan({"5": "python hooked"})
        def test_hook(switch):
            call = switch.start_call("5")
            switch.wait_for(lambda: call.answered)
        """,
    )
    result.assert_outcomes(passed=2, failed=2, errors=1)
    result.stdout.fnmatch_lines(["*LookupError: in the hook"])
    result.stdout.fnmatch_lines(
        ["a script has failed:", "*ivr.py*, line 11, in handler", "LookupError: nobody is there"]
    )
    result.stdout.fnmatch_lines(
        ["*- call 1 -*", "*digit 9", "*- what scripts have printed and logged -*", "*begins hello"]
    )
    result.stdout.fnmatch_lines(["a script has forgotten an await:", "*AsyncSession.play*never awaited*"])


@pytest.mark.freeswitch_only
def test_what_a_freeswitch_cannot_do_is_said_before_the_test_begins(project: pytest.Pytester, spec: Spec) -> None:
    result = run(
        project,
        spec,
        """
        import pytest
        from pocket import fuzz

        def test_a_fake(switch):
            print("begun")
            switch.fake_api("billing", str.upper)

        def test_words(call):
            print("begun")
            call("5000", says=[(1, "yes")])

        def test_an_endpoint(switch):
            print("begun")
            switch.phone("sofia/gateway/*")

        @pytest.mark.pocket_only("an hour of waiting")
        def test_an_hour(switch):
            print("begun")

        @fuzz.callers(run="python ivr")
        def test_fuzz(switch, call):
            print("begun")

        def helper(switch):
            switch.fake_application("voicemail", print)

        def test_where_it_is_not_seen(switch):
            helper(switch)

        def test_what_only_has_the_name(switch):
            class Other: letters = "abc"
            assert Other.letters
        """,
        "-rA",
    )
    result.assert_outcomes(passed=1, failed=1, skipped=5)
    result.stdout.no_fnmatch_line("*begun*")
    result.stdout.fnmatch_lines_random(
        [
            "*not on a FreeSWITCH: switch.fake_api: a command cannot be replaced",
            "*not on a FreeSWITCH: says=: recognition hears no words that a test gives",
            "*not on a FreeSWITCH: a phone 'sofia/gateway/*': only user/ and group/ phones can be reached",
            "*not on a FreeSWITCH: an hour of waiting",
            "*not on a FreeSWITCH: fuzzing needs a switch that begins afresh for each caller",
            "*NotOnFreeSwitch: not on a FreeSWITCH: fake_application('voicemail') (mark the test with pocket_only)",
        ]
    )


@pytest.mark.freeswitch_only
def test_phones_of_other_endpoints_skip_a_test_wherever_they_are_named(project: pytest.Pytester, spec: Spec) -> None:
    result = run(
        project,
        spec,
        """
        import pytest

        AGENT = "sofia/gateway/acme/1001"
        LOCAL = "user/1001"

        @pytest.fixture
        def agent(switch):
            return switch.phone("verto.rtc/1002")

        def test_a_constant(switch):
            print("begun")
            switch.phone(AGENT)

        def test_one_that_there_is(switch):
            switch.phone(LOCAL)

        @pytest.mark.parametrize("address", ["sofia/internal/*", "user/1001"])
        def test_a_parameter(switch, address):
            print("begun", address)
            switch.phone(address)

        @pytest.mark.parametrize("number", [1])
        def test_a_text_with_a_value(switch, number):
            print("begun")
            switch.phone(f"sofia/internal/{number}")

        def test_a_fixture(agent, switch):
            print("begun")
        """,
        "-rA",
    )
    result.assert_outcomes(passed=2, skipped=4)
    result.stdout.no_fnmatch_line("begun")
    result.stdout.no_fnmatch_line("begun sofia*")
    reached = "only user/ and group/ phones can be reached"
    result.stdout.fnmatch_lines_random(
        [
            f"*not on a FreeSWITCH: a phone 'sofia/gateway/acme/1001': {reached}",
            f"*not on a FreeSWITCH: a phone 'sofia/internal/*': {reached}",
            f"*not on a FreeSWITCH: a phone 'sofia/internal/': {reached}",
            f"*not on a FreeSWITCH: a phone 'verto.rtc/1002': {reached}",
        ]
    )


def test_a_freeswitch_that_is_not_there(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="def test_it(switch): pass")
    for words, told in (
        (["-o", "pocket_freeswitch=/nowhere"], "there is no FreeSWITCH in /nowhere"),
        (["-p", "no:cacheprovider"], "no FreeSWITCH found: set FREESWITCH_PREFIX"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FREESWITCH_PREFIX", "none")
            result = project.runpytest_subprocess("--switch=freeswitch", *words)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"*--switch=freeswitch: {told}*"])


@pytest.mark.freeswitch_only
def test_a_module_that_is_not_there(project: pytest.Pytester, spec: Spec) -> None:
    project.makepyfile(test_it="def test_it(switch): pass")
    assert spec.switch is not None
    words = ["--switch=freeswitch", "-o", f"pocket_freeswitch={spec.switch.prefix}", "-o", "pocket_module=no.so"]
    result = project.runpytest_subprocess(*words)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*there is no *no.so: run `make install`, or name the file with pocket_module*"])


def test_the_switch_is_not_imported_before_a_test_asks(pytester: pytest.Pytester) -> None:
    code = "import freeswitch_pocket.real.installed, sys; print('pocket' in sys.modules, 'pytest' in sys.modules)"
    assert pytester.run(sys.executable, "-c", code).outlines == ["False False"]
