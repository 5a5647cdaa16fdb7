"""Firmware images of the bench: a small container that a meter can verify, documented in `docs/firmware.md`.

Makers' image formats are their own; this one has what every one of them has: what hardware it is for, which version it
is, how long it is, and a digest over all of it.

| octets | field | |
|---|---|---|
| 4 | magic | `MBFW` |
| 1 | format | 1 |
| 16 | hardware | ASCII, filled with zeros: what it is for, such as `MTB/D1` |
| 16 | version | ASCII, filled with zeros: also the image identifier |
| 4 | length | of the body, most significant octet first |
| 32 | digest | SHA-256 of everything but itself |
| rest | body | the program, which means nothing to an emulated meter |
"""

from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Final

from protocols.errors import RemoteProtocolError

MAGIC: Final = b"MBFW"
FORMAT: Final = 1
NAME_OCTETS: Final = 16
"""Room for hardware and version, filled with zeros."""
DIGEST_OCTETS: Final = 32
IMAGE_OCTETS_MAX: Final = 16 << 20
"""Larger than the program memory of any meter, and what a bench can hold for some hundred meters at once."""

_HEAD: Final = Struct(f">{len(MAGIC)}sB{NAME_OCTETS}s{NAME_OCTETS}sI")
HEADER_OCTETS: Final = _HEAD.size + DIGEST_OCTETS


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
        head = _HEAD.pack(MAGIC, FORMAT, self.hardware.encode(), self.version.encode(), len(self.body))
        return head + sha256(head + self.body).digest() + self.body

    @classmethod
    def decode(cls, data: bytes) -> "FirmwareImage":
        """The image that some octets are.

        Raises:
            RemoteProtocolError: they are none, are cut or longer than they say, or their digest is another one.
        """
        if len(data) < HEADER_OCTETS or not data.startswith(MAGIC):
            raise RemoteProtocolError("no firmware image: it does not begin as one")
        head, digest, body = data[: _HEAD.size], data[_HEAD.size : HEADER_OCTETS], data[HEADER_OCTETS:]
        _, number, hardware, version, length = _HEAD.unpack(head)
        if number != FORMAT:
            raise RemoteProtocolError(f"a firmware image of format {number}; {FORMAT} is known")
        if length != len(body):
            raise RemoteProtocolError(f"the image says {length} octets and has {len(body)}")
        if sha256(head + body).digest() != digest:
            raise RemoteProtocolError("the image's digest does not fit its content")
        try:
            return cls(hardware=_name(hardware), version=_name(version), body=body)
        except ValueError as error:
            raise RemoteProtocolError(f"no firmware image: {error}") from None


def _name(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode("ascii")


def hardware_of(flag: str, category: str, meter_type: int) -> str:
    """What an image says that it is for, from what a model says of itself.

    >>> hardware_of("MTB", "D1", 6), hardware_of("MTB", "", 0)
    ('MTB/D1', 'MTB/0')
    """
    return f"{flag}/{category or meter_type}"
