"""Several stations on one line, and a primary that speaks to one after the other."""

from typing import Any

import pytest

from protocols.hdlc.client import HdlcClient
from protocols.hdlc.frame import Frame, encode
from protocols.hdlc.framer import HdlcFramer, destination
from protocols.hdlc.server import HdlcServer
from protocols.link import Apdu, LinkConnect, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Bus, Layer, Stack
from tests.laws.line import Faults, Line

STATIONS = (17, 18, 300)


class Named(Layer[Any, Any]):
    """Answers with the name of its station."""

    def __init__(self, station: int) -> None:
        self.station = station
        self.heard: list[Apdu] = []

    def from_below(self, item: Any, now_us: int) -> None:
        if isinstance(item, Apdu):
            self.heard.append(item)
            if item.confirmed:
                self.below(Apdu(item.client, item.server, item.data + str(self.station).encode()), now_us)


def bus_of(names: list[Named]) -> Bus:
    stations = {name.station: Stack([HdlcServer(physical=name.station), name]) for name in names}
    return Bus(HdlcFramer(), destination, stations)


def converse(line: Line, client: HdlcClient) -> list[Any]:
    def hear(event: Any, now_us: int) -> None:
        if isinstance(event, LinkUp):
            client.from_above(Apdu(16, 1, b"who are you? "), now_us)
        elif isinstance(event, Apdu):
            client.from_above(LinkDisconnect(16, 1), now_us)

    line.left.on_event = hear
    client.from_above(LinkConnect(16, 1), line.now_us)
    line.run(line.now_us + 60_000_000)
    return line.left.events


@pytest.mark.parametrize("station", STATIONS)
def test_each_station_answers_under_its_own_address(station: int) -> None:
    client = HdlcClient(physical=station)
    line = Line(Stack([HdlcFramer(), client]), bus_of([Named(each) for each in STATIONS]))
    assert converse(line, client) == [
        LinkUp(16, 1),
        Apdu(16, 1, f"who are you? {station}".encode()),
        LinkDown(16, 1, "we released the link"),
    ]


def test_a_station_that_is_not_there_is_not_answered_for() -> None:
    client = HdlcClient(physical=99)
    line = Line(Stack([HdlcFramer(), client]), bus_of([Named(each) for each in STATIONS]))
    assert converse(line, client) == [LinkDown(16, 1, "no answer from the meter to 4 tries")]


def test_all_are_told_at_once_and_none_answers() -> None:
    names = [Named(each) for each in STATIONS]
    client = HdlcClient(physical=0x7F)
    line = Line(Stack([HdlcFramer(), client]), bus_of(names))
    client.from_above(Apdu(16, 0x7F, b"hear me", confirmed=False), 0)
    line.run()
    assert [name.heard for name in names] == [[Apdu(16, 1, b"hear me", confirmed=False)]] * 3
    assert line.right.events == []
    assert line.transmissions == 1


def test_a_line_with_three_stations_survives_noise() -> None:
    client = HdlcClient(physical=18, retries_max=20)
    faults = Faults(loss=0.1, flip=0.1, garbage=0.2, cut=0.5, drop_octet=0.1)
    line = Line(Stack([HdlcFramer(), client]), bus_of([Named(each) for each in STATIONS]), seed=3, faults=faults)
    assert converse(line, client)[-1] == LinkDown(16, 1, "we released the link")


def test_a_conversation_with_one_station_does_not_disturb_another() -> None:
    bus = bus_of([Named(each) for each in STATIONS])
    snrm = encode(Frame(bytes.fromhex("0223"), b"\x21", 0x93)) + encode(Frame(bytes.fromhex("0225"), b"\x21", 0x93))
    bus.receive_data(snrm, 0)
    assert len(bus.data_to_send(0)) == 2
    bus.receive_data(encode(Frame(bytes.fromhex("0223"), b"\x21", 0x53)), 0)
    bus.receive_data(encode(Frame(bytes.fromhex("0225"), b"\x21", 0x11)), 0)
    ua, ready = bus.data_to_send(0)
    assert (ua[6], ready[6]) == (0x73, 0x11)
