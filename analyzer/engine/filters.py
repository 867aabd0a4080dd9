"""Display filters as users write them: with what is known of findings, which the filters themselves do not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

FINDING: Final = "handshark.finding"


def filter_of(text: str) -> Filter:
    """A display filter. Raises FilterError, also where it names a finding that there is not."""
    from analyzer.analysis.dissection.filters import compile_filter

    if FINDING not in text:
        return compile_filter(text)
    from analyzer.analysis.findings.catalog import TABLE

    return compile_filter(text, {FINDING: [rule.code for rule in TABLE]})


def filter_or_none(text: str | None) -> Filter | None:
    """The display filter of a text, where there is one. Raises FilterError."""
    return None if text is None else filter_of(text)
