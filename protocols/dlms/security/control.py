"""The security control byte, which opens every security header."""

from typing import Final

SUITE_MASK: Final = 0x0F
AUTHENTICATED: Final = 0x10
ENCRYPTED: Final = 0x20
PROTECTED: Final = AUTHENTICATED | ENCRYPTED
BROADCAST: Final = 0x40
"""The key is the global broadcast key, else a unicast key."""
COMPRESSED: Final = 0x80
"""ITU-T V.44, which nothing here compresses or expands: refused."""

TAG_OCTETS: Final = 12
HEADER_OCTETS: Final = 5
"""The security control byte and the invocation counter."""
TITLE_OCTETS: Final = 8
COUNTER_MAX: Final = 0xFFFFFFFF
"""Once used, the key must be changed: no nonce may come twice."""


def describe(control: int) -> str:
    """What a security control byte asks for, in words."""
    kinds = {
        AUTHENTICATED: "authenticated",
        ENCRYPTED: "encrypted",
        PROTECTED: "authenticated and encrypted",
    }
    words = [kinds.get(control & PROTECTED, "unprotected"), f"suite {control & SUITE_MASK}"]
    if control & BROADCAST:
        words.append("broadcast key")
    if control & COMPRESSED:
        words.append("compressed")
    return ", ".join(words)
