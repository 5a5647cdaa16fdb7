"""Image transfer: any order of blocks and any interruption give the image or a clear refusal, nothing between."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from emulator.errand.firmware import IMAGE, Answer, ImageEvent, ImageStatus, ImageTransfer
from emulator.event.watch import FAR
from protocols.firmware_image import HEADER_OCTETS, FirmwareImage

NOW_MS = 1_730_053_800_000
BLOCK = 64
HARDWARE = "MTB/D1"


@dataclass
class Slow:
    verify_ms: int = 2000
    activation_delay_ms: int = 1000


@dataclass
class Quick:
    verify_ms: int = 0
    activation_delay_ms: int = 0


def image(octets: int = 500, hardware: str = HARDWARE, version: str = "MTB-02.00") -> FirmwareImage:
    return FirmwareImage(hardware=hardware, version=version, body=bytes(index % 251 for index in range(octets)))


def status(transfer: ImageTransfer) -> ImageStatus:
    return transfer.status


class Desk:
    """A transfer with what it did to the meter, and with notes that survive."""

    def __init__(self, timing: Slow | Quick | None = None) -> None:
        self.timing = timing or Quick()
        self.activated: list[tuple[int, str]] = []
        self.notes: dict[str, str] = {}
        self.begin()

    def begin(self) -> None:
        """As after a start of the program: only the notes are left."""
        self.transfer = ImageTransfer("0.0.44.0.0.255", BLOCK, HARDWARE, self.timing, self._activate)
        self.transfer.keep(dict(self.notes), self.notes.__setitem__, NOW_MS)

    def _activate(self, at_ms: int, version: str) -> None:
        self.activated.append((at_ms, version))

    def send(self, data: bytes, order: list[int] | None = None) -> None:
        for number in range(-(-len(data) // BLOCK)) if order is None else order:
            assert self.transfer.block(number, data[number * BLOCK : (number + 1) * BLOCK]) is Answer.DONE


def sent(data: bytes, identifier: bytes = b"MTB-02.00", timing: Slow | Quick | None = None) -> Desk:
    desk = Desk(timing)
    assert desk.transfer.initiate(identifier, len(data)) is Answer.DONE
    desk.send(data)
    return desk


def test_every_cell_of_the_table_steps_or_changes_nothing() -> None:
    for before in ImageStatus:
        for event in ImageEvent:
            transfer = Desk().transfer
            transfer.status = before
            expected = IMAGE.get((before, event))
            assert transfer._step(event) is (expected is not None)
            assert status(transfer) is (before if expected is None else expected)


def test_a_good_image_is_verified_and_activated_at_once() -> None:
    data = image().encode()
    desk = sent(data)
    transfer = desk.transfer
    assert transfer.first_not_transferred == len(transfer.have) == -(-len(data) // BLOCK)
    assert transfer.verify(NOW_MS) is Answer.DONE
    size, identification, signature = transfer.to_activate or (0, b"", b"")
    assert (size, identification, len(signature)) == (len(data), b"MTB-02.00", 32)
    assert transfer.activate(NOW_MS) is Answer.DONE
    transfer.advance(NOW_MS)
    assert desk.activated == [(NOW_MS, "MTB-02.00")]
    assert status(transfer) is ImageStatus.ACTIVATION_SUCCESSFUL
    assert transfer.to_activate is None
    assert not transfer.image, "the memory is free again"


def test_verifying_and_activating_take_their_time() -> None:
    desk = sent(image().encode(), timing=Slow())
    transfer = desk.transfer
    assert transfer.verify(NOW_MS) is Answer.PENDING
    assert transfer.verify(NOW_MS + 1) is Answer.PENDING
    assert transfer.activate(NOW_MS + 1) is Answer.PENDING
    assert transfer.due_ms == NOW_MS + 2000
    transfer.advance(NOW_MS + 1999)
    assert status(transfer) is ImageStatus.VERIFICATION_INITIATED
    transfer.advance(NOW_MS + 2000)
    assert status(transfer) is ImageStatus.VERIFICATION_SUCCESSFUL
    assert transfer.activate(NOW_MS + 3000) is Answer.DONE
    assert not desk.activated
    assert transfer.initiate(b"other", 100) is Answer.REFUSED, "an activation is not interrupted"
    transfer.advance(NOW_MS + 4000)
    assert desk.activated == [(NOW_MS + 4000, "MTB-02.00")]


def test_activating_what_was_not_verified_verifies_it_first() -> None:
    desk = sent(image().encode())
    assert desk.transfer.activate(NOW_MS) is Answer.DONE
    bad = sent(image(hardware="MTB/D2").encode())
    assert bad.transfer.activate(NOW_MS) is Answer.REFUSED
    assert status(bad.transfer) is ImageStatus.VERIFICATION_FAILED
    assert not bad.activated


@pytest.mark.parametrize(
    ("data", "identifier", "says"),
    [
        (image(hardware="MTB/D2").encode(), b"MTB-02.00", "for MTB/D2, this meter is MTB/D1"),
        (image().encode(), b"MTB-03.00", "MTB-03.00 was announced"),
        (image().encode()[:-1] + b"!", b"MTB-02.00", "digest"),
        (image().encode()[:-1], b"MTB-02.00", "says 500 octets and has 499"),
        (image().encode() + b"!", b"MTB-02.00", "says 500 octets and has 501"),
        (b"\x00" * 300, b"MTB-02.00", "does not begin as one"),
        (b"MBFW", b"MTB-02.00", "does not begin as one"),
    ],
)
def test_a_wrong_image_is_refused_and_the_meter_stays_as_it_was(data: bytes, identifier: bytes, says: str) -> None:
    desk = sent(data, identifier)
    assert desk.transfer.verify(NOW_MS) is Answer.REFUSED
    assert status(desk.transfer) is ImageStatus.VERIFICATION_FAILED
    assert says in desk.transfer.reason
    assert desk.transfer.activate(NOW_MS) is Answer.REFUSED
    assert not desk.activated
    assert desk.transfer.initiate(b"MTB-02.00", 10) is Answer.DONE, "another one may follow"


@pytest.mark.parametrize(("identifier", "octets"), [(b"", 10), (b"x" * 65, 10), (b"x", 0), (b"x", (16 << 20) + 1)])
def test_a_size_or_a_name_that_cannot_be_is_refused(identifier: bytes, octets: int) -> None:
    assert Desk().transfer.initiate(identifier, octets) is Answer.REFUSED


def test_blocks_that_overlap_or_do_not_fit_are_refused() -> None:
    desk = Desk()
    transfer = desk.transfer
    assert transfer.block(0, b"x" * BLOCK) is Answer.REFUSED, "nothing was initiated"
    transfer.initiate(b"MTB-02.00", 2 * BLOCK + 10)
    assert transfer.block(0, b"x" * BLOCK) is Answer.DONE
    assert transfer.block(0, b"x" * BLOCK) is Answer.DONE, "the same again, as after a lost answer"
    assert transfer.block(0, b"y" * BLOCK) is Answer.REFUSED
    for number, octets in ((1, BLOCK - 1), (1, BLOCK + 1), (2, BLOCK), (2, 9), (3, 10), (-1, BLOCK)):
        assert transfer.block(number, b"x" * octets) is Answer.REFUSED
    assert transfer.block(2, b"x" * 10) is Answer.DONE
    assert transfer.blocks_status == "101"
    assert transfer.first_not_transferred == 1
    assert transfer.verify(NOW_MS) is Answer.REFUSED, "a block is missing"
    assert status(transfer) is ImageStatus.INITIATED


def test_a_disabled_transfer_refuses_every_method() -> None:
    desk = sent(image().encode())
    desk.transfer.enabled = False
    assert desk.transfer.initiate(b"x", 10) is Answer.REFUSED
    assert desk.transfer.block(0, b"x" * BLOCK) is Answer.REFUSED
    assert desk.transfer.verify(NOW_MS) is Answer.REFUSED
    assert desk.transfer.activate(NOW_MS) is Answer.REFUSED


def test_what_was_under_way_goes_on_after_a_restart() -> None:
    desk = sent(image().encode(), timing=Slow())
    desk.transfer.verify(NOW_MS)
    desk.begin()
    assert desk.transfer.due_ms == NOW_MS + 2000
    desk.transfer.advance(NOW_MS + 2000)
    assert status(desk.transfer) is ImageStatus.VERIFICATION_SUCCESSFUL
    desk.transfer.activate(NOW_MS + 3000)
    desk.begin()
    desk.transfer.advance(NOW_MS + 9000)
    assert desk.activated == [(NOW_MS + 9000, "MTB-02.00")]
    desk.begin()
    assert status(desk.transfer) is ImageStatus.ACTIVATION_SUCCESSFUL
    assert desk.transfer.due_ms == FAR


def test_blocks_of_an_earlier_image_do_not_come_back() -> None:
    desk = Desk()
    desk.transfer.initiate(b"first", 2 * BLOCK)
    desk.send(b"a" * 2 * BLOCK)
    desk.transfer.initiate(b"second", 2 * BLOCK)
    desk.transfer.block(1, b"b" * BLOCK)
    desk.begin()
    assert desk.transfer.blocks_status == "01"
    assert desk.transfer.identifier == b"second"
    assert bytes(desk.transfer.image) == bytes(BLOCK) + b"b" * BLOCK


class TransferLaws(RuleBasedStateMachine):
    """Blocks in any order, some of them wrong, kills and orders in between."""

    @initialize(octets=st.integers(1, 700), good=st.booleans())
    def begin(self, *, octets: int, good: bool) -> None:
        self.data = image(octets, HARDWARE if good else "MTB/D2").encode()
        self.good = good
        self.desk = Desk()
        self.count = -(-len(self.data) // BLOCK)
        self.arrived: set[int] = set()
        self.initiated = False

    @rule()
    def initiate(self) -> None:
        before = self.desk.transfer.status
        answer = self.desk.transfer.initiate(b"MTB-02.00", len(self.data))
        assert (answer is Answer.DONE) == (before is not ImageStatus.ACTIVATION_INITIATED)
        self.initiated = True
        self.arrived = set()

    @rule(number=st.integers(0, 14))
    def block(self, number: int) -> None:
        transfer = self.desk.transfer
        octets = self.data[number * BLOCK : (number + 1) * BLOCK]
        answer = transfer.block(number, octets)
        possible = transfer.status is ImageStatus.INITIATED and number < self.count
        assert (answer is Answer.DONE) == possible
        if possible:
            self.arrived.add(number)

    @rule(number=st.integers(-1, 20), octets=st.binary(max_size=2 * BLOCK))
    def nonsense(self, number: int, octets: bytes) -> None:
        before = bytes(self.desk.transfer.image)
        right = self.data[max(number, 0) * BLOCK : (number + 1) * BLOCK]
        if octets != right:
            answer = self.desk.transfer.block(number, octets)
            if answer is Answer.DONE:  # of the right length, in a place that was empty
                assert len(octets) == len(right)
                self.desk.transfer.initiate(b"MTB-02.00", len(self.data))
                self.arrived = set()
            else:
                assert bytes(self.desk.transfer.image) == before

    @rule()
    def rest(self) -> None:
        for number in range(self.count):
            self.block(number)

    @rule()
    def verify(self) -> None:
        transfer = self.desk.transfer
        whole = len(self.arrived) == self.count
        answer = transfer.verify(NOW_MS)
        if transfer.status in {ImageStatus.NOT_INITIATED, ImageStatus.INITIATED, ImageStatus.ACTIVATION_SUCCESSFUL}:
            assert answer is Answer.REFUSED
        else:
            assert whole
            assert (answer is Answer.DONE) == self.good

    @rule()
    def activate(self) -> None:
        answer = self.desk.transfer.activate(NOW_MS)
        if answer is Answer.DONE:
            assert self.good
            assert len(self.arrived) == self.count
        self.desk.transfer.advance(NOW_MS)

    @rule()
    def kill(self) -> None:
        self.desk.begin()

    @invariant()
    def only_a_whole_good_image_ever_runs(self) -> None:
        if not hasattr(self, "desk"):
            return
        transfer = self.desk.transfer
        assert all(version == "MTB-02.00" for _, version in self.desk.activated)
        assert not self.desk.activated or self.good
        if transfer.status is ImageStatus.INITIATED:
            shown = {number for number, bit in enumerate(transfer.blocks_status) if bit == "1"}
            assert shown == self.arrived
            missing = set(range(self.count)) - shown
            assert transfer.first_not_transferred == min(missing, default=self.count)


TestTransferLaws = TransferLaws.TestCase
TestTransferLaws.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(order=st.permutations(range(9)), cuts=st.sets(st.integers(0, 8)))
def test_any_order_and_any_kills_give_the_image(order: list[int], cuts: set[int]) -> None:
    data = image(9 * BLOCK - HEADER_OCTETS).encode()
    desk = Desk()
    desk.transfer.initiate(b"MTB-02.00", len(data))
    for place, number in enumerate(order):
        desk.send(data, [number])
        if place in cuts:
            desk.begin()
    assert bytes(desk.transfer.image) == data
    assert desk.transfer.verify(NOW_MS) is Answer.DONE
