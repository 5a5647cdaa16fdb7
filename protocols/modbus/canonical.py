"""From a quantity's canonical integer to a register's bytes: prepared once for each register of a model.

Energy registers never show more than was counted, so they are cut; what is measured is rounded to the nearest step,
halves away from zero.
"""

from collections.abc import Callable
from fractions import Fraction
from struct import Struct
from typing import Final

from protocols.modbus.register import RegisterSpec

_FLOATS: Final = {"float32": Struct(">f"), "float64": Struct(">d")}

_UNITY: Final = 1000
"""A power factor of one as a canonical integer."""


def canonical_encoder(spec: RegisterSpec, exponent: int = 0) -> Callable[[int], bytes]:
    """What turns the canonical integer of `spec.quantity` into the register's bytes on the wire.

    Args:
        spec: the register.
        exponent: the power of ten that its scale register shows.
    """
    factor = spec.factor() / Fraction(10) ** exponent
    layout = _FLOATS.get(spec.kind.name)
    if spec.four_quadrant:
        return _four_quadrant_encoder(spec, factor)
    if layout is not None:
        return _float_encoder(spec, factor, layout)
    step = _cut if spec.quantity is not None and spec.quantity.kind == "register" else nearest
    numerator, denominator = factor.numerator, factor.denominator
    encode = spec.encode

    def encoder(canonical: int) -> bytes:
        return encode(step(canonical * numerator, denominator))

    return encoder


def _float_encoder(spec: RegisterSpec, factor: Fraction, layout: Struct) -> Callable[[int], bytes]:
    numerator, denominator = factor.numerator, factor.denominator
    pack, arrange = layout.pack, spec.order.arrange
    if not spec.order.low_word_first and not spec.order.bytes_swapped:
        return lambda canonical: pack(canonical * numerator / denominator)
    return lambda canonical: arrange(pack(canonical * numerator / denominator))


def _four_quadrant_encoder(spec: RegisterSpec, factor: Fraction) -> Callable[[int], bytes]:
    """Lagging power factors as they are, leading ones as 2 minus their amount."""
    encode = spec.encode

    def encoder(canonical: int) -> bytes:
        turned = canonical if canonical >= 0 else 2 * _UNITY + canonical
        value = turned * factor
        return encode(float(value) if spec.kind.name in _FLOATS else nearest(value.numerator, value.denominator))

    return encoder


def _cut(numerator: int, denominator: int) -> int:
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)


def nearest(numerator: int, denominator: int) -> int:
    """A quotient as a whole number, halves away from zero.

    >>> nearest(5, 2), nearest(-5, 2), nearest(7, 3)
    (3, -3, 2)
    """
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((-2 * numerator + denominator) // (2 * denominator))
