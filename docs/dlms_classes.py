"""The page of interface classes, from the catalogue, and the page of models, from their files."""

from collections.abc import Callable, Iterator
from typing import Final

from protocols.cosem.catalogue import CATALOGUE
from protocols.cosem.interface_class import InterfaceClass
from protocols.cosem.unit import unit_symbol
from protocols.model import MeterModel, load, model_ids
from protocols.model.cosem_object import AttributeSource, CosemObject, Fixed, Identified, Measured, Parameter, State


def classes_page() -> str:
    """Every class with its attributes, methods and types."""
    return "\n".join(_classes())


def _classes() -> Iterator[str]:
    yield "# Interface classes\n"
    yield (
        "What the catalogue (`protocols/cosem/catalogue/`) knows. *Described*: attributes, types, methods and access "
        "are known to server, client and tools. *Behaves*: objects of the class act as a meter's do, and tests show "
        "it. A class that is not here is carried all the same: its attributes are what a model writes down.\n"
    )
    yield "| class | version | name | depth | attributes | methods |"
    yield "|---|---|---|---|---|---|"
    for each in CATALOGUE.values():
        yield (
            f"| {each.class_id} | {each.version} | [{each.name}](#{_anchor(each)}) | {each.depth.value} "
            f"| {len(each.attributes)} | {len(each.methods)} |"
        )
    for each in CATALOGUE.values():
        yield from _one_class(each)


def _heading(each: InterfaceClass) -> str:
    return f"Class {each.class_id} version {each.version} {each.name}"


def _anchor(each: InterfaceClass) -> str:
    kept = "".join(letter for letter in _heading(each).lower() if letter.isalnum() or letter in " -")
    return kept.replace(" ", "-")


def _one_class(each: InterfaceClass) -> Iterator[str]:
    yield f"\n## {_heading(each)}\n"
    yield "| attribute | name | type |"
    yield "|---|---|---|"
    for attribute in each.attributes:
        selectors = f" (selective access {', '.join(map(str, attribute.selectors))})" if attribute.selectors else ""
        yield f"| {attribute.number} | {attribute.name} | `{_cell(str(attribute.type))}`{selectors} |"
    if each.methods:
        yield "\n| method | name | parameter |"
        yield "|---|---|---|"
        for method in each.methods:
            yield f"| {method.number} | {method.name} | `{_cell(str(method.parameter))}` |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def models_page() -> str:
    """Every model with its associations and objects."""
    return "\n".join(_models())


def _models() -> Iterator[str]:
    models = [model for model in map(load, model_ids()) if model.objects]
    yield "# Meter models with COSEM objects\n"
    yield (
        "What each model file (`protocols/model/*.toml`) says. A model names its base and what differs, so a model of "
        "your own takes a few lines; `meter-emulator run` takes a path to such a file in the place of a model's name.\n"
    )
    yield "| model | title | base | objects |"
    yield "|---|---|---|---|"
    for model in models:
        yield f"| [{model.id}](#{model.id}) | {model.title} | {model.base or ''} | {len(model.objects)} |"
    for model in models:
        yield from _one_model(model)


def _one_model(model: MeterModel) -> Iterator[str]:
    yield f"\n## {model.id}\n"
    yield f"{model.title}.\n"
    yield "| client | association | mechanism | context | may | sees | APDU |"
    yield "|---|---|---|---|---|---|---|"
    for association in model.associations.values():
        sees = "all" if association.sees is None else f"{len(association.sees)} objects"
        yield (
            f"| {association.client} | {association.name} | {association.mechanism} | {association.context} "
            f"| {', '.join(sorted(association.may))} | {sees} | {association.max_pdu} |"
        )
    yield "\n| class | object | what | values | set | methods | source |"
    yield "|---|---|---|---|---|---|---|"
    for each in model.objects.values():
        yield _object_row(each)
    yield "\nSources:\n"
    for key, text in model.sources.items():
        yield f"- {key}: {text}"


def _object_row(each: CosemObject) -> str:
    numbers = ", ".join(map(str, sorted(each.settable)))
    methods = ", ".join(map(str, sorted(each.executable)))
    return (
        f"| {each.class_id} | {each.logical_name} | {each.title} | {_values(each)} | {numbers} | {methods} "
        f"| {' '.join(each.source)} |"
    )


def _values(each: CosemObject) -> str:
    if each.profile is not None:
        rows = f"{each.profile.rows}, {each.profile.entries} rows" if each.profile.entries > 1 else each.profile.rows
        return rows if each.profile.scaler_of is None else f"scalers of {each.profile.scaler_of}"
    source = each.attributes.get(2)
    if source is None:
        return "by itself"
    scaled = f", x 10^{each.scaler} {unit_symbol(each.unit)}" if each.class_id in {3, 4, 5} and each.scaler else ""
    return _source(source) + (scaled or _unscaled(each))


def _unscaled(each: CosemObject) -> str:
    return f", {unit_symbol(each.unit)}" if each.class_id in {3, 4, 5} and unit_symbol(each.unit) else ""


def _source(source: AttributeSource) -> str:
    match source:
        case Measured(name, kind):
            return f"{name} ({kind})"
        case Parameter(name, kind):
            return f"parameter {name} ({kind})"
        case Identified(name, kind):
            return f"identity {name} ({kind})"
        case State(name, kind):
            return f"state {name} ({kind})" if not str(kind).startswith("array") else f"state {name}"
        case Fixed():
            return "fixed"


PAGES: Final[dict[str, Callable[[], str]]] = {"dlms_classes.md": classes_page, "dlms_models.md": models_page}
