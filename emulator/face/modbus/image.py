"""What every address of a model shows, prepared once for the model and shared by all its meters.

A read of some registers becomes a recipe: runs of fixed bytes, and places that ask the meter. Recipes are kept, since
pollers ask the same question for ever; a meter itself keeps nothing but what was written to it.
"""

import re
from collections.abc import Callable
from functools import cache
from struct import pack
from typing import Any, Final, NamedTuple

from emulator.event.condition import INDEX
from emulator.parameter import PARAMETERS
from protocols.modbus.canonical import canonical_encoder, nearest
from protocols.modbus.code import ExceptionCode
from protocols.modbus.kind import Raw
from protocols.modbus.register import RegisterSpec
from protocols.modbus.register_map import RegisterMap
from protocols.model.table import ModelError
from protocols.quantity import PHASES, Quantity

RECIPES_MAX: Final = 512
"""Different questions that are remembered for a model; a scan of every address must not grow without end."""

SETTINGS_MAX: Final = 64
"""Values of one setting that are kept encoded."""

Piece = bytes | Callable[[Any, int], bytes]
"""Fixed bytes, or what asks a face at an instant of true time."""

Recipe = tuple[Piece, ...] | ExceptionCode


class Answer(NamedTuple):
    """A whole response of `size` bytes: its parts, and which of them ask the meter; to be copied before it is filled.

    The first part is always fixed: function code and byte count.
    """

    size: int
    fixed: list[bytes]
    asked: tuple[tuple[int, Callable[[Any, int], bytes]], ...]


class RegisterImage:
    """The addresses of one model."""

    def __init__(self, register_map: RegisterMap) -> None:
        self.map = register_map
        self._at: dict[int, dict[int, RegisterSpec]] = {}
        self._alone: dict[tuple[int, int, int], RegisterSpec] = {}
        for spec in register_map.registers:
            for function in (*spec.read, *((23,) if 3 in spec.read else ())):
                if spec.alone:
                    self._alone[function, spec.address, spec.words] = spec
                    continue
                self._at.setdefault(function, {}).update(dict.fromkeys(range(spec.address, spec.end), spec))
        self._pieces = {spec.name: _piece(spec, register_map) for spec in register_map.registers}
        self.recipes: dict[tuple[int, int, int], Recipe] = {}
        self.answers: dict[bytes, Answer] = {}
        """By request PDU, for what has been asked before."""

    def has(self, function: int) -> bool:
        """Whether the model has registers that this function reads; 23 reads what 3 does."""
        return function in self._at

    def spec_at(self, function: int, address: int) -> RegisterSpec | None:
        """The register that covers an address."""
        return self._at.get(function, {}).get(address)

    def recipe(self, function: int, address: int, count: int) -> Recipe:
        """How a read is answered."""
        key = (function, address, count)
        recipe = self.recipes.get(key)
        if recipe is None:
            recipe = self._make(function, address, count)
            if len(self.recipes) >= RECIPES_MAX:
                self.recipes.clear()
                self.answers.clear()
            self.recipes[key] = recipe
            if function != 23 and not isinstance(recipe, ExceptionCode):
                self.answers[pack(">BHH", *key)] = _answer(function, count, recipe)
        return recipe

    def _make(self, function: int, address: int, count: int) -> Recipe:
        if count > self.map.read_registers_max:
            return ExceptionCode.ILLEGAL_DATA_VALUE
        alone = self._alone.get((function, address, count))
        if alone is not None:
            return (self._pieces[alone.name],)
        pieces: list[Piece] = []
        at, end = address, address + count
        while at < end:
            spec = self.spec_at(function, at)
            if spec is None:
                if not self.map.in_window(3 if function == 23 else function, at):
                    return ExceptionCode.ILLEGAL_DATA_ADDRESS
                pieces.append(self.map.gap_value.to_bytes(2, "big"))
                at += 1
                continue
            until = min(spec.end, end)
            whole = at == spec.address and until == spec.end
            if not whole and self.map.whole_values:
                return ExceptionCode.ILLEGAL_DATA_ADDRESS
            piece = self._pieces[spec.name]
            pieces.append(piece if whole else _cut(piece, 2 * (at - spec.address), 2 * (until - spec.address)))
            at = until
        return _joined(pieces)


