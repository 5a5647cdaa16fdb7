"""Every Modbus PDU, for hypothesis."""

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

from protocols.modbus import access, service
from protocols.modbus.pdu import ExceptionResponse, Request, Response

V = TypeVar("V")


def built(make: Callable[..., V], *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[V]:
    """Values of these parts; the function code of a PDU stays what it is."""
    return st.tuples(*parts).map(lambda values: make(*values))


u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)


def registers(most: int) -> st.SearchStrategy[bytes]:
    return st.integers(1, most).flatmap(lambda count: st.binary(min_size=2 * count, max_size=2 * count))


@st.composite
def multiple_coils(draw: st.DrawFn) -> access.WriteMultipleCoils:
    bits = draw(st.lists(st.booleans(), min_size=1, max_size=1968))
    return access.WriteMultipleCoils(draw(u16), len(bits), access.pack_bits(bits))


file_record = built(service.FileRecord, u16, u16, registers(8))

requests: st.SearchStrategy[Request] = st.one_of(
    built(access.ReadBits, st.sampled_from([1, 2]), u16, st.integers(1, 2000)),
    built(access.ReadRegisters, st.sampled_from([3, 4]), u16, st.integers(1, 125)),
    built(access.WriteSingleCoil, u16, st.sampled_from([access.COIL_ON, access.COIL_OFF])),
    built(access.WriteSingleRegister, u16, u16),
    multiple_coils(),
    built(access.WriteMultipleRegisters, u16, registers(123)),
    built(access.MaskWriteRegister, u16, u16, u16),
    built(access.ReadWriteMultipleRegisters, u16, st.integers(1, 125), u16, registers(121)),
    built(service.Enquiry, st.sampled_from([7, 11, 12, 17])),
    built(service.Diagnostics, u16, registers(1)),
    built(
        service.ReadFileRecord,
        st.lists(built(service.FileReference, u16, u16, st.integers(1, 100)), min_size=1, max_size=8).map(tuple),
    ),
    built(service.WriteFileRecord, st.lists(file_record, min_size=1, max_size=8).map(tuple)),
    built(service.ReadFifoQueue, u16),
    built(service.ReadDeviceIdentification, st.integers(1, 4), u8),
)

identification = built(
    service.DeviceIdentification,
    st.integers(1, 4),
    u8,
    st.none() | u8,
    st.dictionaries(u8, st.binary(max_size=30), max_size=6).map(lambda objects: tuple(objects.items())),
)

responses: st.SearchStrategy[Response] = st.one_of(
    built(access.Bits, st.sampled_from([1, 2]), st.binary(min_size=1, max_size=250)),
    built(access.Registers, st.sampled_from([3, 4, 23]), registers(125)),
    built(access.WriteSingleCoil, u16, st.sampled_from([access.COIL_ON, access.COIL_OFF])),
    built(access.WriteSingleRegister, u16, u16),
    built(access.Written, st.sampled_from([15, 16]), u16, u16),
    built(access.MaskWriteRegister, u16, u16, u16),
    built(service.ExceptionStatus, u8),
    built(service.Diagnostics, st.sampled_from([0, 1, 2, 10, 11, 14]), registers(1)),
    built(service.CommEventCounter, st.sampled_from([0, 0xFFFF]), u16),
    built(service.CommEventLog, st.sampled_from([0, 0xFFFF]), u16, u16, st.binary(max_size=64)),
    built(service.ServerId, st.binary(min_size=1, max_size=40)),
    built(service.FileRecords, st.lists(registers(8), min_size=1, max_size=8).map(tuple)),
    built(service.WriteFileRecord, st.lists(file_record, min_size=1, max_size=8).map(tuple)),
    built(service.FifoQueue, st.integers(0, 31).flatmap(lambda n: st.binary(min_size=2 * n, max_size=2 * n))),
    identification,
    built(ExceptionResponse, st.integers(1, 43), u8),
)
