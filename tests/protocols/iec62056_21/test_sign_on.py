"""Sign-on between both roles on a line with speeds: mode E, mode C, echo, parity, noise, silence."""

from itertools import product
from typing import Any

import pytest

from protocols.errors import LocalProtocolError
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.framer import HdlcFramer
from protocols.hdlc.server import HdlcServer
from protocols.iec62056_21.data_block import DataSet, Value
from protocols.iec62056_21.echo import EchoCancel
from protocols.iec62056_21.message import Identification, Request
from protocols.iec62056_21.meter import SignOnMeter
from protocols.iec62056_21.reader import ModeEReader, ReadOut, ReadOutProgress, ReadOutReader
from protocols.iec62056_21.sign_off import SignOff
from protocols.iec62056_21.sign_on import METER, READER, SignOnEvent, SignOnState
from protocols.link import Apdu, LinkConnect, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Answered, Layer, SetLine, Stack, TimedOut
from tests.laws.line import Faults, Line

METER_SAYS = Identification(manufacturer="MBE", baud_character="5", text="bench", enhanced="2")
DATA = (
    DataSet(address="0.0.0", values=(Value(text="00001234"),)),
    DataSet(address="1-0:1.8.0*255", values=(Value(text="000123.45", unit="kWh"),)),
)


class Echo(Layer[Any, Any]):
    def from_below(self, item: Any, now_us: int) -> None:
        if isinstance(item, Apdu):
            self.below(item._replace(data=item.data * 2), now_us)
        else:
            self.above(item, now_us)


class Optical:
    """A reader and a meter at one optical port."""

    def __init__(
        self,
        *,
        identification: Identification = METER_SAYS,
        faults: Faults | None = None,
        seed: int = 0,
        echo: bool = False,
        cancel: bool = False,
        meter: dict[str, Any] | None = None,
        reader: dict[str, Any] | None = None,
    ) -> None:
        self.sign_on = SignOnMeter(identification, data_block=lambda _: DATA, **(meter or {}))
        meter_stack = Stack([self.sign_on, HdlcFramer(), HdlcServer(), SignOff(self.sign_on), Echo()])
        self.reader = ModeEReader(**(reader or {}))
        self.client = HdlcClient()
        self.top = SignOff(self.reader)
        below = [EchoCancel()] if cancel else []
        self.line = Line(
            Stack([*below, self.reader, HdlcFramer(), self.client, self.top]),
            meter_stack,
            seed=seed,
            faults=faults,
            baud=300,
            echo=echo,
        )
        self.line.left.on_event = self.hear

    def hear(self, event: Any, now_us: int) -> None:
        if isinstance(event, LinkUp):
            self.top.from_above(Apdu(16, 1, b"ab"), now_us)
        elif isinstance(event, Apdu):
            self.top.from_above(LinkDisconnect(16, 1), now_us)

    def converse(self) -> list[Any]:
        self.line.left.events.clear()
        self.top.from_above(LinkConnect(16, 1), self.line.now_us)
        self.line.run(self.line.now_us + 60_000_000)
        return self.line.left.events


WHOLE = [LinkUp(16, 1), Apdu(16, 1, b"abab"), LinkDown(16, 1, "we released the link")]


def test_mode_e_signs_on_and_gives_the_line_to_hdlc() -> None:
    optical = Optical()
    assert optical.converse() == WHOLE
    assert optical.reader.identification == METER_SAYS


def test_after_the_link_both_are_back_at_300_baud_and_may_begin_again() -> None:
    optical = Optical()
    assert optical.converse() == WHOLE
    assert optical.line.right.baud == 300
    assert optical.converse() == WHOLE


def test_a_link_asked_for_as_soon_as_the_last_one_went_signs_on_again() -> None:
    optical = Optical()
    again = [1]

    def hear(event: Any, now_us: int) -> None:
        if isinstance(event, LinkDown) and again:
            again.pop()
            optical.top.from_above(LinkConnect(16, 1), now_us)
        else:
            optical.hear(event, now_us)

    optical.line.left.on_event = hear
    assert optical.converse() == WHOLE * 2


