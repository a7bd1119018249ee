"""The apps that come with this package, on calls that a client places through loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from hosts.base import Host
from hosts.ports import free_port
from support.saw import Asked, script_file

# What of the package the scripts of single tests use.
IMPORTS = """
import asyncio, time
from freeswitch.apps.bert import Bert, ToneCheck
from freeswitch.apps.blockers import CalleeBlockOnInvite, CalleeRingback
from freeswitch.apps.dtmf import DtmfChecker
from freeswitch.apps.measure import CDR, SysStats
from freeswitch.apps.players import MutedPlayRec, PlayRec, TonePlay
from freeswitch.apps.routers import Bridger, Proxier, Router
"""


class Tried(Asked):
    """Apps under test."""

    def __init__(self, host: Host, source: str) -> None:
        super().__init__(host, script_file("switchio_apps.py") + IMPORTS + source)

    def wait(self, expression: str, wanted: object = True, timeout: float = 20.0) -> None:
        """Wait until an expression is this in the script."""
        seen: list[object] = []

        def looks() -> bool | None:
            seen[:] = [self.ask("get", expression)]
            return seen[0] == wanted or None

        try:
            self.host.wait_for(looks, timeout=timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{expression} is {seen}, not {wanted}; said: {self.ask('said')}") from error


Try = Callable[..., Tried]


@pytest.fixture
def tried(host: Host) -> Iterator[Try]:
    """Run a script's `run`; its apps are unloaded at the end."""
    made: list[Tried] = []

    def start(source: str, argument: str = "") -> Tried:
        made.append(Tried(host, source))
        made[-1].ask("run", argument)
        return made[-1]

    yield start
    for app in made:
        app.ask("unload")


def test_tone_play(tried: Try, parked: str) -> None:
    app = tried("def run(to):\n    load(TonePlay)\n    place(f'loopback/{to}')", parked)
    app.wait("['plays', 'out'] in said and ['echo', 'in'] in said")
    app.ask("do", "client.hupall('tried')")
    app.wait("['NORMAL_CLEARING', 'in'] in said and ['NORMAL_CLEARING', 'out'] in said")


def test_both_legs_are_one_call(tried: Try, parked: str) -> None:
    app = tried("def run(to):\n    load(TonePlay)\n    place(f'loopback/{to}')", parked)
    app.wait("['plays', 'out'] in said")
    app.wait("legs['in'].call is legs['out'].call and legs['in'].call.get_peer(legs['in']) is legs['out']")
    app.wait("legs['out'].call.first is legs['out'] and legs['out'].call.last is legs['in']")
    app.wait("legs['out'].cid == legs['in'].cid == legs['in'].appname == 'tried'")


def test_digits_are_checked(tried: Try, parked: str) -> None:
    app = tried(
        """
def run(to):
    checker.append(load(DtmfChecker, sequence="1234#"))
    place(f"loopback/{to}")
checker = []
""",
        parked,
    )
    app.wait("legs['in'].vars.get('dtmf_checked')")
    app.wait("[len(checker[0].failed), len(checker[0].incomplete), checker[0].total_time]", [0, 0, 1.0])


def test_digits_that_are_others_or_too_few_are_told(tried: Try, parked: str) -> None:
    app = tried(
        """
def run(to):
    checker.append(load(DtmfChecker, sequence="12"))
    place(f"loopback/{to}")
    checker[0].sequence = ["1", "3"]
checker = []
""",
        parked,
    )
    # The sequence was changed before the legs had it, or after: its digits came, or others did.
    app.wait("'dtmf_checked' in legs['in'].vars and 'out' in legs and len(checker[0].incomplete) == 0")
    app.ask("do", "checker[0].incomplete.clear(); checker[0].failed.clear(); checker[0].sequence = ['1']")
    app.ask("do", "place_later = checker[0].__class__.on_digit")
    app.ask("do", "import collections; checker[0].incomplete[legs['in']] = collections.deque(['5', '6'])")
    app.ask("do", "legs['out'].send_dtmf('57')")
    app.wait("checker[0].failed == __import__('collections').deque([legs['in']])")
    app.ask("do", "checker[0].failed.clear(); checker[0].incomplete[legs['in']] = collections.deque(['5', '6'])")
    app.ask("do", "client.hupall('tried')")
    app.wait("len(checker[0].failed)", 1)


@pytest.mark.parametrize("cause", ["USER_BUSY", "NORMAL_CLEARING"])
def test_calls_are_blocked(tried: Try, parked: str, cause: str) -> None:
    app = tried(
        """
def run(rest):
    to, cause = rest.split()
    load(CalleeBlockOnInvite, response=cause)
    job.append(place(f"loopback/{to}"))
job = []
""",
        f"{parked} {cause}",
    )
    app.wait(f"[{cause!r}, 'in'] in said")
    app.wait("has_failed(job[0])")


