"""What a meter's setups say of its links is what its links do: from the next one on, on every carrier."""

import asyncio
from pathlib import Path

import pytest

from emulator.bench.assembly import assemble
from emulator.bench.file import check
from emulator.bench.resident import Resident
from emulator.bench.running import RunningBench
from emulator.face.cosem.face import CosemFace
from emulator.line.line import Line
from emulator.line.machines import LUMP_US, Member
from emulator.meter import Meter
from protocols.address import DlmsAddress, SerialLine, Tcp, parse
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, Value, encode
from protocols.hdlc.address import Address
from protocols.hdlc.frame import FLAG_OCTET, Frame, Kind, read, unnumbered_control
from protocols.hdlc.frame import encode as framed
from protocols.hdlc.parameters import Parameters, decode
from protocols.hdlc.parameters import encode as named
from protocols.iec62056_21.message import Identification, OptionSelect, Request, with_parity, without_parity
from protocols.machine import Machine, Peer, SetLine, Transmit
from protocols.model.loader import load
from protocols.wrapper import encode as wrapped
from tests.emulator import peers
from tests.emulator.face.cosem.fake_meter import NOON_MS, associate
from tests.emulator.fakes import bench_clock

AARQ = bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400001E1DFFFF")
HDLC, TCP_UDP, LOCAL_PORT = (23, "0.0.22.0.0.255"), (41, "0.0.25.0.0.255"), (19, "0.0.20.0.0.255")
SECOND_US = 1_000_000
PEER = Peer("memory", "test")


class Fitted:
    """A meter on a line in memory, whose setups a client writes."""

    def __init__(self, url: str, model: str = "eu-three-phase", notes: dict[str, str] | None = None) -> None:
        clock = bench_clock()
        meter = Meter("EU0001", load(model), seed=1, load={"constant": 500}, supply={"constant": 230}, start_ms=NOON_MS)
        self.resident = Resident(meter, clock, bytes)
        self.face = self.resident.cosem = CosemFace(meter, load(model), clock)
        self.notes: dict[str, str] = {} if notes is None else notes
        self.face.keep(self.notes, self.notes.__setitem__)
        self.address = parse(url, listen=True)
        self.line = Line([Member(self.resident, self.address)])
        self.resident.look(0)

    def write(self, setup: tuple[int, str], attribute: int, tag: Tag, content: object) -> None:
        write(self.face, setup, attribute, (int(tag), content))

    def machine(self) -> Machine:
        machine = self.line.machine(PEER)
        assert machine is not None
        return machine


def write(face: CosemFace, setup: tuple[int, str], attribute: int, value: Value) -> None:
    class_id, name = setup
    octets = bytes(map(int, name.split(".")))
    result = face.set(associate(face, 1), class_id, octets, attribute, None, encode(value), 0)
    assert result is DataAccessResult.SUCCESS


def said(machine: Machine, now_us: int) -> list[object]:
    return [each.data if isinstance(each, Transmit) else each for each in machine.data_to_send(now_us)]


def call(
    machine: Machine, kind: Kind, physical: int | None = None, *, information: bytes = b"", now_us: int = 0
) -> Frame | None:
    """The frame that answers SNRM or DISC; None for silence."""
    said(machine, now_us)
    server, control = bytes(Address.server(1, physical)), unnumbered_control(kind, poll_final=True)
    machine.receive_data(framed(Frame(server, bytes((0x21,)), control, information)), now_us)
    octets = b"".join(each for each in said(machine, now_us) if isinstance(each, bytes))
    answer = read(octets[1:-1]) if octets else None
    assert answer is None or isinstance(answer, Frame)
    return answer


def opened(machine: Machine, physical: int | None = None) -> Parameters:
    """What a meter settles for with a client that can do all there is."""
    answer = call(machine, Kind.SNRM, physical, information=named(Parameters.symmetric(2030, 7)))
    assert answer is not None
    assert answer.kind is Kind.UA
    return decode(answer.information)


@pytest.mark.parametrize("model", ["is15959-d1", "is15959-d2"])
def test_an_indian_meter_settles_for_what_its_standard_has(model: str) -> None:
    assert opened(Fitted("dlms+hdlc+tcp://127.0.0.1:0", model).machine()) == Parameters.symmetric(128, 1)


def test_windows_and_fields_are_offered_as_written_from_the_next_link_on() -> None:
    meter = Fitted("dlms+hdlc+tcp://127.0.0.1:0")
    before = meter.machine()
    assert opened(before) == Parameters.symmetric(2030, 7)
    for attribute, content in ((3, 2), (4, 3)):
        meter.write(HDLC, attribute, Tag.UNSIGNED, content)
    for attribute, content in ((5, 200), (6, 300)):
        meter.write(HDLC, attribute, Tag.LONG_UNSIGNED, content)
    written = Parameters(information_transmit=200, information_receive=300, window_transmit=2, window_receive=3)
    assert opened(meter.machine()) == written
    assert opened(Fitted("dlms+hdlc+tcp://127.0.0.1:0", notes=meter.notes).machine()) == written


