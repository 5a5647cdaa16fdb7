"""Tokens: laws of opening and sealing, and what is refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.checksum import crc16_modbus
from protocols.secret import Secret
from protocols.sts.amount import LARGEST, decode_amount, encode_amount
from protocols.sts.decoder_key import Decoder, pan
from protocols.sts.identifier import LAST, MINUTE_MS, BaseDate
from protocols.sts.misty1 import Misty1
from protocols.sts.token import DIGITS, Fault, Kind, Token, open_token, seal

VENDING_KEY = Secret(bytes(range(20)))
OURS = Misty1(Decoder(pan=pan("600727", "00000000001"), supply_group="123457", tariff="01").key(VENDING_KEY))
ANOTHERS = Misty1(Decoder(pan=pan("600727", "00000000002"), supply_group="123457", tariff="01").key(VENDING_KEY))

TOKENS = st.builds(
    Token,
    kind=st.sampled_from(Kind),
    identifier=st.integers(0, LAST),
    value=st.integers(0, 0xFFFF),
    random=st.integers(0, 15),
)


@given(token=TOKENS)
def test_what_is_sealed_is_opened(token: Token) -> None:
    digits = seal(token, OURS)
    assert len(digits) == DIGITS
    assert open_token(digits, OURS) == token


@given(token=TOKENS)
def test_a_token_for_another_meter_says_nothing_here(token: Token) -> None:
    # One in 65,536 would pass the check by chance; these tokens are few, and the ciphers do not change.
    assert open_token(seal(token, ANOTHERS), OURS) is Fault.AUTHENTICATION


@given(token=TOKENS, place=st.integers(0, DIGITS - 1), step=st.integers(1, 9))
def test_a_mistyped_digit_is_refused(token: Token, place: int, step: int) -> None:
    digits = seal(token, OURS)
    wrong = f"{digits[:place]}{(int(digits[place]) + step) % 10}{digits[place + 1 :]}"
    answer = open_token(wrong, OURS)
    assert isinstance(answer, Fault) or answer != token


@given(text=st.text(max_size=24))
def test_garbage_is_a_fault_and_nothing_else(text: str) -> None:
    assert isinstance(open_token(text, OURS), Token | Fault)


@pytest.mark.parametrize("digits", ["", "1" * 19, "1" * 21, "9" * 20, "1234567890123456789x", "\u0661" * 20])
def test_what_is_not_twenty_digits_of_66_bits_has_no_form(digits: str) -> None:
    assert open_token(digits, OURS) is Fault.FORMAT


@given(block=st.integers(0, (1 << 64) - 1))
def test_decryption_undoes_encryption(block: int) -> None:
    assert OURS.decrypt(OURS.encrypt(block)) == block


@given(code=st.integers(0, 0xFFFF))
def test_no_two_codes_mean_the_same_amount(code: int) -> None:
    assert encode_amount(decode_amount(code)) == code


@given(amount=st.integers(0, LARGEST))
def test_a_customer_is_never_denied_a_part(amount: int) -> None:
    given_amount = decode_amount(encode_amount(amount))
    assert amount <= given_amount < amount + 1000


def test_amounts_that_no_code_means_are_refused() -> None:
    for amount in (-1, LARGEST + 1):
        with pytest.raises(ValueError, match="are right"):
            encode_amount(amount)


def test_identifiers_from_1993_end_in_november_2024() -> None:
    assert datetime.fromtimestamp(BaseDate.B1993.end_ms / 1000, UTC) == datetime(2024, 11, 24, 20, 16, tzinfo=UTC)
    last_ms = BaseDate.B1993.end_ms - MINUTE_MS
    assert BaseDate.B1993.identifier(last_ms) == LAST
    with pytest.raises(ValueError, match="do not reach"):
        BaseDate.B1993.identifier(last_ms + MINUTE_MS)
    with pytest.raises(ValueError, match="do not reach"):
        BaseDate.B2014.identifier(BaseDate.B2014.start_ms - 1)
    assert BaseDate.B2014.identifier(last_ms + MINUTE_MS) == 5_732_416
    assert BaseDate.B2035.instant_ms(0) == BaseDate.B2035.start_ms


def test_the_first_minute_of_a_day_is_kept_for_special_tokens() -> None:
    midnight_ms = BaseDate.B2014.start_ms
    assert [BaseDate.B2014.identifier(midnight_ms + minute * MINUTE_MS) for minute in range(4)] == [0, 2, 2, 3]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pan": "123"}, "18 digits"),
        ({"supply_group": "12345x"}, "6 digits"),
        ({"tariff": "1"}, "2 digits"),
        ({"key_type": 4}, "0 to 3"),
        ({"key_revision": 0}, "1 to 9"),
    ],
)
def test_a_decoder_is_right_by_construction(changed: dict[str, object], message: str) -> None:
    right: dict[str, object] = {"pan": "600727000000000009", "supply_group": "123457", "tariff": "01"}
    with pytest.raises(ValueError, match=message):
        Decoder(**(right | changed))  # type: ignore[arg-type]  # wrong on purpose


def test_keys_have_their_lengths() -> None:
    decoder = Decoder(pan="600727000000000009", supply_group="123457", tariff="01")
    with pytest.raises(ValueError, match="20 are right"):
        decoder.key(Secret(b"short"))
    with pytest.raises(ValueError, match="MISTY1 takes 16"):
        Misty1(b"short")


def test_a_token_is_right_by_construction() -> None:
    with pytest.raises(ValueError, match="24 bits"):
        Token(kind=Kind.ELECTRICITY, identifier=1 << 24, value=0, random=0)


def test_a_sub_class_that_is_not_supported_is_named_once_the_check_holds() -> None:
    # Sub-class 3, a time credit, sealed by hand: the CRC of its fields, encrypted, the class bits in their place.
    head = 3 << 44 | 1 << 16 | 5
    crc = crc16_modbus(head.to_bytes(7, "big"))
    block = OURS.encrypt(head << 16 | (crc & 0xFF) << 8 | crc >> 8)
    digits = f"{(block >> 27 & 3) << 64 | block & ~(3 << 27):020d}"
    assert open_token(digits, OURS) is Fault.UNKNOWN_KIND


def test_a_class_that_is_not_supported_is_named() -> None:
    number = int(seal(Token(kind=Kind.ELECTRICITY, identifier=1, value=1, random=1), OURS))
    assert open_token(f"{number | 1 << 27:020d}", OURS) is Fault.UNKNOWN_KIND  # class 1
    assert open_token(f"{number | 3 << 27:020d}", OURS) is Fault.UNKNOWN_KIND  # class 3
