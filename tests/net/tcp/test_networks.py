"""Equal addresses and ports in several networks: two connections, or one that is seen in both."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.net.tcp.segments import CLIENT, FIN, RST, SERVER, Seg, handshake, run

VLAN_7 = 2 << 28 | 7
VLAN_8 = 2 << 28 | 8
BATCHES = ((), (1,), (4,), range(1, 60))


def connection(isn: int, peer_isn: int, tag: int, text: bytes) -> list[Seg]:
    """A handshake, a question, its answer, and the end."""
    c, s = isn + 1, peer_isn + 1
    segments = [
        *handshake(isn, peer_isn),
        Seg(CLIENT, c, s, data=text),
        Seg(SERVER, s, c + len(text), data=text.upper()),
        Seg(CLIENT, c + len(text), s + len(text), FIN),
        Seg(SERVER, s + len(text), c + len(text) + 1, FIN),
    ]
    return [segment._replace(tag=tag) for segment in segments]


Told = tuple[bytes, bytes, list[str], list[str], int]


def told(segments: list[Seg], cuts: Iterable[int] = ()) -> list[Told]:
    """What each connection said, by the order of their first frames; the same both ways."""
    column_way, long_way = (
        [
            (r.delivered(CLIENT), r.delivered(SERVER), r.ends(CLIENT), r.ends(SERVER), r.tcp.gaps)
            for r in run(segments, cuts, columns=columns).by_number()
        ]
        for columns in (True, False)
    )
    assert column_way == long_way
    return column_way


ONE = (b"one", b"ONE", ["fin"], ["fin"], 0)
OTHER = (b"other", b"OTHER", ["fin"], ["fin"], 0)


@pytest.mark.parametrize("tags", [(VLAN_7, VLAN_8), (0, VLAN_8), (VLAN_7, 0)])
@pytest.mark.parametrize("cuts", BATCHES)
def test_two_networks_are_two_connections(cuts: Iterable[int], tags: tuple[int, int]) -> None:
    one = connection(1000, 5000, tags[0], b"one")
    other = connection(901_000, 705_000, tags[1], b"other")
    zipped = [segment for pair in zip(one, other, strict=True) for segment in pair]
    assert told(zipped, cuts) == [ONE, OTHER]
    assert told([*one, *other], cuts) == [ONE, OTHER]
    assert told([*one[:5], *other, *one[5:]], cuts) == [ONE, OTHER]


@pytest.mark.parametrize("cuts", BATCHES)
def test_one_frame_in_two_networks_is_one(cuts: Iterable[int]) -> None:
    """Two interfaces of one host, or a tunnel's inside and outside: the numbers are the same."""
    one = connection(1000, 5000, 0, b"one")
    twice = [segment._replace(tag=tag) for segment in one for tag in (0, VLAN_7)]
    assert told(twice, cuts) == [ONE]
    assert told([segment._replace(tag=segment.tag or VLAN_8) for segment in twice], cuts) == [ONE]
    # Begun before the capture.
    assert told(twice[6:], cuts) == [ONE]


@pytest.mark.parametrize("cuts", BATCHES)
def test_each_direction_in_a_network_of_its_own_is_one(cuts: Iterable[int]) -> None:
    """A tap has one interface for each direction; labels of MPLS are chosen by who receives."""
    one = [segment._replace(tag=(VLAN_7, VLAN_8)[segment.sender]) for segment in connection(1000, 5000, 0, b"one")]
    assert told(one, cuts) == [ONE]
    assert told(one[3:], cuts) == [ONE]


@pytest.mark.parametrize("cuts", BATCHES)
def test_a_port_used_again_in_both_networks(cuts: Iterable[int]) -> None:
    first = [segment for one in connection(1000, 5000, 0, b"one") for segment in (one, one._replace(tag=VLAN_7))]
    again = [s for one in connection(7_000_000, 9_000_000, 0, b"other") for s in (one._replace(tag=VLAN_7), one)]
    assert told([*first, *again], cuts) == [ONE, OTHER]


def test_a_reset_of_another_network_is_not_its_own() -> None:
    one = connection(1000, 5000, VLAN_7, b"one")
    reset = Seg(SERVER, 4_000_000_000, 0, RST, tag=VLAN_8)
    assert told([*one[:4], reset, *one[4:]])[0] == ONE


@settings(max_examples=40)
@given(st.lists(st.sampled_from([0, VLAN_7, VLAN_8]), min_size=16, max_size=16), st.lists(st.integers(1, 40)))
def test_whatever_the_networks_and_batches_it_is_the_same(tags: list[int], cuts: list[int]) -> None:
    """Tags at random on one connection and on another that does not share its numbers: two connections, always."""
    one = [s._replace(tag=tag) for s, tag in zip(connection(1000, 5000, 0, b"one"), tags, strict=False)]
    assert told(one, cuts) == [ONE]
    other = connection(901_000, 705_000, 99, b"other")
    zipped = [segment for pair in zip(one, other, strict=True) for segment in pair]
    assert told(zipped, cuts) == [ONE, OTHER]
