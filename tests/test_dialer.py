"""The dialer: calls at a rate, up to a number at once, each for a time; what it does when the switch refuses."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from freeswitch.apps.call_gen import WeightedIterator
from hosts.base import Host
from support.saw import script_file

# What of the package the scripts of single tests use.
IMPORTS = """
import asyncio
from freeswitch.apps import profiles
from freeswitch.apps.players import TonePlay
"""


class Dialer:
    """A dialer under test."""

    def __init__(self, host: Host, source: str) -> None:
        self.host = host
        self.name = host.script(script_file("dialer.py") + IMPORTS + source)

    def ask(self, verb: str = "state", rest: str = "") -> dict[str, Any]:
        reply = self.host.api(f"python {self.name} {verb} {rest}".strip())
        assert reply.startswith("{"), reply
        found: dict[str, Any] = json.loads(reply)
        return found

    def wait(self, timeout: float = 60, **wanted: Any) -> dict[str, Any]:
        """Wait until the state has these values, in the switch's time."""
        last: dict[str, Any] = {}

        def looks() -> dict[str, Any] | None:
            last.clear()
            last.update(self.ask())
            return last if all(last[name] == value for name, value in wanted.items()) else None

        try:
            return self.host.wait_for(looks, timeout=timeout)
        except TimeoutError as error:
            raise TimeoutError(f"no sign of {wanted} in {last}") from error

    def finish(self, timeout: float = 60) -> dict[str, Any]:
        """Wait until all is over, and recorded."""
        found = self.wait(timeout, state="STOPPED", active=0)
        # The rows of the last legs come with their ends.
        return self.wait(rows=found["offered"])


Make = Callable[..., Dialer]


@pytest.fixture
def dial(host: Host) -> Iterator[Make]:
    """Make a dialer of a script's `run`; it is shut down at the end, and its apps are unloaded."""
    made: list[Dialer] = []

    def start(source: str, argument: str = "") -> Dialer:
        dialer = Dialer(host, source)
        made.append(dialer)
        dialer.ask("run", argument)
        return dialer

    yield start
    for dialer in made:
        host.api(f"python {dialer.name} unload")


def test_calls_are_placed_held_and_recorded(dial: Make, parked: str) -> None:
    dialer = dial(
        """
def run(to):
    make(f"loopback/{to}", Answers, rate=20, limit=1000, max_offered=20, duration=1)
    dialer.start()
""",
        parked,
    )
    found = dialer.finish()
    assert (found["offered"], found["answered"], found["failed"]) == (20, 20, {})
    assert found["causes"] == ["NORMAL_CLEARING"] * 20
    assert found["apps"] == ["Answers"] * 20
    assert found["outcomes"] == ["answered"] * 20
    assert found["peers"] == [True] * 20
    assert all(0.9 <= held <= 3 for held in found["held"]), found["held"]


def test_a_dialers_defaults_are_a_classs_own(dial: Make, parked: str) -> None:
    dialer = dial(
        """
from freeswitch.apps.api import get_pool
found = []
class Slow(Originator):
    default_settings = [("rate", 2), ("limit", 7), ("autohangup", False), ("uuid_gen", lambda: "mine")]
class Held(Originator):
    default_settings = [("duration", 3), ("max_offered", 9)]
def look(it): return [it.rate, it.limit, it.duration, it.period, it.autohangup, it.max_offered, it.uuid_gen()[:4]]
def run(to):
    make(f"loopback/{to}")
    known = dict(Originator.default_settings)
    found.extend([dialer.host, list(known), [known["rate"], known["limit"], known["duration"]]])
    found.append([known["rep_fields_func"](), look(Slow(get_pool()))])
    found.append(look(Slow(get_pool(), rate=5, autohangup=True))[:5])
    found.append(look(Held(get_pool()))[:6])
    found.append(look(Held(get_pool(), duration=0))[2])
def state(): return {"found": found}
""",
        parked,
    )
    assert dialer.ask()["found"] == [
        ["localhost"],
        ["rate", "limit", "max_offered", "duration", "period", "uuid_gen", "rep_fields_func", "autohangup"],
        [30, 1, 0],
        [{}, [2, 7, 7 / 2 + 5, 1, False, float("inf"), "mine"]],
        [5, 7, 7 / 5 + 5, 1, True],
        [30, 1, 3, 1, True, 9],
        0,
    ]


