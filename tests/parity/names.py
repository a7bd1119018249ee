"""The names that mod_python3's `freeswitch` module has, and which of them are not here.

A parameter with `=` can be left out, and has there the default that stands behind it.
"""

from __future__ import annotations

CLASSES: dict[str, dict[str, str]] = {
    "API": {
        "__init__": "s=None",
        "execute": "command, data=None",
        "executeString": "command",
        "getTime": "",
    },
    "CoreSession": {
        "__init__": "uuid_or_dial_string=None, a_leg=None",
        "_print": "txt",
        "answer": "",
        "answered": "",
        "begin_allow_threads": "*args",
        "bridged": "",
        "check_hangup_hook": "",
        "collectDigits": "digit_timeout, abs_timeout=None",
        "consoleLog": "level_str, msg",
        "consoleLog2": "level_str, file, func, line, msg",
        "destroy": "",
        "detectSpeech": "arg0, arg1=None, arg2=None, arg3=None",
        "end_allow_threads": "*args",
        "execute": "app, data=None",
        "flushDigits": "",
        "flushEvents": "",
        "getDigits": "maxdigits, terminators, timeout, interdigit=0, abstimeout=0",
        "getPrivate": "var",
        "getState": "",
        "getVariable": "var",
        "getXMLCDR": "",
        "get_uuid": "",
        "hangup": "cause='normal_clearing'",
        "hangupCause": "",
        "hangupState": "",
        "insertFile": "file, insert_file, sample_point",
        "mediaReady": "",
        "originate": "a_leg_session, dest, timeout=60, handlers=None",
        "playAndDetectSpeech": "file, engine, grammar",
        "playAndGetDigits": "min_digits, max_digits, max_tries, timeout, terminators, audio_files,"
        " bad_input_audio_files, digits_regex, var_name=None, digit_timeout=0, transfer_on_failure=None",
        "preAnswer": "",
        "read": "min_digits, max_digits, prompt_audio_file, timeout, valid_terminators, digit_timeout=0",
        "ready": "",
        "recordFile": "file_name, time_limit=0, silence_threshold=0, silence_hits=0",
        "say": "tosay, module_name, say_type, say_method, say_gender=None",
        "sayPhrase": "phrase_name, phrase_data='', phrase_lang=None",
        "sendEvent": "sendME",
        "setAutoHangup": "val",
        "setDTMFCallback": "cbfunc, funcargs",
        "setEventData": "e",
        "setHangupHook": "hangup_func",
        "setPrivate": "var, val",
        "setVariable": "var, val",
        "set_tts_params": "tts_name, voice_name",
        "set_tts_parms": "tts_name, voice_name",
        "sleep": "ms, sync=0",
        "speak": "text",
        "streamFile": "file, starting_sample_count=0",
        "transfer": "extension, dialplan=None, context=None",
        "waitForAnswer": "calling_session",
    },
    "DTMF": {"__init__": "digit, duration=2000"},
    "Event": {
        "__init__": "type, subclass_name=None",
        "addBody": "value",
        "addHeader": "header_name, value",
        "chat_execute": "app, data=None",
        "chat_send": "dest_proto=None",
        "delHeader": "header_name",
        "fire": "",
        "getBody": "",
        "getHeader": "header_name",
        "getType": "",
        "merge": "to_merge",
        "serialize": "format=None",
        "setPriority": "priority=0",
    },
    "EventConsumer": {
        "__init__": "event_name=None, subclass_name='', len=5000",
        "bind": "event_name, subclass_name=''",
        "cleanup": "",
        "pop": "block=0, timeout=0",
    },
    "IVRMenu": {
        "__init__": "main, name, greeting_sound, short_greeting_sound, invalid_sound, exit_sound, transfer_sound,"
        " confirm_macro, confirm_key, tts_engine, tts_voice, confirm_attempts, inter_timeout, digit_len, timeout,"
        " max_failures, max_timeouts",
        "bindAction": "action, arg, bind",
        "execute": "session, name",
    },
    "Session": {
        "__init__": "uuid_or_dial_string=None, a_leg=None",
        "begin_allow_threads": "*args",
        "check_hangup_hook": "",
        "destroy": "",
        "end_allow_threads": "*args",
        "ready": "",
        "setHangupHook": "pyfunc, arg=None",
        "setInputCallback": "cbfunc, funcargs=None",
        "unsetInputCallback": "",
    },
    "Stream": {
        "__init__": "",
        "get_data": "",
        "raw_write": "data, len",
        "read": "len",
        "write": "data",
    },
}

FUNCTIONS: dict[str, str] = {
    "bridge": "session_a, session_b",
    "consoleCleanLog": "msg",
    "consoleLog": "level_str, msg",
    "consoleLog2": "level_str, file, func, line, msg",
    "console_clean_log": "msg",
    "console_log": "level_str, msg",
    "console_log2": "level_str, file, func, line, msg",
    "email": "to, _from, headers=None, body=None, file=None, convert_cmd=None, convert_ext=None",
    "getGlobalVariable": "var_name",
    "msleep": "ms",
    "running": "",
    "setGlobalVariable": "var_name, var_val",
}

CONSTANTS = {"S_HUP": 1, "S_FREE": 2, "S_RDLOCK": 4}

ATTRIBUTES: dict[str, list[str]] = {
    "CoreSession": ["flags", "allocated", "cause", "uuid", "tts_name", "voice_name"],
    "Session": ["cb_function", "cb_arg", "hangup_func", "hangup_func_arg"],
    "DTMF": ["digit", "duration"],
}

# Names whose parameters mod_python3 takes by place only, or gives other names in a base class.
OTHER_NAMES = {"CoreSession.setHangupHook", "CoreSession.collectDigits"}

# What cannot sensibly exist in Python; docs/mod_python3.md says why, and what to use.
ABSENT: dict[str, list[str]] = {
    "CoreSession": [
        "session",
        "channel",
        "cb_state",
        "hook_state",
        "get_cb_args",
        "process_callback_result",
        "run_dtmf_callback",
    ],
    "Session": ["setPython", "setSelf", "run_dtmf_callback"],
    "Event": ["event", "serialized_string", "mine"],
    "EventConsumer": [
        "events",
        "e_event_id",
        "e_callback",
        "e_subclass_name",
        "e_cb_arg",
        "enodes",
        "node_index",
    ],
    "": ["input_callback_state_t", "dtmf_callback", "hanguphook"],
}
