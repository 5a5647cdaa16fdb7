"""Meters where they listen: every carrier, shared lines, and what a dark meter does."""

import asyncio
import io
import json
import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from emulator.bench.journal import Journal
from emulator.bench.resident import Resident
from emulator.line.endpoint import Endpoint, EndpointError, check_files
from protocols.address import Tcp, parse
from tests.emulator import peers
from tests.emulator.fakes import fake_meter, resident
from tests.patience import PATIENCE_S, until


async def opened(
    *meters: tuple[Resident, list[str]], journal: Journal | None = None
) -> tuple[Endpoint, list[list[str]]]:
    endpoint = Endpoint(journal)
    await endpoint.open((each, [parse(url, listen=True) for url in urls]) for each, urls in meters)
    return endpoint, [endpoint.urls(each) for each, _ in meters]


def read_name(url: str) -> str:
    with peers.dlms_client(url) as client:
        return peers.get(client, 1, "0.0.42.0.0.255", 2)[2:].decode()


def hang_up(url: str) -> bytes:
    """Connect, and wait for the end."""
    carrier = parse(url).carrier
    assert isinstance(carrier, Tcp)
    with socket.create_connection((carrier.host, carrier.port), timeout=PATIENCE_S) as peer:
        return peer.recv(1)


@pytest.mark.interop
async def test_a_meter_is_read_over_every_dlms_carrier(tmp_path: Path) -> None:
    urls = ["dlms+tcp://127.0.0.1:0", "dlms+hdlc+tcp://127.0.0.1:0", f"dlms+hdlc://pty?path={tmp_path}/line"]
    endpoint, [dialled] = await opened((resident("MB0001"), urls))
    assert [url.partition("://")[0] for url in dialled] == ["dlms+tcp", "dlms+hdlc+tcp", "dlms+hdlc"]
    assert dialled[2] == f"dlms+hdlc://{tmp_path}/line?baud=9600&client=16&server=1"
    for url in dialled:
        assert await asyncio.to_thread(read_name, url) == "MB0001"
    await endpoint.close()
    assert not (tmp_path / "line").is_symlink()


@pytest.mark.interop
async def test_three_meters_share_a_pty_and_are_told_apart(tmp_path: Path) -> None:
    meters = [
        (resident(f"MB000{number}"), [f"dlms+hdlc://pty?path={tmp_path}/line&physical={16 + number}"])
        for number in (1, 2, 3)
    ]
    endpoint, urls = await opened(*meters)
    for (meter, _), [url] in zip(meters, urls, strict=True):
        assert await asyncio.to_thread(read_name, url) == meter.id
    await endpoint.close()


@pytest.mark.interop
async def test_meters_share_a_port_by_server_sap_or_by_physical_address() -> None:
    meters = [
        (
            resident(f"MB000{number}"),
            [
                f"dlms+tcp://127.0.0.1:0?shared=a&server={number}",
                f"dlms+hdlc+tcp://127.0.0.1:0?shared=b&physical={16 + number}",
            ],
        )
        for number in (1, 2)
    ]
    endpoint, urls = await opened(*meters)
    assert len({str(parse(url).carrier) for both in urls for url in both}) == 2
    for (meter, _), both in zip(meters, urls, strict=True):
        for url in both:
            assert await asyncio.to_thread(read_name, url) == meter.id
    await endpoint.close()


async def test_a_shared_wrapper_port_closes_on_garbage() -> None:
    meters = [(resident(f"M{n}"), [f"dlms+tcp://127.0.0.1:0?shared=a&server={n}"]) for n in (1, 2)]
    endpoint, [[url], _] = await opened(*meters)
    reader, writer = await asyncio.open_connection(*_where(url))
    writer.write(b"\xff" * 20)
    assert await reader.read() == b""
    writer.close()
    await endpoint.close()


def _where(url: str) -> tuple[str, int]:
    carrier = parse(url).carrier
    assert isinstance(carrier, Tcp)
    return carrier.host, carrier.port


async def test_modbus_units_share_a_port_and_a_pty(tmp_path: Path) -> None:
    meters = [
        (
            resident(f"EA000{number}", number=number),
            [f"modbus+tcp://127.0.0.1:0?unit={number}&shared=a", f"modbus+rtu://pty?path={tmp_path}/rtu&unit={number}"],
        )
        for number in (1, 2)
    ]
    endpoint, urls = await opened(*meters)
    for number, (tcp, rtu) in enumerate(urls, 1):
        expected = bytes((3, 2, 0, number))
        assert await asyncio.to_thread(peers.read_registers_tcp, tcp) == expected
        assert await asyncio.to_thread(peers.read_registers_rtu, rtu) == expected
    unknown = await asyncio.to_thread(peers.read_registers_tcp, urls[0][0], 1, 9)
    assert unknown == bytes((0x83, 0x0B))  # gateway target failed to respond
    await endpoint.close()


async def test_a_dark_meter_breaks_its_connections_and_refuses_new_ones_until_it_is_back() -> None:
    meter = resident("MB0001")
    endpoint, [[url]] = await opened((meter, ["dlms+tcp://127.0.0.1:0"]))
    reader, writer = await asyncio.open_connection(*_where(url))
    await until(lambda: endpoint.lines_of(meter)[0].pumps)
    fake_meter(meter).lit, meter.up = False, False
    endpoint.supply_changed(meter)
    assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(hang_up, url)
    fake_meter(meter).lit, meter.up = True, True
    endpoint.supply_changed(meter)
    assert await asyncio.to_thread(read_name, url) == "MB0001"
    await endpoint.close()


