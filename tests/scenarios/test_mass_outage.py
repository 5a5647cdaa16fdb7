"""A feeder with 1,000 meters fails: last gasps, some of them lost, and first breaths spread over the interval.

All in simulated time: the real meters, errands, pushers and associations, waked in the order of their wakes. Every
frame that leaves is read by others than us: dlms-cosem takes wrapper, envelope and notification apart; AES in counter
mode undoes the encryption, which it does not know without authentication; and a reader of a few lines takes the
payload, since it does not know visible strings and bit strings.
"""

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from dlms_cosem.protocol.wrappers import WrapperHeader
from dlms_cosem.protocol.xdlms import DataNotification, GeneralGlobalCipher

from emulator.bench.file import PushSection
from emulator.bench.pushing import direct
from emulator.bench.resident import Resident
from emulator.errand.errands import Errands
from emulator.face.cosem.face import CosemFace
from emulator.line.postman import notify
from emulator.meter import Meter
from emulator.timing.clock import BenchClock
from emulator.timing.zone import zone
from protocols.machine import Peer, Stack
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load
from protocols.wrapper import Role, Wrapper

METERS = 1000
SEED = 20241028
START_MS = 1_730_053_800_000
"""2024-10-28T00:00:00+05:30."""
OUTAGE_MS, RETURN_MS, END_MS = START_MS + 100_000, START_MS + 400_000, START_MS + 890_000
RANDOM_S = 300
ALERT, POWER = bytes((0, 4, 25, 9, 0, 255)), bytes((0, 10, 25, 9, 0, 255))
LAST_GASP, FIRST_BREATH = 85, 86

pytestmark = pytest.mark.interop


class Frame(NamedTuple):
    at_ms: int
    meter_id: str
    octets: bytes


@dataclass
class Feeder:
    """Meters, and everything that left them."""

    meters: list[tuple[Meter, Resident, Errands]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def add(self, meter_id: str) -> None:
        model = load("is15959-d1")
        clock = BenchClock(START_MS, zone("Asia/Kolkata"))
        meter = Meter(meter_id, model, SEED, {"constant": 400}, {"constant": 230}, START_MS)
        resident = Resident(meter, clock, bytes)
        face = resident.cosem = CosemFace(meter, model, clock)
        direct(face, PushSection(to="dlms+udp://192.0.2.1:4059", random=RANDOM_S))
        self.meters.append((meter, resident, Errands(face, meter)))

    def run(self, to_ms: int) -> None:
        """Wake meters in the order of time, and let each say what it has to push."""
        heap = [(meter.now_ms, place) for place, (meter, _, _) in enumerate(self.meters)]
        heapq.heapify(heap)
        while heap:
            at_ms, place = heapq.heappop(heap)
            meter, resident, errands = self.meters[place]
            errands.advance(max(at_ms, meter.now_ms))
            self._collect(resident, errands, meter.now_ms)
            errands.plan()
            wakes = [each for each in (meter.wake_ms(), errands.wake_ms()) if each is not None]
            if (wake_ms := min(wakes, default=to_ms + 1)) <= to_ms:
                heapq.heappush(heap, (wake_ms, place))
        for meter, resident, errands in self.meters:
            errands.advance(to_ms)
            self._collect(resident, errands, meter.now_ms)

    def _collect(self, resident: Resident, errands: Errands, at_ms: int) -> None:
        for push in errands.pusher.take():
            server = resident.association_server(1, Peer("udp", "192.0.2.1:4059"))
            stack = Stack([Wrapper(Role.SERVER), server])
            notify(resident, server, push, 0)
            self.frames += [Frame(at_ms, resident.id, octets) for octets in stack.data_to_send(0)]
            errands.pusher.ended(push.token, at_ms, delivered=True)


class Read(NamedTuple):
    """A push as the independent reader sees it."""

    at_ms: int
    meter_id: str
    title: bytes
    setup: bytes
    values: list[Any]


def read(frame: Frame) -> Read:
    header = WrapperHeader.from_bytes(frame.octets[:8])
    assert (header.version, header.source_wport, header.destination_wport) == (1, 1, 64)
    assert header.length == len(frame.octets) - 8
    envelope = GeneralGlobalCipher.from_bytes(frame.octets[8:])
    assert (envelope.security_control.encrypted, envelope.security_control.authenticated) == (True, False)
    counter = envelope.invocation_counter.to_bytes(4, "big")
    key, first = SECRETS_DEFAULT["block"].reveal(), (2).to_bytes(4, "big")  # the block after that of the tag
    decryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(envelope.system_title) + counter + first)).decryptor()
    notification = DataNotification.from_bytes(decryptor.update(envelope.ciphered_text) + decryptor.finalize())
    assert not notification.long_invoke_id_and_priority.confirmed
    values = flat(notification.body)
    return Read(frame.at_ms, frame.meter_id, bytes(envelope.system_title), values[1], values)


