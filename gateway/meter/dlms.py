"""One DLMS meter as scripts: its profiles, load switch, clock, payment objects and limiter."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from gateway.meter.compact_data import COMPACT_DATA, compact_rows
from gateway.meter.cosem_json import value_from
from gateway.meter.dlms_profile import PROFILES, SCALER_ATTRIBUTE, Act, Get, GetMany, Profiles, Set, obis
from gateway.meter.profile_part import WHOLE, Part
from gateway.meter.quirk_match import Recognition
from gateway.meter.scripts import BalanceSeen, RelaySeen, Table, Written
from gateway.polling.coverage import Stretch
from gateway.polling.reading import Column, instant_of, value_of, written
from gateway.service.script import Ask, NonsenseError, RefusedError, Script
from protocols.cosem.obis import LogicalName
from protocols.dlms.ask.outcome import Invoked
from protocols.dlms.date_time import DateTime
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value
from protocols.message.args import (
    ExecuteArgs,
    LoadLimitArgs,
    ReadArgs,
    RechargeArgs,
    SetBalanceArgs,
    TariffArgs,
    WriteArgs,
)
from protocols.message.reading import ControlState, Row
from protocols.model.meter_model import MeterModel

DATA, CLOCK_CLASS, ACTIVITY_CALENDAR, DISCONNECT_CONTROL, LIMITER = 1, 8, 20, 70, 71
CLOCK: Final = obis("0.0.1.0.0.255")
LOAD_SWITCH: Final = obis("0.0.96.3.10.255")
CALENDAR: Final = obis("0.0.13.0.0.255")
LOAD_LIMITER: Final = obis("0.0.17.0.0.255")
CURRENTS: Final = tuple(obis(f"1.0.{group}.7.0.255") for group in (11, 31, 51, 71))
"""Phase currents: of a single phase, of L1, L2 and L3."""

PAYMENT_MODE: Final = obis("0.0.94.96.20.255")
RECHARGE_AMOUNT: Final = obis("0.0.94.96.21.255")
RECHARGE_TIME: Final = obis("0.0.94.96.22.255")
RECHARGE_TOTAL: Final = obis("0.0.94.96.23.255")
BALANCE: Final = obis("0.0.94.96.24.255")
BALANCE_TIME: Final = obis("0.0.94.96.25.255")

REMOTE_DISCONNECT, REMOTE_RECONNECT = 1, 2
_STATES: Final = (ControlState.DISCONNECTED, ControlState.CONNECTED, ControlState.READY_FOR_RECONNECTION)
_ABSENT: Final = frozenset({DataAccessResult.OBJECT_UNDEFINED, DataAccessResult.OBJECT_UNAVAILABLE})
_INTEGER_0: Final[Value] = (Tag.INTEGER, 0)


class DlmsScripts:
    """See `gateway.meter.scripts.MeterScripts`; requests are those of `gateway.meter.dlms_profile`.

    Args:
        zone: where the meter's clock stands, when it does not say.
        model: what it is, if known: for the names of its values, and in what it counts money.
        recognition: its quirks, as far as they are known.
    """

    __slots__ = ("_currency", "_current_names", "_minor_units", "_model", "_zone", "table")

    def __init__(self, zone: tzinfo, model: MeterModel | None = None, recognition: Recognition | None = None) -> None:
        known = Recognition() if recognition is None else recognition
        self.table = Profiles(zone, model, lambda: known.quirks.unlisted)
        self._zone = zone
        self._model = model
        self._minor_units = 1 if model is None else model.physics.payment.minor_units
        account = None if model is None else model.physics.payment.account
        self._currency = None if account is None else account.currency
        self._current_names: tuple[bytes, ...] | None = None

    def profiles(self) -> tuple[str, ...]:
        """All that IS 15959 names; a meter that lacks one refuses it."""
        return tuple(PROFILES)

    def read(self, profile: str, stretch: Stretch | None = None) -> Script[Table]:
        """Rows of a profile."""
        return (yield from self.table.read(profile, stretch))

    def rows(self, profile: str, stretch: Stretch | None = None, part: Part = WHOLE) -> Script[Table]:
        """Rows of a profile, or of compact data, which is named with its class as 62:0.0.66.0.1.255."""
        if profile.startswith(f"{COMPACT_DATA}:"):
            if stretch is not None or part.entries or part.last:
                raise RefusedError("compact data has no times and no entries to choose by")
            name = profile.partition(":")[2].partition(":")[0]
            try:
                instance = str(LogicalName.parse(name))
            except ValueError as error:
                raise RefusedError(str(error)) from None
            return (yield from compact_rows(self.table, instance, part, self._model))
        return (yield from self.table.read(profile.removeprefix("7:"), stretch, part))

    def period_ms(self, profile: str) -> Script[int]:
        """The profile's capture period."""
        return (yield from self.table.period_ms(profile))

    def relay(self) -> Script[RelaySeen | None]:
        """Class 70, attributes 2, 3 and 4."""
        state, control, mode = yield Ask(
            GetMany(tuple(Get(DISCONNECT_CONTROL, LOAD_SWITCH, attribute) for attribute in (2, 3, 4)))
        )
        if isinstance(state, DataAccessResult) and state in _ABSENT:
            return None
        match state, control:
            case (_, bool(output)), (_, int(number)) if 0 <= number < len(_STATES):
                known = not isinstance(mode, DataAccessResult) and isinstance(mode[1], int)
                return RelaySeen(output, _STATES[number], mode[1] if known else None)
        for outcome in (state, control):
            if isinstance(outcome, DataAccessResult):
                raise RefusedError(f"the meter does not show its load switch: {outcome.title}")
        raise NonsenseError("the meter's load switch shows no state that the standard knows")

    def switch(self, *, closed: bool) -> Script[str | None]:
        """Class 70, method 1 or 2."""
        method = REMOTE_RECONNECT if closed else REMOTE_DISCONNECT
        return (yield from self._act(DISCONNECT_CONTROL, LOAD_SWITCH, method, _INTEGER_0))

    def _act(self, class_id: int, instance: bytes, method: int, parameter: Value | None) -> Script[str | None]:
        outcome = yield Ask(Act(class_id, instance, method, parameter))
        if isinstance(outcome, Invoked):
            return None if outcome.result is ActionResult.SUCCESS else outcome.result.title
        raise NonsenseError("the meter answered a method with something else")

    def current(self) -> Script[Decimal | None]:
        """The greatest of the phase currents that the meter has."""
        names = self._current_names or CURRENTS
        found = yield Ask(GetMany(tuple(Get(3, name, 2) for name in names)))
        shown = {name: each for name, each in zip(names, found, strict=True) if not isinstance(each, DataAccessResult)}
        self._current_names = tuple(shown)
        amperes: list[Decimal] = []
        for name, outcome in shown.items():
            scaler = yield from self.table.scaler(3, name)
            text, _ = written(outcome, scaler.scaler if scaler is not None else 0, self._zone)
            if text is not None and isinstance(outcome[1], int | float):
                amperes.append(abs(Decimal(text)))
        return max(amperes, default=None)

    def get(self, args: ReadArgs) -> Script[tuple[Row, ...]]:
        """A profile by name, or any attribute."""
        if args.profile is not None:
            stretch = None
            if args.since is not None or args.until is not None:
                first = 0 if args.since is None else round(args.since.timestamp() * 1000)
                last = 4_102_444_800_000 if args.until is None else round(args.until.timestamp() * 1000)
                stretch = Stretch(first, last)
            return (yield from self.read(args.profile, stretch)).rows
        if args.obis is None:
            raise RefusedError("a DLMS meter has profiles and objects, no registers and no coils")
        column = Column(args.class_id, obis(args.obis), args.attribute)
        outcome = yield Ask(Get(*column[:3]))
        if isinstance(outcome, DataAccessResult):
            raise RefusedError(f"the meter refuses {args.class_id}:{args.obis}:{args.attribute}: {outcome.title}")
        if args.class_id in SCALER_ATTRIBUTE:
            yield from self.table.scaler(args.class_id, column.instance)
        return (Row(values=(value_of(column, outcome, self.table.scaler_of(column), self._zone, self._model),)),)

    def write(self, args: WriteArgs) -> Script[Written]:
        """Any attribute, with its read-back."""
        if args.obis is None or args.type is None:
            raise RefusedError("a DLMS meter is written by object, class and attribute")
        try:
            value = value_from(args.type, args.value)
        except ValueError as error:
            raise RefusedError(str(error)) from None
        return (yield from self._set_and_read([(Get(args.class_id, obis(args.obis), args.attribute), value)]))

    def _set_and_read(self, wanted: Sequence[tuple[Get, Value]]) -> Script[Written]:
        """Write in order, then read all back; what is as wanted already is not written again."""
        gets = tuple(get for get, _ in wanted)
        before = yield Ask(GetMany(gets))
        refusal: str | None = None
        for (get, value), shown in zip(wanted, before, strict=True):
            if _same(shown, value):
                continue
            outcome = yield Ask(Set(get.class_id, get.instance, get.attribute, value))
            if outcome is not DataAccessResult.SUCCESS:
                refusal = outcome.title if isinstance(outcome, DataAccessResult) else "no result"
                break
        after = yield Ask(GetMany(gets))
        as_asked = all(_same(shown, value) for (_, value), shown in zip(wanted, after, strict=True))
        return Written(refusal, as_asked, ", ".join(self._shown(each) for each in after))

    def _shown(self, outcome: Any) -> str:
        if isinstance(outcome, DataAccessResult):
            return outcome.title
        return written(outcome, 0, self._zone)[0] or "null"

    def execute(self, args: ExecuteArgs) -> Script[str | None]:
        """Any method; without a parameter, integer 0."""
        try:
            parameter = _INTEGER_0 if args.type is None else value_from(args.type, args.parameter)
        except ValueError as error:
            raise RefusedError(str(error)) from None
        return (yield from self._act(args.class_id, obis(args.obis), args.method, parameter))

    def clock(self) -> Script[datetime]:
        """Class 8, attribute 2."""
        outcome = yield Ask(Get(CLOCK_CLASS, CLOCK, 2))
        if isinstance(outcome, DataAccessResult):
            raise RefusedError(f"the meter does not show its clock: {outcome.title}")
        instant = instant_of(outcome[1], self._zone)
        if instant is None:
            raise NonsenseError("the meter's clock shows no time")
        return instant

    def set_clock(self, to: datetime) -> Script[str | None]:
        """Class 8, attribute 2, in the meter's own zone."""
        outcome = yield Ask(Set(CLOCK_CLASS, CLOCK, 2, self._time(to)))
        return None if outcome is DataAccessResult.SUCCESS else outcome.title

    def _time(self, instant: datetime) -> Value:
        return (Tag.OCTET_STRING, DateTime.from_instant(instant.astimezone(self._zone)).encode())

    def balance(self) -> Script[BalanceSeen | None]:
        """The mirror objects 0.0.94.96.20 to 25."""
        names = (PAYMENT_MODE, RECHARGE_AMOUNT, RECHARGE_TIME, RECHARGE_TOTAL, BALANCE, BALANCE_TIME)
        outcomes = yield Ask(GetMany(tuple(Get(DATA, name, 2) for name in names)))
        mode, amount, at, total, balance, as_on = (
            None if isinstance(each, DataAccessResult) else each[1] for each in outcomes
        )
        if not isinstance(balance, int):
            return None
        return BalanceSeen(
            balance * self._minor_units,
            instant_of(as_on, self._zone),
            amount * self._minor_units if isinstance(amount, int) else None,
            instant_of(at, self._zone),
            total * self._minor_units if isinstance(total, int) else None,
            bool(mode) if isinstance(mode, int) else None,
            self._currency,
        )

    def _money(self, minor: int) -> Value:
        """An amount as the meter counts it; nothing is rounded.

        Raises:
            RefusedError: the meter can't hold it.
        """
        whole, rest = divmod(minor, self._minor_units)
        if rest:
            raise RefusedError(f"the meter counts whole units of {self._minor_units}; {minor} can't be written")
        return Tag.DOUBLE_LONG, whole

    def set_balance(self, args: SetBalanceArgs) -> Script[Written]:
        """The balance, then its time: a new time never stands beside an old balance."""
        return (
            yield from self._set_and_read(
                [
                    (Get(DATA, BALANCE, 2), self._money(args.balance)),
                    (Get(DATA, BALANCE_TIME, 2), self._time(args.as_on)),
                ]
            )
        )

    def recharge(self, args: RechargeArgs) -> Script[Written]:
        """The five objects hold results, not steps, so writing what is missing repairs a half-done write.

        The time of the recharge is written last: while it is the old one, the recharge is not complete.
        """
        as_on = args.as_on or args.at
        return (
            yield from self._set_and_read(
                [
                    (Get(DATA, BALANCE, 2), self._money(args.balance)),
                    (Get(DATA, BALANCE_TIME, 2), self._time(as_on)),
                    (Get(DATA, RECHARGE_AMOUNT, 2), self._money(args.amount)),
                    (Get(DATA, RECHARGE_TOTAL, 2), self._money(args.total)),
                    (Get(DATA, RECHARGE_TIME, 2), self._time(args.at)),
                ]
            )
        )

    def load_limit(self, args: LoadLimitArgs) -> Script[Written]:
        """Class 71: how long it must be exceeded (attribute 6), then the normal threshold (attribute 4)."""
        threshold = Get(LIMITER, LOAD_LIMITER, 4)
        shown = yield Ask(threshold)
        if isinstance(shown, DataAccessResult):
            raise RefusedError(f"the meter does not show its limiter: {shown.title}")
        is_float = shown[0] in {Tag.FLOAT32, Tag.FLOAT64}
        wanted: list[tuple[Get, Value]] = []
        if args.over_s is not None:
            wanted.append((Get(LIMITER, LOAD_LIMITER, 6), (Tag.DOUBLE_LONG_UNSIGNED, args.over_s)))
        wanted.append((threshold, (shown[0], float(args.watts) if is_float else args.watts)))
        return (yield from self._set_and_read(wanted))

    def tariff(self, args: TariffArgs) -> Script[Written]:
        """Class 20, attributes 6 to 10: what is passive is complete before it is told when to become active."""
        try:
            parts = [value_from("raw", part) for part in (args.season_profile, args.week_profile, args.day_profile)]
        except ValueError as error:
            raise RefusedError(str(error)) from None
        values = [(int(Tag.OCTET_STRING), args.name.encode()), *parts, self._time(args.activate_at)]
        gets = [Get(ACTIVITY_CALENDAR, CALENDAR, attribute) for attribute in range(6, 11)]
        return (yield from self._set_and_read(list(zip(gets, values, strict=True))))


def _same(shown: Any, wanted: Value) -> bool:
    """Whether a meter shows what was written; a meter may show whole seconds only, or a clock status of its own."""
    if isinstance(shown, DataAccessResult):
        return False
    if isinstance(wanted[1], bytes) and isinstance(shown[1], bytes) and len(wanted[1]) == len(shown[1]) == 12:
        return wanted[1][:4] == shown[1][:4] and wanted[1][5:8] == shown[1][5:8]
    if isinstance(wanted[1], float) and isinstance(shown[1], float):
        return abs(wanted[1] - shown[1]) <= abs(wanted[1]) * 1e-6
    return bool(shown[1] == wanted[1])
