"""Payment objects as a client meets them: what they show, take and refuse."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.face.cosem.face import CosemFace
from emulator.face.cosem.payment.token_gateway import enter_token
from emulator.meter import Meter
from emulator.payment.state import TokenStatus
from emulator.payment.token import BenchFormat, decoder_of
from emulator.payment.token_gateway import Delivery
from emulator.state import keep
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value, encode
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load, load_file
from protocols.model.meter_model import MeterModel
from protocols.model.table import ModelError
from protocols.secret import Secret
from protocols.sts.identifier import BaseDate
from protocols.sts.key_change import SUB_CLASSES, KeyChange
from protocols.sts.misty1 import Misty1
from protocols.sts.token import Kind, Token, seal
from tests.emulator.face.cosem.fake_meter import NOON_MS, Desk, LinkTime, associate

ACCOUNT = "111:0.0.19.0.0.255"
TOKENS = "112:0.0.19.10.0.255"
EMERGENCY = "112:0.0.19.10.1.255"
ENERGY = "113:0.0.19.20.0.255"
STANDING = "113:0.0.19.20.1.255"
ARREARS = "113:0.0.19.20.2.255"
GATEWAY = "115:0.0.19.40.0.255"
HOUR_MS = 3_600_000


def counter(model: MeterModel, watts: int = 0, meter_id: str = "MB0001") -> Desk:
    """A meter with an account, and the utility's client."""
    meter = Meter(meter_id, model, seed=7, load={"constant": watts}, supply={"constant": 230}, start_ms=NOON_MS)
    face = CosemFace(meter, model, LinkTime())
    return Desk(face, associate(face, 48))


@pytest.fixture
def desk() -> Desk:
    return counter(load("is15959-d1-prepaid"))


def key_of(key: str) -> tuple[int, bytes]:
    class_id, _, name = key.partition(":")
    return int(class_id), bytes(map(int, name.split(".")))


def write(desk: Desk, key: str, attribute: int, value: Value) -> DataAccessResult:
    return desk.face.set(desk.association, *key_of(key), attribute, None, encode(value), desk.now_us)


def act(desk: Desk, key: str, method: int, parameter: Value = (int(Tag.INTEGER), 0)) -> ActionResult:
    return desk.face.action(desk.association, *key_of(key), method, encode(parameter), desk.now_us)[0]


def enter(desk: Desk, token: str | bytes) -> tuple[ActionResult, int, str]:
    """Enter a token; what the method answers, and attribute 6 afterwards."""
    octets = token.encode() if isinstance(token, str) else token
    result = act(desk, GATEWAY, 1, (int(Tag.OCTET_STRING), octets))
    (_, status), (_, reason) = desk.value(GATEWAY, 6)[1]
    return result, status, reason


def balance(desk: Desk) -> Any:
    return desk.value(TOKENS, 2)[1]


def money(amount: int) -> Value:
    return int(Tag.DOUBLE_LONG), amount


BENCH = BenchFormat(SECRETS_DEFAULT["token"], "MB0001")


def test_an_account_shows_mode_status_amounts_and_references(desk: Desk) -> None:
    assert desk.value(ACCOUNT, 2)[1] == [(int(Tag.ENUM), 2), (int(Tag.ENUM), 2)]
    assert desk.value(ACCOUNT, 3) == (int(Tag.UNSIGNED), 1)
    assert desk.value(ACCOUNT, 4) == (int(Tag.BIT_STRING), "10000000")
    assert desk.value(ACCOUNT, 5) == money(50_000)
    assert [each[1][-2] for each in desk.value(ACCOUNT, 9)[1]] == [0, 1]
    assert len(desk.value(ACCOUNT, 10)[1]) == 3
    assert len(desk.value(ACCOUNT, 11)[1]) == 6
    assert desk.value(ACCOUNT, 15)[1] == [(int(Tag.UTF8_STRING), "INR"), (int(Tag.INTEGER), -2), (int(Tag.ENUM), 2)]


