"""Two sides that hold each other's keys, one pair for each suite, made from fixed numbers."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha512
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.security.agreement import ephemeral_key
from protocols.dlms.security.keys import Keys
from protocols.dlms.security.suite import SUITE_0, SUITES, Suite
from protocols.secret import Secret

CLIENT_TITLE = b"MBC00000"
SERVER_TITLE = b"MBM00001"


def entropy(seed: str) -> Callable[[int], bytes]:
    """Octets that depend on the seed alone."""

    def draw(count: int) -> bytes:
        return sha512(seed.encode()).digest()[:count]

    return draw


def private(suite: Suite, name: str) -> ec.EllipticCurvePrivateKey:
    """A private key by name."""
    return ephemeral_key(suite, entropy(f"{suite.number}/{name}"))


def symmetric(suite: Suite, name: str) -> Secret:
    """A symmetric key by name."""
    return Secret(entropy(f"{suite.number}/{name}")(suite.key_octets))


def side(suite: Suite, own: str, other: str, title: bytes) -> Keys:
    """One side's keys."""
    keys = Keys(
        suite=suite,
        title=title,
        block=symmetric(suite, "block"),
        authentication=symmetric(suite, "authentication"),
        broadcast=symmetric(suite, "broadcast"),
        dedicated=symmetric(suite, "dedicated"),
        master=symmetric(suite, "master"),
    )
    if suite is SUITE_0:
        return keys
    return replace(
        keys,
        signing_key=private(suite, f"{own} signs"),
        agreement_key=private(suite, f"{own} agrees"),
        other_signing_key=private(suite, f"{other} signs").public_key(),
        other_agreement_key=private(suite, f"{other} agrees").public_key(),
    )


def with_key(keys: Keys, name: str, key: Secret | None) -> Keys:
    """The same with one symmetric key changed."""
    changes: dict[str, Any] = {name: key}
    return replace(keys, **changes)


CLIENTS = [side(suite, "client", "server", CLIENT_TITLE) for suite in SUITES]
SERVERS = [side(suite, "server", "client", SERVER_TITLE) for suite in SUITES]
