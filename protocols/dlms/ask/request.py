"""What all requests of the client have in common: the terms they go by, and how they proceed.

A request over several items goes out in as many groups as the terms make necessary: one by one where requests with
list were not agreed on, else as many at once as fit. A group that is refused or malformed takes its items with it and
the next one follows. Long items go in the blocks of their service where those were agreed on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocols.dlms.block import BlocksIn, Taken
from protocols.dlms.conformance import Conformance
from protocols.dlms.invoke import INVOKE_ID_MASK, invoke_octet
from protocols.errors import RemoteProtocolError

if TYPE_CHECKING:
    from protocols.dlms.ask.outcome import Failure
    from protocols.dlms.block import BlocksOut
    from protocols.dlms.quirk import Quirks

ANSWER_OCTETS_MAX: Final = 1 << 24
"""The longest answer that a client puts together: a year of one-minute rows is below 16 MiB."""

GROUP_MAX: Final = 32
"""Items of one request with list: more are known to overrun meters."""


LIST_OVERHEAD_OCTETS: Final = 9
"""Tag, kind, invoke, and at most two counts of three octets."""


class Terms:
    """What was agreed on, as requests see it.

    Attributes:
        conformance: the services.
        room: the longest plain request that fits one APDU.
        general_blocks: whether what is longer goes in general blocks though its service has blocks of its own.
        quirks: of the meter.
        invoke: the last invoke id used.
    """

    __slots__ = ("conformance", "general_blocks", "invoke", "quirks", "room")

    def __init__(self, conformance: int, room: int, quirks: Quirks, *, general_blocks: bool = False) -> None:
        self.conformance = conformance
        self.room = room
        self.quirks = quirks
        self.general_blocks = general_blocks
        self.invoke = 0

    def next_invoke(self) -> int:
        """The Invoke-Id-And-Priority of the next request."""
        self.invoke = self.invoke + 1 & INVOKE_ID_MASK
        return invoke_octet(self.invoke)

    def is_late(self, invoke: int) -> bool:
        """Whether a response answers another request than the one under way."""
        return (invoke ^ self.invoke) & INVOKE_ID_MASK != 0 and not self.quirks.invoke_id_not_echoed

    def with_list(self) -> bool:
        """Whether several items go into one request."""
        return bool(self.conformance & Conformance.MULTIPLE_REFERENCES) and not self.quirks.no_with_list

    def in_blocks(self, octets: int, service: Conformance) -> bool:
        """Whether a request of so many octets goes in the blocks of its service."""
        return octets > self.room and bool(self.conformance & service) and not self.general_blocks


class Done(NamedTuple):
    """The request has come to its end."""

    response: Any


class Request(ABC):
    """One request of the client, over one or more items.

    Attributes:
        idempotent: whether it may be sent again without being asked to.
        together: whether all items go in one request, in blocks if need be, instead of in groups that fit.
        octets: how much of a long answer has come, or of a long request has been taken.
    """

    __slots__ = (
        "blocks_in",
        "blocks_out",
        "count",
        "end",
        "idempotent",
        "octets",
        "results",
        "single",
        "start",
        "terms",
        "together",
    )

    terms: Terms

    def __init__(self, count: int, *, single: bool, idempotent: bool) -> None:
        self.count = count
        self.single = single
        self.idempotent = idempotent
        self.together = False
        self.octets = 0
        self.start = 0
        self.end = 0
        self.results: list[Any] = []
        self.blocks_in: BlocksIn | None = None
        self.blocks_out: BlocksOut | None = None

    def begin(self, terms: Terms) -> bytes | Done:
        """The first APDU, in plain."""
        self.terms = terms
        return self._group()

    def again(self) -> bytes:
        """The group under way once more, as a new request."""
        self.blocks_in = self.blocks_out = None
        return self.encode_group()

    def repeat(self) -> bytes | None:
        """The last word of a block transfer under way, which is safe to say again; None where there is none."""
        return None

    @abstractmethod
    def take(self, apdu: bytes) -> bytes | Done | None:
        """Take a plain APDU: what to send next, the end, or None where it is not ours.

        Raises:
            RemoteProtocolError: it is malformed.
        """

    @abstractmethod
    def encode_group(self) -> bytes:
        """The request for items `start` to `end`, or its first block."""

    @abstractmethod
    def measure(self, index: int) -> int:
        """How many octets an item adds to a request with list."""

    def finish_group(self, results: list[Any]) -> bytes | Done:
        """The group under way has these results."""
        self.results += results
        self.start = self.end
        return self._group()

    def fail_group(self, failure: Failure) -> bytes | Done:
        """The group under way has failed as a whole."""
        return self.finish_group([failure] * (self.end - self.start))

    def take_block(self, number: int, raw: bytes) -> BlocksIn | None:
        """All that has come of a long answer, with this block; None where the block is not the next one.

        Such a block is late; what is missing is asked for again in time.

        Raises:
            RemoteProtocolError: the answer is longer than any.
        """
        if self.blocks_in is None:
            self.blocks_in = BlocksIn(ANSWER_OCTETS_MAX)
        taken = self.blocks_in.take(number, raw)
        if taken is Taken.TOO_LONG:
            raise RemoteProtocolError(f"an answer of more than {ANSWER_OCTETS_MAX} octets")
        self.octets = self.blocks_in.octets
        return self.blocks_in if taken is Taken.NEXT else None

    def follow(self, number: int) -> BlocksOut | None:
        """A long request at the block after the one that the meter has; None where that is not the one under way.

        Raises:
            RemoteProtocolError: nothing follows.
        """
        blocks = self.blocks_out
        if blocks is None or number != blocks.number:
            return None
        self.octets = blocks.sent
        if blocks.acknowledge(number) is None:
            raise RemoteProtocolError("the meter acknowledges the last block and asks for another")
        return blocks

    def _group(self) -> bytes | Done:
        self.blocks_in = self.blocks_out = None
        if self.start == self.count:
            return Done(self.results[0] if self.single else self.results)
        self.end = self.start + 1
        if self.together and self.terms.with_list():
            self.end = self.count
        elif self.terms.with_list():
            octets = LIST_OVERHEAD_OCTETS + self.measure(self.start)
            while self.end < self.count and self.end - self.start < GROUP_MAX:
                octets += self.measure(self.end)
                if octets > self.terms.room:
                    break
                self.end += 1
        return self.encode_group()
