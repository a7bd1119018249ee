"""Callers that nobody thought of: a test is tried with many, and one that it fails with is shrunk to the simplest.

    from pocket import fuzz

    @fuzz.callers("5000", words=["1", "1234#"], scripts="scripts", dialplan=DIALPLAN)
    def test_the_ivr(call):
        assert call.variables.get("cdr") == "written"

Callers press digits early, late and wrong, and hang up at any time, also just as something begins or ends; phones that
are named in `phones` answer, are busy, do not answer or hang up. Needs Hypothesis (`pip install hypothesis`).
"""

from __future__ import annotations

import functools
import inspect
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import hypothesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.control import current_build_context

from pocket import ladder
from pocket._awaits import Awaited
from pocket._call import Call
from pocket._checks import check_address
from pocket._far_end import digits as checked_digits
from pocket._far_end import seconds
from pocket._switch import Switch

# Ticks a second that callers do something at, and how near to the beginning or end of something they hang up.
TICKS = 4
NEAR = (0.0, -0.01, 0.01)
DIGITS = "0123456789*#"
# How long after the caller's hangup a script may still work, in the switch's seconds.
SETTLED = 30.0
# How long is looked in real time whether legs go: at first, and where it is known that they stay.
SETTLES = 10.0
SETTLES_KNOWN = 0.1
# How often is looked, in the switch's seconds.
STEP = 0.25
# How long all of the program may compute, in seconds of the processor, when the caller has gone, and in all.
SPINS = 1.0
SPINS_IN_ALL = 10.0
# Nobody does anything before the switch has begun with the call.
SOONEST = 0.02


class Fault(AssertionError):
    """What a script must not do, in any call."""


@dataclass(frozen=True)
class Caller:
    """A caller, as a failing test shows it.

    `hangup_after` is in seconds; `hangup_at` is the number of an entry of the transcript that the caller hangs up at,
    and by how many seconds before or after it. `phones` are how those that are called behave.
    """

    press: Sequence[tuple[float, str]] = ()
    hangup_after: float | None = None
    hangup_at: tuple[int, float] | None = None
    phones: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        said = [f"press={list(self.press)!r}"] if self.press else []
        said += [
            f"{name}={value!r}"
            for name, value in (("hangup_after", self.hangup_after), ("hangup_at", self.hangup_at))
            if value is not None
        ]
        said += [f"phones={dict(self.phones)!r}"] if self.phones else []
        return f"Caller({', '.join(said)})"


@st.composite
def _callers(draw: st.DrawFn, words: Sequence[str], phones: Sequence[str], until: float, most: int) -> Caller:
    _draw_no_constants()
    ticks = st.integers(0, int(until * TICKS))
    digits = st.sampled_from(list(DIGITS))
    if words:
        # What leads on comes more often than what is wrong.
        digits = st.sampled_from(list(words)) | st.sampled_from(list(words)) | digits
    steps: list[tuple[float, str]] = []
    at = 0
    for _ in range(draw(st.integers(0, most))):
        # After the one before: soon, or late.
        at += draw(st.integers(0, 3 * TICKS) | ticks)
        if at > until * TICKS:
            break
        steps.append((max(SOONEST, at / TICKS), draw(digits)))
    after, entry = None, None
    match draw(st.sampled_from(["stays", "after", "at"])):
        case "after":
            after = max(SOONEST, draw(ticks) / TICKS)
        case "at":
            entry = (draw(st.integers(0, 40)), draw(st.sampled_from(NEAR)))
    behaviours = {phone: draw(_phone(until)) for phone in phones}
    return Caller(tuple(steps), after, entry, behaviours)


def _draw_no_constants() -> None:
    """Have Hypothesis draw no number because it stands in a module that is loaded.

    It does so with numbers over 100, and a seed would give other callers when other tests have run before. There is no
    setting for that.
    """
    provider = getattr(current_build_context().data, "provider", None)
    if hasattr(provider, "_maybe_draw_constant"):
        setattr(provider, "_maybe_draw_constant", lambda *_, **__: None)  # noqa: B010


def _phone(until: float) -> st.SearchStrategy[dict[str, Any]]:
    seconds = st.integers(0, int(until)).map(float)
    return st.one_of(
        st.fixed_dictionaries({"answers_after": st.sampled_from([0.0, 1.0, 5.0])}),
        st.fixed_dictionaries({"answers_after": st.sampled_from([0.0, 2.0]), "hangs_up_after": seconds}),
        st.just({"busy": True}),
        st.just({"never": True}),
        st.fixed_dictionaries({"refuses": st.sampled_from(["CALL_REJECTED", "USER_NOT_REGISTERED", "NO_ANSWER"])}),
    )


