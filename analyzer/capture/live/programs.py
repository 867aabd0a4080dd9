"""Capture filters: libpcap's compiler, and what Linux needs around its programs.

Sources: pcap-filter(7), pcap_compile(3PCAP), Documentation/networking/filter.rst (SKF_AD_ offsets), <linux/filter.h>.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import struct
from collections.abc import Callable
from typing import Any, Final

import msgspec

from analyzer.capture.live.errors import BadFilter
from analyzer.capture.live.interfaces import ANY, RAW_IP, Port, loopback_index

SNAPLEN: Final = 262144
NETMASK_UNKNOWN: Final = 0xFFFFFFFF
LONGEST: Final = 4096  # BPF_MAXINSNS

# One instruction: code, jump if true, jump if false, k.
_INSTRUCTION: Final = struct.Struct("=HBBI")
LD: Final = 0x20  # ld [k]
JEQ: Final = 0x15
RET: Final = 0x06
# Loads at or above this offset ask the kernel about the frame instead of reading it.
AD_OFF: Final = 0xFFFFF000
AD_PROTOCOL: Final = AD_OFF
AD_PKTTYPE: Final = AD_OFF + 4
AD_IFINDEX: Final = AD_OFF + 8
AD_HATYPE: Final = AD_OFF + 28
OUTGOING: Final = 4

# pcap's own numbers where they differ from LINKTYPE_ ones.
_DLT: Final = {RAW_IP: 12}
SLL2_HEADER: Final = 20
# Fields of the cooked header -> where the kernel has them.
_SLL2_FIELDS: Final = {0: AD_PROTOCOL, 4: AD_IFINDEX, 8: AD_HATYPE, 10: AD_PKTTYPE}
_LIBRARIES: Final = ("libpcap.so.1", "libpcap.so.0.8", "libpcap.dylib")


class Program(msgspec.Struct, frozen=True):
    """A filter as the kernel runs it: instructions of 8 bytes. It says how many bytes of a frame are wanted, or 0."""

    code: bytes

    @staticmethod
    def nothing() -> Program:
        return Program(_INSTRUCTION.pack(RET, 0, 0, 0))

    @staticmethod
    def everything(snaplen: int) -> Program:
        return Program(_INSTRUCTION.pack(RET, 0, 0, snaplen))


class _BpfProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.c_void_p))


def program_for(text: str, port: Port, snaplen: int) -> Program:
    """The filter `text` for an interface, so that each frame comes once; empty takes all. Raises BadFilter."""
    program = compile_filter(text, port.link_type, snaplen) if text.strip() else Program.everything(snaplen)
    if port.cooked:
        program = _cooked(program, text)
    return once(program, port)


def once(program: Program, port: Port) -> Program:
    """A loopback interface shows each frame twice, going out and coming in: takes the one that comes in."""
    drop_outgoing = [(LD, 0, 0, AD_PKTTYPE), (JEQ, 0, 1, OUTGOING), (RET, 0, 0, 0)]
    if port.name == ANY:
        index = loopback_index()
        if index is None:
            return program
        lead = [(LD, 0, 0, AD_IFINDEX), (JEQ, 0, len(drop_outgoing), index), *drop_outgoing]
    elif port.loopback:
        lead = drop_outgoing
    else:
        return program
    return Program(b"".join(_INSTRUCTION.pack(*one) for one in lead) + program.code)


def _cooked(program: Program, text: str) -> Program:
    """What was compiled for frames with a cooked header, for the kernel, which has none there."""
    moved = []
    for code, true, false, k in _INSTRUCTION.iter_unpack(program.code):
        offset = k
        reads = code & 7 in (0, 1) and code & 0xE0 in (0x20, 0x40, 0xA0)
        if reads and k < AD_OFF:
            if k >= SLL2_HEADER:
                offset = k - SLL2_HEADER
            elif k in _SLL2_FIELDS:
                offset = _SLL2_FIELDS[k]
            else:
                raise BadFilter(text, "this interface has no such link-layer header", None)
        moved.append(_INSTRUCTION.pack(code, true, false, offset))
    return Program(b"".join(moved))


def compile_filter(text: str, link_type: int, snaplen: int) -> Program:
    """The instructions of a filter in pcap-filter's language. Raises BadFilter with libpcap's own words."""
    library = _library()
    if library is None:
        raise BadFilter(text, "libpcap, which compiles capture filters, is not installed; -f '' needs none", None)
    try:
        raw = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise BadFilter(text, "a character that no filter has", error.start) from error
    if b"\0" in raw:
        raise BadFilter(text, "a character that no filter has", raw.index(0))
    compiled = _compile(library, raw, _DLT.get(link_type, link_type), snaplen)
    if isinstance(compiled, Program):
        return compiled
    why = re.sub(r"^can't parse filter expression: ", "", compiled)

    def fits(part: str) -> bool:
        return isinstance(_compile(library, part.encode(), _DLT.get(link_type, link_type), snaplen), Program)

    raise BadFilter(text, why, _place(text, why, fits))


def _place(text: str, why: str, fits: Callable[[str], bool]) -> int | None:
    """Where in `text` the fault is: at a word that libpcap quotes, or behind the longest beginning that compiles."""
    words = [(match.start(), match.group()) for match in re.finditer(r"[()!]|[^\s()!]+", text)][:100]
    for quoted in re.findall(r"'([^']+)'", why):
        for place, word in words:
            if word == quoted:
                return place
    for index in range(len(words) - 1, 0, -1):
        if fits(text[: words[index][0]]):
            return words[index][0]
    return words[0][0] if len(words) == 1 else None


def _library() -> Any:
    """libpcap, None where it is not installed."""
    found = ctypes.util.find_library("pcap")
    for name in (found, *_LIBRARIES):
        if name is None:
            continue
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _compile(library: Any, text: bytes, dlt: int, snaplen: int) -> Program | str:
    """The program, or libpcap's message."""
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_geterr.restype = ctypes.c_char_p
    handle = ctypes.c_void_p(library.pcap_open_dead(dlt, snaplen))
    if handle.value is None:
        return "libpcap has no memory"
    try:
        program = _BpfProgram()
        if library.pcap_compile(handle, ctypes.byref(program), text, 1, ctypes.c_uint(NETMASK_UNKNOWN)) != 0:
            message: bytes = library.pcap_geterr(handle) or b"no filter"
            return message.decode("utf-8", "replace")
        try:
            if not 0 < program.length <= LONGEST:
                return f"the filter has {program.length} instructions, the kernel takes {LONGEST}"
            return Program(ctypes.string_at(program.instructions, 8 * program.length))
        finally:
            library.pcap_freecode(ctypes.byref(program))
    finally:
        library.pcap_close(handle)
