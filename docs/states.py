"""The page of state diagrams: every table of the DLMS protocols, drawn."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum, IntEnum
from typing import Any, Final, NamedTuple

from protocols.dlms.association import CLIENT as ASSOCIATION_CLIENT
from protocols.dlms.association import SERVER as ASSOCIATION_SERVER
from protocols.dlms.association import ClientState, ServerState
from protocols.dlms.general_block_transfer import REQUESTER, RESPONDER, GbtState
from protocols.hdlc import state as hdlc
from protocols.hdlc.frame import Kind
from protocols.hdlc.state import Action, LinkEvent, LinkState
from protocols.iec62056_21.sign_on import METER, READER, SignOnState

LABELS_MAX: Final = 6
"""Events on one arrow; more are in the list below the diagram."""

KINDS: Final = {Kind.INFORMATION: "I", Kind.UNKNOWN: "any other frame"}

LINK_EVENTS: Final = {
    LinkEvent.CONNECT: "connect asked for",
    LinkEvent.DISCONNECT: "disconnect asked for",
    LinkEvent.APDU: "an APDU to send",
    LinkEvent.EXHAUSTED: "all retries used up",
    LinkEvent.INVALID: "a frame that breaks the rules",
    LinkEvent.REFUSED: "an SNRM that is not admitted",
    LinkEvent.INACTIVE: "silence",
}


class Step(NamedTuple):
    """One line of a table: from, on what, to, and what is done."""

    source: str
    event: str
    target: str
    action: str = ""


class Diagram(NamedTuple):
    """One table as a diagram."""

    title: str
    table: str
    states: Mapping[str, str]
    start: str
    steps: list[Step]


def _hdlc(title: str, name: str, table: Mapping[tuple[int, int], tuple[LinkState, Action]]) -> Diagram:
    steps = [
        Step(_state_name(LinkState(source)), _frame_or_event(event), _state_name(target), action.value)
        for (source, event), (target, action) in table.items()
    ]
    states = {_state_name(each): each.name.lower() for each in LinkState}
    return Diagram(title, f"protocols.hdlc.state.{name}", states, _state_name(LinkState.DISCONNECTED), steps)


def _frame_or_event(event: int) -> str:
    if event in set(Kind):
        kind = Kind(event)
        return KINDS.get(kind, kind.name)
    return LINK_EVENTS[LinkEvent(event)]


def _state_name(state: Enum | IntEnum) -> str:
    return state.name.lower()


def _plain(title: str, name: str, states: type[Enum], start: Enum, table: Mapping[tuple[Any, Any], Any]) -> Diagram:
    steps = [
        Step(_state_name(source), str(event.value), _state_name(target)) for (source, event), target in table.items()
    ]
    return Diagram(title, name, {_state_name(each): str(each.value) for each in states}, _state_name(start), steps)


def diagrams() -> list[Diagram]:
    """Every table, in the order of the layers."""
    association, general, sign_on = (
        "protocols.dlms.association",
        "protocols.dlms.general_block_transfer",
        "protocols.iec62056_21.sign_on",
    )
    return [
        _hdlc("HDLC link, server (secondary)", "SERVER", hdlc.SERVER),
        _hdlc("HDLC link, client (primary)", "CLIENT", hdlc.CLIENT),
        _plain("Association, server", f"{association}.SERVER", ServerState, ServerState.IDLE, ASSOCIATION_SERVER),
        _plain("Association, client", f"{association}.CLIENT", ClientState, ClientState.IDLE, ASSOCIATION_CLIENT),
        _plain("General block transfer, who asks", f"{general}.REQUESTER", GbtState, GbtState.IDLE, REQUESTER),
        _plain("General block transfer, who answers", f"{general}.RESPONDER", GbtState, GbtState.IDLE, RESPONDER),
        _plain("Sign-on (IEC 62056-21), reader", f"{sign_on}.READER", SignOnState, SignOnState.IDLE, READER),
        _plain("Sign-on (IEC 62056-21), meter", f"{sign_on}.METER", SignOnState, SignOnState.IDLE, METER),
    ]


def page() -> str:
    """All diagrams."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield "# State diagrams\n"
    yield (
        "Drawn from the tables that the machines run on. What is not in a table is not allowed: what a peer sends then "
        "is refused or passed over as the standard says, what our own program asks for is its mistake, and the state "
        "stays. Tests walk every pair of state and event. Service block transfer stands in the tables of the "
        "association; the counting of blocks is in `protocols/dlms/block.py`. The load switch has a page of its own, "
        "[relay.md](relay.md).\n"
    )
    for each in diagrams():
        yield from _diagram(each)


def _diagram(diagram: Diagram) -> Iterator[str]:
    yield f"\n## {diagram.title}\n"
    yield f"`{diagram.table}`\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {diagram.start}"
    used = {name for step in diagram.steps for name in (step.source, step.target)}
    arrows: dict[tuple[str, str], list[str]] = {}
    for step in diagram.steps:
        arrows.setdefault((step.source, step.target), []).append(_label(step.event))
    from_everywhere = _from_everywhere(diagram, used)
    for name, words in diagram.states.items():
        if name in used and words != name:
            yield f"    {name} : {_label(words)}"
    for (source, target), labels in arrows.items():
        own = [label for label in labels if (label, target) not in from_everywhere]
        if own:
            shown = own if len(own) <= LABELS_MAX else [*own[:LABELS_MAX], "..."]
            yield f"    {source} --> {target} : {' / '.join(shown)}"
    yield "```"
    for label, target in from_everywhere:
        yield f"\nFrom every state, {label} leads to *{diagram.states[target]}*."
    if any(step.action for step in diagram.steps):
        yield "\n| state | on | next | does |"
        yield "|---|---|---|---|"
        for step in diagram.steps:
            yield f"| {step.source} | {step.event} | {step.target} | {step.action} |"


def _from_everywhere(diagram: Diagram, used: set[str]) -> list[tuple[str, str]]:
    """What leads from every state to the same one: a sentence says it better than as many arrows."""
    sources: dict[tuple[str, str], set[str]] = {}
    for step in diagram.steps:
        sources.setdefault((_label(step.event), step.target), set()).add(step.source)
    return [key for key, names in sources.items() if names == used and len(used) > 2]


def _label(text: str) -> str:
    """Text that a diagram takes: a colon would end it there."""
    return text.replace(":", " -").replace(";", ",")


PAGES: Final[dict[str, Callable[[], str]]] = {"states.md": page}
