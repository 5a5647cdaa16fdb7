"""Installs a firmware image on one meter and stays with it: over broken connections, and over the meter's restart."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.configuration.config import MeterConfig
from gateway.configuration.fleet_keys import FleetKeys
from gateway.desk.reach import reach
from gateway.meter.firmware import POLL_MS, Next, Stage, Transfer
from gateway.service.script import NoAnswerError, NoConnectionError, RefusedError
from protocols.errors import RemoteProtocolError
from protocols.firmware_image import IMAGE_OCTETS_MAX, FirmwareImage
from protocols.model.quirk_table import KnownQuirks

RETRY_S: Final = 1.0
"""How long after a connection broke the next one is tried."""


def transfer_of(file: Path, identifier: str | None, *, activate: bool) -> Transfer:
    """The transfer of a file; the bench's images say themselves what they are, others are called by their file's name.

    Raises:
        ValueError: the file can't be an image.
    """
    try:
        if file.stat().st_size > IMAGE_OCTETS_MAX:
            raise ValueError(f"{file}: larger than {IMAGE_OCTETS_MAX} octets")
        data = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file}: can't be read ({error.strerror})") from None
    if not data:
        raise ValueError(f"{file} is empty")
    if identifier is not None:
        name = identifier.encode()
    else:
        try:
            name = FirmwareImage.decode(data).identifier
        except RemoteProtocolError:
            name = file.stem.encode()
    return Transfer(identifier=name, data=data, activate=activate)


async def install(
    config: MeterConfig,
    transfer: Transfer,
    now_ms: Callable[[], int],
    tell: Callable[[Stage], None],
    patience_s: float,
    keys: FleetKeys = MappingProxyType({}),
    quirks: Sequence[KnownQuirks] = (),
) -> Stage:
    """Transfer, verify and activate an image.

    Args:
        config: of the meter.
        transfer: what is to be installed.
        now_ms: the clock.
        tell: is told of every step.
        patience_s: how long nothing may get on before it is given up.
        keys: of the meter, where they came in one file.
        quirks: what meters do differently, by what they show of themselves.

    Raises:
        MeterError: the meter does not take the image, does not let us in, or nothing got on for too long.
    """
    loop = asyncio.get_running_loop()
    last, until_s = None, loop.time() + patience_s
    while True:
        try:
            async with reach(config, now_ms, keys=keys, quirks=quirks) as desk:
                while True:
                    stage = await desk.run(transfer.step())
                    tell(stage)
                    if stage.next is Next.DONE:
                        return stage
                    if stage.next is Next.FAILED:
                        raise RefusedError(stage.sentence)
                    if stage != last:
                        last, until_s = stage, loop.time() + patience_s
                    elif loop.time() > until_s:
                        raise RefusedError(f"nothing has got on for {patience_s:g} s: {stage.sentence}")
                    if stage.next is Next.WAIT:
                        await asyncio.sleep(POLL_MS / 1000)
        except (NoConnectionError, NoAnswerError):
            if loop.time() > until_s:
                raise
            await asyncio.sleep(RETRY_S)
