"""A bench file: which meters there are, where they listen, what hangs behind them, and what time it is.

TOML in, typed and frozen values out; a fault is one sentence with the file, the key and what would be right. A bench
without a file is made from the same values by the command line.
"""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from emulator.line.destination import Service, carrier_of
from emulator.line.roles import ROLES, rights_of
from emulator.line.rs485 import LineBehaviour
from protocols.address import AddressError, MeterAddress, count_up, parse
from protocols.modbus.security import Rights
from protocols.settings.fault import nearest
from protocols.settings.file import SettingsError, Written, checked, read_toml
from protocols.settings.section import SecretSource, Section
from protocols.settings.text import HostPort, ZoneName

BENCH_BYTES_MAX: Final = 16 * 1024 * 1024
"""A file that names 100,000 meters one by one has about 15 MiB; `count` needs a few lines."""

METERS_MAX: Final = 1_000_000
RATE_MAX: Final = 1_000_000
SEED_DEFAULT: Final = 42
KEY_NAMES: Final = ("lls", "hls", "block", "authentication", "master", "broadcast", "signing", "agreement", "token")
ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TRAILING_DIGITS: Final = re.compile(r"(\d+)$")


class BenchError(SettingsError):
    """The bench file is wrong."""


def _rate(value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("rate is a number: 1 is real time, 0 frozen, 60 a minute a second")  # noqa: TRY004
    if not 0 <= value <= RATE_MAX:
        raise ValueError(f"rate is 0 to {RATE_MAX}: 1 is real time, 0 frozen, 60 a minute a second")
    return Fraction(str(value))


class ClockSection(Section):
    """Bench time: when it starts (now, if not given), in which zone meters live, how fast it runs."""

    start: AwareDatetime | None = None
    zone: ZoneName = "Asia/Kolkata"
    rate: Annotated[Fraction, BeforeValidator(_rate)] = Fraction(1)


class ControlSection(Section):
    """Where the control API listens."""

    listen: HostPort


def _listen(url: object) -> MeterAddress:
    if not isinstance(url, str):
        raise ValueError("a listen URL is text, such as dlms+tcp://127.0.0.1:0")  # noqa: TRY004
    try:
        return parse(url, listen=True)
    except AddressError as error:
        raise ValueError(str(error)) from None


class PushSection(Section):
    """`push = { to = ... }`: every push setup of a meter, as a head-end would write it.

    What is not said stays as the model has it.
    """

    to: str = Field(description="`dlms+tcp://HOST:PORT`, `dlms+udp://HOST:PORT`, `hdlc` or `connection`")
    every: int = Field(
        default=0,
        description="seconds between two instant pushes: minutes that divide an hour, hours that divide a day",
    )
    random: int | None = Field(default=None, ge=0, le=0xFFFF, description="seconds by which a push is delayed at most")
    retries: int | None = Field(default=None, ge=0, le=0xFF, description="how often a push is tried again")
    repetition: int | None = Field(default=None, ge=0, le=0xFFFF, description="seconds before the first retry")
    confirmed: bool | None = Field(
        default=None, description="whether the receiver is to confirm; setups of version 2 only"
    )

    @field_validator("to")
    @classmethod
    def _a_destination(cls, to: str) -> str:
        cls.place_of(to)
        return to

    @field_validator("every")
    @classmethod
    def _divides(cls, every: int) -> int:
        if every and (every % 60 or 86_400 % every or (every > 3600 and every % 3600)):
            raise ValueError(f"{every} is no such period: minutes that divide an hour, or hours that divide a day")
        return every

    @staticmethod
    def place_of(to: str) -> tuple[Service, bytes]:
        """transport_service and destination.

        Raises:
            ValueError: it is none.
        """
        if to in {"hdlc", "connection"}:
            return Service[to.upper()], to.encode()
        scheme, _, place = to.partition("://")
        service = {"dlms+tcp": Service.TCP, "dlms+udp": Service.UDP}.get(scheme)
        if service is None or carrier_of(service, place.encode()) is None:
            raise ValueError(
                f"{to!r} is nowhere to push to; write dlms+tcp://HOST:PORT, dlms+udp://HOST:PORT, hdlc or connection"
            )
        return service, place.encode()


class MeterSection(Section):
    """One `[[meter]]`, or `count` of them with ids, ports and physical addresses that count up."""

    id: str
    model: str
    count: int = Field(default=1, ge=1, le=METERS_MAX)
    load: dict[str, Any] | None = None
    supply: dict[str, Any] | None = None
    listen: tuple[Annotated[Any, BeforeValidator(_listen)], ...] = ()
    keys: dict[str, SecretSource] = Field(default_factory=dict)
    authorities: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    push: PushSection | None = None

    @field_validator("id")
    @classmethod
    def _a_name(cls, name: str) -> str:
        if not ID.fullmatch(name):
            raise ValueError(f"{name!r} can't be a meter's id; use up to 64 letters, digits, '.', '_' and '-'")
        return name

    @field_validator("keys")
    @classmethod
    def _known_keys(cls, keys: dict[str, SecretSource]) -> dict[str, SecretSource]:
        for name in keys:
            if name not in KEY_NAMES:
                raise ValueError(f"a name there is no key's; {nearest(name, KEY_NAMES)}")
        return keys

    @model_validator(mode="after")
    def _countable(self) -> Self:
        if self.count > 1:
            self.id_of(self.count - 1)
            for address in self.listen:
                try:
                    count_up(address, self.count - 1)
                except AddressError as error:
                    raise ValueError(f"{address}: {error}") from None
        return self

    def id_of(self, step: int) -> str:
        """The id of the meter `step` places after the first.

        Raises:
            ValueError: the id has no digits at its end that could count that far.
        """
        if not step:
            return self.id
        digits = TRAILING_DIGITS.search(self.id)
        if digits is None:
            raise ValueError(f"with count, id {self.id!r} must end in digits, as MB0001 does")
        number = str(int(digits[1]) + step).zfill(len(digits[1]))
        return self.id[: digits.start()] + number


class LineSection(Section):
    """One `[[line]]`: how a serial line behaves; further keys are those of `emulator.line.rs485.LineBehaviour`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    on: str = Field(description="the pty's path or the device, as in the listen URLs")

    @property
    def behaviour(self) -> LineBehaviour:
        """What it does to what it carries."""
        return LineBehaviour.from_table(self.model_extra or {})

    @model_validator(mode="after")
    def _known_behaviour(self) -> Self:
        _ = self.behaviour
        return self


class BenchFile(Section):
    """The whole file."""

    seed: int = SEED_DEFAULT
    clock: ClockSection = ClockSection()
    control: ControlSection | None = None
    line: tuple[LineSection, ...] = ()
    roles: dict[str, Any] | None = Field(default=None, description="Modbus Security: what a certificate's role may do")
    meter: tuple[MeterSection, ...] = ()

    @model_validator(mode="after")
    def _has_meters(self) -> Self:
        if not self.meter:
            raise ValueError("there is no [[meter]]; `meter-emulator init` writes an example")
        return self

    @property
    def rights(self) -> Rights:
        """What the roles of Modbus Security may do."""
        return ROLES if self.roles is None else rights_of(self.roles)

    @field_validator("roles")
    @classmethod
    def _known_rights(cls, roles: dict[str, Any] | None) -> dict[str, Any] | None:
        rights_of(roles or {})
        return roles

    @model_validator(mode="after")
    def _lines_are_there(self) -> Self:
        there = {
            getattr(address.carrier, "path", "") or getattr(address.carrier, "device", "")
            for section in self.meter
            for address in section.listen
        }
        for line in self.line:
            if line.on not in there:
                known = ", ".join(sorted(there - {""})) or "none"
                raise ValueError(f"[[line]] on = {line.on!r}: no meter listens there; serial lines are: {known}")
        return self

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        if sum(section.count for section in self.meter) > METERS_MAX:
            raise ValueError(f"there are more than {METERS_MAX} meters; spread them over several benches")
        seen: set[str] = set()
        for section in self.meter:
            for step in range(section.count):
                name = section.id_of(step)
                if name in seen:
                    raise ValueError(f"the meter id {name!r} is given twice; every meter needs its own")
                seen.add(name)
        return self


class MeterPlan:
    """One meter of a bench: its id, where it listens, and the section of the file that it comes from."""

    __slots__ = ("addresses", "id", "section")

    def __init__(self, section: MeterSection, step: int) -> None:
        self.id = section.id_of(step)
        self.section = section
        self.addresses: tuple[MeterAddress, ...] = tuple(count_up(address, step) for address in section.listen)


def plans(bench: BenchFile) -> Iterator[MeterPlan]:
    """The meters of a bench, one by one, in the order of the file."""
    for section in bench.meter:
        for step in range(section.count):
            yield MeterPlan(section, step)


def read_bench(path: Path) -> BenchFile:
    """Read and check a bench file.

    Raises:
        BenchError: with every fault that was found.
    """
    hint = "`meter-emulator init` writes an example"
    return checked(read_toml(path, BENCH_BYTES_MAX, hint, BenchError), BenchFile, BenchError)


def check(data: Mapping[str, Any], name: str) -> BenchFile:
    """Check what a command line says.

    Args:
        data: the tables.
        name: what faults begin with.

    Raises:
        BenchError: with every fault that was found.
    """
    return checked(Written(data, "", name), BenchFile, BenchError)
