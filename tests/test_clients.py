"""Clients, pools, services and what else switchio's programs use, on the switch that they run in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hosts.base import Host
from support.saw import WAITING, Asked

HEAD = (
    """
import asyncio, json
import freeswitch
from freeswitch import apps
from freeswitch.apps import (
    AppManager, Client, ConnectionError, ESLError,
    MultiEval, Service, SlavePool, get_client, get_listener, get_originator, sync_caller,
)
from freeswitch.apps.api import get_pool
from freeswitch.apps.players import TonePlay
from freeswitch.apps.utils import APIError, ConfigurationError

said = []

class Answers:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, sess):
        if sess.is_inbound(): sess.answer()

"""
    + WAITING
    + """
def clean():
    from freeswitch.apps import _dispatch, _loading
    here = get_listener()
    for app_id in list(here.apps): _loading.unload(here, app_id, None)

async def fsapi(session, stream, env, args):
    verb, _, rest = args.partition(" ")
    if verb == "run":
        found = run(rest)
        if found is not None: await found
    elif verb == "clean": clean()
    elif verb == "thread": await asyncio.to_thread(work, rest)
    stream.write(json.dumps(said))
"""
)


class Program(Asked):
    """A script that uses a client."""

    def __init__(self, host: Host, source: str) -> None:
        super().__init__(host, HEAD + source)

    def wait(self, *wanted: object) -> None:
        """Wait until this was said."""
        self.host.wait_for(
            lambda: self.ask("said") == list(wanted) or None, what=f"{wanted} and not {self.ask('said')}"
        )


Make = Callable[[str], Program]


@pytest.fixture
def program(host: Host) -> Iterator[Make]:
    """Make a program; what it has loaded is unloaded at the end."""
    made: list[Program] = []

    def make(source: str) -> Program:
        made.append(Program(host, source))
        return made[-1]

    yield make
    for one in made:
        one.ask("clean")


def test_commands(program: Make) -> None:
    said = program("""
def run(_):
    client = Client()
    said.append(client.cmd("global_setvar client_test=5") == client.api("global_setvar client_test=5").strip())
    said.append(client.api("global_getvar client_test").getBody().strip())
    said.append(client.cmd("global_getvar client_test"))
    for command in ("uuid_kill no-such-call", "no_such_command x"):
        try: client.api(command)
        except APIError as error: said.append([isinstance(error, ESLError), command in str(error)])
        said.append(client.api(command, exc=False) != "")
    said.append([client.host, client.connected(), client.listener.is_alive(), client.listener is get_listener()])
    said.append([issubclass(ConnectionError, OSError), issubclass(ESLError, Exception)])
""").ask("run")
    assert said == [
        True,
        "5",
        "5",
        [True, True],
        True,
        [True, True],
        True,
        ["localhost", True, True, True],
        [True, True],
    ]


def test_a_job_is_awaited_and_asked_for(program: Make) -> None:
    one = program("""
async def run(_):
    client = Client()
    job = client.bgapi("global_getvar client_test", callback=lambda answer, more: [len(answer) >= 0, more], more=5)
    said.append(await job)
    said.append([job.done(), job.successful(), job.ready(), job.result, job.kwargs, job.con is client.listener.link])
    failing = client.originate("error/USER_BUSY", app_id="none")
    try: await failing
    except apps.JobError as error: said.append([str(error), isinstance(error, ESLError), failing.successful()])
    said.append([failing.cid, len(failing.sess_uuid or ""), failing.wait.__name__])
def work(_):
    client = Client()
    job = client.bgapi("global_getvar client_test")
    said.append([job.wait(10), job.get(10) == job.result])
    failing = client.originate("error/USER_BUSY")
    said.append([failing.wait(10), failing.successful()])
    try: failing.get(10)
    except apps.JobError as error: said.append(str(error))
""")
    assert one.ask("run") == [
        [True, 5],
        [True, True, True, [True, 5], {"more": 5}, True],
        ["USER_BUSY", True, False],
        ["none", 36, "wait"],
    ]
    assert one.ask("thread")[4:] == [[True, True], [True, False], "USER_BUSY"]


def test_a_job_is_ended_by_hand(program: Make) -> None:
    said = program("""
def run(_):
    from freeswitch.apps.models import Job
    job = Job("1", "command", None, {})
    said.append([job("answer"), job.result, job.successful()])
    other = Job("2", "command", lambda answer, more="": answer + more, {"more": "!"})
    said.append(other("answer"))
    failed = Job("3", "command", None, {})
    failed.fail("no reason")
    said.append([failed.done(), failed.successful()])
    try: failed.result
    except apps.JobError as error: said.append(str(error))
