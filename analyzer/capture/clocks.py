"""The time stamps of pcapng interfaces: if_tsresol and if_tsoffset (draft-ietf-opsawg-pcapng section 4.2)."""

from __future__ import annotations

import msgspec

from analyzer.batches import zeros
from analyzer.capture.record_chain import nanoseconds

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

    def to_ns(self, ticks: memoryview) -> memoryview:
        """Nanoseconds since 1970 of time stamps in ticks, cut to whole ones and to the range of 64 bits with sign."""
        if self.exponent > (19 if self.base == 10 else 32):
            return self._exact(ticks)
        divisor = 10 ** (self.exponent - 9) if self.base == 10 and self.exponent > 9 else 0
        # The offset is cut, so that the sum can not wrap.
        offset = max(min(self.offset, 2 * MAX_SECONDS), -2 * MAX_SECONDS)
        return nanoseconds(ticks, self.base**self.exponent, divisor, offset, MAX_SECONDS)

    def _exact(self, ticks: memoryview) -> memoryview:
        """The same for resolutions that 64-bit arithmetic can not hold; nobody needs this to be fast."""
        per_second, top = self.base**self.exponent, MAX_SECONDS * SECOND_NS
        times = zeros("q", len(ticks))
        for row, tick in enumerate(ticks):
            value = tick * SECOND_NS // per_second + self.offset * SECOND_NS
            times[row] = max(min(value, top), -top)
        return times
