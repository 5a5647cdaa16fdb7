"""Logical names: the six value groups that name a COSEM object (IEC 62056-6-1).

On the wire a logical name is six octets; people write `1.0.1.8.0.255` or, with the groups' own separators,
`1-0:1.8.0*255`. Both are read, `str` gives the dotted form that the tables of this project use.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

GROUPS: Final = 6

_REDUCED: Final = re.compile(
    r"(?:(?P<a>\d{1,3})-)?(?:(?P<b>\d{1,3}):)?(?P<c>\d{1,3})\.(?P<d>\d{1,3})(?:\.(?P<e>\d{1,3}))?(?:[*&.](?P<f>\d{1,3}))?"
)
_DEFAULTS: Final = {"a": "0", "b": "0", "e": "255", "f": "255"}


@dataclass(frozen=True, slots=True, order=True)
class LogicalName:
    """The name of one COSEM object; valid by construction.

    Attributes:
        octets: the value groups A to F, one octet each.

    Examples:
        >>> str(LogicalName.parse("1-0:1.8.0*255"))
        '1.0.1.8.0.255'
        >>> LogicalName.parse("0.0.1.0.0.255").octets.hex()
        '0000010000ff'
        >>> LogicalName.parse("1.0.1.8.0.255").reduced
        '1-0:1.8.0*255'
    """

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != GROUPS:
            raise ValueError(f"a logical name has {GROUPS} octets, not {len(self.octets)}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a dotted (`1.0.1.8.0.255`) or reduced (`1-0:1.8.0*255`, `1-0:1.8.0`) name.

        Raises:
            ValueError: the text is neither, or a group is above 255.
        """
        groups = text.split(".")
        if len(groups) != GROUPS:
            match = _REDUCED.fullmatch(text)
            if match is None:
                raise ValueError(f"{text!r} is no logical name; write it like 1.0.1.8.0.255 or 1-0:1.8.0*255")
            groups = [match[group] or _DEFAULTS[group] for group in "abcdef"]
        if not all(group.isascii() and group.isdigit() and int(group) <= 0xFF for group in groups):
            raise ValueError(f"{text!r} is no logical name: each of its six groups is a number from 0 to 255")
        return cls(bytes(int(group) for group in groups))

    @property
    def reduced(self) -> str:
        """The form with the groups' own separators: `1-0:1.8.0*255`."""
        a, b, c, d, e, f = self.octets
        return f"{a}-{b}:{c}.{d}.{e}*{f}"

    def __str__(self) -> str:
        return ".".join(map(str, self.octets))