def test_no_more_calls_than_the_limit_are_up_at_once(dial: Make, parked: str) -> None:
    dialer = dial(
        """
def run(to):
    make(f"loopback/{to}", Answers, rate=50, limit=4, max_offered=12, duration=0.5)
    dialer.load_app(Watches, app_id="Answers")
    dialer.start()
""",
        parked,
    )
    found = dialer.finish()
    assert (found["offered"], found["answered"]) == (12, 12)
    assert found["most"] == 4
    assert found["held_back"]["limit"] > 0


def test_what_fails_is_counted_by_its_cause_and_recorded(host: Host, dial: Make) -> None:
    busy = host.extension(("hangup", "USER_BUSY"))
    dialer = dial(
        """
def run(to):
    make(f"loopback/{to}", rate=20, limit=100, max_offered=5, duration=1)
    dialer.start()
""",
        busy,
    )
    found = dialer.finish()
    assert (found["offered"], found["answered"], found["failed"]) == (5, 0, {"USER_BUSY": 5})
    assert (found["outcomes"], found["causes"]) == (["failed"] * 5, ["USER_BUSY"] * 5)
    assert found["refused"] == 0


def test_it_backs_off_when_the_switch_refuses(host: Host, dial: Make) -> None:
    dialer = dial(
        """
def run(to):
    make("error/SWITCH_CONGESTION", rate=40, limit=1000, max_offered=100, duration=1)
    dialer.start()
""",
    )
    found = dialer.wait(state="STOPPED", active=0, rows=100)
    assert (found["offered"], found["answered"], found["refused"]) == (100, 0, 100)
    assert found["failed"] == {"SWITCH_CONGESTION": 100}
    # Cut at most once a second, to seven tenths: 100 calls at 40 a second would have taken 2.5 s, and three cuts.
    assert 0.02 <= found["share"] < 0.2
    host.wait_log("MR0018 the switch has refused calls of the dialer .*SWITCH_CONGESTION")


def test_settings_are_changed_while_it_runs(dial: Make, parked: str) -> None:
    dialer = dial(
        """
def run(to):
    make(f"loopback/{to}", Answers, rate=0.01, limit=2, duration=600)
    dialer.start()
""",
        parked,
    )
    # The first one is placed at once; the next would be due in 100 seconds.
    dialer.wait(offered=1, answered=1)
    dialer.ask("do", "dialer.rate = 50")
    dialer.wait(offered=2, answered=2)
    dialer.ask("do", "dialer.limit, dialer.duration, dialer.max_offered = 3, 0.2, 3")
    found = dialer.wait(offered=3, answered=3, state="STOPPED")
    dialer.wait(active=2)
    dialer.ask("do", "dialer.hupall()")
    found = dialer.finish()
    assert sorted(round(held) for held in found["held"])[0] == 0
    assert found["causes"] == ["NORMAL_CLEARING"] * 3


def test_a_call_that_the_switch_has_not_begun_is_hung_up(dial: Make, parked: str) -> None:
    dialer = dial(
        """
def run(to):
    make(f"loopback/{to}", Answers, rate=20, limit=3, max_offered=1, duration=600)
    dialer.start()
    dialer.hupall()
""",
        parked,
    )
    assert dialer.wait(timeout=20, state="STOPPED", active=0)["offered"] == 1
    dialer.host.wait_no_calls()


def test_turns_are_taken_by_weight_and_what_is_left_of_a_round_is_known() -> None:
    turns = WeightedIterator({"one": 1, "two": 2})
    assert turns.counts == {"one": 1, "two": 2}
    assert [next(turns) for _ in range(3)] == ["two", "one", "two"]
    assert turns.counts == {"one": 0, "two": 0}
    assert (next(turns), turns.counts) == ("two", {"one": 1, "two": 1})
    turns["three"] = 3
    assert turns.counts == turns.weights == {"one": 1, "two": 2, "three": 3}
    assert sorted(itertools.islice(turns, 6)) == ["one", "three", "three", "three", "two", "two"]
    assert list(itertools.islice(turns.cycle(), 4)) == ["one", "two", "three", "one"]
    alone = WeightedIterator({"one": 2})
    assert (next(alone), alone.counts) == ("one", {"one": 1})
    assert (list(WeightedIterator().cycle()), list(WeightedIterator())) == ([], [])