def strategy(
    *, words: Sequence[str] = (), phones: Sequence[str] = (), until: float = 40.0, most: int = 6
) -> st.SearchStrategy[Caller]:
    """Give the strategy for callers, for a `given` of one's own; the words are as for `callers`."""
    return _callers(tuple(words), tuple(phones), until, most)


def callers(
    number: str | None = None,
    *,
    run: str | None = None,
    words: Sequence[str] = (),
    phones: Sequence[str] = (),
    until: float = 40.0,
    most: int = 6,
    examples: int = 100,
    quiet: float | None = None,
    legs_may_stay: bool = False,
    seed: int | None = None,
    **options: Any,
) -> Callable[[Callable[..., object]], Callable[..., None]]:
    """Try a test with many callers.

    number: what is dialled, or `run="python ivr"`: the application that the call goes straight into.
    words: digits that lead on, such as a PIN; others are tried anyway.
    phones: names that are called, "user/1001" say, and are to answer, be busy, gone and so on.
    until: when a caller who stays hangs up, in seconds.
    most: how often a caller presses something.
    examples: how many callers are tried.
    quiet: how long a call that is up may be silent with nobody bridged; it is not looked at where this is None.
    legs_may_stay: whether other legs may be there when the caller has been gone for 30 s.
    seed: the same callers each time; without it they are others in each run, and one that fails is tried first in
        the next.
    options: those of `Switch`; a test that takes a `switch` has that one, reset for each caller.

    The test gets the call when it is over, as `call`, the caller as `caller` where it takes one, and fails by itself
    where a script fails, goes on for 30 s without its caller, leaves legs behind or forgets an `await`.
    """
    if (number is None) == (run is None):
        raise TypeError('give the number that is dialled, or run="python ivr"')
    _check_options(words, phones, until, most, examples, quiet)
    rules = _Rules(number or "", run, until, quiet, legs_may_stay)

    def decorate(test: Callable[..., object]) -> Callable[..., None]:
        takes = inspect.signature(test).parameters
        fixtures = [parameter for name, parameter in takes.items() if name not in {"call", "caller"}]
        if "switch" not in takes:
            # Mistakes in them are said here, and not when the first caller comes.
            _own(options)
        elif options:
            raise TypeError(f"a test that takes `switch` has that one: {', '.join(options)} would not be used")

        @functools.wraps(test)
        def tried(caller: Caller, **given_by_pytest: Any) -> None:
            switch = given_by_pytest.get("switch")
            own = switch if switch is not None else _own(options)
            with Awaited() as awaited:
                own.reset()
                call = None
                try:
                    call = _place(own, caller, rules)
                    _wait(own, call, rules.until)
                    _check(own, call, rules, awaited)
                    also = {"caller": caller} if "caller" in takes else {}
                    test(**({"call": call} if "call" in takes else {}), **also, **given_by_pytest)
                except Exception as error:
                    error.add_note(_story(own, caller, call))
                    raise
                finally:
                    if switch is None:
                        own.close()

        keyword = inspect.Parameter.KEYWORD_ONLY
        tried.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter("caller", keyword), *(parameter.replace(kind=keyword) for parameter in fixtures)]
        )
        del tried.__wrapped__
        wrapped: Callable[..., None] = settings(
            deadline=None,
            max_examples=examples,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            # One caller that fails is what one reads.
            report_multiple_bugs=False,
            database=settings.default.database if seed is None and settings.default is not None else None,
        )(given(caller=strategy(words=words, phones=phones, until=until, most=most))(tried))
        return wrapped if seed is None else hypothesis.seed(seed)(wrapped)

    return decorate


def _check_options(
    words: Sequence[str], phones: Sequence[str], until: float, most: int, examples: int, quiet: float | None
) -> None:
    """Say mistakes of a test where it is written."""
    for name, texts in (("words", words), ("phones", phones)):
        if isinstance(texts, str):
            raise TypeError(f"{name}: {texts!r} must be a list of texts: [{texts!r}]")
    for word in words:
        checked_digits("words", word)
    for phone in phones:
        check_address(phone)
    seconds("until", until)
    if quiet is not None:
        seconds("quiet", quiet)
    for name, count, least in (("most", most, 0), ("examples", examples, 1)):
        if isinstance(count, bool) or not isinstance(count, int) or count < least:
            raise ValueError(f"{name}: {count!r} must be a whole number of {least} or more")


@dataclass(frozen=True)
class _Rules:
    number: str
    run: str | None
    until: float
    quiet: float | None
    legs_may_stay: bool
    # Legs that a caller before has left behind.
    stayed: set[str] = field(default_factory=set)


def _own(options: Mapping[str, Any]) -> Switch:
    return Switch(**options)


