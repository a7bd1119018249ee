"""Every name of mod_python3's `freeswitch` module is there, with its parameters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hosts.base import Host
from parity.names import ABSENT, ATTRIBUTES, CLASSES, CONSTANTS, FUNCTIONS, OTHER_NAMES

ROOT = Path(__file__).resolve().parents[2]

# Says of every callable how inspect sees its parameters: name, kind, whether it can be left out.
DESCRIBE = """
    import inspect, json
    import freeswitch

    def parameters(function):
        try:
            found = inspect.signature(function).parameters.values()
        except (TypeError, ValueError) as error:
            return str(error)
        return [
            [p.name, p.kind.name, p.default is not p.empty]
            for p in found
            if p.name != "self" and p.kind is not p.KEYWORD_ONLY
        ]

    def describe():
        said = {"functions": {}, "classes": {}, "names": dir(freeswitch), "all": list(freeswitch.__all__)}
        for name in freeswitch.__all__:
            value = getattr(freeswitch, name)
            if inspect.isclass(value):
                methods = {m: parameters(getattr(value, m)) for m in dir(value) if callable(getattr(value, m))}
                said["classes"][name] = {"methods": methods, "names": dir(value)}
            elif callable(value):
                said["functions"][name] = parameters(value)
        said["constants"] = {n: getattr(freeswitch, n) for n in freeswitch.__all__ if n.startswith("S_")}
        return said

    def fsapi(session, stream, env, args):
        stream.write(json.dumps(describe()))
"""


@pytest.fixture
def seen(host: Host) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(host.api(f"python {host.script(DESCRIBE)}"))
    return said


def parsed(text: str) -> list[tuple[str, bool]]:
    """Names and whether they can be left out."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return [(part.partition("=")[0], "=" in part) for part in parts]


def differs(wanted: str, found: Any) -> bool:
    """Whether what inspect found takes other arguments, by place or by name."""
    if wanted.startswith("*"):
        return [kind for _, kind, _ in found] != ["VAR_POSITIONAL"]
    pairs = [(name, optional) for name, kind, optional in found if kind == "POSITIONAL_OR_KEYWORD"]
    expected = parsed(wanted)
    names = [name for name, _ in expected]
    # More may be optional than was in mod_python3, and more may be taken after what it took.
    return [name for name, _ in pairs[: len(names)]] != names or any(
        optional and not pair[1] for (_, optional), pair in zip(expected, pairs, strict=False)
    )


def test_functions(seen: dict[str, Any]) -> None:
    missing = FUNCTIONS.keys() - seen["functions"].keys()
    assert not missing
    wrong = {
        name: seen["functions"][name] for name, text in FUNCTIONS.items() if differs(text, seen["functions"][name])
    }
    assert not wrong


@pytest.mark.parametrize("cls", CLASSES)
def test_methods(seen: dict[str, Any], cls: str) -> None:
    found = seen["classes"][cls]["methods"]
    missing = CLASSES[cls].keys() - found.keys()
    assert not missing
    wrong = {}
    for name, text in CLASSES[cls].items():
        if name != "__init__" and f"{cls}.{name}" not in OTHER_NAMES and differs(text, found[name]):
            wrong[name] = found[name]
    assert not wrong


def test_attributes_and_constants(seen: dict[str, Any]) -> None:
    assert seen["constants"] == CONSTANTS
    for cls, names in ATTRIBUTES.items():
        assert set(names) <= set(seen["classes"][cls]["names"]), cls


def test_star_import_gives_every_name(seen: dict[str, Any]) -> None:
    assert {*CLASSES, *FUNCTIONS, *CONSTANTS} <= set(seen["all"])


def test_what_is_absent_is_absent_and_documented(seen: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "mod_python3.md").read_text(encoding="utf-8")
    for cls, names in ABSENT.items():
        there = seen["names"] if not cls else seen["classes"][cls]["names"]
        assert not set(names) & set(there), cls
        for name in names:
            assert re.search(rf"`(?:\w+\.)?{name}`", page), f"the page does not say why there is no {cls}.{name}"


