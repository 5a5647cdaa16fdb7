"""RS-485 as it is: time, pauses, echoes, collisions, other masters, other speeds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.line.line import Line
from emulator.line.machines import Member
from emulator.line.rs485 import LineBehaviour, character_us, foreign_exchange, resampled
from protocols.address import parse
from protocols.hdlc.frame import encode as hdlc_frame
from protocols.machine import Answered, Layer, Peer, SetLine, Stack, TimedOut, Transmit
from protocols.modbus.access import ReadRegisters, Registers
from protocols.modbus.adu import Adu
from protocols.modbus.client import Garbled, ModbusClient
from protocols.modbus.pymodbus_framer import PymodbusFramer
from protocols.modbus.rtu import RtuFramer, encode_frame, t35_us
from protocols.modbus.server import ModbusServer
from tests.emulator.fakes import resident
from tests.protocols.modbus.memory import Memory

SECOND_US = 1_000_000
QUESTION = ReadRegisters(3, 10, 2)
FRAME = encode_frame(1, b"\x03\0\x0a\0\2")
ANSWER = encode_frame(1, b"\x03\4abcd")


class Bus:
    """A client and a server on one behaving line, in simulated time."""

    def __init__(self, behaviour: LineBehaviour, *, client_baud: int = 9600, **options: Any) -> None:
        self.memory = Memory()
        self.memory.words[20:24] = b"abcd"
        self.heard: list[Adu] = []
        layers = behaviour.layers(9600, seed=7, name="line", client_baud=lambda: client_baud, **options)
        server: list[Layer[Any, Any]] = [RtuFramer("server", baud=9600, slack_us=0), Ear(self.heard)]
        self.server = Stack([*layers, *server, ModbusServer({1: self.memory}, serial=True)])
        self.client = ModbusClient()
        self.stack = Stack([PymodbusFramer("rtu"), self.client])
        self.now_us = 0
        self.wire: list[tuple[int, bytes, Any]] = []

    def ask(self, retries: int = 0) -> tuple[Any, int]:
        """Ask, run until that has ended; how, and when."""
        ticket = self.client.request(1, QUESTION, self.now_us, SECOND_US, retries)
        while True:
            self._collect()
            event = self.stack.next_event()
            if event is not None:
                assert event.ticket == ticket
                return event, self.now_us
            self._step()

    def _collect(self) -> None:
        for machine, take in ((self.stack, self.server.receive_data), (self.server, self.stack.receive_data)):
            for out in machine.data_to_send(self.now_us):
                frame = out if isinstance(out, Transmit) else Transmit(bytes(out))
                self.wire.append((max(self.now_us, frame.not_before_us), frame.data, take))

    def _step(self) -> None:
        deadlines = [at for at in (self.stack.deadline_us(), self.server.deadline_us()) if at is not None]
        self.now_us = max(self.now_us, min([at for at, _, _ in self.wire] + deadlines))
        due = [each for each in self.wire if each[0] <= self.now_us]
        self.wire = [each for each in self.wire if each[0] > self.now_us]
        for _, data, take in due:
            take(data, self.now_us)
        self.stack.on_deadline(self.now_us)
        self.server.on_deadline(self.now_us)


class Ear(Layer[Any, Any]):
    """What a server takes for a request."""

    def __init__(self, heard: list[Adu]) -> None:
        self.heard = heard

    def from_below(self, item: Any, now_us: int) -> None:
        if isinstance(item, Adu):
            self.heard.append(item)
        self.above(item, now_us)


def test_a_line_without_behaviour_has_no_layers() -> None:
    assert LineBehaviour().layers(9600, seed=1, name="x") == []


def test_every_character_takes_its_time() -> None:
    event, at_us = Bus(LineBehaviour(baud_true=True)).ask()
    assert event.response == Registers(3, b"abcd")
    assert at_us == (len(FRAME) + len(ANSWER)) * character_us(9600)


def test_a_turnaround_comes_on_top_of_the_silence() -> None:
    _, plain_us = Bus(LineBehaviour()).ask()
    _, paused_us = Bus(LineBehaviour(turnaround_ms=40)).ask()
    assert (plain_us, paused_us) == (t35_us(9600), 40_000)
    bus = Bus(LineBehaviour(turnaround_ms=10, turnaround_jitter_ms=30))
    starts, ends = [], []
    for _ in range(20):
        starts.append(bus.now_us)
        ends.append(bus.ask()[1])
    pauses = [end - start for start, end in zip(starts, ends, strict=True)]
    assert all(10_000 <= pause <= 40_000 for pause in pauses)
    assert len(set(pauses)) > 10


def test_a_client_hears_its_answer_through_the_echo() -> None:
    bus = Bus(LineBehaviour(local_echo=True, baud_true=True))
    for _ in range(3):
        event, _ = bus.ask()
        assert event.response == Registers(3, b"abcd")
    assert len(bus.heard) == 3


def test_collisions_cost_retries_and_never_give_a_wrong_value() -> None:
    bus = Bus(LineBehaviour(collision_permille=300))
    results = [bus.ask(retries=12)[0] for _ in range(30)]
    assert {event.response for event in results} == {Registers(3, b"abcd")}
    assert len(bus.heard) > 40
    hopeless = Bus(LineBehaviour(collision_permille=1000)).ask(retries=2)[0]
    assert isinstance(hopeless, TimedOut) or isinstance(hopeless.response, Garbled)


def test_what_other_masters_are_answered_is_no_request() -> None:
    inside = foreign_exchange(9, FRAME * 2)  # an answer that holds two whole requests to our unit
    bus = Bus(LineBehaviour(other_master_s=1), exchanges=(inside, foreign_exchange(1, b"xy")))
    for _ in range(6):
        event, _ = bus.ask(retries=1)
        assert event.response == Registers(3, b"abcd")
        bus.now_us += SECOND_US
        bus._step()
    assert all(adu.unit in {1, 9} for adu in bus.heard)
    assert len([adu for adu in bus.heard if adu == Adu(9, b"\x03\0\0\0\x08")]) >= 2


@pytest.mark.parametrize(
    ("url", "question"),
    [
        ("modbus+rtu://pty?path=a&unit=1", encode_frame(247, b"\x03\0\0\0\2")),
        ("modbus+ascii://pty?path=a&unit=1", b":F70300000002" + b"04\r\n"),
        ("dlms+hdlc://pty?path=a&physical=17", hdlc_frame((b"\x00\x02\xfc\x01", b"\xf7", 0x93, b"", False))),
    ],
)
def test_another_master_speaks_as_the_line_does(url: str, question: bytes) -> None:
    member = Member(resident("EA0001", number=7), parse(url, listen=True))
    machine = Line([member], behaviour=LineBehaviour(other_master_s=1)).machine(Peer("serial", ""))
    assert machine is not None
    machine.receive_data(b"\x55", 0)
    machine.data_to_send(0)
    machine.on_deadline(2 * SECOND_US)
    said = [item.data if isinstance(item, Transmit) else item for item in machine.data_to_send(2 * SECOND_US)]
    assert said[0] == question
    assert len(said) == 2, "the question and somebody's answer, and nothing of ours"


def test_a_client_at_another_rate_gets_garbage_and_one_at_the_right_rate_an_answer() -> None:
    assert Bus(LineBehaviour(strict_baud=True)).ask()[0].response == Registers(3, b"abcd")
    for baud in (2400, 4800, 19_200, 38_400):
        event, _ = Bus(LineBehaviour(strict_baud=True), client_baud=baud).ask(retries=1)
        assert isinstance(event, TimedOut) or isinstance(event.response, Garbled)


@given(st.binary(max_size=40), st.sampled_from([300, 1200, 2400, 9600, 19_200, 115_200]))
def test_resampling_at_the_same_rate_changes_nothing_and_at_another_ends(data: bytes, baud: int) -> None:
    assert resampled(data, baud, baud) == data
    heard = resampled(data, 9600, baud)
    assert len(heard) <= max(1, 5 * len(data) * max(1, baud // 9600))


def test_half_the_rate_is_heard_as_what_an_oscilloscope_shows() -> None:
    # 0x55 is 0101010101 on the line: half as fast every second bit is seen, twice as fast each bit twice
    assert resampled(b"U", 9600, 4800) == b"\xff"
    assert resampled(b"U", 4800, 9600) == b"\x66\xe6"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"turnaround": 1}, "turnaround is no key of a line: did you mean turnaround_ms"),
        ({"xyz": 1}, "known keys are baud_true"),
        ({"local_echo": 1}, "local_echo = 1: true or false is right"),
        ({"turnaround_ms": True}, "turnaround_ms = True: a whole number is right"),
        ({"collision_permille": 1001}, "collision_permille = 1001: 0 to 1000 is right"),
    ],
)
def test_wrong_keys_are_told(table: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LineBehaviour.from_table(table)


def test_a_change_of_the_line_passes_through_all_of_them() -> None:
    everything = LineBehaviour.from_table(
        {"baud_true": True, "turnaround_ms": 1, "collision_permille": 1, "strict_baud": True, "local_echo": True}
        | {"other_master_s": 1}
    )
    stack = Stack(everything.layers(9600, seed=1, name="x", client_baud=lambda: 9600, exchanges=((b"", b""),)))
    assert len(stack.layers) == 6
    stack.layers[-1].from_above(SetLine(300), 0)
    assert stack.data_to_send(0) == [SetLine(300)]


def test_an_answered_event_names_its_ticket() -> None:
    event, _ = Bus(LineBehaviour()).ask()
    assert event == Answered(1, Registers(3, b"abcd"))
