"""One Modbus meter as scripts: its register groups by plan, its load switch as the model describes it.

A model without a map can't be read by name; raw registers and coils can be read and written all the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from gateway.command.effect import Effect
from gateway.meter.scripts import BalanceSeen, RelaySeen, Table, Written
from gateway.polling.coverage import Stretch
from gateway.polling.reading import plain
from gateway.service.script import Ask, NoAnswerError, NonsenseError, RefusedError, Script
from protocols.message.args import (
    ExecuteArgs,
    LoadLimitArgs,
    ReadArgs,
    RechargeArgs,
    SetBalanceArgs,
    TariffArgs,
    WriteArgs,
)
from protocols.message.reading import ControlState, Quality, Row, Value
from protocols.modbus import access
from protocols.modbus.client import Garbled
from protocols.modbus.code import exception_name
from protocols.modbus.pdu import ExceptionResponse, Request
from protocols.modbus.plan import PlannedRead, plan
from protocols.modbus.register import RegisterSpec
from protocols.modbus.register_map import RegisterMap
from protocols.modbus.relay_control import RelayControl

NAMEPLATE: Final = "nameplate"
INSTANTANEOUS: Final = "instantaneous"
NO_MAP: Final = RegisterMap(registers=())
"""Of a meter whose model nobody knows: all that the specification allows."""

GROUPS: Final = ("energy", "demand", "settings")
"""Register groups besides the two that every meter has."""


class ModbusScripts:
    """See `gateway.meter.scripts.MeterScripts`; requests are PDUs, outcomes what the client answers.

    Args:
        registers: the model's map, or None where only raw reads and writes are possible.
    """

    __slots__ = ("_map", "_plans")

    def __init__(self, registers: RegisterMap | None) -> None:
        self._map = registers
        self._plans: dict[str, tuple[PlannedRead, ...]] = {}

    @property
    def registers(self) -> RegisterMap | None:
        """The model's map."""
        return self._map

    def profiles(self) -> tuple[str, ...]:
        """The groups that have registers in this model."""
        if self._map is None:
            return ()
        return tuple(name for name in (INSTANTANEOUS, NAMEPLATE, *GROUPS) if self._group(name))

    def _group(self, name: str) -> list[RegisterSpec]:
        registers = self._map.registers if self._map is not None else ()
        return [each for each in registers if _belongs(each, name)]

    def read(self, profile: str, stretch: Stretch | None = None) -> Script[Table]:
        """One pass over a register group, in the fewest requests that the model allows."""
        if self._map is None:
            raise RefusedError("this meter has no model; name one as `model`, or read registers by address")
        if profile not in self._plans:
            wanted = self._group(profile)
            if not wanted:
                raise RefusedError(f"this model has no group {profile!r}; it has {', '.join(self.profiles())}")
            self._plans[profile] = plan(self._map, wanted)
        values = yield from self._read(self._plans[profile], self._group(profile))
        if values and all(each.quality is Quality.ERROR for each in values):
            raise RefusedError(f"the meter refuses the whole group {profile}: {values[0].reason}")
        return Table(profile, (Row(values=values),))

    def read_registers(self, wanted: Sequence[RegisterSpec]) -> Script[tuple[Value, ...]]:
        """Some registers, whether the model has them or not; what is refused is null with the reason."""
        return (yield from self._read(plan(self._map or NO_MAP, wanted), wanted))

    def _read(self, planned: Iterable[PlannedRead], wanted: Iterable[RegisterSpec]) -> Script[tuple[Value, ...]]:
        raw: dict[str, bytes | str] = {}
        for each in planned:
            raw.update((yield from self._planned(each)))
        return tuple(self._value(each, raw) for each in wanted)

    def _planned(self, planned: PlannedRead) -> Script[dict[str, bytes | str]]:
        """The bytes of each register of one request, or why there are none."""
        outcome = yield Ask(planned.request)
        if isinstance(outcome, access.Registers) and len(outcome.registers) == 2 * planned.request.quantity:
            return {each.name: planned.part(outcome.registers, each) for each in planned.registers}
        return dict.fromkeys((each.name for each in planned.registers), _fault(outcome))

    def _value(self, spec: RegisterSpec, raw: Mapping[str, bytes | str]) -> Value:
        data = raw.get(spec.name, "it was not read")
        if isinstance(data, str):
            return _published(spec, None, "", data)
        exponent = 0
        if spec.scale_register is not None:
            scale = self._map.by_name(spec.scale_register) if self._map is not None else None
            scaled = raw.get(spec.scale_register)
            if scale is None or not isinstance(scaled, bytes):
                return _published(spec, None, "", "its scale could not be read")
            power = scale.reading(scaled).value
            if not isinstance(power, Decimal):
                return _published(spec, None, "", "its scale is not available")
            exponent = int(power)
        reading = spec.reading(data, exponent)
        text = plain(reading.value) if isinstance(reading.value, Decimal) else reading.value
        return _published(spec, text, reading.unit, reading.reason)

    def period_ms(self, profile: str) -> Script[int]:
        """Registers have no rows."""
        return 0
        yield

    def _control(self) -> RelayControl | None:
        return self._map.relay if self._map is not None else None

    def relay(self) -> Script[RelaySeen | None]:
        """The model's read-back register or coil."""
        control = self._control()
        if control is None:
            return None
        outcome = yield Ask(control.state_request())
        if isinstance(outcome, ExceptionResponse | Garbled):
            raise RefusedError(f"the meter does not show its relay: {_fault(outcome)}")
        closed = control.is_closed(outcome)
        if closed is None:
            raise NonsenseError("the meter's relay register shows neither open nor closed")
        return RelaySeen(closed, ControlState.CONNECTED if closed else ControlState.DISCONNECTED)

    def switch(self, *, closed: bool) -> Script[str | None]:
        """Register, coil, command block, or arm and execute, as the model says."""
        control = self._control()
        if control is None:
            raise RefusedError("this model has no load switch that can be worked")
        for request in control.requests(closed=closed):
            outcome = yield Ask(request)
            if isinstance(outcome, ExceptionResponse | Garbled):
                return _fault(outcome)
        return None

    def current(self) -> Script[Decimal | None]:
        """The greatest phase current among the instantaneous registers."""
        if self._map is None:
            return None
        wanted = [each for each in self._group(INSTANTANEOUS) if _is_phase_current(each)]
        values = yield from self.read_registers(wanted)
        return max((abs(Decimal(each.value)) for each in values if each.value is not None), default=None)

    def get(self, args: ReadArgs) -> Script[tuple[Row, ...]]:
        """A group by name, or raw registers and coils; a value for each."""
        if args.profile is not None:
            return (yield from self.read(args.profile)).rows
        if args.register_address is not None:
            function = 4 if args.function == 4 else 3
            outcome = yield Ask(access.ReadRegisters(function, args.register_address, args.count))
            if not isinstance(outcome, access.Registers):
                raise RefusedError(f"the meter refuses register {args.register_address}: {_fault(outcome)}")
            words = [outcome.registers[at : at + 2] for at in range(0, len(outcome.registers), 2)]
            numbers = [int.from_bytes(word) for word in words]
            return (_raw_row(args.register_address, numbers),)
        if args.coil is not None:
            table = 2 if args.function == 2 else 1
            outcome = yield Ask(access.ReadBits(table, args.coil, args.count))
            if not isinstance(outcome, access.Bits):
                raise RefusedError(f"the meter refuses coil {args.coil}: {_fault(outcome)}")
            bits = [
                outcome.bits[index // 8] >> index % 8 & 1 for index in range(min(args.count, len(outcome.bits) * 8))
            ]
            return (_raw_row(args.coil, bits),)
        raise RefusedError("a Modbus meter has registers and coils, no objects")

    def write(self, args: WriteArgs) -> Script[Written]:
        """Raw registers or coils within the model's limits, with their read-back."""
        values = args.values if args.values is not None else (args.value,)
        if args.register_address is not None:
            yield from self._write_registers(args.register_address, values)
            rows = yield from self._read_back(ReadArgs(register=args.register_address, count=len(values)))
        elif args.coil is not None:
            for index, value in enumerate(values):
                on = access.COIL_ON if value else access.COIL_OFF
                yield from self._must(access.WriteSingleCoil(args.coil + index, on))
            rows = yield from self._read_back(ReadArgs(coil=args.coil, count=len(values)))
            values = tuple(int(bool(value)) for value in values)
        else:
            raise RefusedError("a Modbus meter has registers and coils, no objects")
        shown = [each.value for each in rows[0].values]
        return Written(None, shown == [str(value) for value in values], ", ".join(each or "null" for each in shown))

    def _read_back(self, args: ReadArgs) -> Script[tuple[Row, ...]]:
        """What stands there after a write; coils and blocks that only take commands show nothing."""
        try:
            return (yield from self.get(args))
        except RefusedError as error:
            raise NoAnswerError(f"the meter acknowledged the write, but can't be read back: {error}") from None

    def _write_registers(self, address: int, values: tuple[int, ...]) -> Script[None]:
        if not all(0 <= value <= 0xFFFF for value in values):
            raise RefusedError("a register holds 0 to 65535")
        allowed = self._map.write if self._map is not None else (16,)
        most = self._map.write_registers_max if self._map is not None else len(values)
        if len(values) > most:
            raise RefusedError(f"this model takes {most} registers in one write")
        if len(values) == 1 and 6 in allowed and 16 not in allowed:
            yield from self._must(access.WriteSingleRegister(address, values[0]))
        elif 16 in allowed:
            data = b"".join(value.to_bytes(2) for value in values)
            yield from self._must(access.WriteMultipleRegisters(address, data))
        else:
            raise RefusedError("this model's registers can't be written with function 16")

    def _must(self, request: Request) -> Script[None]:
        outcome = yield Ask(request)
        if isinstance(outcome, ExceptionResponse | Garbled):
            raise RefusedError(f"the meter refuses the write: {_fault(outcome)}")

    def relay_registers(self) -> dict[int, dict[int, Effect]]:
        """For the guard: what each value does at each address that works the switch."""
        control = self._control()
        if control is None:
            return {}
        effects: dict[int, dict[int, Effect]] = {}
        match control.way:
            case "coil":
                for coil in range(control.address, control.address + control.coils):
                    effects[coil] = {1: Effect.RESTORE, access.COIL_ON: Effect.RESTORE}
            case "arm":
                effects |= {coil: {} for coil in control.open}
                effects |= {coil: {1: Effect.RESTORE, access.COIL_ON: Effect.RESTORE} for coil in control.close}
            case "register":
                effects[control.address] = {control.close[0]: Effect.RESTORE}
            case _:
                # A command block works by all its registers together: whoever writes one of them by hand may cut.
                effects |= {control.address + index: {} for index in range(len(control.open))}
        return effects

    def execute(self, args: ExecuteArgs) -> Script[str | None]:
        """There are no methods."""
        raise RefusedError("a Modbus meter has no methods")
        yield

    def clock(self) -> Script[datetime]:
        """There is none that the maps name."""
        raise RefusedError("this model has no clock register")
        yield

    def set_clock(self, to: datetime) -> Script[str | None]:
        """There is none that the maps name."""
        raise RefusedError("this model has no clock register")
        yield

    def balance(self) -> Script[BalanceSeen | None]:
        """There are no payment objects."""
        return None
        yield

    def set_balance(self, args: SetBalanceArgs) -> Script[Written]:
        """The meter shows none: the gateway keeps it."""
        return Written(None, as_asked=True)
        yield

    def recharge(self, args: RechargeArgs) -> Script[Written]:
        """The meter shows none: the gateway keeps it."""
        return Written(None, as_asked=True)
        yield

    def tariff(self, args: TariffArgs) -> Script[Written]:
        """There is no calendar."""
        raise RefusedError("this model has no activity calendar")
        yield

    def load_limit(self, args: LoadLimitArgs) -> Script[Written]:
        """There is no limiter."""
        raise RefusedError("this model has no limiter")
        yield


def _belongs(spec: RegisterSpec, group: str) -> bool:
    quantity = spec.quantity
    match group:
        case "nameplate":
            return spec.identity is not None
        case "settings":
            return spec.parameter is not None or spec.setting is not None
        case "energy":
            return quantity is not None and quantity.kind == "register"
        case "demand":
            return quantity is not None and quantity.kind == "demand"
        case "instantaneous":
            return quantity is not None
        case _:
            return False


def _is_phase_current(spec: RegisterSpec) -> bool:
    return spec.quantity is not None and spec.quantity.name in {"current", "current_l1", "current_l2", "current_l3"}


def _published(spec: RegisterSpec, text: str | None, unit: str, reason: str | None) -> Value:
    return Value(
        name=spec.name,
        register=spec.address,
        value=text,
        unit=unit or None,
        quality=Quality.GOOD if reason is None else Quality.ERROR,
        reason=reason,
    )


def _raw_row(first: int, numbers: Iterable[int]) -> Row:
    return Row(
        at=None,
        values=tuple(
            Value(name=f"raw_{first + offset}", register=first + offset, value=str(number))
            for offset, number in enumerate(numbers)
        ),
    )


def _fault(outcome: Any) -> str:
    """Why an outcome is no answer, by its name."""
    match outcome:
        case ExceptionResponse(code=code):
            return exception_name(code)
        case Garbled(reason=reason):
            return f"the answer was unusable ({reason})"
        case _:
            return "the answer does not fit the question"
