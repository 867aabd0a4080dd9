"""The chain of a file's records or blocks: each says where the next one begins. Only that is followed here."""

from __future__ import annotations

from array import array
from typing import Final

from analyzer.batches import zeros

_SECOND: Final = 1_000_000_000
# Packet blocks of pcapng: enhanced, old and simple ones; the bytes before their frames, and those of the least.
_PACKET: Final = 6
_OLD: Final = 2
_SIMPLE: Final = 3
_HEADER: Final = 28
_SIMPLE_HEADER: Final = 12
_LEAST: Final = 32
# An option of enhanced packet blocks, so many of which are looked at; what old ones have that do not know.
_DROPPED: Final = 4
_MOST_OPTIONS: Final = 16
_UNKNOWN: Final = 0xFFFF
_FORMS: Final = {
    "number": "q",
    "offset": "q",
    "captured": "q",
    "original": "q",
    "interface": "i",
    "described": "q",
    "ticks": "Q",
    "timed": "B",
}


class _Numbers:
    """Numbers of four bytes in `data`; `big`: the highest first."""

    __slots__ = ("_big", "_data")

    def __init__(self, data: memoryview, big: bool) -> None:
        self._data, self._big = data, big

    def at(self, place: int) -> int:
        """The one that begins there."""
        if self._big:
            high = self._data[place]
            return high << 24 | self._data[place + 1] << 16 | self._data[place + 2] << 8 | self._data[place + 3]
        high = self._data[place + 3]
        return high << 24 | self._data[place + 2] << 16 | self._data[place + 1] << 8 | self._data[place]


def records(
    data: memoryview, start: int, used: int, header: int, tick_ns: int, big: bool, usual: int, most: int
) -> tuple[int, int, int]:
    """(how many whole records are there from `start` on, where the next one begins, bytes it needs) of a pcap file.

    header       bytes of a record's header
    tick_ns      nanoseconds of the second field's unit
    big          numbers have their highest byte first
    usual, most  frames are seldom, and never, longer

    No bytes are needed where the next record's length can not be: nothing after it can be trusted.
    """
    numbers = _Numbers(data, big)
    count = 0
    position = start
    while position + header <= used:
        captured = numbers.at(position + 8)
        if captured > usual:
            fraction = numbers.at(position + 4) * tick_ns
            if captured > most or fraction >= _SECOND or captured > numbers.at(position + 12):
                return count, position, 0
        if position + header + captured > used:
            return count, position, header + captured
        position += header + captured
        count += 1
    return count, position, header


def record_columns(
    data: memoryview, start: int, count: int, header: int, tick_ns: int, big: bool, first: int
) -> dict[str, memoryview]:
    """Number (from `first` on), time, place and lengths of so many whole records from `start` on."""
    columns = {name: zeros("q", count) for name in ("number", "timestamp_ns", "offset", "captured", "original")}
    _fill(data, start, count, header, tick_ns, big, first, columns)
    return columns


def _fill(
    data: memoryview,
    start: int,
    count: int,
    header: int,
    tick_ns: int,
    big: bool,
    first: int,
    columns: dict[str, memoryview],
) -> None:
    number, time_ns, offset = columns["number"], columns["timestamp_ns"], columns["offset"]
    numbers = _Numbers(data, big)
    captured, original = columns["captured"], columns["original"]
    position = start
    for row in range(count):
        length = numbers.at(position + 8)
        number[row] = first + row
        time_ns[row] = numbers.at(position) * _SECOND + numbers.at(position + 4) * tick_ns
        offset[row] = position + header
        captured[row] = length
        original[row] = max(numbers.at(position + 12), length)
        position += header + length


def packet_blocks(data: memoryview, start: int, used: int, big: bool, places: array[int]) -> int:
    """Appends where the enhanced packet blocks from `start` on begin; returns where the block begins that is none.

    That may be behind `used`, where the last one is not whole. Lengths are taken as they stand.
    """
    numbers = _Numbers(data, big)
    position = start
    while position + 8 <= used:
        kind, length = numbers.at(position), numbers.at(position + 4)
        if kind != _PACKET or length < _LEAST:
            break
        places.append(position)
        position += length
    return position


def first_damaged(data: memoryview, places: array[int], big: bool, rounded: bool) -> tuple[int, int]:
    """Index of the first of these blocks whose lengths differ, and of the first of uneven length up to it; -1: none.

    `rounded`: a block's length leaves its padding out.
    """
    numbers = _Numbers(data, big)
    uneven = -1
    for row in range(len(places)):
        length = numbers.at(places[row] + 4)
        if uneven < 0 and length & 3:
            uneven = row
        taken = length + 3 & ~3 if rounded else length
        if numbers.at(places[row] + taken - 4) != length:
            return row, uneven
    return -1, uneven


