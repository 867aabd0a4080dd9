"""The time stamps of pcapng interfaces: if_tsresol and if_tsoffset (draft-ietf-opsawg-pcapng section 4.2)."""

from __future__ import annotations

import msgspec
import numpy as np

from analyzer.batches import I64, U64

SECOND_NS = 1_000_000_000
# Seconds that still fit into signed 64-bit nanoseconds (the years 1677 to 2262).
MAX_SECONDS = (1 << 63) // SECOND_NS - 1


class Clock(msgspec.Struct, frozen=True):
    """How an interface counts time.

    base, exponent  a second has base ** exponent ticks; base is 2 or 10, exponent 0 to 127
    offset          seconds to add
    """

    base: int = 10
    exponent: int = 6
    offset: int = 0

    def to_ns(self, ticks: U64) -> I64:
        """Nanoseconds since 1970 of time stamps in ticks, cut to whole ones and to the range of I64."""
        if self.exponent > (19 if self.base == 10 else 32):
            return self._exact(ticks)
        per_second = np.uint64(self.base**self.exponent)
        seconds, rest = np.divmod(ticks, per_second)
        if self.base == 10 and self.exponent > 9:
            fraction = rest // np.uint64(10 ** (self.exponent - 9))
        else:
            fraction = rest * np.uint64(SECOND_NS) // per_second
        whole = np.minimum(seconds, np.uint64(MAX_SECONDS)).astype(np.int64)
        # The offset is cut first, so that the sum can not wrap.
        whole += max(min(self.offset, 2 * MAX_SECONDS), -2 * MAX_SECONDS)
        result: I64 = np.clip(whole, -MAX_SECONDS, MAX_SECONDS) * SECOND_NS + fraction.astype(np.int64)
        return result

    def _exact(self, ticks: U64) -> I64:
        """The same for resolutions that 64-bit arithmetic can not hold; nobody needs this to be fast."""
        per_second, top = self.base**self.exponent, MAX_SECONDS * SECOND_NS
        values = [tick * SECOND_NS // per_second + self.offset * SECOND_NS for tick in ticks.tolist()]
        return np.array([max(min(value, top), -top) for value in values], dtype=np.int64)
