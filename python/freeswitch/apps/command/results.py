"""`report` and `plot`."""

from __future__ import annotations

import argparse
import os
from typing import Any

from freeswitch.apps.measure.plots import plots_of, write_png
from freeswitch.apps.measure.report import as_text, write_page
from freeswitch.apps.measure.store import Row, load, to_parquet


def add_commands(commands: Any) -> None:
    """Add them."""
    for name, function, words in (
        ("report", report, "print the table of a run, and make the page with its plots"),
        ("plot", plot, "make the plots of a run as PNG files (needs matplotlib)"),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("results", metavar="RESULTS", help="the folder of a run, or its calls.csv")
        command.set_defaults(run=function)
        if name == "report":
            command.add_argument("--html", default=None, metavar="FILE", help="the page (default: report.html beside)")
            command.add_argument("--parquet", default=None, metavar="FILE", help="write the calls as Parquet, too")
        command.add_argument("--png", default=None, metavar="FOLDER", help="write the plots as PNG there")


def _folder(results: str) -> str:
    return results if os.path.isdir(results) else os.path.dirname(results) or "."


def report(arguments: argparse.Namespace) -> None:
    """Print the table, and write the page."""
    rows = load(arguments.results)
    print(as_text(rows), end="")
    page = arguments.html or os.path.join(_folder(arguments.results), "report.html")
    write_page(rows, page)
    print(f"\nwritten: {page}")
    if arguments.parquet:
        to_parquet(rows, arguments.parquet)
        print(f"written: {arguments.parquet}")
    if arguments.png:
        _png(rows, arguments.png)


def plot(arguments: argparse.Namespace) -> None:
    """Write the plots."""
    _png(load(arguments.results), arguments.png or _folder(arguments.results))


def _png(rows: list[Row], folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    for path in write_png(plots_of(rows), folder):
        print(f"written: {path}")


__all__ = ["add_commands", "plot", "report"]
