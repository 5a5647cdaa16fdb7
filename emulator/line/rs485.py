"""How an RS-485 line really behaves, as layers between framer and wire whose two sides are alike.

A pty or a socket delivers at once, loses nothing and lets nobody else talk. A real line takes its time for every
character, has pauses before answers, adapters that hear themselves, two who talk at once, other masters, and clients
that listen at another speed. Each of these is one layer; `LineBehaviour` says which a line has, and what is drawn is
drawn from the bench's seed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from struct import pack
from typing import Any, Final, Self

from emulator.mains import draw
from protocols.hdlc.address import Address
from protocols.hdlc.frame import Kind, unnumbered_control
from protocols.hdlc.frame import encode as hdlc_frame
from protocols.machine import Layer, SetLine, Transmit
from protocols.modbus.rtu import encode_frame

CHARACTER_BITS: Final = 10
"""Start, eight data bits, stop: what is on a line without parity."""

PERMILLE: Final = 1000

FOREIGN_CLIENT: Final = 0x7B
"""The HDLC client address of another master, which none of ours uses."""

Item = bytes | Transmit | SetLine


def character_us(baud: int) -> int:
    """The time that one character takes."""
    return CHARACTER_BITS * 1_000_000 // baud


def _frame(item: Item) -> Transmit | None:
    if isinstance(item, Transmit):
        return item
    return None if isinstance(item, SetLine) else Transmit(item)


class BaudTiming(Layer[bytes, Item]):
    """Every character takes its time, on the way in and on the way out; one talks at a time.

    Args:
        baud: the line's rate.
    """

    def __init__(self, baud: int) -> None:
        self._character_us = character_us(baud)
        self._free_us = 0

    def from_below(self, item: bytes, now_us: int) -> None:
        """What a pty delivered at once has occupied the line for as long as its characters take."""
        self._free_us = max(self._free_us, now_us) + len(item) * self._character_us
        self.above(item, now_us)

    def from_above(self, item: Item, now_us: int) -> None:
        """A frame is there when its last character is."""
        frame = _frame(item)
        if frame is None:
            self.below(item, now_us)
            return
        start_us = max(now_us, self._free_us, frame.not_before_us)
        self._free_us = start_us + len(frame.data) * self._character_us
        self.below(Transmit(frame.data, self._free_us), now_us)


class Turnaround(Layer[bytes, Item]):
    """A pause before every answer: what a meter's processor and its driver need.

    Args:
        least_us: always.
        jitter_us: at most so much more.
        seed: of the bench.
        name: tells this line's draws from those of others.
    """

    def __init__(self, least_us: int, jitter_us: int, seed: int, name: str) -> None:
        self._least_us = least_us
        self._jitter_us = jitter_us
        self._seed = seed
        self._purpose = f"{name}/turnaround"
        self._count = 0

    def from_above(self, item: Item, now_us: int) -> None:
        """Hold an answer back."""
        frame = _frame(item)
        if frame is None:
            self.below(item, now_us)
            return
        more_us = draw.between(self._seed, self._purpose, self._count, 0, self._jitter_us)
        self._count += 1
        self.below(Transmit(frame.data, max(frame.not_before_us, now_us + self._least_us + more_us)), now_us)


class LocalEcho(Layer[bytes, Item]):
    """An adapter whose receiver stays on while it sends: the client hears every byte of its own."""

    def from_below(self, item: bytes, now_us: int) -> None:
        """Send what came straight back, then let it be heard."""
        self.below(bytes(item), now_us)
        self.above(item, now_us)


class Collisions(Layer[bytes, Item]):
    """Now and then two talk at once: the answer arrives with somebody else's bits laid over it.

    Args:
        permille: of the answers.
        seed: of the bench.
        name: tells this line's draws from those of others.
    """

    def __init__(self, permille: int, seed: int, name: str) -> None:
        self._permille = permille
        self._seed = seed
        self._purpose = f"{name}/collision"
        self._count = 0

    def from_above(self, item: Item, now_us: int) -> None:
        """Send a frame, whole or spoilt."""
        frame = _frame(item)
        if frame is not None:
            self._count += 1
            if draw.between(self._seed, self._purpose, self._count, 0, PERMILLE - 1) < self._permille:
                item = Transmit(self._spoilt(frame.data), frame.not_before_us)
        self.below(item, now_us)

    def _spoilt(self, data: bytes) -> bytes:
        """A dominant zero wins over a one, so the line carries the AND of both."""
        purpose = f"{self._purpose}/{self._count}"
        other = (draw.between(self._seed, purpose, index, 0, 0xFE) for index in range(len(data)))
        return bytes(mine & theirs for mine, theirs in zip(data, other, strict=True))


class OtherMaster(Layer[bytes, Item]):
    """Somebody else asks somebody else on the same line; our client and our units hear both.

    Args:
        exchanges: frames that follow each other, a question and its answer each.
        period_us: between two exchanges; they wait for a line that is in use.
        quiet_us: how long the line must have been silent before.
    """

    def __init__(self, exchanges: tuple[tuple[bytes, bytes], ...], period_us: int, quiet_us: int) -> None:
        self._exchanges = exchanges
        self._period_us = period_us
        self._quiet_us = quiet_us
        self._next_us: int | None = None
        self._busy_us = 0
        self._count = 0

    def from_below(self, item: bytes, now_us: int) -> None:
        """Somebody of ours talks: begin to count, and keep out of the way."""
        self._keep_away(now_us)
        self.above(item, now_us)

    def from_above(self, item: Item, now_us: int) -> None:
        """One of our units talks."""
        frame = _frame(item)
        self._keep_away(now_us if frame is None else max(now_us, frame.not_before_us))
        self.below(item, now_us)

    def _keep_away(self, at_us: int) -> None:
        self._busy_us = max(self._busy_us, at_us + self._quiet_us)
        if self._next_us is None:
            self._next_us = at_us + self._period_us

    def deadline_us(self) -> int | None:
        """When the other master speaks next, once there is traffic at all."""
        return None if self._next_us is None else max(self._next_us, self._busy_us)

    def on_deadline(self, now_us: int) -> None:
        """Its question and the answer to it, heard by everybody."""
        at_us = self.deadline_us()
        if at_us is None or now_us < at_us:
            return
        question, answer = self._exchanges[self._count % len(self._exchanges)]
        self._count += 1
        self._next_us = now_us + self._period_us
        for frame in (question, answer):
            self.below(frame, now_us)
            self.above(frame, now_us)


def foreign_exchange(
    unit: int, registers: bytes, encode: Callable[[int, bytes], bytes] = encode_frame
) -> tuple[bytes, bytes]:
    """A Modbus read by another master, and its answer: frames for `OtherMaster`, of the line's own framing."""
    question = pack(">BHH", 3, 0, len(registers) // 2)
    return encode(unit, question), encode(unit, bytes((3, len(registers))) + registers)


def foreign_connection(physical: int) -> tuple[bytes, bytes]:
    """An HDLC station that another master connects to: SNRM and UA."""
    server, client = bytes(Address.server(1, physical, 4)), bytes(Address(upper=FOREIGN_CLIENT))
    snrm, ua = (unnumbered_control(kind, poll_final=True) for kind in (Kind.SNRM, Kind.UA))
    return hdlc_frame((server, client, snrm, b"", False)), hdlc_frame((client, server, ua, b"", False))


class WrongBaud(Layer[bytes, Item]):
    """What is sent at one speed and heard at another is other characters.

    Args:
        baud: the meters' rate.
        client_baud: the rate that the client has set now; on a pty the master can read it.
    """

    def __init__(self, baud: int, client_baud: Callable[[], int]) -> None:
        self._baud = baud
        self._client_baud = client_baud

    def from_below(self, item: bytes, now_us: int) -> None:
        """What the client sent, as the meters hear it."""
        heard = resampled(item, self._client_baud(), self._baud)
        if heard:
            self.above(heard, now_us)

    def from_above(self, item: Item, now_us: int) -> None:
        """What a meter sent, as the client hears it."""
        frame = _frame(item)
        if frame is not None:
            heard = resampled(frame.data, self._baud, self._client_baud())
            if not heard:
                return
            item = Transmit(heard, frame.not_before_us)
        self.below(item, now_us)


def resampled(data: bytes, sent_baud: int, heard_baud: int) -> bytes:
    """Characters sent at one rate, as a receiver at another rate takes them off the line.

    The line is idle before and after. A receiver waits for the falling edge of a start bit and then looks at the middle
    of each bit of its own; a stop bit that is no stop bit is not checked, as with most drivers.
    """
    if sent_baud == heard_baud:
        return data
    line = _bits(data)
    heard = bytearray()
    at = 0.0
    scale = sent_baud / heard_baud
    while (edge := _falling_edge(line, at)) is not None:
        character = 0
        for bit in range(8):
            place = int(edge + (1.5 + bit) * scale)
            character |= (line[place] if place < len(line) else 1) << bit
        heard.append(character)
        at = edge + (CHARACTER_BITS - 0.5) * scale
    return bytes(heard)


def _bits(data: bytes) -> list[int]:
    """What the line carries: start bit, eight bits from the lowest, stop bit, for each character."""
    line: list[int] = []
    for character in data:
        line.append(0)
        line += [character >> bit & 1 for bit in range(8)]
        line.append(1)
    return line


def _falling_edge(line: list[int], after: float) -> int | None:
    """Where the line next goes from one to zero; before the first bit it is one."""
    for place in range(int(after), len(line)):
        if line[place] == 0 and (place == 0 or line[place - 1] == 1) and place >= after:
            return place
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineBehaviour:
    """Which of this a line has; the default is a line without any.

    Attributes:
        baud_true: every character takes its time at the line's rate.
        turnaround_ms: the least pause before an answer.
        turnaround_jitter_ms: at most so much more.
        local_echo: the client hears itself.
        collision_permille: of the answers that collide.
        other_master_s: every so many seconds another master reads another unit; 0 for none.
        strict_baud: a client at another rate than the meters gets garbage.
    """

    baud_true: bool = False
    turnaround_ms: int = 0
    turnaround_jitter_ms: int = 0
    local_echo: bool = False
    collision_permille: int = 0
    other_master_s: int = 0
    strict_baud: bool = False

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                msg = f"{name} = {value}: 0 to {most} is right"
                raise ValueError(msg)

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Read it from a bench file.

        Raises:
            ValueError: a key or a value is wrong; the sentence names it and says what would be right.
        """
        known = {each.name: each.type for each in fields(cls)}
        for key, value in table.items():
            if key not in known:
                near = get_close_matches(key, known, 1)
                right = f"did you mean {near[0]}?" if near else f"known keys are {', '.join(known)}"
                msg = f"{key} is no key of a line: {right}"
                raise ValueError(msg)
            if type(value) is not known[key]:
                msg = f"{key} = {value!r}: {'true or false' if known[key] is bool else 'a whole number'} is right"
                raise ValueError(msg)
        return cls(**table)

    def layers(
        self,
        baud: int,
        *,
        seed: int,
        name: str,
        client_baud: Callable[[], int] | None = None,
        exchanges: tuple[tuple[bytes, bytes], ...] = (),
    ) -> list[Layer[Any, Any]]:
        """The layers of a line, from the wire upwards; put them before the framer.

        Args:
            baud: the meters' rate.
            seed: of the bench.
            name: of the line, for its draws.
            client_baud: what the client has set, where that can be known.
            exchanges: what another master asks and is answered.
        """
        layers: list[Layer[Any, Any]] = []
        if self.strict_baud and client_baud is not None:
            layers.append(WrongBaud(baud, client_baud))
        if self.local_echo:
            layers.append(LocalEcho())
        if self.collision_permille:
            layers.append(Collisions(self.collision_permille, seed, name))
        if self.baud_true:
            layers.append(BaudTiming(baud))
        if self.other_master_s and exchanges:
            quiet_us = 4 * character_us(baud)
            layers.append(OtherMaster(exchanges, self.other_master_s * 1_000_000, quiet_us))
        if self.turnaround_ms or self.turnaround_jitter_ms:
            layers.append(Turnaround(1000 * self.turnaround_ms, 1000 * self.turnaround_jitter_ms, seed, name))
        return layers


_MOST: Final = {
    "turnaround_ms": 10_000,
    "turnaround_jitter_ms": 10_000,
    "collision_permille": PERMILLE,
    "other_master_s": 86_400,
}