@pytest.mark.parametrize("token", [BENCH.issue(5, 12_345), BENCH.octets(5, 12_345)])
def test_a_token_counts_once(desk: Desk, token: str | bytes) -> None:
    assert enter(desk, token) == (ActionResult.SUCCESS, TokenStatus.EXECUTION_OK, "00000000")
    assert balance(desk) == 50_000 + 12_345
    assert enter(desk, token) == (ActionResult.OTHER_REASON, TokenStatus.VALIDATION_FAILURE, "10000000")
    assert balance(desk) == 50_000 + 12_345
    assert desk.value(GATEWAY, 4)[1] == [(int(Tag.OCTET_STRING), each) for each in (b"credit", b"5", b"12345")]
    assert desk.value("1:0.0.94.96.21.255", 2) == money(12_345)
    assert desk.value("1:0.0.94.96.23.255", 2) == money(12_345)
    assert desk.value("1:0.0.94.96.24.255", 2) == money(62_345)
    assert desk.value("1:0.0.94.91.24.255", 2) == money(62_345)


def test_a_token_may_be_entered_at_the_meters_keys(desk: Desk) -> None:
    octets = BENCH.issue(5, 100).encode()
    assert enter_token(desk.face, desk.now_us // 1000, octets, 48, Delivery.MANUAL)
    assert desk.value(GATEWAY, 5) == (int(Tag.ENUM), 2)
    assert desk.value(GATEWAY, 2) == (int(Tag.OCTET_STRING), octets)
    ordinary = counter(load("is15959-d1"))
    assert not enter_token(ordinary.face, ordinary.now_us // 1000, octets, 48)


def test_an_old_token_is_refused_when_the_memory_is_full(desk: Desk) -> None:
    for identifier in range(100, 150):
        assert enter(desk, BENCH.issue(identifier, 1))[0] is ActionResult.SUCCESS
    assert enter(desk, BENCH.issue(99, 1)) == (
        ActionResult.OTHER_REASON,
        TokenStatus.VALIDATION_FAILURE,
        "01000000",
    )
    assert balance(desk) == 50_050


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (BenchFormat(SECRETS_DEFAULT["token"], "MB0002").issue(1, 1), TokenStatus.AUTHENTICATION_FAILURE),
        (BenchFormat(SECRETS_DEFAULT["master"], "MB0001").octets(1, 1), TokenStatus.AUTHENTICATION_FAILURE),
        (BENCH.octets(1, 1)[:-1], TokenStatus.FORMAT_FAILURE),
        (BENCH.issue(1, 1)[1:], TokenStatus.FORMAT_FAILURE),
        ("9" * 20, TokenStatus.FORMAT_FAILURE),
        ("", TokenStatus.FORMAT_FAILURE),
        (b"7" * 400, TokenStatus.FORMAT_FAILURE),
    ],
)
def test_a_token_that_is_not_ours_changes_nothing(desk: Desk, token: str | bytes, status: TokenStatus) -> None:
    assert enter(desk, token) == (ActionResult.OTHER_REASON, status, "00000000")
    assert balance(desk) == 50_000
    assert desk.value(ACCOUNT, 5) == money(50_000)


def test_a_token_for_more_than_a_credit_holds_is_refused_and_may_come_again(desk: Desk) -> None:
    assert act(desk, TOKENS, 2, money(2**31 - 2)) is ActionResult.SUCCESS
    assert enter(desk, BENCH.issue(7, 2)) == (ActionResult.OTHER_REASON, TokenStatus.EXECUTION_FAILURE, "00100000")
    assert balance(desk) == 2**31 - 2
    assert act(desk, TOKENS, 1, money(-10)) is ActionResult.SUCCESS
    assert enter(desk, BENCH.issue(7, 2))[1] == TokenStatus.EXECUTION_OK


