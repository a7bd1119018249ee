"""Calls that clients place, on the switch that they run in: the command, and what the legs are to run."""

from __future__ import annotations

from hosts.base import Host
from support.clients import Make, program

__all__ = ["program"]


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


def test_a_destination_may_have_placeholders(program: Make, parked: str) -> None:
    said = program("""
async def run(to):
    client = Client()
    client.load_app(Answers, on_value="answers")
    client.set_orig_cmd("loopback/{to}")
    said.append(await client.originate(app_id="answers", rep_fields={"to": to}) != "")
    client.hupall("answers")
    for values in ({"to": "x &system(true)"}, {"to": "x}y"}):
        try: client.originate(app_id="answers", rep_fields=values)
        except ValueError as error: said.append(str(error))
    client.set_orig_cmd("{user}@host", proxy="{first}:5060")
    said.append(client.originate_cmd.rpartition("}}")[2])
    for wrong in ("{not one}@host", "{}@host", "}@host"):
        try: client.set_orig_cmd(wrong)
        except ValueError as error: said.append(str(error))
    try: client.originate("{user}@host")
    except ValueError as error: said.append(str(error))
""").ask("run", parked)
    refused = "argument 'dest_url' cannot be put into a dial string: "
    wrong = [f"{refused}'{text}@host'" for text in ("{not one}", "{}", "}", "{user}")]
    unfit = [
        "the field 'to' cannot be put into a destination: 'x &system(true)'",
        "the field 'to' cannot be put into a dial string: 'x}y'",
    ]
    assert said == [True, *unfit, "sofia/external/{user}@host;fs_path=sip:{first}:5060 &park()", *wrong]


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


def test_no_leg_that_somebody_else_places_is_cut_off(program: Make, parked: str) -> None:
    # Such legs come from fs_cli, a dialplan or another program: nothing is known of their originate but its events.
    one = program("""
class Plays(Answers):
    @apps.callback("CHANNEL_ANSWER")
    def on_answer(self, sess):
        if sess.is_outbound():
            sess.execute("set", "order=first")
            sess.playback("tone_stream://%(30,0,440)")
    @apps.callback("CHANNEL_PARK")
    def on_outbound_park(self, sess):
        # What was given before comes before.
        if sess.is_outbound(): sess.execute("set", "order=${order} second")
    @apps.callback("PLAYBACK_STOP")
    def on_stop(self, sess):
        said.append(sess["Playback-Status"])
        sess.execute("hangup")
    @apps.callback("CHANNEL_DESTROY")
    def on_end(self, sess):
        if sess.is_outbound(): said.append(sess["variable_order"])
def run(to):
    client = Client()
    client.load_app(Plays, on_value="plays")
    for _ in range(10): client.api(f"bgapi originate {{sip_h_X-switchio_app=plays}}loopback/{to} &park()")
""")
    one.ask("run", parked)
    wanted = ["done", "first second"] * 10
    one.host.wait_for(lambda: sorted(one.ask("said")) == sorted(wanted) or None, what=f"{wanted}")


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