@pytest.mark.interop
async def test_a_dark_meter_on_a_shared_line_is_silent_and_its_neighbours_are_not(tmp_path: Path) -> None:
    meters = [(resident(f"MB000{n}"), [f"dlms+hdlc://pty?path={tmp_path}/line&physical={16 + n}"]) for n in (1, 2)]
    endpoint, [[dark], [lit]] = await opened(*meters)
    meter = meters[0][0]
    assert await asyncio.to_thread(peers.set_normal_response_mode, dark)
    fake_meter(meter).lit, meter.up, meter.outages = False, False, 1
    endpoint.supply_changed(meter)
    assert await asyncio.to_thread(peers.set_normal_response_mode, dark) == b""
    assert await asyncio.to_thread(read_name, lit) == "MB0002"
    fake_meter(meter).lit, meter.up = True, True
    endpoint.supply_changed(meter)
    assert await asyncio.to_thread(read_name, dark) == "MB0001"
    await endpoint.close()


@pytest.mark.interop
async def test_the_journal_has_every_request_and_answer() -> None:
    file = io.StringIO()
    journal = Journal(file, lambda now_us: now_us // 1000)
    meter = resident("MB0001", number=7)
    urls = ["dlms+tcp://127.0.0.1:0", "modbus+tcp://127.0.0.1:0"]
    endpoint, [[dlms, modbus]] = await opened((meter, urls), journal=journal)
    await asyncio.to_thread(read_name, dlms)
    await asyncio.to_thread(peers.read_registers_tcp, modbus)
    await endpoint.close()
    journal.flush()
    notes: list[dict[str, Any]] = [json.loads(line) for line in file.getvalue().splitlines()]
    assert {note["meter"] for note in notes} == {"MB0001"}
    tags = [(note["what"], note["hex"][:2]) for note in notes if "hex" in note]
    assert tags == [
        ("request", "60"),
        ("answer", "61"),
        ("request", "c0"),
        ("answer", "c4"),
        ("request", "62"),
        ("answer", "63"),
        ("request", "03"),
        ("answer", "03"),
    ]


async def test_a_meter_that_dials_in_is_served_on_the_connection_it_made() -> None:
    connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()
    server = await asyncio.start_server(lambda r, w: connected.set_result((r, w)), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    endpoint, [[url]] = await opened((resident("MB0001"), [f"dlms+tcp+listen://127.0.0.1:{port}"]))
    assert url.startswith(f"dlms+tcp+listen://127.0.0.1:{port}")
    reader, writer = await asyncio.wait_for(connected, PATIENCE_S)
    aarq = bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400001E1DFFFF")
    writer.write(bytes.fromhex("000100100001") + len(aarq).to_bytes(2, "big") + aarq)
    answer = await asyncio.wait_for(reader.readexactly(9), PATIENCE_S)
    assert answer[:6] == bytes.fromhex("000100010010")
    assert answer[8] == 0x61
    await endpoint.close()
    writer.close()
    server.close()


@pytest.mark.parametrize(
    ("urls", "says"),
    [
        (["modbus+tcp://127.0.0.1:0?unit=1&shared=a"] * 2, r"give them different units \(unit=...\)"),
        (["dlms+hdlc://pty?path=/tmp/x&physical=17"] * 2, "give them different physical addresses"),
        (["dlms+tcp://127.0.0.1:0?shared=a"] * 2, "give them different server SAPs"),
        (["dlms+hdlc://pty?path=/tmp/x", "modbus+rtu://pty?path=/tmp/x"], "one line has one protocol"),
        (["dlms+hdlc:///dev/no-such-device"], r'meter "M0": .*no-such-device.*could not open port'),
        (["modbus+tls://127.0.0.1:0"], "needs certificate=FILE"),
    ],
)
async def test_lines_that_cannot_be_are_told(urls: list[str], says: str) -> None:
    with pytest.raises(EndpointError, match=says):
        await opened(*((resident(f"M{number}"), [url]) for number, url in enumerate(urls)))


async def test_a_taken_port_is_told() -> None:
    endpoint, [[url]] = await opened((resident("M1"), ["dlms+tcp://127.0.0.1:0"]))
    with pytest.raises(EndpointError, match=r'meter "M2": dlms\+tcp://127.0.0.1:\d+.*[Aa]ddress already in use'):
        await opened((resident("M2"), [f"dlms+tcp://127.0.0.1:{_where(url)[1]}"]))
    await endpoint.close()


async def test_a_meter_without_that_face_is_told() -> None:
    lone = resident("M1")
    lone.modbus = None
    with pytest.raises(EndpointError, match="its model has no Modbus registers"):
        await opened((lone, ["modbus+tcp://127.0.0.1:0"]))


def test_too_few_open_files_are_told_with_the_number_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (1000, 1000))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, _limits: None)
    with pytest.raises(EndpointError, match=r"10064 open files and 1000 are allowed, 9064 are missing.*shared=a"):
        check_files([parse("dlms+tcp://127.0.0.1:0", listen=True)] * 10_000)
    with pytest.raises(EndpointError, match=r"modbus\+tcp://127.0.0.1:0\?shared=a.*unit counts up"):
        check_files([parse("modbus+tcp://127.0.0.1:0", listen=True)] * 10_000)
    check_files([parse("modbus+tcp://127.0.0.1:0?shared=a", listen=True)] * 10_000)
    check_files([parse("dlms+hdlc://pty?path=run/line1", listen=True)] * 10_000)