def test_a_closed_account_takes_no_token(desk: Desk) -> None:
    assert act(desk, ACCOUNT, 1) is ActionResult.OTHER_REASON
    assert act(desk, ACCOUNT, 2) is ActionResult.SUCCESS
    assert enter(desk, BENCH.issue(8, 2)) == (ActionResult.OTHER_REASON, TokenStatus.EXECUTION_FAILURE, "00010000")
    assert desk.value(ACCOUNT, 2)[1][1] == (int(Tag.ENUM), 3)
    assert act(desk, ACCOUNT, 3) is ActionResult.SUCCESS
    assert act(desk, ACCOUNT, 1) is ActionResult.SUCCESS
    assert desk.value(ACCOUNT, 13) != desk.value(ACCOUNT, 14)


def test_the_mode_is_written_and_the_status_has_methods(desk: Desk) -> None:
    def mode(first: int, second: int) -> Value:
        return int(Tag.STRUCTURE), [(int(Tag.ENUM), first), (int(Tag.ENUM), second)]

    assert write(desk, ACCOUNT, 2, mode(1, 2)) is DataAccessResult.SUCCESS
    assert desk.value("1:0.0.94.96.20.255", 2) == (int(Tag.UNSIGNED), 0)
    assert write(desk, ACCOUNT, 2, mode(2, 3)) is DataAccessResult.OTHER_REASON
    assert write(desk, ACCOUNT, 2, mode(3, 2)) is DataAccessResult.OTHER_REASON
    assert write(desk, "1:0.0.94.96.20.255", 2, (int(Tag.UNSIGNED), 1)) is DataAccessResult.SUCCESS
    assert desk.value(ACCOUNT, 2)[1][0] == (int(Tag.ENUM), 2)


def test_thresholds_and_provisions_are_written(desk: Desk) -> None:
    written = {7: money(1), 16: money(2), 17: money(3), 18: (int(Tag.LONG_UNSIGNED), 4), 19: money(5)}
    for attribute, value in written.items():
        assert write(desk, ACCOUNT, attribute, value) is DataAccessResult.SUCCESS
        assert desk.value(ACCOUNT, attribute) == value
    for attribute, value in {5: money(6), 6: money(-7), 9: money(8), 10: money(9)}.items():
        assert write(desk, EMERGENCY, attribute, value) is DataAccessResult.SUCCESS
        assert desk.value(EMERGENCY, attribute) == value
    assert write(desk, EMERGENCY, 7, (int(Tag.BIT_STRING), "00100")) is DataAccessResult.SUCCESS
    assert desk.value(EMERGENCY, 7) == (int(Tag.BIT_STRING), "00100")
    assert write(desk, EMERGENCY, 7, (int(Tag.BIT_STRING), "000001")) is DataAccessResult.OTHER_REASON
    assert write(desk, ARREARS, 13, (int(Tag.LONG_UNSIGNED), 10_001)) is DataAccessResult.OTHER_REASON
    assert write(desk, STANDING, 8, (int(Tag.DOUBLE_LONG_UNSIGNED), 0)) is DataAccessResult.OTHER_REASON
    assert write(desk, STANDING, 8, (int(Tag.DOUBLE_LONG_UNSIGNED), 3600)) is DataAccessResult.SUCCESS


