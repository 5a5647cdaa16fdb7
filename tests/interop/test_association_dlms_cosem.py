"""Our server against an independent client: the sans-IO connection of dlms-cosem 21.3.2, octets handed across."""

from typing import Any

import pytest

pytest.importorskip("dlms_cosem", reason="dlms-cosem is not installed")

from dlms_cosem import cosem, enumerations
from dlms_cosem.connection import DlmsConnection
from dlms_cosem.protocol import acse, xdlms

from protocols.dlms.server import AssociationServer
from protocols.dlms.value import Tag, decode, encode
from protocols.link import Apdu
from protocols.machine import Stack
from tests.protocols.dlms.logical_device import (
    CLOCK,
    ECHO,
    LONG,
    PEER,
    PROFILE,
    ROWS,
    SERIAL,
    SWITCH,
    WRITABLE,
    LogicalDevice,
)

pytestmark = pytest.mark.interop


class Bench:
    """A client of dlms-cosem and our server, without a wire between them."""

    def __init__(self, client: int = 16, password: bytes | None = None) -> None:
        self.device = LogicalDevice()
        self.stack = Stack([AssociationServer({1: self.device}, bytes, PEER)])
        self.client = client
        self.password = password
        self.connect()

    def connect(self) -> None:
        """A new client on the same link."""
        method = enumerations.AuthenticationMechanism.LLS if self.password else None
        self.connection = DlmsConnection(
            client_system_title=b"MBC00001", authentication_method=method, password=self.password
        )

    def ask(self, request: Any) -> Any:
        """What the client makes of the server's answer."""
        self.stack.receive_data(Apdu(self.client, 1, bytes(self.connection.send(request))), 0)
        (answer,) = self.stack.data_to_send(0)
        self.connection.receive_data(answer.data)
        return self.connection.next_event()

    def open(self) -> Any:
        return self.ask(self.connection.get_aarq())


def attribute(interface: int, instance: bytes, number: int = 2) -> cosem.CosemAttribute:
    return cosem.CosemAttribute(enumerations.CosemInterface(interface), cosem.Obis.from_bytes(instance), number)


def method(interface: int, instance: bytes, number: int = 1) -> cosem.CosemMethod:
    return cosem.CosemMethod(enumerations.CosemInterface(interface), cosem.Obis.from_bytes(instance), number)


def test_it_associates_without_and_with_a_password_and_releases() -> None:
    for client, password in ((16, None), (32, b"secret")):
        bench = Bench(client, password)
        answer = bench.open()
        assert answer.result is enumerations.AssociationResult.ACCEPTED
        assert bench.connection.max_pdu_size == 256
        released = bench.ask(bench.connection.get_rlrq())
        assert isinstance(released, acse.ReleaseResponse)
        bench.connect()
        assert bench.open().result is enumerations.AssociationResult.ACCEPTED


def test_it_understands_why_a_wrong_password_is_refused() -> None:
    answer = Bench(32, b"wrong").open()
    assert answer.result is enumerations.AssociationResult.REJECTED_PERMANENT
    assert answer.result_source_diagnostics is enumerations.AcseServiceUserDiagnostics.AUTHENTICATION_FAILED


def test_it_reads_one_attribute() -> None:
    bench = Bench()
    bench.open()
    answer = bench.ask(xdlms.GetRequestNormal(attribute(1, SERIAL)))
    assert isinstance(answer, xdlms.GetResponseNormal)
    assert decode(bytes(answer.data)) == (Tag.VISIBLE_STRING, "MB0001")
    missing = bench.ask(xdlms.GetRequestNormal(attribute(1, SERIAL, 5)))
    assert missing.error is enumerations.DataAccessResult.OBJECT_UNDEFINED


def test_it_reads_several_attributes_at_once() -> None:
    bench = Bench()
    bench.open()
    wanted = [attribute(8, CLOCK), attribute(1, WRITABLE), attribute(1, SERIAL, 9)]  # it reads no visible-string
    answer = bench.ask(xdlms.GetRequestWithList([cosem.CosemAttributeWithSelection(each, None) for each in wanted]))
    assert isinstance(answer, xdlms.GetResponseWithList)
    assert answer.result[1:] == [0, enumerations.DataAccessResult.OBJECT_UNDEFINED]


def test_it_reads_a_long_value_in_blocks() -> None:
    bench = Bench()
    bench.open()
    answer = bench.ask(xdlms.GetRequestNormal(attribute(7, PROFILE)))
    raw = b""
    while isinstance(answer, xdlms.GetResponseWithBlock) and not isinstance(answer, xdlms.GetResponseLastBlock):
        raw += bytes(answer.data)
        answer = bench.ask(xdlms.GetRequestNext(answer.block_number))
    assert isinstance(answer, xdlms.GetResponseLastBlock)
    assert decode(raw + bytes(answer.data)) == (Tag.ARRAY, ROWS)


def test_it_writes_an_attribute() -> None:
    bench = Bench()
    bench.open()
    answer = bench.ask(xdlms.SetRequestNormal(attribute(1, WRITABLE), encode((Tag.UNSIGNED, 7))))
    assert answer.result is enumerations.DataAccessResult.SUCCESS
    denied = bench.ask(xdlms.SetRequestNormal(attribute(8, CLOCK), encode((Tag.UNSIGNED, 7))))
    assert denied.result is enumerations.DataAccessResult.READ_WRITE_DENIED
    assert bench.device.done == [("set", WRITABLE, 2, encode((Tag.UNSIGNED, 7)))]


def test_it_invokes_a_method_with_and_without_data_in_return() -> None:
    bench = Bench()
    bench.open()
    parameter = encode((Tag.INTEGER, 0))
    answer = bench.ask(xdlms.ActionRequestNormal(method(70, SWITCH), parameter))
    assert type(answer) is xdlms.ActionResponseNormal
    answer = bench.ask(xdlms.ActionRequestNormal(method(9, ECHO), parameter))
    assert isinstance(answer, xdlms.ActionResponseNormalWithData)
    assert bytes(answer.data) == parameter
    assert len(bench.device.done) == 2


def test_a_request_before_the_association_is_an_exception_response() -> None:
    bench = Bench()
    request = xdlms.GetRequestNormal(attribute(1, LONG)).to_bytes()
    bench.stack.receive_data(Apdu(16, 1, bytes(request)), 0)
    (answer,) = bench.stack.data_to_send(0)
    refusal = xdlms.ExceptionResponse.from_bytes(answer.data)
    assert refusal.state_error is enumerations.StateException.SERVICE_NOT_ALLOWED