def frames_lost(data: memoryview, places: array[int], count: int, big: bool) -> int:
    """What the first `count` blocks say of frames lost before them: an option of enhanced ones, a field of old ones."""
    numbers = _Numbers(data, big)
    lost = 0
    for row in range(count):
        place = places[row]
        kind = numbers.at(place)
        if kind == _OLD:
            word = numbers.at(place + 8)
            drops = word & _UNKNOWN if big else word >> 16
            lost += drops if drops != _UNKNOWN else 0
        if kind != _PACKET:
            continue
        end = place + numbers.at(place + 4) - 4
        place += _HEADER + (numbers.at(place + 20) + 3 & ~3)
        for _ in range(_MOST_OPTIONS):
            if end - place < 12:
                break
            word = numbers.at(place)
            code, size = word & 0xFFFF, word >> 16
            if big:
                code, size = size, code
            if code == _DROPPED and size == 8:
                lost += int.from_bytes(data[place + 4 : place + 12], "big" if big else "little")
            if code == 0:
                break
            place += 4 + (size + 3 & ~3)
    return lost


class PacketColumns:
    """Columns of the packet blocks of one window, written one by one; `count` of them are there.

    ticks      time in the units of the interface's clock; `timed` 0 where the block has none
    described  row of the table of interfaces

    Of what is left out: `unknown` blocks (the first is `first_unknown`) name an interface that nobody described,
    `unfit` (from `first_unfit` on) claim more bytes than they have.
    """

    __slots__ = (
        "captured",
        "columns",
        "count",
        "described",
        "first_unfit",
        "first_unknown",
        "interface",
        "number",
        "offset",
        "original",
        "ticks",
        "timed",
        "unfit",
        "unknown",
    )

    def __init__(self, size: int) -> None:
        self.count = self.unknown = self.first_unknown = self.unfit = self.first_unfit = 0
        self.columns = columns = {name: zeros(form, size) for name, form in _FORMS.items()}
        self.number, self.offset, self.captured = columns["number"], columns["offset"], columns["captured"]
        self.original, self.interface = columns["original"], columns["interface"]
        self.described, self.ticks, self.timed = columns["described"], columns["ticks"], columns["timed"]

    def add(
        self,
        data: memoryview,
        places: array[int],
        begin: int,
        stop: int,
        first: int,
        big: bool,
        base: int,
        interfaces: int,
        snaplen: int,
    ) -> None:
        """Takes the blocks from `begin` to `stop`: numbers from `first` on; `interfaces` of the table, from row `base`
        on, are known, `snaplen` is the first one's."""
        numbers = _Numbers(data, big)
        for row in range(begin, stop):
            place = places[row]
            kind = numbers.at(place)
            if kind not in (_PACKET, _OLD, _SIMPLE):
                continue
            word = numbers.at(place + 8)
            room = numbers.at(place + 4) - _HEADER - 4
            offset = place + _HEADER
            if kind == _SIMPLE:
                room += _HEADER - _SIMPLE_HEADER
                offset = place + _SIMPLE_HEADER
                interface, original = 0, word
                captured = min(original, room, snaplen)
            else:
                captured, original = numbers.at(place + 20), numbers.at(place + 24)
                interface = word
                if kind == _OLD:
                    interface = word >> 16 if big else word & 0xFFFF
            if interface >= interfaces:
                if not self.unknown:
                    self.first_unknown = row
                self.unknown += 1
                continue
            if captured > room:
                if not self.unfit:
                    self.first_unfit = row
                self.unfit += 1
                continue
            count = self.count
            self.number[count] = first + row
            self.offset[count], self.captured[count] = offset, captured
            self.original[count] = max(original, captured)
            self.interface[count], self.described[count] = interface, base + interface
            if kind != _SIMPLE:
                high = numbers.at(place + 12)
                self.ticks[count] = high << 32 | numbers.at(place + 16)
                self.timed[count] = 1
            self.count = count + 1

    def written(self) -> dict[str, memoryview]:
        """The columns, as far as they are written."""
        return {name: column[: self.count] for name, column in self.columns.items()}


def nanoseconds(ticks: memoryview, per_second: int, divisor: int, offset: int, most: int) -> memoryview:
    """Times in nanoseconds, cut to `most` seconds on both sides of 1970.

    divisor  ticks of a nanosecond; 0 where they are not whole
    offset   seconds to add
    """
    times = zeros("q", len(ticks))
    _nanoseconds(ticks, per_second, divisor, offset, most, times)
    return times


def _nanoseconds(ticks: memoryview, per_second: int, divisor: int, offset: int, most: int, column: memoryview) -> None:
    times = column
    for row in range(len(ticks)):
        whole = ticks[row] // per_second
        rest = ticks[row] - whole * per_second
        fraction = rest // divisor if divisor else rest * _SECOND // per_second
        seconds = most if whole > most else whole
        seconds += offset
        if seconds > most:
            seconds = most
        elif seconds < -most:
            seconds = -most
        times[row] = seconds * _SECOND + fraction
