"""The page of pushes, from the pusher's table and from what the models push."""

from collections.abc import Callable, Iterator
from typing import Final

from emulator.bench.file import PushSection
from emulator.errand.push import PUSH, QUEUE_MAX, PushState
from gateway.configuration.config import HEARD_SCHEMES
from gateway.push.intake import REMEMBERED
from gateway.push.listener import CONNECTIONS_MAX, IDLE_US
from gateway.push.tap import PUSH_OCTETS_MAX
from protocols.model.cosem_object import Capture
from protocols.model.loader import load
from protocols.model.meter_model import MeterModel
from protocols.model.physics import Events
from protocols.model.push import elements, setups

MODELS: Final = ("is15959-d1", "is15959-d2", "eu-three-phase")

EVENTS: Final = Events()

CAUSES: Final = {
    "asking": "its method `push`, or a script at its time",
    "status_word": "a bit of the event status word that the filter lets through",
    "block_load": "the end of each block of the load profile",
    "billing": "the end of a billing period",
    "power": "the loss of the supply, and its return",
}
"""What makes a setup push, by what models call it."""


GATEWAY_EXAMPLE: Final = (
    "[push]",
    'listen = ["dlms+tcp://0.0.0.0:4060", "dlms+udp://0.0.0.0:4060"]',
    'replayed = "refuse"     # or "accept", for meters that lose their counters with their supply',
    "",
    "[[meter]]",
    'id = "MB0001"',
    'url = "dlms+hdlc:///dev/ttyUSB0?client=32&physical=17"',
    "pushes = true           # hold the line open, and hear what is pushed there",
    'device_id = "MTBMB0001" # where it is not the model\'s',
    'system_title = "4D54420000000001"',
)
"""A gateway file that takes pushes, but for its id; a test loads it."""


def push_page() -> str:
    """How meters push, and how a gateway takes it."""
    return "\n".join(_push())


def _push() -> Iterator[str]:
    yield "# Pushes\n"
    yield (
        "What meters send unasked, by push setups (class 40). A setup without a destination pushes nothing, and that "
        "is how meters leave the works; a client writes one, or the bench does:\n"
    )
    yield "```toml"
    yield "[[meter]]"
    yield 'id = "MB0001"'
    yield 'model = "is15959-d1"'
    yield 'push = { to = "dlms+tcp://127.0.0.1:4060", every = 1800, random = 300, retries = 3, repetition = 60 }'
    yield ""
    yield "[[meter]]"
    yield 'id = "EU0001"'
    yield 'model = "eu-three-phase"'
    yield 'push = { to = "connection", confirmed = true }'
    yield "```\n"
    yield "| `push` | default | what |"
    yield "|---|---|---|"
    for name, field in PushSection.model_fields.items():
        default = "**must be given**" if field.is_required() else "the model's" if field.default is None else "never"
        yield f"| `{name}` | {default} | {field.description} |"
    yield ""
    yield (
        "`to` is `dlms+tcp://HOST:PORT`, `dlms+udp://HOST:PORT`, `hdlc` for unnumbered information frames on the HDLC "
        "lines that the meter is on, or `connection` for the wrapper connections that stand: those that clients have "
        "opened, and the one that the meter has dialled in. The instant push comes `every` so many seconds, by the "
        "single action schedule 0.0.15.0.4.255. The others come when something happens.\n"
    )
    yield "## One notification\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {PushState.IDLE.name.lower()}"
    for (source, event), target in PUSH.items():
        yield f"    {source.name.lower()} --> {target.name.lower()} : {event.name.lower().replace('_', ' ')}"
    yield "```\n"
    for state in PushState:
        yield f"- *{state.name.lower()}*: {state.value}."
    yield (
        "\nA push is made at the instant of what it tells of, delayed at random by at most attribute 5, and begins "
        "within a communication window only. It is over once it is sent; once it is confirmed where the setup asks "
        "for that (version 2, method 2). After attribute 6 retries, attribute 7 apart, it is given up: the first time "
        f"in a row that is event {EVENTS.push_given_up} in the log of other events, and event "
        f"{EVENTS.push_delivered} says that somebody is reached again (`[events] push_given_up` and "
        "`push_delivered` of a model; 0 logs none). A destination that is none is refused when it is written. In a "
        f"setup {QUEUE_MAX} pushes wait; the oldest makes room. A loss of supply empties the queues.\n"
    )
    yield (
        "When the supply goes, each setup of power events and the alert send one last word at once, within a window "
        "but without delay or second try; of 1,000 of them `power_failure.last_gasp_lost_permille` never leave, drawn "
        "from the seed. When it is back, first breaths come with their random delay, so that a feeder's meters do not "
        "all speak at once.\n"
    )
    yield (
        "A notification goes through the association of the push client as that says: Indian meters encrypt "
        "(security control 0x20) with association 64's keys; a last word in the same way.\n"
    )
    yield "## What is pushed\n"
    yield "Payloads are flat and known by position alone. A column of the setup's profile comes once.\n"
    for model_id in MODELS:
        yield from _model(load(model_id))
    yield from _gateway()