def flat(body: bytes) -> list[Any]:
    """A flat structure of the few types that these pushes have, by hand."""
    assert body[0] == 0x02
    at, values = 2, list[Any]()
    while len(values) < body[1]:
        tag, length = body[at], body[at + 1]
        if tag == 0x04:
            assert (length, body[at + 2]) == (0x81, 128)
            values.append(f"{int.from_bytes(body[at + 3 : at + 19], 'big'):0128b}")
            at += 19
        elif tag in {0x09, 0x0A}:
            content = body[at + 2 : at + 2 + length]
            values.append(content.decode() if tag == 0x0A else content)
            at += 2 + length
        else:
            size = {0x12: 2, 0x06: 4}[tag]
            values.append(int.from_bytes(body[at + 1 : at + 1 + size], "big"))
            at += 1 + size
    assert at == len(body)
    return values


@pytest.fixture(scope="module")
def pushed() -> list[Read]:
    feeder = Feeder()
    for number in range(METERS):
        feeder.add(f"MB{number:04}")
    feeder.run(OUTAGE_MS)
    assert not feeder.frames, "nothing happened yet"
    for meter, _, _ in feeder.meters:
        meter.outage(OUTAGE_MS)
    feeder.run(RETURN_MS)
    for meter, _, _ in feeder.meters:
        meter.restore(RETURN_MS)
    feeder.run(END_MS)
    return [read(frame) for frame in feeder.frames]


def test_every_frame_names_its_meter_and_its_setup(pushed: list[Read]) -> None:
    identity = load("is15959-d1").identity
    for each in pushed:
        assert each.values[0] == identity.device_id(each.meter_id)
        assert each.title == identity.system_title(each.meter_id)
        assert each.setup in {ALERT, POWER}
        assert len(each.values) == (4 if each.setup == ALERT else 5)


def test_last_gasps_come_at_once_and_a_tenth_of_them_is_lost(pushed: list[Read]) -> None:
    gasps = [each for each in pushed if each.at_ms < RETURN_MS]
    assert {each.at_ms for each in gasps} == {OUTAGE_MS}
    heard = Counter(each.meter_id for each in gasps)
    assert set(heard.values()) == {2}, "one word of each setup, or none"
    assert 850 <= len(heard) <= 950
    words = [each.values[3] for each in gasps if each.setup == ALERT]
    assert all(word[LAST_GASP] == "1" and word[FIRST_BREATH] == "0" for word in words)
    assert {each.values[3] for each in gasps if each.setup == POWER} == {101}


def test_first_breaths_are_spread_over_the_interval_and_none_is_lost(pushed: list[Read]) -> None:
    boot_ms = load("is15959-d1").physics.power_failure.boot_ms
    breaths = [each for each in pushed if each.at_ms >= RETURN_MS and each.setup == ALERT]
    assert len({each.meter_id for each in breaths}) == len(breaths) == METERS
    delays = sorted(each.at_ms - RETURN_MS - boot_ms for each in breaths)
    assert delays[0] >= 0
    assert delays[-1] <= RANDOM_S * 1000
    tenths = Counter(min(delay * 10 // (RANDOM_S * 1000), 9) for delay in delays)
    assert all(60 <= tenths[tenth] <= 140 for tenth in range(10)), tenths
    assert all(each.values[3][FIRST_BREATH] == "1" for each in breaths)
    codes = [each for each in pushed if each.at_ms >= RETURN_MS and each.setup == POWER]
    assert Counter(each.values[3] for each in codes) == {102: METERS}