def _place(switch: Switch, caller: Caller, rules: _Rules) -> Call:
    """Begin the call of this caller; when it hangs up is known by then."""
    after = caller.hangup_after
    if caller.hangup_at is not None:
        # What happens, and when, is known from a call that lasts to its end.
        entry, by = caller.hangup_at
        first = _begin(switch, caller, rules, rules.until)
        _wait(switch, first, rules.until)
        times = sorted({entry.time for entry in first.transcript})
        after = max(SOONEST, times[min(entry, len(times) - 1)] - times[0] + by)
        switch.reset()
    return _begin(switch, caller, rules, rules.until if after is None else after)


def _begin(switch: Switch, caller: Caller, rules: _Rules, after: float) -> Call:
    for name, behaviour in caller.phones.items():
        switch.phone(name, **behaviour)
    application, _, data = (rules.run or "").partition(" ")
    return switch._start(
        extension=rules.number or application,
        application=(application, data) if rules.run is not None else None,
        press=list(caller.press),
        says=(),
        hangup_after=after,
        context="default",
        variables=None,
        caller_id_number="1000",
        caller_id_name="Pocket",
    )


def _wait(switch: Switch, call: Call, until: float) -> None:
    """Wait for the end of a call whose far end hangs up by then; what is more is a script's that goes on."""
    deadline = switch.time + until + SETTLED
    begin = time.process_time()
    while not call.over:
        # A script that computes without end makes the clock follow real time: nobody waits that long. How much
        # it has computed does not depend on what else the machine does.
        if time.process_time() - begin > (SPINS if call.cause else SPINS_IN_ALL):
            raise Fault(f"the script computes without end{switch._places_of(call.uuid)}")
        if switch.time > deadline:
            raise Fault(f"the script works on without its caller: {switch._give_up(call, until + SETTLED)}")
        switch.sleep(STEP)


def _check_reached(call: Call) -> None:
    """Check that something ran on the call: a test in which nothing runs would always pass."""
    if not call.transcript.of_kind("application"):
        ends = [entry for entry in call.transcript.of_kind("hung up") if entry.data.get("by") == "switch"]
        if ends:
            raise Fault(
                f"nothing has run on the call: the switch hung it up with {ends[0].text}; "
                "look at the number, the dialplan, and the application's name"
            )


def _check(switch: Switch, call: Call, rules: _Rules, awaited: Awaited) -> None:
    _check_reached(call)
    faults = ladder.faults_in(switch.log)
    if faults:
        raise Fault(f"a script has failed: {faults[0].summary}\n{faults[0].text}")
    deadline = switch.time + SETTLED
    while switch.channels() and switch.time < deadline:
        switch.sleep(STEP)
    # What a script has let go of is put away by a thread that lives in real time, and waits for its turn where the
    # machine is busy. While a caller that leaves a leg is made simpler, nobody waits that long each time.
    begin = time.monotonic()
    while not rules.legs_may_stay and (left := ", ".join(leg.name for leg in switch.channels())):
        if time.monotonic() - begin < (SETTLES_KNOWN if left in rules.stayed else SETTLES):
            time.sleep(0.01)
            continue
        rules.stayed.add(left)
        raise Fault(f"{SETTLED:g} s after the caller's hangup there is still {left}")
    runs = [run for run in json.loads(switch.api("pyps json")) if run["uuid"] == call.uuid]
    if runs:
        raise Fault(f"the script works on without its caller: {runs[0]['function']} at {runs[0]['place']}")
    faults = ladder.faults_in(switch.log)
    if faults:
        raise Fault(f"a script has failed: {faults[0].summary}\n{faults[0].text}")
    if awaited.forgotten:
        raise Fault(awaited.forgotten[0])
    if rules.quiet is not None:
        _check_quiet(call, rules.quiet)


def _check_quiet(call: Call, most: float) -> None:
    """Look for a time in which the caller hears nothing and nothing is done."""
    heard_until: float | None = None
    for entry in sorted(call.transcript, key=lambda entry: float(entry.data.get("start", entry.time))):
        begins = float(entry.data.get("start", entry.time))
        if entry.kind == "bridged":
            return
        if heard_until is not None and begins - heard_until > most:
            raise Fault(f"the caller has heard nothing for {begins - heard_until:g} s")
        if entry.kind == "answered" or heard_until is not None:
            heard_until = max(heard_until or 0.0, float(entry.data.get("end", entry.time)))


def _story(switch: Switch, caller: Caller, call: Call | None) -> str:
    legs = [call] if call is not None else []
    told = "\n".join(leg.transcript.text() for leg in legs) if legs else "there was no call to its end"
    printed = [f"{line.file}:{line.line}: {line.text.rstrip()}" for line in switch.log if line.file.endswith(".py")]
    return f"{caller}\n{told}" + ("\nwhat scripts have printed and logged:\n" + "\n".join(printed) if printed else "")


__all__ = ["Caller", "Fault", "callers", "strategy"]
