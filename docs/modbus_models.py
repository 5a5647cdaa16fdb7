"""The page of Modbus models, from their files."""

from collections.abc import Callable, Iterator
from typing import Final

from protocols.modbus.order import ORDERS
from protocols.modbus.plan import plan
from protocols.modbus.register import RegisterSpec
from protocols.modbus.register_map import RegisterMap
from protocols.modbus.relay_control import RelayControl
from protocols.model import MeterModel, load, model_ids

_ORDER_NAMES: Final = {ORDERS[name]: name for name in ("DCBA", "BADC", "CDAB", "ABCD")}


def models_page() -> str:
    """Every model with its limits and registers."""
    return "\n".join(_models())


def _models() -> Iterator[str]:
    models = [(load(name), registers) for name in model_ids() if (registers := load(name).modbus) is not None]
    yield "# Meter models with Modbus registers\n"
    yield (
        "What each model file (`protocols/model/*.toml`) says. Addresses are those of the wire, counted from zero; the "
        "maker's own number stands beside them. How to add a model is told in [modbus.md](modbus.md).\n"
    )
    yield "| model | title | registers | read whole in | load switch |"
    yield "|---|---|---|---|---|"
    for model, registers in models:
        requests = len(plan(registers, registers.registers))
        way = registers.relay.way if registers.relay is not None else "none"
        title = f"[{model.id}](#{model.id})"
        yield f"| {title} | {model.title} | {len(registers.registers)} | {requests} requests | {way} |"
    for model, registers in models:
        yield from _one(model, registers)


def _one(model: MeterModel, made: RegisterMap) -> Iterator[str]:
    yield f"\n## {model.id}\n"
    yield f"{model.title}. {_limits(made)}\n"
    if made.relay is not None:
        yield f"{_relay(made.relay)}\n"
    yield "| function | address | maker's | name | what | type | order | unit | write | source |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for each in made.registers:
        functions = ", ".join(map(str, each.read))
        write = ", ".join(map(str, each.write)) + (" with password" if each.locked else "")
        yield (
            f"| {functions} | 0x{each.address:04X} ({each.address}) | {each.document} | {each.name} | {each.title} "
            f"| {_type(each)} | {_ORDER_NAMES[each.order] if each.words > 1 else ''} | {each.unit} | {write} "
            f"| {each.source} |"
        )
    yield ""
    for key, text in model.sources.items():
        yield f"- {key}: {text}"


def _limits(made: RegisterMap) -> str:
    sentences = [f"Unit {made.unit}, {made.baud} baud 8{made.parity}{made.stop_bits} from the works"]
    sentences.append(f"at most {made.read_registers_max} registers a read")
    sentences.append(f"written with function {' or '.join(map(str, made.write))}")
    if made.write_values_max:
        sentences.append(f"{made.write_values_max} value a write")
    gap = "an exception" if made.gap == "exception" else f"0x{made.gap_value:04X} within {len(made.windows)} windows"
    sentences.append(f"an address without register is {gap}")
    if made.sunspec is not None:
        sentences.append(f"SunSpec marker at {made.sunspec}")
    return "; ".join(sentences) + "."


def _relay(relay: RelayControl) -> str:
    match relay.way:
        case "coil":
            how = f"coil {relay.address} is on while the contact is closed"
        case "arm":
            how = (
                f"coils {relay.close} close and {relay.open} open it: the first arms, the second executes within "
                f"{relay.window_ms // 1000} s"
            )
        case _:
            how = f"function {relay.function} writes {list(relay.close)} to close and {list(relay.open)} to open it "
            how += f"at {relay.address}"
    return f"Load switch: {how}; its state is read with function {relay.state.function} at {relay.state.address}."


def _type(register: RegisterSpec) -> str:
    kind = register.kind.name if register.kind.words is not None else f"{register.kind.name}({register.words})"
    if register.scale_register is not None:
        return f"{kind} with {register.scale_register}"
    return kind if register.scale == 1 else f"{kind} x {float(register.scale):g}"


PAGES: Final[dict[str, Callable[[], str]]] = {"modbus_models.md": models_page}