@pytest.mark.parametrize("cancel", [False, True])
def test_the_heads_echo_does_no_harm(*, cancel: bool) -> None:
    assert Optical(echo=True, cancel=cancel).converse() == WHOLE


def test_a_head_without_echo_is_found_out() -> None:
    assert Optical(echo=False, cancel=True).converse() == WHOLE


def test_parity_may_travel_in_bit_7() -> None:
    option = {"parity_in_bit_7": True}
    assert Optical(meter=option, reader=option).converse() == WHOLE


def test_the_slower_of_both_is_chosen() -> None:
    optical = Optical(reader={"baud_max": 2400})
    assert optical.converse() == WHOLE
    assert optical.reader._selected is not None
    assert optical.reader._selected.baud == 2400


def test_a_meter_is_picked_by_its_address() -> None:
    assert Optical(meter={"device_address": "123"}, reader={"device_address": "000123"}).converse() == WHOLE
    other = Optical(meter={"device_address": "123"}, reader={"device_address": "124", "retries_max": 0})
    assert other.converse() == []
    assert other.line.left.machine.closed == "no answer to the sign-on at 300 baud: is the optical head on the meter?"


def test_a_meter_without_hdlc_says_so() -> None:
    optical = Optical(identification=Identification(manufacturer="MBE"))
    optical.converse()
    assert optical.line.left.machine.closed == "the meter offers no HDLC at its optical port (no mode E)"


def test_a_meter_that_does_not_confirm_is_believed_after_a_while() -> None:
    reader, client = ModeEReader(), HdlcClient()
    stack = Stack([reader, HdlcFramer(), client])
    client.from_above(LinkConnect(16, 1), 0)
    assert stack.data_to_send(0) == [SetLine(300, 7, "E", 1), b"/?!\r\n"]
    stack.receive_data(bytes(METER_SAYS), 1_000_000)
    (select,) = stack.data_to_send(1_000_000)
    assert select.data == b"\x06252\r\n"
    at_us = stack.deadline_us()
    while at_us is not None and not (out := stack.data_to_send(at_us)):
        stack.on_deadline(at_us)
        at_us = stack.deadline_us()
    assert out[0] == SetLine(9600)
    assert out[1].data[:1] == b"~"


@pytest.mark.parametrize("seed", range(40))
def test_noise_at_the_sign_on_ends_in_a_link_or_in_a_sentence(seed: int) -> None:
    faults = Faults(loss=0.1, flip=0.1, drop_octet=0.1, garbage=0.2, cut=0.5)
    optical = Optical(faults=faults, seed=seed, cancel=seed % 2 == 0, echo=seed % 3 == 0)
    events = optical.converse()
    closed = optical.line.left.machine.closed
    assert closed is not None or isinstance(events[-1], LinkDown), f"seed {seed}"
    assert [event for event in events if isinstance(event, Apdu)] in ([], [Apdu(16, 1, b"abab")])
    assert optical.line.right.machine.closed is None


# Mode C.


def read_out(
    identification: Identification = METER_SAYS,
    *,
    meter: dict[str, Any] | None = None,
    reader: dict[str, Any] | None = None,
    **line: Any,
) -> tuple[Line, int]:
    top = ReadOutReader(**(reader or {}))
    settings = {"data_block": lambda _: DATA} | (meter or {})
    joined = Line(Stack([EchoCancel(), top]), Stack([SignOnMeter(identification, **settings)]), baud=300, **line)
    ticket = top.request(Request(), 0)
    joined.run(600_000_000)
    return joined, ticket


@pytest.mark.parametrize(("baud", "echo", "parity"), list(product("0456", [False, True], [False, True])))
def test_a_meter_is_read_out(baud: str, *, echo: bool, parity: bool) -> None:
    meter = Identification(manufacturer="MBe", baud_character=baud)
    option = {"parity_in_bit_7": parity}
    line, ticket = read_out(meter, meter=option, reader=option, echo=echo)
    assert line.left.events == [Answered(ticket, ReadOut(meter, DATA))]
    assert line.right.baud == 300


def test_a_silent_meter_times_out() -> None:
    line, ticket = read_out(faults=Faults(loss=1.0))
    assert line.left.events == [TimedOut(ticket)]


