"""A change of a meter's decoder key: four tokens of class 2, each with a quarter of the new 128-bit key.

All are encrypted under the old key, and may be entered in any order. Which quarter and which facts each one holds was
read out of public test vectors (see `docs/payment.md`):

| sub-class | 12 bits | quarter of the key |
|---|---|---|
| 3 | expiry, high half (4); revision (4); roll-over (1), reserved (1), key type (2) | first |
| 4 | expiry, low half (4); tariff (8) | last |
| 8 | supply group, low 12 bits | second |
| 9 | supply group, high 12 bits | third |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from protocols.secret import Secret
from protocols.sts.decoder_key import DECODER_KEY_OCTETS, SUPPLY_GROUP_DIGITS, TARIFF_DIGITS
from protocols.sts.token import Cipher, Fault, open_head, seal_head

CLASS: Final = 2
SUB_CLASSES: Final = (3, 8, 9, 4)
"""Of the sections, in the order of the key's quarters."""

NEVER_EXPIRES: Final = 255
_QUARTER_OCTETS: Final = DECODER_KEY_OCTETS // len(SUB_CLASSES)
_QUARTER_MASK: Final = (1 << 8 * _QUARTER_OCTETS) - 1


class Section(NamedTuple):
    """One of the four tokens; `content` is secret: the 12 bits of its facts and the 32 of its quarter."""

    sub_class: int
    content: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """What four sections say together.

    Attributes:
        key: the new decoder key.
        supply_group, tariff, key_type, key_revision: what it belongs to.
        key_expiry: the high 8 bits of the last identifier it is good for.
        rollover: identifiers begin anew, as they do with another base date.

    Raises:
        ValueError: something has more digits or bits than there is room for.
    """

    key: Secret
    supply_group: str
    tariff: str
    key_type: int = 2
    key_revision: int = 1
    key_expiry: int = NEVER_EXPIRES
    rollover: bool = False

    def __post_init__(self) -> None:
        for name, text, digits in (
            ("supply_group", self.supply_group, SUPPLY_GROUP_DIGITS),
            ("tariff", self.tariff, TARIFF_DIGITS),
        ):
            if not (len(text) == digits and text.isascii() and text.isdecimal()):
                raise ValueError(f"{name} {text!r}: {digits} digits are right")
        if len(self.key.reveal()) != DECODER_KEY_OCTETS:
            raise ValueError(f"a decoder key has {DECODER_KEY_OCTETS} octets")
        if not (0 <= self.key_type <= 3 and 1 <= self.key_revision <= 9 and 0 <= self.key_expiry <= NEVER_EXPIRES):
            raise ValueError("key type 0 to 3, revision 1 to 9 and expiry 0 to 255 are right")

    def tokens(self, cipher: Cipher) -> tuple[str, ...]:
        """The four tokens, for the meter whose old key the cipher has."""
        key, group = self.key.reveal(), int(self.supply_group)
        facts = {
            3: (self.key_expiry >> 4) << 8 | self.key_revision << 4 | self.rollover << 3 | self.key_type,
            4: (self.key_expiry & 0xF) << 8 | int(self.tariff[0]) << 4 | int(self.tariff[1]),
            8: group & 0xFFF,
            9: group >> 12,
        }
        quarters = [key[at : at + _QUARTER_OCTETS] for at in range(0, len(key), _QUARTER_OCTETS)]
        return tuple(
            seal_head(CLASS, sub_class << 44 | facts[sub_class] << 32 | int.from_bytes(quarter, "big"), cipher)
            for sub_class, quarter in zip(SUB_CLASSES, quarters, strict=True)
        )


def open_section(digits: str, cipher: Cipher) -> Section | Fault:
    """The section of a key change that 20 digits are to the meter whose key the cipher has, or why they are none."""
    opened = open_head(digits, cipher)
    if isinstance(opened, Fault):
        return opened
    token_class, head = opened
    if token_class != CLASS or head >> 44 not in SUB_CLASSES:
        return Fault.UNKNOWN_KIND
    return Section(head >> 44, head & (1 << 44) - 1)


def joined(contents: Mapping[int, int]) -> KeyChange | None:
    """The change that sections make together, by sub-class; None while one is missing, or where they say nonsense."""
    if any(each not in contents for each in SUB_CLASSES):
        return None
    facts = {each: contents[each] >> 32 for each in SUB_CLASSES}
    key = b"".join((contents[each] & _QUARTER_MASK).to_bytes(_QUARTER_OCTETS, "big") for each in SUB_CLASSES)
    try:
        return KeyChange(
            key=Secret(key),
            supply_group=f"{facts[9] << 12 | facts[8]:06d}",
            tariff=f"{facts[4] >> 4 & 0xF}{facts[4] & 0xF}",
            key_type=facts[3] & 3,
            key_revision=facts[3] >> 4 & 0xF,
            key_expiry=(facts[3] >> 8) << 4 | facts[4] >> 8,
            rollover=bool(facts[3] & 8),
        )
    except ValueError:
        return None