def test_how_tokens_are_divided_and_charges_collected_is_written(desk: Desk) -> None:
    def share(name: bytes, percent: int) -> Value:
        return int(Tag.STRUCTURE), [(int(Tag.OCTET_STRING), name), (int(Tag.UNSIGNED), percent)]

    tokens, emergency, energy = (key_of(each)[1] for each in (TOKENS, EMERGENCY, ENERGY))
    shares = (int(Tag.ARRAY), [share(tokens, 60), share(emergency, 40)])
    assert write(desk, ACCOUNT, 12, shares) is DataAccessResult.SUCCESS
    assert desk.value(ACCOUNT, 12) == shares
    assert write(desk, ACCOUNT, 12, (int(Tag.ARRAY), [share(tokens, 60)])) is DataAccessResult.OTHER_REASON
    assert write(desk, ACCOUNT, 12, (int(Tag.ARRAY), [share(energy, 100)])) is DataAccessResult.OTHER_REASON
    assert enter(desk, BENCH.issue(1, 101))[0] is ActionResult.SUCCESS
    assert (balance(desk), desk.value(EMERGENCY, 2)[1]) == (50_060, 41)

    def collected(credit: bytes, charge: bytes) -> Value:
        names = [(int(Tag.OCTET_STRING), credit), (int(Tag.OCTET_STRING), charge)]
        return int(Tag.ARRAY), [(int(Tag.STRUCTURE), [*names, (int(Tag.BIT_STRING), "101")])]

    assert write(desk, ACCOUNT, 11, collected(tokens, energy)) is DataAccessResult.SUCCESS
    assert desk.value(ACCOUNT, 11) == collected(tokens, energy)
    assert write(desk, ACCOUNT, 11, collected(energy, tokens)) is DataAccessResult.OTHER_REASON


def unit_charge(commodity_scale: int, price: int) -> Value:
    scales = (int(Tag.STRUCTURE), [(int(Tag.INTEGER), commodity_scale), (int(Tag.INTEGER), -2)])
    register = [
        (int(Tag.LONG_UNSIGNED), 3),
        (int(Tag.OCTET_STRING), bytes((1, 0, 1, 8, 0, 255))),
        (int(Tag.INTEGER), 2),
    ]
    rows = [(int(Tag.STRUCTURE), [(int(Tag.OCTET_STRING), b""), (int(Tag.LONG), price)])]
    return int(Tag.STRUCTURE), [scales, (int(Tag.STRUCTURE), register), (int(Tag.ARRAY), rows)]


def test_a_passive_unit_charge_is_written_and_activated() -> None:
    desk = counter(load("is15959-d1-prepaid"), watts=1000)
    assert desk.value(ENERGY, 5) == unit_charge(3, 412)
    assert write(desk, ENERGY, 6, unit_charge(3, 1000)) is DataAccessResult.SUCCESS
    assert write(desk, ENERGY, 6, unit_charge(127, 1000)) is DataAccessResult.OTHER_REASON
    assert desk.value(ENERGY, 6) == unit_charge(3, 1000)
    desk.now_us += HOUR_MS * 1000
    assert desk.value(ENERGY, 2) == money(412)
    assert act(desk, ENERGY, 2) is ActionResult.SUCCESS
    assert desk.value(ENERGY, 5) == unit_charge(3, 1000)
    desk.now_us += HOUR_MS * 1000
    assert desk.value(ENERGY, 2) == money(1412)
    rows = unit_charge(3, 7)[1][2]
    assert act(desk, ENERGY, 1, rows) is ActionResult.SUCCESS
    assert desk.value(ENERGY, 6) == unit_charge(3, 7)
    assert write(desk, ENERGY, 7, desk.value("8:0.0.1.0.0.255", 2)) is DataAccessResult.SUCCESS
    assert desk.value(ENERGY, 5) == unit_charge(3, 7)
    assert write(desk, ENERGY, 7, (int(Tag.OCTET_STRING), b"\xff" * 12)) is DataAccessResult.SUCCESS
    assert write(desk, ENERGY, 7, (int(Tag.OCTET_STRING), b"\x00" * 12)) is not DataAccessResult.SUCCESS


def test_a_charge_table_has_its_bound(desk: Desk) -> None:
    rows: list[Value] = [
        (int(Tag.STRUCTURE), [(int(Tag.OCTET_STRING), bytes((number,))), (int(Tag.LONG), number)])
        for number in range(1, 65)
    ]
    assert act(desk, ENERGY, 1, (int(Tag.ARRAY), rows)) is ActionResult.OTHER_REASON
    assert act(desk, ENERGY, 1, (int(Tag.ARRAY), rows[:63])) is ActionResult.SUCCESS
    assert len(desk.value(ENERGY, 6)[1][2][1]) == 64


