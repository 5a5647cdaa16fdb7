"""Firmware over class 18, one step at a time: what is to be done next follows from what the meter itself shows.

So a transfer that was interrupted anywhere, by either side, goes on where it is: blocks that have arrived are not sent
again, a verification that runs is waited for, and a meter that has restarted is recognised by its version. A step sends
a bounded number of blocks, so that commands for the same line never wait for long.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple

from gateway.meter.dlms_profile import Act, Get, GetMany, Set, obis
from gateway.service.script import Ask, NonsenseError, RefusedError, Script
from protocols.dlms.ask.outcome import Invoked
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value

IMAGE_TRANSFER: Final = 18
OBJECT: Final = obis("0.0.44.0.0.255")
FIRMWARE_VERSION: Final = Get(1, obis("1.0.0.2.0.255"), 2)
BLOCK_SIZE, BLOCKS_STATUS, ENABLED, STATUS, TO_ACTIVATE = 2, 3, 5, 6, 7
INITIATE, BLOCK, VERIFY, ACTIVATE = 1, 2, 3, 4

BLOCKS_A_STEP: Final = 100
POLL_MS: Final = 1_000
"""How long to wait for a meter that verifies or restarts before it is asked again."""
BLOCK_OCTETS_MAX: Final = 60_000
"""A larger block fits no APDU."""
ZERO: Final[Value] = (int(Tag.INTEGER), 0)


class Status(Enum):
    """image_transfer_status."""

    NOT_INITIATED = 0
    INITIATED = 1
    VERIFYING = 2
    VERIFIED = 3
    VERIFICATION_FAILED = 4
    ACTIVATING = 5
    ACTIVATED = 6
    ACTIVATION_FAILED = 7


class Next(Enum):
    """How a transfer goes on after a step."""

    MORE = "there is more to send"
    WAIT = "the meter is busy"
    DONE = "the meter runs with it, or holds it verified"
    FAILED = "the meter does not take it"


class Stage(NamedTuple):
    """What a step came to: how it goes on, one sentence, and how many of the blocks the meter has."""

    next: Next
    sentence: str
    have: int
    blocks: int


@dataclass(slots=True, kw_only=True)
class Transfer:
    """One image for one meter.

    Attributes:
        identifier: what the meter is told that the image is.
        data: the image.
        activate: whether the meter is to run with it, or only to hold it.
        memory: what is remembered between steps, also over a restart: whether this transfer was begun by us, and
            whether the meter was told to activate it.
    """

    identifier: bytes
    data: bytes = field(repr=False)
    activate: bool = True
    memory: dict[str, Any] = field(default_factory=dict)

    def step(self) -> Script[Stage]:
        """Do what is next."""
        version, status, enabled, size = yield Ask(
            GetMany((FIRMWARE_VERSION, *(Get(IMAGE_TRANSFER, OBJECT, each) for each in (STATUS, ENABLED, BLOCK_SIZE))))
        )
        block_octets = _number(size, "block size")
        if not 0 < block_octets <= BLOCK_OCTETS_MAX:
            raise NonsenseError(f"the meter asks for blocks of {block_octets} octets")
        blocks = -(-len(self.data) // block_octets)
        if self.activate and _text(version) == self.identifier:
            return Stage(Next.DONE, f"the meter runs with {self._name}", blocks, blocks)
        try:
            known = Status(_number(status, "image transfer status"))
        except ValueError:
            raise NonsenseError("the meter shows an image transfer status that the standard does not know") from None
        if enabled == (int(Tag.BOOLEAN), False):
            yield from self._enable()
        return (yield from self._go_on(known, block_octets, blocks))

    @property
    def _name(self) -> str:
        return self.identifier.decode("ascii", "replace")

    def _go_on(self, status: Status, block_octets: int, blocks: int) -> Script[Stage]:
        match status:
            case Status.INITIATED:
                return (yield from self._send(block_octets, blocks))
            case Status.VERIFYING:
                return Stage(Next.WAIT, "the meter verifies the image", blocks, blocks)
            case Status.VERIFIED:
                return (yield from self._after_verification(blocks))
            case Status.ACTIVATING:
                return Stage(Next.WAIT, "the meter activates the image", blocks, blocks)
            case Status.VERIFICATION_FAILED | Status.ACTIVATION_FAILED if self.memory.get("begun"):
                return Stage(Next.FAILED, f"the meter refuses the image: {status.name.lower()}", blocks, blocks)
            case Status.ACTIVATED if self.memory.get("activated"):
                return Stage(Next.DONE, "the meter has activated the image", blocks, blocks)
        return (yield from self._begin(blocks))

    def _begin(self, blocks: int) -> Script[Stage]:
        """A new transfer; whatever the meter had of another one is gone."""
        members: list[Value] = [
            (int(Tag.OCTET_STRING), self.identifier),
            (int(Tag.DOUBLE_LONG_UNSIGNED), len(self.data)),
        ]
        yield from _act(INITIATE, (int(Tag.STRUCTURE), members), "begin a transfer")
        self.memory["begun"] = True
        self.memory.pop("activated", None)
        return Stage(Next.MORE, "the transfer has begun", 0, blocks)

    def _send(self, block_octets: int, blocks: int) -> Script[Stage]:
        outcome = yield Ask(Get(IMAGE_TRANSFER, OBJECT, BLOCKS_STATUS))
        if isinstance(outcome, DataAccessResult) or outcome[0] != Tag.BIT_STRING:
            raise NonsenseError("the meter does not show which blocks it has")
        have: str = outcome[1]
        if len(have) != blocks:
            return (yield from self._begin(blocks))  # it is in the middle of another image
        missing = [number for number, bit in enumerate(have) if bit != "1"]
        if not missing:
            return (yield from self._verify(blocks))
        for number in missing[:BLOCKS_A_STEP]:
            octets = self.data[number * block_octets : (number + 1) * block_octets]
            members: list[Value] = [(int(Tag.DOUBLE_LONG_UNSIGNED), number), (int(Tag.OCTET_STRING), octets)]
            refusal = yield from _invoke(BLOCK, (int(Tag.STRUCTURE), members))
            if refusal is not None:
                if self.memory.get("begun"):
                    raise RefusedError(f"the meter refuses block {number}: {refusal.title}")
                return (yield from self._begin(blocks))  # what it has is of another image of the same length
        sent = blocks - len(missing) + len(missing[:BLOCKS_A_STEP])
        return Stage(Next.MORE, f"block {sent} of {blocks}", sent, blocks)

    def _verify(self, blocks: int) -> Script[Stage]:
        refusal = yield from _invoke(VERIFY, ZERO)
        if refusal is None or refusal is ActionResult.TEMPORARY_FAILURE:
            return Stage(Next.WAIT, "the meter verifies the image", blocks, blocks)
        if self.memory.get("begun"):
            return Stage(Next.FAILED, f"the meter refuses the image: {refusal.title}", blocks, blocks)
        return (yield from self._begin(blocks))

    def _after_verification(self, blocks: int) -> Script[Stage]:
        """What the meter has verified may be somebody else's image."""
        ready = yield Ask(Get(IMAGE_TRANSFER, OBJECT, TO_ACTIVATE))
        if not _is_ours(ready, self.identifier, len(self.data)):
            return (yield from self._begin(blocks))
        if not self.activate:
            return Stage(Next.DONE, f"the meter holds {self._name}, verified", blocks, blocks)
        refusal = yield from _invoke(ACTIVATE, ZERO)
        if refusal is not None and refusal is not ActionResult.TEMPORARY_FAILURE:
            return Stage(Next.FAILED, f"the meter does not activate the image: {refusal.title}", blocks, blocks)
        self.memory["activated"] = True
        return Stage(Next.WAIT, "the meter restarts with the image", blocks, blocks)

    def _enable(self) -> Script[None]:
        outcome = yield Ask(Set(IMAGE_TRANSFER, OBJECT, ENABLED, (int(Tag.BOOLEAN), True)))
        if outcome is not DataAccessResult.SUCCESS:
            raise RefusedError("image transfers are disabled in this meter, and it does not let us enable them")


