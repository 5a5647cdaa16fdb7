"""What the payment objects have in common: amounts and bits on the wire, and readers and methods on an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.face.cosem.behaviour import Outcome, outcome
from protocols.dlms.results import DataAccessResult
from protocols.dlms.value import Tag, encode
from protocols.model.payment import AMOUNT_MAX, AMOUNT_MIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulator.face.cosem.behaviour import Executor, Reader, Writer
    from emulator.face.cosem.face import CosemFace
    from emulator.payment.account import Account
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.dlms.value import Value


def amount(value: int) -> bytes:
    """Money as a double-long; what exceeds one stops at its limit."""
    return encode((int(Tag.DOUBLE_LONG), min(max(value, AMOUNT_MIN), AMOUNT_MAX)))


def bits(numbers: Iterable[int], width: int) -> bytes:
    """A bit-string, bit 0 first."""
    up = set(numbers)
    return encode((int(Tag.BIT_STRING), "".join("1" if number in up else "0" for number in range(width))))


def bits_of(text: str) -> list[int]:
    """The numbers of the bits that are up in a bit-string."""
    return [number for number, bit in enumerate(text) if bit == "1"]


def enum(value: int) -> bytes:
    """An enumeration."""
    return encode((int(Tag.ENUM), value))


def unsigned(value: int) -> bytes:
    """An unsigned octet."""
    return encode((int(Tag.UNSIGNED), value))


def account_reader(read: Callable[[Account, CosemFace, int], bytes]) -> Reader:
    """A reader of the account as it is at the instant of the question."""

    def reader(
        face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association
    ) -> bytes | DataAccessResult:
        payment = face.meter.payment
        return DataAccessResult.OBJECT_UNAVAILABLE if payment is None else read(payment.look(at_ms), face, at_ms)

    return reader


def verb_writer(verb: str, *first: object) -> Writer:
    """A writer that does a verb with the written content behind what is said here."""

    def write(face: CosemFace, at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        return written(face.meter.pay(at_ms, verb, *first, value[1]))

    return write


def verb_method(verb: str, *first: object, takes: bool = False) -> Executor:
    """A method that does a verb, with its parameter's content where it takes one."""

    def execute(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
        arguments = (*first, parameter[1]) if takes else first
        return outcome(face.meter.pay(at_ms, verb, *arguments))

    return execute


def written(done: bool) -> DataAccessResult:  # noqa: FBT001 (what an account answers)
    """What a SET answers when the account took a value or refused it."""
    return DataAccessResult.SUCCESS if done else DataAccessResult.OTHER_REASON
