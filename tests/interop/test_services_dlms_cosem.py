"""dlms-cosem, as the management client of a European meter, uses every service that it has over every carrier.

What it lacks is put together from its own APDUs: a list that comes in blocks, and the selection by entry, for which
`Entries` stands in.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dlms_cosem.cosem import CosemAttribute, CosemAttributeWithSelection, CosemMethod, Obis
from dlms_cosem.enumerations import AuthenticationMechanism, CosemInterface, DataAccessResult
from dlms_cosem.protocol import xdlms

from protocols.cosem.obis import LogicalName
from protocols.dlms.value import Tag, decode, encode
from protocols.model.loader import load
from tests.emulator import peers
from tests.emulator.program import Running, emulator
from tests.interop.test_meter_dlms_cosem import Entries, buffer, number, stretch

pytestmark = pytest.mark.interop

BENCH = """
seed = 42
[clock]
start = "2024-10-28T12:05:00+00:00"
zone = "UTC"
rate = 10
[[meter]]
id = "EU0001"
model = "eu-three-phase"
load = { constant = 3000 }
supply = { constant = 230 }
listen = ["dlms+tcp://127.0.0.1:0", "dlms+hdlc+tcp://127.0.0.1:0", "dlms+hdlc://pty?path=line1&physical=17"]
"""
MANAGEMENT = {"authentication_method": AuthenticationMechanism.LLS, "password": b"meterbench"}
NOON = datetime(2024, 10, 28, 12, 0, tzinfo=UTC)
PROFILE = "1.0.99.1.0.255"
MESSAGE = "0.0.96.13.0.255"
SWITCH = "0.0.96.3.10.255"
ENERGY = "1.0.1.8.0.255"
SMALL_PDU = 200
"""Longer than what an HDLC frame carries unless more is agreed on, so that blocks come in segments."""

every_carrier = pytest.mark.parametrize("carrier", [0, 1, 2], ids=["wrapper", "hdlc-tcp", "hdlc-pty"])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "bench.toml").write_text(BENCH)
    with emulator("bench.toml", cwd=folder) as running:
        yield running


def management(bench: Running, carrier: int, **options: Any) -> AbstractContextManager[Any]:
    url = bench.urls("EU0001")[carrier].replace("client=16", "client=1")
    return peers.dlms_client(url, **MANAGEMENT, **options)


def attribute(class_id: int, obis: str, which: int = 2) -> CosemAttribute:
    return CosemAttribute(CosemInterface(class_id), Obis.from_string(obis), which)


def in_blocks(client: Any, request: Any) -> tuple[bytes, int]:
    """What a GET brings that is answered in blocks, and in how many."""
    client.send(request)
    data, count = b"", 1
    while isinstance(answer := client.next_event(), xdlms.GetResponseWithBlock):
        assert answer.block_number == count
        data += bytes(answer.data)
        client.send(xdlms.GetRequestNext(count))
        count += 1
    assert isinstance(answer, xdlms.GetResponseLastBlock)
    return data + bytes(answer.data), count


@every_carrier
def test_the_object_list_is_read_through_block_transfer(bench: Running, carrier: int) -> None:
    with management(bench, carrier, max_pdu_size=SMALL_PDU) as client:
        encoded, blocks = in_blocks(client, xdlms.GetRequestNormal(attribute(15, "0.0.40.0.0.255")))
    assert blocks > len(encoded) // SMALL_PDU
    listed = {f"{entry[1][0][1]}:{LogicalName(bytes(entry[1][2][1]))}" for entry in decode(encoded)[1]}
    described = {each.key for each in load("eu-three-phase").objects.values() if each.listed}
    assert listed == described - {"12:0.0.40.0.0.255"}  # the association of those that refer by short names


@every_carrier
def test_attributes_are_read_as_a_list_whole_and_in_blocks(bench: Running, carrier: int) -> None:
    hour = stretch(NOON - timedelta(hours=1), NOON)
    wanted = [
        (attribute(1, "0.0.42.0.0.255"), None),
        (attribute(3, ENERGY, 3), None),
        (attribute(3, "1.0.1.8.99.255"), None),
        (attribute(7, PROFILE), hour),
        (attribute(70, SWITCH), None),
    ]
    request = xdlms.GetRequestWithList([CosemAttributeWithSelection(*each) for each in wanted])
    with management(bench, carrier) as client:
        answer = client.get_many(request.cosem_attributes_with_selection)
        assert isinstance(answer, xdlms.GetResponseWithList)
        name, scaler_unit, undefined, rows, closed = answer.result
        assert bytes(name) == peers.get(client, 1, "0.0.42.0.0.255", 2)[2:]
        assert scaler_unit == [each[1] for each in number(client, 3, ENERGY, 3)]
        assert undefined is DataAccessResult.OBJECT_UNDEFINED
        assert [[bytes(cell) if isinstance(cell, bytearray) else cell for cell in row] for row in rows] == (
            buffer(client, PROFILE, hour)
        )
        assert closed is True
    with management(bench, carrier, max_pdu_size=SMALL_PDU) as client:
        encoded, blocks = in_blocks(client, request)
    assert blocks > 1
    assert encoded[0] == len(wanted)
    again = xdlms.GetResponseWithList(xdlms.GetResponseWithList.parse_list_response(encoded[1:], len(wanted)))
    assert again.result == answer.result


@every_carrier
def test_rows_are_read_by_range_and_by_entry(bench: Running, carrier: int) -> None:
    with management(bench, carrier) as client:
        day = buffer(client, PROFILE, stretch(NOON - timedelta(days=1), NOON))
        hours = buffer(client, PROFILE, stretch(NOON - timedelta(hours=3), NOON))
        depth = number(client, 7, PROFILE, 7)
        last = buffer(client, PROFILE, Entries(depth - 4, depth))
        first = buffer(client, PROFILE, Entries(1, 2))
        nothing = buffer(client, PROFILE, stretch(NOON + timedelta(days=1), NOON + timedelta(days=2)))
    assert len(day) == 97
    assert hours == day[-13:]
    assert last == day[-5:]
    assert [row[0] for row in first] == sorted(row[0] for row in first)
    assert first[0][0] < day[0][0]
    assert nothing == []


@every_carrier
def test_an_attribute_is_set_and_keeps_what_was_written(bench: Running, carrier: int) -> None:
    message = bytes(range(carrier, 200 + carrier))  # more than one HDLC frame carries by default
    with management(bench, carrier) as client:
        answer = client.set(attribute(1, MESSAGE), encode((Tag.OCTET_STRING, message)))
        assert answer.result is DataAccessResult.SUCCESS
        assert number(client, 1, MESSAGE) == message
        denied = client.set(attribute(3, ENERGY), encode((Tag.DOUBLE_LONG_UNSIGNED, 0)))
        assert denied.result is DataAccessResult.READ_WRITE_DENIED


@every_carrier
def test_a_method_is_invoked_and_has_its_effect(bench: Running, carrier: int) -> None:
    with management(bench, carrier) as client:
        for which, control_state in ((1, 0), (2, 1)):
            method = CosemMethod(CosemInterface.DISCONNECT_CONTROL, Obis.from_string(SWITCH), which)
            client.action(method, encode((Tag.INTEGER, 0)))
            assert number(client, 70, SWITCH, 3) == control_state
