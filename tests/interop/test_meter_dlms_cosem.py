"""dlms-cosem, as client 48 ciphered with HLS-GMAC, reads every profile of the Indian meters and works their switch.

Two things dlms-cosem 21.3.2 cannot do. Its EntryDescriptor raises NotImplementedError, so `Entries` stands in for
it on every profile; and its RangeDescriptor knows no bounds but instants, so every profile is restricted by the
clock: nameplate and scaler profiles, which have no clock among their columns, then give their one row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from dlms_cosem.cosem import CosemAttribute, CosemMethod, Obis
from dlms_cosem.cosem.capture_object import CaptureObject
from dlms_cosem.cosem.selective_access import RangeDescriptor
from dlms_cosem.enumerations import AuthenticationMechanism, CosemInterface

from protocols.dlms.value import decode
from tests.emulator import peers
from tests.emulator.program import Running, emulator

pytestmark = pytest.mark.interop

MODELS = ("is15959-d1", "is15959-d2")
BENCH = 'seed = 42\n[clock]\nstart = "2024-10-28T12:05:00+05:30"\nrate = 10\n' + "".join(
    f"""
[[meter]]
id = "{model[-2:].upper()}0001"
model = "{model}-gmac.toml"
load = {{ constant = 3000 }}
supply = {{ constant = 240 }}
listen = ["dlms+tcp://127.0.0.1:0"]
"""
    for model in MODELS
)
METERS = ("D10001", "D20001")
CLOCK = CosemAttribute(CosemInterface.CLOCK, Obis.from_string("0.0.1.0.0.255"), 2)
SYSTEM_TITLE = b"MTB00001"
NOON = datetime(2024, 10, 28, 6, 30, tzinfo=UTC)

RECORDED = {"1.0.99.1.0.255": 3360, "1.0.99.2.0.255": 70, "1.0.98.1.0.255": 13}
LIVE = ("0.0.94.91.10.255", "1.0.94.91.0.255")
SCALERS = tuple(f"1.0.94.91.{number}.255" for number in range(3, 8))
SWITCH = "0.0.96.3.10.255"
DEMAND_PERIOD = "1.0.0.8.0.255"
LOGS = tuple(f"0.0.99.98.{number}.255" for number in range(7))
PROFILES = (*LIVE, *SCALERS, *RECORDED, *LOGS)


class Entries(NamedTuple):
    """Selective access by entry, which the client has only as a promise."""

    first: int
    last: int

    def to_bytes(self) -> bytes:
        numbers = b"".join(b"\x06" + number.to_bytes(4, "big") for number in self)
        return b"\x02\x02\x04" + numbers + b"\x12\x00\x01\x12\x00\x00"


def stretch(begin: datetime, end: datetime) -> RangeDescriptor:
    """Selective access by range of the clock."""
    return RangeDescriptor(CaptureObject(CLOCK, 0), begin, end)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("bench")
    for model in MODELS:
        variant = (
            f'base = "{model}"\ntitle = "{model} with GMAC"\n[[association]]\nclient = 48\nmechanism = "hls-gmac"\n'
        )
        (folder / f"{model}-gmac.toml").write_text(variant)
    (folder / "bench.toml").write_text(BENCH)
    with emulator("bench.toml", cwd=folder) as running:
        yield running


@contextmanager
def utility(bench: Running, meter_id: str) -> Iterator[Any]:
    """An associated client 48: the counter read in clear first, as in the field."""
    url = bench.urls(meter_id)[0]
    with peers.dlms_client(url) as public:
        counter = decode(peers.get(public, 1, "0.0.43.1.3.255", 2))[1]
    with peers.dlms_client(
        url.replace("client=16", "client=48"),
        authentication_method=AuthenticationMechanism.HLS_GMAC,
        encryption_key=bytes(range(16)),
        authentication_key=bytes(range(0xD0, 0xE0)),
        client_system_title=SYSTEM_TITLE,
        client_initial_invocation_counter=counter + 1,
    ) as client:
        yield client


def buffer(client: Any, obis: str, selection: Any = None) -> list[list[Any]]:
    """The rows of a profile as plain values."""
    attribute = CosemAttribute(CosemInterface.PROFILE_GENERIC, Obis.from_string(obis), 2)
    rows = decode(client.get(attribute, selection))[1]
    return [[cell[1] for cell in row[1]] for row in rows]


def object_list(client: Any) -> list[Any]:
    """The entries of the association's object list, each with its plain values."""
    return [entry[1] for entry in decode(peers.get(client, 15, "0.0.40.0.0.255", 2))[1]]


def number(client: Any, class_id: int, obis: str, attribute: int = 2) -> Any:
    return decode(peers.get(client, class_id, obis, attribute))[1]


def settles(client: Any, *, output_state: bool) -> bool:
    """Ask until the contact has moved and shows it: half a second of bench time, thousands of questions at most."""
    return any(number(client, 70, SWITCH) is output_state for _ in range(20_000))


