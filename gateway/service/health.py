"""How the gateway is doing: numbers for Prometheus, and whether it is alive and ready.

The gateway counts as it works; what is only worth knowing when somebody asks (depth and age of the queue) is read when
`/metrics` is.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.polling.bus import Job
from protocols.dlms.ask.dropped import Dropped
from protocols.dlms.ask.session import Repeated
from protocols.message.command import Rung

LADDER_BUCKETS_S: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
JOB_BUCKETS_S: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30)
UNHEALTHY_AFTER_S: Final = 30.0
"""Without a beat of the event loop for so long the program is stuck."""


class Health:
    """The numbers of one gateway, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self._reads = Counter("gateway_reads_total", "Reads that were begun.", ["profile"], registry=registry)
        self._errors = Counter("gateway_errors_total", "What went wrong with meters.", ["kind"], registry=registry)
        self._dropped = Counter(
            "gateway_dropped_answers_total",
            "What DLMS meters sent that belonged to nothing under way; late answers above all.",
            ["reason"],
            registry=registry,
        )
        self._repeated = Counter(
            "gateway_repeated_requests_total", "Requests said again since no answer came.", registry=registry
        )
        self._job_s = Histogram(
            "gateway_job_seconds", "How long one job holds its line.", buckets=JOB_BUCKETS_S, registry=registry
        )
        self._rungs = Histogram(
            "gateway_ladder_seconds",
            "From a command's arrival to a rung of its ladder.",
            ["rung"],
            buckets=LADDER_BUCKETS_S,
            registry=registry,
        )
        self._reconnects = Counter("gateway_broker_sessions_total", "Sessions with the broker.", registry=registry)
        self._busy = Gauge("gateway_lines_busy", "Lines that are spoken on now.", registry=registry)
        self._beat_s = time.monotonic()  # noqa: TID251 (the program's edge: is it alive in real time?)
        self._begun_s: dict[str, float] = {}
        self.ready: Callable[[], str | None] = lambda: "starting"
        """Why the gateway is not ready, or None when it is."""

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A number that is read when somebody asks."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def counter(self, name: str, text: str, labels: tuple[str, ...], counts: Callable[[], Mapping[Any, float]]) -> None:
        """What is counted elsewhere, by its labels, and read when somebody asks."""
        self.registry.register(_Counted(name, text, labels, counts))

    def begun(self, job: Job) -> None:
        """A job holds its line from now on; commands are counted by their rungs."""
        if job.work is None:
            self._reads.labels(job.key).inc()
        self._begun_s[f"{job.meter}/{job.key}"] = time.monotonic()  # noqa: TID251
        self._busy.inc()

    def ended(self, job: Job) -> None:
        """Its line is free again."""
        begun_s = self._begun_s.pop(f"{job.meter}/{job.key}", None)
        if begun_s is not None:
            self._job_s.observe(time.monotonic() - begun_s)  # noqa: TID251
            self._busy.dec()

    def error(self, kind: str) -> None:
        """Something went wrong with a meter."""
        self._errors.labels(kind).inc()

    def passed(self, event: Any) -> None:
        """Something passed on a DLMS link beside the answers."""
        if isinstance(event, Dropped):
            self._dropped.labels(event.drop.name.lower()).inc()
        elif isinstance(event, Repeated):
            self._repeated.inc()

    def rung(self, rung: Rung, after_ms: int) -> None:
        """A command has reached a rung so long after it came."""
        self._rungs.labels(rung.value).observe(after_ms / 1000)

    def session(self) -> None:
        """A session with the broker stands."""
        self._reconnects.inc()

    def beat(self) -> None:
        """The event loop has come round."""
        self._beat_s = time.monotonic()  # noqa: TID251

    def alive(self) -> bool:
        """Whether the event loop still comes round."""
        return time.monotonic() - self._beat_s < UNHEALTHY_AFTER_S  # noqa: TID251

    def metrics(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)


class _Counted(Collector):
    def __init__(
        self, name: str, text: str, labels: tuple[str, ...], counts: Callable[[], Mapping[Any, float]]
    ) -> None:
        self._name, self._text, self._labels, self._counts = name, text, labels, counts

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, count in self._counts().items():
            family.add_metric(labels, count)
        yield family
