"""Where a meter listens, as attributes of its setups show it while nobody has written them."""

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from protocols.address import BAUDS, DlmsAddress, MeterAddress, Pty, SerialLine, Tcp, Udp
from protocols.dlms.value import Tag, Value


def shown(class_id: int, number: int, places: Iterable[MeterAddress]) -> Value | None:
    """What an attribute shows of the first of these places that has to do with it; None where none has."""
    show = _SHOWN.get((class_id, number))
    if show is None:
        return None
    return next((value for place in places if isinstance(place, DlmsAddress) and (value := show(place))), None)


def is_shown(class_id: int, number: int) -> bool:
    """Whether an attribute shows something of a place."""
    return (class_id, number) in _SHOWN


def _speed(place: DlmsAddress) -> Value | None:
    carrier = place.carrier
    if place.link != "hdlc" or not isinstance(carrier, SerialLine | Pty):
        return None
    return int(Tag.ENUM), BAUDS.index(carrier.baud)


def _device_address(place: DlmsAddress) -> Value | None:
    return None if place.physical is None else (int(Tag.LONG_UNSIGNED), place.physical)


def _port(place: DlmsAddress) -> Value | None:
    carrier = place.carrier
    if place.link != "wrapper" or not isinstance(carrier, Tcp | Udp) or not carrier.port:
        return None
    return int(Tag.LONG_UNSIGNED), carrier.port


def _host(place: DlmsAddress) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(place.carrier.host) if isinstance(place.carrier, Tcp | Udp) else None
    except ValueError:
        return None  # a name


def _address(place: DlmsAddress) -> Value | None:
    host = _host(place)
    if not isinstance(host, IPv4Address) or host.is_unspecified:
        return None
    return int(Tag.DOUBLE_LONG_UNSIGNED), int(host)


def _addresses_6(place: DlmsAddress) -> Value | None:
    host = _host(place)
    if not isinstance(host, IPv6Address) or host.is_unspecified:
        return None
    return int(Tag.ARRAY), [(int(Tag.OCTET_STRING), host.packed)]


_SHOWN: Final[Mapping[tuple[int, int], Callable[[DlmsAddress], Value | None]]] = {
    (23, 2): _speed,
    (23, 9): _device_address,
    (41, 2): _port,
    (42, 3): _address,
    (48, 4): _addresses_6,
}