def test_several_apps_share_the_calls_by_their_weights(dial: Make, parked: str) -> None:
    dialer = dial(
        """
class Others(Answers): pass
def run(to):
    make(f"loopback/{to}", Answers, Others, rate=50, limit=100, max_offered=12, duration=0.2)
    dialer.app_weights["Others"] = 3
    dialer.start()
""",
        parked,
    )
    found = dialer.finish()
    assert (found["apps"].count("Answers"), found["apps"].count("Others")) == (3, 9)


def test_it_is_stopped_and_started_again(dial: Make, parked: str) -> None:
    dialer = dial(
        """
def run(to):
    make(f"loopback/{to}", Answers, rate=20, limit=3, duration=600)
    said.append(dialer.state)
    dialer.start()
said = []
_state = state
def state(): return {**_state(), "said": said}
""",
        parked,
    )
    found = dialer.wait(offered=3, answered=3)
    assert (found["state"], found["said"]) == ("ORIGINATING", ["INITIAL"])
    dialer.ask("do", "dialer.stop()")
    assert dialer.wait(state="STOPPED")["active"] == 3
    dialer.ask("do", "dialer.limit = 4")
    dialer.ask("do", "dialer.start()")
    dialer.wait(offered=4, answered=4, state="ORIGINATING")
    dialer.ask("do", "dialer.shutdown()")
    assert dialer.finish()["causes"] == ["NORMAL_CLEARING"] * 4


def test_an_app_can_keep_its_calls(dial: Make, parked: str) -> None:
    dialer = dial(
        """
class Keeps(Answers):
    @apps.callback("CHANNEL_ORIGINATE")
    def on_originate(self, sess): sess.call.vars["noautohangup"] = True
def run(to):
    make(f"loopback/{to}", Keeps, rate=20, limit=3, max_offered=2, duration=0.2)
    dialer.start()
    asyncio.get_running_loop().call_later(2, seen.append, "later")
_state = state
def state(): return {**_state(), "seen": seen}
""",
        parked,
    )
    assert dialer.wait(seen=["later"])["active"] == 2
    dialer.ask("do", "dialer.hupall()")
    dialer.finish()


def test_durations_are_drawn(dial: Make, parked: str) -> None:
    dialer = dial(
        """
lengths = [0.2, 2.0, 0.2, 2.0]
def run(to):
    make(f"loopback/{to}", Answers, rate=20, limit=10, max_offered=4, duration=lambda: lengths.pop())
    dialer.start()
""",
        parked,
    )
    held = sorted(dialer.finish()["held"])
    assert held[1] < 1.5 < held[2], held


def test_apps_are_told_of_the_settings(dial: Make) -> None:
    dialer = dial(
        """
class Told(Answers):
    def __setrate__(self, value): seen.append(["rate", value])
    def __setlimit__(self, value): seen.append(["limit", value])
    def __setduration__(self, value): seen.append(["duration", value])
def run(to):
    make("loopback/none", Told, rate=10, limit=20)
    dialer.rate = 4
    dialer.limit = 8
_state = state
def state(): return {**_state(), "seen": seen}
""",
    )
    seen = dialer.ask()["seen"]
    assert seen == [
        ["rate", 10.0], ["limit", 20.0], ["duration", 7.0], ["rate", 4.0], ["duration", 10.0], ["limit", 8.0],
        ["duration", 7.0],
    ]  # fmt: skip


def test_wrong_settings_are_refused(dial: Make) -> None:
    dialer = dial(
        """
def run(to):
    make("loopback/none", rate=10)
    for line in ("rate = 0", "rate = -1", "period = 0", "duration = -1", "rate = float('inf')", "limit = -1"):
        try: exec("dialer." + line)
        except ValueError as error: seen.append(str(error).partition(" must")[0])
    try: get_originator().start()
    except ValueError as error: seen.append(str(error).partition(":")[0])
    try: make(None).start()
    except (TypeError, ValueError) as error: seen.append(type(error).__name__)
    for text in ("ramp:1", "step:x", "burst:0/1", "wave:1", "burst:5/0"):
        try: profiles.parse_profile(text)
        except ValueError as error: seen.append(text in str(error))
    for text in ("x", "exp:", "exp:x", "normal:1", "-1", "exp:-1", "uniform:3-1", "normal:1,-1"):
        try: profiles.parse_duration(text)
        except ValueError as error: seen.append(text in str(error))
_state = state
def state(): return {"seen": seen}
""",
    )
    argument = "argument '{}'"
    assert dialer.ask()["seen"] == [
        *map(argument.format, ("rate", "rate", "period", "duration", "rate", "limit")),
        "a dialer needs an app for its calls", "TypeError", *[True] * 13,
    ]  # fmt: skip


