"""Plots of chosen columns, by matplotlib."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class plotitems(NamedTuple):
    """What was plotted: axes and lines by the places of the plots."""

    mng: Any
    fig: Any
    axes: dict[tuple[int, int], Any]
    artists: dict[tuple[int, int], dict[str, Any]]


def multiplot(
    df: Any,
    figspec: Mapping[tuple[int, int], Sequence[str]],
    fig: Any = None,
    mng: Any = None,
    block: bool = False,
    fname: str | os.PathLike[str] | None = None,
) -> plotitems:
    """Plot columns of rows, or of a pandas frame, each at its `(row, column)`, which begin with 1.

    fname: a file to write it to; else it is shown, until it is closed where `block` is True. RuntimeError where
    matplotlib is not there, KeyError for a column that is not.
    """
    try:
        # Where nobody looks, it is drawn into memory.
        if fname is not None or not os.environ.get("DISPLAY"):
            import matplotlib  # type: ignore[import-not-found,unused-ignore]

            matplotlib.use("Agg")
        from matplotlib import pyplot  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise RuntimeError("plots need matplotlib: pip install matplotlib (report needs none)") from error
    places = {place: list(columns) for place, columns in figspec.items() if place is not None}
    if not places:
        raise ValueError("argument 'figspec' names no plot")
    shape = max(row for row, _ in places), max(column for _, column in places)
    figure = fig or pyplot.figure(figsize=(12, 4 * shape[0]), layout="constrained")
    grid = figure.subplots(*shape, sharex=True, squeeze=False)
    axes, artists = {}, {}
    for place, columns in sorted(places.items()):
        here = axes[place] = grid[place[0] - 1, place[1] - 1]
        artists[place] = {name: here.plot(_column(df, name), label=name)[0] for name in columns}
        here.legend(loc="upper left")
        here.set_xlabel("calls")
    if fname is not None:
        figure.savefig(os.fspath(fname))
    elif block:
        pyplot.show()
    else:
        figure.show() if os.environ.get("DISPLAY") else None
    return plotitems(mng or pyplot.get_current_fig_manager(), figure, axes, artists)


def _column(df: Any, name: str) -> list[float]:
    values = df[name] if hasattr(df, "to_dict") else [row[name] for row in df]
    return [float("nan") if value is None else float(value) for value in values]


__all__ = ["multiplot", "plotitems"]
