"""Image transfer as a client sees it: its attributes, what it refuses, and what a kill leaves of it."""

from pathlib import Path
from random import Random

import pytest

from emulator.state import MeterState
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import NULL, Tag, Value
from protocols.firmware_image import FirmwareImage
from tests.emulator.living import START_MS, Living, octet, structure

IMAGE = "0.0.44.0.0.255"
BLOCKS = FirmwareImage(hardware="MTB/D1", version="MTB-02.00", body=bytes(range(256)) * 5)
DATA = BLOCKS.encode()
BLOCK = 200
COUNT = -(-len(DATA) // BLOCK)


def number(content: int) -> Value:
    return int(Tag.DOUBLE_LONG_UNSIGNED), content


def initiate(living: Living, identifier: bytes = BLOCKS.identifier, octets: int = len(DATA)) -> ActionResult:
    return living.act(18, IMAGE, 1, structure(octet(identifier), number(octets)))


def send(living: Living, place: int, octets: bytes | None = None) -> ActionResult:
    data = DATA[place * BLOCK : (place + 1) * BLOCK] if octets is None else octets
    return living.act(18, IMAGE, 2, structure(number(place), octet(data)))


def firmware(model: str = "is15959-d1", client: int = 80) -> Living:
    return Living(model, client=client)


def test_the_bitmap_and_the_first_gap_say_what_is_missing() -> None:
    living = firmware()
    assert initiate(living) is ActionResult.SUCCESS
    for place in (0, 1, 4):
        assert send(living, place) is ActionResult.SUCCESS
    assert living.get(18, IMAGE, 3) == "11001" + "0" * (COUNT - 5)
    assert (living.get(18, IMAGE, 4), living.get(18, IMAGE, 6)) == (2, 1)
    assert living.act(18, IMAGE, 3) is ActionResult.OTHER_REASON, "it is not whole"
    assert living.get(18, IMAGE, 7) == []
    for place in range(COUNT):
        assert send(living, place) is ActionResult.SUCCESS
    assert living.get(18, IMAGE, 4) == COUNT
    assert living.act(18, IMAGE, 3) is ActionResult.TEMPORARY_FAILURE
    living.go(START_MS + 60_000)
    assert living.get(18, IMAGE, 6) == 3
    [ready] = living.get(18, IMAGE, 7)
    assert [each for _, each in ready[1]][:2] == [len(DATA), BLOCKS.identifier]


@pytest.mark.parametrize(
    ("place", "octets"),
    [(COUNT, bytes(BLOCK)), (2**32 - 1, bytes(BLOCK)), (0, b""), (0, bytes(BLOCK + 1)), (COUNT - 1, bytes(BLOCK))],
)
def test_blocks_that_lie_about_their_place_or_size_are_refused(place: int, octets: bytes) -> None:
    living = firmware()
    assert initiate(living) is ActionResult.SUCCESS
    assert send(living, place, octets) is ActionResult.OTHER_REASON
    assert living.get(18, IMAGE, 3) == "0" * COUNT


def test_another_block_in_the_place_of_one_is_refused() -> None:
    living = firmware()
    assert initiate(living) is ActionResult.SUCCESS
    assert send(living, 0) is ActionResult.SUCCESS
    assert send(living, 0, bytes(BLOCK)) is ActionResult.OTHER_REASON
    assert send(living, 0) is ActionResult.SUCCESS


@pytest.mark.parametrize("octets", [0, 2**32 - 1])
def test_sizes_that_no_meter_holds_are_refused(octets: int) -> None:
    living = firmware()
    assert initiate(living, octets=octets) is ActionResult.OTHER_REASON
    assert initiate(living, identifier=b"") is ActionResult.OTHER_REASON
    assert living.get(18, IMAGE, 6) == 0


def test_parameters_of_another_type_are_refused() -> None:
    living = firmware()
    for method, wrong in ((1, NULL), (1, structure(number(1), number(1))), (2, octet(b"")), (2, structure(number(0)))):
        assert living.act(18, IMAGE, method, wrong) is ActionResult.TYPE_UNMATCHED


def test_nothing_moves_until_it_is_enabled() -> None:
    living = firmware("eu-three-phase", 1)
    assert initiate(living) is ActionResult.OTHER_REASON
    assert living.set(18, IMAGE, 5, (int(Tag.BOOLEAN), True)) is DataAccessResult.SUCCESS
    assert initiate(living) is ActionResult.SUCCESS
    assert living.set(18, IMAGE, 5, (int(Tag.BOOLEAN), False)) is DataAccessResult.SUCCESS
    assert send(living, 0, bytes(512)) is ActionResult.OTHER_REASON


def test_who_only_reads_transfers_nothing() -> None:
    assert initiate(firmware(client=32)) is ActionResult.READ_WRITE_DENIED


def kept(path: Path) -> tuple[Living, MeterState]:
    """A meter with its file, as after a start of the program."""
    state = MeterState(path, {"start_ms": START_MS, "meter": "MB0001"})
    living = firmware()
    living.face.keep(state.notes, state.put)
    living.errands.plan()
    return living, state


def test_a_transfer_goes_on_where_a_kill_has_stopped_it(tmp_path: Path) -> None:
    path = tmp_path / "MB0001.state"
    living, _ = kept(path)
    assert initiate(living) is ActionResult.SUCCESS
    order = list(range(COUNT))
    rng = Random(5)
    rng.shuffle(order)
    for sent, place in enumerate(order):
        if rng.random() < 0.5:
            living, _ = kept(path)
            assert living.get(18, IMAGE, 3).count("1") == sent
        assert send(living, place) is ActionResult.SUCCESS
    living, _ = kept(path)
    assert living.act(18, IMAGE, 3) is ActionResult.TEMPORARY_FAILURE
    living, _ = kept(path)
    living.go(START_MS + 60_000)
    assert living.get(18, IMAGE, 6) == 3
    assert living.act(18, IMAGE, 4) is ActionResult.SUCCESS
    living, state = kept(path)
    living.go(START_MS + 60_000)
    assert living.meter.firmware_version == "MTB-02.00"
    assert living.get(18, IMAGE, 6) == 6
    assert [name for name in state.notes if name.startswith("image")] == [f"image {IMAGE}"]


def test_the_transfer_begins_again_at_nothing_when_another_image_comes(tmp_path: Path) -> None:
    path = tmp_path / "MB0001.state"
    living, _ = kept(path)
    assert initiate(living) is ActionResult.SUCCESS
    assert send(living, 0) is ActionResult.SUCCESS
    assert initiate(living, b"MTB-03.00") is ActionResult.SUCCESS
    living, _ = kept(path)
    assert living.get(18, IMAGE, 3) == "0" * COUNT
    assert living.get(18, IMAGE, 6) == 1


def test_meters_that_transfer_nothing_hold_nothing_for_it() -> None:
    living = Living()
    living.go(START_MS + 60_000)
    assert not living.face.images
