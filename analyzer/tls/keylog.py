"""Secrets of TLS sessions in the NSS key log format, which browsers, OpenSSL, Java agents and pcapng files share.

Source: RFC 9850, "The SSLKEYLOGFILE Format for TLS"; NSS Key Log Format (RSA, PMS_CLIENT_RANDOM lines).
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Callable, Iterable
from typing import Final

CLIENT_RANDOM: Final = "CLIENT_RANDOM"
CLIENT_EARLY: Final = "CLIENT_EARLY_TRAFFIC_SECRET"
CLIENT_HANDSHAKE: Final = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
SERVER_HANDSHAKE: Final = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_APPLICATION: Final = "CLIENT_TRAFFIC_SECRET_0"
SERVER_APPLICATION: Final = "SERVER_TRAFFIC_SECRET_0"
RSA: Final = "RSA"
PREMASTER: Final = "PMS_CLIENT_RANDOM"

# Label: length of what the secret belongs to, lengths a secret may have. A line that is being written still is cut
# anywhere, so a length that can not be is no secret.
_HASHES: Final = (32, 48, 64)
_LABELS: Final[dict[str, tuple[int, tuple[int, ...]]]] = {
    CLIENT_RANDOM: (32, (48,)),
    CLIENT_EARLY: (32, _HASHES),
    CLIENT_HANDSHAKE: (32, _HASHES),
    SERVER_HANDSHAKE: (32, _HASHES),
    CLIENT_APPLICATION: (32, _HASHES),
    SERVER_APPLICATION: (32, _HASHES),
    RSA: (8, (48,)),
    PREMASTER: (32, tuple(range(16, 1025))),
}
# Labels that are right and of no use here.
_PASSED_OVER: Final = frozenset({b"EXPORTER_SECRET", b"EARLY_EXPORTER_SECRET", b"ECH_SECRET", b"ECH_CONFIG"})
_BY_NAME: Final = {label.encode("ascii"): (label, *lengths) for label, lengths in _LABELS.items()}

LONGEST_LINE: Final = 4096
# Label, what the secret belongs to, secret.
_WORDS: Final = 3
_LF: Final = 10
_CR: Final = 13
MOST_SECRETS: Final = 1 << 20
MOST_SOURCES: Final = 256
MOST_MASTERS: Final = 1 << 14
# Bytes of undecrypted records that all sessions together may keep until a key comes.
HELD_BYTES: Final = 64 << 20


class KeyLog:
    """Secrets by session. Grows with `add` at any time; `generation` grows when it has learned something.

    `ignored` counts lines that are no secrets (comments and empty lines not among them). `more`, where it is set, is
    asked once for further logs, when a secret is looked for that is not there; `complete`: no others ever come.
    `remembered` counts sessions that others may resume, `refused` says that there was no room for records.
    """

    __slots__ = (
        *("_masters", "_most", "_room", "_secrets", "_tails", "complete", "generation", "ignored", "more"),
        *("refused", "remembered"),
    )

    def __init__(self) -> None:
        self._secrets: dict[tuple[str, bytes], bytes] = {}
        self._masters: dict[bytes, bytes] = {}
        self._tails: dict[str, bytes] = {}
        self._room = self._most = HELD_BYTES
        self.remembered = 0
        self.refused = False
        self.generation = 0
        self.ignored = 0
        self.more: Callable[[], Iterable[bytes]] | None = None
        self.complete = False

    def __len__(self) -> int:
        return len(self._secrets)

    @property
    def stays_empty(self) -> bool:
        """Whether there is no secret, and none can come."""
        return self.complete and self.more is None and not self._secrets

    def add(self, data: bytes, *, final: bool = False, source: str = "") -> None:
        """Takes a piece of a log, or a whole one.

        A line may be cut in two, its rest comes with the next piece of the same `source`. `final`: nothing more comes
        of it, so what is added next begins a line of its own (a pcapng may hold several logs).
        """
        text = self._tails.pop(source, b"") + data
        end = len(text)
        if text and not final and not text.endswith((b"\n", b"\r")):
            end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
            rest = text[end:]
            # It may be whole: many logs have no line end after the last line.
            self._line(rest, tentative=True)
            if len(rest) <= LONGEST_LINE and len(self._tails) < MOST_SOURCES:
                self._tails[source] = rest
        self._lines(text, end)

    def _lines(self, text: bytes, end: int) -> None:
        """Takes the lines that end before `end`."""
        begin = 0
        data = text
        for place in range(end):
            if data[place] in (_LF, _CR):
                if begin < place:
                    self._line(data[begin:place])
                begin = place + 1
        if begin < end:
            self._line(data[begin:end])

    def find(self, label: str, belongs_to: bytes) -> bytes | None:
        """The secret of a session, by its client random (for RSA: by the first 8 bytes of the encrypted one)."""
        secret = self._secrets.get((label, belongs_to))
        if secret is None and self.more is not None:
            more, self.more = self.more, None
            for content in more():
                self.add(content, final=True)
            secret = self._secrets.get((label, belongs_to))
        return secret

    def secrets(self) -> dict[tuple[str, bytes], bytes]:
        """All secrets, by label and session; a copy."""
        return dict(self._secrets)

    def has(self, label: str, belongs_to: bytes) -> bool:
        """Whether this secret of a session is there."""
        return (label, belongs_to) in self._secrets

    def knows(self, client_random: bytes) -> bool:
        """Whether there is any secret for this client random."""
        return bool(self._secrets) and any((label, client_random) in self._secrets for label in _LABELS)

    def _line(self, line: bytes, tentative: bool = False) -> None:
        if len(line) > LONGEST_LINE:
            line = line.strip()
        words = line.split() if len(line) <= LONGEST_LINE else []
        known = _BY_NAME.get(words[0]) if len(words) == _WORDS else None
        if known is None:
            # Empty, a comment, or of no use here.
            means_nothing = words[0] in _PASSED_OVER if words else not line.strip()
            self.ignored += not (tentative or means_nothing or line.lstrip().startswith(b"#"))
            return
        label, width, lengths = known
        try:
            belongs_to, secret = unhexlify(words[1]), unhexlify(words[2])
        except ValueError:
            self.ignored += not tentative
            return
        if len(belongs_to) != width or len(secret) not in lengths:
            self.ignored += not tentative
            return
        key, secrets = (label, belongs_to), self._secrets
        if secrets.get(key) == secret:
            return
        secrets[key] = secret
        self.generation += 1
        if len(secrets) > MOST_SECRETS:
            del secrets[next(iter(secrets))]

    # -- masters of sessions that may be resumed ----------------------------------------------------------------------

    def remember(self, name: bytes, master: bytes) -> None:
        """Keeps a master secret by session id or ticket: a resumed session may have no line of its own (RFC 5077)."""
        self.remembered += 1
        self._masters.pop(name, None)
        self._masters[name] = master
        if len(self._masters) > MOST_MASTERS:
            del self._masters[next(iter(self._masters))]

    def recall(self, name: bytes) -> bytes | None:
        return self._masters.get(name)

    # -- room for records that wait for a key -------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether records of any session wait for a key."""
        return self._room < self._most

    def reserve(self, count: int) -> bool:
        """Takes room for `count` bytes; False where there is none left."""
        if count > self._room:
            self.refused = True
            return False
        self._room -= count
        return True

    def share(self, processes: int) -> None:
        """So many processes have the room together."""
        taken = self._most - self._room
        self._most //= processes
        self._room = self._most - taken

    def release(self, count: int) -> None:
        self._room += count
