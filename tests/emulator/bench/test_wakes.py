"""Meters are woken when their time has come, and only then."""

import asyncio

from emulator.bench.resident import Resident
from emulator.bench.wakes import Wakes
from protocols.transport.pump import link_time_us
from tests.emulator.fakes import FakeMeter, bench_clock, fake_meter, resident
from tests.patience import PATIENCE_S


class Bench:
    """Meters that note the order in which they are woken."""

    def __init__(self, rate: int, enough: int) -> None:
        self.clock = bench_clock(rate)
        self.wakes = Wakes(self.clock)
        self.now_ms = self.clock.true_ms(link_time_us())
        self.order: list[str] = []
        self.done = asyncio.Event()
        self.enough = enough

    def meter(self, name: str, *ahead_ms: int) -> Resident:
        each = resident(name, self.clock)
        meter = fake_meter(each)
        meter.wakes = [self.now_ms + ahead for ahead in ahead_ms]
        meter.on_advance = self.note
        self.wakes.look(each)
        return each

    def note(self, meter: FakeMeter) -> None:
        self.order.append(meter.id)
        if len(self.order) >= self.enough:
            self.done.set()


async def test_meters_wake_in_the_order_of_their_instants() -> None:
    bench = Bench(rate=1000, enough=3)
    bench.meter("late", 30_000, 80_000)
    bench.meter("early", 10_000, 50_000)
    bench.meter("never")
    await asyncio.wait_for(bench.done.wait(), PATIENCE_S)
    assert bench.order == ["early", "late", "early"]
    bench.wakes.close()


async def test_a_wake_that_was_moved_does_not_happen_at_its_old_time() -> None:
    bench = Bench(rate=1000, enough=1)
    moved = bench.meter("moved", 5_000)
    bench.meter("other", 20_000)
    fake_meter(moved).wakes = []
    bench.wakes.look(moved)
    await asyncio.wait_for(bench.done.wait(), PATIENCE_S)
    assert bench.order == ["other"]
    bench.wakes.close()


async def test_a_frozen_clock_wakes_nobody_until_it_is_moved() -> None:
    bench = Bench(rate=0, enough=1)
    bench.meter("M1", 60_000)
    await asyncio.sleep(0)
    assert bench.order == []
    bench.clock.jump(link_time_us(), bench.now_ms + 90_000)
    bench.wakes.wake()
    assert bench.order == ["M1"]
    bench.wakes.close()
