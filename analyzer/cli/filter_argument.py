"""-Y: the display filter of several commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from analyzer.engine.collectors import jobs_allowed
from analyzer.engine.filters import filter_of

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter


def display_filter(text: str) -> Filter:
    """A display filter as an argument; what is wrong with it is said with the place marked."""
    from analyzer.analysis.dissection.filters import FilterError

    try:
        return filter_of(text)
    except FilterError as error:
        marked = error.marked()
        raise argparse.ArgumentTypeError(f"{error}\n{marked}" if marked else str(error)) from None


def filter_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds -Y."""
    parser.add_argument(
        "-Y",
        dest="filter",
        type=display_filter,
        metavar="FILTER",
        help=f"{what}; Wireshark's display filters (see `handshark fields`)",
    )


def jobs_of(arguments: argparse.Namespace) -> int | None:
    """How many processes may work."""
    return jobs_allowed(arguments.filter, arguments.jobs)
