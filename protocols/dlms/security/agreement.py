"""Key agreement: Elliptic Curve Cofactor Diffie-Hellman in the three schemes of DLMS, and its key derivation function.

| scheme | party U (who starts) | party V | used for |
|---|---|---|---|
| C(2e, 0s) | ephemeral | ephemeral | new keys of a security setup (`key_agreement`) |
| C(1e, 1s) | ephemeral, signed | static | one general-ciphering APDU |
| C(0e, 2s) | static | static | one general-ciphering APDU, with the transaction id as nonce |

The cofactor of P-256 and P-384 is 1. The shared secret goes through the concatenation KDF of NIST SP 800-56A.
"""

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from protocols.dlms.axdr import encode_octets
from protocols.dlms.security.refused import Refused
from protocols.dlms.security.signature import public_key, public_octets, sign, verify
from protocols.dlms.security.suite import Suite
from protocols.secret import Secret

ONE_PASS: Final = 0x01
STATIC_UNIFIED: Final = 0x02
"""The schemes C(1e, 1s) and C(0e, 2s) as key-parameters of general-ciphering name them."""


def ephemeral_key(suite: Suite, entropy: Callable[[int], bytes]) -> ec.EllipticCurvePrivateKey:
    """A new private key from injected random octets.

    Sixty-four bits more than the curve has are drawn, so that reducing them leaves no bias worth a name.
    """
    if suite.curve is None:
        raise ValueError(f"security suite {suite.number} has no key agreement")
    drawn = int.from_bytes(entropy(suite.coordinate_octets + 8), "big")
    return ec.derive_private_key(drawn % (suite.order - 1) + 1, suite.curve)


def agree(
    suite: Suite,
    own: ec.EllipticCurvePrivateKey,
    other: ec.EllipticCurvePublicKey,
    *,
    originator: bytes,
    recipient: bytes,
    transaction_id: bytes | None = None,
) -> Secret:
    """The key that both sides come to.

    Args:
        suite: of both sides.
        own: this side's private key, ephemeral or static as the scheme says.
        other: the other side's public key.
        originator: system title of party U.
        recipient: system title of party V.
        transaction_id: the nonce of C(0e, 2s); None in the other schemes.
    """
    if suite.digest is None:
        raise ValueError(f"security suite {suite.number} has no key agreement")
    party_u = originator if transaction_id is None else originator + encode_octets(transaction_id)
    other_information = suite.algorithm_id + party_u + recipient
    shared = own.exchange(ec.ECDH(), other)
    return Secret(ConcatKDFHash(suite.digest, suite.key_octets, other_information).derive(shared))


def signed_ephemeral(
    suite: Suite, ephemeral: ec.EllipticCurvePrivateKey, signing: ec.EllipticCurvePrivateKey, prefix: bytes = b""
) -> bytes:
    """An ephemeral public key and its signature, one after the other.

    Args:
        suite: of both.
        ephemeral: whose public key it is.
        signing: the sender's key for digital signature.
        prefix: what is signed before it: the key id in a security setup, nothing in general-ciphering.
    """
    octets = public_octets(suite, ephemeral.public_key())
    return octets + sign(suite, signing, prefix + octets)


def open_ephemeral(
    suite: Suite, data: bytes, signer: ec.EllipticCurvePublicKey, prefix: bytes = b""
) -> ec.EllipticCurvePublicKey | Refused:
    """The ephemeral public key that `data` holds, once its signature is found to be the signer's."""
    size = 2 * suite.coordinate_octets
    octets, signature = data[:size], data[size:]
    return verify(suite, signer, prefix + octets, signature) or public_key(suite, octets)