""").ask("run")
    assert said == [["answer", "answer", True], "answer!", [True, False], "no reason"]


def test_apps_are_loaded_found_and_unloaded(program: Make) -> None:
    said = program("""
class Asks(Answers):
    def prepost(self, client, listener, pool, log, host, mine, given, optional="own", call_tracking_header="mine, too"):
        said.append([type(client).__name__, listener is client.listener, len(pool), log.name, host, mine, given])
        said.append([optional, call_tracking_header])
        yield
        said.append("down")
def run(_):
    client = Client()
    app_id = client.load_app(Asks, on_value="asks", funcargsmap={"mine": 5}, given=6)
    app = client.apps.asks["Asks"]
    said.append([app_id, app.cid, app.name, client.apps.asks.cid, app is client.apps["asks"]["Asks"]])
    try: client.load_app(Asks, on_value="asks", funcargsmap={"mine": 5}, given=6)
    except ConfigurationError: said.append("never")
    except ValueError as error: said.append("already" in str(error))
    try: client.load_app(Asks, on_value="other", given=6)
    except AttributeError as error: said.append("mine" in str(error))
    client.unload_app("asks")
    client.unload_app("asks")
    said.append(["asks" in client._apps, "asks" in client.listener.apps])
""").ask("run")
    assert said == [
        ["Client", True, 1, "freeswitch.apps", "localhost", 5, 6],
        ["own", "mine, too"],
        ["asks", "asks", "Asks", "asks", True],
        True, True, "down", [False, False],
    ]  # fmt: skip


def test_apps_load_gives_a_client_and_keeps_defaults(program: Make) -> None:
    said = program("""
class Asks(Answers):
    def prepost(self, client, pool, listener=None, event_loop=None):
        said.append([client.cmd("module_exists mod_none"), len(pool.evals("client.host")), listener, event_loop])
def run(_):
    said.append(apps.load(Asks, "kept"))
    apps.unload("kept")
    said.append(sorted(apps.load())[0])
    said.append(apps.load(()).keys() == apps.load(packages=("email",), imp_excs=()).keys() - {"email.mime"}
                or "email.charset" in apps.load(("email",)))
    said.append([apps.get(name).__name__ for name in ("Router", "Proxier", "TonePlay", "Bert", "DtmfChecker")])
    said.append(dict(apps.groupbymod())["freeswitch.apps.dtmf"][0][0])
""").ask("run")
    assert said[0] == ["false", 1, None, None]
    assert said[1:] == [
        "kept", "freeswitch.apps.bert", True, ["Router", "Proxier", "TonePlay", "Bert", "DtmfChecker"], "DtmfChecker",
    ]  # fmt: skip


def test_a_call_is_placed_and_known(program: Make, parked: str) -> None:
    one = program("""
async def run(to):
    client = Client()
    client.load_app(Answers, on_value="answers")
    client.set_orig_cmd(f"loopback/{to}", caller_id="Somebody, or other", mood="{mood}")
    job = client.originate(app_id="answers", rep_fields={"mood": "good"})
    uuid = await job
    sess = client.listener.sessions[uuid]
    said.append([uuid == job.sess_uuid, sess.bg_job is job, sess.host, sess.con is client.listener.link])
    said.append([sess["variable_mood"], sess["variable_sip_h_X-switchio_app"], sess.cid, sess.appname])
    said.append(sess["variable_sip_h_X-switchio_originating_session"] == uuid)
    mine = [call for call in client.listener.calls.values() if sess in call.sessions]
    said.append([client.listener.sessions_per_app["answers"], mine == [sess.call], len(sess.call.sessions)])
    said.append([sess.events[-1]["Event-Name"], client.listener.lookup_sess(sess.events[0])[1] is sess])
    said.append(client.listener.lookup_sess_and_job(sess.events[0])[2] is job)
    over = sess.recv("CHANNEL_DESTROY")
    client.hupall("answers")
    await over
    # Other calls may be up, of whoever uses this switch, too.
    await until(lambda: sess.call not in client.listener.calls.values())
    said.append([client.listener.sessions_per_app["answers"], uuid in client.listener.sessions])
    try: client.set_orig_cmd("x", uuid_str="mine")
    except ConfigurationError as error: said.append("uuid_str" in str(error))
    try: Client().originate()
    except ConfigurationError as error: said.append("set_orig_cmd" in str(error))
