"""Vectors: RFC 8032, section 7.1; and what MariaDB 10.11 stores for `IDENTIFIED VIA ed25519 USING PASSWORD(...)`."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.protocol.auth import ed25519

# Section 7.1: name, secret key, public key, message, signature.
RFC_8032 = [
    (
        "TEST 1",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "TEST 2",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "TEST 3",
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), [v[1:] for v in RFC_8032], ids=lambda v: v[:8])
def test_rfc_8032(secret: str, public: str, message: str, signature: str) -> None:
    assert ed25519.public_key(bytes.fromhex(secret)).hex() == public
    assert ed25519.sign(bytes.fromhex(secret), bytes.fromhex(message)).hex() == signature


@pytest.mark.parametrize(
    ("password", "stored"),
    [
        (b"foo", "vubFBzIrapbfHct1/J72dnUryz5VS7lA6XHH8sIx4TI"),
        (b"foobar", "qv2mG6HWCuy32Slb5xhV4THStewNz2VINVPbgk+XAJ8"),
        (b"foo bar", "Y5fV74JAVRMOK2cdnUsYS+WW9sXaaL/o+6WGKOgqnzc"),
    ],
)
def test_mariadb_public_keys(password: bytes, stored: str) -> None:
    assert base64.b64encode(ed25519.public_key(password)).decode().rstrip("=") == stored


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80))
def test_agrees_with_the_library_on_seeds(seed: bytes, message: bytes) -> None:
    assert ed25519.sign(seed, message) == Ed25519PrivateKey.from_private_bytes(seed).sign(message)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=100), st.binary(max_size=80))
def test_signatures_of_any_secret_are_valid(secret: bytes, message: bytes) -> None:
    public = Ed25519PublicKey.from_public_bytes(ed25519.public_key(secret))
    public.verify(ed25519.sign(secret, message), message)
