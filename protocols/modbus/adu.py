"""What every Modbus framing carries: a unit identifier and a PDU, and on TCP a transaction identifier.

Framers hand these up and take them from above. Bytes that are no frame come up as `Noise`, so that a server can count
them (function 8) and a client can say why it got nothing.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from protocols.machine import EVERYONE
from protocols.modbus.code import BROADCAST_UNIT


class Adu(NamedTuple):
    """One application data unit; `transaction` is 0 where the framing has none."""

    unit: int
    pdu: bytes
    transaction: int = 0


make_adu: Callable[[tuple[int, bytes, int]], Adu] = partial(tuple.__new__, Adu)
"""An `Adu` of its three fields, made in a third of the time: two are made for every request."""


class Noise(NamedTuple):
    """Bytes that a framer threw away, and why: "checksum", "length" or "incomplete"."""

    reason: str


def route_by_unit(aliases: Mapping[int, int] | None = None, *, broadcast: bool = True) -> Callable[[object], object]:
    """A `route` for `protocols.machine.Bus`: the unit identifier is the station's key.

    Args:
        aliases: further unit identifiers of a station, for a unit that answers for two.
        broadcast: whether unit 0 is for everyone, as on a serial line; on TCP it may be an ordinary unit.
    """
    known = dict(aliases or {})

    def route(item: object) -> object:
        if not isinstance(item, Adu):
            return None
        if item.unit == BROADCAST_UNIT and broadcast:
            return EVERYONE
        return known.get(item.unit, item.unit)

    return route
