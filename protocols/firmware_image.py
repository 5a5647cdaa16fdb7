"""Firmware images of the bench: a small container that a meter can verify, documented in `docs/firmware.md`.

Makers' image formats are their own; this one has what every one of them has: what hardware it is for, which version it
is, how long it is, and a digest over all of it.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from construct import Bytes, Const, ConstructError, GreedyBytes, Int8ub, Int32ub, PaddedString, Struct

from protocols.errors import RemoteProtocolError

MAGIC: Final = b"MBFW"
FORMAT: Final = 1
NAME_OCTETS: Final = 16
"""Room for hardware and version, filled with zeros."""
DIGEST_OCTETS: Final = 32
IMAGE_OCTETS_MAX: Final = 16 << 20
"""Larger than the program memory of any meter, and what a bench can hold for some hundred meters at once."""

_HEADER: Final = (
    "magic" / Const(MAGIC),
    "format" / Int8ub,
    "hardware" / PaddedString(NAME_OCTETS, "ascii"),
    "version" / PaddedString(NAME_OCTETS, "ascii"),
    "length" / Int32ub,
)
LAYOUT: Final = Struct(*_HEADER, "digest" / Bytes(DIGEST_OCTETS), "body" / GreedyBytes)
"""The file, field by field; the digest is SHA-256 of everything but itself."""

HEADER_OCTETS: Final = len(MAGIC) + 1 + 2 * NAME_OCTETS + 4 + DIGEST_OCTETS


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareImage:
    """An image.

    Attributes:
        hardware: what it is for, such as `MTB/D1`.
        version: what a meter shows as its firmware version afterwards; also the image identifier.
        body: the program, which means nothing to an emulated meter.

    Raises:
        ValueError: a name is empty, too long or not ASCII, or the body is too long.
    """

    hardware: str
    version: str
    body: bytes

    def __post_init__(self) -> None:
        for name in (self.hardware, self.version):
            if not (name.isascii() and name.isprintable() and 0 < len(name) <= NAME_OCTETS):
                raise ValueError(f"{name!r} is not 1 to {NAME_OCTETS} printable ASCII characters")
        if len(self.body) > IMAGE_OCTETS_MAX - HEADER_OCTETS:
            raise ValueError(f"an image has at most {IMAGE_OCTETS_MAX} octets")

    @property
    def identifier(self) -> bytes:
        """What image_transfer_initiate names it by."""
        return self.version.encode()

    def encode(self) -> bytes:
        """The octets of the image."""
        fields = {
            "format": FORMAT,
            "hardware": self.hardware,
            "version": self.version,
            "length": len(self.body),
        }
        head = bytes(Struct(*_HEADER).build(fields))
        return head + sha256(head + self.body).digest() + self.body

    @classmethod
    def decode(cls, data: bytes) -> "FirmwareImage":
        """The image that some octets are.

        Raises:
            RemoteProtocolError: they are none, are cut or longer than they say, or their digest is another one.
        """
        try:
            parsed: Any = LAYOUT.parse(data)
        except (ConstructError, UnicodeDecodeError) as error:
            raise RemoteProtocolError(f"no firmware image: {str(error).splitlines()[-1]}") from None
        if parsed.format != FORMAT:
            raise RemoteProtocolError(f"a firmware image of format {parsed.format}; {FORMAT} is known")
        if parsed.length != len(parsed.body):
            raise RemoteProtocolError(f"the image says {parsed.length} octets and has {len(parsed.body)}")
        head = data[: HEADER_OCTETS - DIGEST_OCTETS]
        if sha256(head + parsed.body).digest() != parsed.digest:
            raise RemoteProtocolError("the image's digest does not fit its content")
        try:
            return cls(hardware=str(parsed.hardware), version=str(parsed.version), body=bytes(parsed.body))
        except ValueError as error:
            raise RemoteProtocolError(f"no firmware image: {error}") from None


def hardware_of(flag: str, category: str, meter_type: int) -> str:
    """What an image says that it is for, from what a model says of itself.

    >>> hardware_of("MTB", "D1", 6), hardware_of("MTB", "", 0)
    ('MTB/D1', 'MTB/0')
    """
    return f"{flag}/{category or meter_type}"