@pytest.mark.parametrize("meter_id", METERS)
def test_every_profile_is_read_whole_by_entry_and_by_range(bench: Running, meter_id: str) -> None:
    with utility(bench, meter_id) as client:
        profiles = [entry for entry in object_list(client) if entry[0][1] == 7]
        assert {bytes(entry[2][1]) for entry in profiles} == {Obis.from_string(obis).to_bytes() for obis in PROFILES}
        # A programming of the meter and a turn of its switch, so that logs have something to show.
        client.set(CosemAttribute(CosemInterface.DATA, Obis.from_string(DEMAND_PERIOD), 2), b"\x12\x07\x08")
        for which in (1, 2):
            client.action(CosemMethod(CosemInterface.DISCONNECT_CONTROL, Obis.from_string(SWITCH), which), b"\x0f\x00")
            assert settles(client, output_state=which == 2)
        happened = {"0.0.99.98.3.255": [152], "0.0.99.98.6.255": [301, 302]}
        for obis in PROFILES:
            width, depth = len(number(client, 7, obis, 3)), number(client, 7, obis, 7)
            assert depth == RECORDED.get(obis, len(happened.get(obis, [])) if obis in LOGS else 1), obis
            rows = buffer(client, obis)
            assert [len(row) for row in rows] == [width] * depth, obis
            if obis in LOGS:
                assert [row[1] for row in rows] == happened.get(obis, []), obis
            for entries in (Entries(1, depth), stretch(NOON - timedelta(days=500), NOON + timedelta(days=1))):
                again = buffer(client, obis, entries)
                # The present's row and that of the bill in progress are of now, not of then.
                assert len(again) == depth, obis
                if obis not in {"1.0.94.91.0.255", "1.0.98.1.0.255"}:
                    assert again == rows, obis
            assert buffer(client, obis, stretch(NOON + timedelta(days=1), NOON + timedelta(days=2))) == (
                rows if obis in SCALERS else []
            ), obis


@pytest.mark.parametrize("meter_id", METERS)
def test_recorded_profiles_are_read_by_entry(bench: Running, meter_id: str) -> None:
    with utility(bench, meter_id) as client:
        for obis, depth in RECORDED.items():
            assert number(client, 7, obis, 7) == depth
            last = buffer(client, obis, Entries(depth - 4, depth))
            assert len(last) == 5
            if obis != "1.0.98.1.0.255":
                assert buffer(client, obis, Entries(depth - 2, depth - 1)) == last[2:4]
            assert buffer(client, obis, Entries(1, 1)) == buffer(client, obis, Entries(1, 3))[:1]


@pytest.mark.parametrize("meter_id", METERS)
def test_block_and_daily_rows_are_read_by_range(bench: Running, meter_id: str) -> None:
    with utility(bench, meter_id) as client:
        rows = buffer(client, "1.0.99.1.0.255", stretch(NOON - timedelta(hours=3), NOON))
        assert len(rows) == 13
        assert [row[0][6] for row in rows] == [0, 15, 30, 45] * 3 + [0]
        days = buffer(client, "1.0.99.2.0.255", stretch(NOON - timedelta(days=5), NOON))
        assert [row[0][3] for row in days] == [24, 25, 26, 27, 28]
        before, after = days[-2][1], days[-1][1]
        blocks = buffer(client, "1.0.99.1.0.255", stretch(NOON - timedelta(hours=36), NOON - timedelta(hours=12)))
        energy = {"D10001": 2, "D20001": 7}[meter_id]
        # Kilowatt-hours in float32: each row within a step of the type.
        assert sum(row[energy] for row in blocks[1:]) == pytest.approx(after - before, abs=0.01)
        assert after - before == pytest.approx(72, abs=0.01)


@pytest.mark.parametrize("meter_id", METERS)
def test_the_switch_opens_and_carries_nothing_until_it_is_closed(bench: Running, meter_id: str) -> None:
    current = {"D10001": "1.0.11.7.0.255", "D20001": "1.0.31.7.0.255"}[meter_id]
    parameter = b"\x0f\x00"

    def method(which: int) -> CosemMethod:
        return CosemMethod(CosemInterface.DISCONNECT_CONTROL, Obis.from_string(SWITCH), which)

    with utility(bench, meter_id) as client:
        assert number(client, 70, SWITCH, 3) == 1
        assert number(client, 3, current) > 4
        client.action(method(1), parameter)
        assert number(client, 70, SWITCH, 3) == 0
        assert settles(client, output_state=False)
        assert number(client, 3, current) == 0
        energy = number(client, 3, "1.0.1.8.0.255")
        assert [number(client, 3, "1.0.1.8.0.255") for _ in range(20)] == [energy] * 20
        assert [row[1] for row in buffer(client, "0.0.99.98.6.255")][-1:] == [301]
        client.action(method(2), parameter)
        assert settles(client, output_state=True)
        assert number(client, 3, current) > 4
        assert [row[1] for row in buffer(client, "0.0.99.98.6.255")][-2:] == [301, 302]
