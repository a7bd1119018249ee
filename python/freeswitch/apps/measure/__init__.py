"""Measuring calls: what is recorded of each, the figures of a run, and the report."""

from __future__ import annotations

from freeswitch.apps.measure.cdr import CDR
from freeswitch.apps.measure.figures import Figures, figures_of
from freeswitch.apps.measure.measurers import Measurer, Measurers
from freeswitch.apps.measure.quantiles import Quantiles
from freeswitch.apps.measure.store import FIELDS, CSVStore, Row, load
from freeswitch.apps.measure.sys import SysStats

__all__ = [
    "CDR",
    "FIELDS",
    "CSVStore",
    "Figures",
    "Measurer",
    "Measurers",
    "Quantiles",
    "Row",
    "SysStats",
    "figures_of",
    "load",
]
