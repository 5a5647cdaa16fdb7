"""The association with one DLMS meter, against emulated meters that are odd on purpose; real sockets."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.desk.reach import Desk, meter_config, reach
from gateway.meter.dlms_profile import Get, obis
from gateway.service.health import Health
from protocols.dlms.ask.dropped import Drop, Dropped
from tests.gateway.cores import NOW_MS
from tests.gateway.odd_meter import Oddly, odd_meter
from tests.gateway.service.test_health import numbers

CLOCK = Get(8, obis("0.0.1.0.0.255"), 2)
SERIAL = Get(1, obis("0.0.96.1.0.255"), 2)


@asynccontextmanager
async def at(
    where: str, notice: Callable[[Any], None] | None = None, scheme: str = "dlms+tcp", **options: Any
) -> AsyncIterator[Desk]:
    """A meter that stands there, reached as the public client."""
    config = meter_config(f"{scheme}://{where}?client=16&server=1", "none", None, options)
    async with reach(config, lambda: NOW_MS, notice=notice) as desk:
        yield desk


class Late(Oddly):
    """Holds each GET response back until the next one, which it then follows."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def answered(self, apdu: bytes) -> list[bytes]:
        if apdu[0] != 0xC4:
            return [apdu]
        held, self._held = self._held, [apdu]
        return [*held, apdu] if held else [apdu]


async def test_a_late_answer_is_dropped_by_its_name_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    health, seen = Health(), list[Any]()

    def notice(event: Any) -> None:
        seen.append(event)
        health.passed(event)

    with caplog.at_level(logging.WARNING, "gateway.meter.dlms_link"):
        async with odd_meter(lambda: [Late()]) as where, at(where, notice) as desk:
            first = await desk.ask(SERIAL)
            second = await desk.ask(CLOCK)
    assert first[1] == "MB0001"
    assert second != first, "the late serial number is not taken for the clock"
    dropped = [event for event in seen if isinstance(event, Dropped)]
    assert [(each.drop, each.tag) for each in dropped] == [(Drop.LATE, 0xC4)]
    assert "GET response to invoke id 1 dropped: it answers a request that has come to its end" in caplog.text
    assert "the meter needs more than 5000 ms" in caplog.text
    assert numbers(health)['gateway_dropped_answers_total{reason="late"}'] == 1