def test_a_meter_without_a_read_out_times_out() -> None:
    line, ticket = read_out(meter={"data_block": None})
    assert line.left.events == [TimedOut(ticket)]


@pytest.mark.parametrize("seed", range(40))
def test_a_read_out_over_noise_is_whole_or_times_out(seed: int) -> None:
    faults = Faults(loss=0.1, flip=0.15, drop_octet=0.1, garbage=0.1, cut=0.5)
    option = {"parity_in_bit_7": True}
    line, ticket = read_out(meter=option, reader=option, faults=faults, seed=seed)
    (event,) = [each for each in line.left.events if not isinstance(each, ReadOutProgress)]
    if isinstance(event, Answered):
        assert event.response.data_sets == DATA, f"seed {seed}"
    assert event.ticket == ticket


def test_a_spoiled_block_is_asked_for_again() -> None:
    reader = ReadOutReader()
    stack = Stack([reader])
    reader.request(Request(), 0)
    stack.receive_data(bytes(METER_SAYS), 0)
    stack.data_to_send(0)
    stack.receive_data(b"\x021.8.0(1)\r\n!\r\n\x03\x00", 0)
    assert [item.data for item in stack.data_to_send(0)] == [b"\x15"]


def test_without_an_option_the_meter_gives_its_block_at_300_baud() -> None:
    stack = Stack([SignOnMeter(METER_SAYS, data_block=lambda _: DATA)])
    stack.receive_data(b"/?!\r\n", 0)
    stack.data_to_send(0)
    at_us = stack.deadline_us()
    assert at_us is not None
    stack.on_deadline(at_us)
    (message,) = stack.data_to_send(at_us)
    assert message.data[:1] == b"\x02"
    stack.receive_data(b"\x15", at_us + 1)
    assert [again.data for again in stack.data_to_send(at_us + 1)] == [message.data]


def test_a_faster_speed_than_offered_is_not_taken() -> None:
    stack = Stack([SignOnMeter(METER_SAYS, data_block=lambda _: DATA)])
    stack.receive_data(b"/?!\r\n", 0)
    stack.data_to_send(0)
    stack.receive_data(b"\x06060\r\n", 0)
    assert stack.data_to_send(0) == []


def test_only_one_read_out_at_a_time() -> None:
    reader = ReadOutReader()
    Stack([reader])
    reader.request(Request(), 0)
    with pytest.raises(LocalProtocolError):
        reader.request(Request(), 0)


def test_a_line_slower_than_300_baud_does_not_exist() -> None:
    with pytest.raises(ValueError):
        ModeEReader(baud_max=110)


def test_silence_ends_mode_e() -> None:
    stack = Stack([SignOnMeter(METER_SAYS, inactivity_us=1000)])
    stack.receive_data(b"/?!\r\n\x06252\r\n", 0)
    assert stack.data_to_send(0)[-1] == SetLine(9600)
    stack.receive_data(b"~", 500)
    stack.on_deadline(1499)
    assert stack.data_to_send(1499) == []
    stack.on_deadline(1500)
    assert stack.data_to_send(1500) == [SetLine(300, 7, "E", 1)]


@pytest.mark.parametrize(
    ("table", "begins"),
    [(READER, {SignOnEvent.START}), (METER, {SignOnEvent.REQUEST})],
    ids=["reader", "meter"],
)
def test_every_state_of_a_table_is_reached_and_left(table: Any, begins: set[SignOnEvent]) -> None:
    assert set(table.values()) == {state for state, _ in table}
    assert {event for state, event in table if state is SignOnState.IDLE} == begins


@pytest.mark.parametrize(("state", "event"), list(product(SignOnState, SignOnEvent)))
def test_what_is_not_in_a_table_leaves_the_state_as_it_was(state: SignOnState, event: SignOnEvent) -> None:
    meter, reader = SignOnMeter(METER_SAYS), ModeEReader()
    meter._state = reader._state = state
    assert meter._step(event) is ((state, event) in METER)
    assert meter._state is METER.get((state, event), state)
    assert reader._step(event) is ((state, event) in READER)
    assert reader._state is READER.get((state, event), state)
