"""PDUs about the device and its line: functions 7, 8, 11, 12, 17, 20, 21, 24 and 43/14."""

from struct import Struct, pack
from typing import Final, NamedTuple

from protocols.modbus.access import malformed, unpack_exactly

REFERENCE_TYPE: Final = 6
"""The only reference type of file records that the specification knows."""

DEVICE_IDENTIFICATION: Final = 14
"""The MEI type of function 43 that reads who made a device."""

_TWO: Final = Struct(">HH")
_RECORD: Final = Struct(">BHHH")


class Enquiry(NamedTuple):
    """A request that is only its function code: 7, 11, 12 and 17."""

    function: int


class ExceptionStatus(NamedTuple):
    """The response to function 7: eight outputs that the maker chose."""

    status: int
    function: int = 7


class Diagnostics(NamedTuple):
    """Function 8, both ways."""

    sub_function: int
    data: bytes
    function: int = 8


class CommEventCounter(NamedTuple):
    """The response to function 11; `status` is 0xFFFF while a program command is still being worked on."""

    status: int
    event_count: int
    function: int = 11


class CommEventLog(NamedTuple):
    """The response to function 12: the newest event first."""

    status: int
    event_count: int
    message_count: int
    events: bytes
    function: int = 12


class ServerId(NamedTuple):
    """The response to function 17; what the bytes mean is the maker's matter, the run indicator among them."""

    data: bytes
    function: int = 17


class FileReference(NamedTuple):
    """Where a record stands and how many registers it has."""

    file: int
    record: int
    length: int


class FileRecord(NamedTuple):
    """A record's place and its registers."""

    file: int
    record: int
    registers: bytes


class ReadFileRecord(NamedTuple):
    """A request of function 20."""

    references: tuple[FileReference, ...]
    function: int = 20


class FileRecords(NamedTuple):
    """The response to function 20: the registers of each reference in order."""

    records: tuple[bytes, ...]
    function: int = 20


class WriteFileRecord(NamedTuple):
    """Function 21; the normal response is the same."""

    records: tuple[FileRecord, ...]
    function: int = 21


class ReadFifoQueue(NamedTuple):
    """A request of function 24."""

    address: int
    function: int = 24


class FifoQueue(NamedTuple):
    """The response to function 24: the queue's registers, oldest first, without its count."""

    registers: bytes
    function: int = 24


class ReadDeviceIdentification(NamedTuple):
    """A request of function 43/14; `read_code` 1 basic, 2 regular, 3 extended, 4 one object."""

    read_code: int
    object_id: int
    function: int = 43


class DeviceIdentification(NamedTuple):
    """The response to function 43/14; `next_object` is None when no more follows."""

    read_code: int
    conformity: int
    next_object: int | None
    objects: tuple[tuple[int, bytes], ...]
    function: int = 43


def encode_enquiry(request: Enquiry) -> bytes:
    """A request that is only its function code."""
    return bytes((request.function,))


def decode_enquiry(pdu: bytes) -> Enquiry:
    """A request that is only its function code."""
    if len(pdu) != 1:
        raise malformed(pdu[0])
    return Enquiry(pdu[0])


def encode_exception_status(response: ExceptionStatus) -> bytes:
    """The response to function 7."""
    return bytes((7, response.status))


def decode_exception_status(pdu: bytes) -> ExceptionStatus:
    """The response to function 7."""
    if len(pdu) != 2:
        raise malformed(7)
    return ExceptionStatus(pdu[1])


def encode_diagnostics(pdu: Diagnostics) -> bytes:
    """Function 8, both ways."""
    return pack(">BH", 8, pdu.sub_function) + pdu.data


def decode_diagnostics(pdu: bytes) -> Diagnostics:
    """Function 8, both ways."""
    if len(pdu) < 3 or len(pdu) % 2 == 0:
        raise malformed(8)
    return Diagnostics(pdu[1] << 8 | pdu[2], pdu[3:])


def encode_event_counter(response: CommEventCounter) -> bytes:
    """The response to function 11."""
    return pack(">BHH", 11, response.status, response.event_count)


def decode_event_counter(pdu: bytes) -> CommEventCounter:
    """The response to function 11."""
    status, events = unpack_exactly(_TWO, pdu)
    return CommEventCounter(status, events)


def encode_event_log(response: CommEventLog) -> bytes:
    """The response to function 12."""
    return pack(">BBHHH", 12, 6 + len(response.events), *response[:3]) + response.events


def decode_event_log(pdu: bytes) -> CommEventLog:
    """The response to function 12."""
    if len(pdu) < 8 or len(pdu) != 2 + pdu[1]:
        raise malformed(12)
    status, events, messages = Struct(">HHH").unpack_from(pdu, 2)
    return CommEventLog(status, events, messages, pdu[8:])


def encode_server_id(response: ServerId) -> bytes:
    """The response to function 17."""
    return bytes((17, len(response.data))) + response.data


def decode_server_id(pdu: bytes) -> ServerId:
    """The response to function 17."""
    if len(pdu) < 2 or len(pdu) != 2 + pdu[1]:
        raise malformed(17)
    return ServerId(pdu[2:])


