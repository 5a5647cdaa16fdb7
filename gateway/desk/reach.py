"""Reaches one meter by its URL, for one script or a few, without a store."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from gateway.configuration.config import ConfigError, GatewayConfig, MeterConfig, check
from gateway.configuration.credentials import KeyRing
from gateway.configuration.fleet_keys import EVERY, FleetKeys, parse_fleet_keys
from gateway.configuration.pairs import Trusts
from gateway.desk.recognition import recognise
from gateway.service.driver import drive
from gateway.service.script import Script
from gateway.service.unit import Link, Unit, make_unit, zone_of
from protocols.address import ModbusAddress
from protocols.model.loader import load
from protocols.model.meter_model import MeterModel
from protocols.model.quirk_table import KnownQuirks

T = TypeVar("T")

DESK_ID = "meter"


def fleet_in(file: Path) -> FleetKeys:
    """The keys of a file.

    Raises:
        ConfigError: it can't be read, or is no key file.
    """
    try:
        return parse_fleet_keys(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError([f"{file}: can't be read ({reason})"]) from None
    except ValueError as error:
        raise ConfigError([f"{file}: {error}"]) from None


def keys_in(file: Path) -> FleetKeys:
    """The keys of a file for the one meter of a tool: those of every meter, or of the only one.

    Raises:
        ConfigError: it can't be read, or holds the keys of several meters.
    """
    fleet = fleet_in(file)
    meters = [meter for meter in fleet if meter != EVERY]
    if len(meters) > 1:
        raise ConfigError([f"{file}: holds the keys of {len(meters)} meters; name one that has those of one meter"])
    return {**fleet, DESK_ID: fleet[meters[0]]} if meters else fleet


def meter_config(url: str, auth: str, key: dict[str, Any] | None, options: dict[str, Any]) -> MeterConfig:
    """The configuration of a meter that stands on the command line.

    Raises:
        ConfigError: the URL or an option is wrong.
    """
    meter = {"id": DESK_ID, "url": url, "auth": auth} | options
    if key is not None:
        meter["keys"] = {"lls" if auth == "lls" else "hls": key}
    checked: GatewayConfig = check({"id": "desk", "meter": [meter]}, "", "command line")
    return checked.meter[0]


class Desk:
    """A meter that has been reached.

    Args:
        unit: the meter.
        link: the way to it.
        now_ms: the clock.
    """

    def __init__(self, unit: Unit, link: Link, now_ms: Callable[[], int]) -> None:
        self.unit = unit
        self._link = link
        self._now_ms = now_ms

    async def ask(self, request: Any) -> Any:
        """Ask the meter."""
        return await self.unit.ask(self._link, request)

    async def run(self, script: Script[T]) -> T:
        """Run a script of the meter's."""

        async def commit(work: Callable[[int], Any]) -> Any:
            return work(self._now_ms())

        return await drive(script, self.ask, commit)


@contextlib.asynccontextmanager
async def reach(
    config: MeterConfig,
    now_ms: Callable[[], int],
    zone: str = "Asia/Kolkata",
    keys: FleetKeys = MappingProxyType({}),
    notice: Callable[[Any], None] | None = None,
    *,
    recognised: bool = True,
    quirks: Sequence[KnownQuirks] = (),
) -> AsyncIterator[Desk]:
    """A meter, for the length of a block; a Modbus meter without a model is recognised where it can be.

    Args:
        config: of the meter.
        now_ms: the clock.
        zone: where the meter's clock stands.
        keys: its keys, where they came in one file.
        notice: is told what passes on a DLMS link beside the answers.
        quirks: what meters do differently, by what they show of themselves.
        recognised: whether a Modbus meter without a model is recognised, which takes up to a few dozen reads.

    Raises:
        MeterError: it can't be reached or does not let us in.
        ConfigError: a key or a model is missing.
    """
    entropy = os.urandom  # noqa: TID251 (the program's edge)
    # No counter of ours is kept, so no system title of ours comes twice.
    ring = KeyRing(Path(), keys, b"MBD" + entropy(5), entropy, Trusts(Path(), now_ms))
    where, models = zone_of(zone), dict[str, MeterModel]()
    unit = make_unit(config, where, ring, models, quirks)
    link = unit.link(ring.entropy, notice=notice)
    await link.open()
    try:
        desk = Desk(unit, link, now_ms)
        if recognised and unit.model is None and isinstance(config.address, ModbusAddress):
            likely = await desk.run(recognise())
            if likely:
                desk.unit = Unit(config, load(likely[0][0]), None, where)
        yield desk
    finally:
        await link.close()
