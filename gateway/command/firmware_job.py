"""The command `firmware`: an image from the gateway's folder, for one meter, over as many turns of its line as needed.

Each turn does one bounded step; what is remembered between them is durable, and the rest the meter shows. A meter that
restarts with its new firmware is away for a while, so silence is a reason to try again, not to give up.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from gateway.command.command import Commands, Open
from gateway.meter.firmware import POLL_MS, Next, Stage, Transfer
from gateway.service.script import Commit, NoAnswerError, NoConnectionError, Script
from protocols.firmware_image import IMAGE_OCTETS_MAX
from protocols.message.args import FirmwareArgs
from protocols.message.command import Rung

KEPT: Final = "firmware"
"""Under this the transfer's memory stands in the progress of its command."""

Images = Callable[[str], bytes | None]
"""An image by its name; None where there is none."""


def images_in(folder: Path) -> Images:
    """The images of a folder, by file name."""

    def read(name: str) -> bytes | None:
        path = folder / name
        try:
            return path.read_bytes() if path.stat().st_size <= IMAGE_OCTETS_MAX else None
        except OSError:
            return None

    return read


def install(waiting: Open, args: FirmwareArgs, commands: Commands, images: Images) -> Script[int | None]:
    """One turn of a transfer; gives when the next one is to be, or None when it is over."""
    data = images(args.image)
    fault = None
    if data is None:
        fault = f"there is no image {args.image} in the gateway's folder"
    elif sha256(data).hexdigest() != args.sha256:
        fault = f"image {args.image} has another digest than the command says"
    if data is None or fault is not None:
        yield from _rung(waiting, commands, Rung.FAILED, reason=fault)
        return None
    transfer = Transfer(
        identifier=bytes.fromhex(args.identifier),
        data=data,
        activate=args.activate,
        memory=dict(waiting.progress.get(KEPT, {})),
    )
    try:
        stage = yield from transfer.step()
    except NoAnswerError as error:
        raise NoConnectionError(str(error)) from None
    progress = waiting.progress | {KEPT: transfer.memory}
    return (yield from _after(stage, progress, waiting, commands))


def _after(stage: Stage, progress: dict[str, Any], waiting: Open, commands: Commands) -> Script[int | None]:
    detail = {"have": stage.have, "blocks": stage.blocks, "stage": stage.sentence}

    def work(now_ms: int) -> int | None:
        command_id = waiting.command.id
        commands.set_progress(command_id, progress)
        match stage.next:
            case Next.DONE:
                commands.rung(command_id, Rung.CONFIRMED, now_ms, detail=detail)
                return None
            case Next.FAILED:
                commands.rung(command_id, Rung.FAILED, now_ms, reason=stage.sentence, detail=detail)
                return None
            case Next.WAIT:
                return now_ms + POLL_MS
        commands.rung(command_id, Rung.ACKNOWLEDGED, now_ms, detail=detail)
        return now_ms

    again_ms: int | None = yield Commit(work)
    return again_ms


def _rung(waiting: Open, commands: Commands, rung: Rung, *, reason: str | None) -> Script[None]:
    yield Commit(lambda now_ms: commands.rung(waiting.command.id, rung, now_ms, reason=reason))
