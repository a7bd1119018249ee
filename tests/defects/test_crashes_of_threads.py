"""What made mod_python3 crash (rows P17 to P25): objects that are kept, and threads that meet."""

from __future__ import annotations

from hosts.base import Host
from hosts.freeswitch import FreeSwitchHost
from support.configuration import xml_binding
from support.saw import in_api, in_call


def test_p17_callback_attributes(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def callback(*args): pass
        def body(session, saw):
            names = ("cb_function", "cb_arg", "hangup_func", "hangup_func_arg")
            saw["unset"] = [getattr(session, name) for name in names]
            argument = {"kept": 1}
            session.setInputCallback(callback, argument)
            session.setHangupHook(callback, argument)
            before = sys.getrefcount(callback), sys.getrefcount(argument)
            for _ in range(1000):
                for name in names: getattr(session, name)
            saw["same"] = before == (sys.getrefcount(callback), sys.getrefcount(argument))
            saw["is"] = [session.cb_function is callback, session.cb_arg is argument,
                         session.hangup_func is callback, session.hangup_func_arg is argument]
        """,
    )
    assert saw == {"unset": [None] * 4, "same": True, "is": [True] * 4}


def test_p18_kept_objects_are_stale(host: Host) -> None:
    name = host.script("""
        import freeswitch
        KEPT = {}
        def on_input(session, what, obj):
            KEPT[what] = obj
            return "stop"
        def handler(session, args):
            session.answer()
            session.setInputCallback(on_input)
            session.sleep(15000)
        def fsapi(session, stream, env, args):
            if not args:
                KEPT.update(stream=stream, env=env)
                return
            uses = {"stream": lambda o: o.write("x"), "env": lambda o: o.getHeader("x"),
                    "event": lambda o: o.getHeader("x"), "params": lambda o: o.getHeader("x")}
            for what, use in uses.items():
                if what not in KEPT:
                    continue
                try:
                    use(KEPT[what])
                    stream.write(what + " works,")
                except freeswitch.SessionGone:
                    stream.write(what + " is gone,")
        def xml_fetch(params):
            KEPT["params"] = params
    """)
    host.config(xml_binding(name))
    call = host.start_call(host.extension(("python", name)))
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    if isinstance(host, FreeSwitchHost):  # only it has an event socket that gives a session events
        host.queue_event(call.uuid, "CUSTOM", {"Event-Subclass": "kept::one"})
    else:
        call.press("1")
    call.wait()
    host.api(f"python {name}")
    # Lent ones are taken back; an XML lookup's parameters are a copy.
    event = "event is gone," if isinstance(host, FreeSwitchHost) else ""
    assert host.api(f"python {name} use") == f"stream is gone,env is gone,{event}params works,"


def test_p19_api_of_a_session_that_is_gone(host: Host) -> None:
    name = host.script("""
        import freeswitch
        KEPT = {}
        def handler(session, args):
            KEPT["api"] = freeswitch.API(session)
            session.setVariable("own", KEPT["api"].execute("echo", "x"))
        def fsapi(session, stream, env, args):
            try:
                stream.write(KEPT["api"].execute("echo", "late"))
            except freeswitch.SessionGone as error:
                stream.write("gone: " + error.uuid)
    """)
    result = host.run("python", name)
    assert result.variables["own"] == "x"
    assert host.api(f"python {name}") == f"gone: {result.uuid}"


def test_p20_raw_write_and_read(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            stream = freeswitch.Stream()
            saw["too long"] = tried(stream.raw_write, "ab", 100000)
            saw["negative"] = tried(stream.raw_write, "ab", -1)
            stream.raw_write("abc", 2)
            stream.raw_write(b"\\xff")
            saw["data"] = stream.get_data()
            saw["read"] = repr(tried(stream.read, 10))
        """,
    )
    assert saw["too long"].startswith("ValueError: argument 'len'")
    assert saw["negative"].startswith("ValueError: argument 'len'")
    assert (saw["data"], saw["read"]) == ("ab\udcff", "None")


def test_p21_sys_exit_in_callbacks(host: Host) -> None:
    script = """
        def leave(session, what, *rest): sys.exit(3)
        def body(session, saw):
            session.answer()
            session.%s(leave)
            session.sleep(15000)
            saw["after"] = True
    """
    for how, happens in (("setHangupHook", {"hangup_after": 0.3}), ("setInputCallback", {"press": [(0.3, "1")]})):
        saw, _ = in_call(host, script % how, **happens)
        assert saw == {}, how
    assert "is ready" in host.api("status")


def test_p22_scripts_that_end_as_the_far_end_hangs_up(host: Host) -> None:
    name = host.script("""
        def hook(session, what): session.getVariable("uuid")
        def handler(session, args):
            session.setHangupHook(hook)
            session.sleep(200)
    """)
    extension = host.extension(("python", name))
    for round_ in range(4):
        calls = [host.start_call(extension, hangup_after=0.12 + 0.02 * (n + round_)) for n in range(6)]
        for call in calls:
            call.wait()
    host.wait_no_calls()
    host.no_log("Traceback")


def test_p23_cleanup_while_another_thread_pops(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            saw["popped"] = []
            for _ in range(20):
                consumer = freeswitch.EventConsumer("CUSTOM", "nobody::fires")
                waiting = threading.Event()
                def pop():
                    waiting.set()
                    saw["popped"].append(consumer.pop(1))
                thread = threading.Thread(target=pop)
                thread.start()
                waiting.wait()
                consumer.cleanup()
                thread.join(10)
                saw["alive"] = thread.is_alive()
        """,
    )
    assert saw == {"popped": [None] * 20, "alive": False}


def test_p24_runaway_recursion(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def f(n): return sorted([1, 2], key=lambda x: f(n + 1))
        class Endless:
            def __getattr__(self, name): return getattr(self, name + "x")
        def body(session, saw):
            saw["sorted"] = tried(f, 0).split(":")[0]
            saw["getattr"] = tried(lambda: Endless().a).split(":")[0]
            saw["compile"] = tried(compile, "-" * 100000 + "1", "x", "eval").split(":")[0]
        """,
    )
    assert (saw["sorted"], saw["getattr"]) == ("RecursionError", "RecursionError")
    assert saw["compile"] in {"RecursionError", "MemoryError", "SyntaxError"}


def test_p25_nested_scripts_on_one_thread(host: Host) -> None:
    inner = host.script("""
        import _thread
        def handler(session, args): session.setVariable("inner", str(_thread.get_ident()))
    """)
    saw, result = in_call(
        host,
        f"""
        import _thread, decimal
        def body(session, saw):
            decimal.getcontext().prec = 7
            session.execute("python", "{inner}")
            saw["same"] = session.getVariable("inner") == str(_thread.get_ident())
            saw["mine"] = decimal.getcontext().prec
        """,
    )
    assert saw == {"same": True, "mine": 7}
    assert result.variables["inner"]