@pytest.mark.pocket_only  # how many calls come when is the clock's business there
@pytest.mark.parametrize(
    ("profile", "offered", "seconds"),
    [
        ("step:5/4,20/2", 60, 6),
        ("ramp:0-20/4/1", 60, 5),
        ("burst:10/3/2", 20, 6),
    ],
)
def test_a_profile_has_its_calls_and_its_end(
    dial: Make, parked: str, profile: str, offered: int, seconds: float
) -> None:
    dialer = dial(
        """
def run(rest):
    to, profile = rest.split()
    make(f"loopback/{to}", Answers, limit=1000, duration=0.1, profile=profiles.parse_profile(profile))
    loop = asyncio.get_running_loop()
    began.append(loop.time())
    dialer.start()
    async def end():
        await dialer.finished()
        began.append(loop.time())
    asyncio.ensure_future(end())
began = []
_state = state
def state(): return {**_state(), "took": began[-1] - began[0] if began else 0}
""",
        f"{parked} {profile}",
    )
    found = dialer.finish()
    # A call that is due at the very end may be placed or not.
    assert offered - 1 <= found["offered"] <= offered
    assert found["answered"] == found["offered"]
    assert seconds - 3.1 <= found["took"] <= seconds + 1


def test_profiles_add_up(dial: Make) -> None:
    dialer = dial(
        """
def run(_):
    steps = profiles.Steps([(5, 10), (0, 10), (10, 10)])
    ramp = profiles.Ramp(0, 10, 10, 5)
    burst = profiles.Burst(7, 2)
    seen.append([steps.due(0, 30), steps.due(5, 25), steps.rate(15), steps.rate(31), steps.end()])
    seen.append([ramp.due(0, 10), ramp.due(0, 20), ramp.rate(5), ramp.rate(15), ramp.end()])
    seen.append([burst.due(0, 0.1), burst.due(0.1, 1.9), burst.due(1.9, 2.1), burst.rate(9), burst.following(3, 1)])
    for profile in (steps, ramp):
        cut = [number * 0.37 for number in range(60)]
        whole, parts = profile.due(0, cut[-1]), sum(map(profile.due, cut, cut[1:]))
        seen.append(abs(whole - parts) < 1e-9)
_state = state
def state(): return {"seen": seen}
""",
    )
    assert dialer.ask()["seen"] == [
        [150.0, 75.0, 0.0, 0.0, 30.0],
        [50.0, 100.0, 5.0, 0.0, 15.0],
        [7.0, 0.0, 7.0, 3.5, 1.0],
        True,
        True,
    ]


@pytest.mark.pocket_only  # nobody waits for an hour
def test_an_hour_of_parked_calls_goes_by_at_once(dial: Make, parked: str) -> None:
    dialer = dial(
        """
def run(to):
    make(f"loopback/{to}", Answers, rate=20, limit=20, max_offered=20, duration=3600)
    dialer.start()
""",
        parked,
    )
    # At 50 frames a second and leg these would be seven million waits.
    dialer.wait(offered=20, answered=20)
    found = dialer.finish(timeout=4000)
    assert found["causes"] == ["NORMAL_CLEARING"] * 20
    assert all(3599 < held < 3602 for held in found["held"])


@pytest.mark.pocket_only  # nobody waits for an hour
def test_an_hour_of_tones_goes_by_at_once(host: Host, dial: Make) -> None:
    tones = host.extension(("answer", ""), ("playback", "tone_stream://%(100,100,440);loops=-1"))
    dialer = dial(
        """
def run(to):
    make(f"loopback/{to}", rate=20, limit=20, max_offered=20, duration=3600)
    dialer.start()
""",
        tones,
    )
    # A tone that nobody looks at is one wait, too, and not one for each of its frames.
    dialer.wait(offered=20, answered=20)
    found = dialer.finish(timeout=4000)
    assert found["causes"] == ["NORMAL_CLEARING"] * 20
    assert all(3599 < held < 3602 for held in found["held"])
