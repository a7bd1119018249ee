"""A call drawn as a ladder: time runs down, the caller, the script and the other legs stand across.

    call = switch.call("5000", press=[(1.5, "1")])
    Path("call.html").write_text(ladder.page(switch, call), encoding="utf-8")

The page is one file of HTML with its drawing in it (SVG), and needs nothing from elsewhere.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pocket._transcript import Entry, Transcript

if TYPE_CHECKING:
    from pocket._call import Call
    from pocket._records import LogLine
    from pocket._switch import Switch

# In pixels: a row, the widest gap between two, the time's column, a lane, what is kept free at an edge.
ROW = 26
GAP = 70
TIMES = 76
LANE = 270
EDGE = 46
HEAD = 58
# Characters of a text that a lane has room for; the rest is in its tooltip.
SHOWN = 36
ERROR_SHOWN = 90

# What the far end does, and what goes to it.
FROM_FAR = {"created", "digit", "heard", "listens"}
ANSWERS = {"early media", "answered"}
TO_FAR = ANSWERS | {"sent digit", "message"}
SOUNDS = {"played", "spoken", "said", "phrase", "recorded"}
LEFT_OUT = {"state", "plays", "speaks"}

_PLACE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')

STYLE = """
:root{color-scheme:light dark;--ink:#1d2433;--soft:#5c667a;--line:#c4cbd8;--back:#fff;--sound:#d5e6ff;--edge:#3b78d8;
--digit:#0b7a54;--end:#8a2be2;--error:#c62828;--error-back:#fdeaea}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--soft:#9aa5b8;--line:#3c4556;--back:#12161f;--sound:#1d3a66;
--edge:#7fb0ff;--digit:#5ad1a4;--end:#c79bff;--error:#ff8a80;--error-back:#3a1616}}
body{margin:24px;background:var(--back);color:var(--ink);font:14px/1.45 system-ui,sans-serif}
h1{font-size:20px;margin:0 0 2px}p{margin:0 0 14px;color:var(--soft)}svg{max-width:100%;height:auto}
text{fill:var(--ink);font:13px system-ui,sans-serif}.head{font-weight:600}.soft{fill:var(--soft)}
.time{fill:var(--soft);font:12px ui-monospace,monospace;text-anchor:end}.mid{text-anchor:middle}
.lane{stroke:var(--line);stroke-dasharray:2 4}.arrow{stroke:var(--edge);stroke-width:1.5;fill:none}
.digit{stroke:var(--digit)}.end{stroke:var(--end);stroke-width:2}.sound{fill:var(--sound);stroke:var(--edge)}
.error{fill:var(--error);font-weight:600}.box{fill:var(--error-back);stroke:var(--error)}
pre{border:1px solid var(--line);border-radius:6px;padding:12px;overflow:auto;font:12px/1.5 ui-monospace,monospace}
.bad{border-color:var(--error);background:var(--error-back)}summary{cursor:pointer;color:var(--soft);margin:12px 0}
""".strip()


@dataclass(frozen=True)
class Fault:
    """An error of a script: when, its one line, the line of the script, and all of its text."""

    time: float
    summary: str
    place: str
    text: str


@dataclass
class _Mark:
    """What gets a row: an arrow from one lane to another, a text in one, or the beginning of a sound."""

    time: float
    lane: int
    text: str
    to: int | None = None
    kind: str = ""
    until: float | None = None
    # Instead of the text, which is then its tooltip.
    shown: str = ""
    y: float = 0.0


def page(switch: Switch, call: Call, others: Iterable[Call] = ()) -> str:
    """Give the page of a call: `others` are further legs, where the switch does not know them any more."""
    legs = [call, *_others(switch, call, others)]
    faults = faults_in(switch.log, [leg.uuid for leg in legs])
    return draw([(leg.name, leg.transcript) for leg in legs], faults, title=f"{call.name}: {call.cause or call.state}")


def _others(switch: Switch, call: Call, others: Iterable[Call]) -> list[Call]:
    begun = call.transcript[0].time if call.transcript else 0.0
    known = [*others, *(switch.legs if switch._core is not None else ())]
    found: dict[str, Call] = {}
    for leg in known:
        if leg.uuid != call.uuid and leg.transcript and leg.transcript[0].time >= begun:
            found.setdefault(leg.uuid, leg)
    return list(found.values())


def faults_in(log: Iterable[LogLine], uuids: Sequence[str] = ()) -> list[Fault]:
    """Give the errors of scripts in a log: those of these calls, or of none in particular."""
    faults = []
    for line in log:
        if not re.match(r"MR000[456]\b", line.text) or (line.uuid and uuids and line.uuid not in uuids):
            continue
        text = line.text.strip()
        # What may be meant stands at the end, in brackets.
        lines = [part for part in text.splitlines() if part.strip() and not part.startswith(("(", " "))]
        places = list(_PLACE.finditer(text))
        place = f"{places[-1]['file'].rpartition('/')[2]}:{places[-1]['line']}" if places else ""
        faults.append(Fault(line.time, lines[-1].strip(), place, text))
    return faults


def draw(legs: Sequence[tuple[str, Transcript]], faults: Sequence[Fault] = (), *, title: str = "A call") -> str:
    """Give the page of these legs, each with its name; the first is the caller's."""
    marks = _marks(legs, faults)
    begin = min((mark.time for mark in marks), default=0.0)
    end = max((mark.until or mark.time for mark in marks), default=0.0)
    names = ["caller", "script", *(name for name, _ in legs[1:])]
    text = "\n\n".join(f"{name}\n{transcript.text()}" for name, transcript in legs)
    errors = "".join(f'<pre class="bad">{_escaped(fault.text)}</pre>' for fault in faults)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_escaped(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body>'
        f"<h1>{_escaped(title)}</h1><p>{end - begin:.3f} s, {len(legs)} leg{'s' if len(legs) != 1 else ''}"
        f"{f', {len(faults)} error' + ('s' if len(faults) != 1 else '') if faults else ''}</p>\n"
        f"{_drawing(names, marks, begin)}\n{errors}"
        f"<details><summary>as text</summary><pre>{_escaped(text)}</pre></details></body></html>\n"
    )


# Lanes: 0 is the caller, 1 the script, the others' far ends from 2 on.


def _marks(legs: Sequence[tuple[str, Transcript]], faults: Sequence[Fault]) -> list[_Mark]:
    marks = []
    for number, (_, transcript) in enumerate(legs):
        far = 0 if number == 0 else number + 1
        marks += [_mark(entry, far) for entry in transcript if entry.kind not in LEFT_OUT]
    marks += [_Mark(fault.time, 1, f"{fault.place} {fault.summary}".strip(), kind="error") for fault in faults]
    return sorted(marks, key=lambda mark: (mark.time, _rank(mark)))


def _rank(mark: _Mark) -> int:
    """What comes first of what happens on several legs at one time, where each leg knows its own order alone."""
    if mark.kind == "end":
        # What a far end does leads to what the script and the switch do.
        return 4 if mark.lane == 1 else 2
    return {"error": 3, "bridged": 1}.get(mark.kind, 0)


def _mark(entry: Entry, far: int) -> _Mark:
    kind, text, data = entry.kind, entry.describe(), entry.data
    if kind in SOUNDS and "start" in data:
        start, until = float(data["start"]), float(data["end"])
        arrow = (far, 1) if kind == "recorded" else (1, far)
        # The name gives way to the length, and to why it ended.
        after = f" {until - start:.2f} s, {data.get('why', '')}".rstrip(", ")
        shown = "♪ " if kind == "played" else f"{kind} "
        shown += _cut(entry.text, max(8, SHOWN - len(shown) - len(after))) + after
        return _Mark(start, arrow[0], text, to=arrow[1], kind="sound", until=until, shown=shown)
    if kind == "hung up":
        by_far = data.get("by") == "far end"
        shown = f"hangup {entry.text}"
        return _Mark(entry.time, far if by_far else 1, text, to=1 if by_far else far, kind="end", shown=shown)
    if kind == "created":
        # The caller calls the switch; the switch calls the others.
        return _Mark(entry.time, 0 if far == 0 else 1, f"calls {entry.text}".strip(), to=1 if far == 0 else far)
    # Who was called answers: the switch its caller, the others the switch.
    if kind in FROM_FAR or (kind in ANSWERS and far > 0):
        return _Mark(entry.time, far, text, to=1, kind="digit" if kind == "digit" else "")
    if kind in TO_FAR or kind in SOUNDS:
        return _Mark(entry.time, 1, text, to=far, kind="digit" if kind == "sent digit" else "")
    shown = text if far == 0 else f"{text} (leg {far - 1})"
    return _Mark(entry.time, 1, shown, kind="bridged" if kind == "bridged" else "soft")


def _drawing(names: Sequence[str], marks: Sequence[_Mark], begin: float) -> str:
    ends = sorted({mark.until for mark in marks if mark.until is not None})
    # Everything has a row of its own; what lies far apart in time lies further apart, but not in proportion.
    moments: list[tuple[float, _Mark | None]] = sorted(
        [*((until, None) for until in ends), *((mark.time, mark) for mark in marks)], key=lambda moment: moment[0]
    )
    y, last, ends_at = float(HEAD), begin, {}
    for time, mark in moments:
        y += min(GAP, 16 * math.log2(1 + (time - last) * 2)) if time > last else 0.0
        last = time
        if mark is None:
            ends_at[time] = y + ROW - 8
        else:
            y += ROW
            mark.y = y
    # Beside the script's lane stands what it does, and errors, which may need more room than one lane.
    longest = max((len(mark.text) for mark in marks if mark.kind == "error"), default=0)
    width = max(_x(len(names) - 1) + 2 * EDGE, _x(2), round(_x(1) + min(longest, ERROR_SHOWN) * 7.8) + EDGE)
    height = y + 40
    parts = [
        f'<svg viewBox="0 0 {width} {height:.0f}" width="{width}" height="{height:.0f}" role="img">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" '
        'markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="context-stroke"/></marker></defs>'
    ]
    for lane, name in enumerate(names):
        x = _x(lane)
        parts.append(
            f'<line class="lane" x1="{x}" x2="{x}" y1="{HEAD - 14}" y2="{height - 14:.0f}"/>'
            f'<text class="head mid" x="{x}" y="{HEAD - 26}">{_escaped(_cut(name))}<title>{_escaped(name)}</title>'
            "</text>"
        )
    parts += [_sound(mark, ends_at) for mark in marks if mark.kind == "sound"]
    parts += [_row(mark, begin) for mark in marks]
    return "".join(parts) + "</svg>"


def _x(lane: int) -> int:
    return TIMES + EDGE + LANE * lane


def _sound(mark: _Mark, ends_at: dict[float, float]) -> str:
    assert mark.until is not None
    top, bottom = mark.y, max(mark.y + 4, ends_at[mark.until])
    lane = max(mark.lane, mark.to or 0) if mark.lane > 1 else min(mark.lane, mark.to or 0)
    return (
        f'<rect class="sound" x="{_x(lane) - 5}" y="{top:.0f}" width="10" height="{bottom - top:.0f}" rx="3">'
        f"<title>{_escaped(mark.text)}</title></rect>"
    )


def _row(mark: _Mark, begin: float) -> str:
    shown = _cut(mark.shown or mark.text, ERROR_SHOWN if mark.kind == "error" else SHOWN)
    y, text = mark.y, _escaped(shown)
    title = f"<title>{_escaped(mark.text)}</title>"
    time = f'<text class="time" x="{TIMES}" y="{y + 4:.0f}">{mark.time - begin:.3f}</text>'
    if mark.to is None:
        x = _x(mark.lane) + 10
        error = mark.kind == "error"
        back = (
            f'<rect class="box" x="{x - 4}" y="{y - 11:.0f}" width="{7.8 * len(shown) + 12:.0f}" height="20" rx="4"/>'
            if error
            else ""
        )
        return f'{time}{back}<text class="{"error" if error else "soft"}" x="{x}" y="{y + 4:.0f}">{text}{title}</text>'
    one, other = _x(mark.lane), _x(mark.to)
    # Beside the lanes, whichever way the arrow goes; between the two nearest the far end.
    left = other - LANE if other > one else other
    if mark.lane > mark.to:
        left = one - LANE if mark.lane > 1 else other
    return (
        f'{time}<path class="arrow {mark.kind}" marker-end="url(#tip)" d="M{one} {y:.0f}H{other}"/>'
        f'<text class="mid" x="{left + LANE / 2:.0f}" y="{y - 5:.0f}">{text}{title}</text>'
    )


def _cut(text: str, most: int = SHOWN) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _escaped(text: str) -> str:
    # What came as bytes that are no UTF-8 is shown as such, and not written.
    return html.escape(text.encode("utf-8", "backslashreplace").decode("utf-8"))
