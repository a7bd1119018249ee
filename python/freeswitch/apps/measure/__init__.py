"""Measuring calls: what is recorded of each, the figures of a run, and the report."""

from __future__ import annotations

from typing import Any

from freeswitch.apps.measure.cdr import CDR
from freeswitch.apps.measure.figures import Figures, figures_of
from freeswitch.apps.measure.measurers import Measurer, Measurers
from freeswitch.apps.measure.metrics import call_metrics
from freeswitch.apps.measure.mpl_helpers import multiplot
from freeswitch.apps.measure.quantiles import Quantiles
from freeswitch.apps.measure.storage import GONE, DataStorer, RingBuffer
from freeswitch.apps.measure.store import FIELDS, CSVStore, Row, load
from freeswitch.apps.measure.sys import SysStats

plot_df = multiplot


def __getattr__(name: str) -> Any:
    if name in GONE:
        raise ImportError(f"{__name__} has no {name}: {GONE[name]}", name=__name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "CDR",
    "FIELDS",
    "CSVStore",
    "DataStorer",
    "Figures",
    "Measurer",
    "Measurers",
    "Quantiles",
    "RingBuffer",
    "Row",
    "SysStats",
    "call_metrics",
    "figures_of",
    "load",
    "multiplot",
    "plot_df",
]
