"""The report of a run: a table, and a page with its plots."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from html import escape

from freeswitch.apps.measure.figures import SHARES, TIMES, Figures, begin_of, figures_of
from freeswitch.apps.measure.plots import plots_of
from freeswitch.apps.measure.store import Row

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; max-width: 800px; margin: 2em auto; padding: 0 1em; color: #222; }}
table {{ border-collapse: collapse; margin: 1em 0; }}
th, td {{ text-align: left; padding: .2em 1.2em .2em 0; border-bottom: 1px solid #ddd; }}
svg {{ width: 100%; height: auto; margin: .6em 0; font: 11px system-ui, sans-serif; fill: #444; }}
svg .title {{ font-size: 14px; font-weight: 600; fill: #222; }}
svg .grid {{ stroke: #e3e3e3; fill: none; }}
svg .unit {{ fill: #777; }}
.note {{ color: #666; }}
</style></head><body>
<h1>{title}</h1>
{tables}
{plots}
<p class="note">{note}</p>
</body></html>
"""
NOTE = (
    "ASR and NER as in ITU-T E.425, post-dial delay as the session request delay of RFC 6076. The MOS is FreeSWITCH's "
    "own: it rests on the share of frames without flaws, not on all of ITU-T G.107. Legs without RTP have none."
)


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _number(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.2f}{unit}"


def lines_of(found: Figures) -> list[tuple[str, str]]:
    """Give the figures by name, as text."""
    return [
        ("calls offered", str(found.calls)),
        ("answered", str(found.answered)),
        ("failed", str(found.failed)),
        ("answer seizure ratio (ASR)", _ratio(found.asr)),
        ("network effectiveness ratio (NER)", _ratio(found.ner)),
        ("average call duration (ACD)", _number(found.acd, " s")),
        ("length of the run", _number(found.seconds, " s")),
        ("calls offered a second", _number(found.rate)),
        ("most calls at once", str(found.most_at_once)),
        ("traffic carried", _number(found.erlangs, " erlangs")),
        ("RTP packets lost", _number(found.loss, " %")),
        ("jitter", _number(found.jitter, " ms")),
        ("MOS", _number(found.mos)),
    ]


def times_of(found: Figures) -> list[tuple[str, ...]]:
    """Give the quantiles of times, in ms, with their head."""
    head = ("milliseconds", *(f"{100 * share:g} %" for share in SHARES))
    rows = []
    for name, label in TIMES.items():
        values = [found.times[name].at(share) if name in found.times else None for share in SHARES]
        rows.append((label, *("-" if value is None else _number(1000 * value) for value in values)))
    return [head, *rows]


def causes_of(found: Figures) -> list[tuple[str, ...]]:
    """Give how many calls ended for which cause, with their head."""
    return [("hangup cause", "calls"), *((cause, str(count)) for cause, count in found.causes.most_common())]


def as_text(rows: Sequence[Row]) -> str:
    """Give the table of a run."""
    found = figures_of(rows)
    tables: list[list[tuple[str, ...]]] = [list(lines_of(found)), times_of(found), causes_of(found)]
    return "\n\n".join(_aligned(table) for table in tables) + "\n"


def _aligned(table: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))]
    return "\n".join(
        "  ".join(text.ljust(widths[0]) if not at else text.rjust(widths[at]) for at, text in enumerate(row)).rstrip()
        for row in table
    )


def as_page(rows: Sequence[Row], title: str = "Calls") -> str:
    """Give the page of a run: one file, which needs no other."""
    found = figures_of(rows)
    begins = [begin for row in rows if (begin := begin_of(row))]
    if begins:
        title = f"{title}, {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(min(begins)))}"
    tables: list[list[tuple[str, ...]]] = [list(lines_of(found)), times_of(found), causes_of(found)]
    return PAGE.format(
        title=escape(title),
        tables="\n".join(_html(table, has_head=at > 0) for at, table in enumerate(tables)),
        plots="\n".join(plot.svg() for plot in plots_of(rows)),
        note=escape(NOTE),
    )


def _html(table: Sequence[Sequence[str]], has_head: bool) -> str:
    rows = []
    for at, row in enumerate(table):
        cell = "th" if has_head and not at else "td"
        rows.append("<tr>" + "".join(f"<{cell}>{escape(text)}</{cell}>" for text in row) + "</tr>")
    return "<table>" + "".join(rows) + "</table>"


def write_page(rows: Sequence[Row], path: str | os.PathLike[str], title: str = "Calls") -> None:
    """Write the page of a run."""
    with open(path, "w", encoding="utf-8", errors="replace") as file:
        file.write(as_page(rows, title))


__all__ = ["as_page", "as_text", "causes_of", "lines_of", "times_of", "write_page"]
