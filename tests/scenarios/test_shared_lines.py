"""One line with 30 Modbus units of five models, one with eight DLMS meters: three die, one turns noisy, the rest go on.

The worst delay of a reading is measured in simulated time against what the silent ones may cost: at most one failed
read each, and each ever more seldom.
"""

from itertools import pairwise

import pytest

from gateway.polling.bus import BACKOFF_MAX_MS
from tests.scenarios.line_world import World

MODELS = ("sdm120", "sdm230", "dds238", "abb-b23", "pem533")
TIMEOUT_MS = 1_000
"""How long an answer may take; asked once more, so a read that fails costs twice that."""
LEFT_MS = 120_000
"""Readings that fell due so late are still to come."""
MODBUS = [f"U{unit:03}" for unit in range(1, 31)]
DLMS = [f"D{station:03}" for station in range(17, 25)]


def modbus_world(monkeypatch: pytest.MonkeyPatch) -> World:
    pty = "modbus+rtu://pty?path=line&baud=9600&unit={}"
    bench = [
        {
            "id": name,
            "model": MODELS[number % len(MODELS)],
            "load": {"constant": 500 + number},
            "supply": {"constant": 230},
            "listen": [pty.format(number + 1)],
        }
        for number, name in enumerate(MODBUS)
    ]
    meters = [
        {
            "id": name,
            "model": MODELS[number % len(MODELS)],
            "url": f"modbus+rtu:///dev/line?baud=9600&unit={number + 1}",
            "read": {"instantaneous": "1m"},
            "timeout": f"{TIMEOUT_MS}ms",
        }
        for number, name in enumerate(MODBUS)
    ]
    return World(bench, meters, lambda frame: frame[0], monkeypatch, seed=30)


def dlms_world(monkeypatch: pytest.MonkeyPatch) -> World:
    bench = [
        {
            "id": name,
            "model": "is15959-d1",
            "load": {"constant": 500},
            "supply": {"constant": 230},
            "listen": [f"dlms+hdlc://pty?path=line&baud=9600&physical={17 + number}"],
        }
        for number, name in enumerate(DLMS)
    ]
    meters = [
        {
            "id": name,
            "model": "is15959-d1",
            "url": f"dlms+hdlc:///dev/line?baud=9600&client=32&server=1&physical={17 + number}",
            "auth": "lls",
            "read": {"instantaneous": "2m"},
            "timeout": f"{TIMEOUT_MS}ms",
        }
        for number, name in enumerate(DLMS)
    ]
    return World(bench, meters, lambda frame: frame[5] >> 1, monkeypatch, seed=8)


@pytest.mark.parametrize("kind", ["modbus", "dlms"])
async def test_three_die_and_one_turns_noisy_and_the_rest_keep_their_schedule(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = modbus_world(monkeypatch) if kind == "modbus" else dlms_world(monkeypatch)
    names = MODBUS if kind == "modbus" else DLMS
    dead, noisy = set(names[1:4]), names[5]
    healthy = set(names) - dead - {noisy}

    begun_ms = world.now_ms()
    await world.run(10)
    calm = max(world.worst_ms(set(names), begun_ms, world.now_ms() - LEFT_MS).values())

    for name in sorted(dead):
        world.kill(name)
    world.meters.noisy = {names.index(noisy) + (1 if kind == "modbus" else 17)}
    world.meters.babble = 0.02
    broken_ms = world.now_ms()
    await world.run(50)
    broken = world.worst_ms(healthy, broken_ms, world.now_ms() - LEFT_MS)
    assert max(broken.values()) <= calm + len(dead | {noisy}) * 2 * TIMEOUT_MS, broken

    settled_ms = broken_ms + 5 * BACKOFF_MAX_MS
    period_ms = 60_000 if kind == "modbus" else 120_000
    for name in sorted(dead | {noisy}):
        assert not world.readings(name, broken_ms + period_ms), "noise is never a reading"
        probes = [at_ms for meter, at_ms in world.health.began if meter == name and at_ms >= settled_ms]
        gaps = [later - earlier for earlier, later in pairwise(probes)]
        assert gaps, name
        assert BACKOFF_MAX_MS <= min(gaps) <= max(gaps) <= BACKOFF_MAX_MS + 2 * period_ms

    for name in sorted(dead):
        world.revive(name)
    revived_ms = world.now_ms()
    await world.run(10)
    for name in sorted(dead):
        assert world.readings(name, revived_ms), "it is found again within five minutes and a period"