def _model(model: MeterModel) -> Iterator[str]:
    yield f"\n### {model.id}\n"
    yield "| setup | pushes at | elements |"
    yield "|---|---|---|"
    for setup in setups(model).values():
        if setup.push is not None:
            found = elements(setup.push, model.objects)
            row = "" if setup.push.row is None else f", then the columns of {setup.push.row}"
            own = ", ".join(_title(each, model) for each in setup.push.capture)
            yield f"| {setup.logical_name} | {CAUSES[setup.push.on]} | {len(found)}: {own}{row} |"


def _title(capture: Capture, model: MeterModel) -> str:
    described = model.objects[capture.class_id, capture.logical_name]
    return "its own logical name" if capture.attribute == 1 else described.title or str(capture.logical_name)


def _gateway() -> Iterator[str]:
    yield "\n## At the gateway\n"
    yield "```toml"
    yield from GATEWAY_EXAMPLE
    yield "```\n"
    yield "| where a push comes | what it needs |"
    yield "|---|---|"
    yield "| on a port, TCP or UDP | `[push] listen` |"
    yield "| on a connection that a meter has dialled in (`dlms+tcp+listen://`) | nothing |"
    yield "| on a connection of the gateway's own, while an association stands | nothing |"
    yield (
        "| on a line of the gateway's own, at any time | `pushes = true` with the meter: the line is held open between "
        f"conversations ({', '.join(f'`{each}://`' for each in HEARD_SCHEMES)}) |\n"
    )
    yield (
        "On HDLC they come in unnumbered information frames. Closing a line and opening it for a conversation takes "
        'an instant in which nothing is heard; `association = "keep"` makes that rare. A meter that is alone on its '
        "line need not name itself: what comes there is its own, as on the consumer's port of a meter. On a line of "
        "several meters a confirmation goes to the physical address that was spoken to last: let meters push "
        "unconfirmed there.\n"
    )
    yield (
        "A meter is known by the system title of the envelope, else by the device id that the payload begins with; a "
        "title that nobody knows is learned when its payload names a meter whose key has opened it. Pushes in clear "
        "are taken from meters only whose model pushes in clear. Its keys are those of the meter's configuration, "
        "and those of `next_keys`. A push whose invocation counter is not higher than the last one is refused, also "
        "after a restart of the gateway.\n"
    )
    yield (
        "The instant, block and billing pushes become readings, the others events: `status_word` with the bits that "
        "are set, `last_gasp`, `first_breath`, or `push`. Length and types are held against the model; an element "
        "that is null or of another type has no value and quality `error`, and a payload of another length is told "
        "as the event `push_refused`. An EventNotification is the event `event_notification`, named by its attribute. "
        "Where the bit of the load switch is new, the switch is read: the bit says only that it has moved. A push "
        "that asks for it is confirmed once it is on the disk, on the way it came. One that comes again because its "
        f"confirmation was lost, ciphered anew or in the very same octets, is confirmed again and told once: the last "
        f"{REMEMBERED} of each meter are known, also "
        "after a restart.\n"
    )
    yield (
        f"Anybody may send to these ports. {PUSH_OCTETS_MAX} octets are taken as one push, {CONNECTIONS_MAX} "
        f"connections at once, and a connection that is silent for {IDLE_US // 1_000_000} s is ended. What is not "
        "understood is counted (`gateway_errors_total`, kinds `push_refused`, `push_malformed`, `push_dropped`; "
        "`push_repeated` counts those that came again)."
    )


PAGES: Final[dict[str, Callable[[], str]]] = {"push.md": push_page}
"""The pages of this module, by path."""
