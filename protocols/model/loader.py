"""From a model file to a `MeterModel`: bases laid under, every section read, what no section knows refused.

The models that come with the project are package data beside this module; a bench file may name a file of its own,
which finds its base among those or beside itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from protocols.model.activation import Activation, activations_of
from protocols.model.association import ModelAssociation, read_association
from protocols.model.cosem_object import PROFILE_GENERIC
from protocols.model.identity import Identity
from protocols.model.merge import merge
from protocols.model.meter_model import MeterModel
from protocols.model.object_table import read_object
from protocols.model.physics import SECTIONS, Physics
from protocols.model.quirk import read_quirks
from protocols.model.table import ModelError, Table

if TYPE_CHECKING:
    from protocols.cosem.obis import LogicalName
    from protocols.modbus.register_map import RegisterMap
    from protocols.model.cosem_object import CosemObject

MODBUS_SECTIONS: Final = ("modbus", "registers")
"""Tables that `RegisterMap.from_table` reads."""

BASES_MAX: Final = 8
"""How long a chain of bases may be: ours have two; a loop would have no end."""

FILE_OCTETS_MAX: Final = 4 << 20
"""A model file is read whole; the longest of ours has 60,000 octets."""

_Reader = Callable[[str], tuple[str, str] | None]
"""From a model's id to its text and the name of its file, or None where there is none."""


def model_ids() -> tuple[str, ...]:
    """The models that come with the project, bases that are no meters left out."""
    return tuple(sorted(each for each in _packaged() if not _parse(*_require(each)).get("abstract", False)))


@cache
def load(model_id: str) -> MeterModel:
    """One of the models that come with the project.

    Raises:
        ModelError: there is no such model, or its file is wrong.
    """
    if model_id not in model_ids():
        raise ModelError(f"model {model_id!r}: there is no such model; known are {', '.join(model_ids())}")
    text, where = _require(model_id)
    return _build(model_id, text, where, _packaged_text)


def load_file(path: str | Path) -> MeterModel:
    """A model from a file; its id is the file's name, its base is looked for beside it and among ours.

    Raises:
        ModelError: the file cannot be read, or is wrong.
    """
    path = Path(path)

    def text_of(model_id: str) -> tuple[str, str] | None:
        beside = path.with_name(f"{model_id}.toml")
        return (_read(beside), str(beside)) if beside.is_file() else _packaged_text(model_id)

    return _build(path.stem, _read(path), str(path), text_of)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > FILE_OCTETS_MAX:
            raise ModelError(f"{path}: the file is longer than {FILE_OCTETS_MAX} octets; a model file is not")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: the model file cannot be read: {error}") from None


def _packaged() -> Iterator[str]:
    for each in resources.files("protocols.model").iterdir():
        if each.name.endswith(".toml"):
            yield each.name.removesuffix(".toml")


def _packaged_text(model_id: str) -> tuple[str, str] | None:
    name = f"{model_id}.toml"
    if model_id not in set(_packaged()):
        return None
    return resources.files("protocols.model").joinpath(name).read_text(encoding="utf-8"), name


def _require(model_id: str) -> tuple[str, str]:
    found = _packaged_text(model_id)
    if found is None:
        raise ModelError(f"model {model_id!r}: there is no such model; known are {', '.join(sorted(_packaged()))}")
    return found


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"{where}: this is not TOML: {error}") from None


def _with_bases(content: dict[str, Any], where: str, text_of: _Reader) -> dict[str, Any]:
    """The content of a model laid over that of its bases, the deepest first."""
    chain = [content]
    while (base := chain[-1].get("base")) is not None:
        if len(chain) > BASES_MAX:
            raise ModelError(f"{where}: base: a model has at most {BASES_MAX} bases; this one leads in a circle")
        found = text_of(base) if isinstance(base, str) else None
        if found is None:
            raise ModelError(f"{where}: base is {base!r}; it must be one of {', '.join(sorted(_packaged()))}")
        chain.append(_parse(*found))
    merged: dict[str, Any] = {}
    for each in reversed(chain):
        merged = merge({key: value for key, value in merged.items() if key not in {"abstract", "base"}}, each)
    return merged


