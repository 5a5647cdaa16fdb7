"""Independent clients read the emulator as a program: dlms-cosem over three carriers, mbpoll over TCP and a pty."""

import os
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dlms_cosem.enumerations import AuthenticationMechanism

from protocols.address import ModbusAddress, SerialLine, Tcp, parse
from protocols.dlms.value import Tag, decode
from tests.emulator import peers
from tests.emulator.program import Running, emulator
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.interop

BENCH = """
seed = 42
[clock]
start = "2024-10-28T12:00:00+05:30"
[[meter]]
id = "MB0001"
model = "is15959-d1"
count = 3
load = { constant = 1000 }
supply = { constant = 230 }
listen = [
    "dlms+tcp://127.0.0.1:0",
    "dlms+hdlc+tcp://127.0.0.1:0",
    "dlms+hdlc://pty?path=line1&physical=17",
]
[[meter]]
id = "EA0001"
model = "sdm120"
count = 2
load = { constant = 500 }
supply = { constant = 230 }
listen = ["modbus+tcp://127.0.0.1:0?unit=1", "modbus+rtu://pty?path=line2&unit=1"]
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "bench.toml").write_text(BENCH)
    with emulator("bench.toml", cwd=folder) as running:
        yield running


def reader(url: str) -> str:
    """The same meter for the client that reads everything."""
    return url.replace("client=16", "client=32")


LLS = {"authentication_method": AuthenticationMechanism.LLS, "password": b"meterbench"}


@pytest.mark.parametrize("carrier", [0, 1, 2], ids=["wrapper", "hdlc-tcp", "hdlc-pty"])
def test_dlms_cosem_reads_name_clock_and_energy(bench: Running, carrier: int) -> None:
    for meter_id in ("MB0001", "MB0002", "MB0003"):
        url = bench.urls(meter_id)[carrier]
        with peers.dlms_client(url) as client:
            tag, name = decode(peers.get(client, 1, "0.0.42.0.0.255", 2))
            assert tag in {Tag.OCTET_STRING, Tag.VISIBLE_STRING}
            assert name.endswith(meter_id if isinstance(name, str) else meter_id.encode())
        with peers.dlms_client(reader(url), **LLS) as client:
            assert decode(peers.get(client, 8, "0.0.1.0.0.255", 2))[1][:2] == struct.pack(">H", 2024)
            _, voltage = decode(peers.get(client, 3, "1.0.12.7.0.255", 2))
            _, current = decode(peers.get(client, 3, "1.0.11.7.0.255", 2))
            assert voltage == pytest.approx(230, rel=0.01)
            assert current == pytest.approx(1000 / 230, rel=0.05)


def test_dlms_cosem_reads_the_object_list_through_block_transfer(bench: Running) -> None:
    with peers.dlms_client(reader(bench.urls("MB0001")[0]), **LLS) as client:
        _, objects = decode(peers.get(client, 15, "0.0.40.0.0.255", 2))
    assert len(objects) > 50


def test_a_wrong_password_is_refused(bench: Running) -> None:
    wrong: dict[str, Any] = LLS | {"password": b"wrong"}
    with pytest.raises(Exception, match="AUTH"), peers.dlms_client(reader(bench.urls("MB0001")[0]), **wrong):
        pass


@pytest.mark.parametrize("meter_id", ["EA0001", "EA0002"])
def test_mbpoll_reads_modbus_over_tcp_and_the_pty(bench: Running, meter_id: str) -> None:
    mbpoll = shutil.which("mbpoll")
    if mbpoll is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mbpoll is not installed")
        pytest.skip("mbpoll is not installed")
    for url in bench.urls(meter_id):
        voltage, power = poll(mbpoll, url, 1), poll(mbpoll, url, 13)
        assert voltage == pytest.approx(230, rel=0.01)
        assert power == pytest.approx(500, rel=0.01)


def poll(mbpoll: str, url: str, reference: int) -> float:
    """One big-endian float of input registers, by mbpoll's one-based reference."""
    address = parse(url)
    assert isinstance(address, ModbusAddress)
    match address.carrier:
        case Tcp(host=host, port=port):
            where = ["-m", "tcp", "-p", str(port), host]
        case SerialLine(device=device, baud=baud):
            where = ["-m", "rtu", "-b", str(baud), "-P", "none", device]
        case _:
            raise AssertionError(url)
    command = [mbpoll, "-1", "-a", str(address.unit), "-t", "3:float", "-B", "-r", str(reference), "-c", "1", *where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    found = re.search(rf"\[{reference}\]:\s+(\S+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


def test_the_journal_holds_no_password(tmp_path: Path) -> None:
    arguments = ("--model", "is15959-d1", "--listen", "dlms+tcp://127.0.0.1:0", "--journal", "journal.jsonl")
    with emulator(*arguments, cwd=tmp_path) as running:
        with peers.dlms_client(reader(running.urls("MB0001")[0]), **LLS):
            pass
        assert running.end() == 0
    text = (tmp_path / "journal.jsonl").read_text()
    assert '"masked":true' in text
    assert '"what":"association opened"' in text
    assert b"meterbench".hex() not in text
