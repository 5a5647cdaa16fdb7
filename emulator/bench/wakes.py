"""Waking: ten thousand meters that do things by themselves, one timer.

A heap holds when each meter wants to be woken, in true time; the earliest one is armed in link time, so a bench clock
that runs faster, stands still or jumps needs only a word here.
"""

import asyncio
from heapq import heappop, heappush

from emulator.bench.resident import Resident
from emulator.timing.clock import BenchClock
from protocols.transport.pump import link_time_us


class Wakes:
    """Wakes residents when their time has come.

    Args:
        clock: bench time.
    """

    def __init__(self, clock: BenchClock) -> None:
        self._clock = clock
        self._heap: list[tuple[int, int, Resident]] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def look(self, resident: Resident) -> None:
        """Ask a meter when it wants to be woken; to be called after anything was done to it."""
        resident.plan()
        at_ms = resident.next_ms
        if at_ms == resident.wake_ms:
            return
        was_first = bool(self._heap) and self._heap[0][2] is resident
        self._push(resident, at_ms)
        if was_first or (self._heap and self._heap[0][2] is resident):
            self.arm()

    def _push(self, resident: Resident, at_ms: int | None) -> None:
        resident.wake_ms = at_ms
        if at_ms is not None:
            self._count += 1
            heappush(self._heap, (at_ms, self._count, resident))

    def arm(self) -> None:
        """Set the timer; to be called after the bench clock was changed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._heap and self._heap[0][2].wake_ms != self._heap[0][0]:
            heappop(self._heap)
        if not self._heap:
            return
        at_us = self._clock.link_us(self._heap[0][0])
        if at_us is not None:
            delay_s = max(0, at_us - link_time_us()) / 1_000_000
            self._timer = asyncio.get_running_loop().call_later(delay_s, self.wake)

    def wake(self) -> None:
        """Bring every meter up to date whose time has come."""
        now_us = link_time_us()
        now_ms = self._clock.true_ms(now_us)
        due: list[Resident] = []
        while self._heap and self._heap[0][0] <= now_ms:
            at_ms, _, resident = heappop(self._heap)
            if resident.wake_ms == at_ms:
                resident.wake_ms = None
                due.append(resident)
        for resident in due:
            resident.look(now_us)
            self._push(resident, resident.next_ms)
        self.arm()

    def close(self) -> None:
        """Wake nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._heap.clear()