def test_charges_have_methods(desk: Desk) -> None:
    assert act(desk, STANDING, 3) is ActionResult.SUCCESS
    assert (balance(desk), desk.value(STANDING, 11)) == (50_000 - 533, money(533))
    assert act(desk, ENERGY, 3) is ActionResult.OTHER_REASON
    assert act(desk, ARREARS, 5, money(1000)) is ActionResult.SUCCESS
    assert act(desk, ARREARS, 4, money(500)) is ActionResult.SUCCESS
    assert act(desk, ARREARS, 4, money(2**31 - 1)) is ActionResult.OTHER_REASON
    assert desk.value(ACCOUNT, 8) == money(1500)
    assert enter(desk, BENCH.issue(3, 1000))[0] is ActionResult.SUCCESS
    assert (desk.value(ARREARS, 12), desk.value(ARREARS, 2)) == (money(1300), money(200))
    assert desk.value(ARREARS, 9) == (int(Tag.BIT_STRING), "10")


def test_emergency_credit_is_invoked_when_it_is_offered(desk: Desk) -> None:
    assert act(desk, EMERGENCY, 3) is ActionResult.OTHER_REASON
    assert act(desk, TOKENS, 2, money(1999)) is ActionResult.SUCCESS
    assert desk.value(EMERGENCY, 8) == (int(Tag.ENUM), 1)
    assert desk.value(ACCOUNT, 4) == (int(Tag.BIT_STRING), "11010000")
    assert act(desk, EMERGENCY, 3) is ActionResult.SUCCESS
    assert desk.value(ACCOUNT, 4) == (int(Tag.BIT_STRING), "10000000")
    assert act(desk, TOKENS, 2, money(0)) is ActionResult.SUCCESS
    assert desk.value(ACCOUNT, 4) == (int(Tag.BIT_STRING), "10000100")
    assert desk.value(ACCOUNT, 3) == (int(Tag.UNSIGNED), 2)
    assert act(desk, EMERGENCY, 2, money(0)) is ActionResult.SUCCESS
    assert desk.value(ACCOUNT, 4)[1][6] == "1"
    assert desk.value("1:0.0.94.96.24.255", 2) == money(-10_000)


def test_rupees_in_the_mirror_are_rounded_down(tmp_path: Any) -> None:
    path = tmp_path / "rupees.toml"
    path.write_text('base = "is15959-d1-prepaid"\ntitle = "rupees"\n[payment]\nunit = "major"\n')
    desk = counter(load_file(path))
    assert act(desk, TOKENS, 2, money(12_399)) is ActionResult.SUCCESS
    assert desk.value("1:0.0.94.96.24.255", 2) == money(123)
    assert act(desk, TOKENS, 2, money(-1)) is ActionResult.SUCCESS
    assert desk.value("1:0.0.94.96.24.255", 2) == money(-1)


def test_an_sts_meter_takes_sts_tokens_and_counts_watt_hours() -> None:
    model = load("is15959-d1-sts")
    sts = model.physics.payment.account.gateway.sts  # type: ignore[union-attr]  # this model has them
    assert sts is not None
    ours, anothers = (Misty1(decoder_of(each, sts).key(SECRETS_DEFAULT["token"])) for each in ("MB0001", "MB0002"))
    desk = counter(model, watts=1000)
    identifier = BaseDate.B2014.identifier(NOON_MS)
    token = Token(kind=Kind.ELECTRICITY, identifier=identifier, value=256, random=3)
    assert enter(desk, seal(token, ours))[1] == TokenStatus.EXECUTION_OK
    assert balance(desk) == 20_000 + 25_600
    assert enter(desk, seal(token, ours))[1:] == (TokenStatus.VALIDATION_FAILURE, "10000000")
    assert enter(desk, seal(token, anothers))[1] == TokenStatus.AUTHENTICATION_FAILURE
    assert enter(desk, "1" * 19)[1] == TokenStatus.FORMAT_FAILURE
    water = Token(kind=Kind.WATER, identifier=identifier + 1, value=1, random=0)
    assert enter(desk, seal(water, ours))[1] == TokenStatus.VALIDATION_FAILURE
    desk.now_us += HOUR_MS * 1000
    assert balance(desk) == 44_600
    clear = Token(kind=Kind.CLEAR_CREDIT, identifier=identifier + 2, value=0xFFFF, random=0)
    assert enter(desk, seal(clear, ours))[1] == TokenStatus.EXECUTION_OK
    assert balance(desk) == 0
    assert desk.value(ACCOUNT, 15)[1][2] == (int(Tag.ENUM), 1)