""")
    said = one.ask("run", parked)
    assert said[:4] == [[True, True, "localhost", True], ["good", "answers", "answers", "answers"], True, [2, True, 2]]
    assert said[4][1] is True
    assert said[4][0] in {"CHANNEL_CREATE", "CHANNEL_PARK"}
    assert said[5:] == [True, [0, False], True, True]


def test_a_client_is_lent_with_its_apps(program: Make) -> None:
    said = program("""
def run(_):
    with get_client(apps={"one": Answers, "two": (Keeps, {"what": 5})}) as client:
        said.append(sorted(client._apps))
    said.append([sorted(client._apps), "one" in client.listener.apps, client.listener.is_alive()])
class Keeps(Answers):
    def prepost(self, what): said.append(what)
""").ask("run")
    assert said == [5, ["one", "two"], [[], False, True]]


def test_calls_are_placed_in_a_thread(program: Make, parked: str) -> None:
    one = program("""
class Marks(TonePlay):
    @apps.callback("PLAYBACK_START")
    def on_play(self, sess): sess.vars["plays"] = True
def work(to):
    with sync_caller(apps={"Marks": Marks}) as caller:
        said.append([caller.app_names, caller.apps.Marks.cid])
        sess, waitfor = caller(f"loopback/{to}", "Marks", timeout=10, waitfor=("plays", 10))
        said.append([sess.is_outbound(), waitfor(sess, "plays", 1)])
        try: waitfor(sess, "never", 0.1)
        except TimeoutError: said.append("too late")
        sess.hangup().result(10)
        try: caller("error/USER_BUSY", "Marks")
        except apps.JobError as error: said.append(str(error))
def run(_):
    try:
        with sync_caller() as caller: caller("x", "y")
    except RuntimeError as error: said.append("await" in str(error))
""")
    one.ask("run")
    assert one.ask("thread", parked) == [True, [["Marks"], "Marks"], [True, True], "too late", "USER_BUSY"]


def test_a_pool_and_what_is_evaluated_on_it(program: Make) -> None:
    said = program("""
class Node:
    def __init__(self, host, count):
        self.client, self.listener = self, self
        self.host, self.count, self.hangup_causes, self.sessions_per_app = host, count, {}, {}
        from collections import Counter
        self.hangup_causes, self.sessions_per_app = Counter({"USER_BUSY": count}), Counter(a=count)
    def count_calls(self): return self.count
    count_jobs = count_sessions = count_failed = count_calls
def run(_):
    pool = SlavePool([Node("one", 1), Node("two", 2)])
    said.append([pool.evals("client.host"), pool.evals(lambda node: node.host), pool.evals("host + more", more="!")])
    said.append([len(pool), pool.count_calls(), pool.fast_count(), pool.count_failed(), pool.count_jobs()])
    said.append([dict(pool.hangup_causes()), dict(pool.aggr_causes()), dict(pool.sessions_per_app())])
    said.append([pool.reducer(sum, "listener.count_calls()")(), pool.folder(lambda a, b: a + b, "client.host")()])
    said.append([next(iter(pool)).host, [client.host for client in pool.clients], pool.partial("count")()])
    try: pool.evals("no_such_thing")
    except NameError as error: said.append("no_such_thing" in str(error))
    said.append(len(get_pool()))
""").ask("run")
    assert said == [
        [["one", "two"], ["one", "two"], ["one!", "two!"]],
        [2, 3, 3, 3, 3],
        [{"USER_BUSY": 3}, {"USER_BUSY": 3}, {"a": 3}],
        [3, "onetwo"],
        ["one", ["one", "two"], [1, 2]],
        True, 1,
    ]  # fmt: skip


def test_a_service_serves_until_it_is_stopped(program: Make, host: Host, parked: str) -> None:
    one = program("""
from freeswitch.apps.routers import Router
router = Router(guards={"Call-Direction": "inbound"}, reject_on_guard=False)
@router.route("7(.*)", field="Caller-Destination-Number")
async def welcome(sess, match, router):
    said.append([router.pool.evals("client.host"), match.group(1) != "", sess.cid])
    await sess.answer()
    await sess.hangup("CALL_REJECTED")
def run(_):
    global service
    service = Service()
    said.append([service.apps.load_app(router, app_id="default"), service.host, service.is_alive()])
    service.run(block=False)
def work(_):
    service.stop()
    said.append("default" in get_listener().apps)
