"""One line, many meters: who is spoken to next, and how a silent meter is kept from slowing the others.

Pure: jobs go in, the next job comes out, its outcome goes back; `now_ms` is an argument. On a line there is one
conversation at a time; commands and on-demand reads go before polls; within a priority the job that waits longest is
first. A meter that does not answer is left alone for a growing time and then probed with its next poll. Its commands
keep their order: the first of them is tried again after a shorter time, at once when a new one comes or the meter
answers something else, and the others wait behind it.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from gateway.polling.schedule import Priority

BACKOFF_FIRST_MS: Final = 2_000
BACKOFF_MAX_MS: Final = 300_000
POLLS_PER_METER_MAX: Final = 64
"""Beyond this a poll is dropped, the oldest first; commands are bounded where they are accepted."""


class Job(NamedTuple):
    """Something to do with one meter. Two polls with the same `key` are one."""

    meter: str
    priority: Priority
    key: str
    at_ms: int
    deadline_ms: int | None = None
    work: Any = None


class _Unit:
    """What a line remembers of one meter."""

    __slots__ = ("failures", "jobs", "rest_until_ms", "retry_ms")

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.failures = 0
        self.rest_until_ms = 0
        self.retry_ms = 0
        """When its commands are tried again."""


class Line:
    """The queue of one line."""

    __slots__ = ("_busy", "_units", "dropped")

    def __init__(self) -> None:
        self._units: dict[str, _Unit] = {}
        self._busy: Job | None = None
        self.dropped = 0
        """Polls that were given up, because their deadline passed or too many waited."""

    @property
    def busy(self) -> Job | None:
        """The job that is being done."""
        return self._busy

    def add(self, job: Job) -> None:
        """Queue a job; a poll that waits already is not queued twice, but keeps its place."""
        unit = self._units.setdefault(job.meter, _Unit())
        waiting = unit.jobs.get(job.key)
        if waiting is not None:
            unit.jobs[job.key] = job._replace(at_ms=waiting.at_ms)
            return
        if job.priority <= Priority.ON_DEMAND:
            unit.retry_ms = 0
        else:
            polls = [each for each in unit.jobs.values() if each.priority > Priority.ON_DEMAND]
            if len(polls) >= POLLS_PER_METER_MAX:
                del unit.jobs[min(polls, key=lambda each: (-each.priority, each.at_ms)).key]
                self.dropped += 1
        unit.jobs[job.key] = job

    def again(self, job: Job, at_ms: int) -> None:
        """A command did not reach its meter: it keeps its place, and is tried again then."""
        unit = self._units.setdefault(job.meter, _Unit())
        unit.jobs = {job.key: job, **unit.jobs}
        unit.retry_ms = at_ms

    def next(self, now_ms: int) -> Job | None:
        """Take the next job; None while the line is busy or nobody may be spoken to."""
        if self._busy is not None:
            return None
        self._drop_late(now_ms)
        ready = [job for job in self._waiting() if self._ready_ms(job) <= now_ms]
        if not ready:
            return None
        job = min(ready, key=lambda each: (each.priority, each.at_ms))
        del self._units[job.meter].jobs[job.key]
        self._busy = job
        return job

    def done(self, now_ms: int, *, answered: bool, backoff_max_ms: int = BACKOFF_MAX_MS) -> int:
        """The job is over; gives how often the meter has failed in a row.

        Args:
            now_ms: now.
            answered: whether the meter did.
            backoff_max_ms: a silent meter is probed at least this often.
        """
        job = self._busy
        if job is None:
            return 0
        self._busy = None
        unit = self._units.setdefault(job.meter, _Unit())
        if answered:
            unit.failures = 0
            unit.rest_until_ms = unit.retry_ms = 0
        else:
            unit.failures += 1
            rest = min(BACKOFF_FIRST_MS << min(unit.failures - 1, 16), backoff_max_ms)
            unit.rest_until_ms = now_ms + rest
        return unit.failures

    def failures(self, meter: str) -> int:
        """How often a meter has failed in a row."""
        unit = self._units.get(meter)
        return 0 if unit is None else unit.failures

    def wake_ms(self) -> int | None:
        """When `next` will have something, as far as known now; None while busy or empty."""
        if self._busy is not None:
            return None
        return min((self._ready_ms(job) for job in self._waiting()), default=None)

    def wake(self, meter: str) -> None:
        """The meter is there again, by itself: it need not rest."""
        unit = self._units.get(meter)
        if unit is not None:
            unit.rest_until_ms = unit.retry_ms = 0

    def forget(self, meter: str) -> None:
        """The meter is no longer on this line; what was queued for it is gone."""
        self._units.pop(meter, None)

    def __len__(self) -> int:
        return sum(len(unit.jobs) for unit in self._units.values())

    def _waiting(self) -> Iterator[Job]:
        for unit in self._units.values():
            yield from unit.jobs.values()

    def _ready_ms(self, job: Job) -> int:
        unit = self._units[job.meter]
        return max(job.at_ms, unit.retry_ms if job.priority <= Priority.ON_DEMAND else unit.rest_until_ms)

    def _drop_late(self, now_ms: int) -> None:
        late = [job for job in self._waiting() if job.deadline_ms is not None and job.deadline_ms <= now_ms]
        for job in late:
            del self._units[job.meter].jobs[job.key]
        self.dropped += len(late)
