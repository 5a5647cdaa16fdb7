"""A transfer of firmware, step by step with an emulated meter: where it stops, it goes on; what is refused is told."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.meter.dlms_profile import Act, GetMany, Set
from gateway.meter.firmware import BLOCK, BLOCK_SIZE, ENABLED, STATUS, TO_ACTIVATE, Next, Stage, Transfer
from gateway.service.script import Ask, MeterError, NoConnectionError, NonsenseError, RefusedError, Script
from protocols.dlms.ask.outcome import Invoked
from protocols.dlms.descriptor import AttributeDescriptor
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import NULL, Tag, Value, decode, encode
from protocols.firmware_image import FirmwareImage
from tests.emulator.living import START_MS, Living

IMAGE = FirmwareImage(hardware="MTB/D1", version="MTB-02.00", body=bytes(range(256)) * 150)
BLOCKS = -(-len(IMAGE.encode()) // 200)
OTHER = FirmwareImage(hardware="MTB/D1", version="MTB-09.00", body=bytes(len(IMAGE.body)))
STEPS_MAX = 40
STEP_MS = 1000


class Desk:
    """A meter, and who asks it; `answers` of attributes are put in the place of the meter's own."""

    def __init__(self, model: str = "is15959-d1", client: int = 80) -> None:
        self.notes: dict[str, str] = {}
        self.living = Living(model, client=client)
        self.living.face.keep({}, self.notes.__setitem__)
        self.answers: dict[int, Any] = {}
        self.sent: list[int] = []
        self.until: int | None = None

    def restart(self) -> None:
        """The meter's program is killed and started again."""
        version, at_ms = self.living.meter.firmware_version, self.living.now_ms
        self.living = Living(client=80)
        if version:
            self.living.meter.activate_firmware(START_MS, version)
        self.living.go(at_ms)
        self.living.face.keep(dict(self.notes), self.notes.__setitem__)
        self.living.errands.plan()

    def ask(self, request: Any) -> Any:
        if self.until is not None:
            self.until -= 1
            if self.until < 0:
                raise NoConnectionError("the line is gone")
        if not self.living.meter.answers(self.living.now_ms):
            raise NoConnectionError("nobody there")
        match request:
            case GetMany(items=items):
                return [self._get(each) for each in items]
            case AttributeDescriptor():
                return self._get(request)
            case Set(class_id, instance, attribute, value):
                now_us = self.living.now_ms * 1000
                association = self.living.association
                return self.living.face.set(association, class_id, instance, attribute, None, encode(value), now_us)
            case Act(class_id, instance, method, parameter) if parameter is not None:
                if method == BLOCK:
                    self.sent.append(parameter[1][0][1])
                octets = encode(parameter)
                now_us = self.living.now_ms * 1000
                result, _ = self.living.face.action(self.living.association, class_id, instance, method, octets, now_us)
                self.living.errands.plan()
                return Invoked(result, None)
        raise AssertionError(request)

    def _get(self, get: Any) -> Any:
        if get.class_id == 18 and get.attribute in self.answers:
            return self.answers[get.attribute]
        living = self.living
        answer = living.face.get(
            living.association, get.class_id, get.instance, get.attribute, None, living.now_ms * 1000
        )
        return decode(answer) if isinstance(answer, bytes) else answer

    def run(self, script: Script[Stage]) -> Stage:
        outcome, error = None, None
        while True:
            try:
                step = script.send(outcome) if error is None else script.throw(error)
            except StopIteration as stop:
                stage: Stage = stop.value
                return stage
            assert isinstance(step, Ask)
            outcome, error = None, None
            try:
                outcome = self.ask(step.request)
            except MeterError as raised:
                error = raised

    def install(self, transfer: Transfer) -> Stage:
        """Step until it is over."""
        for _ in range(STEPS_MAX):
            self.living.go(self.living.now_ms + STEP_MS)
            try:
                stage = self.run(transfer.step())
            except NoConnectionError:
                continue
            if stage.next in {Next.DONE, Next.FAILED}:
                return stage
        raise AssertionError("it does not come to an end")


def transfer(image: FirmwareImage = IMAGE, **more: Any) -> Transfer:
    return Transfer(identifier=image.identifier, data=image.encode(), **more)


def begun(desk: Desk, image: FirmwareImage, steps: int) -> None:
    """Somebody else has begun a transfer."""
    other = transfer(image, activate=False)
    for _ in range(steps):
        desk.run(other.step())


def test_an_image_is_installed_and_each_block_sent_once() -> None:
    desk = Desk()
    stage = desk.install(transfer())
    assert (stage.next, stage.have, stage.blocks) == (Next.DONE, BLOCKS, BLOCKS)
    assert desk.sent == list(range(BLOCKS))
    assert desk.living.meter.firmware_version == "MTB-02.00"


def test_an_image_may_be_held_without_being_activated() -> None:
    desk = Desk()
    stage = desk.install(transfer(activate=False))
    assert stage.sentence == "the meter holds MTB-02.00, verified"
    assert desk.living.meter.firmware_version == ""
    assert desk.install(transfer()).next is Next.DONE
    assert desk.sent == list(range(BLOCKS)), "it was there already"
    assert desk.living.meter.firmware_version == "MTB-02.00"


