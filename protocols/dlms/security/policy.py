"""Security policies: what requests and responses must be protected with, as class 64 writes it in each version.

| version 0 | | version 1, bits | |
|---|---|---|---|
| 0 | nothing | 0x04, 0x08, 0x10 | request authenticated, encrypted, signed |
| 1 | all messages authenticated | 0x20, 0x40, 0x80 | response authenticated, encrypted, signed |
| 2 | all messages encrypted | | |
| 3 | both | | |
"""

from typing import Final, NamedTuple

from protocols.dlms.security.control import AUTHENTICATED, ENCRYPTED

SIGNED: Final = 0x100
"""Beside the bits of the security control byte: in general-signing."""

_VALUES: Final = (0, AUTHENTICATED, ENCRYPTED, AUTHENTICATED | ENCRYPTED)
_REQUEST: Final = ((0x04, AUTHENTICATED), (0x08, ENCRYPTED), (0x10, SIGNED))
_RESPONSE: Final = ((0x20, AUTHENTICATED), (0x40, ENCRYPTED), (0x80, SIGNED))
_RESERVED: Final = 0x03


class Policy(NamedTuple):
    """The least protection, as bits of the security control byte and `SIGNED`."""

    request: int = 0
    response: int = 0

    def with_request(self, bits: int) -> "Policy":
        """The same, asking more of requests."""
        return Policy(self.request | bits, self.response)


NO_POLICY: Final = Policy()


def policy_of(value: int, version: int) -> Policy | None:
    """What a security_policy asks; None where the value is reserved."""
    if version == 0:
        return Policy(_VALUES[value], _VALUES[value]) if 0 <= value < len(_VALUES) else None
    if not 0 <= value <= 0xFF or value & _RESERVED:
        return None
    return Policy(
        sum(bits for bit, bits in _REQUEST if value & bit),
        sum(bits for bit, bits in _RESPONSE if value & bit),
    )


def strengthened(old: Policy, new: Policy) -> bool:
    """Whether nothing that was asked for is given up."""
    return not (old.request & ~new.request or old.response & ~new.response)
