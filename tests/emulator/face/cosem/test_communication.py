"""What a meter's communication objects take and refuse, keep, and show: addresses, modem, cell, status word."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.face.cosem.face import CosemFace
from emulator.face.cosem.permitted import PERMITTED
from emulator.meter import Meter
from protocols.address import parse
from protocols.cosem.catalogue import find
from protocols.cosem.obis import LogicalName
from protocols.cosem.status_word import SWITCH
from protocols.dlms.date_time import DateTime
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value, decode, encode
from protocols.model.loader import load, load_file, model_ids
from protocols.sts.decoder_key import pan
from tests.emulator.face.cosem.fake_meter import NOON_MS, Desk, LinkTime, associate
from tests.emulator.face.cosem.fake_meter import desk as desk_of

LOCAL_PORT, HDLC, TCP_UDP = "19:0.0.20.0.0.255", "23:0.0.22.0.0.255", "41:0.0.25.0.0.255"
IPV4, IPV6, MAC = "42:0.0.25.1.0.255", "48:0.0.25.7.0.255", "43:0.0.25.2.0.255"
MODEM, CELL, STATUS = "45:0.0.25.4.0.255", "47:0.0.25.6.0.255", "63:0.0.96.5.0.255"
HOST = bytes.fromhex("20010DB8000000000000000000000007")
STS = "116:0.0.19.41.0.255"
MODELS = [model_id for model_id in model_ids() if load(model_id).objects]


def on_meter(model_id: str = "eu-three-phase", client: int = 1, meter_id: str = "EU0001", seed: int = 1) -> Desk:
    model = load(model_id)
    meter = Meter(meter_id, model, seed=seed, load={"constant": 3000}, supply={"constant": 230}, start_ms=NOON_MS)
    face = CosemFace(meter, model, LinkTime())
    return Desk(face, associate(face, client))


def write(desk: Desk, key: str, attribute: int, value: Value) -> DataAccessResult:
    class_id, name = key.split(":")
    octets = bytes(map(int, name.split(".")))
    return desk.face.set(desk.association, int(class_id), octets, attribute, None, encode(value), desk.now_us)


def act(desk: Desk, key: str, method: int, value: Value = (int(Tag.INTEGER), 0)) -> tuple[ActionResult, object]:
    class_id, name = key.split(":")
    octets = bytes(map(int, name.split(".")))
    result, data = desk.face.action(desk.association, int(class_id), octets, method, encode(value), desk.now_us)
    return result, decode(data)[1] if isinstance(data, bytes) else data


def octets(content: bytes) -> Value:
    return int(Tag.OCTET_STRING), content


def address(text: str) -> Value:
    return int(Tag.DOUBLE_LONG_UNSIGNED), int.from_bytes(bytes(map(int, text.split("."))), "big")


NOWHERE = address("0.0" + ".0.0")


def enum(content: int) -> Value:
    return int(Tag.ENUM), content


def unsigned(content: int) -> Value:
    return int(Tag.UNSIGNED), content


def long(content: int) -> Value:
    return int(Tag.LONG_UNSIGNED), content


REFUSED: list[tuple[str, int, Value]] = [
    (LOCAL_PORT, 2, enum(2)),
    (LOCAL_PORT, 3, enum(7)),
    (LOCAL_PORT, 4, enum(9)),
    (LOCAL_PORT, 5, enum(2)),
    (LOCAL_PORT, 6, octets(b"a/b")),
    (HDLC, 2, enum(10)),
    (HDLC, 3, unsigned(0)),
    (HDLC, 4, unsigned(8)),
    (HDLC, 5, long(31)),
    (HDLC, 6, long(2031)),
    (HDLC, 7, long(19)),
    (HDLC, 7, long(6001)),
    (HDLC, 9, long(0x0F)),
    (HDLC, 9, long(0x3FFE)),
    (TCP_UDP, 4, long(39)),
    (TCP_UDP, 5, unsigned(0)),
    (IPV4, 3, address("224.0.0.1")),
    (IPV4, 3, address("255.255.255.255")),
    (IPV4, 3, NOWHERE),
    (IPV4, 6, address("255.0.255.0")),
    (IPV4, 6, NOWHERE),
    (IPV4, 7, address("239.1.2.3")),
    (IPV4, 9, address("240.0.0.1")),
    (IPV6, 3, enum(4)),
    (IPV6, 7, octets(b"\xff\x02" + bytes(14))),
    (IPV6, 8, octets(bytes(15))),
    (MODEM, 2, octets(b"two words")),
    (MODEM, 2, octets(b"a" * 101)),
    (MODEM, 3, long(10_000)),
    (STATUS, 3, (int(Tag.STRUCTURE), [unsigned(1), long(128)])),
    (STATUS, 3, (int(Tag.STRUCTURE), [unsigned(1), (int(Tag.ARRAY), [])])),
]


@pytest.mark.parametrize(("key", "attribute", "value"), REFUSED)
def test_nonsense_is_refused_and_changes_nothing(key: str, attribute: int, value: Value) -> None:
    desk = on_meter()
    before = desk.value(key, attribute)
    assert write(desk, key, attribute, value) is DataAccessResult.OTHER_REASON
    assert desk.value(key, attribute) == before


def test_a_value_of_another_type_is_refused_as_such() -> None:
    desk = on_meter()
    assert write(desk, HDLC, 3, long(1)) is DataAccessResult.TYPE_UNMATCHED
    assert write(desk, IPV4, 3, octets(b"10.0.0.1")) is DataAccessResult.TYPE_UNMATCHED


@given(st.integers(0, 0xFFFF_FFFF))
def test_a_subnet_mask_is_ones_and_then_zeros(mask: int) -> None:
    bits = f"{mask:032b}"
    assert PERMITTED[42, 6](mask) == (bits.startswith("1") and "01" not in bits)


WRITTEN: list[tuple[str, int, Value]] = [
    (LOCAL_PORT, 4, enum(4)),
    (LOCAL_PORT, 6, octets(b"12345")),
    (HDLC, 3, unsigned(1)),
    (HDLC, 5, long(32)),
    (HDLC, 6, long(500)),
    (HDLC, 7, long(6000)),
    (HDLC, 8, long(0)),
    (HDLC, 9, long(0x3FFD)),
    (TCP_UDP, 4, long(1460)),
    (TCP_UDP, 5, unsigned(1)),
    (TCP_UDP, 6, long(60)),
    (IPV4, 3, address("192.0.2.7")),
    (IPV4, 6, address("255.255.255.0")),
    (IPV4, 7, address("192.0.2.1")),
    (IPV4, 9, address("192.0.2.53")),
    (IPV6, 7, octets(bytes.fromhex("20010DB8000000000000000000000053"))),
    (IPV6, 8, octets(bytes.fromhex("20010DB8000000000000000000000054"))),
    (MODEM, 2, octets(b"m2m.example-1.net")),
    (MODEM, 3, long(9999)),
    (MODEM, 4, (int(Tag.STRUCTURE), [(int(Tag.STRUCTURE), [unsigned(each) for each in (1, 2, 3, 4, 5)])] * 2)),
]


@pytest.mark.parametrize(("key", "attribute", "value"), WRITTEN)
def test_what_is_written_is_read_and_outlives_a_restart(key: str, attribute: int, value: Value) -> None:
    notes: dict[str, str] = {}
    desk = on_meter()
    desk.face.keep({}, notes.__setitem__)
    assert write(desk, key, attribute, value) is DataAccessResult.SUCCESS
    assert desk.value(key, attribute) == value
    again = on_meter()
    again.face.keep(notes, lambda _name, _text: None)
    assert again.value(key, attribute) == value
    assert on_meter().value(key, attribute) != value


def test_only_the_management_client_writes_them() -> None:
    reader = on_meter(client=2)
    for key, attribute, value in WRITTEN:
        assert write(reader, key, attribute, value) is DataAccessResult.READ_WRITE_DENIED


def test_passwords_of_the_local_port_are_written_and_never_read() -> None:
    desk = on_meter()
    for number in (7, 8, 9):
        assert write(desk, LOCAL_PORT, number, octets(b"secret")) is DataAccessResult.SUCCESS
        answer = desk.face.get(desk.association, 19, bytes((0, 0, 20, 0, 0, 255)), number, None, desk.now_us)
        assert answer is DataAccessResult.READ_WRITE_DENIED
    assert write(desk, LOCAL_PORT, 7, octets(b"x" * 33)) is DataAccessResult.OTHER_REASON


def test_setups_show_where_the_meter_listens_until_they_are_written() -> None:
    desk = on_meter()
    assert desk.value(TCP_UDP, 2) == long(4059)
    assert desk.value(HDLC, 9) == long(17)
    assert desk.value(IPV6, 4) == (Tag.ARRAY, [])
    places = (
        "dlms+tcp://0.0.0.0:0",
        "dlms+tcp://127.0.0.9:4711",
        "dlms+tcp://[::1]:4712",
        "modbus+tcp://127.0.0.1:502",
    )
    line = "dlms+hdlc://pty?baud=19200&physical=18"
    desk.face.places = tuple(parse(each, listen=True) for each in (*places, line))
    assert desk.value(TCP_UDP, 2) == long(4711)
    assert desk.value(IPV4, 3) == address("127.0.0.9")
    assert desk.value(IPV6, 4) == (Tag.ARRAY, [octets(bytes(15) + b"\x01")])
    assert (desk.value(HDLC, 2), desk.value(HDLC, 9)) == (enum(6), long(18))
    assert write(desk, HDLC, 9, long(30)) is DataAccessResult.SUCCESS
    assert desk.value(HDLC, 9) == long(30)


def test_a_port_is_the_bench_files_to_say_whatever_a_model_lets_a_client_set(tmp_path: Path) -> None:
    text = 'base = "eu-three-phase"\ntitle = "with a port to set"\n[objects."41:0.0.25.0.0.255"]\nset = [2]\n'
    path = tmp_path / "model.toml"
    path.write_text(text, encoding="utf-8")
    model = load_file(path)
    assert 2 in model.objects[41, LogicalName.parse("0.0.25.0.0.255")].settable
    desk = desk_of(model, 1)
    assert write(desk, TCP_UDP, 2, long(4060)) is DataAccessResult.READ_WRITE_DENIED
    assert desk.value(TCP_UDP, 2) == long(4059)


def test_no_name_server_is_said_by_none() -> None:
    desk = on_meter()
    for key, number, value, none in ((IPV4, 9, address("192.0.2.53"), NOWHERE), (IPV6, 8, octets(HOST), octets(b""))):
        assert write(desk, key, number, value) is DataAccessResult.SUCCESS
        assert write(desk, key, number, none) is DataAccessResult.SUCCESS
        assert desk.value(key, number) == none


def test_what_dhcp_gives_is_not_written() -> None:
    desk = on_meter()
    assert write(desk, IPV4, 8, (int(Tag.BOOLEAN), True)) is DataAccessResult.SUCCESS
    for number, value in ((3, address("192.0.2.7")), (6, address("255.255.255.0")), (7, address("192.0.2.1"))):
        assert write(desk, IPV4, number, value) is DataAccessResult.OTHER_REASON
    assert write(desk, IPV4, 8, (int(Tag.BOOLEAN), False)) is DataAccessResult.SUCCESS
    assert write(desk, IPV4, 3, address("192.0.2.7")) is DataAccessResult.SUCCESS


def test_multicast_groups_are_joined_counted_and_left() -> None:
    desk = on_meter()
    group, other = address("239.0.0.1"), address("239.0.0.2")
    assert act(desk, IPV4, 1, address("10.0.0.1"))[0] is ActionResult.OTHER_REASON  # no group
    assert act(desk, IPV4, 1, group)[0] is ActionResult.SUCCESS
    assert act(desk, IPV4, 1, group)[0] is ActionResult.OTHER_REASON  # joined already
    assert act(desk, IPV4, 1, other)[0] is ActionResult.SUCCESS
    assert act(desk, IPV4, 3) == (ActionResult.SUCCESS, 2)
    assert act(desk, IPV4, 2, group)[0] is ActionResult.SUCCESS
    assert act(desk, IPV4, 2, group)[0] is ActionResult.OTHER_REASON
    assert desk.value(IPV4, 4) == (Tag.ARRAY, [other])
    for number in range(3, 18):
        assert act(desk, IPV4, 1, address(f"239.0.0.{number}"))[0] is ActionResult.SUCCESS
    assert act(desk, IPV4, 1, group)[0] is ActionResult.OTHER_REASON  # there is no more room


def test_ipv6_addresses_are_added_to_their_list_and_taken_out() -> None:
    desk = on_meter()
    host, group = HOST, b"\xff\x02" + bytes(13) + b"\x01"

    def entry(kind: int, content: bytes) -> Value:
        return int(Tag.STRUCTURE), [enum(kind), octets(content)]

    for kind, number, content in ((0, 4, host), (1, 5, group), (2, 6, host)):
        assert act(desk, IPV6, 1, entry(kind, content))[0] is ActionResult.SUCCESS
        assert desk.value(IPV6, number) == (Tag.ARRAY, [octets(content)])
    for kind, content in ((0, group), (1, host), (2, bytes(16)), (0, b"short"), (3, host), (0, host)):
        assert act(desk, IPV6, 1, entry(kind, content))[0] is ActionResult.OTHER_REASON
    assert act(desk, IPV6, 2, entry(3, host))[0] is ActionResult.OTHER_REASON
    assert act(desk, IPV6, 2, entry(1, group))[0] is ActionResult.SUCCESS
    assert act(desk, IPV6, 2, entry(1, group))[0] is ActionResult.OTHER_REASON
    assert desk.value(IPV6, 5) == (Tag.ARRAY, [])


def test_every_meter_has_a_mac_address_of_its_own_that_nobody_was_assigned() -> None:
    one, other = (on_meter(meter_id=name).value(MAC, 2)[1] for name in ("EU0001", "EU0002"))
    assert len(one) == len(other) == 6
    assert one != other
    assert one == on_meter(seed=9).value(MAC, 2)[1]
    assert all(each[0] & 0b11 == 0b10 for each in (one, other))  # locally administered, not a group


def test_a_cell_is_a_meters_own_and_its_signal_moves_with_time() -> None:
    desk, twin, stranger = on_meter(), on_meter(), on_meter(seed=2)
    seen: set[int] = set()
    for minute in range(0, 600, 5):
        desk.now_us = twin.now_us = stranger.now_us = (NOON_MS + minute * 60_000) * 1000
        (_, [cell, location, signal, errors, *network]) = desk.value(CELL, 6)
        assert (Tag.STRUCTURE, [cell, location, signal, errors, *network]) == twin.value(CELL, 6)
        assert 0 <= signal[1] <= 31
        assert 0 <= errors[1] <= 7
        assert (errors[1] == 0) == (signal[1] >= 14)
        neighbours = desk.value(CELL, 7)[1]
        assert len({cell, *(each[1][0] for each in neighbours)}) == 4
        seen.add(signal[1])
    assert len(seen) > 3
    assert stranger.value(CELL, 6)[1][0] != desk.value(CELL, 6)[1][0]


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_cell_is_told_in_the_version_that_the_model_says(tmp_path: Path, version: int) -> None:
    path = tmp_path / "model.toml"
    text = f'base = "eu-three-phase"\ntitle = "modem"\n[objects."47:0.0.25.6.0.255"]\nversion = {version}\n'
    path.write_text(text, encoding="utf-8")
    desk = desk_of(load_file(path), 1)
    interface = find(47, version)
    assert interface is not None
    for attribute in interface.attributes:
        assert attribute.type.matches(desk.value(CELL, attribute.number)), attribute
    assert len(desk.value(CELL, 6)[1]) == (7 if version else 4)


def test_a_cell_is_captured_every_five_minutes() -> None:
    desk = on_meter()
    desk.now_us = (NOON_MS + 299_000) * 1000
    before = [desk.value(CELL, number) for number in (6, 7, 8)]
    assert before[2][0] == Tag.DATE_TIME
    captured = DateTime.decode(before[2][1]).time
    assert (captured.minute, captured.second) == (30, 0)  # noon in India is 07:30 in Berlin
    desk.now_us = (NOON_MS + 300_000) * 1000
    assert DateTime.decode(desk.value(CELL, 8)[1]).time.minute == 35
    desk.now_us = (NOON_MS + 1000) * 1000
    assert [desk.value(CELL, number) for number in (6, 7, 8)] == before


def test_a_status_word_has_the_bits_that_its_table_maps() -> None:
    desk = on_meter()
    assert desk.value(STATUS, 2) == (Tag.BIT_STRING, "00000000")
    assert desk.face.action(desk.association, 70, bytes((0, 0, 96, 3, 10, 255)), 1, None, desk.now_us)[0] is (
        ActionResult.SUCCESS
    )
    desk.now_us += 60_000_000
    assert desk.value(STATUS, 2) == (Tag.BIT_STRING, "00000001")
    leading: Value = (int(Tag.STRUCTURE), [unsigned(1), long(SWITCH)])
    assert write(desk, STATUS, 3, leading) is DataAccessResult.SUCCESS
    word = desk.value(STATUS, 2)[1]
    assert word.startswith("1")
    assert len(word) == 48  # 44 bits follow to the table's end
    chosen: Value = (int(Tag.STRUCTURE), [unsigned(1), (int(Tag.ARRAY), [long(0), long(SWITCH), long(5)])])
    assert write(desk, STATUS, 3, chosen) is DataAccessResult.SUCCESS
    assert desk.value(STATUS, 2) == (Tag.BIT_STRING, "01000000")


def test_sts_attributes_are_those_that_tokens_are_decoded_by() -> None:
    desk = on_meter("is15959-d1-sts", client=48, meter_id="MB0042")
    issuer, number, check = (content for _, content in desk.value(STS, 2)[1])
    assert f"{issuer:06}{number:011}{check}" == pan("600727", "00000000042")
    assert [desk.value(STS, attribute) for attribute in (5, 6, 7, 8, 9)] == [
        unsigned(11),
        (Tag.DOUBLE_LONG_UNSIGNED, 123457),
        unsigned(1),
        unsigned(1),
        unsigned(2),
    ]
    assert desk.value(STS, 3) == (Tag.VISIBLE_STRING, "electricity")
    assert desk.value(STS, 4) == (Tag.ARRAY, [unsigned(2)])


@pytest.mark.parametrize("model_id", MODELS)
def test_what_the_works_have_set_may_be_written(model_id: str) -> None:
    desk = on_meter(model_id, client=1 if model_id.startswith("eu") else 48)
    for each in load(model_id).objects.values():
        for number in each.attributes:
            permits = PERMITTED.get((each.class_id, number))
            assert permits is None or permits(desk.face.held(each, number)[1])
