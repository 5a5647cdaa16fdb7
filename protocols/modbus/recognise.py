"""What a scan reads to know which model answers: pure descriptions, and the judgement of what came back.

A model lists the reads that tell it apart: a maker's code in a register, a type designation, or, where there is nothing
better, values that only make sense at these addresses. All of a model's reads must hold; the more certain models are
asked for first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from protocols.modbus.access import ReadRegisters, Registers
from protocols.modbus.kind import KINDS
from protocols.modbus.order import ORDERS
from protocols.modbus.pdu import Response
from protocols.modbus.register import RegisterSpec
from protocols.model.table import Table

CERTAINTY: Final = {"code": 20, "text": 10, "plausible": 1}
"""What each way of recognising is worth, the best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """One read and what it must show.

    Attributes:
        register: what is read.
        codes: raw values that are right, for a maker's code.
        text: what the text begins with.
        minimum: the least plausible value.
        maximum: the greatest.
    """

    register: RegisterSpec
    codes: tuple[int, ...] = ()
    text: str = ""
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    @property
    def certainty(self) -> int:
        """How much it is worth when it holds."""
        return CERTAINTY["code" if self.codes else "text" if self.text else "plausible"]

    def request(self) -> ReadRegisters:
        """What to ask."""
        return ReadRegisters(self.register.read[0], self.register.address, self.register.words)

    def holds(self, response: Response | None) -> bool:
        """Whether the answer is that of the model; no answer and an exception are not."""
        if not isinstance(response, Registers) or len(response.registers) != 2 * self.register.words:
            return False
        if self.codes:
            return int.from_bytes(self.register.order.arrange(response.registers), "big") in self.codes
        value = self.register.reading(response.registers).value
        if self.text:
            return isinstance(value, str) and value.startswith(self.text)
        if not isinstance(value, Decimal):
            return False
        low, high = self.minimum, self.maximum
        return (low is None or value >= low) and (high is None or value <= high)


def recognised(recognitions: Sequence[Recognition], responses: Iterable[Response | None]) -> int:
    """How certain it is that a unit is of a model: 0 for not at all, else the sum over its reads.

    Args:
        recognitions: the model's.
        responses: what came back for the request of each, in their order.
    """
    judged = [(each.holds(response), each.certainty) for each, response in zip(recognitions, responses, strict=True)]
    return sum(certainty for _, certainty in judged) if judged and all(held for held, _ in judged) else 0


def questions(models: Mapping[str, Sequence[Recognition]]) -> tuple[ReadRegisters, ...]:
    """Every read that tells these models apart, each once, those of the most certain models first."""
    ordered = sorted((each for reads in models.values() for each in reads), key=lambda each: -each.certainty)
    return tuple(dict.fromkeys(each.request() for each in ordered))


def ranked(
    models: Mapping[str, Sequence[Recognition]], answers: Mapping[ReadRegisters, Response | None]
) -> list[tuple[str, int]]:
    """The models that a unit may be, the likeliest first, with how certain that is.

    Args:
        models: recognitions by model.
        answers: what came back for the `questions`; one that was not asked counts as unanswered.
    """
    certain = {
        name: recognised(reads, [answers.get(each.request()) for each in reads]) for name, reads in models.items()
    }
    return sorted(((name, value) for name, value in certain.items() if value), key=lambda each: (-each[1], each[0]))


def read_recognitions(modbus: Table) -> tuple[Recognition, ...]:
    """Read `[[modbus.recognise]]` of a model."""
    return tuple(_read(row) for row in modbus.tables("recognise"))


def _read(row: Table) -> Recognition:
    kind = KINDS[row.choose("type", KINDS, "uint16")]
    register = RegisterSpec(
        name="recognition",
        address=row.take("address", int),
        words=kind.words or row.take("words", int),
        kind=kind,
        order=ORDERS[row.choose("order", ORDERS, "ABCD")],
        read=(row.take("function", int, 3),),
    )
    codes = row.take("codes", list, [])
    if not all(isinstance(code, int) for code in codes):
        row.refuse(f"codes is {codes!r}; it must be a list of numbers")
    recognition = Recognition(
        register=register,
        codes=tuple(codes),
        text=row.take("text", str, ""),
        minimum=_decimal(row, "minimum"),
        maximum=_decimal(row, "maximum"),
    )
    row.done()
    return recognition


def _decimal(row: Table, key: str) -> Decimal | None:
    return Decimal(repr(row.take(key, float))) if key in row else None
