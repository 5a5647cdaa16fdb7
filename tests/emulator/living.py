"""A real meter with face and errands, for tests of what it does by itself: written to by a client, walked in time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.errand.errands import Errands
from emulator.errand.push import Push
from emulator.face.cosem.face import CosemFace
from emulator.meter import Meter
from protocols.cosem.obis import LogicalName
from protocols.dlms.application import Association
from protocols.dlms.notification import DataNotification
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value, decode, encode
from protocols.machine import Peer
from protocols.model.loader import load

START_MS = 1_730_053_800_000
"""2024-10-28T00:00:00+05:30, a Monday."""
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

UTILITY = 48
INSTANT, ALERT, BLOCK = "0.0.25.9.0.255", "0.4.25.9.0.255", "0.5.25.9.0.255"
POWER, BILL = "0.10.25.9.0.255", "0.132.25.9.0.255"
SETUPS = (INSTANT, ALERT, BLOCK, POWER, BILL)


def octets(name: str) -> bytes:
    return LogicalName.parse(name).octets


class TrueTime:
    """Link time is true time."""

    def true_ms(self, now_us: int) -> int:
        return now_us // 1000


@dataclass(frozen=True)
class Sent:
    """A push as it left: when, from which setup, its values."""

    at_ms: int
    setup: str
    values: list[Any]
    push: Push


class Living:
    """One meter. Pushes that it makes are delivered at once, unless `deliver` says otherwise."""

    def __init__(
        self, model: str = "is15959-d1", meter_id: str = "MB0001", client: int = UTILITY, seed: int = 7
    ) -> None:
        self.model = load(model)
        self.meter = Meter(meter_id, self.model, seed, {"constant": 500}, {"constant": 230}, START_MS)
        self.face = CosemFace(self.meter, self.model, TrueTime())
        self.errands = Errands(self.face, self.meter)
        self.association = Association(self.face.associations()[client], 1, Peer("memory", "test"))
        self.association.security = 0x30
        self.now_ms = START_MS
        self.sent: list[Sent] = []
        self.deliver = True

    # What a client does

    def set(self, class_id: int, name: str, attribute: int, value: Value) -> DataAccessResult:
        result = self.face.set(
            self.association, class_id, octets(name), attribute, None, encode(value), self.now_ms * 1000
        )
        self.errands.plan()
        return result

    def get(self, class_id: int, name: str, attribute: int) -> Any:
        answer = self.face.get(self.association, class_id, octets(name), attribute, None, self.now_ms * 1000)
        return decode(answer)[1] if isinstance(answer, bytes) else answer

    def act(self, class_id: int, name: str, method: int, parameter: Value = (int(Tag.INTEGER), 0)) -> ActionResult:
        result, _ = self.face.action(
            self.association, class_id, octets(name), method, encode(parameter), self.now_ms * 1000
        )
        self.errands.plan()
        return result

    def direct(self, *setups: str, random_s: int = 0, to: bytes = b"127.0.0.1:4059") -> None:
        """Let setups push, without delay unless asked for."""
        for name in setups or SETUPS:
            done = self.set(40, name, 3, structure(enum(0), octet(to), enum(0)))
            assert done is DataAccessResult.SUCCESS
            assert self.set(40, name, 5, (int(Tag.LONG_UNSIGNED), random_s)) is DataAccessResult.SUCCESS

    # Time

    def go(self, to_ms: int) -> list[Sent]:
        """Walk to an instant as wakes do; gives what was pushed on the way."""
        before = len(self.sent)
        while (wake := self._wake_ms()) is not None and wake <= to_ms:
            self._step(max(wake, self.now_ms))
        self._step(to_ms)
        return self.sent[before:]

    def jump(self, to_ms: int) -> list[Sent]:
        """Go to an instant in one step."""
        before = len(self.sent)
        self._step(to_ms)
        return self.sent[before:]

    def _wake_ms(self) -> int | None:
        wakes = [each for each in (self.meter.wake_ms(), self.errands.wake_ms()) if each is not None]
        return min(wakes, default=None)

    def _step(self, at_ms: int) -> None:
        self.now_ms = at_ms
        self.errands.advance(at_ms)
        while self.errands.waiting and (pushes := self.errands.pusher.take()):
            for push in pushes:
                name = str(LogicalName(push.setup))
                self.sent.append(Sent(at_ms, name, list(values_of(push)), push))
                self.errands.pusher.ended(push.token, at_ms, delivered=self.deliver)
            self.errands.advance(at_ms)
        self.errands.plan()


def values_of(push: Push) -> Iterator[Any]:
    """The contents of a push, without tags."""
    for _, content in decode(DataNotification.decode(push.apdu).body)[1]:
        yield content


def structure(*members: Value) -> Value:
    return int(Tag.STRUCTURE), list(members)


def array(*elements: Value) -> Value:
    return int(Tag.ARRAY), list(elements)


def enum(content: int) -> Value:
    return int(Tag.ENUM), content


def octet(content: bytes) -> Value:
    return int(Tag.OCTET_STRING), content


def bits(word: str) -> list[int]:
    return [number for number, bit in enumerate(word) if bit == "1"]
