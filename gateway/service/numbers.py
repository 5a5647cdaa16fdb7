"""What is counted all over a gateway, as its health shows it: read when somebody asks for `/metrics`."""

from collections.abc import Callable, Mapping

from gateway.outbox.uplink import Uplink
from gateway.service.caller import Callers
from gateway.service.core import Core
from gateway.service.fleet import Fleet
from gateway.service.health import Health
from protocols.message.status import MeterState


def show(
    health: Health, core: Core, fleet: Fleet, uplink: Uplink, callers: Callers, queue_age_s: Callable[[], float]
) -> None:
    """Have a gateway's health show all of it."""
    judgement, dropped = core.commands.judgement, core.retention.dropped
    core.commands.climbed = health.rung
    for name, text, value in (
        ("queue_rows", "Rows that wait to be sent.", lambda: core.outbox.totals.queued),
        ("queue_bytes", "What the outbox holds, shelf included.", lambda: core.outbox.totals.bytes_all),
        ("queue_age_seconds", "Age of the row that waits longest.", queue_age_s),
        ("in_flight", "Messages without PUBACK.", lambda: uplink.sender.in_flight),
        ("sent_through", "The highest seq taken for the wire.", lambda: core.outbox.sent_through),
        ("meters", "Meters configured.", lambda: len(fleet.line_of)),
        ("meters_online", "Meters that answer.", lambda: fleet.states()[MeterState.ONLINE]),
        ("session_up", "1 while a session with the broker stands.", lambda: uplink.up),
    ):
        health.gauge(f"gateway_{name}", text, value)
    for name, text, labels, counts in (
        ("guard_decisions", "Of commands that cut or restore.", ("effect", "decision"), lambda: judgement.decisions),
        ("guard_refusals", "Commands refused.", ("rule",), lambda: _labelled(judgement.refused)),
        ("dropped_rows", "Rows given up though promised.", ("kind",), lambda: _labelled(dropped)),
        ("dropped_polls", "Polls given up: late, or too many.", (), lambda: {(): fleet.dropped_polls()}),
        ("rejected", "Messages the broker would not take.", (), lambda: {(): uplink.sender.rejected}),
        ("ignored", "Messages from the broker that were of no use.", (), lambda: {(): uplink.inbox.ignored}),
        ("calls_turned_away", "Calls of meters that are not ours.", (), lambda: {(): callers.turned_away}),
    ):
        health.counter(f"gateway_{name}_total", text, labels, counts)


def _labelled(counts: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    return {(name,): count for name, count in counts.items()}
