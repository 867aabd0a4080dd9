"""Finds the secrets of one session and makes record protections of them.

What does the work is loaded where there is a secret: it takes a while, and most captures have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.tls import keylog
from analyzer.tls.handshake import LONGEST_TRANSCRIPT, Handshake
from analyzer.tls.keylog import KeyLog
from analyzer.tls.records import CLIENT

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from analyzer.tls.ciphers import Protection

# What a direction's records are protected with, in the order it comes (TLS 1.3).
EARLY: Final = 1
HANDSHAKE: Final = 2
APPLICATION: Final = 3
# Before TLS 1.3: after ChangeCipherSpec.
CIPHERED: Final = 3

# RFC 8446, 4.6.3 has no bound; nobody updates so often.
MOST_UPDATES: Final = 1 << 16

_LABELS: Final = {
    (0, EARLY): keylog.CLIENT_EARLY,
    (0, HANDSHAKE): keylog.CLIENT_HANDSHAKE,
    (1, HANDSHAKE): keylog.SERVER_HANDSHAKE,
    (0, APPLICATION): keylog.CLIENT_APPLICATION,
    (1, APPLICATION): keylog.SERVER_APPLICATION,
}


class SessionKeys:
    """Keys of one session. `reason` says why there are none, where there are none."""

    __slots__ = ("_known", "_log", "_made", "_pair", "_rsa", "_updates", "reason")

    def __init__(self, log: KeyLog, rsa_key: rsa.RSAPrivateKey | None) -> None:
        self._log = log
        self._rsa = rsa_key
        self._made: dict[tuple[int, int], Protection] = {}
        # Per direction: number of updates, secret, protection.
        self._updates: dict[int, tuple[int, bytes, Protection | None]] = {}
        self._pair: tuple[bytes, tuple[Protection | None, Protection | None]] | None = None
        self._known = b""  # master secret
        self.reason: str | None = None

    def find(self, shake: Handshake, sender: int, epoch: int, updates: int = 0) -> Protection | None:
        """A direction's protection in an epoch, after so many key updates; None where its secret is not known (yet)."""
        if shake.keys.client_hello is None or shake.keys.server_hello is None:
            return None
        if shake.keys.tls13:
            return self._tls13(shake, sender, epoch, updates)
        return self._tls12(shake)[sender] if epoch == CIPHERED else None

    # -- TLS 1.3 ------------------------------------------------------------------------------------------------------

    def _tls13(self, shake: Handshake, sender: int, epoch: int, updates: int) -> Protection | None:
        if updates:
            return self._updated(shake, sender, updates)
        made = self._made.get((sender, epoch))
        if made is None:
            secret = self._secret(shake, sender, epoch)
            if secret is None or shake.keys.suite is None:
                return None
            from analyzer.tls.keys import Schedule13

            made = Schedule13(shake.keys.suite).protection(secret)
            if made is None:
                self.reason = f"a secret of {len(secret)} bytes in the key log does not belong to {shake.cipher_suite}"
            else:
                self._made[sender, epoch] = made
        return made

    def _secret(self, shake: Handshake, sender: int, epoch: int) -> bytes | None:
        label = _LABELS.get((sender, epoch))
        if label is None or shake.keys.client_hello is None or (self.reason is not None and self._log.stays_empty):
            return None
        secret = self._log.find(label, shake.keys.client_hello.random)
        # Without it only early data can not be read, which few clients send.
        if secret is None and epoch != EARLY:
            whose = "client" if sender == CLIENT else "server"
            if self._log.knows(shake.keys.client_hello.random):
                self.reason = f"the key log has no {label} for this session, so that the {whose} can not be read"
            else:
                self.reason = f"no secret for this session: no key log line has client random {shake.wanted_random}"
        return secret

    def _updated(self, shake: Handshake, sender: int, updates: int) -> Protection | None:
        """RFC 8446, 7.2: each secret comes from the one before."""
        suite = shake.keys.suite
        if suite is None or updates > MOST_UPDATES:
            return None
        from analyzer.tls.keys import Schedule13

        schedule = Schedule13(suite)

        count, secret, made = self._updates.get(sender, (0, b"", None))
        if count == updates:
            return made
        if count == 0 or count > updates:
            first = self._secret(shake, sender, APPLICATION)
            if first is None:
                return None
            count, secret = 0, first
        while count < updates:
            secret = schedule.next_secret(secret)
            count += 1
        made = schedule.protection(secret)
        self._updates[sender] = (count, secret, made)
        return made

    # -- TLS 1.2 and before -------------------------------------------------------------------------------------------

    def _tls12(self, shake: Handshake) -> tuple[Protection | None, Protection | None]:
        client, server, suite = shake.keys.client_hello, shake.keys.server_hello, shake.keys.suite
        if client is None or server is None or suite is None or not suite.mode:
            return (None, None)
        randoms = client.random + server.random
        if self._pair is None or self._pair[0] != randoms:
            master = self._master(shake)
            if master is None:
                return (None, None)
            from analyzer.tls.keys import pair12

            pair = pair12(suite, server.version, master, randoms, server.encrypt_then_mac)
            self._pair = (randoms, pair)
            if server.session_id:
                self._log.remember(server.session_id, master)
            self._known = master
        if shake.keys.ticket and self._known:
            # It comes between the client's keys and the server's.
            self._log.remember(shake.keys.ticket, self._known)
        return self._pair[1]

    def _master(self, shake: Handshake) -> bytes | None:
        """RFC 5246, 8.1: from a key log, from the session that is resumed, or from the premaster secret."""
        client, server, suite = shake.keys.client_hello, shake.keys.server_hello, shake.keys.suite
        if client is None or server is None or suite is None:
            return None
        master = self._log.find(keylog.CLIENT_RANDOM, client.random)
        if master is not None:
            return master
        if shake.resumed:
            for name in (server.session_id, client.ticket):
                master = self._log.recall(name) if name else None
                if master is not None:
                    return master
        premaster = self._premaster(shake)
        if premaster is None:
            return None
        from analyzer.tls.keys import extended_master_secret, master_secret

        if server.extended_master_secret:
            if len(shake.keys.transcript) > LONGEST_TRANSCRIPT:
                self.reason = "the handshake is too long to make its extended master secret"
                return None
            return extended_master_secret(suite, server.version, premaster, bytes(shake.keys.transcript))
        return master_secret(suite, server.version, premaster, client.random + server.random)

    def _premaster(self, shake: Handshake) -> bytes | None:
        client, suite = shake.keys.client_hello, shake.keys.suite
        if client is None or suite is None:
            return None
        premaster = self._log.find(keylog.PREMASTER, client.random)
        encrypted = shake.keys.key_exchange
        by_rsa = suite.exchange == "RSA"
        if premaster is None and by_rsa and encrypted:
            premaster = self._log.find(keylog.RSA, encrypted[2:10])
            if premaster is None and self._rsa is not None:
                from analyzer.tls.keys import rsa_premaster

                premaster = rsa_premaster(self._rsa, encrypted)
                if premaster is None:
                    self.reason = "the RSA key does not open the key exchange: it is not this server's"
                    return None
        if premaster is None:
            self.reason = f"no secret for this session: no key log line has client random {shake.wanted_random}"
            if self._rsa is not None and shake.resumed:
                self.reason += ", and the session it resumes was not seen"
            elif self._rsa is not None and not by_rsa:
                self.reason += f"; an RSA key is of no use with the key exchange {suite.exchange or 'of TLS 1.3'}"
        return premaster
