"""A small logical device for tests: attributes in a dictionary, methods that note what they were called with."""

from collections.abc import Mapping
from typing import Any

from protocols.dlms.application import Association, AssociationProfile, ShortName
from protocols.dlms.conformance import Conformance
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.selection import EntryDescriptor, Selection
from protocols.dlms.value import Tag, decode, encode
from protocols.machine import Peer
from protocols.secret import Secret

PEER = Peer("memory", "test")
CLOCK = bytes((0, 0, 1, 0, 0, 255))
SERIAL = bytes((0, 0, 96, 1, 0, 255))
PROFILE = bytes((1, 0, 99, 1, 0, 255))
LONG = bytes((0, 0, 96, 50, 0, 255))
WRITABLE = bytes((0, 0, 96, 51, 0, 255))
SWITCH = bytes((0, 0, 96, 3, 10, 255))
ECHO = bytes((0, 0, 10, 0, 100, 255))
ASSOCIATION = bytes((0, 0, 40, 0, 0, 255))

LN = (
    Conformance.GET
    | Conformance.SET
    | Conformance.ACTION
    | Conformance.SELECTIVE_ACCESS
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
    | Conformance.ACCESS
    | Conformance.GENERAL_BLOCK_TRANSFER
    | Conformance.DATA_NOTIFICATION
    | Conformance.EVENT_NOTIFICATION
)
SN = (
    Conformance.READ
    | Conformance.WRITE
    | Conformance.UNCONFIRMED_WRITE
    | Conformance.PARAMETERIZED_ACCESS
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.INFORMATION_REPORT
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
)

ROWS = [(Tag.STRUCTURE, [(Tag.DOUBLE_LONG_UNSIGNED, n), (Tag.LONG_UNSIGNED, n * n % 65536)]) for n in range(1, 101)]


def profiles(**changes: Any) -> dict[int, AssociationProfile]:
    """Client 16 with nothing, 32 with a password, 48 with HLS (where an authenticator is given), 64 pre-established."""
    kept: dict[str, Any] = {"conformance": LN, "max_pdu": 256} | changes
    password = {"lls": Secret("secret"), "hls": Secret("sixteen octets ok")}
    return {
        16: AssociationProfile(client=16, **kept),
        32: AssociationProfile(client=32, mechanism=1, secrets=password, **kept),
        48: AssociationProfile(client=48, mechanism=2, secrets=password, **kept),
        64: AssociationProfile(client=64, pre_established=True, **kept),
    }


class LogicalDevice:
    """An application whose every write and invocation is noted in `done`."""

    def __init__(self, offered: Mapping[int, AssociationProfile] | None = None) -> None:
        self.offered = profiles() if offered is None else offered
        self.values: dict[tuple[int, bytes, int], bytes] = {
            (8, CLOCK, 2): encode((Tag.OCTET_STRING, bytes.fromhex("07e80a1c01000000ff014a00"))),
            (1, SERIAL, 2): encode((Tag.VISIBLE_STRING, "MB0001")),
            (1, LONG, 2): encode((Tag.OCTET_STRING, bytes(range(256)) * 4)),
            (1, WRITABLE, 2): encode((Tag.UNSIGNED, 0)),
            (70, SWITCH, 2): encode((Tag.BOOLEAN, True)),
            (7, PROFILE, 2): encode((Tag.ARRAY, ROWS)),
        }
        self.done: list[tuple[Any, ...]] = []
        self.reads = 0

    def associations(self) -> Mapping[int, AssociationProfile]:
        return self.offered

    def get(
        self,
        association: Association,
        class_id: int,
        instance: bytes,
        attribute: int,
        selection: Selection | None,
        now_us: int,
    ) -> bytes | DataAccessResult:
        self.reads += 1
        value = self.values.get((class_id, instance, attribute))
        if value is None:
            return DataAccessResult.OBJECT_UNDEFINED
        if selection is not None:
            entries = EntryDescriptor.from_selection(selection)
            return encode((Tag.ARRAY, ROWS[entries.from_entry - 1 : entries.to_entry]))
        return value

    def set(
        self,
        association: Association,
        class_id: int,
        instance: bytes,
        attribute: int,
        selection: Selection | None,
        value: bytes,
        now_us: int,
    ) -> DataAccessResult:
        if (class_id, instance, attribute) not in self.values:
            return DataAccessResult.OBJECT_UNDEFINED
        if instance not in {WRITABLE, LONG}:
            return DataAccessResult.READ_WRITE_DENIED
        decode(value)
        self.done.append(("set", instance, attribute, value))
        self.values[class_id, instance, attribute] = value
        return DataAccessResult.SUCCESS

    def action(
        self,
        association: Association,
        class_id: int,
        instance: bytes,
        method: int,
        parameter: bytes | None,
        now_us: int,
    ) -> tuple[ActionResult, bytes | DataAccessResult | None]:
        if instance == ECHO:
            self.done.append(("action", instance, method, parameter))
            return ActionResult.SUCCESS, parameter
        if instance == SWITCH:
            self.done.append(("action", instance, method, parameter))
            return ActionResult.SUCCESS, None
        return ActionResult.OBJECT_UNDEFINED, None

    def resolve(self, name: int, association: Association) -> ShortName | None:
        """Short names: each attribute above at 0x1000 and on, eight apart; the methods behind 0x2000."""
        if name == 0x2000:
            return ShortName(70, SWITCH, 1, method=True)
        if name == 0x2008:
            return ShortName(9, ECHO, 1, method=True)
        if name == 0xFA58:
            return ShortName(12, ASSOCIATION, 8, method=True)
        attributes = list(self.values)
        place = (name - 0x1000) // 8
        if name % 8 or not 0 <= place < len(attributes):
            return None
        return ShortName(*attributes[place])

    def name_of(self, class_id: int, instance: bytes, attribute: int) -> int:
        """The short name of an attribute."""
        return 0x1000 + 8 * list(self.values).index((class_id, instance, attribute))
