"""What a meter's own objects say of its links: local port, HDLC and TCP-UDP setup (classes 19, 23 and 41).

Clients write them where the model lets them; what is written is kept, and holds for links that are opened afterwards.
Until then an attribute shows what the bench file says of where the meter listens, else what the model says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emulator.face.cosem.behaviour import Behaviour
from protocols.address import BAUDS
from protocols.dlms.results import DataAccessResult
from protocols.hdlc.parameters import Parameters
from protocols.model.cosem_object import CosemObject, Fixed
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.address import MeterAddress
    from protocols.dlms.application import Association
    from protocols.dlms.value import Value

LOCAL_PORT, HDLC, TCP_UDP = 19, 23, 41
PORT: Final = 2
CLASSES: Final = frozenset({LOCAL_PORT, HDLC, TCP_UDP})
"""Their first object of a model counts."""


class LocalPort(NamedTuple):
    """Class 19: how a reader is met at the optical head.

    Attributes:
        signs_on: with a sign-on of IEC 62056-21; else HDLC is spoken at once.
        initial_baud: before a speed is agreed on.
        baud_character: the highest speed, as a sign-on names it.
        reacts_fast: within 20 ms instead of 200 ms.
        device_address: what a reader may call it by; empty for its serial number.
    """

    signs_on: bool
    initial_baud: int
    baud_character: str
    reacts_fast: bool
    device_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HdlcSetup:
    """Class 23: the terms of HDLC links.

    Attributes:
        baud: of a serial line.
        parameters: windows and information fields.
        inter_octet_us: silence that ends a frame.
        inactivity_us: silence that ends a link, or None for ever.
        device_address: the physical (lower) address.
    """

    baud: int
    parameters: Parameters
    inter_octet_us: int
    inactivity_us: int | None
    device_address: int


class TcpUdpSetup(NamedTuple):
    """Class 41: how many connections at once there may be, and how much silence ends one (None for any)."""

    connections_max: int
    inactivity_us: int | None


class LinkSetups(NamedTuple):
    """All three; None where the model has no such object."""

    local_port: LocalPort | None = None
    hdlc: HdlcSetup | None = None
    tcp_udp: TcpUdpSetup | None = None


def link_setup(cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of these objects: they hold what is written; what comes of it is the matter of the lines.

    The port alone stays: where a meter listens is the bench file's to say.
    """
    for number, source in cosem_object.attributes.items():
        if not isinstance(source, Fixed):
            raise ModelError(f"{cosem_object.key}: attribute {number} must be a value")
    return Behaviour(writers={PORT: _stays} if cosem_object.class_id == TCP_UDP else {})


def _stays(_face: CosemFace, _at_ms: int, _value: Value, _association: Association) -> DataAccessResult:
    return DataAccessResult.READ_WRITE_DENIED


def link_setups(face: CosemFace, place: MeterAddress) -> LinkSetups:
    """What a meter's setups say now for one of the places where it listens."""
    objects = face.plan.link_setups

    def contents(class_id: int) -> list[Any]:
        cosem_object = objects[class_id]
        return [face.held(cosem_object, number, (place,))[1] for number in cosem_object.attribute_numbers[1:]]

    return LinkSetups(
        _local_port(*contents(LOCAL_PORT)) if LOCAL_PORT in objects else None,
        _hdlc(*contents(HDLC)) if HDLC in objects else None,
        _tcp_udp(*contents(TCP_UDP)) if TCP_UDP in objects else None,
    )


def _local_port(mode: int, default: int, proposed: int, response: int, address: bytes, *_passwords: bytes) -> LocalPort:
    return LocalPort(mode == 0, BAUDS[default], str(proposed), response == 0, address.decode("latin-1"))


def _hdlc(
    speed: int,
    window_transmit: int,
    window_receive: int,
    information_transmit: int,
    information_receive: int,
    inter_octet_ms: int,
    inactivity_s: int,
    device_address: int,
) -> HdlcSetup:
    return HdlcSetup(
        baud=BAUDS[speed],
        parameters=Parameters(
            information_transmit=information_transmit,
            information_receive=information_receive,
            window_transmit=window_transmit,
            window_receive=window_receive,
        ),
        inter_octet_us=inter_octet_ms * 1000,
        inactivity_us=_microseconds(inactivity_s),
        device_address=device_address,
    )


def _tcp_udp(_port: int, _reference: bytes, _segment: int, connections: int, inactivity_s: int) -> TcpUdpSetup:
    return TcpUdpSetup(connections, _microseconds(inactivity_s))


def _microseconds(seconds: int) -> int | None:
    """No time-out where it is 0."""
    return seconds * 1_000_000 or None
