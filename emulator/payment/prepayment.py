"""An account on a running meter: charges follow its energy register and the time, and supply follows the account.

What is owed is a function of the register, so nothing runs: `settle` collects what has become due since, and settling
often or once comes to the same. The instants at which something else begins (a credit exhausted, a warning, friendly
hours, another tariff zone, a charge over time) are found by searching the load's cumulative function forward, as the
load limiter does. The load switch is opened and closed by the meter's own logic: what somebody else has opened stays
open, and while supply is withheld neither the button nor a retry closes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emulator.event.watch import FAR, SEARCH_MS
from emulator.metering.energy import IMPORT, MICROJOULES_PER_MILLI_WH, total
from emulator.metering.zoned import zone_at
from emulator.payment.account import Account, Moment
from emulator.payment.charge import CONSUMPTION, TIME, Charge
from emulator.payment.credit import EMERGENCY, Credit
from emulator.payment.follow import follow
from emulator.payment.friendly import FRIENDLY, calendar_of, next_switch_ms
from emulator.payment.notice import CODES
from emulator.payment.state import AccountStatus, CreditStatus, Supply
from emulator.payment.token_gateway import TokenGateway
from emulator.payment.verb import VERBS
from emulator.relay import Cause, ControlState
from emulator.timing.clock import STANDS_STILL

if TYPE_CHECKING:
    from emulator.mechanism import Mechanism
    from protocols.model.payment import AccountModel

DAY_S: Final = 86_400


class Prepayment:
    """The account of one meter.

    Args:
        meter: whose it is.
        model: what it leaves the works with.
        at_ms: since when it counts.

    Attributes:
        account: amounts and states.
        gateway: its token gateway, or None.
        due_ms: when `plan` wants to be called.
    """

    __slots__ = (
        "_calendar",
        "_meter",
        "_moment",
        "_settled_ms",
        "_since_ms",
        "_step_mwh",
        "_steps",
        "_zone",
        "account",
        "due_ms",
        "gateway",
    )

    def __init__(self, meter: Mechanism, model: AccountModel, at_ms: int) -> None:
        self._meter = meter
        self.account = Account(model)
        self.gateway = None if model.gateway is None else TokenGateway(model.gateway)
        self._calendar = calendar_of(model.friendly)
        self._step_mwh = meter.physics.metering.register_resolution_mwh
        self._since_ms = self._settled_ms = at_ms
        self._steps = self._steps_at(at_ms)
        self._moment = Moment()
        self._zone = 1
        self.due_ms = FAR
        self.account.activated_ms = meter.clock.meter_ms(at_ms)
        for charge in self.account.charges:
            self.begin_period(charge, at_ms)

    # What is so

    @property
    def prepaid(self) -> bool:
        """Whether a lack of credit ends the supply."""
        return self._meter.payment_mode == 1

    def friendly(self, at_ms: int) -> bool:
        """Whether it is an hour in which nobody is cut off."""
        clock = self._meter.clock
        return self._calendar is not None and self._calendar.zone(clock.meter_ms(at_ms), clock.zone) == FRIENDLY

    def meter_ms(self, at_ms: int) -> int:
        """What the meter's clock shows."""
        return self._meter.clock.meter_ms(at_ms)

    def tell(self, at_ms: int, name: str, amount: int) -> None:
        """An event (`emulator.payment.notice.CODES`), and a happening."""
        self._meter.paid(at_ms, name, CODES[name], amount)

    def look(self, at_ms: int) -> Account:
        """The account as it is at an instant."""
        self._meter.advance(at_ms)
        if self._meter.running:
            self.settle(at_ms)
        return self.account

    def do(self, at_ms: int, verb: str, *arguments: Any) -> bool:
        """Do what somebody asks for (`emulator.payment.verb.VERBS`), all that is due before being done."""
        self.settle(at_ms)
        done = VERBS[verb](self, at_ms, *arguments)
        self.plan(at_ms)
        return done

    def pay(self, amount: int, at_ms: int) -> bool:
        """Take a payment; False, and nothing has changed, where it cannot be held."""
        seconds = (at_ms - self._since_ms) // 1000
        period = seconds // (self.account.max_provision_period_s or DAY_S)
        return self.account.pay(amount, period, self.meter_ms(at_ms))

    def begin_period(self, charge: Charge, at_ms: int) -> None:
        """A charge over time falls due for the first time at the next local midnight, then every period."""
        clock = self._meter.clock
        midnight_ms = clock.zone.instant(clock.zone.day(clock.meter_ms(at_ms)) + 1)
        charge.due_ms = at_ms + midnight_ms - clock.meter_ms(at_ms)

    # Settling

    def settle(self, at_ms: int) -> None:
        """Collect what has become due up to an instant, under what has held until then."""
        if at_ms < self._settled_ms or self.account.status is not AccountStatus.ACTIVE:
            self._begin(at_ms)
            return
        for charge in self.account.charges:
            if charge.type == CONSUMPTION:
                self._collect_consumption(charge, at_ms)
            elif charge.type == TIME:
                self._collect_periods(charge, at_ms)
        self._begin(at_ms)

    def _begin(self, at_ms: int) -> None:
        self._settled_ms = max(self._settled_ms, at_ms)
        self._steps = self._steps_at(self._settled_ms)

    def _collect_consumption(self, charge: Charge, at_ms: int) -> None:
        if not self._consumes(charge):
            return
        gained = self._gained(charge, at_ms)
        units = charge.collectable(gained)
        if units:
            self._note_last(charge, units, at_ms)
        charge.owed += gained
        self.account.collect(charge, units, self._moment)

    def _note_last(self, charge: Charge, units: int, at_ms: int) -> None:
        """Find when the last whole unit became due: looking more often would have found the same."""
        low, high = self._settled_ms, at_ms
        while high - low > 1:
            middle = (low + high) // 2
            if charge.collectable(self._gained(charge, middle)) == units:
                high = middle
            else:
                low = middle
        before = charge.collectable(self._gained(charge, low))
        charge.last_ms, charge.last_amount = self._meter.clock.meter_ms(high), units - before

    def _collect_periods(self, charge: Charge, at_ms: int) -> None:
        while charge.due_ms <= at_ms:
            due_ms = charge.due_ms
            charge.due_ms += charge.period_s * 1000
            self.collect_once(charge, due_ms)

    def collect_once(self, charge: Charge, at_ms: int) -> bool:
        """Collect one period's charge; False where it is not collected now."""
        if not charge.runs or self.account.source(charge, self._moment) is None:
            return False
        charge.owed += charge.per_period()
        units = charge.collectable()
        self.account.collect(charge, units, self._moment)
        charge.last_ms, charge.last_amount = self._meter.clock.meter_ms(at_ms), units
        return True

    def _steps_at(self, at_ms: int) -> int:
        """Whole steps of the import register, never starting again."""
        registers = self._meter.ledger.segment(at_ms).registers(at_ms)
        return total(registers, IMPORT) // (MICROJOULES_PER_MILLI_WH * self._step_mwh)

    def _gained(self, charge: Charge, at_ms: int) -> int:
        """What a charge has come to owe since the last settling."""
        return (self._steps_at(at_ms) - self._steps) * charge.per_step(self._zone, self._step_mwh)

    def _consumes(self, charge: Charge) -> bool:
        return charge.type == CONSUMPTION and charge.runs and self.account.source(charge, self._moment) is not None

    # Following up

    def plan(self, at_ms: int) -> None:
        """After something has changed: settle, let states and supply follow, and find what is due."""
        self.settle(at_ms)
        meter = self._meter
        self._moment = Moment(
            disconnected=meter.relay.state is not ControlState.CONNECTED,
            limited=meter.limiter.emergency_active,
            friendly=self.friendly(at_ms),
        )
        self._zone = zone_at(meter, at_ms)
        self._activate_unit_charges(at_ms)
        self.follow(at_ms)

    def follow(self, at_ms: int) -> None:
        """Let states and supply follow from the amounts, and find what is due."""
        if not self._meter.running:
            self.due_ms = FAR
            return
        for notice in follow(self.account, friendly=self._moment.friendly, prepaid=self.prepaid):
            self.tell(at_ms, notice.name, notice.amount)
        self.due_ms = self._next_due_ms(at_ms)
        self._judge(at_ms)

    def _judge(self, at_ms: int) -> None:
        """Open the switch where supply is withheld, close it where it was opened for money, as its mode allows."""
        relay = self._meter.relay
        withheld = self.account.supply is Supply.WITHHELD
        relay.held = withheld
        if withheld and relay.state is ControlState.CONNECTED:
            relay.local_disconnect(at_ms, Cause.CREDIT)
        elif not withheld and relay.state is ControlState.READY_FOR_RECONNECTION and relay.tripped and not relay.waits:
            relay.local_reconnect(at_ms, Cause.CREDIT)

    def _activate_unit_charges(self, at_ms: int) -> None:
        meter_ms = self._meter.clock.meter_ms(at_ms)
        for charge in self.account.charges:
            if charge.activation_ms is not None and charge.activation_ms <= meter_ms:
                charge.activate()
                self.tell(at_ms, "unit_charge_activated", charge.priority)

    # What is due

    def _next_due_ms(self, at_ms: int) -> int:
        account, meter = self.account, self._meter
        if account.status is not AccountStatus.ACTIVE:
            return FAR
        due_ms = min((each.due_ms for each in account.charges if each.type == TIME), default=FAR)
        if self._calendar is not None:
            due_ms = min(due_ms, next_switch_ms(self._calendar, meter.clock, at_ms))
        if not all(each.active.single for each in account.charges):
            due_ms = min(due_ms, next_switch_ms(meter.tariff.at(at_ms), meter.clock, at_ms))
        segment = meter.clock.segments[-1]
        for charge in account.charges:
            if charge.activation_ms is not None and segment.ppb != STANDS_STILL:
                due_ms = min(due_ms, max(at_ms, segment.true_ms(charge.activation_ms)))
        return min(due_ms, self._crossing_ms(at_ms, min(due_ms, at_ms + SEARCH_MS)))

    def _crossing_ms(self, at_ms: int, until_ms: int) -> int:
        """When consumption makes something follow for the first time; `until_ms` where it has not until then."""
        flows = any(self._meter.ledger.segments[-1].shares)
        if not flows or not any(map(self._consumes, self.account.charges)) or self.account.in_use is None:
            return FAR
        if not self._crossed(until_ms):
            return until_ms
        low, high = at_ms, until_ms
        while high - low > 1:
            middle = (low + high) // 2
            if self._crossed(middle):
                high = middle
            else:
                low = middle
        return high

    def _crossed(self, at_ms: int) -> bool:
        """Whether anything would follow from what is owed by then."""
        account = self.account
        taken: dict[int, int] = {}
        for charge in account.charges:
            source = account.source(charge, self._moment) if self._consumes(charge) else None
            if source is not None:
                units = charge.collectable(self._gained(charge, at_ms))
                taken[id(source)] = taken.get(id(source), 0) + units
        left = account.available - sum(taken.values())
        if not account.low and left < account.low_credit_threshold:
            return True
        above = 0
        for credit in account.credits:
            amount = credit.amount - taken.get(id(credit), 0)
            if credit.usable and amount <= credit.limit:
                return True
            if credit.status is CreditStatus.IN_USE and not credit.warned and amount <= credit.warning_threshold:
                return True
            if _is_to_be_offered(credit) and above <= credit.available_threshold:
                return True
            above += max(0, amount) if credit.usable else 0
        return False


def _is_to_be_offered(credit: Credit) -> bool:
    return credit.type == EMERGENCY and credit.status is CreditStatus.ENABLED
