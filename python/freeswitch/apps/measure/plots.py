"""What the plots of a run show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from freeswitch.apps.measure.figures import active_over_time, begin_of, per_second, quantiles_of
from freeswitch.apps.measure.quantiles import Quantiles
from freeswitch.apps.measure.store import Row
from freeswitch.apps.measure.svg import Points, line_plot, thinned


class Plot(NamedTuple):
    """One plot."""

    title: str
    lines: dict[str, Points]
    x_label: str
    y_label: str
    steps: bool = False

    def svg(self) -> str:
        """Give it as SVG."""
        return line_plot(*self)


def plots_of(rows: Sequence[Row]) -> list[Plot]:
    """Give the plots of a run: set-up times, rates, calls at once, failures and the answer seizure ratio over time."""
    begins = [begin for row in rows if (begin := begin_of(row))]
    if not begins:
        return []
    start, length = min(begins), max(begins) - min(begins)
    bucket = max(1.0, round(length / 200))
    rates = per_second(rows, bucket)
    seconds = "seconds since the first call"
    # The switch may have made a call before we noted that we asked for it, and its clock may go before ours.
    active = [(max(0.0, when - start), float(count)) for when, count in active_over_time(rows)]
    return [
        Plot("Set-up time", _setup_over_time(rows, start, bucket), seconds, "ms"),
        Plot(
            "Set-up time, distribution", {"calls": _distribution(quantiles_of(rows, "setup_time"))}, "percentile", "ms"
        ),
        Plot("Calls a second", {name: rates[name] for name in ("offered", "answered")}, seconds, "1/s", True),
        Plot("Calls at once", {"calls": active}, seconds, "calls", True),
        Plot("Failed calls a second", {"failed": rates["failed"]}, seconds, "1/s", True),
        Plot("Answer seizure ratio", {"ASR": rates["asr"]}, seconds, "share", True),
    ]


def _setup_over_time(rows: Sequence[Row], start: float, bucket: float) -> dict[str, Points]:
    buckets: dict[int, Quantiles] = {}
    for row in rows:
        begin, took = begin_of(row), row.get("setup_time")
        if begin is not None and took is not None:
            buckets.setdefault(int((begin - start) / bucket), Quantiles()).add(took)
    return {
        name: [(at * bucket, 1000 * (found.at(share) or 0.0)) for at, found in sorted(buckets.items())]
        for name, share in (("median", 0.5), ("95 %", 0.95), ("worst", 1.0))
    }


def _distribution(found: Quantiles) -> Points:
    if not found.count:
        return []
    return [(share / 2, 1000 * (found.at(share / 200) or 0.0)) for share in range(1, 201)]


def write_png(plots: Sequence[Plot], folder: str | os.PathLike[str]) -> list[str]:
    """Write each plot as a PNG into a folder; their paths. RuntimeError where matplotlib is not there."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # type: ignore[import-not-found,unused-ignore]
        from matplotlib.figure import Figure  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise RuntimeError("PNG needs matplotlib: pip install matplotlib (the page has its plots without)") from error
    paths = []
    for plot in plots:
        figure = Figure(figsize=(9, 3), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for name, points in plot.lines.items():
            xs, ys = zip(*thinned(points), strict=True) if points else ((), ())
            axes.plot(xs, ys, label=name, drawstyle="steps-post" if plot.steps else "default")
        axes.set(title=plot.title, xlabel=plot.x_label, ylabel=plot.y_label)
        axes.set_ylim(bottom=0)
        axes.legend()
        paths.append(os.path.join(folder, plot.title.lower().replace(",", "").replace(" ", "_") + ".png"))
        figure.savefig(paths[-1])
    return paths


__all__ = ["Plot", "plots_of", "write_png"]
