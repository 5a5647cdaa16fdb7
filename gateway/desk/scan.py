"""Who is on a Modbus line or behind a Modbus port: units, the speed of the line, and which model each is.

Every unit is asked for one register; whoever answers, be it with an exception, is there. A line has one speed, so the
search ends with the first at which anybody answers. What was found is told at once, and kept when the search is
broken off.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.configuration.config import ConfigError
from gateway.desk.progress import Progress
from gateway.desk.recognition import recognise
from gateway.meter.dlms_link import Terms
from gateway.meter.modbus_link import ModbusLink, Pauses
from gateway.service.driver import drive
from gateway.service.script import NoAnswerError, NoConnectionError
from protocols.address import BAUDS as BAUDS_POSSIBLE
from protocols.address import AddressError, ModbusAddress, SerialLine, parse
from protocols.modbus.access import ReadRegisters
from protocols.modbus.code import UNIT_MAX

BAUDS: Final = (9600, 19200, 2400, 4800, 38400, 57600, 115200, 1200)
"""In which order speeds are tried: those that meters leave the works with come first."""

PARITIES: Final = ("N", "E", "O")

PROBE: Final = ReadRegisters(3, 0, 1)
"""What is asked of each unit; who does not have that register says so, and is found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Where to look.

    Attributes:
        address: of the line or the port; its unit does not matter.
        units: whom to ask.
        bauds: speeds to try; none for that of the address.
        parities: on real devices, which to try; none for that of the address.
        timeout_ms: how long an answer may take.
    """

    address: ModbusAddress
    units: Sequence[int] = tuple(range(1, 248))
    bauds: Sequence[int] = ()
    parities: Sequence[str] = ()
    timeout_ms: int = 300

    def settings(self) -> Iterator[ModbusAddress]:
        """The address at each setting of the line, in the order in which they are tried."""
        carrier = self.address.carrier
        if not isinstance(carrier, SerialLine):
            yield self.address
            return
        parities = self.parities or (carrier.parity,)
        if is_pty(carrier.device):
            parities = (carrier.parity,)  # a pty keeps no parity
        for parity in parities:
            for baud in self.bauds or (carrier.baud,):
                yield replace(self.address, carrier=replace(carrier, baud=baud, parity=parity))


class Found(NamedTuple):
    """A unit that answers.

    Attributes:
        unit: its identifier.
        url: how to reach it.
        model: the likeliest, or None where it looks like none of ours.
        certainty: of that.
        others: models that it may be as well.
    """

    unit: int
    url: str
    model: str | None
    certainty: int
    others: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For people."""
        if self.model is None:
            return f"unit {self.unit}: answers, no model of ours  {self.url}"
        also = f" (or {', '.join(self.others)})" if self.others else ""
        return f"unit {self.unit}: {self.model}{also}  {self.url}"


def is_pty(device: str) -> bool:
    """Whether a device is a pseudo-terminal."""
    return str(Path(device).resolve()).startswith("/dev/pts/")


async def scan(
    search: Search, on_found: Callable[[Found], None], on_progress: Callable[[Progress], None] = lambda _: None
) -> None:
    """Look, and tell of everybody who is found.

    Args:
        search: where.
        on_found: is told of each.
        on_progress: is told after each unit.

    Raises:
        NoConnectionError: the port or the device can't be opened.
    """
    settings = list(search.settings())
    most = len(settings) * len(search.units)
    for number, address in enumerate(settings):
        link = ModbusLink(address, Pauses())
        await link.open()
        try:
            if await _look(link, address, search, (number * len(search.units), most), on_found, on_progress):
                return
        finally:
            await link.close()


async def _look(
    link: ModbusLink,
    address: ModbusAddress,
    search: Search,
    done: tuple[int, int],
    on_found: Callable[[Found], None],
    on_progress: Callable[[Progress], None],
) -> bool:
    """Ask every unit at one setting; whether anybody answered."""
    terms, anybody = Terms(timeout_ms=search.timeout_ms, retries=0), False
    before, most = done
    for number, unit in enumerate(search.units, 1):
        if await _is_there(link, unit, terms):
            anybody = True
            on_found(await _whom(link, replace(address, unit=unit), terms))
        asked = before + number
        on_progress(Progress(asked, most, f"{asked} of at most {most}: {replace(address, unit=unit)}"))
    return anybody


async def _is_there(link: ModbusLink, unit: int, terms: Terms) -> bool:
    try:
        await link.ask(unit, PROBE, terms)
    except NoAnswerError:
        return False
    except NoConnectionError:
        await link.open()  # a server may break off over a unit that it does not have
        return False
    return True


async def _whom(link: ModbusLink, address: ModbusAddress, terms: Terms) -> Found:
    patient = replace(terms, retries=1)

    async def ask(request: Any) -> Any:
        return await link.ask(address.unit, request, patient)

    async def commit(work: Callable[[int], Any]) -> Any:
        return work(0)

    try:
        likely = await drive(recognise(), ask, commit)
    except NoAnswerError:
        likely = []
    name, certainty = likely[0] if likely else (None, 0)
    others = tuple(other for other, as_certain in likely[1:] if as_certain == certainty)
    return Found(address.unit, str(address), name, certainty, others)


def search_of(url: str, units: str, bauds: str | None, parities: str | None, timeout_ms: int) -> Search:
    """What a command line asks for.

    Raises:
        ConfigError: it can't be.
    """
    try:
        return Search(
            address=_modbus_address(url),
            units=_units(units),
            bauds=_bauds(url, bauds),
            parities=_parities(url, parities),
            timeout_ms=timeout_ms,
        )
    except (AddressError, ValueError) as error:
        raise ConfigError([str(error)]) from None


def _modbus_address(url: str) -> ModbusAddress:
    address = parse(url)
    if not isinstance(address, ModbusAddress):
        raise AddressError("a Modbus line or port can be scanned; the URL begins with modbus+")
    return address


def _bauds(url: str, text: str | None) -> tuple[int, ...]:
    if text is None:
        return () if "baud=" in url else BAUDS
    bauds = tuple(_whole(each, "--baud") for each in text.split(","))
    if not set(bauds) <= set(BAUDS_POSSIBLE):
        raise ValueError(f"--baud {text}: each is one of {', '.join(map(str, BAUDS_POSSIBLE))}")
    return bauds


def _parities(url: str, text: str | None) -> tuple[str, ...]:
    if text is None:
        return () if "parity=" in url else PARITIES
    parities = tuple(text.split(","))
    if not set(parities) <= set(PARITIES):
        raise ValueError(f"--parity {text}: each is one of {', '.join(PARITIES)}")
    return parities


def _units(text: str) -> tuple[int, ...]:
    units: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        units += range(_whole(first, "--units"), _whole(last or first, "--units") + 1)
    if not units or not all(0 < unit <= UNIT_MAX for unit in units):
        raise ValueError(f"--units {text}: units are 1 to {UNIT_MAX}, as in 1-247 or 1,2,17")
    return tuple(dict.fromkeys(units))


def _whole(text: str, option: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError(f"{option}: {text!r} is no whole number")
    return int(text)
