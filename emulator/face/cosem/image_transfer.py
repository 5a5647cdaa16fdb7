"""Image transfer (class 18): its attributes and methods; the transfer itself is `emulator.errand.firmware`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.errand.firmware import Answer, ImageTransfer
from emulator.face.cosem.behaviour import DONE, REFUSED, Behaviour, Executor, Outcome, Reader
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value, array, encode, octet_string, structure
from protocols.firmware_image import hardware_of
from protocols.model.cosem_object import CosemObject, Fixed
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from protocols.dlms.application import Association
    from protocols.dlms.selection import Selection

CLASS: Final = 18
BLOCK_SIZE, ENABLED = 2, 5

_OUTCOMES: Final[dict[Answer, Outcome]] = {
    Answer.DONE: DONE,
    Answer.PENDING: (ActionResult.TEMPORARY_FAILURE, None),
    Answer.REFUSED: REFUSED,
}


def image_transfer(cosem_object: CosemObject, _maker: Maker) -> Behaviour:
    """The behaviour of an image transfer object."""
    block_size = cosem_object.attributes.get(BLOCK_SIZE)
    if not isinstance(block_size, Fixed) or not block_size.value[1]:
        raise ModelError(f"{cosem_object.key}: an image transfer needs attributes.2, the block size")

    def reader(show: Callable[[ImageTransfer], bytes]) -> Reader:
        def read(face: CosemFace, at_ms: int, _selection: Selection | None, _association: Association) -> bytes:
            image = image_of(face, cosem_object)
            image.advance(at_ms)
            return show(image)

        return read

    def method(work: Callable[[ImageTransfer, int, Value], Answer]) -> Executor:
        def execute(face: CosemFace, at_ms: int, parameter: Value, _association: Association) -> Outcome:
            image = image_of(face, cosem_object)
            image.advance(at_ms)
            return _OUTCOMES[work(image, at_ms, parameter)]

        return execute

    def write_enabled(face: CosemFace, _at_ms: int, value: Value, _association: Association) -> DataAccessResult:
        face.hold(cosem_object, ENABLED, value)
        image_of(face, cosem_object).enabled = value[1]
        return DataAccessResult.SUCCESS

    return Behaviour(
        readers={
            3: reader(lambda image: encode((int(Tag.BIT_STRING), image.blocks_status))),
            4: reader(lambda image: encode((int(Tag.DOUBLE_LONG_UNSIGNED), image.first_not_transferred))),
            6: reader(lambda image: encode((int(Tag.ENUM), int(image.status)))),
            7: reader(_to_activate),
        },
        writers={ENABLED: write_enabled},
        methods={
            1: method(lambda image, _at_ms, value: image.initiate(value[1][0][1], value[1][1][1])),
            2: method(lambda image, _at_ms, value: image.block(value[1][0][1], value[1][1][1])),
            3: method(lambda image, at_ms, _value: image.verify(at_ms)),
            4: method(lambda image, at_ms, _value: image.activate(at_ms)),
        },
    )


def _to_activate(image: ImageTransfer) -> bytes:
    ready = image.to_activate
    if ready is None:
        return array([])
    size, identification, signature = ready
    members = [encode((int(Tag.DOUBLE_LONG_UNSIGNED), size)), octet_string(identification), octet_string(signature)]
    return array([structure(members)])


def image_of(face: CosemFace, cosem_object: CosemObject) -> ImageTransfer:
    """The transfer of one object of one meter, made when it is first asked for."""
    octets = cosem_object.logical_name.octets
    image = face.images.get(octets)
    if image is None:
        model = face.plan.model
        identity = model.identity
        image = ImageTransfer(
            str(cosem_object.logical_name),
            face.held(cosem_object, BLOCK_SIZE)[1],
            hardware_of(identity.flag, identity.category, identity.meter_type),
            model.physics.firmware,
            face.meter.activate_firmware,
        )
        image.enabled = bool(face.held(cosem_object, ENABLED)[1])
        face.images = {**face.images, octets: image}
    return image


def resume(face: CosemFace, notes: Mapping[str, str], put: Callable[[str, str], None]) -> None:
    """Take up transfers of an earlier run, and keep from now on what changes."""
    for each in face.plan.model.objects.values():
        if each.class_id == CLASS:
            image_of(face, each).keep(notes, put, 0)
