"""The client: tickets and their ends, and that no answer is taken for another's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.machine import Answered, Stack, TimedOut, Transmit
from protocols.modbus import access
from protocols.modbus.access import ReadRegisters, Registers
from protocols.modbus.adu import Adu
from protocols.modbus.ascii import encode_frame as ascii_frame
from protocols.modbus.client import LATE_US_MAX, QUEUE_MAX, ClientTiming, Garbled, ModbusClient
from protocols.modbus.code import ExceptionCode
from protocols.modbus.pdu import ExceptionResponse, Request, decode_request, encode_request
from protocols.modbus.pymodbus_framer import Framing, PymodbusFramer
from protocols.modbus.rtu import encode_frame, t35_us
from protocols.modbus.server import ModbusServer
from protocols.modbus.tcp import TcpFramer
from tests.protocols.modbus.memory import Memory
from tests.protocols.modbus.strategies import requests

SECOND_US = 1_000_000
READ = ReadRegisters(3, 10, 2)


class Asker:
    """A client machine and its wire in hand."""

    def __init__(
        self, framing: Framing = "rtu", *, echo: bool | None = None, timing: ClientTiming | None = None
    ) -> None:
        self.client = ModbusClient(0, transactions=16 if framing == "tcp" else 0, timing=timing)
        self.framer = PymodbusFramer(framing, local_echo=echo)
        self.stack = Stack([self.framer, self.client])

    def ask(self, request: Request = READ, *, unit: int = 1, now_us: int = 0, retries: int = 0) -> int:
        return self.client.request(unit, request, now_us, SECOND_US, retries)

    def sent(self) -> list[bytes]:
        return self.stack.data_to_send(0)

    def hear(self, data: bytes, now_us: int = 0) -> list[Any]:
        self.stack.receive_data(data, now_us)
        return [*iter(self.stack.next_event, None)]

    def answer(self, pdu: bytes, *, unit: int = 1, now_us: int = 0) -> list[Any]:
        return self.hear(encode_frame(unit, pdu), now_us)

    def wait(self, now_us: int) -> list[Any]:
        self.stack.on_deadline(now_us)
        return [*iter(self.stack.next_event, None)]


def registers(data: bytes) -> bytes:
    return bytes((3, len(data))) + data


@pytest.mark.parametrize("framing", ["tcp", "rtu", "ascii"])
@given(request=requests)
def test_every_request_ends_with_the_answer_of_its_own_server(framing: Framing, request: Request) -> None:
    asker, memory = Asker(framing), Memory()
    server = ModbusServer({1: memory}, serial=framing != "tcp")
    ticket = asker.ask(request)
    (frame,) = asker.sent()
    pdu = encode_request(request)
    answer = server.answer(memory, pdu, 0)
    if answer is None:
        return
    transaction = int.from_bytes(frame[:2], "big")
    wire = {
        "tcp": transaction.to_bytes(2, "big") + b"\0\0" + (len(answer) + 1).to_bytes(2, "big") + b"\1" + answer,
        "rtu": encode_frame(1, answer),
        "ascii": ascii_frame(1, answer),
    }[framing]
    (event,) = asker.hear(wire)
    assert isinstance(event, Answered)
    assert event.ticket == ticket
    assert not isinstance(event.response, Garbled)
    assert event.response.function == request.function


def test_without_an_answer_it_tries_again_and_then_times_out() -> None:
    asker = Asker()
    ticket = asker.ask(retries=2)
    assert len(asker.sent()) == 1
    assert asker.stack.deadline_us() == SECOND_US
    assert not asker.wait(SECOND_US)
    assert not asker.wait(2 * SECOND_US)
    assert len(asker.sent()) == 2
    assert asker.wait(3 * SECOND_US) == [TimedOut(ticket)]
    assert not asker.sent()
    assert asker.stack.deadline_us() is None


def test_an_early_deadline_changes_nothing() -> None:
    asker = Asker()
    asker.ask()
    asker.sent()
    assert not asker.wait(SECOND_US - 1)
    assert asker.stack.deadline_us() == SECOND_US


def test_on_a_line_one_request_is_under_way_and_the_next_waits_its_pause() -> None:
    asker = Asker(timing=ClientTiming(pause_us=50_000, connect_pause_us=10_000))
    first, second = asker.ask(), asker.ask(ReadRegisters(3, 20, 1))
    assert not asker.sent()
    assert asker.stack.deadline_us() == 10_000
    asker.wait(10_000)
    assert len(asker.sent()) == 1
    assert asker.answer(registers(b"abcd"), now_us=20_000) == [Answered(first, Registers(3, b"abcd"))]
    assert not asker.sent()
    assert asker.stack.deadline_us() == 70_000
    asker.wait(70_000)
    assert len(asker.sent()) == 1
    assert asker.answer(registers(b"ef"), now_us=80_000) == [Answered(second, Registers(3, b"ef"))]


def test_on_tcp_answers_may_come_in_any_order() -> None:
    asker = Asker("tcp")
    tickets = [asker.ask(ReadRegisters(3, at, 1)) for at in range(20)]
    assert len(asker.sent()) == 16

    def reply(transaction: int, unit: int = 1, pdu: bytes = b"\x03\x02ab") -> list[Any]:
        return asker.hear(
            transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,)) + pdu
        )

    assert reply(5) == [Answered(tickets[4], Registers(3, b"ab"))]
    assert len(asker.sent()) == 1
    assert reply(2) == [Answered(tickets[1], Registers(3, b"ab"))]
    assert reply(5) == []  # it has had its answer
    assert reply(1, unit=9) == [Answered(tickets[0], Garbled("unit"))]
    assert reply(3, pdu=b"\x04\x02ab") == [Answered(tickets[2], Garbled("function"))]
    assert reply(4, pdu=b"\x03\x04abcd") == [Answered(tickets[3], Garbled("length"))]
    assert reply(6, pdu=b"\x03\x04ab") == [Answered(tickets[5], Garbled("length"))]
    assert reply(7, pdu=b"\x83\x06") == [Answered(tickets[6], ExceptionResponse(3, 6))]
    assert asker.client.strays == 1


def test_frames_that_come_at_once_are_told_apart() -> None:
    asker = Asker(echo=False)
    ticket = asker.ask()
    assert asker.hear(encode_frame(1, registers(b"ab")) + encode_frame(1, registers(b"abcd"))) == [
        Answered(ticket, access.Registers(3, b"abcd"))
    ]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (encode_frame(1, registers(b"abcd"))[:-1] + b"\x00", "checksum"),
        (encode_frame(1, registers(b"ab")), "length"),
        (encode_frame(1, registers(b"abcdef")), "length"),
        (b"\x01\x03\x04ab", "incomplete"),
        (b"\x01", ""),
        (encode_frame(2, registers(b"abcd")), "unit"),
        (encode_frame(1, b"\x04\x04abcd"), "function"),
        (b"noise", "checksum"),
    ],
)
def test_what_is_no_answer_ends_as_such_and_never_as_a_value(frame: bytes, reason: str) -> None:
    asker = Asker(echo=False)
    ticket = asker.ask()
    assert not asker.hear(frame)
    expected = Answered(ticket, Garbled(reason)) if reason else TimedOut(ticket)
    assert asker.wait(SECOND_US) == [expected]


@given(st.binary(max_size=40))
def test_the_answer_is_found_behind_noise(noise: bytes) -> None:
    asker = Asker(echo=False)
    ticket = asker.ask()
    heard = asker.hear(noise + encode_frame(1, registers(b"abcd")))
    heard += asker.wait(SECOND_US)
    assert heard in (
        [Answered(ticket, Registers(3, b"abcd"))],
        [Answered(ticket, Garbled("checksum"))],
        [TimedOut(ticket)],
    )


@pytest.mark.parametrize("framing", ["rtu", "ascii", "tcp"])
@given(data=st.binary(max_size=600), seed=st.lists(st.integers(0, 600), max_size=5))
def test_garbage_gives_no_value_and_no_exception(framing: Framing, data: bytes, seed: list[int]) -> None:
    asker = Asker(framing)
    ticket = asker.ask()
    events = asker.hear(data)
    if framing == "tcp" and asker.stack.closed is not None:
        return
    events += asker.wait(SECOND_US)
    (event,) = events
    assert event == TimedOut(ticket) or isinstance(event.response, Garbled | ExceptionResponse)


def test_a_busy_server_is_asked_again_later() -> None:
    asker = Asker(timing=ClientTiming(busy_us=300_000))
    ticket = asker.ask(retries=1)
    asker.sent()
    assert not asker.answer(b"\x83\x06", now_us=100_000)
    assert asker.stack.deadline_us() == 400_000
    asker.wait(400_000)
    assert len(asker.sent()) == 1
    assert asker.answer(b"\x83\x06", now_us=500_000) == [
        Answered(ticket, ExceptionResponse(3, ExceptionCode.SERVER_DEVICE_BUSY))
    ]


def test_an_acknowledged_write_is_not_repeated_and_an_acknowledged_read_is() -> None:
    asker = Asker()
    write = asker.ask(access.WriteSingleRegister(1, 2), retries=3)
    asker.sent()
    assert asker.answer(b"\x86\x05") == [Answered(write, ExceptionResponse(6, ExceptionCode.ACKNOWLEDGE))]
    asker.ask(retries=3)
    asker.sent()
    assert not asker.answer(b"\x83\x05")


def test_a_broadcast_ends_after_its_turnaround() -> None:
    asker = Asker(timing=ClientTiming(turnaround_us=200_000))
    ticket = asker.ask(access.WriteSingleRegister(1, 2), unit=0)
    assert asker.sent() == [encode_frame(0, b"\x06\0\x01\0\x02")]
    assert asker.wait(200_000) == [Answered(ticket, None)]


def test_an_answer_that_nobody_asked_for_is_dropped() -> None:
    asker = Asker()
    assert not asker.answer(registers(b"abcd"))
    ticket = asker.ask()
    asker.sent()
    assert asker.answer(registers(b"wxyz")) == [Answered(ticket, Registers(3, b"wxyz"))]
    assert not asker.answer(registers(b"wxyz"))


def test_a_late_answer_is_not_taken_for_the_next_question() -> None:
    asker = Asker()
    late = asker.ask(ReadRegisters(3, 10, 2))
    asker.sent()
    assert asker.wait(SECOND_US) == [TimedOut(late)]
    ticket = asker.ask(ReadRegisters(3, 50, 2), now_us=SECOND_US)
    (probe,) = asker.sent()
    assert decode_request(probe[1:-2]) == ReadRegisters(3, 50, 1)
    assert not asker.answer(registers(b"late"), now_us=SECOND_US + 1)  # the answer to the first question
    assert not asker.answer(registers(b"ok"), now_us=SECOND_US + 2)  # the answer to the probe: nothing more is owed
    (frame,) = asker.sent()
    assert decode_request(frame[1:-2]) == ReadRegisters(3, 50, 2)
    assert asker.answer(registers(b"good"), now_us=SECOND_US + 3) == [Answered(ticket, Registers(3, b"good"))]


def test_a_read_back_does_not_take_the_late_answer_to_the_same_read() -> None:
    asker = Asker()
    before = asker.ask(retries=0)
    asker.sent()
    asker.wait(SECOND_US)
    after = asker.ask(now_us=SECOND_US)
    asker.sent()
    assert before != after
    assert not asker.answer(registers(b"old!"), now_us=SECOND_US + 1)
    asker.answer(b"\x83\x02", now_us=SECOND_US + 2)  # an exception for the probe is as good
    asker.sent()
    assert asker.answer(registers(b"new!"), now_us=SECOND_US + 3) == [Answered(after, Registers(3, b"new!"))]


def test_a_second_try_may_take_the_answer_to_the_first() -> None:
    asker = Asker()
    ticket = asker.ask(retries=1)
    asker.wait(SECOND_US)
    assert len(asker.sent()) == 2
    assert asker.answer(registers(b"abcd"), now_us=SECOND_US + 1) == [Answered(ticket, Registers(3, b"abcd"))]
    other = asker.ask(ReadRegisters(3, 90, 2), now_us=SECOND_US + 2)  # the second try's answer may still come
    (probe,) = asker.sent()
    assert decode_request(probe[1:-2]) == ReadRegisters(3, 90, 1)
    assert not asker.answer(registers(b"abcd"), now_us=SECOND_US + 3)
    assert not asker.answer(registers(b"ok"), now_us=SECOND_US + 4)
    asker.sent()
    assert asker.answer(registers(b"good"), now_us=SECOND_US + 5) == [Answered(other, Registers(3, b"good"))]


def test_a_unit_that_stays_dead_costs_the_tries_of_its_requests() -> None:
    asker = Asker()
    asker.ask()
    asker.wait(SECOND_US)
    asker.sent()
    ticket = asker.ask(ReadRegisters(3, 50, 2), now_us=SECOND_US, retries=1)
    assert not asker.wait(2 * SECOND_US)
    assert asker.wait(3 * SECOND_US) == [TimedOut(ticket)]
    assert {decode_request(frame[1:-2]) for frame in asker.sent()} == {ReadRegisters(3, 50, 1)}


def test_after_long_enough_nothing_is_owed() -> None:
    asker = Asker()
    asker.ask()
    asker.wait(SECOND_US)
    asker.sent()
    asker.ask(ReadRegisters(3, 50, 2), now_us=LATE_US_MAX)
    (frame,) = asker.sent()
    assert decode_request(frame[1:-2]) == ReadRegisters(3, 50, 2)


def test_a_late_acknowledgement_is_not_taken_for_another_write() -> None:
    asker = Asker()
    asker.ask(access.WriteMultipleRegisters(26, b"\0\1"))
    asker.wait(SECOND_US)
    asker.sent()
    ticket = asker.ask(access.WriteMultipleRegisters(26, b"\0\0"), now_us=SECOND_US)
    (probe,) = asker.sent()
    assert decode_request(probe[1:-2]) == ReadRegisters(3, 26, 1)
    assert not asker.answer(b"\x10\0\x1a\0\x01", now_us=SECOND_US + 1)
    asker.answer(registers(b"\0\1"), now_us=SECOND_US + 2)
    asker.sent()
    assert asker.answer(b"\x10\0\x1a\0\x01", now_us=SECOND_US + 3) == [Answered(ticket, access.Written(16, 26, 1))]


def test_other_units_do_not_wait_for_what_one_owes() -> None:
    asker = Asker()
    asker.ask(unit=1)
    asker.wait(SECOND_US)
    asker.sent()
    asker.ask(unit=2, now_us=SECOND_US)
    (frame,) = asker.sent()
    assert decode_request(frame[1:-2]) == READ


@pytest.mark.parametrize("known", [True, None])
def test_an_adapter_that_echoes_is_heard_through(known: bool | None) -> None:  # noqa: FBT001 (a parameter of the test)
    asker = Asker(echo=known)
    ticket = asker.ask()
    (frame,) = asker.sent()
    assert not asker.hear(frame[:3])
    assert not asker.hear(frame[3:])
    assert asker.answer(registers(b"abcd")) == [Answered(ticket, Registers(3, b"abcd"))]
    write = asker.ask(access.WriteSingleRegister(1, 2))
    (frame,) = asker.sent()
    assert not asker.hear(frame)  # the adapter
    assert asker.hear(frame) == [Answered(write, access.WriteSingleRegister(1, 2))]  # the server


@pytest.mark.parametrize("glitch", [b"", b"\x00", b"\xff\x00"])
@pytest.mark.parametrize("known", [True, None, False])
def test_an_echo_is_found_out_whatever_was_believed(glitch: bytes, known: bool | None) -> None:  # noqa: FBT001
    asker = Asker(echo=known)
    ticket = asker.ask()
    (frame,) = asker.sent()
    heard = [each for at in range(len(glitch + frame)) for each in asker.hear((glitch + frame)[at : at + 1])]
    assert not heard
    assert asker.framer.echo is True
    assert asker.answer(registers(b"abcd")) == [Answered(ticket, Registers(3, b"abcd"))]


def test_an_adapter_that_has_stopped_to_echo_is_found_out_too() -> None:
    asker = Asker(echo=True)
    asker.ask()
    assert asker.answer(registers(b"abcd"))
    assert asker.framer.echo is False
    write = asker.ask(access.WriteSingleRegister(1, 2))
    (_, frame) = asker.sent()
    assert asker.hear(frame) == [Answered(write, access.WriteSingleRegister(1, 2))]


def test_noise_before_an_answer_says_nothing_of_an_echo() -> None:
    asker = Asker()
    asker.ask()
    asker.sent()
    asker.hear(b"\x55\xaa\x55")
    assert asker.framer.echo is None


def test_an_echo_alone_is_no_answer_and_is_called_by_its_name() -> None:
    asker = Asker()
    ticket = asker.ask()
    (frame,) = asker.sent()
    assert not asker.hear(frame)
    assert asker.wait(SECOND_US) == [Answered(ticket, Garbled("echo"))]


def test_the_echo_of_a_broadcast_is_nobodys_answer() -> None:
    asker = Asker()
    ticket = asker.ask(access.WriteSingleRegister(1, 2), unit=0)
    (frame,) = asker.sent()
    assert not asker.hear(frame)
    assert asker.wait(SECOND_US) == [Answered(ticket, None)]
    assert asker.framer.echo is True


def test_an_answer_that_is_the_request_again_is_an_answer_where_nothing_echoes() -> None:
    asker = Asker()
    write = asker.ask(access.WriteSingleRegister(1, 2))
    (frame,) = asker.sent()
    assert asker.hear(frame) == [Answered(write, access.WriteSingleRegister(1, 2))]


def test_a_request_keeps_the_silence_of_its_line() -> None:
    client = ModbusClient()
    stack = Stack([PymodbusFramer("rtu", baud=9600), client])
    client.request(1, READ, 0, SECOND_US)
    frame = encode_frame(1, encode_request(READ))
    assert stack.data_to_send(0) == [Transmit(frame, 0)]
    stack.receive_data(encode_frame(1, registers(b"abcd")), 50_000)
    client.request(1, READ, 50_100, SECOND_US)
    assert stack.data_to_send(50_100) == [Transmit(frame, 50_000 + t35_us(9600))]


def test_too_many_requests_are_refused() -> None:
    asker = Asker()
    for _ in range(QUEUE_MAX + 1):
        asker.ask()
    with pytest.raises(LocalProtocolError, match="wait on this connection"):
        asker.ask()


def test_a_stream_that_is_no_modbus_closes() -> None:
    asker = Asker("tcp")
    asker.ask()
    asker.hear(b"HTTP/1.1 400 Bad Request\r\n")
    assert (asker.stack.closed or "").startswith("no MBAP header")


def test_it_reads_our_server_over_its_own_framer_too() -> None:
    server = Stack([TcpFramer(), ModbusServer({1: Memory()})])
    client = ModbusClient(0, transactions=4)
    stack = Stack([TcpFramer(), client])
    ticket = client.request(1, READ, 0, SECOND_US)
    for data in stack.data_to_send(0):
        server.receive_data(data, 0)
    for data in server.data_to_send(0):
        stack.receive_data(data, 0)
    assert stack.next_event() == Answered(ticket, Registers(3, bytes(4)))
    assert Adu(1, b"") == (1, b"", 0)
