"""Who a meter says it is: what its model fixes, and what follows from the meter's own id.

The id that a bench file gives a meter (`MB0001`) is its serial number; device id, logical device name and system title
are made from it and the model's FLAG code, so that a reader can know them beforehand.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from protocols.model.table import Table

FLAG_LETTERS: Final = 3
SYSTEM_TITLE_OCTETS: Final = 8
LOGICAL_DEVICE_NAME_OCTETS: Final = 16
MAC_OCTETS: Final = 6
LOCALLY_ADMINISTERED: Final = 0x02
"""First octet of a MAC address that nobody has been assigned."""

NAMES: Final = (
    "serial",
    "device_id",
    "logical_device_name",
    "manufacturer",
    "firmware_version",
    "meter_type",
    "category",
    "current_rating",
    "year",
)
"""What an object can name with `identity = ...`."""


FOLLOWING_FROM_ID: Final = frozenset({"serial", "device_id", "logical_device_name"})
"""Those that are different for each meter; all others are the model's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The identity of every meter of a model.

    Attributes:
        manufacturer: the maker's name.
        flag: three letters, in the manner of the FLAG association's manufacturer codes.
        firmware_version: as the meter shows it.
        meter_type: the number that IS 15959 nameplates carry (6 single phase, 7 three phase whole current).
        category: the letter and number of IS 15959, such as D1; empty elsewhere.
        current_rating: basic and maximum current, as printed.
        year: year of manufacture.
    """

    manufacturer: str
    flag: str
    firmware_version: str
    meter_type: int
    category: str
    current_rating: str
    year: int

    @classmethod
    def from_table(cls, table: Table) -> "Identity":
        """Read the `[identity]` table of a model file."""
        identity = cls(
            manufacturer=table.take("manufacturer", str),
            flag=table.take("flag", str),
            firmware_version=table.take("firmware_version", str),
            meter_type=table.take("meter_type", int, 0),
            category=table.take("category", str, ""),
            current_rating=table.take("current_rating", str, ""),
            year=table.take("year", int),
        )
        flag = identity.flag
        if not (len(flag) == FLAG_LETTERS and flag.isascii() and flag.isupper()):
            table.refuse(f"flag is {flag!r}; it must be {FLAG_LETTERS} capital letters")
        return identity

    def serial(self, meter_id: str) -> str:
        """The serial number: the meter's id."""
        return meter_id

    def device_id(self, meter_id: str) -> str:
        """FLAG code and serial number; the first element of every push of an Indian meter."""
        return self.flag + meter_id

    def logical_device_name(self, meter_id: str) -> str:
        """FLAG code and serial number, the latter filled with zeros from the left to sixteen characters in all."""
        return self.flag + meter_id[: LOGICAL_DEVICE_NAME_OCTETS - FLAG_LETTERS].rjust(
            LOGICAL_DEVICE_NAME_OCTETS - FLAG_LETTERS, "0"
        )

    def system_title(self, meter_id: str) -> bytes:
        """Eight octets, unlike those of any other meter: the FLAG code, then five drawn from the id."""
        rest = SYSTEM_TITLE_OCTETS - FLAG_LETTERS
        return self.flag.encode() + blake2b(meter_id.encode(), digest_size=rest, person=b"system title").digest()

    def mac_address(self, meter_id: str) -> bytes:
        """Six octets, locally administered, drawn from FLAG code and id."""
        drawn = blake2b((self.flag + meter_id).encode(), digest_size=MAC_OCTETS - 1, person=b"mac address").digest()
        return bytes((LOCALLY_ADMINISTERED,)) + drawn

    def of(self, name: str, meter_id: str) -> str | int:
        """What an object with `identity = NAME` shows; `name` is one of `NAMES`."""
        match name:
            case "serial":
                return self.serial(meter_id)
            case "device_id":
                return self.device_id(meter_id)
            case "logical_device_name":
                return self.logical_device_name(meter_id)
            case _:
                value: str | int = getattr(self, name)
                return value
