"""The decoder key of one meter, derived from a vending key (decoder key generation algorithm 04 of STS).

HMAC-SHA-256 with the vending key over everything that the decoder key depends on; a meter of another group, tariff or
number has another key, so a token for it means nothing here. What is hashed is proven by public test vectors (see
`docs/payment.md`), which are for 128-bit keys.
"""

from dataclasses import dataclass
from hashlib import sha256
from hmac import digest
from typing import Final

from protocols.secret import Secret
from protocols.sts.identifier import BaseDate

VENDING_KEY_OCTETS: Final = 20
DECODER_KEY_OCTETS: Final = 16
PAN_DIGITS: Final = 18
SUPPLY_GROUP_DIGITS: Final = 6
TARIFF_DIGITS: Final = 2

_ALGORITHM: Final = b"04"
_ENCRYPTION: Final = b"11"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """What a decoder key belongs to.

    Attributes:
        pan: the meter's primary account number, 18 digits: issuer, number, check digit.
        supply_group: six digits.
        tariff: two digits.
        key_type: 0 initial, 1 default, 2 unique, 3 common.
        key_revision: 1 to 9.
        base_date: where the meter's token identifiers begin to count.

    Raises:
        ValueError: something has not that form.
    """

    pan: str
    supply_group: str
    tariff: str
    key_type: int = 2
    key_revision: int = 1
    base_date: BaseDate = BaseDate.B2014

    def __post_init__(self) -> None:
        for name, text, digits in (
            ("pan", self.pan, PAN_DIGITS),
            ("supply_group", self.supply_group, SUPPLY_GROUP_DIGITS),
            ("tariff", self.tariff, TARIFF_DIGITS),
        ):
            if not (len(text) == digits and text.isascii() and text.isdecimal()):
                raise ValueError(f"{name} {text!r}: {digits} digits are right")
        if not 0 <= self.key_type <= 3 or not 1 <= self.key_revision <= 9:
            raise ValueError(f"key type {self.key_type}, revision {self.key_revision}: 0 to 3 and 1 to 9 are right")

    def key(self, vending_key: Secret) -> bytes:
        """The 16 octets that the meter decrypts tokens with.

        Raises:
            ValueError: a vending key has 20 octets.
        """
        vending = vending_key.reveal()
        if len(vending) != VENDING_KEY_OCTETS:
            raise ValueError(f"a vending key of {len(vending)} octets: {VENDING_KEY_OCTETS} are right")
        return digest(vending, self._hashed(), sha256)[:DECODER_KEY_OCTETS]

    def _hashed(self) -> bytes:
        fields = (_ALGORITHM, self.base_date.code, _ENCRYPTION, self.tariff.encode())
        parameters = b"\x04" + b"".join(_counted(each) for each in fields)
        group = (self.supply_group, str(self.key_type), str(self.key_revision), self.pan)
        context = b"\x04" + b"".join(_counted(each.encode()) for each in group)
        return parameters + b"\0" + context + (DECODER_KEY_OCTETS * 8).to_bytes(4, "big")


def _counted(text: bytes) -> bytes:
    return bytes((len(text),)) + text


def pan(issuer: str, number: str) -> str:
    """A primary account number with its check digit (Luhn).

    >>> pan("600727", "00000000000")
    '600727000000000009'
    """
    digits = [int(each) for each in issuer + number]
    doubled = [digit * 2 if place % 2 == 0 else digit for place, digit in enumerate(reversed(digits))]
    total = sum(each - 9 if each > 9 else each for each in doubled)
    return f"{issuer}{number}{-total % 10}"
