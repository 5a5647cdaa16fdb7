"""ECDSA as DLMS writes it: the two halves of the signature one after the other, on P-256 or P-384.

Signing is deterministic (RFC 6979), so it needs no random octets and the same message has the same signature.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.security.suite import Suite
from protocols.secret import Secret

_UNCOMPRESSED = b"\x04"


def private_key(suite: Suite, secret: Secret) -> ec.EllipticCurvePrivateKey:
    """The private key that is this number, written in as many octets as the curve has.

    Raises:
        ValueError: the suite has no curve, or the number is not a private key of it.
    """
    if suite.curve is None or len(secret) != suite.coordinate_octets:
        raise ValueError(f"not a private key of security suite {suite.number}")
    return ec.derive_private_key(int.from_bytes(secret.reveal(), "big"), suite.curve)


def public_key(suite: Suite, octets: bytes) -> ec.EllipticCurvePublicKey | Refused:
    """The public key that is these two coordinates, one after the other."""
    if suite.curve is None or len(octets) != 2 * suite.coordinate_octets:
        return Refused(RefusalKind.KEY, f"not a public key of security suite {suite.number}")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(suite.curve, _UNCOMPRESSED + octets)
    except ValueError:
        return Refused(RefusalKind.KEY, "the public key is no point of the curve")


def public_octets(suite: Suite, key: ec.EllipticCurvePublicKey) -> bytes:
    """The two coordinates of a public key, one after the other."""
    numbers, size = key.public_numbers(), suite.coordinate_octets
    return numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big")


def sign(suite: Suite, key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """The signature of a message, in plain format."""
    if suite.digest is None:
        raise ValueError(f"security suite {suite.number} has no signatures")
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(suite.digest, deterministic_signing=True)))
    size = suite.coordinate_octets
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def verify(suite: Suite, key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> Refused | None:
    """None where the signature is this key's of this message, else why not."""
    size = suite.coordinate_octets
    if suite.digest is None or suite.curve is None or len(signature) != 2 * size:
        return Refused(RefusalKind.SIGNATURE, f"not a signature of security suite {suite.number}")
    if key.curve.name != suite.curve.name:
        return Refused(RefusalKind.KEY, f"the public key is not of security suite {suite.number}")
    halves = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    try:
        key.verify(encode_dss_signature(*halves), message, ec.ECDSA(suite.digest))
    except InvalidSignature:
        return Refused(RefusalKind.SIGNATURE, "the signature does not verify: it is another key's, or it was changed")
    return None
