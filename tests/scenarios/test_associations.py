"""Several clients and several meters at once: one connection shared, one line shared, links that break."""

from typing import Any

from protocols.dlms.ask.outcome import Aborted, Associated, AssociationRefused, Released
from protocols.dlms.ask.session import AssociationEnded
from protocols.dlms.client import AssociationClient
from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor
from protocols.dlms.serve.happened import AssociationClosed, AssociationOpened
from protocols.dlms.server import AssociationServer
from protocols.dlms.value import Tag, Value, encode
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.framer import HdlcFramer, destination
from protocols.hdlc.server import HdlcServer
from protocols.link import LinkDisconnect
from protocols.machine import Answered, Bus, Layer, Stack, TimedOut
from protocols.secret import Secret
from protocols.wrapper import Role, Wrapper
from tests.laws.line import Faults, Line
from tests.protocols.dlms.bench import Bench, counting, proposal
from tests.protocols.dlms.logical_device import LONG, PEER, SERIAL, SWITCH, WRITABLE, LogicalDevice, profiles

LONG_VALUE: Value = (Tag.OCTET_STRING, bytes(range(256)) * 4)
SERIAL_NUMBER = AttributeDescriptor(1, SERIAL, 2)
LONG_ATTRIBUTE = AttributeDescriptor(1, LONG, 2)


class Fan(Layer[Any, Any]):
    """Hands what comes up to every client; each takes what is its own."""

    def __init__(self, clients: list[AssociationClient]) -> None:
        self.clients = clients

    def join(self) -> None:
        for client in self.clients:
            client.below = self.below
            client.above = self.above
            client.close = self.close

    def from_below(self, item: Any, now_us: int) -> None:
        for client in self.clients:
            if (item.client, item.server) == (client.profile.client, client.server):
                client.from_below(item, now_us)


def test_clients_and_logical_devices_share_a_connection_without_meeting() -> None:
    first, second = LogicalDevice(), LogicalDevice(profiles(max_pdu=128))
    second.values[1, SERIAL, 2] = encode((Tag.VISIBLE_STRING, "MB0002"))
    clients = [
        AssociationClient(proposal(16), 1, counting),
        AssociationClient(proposal(32), 1, counting),
        AssociationClient(proposal(16), 2, counting),
    ]
    fan = Fan(clients)
    server = AssociationServer({1: first, 2: second}, counting, PEER)
    line = Line(Stack([Wrapper(Role.CLIENT), fan]), Stack([Wrapper(Role.SERVER), server]))
    fan.join()
    for client in clients:
        client.associate(0)
    for client in clients:  # three long answers in blocks, each between those of the others
        client.get(LONG_ATTRIBUTE, 0)
        client.get(SERIAL_NUMBER, 0)
        client.set(AttributeDescriptor(1, WRITABLE, 2), (Tag.UNSIGNED, client.profile.client), 0)
    line.run()
    answers = [event.response for event in line.left.events if isinstance(event, Answered)]
    assert sum(answer == LONG_VALUE for answer in answers) == 3
    assert answers.count((Tag.VISIBLE_STRING, "MB0001")) == 2
    assert answers.count((Tag.VISIBLE_STRING, "MB0002")) == 1
    assert [done[-1][-1] for done in first.done] == [16, 32]
    assert [done[-1][-1] for done in second.done] == [16]
    clients[1].release(line.now_us, disconnect=False)
    line.run()
    assert [(each.client, each.server) for each in server.associations()] == [(16, 1), (16, 2)]
    assert [client.associated for client in clients] == [True, False, True]


def stations(devices: dict[int, LogicalDevice]) -> tuple[Bus, dict[int, AssociationServer]]:
    """Meters on one HDLC line, told apart by their physical address."""
    servers = {physical: AssociationServer({1: device}, counting, PEER) for physical, device in devices.items()}
    stacks = {physical: Stack([HdlcServer(physical=physical), server]) for physical, server in servers.items()}
    return Bus(HdlcFramer(), destination, stacks), servers


