"""A DLMS meter at the level of requests: a load switch, block rows, payment objects; it keeps a journal of what it did.

It answers what `DlmsScripts` ask, so the scripts, the ladder and the simulation are tested without a wire.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.meter.dlms_profile import Act, GetMany, Set, obis
from gateway.polling.reading import utc
from protocols.dlms.ask.outcome import Invoked
from protocols.dlms.date_time import DateTime
from protocols.dlms.descriptor import AttributeDescriptor
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.selection import CaptureObject, RangeDescriptor
from protocols.dlms.value import Tag, Value

IST = ZoneInfo("Asia/Kolkata")
CLOCK = CaptureObject(8, obis("0.0.1.0.0.255"), 2)
VOLTAGE = CaptureObject(3, obis("1.0.12.7.0.255"), 2)
CURRENT = CaptureObject(3, obis("1.0.11.7.0.255"), 2)
SWITCH = CaptureObject(70, obis("0.0.96.3.10.255"), 2)
BLOCK_ENERGY = CaptureObject(3, obis("1.0.1.29.0.255"), 2)
INSTANTANEOUS, INSTANTANEOUS_SCALERS = obis("1.0.94.91.0.255"), obis("1.0.94.91.3.255")
BLOCK, BLOCK_SCALERS = obis("1.0.99.1.0.255"), obis("1.0.94.91.4.255")


def scaler_unit(scaler: int, unit: int) -> Value:
    return (Tag.STRUCTURE, [(Tag.INTEGER, scaler), (Tag.ENUM, unit)])


def stamp(at_ms: int) -> Value:
    return (Tag.OCTET_STRING, DateTime.from_instant(utc(at_ms).astimezone(IST)).encode())


@dataclass(slots=True)
class FakeMeter:
    """One meter.

    `control_mode` 4 reconnects at once, any other arms; `payment` holds class 1 objects by name; `period_ms` is that of
    block rows, which exist from `born_ms` on.
    """

    now_ms: Callable[[], int]
    born_ms: int
    control_mode: int = 4
    period_ms: int = 900_000
    output_state: bool = True
    control_state: int = 1
    clock_off_ms: int = 0
    stuck: bool = False
    moves: list[tuple[int, bool]] = field(default_factory=list)
    payment: dict[bytes, Value] = field(default_factory=dict)
    limiter: dict[int, Value] = field(
        default_factory=lambda: {4: (Tag.FLOAT32, 15120.0), 6: (Tag.DOUBLE_LONG_UNSIGNED, 60)}
    )
    denied: set[tuple[int, bytes, int]] = field(default_factory=set)
    writes: list[tuple[int, bytes, int]] = field(default_factory=list)

    def ask(self, request: Any) -> Any:
        """The outcome of a request, as a link gives it."""
        match request:
            case GetMany(items=items):
                return [self._get(each) for each in items]
            case Set(class_id, instance, attribute, value):
                return self._set(class_id, instance, attribute, value)
            case Act(class_id, instance, method, _):
                return self._act(class_id, instance, method)
            case AttributeDescriptor():
                return self._get(request)
        raise AssertionError(request)

    def rows(self, first_ms: int, last_ms: int) -> list[int]:
        """The stamps of the block rows within a stretch that exist by now."""
        first = -(-max(first_ms, self.born_ms) // self.period_ms)
        last = min(last_ms, self.now_ms() + self.clock_off_ms) // self.period_ms
        return [index * self.period_ms for index in range(first, last + 1)]

    def _get(self, get: Any) -> Any:
        key = (get.class_id, get.instance, get.attribute)
        if key in self.denied:
            return DataAccessResult.READ_WRITE_DENIED
        match key:
            case (70, SWITCH.instance, 2):
                return (Tag.BOOLEAN, self.output_state)
            case (70, SWITCH.instance, 3):
                return (Tag.ENUM, self.control_state)
            case (70, SWITCH.instance, 4):
                return (Tag.ENUM, self.control_mode)
            case (8, CLOCK.instance, 2):
                return stamp(self.now_ms() + self.clock_off_ms)
            case (71, _, attribute) if attribute in self.limiter:
                return self.limiter[attribute]
            case (1, name, 2) if name in self.payment:
                return self.payment[name]
            case (7, _, _):
                return self._profile(get)
            case (3, CURRENT.instance, 2):
                return (Tag.LONG_UNSIGNED, 150 if self.output_state else 0)
            case (3, CURRENT.instance, 3):
                return scaler_unit(-2, 33)
            case (3, BLOCK_ENERGY.instance, 3):
                return scaler_unit(0, 30)
        return DataAccessResult.OBJECT_UNDEFINED

    def _profile(self, get: Any) -> Any:
        instantaneous = [CLOCK, VOLTAGE, CURRENT, SWITCH]
        captured = {
            INSTANTANEOUS: instantaneous,
            INSTANTANEOUS_SCALERS: [VOLTAGE, CURRENT],
            BLOCK: [CLOCK, BLOCK_ENERGY],
        }
        if get.instance not in captured:
            return DataAccessResult.OBJECT_UNDEFINED
        if get.attribute == 3:
            return (Tag.ARRAY, [each.value() for each in captured[get.instance]])
        if get.attribute == 4:
            return (Tag.DOUBLE_LONG_UNSIGNED, self.period_ms // 1000)
        if get.instance == INSTANTANEOUS_SCALERS:
            return (Tag.ARRAY, [(Tag.STRUCTURE, [scaler_unit(-1, 35), scaler_unit(-2, 33)])])
        if get.instance == INSTANTANEOUS:
            amperes = 150 if self.output_state else 0
            now = stamp(self.now_ms() + self.clock_off_ms)
            cells = [now, (Tag.LONG_UNSIGNED, 2301), (Tag.LONG_UNSIGNED, amperes), (Tag.BOOLEAN, self.output_state)]
            return (Tag.ARRAY, [(Tag.STRUCTURE, cells)])
        first_ms, last_ms = 0, 2**62
        if get.selection is not None:
            wanted = RangeDescriptor.from_selection(get.selection)
            first_ms, last_ms = (_utc_ms(each) for each in (wanted.from_value, wanted.to_value))
        rows = self.rows(first_ms, last_ms)
        return (
            Tag.ARRAY,
            [(Tag.STRUCTURE, [stamp(at), (Tag.LONG_UNSIGNED, at // self.period_ms % 1000)]) for at in rows],
        )

    def _set(self, class_id: int, instance: bytes, attribute: int, value: Value) -> DataAccessResult:
        if (class_id, instance, attribute) in self.denied:
            return DataAccessResult.READ_WRITE_DENIED
        self.writes.append((class_id, instance, attribute))
        if class_id == 1:
            self.payment[instance] = value
        elif class_id == 71:
            self.limiter[attribute] = value
        elif class_id == 8:
            self.clock_off_ms = _utc_ms(value) - self.now_ms()
        else:
            return DataAccessResult.OBJECT_UNDEFINED
        return DataAccessResult.SUCCESS

    def _act(self, class_id: int, instance: bytes, method: int) -> Invoked:
        if (class_id, instance, -method) in self.denied:
            return Invoked(ActionResult.READ_WRITE_DENIED)
        if class_id != 70:
            return Invoked(ActionResult.SUCCESS)
        closed = method == 2
        self.moves.append((self.now_ms(), closed))
        if not self.stuck:
            at_once = not closed or self.control_mode == 4
            self.output_state = closed and at_once
            self.control_state = (1 if at_once else 2) if closed else 0
        return Invoked(ActionResult.SUCCESS)


def _utc_ms(value: Value) -> int:
    instant = DateTime.decode(value[1]).instant(IST)
    assert instant is not None
    return round(instant.astimezone(UTC).timestamp() * 1000)


def new_payment(balance: int = 0) -> dict[bytes, Value]:
    """Payment objects as they leave the works."""
    long_ago = datetime(2025, 1, 1, tzinfo=UTC)
    names = {19: 0, 20: 1, 21: 0, 23: 0, 24: balance}
    made: dict[bytes, Value] = {
        obis(f"0.0.94.96.{number}.255"): (Tag.UNSIGNED if number < 21 else Tag.DOUBLE_LONG, value)
        for number, value in names.items()
    }
    for number in (22, 25):
        made[obis(f"0.0.94.96.{number}.255")] = (Tag.OCTET_STRING, DateTime.from_instant(long_ago).encode())
    return made
