"""Modbus TCP: headers, pipelining, and streams that are no Modbus."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.machine import Stack
from protocols.modbus.adu import Adu
from protocols.modbus.application import Prompt
from protocols.modbus.code import ExceptionCode
from protocols.modbus.server import ModbusServer
from protocols.modbus.tcp import HEADER, TcpFramer
from protocols.modbus.tcp_server import ModbusTcpServer
from tests.protocols.modbus.collector import Bench, pieces
from tests.protocols.modbus.memory import Memory

adus = st.lists(
    st.builds(Adu, st.integers(0, 255), st.binary(min_size=1, max_size=253), st.integers(0, 0xFFFF)), max_size=5
)


@given(adus, st.lists(st.integers(0, 2000)))
def test_frames_come_back_however_the_stream_is_cut(sent: list[Adu], cuts: list[int]) -> None:
    sender, receiver = Bench(TcpFramer()), Bench(TcpFramer())
    stream = b"".join(sender.say(adu) for adu in sent)
    received = [adu for piece in pieces(stream, cuts) for adu in receiver.hear(piece)]
    assert received == sent


def test_the_header_is_that_of_the_specification() -> None:
    assert Bench(TcpFramer()).say(Adu(0xFF, bytes.fromhex("0300040001"), 0x1501)).hex() == "150100000006ff0300040001"


@pytest.mark.parametrize("header", ["00010001000601", "00010000000101", "0001000000FF01", "FFFFFFFFFFFFFF"])
def test_what_is_no_header_closes_the_stream(header: str) -> None:
    bench = Bench(TcpFramer())
    assert not bench.hear(bytes.fromhex(header))
    assert (bench.stack.closed or "").startswith("no MBAP header")


@given(st.binary(max_size=600))
def test_garbage_gives_frames_or_closes(data: bytes) -> None:
    bench = Bench(TcpFramer())
    for adu in bench.hear(data):
        assert isinstance(adu, Adu)
        assert adu.pdu


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=4), st.lists(st.integers(0, 200)), st.booleans())
def test_framing_and_server_in_one_step_answer_as_the_two_layers_do(
    pdus: list[bytes],
    cuts: list[int],
    known: bool,  # noqa: FBT001 (drawn)
) -> None:
    devices = Device(remembers=known), Device(remembers=known)
    one = ModbusTcpServer({1: devices[0]}, unknown_unit=ExceptionCode.GATEWAY_PATH_UNAVAILABLE)
    two = Stack([TcpFramer(), ModbusServer({1: devices[1]}, unknown_unit=ExceptionCode.GATEWAY_PATH_UNAVAILABLE)])
    frames = [HEADER.pack(at, 0, len(pdu) + 1, 1 + at % 2) + pdu for at, pdu in enumerate([READ, *pdus, READ])]
    said: list[bytes] = []
    for piece in pieces(b"".join(frames), cuts) + frames:
        answer = one.at_once(piece, 0)
        if answer is not None:
            said.append(answer)
        else:
            one.receive_data(piece, 0)
            said += one.data_to_send(0)
        two.receive_data(piece, 0)
    assert said == two.data_to_send(0)
    assert one.closed == two.closed
    assert devices[0].communication.bus_messages == devices[1].communication.bus_messages > 0


def test_a_question_that_was_answered_is_answered_at_once_while_the_device_listens() -> None:
    device = Device(remembers=True)
    server = ModbusTcpServer({1: device})
    first, second = (HEADER.pack(at, 0, len(READ) + 1, 1) + READ for at in (7, 8))
    assert server.at_once(first, 0) is None
    server.receive_data(first, 0)
    [answer] = server.data_to_send(0)
    assert server.at_once(second, 0) == second[:2] + answer[2:]
    assert server.at_once(second + second, 0) is None
    device.awake = False
    assert server.at_once(second, 0) is None
    device.awake = True
    server.receive_data(second[:5], 0)
    assert server.at_once(second, 0) is None, "half a frame stands before it"


READ = bytes.fromhex("0300000001")


class Device(Memory):
    """Remembers one request, or none."""

    __slots__ = ("_remembers",)

    def __init__(self, *, remembers: bool) -> None:
        super().__init__()
        self._remembers = remembers

    def prompt(self, pdu: bytes, head: Callable[[int], bytes]) -> Prompt | None:
        if not self._remembers or pdu != READ:
            return None

        def respond(transaction: bytes, _now_us: int) -> bytes | None:
            if not self.awake or self.communication.listen_only:
                return None
            self.communication.bus_messages += 1
            return transaction + head(4) + b"\x03\x02\0\0"

        return respond