""")
    one.ask("run")
    result = host.call(extension=parked)
    one.wait(["default", ["localhost"], True], [["localhost"], True, "default"])
    assert result.cause == "CALL_REJECTED"
    assert one.ask("thread")[-1] is False


def test_functions_are_added_and_removed_by_the_event_loop(program: Make, host: Host, parked: str) -> None:
    one = program("""
def answers(sess): said.append("called")
async def hangs(sess): await sess.hangup()
def hears(event): said.append("heard")
def run(_):
    loop = get_listener().event_loop
    loop.add_handler("CHANNEL_PARK", hears)
    loop.add_callback("CHANNEL_PARK", "default", answers)
    loop.add_coroutine("CHANNEL_PARK", "default", hangs)
    said.append([loop.is_alive(), loop.get_tasks(), loop.get_id({}.__class__ and Event(), "none"), loop.time() > 0])
    said.append([loop.callbacks == {"default": {"CHANNEL_PARK": [answers]}}, loop.port, loop.host])
    said.append(loop.coroutines == {"default": {"CHANNEL_PARK": [hangs]}})
class Event:
    def getHeader(self, name): return None
def work(_):
    loop = get_listener().event_loop
    loop.remove_handler("CHANNEL_PARK", hears)
    loop.remove_callback("CHANNEL_PARK", "default", answers)
    loop.remove_coroutine("CHANNEL_PARK", "default", hangs)
    said.append([get_listener().apps, loop.callbacks, loop.coroutines])
""")
    one.ask("run")
    host.call(extension=parked)
    one.wait([True, [], "none", True], [True, None, "localhost"], True, "heard", "called")
    assert one.ask("thread")[-1] == [{}, {}, {}]


def test_counters_are_reset(program: Make, host: Host) -> None:
    ends = host.extension(("hangup", "USER_BUSY"))
    one = program("""
async def run(to):
    listener = Client().listener
    listener.reset()
    try: await Client().originate(f"loopback/{to}")
    except apps.JobError: pass
    await until(lambda: listener.count_failed() and listener.hangup_causes["USER_BUSY"])
    failed = listener.count_failed() > 0
    said.append([listener.hangup_causes["USER_BUSY"] > 0, listener.failed_jobs["USER_BUSY"], failed])
    listener.reset()
    said.append([dict(listener.hangup_causes), dict(listener.failed_jobs), listener.total_answered_sessions])
    said.append([listener.max_limit == float("inf"), listener.call_tracking_header, listener.host, listener.port])
""")
    assert one.ask("run", ends) == [
        [True, 1, True],
        [{}, {}, 0],
        [True, "variable_sip_h_X-switchio_originating_session", "localhost", None],
    ]


def test_routes_are_functions_with_their_arguments(host: Host) -> None:
    name = host.script("""
        from freeswitch.apps.routers import PatternRegistrar
        route = PatternRegistrar()
        @route("1(.)", mood="good")
        async def first(sess, match, mood): pass
        @route("12", field="Other")
        async def second(sess, match): pass
        def fsapi(session, stream, env, args):
            found = list(route.iter_matches({"Caller-Destination-Number": "12", "Other": "12"}, sess=5))
            function, arguments = found[0]
            stream.write(" ".join([
                found[0].func.__name__, found[1].func.__name__, str(function is found[0].func), arguments["mood"],
                found[0].keywords["match"].group(1), str(sorted(route.regex2funcs)),
            ]))
    """)
    assert host.api(f"python {name}") == (
        "first second True good 2 [('1(.)', 'Caller-Destination-Number'), ('12', 'Other')]"
    )


def test_an_originate_command_says_what_is_meant(host: Host) -> None:
    name = host.script("""
        from freeswitch.apps.commands import build_originate_cmd as build
        def fsapi(session, stream, env, args):
            one = build("user@host:5080", "abc", caller_id="A B, C", xheaders={"mine": 5, "sip_h_P-Own": 6}, hold="x y")
            two = build("u@h", gateway="gw", dp_exten="100", proxy="p:5", originator_codec="", timeout=5)
            three = build("loopback/1", "u", app_name="echo", app_arg_str="")
            try: build("u@h", "u", bad="it's")
            except ValueError as error: four = str(error)
            stream.write("\\n".join([one, two, three, four]))
    """)
    one, two, three, four = host.api(f"python {name}").splitlines()
    assert one.startswith("originate {originate_timeout=60,origination_caller_id_name='A B, C',")
    assert one.endswith(",sip_h_X-mine=5,sip_h_P-Own=6,hold='x y'}sofia/external/user@host:5080 &park()")
    assert "origination_uuid=abc," in one
    assert two.startswith("originate {{originate_timeout=5,")
    assert "origination_uuid={uuid_str}," in two
    assert "originator_codec" not in two
    assert two.endswith("}}sofia/gateway/gw/u@h;fs_path=sip:p:5 100 xml default")
    assert three.endswith("}loopback/1 &echo()")
    assert four == """the variable 'bad' cannot be put into a dial string: "it's\""""