# Each with every keyword that mod_python3 has, and the defaults that it has.
BY_KEYWORD = [
    "freeswitch.API(s=None).execute(command='echo', data='x')",
    "freeswitch.API(s=session).executeString(command='echo x')",
    "freeswitch.DTMF('1', 2000)",
    "freeswitch.Event('CUSTOM', 'a::b').serialize(format='json')",
    "freeswitch.Event('CUSTOM', None).addHeader(header_name='a', value='b')",
    "freeswitch.Event('CUSTOM').setPriority(0)",
    "freeswitch.Event('CUSTOM').merge(to_merge=freeswitch.Event('CUSTOM'))",
    "freeswitch.EventConsumer('CUSTOM', '', 5000).pop(block=0, timeout=0)",
    "freeswitch.EventConsumer(None).bind('CUSTOM', '')",
    "freeswitch.IVRMenu(main=None, name='m', greeting_sound=None, short_greeting_sound=None, invalid_sound=None,"
    " exit_sound=None, transfer_sound=None, confirm_macro=None, confirm_key=None, tts_engine=None, tts_voice=None,"
    " confirm_attempts=1, inter_timeout=100, digit_len=1, timeout=100, max_failures=1, max_timeouts=1)"
    ".bindAction(action='menu-exit', arg='', bind='1')",
    "freeswitch.consoleLog(level_str='debug', msg='x')",
    "freeswitch.console_log2(level_str='debug', file='f', func='g', line=1, msg='x')",
    "freeswitch.getGlobalVariable(var_name='hold_music')",
    "freeswitch.setGlobalVariable(var_name='parity', var_val='x')",
    "freeswitch.msleep(ms=1)",
    "session.collectDigits(20)",
    "session.collectDigits(20, 20)",
    "session.getDigits(1, '', 20)",
    "session.getDigits(1, '', 20, 20)",
    "session.getDigits(1, '', 20, 20, 20)",
    "session.read(min_digits=1, max_digits=1, prompt_audio_file='', timeout=20, valid_terminators='#',"
    " digit_timeout=0)",
    "session.playAndGetDigits(min_digits=1, max_digits=1, max_tries=1, timeout=20, terminators='#', audio_files='',"
    " bad_input_audio_files='', digits_regex='', var_name=None, digit_timeout=0, transfer_on_failure=None)",
    "session.streamFile(file='silence_stream://20', starting_sample_count=0)",
    "session.sleep(ms=20, sync=0)",
    "session.execute(app='set', data='parity=x')",
    "session.setVariable(var='parity', val=None)",
    "session.setHangupHook(pyfunc=print, arg=None)",
    "session.setInputCallback(cbfunc=print, funcargs=None)",
    "session.setDTMFCallback(cbfunc=print, funcargs=None)",
    "session.sendEvent(sendME=freeswitch.Event('CUSTOM'))",
    "session.setEventData(e=freeswitch.Event('CUSTOM'))",
    "session.set_tts_params(tts_name='t', voice_name='v')",
    "session.setPrivate(var='p', val=1)",
    "session.detectSpeech(arg0='stop', arg1=None, arg2=None, arg3=None)",
    "session.setAutoHangup(val=0)",
    "freeswitch.Session().originate(a_leg_session=None, dest='error/user_busy', timeout=60, handlers=None)",
    "freeswitch.Session('error/user_busy', None)",
    "freeswitch.Stream().raw_write(data='ab', len=2)",
    "freeswitch.Stream().read(len=10)",
    "session.begin_allow_threads() and session.end_allow_threads()",
    "session.transfer(extension='none', dialplan='XML', context='default')",
    "session.hangup('normal_clearing')",
]


def test_calls_by_keyword(host: Host) -> None:
    calls = json.dumps(BY_KEYWORD)
    name = host.script(f"""
        import json
        import freeswitch
        def handler(session, args):
            session.answer()
            wrong = {{}}
            for call in {calls}:
                try:
                    eval(call, {{"freeswitch": freeswitch, "session": session}})
                except Exception as error:
                    wrong[call] = repr(error)
            session.setVariable("wrong", json.dumps(wrong))
    """)
    result = host.run("python", name)
    assert json.loads(result.variables["wrong"]) == {}
