"""Times of day as a person wants them: in UTC, as captures are compared, or in the time of a place."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

import msgspec

_OFFSET: Final = re.compile(r"([+-])(\d{1,2}):?(\d{2})?\Z")
_SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class WallClock(msgspec.Struct, frozen=True):
    """A time zone (None: that of this machine) and what it is called."""

    name: str
    zone: tzinfo | None

    @property
    def heading(self) -> str:
        """What stands over a column of times, in 8 characters: other zones are named beside the date."""
        return "Time UTC" if self is UTC_CLOCK else "Time"

    def moment(self, ns: int) -> datetime:
        """Nanoseconds since 1970 as a time of this clock."""
        try:
            return (_EPOCH + timedelta(microseconds=ns // 1000)).astimezone(self.zone)
        except (OverflowError, OSError, ValueError):  # a capture may claim any time
            return _EPOCH

    def date(self, ns: int) -> str:
        """The day; with the zone's offset where it is not UTC."""
        return _second(self, ns // _SECOND)[0]

    def stamp(self, ns: int) -> str:
        """Day, time and zone, for a sentence."""
        when = self.moment(ns)
        return f"{when:%Y-%m-%d %H:%M:%S} {self.of_zone(when)}"

    def of_zone(self, when: datetime) -> str:
        """What the zone is called, and how far it is from UTC then, where its name does not say that."""
        return self.name if self is UTC_CLOCK or self.name[0] in "+-" else f"{self.name} ({when:%z})"

    def iso(self, ns: int) -> str:
        """ISO 8601 to the microsecond, with the offset."""
        return self.moment(ns).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def time_of_day(self, ns: int, milliseconds: bool = False) -> str:
        second, rest = divmod(ns, _SECOND)
        text = _second(self, second)[1]
        return f"{text}.{rest // 1_000_000:03}" if milliseconds else text


UTC_CLOCK: Final = WallClock("UTC", UTC)


@lru_cache(256)
def _second(clock: WallClock, second: int) -> tuple[str, str]:
    """The day and the time of a whole second: most that is shown happened in one that was shown before."""
    when = clock.moment(second * _SECOND)
    day = f"{when:%Y-%m-%d}"
    return day if clock is UTC_CLOCK else f"{day} {clock.of_zone(when)}", f"{when:%H:%M:%S}"


def clock_named(name: str) -> WallClock:
    """UTC, local, +02:00, or a place as the zone database calls it. Raises ValueError."""
    if name.upper() in ("UTC", "Z", "GMT"):
        return UTC_CLOCK
    if name == "local":
        return WallClock("local time", None)
    offset = _OFFSET.match(name)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        if minutes >= 24 * 60:
            raise ValueError(f"{name!r} is no time zone: an offset is less than a day")
        return WallClock(name, timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes)))
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return WallClock(name, ZoneInfo(name))
    except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"{name!r} is no time zone") from error
    except KeyError as error:
        from difflib import get_close_matches

        known = available_timezones()
        near = get_close_matches(name, known, 2) or sorted(zone for zone in known if zone.endswith(f"/{name}"))[:2]
        hint = f"; is it {' or '.join(near)}?" if near else "; UTC, local, +02:00 or Europe/Berlin are"
        raise ValueError(f"{name!r} is no time zone here{hint}") from error
