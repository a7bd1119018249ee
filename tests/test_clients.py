"""Clients, pools, services and what else switchio's programs use, on the switch that they run in."""

from __future__ import annotations

from hosts.base import Host
from support.clients import Make, program

__all__ = ["program"]


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
