"""Ed25519 with a secret of any length, which libraries that take a 32-byte seed can not sign with.

Source: RFC 8032, section 5.1 (parameters, encoding 5.1.2, key generation 5.1.5, signing 5.1.6), and section 5.1.4 for
the addition of points in extended homogeneous coordinates. MariaDB's client_ed25519 hashes the password where the
RFC hashes its seed (MariaDB manual, "Authentication Plugin - ed25519"): for 32 bytes the two are the same.

Made for login passwords: it does not run in constant time.
"""

from __future__ import annotations

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_BASE_Y = 4 * pow(5, -1, _P) % _P

# X, Y, Z, T with x = X/Z, y = Y/Z, x*y = T/Z.
_Point = tuple[int, int, int, int]


def _recover_x(y: int) -> int:
    """The even x of the point with this y (RFC 8032, section 5.1.3). Only for the base point, which has one."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P)
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    return _P - x if x & 1 else x


_BASE_X = _recover_x(_BASE_Y)
_BASE: _Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)
_NEUTRAL: _Point = (0, 1, 1, 0)


def _add(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _multiply(scalar: int) -> bytes:
    """The encoding of scalar * base."""
    result, doubled = _NEUTRAL, _BASE
    while scalar:
        if scalar & 1:
            result = _add(result, doubled)
        doubled = _add(doubled, doubled)
        scalar >>= 1
    inverse = pow(result[2], -1, _P)
    x = result[0] * inverse % _P
    y = result[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _expand(secret: bytes) -> tuple[int, bytes]:
    """The scalar, clamped, and the prefix (RFC 8032, section 5.1.5, steps 1 and 2)."""
    import hashlib

    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little")
    scalar &= (1 << 254) - 8
    scalar |= 1 << 254
    return scalar, digest[32:]


def public_key(secret: bytes) -> bytes:
    """The 32-byte public key of a secret."""
    return _multiply(_expand(secret)[0])


def sign(secret: bytes, message: bytes) -> bytes:
    """The 64-byte signature of a message."""
    import hashlib

    scalar, prefix = _expand(secret)
    public = _multiply(scalar)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % _L
    commitment = _multiply(r)
    challenge = int.from_bytes(hashlib.sha512(commitment + public + message).digest(), "little") % _L
    return commitment + ((r + challenge * scalar) % _L).to_bytes(32, "little")
