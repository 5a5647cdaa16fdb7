"""Where a push goes: transport_service and destination of a push setup, as a carrier to dial.

The destination of TCP and UDP is text, `HOST:PORT`, as meters in the field have it; without a port it is 4059.
"""

from enum import IntEnum
from typing import Final

from protocols.address import AddressError, Tcp, Udp, parse

DESTINATION_OCTETS_MAX: Final = 256
"""A host name has at most 253 characters."""


class Service(IntEnum):
    """transport_service of send_destination_and_method, as far as meters here have it."""

    TCP = 0
    UDP = 1
    HDLC = 5
    """Unnumbered information frames on the lines that the meter is on; the destination only has to be there."""
    CONNECTION = 200
    """A maker's own: TCP connections that stand, whoever has opened them; the destination only has to be there."""


STANDING: Final = {Service.HDLC: "hdlc", Service.CONNECTION: "wrapper"}
"""Services that dial nothing: they use what stands on lines of that link."""


_PLAIN: Final = frozenset(range(0x21, 0x7F)) - frozenset(b"?/#@")
"""What a host and a port are written with."""

_SCHEMES: Final = {Service.TCP: "dlms+tcp", Service.UDP: "dlms+udp"}


def carrier_of(service: int, destination: bytes) -> Tcp | Udp | None:
    """What to dial; None where there is nothing that could be dialled."""
    if service not in set(Service) or len(destination) > DESTINATION_OCTETS_MAX or not set(destination) <= _PLAIN:
        return None
    scheme = _SCHEMES.get(Service(service))
    try:
        carrier = parse(f"{scheme}://{destination.decode('ascii')}").carrier if scheme else None
    except (UnicodeDecodeError, AddressError):
        return None
    return carrier if isinstance(carrier, Tcp | Udp) else None


def possible(service: int, destination: bytes) -> bool:
    """Whether a push setup may say so; an empty destination disables it."""
    return not destination or service in STANDING or carrier_of(service, destination) is not None
