"""Meters are woken when their time has come, and only then."""

import asyncio

from emulator.resident import Resident
from emulator.wakes import Wakes
from protocols.transport.pump import link_time_us
from tests.emulator.fakes import bench_clock, fake_meter, resident


def woken_into(order: list[str], enough: asyncio.Event, count: int) -> object:
    def on_wake(each: Resident, _now_us: int) -> None:
        order.append(each.id)
        if len(order) == count:
            enough.set()

    return on_wake


async def test_meters_wake_in_the_order_of_their_instants() -> None:
    clock, order, enough = bench_clock(rate=1000), list[str](), asyncio.Event()
    wakes = Wakes(clock, woken_into(order, enough, 3))  # type: ignore[arg-type]
    now_ms = clock.true_ms(link_time_us())
    for name, ahead_ms in (("late", 30_000), ("early", 10_000), ("never", None)):
        each = resident(name, clock)
        fake_meter(each).wakes = [] if ahead_ms is None else [now_ms + ahead_ms, now_ms + 40_000 + ahead_ms]
        wakes.look(each)
    await asyncio.wait_for(enough.wait(), 5)
    assert order == ["early", "late", "early"]
    wakes.close()


async def test_a_wake_that_was_moved_does_not_happen_at_its_old_time() -> None:
    clock, order, enough = bench_clock(rate=1000), list[str](), asyncio.Event()
    wakes = Wakes(clock, woken_into(order, enough, 1))  # type: ignore[arg-type]
    now_ms = clock.true_ms(link_time_us())
    moved, other = resident("moved", clock), resident("other", clock)
    fake_meter(moved).wakes, fake_meter(other).wakes = [now_ms + 5_000], [now_ms + 20_000]
    for each in (moved, other):
        wakes.look(each)
    fake_meter(moved).wakes = []
    wakes.look(moved)
    await asyncio.wait_for(enough.wait(), 5)
    assert order == ["other"]
    assert fake_meter(moved).advanced == []
    wakes.close()


async def test_a_frozen_clock_wakes_nobody_until_it_is_moved() -> None:
    clock, order, enough = bench_clock(rate=0), list[str](), asyncio.Event()
    wakes = Wakes(clock, woken_into(order, enough, 1))  # type: ignore[arg-type]
    each = resident("M1", clock)
    fake_meter(each).wakes = [clock.true_ms(0) + 60_000]
    wakes.look(each)
    await asyncio.sleep(0.01)
    assert order == []
    clock.jump(link_time_us(), clock.true_ms(0) + 90_000)
    wakes.wake()
    assert order == ["M1"]
    wakes.close()