def _invoke(method: int, parameter: Value) -> Script[ActionResult | None]:
    """Invoke a method; why not, or None."""
    outcome = yield Ask(Act(IMAGE_TRANSFER, OBJECT, method, parameter))
    if not isinstance(outcome, Invoked):
        raise NonsenseError("the meter answered a method with something else")
    return None if outcome.result is ActionResult.SUCCESS else outcome.result


def _act(method: int, parameter: Value, what: str) -> Script[None]:
    refusal = yield from _invoke(method, parameter)
    if refusal is not None:
        raise RefusedError(f"the meter does not {what}: {refusal.title}")


def _number(outcome: Any, what: str) -> int:
    if isinstance(outcome, DataAccessResult):
        raise RefusedError(f"the meter does not show its {what}: {outcome.title}")
    if not isinstance(outcome[1], int):
        raise NonsenseError(f"the meter's {what} is no number")
    return outcome[1]


def _text(outcome: Any) -> bytes | None:
    """A version as octets; None where there is none to be had."""
    if isinstance(outcome, DataAccessResult):
        return None
    content = outcome[1]
    return content.encode() if isinstance(content, str) else content if isinstance(content, bytes) else None


def _is_ours(ready: Any, identifier: bytes, octets: int) -> bool:
    """Whether the image that a meter would activate is the one in hand; a meter that does not say is believed."""
    if isinstance(ready, DataAccessResult) or ready[0] != Tag.ARRAY:
        return True
    for entry in ready[1]:
        match entry:
            case (Tag.STRUCTURE, [(_, int(size)), (_, bytes(name)), *_]) if (size, name) == (octets, identifier):
                return True
    return not ready[1]