def _answer(function: int, count: int, recipe: tuple[Piece, ...]) -> Answer:
    joined = _joined([bytes((function, 2 * count)), *recipe])
    fixed = [piece if isinstance(piece, bytes) else b"" for piece in joined]
    asked = tuple((at, piece) for at, piece in enumerate(joined) if not isinstance(piece, bytes))
    return Answer(2 + 2 * count, fixed, asked)


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Runs of fixed bytes become one."""
    joined: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += piece
        else:
            joined.append(piece)
    return tuple(joined)


def _cut(piece: Piece, start: int, stop: int) -> Piece:
    if isinstance(piece, bytes):
        return piece[start:stop]
    return lambda face, at_ms: piece(face, at_ms)[start:stop]


def _piece(spec: RegisterSpec, register_map: RegisterMap) -> Piece:
    """What one register shows."""
    if spec.quantity is not None:
        scale = register_map.by_name(spec.scale_register) if spec.scale_register is not None else None
        return _quantity_piece(spec, spec.quantity, scale.value if scale is not None else 0)
    if spec.setting is not None:
        return _setting_piece(spec, spec.setting)
    if spec.flags:
        return _flags_piece(spec)
    if spec.parameter is not None:
        return _parameter_piece(spec, register_map)
    if spec.identity is not None:
        name = spec.identity
        return lambda face, _at_ms: spec.encode(identity_raw(spec, face.identity(name)))
    return spec.unavailable() if spec.value is None else spec.encode(spec.value)


def _parameter_piece(spec: RegisterSpec, register_map: RegisterMap) -> Piece:
    name, works = spec.name, spec.encode(0 if spec.value is None else spec.value)
    if register_map.unlock is not None and register_map.unlock.register == name:
        return lambda face, at_ms: face.authorised(at_ms)
    return lambda face, _at_ms: works if face.memory is None else face.memory.get(name, works)


def _flags_piece(spec: RegisterSpec) -> Piece:
    """Which conditions are given now, as bits; each pattern is encoded once."""
    masks = [(1 << bit, sum(1 << _condition(name, spec) for name in names)) for bit, names in spec.flags]

    @cache
    def encoded(bits: int) -> bytes:
        return spec.encode(bits)

    return lambda face, _at_ms: encoded(sum(bit for bit, mask in masks if face.meter.monitor.active & mask))


def _condition(name: str, spec: RegisterSpec) -> int:
    if name not in INDEX:
        raise ModelError(f"register {spec.name}: {name!r} is no condition; conditions are {', '.join(INDEX)}")
    return INDEX[name]


def _setting_piece(spec: RegisterSpec, setting: str) -> Piece:
    """One of the meter's parameters; pollers read them for ever and they hardly change."""
    encoded: dict[int, bytes] = {}
    if setting not in PARAMETERS:
        raise ModelError(f"register {spec.name}: {setting!r} is no setting; settings are {', '.join(PARAMETERS)}")
    read = PARAMETERS[setting].read

    def shown(face: Any, _at_ms: int) -> bytes:
        value = read(face.meter)
        data = encoded.get(value)
        if data is None:
            if len(encoded) >= SETTINGS_MAX:
                encoded.clear()
            data = encoded[value] = spec.encode(setting_raw(spec, value))
        return data

    return shown


def _quantity_piece(spec: RegisterSpec, quantity: Quantity, exponent: Raw | None) -> Piece:
    encode, name = canonical_encoder(spec, exponent if isinstance(exponent, int) else 0), quantity.name
    if spec.minus is not None:
        less = spec.minus.name
        return lambda face, at_ms: encode(face.value(name, at_ms) - face.value(less, at_ms))
    if spec.over is not None:
        names, divisor = tuple(f"{name}_{phase}" for phase in PHASES), len(PHASES) if spec.over == "mean" else 1
        return lambda face, at_ms: encode(nearest(sum(face.value(each, at_ms) for each in names), divisor))
    if spec.signed_by is not None:
        sign = spec.signed_by.name

        def signed(face: Any, at_ms: int) -> bytes:
            amount = abs(face.value(name, at_ms))
            return encode(-amount if face.value(sign, at_ms) < 0 else amount)

        return signed
    return lambda face, at_ms: encode(face.value(name, at_ms))


def setting_raw(spec: RegisterSpec, value: int) -> Raw:
    """What a register shows of one of the meter's parameters."""
    shown = value / spec.scale
    return float(shown) if spec.kind.name.startswith("float") else nearest(shown.numerator, shown.denominator)


def identity_raw(spec: RegisterSpec, shown: str | int) -> Raw:
    """What a register makes of the meter's identity: text as it is, of a text its digits where a number is wanted."""
    if spec.kind.name == "string" or isinstance(shown, int):
        return shown
    if spec.kind.name.startswith("float"):
        number = re.search(r"\d+(\.\d+)?", shown)
        return float(number.group()) if number else 0.0
    digits = re.sub(r"\D", "", shown)
    return int(digits or "0") % (1 << 16 * spec.words)
