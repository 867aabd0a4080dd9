"""Connection attributes: the standard ones, the user's, and a filling up to a wanted size; and reading them back."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from analyzer import __version__
from analyzer.protocol.records.login import Attributes, encode_attributes
from analyzer.protocol.wire.reader import Writer
from live_client.options import Options

FILLING = "filling"
# The second may be read without any right: it only shows the connections of one's own account.
STORED_SQL = tuple(
    f"SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.{name} "
    "WHERE PROCESSLIST_ID = CONNECTION_ID() ORDER BY ORDINAL_POSITION"
    for name in ("session_connect_attrs", "session_account_connect_attrs")
)
LIMIT_SQL = "SELECT @@performance_schema, @@performance_schema_session_connect_attrs_size"


def make_attributes(options: Options) -> Attributes:
    """What the login sends, in this order; a name that the user gives again takes the place of a standard one."""
    standard = {
        "_client_name": "handshark-client",
        "_client_version": __version__,
        "_os": sys.platform,
        "_pid": str(os.getpid()),
        "_platform": platform.machine(),
    }
    pairs = list({**standard, **dict(options.attributes)}.items())
    missing = options.attributes_size - size_of(pairs)
    if missing > 0:
        pairs.append((FILLING, _filling(missing)))
    return tuple(pairs)


def size_of(pairs: Sequence[tuple[str, str]]) -> int:
    """Bytes of the attributes, without the length in front of all."""
    w = Writer()
    for name, value in pairs:
        w.lenenc_bytes(name)
        w.lenenc_bytes(value)
    return len(w.data)


def _filling(missing: int) -> str:
    """A value whose pair takes `missing` bytes, or as few more as its lengths allow."""
    length = max(missing - size_of([(FILLING, "")]), 0)
    # The value's length takes 1, 3 or 4 bytes: what it takes more is taken from the value.
    excess = size_of([(FILLING, "x" * length)]) - missing
    return "x" * max(length - max(excess, 0), 0)


def block_size(pairs: Attributes) -> int:
    """Bytes of the attributes with their length."""
    w = Writer()
    encode_attributes(w, pairs)
    return len(w.data)


@dataclass(frozen=True)
class StoredAttributes:
    """Sent and stored, side by side: (name, sent or None, stored or None). `verdict` says what became of them."""

    rows: tuple[tuple[str, str | None, str | None], ...]
    verdict: str


def compare_attributes(
    sent: Sequence[tuple[str, str]], stored: Sequence[tuple[str, str]], limit: int | None
) -> StoredAttributes:
    """`limit` is the server's performance_schema_session_connect_attrs_size, None where it is not known."""
    kept = dict(stored)
    names = [name for name, _ in sent] + [name for name, _ in stored if name not in dict(sent)]
    rows = tuple((name, dict(sent).get(name), kept.get(name)) for name in names)
    size = size_of(sent)
    keeps = f"; it keeps {limit} bytes" if limit is not None else ""
    # _truncated is MySQL's own: the number of bytes that it has not kept.
    lost = [name for name, value in sent if kept.get(name) != value]
    if not sent:
        verdict = "no attributes were sent"
    elif not stored:
        verdict = "the server keeps none of the attributes: its performance_schema is off"
    elif lost:
        verdict = f"the server has cut the attributes ({size} bytes sent{keeps}): lost or cut are {', '.join(lost)}"
    else:
        verdict = f"the server has stored all {len(sent)} attributes ({size} bytes sent{keeps})"
    return StoredAttributes(rows, verdict)
