"""The guard judges what a command can do to a supply, whatever it is called."""

import json

import pytest

from gateway.command.effect import Effect, effect_of
from protocols.message.command import Command


def effect(verb: str, args: dict[str, object], relay: dict[int, dict[int, Effect]] | None = None) -> Effect:
    payload = json.dumps({"id": "c1", "verb": verb, "args": args}).encode()
    return effect_of(Command.from_json(payload), relay)


@pytest.mark.parametrize(
    ("verb", "args", "expected"),
    [
        ("disconnect", {}, Effect.CUT),
        ("reconnect", {}, Effect.RESTORE),
        ("load_limit", {"watts": 1}, Effect.CUT),
        ("read", {"profile": "instantaneous"}, Effect.NONE),
        ("recharge", {}, Effect.NONE),
        ("firmware", {}, Effect.NONE),
        ("execute", {"class": 70, "obis": "0.0.96.3.10.255", "method": 1}, Effect.CUT),
        ("execute", {"class": 70, "obis": "0.0.96.3.10.255", "method": 2}, Effect.RESTORE),
        ("execute", {"class": 9, "obis": "0.0.10.0.106.255", "method": 1}, Effect.CUT),
        ("execute", {"class": 9, "obis": "0-0:10.0.1*255", "method": 1}, Effect.NONE),
        ("execute", {"class": 3, "obis": "1.0.1.8.0.255", "method": 1}, Effect.NONE),
        ("execute", {"class": 9999, "obis": "0.0.1.0.0.255", "method": 1}, Effect.CUT),
        ("execute", {"class": 115, "obis": "0.0.19.40.0.255", "method": 1}, Effect.CUT),
        ("write", {"class": 70, "obis": "0.0.96.3.10.255", "attribute": 4}, Effect.CUT),
        ("write", {"class": 71, "obis": "0.0.17.0.0.255", "attribute": 4}, Effect.CUT),
        ("write", {"class": 71, "obis": "0.0.17.0.0.255", "attribute": 6}, Effect.CUT),
        ("write", {"class": 21, "obis": "0.0.16.1.0.255", "attribute": 2}, Effect.CUT),
        ("write", {"class": 8, "obis": "0.0.1.0.0.255", "attribute": 2}, Effect.NONE),
        ("write", {"class": 22, "obis": "0.0.15.0.0.255", "attribute": 4}, Effect.NONE),
        ("write", {"class": 22, "obis": "0.0.15.0.1.255", "attribute": 4}, Effect.CUT),
        ("write", {"class": 1, "obis": "0.0.94.96.24.255"}, Effect.NONE),
        ("write", {"class": 1, "obis": "0.0.94.96.20.255"}, Effect.CUT),
        ("write", {"class": 1, "obis": "0.0.128.128.0.255"}, Effect.CUT),
        ("write", {"class": 1, "obis": "no name at all"}, Effect.CUT),
        ("write", {"class": 112, "obis": "0.0.19.10.0.255", "attribute": 2}, Effect.CUT),
    ],
)
def test_an_object_is_judged_by_what_it_can_do(verb: str, args: dict[str, object], expected: Effect) -> None:
    assert effect(verb, args) is expected


RELAY: dict[int, dict[int, Effect]] = {26: {1: Effect.RESTORE}, 100: {}}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"register": 26, "value": 0}, Effect.CUT),
        ({"register": 26, "value": 1}, Effect.RESTORE),
        ({"register": 26, "value": 7}, Effect.CUT),
        ({"register": 25, "values": [5, 1]}, Effect.RESTORE),
        ({"register": 25, "values": [5, 0]}, Effect.CUT),
        ({"register": 24, "values": [5, 0]}, Effect.NONE),
        ({"coil": 100, "value": 1}, Effect.CUT),
        ({"register": "26", "value": 0}, Effect.CUT),
        ({"register": 26, "value": "0"}, Effect.CUT),
    ],
)
def test_a_register_is_judged_by_the_model(args: dict[str, object], expected: Effect) -> None:
    assert effect("write", args, RELAY) is expected