def test_a_link_ends_after_the_silence_that_is_written() -> None:
    meter = Fitted("dlms+hdlc+tcp://127.0.0.1:0")
    for written_s, kind_after in ((5, Kind.DM), (0, Kind.UA)):
        meter.write(HDLC, 8, Tag.LONG_UNSIGNED, written_s)
        machine = meter.machine()
        opened(machine)
        at_us = 3600 * SECOND_US
        assert (machine.deadline_us() is None) == (written_s == 0)
        machine.on_deadline(4 * SECOND_US)
        machine.on_deadline(at_us)
        answer = call(machine, Kind.DISC, now_us=at_us)
        assert answer is not None
        assert answer.kind is kind_after  # DM: there is no link any more


def test_a_meter_answers_to_the_device_address_that_is_written() -> None:
    meter = Fitted("dlms+hdlc+tcp://127.0.0.1:0?physical=18")
    opened(meter.machine(), 18)
    meter.write(HDLC, 9, Tag.LONG_UNSIGNED, 300)
    machine = meter.machine()
    assert call(machine, Kind.SNRM, 18) is None
    opened(machine, 300)


def test_on_each_line_a_meter_has_the_address_and_speed_of_that_line_until_they_are_written() -> None:
    meter = Fitted("dlms+hdlc://pty?physical=18")
    other = Member(meter.resident, parse("dlms+hdlc:///dev/ttyS0?physical=42&baud=4800", listen=True))
    second = Line([other])
    opened(meter.machine(), 18)
    machine = second.machine(PEER)
    assert machine is not None
    assert said(machine, 0) == [SetLine(4800)]
    assert call(machine, Kind.SNRM, 18) is None
    opened(machine, 42)
    meter.write(HDLC, 9, Tag.LONG_UNSIGNED, 77)
    meter.write(HDLC, 2, Tag.ENUM, 7)
    for line in (meter.line, second):
        machine = line.machine(PEER)
        assert machine is not None
        opened(machine, 77)
        assert line.baud == 38400


def test_silence_between_octets_ends_a_frame_as_written() -> None:
    for written_ms in (25, 500):
        meter = Fitted("dlms+hdlc://pty?physical=18")
        meter.write(HDLC, 7, Tag.LONG_UNSIGNED, written_ms)
        machine = meter.machine()
        machine.receive_data(FLAG_OCTET + b"\xa0\x07", 1000)
        assert machine.deadline_us() == 1000 + LUMP_US + written_ms * 1000


async def test_on_a_line_what_is_written_holds_once_the_link_has_ended(tmp_path: Path) -> None:
    tables = [
        {"id": name, "model": "eu-three-phase", "listen": [f"dlms+hdlc://pty?path={tmp_path}/line&physical={physical}"]}
        for name, physical in (("EU0001", 17), ("EU0002", 18))
    ]
    async with RunningBench(assemble(check({"meter": tables}, "test"), "test", tmp_path)) as running:
        first, _ = running.residents
        [line] = running.endpoint.lines_of(first)
        [pump] = line.pumps or set()
        opened(pump.machine, 17)
        assert isinstance(first.cosem, CosemFace)
        write(first.cosem, HDLC, 9, (int(Tag.LONG_UNSIGNED), 40))
        running.touch(first)
        assert call(pump.machine, Kind.DISC, 17) is not None  # the link that was there is left alone
        await asyncio.sleep(0)
        assert call(pump.machine, Kind.SNRM, 17) is None
        opened(pump.machine, 40)
        opened(pump.machine, 18)  # the other one has noticed nothing
        address = parse(running.endpoint.urls(first)[0])
        assert isinstance(address, DlmsAddress)
        assert address.physical == 40


@pytest.mark.interop
async def test_a_line_runs_at_the_speed_that_is_written(tmp_path: Path) -> None:
    table = {
        "meter": [{"id": "EU0001", "model": "eu-three-phase", "listen": [f"dlms+hdlc://pty?path={tmp_path}/line"]}],
        "line": [{"on": f"{tmp_path}/line", "strict_baud": True}],
    }
    async with RunningBench(assemble(check(table, "test"), "test", tmp_path)) as running:
        [resident] = running.residents
        [before] = running.endpoint.urls(resident)
        name = await asyncio.to_thread(read_name, before)
        assert isinstance(resident.cosem, CosemFace)
        write(resident.cosem, HDLC, 2, (int(Tag.ENUM), 6))
        running.touch(resident)
        [after] = running.endpoint.urls(resident)
        assert (carrier_of(before).baud, carrier_of(after).baud) == (9600, 19200)
        assert await asyncio.to_thread(peers.set_normal_response_mode, before + "&physical=17") == b""
        assert await asyncio.to_thread(read_name, after) == name


