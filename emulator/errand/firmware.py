"""Image transfer (class 18): blocks in any order, a bitmap, verification, activation, and a meter that restarts.

A pure core with a table. What has arrived survives a loss of supply and a kill, so a transfer goes on where it was. An
image that is not what it says leaves the meter as it was.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

from emulator.event.watch import FAR
from emulator.state import ALL
from protocols.errors import RemoteProtocolError
from protocols.firmware_image import IMAGE_OCTETS_MAX, FirmwareImage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

IDENTIFIER_OCTETS_MAX: Final = 64
NOTE: Final = "image"


class ImageStatus(IntEnum):
    """image_transfer_status."""

    NOT_INITIATED = 0
    INITIATED = 1
    VERIFICATION_INITIATED = 2
    VERIFICATION_SUCCESSFUL = 3
    VERIFICATION_FAILED = 4
    ACTIVATION_INITIATED = 5
    ACTIVATION_SUCCESSFUL = 6
    ACTIVATION_FAILED = 7


class ImageEvent(Enum):
    """What happens to a transfer."""

    INITIATE = "a new transfer begins"
    BLOCK = "a block arrives"
    VERIFY = "the image is to be verified, and all blocks are there"
    GOOD = "the image is what it says, and for this meter"
    BAD = "it is not"
    ACTIVATE = "a verified image is to be activated"
    STARTED = "the meter runs with it"


_S, _E = ImageStatus, ImageEvent
IMAGE: Final = {
    (_S.INITIATED, _E.BLOCK): _S.INITIATED,
    (_S.INITIATED, _E.VERIFY): _S.VERIFICATION_INITIATED,
    (_S.VERIFICATION_SUCCESSFUL, _E.VERIFY): _S.VERIFICATION_INITIATED,
    (_S.VERIFICATION_FAILED, _E.VERIFY): _S.VERIFICATION_INITIATED,
    (_S.VERIFICATION_INITIATED, _E.GOOD): _S.VERIFICATION_SUCCESSFUL,
    (_S.VERIFICATION_INITIATED, _E.BAD): _S.VERIFICATION_FAILED,
    (_S.VERIFICATION_SUCCESSFUL, _E.ACTIVATE): _S.ACTIVATION_INITIATED,
    (_S.ACTIVATION_INITIATED, _E.STARTED): _S.ACTIVATION_SUCCESSFUL,
} | {(state, _E.INITIATE): _S.INITIATED for state in _S if state is not _S.ACTIVATION_INITIATED}
"""(status, event) -> status; a pair that is missing is refused and changes nothing."""


class Answer(Enum):
    """What a method of class 18 answers."""

    DONE = "success"
    PENDING = "temporary failure: it goes on, ask for the status"
    REFUSED = "other reason: not now, or not with this"


class Timing(Protocol):
    """How long a meter takes, from its model."""

    @property
    def verify_ms(self) -> int:
        """For verifying; 0 is at once."""

    @property
    def activation_delay_ms(self) -> int:
        """Between the order to activate and the restart, so that the answer still leaves."""


class ImageTransfer:
    """One image transfer object of one meter.

    Args:
        name: its dotted logical name, for notes.
        block_octets: image_block_size.
        hardware: what this meter is, as an image says it.
        timing: how long it takes.
        activate: makes the meter restart with a version, at an instant of true time.
    """

    __slots__ = (
        "_activate",
        "_generation",
        "_hardware",
        "_missing",
        "_name",
        "_put",
        "_timing",
        "block_octets",
        "due_ms",
        "enabled",
        "have",
        "identifier",
        "image",
        "reason",
        "status",
    )

    def __init__(
        self, name: str, block_octets: int, hardware: str, timing: Timing, activate: Callable[[int, str], None]
    ) -> None:
        self._name = name
        self._hardware = hardware
        self._timing = timing
        self._activate = activate
        self._put: Callable[[str, str], None] | None = None
        self._generation = 0
        self._missing = 0
        self.block_octets = block_octets
        self.enabled = True
        self.status = ImageStatus.NOT_INITIATED
        self.identifier = b""
        self.image = bytearray()
        self.have = bytearray()
        """One octet a block: 1 where it has arrived."""
        self.reason = ""
        """Why the last verification failed."""
        self.due_ms = FAR

    # Attributes

    @property
    def blocks_status(self) -> str:
        """image_transferred_blocks_status, as a bit string."""
        return "".join(map(str, self.have))

    @property
    def first_not_transferred(self) -> int:
        """image_first_not_transferred_block_number; the number of blocks when all are there."""
        return (self.have.find(0) if self._missing else len(self.have)) if self.have else 0

    @property
    def to_activate(self) -> tuple[int, bytes, bytes] | None:
        """Size, identification and signature of the image that was verified, or None."""
        verified = {ImageStatus.VERIFICATION_SUCCESSFUL, ImageStatus.ACTIVATION_INITIATED}
        if self.status not in verified:
            return None
        return len(self.image), self.identifier, sha256(self.image).digest()

    # Methods

    def initiate(self, identifier: bytes, octets: int) -> Answer:
        """Begin a new transfer; what was there is gone."""
        if not self.enabled or not 0 < octets <= IMAGE_OCTETS_MAX or not 0 < len(identifier) <= IDENTIFIER_OCTETS_MAX:
            return Answer.REFUSED
        if not self._step(ImageEvent.INITIATE):
            return Answer.REFUSED
        self._begin(identifier, octets, self._generation + 1)
        self._note()
        self._forget_blocks()
        return Answer.DONE

    def block(self, number: int, octets: bytes) -> Answer:
        """Take one block; the same one again is no harm, another one in its place is refused."""
        if not self.enabled or (self.status, ImageEvent.BLOCK) not in IMAGE or not 0 <= number < len(self.have):
            return Answer.REFUSED
        start = number * self.block_octets
        end = min(start + self.block_octets, len(self.image))
        if len(octets) != end - start:
            return Answer.REFUSED
        if self.have[number]:
            return Answer.DONE if self.image[start:end] == octets else Answer.REFUSED
        if self._put is not None:
            self._put(f"{NOTE} {self._name} {number}", f"{self._generation} {octets.hex()}")
        self.image[start:end] = octets
        self.have[number] = 1
        self._missing -= 1
        return Answer.DONE

    def verify(self, at_ms: int) -> Answer:
        """Verify the whole image, at once or in a while."""
        if self.status is ImageStatus.VERIFICATION_INITIATED:
            return Answer.PENDING
        if not self.enabled or self._missing or not self._step(ImageEvent.VERIFY):
            return Answer.REFUSED
        self.due_ms = at_ms + self._timing.verify_ms
        if self._timing.verify_ms:
            self._note()
            return Answer.PENDING
        self.advance(at_ms)
        return Answer.DONE if self._verified else Answer.REFUSED

    def activate(self, at_ms: int) -> Answer:
        """Activate the image, which is verified first if that was not done."""
        if self.status is ImageStatus.INITIATED and self.enabled and not self._missing:
            self._step(ImageEvent.VERIFY)
            self._judge()
        if not self.enabled or not self._step(ImageEvent.ACTIVATE):
            return Answer.PENDING if self.status is ImageStatus.VERIFICATION_INITIATED else Answer.REFUSED
        self.due_ms = at_ms + self._timing.activation_delay_ms
        self._note()
        return Answer.DONE

    @property
    def _verified(self) -> bool:
        return self.status is ImageStatus.VERIFICATION_SUCCESSFUL

    # Time

    def advance(self, at_ms: int) -> None:
        """Do what is due: come to a judgement, or restart with the new firmware."""
        if self.due_ms > at_ms:
            return
        self.due_ms = FAR
        if self.status is ImageStatus.VERIFICATION_INITIATED:
            self._judge()
        elif self.status is ImageStatus.ACTIVATION_INITIATED:
            # The restart first: a kill between the two restarts it again, rather than never.
            self._activate(at_ms, FirmwareImage.decode(bytes(self.image)).version)
            self._step(ImageEvent.STARTED)
            self._begin(self.identifier, 0, self._generation)
            self._note()
            self._forget_blocks()

    def resume(self, at_ms: int) -> None:
        """The supply is back, or the program was started again: what was under way goes on."""
        if self.status is ImageStatus.VERIFICATION_INITIATED:
            self.due_ms = at_ms + self._timing.verify_ms
        elif self.status is ImageStatus.ACTIVATION_INITIATED:
            self.due_ms = at_ms + self._timing.activation_delay_ms

    def _judge(self) -> None:
        self.reason = self._fault()
        self._step(ImageEvent.BAD if self.reason else ImageEvent.GOOD)
        self._note()

    def _fault(self) -> str:
        """Why the image is not one for this meter, or nothing."""
        try:
            image = FirmwareImage.decode(bytes(self.image))
        except RemoteProtocolError as error:
            return str(error)
        if image.identifier != self.identifier:
            return f"the image is {image.version}, and {self.identifier.decode('ascii', 'replace')} was announced"
        if image.hardware != self._hardware:
            return f"the image is for {image.hardware}, this meter is {self._hardware}"
        return ""

    def _step(self, event: ImageEvent) -> bool:
        status = IMAGE.get((self.status, event))
        if status is None:
            return False
        self.status = status
        return True

    # What survives

    def _begin(self, identifier: bytes, octets: int, generation: int) -> None:
        self._generation = generation
        self.identifier = identifier
        self.image = bytearray(octets)
        self.have = bytearray(-(-octets // self.block_octets))
        self._missing = len(self.have)
        self.reason = ""
        self.due_ms = FAR

    def _note(self) -> None:
        if self._put is not None:
            words = (self._generation, int(self.status), len(self.image), self.identifier.hex())
            self._put(f"{NOTE} {self._name}", " ".join(map(str, words)))

    def _forget_blocks(self) -> None:
        """Let the blocks of a transfer that is over take no room."""
        if self._put is not None:
            self._put(f"{NOTE} {self._name} {ALL}", "")

    def keep(self, notes: Mapping[str, str], put: Callable[[str, str], None], at_ms: int) -> None:
        """Take up what was kept of an earlier run, and keep from now on what changes.

        Args:
            notes: what was kept, by name.
            put: keeps one note, durably, before it takes effect.
            at_ms: true time.
        """
        kept = notes.get(f"{NOTE} {self._name}")
        if kept is not None:
            generation, status, octets, *identifier = kept.split(" ")
            self._begin(bytes.fromhex("".join(identifier)), int(octets), int(generation))
            self.status = ImageStatus(int(status))
            for number in range(len(self.have)):
                block = notes.get(f"{NOTE} {self._name} {number}", "").partition(" ")
                if block[0] == generation:
                    self._restore(number, bytes.fromhex(block[2]))
            self.resume(at_ms)
        self._put = put

    def _restore(self, number: int, octets: bytes) -> None:
        start = number * self.block_octets
        self.image[start : start + len(octets)] = octets
        self.have[number] = 1
        self._missing -= 1
