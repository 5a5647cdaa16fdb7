"""What SNRM and UA settle: how long an information field may be and how many frames may wait for an acknowledgement.

Each side names what it can send and what it can take; each direction then goes by the smaller. What is not named has
its default (128 octets, a window of 1). Values beyond the standard's range are taken as the nearest one inside it.
"""

from dataclasses import dataclass, fields
from typing import Final

from protocols.errors import RemoteProtocolError

INFORMATION_DEFAULT: Final = 128
INFORMATION_MAX: Final = 2030
WINDOW_DEFAULT: Final = 1
WINDOW_MAX: Final = 7  # of eight sequence numbers one is always free

FORMAT_IDENTIFIER: Final = 0x81
GROUP_NEGOTIATION: Final = 0x80

_IDENTIFIERS: Final = {
    0x05: "information_transmit",
    0x06: "information_receive",
    0x07: "window_transmit",
    0x08: "window_receive",
}
_RANGES: Final = {
    "information_transmit": (INFORMATION_DEFAULT, INFORMATION_MAX),
    "information_receive": (INFORMATION_DEFAULT, INFORMATION_MAX),
    "window_transmit": (WINDOW_DEFAULT, WINDOW_MAX),
    "window_receive": (WINDOW_DEFAULT, WINDOW_MAX),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The four values, seen from the side that has them.

    Attributes:
        information_transmit: octets of information we send in one frame at most.
        information_receive: octets of information we take in one frame.
        window_transmit: frames we send before we wait for an acknowledgement.
        window_receive: frames we take before we acknowledge.
    """

    information_transmit: int = INFORMATION_DEFAULT
    information_receive: int = INFORMATION_DEFAULT
    window_transmit: int = WINDOW_DEFAULT
    window_receive: int = WINDOW_DEFAULT

    def __post_init__(self) -> None:
        for field in fields(self):
            value, highest = getattr(self, field.name), _RANGES[field.name][1]
            if not 1 <= value <= highest:
                raise ValueError(f"{field.name} is between 1 and {highest}, not {value}")

    @classmethod
    def symmetric(cls, information: int, window: int = WINDOW_DEFAULT) -> "Parameters":
        """The same in both directions."""
        return cls(
            information_transmit=information,
            information_receive=information,
            window_transmit=window,
            window_receive=window,
        )

    def limited_by(self, peer: "Parameters") -> "Parameters":
        """What is settled, seen from our side, when the peer has named `peer` as seen from its own."""
        return Parameters(
            information_transmit=min(self.information_transmit, peer.information_receive),
            information_receive=min(self.information_receive, peer.information_transmit),
            window_transmit=min(self.window_transmit, peer.window_receive),
            window_receive=min(self.window_receive, peer.window_transmit),
        )


DEFAULT: Final = Parameters()


def encode(parameters: Parameters) -> bytes:
    """The information field of SNRM or UA."""
    group = bytearray()
    for identifier, name in _IDENTIFIERS.items():
        value = getattr(parameters, name)
        # Windows have always been sent as four octets, and there are meters that read no other length.
        width = 4 if identifier >= 0x07 else (value.bit_length() + 7) // 8
        group += bytes((identifier, width)) + value.to_bytes(width, "big")
    return bytes((FORMAT_IDENTIFIER, GROUP_NEGOTIATION, len(group))) + group


def decode(information: bytes) -> Parameters:
    """Read the information field of SNRM or UA; an empty one means the defaults.

    Groups and parameters that we don't know are passed over.

    Raises:
        RemoteProtocolError: it is not made of groups of parameters.
    """
    if not information:
        return DEFAULT
    if information[0] != FORMAT_IDENTIFIER:
        raise RemoteProtocolError(f"HDLC parameters of format {information[0]:02X}, where 81 is the only one")
    values: dict[str, int] = {}
    for group, content in _fields(information, 1):
        if group == GROUP_NEGOTIATION:
            for identifier, octets in _fields(content, 0):
                if identifier in _IDENTIFIERS:
                    name = _IDENTIFIERS[identifier]
                    default, highest = _RANGES[name]
                    values[name] = min(int.from_bytes(octets, "big") or default, highest)
    return Parameters(**values)


def _fields(data: bytes, at: int) -> list[tuple[int, bytes]]:
    """Identifier, length, value; identifier, length, value; to the end."""
    found = []
    while at < len(data):
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            raise RemoteProtocolError("HDLC parameters that end within a field")
        found.append((data[at], data[at + 2 : at + 2 + data[at + 1]]))
        at += 2 + data[at + 1]
    return found