def test_a_destination_that_is_no_text_is_refused(program: Make) -> None:
    said = program("""
def run(_):
    client = Client()
    for to, given in (
        (None, {}), (5, {}), (b"u@h", {}), ("", {}), ("u@h", {"profile": None}), ("u@h", {"profile": 5}),
        ("u@h", {"gateway": 5}), ("u@h", {"proxy": ["p"]}), ("u@h", {"endpoint": None}),
    ):
        try: client.set_orig_cmd(to, **given)
        except (TypeError, ValueError) as error: said.append([type(error).__name__, str(error)])
    said.append(client.originate_cmd)
    client.set_orig_cmd("u@h", gateway=None, proxy=None)
    said.append(client.originate_cmd.endswith("}}sofia/external/u@h &park()"))
    try: client.originate(5)
    except TypeError as error: said.append(str(error))
""").ask("run")
    assert said == [
        ["TypeError", "argument 'dest_url' must be str, not None"],
        ["TypeError", "argument 'dest_url' must be str, not int"],
        ["TypeError", "argument 'dest_url' must be str, not bytes"],
        ["ValueError", "argument 'dest_url' is empty"],
        ["TypeError", "argument 'profile' must be str, not None"],
        ["TypeError", "argument 'profile' must be str, not int"],
        ["TypeError", "argument 'gateway' must be str or None, not int"],
        ["TypeError", "argument 'proxy' must be str or None, not list"],
        ["TypeError", "argument 'endpoint' must be str, not None"],
        None, True, "argument 'dest_url' must be str, not int",
    ]  # fmt: skip


def test_what_a_leg_is_to_run_waits_for_the_end_of_its_originate(program: Make, parked: str) -> None:
    # What it ran before would be cut off by the application of the originate.
    one = program("""
class Plays(Answers):
    @apps.callback("CHANNEL_ANSWER")
    def on_answer(self, sess):
        if sess.is_outbound(): sess.playback("tone_stream://%(300,0,440)")
    @apps.callback("PLAYBACK_START")
    def on_start(self, sess): said.append("starts")
    @apps.callback("PLAYBACK_STOP")
    def on_stop(self, sess):
        said.append(sess["Playback-Status"])
        sess.hangup()
    @apps.callback("CHANNEL_DESTROY")
    def on_end(self, sess):
        if sess.is_outbound(): said.append("over")
def run(to):
    client = Client()
    client.load_app(Plays, on_value="plays")
    client.originate(f"loopback/{to}", app_id="plays")
""")
    one.ask("run", parked)
    one.wait("starts", "done", "over")


def test_no_leg_of_many_is_cut_off_by_its_originate(program: Make, parked: str) -> None:
    # A leg's thread sees a moment after the end of the originate what it is to run.
    one = program("""
class Plays(Answers):
    @apps.callback("CHANNEL_ANSWER")
    def on_answer(self, sess):
        if sess.is_outbound(): sess.playback("tone_stream://%(30,0,440)")
    @apps.callback("PLAYBACK_STOP")
    def on_stop(self, sess):
        said.append(sess["Playback-Status"])
        sess.hangup()
def run(to):
    client = Client()
    client.load_app(Plays, on_value="plays")
    for _ in range(25): client.originate(f"loopback/{to}", app_id="plays")
""")
    one.ask("run", parked)
    one.wait(*["done"] * 25)


def test_a_thread_plays_to_a_leg_as_soon_as_it_is_placed(program: Make, parked: str) -> None:
    one = program("""
import threading
class Waits(Answers):
    @apps.callback("PLAYBACK_STOP")
    def on_stop(self, sess):
        said.append(sess["Playback-Status"])
        sess.hangup()
def run(to):
    client = Client()
    client.load_app(Waits, on_value="waits")
    def place():
        for _ in range(10):
            job = client.originate(f"loopback/{to}", app_id="waits")
            job.get(20)
            try: client.listener.sessions[job.sess_uuid].playback("tone_stream://%(30,0,440)")
            except Exception as error: said.append(repr(error))
    threading.Thread(target=place).start()
""")
    one.ask("run", parked)
    one.wait(*["done"] * 10)
