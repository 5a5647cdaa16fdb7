"""STS tokens against public vectors: sealed to the digit, opened to the bit."""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from protocols.secret import Secret
from protocols.sts.amount import decode_amount, encode_amount
from protocols.sts.decoder_key import Decoder
from protocols.sts.identifier import BaseDate
from protocols.sts.key_change import SUB_CLASSES, KeyChange, Section, joined, open_section
from protocols.sts.misty1 import Misty1
from protocols.sts.token import Fault, Kind, Token, open_token, seal

VENDING_KEY = Secret(bytes.fromhex("abababababababab949494949494949401234567"))
RANDOM = 5


class Vector(NamedTuple):
    test: str
    pan: str
    base: str
    revision: str
    issued: str
    kind: str
    value: str
    token: str

    @property
    def cipher(self) -> Misty1:
        decoder = Decoder(
            pan=self.pan,
            supply_group="123457",
            tariff="01",
            key_type=2,
            key_revision=int(self.revision),
            base_date=BaseDate(int(self.base)),
        )
        return Misty1(decoder.key(VENDING_KEY))

    @property
    def content(self) -> Token:
        issued = datetime.fromisoformat(self.issued).replace(tzinfo=UTC)
        identifier = BaseDate(int(self.base)).identifier(int(issued.timestamp()) * 1000)
        value = int(self.value, 16) if self.value.startswith("0x") else encode_amount(int(self.value))
        return Token(kind=Kind[self.kind], identifier=identifier, value=value, random=RANDOM)


LINES = (Path(__file__).parent / "sts_tokens.txt").read_text(encoding="utf-8").splitlines()
VECTORS = [Vector(*line.split()) for line in LINES if not line.startswith("#")]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.test} {vector.issued}")
def test_a_token_is_sealed_and_opened_as_the_compliance_tests_say(vector: Vector) -> None:
    assert seal(vector.content, vector.cipher) == vector.token
    assert open_token(vector.token, vector.cipher) == vector.content


def test_the_vectors_are_all_there() -> None:
    assert len(VECTORS) == 46


@pytest.mark.parametrize(
    ("plain", "encrypted"),
    [(0x0123456789ABCDEF, 0x8B1DA5F56AB3D07C), (0xFEDCBA9876543210, 0x04B68240B13BE95D)],
)
def test_misty1_is_that_of_rfc_2994(plain: int, encrypted: int) -> None:
    cipher = Misty1(bytes.fromhex("00112233445566778899aabbccddeeff"))
    assert cipher.encrypt(plain) == encrypted
    assert cipher.decrypt(encrypted) == plain


def test_an_amount_without_a_code_of_its_own_is_rounded_up() -> None:
    assert [decode_amount(encode_amount(each)) for each in (16383, 16384, 16385, 180223, 1818623, 1818625)] == [
        16383,
        16384,
        16394,
        180224,
        1818624,
        1819624,
    ]


class Change(NamedTuple):
    """One line of `sts_key_changes.txt`."""

    test: str
    pan: str
    old_revision: str
    group: str
    tariff: str
    revision: str
    base: str
    expiry: str
    rollover: str
    third: str
    fourth: str
    eighth: str
    ninth: str
    issued: str
    credit: str

    @property
    def old(self) -> Misty1:
        decoder = Decoder(
            pan=self.pan,
            supply_group="123457",
            tariff="01",
            key_revision=int(self.old_revision),
            base_date=BaseDate.B1993,
        )
        return Misty1(decoder.key(VENDING_KEY))

    @property
    def content(self) -> KeyChange:
        decoder = Decoder(
            pan=self.pan,
            supply_group=self.group,
            tariff=self.tariff,
            key_revision=int(self.revision),
            base_date=BaseDate(int(self.base)),
        )
        return KeyChange(
            key=Secret(decoder.key(VENDING_KEY)),
            supply_group=self.group,
            tariff=self.tariff,
            key_revision=int(self.revision),
            key_expiry=int(self.expiry),
            rollover=self.rollover == "1",
        )

    @property
    def sections(self) -> dict[int, str]:
        """Those that are given, by sub-class."""
        given = {3: self.third, 4: self.fourth, 8: self.eighth, 9: self.ninth}
        return {sub_class: token for sub_class, token in given.items() if token != "-"}


CHANGE_LINES = (Path(__file__).parent / "sts_key_changes.txt").read_text(encoding="utf-8").splitlines()
CHANGES = [Change(*line.split()) for line in CHANGE_LINES if not line.startswith("#")]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.test)
def test_a_key_change_is_sealed_and_opened_as_the_compliance_tests_say(change: Change) -> None:
    tokens = dict(zip(SUB_CLASSES, change.content.tokens(change.old), strict=True))
    assert {each: tokens[each] for each in change.sections} == change.sections
    opened = [open_section(token, change.old) for token in tokens.values()]
    contents = {each.sub_class: each.content for each in opened if isinstance(each, Section)}
    assert joined(contents) == change.content
    if change.credit != "-":
        issued = datetime.fromisoformat(change.issued).replace(tzinfo=UTC)
        identifier = BaseDate(int(change.base)).identifier(int(issued.timestamp()) * 1000)
        token = Token(kind=Kind.ELECTRICITY, identifier=identifier, value=1, random=RANDOM)
        assert seal(token, Misty1(change.content.key.reveal())) == change.credit


def test_the_key_changes_are_all_there() -> None:
    assert len(CHANGES) == 7
    assert len({token for change in CHANGES for token in (*change.sections.values(), change.credit)} - {"-"}) == 24


def test_sections_of_another_meter_or_kind_are_none() -> None:
    change = CHANGES[0]
    credit = seal(Token(kind=Kind.ELECTRICITY, identifier=1, value=1, random=0), change.old)
    assert open_section(credit, change.old) is Fault.UNKNOWN_KIND
    assert open_section(change.third, CHANGES[2].old) is Fault.AUTHENTICATION
    assert open_section("1", change.old) is Fault.FORMAT
    assert joined({}) is None
    assert joined(dict.fromkeys(SUB_CLASSES, 0)) is None, "revision 0 is none"