def test_a_response_is_a_cause_or_a_status(host: Host) -> None:
    name = host.script("""
        from freeswitch.apps.blockers import CalleeBlockOnInvite, CalleeRingback
        def fsapi(session, stream, env, args):
            app = CalleeBlockOnInvite()
            app.prepost("480")
            stream.write(f"{app.response!r} ")
            app.response = "CALL_REJECTED"
            stream.write(f"{app.response} ")
            try: CalleeRingback().prepost(ring_response="busy")
            except ValueError as error: stream.write(str(error))
    """)
    assert host.api(f"python {name}") == "480 CALL_REJECTED ring_response is pre_answer or ring_ready, not 'busy'"


@pytest.mark.parametrize(("who", "cause"), [("callee_hup_after", "NORMAL_CLEARING"), ("caller_hup_after", None)])
def test_calls_ring_and_are_not_answered(tried: Try, parked: str, who: str, cause: str | None) -> None:
    app = tried(
        """
def run(rest):
    to, who = rest.split()
    load(CalleeRingback, **{who: 1.0})
    job.append(place(f"loopback/{to}"))
job = []
""",
        f"{parked} {who}",
    )
    app.wait("has_failed(job[0])")
    app.wait("['pre_answer', 'in'] in said and any(word == ['plays', 'in'] for word in said)")
    app.wait("legs['in'].answered or legs['out'].answered", False)
    if cause is not None:
        app.wait(f"[{cause!r}, 'in'] in said")


def test_a_clip_is_played_and_not_recorded(tried: Try, host: Host, parked: str) -> None:
    app = tried(
        """
def run(to):
    load(PlayRec, filename="tone_stream://%(200,0,440)", iterations=3, rec_period=float("inf"), clip_length=0.2)
    place(f"loopback/{to}")
""",
        parked,
    )
    app.wait("['NORMAL_CLEARING', 'out'] in said")
    app.wait("legs['out'].vars['playback_count']", 3)
    # The far leg is silent meanwhile, and nothing is refused.
    assert ["plays", "in"] in app.ask("said")
    host.no_log("MR0015")


@pytest.mark.parametrize("period", ["0", "inf"])
def test_a_call_whose_clip_is_not_there_ends(tried: Try, parked: str, period: str) -> None:
    app = tried(
        f"""
def run(to):
    load(PlayRec, filename="/no/such/clip.wav", rec_period=float("{period}"))
    place(f"loopback/{{to}}")
""",
        parked,
    )
    app.wait("['NORMAL_CLEARING', 'out'] in said")


@pytest.mark.freeswitch_only  # pocket records no calls
@pytest.mark.parametrize("kind", ["PlayRec", "MutedPlayRec"])
def test_both_legs_are_recorded(tried: Try, host: Host, parked: str, kind: str) -> None:
    app = tried(
        f"""
import os
def run(to):
    app = load({kind}, filename="tone_stream://%(500,0,440)", rec_period=0, clip_length=0.5, callback=infos.append)
    app.recsdir = {str(host.script_dir)!r}
    place(f"loopback/{{to}}")
infos = []
def sizes(): return [os.path.getsize(path) > 8000 for path in (infos[0].caller, infos[0].callee)] if infos else []
""",
        parked,
    )
    app.wait("sizes()", [True, True])
    app.wait("['NORMAL_CLEARING', 'out'] in said")
    app.wait("[legs['out'].vars['recorded'], legs['in'].vars['recorded']]", [True, True])
    app.wait("legs['out'].call.vars['noautohangup']")


@pytest.mark.freeswitch_only  # pocket has no tone_detect
def test_a_tone_is_heard(tried: Try, parked: str) -> None:
    app = tried(
        """
def run(to):
    checks.append(load(ToneCheck))
    place(f"loopback/{to}")
checks = []
""",
        parked,
    )
    app.wait("legs['in'].vars.get('tone_checked')")
    app.ask("do", "client.hupall('tried')")
    app.wait("['NORMAL_CLEARING', 'in'] in said and len(checks[0].failed) == 0")


def test_bert_says_that_its_module_is_not_there(host: Host) -> None:
    name = host.script("""
        from freeswitch.apps import Client
        from freeswitch.apps.bert import Bert
        def fsapi(session, stream, env, args):
            try: Client().load_app(Bert)
            except ValueError as error: stream.write(str(error))
    """)
    said = host.api(f"python {name}")
    # It is loaded where the switch has it.
    if host.api("module_exists mod_bert").strip() == "true":
        host.api("unload mod_bert")
        pytest.skip("this switch has mod_bert")
    assert said.startswith("Bert needs mod_bert, which localhost cannot load (")
    assert said.endswith("build it, or use ToneCheck")


def test_legs_are_bridged_again_and_again(tried: Try, host: Host, parked: str) -> None:
    # The far end of a bridge hangs up soon; the leg is parked again, and bridged as is said for the second time.
    ends = host.extension(("answer", ""), ("sleep", "500"), ("hangup", ""))
    app = tried(
        """
def run(rest):
    to, ends = rest.split()
    bridger = load(Bridger)
    ways = {1: {"dest_url": f"loopback/{ends}"}, 2: {"dest_url": f"loopback/{ends}"}}
    bridger.count2bridgeargs = ways
    class Stays:
        @apps.callback("CHANNEL_CREATE")
        def on_create(self, sess): sess.setvars({"park_after_bridge": "true", "hangup_after_bridge": "false"})
    client.load_app(Stays, on_value="tried", prepend=True)
    place(f"loopback/{to}")
""",
        f"{parked} {ends}",
    )
    app.wait("len([word for word in said if word[0] == 'bridge'])", 2)


