"""GSM diagnostic (class 47): the cell that a meter's modem is in, as it looks every few minutes.

There is no modem: cell and neighbours are drawn once for a meter, and how well it hears them moves with time, all from
the bench's seed. Operator, registration and kind of service are what the model says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import Behaviour
from emulator.mains.draw import between
from protocols.dlms.value import Tag, Value, encode

if TYPE_CHECKING:
    from emulator.face.cosem.behaviour import Reader
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from emulator.face.cosem.stamp import Stamp
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection
    from protocols.model.cosem_object import CosemObject

EVERY_MS: Final = 300_000
"""How often the modem looks."""

NEIGHBOURS: Final = 3
SIGNAL_MAX: Final = 31
"""-51 dBm or better, by steps of 2 dBm from 0, which is -113 dBm or worse."""

SOUND_SIGNAL: Final = 16
BIT_ERRORS_MAX: Final = 7
"""From this signal on no bit errors are seen; at the weakest, the worst class of them."""

TEST_NETWORK: Final = (1, 1)
"""Mobile country and network code of test networks: 001-01."""

CHANNELS: Final = (1, 124)
"""Of the primary GSM 900 band."""

IDENTITY_MAX: Final = {0: 0xFFFE}
"""Cell identities of version 0 have two octets, those of later versions 28 bits."""

IDENTITY_MAX_LATER: Final = 0x0FFF_FFFE


def gsm_diagnostic(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of a GSM diagnostic object."""
    version, stamp = cosem_object.version, maker.stamp
    return Behaviour(
        readers={
            6: lambda face, at_ms, _selection, _association: encode(_cell(face, at_ms, version)),
            7: lambda face, at_ms, _selection, _association: encode(_neighbours(face, at_ms, version)),
            8: _capture_time(stamp),
        }
    )


def _capture_time(stamp: Stamp) -> Reader:
    def read(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
        clock = face.meter.clock
        return stamp.encode_date_time(clock.reading(at_ms - at_ms % EVERY_MS).utc_ms, clock.zone)

    return read


def _identity(face: CosemFace, number: int, version: int) -> Value:
    purpose, most = f"{face.meter.id}/cell", IDENTITY_MAX.get(version, IDENTITY_MAX_LATER)
    tag = Tag.DOUBLE_LONG_UNSIGNED if version else Tag.LONG_UNSIGNED
    return int(tag), between(face.meter.seed, purpose, number, 1, most)


def _signal(face: CosemFace, number: int, at_ms: int) -> int:
    """How well a cell is heard: its own level, and what comes and goes around it."""
    seed, purpose = face.meter.seed, f"{face.meter.id}/cell {number}/signal"
    level = between(seed, f"{purpose}/level", 0, 12, 26) - 5 * bool(number)
    return max(0, min(SIGNAL_MAX, level + between(seed, purpose, at_ms // EVERY_MS, -4, 4)))


def _cell(face: CosemFace, at_ms: int, version: int) -> Value:
    signal = _signal(face, 0, at_ms)
    errors = BIT_ERRORS_MAX * max(0, SOUND_SIGNAL - signal) // SOUND_SIGNAL
    purpose = f"{face.meter.id}/location"
    members = [
        _identity(face, 0, version),
        (int(Tag.LONG_UNSIGNED), between(face.meter.seed, purpose, 0, 1, 0xFFFE)),
        (int(Tag.UNSIGNED), signal),
        (int(Tag.UNSIGNED), errors),
    ]
    if version:
        members += [(int(Tag.LONG_UNSIGNED), code) for code in TEST_NETWORK]
        members.append((int(Tag.DOUBLE_LONG_UNSIGNED), between(face.meter.seed, purpose, 1, *CHANNELS)))
    return int(Tag.STRUCTURE), members


def _neighbours(face: CosemFace, at_ms: int, version: int) -> Value:
    cells: list[Value] = [
        (int(Tag.STRUCTURE), [_identity(face, number, version), (int(Tag.UNSIGNED), _signal(face, number, at_ms))])
        for number in range(1, NEIGHBOURS + 1)
    ]
    return int(Tag.ARRAY), cells
