"""High level security: what each side computes over the challenge that the other one sent (mechanisms 2 to 7).

| mechanism | f(challenge) |
|---|---|
| 2 | AES-128 of the challenge under the HLS secret, block by block, as Indian meters use it |
| 3, 4 | MD5, SHA-1 of challenge, secret |
| 5 | security control, invocation counter, GMAC over the challenge |
| 6 | SHA-256 of secret, prover's title, verifier's title, challenge, prover's own challenge |
| 7 | ECDSA over prover's title, verifier's title, challenge, prover's own challenge |

The client proves itself over StoC, then the server over CtoS; the two computations are the same with the sides
exchanged, so both are described from the prover's side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final, TypeVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes

from protocols.dlms.acse import Mechanism
from protocols.dlms.security.cipher import Cipher
from protocols.dlms.security.control import AUTHENTICATED, HEADER_OCTETS, TAG_OCTETS
from protocols.dlms.security.refused import RefusalKind, Refused, show_title
from protocols.dlms.security.signature import sign, verify
from protocols.dlms.security.suite import SUITE_0, Suite
from protocols.errors import LocalProtocolError
from protocols.secret import Secret

CHALLENGE_OCTETS_MIN: Final = 8
CHALLENGE_OCTETS_MAX: Final = 64
_BLOCK_OCTETS: Final = 16

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What both sides know of one authentication, seen from the one who proves itself.

    Attributes:
        prover_title, verifier_title: system titles; empty where the mechanism does without.
        challenge: what the prover was sent.
        own_challenge: what the prover itself had sent.
    """

    prover_title: bytes = b""
    verifier_title: bytes = b""
    challenge: bytes
    own_challenge: bytes = b""

    @property
    def message(self) -> bytes:
        """What mechanisms 6 and 7 go over."""
        return self.prover_title + self.verifier_title + self.challenge + self.own_challenge


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What one side holds to prove itself and to check the other.

    Attributes:
        secret: the HLS secret of mechanisms 2, 3, 4 and 6.
        cipher: block cipher and authentication key, of mechanism 5.
        suite: of mechanism 7.
        signing_key: this side's, of mechanism 7.
        other_key: the other side's public key for digital signature, of mechanism 7.
    """

    secret: Secret | None = None
    cipher: Cipher | None = None
    suite: Suite = SUITE_0
    signing_key: ec.EllipticCurvePrivateKey | None = None
    other_key: ec.EllipticCurvePublicKey | None = None


def new_challenge(entropy: Callable[[int], bytes], octets: int = _BLOCK_OCTETS) -> bytes:
    """A challenge of ours.

    Raises:
        ValueError: it would be shorter or longer than the standard allows.
    """
    if not CHALLENGE_OCTETS_MIN <= octets <= CHALLENGE_OCTETS_MAX:
        raise ValueError(f"a challenge has {CHALLENGE_OCTETS_MIN} to {CHALLENGE_OCTETS_MAX} octets")
    return entropy(octets)


def prove(mechanism: Mechanism, exchange: Exchange, credentials: Credentials, counter: int = 0) -> bytes:
    """The prover's answer to the challenge.

    Args:
        mechanism: 2 to 7.
        exchange: the challenges and titles.
        credentials: the prover's.
        counter: with mechanism 5: an invocation counter of the block cipher key, never used before.

    Raises:
        LocalProtocolError: the credentials have not what the mechanism asks for.
    """
    if mechanism in _KEYED:
        return _KEYED[mechanism](exchange, _held(credentials.secret, "HLS secret"))
    if mechanism is Mechanism.HIGH_GMAC:
        cipher = _held(credentials.cipher, "block cipher key")
        head = bytes((cipher.suite.number | AUTHENTICATED,)) + counter.to_bytes(4, "big")
        return head + cipher.gmac(exchange.prover_title, counter, exchange.challenge)
    if mechanism is Mechanism.HIGH_ECDSA:
        return sign(credentials.suite, _held(credentials.signing_key, "signing key"), exchange.message)
    raise LocalProtocolError(f"mechanism {mechanism} has no challenge")


def check(
    mechanism: Mechanism, exchange: Exchange, proof: bytes, credentials: Credentials, counter_min: int = 0
) -> Refused | None:
    """None where the prover's answer holds, else why not; compared in constant time.

    Args:
        mechanism: 2 to 7.
        exchange: the challenges and titles, from the prover's side.
        proof: what the prover answered.
        credentials: the verifier's.
        counter_min: with mechanism 5: the prover's lowest invocation counter that was not used yet.

    Raises:
        LocalProtocolError: the credentials have not what the mechanism asks for.
    """
    if exchange.challenge == exchange.own_challenge:
        return Refused(RefusalKind.POLICY, "both sides sent the same challenge: an answer could be a reflection")
    if mechanism is Mechanism.HIGH_ECDSA:
        key = _held(credentials.other_key, "other side's public key")
        return verify(credentials.suite, key, exchange.message, proof)
    if mechanism is Mechanism.HIGH_GMAC:
        return _check_gmac(exchange, proof, _held(credentials.cipher, "block cipher key"), counter_min)
    if compare_digest(prove(mechanism, exchange, credentials), proof):
        return None
    return Refused(RefusalKind.TAG, "the answer to the challenge is wrong: the HLS secrets differ")


def proof_counter(proof: bytes) -> int:
    """The invocation counter that an answer of mechanism 5 used."""
    return int.from_bytes(proof[1:HEADER_OCTETS], "big")


def _check_gmac(exchange: Exchange, proof: bytes, cipher: Cipher, counter_min: int) -> Refused | None:
    if len(proof) != HEADER_OCTETS + TAG_OCTETS:
        return Refused(RefusalKind.MALFORMED, f"an answer of mechanism 5 has 17 octets, not {len(proof)}")
    if proof[0] != cipher.suite.number | AUTHENTICATED:
        reason = f"security control {proof[0]:02X} is not what mechanism 5 uses with suite {cipher.suite.number}"
        return Refused(RefusalKind.POLICY, reason)
    counter = proof_counter(proof)
    if counter < counter_min:
        reason = f"invocation counter {counter} was used before: {counter_min} is the lowest accepted"
        return Refused(RefusalKind.COUNTER, reason, counter_min)
    try:
        tag = cipher.gmac(exchange.prover_title, counter, exchange.challenge)
    except ValueError:
        return Refused(RefusalKind.TITLE, "the other side's system title is not known")
    if compare_digest(tag, proof[HEADER_OCTETS:]):
        return None
    return Refused(
        RefusalKind.TAG,
        "the answer to the challenge is wrong: block or authentication key is wrong, "
        f"or the system title is not {show_title(exchange.prover_title)}",
    )


def _aes(exchange: Exchange, secret: Secret) -> bytes:
    """Mechanism 2: secret and challenge are filled up with zeros to whole blocks."""
    key = secret.reveal().ljust(_BLOCK_OCTETS, b"\x00")[:_BLOCK_OCTETS]
    challenge = exchange.challenge
    padded = challenge.ljust(-(-len(challenge) // _BLOCK_OCTETS) * _BLOCK_OCTETS, b"\x00")
    block = BlockCipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 (what the meters do)
    return block.update(padded) + block.finalize()


def _digest(algorithm: hashes.HashAlgorithm, message: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(message)
    return digest.finalize()


def _md5(exchange: Exchange, secret: Secret) -> bytes:
    return _digest(hashes.MD5(), exchange.challenge + secret.reveal())  # noqa: S303 (mechanism 3 is that)


def _sha1(exchange: Exchange, secret: Secret) -> bytes:
    return _digest(hashes.SHA1(), exchange.challenge + secret.reveal())  # noqa: S303 (mechanism 4 is that)


def _sha256(exchange: Exchange, secret: Secret) -> bytes:
    return _digest(hashes.SHA256(), secret.reveal() + exchange.message)


_KEYED: Final[dict[Mechanism, Callable[[Exchange, Secret], bytes]]] = {
    Mechanism.HIGH: _aes,
    Mechanism.HIGH_MD5: _md5,
    Mechanism.HIGH_SHA1: _sha1,
    Mechanism.HIGH_SHA256: _sha256,
}


def _held(credential: T | None, name: str) -> T:
    if credential is None:
        raise LocalProtocolError(f"this mechanism needs the {name}")
    return credential