def test_calls_are_recorded_with_what_the_machine_did(tried: Try, parked: str) -> None:
    app = tried(
        """
def run(to):
    load(TonePlay)
    client.load_app(cdr, on_value="tried", prepend=True)
    client.load_app(stats, on_value="tried", collect_rate=1e6)
    place(f"loopback/{to}")
cdr, stats = CDR(), SysStats()
""",
        parked,
    )
    app.wait("['plays', 'out'] in said")
    app.ask("do", "client.hupall('tried')")
    app.wait("[row['hangup_cause'] for row in cdr.storer.rows]", ["NORMAL_CLEARING"])
    app.wait("[cdr.storer.rows[0][key] for key in ('outcome', 'switchio_app')]", ["answered", "tried"])
    app.wait("cdr.storer.rows[0]['caller_uuid'] == legs['out'].uuid")
    app.wait("cdr.storer.rows[0]['callee_uuid'] == legs['in'].uuid")
    # The first leg begins the count, the second has one.
    app.wait("[0 <= row['total_cpu_percent'] <= 100 for row in stats.storer.rows]", [True])


SOFIA = """<configuration name="sofia.conf"><profiles><profile name="tried"><settings>
<param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/><param name="sip-port" value="{port}"/>
<param name="context" value="default"/><param name="dialplan" value="XML"/><param name="auth-calls" value="false"/>
<param name="inbound-codec-prefs" value="PCMU"/><param name="outbound-codec-prefs" value="PCMU"/>
<param name="apply-inbound-acl" value="loopback.auto"/><param name="rtp-timer-name" value="soft"/>
<param name="manage-presence" value="false"/>
</settings></profile></profiles></configuration>"""


@pytest.fixture
def sip(host: Host) -> Iterator[int]:
    """The port of a SIP profile that calls itself."""
    port = free_port(socket.SOCK_DGRAM)
    host.config(SOFIA.format(port=port))
    if not host.api("load mod_sofia").startswith("+OK"):
        pytest.skip("this switch has no mod_sofia")
    host.wait_for(lambda: "RUNNING" in host.api("sofia status") or None)
    yield port
    host.api("hupall")
    host.wait_for(lambda: host.api("show channels count").strip().startswith("0 ") or None)
    host.api("unload -f mod_sofia")


@pytest.mark.freeswitch_only  # pocket has no SIP
def test_the_id_and_the_call_go_over_sip_and_media_are_measured(tried: Try, parked: str, sip: int) -> None:
    app = tried(
        """
def run(rest):
    to, port = rest.split()
    load(TonePlay)
    client.load_app(cdr, on_value="tried", prepend=True)
    client.set_orig_cmd(f"{to}@127.0.0.1:{port}", profile="tried")
    client.originate(app_id="tried")
cdr = CDR()
""",
        f"{parked} {sip}",
    )
    app.wait("['plays', 'out'] in said and ['echo', 'in'] in said")
    app.wait("legs['in'].call is legs['out'].call and legs['in'].call.get_peer(legs['in']) is legs['out']")
    app.wait("legs['in'].cid == legs['in'].appname == 'tried'")
    # Some packets, so that there is something to be said of them.
    app.wait("legs['out'].uptime >= 0 and time.time() - legs['out'].times['create'] > 1.5")
    app.ask("do", "client.hupall('tried')")
    app.wait("[row['outcome'] for row in cdr.storer.rows]", ["answered"])
    app.wait("cdr.storer.rows[0]['caller_uuid'] == legs['out'].uuid")
    for leg in ("caller", "callee"):
        app.wait(f"1.0 <= cdr.storer.rows[0]['{leg}_mos'] <= 5.0")
        app.wait(f"0.0 <= cdr.storer.rows[0]['{leg}_rtp_loss'] <= 100.0")


@pytest.mark.freeswitch_only  # pocket has no SIP
def test_bert_understands_its_bits_over_sip(tried: Try, host: Host, parked: str, sip: int) -> None:
    host.api("load mod_bert")
    if host.api("module_exists mod_bert").strip() != "true":
        pytest.skip("this switch has no mod_bert")
    app = tried(
        """
def run(rest):
    to, port = rest.split()
    checks.append(load(Bert))
    client.set_orig_cmd(f"{to}@127.0.0.1:{port}", profile="tried")
    client.originate(app_id="tried")
checks = []
""",
        f"{parked} {sip}",
    )
    app.wait("legs['out'].vars.get('bert_sync')", True)
    app.ask("do", "client.hupall('tried')")
    app.wait("['NORMAL_CLEARING', 'in'] in said and len(checks[0].timed_out) == 0")
    host.api("unload mod_bert")
