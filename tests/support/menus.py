"""Menus, as scripts under test make them."""

from __future__ import annotations

# `menu(main, name, ...)`: one that is quick to fail; another argument of IVRMenu is given by its name.
MENU = """
def menu(main, name, **other):
    look = dict(main=main, name=name, greeting_sound="silence_stream://3000", short_greeting_sound=None,
        invalid_sound="silence_stream://20", exit_sound=None, transfer_sound=None, confirm_macro=None, confirm_key=None,
        tts_engine=None, tts_voice=None, confirm_attempts=1, inter_timeout=300, digit_len=1, timeout=2000,
        max_failures=2, max_timeouts=1)
    return freeswitch.IVRMenu(**{**look, **other})
"""
