"""Token formats behind one interface: the bench's own, signed with the meter's key, and STS.

A format reads what was entered and says what it means, or at which check it fails. The bench's format is short on
purpose and documented, so that a test can make its tokens:

| form | what |
|---|---|
| 20 digits | a number of 66 bits: identifier (24), amount (20), signature (22) |
| 16 octets | `MT`, 1, identifier (3 octets), amount (4), signature (6) |

The signature is the front of HMAC-SHA-256 with the meter's `token` key over `meterbench token`, the meter's serial
number, the form (`d` or `o`), identifier and amount (3 and 4 octets).
"""

from enum import Enum
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Final, NamedTuple, Protocol

from emulator.payment.state import TokenStatus
from protocols.model.payment import GatewayModel, StsModel
from protocols.secret import Secret
from protocols.sts import token as sts
from protocols.sts.amount import decode_amount, encode_amount
from protocols.sts.decoder_key import Decoder, pan
from protocols.sts.identifier import BaseDate
from protocols.sts.key_change import NEVER_EXPIRES, KeyChange, Section, open_section
from protocols.sts.misty1 import Misty1

DIGITS: Final = 20
AMOUNT_BITS, SIGNATURE_BITS = 20, 22
IDENTIFIER_OCTETS, AMOUNT_OCTETS, SIGNATURE_OCTETS = 3, 4, 6
HEAD: Final = b"MT\x01"
OCTETS: Final = len(HEAD) + IDENTIFIER_OCTETS + AMOUNT_OCTETS + SIGNATURE_OCTETS

WATT_HOURS_PER_STS_UNIT: Final = 100
"""An electricity credit counts tenths of a kilowatt-hour."""
REGISTERS_CLEARED: Final = frozenset({0, 0xFFFF})
"""Register numbers of a clear-credit token that mean the electricity credit, or all there are."""

_PURPOSE: Final = b"meterbench token"


class Effect(Enum):
    """What a token does."""

    CREDIT = "credit"
    CLEAR = "clear_credit"
    KEY = "key_section"


class Entered(NamedTuple):
    """What a token says, all checks of its format passed.

    Of a section of a key change, `identifier` is its sub-class and `amount` its content, which is secret.
    """

    effect: Effect
    identifier: int
    amount: int


class TokenFormat(Protocol):
    """Reads tokens of one format for one meter."""

    def read(self, octets: bytes) -> Entered | TokenStatus:
        """What was entered means, or the failure it ends with."""

    def issue(self, identifier: int, amount: int) -> str:
        """A credit token of 20 digits for this meter; ValueError where there is none for that."""


class BenchFormat:
    """The bench's own tokens of one meter.

    Args:
        key: the meter's `token` key.
        meter_id: its serial number.
    """

    __slots__ = ("_key", "_meter_id")

    def __init__(self, key: Secret, meter_id: str) -> None:
        self._key = key
        self._meter_id = meter_id

    def issue(self, identifier: int, amount: int) -> str:
        """A token of 20 digits.

        Raises:
            ValueError: identifier or amount has more bits than there is room for.
        """
        if not (0 <= identifier < 1 << IDENTIFIER_OCTETS * 8 and 0 <= amount < 1 << AMOUNT_BITS):
            raise ValueError(f"a token of 20 digits holds 24 bits of identifier and up to {(1 << AMOUNT_BITS) - 1}")
        signature = self._digit_signature(identifier, amount)
        return f"{(identifier << AMOUNT_BITS | amount) << SIGNATURE_BITS | signature:0{DIGITS}d}"

    def octets(self, identifier: int, amount: int) -> bytes:
        """A token of 16 octets."""
        body = _body(identifier, amount)
        return HEAD + body + self._sign(b"o", body)[:SIGNATURE_OCTETS]

    def read(self, octets: bytes) -> Entered | TokenStatus:
        """What was entered means, or the failure it ends with."""
        if len(octets) == OCTETS and octets.startswith(HEAD):
            body, signature = octets[len(HEAD) : -SIGNATURE_OCTETS], octets[-SIGNATURE_OCTETS:]
            identifier = int.from_bytes(body[:IDENTIFIER_OCTETS], "big")
            amount = int.from_bytes(body[IDENTIFIER_OCTETS:], "big")
            right = compare_digest(signature, self._sign(b"o", body)[:SIGNATURE_OCTETS])
        elif len(octets) == DIGITS and octets.isdigit() and not int(octets) >> sts.TOKEN_BITS:
            number, given = divmod(int(octets), 1 << SIGNATURE_BITS)
            identifier, amount = divmod(number, 1 << AMOUNT_BITS)
            right = given == self._digit_signature(identifier, amount)
        else:
            return TokenStatus.FORMAT_FAILURE
        return Entered(Effect.CREDIT, identifier, amount) if right else TokenStatus.AUTHENTICATION_FAILURE

    def _digit_signature(self, identifier: int, amount: int) -> int:
        signed = self._sign(b"d", _body(identifier, amount))
        return int.from_bytes(signed[:4], "big") >> 32 - SIGNATURE_BITS

    def _sign(self, form: bytes, body: bytes) -> bytes:
        return digest(self._key.reveal(), _PURPOSE + self._meter_id.encode() + form + body, sha256)


