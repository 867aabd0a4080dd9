"""Published vectors for what RFC 8448 does not cover: the ciphers through our record protection, and the older PRFs.

In TLS 1.3 the nonce is the IV with the sequence number in it, and the header is the associated data as it stands: a
vector of the cipher is a record's vector. TLS 1.2 makes its associated data itself, and nobody published a record of
it: sessions of OpenSSL stand for those (test_live.py).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import pytest

from analyzer.tls.ciphers import Aead13, aead
from analyzer.tls.keys import master_secret, prf
from analyzer.tls.suites import CCM, CHACHA, GCM, Suite

TLS10: Final = 0x0301
TLS12: Final = 0x0303


class Vector(NamedTuple):
    """All but the first two in hex; `sealed` is ciphertext and tag."""

    mode: str
    tag: int
    key: str
    nonce: str
    associated: str
    plain: str
    sealed: str


PLAIN: Final = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
    "ba637b39"
)
ASSOCIATED: Final = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
VECTORS: Final = {
    # McGrew and Viega, The Galois/Counter Mode of Operation (the basis of NIST SP 800-38D), test cases 4 and 16.
    "AES-128-GCM": Vector(
        GCM, 16, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", ASSOCIATED, PLAIN,
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0a"
        "ac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
    ),
    "AES-256-GCM": Vector(
        GCM, 16, "feffe9928665731c6d6a8f9467308308" * 2, "cafebabefacedbaddecaf888", ASSOCIATED, PLAIN,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba"
        "7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
    ),
    # NIST SP 800-38C, appendix C.3: a nonce of 12 bytes and a tag of 8.
    "AES-128-CCM_8": Vector(
        CCM, 8, "404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b",
        "000102030405060708090a0b0c0d0e0f10111213", "202122232425262728292a2b2c2d2e2f3031323334353637",
        "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951",
    ),
    # NIST CAVP, VNT192, nonce of 12 bytes and tag of 16. No suite has keys of 192 bits; all else is as in TLS.
    "AES-192-CCM": Vector(
        CCM, 16, "7df900e4fb6358603faa821c99316c2377fe1250d9609410", "03a7c18b562bf8deb83b6cd7",
        "ce9305db85f975e59d4bef697caa202f5db2406347a5a0e03bc582aeb2012ec8",
        "f51548a98a07a343f84a7441ede47af7b9f71cb9b096f54fcfd790a3a32a70bd",
        "6a4feb2bca5ae8f0c9fb4daecd5eda927f585d0ea0e874f3f08ae022e2b2785fb96476c9bf71ab81b729e6c26f83cdd8",
    ),
    # RFC 8439, 2.8.2.
    "ChaCha20-Poly1305": Vector(
        CHACHA, 16, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647",
        "50515253c0c1c2c3c4c5c6c7",
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would "
        b"be it.".hex(),
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e06"
        "0b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d265"
        "86cec64b61161ae10b594f09e26a7e902ecbd0600691",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("sequence", [0, 1, (1 << 64) - 1])
def test_a_record_is_opened(name: str, sequence: int) -> None:
    vector = VECTORS[name]
    key, nonce, associated, plain, sealed = (bytes.fromhex(text) for text in vector[2:])
    # The IV that makes this nonce of the sequence number (RFC 8446, 5.3).
    iv = (int.from_bytes(nonce, "big") ^ sequence).to_bytes(12, "big")
    protection = Aead13(aead(Suite("", mode=vector.mode, key=len(key), tag=vector.tag), key), iv)
    assert protection.open(sequence, associated, sealed) == plain
    assert protection.open(sequence, associated, memoryview(sealed)) == plain
    assert protection.open(sequence ^ 2, associated, sealed) is None
    assert protection.open(sequence, associated[:-1], sealed) is None
    for at in (0, len(plain), len(sealed) - 1):
        spoiled = bytearray(sealed)
        spoiled[at] ^= 1
        assert protection.open(sequence, associated, bytes(spoiled)) is None
    assert protection.open(sequence, associated, sealed[: vector.tag - 1]) is None


# NIST CAVP, "TLS" of the application-specific key derivation functions (SP 800-135): TLS 1.0/1.1, and 1.2 with SHA-256.
MASTERS: Final = {
    TLS10: (
        "bded7fa5c1699c010be23dd06ada3a48349f21e5f86263d512c0c5cc379f0e780ec55d9844b2f1db02a96453513568d0",
        "e5acaf549cd25c22d964c0d930fa4b5261d2507fad84c33715b7b9a864020693",
        "135e4d557fdf3aa6406d82975d5c606a9734c9334b42136e96990fbd5358cdb2",
        "2f6962dfbc744c4b2138bb6b3d33054c5ecc14f24851d9896395a44ab3964efc2090c5bf51a0891209f46c1e1e998f62",
    ),
    TLS12: (
        "f8938ecc9edebc5030c0c6a441e213cd24e6f770a50dda07876f8d55da062bcadb386b411fd4fe4313a604fce6c17fbc",
        "36c129d01a3200894b9179faac589d9835d58775f9b5ea3587cb8fd0364cae8c",
        "f6c9575ed7ddd73e1f7d16eca115415812a43c2b747daaaae043abfb50053fce",
        "202c88c00f84a17a20027079604787461176455539e705be730890602c289a5001e34eeb3a043e5d52a65e66125188bf",
    ),
}
BLOCKS: Final = {
    TLS10: (
        "d58a7b1cd4fedaa232159df652ce188f9d997e061b9bf48e83b62990440931f6",
        "67267e650eb32444119d222a368c191af3082888dc35afe8368e638c828874be",
        "3088825988e77fce68d19f756e18e43eb7fe672433504feaf99b3c503d9091b164f166db301d70c9fc0870b4a94563907bee1a61fb786cb7"
        "17576890bcc51cb9ead97e01d0a2fea99c953377b195205ff07b369589178796edc963fd80fdbe518a2fc1c35c18ae8d",
    ),
    TLS12: (
        "62e1fd91f23f558a605f28478c58cf72637b89784d959df7e946d3f07bd1b616",
        "ae6c806f8ad4d80784549dff28a4b58fd837681a51d928c3e30ee5ff14f39868",
        "d06139889fffac1e3a71865f504aa5d0d2a2e89506c6f2279b670c3e1b74f531016a2530c51a3a0f7e1d6590d0f0566b2f387f8d11fd4f73"
        "1cdd572d2eae927f6f2f81410b25e6960be68985add6c38445ad9f8c64bf8068bf9a6679485d966f1ad6f68b43495b10a683755ea2b858d7"
        "0ccac7ec8b053c6bd41ca299d4e51928",
    ),
}


@pytest.mark.parametrize("version", [TLS10, TLS12])
def test_master_secret_and_key_block(version: int) -> None:
    suite = Suite("")
    premaster, client, server, master = (bytes.fromhex(text) for text in MASTERS[version])
    assert master_secret(suite, version, premaster, client + server) == master
    client, server, block = (bytes.fromhex(text) for text in BLOCKS[version])
    assert prf(suite, version, master, b"key expansion" + server + client, len(block)) == block
