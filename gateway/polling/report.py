"""What the gateway tells: what was read or has happened becomes a stored message, in the caller's transaction.

States (`status`, `relay`, `balance`) are told when they change, so that a retained topic says since when; readings and
events are told each time.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.meter.scripts import BalanceSeen, RelaySeen, Table
from gateway.outbox.outbox import Outbox, RowKind
from gateway.outbox.store import Store
from gateway.polling.coverage import Coverage
from gateway.polling.quality import Shown, judged, shown_after
from gateway.polling.reading import utc, utc_ms
from gateway.polling.schedule import HISTORIES
from protocols.message.envelope import Streamed
from protocols.message.reading import Balance, Event, LastRecharge, PaymentMode, Reading, Relay, Row, Value
from protocols.message.status import MeterState, MeterStatus
from protocols.message.topic import Kind, Topics

ROWS_PER_MESSAGE: Final = 200
"""A message of block load rows stays far below what brokers take by default."""


class Report:
    """Writes messages into the outbox.

    Args:
        store: where states are remembered.
        outbox: where messages go.
        topics: the gateway's.
        currency: of balances.
    """

    def __init__(self, store: Store, outbox: Outbox, topics: Topics, currency: str = "INR") -> None:
        self._store = store
        self._sql = store.sql
        self._outbox = outbox
        self._topics = topics
        self._currency = currency
        self._shown: dict[tuple[str, str], Shown] = {}
        self.clock_trusted: Callable[[], bool] = lambda: True
        """Whether our own clock is right: else no meter's is judged by it."""

    def _state(self, kind: Kind, meter: str, message: Streamed, now_ms: int) -> None:
        topic = self._topics.of_meter(kind, meter)
        self._outbox.put(topic, meter, RowKind.STATE, message.to_body(), now_ms, retain=True)

    def table(self, meter: str, table: Table, now_ms: int) -> None:
        """Rows that were read, in messages of a size that brokers take."""
        for start in range(0, len(table.rows), ROWS_PER_MESSAGE):
            self.reading(meter, table.profile, table.rows[start : start + ROWS_PER_MESSAGE], now_ms)

    def reading(self, meter: str, profile: str, rows: tuple[Row, ...], now_ms: int) -> None:
        """Some rows; those are marked whose time can't be right."""
        if self.clock_trusted():
            shown = shown_after(self._shown.get((meter, profile)), rows, now_ms)
            if shown is not None:
                self._shown[meter, profile] = shown
            rows = judged(rows, shown, now_ms, history=profile in HISTORIES)
        topic = self._topics.reading(meter, profile)
        body = Reading(meter=meter, profile=profile, read_at=utc(now_ms), rows=rows).to_body()
        self._outbox.put(topic, meter, RowKind.READING, body, now_ms)

    def event(
        self,
        meter: str,
        kind: str,
        name: str,
        now_ms: int,
        *,
        row: Row | None = None,
        code: int | None = None,
        log: str | None = None,
        bits: tuple[str, ...] | None = None,
        values: tuple[Value, ...] = (),
    ) -> None:
        """Something that has happened."""
        event = Event(
            meter=meter,
            kind=kind,
            at=row.at if row is not None else None,
            read_at=utc(now_ms),
            code=code,
            name=name,
            log=log,
            bits=bits,
            values=row.values if row is not None else values,
        )
        self._outbox.put(self._topics.of_meter(Kind.EVENT, meter), meter, RowKind.EVENT, event.to_body(), now_ms)

    def relay(
        self, meter: str, seen: RelaySeen, now_ms: int, *, cause: str | None = None, command: str | None = None
    ) -> bool:
        """The load switch was seen; whether that is news."""
        known = self._sql.execute(
            "SELECT output_state, control_state, since_ms, cause, command FROM relay WHERE meter = ?", (meter,)
        ).fetchone()
        same = known is not None and (bool(known[0]), known[1]) == (seen.output_state, seen.control_state)
        if same and command is None:
            return False
        since_ms = known[2] if same else now_ms
        if not same and command is None:
            cause = "local" if known is not None else None  # nobody asked us: the meter or a person did it
        self._sql.execute(
            "INSERT OR REPLACE INTO relay VALUES (?, ?, ?, ?, ?, ?)",
            (meter, seen.output_state, seen.control_state, since_ms, cause, command),
        )
        relay = Relay(
            meter=meter,
            read_at=utc(now_ms),
            output_state=seen.output_state,
            control_state=seen.control_state,
            control_mode=seen.control_mode,
            cause=cause,
            command=command,
            since=utc(since_ms),
        )
        self._state(Kind.RELAY, meter, relay, now_ms)
        return not same

    def output_state(self, meter: str) -> bool | None:
        """What the contact was last seen to be."""
        known = self._sql.execute("SELECT output_state FROM relay WHERE meter = ?", (meter,)).fetchone()
        return None if known is None else bool(known[0])

    def relay_command(self, meter: str) -> str | None:
        """The command that last worked the switch."""
        known = self._sql.execute("SELECT command FROM relay WHERE meter = ?", (meter,)).fetchone()
        return None if known is None else known[0]

    def status(
        self,
        meter: str,
        state: MeterState,
        reason: str | None,
        now_ms: int,
        *,
        last_seen_ms: int | None,
        failures: int,
    ) -> bool:
        """How a meter is doing; told when it changes."""
        news = f"{state}: {reason}"
        if self._store.recall(meter, "status") == news:
            return False
        status = MeterStatus(
            meter=meter,
            status=state,
            reason=reason,
            read_at=utc(now_ms),
            last_seen=None if last_seen_ms is None else utc(last_seen_ms),
            consecutive_failures=failures,
        )
        self._state(Kind.METER_STATUS, meter, status, now_ms)
        self._store.remember(meter, "status", news)
        return True

    def balance(self, meter: str, seen: BalanceSeen, source: str, now_ms: int) -> bool:
        """A balance was seen or given; told when it is news, and remembered for the guard."""
        as_on_ms = now_ms if seen.as_on is None else utc_ms(seen.as_on)
        recharge_ms = None if seen.recharge_at is None else utc_ms(seen.recharge_at)
        known = self._sql.execute(
            "SELECT balance, as_on_ms, recharge_ms FROM balance WHERE meter = ?", (meter,)
        ).fetchone()
        if known is not None and (known[0], known[1]) == (seen.balance, as_on_ms) and recharge_ms in {None, known[2]}:
            return False
        if known is not None and as_on_ms < known[1]:
            return False  # what is older than what we have says nothing new
        recharge = None
        if seen.recharge_amount is not None:
            recharge = LastRecharge(amount=seen.recharge_amount, at=seen.recharge_at, total=seen.recharge_total)
        mode = None if seen.prepaid is None else PaymentMode.PREPAID if seen.prepaid else PaymentMode.POSTPAID
        message = Balance(
            meter=meter,
            read_at=utc(now_ms),
            balance=seen.balance,
            currency=seen.currency or self._currency,
            as_on=utc(as_on_ms) if seen.as_on is None else seen.as_on,
            last_recharge=recharge,
            payment_mode=mode,
            source=source,
        )
        body = message.to_body()
        self._sql.execute(
            "INSERT OR REPLACE INTO balance VALUES (?, ?, ?, ?, ?)",
            (
                meter,
                seen.balance,
                as_on_ms,
                recharge_ms if recharge_ms is not None else (known or (0, 0, None))[2],
                body,
            ),
        )
        self._state(Kind.BALANCE, meter, message, now_ms)
        return True

    # ---- payments

    def payment(self, meter: str, payment: str, command: str, args: Mapping[str, Any], now_ms: int) -> str | None:
        """A payment is about to be written: why it must not be, or None when it may begin or go on."""
        stated = json.dumps(args, sort_keys=True)
        known = self._sql.execute(
            "SELECT done, args, command FROM payment WHERE meter = ? AND payment = ?", (meter, payment)
        ).fetchone()
        if known is None:
            self._sql.execute(
                "INSERT INTO payment (meter, payment, command, args, at_ms) VALUES (?, ?, ?, ?, ?)",
                (meter, payment, command, stated, now_ms),
            )
            return None
        if known[0]:
            return f"payment {payment} is on the meter already"
        return None if known[1] == stated else f"payment {payment} was begun with other amounts by {known[2]}"

    def payment_done(self, meter: str, payment: str) -> None:
        """All five objects were read back as the payment makes them."""
        self._sql.execute("UPDATE payment SET done = 1 WHERE meter = ? AND payment = ?", (meter, payment))

    # ---- what is known of a history

    def coverage(self, meter: str, profile: str) -> Coverage | None:
        """What is known of a profile; None where it was never read."""
        row = self._sql.execute(
            "SELECT through_ms, missing FROM coverage WHERE meter = ? AND profile = ?", (meter, profile)
        ).fetchone()
        return None if row is None else Coverage.from_store(*row)

    def cover(self, meter: str, profile: str, coverage: Coverage) -> None:
        """Remember it, in the same transaction as the rows."""
        self._sql.execute(
            "INSERT OR REPLACE INTO coverage VALUES (?, ?, ?, ?)",
            (meter, profile, coverage.through_ms, coverage.to_json()),
        )

    def period_ms(self, meter: str, profile: str) -> int | None:
        """The capture period that was last read."""
        known = self._store.recall(meter, f"period/{profile}")
        return None if known is None else int(known)

    def remember_period(self, meter: str, profile: str, period_ms: int) -> None:
        """Keep it, so that a restart does not ask again."""
        self._store.remember(meter, f"period/{profile}", str(period_ms))


def detail_of(seen: RelaySeen) -> dict[str, Any]:
    """A relay's state for a result."""
    detail: dict[str, Any] = {"output_state": seen.output_state, "control_state": seen.control_state.value}
    if seen.control_mode is not None:
        detail["control_mode"] = seen.control_mode
    return detail