@given(order=st.permutations(SUB_CLASSES))
@settings(max_examples=8, deadline=None)
def test_four_tokens_change_the_key_in_any_order(order: list[int]) -> None:
    model = load("is15959-d1-sts")
    sts = model.physics.payment.account.gateway.sts  # type: ignore[union-attr]  # this model has them
    assert sts is not None
    vending = SECRETS_DEFAULT["token"]
    later = replace(sts, tariff="07", key_revision=2)
    old, new = (decoder_of("MB0001", each).key(vending) for each in (sts, later))
    change = KeyChange(key=Secret(new), supply_group="123457", tariff="07", key_revision=2)
    tokens = dict(zip(SUB_CLASSES, change.tokens(Misty1(old)), strict=True))
    desk = counter(model, watts=0)
    identifier = BaseDate.B2014.identifier(NOON_MS)
    credit = Token(kind=Kind.ELECTRICITY, identifier=identifier, value=10, random=3)
    for sub_class in order:
        assert enter(desk, seal(credit, Misty1(new)))[1] == TokenStatus.AUTHENTICATION_FAILURE
        assert enter(desk, tokens[sub_class])[1] == TokenStatus.EXECUTION_OK
        shown = [content for _, content in desk.value(GATEWAY, 4)[1]]
        assert shown == [b"key_section", b"%d" % sub_class], "what a section holds is told to nobody"
    assert balance(desk) == 20_000, "a key change moves no money"
    assert enter(desk, seal(credit, Misty1(old)))[1] == TokenStatus.AUTHENTICATION_FAILURE
    assert enter(desk, seal(credit, Misty1(new)))[1] == TokenStatus.EXECUTION_OK
    assert balance(desk) == 21_000
    assert [desk.value("116:0.0.19.41.0.255", number)[1] for number in (6, 7, 8)] == [123_457, 7, 2]


def test_a_key_that_was_changed_is_kept_through_a_kill(tmp_path: Path) -> None:
    model = load("is15959-d1-sts")

    def make(start_ms: int) -> Meter:
        return Meter("MB0001", model, seed=7, load={"constant": 0}, supply={"constant": 230}, start_ms=start_ms)

    change = KeyChange(key=Secret(bytes(range(16))), supply_group="654321", tariff="01")
    header = {"id": "MB0001", "start_ms": NOON_MS}
    sts = model.physics.payment.account.gateway.sts  # type: ignore[union-attr]  # this model has them
    assert sts is not None
    old = Misty1(decoder_of("MB0001", sts).key(SECRETS_DEFAULT["token"]))
    for token in change.tokens(old):  # killed before each of them
        meter, _ = keep(tmp_path / "kept.state", header, make)
        face = CosemFace(meter, model, LinkTime())
        assert enter_token(face, NOON_MS + 1000, token.encode(), 48)
    meter, _ = keep(tmp_path / "kept.state", header, make)
    assert meter.payment is not None
    assert meter.payment.gateway is not None
    assert meter.payment.gateway.change == change


@pytest.mark.parametrize("key", [ACCOUNT, TOKENS, ENERGY, GATEWAY])
def test_an_object_that_the_payment_section_does_not_know_is_refused(key: str, tmp_path: Any) -> None:
    class_id = key.partition(":")[0]
    path = tmp_path / "stray.toml"
    path.write_text(
        f'base = "is15959-d1"\ntitle = "stray"\n[objects]\n"{class_id}:0.0.19.99.0.255" = {{ source = "GXI" }}\n'
    )
    with pytest.raises(ModelError, match=r"\[payment"):
        counter(load_file(path))


