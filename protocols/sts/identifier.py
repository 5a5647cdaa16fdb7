"""Token identifiers: the minute of issue in 24 bits, counted from a base date.

24 bits last 31 years: a meter that counts from 1993 takes no token issued after 24 November 2024, and has to be given
another base date and key before ("TID rollover"). The first minute of a day is kept for special tokens, so a token
that is issued in it bears the next one.
"""

from datetime import UTC, datetime
from enum import Enum
from typing import Final

BITS: Final = 24
LAST: Final = (1 << BITS) - 1
MINUTE_MS: Final = 60_000

_RESERVED_MINUTE: Final = 1
_MINUTES_PER_DAY: Final = 1440


class BaseDate(Enum):
    """The first of January from which identifiers count."""

    B1993 = 1993
    B2014 = 2014
    B2035 = 2035

    @property
    def start_ms(self) -> int:
        """Its instant, UTC."""
        return int(datetime(self.value, 1, 1, tzinfo=UTC).timestamp()) * 1000

    @property
    def end_ms(self) -> int:
        """The first instant whose minute no longer fits."""
        return self.start_ms + (LAST + 1) * MINUTE_MS

    @property
    def code(self) -> bytes:
        """The last two digits of the year, as they enter the decoder key."""
        return b"%02d" % (self.value % 100)

    def identifier(self, utc_ms: int) -> int:
        """The identifier of a token that is issued at an instant.

        Raises:
            ValueError: it lies before the base date, or behind what 24 bits count.
        """
        minutes = (utc_ms - self.start_ms) // MINUTE_MS
        if minutes % _MINUTES_PER_DAY == _RESERVED_MINUTE:
            minutes += 1
        if not 0 <= minutes <= LAST:
            raise ValueError(f"24 bits of minutes from {self.value} do not reach that instant")
        return minutes

    def instant_ms(self, identifier: int) -> int:
        """When a token of an identifier was issued, to the minute."""
        return self.start_ms + identifier * MINUTE_MS