def encode_read_file(request: ReadFileRecord) -> bytes:
    """A request of function 20."""
    body = b"".join(_RECORD.pack(REFERENCE_TYPE, *reference) for reference in request.references)
    return bytes((20, len(body))) + body


def decode_read_file(pdu: bytes) -> ReadFileRecord:
    """A request of function 20."""
    if len(pdu) < 2 or len(pdu) != 2 + pdu[1] or pdu[1] % 7:
        raise malformed(20)
    rows = tuple(_RECORD.iter_unpack(pdu[2:]))
    if any(row[0] != REFERENCE_TYPE for row in rows):
        raise malformed(20)
    return ReadFileRecord(tuple(FileReference(*row[1:]) for row in rows))


def encode_file_records(response: FileRecords) -> bytes:
    """The response to function 20."""
    body = b"".join(bytes((len(record) + 1, REFERENCE_TYPE)) + record for record in response.records)
    return bytes((20, len(body))) + body


def decode_file_records(pdu: bytes) -> FileRecords:
    """The response to function 20."""
    if len(pdu) < 2 or len(pdu) != 2 + pdu[1]:
        raise malformed(20)
    records: list[bytes] = []
    at = 2
    while at < len(pdu):
        length = pdu[at]
        end = at + 1 + length
        if length % 2 == 0 or end > len(pdu) or pdu[at + 1] != REFERENCE_TYPE:
            raise malformed(20)
        records.append(pdu[at + 2 : end])
        at = end
    return FileRecords(tuple(records))


def encode_write_file(pdu: WriteFileRecord) -> bytes:
    """Function 21, both ways."""
    body = b"".join(
        _RECORD.pack(REFERENCE_TYPE, record.file, record.record, len(record.registers) // 2) + record.registers
        for record in pdu.records
    )
    return bytes((21, len(body))) + body


def decode_write_file(pdu: bytes) -> WriteFileRecord:
    """Function 21, both ways."""
    if len(pdu) < 2 or len(pdu) != 2 + pdu[1]:
        raise malformed(21)
    records: list[FileRecord] = []
    at = 2
    while at < len(pdu):
        if at + 7 > len(pdu):
            raise malformed(21)
        kind, file, record, length = _RECORD.unpack_from(pdu, at)
        end = at + 7 + 2 * length
        if kind != REFERENCE_TYPE or end > len(pdu):
            raise malformed(21)
        records.append(FileRecord(file, record, pdu[at + 7 : end]))
        at = end
    return WriteFileRecord(tuple(records))


def encode_read_fifo(request: ReadFifoQueue) -> bytes:
    """A request of function 24."""
    return pack(">BH", 24, request.address)


def decode_read_fifo(pdu: bytes) -> ReadFifoQueue:
    """A request of function 24."""
    return ReadFifoQueue(*unpack_exactly(Struct(">H"), pdu))


def encode_fifo(response: FifoQueue) -> bytes:
    """The response to function 24."""
    registers = response.registers
    return pack(">BHH", 24, 2 + len(registers), len(registers) // 2) + registers


def decode_fifo(pdu: bytes) -> FifoQueue:
    """The response to function 24."""
    if len(pdu) < 5:
        raise malformed(24)
    length, count = _TWO.unpack_from(pdu, 1)
    if length != 2 + 2 * count or len(pdu) != 3 + length:
        raise malformed(24)
    return FifoQueue(pdu[5:])


def encode_read_identification(request: ReadDeviceIdentification) -> bytes:
    """A request of function 43/14."""
    return bytes((43, DEVICE_IDENTIFICATION, request.read_code, request.object_id))


def decode_read_identification(pdu: bytes) -> ReadDeviceIdentification:
    """A request of function 43/14."""
    if len(pdu) != 4 or pdu[1] != DEVICE_IDENTIFICATION:
        raise malformed(43)
    return ReadDeviceIdentification(pdu[2], pdu[3])


def encode_identification(response: DeviceIdentification) -> bytes:
    """The response to function 43/14."""
    more = response.next_object is not None
    head = (43, DEVICE_IDENTIFICATION, response.read_code, response.conformity)
    tail = (0xFF if more else 0, response.next_object or 0, len(response.objects))
    objects = b"".join(bytes((number, len(text))) + text for number, text in response.objects)
    return bytes((*head, *tail)) + objects


def decode_identification(pdu: bytes) -> DeviceIdentification:
    """The response to function 43/14."""
    if len(pdu) < 7 or pdu[1] != DEVICE_IDENTIFICATION or pdu[4] not in (0, 0xFF):
        raise malformed(43)
    objects: list[tuple[int, bytes]] = []
    at = 7
    for _ in range(pdu[6]):
        if at + 2 > len(pdu) or at + 2 + pdu[at + 1] > len(pdu):
            raise malformed(43)
        objects.append((pdu[at], pdu[at + 2 : at + 2 + pdu[at + 1]]))
        at += 2 + pdu[at + 1]
    if at != len(pdu):
        raise malformed(43)
    return DeviceIdentification(pdu[2], pdu[3], pdu[5] if pdu[4] else None, tuple(objects))
