"""Token formats: laws, and the command that prints tokens."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from emulator.commands import app
from emulator.payment.state import TOKEN_STATES, TokenStatus
from emulator.payment.token import BenchFormat, Effect, Entered, StsFormat, TokenFormat, decoder_of
from emulator.payment.token_gateway import Reason, TokenGateway, concluded
from protocols.cosem.obis import LogicalName
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.payment import GatewayModel, StsModel
from protocols.secret import Secret
from protocols.sts.key_change import SUB_CLASSES, KeyChange

KEY = Secret(bytes(range(20)))
STS = StsModel(issuer="600727", supply_group="123457", tariff="01", key_revision=1, base_date=2014)
BENCH = BenchFormat(KEY, "MB0001")
FORMATS: list[TokenFormat] = [BENCH, StsFormat(KEY, "MB0001", STS)]
IDENTIFIERS = st.integers(0, (1 << 24) - 1)


@given(identifier=IDENTIFIERS, amount=st.integers(0, (1 << 20) - 1))
def test_a_bench_token_says_what_was_issued_in_both_forms(identifier: int, amount: int) -> None:
    said = Entered(Effect.CREDIT, identifier, amount)
    assert BENCH.read(BENCH.issue(identifier, amount).encode()) == said
    assert BENCH.read(BENCH.octets(identifier, amount)) == said


@given(identifier=IDENTIFIERS, tenths=st.integers(0, 16_383))
def test_an_sts_token_carries_tenths_of_a_kilowatt_hour(identifier: int, tenths: int) -> None:
    token = FORMATS[1].issue(identifier, tenths * 100)
    assert FORMATS[1].read(token.encode()) == Entered(Effect.CREDIT, identifier, tenths * 100)


@pytest.mark.parametrize("token_format", FORMATS, ids=["bench", "sts"])
@given(octets=st.one_of(st.binary(max_size=24), st.text("0123456789", min_size=20, max_size=20).map(str.encode)))
def test_garbage_ends_with_a_failure_and_nothing_else(token_format: TokenFormat, octets: bytes) -> None:
    said = token_format.read(octets)
    assert isinstance(said, Entered) or said in {
        TokenStatus.FORMAT_FAILURE,
        TokenStatus.AUTHENTICATION_FAILURE,
        TokenStatus.VALIDATION_FAILURE,
    }


@given(place=st.integers(0, 15), bit=st.integers(0, 7))
def test_no_bit_of_a_signed_token_can_be_changed(place: int, bit: int) -> None:
    octets = bytearray(BENCH.octets(77, 12_345))
    octets[place] ^= 1 << bit
    assert isinstance(BENCH.read(bytes(octets)), TokenStatus)


@pytest.mark.parametrize(("identifier", "amount"), [(1 << 24, 1), (1, 1 << 20), (-1, 1), (1, -1)])
def test_what_does_not_fit_is_not_issued(identifier: int, amount: int) -> None:
    with pytest.raises(ValueError, match="20 digits"):
        BENCH.issue(identifier, amount)


def test_the_number_of_a_meter_is_in_its_account_number() -> None:
    assert decoder_of("MB0001", STS).pan == "600727000000000017"
    assert decoder_of("X-99-123456789012", STS).pan[6:17] == "23456789012"


def test_every_status_and_check_is_in_the_table_or_ends() -> None:
    ends = {
        TokenStatus.FORMAT_FAILURE,
        TokenStatus.AUTHENTICATION_FAILURE,
        TokenStatus.VALIDATION_FAILURE,
        TokenStatus.EXECUTION_FAILURE,
        TokenStatus.EXECUTION_OK,
    }
    for status in TokenStatus:
        assert {(status, True) in TOKEN_STATES, (status, False) in TOKEN_STATES} == {status not in ends}
    assert concluded(iter(())) is TokenStatus.RECEIVED
    assert concluded([True, True, True, True]) is TokenStatus.EXECUTION_OK
    for failing in range(4):
        assert concluded([True] * failing + [False]) is TokenStatus(4 + failing)


@given(numbers=st.lists(st.integers(0, 40), max_size=60))
def test_no_identifier_counts_twice_whatever_comes(numbers: list[int]) -> None:
    gateway = TokenGateway(GatewayModel(name=LogicalName.parse("0.0.19.40.0.255"), identifiers=5, sts=None))
    counted: list[int] = []
    for number in numbers:
        objection = gateway.objection(number)
        if objection is None:
            gateway.remember(number)
            counted.append(number)
        elif objection is Reason.OLD:
            assert len(gateway.identifiers) == 5
            assert number < gateway.identifiers[0]
    assert len(counted) == len(set(counted))
    assert list(gateway.identifiers) == sorted(counted)[-5:]


BENCH_FILE = """
[[meter]]
id = "MB0001"
model = "is15959-d1-prepaid"
keys = { token = { file = "token.key" } }
listen = ["dlms+tcp://127.0.0.1:0"]
[[meter]]
id = "ST0001"
model = "is15959-d1-sts"
[[meter]]
id = "DD0001"
model = "is15959-d1"
"""


def test_a_vending_key_of_another_length_is_told_before_a_meter_is_made(tmp_path: Path) -> None:
    bench = tmp_path / "bench.toml"
    bench.write_text(
        '[[meter]]\nid = "ST0001"\nmodel = "is15959-d1-sts"\nkeys = { token = { file = "k" } }\n'
        'listen = ["dlms+tcp://127.0.0.1:0"]\n'
    )
    (tmp_path / "k").write_text("00" * 16)
    refused = CliRunner().invoke(app, ["run", str(bench)])
    assert refused.exit_code == 2
    assert "vending key of 16 octets: 20 are right" in refused.stderr


def test_the_command_prints_a_token_for_a_meter_of_a_bench(tmp_path: Path) -> None:
    bench = tmp_path / "bench.toml"
    bench.write_text(BENCH_FILE)
    (tmp_path / "token.key").write_text(KEY.reveal().hex())
    runner = CliRunner()
    printed = runner.invoke(app, ["token", str(bench), "MB0001", "5000", "--identifier", "9"])
    assert printed.exit_code == 0
    assert printed.stdout.strip() == BENCH.issue(9, 5000)
    now = runner.invoke(app, ["token", str(bench), "ST0001", "5000"])
    assert len(now.stdout.strip()) == 20
    for arguments, sentence in (
        (["MB0009", "1"], "no such meter"),
        (["DD0001", "1"], "takes no tokens"),
        (["MB0001", str(1 << 20)], "holds 24 bits"),
    ):
        refused = runner.invoke(app, ["token", str(bench), *arguments])
        assert refused.exit_code == 2
        assert sentence in refused.stderr


def test_the_command_prints_a_key_change_and_tokens_under_the_new_key(tmp_path: Path) -> None:
    bench = tmp_path / "bench.toml"
    bench.write_text(BENCH_FILE)
    (tmp_path / "token.key").write_text(KEY.reveal().hex())
    runner = CliRunner()
    to = ["--tariff", "02", "--key-revision", "3", "--base-date", "2035"]
    printed = runner.invoke(app, ["key-change", str(bench), "ST0001", *to])
    assert printed.exit_code == 0, printed.stderr
    gateway = TokenGateway(GatewayModel(name=LogicalName.parse("0.0.19.40.0.255"), identifiers=5, sts=STS))
    gateway.remember(99)
    for token in reversed(printed.stdout.split()):
        said = StsFormat(SECRETS_DEFAULT["token"], "ST0001", STS, gateway.change).read(token.encode())
        assert isinstance(said, Entered)
        assert said.effect is Effect.KEY
        assert gateway.take_section(said.identifier, said.amount)
    assert gateway.change is not None
    assert (gateway.change.tariff, gateway.change.key_revision, gateway.change.rollover) == ("02", 3, True)
    assert gateway.identifiers == ()
    credit = runner.invoke(app, ["token", str(bench), "ST0001", "500", "--identifier", "7", *to]).stdout.strip()
    assert StsFormat(SECRETS_DEFAULT["token"], "ST0001", STS, gateway.change).read(credit.encode()) == Entered(
        Effect.CREDIT, 7, 500
    )
    assert (
        StsFormat(SECRETS_DEFAULT["token"], "ST0001", STS).read(credit.encode()) is TokenStatus.AUTHENTICATION_FAILURE
    )
    for arguments, sentence in (
        (["MB0001"], "know no key change"),
        (["ST0001", "--tariff", "2"], "2 digits are right"),
        (["ST0001", "--base-date", "1999"], "1999"),
    ):
        refused = runner.invoke(app, ["key-change", str(bench), *arguments])
        assert refused.exit_code == 2
        assert sentence in refused.stderr


def test_a_key_takes_no_identifier_behind_its_expiry() -> None:
    change = KeyChange(key=Secret(bytes(16)), supply_group="123457", tariff="01", key_expiry=4)
    changed = StsFormat(KEY, "MB0001", STS, change)
    assert isinstance(changed.read(changed.issue((5 << 16) - 1, 100).encode()), Entered)
    assert changed.read(changed.issue(5 << 16, 100).encode()) is TokenStatus.VALIDATION_FAILURE


def test_sections_that_say_nonsense_change_no_key() -> None:
    gateway = TokenGateway(GatewayModel(name=LogicalName.parse("0.0.19.40.0.255"), identifiers=5, sts=STS))
    assert [gateway.take_section(each, 0) for each in SUB_CLASSES] == [True, True, True, False]
    assert gateway.change is None