def test_a_mirror_part_that_there_is_none_of_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "part.toml"
    path.write_text(
        'base = "is15959-d1"\ntitle = "part"\n[objects]\n'
        '"1:0.0.94.96.24.255" = { value = { absent = true }, state = "payment:mood", set = [] }\n'
    )
    with pytest.raises(ModelError, match="recharge, total"):
        counter(load_file(path))


def test_the_mirror_of_an_ordinary_meter_is_what_a_head_end_writes_object_by_object() -> None:
    desk = counter(load("is15959-d1"))
    assert write(desk, "1:0.0.94.96.24.255", 2, money(-2_550)) is DataAccessResult.SUCCESS
    # The next four may never come: each SET stands by itself.
    assert desk.value("1:0.0.94.96.24.255", 2) == money(-2550)
    assert desk.value("1:0.0.94.96.21.255", 2) == money(0)
    # Some head-ends number them 0.0.94.91.21 to 25: the same objects.
    assert write(desk, "1:0.0.94.91.21.255", 2, money(50_000)) is DataAccessResult.SUCCESS
    assert desk.value("1:0.0.94.96.21.255", 2) == money(50_000)
    assert desk.value("1:0.0.94.91.24.255", 2) == money(-2550)
    assert write(desk, "1:0.0.94.96.24.255", 2, (int(Tag.LONG), 1)) is DataAccessResult.TYPE_UNMATCHED
    reader = Desk(desk.face, associate(desk.face, 32))
    assert reader.value("1:0.0.94.96.24.255", 2) == money(-2550)
    assert write(reader, "1:0.0.94.96.24.255", 2, money(1)) is DataAccessResult.READ_WRITE_DENIED


def test_a_change_of_the_payment_mode_leaves_an_event() -> None:
    desk = counter(load("is15959-d1"))
    log = "1:0.0.96.11.4.255"
    for mode, code in ((1, 212), (0, 211)):
        assert write(desk, "1:0.0.94.96.20.255", 2, (int(Tag.UNSIGNED), mode)) is DataAccessResult.SUCCESS
        assert desk.value("1:0.0.94.96.20.255", 2) == (int(Tag.UNSIGNED), mode)
        assert desk.value(log, 2) == (int(Tag.LONG_UNSIGNED), code)
    assert write(desk, "1:0.0.94.96.20.255", 2, (int(Tag.UNSIGNED), 2)) is DataAccessResult.OTHER_REASON
    for mode, code in ((0, 213), (1, 214)):
        assert write(desk, "1:0.0.94.96.19.255", 2, (int(Tag.UNSIGNED), mode)) is DataAccessResult.SUCCESS
        assert desk.value(log, 2) == (int(Tag.LONG_UNSIGNED), code)


def test_the_mirror_is_kept_through_an_outage_and_a_kill() -> None:
    notes: dict[str, str] = {}
    desk = counter(load("is15959-d1"))
    desk.face.keep(notes, notes.__setitem__)
    assert write(desk, "1:0.0.94.96.24.255", 2, money(777)) is DataAccessResult.SUCCESS
    again = counter(load("is15959-d1"))
    again.face.keep(notes, notes.__setitem__)
    assert again.value("1:0.0.94.91.24.255", 2) == money(777)


def test_a_model_may_do_without_the_other_numbers(tmp_path: Any) -> None:
    path = tmp_path / "strict.toml"
    path.write_text('base = "is15959-d1"\ntitle = "no alias"\n[objects]\n"1:0.0.94.91.24.255" = { absent = true }\n')
    desk = counter(load_file(path))
    assert write(desk, "1:0.0.94.91.24.255", 2, money(1)) is DataAccessResult.OBJECT_UNDEFINED
    assert write(desk, "1:0.0.94.96.24.255", 2, money(1)) is DataAccessResult.SUCCESS