def _body(identifier: int, amount: int) -> bytes:
    return identifier.to_bytes(IDENTIFIER_OCTETS, "big") + amount.to_bytes(AMOUNT_OCTETS, "big")


class StsFormat:
    """STS tokens of one meter: electricity credit, clear credit, key changes. See `docs/payment.md` for what is proven.

    Args:
        key: the vending key of the meter's supply group, 20 octets.
        meter_id: its serial number; the digits in it are the number in its primary account number.
        model: supply group, tariff, key revision, base date.
        change: the last key change that the meter has carried out, or None.
    """

    __slots__ = ("_cipher", "_expiry")

    def __init__(self, key: Secret, meter_id: str, model: StsModel, change: KeyChange | None = None) -> None:
        derived = decoder_of(meter_id, model).key(key)
        self._cipher = Misty1(derived if change is None else change.key.reveal())
        self._expiry = NEVER_EXPIRES if change is None else change.key_expiry

    def read(self, octets: bytes) -> Entered | TokenStatus:
        """What was entered means, or the failure it ends with."""
        digits = octets.decode("latin-1")
        content = sts.open_token(digits, self._cipher)
        if content is sts.Fault.UNKNOWN_KIND:
            section = open_section(digits, self._cipher)
            if isinstance(section, Section):
                return Entered(Effect.KEY, section.sub_class, section.content)
        if isinstance(content, sts.Fault):
            return _STS_FAULTS[content]
        if content.identifier >> EXPIRY_SHIFT > self._expiry:
            return TokenStatus.VALIDATION_FAILURE
        if content.kind is sts.Kind.ELECTRICITY:
            return Entered(Effect.CREDIT, content.identifier, decode_amount(content.value) * WATT_HOURS_PER_STS_UNIT)
        if content.kind is sts.Kind.CLEAR_CREDIT and content.value in REGISTERS_CLEARED:
            return Entered(Effect.CLEAR, content.identifier, 0)
        return TokenStatus.VALIDATION_FAILURE

    def issue(self, identifier: int, amount: int) -> str:
        """An electricity credit of so many watt-hours, or of the next more that a token can carry.

        Raises:
            ValueError: no token carries as much, or the identifier has more than 24 bits.
        """
        value = encode_amount(-(-amount // WATT_HOURS_PER_STS_UNIT))
        random = identifier & 0xF
        return sts.seal(
            sts.Token(kind=sts.Kind.ELECTRICITY, identifier=identifier, value=value, random=random), self._cipher
        )


_STS_FAULTS: Final = {
    sts.Fault.FORMAT: TokenStatus.FORMAT_FAILURE,
    sts.Fault.AUTHENTICATION: TokenStatus.AUTHENTICATION_FAILURE,
    sts.Fault.UNKNOWN_KIND: TokenStatus.VALIDATION_FAILURE,
}

NUMBER_DIGITS: Final = 11
EXPIRY_SHIFT: Final = 16
"""A key's expiry is compared with the high 8 bits of an identifier's 24."""


def decoder_of(meter_id: str, model: StsModel) -> Decoder:
    """Whose tokens a meter takes."""
    number = "".join(filter(str.isdigit, meter_id))[-NUMBER_DIGITS:].zfill(NUMBER_DIGITS)
    return Decoder(
        pan=pan(model.issuer, number),
        supply_group=model.supply_group,
        tariff=model.tariff,
        key_revision=model.key_revision,
        base_date=BaseDate(model.base_date),
    )


def format_of(model: GatewayModel, key: Secret, meter_id: str, change: KeyChange | None = None) -> TokenFormat:
    """The format that a model's meters take.

    Args:
        model: of the token gateway.
        key: the meter's key of tokens.
        meter_id: its serial number.
        change: the last key change that the meter has carried out, or None.

    Raises:
        ValueError: the key has not the length that the format asks for.
    """
    return BenchFormat(key, meter_id) if model.sts is None else StsFormat(key, meter_id, model.sts, change)