def test_one_master_reads_three_meters_of_a_line_one_after_the_other() -> None:
    devices = {physical: LogicalDevice() for physical in (17, 18, 19)}
    for physical, device in devices.items():
        device.values[1, SERIAL, 2] = encode((Tag.LONG_UNSIGNED, physical))
    meters, servers = stations(devices)
    read, said = [], []
    for physical in devices:
        client = AssociationClient(proposal(32), 1, counting)
        master = Stack([HdlcFramer(), HdlcClient(physical=physical), client])
        line = Line(master, meters)
        client.associate(0)
        tickets = [client.get(SERIAL_NUMBER, 0), client.get(LONG_ATTRIBUTE, 0), client.release(0)]
        line.run(until_us=60_000_000)
        ends = {event.ticket: event.response for event in line.left.events if isinstance(event, Answered)}
        said += [(station, type(event)) for station, event in line.right.events]
        read.append([ends[ticket] for ticket in tickets])
    assert read == [[(Tag.LONG_UNSIGNED, physical), LONG_VALUE, Released()] for physical in devices]
    assert all(server.associations() == [] for server in servers.values())
    assert said == [(physical, kind) for physical in devices for kind in (AssociationOpened, AssociationClosed)]


def test_a_link_that_the_meter_takes_down_ends_the_association_and_what_was_asked() -> None:
    bench = Bench(stacks=_hdlc)
    bench.open()
    link = bench.line.right.machine.layers[1]  # type: ignore[attr-defined]  # a stack
    ticket = bench.client.get(LONG_ATTRIBUTE, bench.now_us)
    link.from_above(LinkDisconnect(16, 1), bench.now_us)
    bench.line.run(until_us=bench.now_us + 60_000_000)
    assert isinstance(bench.answer(ticket), Aborted | TimedOut)
    assert any(isinstance(event, AssociationEnded) for event in bench.events)
    assert isinstance(bench.open(), Associated)
    assert bench.run(bench.client.get(LONG_ATTRIBUTE, bench.now_us)) == LONG_VALUE


def _hdlc(client: AssociationClient, server: AssociationServer) -> tuple[Stack, Stack]:
    left = Stack([HdlcFramer(), HdlcClient(physical=17, retries_max=1), client])
    return left, Stack([HdlcFramer(), HdlcServer(physical=17, inactivity_us=None), server])


def test_a_client_that_forgot_its_password_is_told_and_gets_in_when_it_remembers() -> None:
    device = LogicalDevice(profiles(wrong_passwords_max=2, slow_down_us=30_000_000))
    server = AssociationServer({1: device}, counting, PEER)
    took_us: list[int] = []
    for password in ("wrong", "wrong", "wrong", "secret", "secret"):
        client = AssociationClient(proposal(32, secrets={"lls": Secret(password)}), 1, counting, timeout_us=60_000_000)
        line = Line(Stack([Wrapper(Role.CLIENT), client]), Stack([Wrapper(Role.SERVER), server]))
        line.now_us = began_us = sum(took_us)
        client.associate(line.now_us)
        line.run()
        end = line.left.events[0].response
        assert isinstance(end, Associated if password == "secret" else AssociationRefused)
        took_us.append(line.now_us - began_us)
    assert [us > 20_000_000 for us in took_us] == [False, False, True, True, False]


def test_what_was_switched_over_a_stream_that_breaks_is_not_known_and_not_switched_again() -> None:
    bench = Bench(faults=Faults(stall=1.0, stall_us=20_000_000), client={"timeout_us": 5_000_000})
    opened = bench.client.associate(0)
    bench.line.run(until_us=1_000_000)
    ticket = bench.client.action(MethodDescriptor(70, SWITCH, 1), (Tag.INTEGER, 0), bench.now_us)
    bench.line.run(until_us=12_000_000)
    bench.line.left.machine.receive_eof(bench.now_us)
    bench.line.run()
    assert isinstance(bench.answer(opened), Aborted | TimedOut)
    assert isinstance(bench.answer(ticket), Aborted)
    assert bench.device.done == []
    assert bench.client.dropped.total() == 0


def test_a_set_that_timed_out_took_effect_once_and_a_read_back_decides() -> None:
    bench = Bench(client={"timeout_us": 1_000_000, "retries": 3})
    bench.open()
    bench.line._faults = Faults(stall=1.0, stall_us=3_000_000)
    value: Value = (Tag.UNSIGNED, 9)
    written = bench.client.set(AttributeDescriptor(1, WRITABLE, 2), value, bench.now_us)
    assert bench.run(written) == TimedOut(written)
    bench.line._faults = Faults()
    read_back = bench.run(bench.client.get(AttributeDescriptor(1, WRITABLE, 2), bench.now_us))
    assert read_back == value
    assert len(bench.device.done) == 1
    assert bench.client.dropped.total() == 1
