"""IPv4 and IPv6 setup (classes 42 and 48): addresses that are written, and lists that methods add to and take from.

A meter on a bench listens where the bench file says, so what is written here is kept and told, and moves no socket.
While DHCP has the word, what it gives cannot be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import DONE, REFUSED, Behaviour, Executor, Outcome, Writer, keeping
from emulator.face.cosem.permitted import ADDRESSES_MAX, PERMITTED, is_group, is_group_6, is_host_6
from protocols.dlms.results import ActionResult
from protocols.dlms.value import Tag, Value, encode

if TYPE_CHECKING:
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.permitted import Permits
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.model.cosem_object import CosemObject

GROUPS, USE_DHCP = 4, 8
GIVEN_BY_DHCP: Final = (3, 6, 7)
"""IPv4: own address, subnet mask, gateway."""

ADDRESS_LISTS: Final[dict[int, tuple[int, Permits]]] = {0: (4, is_host_6), 1: (5, is_group_6), 2: (6, is_host_6)}
"""IPv6: attribute and form of unicast, multicast and gateway addresses, by IPv6_address_type."""


def ipv4_setup(cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of an IPv4 setup."""

    def add(face: CosemFace, _at_ms: int, address: Value, _association: Association) -> Outcome:
        return _added(face, cosem_object, GROUPS, address) if is_group(address[1]) else REFUSED

    def delete(face: CosemFace, _at_ms: int, address: Value, _association: Association) -> Outcome:
        return _removed(face, cosem_object, GROUPS, address)

    def count(face: CosemFace, _at_ms: int, _parameter: Value, _association: Association) -> Outcome:
        groups = face.held(cosem_object, GROUPS)[1]
        return ActionResult.SUCCESS, encode((int(Tag.LONG_UNSIGNED), len(groups)))

    return Behaviour(
        writers={number: _unless_dhcp(cosem_object, number) for number in GIVEN_BY_DHCP},
        methods={1: add, 2: delete, 3: count},
    )


def _unless_dhcp(cosem_object: CosemObject, number: int) -> Writer:
    permits = PERMITTED[cosem_object.class_id, number]

    def possible(face: CosemFace, address: int, _association: Association) -> bool:
        return not face.held(cosem_object, USE_DHCP)[1] and permits(address)

    return keeping(cosem_object, number, possible)


def ipv6_setup(cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of an IPv6 setup."""

    def add(face: CosemFace, _at_ms: int, parameter: Value, _association: Association) -> Outcome:
        (_, kind), address = parameter[1]
        number, permits = ADDRESS_LISTS.get(kind, (0, None))
        return REFUSED if permits is None or not permits(address[1]) else _added(face, cosem_object, number, address)

    def remove(face: CosemFace, _at_ms: int, parameter: Value, _association: Association) -> Outcome:
        (_, kind), address = parameter[1]
        return _removed(face, cosem_object, ADDRESS_LISTS[kind][0], address) if kind in ADDRESS_LISTS else REFUSED

    methods: dict[int, Executor] = {1: add, 2: remove}
    return Behaviour(methods=methods)


def _added(face: CosemFace, cosem_object: CosemObject, number: int, address: Value) -> Outcome:
    known = face.held(cosem_object, number)[1]
    if address in known or len(known) >= ADDRESSES_MAX:
        return REFUSED
    face.hold(cosem_object, number, (int(Tag.ARRAY), [*known, address]))
    return DONE


def _removed(face: CosemFace, cosem_object: CosemObject, number: int, address: Value) -> Outcome:
    known = face.held(cosem_object, number)[1]
    if address not in known:
        return REFUSED
    face.hold(cosem_object, number, (int(Tag.ARRAY), [each for each in known if each != address]))
    return DONE
