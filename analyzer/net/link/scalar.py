"""The path for frames that the fast path does not know: one frame at a time, one header at a time.

Of the classes of dpkt only the fixed header is used: left to itself dpkt goes on into the payload at once and is
lenient about lengths, while here three ends have to be kept apart (header, captured bytes, bytes on the wire).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from analyzer.net.link.fragments import Fragment, FragmentTable
from analyzer.net.link.linktypes import FIXED, IPV4_PROTOCOLS, IPV6_PROTOCOLS, TYPED, Fixed, HeaderType, Typed
from analyzer.net.link.readers import captured, ip, tags, tunnels, wireless
from analyzer.net.link.step import Here, NoSegment, Segment, Step, by_type_or_length, u16
from analyzer.net.link.unfollowed import Unfollowed

# Headers in one frame, options and labels included: what is nested deeper is made up.
MAX_HEADERS: Final = 32

Reader = Callable[[memoryview, Here], Step]


def _fixed(row: Fixed, buffer: memoryview, here: Here) -> Step:
    return here.then(row.next, row.size) if here.holds(row.size) else NoSegment.UNDECODABLE


def _typed(row: Typed, buffer: memoryview, here: Here) -> Step:
    if not here.holds(row.size):
        return NoSegment.UNDECODABLE
    label = row.label
    if label is not None:
        at = here.start + label.at
        number = int.from_bytes(buffer[at : at + label.size], "big") & label.mask
        if number:
            here = here.labelled(label.kind, number)
    return by_type_or_length(here, u16(buffer, here.start + row.type_at), row.size)


READERS: Final[Mapping[HeaderType, Reader]] = {
    **{layer: partial(_fixed, row) for layer, row in FIXED.items()},
    **{layer: partial(_typed, row) for layer, row in TYPED.items()},
    HeaderType.NULL: captured.null,
    HeaderType.PPP: captured.ppp,
    HeaderType.RAW_IP: captured.raw_ip,
    HeaderType.LLC: captured.llc,
    HeaderType.PPPOE: captured.pppoe,
    HeaderType.NFLOG: captured.nflog,
    HeaderType.PKTAP: captured.pktap,
    HeaderType.PPI: captured.ppi,
    HeaderType.PFLOG: captured.pflog,
    HeaderType.PPP_HDLC: captured.ppp_hdlc,
    HeaderType.FRAME_RELAY: captured.frame_relay,
    HeaderType.RADIOTAP: wireless.radiotap,
    HeaderType.WLAN: wireless.wlan,
    HeaderType.WLAN_PADDED: wireless.wlan_padded,
    HeaderType.PRISM: wireless.prism,
    HeaderType.ETHERNET: tags.ethernet,
    HeaderType.MPLS: tags.mpls,
    HeaderType.NSH: tags.nsh,
    HeaderType.TRILL: tags.trill,
    HeaderType.MACSEC: tags.macsec,
    HeaderType.BATMAN: tags.batman,
    HeaderType.IPV4: ip.ipv4,
    HeaderType.IPV6: ip.ipv6,
    HeaderType.IPV6_EXTENSION: ip.ipv6_extension,
    HeaderType.IPV6_FRAGMENT: ip.ipv6_fragment,
    HeaderType.AH: ip.ah,
    HeaderType.UDP: ip.udp,
    HeaderType.TCP: ip.tcp,
    HeaderType.GRE: tunnels.gre,
    HeaderType.ERSPAN2: tunnels.erspan2,
    HeaderType.ERSPAN3: tunnels.erspan3,
    HeaderType.VXLAN: tunnels.vxlan,
    HeaderType.VXLAN_GPE: tunnels.vxlan_gpe,
    HeaderType.GENEVE: tunnels.geneve,
    HeaderType.GTPU: tunnels.gtpu,
    HeaderType.TZSP: tunnels.tzsp,
    HeaderType.TEREDO: tunnels.teredo,
    HeaderType.L2TP: tunnels.l2tp,
    HeaderType.L2TPV3: tunnels.l2tpv3,
}


def dissect(
    buffer: memoryview, frame: Here, timestamp_ns: int, fragments: FragmentTable, number: int = 0
) -> Segment | Unfollowed | NoSegment:
    """The TCP segment of one frame, or why there is none. Never raises on what a frame holds.

    `number` is the frame's, for who asks of which frames a datagram was made.
    """
    reassembled: bytes | None = None
    frames: tuple[int, ...] = ()
    step: Step = frame
    for _ in range(MAX_HEADERS):
        if isinstance(step, Here):
            step = READERS[step.layer](buffer, step)
        elif isinstance(step, Fragment):
            if not step.fits():
                return NoSegment.UNDECODABLE
            datagram = fragments.add(step, timestamp_ns, number)
            if datagram is None:
                return NoSegment.FRAGMENT
            protocols = IPV6_PROTOCOLS if datagram.network.version == 6 else IPV4_PROTOCOLS
            reassembled, buffer = datagram.data, memoryview(datagram.data)
            frames += datagram.frames
            layer = protocols[datagram.protocol]
            step = Here(layer, 0, len(datagram.data), datagram.length, datagram.network, datagram.tag)
        elif isinstance(step, Segment):
            return step if reassembled is None else step._replace(reassembled=reassembled, frames=frames)
        else:
            return step
    return NoSegment.UNDECODABLE
