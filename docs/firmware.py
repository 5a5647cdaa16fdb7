"""The page of firmware, from the table of image transfers and the layout of images."""

from collections.abc import Callable, Iterator
from typing import Final

from emulator.errand.firmware import IMAGE, ImageEvent
from protocols import firmware_image
from protocols.model.physics import Firmware


def firmware_page() -> str:
    """How firmware is transferred, and what an image is."""
    return "\n".join(_firmware())


def _firmware() -> Iterator[str]:
    yield "# Firmware\n"
    yield (
        "Image transfer (class 18), 0.0.44.0.0.255, for client 80 and the utility. Blocks may come in any order and "
        "again; one of another size, behind the end, or with another content than the one that is there is refused. "
        "What has arrived survives a loss of supply and, where the bench keeps its state, a kill.\n"
    )
    yield "```sh"
    yield "meter-emulator image new.bin --model is15959-d1 --version MTB-02.00"
    yield 'meter-gateway firmware "dlms+tcp://HOST:4059?client=80" new.bin'
    yield "```\n"
    yield (
        "The tool sends what is missing by the meter's own bitmap, so one that is started again goes on; it waits "
        "while the meter verifies and restarts, and is done once the meter shows the new version. "
        "The command `firmware` of a gateway does the same with an image of its folder (`[firmware] images`), over as "
        "many turns of the meter's line and as many restarts of the gateway as it takes.\n"
    )
    yield "## States\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> not_initiated"
    for (source, event), target in IMAGE.items():
        if event is not ImageEvent.INITIATE:
            yield f"    {source.name.lower()} --> {target.name.lower()} : {event.name.lower()}"
    yield "```\n"
    begun = ", ".join(source.name.lower() for source, event in IMAGE if event is ImageEvent.INITIATE)
    yield f"*initiate* leads to initiated from everywhere but where the meter is about to restart: {begun}.\n"
    for event in ImageEvent:
        yield f"- *{event.name.lower()}*: {event.value}."
    works = Firmware()
    yield (
        "\nVerification looks at the digest, at the identifier that the transfer was begun with, and at the hardware; "
        "what fails leaves the meter as it was. Activation is at once, or by the single action schedule "
        "0.0.15.0.2.255; a time that passed while there was no supply is made up for. The meter then restarts: "
        "nothing answers, the version is another one, and event 157 is logged.\n"
    )
    yield "| `[firmware]` of a model | default | |"
    yield "|---|---|---|"
    yield f"| `verify_ms` | {works.verify_ms} | how long it verifies; 0 answers at once |"
    yield f"| `activation_delay_ms` | {works.activation_delay_ms} | before the restart, so that the answer leaves |"
    yield f"| `reboot_ms` | {works.reboot_ms} | for which nothing answers |"
    yield f"| `invocation_counters` | {works.invocation_counters} | `lost`: those of received frames begin at 0 |"
    yield "\n## Images\n"
    yield str(firmware_image.__doc__).partition("\n\n")[2].strip()
    yield (
        f"\nIts length is at most {firmware_image.IMAGE_OCTETS_MAX} octets. Files that are none of these are "
        "transferred all the same, under their file's name or `--identifier`; a meter of the bench refuses them."
    )


PAGES: Final[dict[str, Callable[[], str]]] = {"firmware.md": firmware_page}
"""The pages of this module, by path."""
