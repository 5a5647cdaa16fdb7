"""How a server answers functions 7, 8, 11, 12, 17, 20, 21, 24 and 43/14."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from protocols.errors import RemoteProtocolError
from protocols.modbus import communication as line
from protocols.modbus import service
from protocols.modbus.application import ModbusApplication
from protocols.modbus.code import FIFO_REGISTERS_MAX, PDU_BYTES_MAX, ExceptionCode
from protocols.modbus.communication import Communication

Answer = bytes | ExceptionCode | None

UNCOUNTED: Final = frozenset((11, 12))
"""Fetching the event counter or the log is no event itself, hence one less while it is answered."""

RESTART: Final = b"\x08\x00\x01"
"""Restart communications: all that a unit in listen-only mode hears."""

_READY: Final = 0
_RECORD_OVERHEAD: Final = 2
_FILE_RECORDS_MAX: Final = 9999
"""Records of a file are numbered 0 to 9999."""

_COUNTERS: Final[Mapping[int, str]] = {
    11: "bus_messages",
    12: "bus_errors",
    13: "exceptions",
    14: "server_messages",
    15: "silent",
    16: "negative",
    17: "busy",
    18: "overruns",
}
"""Diagnostics sub-functions that read a counter."""


def log(communication: Communication, result: Answer) -> None:
    """Note a message's two events, its coming and its answer."""
    communication.note(line.RECEIVED)
    if isinstance(result, bytes):
        communication.note(line.SENT)
    elif result is not None:
        event = line.SENT_BUSY if result in {5, 6} else line.SENT_ABORT if result == 4 else line.SENT_EXCEPTION
        communication.note(line.SENT | event)


def _exception_status(application: ModbusApplication, pdu: bytes, now_us: int) -> Answer:
    status = application.exception_status(now_us)
    if isinstance(status, ExceptionCode):
        return status
    return ExceptionCode.ILLEGAL_DATA_VALUE if len(pdu) != 1 else bytes((7, status))


def _diagnostics(application: ModbusApplication, pdu: bytes, now_us: int) -> Answer:
    try:
        request = service.decode_diagnostics(pdu)
    except RemoteProtocolError:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    sub, data, own = request.sub_function, request.data, application.communication
    if sub == 0:
        return pdu
    if len(data) != 2:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if sub == 1:
        return _restart(own, pdu, data)
    if data != b"\x00\x00":
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if sub == 2:
        return pdu[:3] + application.diagnostic_register(now_us).to_bytes(2, "big")
    if sub == 4:
        own.listen_only = True
        own.note(line.ENTERED_LISTEN_ONLY)
        return None
    if sub == 10:
        own.clear()
        return pdu
    if sub == 20:
        own.overruns = 0
        return pdu
    counter = _COUNTERS.get(sub)
    if counter is None:
        return ExceptionCode.ILLEGAL_FUNCTION
    value: int = getattr(own, counter)
    return pdu[:3] + (value & 0xFFFF).to_bytes(2, "big")


def _restart(own: Communication, pdu: bytes, data: bytes) -> Answer:
    """Sub-function 1; a unit that comes out of listen-only mode does not answer this once."""
    if data not in {b"\x00\x00", b"\xff\x00"}:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if data == b"\xff\x00":
        own.clear_events()
    was_deaf = own.listen_only
    own.listen_only = False
    own.clear()
    own.note(line.RESTARTED)
    return None if was_deaf else pdu


def _event_counter(application: ModbusApplication, pdu: bytes, _now_us: int) -> Answer:
    if len(pdu) != 1:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    own = application.communication
    return service.encode_event_counter(service.CommEventCounter(_READY, own.event_count - 1 & 0xFFFF))


def _event_log(application: ModbusApplication, pdu: bytes, _now_us: int) -> Answer:
    if len(pdu) != 1:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    own = application.communication
    counts = (own.event_count - 1 & 0xFFFF, own.bus_messages & 0xFFFF)
    return service.encode_event_log(service.CommEventLog(_READY, *counts, own.events()))


def _server_id(application: ModbusApplication, pdu: bytes, _now_us: int) -> Answer:
    if len(pdu) != 1:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    data = application.server_id()
    return data if isinstance(data, ExceptionCode) else service.encode_server_id(service.ServerId(data))


