"""Which driver a client is: by its own word (its connection attributes), else by what it offers in its login.

Drivers choose capabilities, maximum packet size, collation, plugin and filler bytes in ways of their own. `table` holds
what each was seen to choose; a flag that users switch by an option counts less than one that they can not switch.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.connection.drivers.base import OPTIONAL, Signature
from analyzer.analysis.connection.drivers.table import SIGNATURES
from analyzer.analysis.model.connection import Driver
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.capabilities import CLIENT_CONNECT_ATTRS

LIKELY: Final = "likely"
POSSIBLE: Final = "possible"
# How much each thing that is as usual tells; one that is not tells nothing, but for the size, which is rarely changed.
_SIZE: Final = 4
_COLLATION: Final = 2
_PLUGIN: Final = 1
_OPTIONS: Final = 1
# A driver is likely where this much is as usual and the next is well behind.
_ENOUGH: Final = 6
_AHEAD: Final = 2
EVERY_FLAG: Final = (1 << 32) - 1


def driver_of(login: HandshakeResponse41, offered: int = EVERY_FLAG) -> Driver | None:
    """The driver of a login; None where nothing tells. `offered` are the server's capabilities."""
    attributes = dict(login.attributes or ())
    # A connector on top of a client library is the driver, not that.
    for kind in ("_connector", "_client"):
        name = attributes.get(f"{kind}_name")
        if name:
            return Driver(name, attributes.get(f"{kind}_version"), "attributes", "certain")
    return by_offer(login, offered)


def by_offer(login: HandshakeResponse41, offered: int = EVERY_FLAG) -> Driver | None:
    """The driver by what it offers alone. `version` is the range of versions that were seen to offer this.

    Most offer nothing that the server has not: what an old one lacks tells nothing of them.
    """
    flags = login.client_flag
    ranked: dict[str, tuple[int, Signature]] = {}
    for signature in SIGNATURES:
        if signature.on & offered & ~flags or flags & signature.off:
            continue
        score = _score(signature, login, offered)
        if signature.name not in ranked or score > ranked[signature.name][0]:
            ranked[signature.name] = score, signature
    if not ranked:
        return None
    best, *others = sorted(ranked.values(), key=_rank)
    score, signature = best
    lead = score - others[0][0] if others else _AHEAD
    if score < _SIZE:
        return None
    sure = score >= _ENOUGH and lead >= _AHEAD
    return Driver(signature.name, signature.versions, "fingerprint", LIKELY if sure else POSSIBLE)


def _rank(found: tuple[int, Signature]) -> tuple[int, bool, int]:
    """The best first; of equals one that names itself nowhere, and the one that was seen in more forms.

    Imitators were seen in fewer.
    """
    score, signature = found
    fixed = signature.on | signature.off | signature.options_on | signature.options_off
    return -score, bool(signature.options_on & CLIENT_CONNECT_ATTRS), fixed.bit_count()


def _score(signature: Signature, login: HandshakeResponse41, offered: int) -> int:
    score = _SIZE if login.max_packet_size in signature.sizes else 0
    score += _COLLATION if login.character_set in signature.collations else 0
    score += _PLUGIN if login.client_plugin_name in signature.plugins else 0
    options = login.client_flag & OPTIONAL
    # Who sends attributes names itself: where nobody does, it tells nothing that the others of its kind do.
    score += 0 if signature.options_on & offered & ~(options | CLIENT_CONNECT_ATTRS) else _OPTIONS
    score += _OPTIONS if not options & signature.options_off else 0
    return score