def test_a_meter_that_runs_with_it_already_is_left_alone() -> None:
    desk = Desk()
    desk.living.meter.activate_firmware(START_MS, "MTB-02.00")
    desk.living.go(START_MS + 60_000)
    assert desk.install(transfer()).sentence == "the meter runs with MTB-02.00"
    assert not desk.sent


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 130), st.booleans(), st.booleans()), max_size=6))
@example([(0, True, True), (1, True, False), (5, False, True), (104, True, True)])
def test_an_image_arrives_wherever_line_gateway_and_meter_were_interrupted(
    stops: list[tuple[int, bool, bool]],
) -> None:
    desk = Desk()
    memory: dict[str, Any] = {}
    for until, forgets, restarts in stops:
        desk.until = until
        try:
            for _ in range(STEPS_MAX):
                desk.living.go(desk.living.now_ms + STEP_MS)
                if desk.run(transfer(memory=memory).step()).next is Next.DONE:
                    break
        except NoConnectionError:
            pass
        if forgets:
            memory = {}
        if restarts:
            desk.restart()
    desk.until = None
    assert desk.install(transfer(memory=memory)).next is Next.DONE
    assert desk.living.meter.firmware_version == "MTB-02.00"
    assert set(desk.sent) == set(range(BLOCKS))
    assert len(desk.sent) <= BLOCKS + len(stops), "only the block in flight may be sent again"


@pytest.mark.parametrize(
    "wrong",
    [
        FirmwareImage(hardware="MTB/D2", version="MTB-02.00", body=bytes(1000)).encode(),
        IMAGE.encode()[:-1],
        bytes(700),
        FirmwareImage(hardware="MTB/D1", version="MTB-02.01", body=bytes(1000)).encode(),
    ],
)
def test_a_wrong_image_is_refused_and_the_meter_stays_as_it_was(wrong: bytes) -> None:
    desk = Desk()
    stage = desk.install(Transfer(identifier=b"MTB-02.00", data=wrong))
    assert stage.next is Next.FAILED
    assert desk.living.meter.firmware_version == ""
    assert desk.install(transfer()).next is Next.DONE, "a good one may follow"


@pytest.mark.parametrize("image", [OTHER, FirmwareImage(hardware="MTB/D1", version="MTB-09.00", body=bytes(900))])
@pytest.mark.parametrize("steps", [1, 2, 20])
def test_what_the_meter_has_of_another_image_is_not_taken_for_ours(image: FirmwareImage, steps: int) -> None:
    desk = Desk()
    begun(desk, image, steps)
    desk.living.go(desk.living.now_ms + 10_000)
    assert desk.install(transfer()).next is Next.DONE
    assert desk.living.meter.firmware_version == "MTB-02.00"


def test_transfers_are_enabled_where_they_are_not() -> None:
    desk = Desk("eu-three-phase", 1)
    identity = desk.living.model.identity
    image = FirmwareImage(hardware=f"{identity.flag}/{identity.category or identity.meter_type}", version="2", body=b"")
    assert desk.install(transfer(image)).next is Next.DONE
    assert desk.living.meter.firmware_version == "2"


def test_a_meter_that_lets_nobody_enable_them_is_told() -> None:
    desk = Desk("eu-three-phase", 2)
    with pytest.raises(RefusedError, match="does not let us enable them"):
        desk.run(transfer().step())


def test_a_client_that_may_not_see_transfers_is_told() -> None:
    with pytest.raises(RefusedError, match="does not show its block size"):
        Desk(client=16).run(transfer().step())


@pytest.mark.parametrize(
    ("attribute", "answer"),
    [
        (BLOCK_SIZE, (int(Tag.DOUBLE_LONG_UNSIGNED), 0)),
        (BLOCK_SIZE, (int(Tag.DOUBLE_LONG_UNSIGNED), 4_000_000_000)),
        (BLOCK_SIZE, NULL),
        (STATUS, (int(Tag.ENUM), 9)),
        (STATUS, (int(Tag.OCTET_STRING), b"")),
        (3, (int(Tag.OCTET_STRING), b"")),
        (3, DataAccessResult.HARDWARE_FAULT),
    ],
)
def test_nonsense_from_a_meter_is_called_that(attribute: int, answer: Any) -> None:
    desk = Desk()
    begun(desk, IMAGE, 2)
    desk.answers[attribute] = answer
    with pytest.raises(NonsenseError):
        desk.run(transfer().step())


def test_a_meter_that_refuses_a_block_of_ours_is_told_with_its_reason() -> None:
    desk = Desk()
    ours = transfer()
    desk.run(ours.step())
    zeros: Value = (int(Tag.BIT_STRING), "0" * BLOCKS)
    desk.run(ours.step())
    desk.answers[3] = zeros
    other = Transfer(identifier=ours.identifier, data=bytes(len(ours.data)), memory=ours.memory)
    with pytest.raises(RefusedError, match=f"refuses block 0: {ActionResult.OTHER_REASON.title}"):
        desk.run(other.step())


def test_a_meter_that_hides_what_it_would_activate_is_believed() -> None:
    desk = Desk()
    desk.answers[TO_ACTIVATE] = DataAccessResult.READ_WRITE_DENIED
    assert desk.install(transfer()).next is Next.DONE


def test_a_meter_that_does_not_say_whether_it_is_enabled_is_tried() -> None:
    desk = Desk()
    desk.answers[ENABLED] = DataAccessResult.OBJECT_UNDEFINED
    assert desk.install(transfer()).next is Next.DONE
