"""PDUs: every one comes back as it was, pymodbus writes and reads the same, and garbage is refused."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.errors import RemoteProtocolError
from protocols.modbus import access, pymodbus_pdu, service
from protocols.modbus.code import exception_name
from protocols.modbus.length import NEED_MORE, UNKNOWN, request_length, response_length
from protocols.modbus.match import shape_of_response
from protocols.modbus.pdu import (
    ExceptionResponse,
    Request,
    Response,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from tests.protocols.modbus.strategies import requests, responses

# The examples of the Modbus Application Protocol Specification V1.1b3 for each function: request and response.
SPECIFICATION: list[tuple[Request, str, Response, str]] = [
    (access.ReadBits(1, 0x13, 0x13), "0100130013", access.Bits(1, b"\xcd\x6b\x05"), "0103CD6B05"),
    (access.ReadBits(2, 0xC4, 0x16), "0200C40016", access.Bits(2, b"\xac\xdb\x35"), "0203ACDB35"),
    (
        access.ReadRegisters(3, 0x6B, 3),
        "03006B0003",
        access.Registers(3, bytes.fromhex("022B00000064")),
        "0306022B00000064",
    ),
    (access.ReadRegisters(4, 8, 1), "0400080001", access.Registers(4, b"\x00\x0a"), "0402000A"),
    (access.WriteSingleCoil(0xAC, 0xFF00), "0500ACFF00", access.WriteSingleCoil(0xAC, 0xFF00), "0500ACFF00"),
    (access.WriteSingleRegister(1, 3), "0600010003", access.WriteSingleRegister(1, 3), "0600010003"),
    (service.Enquiry(7), "07", service.ExceptionStatus(0x6D), "076D"),
    (service.Diagnostics(0, b"\xa5\x37"), "080000A537", service.Diagnostics(0, b"\xa5\x37"), "080000A537"),
    (service.Enquiry(11), "0B", service.CommEventCounter(0xFFFF, 0x0108), "0BFFFF0108"),
    (
        service.Enquiry(12),
        "0C",
        service.CommEventLog(0, 0x0108, 0x0121, b"\x20\x00"),
        "0C080000010801212000",
    ),
    (access.WriteMultipleCoils(0x13, 10, b"\xcd\x01"), "0F0013000A02CD01", access.Written(15, 0x13, 10), "0F0013000A"),
    (
        access.WriteMultipleRegisters(1, bytes.fromhex("000A0102")),
        "100001000204000A0102",
        access.Written(16, 1, 2),
        "1000010002",
    ),
    (
        service.ReadFileRecord((service.FileReference(4, 1, 2), service.FileReference(3, 9, 2))),
        "140E0600040001000206000300090002",
        service.FileRecords((bytes.fromhex("0DFE0020"), bytes.fromhex("33CD0040"))),
        "140C05060DFE0020050633CD0040",
    ),
    (
        service.WriteFileRecord((service.FileRecord(4, 7, bytes.fromhex("06AF04BE100D")),)),
        "150D0600040007000306AF04BE100D",
        service.WriteFileRecord((service.FileRecord(4, 7, bytes.fromhex("06AF04BE100D")),)),
        "150D0600040007000306AF04BE100D",
    ),
    (
        access.MaskWriteRegister(4, 0xF2, 0x25),
        "16000400F20025",
        access.MaskWriteRegister(4, 0xF2, 0x25),
        "16000400F20025",
    ),
    (
        access.ReadWriteMultipleRegisters(3, 6, 14, bytes.fromhex("00FF00FF00FF")),
        "1700030006000E00030600FF00FF00FF",
        access.Registers(23, bytes.fromhex("00FE0ACD00010003000D00FF")),
        "170C00FE0ACD00010003000D00FF",
    ),
    (
        service.ReadFifoQueue(0x04DE),
        "1804DE",
        service.FifoQueue(bytes.fromhex("01B81284")),
        "180006000201B81284",
    ),
    (
        service.ReadDeviceIdentification(1, 0),
        "2B0E0100",
        service.DeviceIdentification(1, 1, None, ((0, b"Company"), (1, b"Product"))),
        "2B0E010100000200" + "07" + b"Company".hex() + "0107" + b"Product".hex(),
    ),
]


@pytest.mark.parametrize(("request_", "request_hex", "response", "response_hex"), SPECIFICATION)
def test_the_examples_of_the_specification(
    request_: Request, request_hex: str, response: Response, response_hex: str
) -> None:
    assert encode_request(request_) == bytes.fromhex(request_hex)
    assert decode_request(bytes.fromhex(request_hex)) == request_
    assert encode_response(response) == bytes.fromhex(response_hex)
    assert decode_response(bytes.fromhex(response_hex)) == response


@given(requests)
def test_a_request_comes_back_as_it_was(request: Request) -> None:
    assert decode_request(encode_request(request)) == request


@given(responses)
def test_a_response_comes_back_as_it_was(response: Response) -> None:
    assert decode_response(encode_response(response)) == response


@given(requests)
def test_pymodbus_writes_the_same_request(request: Request) -> None:
    assert pymodbus_pdu.encode_request(request) == encode_request(request)


@given(responses)
def test_pymodbus_reads_the_same_response(response: Response) -> None:
    assert pymodbus_pdu.decode_response(encode_response(response)) == response


@given(requests)
def test_the_length_of_a_request_is_known_from_its_beginning(request: Request) -> None:
    pdu = encode_request(request)
    assert request_length(b"\x11" + pdu, 1) == len(pdu)
    assert all(request_length(pdu[:cut]) in {NEED_MORE, len(pdu)} for cut in range(len(pdu)))


@given(responses)
def test_the_length_of_a_response_is_known_from_its_beginning(response: Response) -> None:
    pdu = encode_response(response)
    assert response_length(b"\x11" + pdu, 1) == len(pdu)
    assert all(response_length(pdu[:cut]) in {NEED_MORE, len(pdu)} for cut in range(len(pdu)))


@given(st.binary(max_size=260))
@example(b"")
@example(b"\x2b\x0d\x00")
@example(b"\x80")
def test_garbage_is_a_pdu_or_refused(data: bytes) -> None:
    for decode in (decode_request, decode_response):
        try:
            decode(data)
        except RemoteProtocolError:
            continue
    response = pymodbus_pdu.decode_response(data)
    assert response is None or encode_response(response) == data
    if response is not None:
        assert shape_of_response(response)[0] == response.function


@given(st.binary(max_size=20))
def test_a_predicted_length_is_never_nonsense(data: bytes) -> None:
    assert request_length(data) >= UNKNOWN
    assert response_length(data) >= UNKNOWN


def test_exceptions_have_names() -> None:
    assert decode_response(b"\x83\x02") == ExceptionResponse(3, 2)
    assert exception_name(6) == "server device busy"
    assert exception_name(99) == "exception 99"


@pytest.mark.parametrize(
    "pdu",
    [
        "0300010002FF",
        "0F0013000A01CD",
        "10000100020400",
        "100001000304000A0102",
        "17000300060001000306",
        "1402",
        "08FF",
        "0B00",
    ],
)
def test_a_request_that_is_too_short_or_too_long_is_refused(pdu: str) -> None:
    with pytest.raises(RemoteProtocolError, match="wrong length"):
        decode_request(bytes.fromhex(pdu))


def test_bits_are_packed_from_the_lowest() -> None:
    assert access.unpack_bits(b"\x05\x01", 9) == [True, False, True, False, False, False, False, False, True]
