"""What a short script does: dpkt, one frame after the other, headers only. The bench's measure of plain Python."""

from __future__ import annotations

import sys
from collections import Counter

import dpkt


def main(path: str) -> int:
    """Counts the payload bytes of each pair of ports."""
    counts: Counter[tuple[int, int]] = Counter()
    with open(path, "rb") as file:
        for _, frame in dpkt.pcap.Reader(file):
            ip = dpkt.ethernet.Ethernet(frame).data
            if isinstance(ip, dpkt.ip.IP) and isinstance(ip.data, dpkt.tcp.TCP):
                counts[ip.data.sport, ip.data.dport] += len(ip.data.data)
    print(sum(counts.values()), len(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
