"""What opens TLS, for who reads files: the analysis's door to analyzer.tls."""

from __future__ import annotations

from analyzer.tls.keys import load_rsa_key
from analyzer.tls.session import KeyLog, RSAPrivateKey

__all__ = ["RSAPrivateKey", "count_secrets", "load_rsa_key"]


def count_secrets(content: bytes) -> int:
    """How many TLS secrets a file in NSS key log format holds; 0 for anything else."""
    keys = KeyLog()
    keys.add(content, final=True)
    return len(keys)
