"""The pages of the load switch and of the conditions, from the emulator's tables."""

from collections.abc import Callable, Iterator
from typing import Final

from emulator.event.condition import CONDITIONS, INPUTS
from emulator.event.status_word import BILLING, FIRST_BREATH, LAST_GASP, SWITCH
from emulator.metering.quantities import QUANTITY_READERS
from emulator.relay import MODES, TABLE, TRANSITIONS, Action, ControlState, letters
from protocols.quantity import QUANTITIES


def relay_page() -> str:
    """Each control mode as a table and a diagram."""
    return "\n".join(_relay())


def _relay() -> Iterator[str]:
    yield "# Load switch\n"
    yield (
        "Disconnect control (class 70) as `emulator/relay.py` has it: the letters of the blue book's state diagram, "
        "what each control mode allows, and what the named deviation `auto_reconnect` of the Indian models adds after "
        "a local trip. What is not in the table is refused and leaves the state as it was; an action that leads where "
        "the switch is already is accepted and moves nothing.\n"
    )
    yield "| letter | action | from | to |"
    yield "|---|---|---|---|"
    for letter, (action, source, target) in TRANSITIONS.items():
        yield f"| {letter} | {_words(action)} | {_state(source)} | {_state(target)} |"
    yield "\n| control mode | letters | with `auto_reconnect`, after a local trip |"
    yield "|---|---|---|"
    for mode, allowed in MODES.items():
        added = "".join(each for each in letters(mode, deviates=True) if each not in allowed)
        yield f"| {mode} | {', '.join(allowed) or 'none: always connected'} | {', '.join(added) or 'nothing more'} |"
    for mode in MODES:
        yield from _mode(mode)


def _mode(mode: int) -> Iterator[str]:
    yield f"\n## Control mode {mode}\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> connected"
    for (of_mode, deviates, source, action), target in TABLE.items():
        if of_mode != mode:
            continue
        key = (mode, False, source, action)
        if not deviates:
            yield f"    {_name(source)} --> {_name(target)} : {_words(action)}"
        elif key not in TABLE:
            yield f"    {_name(source)} --> {_name(target)} : {_words(action)} (auto_reconnect, after a local trip)"
    yield "```"


def _words(action: Action) -> str:
    return action.value.replace("_", " ")


def _state(state: ControlState) -> str:
    return f"{int(state)} {state.name.lower().replace('_', ' ')}"


def _name(state: ControlState) -> str:
    return state.name.lower()


def events_page() -> str:
    """Every condition with its codes, log and bit."""
    return "\n".join(_events())


def _events() -> Iterator[str]:
    yield "# Conditions and events\n"
    yield (
        "The table of `emulator/event/condition.py`. A condition counts once it has lasted for the model's "
        "`occurrence_s`, and is gone once it has been gone for `restoration_s`. An *input* is set by the bench; the "
        "others are judged from voltages, currents and powers without what flickers within a quarter of an hour. Bits "
        "show in the event status word as far as its filter lets them.\n"
    )
    yield "| condition | log | occurrence | restoration | bit | tamper | given by | phases |"
    yield "|---|---|---|---|---|---|---|---|"
    for each in CONDITIONS:
        restoration = "latched" if each.restoration is None else each.restoration
        source = "input" if each.name in INPUTS and each.name != "switch_weld" else "judged"
        yield (
            f"| {each.name} | {each.log} | {each.occurrence} | {restoration} | {'' if each.bit is None else each.bit} "
            f"| {'yes' if each.tamper else ''} | {source} | {each.phases or '1, 3'} |"
        )
    yield "\n| passing bit | meaning |"
    yield "|---|---|"
    for bit, meaning in (
        (SWITCH, "the load switch has moved; with 124 to 126, the phases' relays"),
        (LAST_GASP, "the supply has gone"),
        (FIRST_BREATH, "the supply is back"),
        (BILLING, "a billing period has ended"),
    ):
        yield f"| {bit} | {meaning} |"


def quantities_page() -> str:
    """Every quantity with its unit, and which meters have it."""
    return "\n".join(_quantities())


def _quantities() -> Iterator[str]:
    yield "# Quantities\n"
    yield (
        "What meters measure, by the names of `protocols/quantity.py`: what models name and what MQTT carries. Inside "
        "the program a value is a whole number in the unit and the power of ten that stand here.\n"
    )
    yield "| name | unit | step | kind | meaning | meters |"
    yield "|---|---|---|---|---|---|"
    for name, quantity in QUANTITIES.items():
        phases = [count for count in (1, 3) if name in QUANTITY_READERS[count]]
        step = f"10^{quantity.exponent}" if quantity.exponent else "1"
        yield (
            f"| `{name}` | {quantity.unit} | {step} | {quantity.kind} | {quantity.title} "
            f"| {', '.join(f'{count}-phase' for count in phases)} |"
        )


PAGES: Final[dict[str, Callable[[], str]]] = {
    "relay.md": relay_page,
    "events.md": events_page,
    "quantities.md": quantities_page,
}
"""The pages of this module, by path."""
