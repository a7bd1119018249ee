"""Every method and function of the module with arguments that are good, for the tests that make them bad.

An argument's kind says what it refuses: `text`, `text?` (None too is good), `number`, `limit` (a number of which a
negative one is no limit, or the default), `endless` (the same, where the call would never end), `any`, or a class.
Where a call is over after a method, the method stands in ENDS.
"""

from __future__ import annotations

Arguments = list[tuple[str, str]]  # kind, and the value as Python

QUIET = "'silence_stream://20'"

SESSION: dict[str, Arguments] = {
    "_print": [("text", "'x'")],
    "answer": [],
    "answered": [],
    "bridged": [],
    "check_hangup_hook": [],
    "collectDigits": [("limit", "20"), ("limit", "20")],
    "consoleLog": [("text?", "'debug'"), ("text?", "'x'")],
    "consoleLog2": [("text?", "'debug'"), ("text?", "'f'"), ("text?", "'g'"), ("number", "1"), ("text?", "'x'")],
    "detectSpeech": [("text?", "'stop'"), ("text?", "'a'"), ("text?", "'b'"), ("text?", "'c'")],
    "execute": [("text", "'set'"), ("text?", "'a=b'")],
    "flushDigits": [],
    "flushEvents": [],
    "getDigits": [("limit", "1"), ("text?", "''"), ("limit", "20"), ("limit", "20"), ("limit", "20")],
    "getPrivate": [("text", "'x'")],
    "getState": [],
    "getVariable": [("text", "'x'")],
    "getXMLCDR": [],
    "get_uuid": [],
    "hangupCause": [],
    "hangupState": [],
    "insertFile": [("text", "'/none.wav'"), ("text", "'/none2.wav'"), ("number", "0")],
    "mediaReady": [],
    "playAndDetectSpeech": [("text", QUIET), ("text", "'none'"), ("text", "'g'")],
    "playAndGetDigits": [
        *[("number", "1"), ("number", "1"), ("endless", "1"), ("endless", "20"), ("text?", "'#'"), ("text?", "''")],
        *[("text?", "''"), ("text?", "''"), ("text?", "None"), ("limit", "20"), ("text?", "None")],
    ],
    "preAnswer": [],
    "read": [*[("limit", "1"), ("limit", "1"), ("text?", "''"), ("limit", "20"), ("text?", "'#'"), ("limit", "20")]],
    "ready": [],
    "say": [("text", "'1'"), ("text", "'none'"), ("text", "'number'"), ("text", "'pronounced'"), ("text?", "None")],
    "sayPhrase": [("text", "'none'"), ("text?", "''"), ("text?", "None")],
    "sendEvent": [("Event", "freeswitch.Event('CUSTOM')")],
    "setAutoHangup": [("any", "0")],
    "setDTMFCallback": [("function", "print"), ("any", "None")],
    "setEventData": [("Event", "freeswitch.Event('CUSTOM')")],
    "setHangupHook": [("function", "print"), ("any", "None")],
    "setInputCallback": [("function", "print"), ("any", "None")],
    "setPrivate": [("text", "'x'"), ("any", "1")],
    "setVariable": [("text", "'x'"), ("text?", "'y'")],
    "set_tts_params": [("text?", "'none'"), ("text?", "'v'")],
    "set_tts_parms": [("text?", "'none'"), ("text?", "'v'")],
    "sleep": [("number", "20"), ("flag", "0")],
    "speak": [("text", "'x'")],
    "streamFile": [("text", QUIET), ("number", "0")],
    "unsetInputCallback": [],
    "waitForAnswer": [("Session?", "None")],
    "variables.__getitem__": [("text", "'caller_id_number'")],
    "variables.__setitem__": [("text", "'x'"), ("text", "'y'")],
}
# After these there is no call: each is tried on one of its own.
ENDS: dict[str, Arguments] = {
    "hangup": [("text?", "'normal_clearing'")],
    "transfer": [("text", "'none'"), ("text?", "'XML'"), ("text?", "'default'")],
    "recordFile": [("text", "'/tmp'"), ("limit", "1"), ("limit", "0"), ("limit", "0")],
    "destroy": [],
}
FUNCTIONS: dict[str, Arguments] = {
    "freeswitch.consoleCleanLog": [("text?", "'x'")],
    "freeswitch.consoleLog": [("text?", "'debug'"), ("text?", "'x'")],
    "freeswitch.consoleLog2": SESSION["consoleLog2"],
    "freeswitch.email": [("text", "''"), ("text", "''"), *[("text?", "None")] * 5],
    "freeswitch.getGlobalVariable": [("text", "'x'")],
    "freeswitch.setGlobalVariable": [("text", "'bad_input'"), ("text?", "'y'")],
    "freeswitch.msleep": [("number", "1")],
    "freeswitch.running": [],
    "freeswitch.bridge": [("Session", "freeswitch.Session()"), ("Session", "freeswitch.Session()")],
    "freeswitch.API": [("Session?", "None")],
    "freeswitch.API().execute": [("text?", "'echo'"), ("text?", "'x'")],
    "freeswitch.API().executeString": [("text?", "'echo x'")],
    "freeswitch.API().json": [("any", "'status'"), ("any", "None")],
    "freeswitch.DTMF": [("digit", "'1'"), ("number", "2000")],
    "freeswitch.Dbh": [("text", "'sqlite://bad_input'")],
    "freeswitch.Dbh('sqlite://bad_input').query": [("text", "'select 1'"), ("any", "None")],
    "freeswitch.Event": [("text", "'CUSTOM'"), ("text?", "'bad::input'")],
    "freeswitch.Event('CUSTOM').addBody": [("text", "'x'")],
    "freeswitch.Event('CUSTOM').addHeader": [("text", "'x'"), ("text", "'y'")],
    "freeswitch.Event('CUSTOM').delHeader": [("text", "'x'")],
    "freeswitch.Event('CUSTOM').getHeader": [("text", "'x'")],
    "freeswitch.Event('CUSTOM').merge": [("Event", "freeswitch.Event('CUSTOM')")],
    "freeswitch.Event('CUSTOM').serialize": [("text?", "'json'")],
    "freeswitch.Event('CUSTOM').setPriority": [("number", "0")],
    "freeswitch.Event('MESSAGE').chat_execute": [("text", "'none'"), ("text?", "'x'")],
    "freeswitch.Event('MESSAGE').chat_send": [("text?", "'none'")],
    "freeswitch.Event('CUSTOM').__setitem__": [("text", "'x'"), ("text", "'y'")],
    "freeswitch.EventConsumer": [("text?", "'CUSTOM'"), ("text?", "'bad::input'"), ("number", "10")],
    "freeswitch.EventConsumer().bind": [("text", "'CUSTOM'"), ("text?", "'bad::input'")],
    "freeswitch.EventConsumer().pop": [("flag", "0"), ("limit", "20")],
    "freeswitch.IVRMenu": [
        ("IVRMenu?", "None"),
        *[("text?", "'x'")] * 10,
        *[("limit", "1")] * 6,
    ],
    "freeswitch.IVRMenu(None, *['x'] * 10, *[1] * 6).bindAction": [
        *[("text", "'menu-exit'"), ("text?", "''"), ("text", "'1'")]
    ],
    "freeswitch.Session": [("text?", "'error/user_busy'"), ("Session?", "None")],
    "freeswitch.Session().originate": [
        *[("Session?", "None"), ("text", "'error/user_busy'"), ("limit", "1"), ("None", "None")]
    ],
    "freeswitch.Stream().write": [("text", "'x'")],
    "freeswitch.Stream().raw_write": [("bytes", "b'x'"), ("number", "1")],
    "freeswitch.Stream().read": [("number", "1")],
    "freeswitch.Stream().get_data": [],
}
