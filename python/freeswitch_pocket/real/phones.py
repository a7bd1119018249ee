"""Phones on a FreeSWITCH: the directory has a user or a group for each, whose leg ends in an extension of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from freeswitch_pocket.real.lacks import NotOnFreeSwitch
from freeswitch_pocket.real.settings import PHONES

if TYPE_CHECKING:
    from pocket._far_end import FarEnd

CONTEXT = "pocket_phones"
# The variable that both legs of a phone have: its number.
NUMBER = "pocket_phone"
# Names the application of `run`, whose call has no dialplan of its own.
RUN = "pocket_run"
NEVER = 86_400.0

# Runs in the switch: answers lookups of the directory from the file beside it. A phone of just that name comes before
# patterns, and of these the one that was named last.
SCRIPT = """
import fnmatch, json, pathlib
from xml.sax.saxutils import quoteattr

def _found(phones, kind, name, domain):
    wanted = [f"{kind}/{name}@{domain}".lower(), f"{kind}/{name}".lower()]
    for one in wanted:
        exact = [phone for phone in phones if phone["address"].lower() == one]
        if exact:
            return exact[-1:]
    like = [phone for phone in phones if any(fnmatch.fnmatchcase(one, phone["address"].lower()) for one in wanted)]
    return like[-1:]

def _user(name, phone):
    return (f"<user id={quoteattr(name)}><params><param name=\\"dial-string\\" value={quoteattr(phone['dial'])}/>"
            "</params></user>")

def xml_fetch(params, args):
    phones = json.loads(pathlib.Path(__file__).with_name("phones.json").read_text())
    get = params.getHeader if hasattr(params, "getHeader") else params.get
    user, group, domain = get("user"), get("group_name") or get("group"), get("domain") or get("key_value") or ""
    inside = ""
    if group:
        users = "".join(_user(f"{PHONE}-{phone['number']}", phone) for phone in _found(phones, "group", group, domain))
        inside = users and f"<groups><group name={quoteattr(group)}><users>{users}</users></group></groups>"
    elif user:
        users = "".join(_user(user, phone) for phone in _found(phones, "user", user, domain))
        inside = users and f"<groups><group name=\\"phones\\"><users>{users}</users></group></groups>"
    if not inside:
        return ""
    return (f'<document type="freeswitch/xml"><section name="directory"><domain name={quoteattr(domain)}>{inside}'
            "</domain></section></document>")
""".replace("{PHONE}", "pocket-phone")


class Phones:
    """The phones of a test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.named: list[tuple[str, FarEnd]] = []
        (folder / f"{PHONES}.py").write_text(SCRIPT.lstrip(), encoding="utf-8")
        self._write()

    def add(self, address: str, far_end: FarEnd) -> None:
        """Name one; what dials it then reaches it once `extensions` are in the dialplan."""
        if not re.match(r"(user|group)/", address):
            raise NotOnFreeSwitch(
                f"a phone {address!r}: a FreeSWITCH reaches user/ and group/ phones by its directory; give a script "
                "the dial string as a variable where a test is to run on both"
            )
        if far_end.says or any(deed == "say" for _, _, deed, _, _ in far_end.cues):
            raise NotOnFreeSwitch("says=")
        self.named.append((address, far_end))
        self._write()

    def clear(self) -> None:
        """Forget them."""
        self.named.clear()
        self._write()

    def far_end(self, number: str) -> FarEnd:
        """What the phone with this number does."""
        return self.named[int(number)][1]

    def address(self, number: str) -> str:
        """The address that it was named by."""
        return self.named[int(number)][0]

    def _write(self) -> None:
        phones = [
            {
                "number": number,
                "address": address,
                # A bridge must not make the pair of legs vanish from under the test.
                "dial": f"{{{NUMBER}={number},loopback_bowout=false,loopback_export='{NUMBER},loopback_bowout'}}"
                f"loopback/{number}/{CONTEXT}/xml",
            }
            for number, (address, _) in enumerate(self.named)
        ]
        (self._folder / "phones.json").write_text(json.dumps(phones), encoding="utf-8")

    def context(self) -> str:
        """The context that the phones' far ends are in."""
        return f'<context name="{CONTEXT}">{"".join(self._extensions())}</context>'

    def _extensions(self) -> list[str]:
        return [
            f'<extension name="{number}"><condition field="destination_number" expression="^{number}$">'
            f"{''.join(_action(*action) for action in _until_answer(does))}</condition></extension>"
            for number, (_, does) in enumerate(self.named)
        ]


def _until_answer(does: FarEnd) -> list[tuple[str, str]]:
    """What the far end does until it answers or refuses; the rest is pressed and said by the test's own thread."""
    ends = does.refuses[0] if does.refuses else NEVER if does.answers_after is None else does.answers_after
    actions = []
    if does.rings_after is not None and does.rings_after <= ends:
        actions += [*_sleep(does.rings_after), ("ring_ready", ""), *_sleep(ends - does.rings_after)]
    else:
        actions += _sleep(ends)
    actions += [("hangup", does.refuses[1])] if does.refuses else [("answer", ""), ("park", "")]
    return actions


def _sleep(seconds: float) -> list[tuple[str, str]]:
    return [("sleep", f"{seconds * 1000:.0f}")] if seconds > 0 else []


def _action(application: str, data: str) -> str:
    return f"<action application={quoteattr(application)} data={quoteattr(data)}/>"
