"""What a command can do to a consumer's supply: the guard judges effects, not verbs.

Whatever is not known to be harmless counts as a cut. The tables name interface classes by their numbers (IEC
62056-6-2) and objects of Indian meters by their logical names.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from protocols.cosem.obis import LogicalName
from protocols.message.command import Command, Verb


class Effect(StrEnum):
    """What can come of it."""

    CUT = "cut"
    RESTORE = "restore"
    NONE = "none"


_BY_VERB: Final[Mapping[Verb, Effect]] = {
    Verb.DISCONNECT: Effect.CUT,
    Verb.RECONNECT: Effect.RESTORE,
    Verb.LOAD_LIMIT: Effect.CUT,
    Verb.READ: Effect.NONE,
    Verb.SYNC: Effect.NONE,
    Verb.SET_CLOCK: Effect.NONE,
    Verb.SET_BALANCE: Effect.NONE,
    Verb.RECHARGE: Effect.NONE,
    Verb.FIRMWARE: Effect.NONE,
    Verb.ROTATE_KEYS: Effect.NONE,
    Verb.TARIFF: Effect.NONE,
}

DISCONNECT_CONTROL: Final = 70
_RECONNECT_METHOD: Final = 2

HARMLESS_METHODS: Final = frozenset({3, 4, 5, 6, 7, 8, 15, 18, 40, 64})
"""Classes no method of which touches supply: registers, profile, clock, association, image, push, security."""

HARMLESS_SCRIPTS: Final = frozenset({"0.0.10.0.1.255", "0.0.10.0.107.255", "0.0.10.0.108.255"})
"""Script tables (class 9): maximum demand reset, image activation, push."""

HARMLESS_ATTRIBUTES: Final = frozenset({3, 4, 5, 7, 8, 15, 18, 20, 23, 40, 41, 42, 48, 64})
"""Classes no attribute of which touches supply."""

RELAY_DATA: Final = frozenset({"0.0.94.96.20.255", "1.0.96.128.25.255", "1.0.96.128.30.255"})
"""Class 1 objects that do: payment mode, relay times now and to come."""

HARMLESS_SCHEDULES: Final = frozenset({"0.0.15.0.0.255", "0.0.15.0.2.255", "0.0.15.0.4.255"})
"""Single action schedules (class 22): billing dates, image activation, push."""

VENDORS_GROUP_C: Final = 128
"""Makers keep their own objects, relay settings among them, in group C from here on."""


def effect_of(command: Command, relay_registers: Mapping[int, Mapping[int, Effect]] | None = None) -> Effect:
    """What a command can do.

    Args:
        command: the request.
        relay_registers: for a Modbus meter, by wire address what each value written there does; a value that is not
            listed counts as a cut.
    """
    if command.verb is Verb.EXECUTE:
        return _of_method(command.args)
    if command.verb is Verb.WRITE:
        if "register" in command.args or "coil" in command.args:
            return _of_register(command.args, relay_registers or {})
        return _of_attribute(command.args)
    return _BY_VERB[command.verb]


def _of_method(args: Mapping[str, Any]) -> Effect:
    class_id, method = args.get("class"), args.get("method")
    if class_id == DISCONNECT_CONTROL:
        return Effect.RESTORE if method == _RECONNECT_METHOD else Effect.CUT
    if class_id in HARMLESS_METHODS or (class_id == 9 and _name(args) in HARMLESS_SCRIPTS):
        return Effect.NONE
    return Effect.CUT


def _of_attribute(args: Mapping[str, Any]) -> Effect:
    class_id, name = args.get("class"), _name(args)
    if class_id == 1:
        return Effect.CUT if name in RELAY_DATA or _is_vendors(name) else Effect.NONE
    if class_id in HARMLESS_ATTRIBUTES or (class_id == 22 and name in HARMLESS_SCHEDULES):
        return Effect.NONE
    return Effect.CUT


def _name(args: Mapping[str, Any]) -> str:
    """The logical name in its dotted form; empty when it is none."""
    try:
        return str(LogicalName.parse(str(args.get("obis"))))
    except ValueError:
        return ""


def _is_vendors(name: str) -> bool:
    return not name or int(name.split(".")[2]) >= VENDORS_GROUP_C


def _of_register(args: Mapping[str, Any], relay: Mapping[int, Mapping[int, Effect]]) -> Effect:
    address = args.get("register", args.get("coil"))
    values = args.get("values", [args.get("value")])
    if not isinstance(address, int) or not isinstance(values, list):
        return Effect.CUT
    effects = [
        relay[address + offset].get(value, Effect.CUT) if isinstance(value, int) else Effect.CUT
        for offset, value in enumerate(values)
        if address + offset in relay
    ]
    if Effect.CUT in effects:
        return Effect.CUT
    return Effect.RESTORE if effects else Effect.NONE
