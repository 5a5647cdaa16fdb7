"""The bench's own certificate authority: private keys made from system titles, public on purpose as all bench keys are.

Whoever has no key pair of its own has these, so meters and gateways of a bench know each other's public keys by title
alone, and suites 1 and 2 can be tried without an authority. Nothing here protects anything.
"""

from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b, shake_256
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.security.agreement import ephemeral_key
from protocols.dlms.security.certificate import Certificate, Usage, issue_certificate
from protocols.dlms.security.suite import Suite

NAME: Final = "meterbench bench authority"
VALID_FROM: Final = datetime(2000, 1, 1, tzinfo=UTC)
VALID_UNTIL: Final = datetime(2099, 12, 31, tzinfo=UTC)


class Authority(NamedTuple):
    """A root certificate with its key."""

    certificate: Certificate
    key: ec.EllipticCurvePrivateKey


def bench_key(suite: Suite, title: bytes, usage: Usage) -> ec.EllipticCurvePrivateKey:
    """The private key of a system title."""
    return _derived(suite, f"{usage.value}/{title.hex()}")


@cache
def bench_authority(suite: Suite) -> Authority:
    """The root of a suite's curve."""
    key = _derived(suite, "authority")
    certificate = issue_certificate(
        key.public_key(),
        NAME,
        Usage.AUTHORITY,
        issuer=None,
        issuer_key=key,
        serial=suite.number,
        valid_from=VALID_FROM,
        valid_until=VALID_UNTIL,
    )
    return Authority(certificate, key)


def bench_certificate(suite: Suite, title: bytes, usage: Usage, public_key: ec.EllipticCurvePublicKey) -> Certificate:
    """A certificate of the bench's authority for somebody's public key."""
    root = bench_authority(suite)
    serial = blake2b(title + usage.value.encode() + str(public_key.public_numbers().x).encode(), digest_size=8).digest()
    return issue_certificate(
        public_key,
        title.hex().upper(),
        usage,
        issuer=root.certificate.x509.subject,
        issuer_key=root.key,
        serial=int.from_bytes(serial, "big") >> 1 | 1,
        valid_from=VALID_FROM,
        valid_until=VALID_UNTIL,
    )


def _derived(suite: Suite, name: str) -> ec.EllipticCurvePrivateKey:
    return ephemeral_key(suite, lambda count: shake_256(f"meterbench/{suite.number}/{name}".encode()).digest(count))
