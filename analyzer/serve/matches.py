"""Display filters that somebody asks for on a page: which of its connections they let through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response

from analyzer.analysis.dissection.filters import FilterError
from analyzer.engine.background import WorkFailed
from analyzer.engine.filters import filter_of
from analyzer.errors import CaptureError
from analyzer.report.escape import terminal

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

LONGEST: Final = 2000  # characters

# (connections that it lets through, those that it does not, up to which change, what is to be said of it)
Matched = tuple[Iterable[int], Iterable[int], int | None, str]


def checked(text: str) -> Filter:
    """A display filter as it was sent. Raises FilterError."""
    if len(text) > LONGEST:
        raise FilterError(f"the filter is longer than {LONGEST:,} characters", "", 0, 0)
    return filter_of(text)


def answered(ask: Callable[[], Matched]) -> Response:
    """What the page's script is told: names of connections, or why not."""
    try:
        shown, hidden, change, note = ask()
    except FilterError as error:
        return PlainTextResponse(terminal(str(error), LONGEST), 400)
    except (WorkFailed, CaptureError) as error:
        return PlainTextResponse(f"The filter can not be asked: {terminal(str(error), LONGEST)}.", 422)
    said = {"shown": names(shown), "hidden": names(hidden), "change": change, "note": note}
    return Response(json.dumps(said), media_type="application/json")


def names(streams: Iterable[int]) -> list[str]:
    """As the page calls them: it shows one capture."""
    return [f"c{stream}" for stream in streams]