def _read_files(application: ModbusApplication, pdu: bytes, now_us: int) -> Answer:
    try:
        request = service.decode_read_file(pdu)
    except RemoteProtocolError:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    size = sum(_RECORD_OVERHEAD + 2 * reference.length for reference in request.references)
    if not request.references or _RECORD_OVERHEAD + size > PDU_BYTES_MAX:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if any(reference.record > _FILE_RECORDS_MAX for reference in request.references):
        return ExceptionCode.ILLEGAL_DATA_ADDRESS
    records = application.read_files(request.references, now_us)
    if isinstance(records, ExceptionCode):
        return records
    return service.encode_file_records(service.FileRecords(tuple(records)))


def _write_files(application: ModbusApplication, pdu: bytes, now_us: int) -> Answer:
    try:
        request = service.decode_write_file(pdu)
    except RemoteProtocolError:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if not request.records or any(not record.registers for record in request.records):
        return ExceptionCode.ILLEGAL_DATA_VALUE
    if any(record.record > _FILE_RECORDS_MAX for record in request.records):
        return ExceptionCode.ILLEGAL_DATA_ADDRESS
    refusal = application.write_files(request.records, now_us)
    return pdu if refusal is None else refusal


def _read_fifo(application: ModbusApplication, pdu: bytes, now_us: int) -> Answer:
    if len(pdu) != 3:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    registers = application.read_fifo(service.decode_read_fifo(pdu).address, now_us)
    if isinstance(registers, ExceptionCode):
        return registers
    if len(registers) > 2 * FIFO_REGISTERS_MAX:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    return service.encode_fifo(service.FifoQueue(registers))


_BASIC, _REGULAR, _EXTENDED, _SPECIFIC = 1, 2, 3, 4
_LAST_OBJECT: Final[Mapping[int, int]] = {_BASIC: 2, _REGULAR: 127, _EXTENDED: 255}
_INDIVIDUAL_ACCESS: Final = 0x80
_IDENTIFICATION_HEAD: Final = 7


def _identification(application: ModbusApplication, pdu: bytes, _now_us: int) -> Answer:
    if len(pdu) < 2 or pdu[1] != service.DEVICE_IDENTIFICATION:
        return ExceptionCode.ILLEGAL_FUNCTION
    objects = dict(application.identification())
    if not objects:
        return ExceptionCode.ILLEGAL_FUNCTION
    if len(pdu) != 4 or not _BASIC <= pdu[2] <= _SPECIFIC:
        return ExceptionCode.ILLEGAL_DATA_VALUE
    _, _, code, first = pdu
    conformity = _INDIVIDUAL_ACCESS | next(level for level, last in _LAST_OBJECT.items() if max(objects) <= last)
    if code == _SPECIFIC:
        if first not in objects:
            return ExceptionCode.ILLEGAL_DATA_ADDRESS
        numbers = [first]
    else:
        numbers = [number for number in sorted(objects) if number <= _LAST_OBJECT[code]]
        # An object that is not known starts the list again, as the specification has it.
        numbers = [number for number in numbers if number >= first] if first in numbers else numbers
    return service.encode_identification(_fitting(code, conformity, numbers, objects))


def _fitting(
    code: int, conformity: int, numbers: Sequence[int], objects: Mapping[int, bytes]
) -> service.DeviceIdentification:
    """As many objects as fit into one PDU, and where to go on."""
    taken: list[tuple[int, bytes]] = []
    size = _IDENTIFICATION_HEAD
    for number in numbers:
        text = objects[number][: PDU_BYTES_MAX - _IDENTIFICATION_HEAD - 2]
        size += 2 + len(text)
        if size > PDU_BYTES_MAX:
            return service.DeviceIdentification(code, conformity, number, tuple(taken))
        taken.append((number, text))
    return service.DeviceIdentification(code, conformity, None, tuple(taken))


DISPATCH: Final[Mapping[int, Callable[[ModbusApplication, bytes, int], Answer]]] = {
    7: _exception_status,
    8: _diagnostics,
    11: _event_counter,
    12: _event_log,
    17: _server_id,
    20: _read_files,
    21: _write_files,
    24: _read_fifo,
    43: _identification,
}
