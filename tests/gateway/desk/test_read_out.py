"""`meter-gateway read-out`: an emulated meter's data block over a pty and over TCP, as lines, CSV and JSON."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.desk.read_out import name
from gateway.exit_status import ExitStatus
from protocols.address import AddressError, ReadOutAddress, SerialLine, Tcp, parse, parse_read_out
from protocols.iec62056_21 import reader
from protocols.iec62056_21.data_block import DataSet, Value
from protocols.iec62056_21.message import Identification
from protocols.iec62056_21.meter import SignOnMeter
from protocols.machine import Stack
from protocols.transport.pump import Pump
from protocols.transport.tcp import TcpListener
from tests.gateway.desk.tool import beside
from tests.gateway.live import bench, dlms

BLOCK = (
    DataSet(address="0.0.0", values=(Value(text="4711"),)),
    DataSet(address="1-0:1.8.0*255", values=(Value(text="000123.45", unit="kWh"),)),
    DataSet(address="1.6.1", values=(Value(text="0.512", unit="kW"), Value(text="24-10-28,18:30"))),
)


@asynccontextmanager
async def behind_tcp(block: Iterable[DataSet] | None = BLOCK, *, eight_bits: bool = False) -> AsyncIterator[str]:
    """A meter's two-wire port behind a serial server; gives host and port."""
    who = Identification(manufacturer="MTb", text="M1")

    def made() -> Stack:
        data = None if block is None else (lambda _now_us: block)
        return Stack([SignOnMeter(who, device_address="4711", data_block=data, parity_in_bit_7=eight_bits)])

    listener = TcpListener("127.0.0.1", 0, lambda: Pump(lambda _peer: made()))
    try:
        yield f"127.0.0.1:{listener.port}"
    finally:
        listener.close()


async def test_a_meter_is_read_out_in_lines_csv_and_json() -> None:
    async with behind_tcp() as where:
        url = f"iec62056-21+tcp://{where}?device=4711"
        lines = await beside("read-out", url)
        assert lines.exit_code == 0, lines.stderr
        assert lines.stdout.splitlines() == [
            "MTb M1, up to 9600 baud",
            "0.0.0          4711",
            "1-0:1.8.0*255  000123.45 kWh             active_energy_import",
            "1.6.1          0.512 kW  24-10-28,18:30",
        ]
        rows = list(csv.DictReader(io.StringIO((await beside("read-out", url, "--csv")).stdout)))
        assert rows[1] == {
            "address": "1-0:1.8.0*255", "name": "active_energy_import", "value": "000123.45", "unit": "kWh",
        }  # fmt: skip
        assert [row["address"] for row in rows] == ["0.0.0", "1-0:1.8.0*255", "1.6.1", "1.6.1"]
        said = json.loads((await beside("read-out", url, "--json")).stdout)
        assert said["identification"] == {"manufacturer": "MTb", "text": "M1", "baud": 9600, "offers_hdlc": False}
        assert said["data_sets"][2]["values"][1] == {"value": "24-10-28,18:30", "unit": ""}
    async with behind_tcp(eight_bits=True) as where:
        eight = await beside("read-out", f"iec62056-21+tcp://{where}?data_bits=8")
        assert eight.stdout == lines.stdout


async def test_an_emulated_optical_head_is_read_out(tmp_path: Path) -> None:
    async with bench(dlms() | {"listen": [f"dlms+mode-e://pty?path={tmp_path}/head"]}) as urls:
        for url in (f"iec62056-21://{tmp_path}/head", urls["MB0001"][0]):
            done = await beside("read-out", url, "--json", "--progress")
            assert done.exit_code == 0, done.stderr
            sets = {each["address"]: each for each in json.loads(done.stdout)["data_sets"]}
            assert sets["0.0.0"]["values"][0]["value"] == "MB0001"
            assert sets["1.8.0"]["name"] == "active_energy_import"
            assert float(sets["1.8.0"]["values"][0]["value"]) > 0
            steps = [json.loads(line)["done"] for line in done.stderr.splitlines()]
            assert steps == sorted(steps)


async def test_what_goes_wrong_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "REACTION_MAX_US", 20_000)
    monkeypatch.setattr(reader, "duration_us", lambda _octets, _baud: 0)
    async with behind_tcp() as where:
        other = await beside("read-out", f"iec62056-21+tcp://{where}?device=4712&baud_max=19200")
    assert (other.exit_code, other.stderr.count("\n")) == (ExitStatus.NO_CONNECTION, 1)
    assert "does not answer a sign-on" in other.stderr
    gone = await beside("read-out", f"iec62056-21://{tmp_path}/none", "--json")
    assert json.loads(gone.stderr)["status"] == ExitStatus.NO_CONNECTION
    for url, said in (
        ("modbus+rtu:///dev/ttyUSB0", "unknown scheme"),
        ("iec62056-21+tcp://127.0.0.1", "the port is missing"),
        ("iec62056-21:///dev/ttyUSB0?unit=3", "`unit` means nothing"),
    ):
        wrong = await beside("read-out", url)
        assert (wrong.exit_code, wrong.stderr.count("\n")) == (ExitStatus.WRONG_USE, 1)
        assert said in wrong.stderr


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            "iec62056-21:///dev/ttyUSB0?baud=300&device=12&baud_max=9600",
            ReadOutAddress(
                scheme="iec62056-21",
                carrier=SerialLine(device="/dev/ttyUSB0", baud=300, data_bits=7, parity="E"),
                device="12",
                baud_max=9600,
            ),
        ),
        (
            "iec62056-21+tcp://192.0.2.7:4001?baud_max=300&data_bits=8",
            ReadOutAddress(
                scheme="iec62056-21+tcp", carrier=Tcp(host="192.0.2.7", port=4001), baud_max=300, eight_bits=True
            ),
        ),
    ],
)
def test_a_url_is_an_address_and_a_url_again(url: str, address: ReadOutAddress) -> None:
    assert parse_read_out(url) == address
    assert str(address) == url
    with pytest.raises(AddressError, match="meter-gateway read-out"):
        parse(url)


def test_names_are_those_of_the_present_registers_alone() -> None:
    assert [name(each) for each in ("1.8.0", "2.8.0", "1.8.0*02", "F.F", "300.8.0")] == [
        "active_energy_import", "active_energy_export", "", "", "",
    ]  # fmt: skip