def _build(model_id: str, text: str, where: str, text_of: _Reader) -> MeterModel:
    own = _parse(text, where)
    content = _with_bases(own, where, text_of)
    table = Table(content, where)
    sources = _sources(table.table("sources", {}))
    if "identity" not in table:
        table.refuse('identity is missing: name a base, such as base = "is15959-d1", or write the table [identity]')
    identity_table = table.table("identity")
    identity_table.take("source", str, "")
    objects = _objects(table.table("objects", {}))
    model = MeterModel(
        id=model_id,
        title=table.take("title", str),
        base=table.take("base", str, None),
        identity=Identity.from_table(identity_table),
        physics=replace(_physics(table, content), activations=_activations(objects, where)),
        associations=_associations(table),
        objects=objects,
        modbus=_modbus(table, content, where),
        quirks=read_quirks(table.table("quirks", {})),
        sources=sources,
    )
    identity_table.done()
    table.take("abstract", bool, False)
    table.done((*SECTIONS, *MODBUS_SECTIONS))
    _check_sources(model, where)
    _check_references(model, where)
    return model


def _sources(table: Table) -> dict[str, str]:
    return {key: table.take(key, str) for key in table.names()}


def _physics(table: Table, content: Mapping[str, Any]) -> Physics:
    for section in SECTIONS:
        table.take(section, dict, {})
    try:
        return Physics.from_table(content)
    except ValueError as error:
        table.refuse(str(error))


def _modbus(table: Table, content: Mapping[str, Any], where: str) -> RegisterMap | None:
    from protocols.modbus.register_map import RegisterMap  # it reads tables with this package's `table`

    for section in MODBUS_SECTIONS:
        table.take(section, dict, {})
    return RegisterMap.from_table(content, where) if "registers" in table else None


def _associations(table: Table) -> dict[int, ModelAssociation]:
    associations: dict[int, ModelAssociation] = {}
    for row in table.tables("association"):
        association = read_association(row)
        if association.client in associations:
            row.refuse(f"client {association.client} stands twice")
        associations[association.client] = association
    return associations


def _objects(table: Table) -> dict[tuple[int, LogicalName], CosemObject]:
    objects = (read_object(key, table.table(key)) for key in table.names())
    return {(each.class_id, each.logical_name): each for each in objects}


def _activations(objects: Mapping[tuple[int, LogicalName], CosemObject], where: str) -> tuple[Activation, ...]:
    try:
        return activations_of(objects)
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None


def _check_sources(model: MeterModel, where: str) -> None:
    rows = {each.key: each.source for each in model.objects.values()}
    rows |= {f"association {each.client}": each.source for each in model.associations.values()}
    for name, keys in rows.items():
        for key in keys:
            if key not in model.sources:
                raise ModelError(f"{where}: {name}: source {key!r} is not explained in [sources]")


def _check_push(each: CosemObject, model: MeterModel, where: str) -> None:
    row = each.push.row if each.push is not None else None
    profile = None if row is None else model.objects.get((PROFILE_GENERIC, row))
    if row is not None and (profile is None or profile.profile is None):
        raise ModelError(f"{where}: {each.key}: push_row is {row}, which is no profile of the model")
    for column in each.push.capture if each.push is not None else ():
        captured = model.objects.get((column.class_id, column.logical_name))
        if captured is None or column.attribute not in captured.attribute_numbers:
            raise ModelError(f"{where}: {each.key}: pushes {column}, which no object of the model has")


def _check_references(model: MeterModel, where: str) -> None:
    keys = {each.key for each in model.objects.values()}
    for association in model.associations.values():
        for key in sorted((association.sees or frozenset()) - keys):
            raise ModelError(f"{where}: association {association.client}: sees {key}, which is no object of the model")
    for each in model.objects.values():
        if each.same_as is not None and (each.class_id, each.same_as) not in model.objects:
            raise ModelError(f"{where}: {each.key}: same_as is {each.same_as}, which is no object of the model")
        if each.push is not None:
            _check_push(each, model, where)
        if each.profile is None:
            continue
        for column in each.profile.capture:
            captured = model.objects.get((column.class_id, column.logical_name))
            if captured is None or column.attribute not in captured.attribute_numbers:
                raise ModelError(f"{where}: {each.key}: captures {column}, which no object of the model has")
        scaler_of = each.profile.scaler_of
        if scaler_of is not None and (each.class_id, scaler_of) not in model.objects:
            raise ModelError(f"{where}: {each.key}: scaler_of is {scaler_of}, which is no profile of the model")