def carrier_of(url: str) -> SerialLine:
    carrier = parse(url).carrier
    assert isinstance(carrier, SerialLine)
    return carrier


def read_name(url: str) -> bytes:
    with peers.dlms_client(url) as client:
        return peers.get(client, 1, "0.0.42.0.0.255", 2)


# The optical head


def characters(machine: Machine, message: bytes, now_us: int = 0) -> bytes:
    machine.receive_data(with_parity(message), now_us)
    return b"".join(without_parity(each) for each in said(machine, now_us) if isinstance(each, bytes))


def head(**written: tuple[int, Tag, object]) -> Fitted:
    meter = Fitted("dlms+mode-e://pty")
    for attribute, tag, content in written.values():
        meter.write(LOCAL_PORT, attribute, tag, content)
    return meter


def test_a_sign_on_says_the_proposed_speed_and_reacts_as_set_up() -> None:
    machine = head().machine()
    assert said(machine, 0) == [SetLine(300)]
    slow = Identification.from_line(characters(machine, bytes(Request()))[:-2])
    assert (slow.baud, slow.reaction_us) == (9600, 200_000)
    machine = head(speed=(4, Tag.ENUM, 6), haste=(5, Tag.ENUM, 0), start=(3, Tag.ENUM, 2)).machine()
    assert said(machine, 0) == [SetLine(1200)]
    fast = Identification.from_line(characters(machine, bytes(Request()))[:-2])
    assert (fast.baud, fast.reaction_us) == (19200, 20_000)
    characters(machine, bytes(OptionSelect(protocol="2", baud_character="6", mode="2")))
    machine.on_deadline(600 * SECOND_US)  # nobody went on: back to where a sign-on begins
    assert said(machine, 600 * SECOND_US)[-1] == SetLine(1200)


def test_a_meter_signs_on_by_its_serial_number_or_by_the_device_address_that_is_written() -> None:
    machine = head().machine()
    assert characters(machine, bytes(Request(device_address="EU0001")))
    assert not characters(head().machine(), bytes(Request(device_address="77")))
    called = head(address=(6, Tag.OCTET_STRING, b"77"))
    assert characters(called.machine(), bytes(Request(device_address="77")))
    assert not characters(called.machine(), bytes(Request(device_address="EU0001")))


def test_a_head_that_is_set_to_hdlc_signs_nobody_on() -> None:
    machine = head(mode=(2, Tag.ENUM, 1)).machine()
    assert said(machine, 0) == [SetLine(9600)]
    assert characters(machine, bytes(Request())) == b""
    opened(machine, 17)


# TCP


def test_a_connection_ends_after_the_silence_that_is_written() -> None:
    meter = Fitted("dlms+tcp://127.0.0.1:0")
    meter.write(TCP_UDP, 6, Tag.LONG_UNSIGNED, 60)
    machine = meter.machine()
    machine.on_deadline(0)  # it begins when the machine first hears what time it is
    assert machine.deadline_us() == 60 * SECOND_US
    machine.receive_data(wrapped(16, 1, AARQ), 50 * SECOND_US)
    assert said(machine, 50 * SECOND_US)
    machine.on_deadline(109 * SECOND_US)
    assert machine.deadline_us() == 110 * SECOND_US
    assert machine.closed is None
    machine.on_deadline(110 * SECOND_US)
    assert machine.closed is not None
    meter.write(TCP_UDP, 6, Tag.LONG_UNSIGNED, 0)
    patient = meter.machine()
    patient.on_deadline(0)
    patient.on_deadline(3600 * SECOND_US)
    assert patient.closed is None


async def test_a_port_takes_as_many_connections_as_are_written(tmp_path: Path) -> None:
    table = {"meter": [{"id": "EU0001", "model": "eu-three-phase", "listen": ["dlms+tcp://127.0.0.1:0"]}]}
    async with RunningBench(assemble(check(table, "test"), "test", tmp_path)) as running:
        [resident] = running.residents
        carrier = parse(running.endpoint.urls(resident)[0]).carrier
        assert isinstance(carrier, Tcp)
        face = resident.cosem
        assert isinstance(face, CosemFace)
        assert [place.carrier for place in face.places][-1] == carrier
        write(face, TCP_UDP, 5, (int(Tag.UNSIGNED), 1))
        first = await asyncio.open_connection(carrier.host, carrier.port)
        assert await associated(*first)
        second = await asyncio.open_connection(carrier.host, carrier.port)
        assert not await associated(*second)
        first[1].close()
        while not await associated(*await asyncio.open_connection(carrier.host, carrier.port)):
            pass  # until the end of the first has been heard


async def associated(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether somebody answers an AARQ there."""
    try:
        writer.write(wrapped(16, 1, AARQ))
        return bool(await reader.read(1))
    except ConnectionError:
        return False
