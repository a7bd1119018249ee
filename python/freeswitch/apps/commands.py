"""Command lines for the switch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# What a template has filled in when a call is placed.
PLACEHOLDER = re.compile(r"\{[^\W\d]\w*\}")
# What a dial string cannot carry in the value of a variable, and in a destination.
NOT_IN_VALUES = "{}'\\\0\r\n"
NOT_IN_TARGETS = NOT_IN_VALUES + " "


def build_originate_cmd(
    dest_url: str,
    uuid_str: str | None = None,
    profile: str = "external",
    gateway: str | None = None,
    app_name: str = "park",
    app_arg_str: str = "",
    dp_exten: str | None = None,
    dp_type: str = "xml",
    dp_context: str = "default",
    proxy: str | None = None,
    endpoint: str = "sofia",
    timeout: int = 60,
    caller_id: str = "Mr_switchio",
    caller_id_num: str = "1112223333",
    codec: str = "PCMU",
    abs_codec: str = "",
    xheaders: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> str:
    """Give the `originate` command for a call to `user@host:port`, or to a dial string, which has a slash.

    The leg has the UUID `uuid_str`; without one the text is a template for `str.format(uuid_str=...)`, whose
    destination and whose values may have placeholders of their own, `{field}`. It is answered
    by an application, or by the extension `dp_exten`. `timeout` is in seconds. `xheaders` are SIP headers `X-...`; all
    other keywords are variables of the leg, and win. Empty values are left out. ValueError for a value that a dial
    string cannot carry, TypeError for a destination or a way to it that is no str.
    """
    for name, text in (("dest_url", dest_url), ("profile", profile), ("endpoint", endpoint)):
        _check(name, text, "str")
    for name, way in (("gateway", gateway), ("proxy", proxy)):
        if way is not None:
            _check(name, way, "str or None")
    if not dest_url:
        raise ValueError("argument 'dest_url' is empty")
    given: dict[str, Any] = {
        "originate_timeout": timeout,
        "origination_caller_id_name": caller_id,
        "origination_caller_id_number": caller_id_num,
        "originator_codec": codec,
        "absolute_codec_string": abs_codec,
        "origination_uuid": uuid_str or "{uuid_str}",
        "ignore_display_updates": "true",
        "ignore_early_media": "true",
    }
    for name, value in (xheaders or {}).items():
        given[name if name.startswith("sip_h_") else f"sip_h_X-{name}"] = value
    given.update(kwargs)
    variables = ",".join(f"{name}={_value(name, value)}" for name, value in given.items() if value not in {None, ""})
    brackets = "{%s}" if uuid_str else "{{%s}}"
    for name, text in (
        ("dest_url", dest_url),
        ("proxy", proxy or ""),
        ("profile", profile),
        ("gateway", gateway or ""),
    ):
        fixed = text if uuid_str else PLACEHOLDER.sub("", text)
        if any(c in fixed for c in NOT_IN_TARGETS):
            raise ValueError(f"argument {name!r} cannot be put into a dial string: {text!r}")
    through = f"gateway/{gateway}" if gateway else profile
    target = dest_url if "/" in dest_url else f"{endpoint}/{through}/{dest_url}"
    via = f";fs_path=sip:{proxy}" if proxy else ""
    run = f"{dp_exten} {dp_type} {dp_context}" if dp_exten else f"&{app_name}({app_arg_str})"
    return f"originate {brackets % variables}{target}{via} {run}"


def _check(name: str, value: object, kind: str) -> None:
    if not isinstance(value, str):
        found = "None" if value is None else type(value).__name__
        raise TypeError(f"argument {name!r} must be {kind}, not {found}")


def _value(name: str, value: Any) -> str:
    """Give a variable's value as a dial string has it; a placeholder of a template may have braces."""
    text = str(value)
    if text.startswith("{") and text.endswith("}") and text[1:-1].isidentifier():
        return text
    return _quoted(text, f"the variable {name!r}")


def _quoted(text: str, what: str) -> str:
    if any(c in text for c in NOT_IN_VALUES):
        raise ValueError(f"{what} cannot be put into a dial string: {text!r}")
    return f"'{text}'" if any(c in text for c in ", []") else text


def fill(template: str, fields: Mapping[str, Any]) -> str:
    """Give the command of a template.

    KeyError for a field that is missing, ValueError for a value that a dial string cannot carry where it stands.
    """
    variables, end, target = template.rpartition("}}")
    quoted = {name: _quoted(str(value), f"the field {name!r}") for name, value in fields.items()}
    for name, value in fields.items():
        if f"{{{name}}}" in target and any(c in str(value) for c in NOT_IN_TARGETS):
            raise ValueError(f"the field {name!r} cannot be put into a destination: {str(value)!r}")
    return (variables + end).format(**quoted) + target.format(**fields)


__all__ = ["build_originate_cmd"]
