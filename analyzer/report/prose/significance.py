"""Whether two sets of durations differ by more than chance, and how to say so in plain words.

The test is that of Mann and Whitney (Ann. Math. Statist. 18, 1947), with the normal approximation, correction for ties
and continuity. It asks nothing of the durations' distribution: it only counts who took longer, of each pair of one
before and one after. Durations come counted in steps, as histograms have them: those of one step are ties.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

# Fewer durations on a side say nothing: chance alone puts three before three others once in ten times.
LEAST: Final = 5
# Chance may make one difference in a list seem real that often.
LEVEL: Final = 0.05


class Difference(msgspec.Struct, frozen=True):
    """What comparing every duration before with every one after shows.

    chance  how often chance alone makes a difference as large (the p-value, both directions)
    longer  share of the pairs in which the one after took longer; ties count half
    """

    chance: float
    longer: float


def difference(before: Mapping[int, int], after: Mapping[int, int]) -> Difference | None:
    """Compares histograms (step -> count, higher steps are longer); None where one has too few to compare."""
    n, m = sum(before.values()), sum(after.values())
    if min(n, m) < LEAST:
        return None
    total, below, pairs, ties = n + m, 0, 0.0, 0
    for step in sorted(before.keys() | after.keys()):
        a, b = before.get(step, 0), after.get(step, 0)
        pairs += b * (below + a / 2)
        below += a
        ties += (a + b) ** 3 - (a + b)
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    away = abs(pairs - n * m / 2) - 0.5
    chance = math.erfc(max(away, 0.0) / math.sqrt(2 * variance)) if variance > 0 else 1.0
    return Difference(chance, pairs / (n * m))


def beyond_chance(chances: Sequence[float | None]) -> list[bool]:
    """Which of several tests are no chance, though so many were made (Holm, Scand. J. Statist. 6, 1979)."""
    order = sorted((chance, index) for index, chance in enumerate(chances) if chance is not None)
    found = [False] * len(chances)
    for place, (chance, index) in enumerate(order):
        if chance > LEVEL / (len(order) - place):
            break
        found[index] = True
    return found


def words(found: Difference) -> str:
    """The difference in plain words."""
    longer = round(100 * max(found.longer, 1 - found.longer))
    when = "after" if found.longer >= 0.5 else "before"
    rare = f"once in {1 / found.chance:,.0f} times" if found.chance > 1e-6 else "less than once in a million times"
    return f"of 100 pairs of one before and one after, {longer} took longer {when}; chance does so {rare}"
