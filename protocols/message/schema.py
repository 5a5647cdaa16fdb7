"""JSON Schemas and the AsyncAPI 3 document, made from the payload classes; nothing in them is written by hand."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from protocols.message.args import ARGS
from protocols.message.command import Ack, Command, Replay, Result
from protocols.message.consumer import ConsumerMessage, Deduction, Recharge
from protocols.message.envelope import Message
from protocols.message.reading import Balance, Event, Reading, Relay
from protocols.message.status import GatewayStatus, HeadendStatus, MeterStatus
from protocols.message.topic import DEFAULT_PREFIX, RETAINED, Kind

VERSION: Final = "1.0.0"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Channel(NamedTuple):
    """One topic of the contract: its address below the prefix, its payload, who sends it."""

    address: str
    payload: type[Message]
    by_gateway: bool
    summary: str


CHANNELS: Final[Mapping[Kind, Channel]] = {
    Kind.GATEWAY_STATUS: Channel("{gateway}/status", GatewayStatus, True, "The gateway itself; also its last will."),
    Kind.METER_STATUS: Channel("{gateway}/{meter}/status", MeterStatus, True, "Whether a meter answers."),
    Kind.READING: Channel("{gateway}/{meter}/reading/{profile}", Reading, True, "Rows of a profile."),
    Kind.BALANCE: Channel("{gateway}/{meter}/balance", Balance, True, "The last known balance and its time."),
    Kind.RELAY: Channel("{gateway}/{meter}/relay", Relay, True, "The state of the load switch."),
    Kind.EVENT: Channel("{gateway}/{meter}/event", Event, True, "Events, status word bits, pushes."),
    Kind.RESULT: Channel("{gateway}/{meter}/result", Result, True, "Every rung of every command."),
    Kind.COMMAND: Channel("{gateway}/{meter}/command", Command, False, "A request; refused when it comes retained."),
    Kind.REPLAY: Channel("{gateway}/replay", Replay, False, "Asks for messages again."),
    Kind.ACK: Channel("{gateway}/ack", Ack, False, "Says what has arrived."),
    Kind.HEADEND_STATUS: Channel("headend/status", HeadendStatus, False, "The head-end's heartbeat."),
    Kind.DEDUCTION: Channel("headend/consumer/{meter}/deduction", Deduction, False, "One day's deduction."),
    Kind.RECHARGE: Channel("headend/consumer/{meter}/recharge", Recharge, False, "One stage of a recharge."),
    Kind.MESSAGE: Channel("headend/consumer/{meter}/message", ConsumerMessage, False, "A text to the consumer."),
}

_PARAMETERS: Final = {
    "gateway": "The gateway's id; never `headend`.",
    "meter": "The meter's id.",
    "profile": "The profile's or register group's name.",
}


def json_schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of one payload, complete in itself."""
    schema = CHANNELS[kind].payload.model_json_schema(by_alias=True)
    if kind is Kind.COMMAND:
        _with_args(schema, "#/$defs/")
    return {"$schema": DIALECT, "$id": f"urn:meterbench:{kind.value}:{VERSION}"} | schema


def _with_args(schema: dict[str, Any], reference: str) -> None:
    """A command's arguments depend on its verb."""
    definitions = schema.setdefault("$defs", {})
    for args in dict.fromkeys(ARGS.values()):
        own = args.model_json_schema(by_alias=True)
        definitions |= own.pop("$defs", {})
        definitions[args.__name__] = own
    schema["allOf"] = _conditions(reference)


def _conditions(reference: str) -> list[dict[str, Any]]:
    return [
        {
            "if": {"properties": {"verb": {"const": verb.value}}},
            "then": {"properties": {"args": {"$ref": reference + args.__name__}}},
        }
        for verb, args in ARGS.items()
    ]


def files() -> dict[str, str]:
    """Every schema and the AsyncAPI document, by file name, as they are checked in."""
    schemas = {f"{kind.value}.schema.json": json_schema(kind) for kind in CHANNELS}
    return {name: written(content) for name, content in (schemas | {"asyncapi.json": asyncapi()}).items()}


def written(content: dict[str, Any]) -> str:
    """JSON for a file that people compare."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def asyncapi(prefix: str = DEFAULT_PREFIX) -> dict[str, Any]:
    """The whole contract as an AsyncAPI 3 document, from the gateway's side."""
    reference = "#/components/schemas/{model}"
    models: list[tuple[type[Message], JsonSchemaMode]] = [(each.payload, "validation") for each in CHANNELS.values()]
    models += [(each, "validation") for each in dict.fromkeys(ARGS.values())]
    _, definitions = models_json_schema(models, ref_template=reference)
    schemas = definitions["$defs"]
    schemas["Command"] = schemas["Command"] | {"allOf": _conditions("#/components/schemas/")}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "meter-gateway",
            "version": VERSION,
            "description": "Meters to and from MQTT. QoS 1 throughout; see docs/contract.md for what is promised.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {kind.value: _channel(kind, channel, prefix) for kind, channel in CHANNELS.items()},
        "operations": {
            ("send" if channel.by_gateway else "receive") + "_" + kind.value: {
                "action": "send" if channel.by_gateway else "receive",
                "channel": {"$ref": f"#/channels/{kind.value}"},
                "bindings": {"mqtt": {"qos": 1, "retain": kind in RETAINED}},
            }
            for kind, channel in CHANNELS.items()
        },
        "components": {
            "messages": {
                channel.payload.__name__: {
                    "name": channel.payload.__name__,
                    "payload": {"$ref": reference.format(model=channel.payload.__name__)},
                }
                for channel in CHANNELS.values()
            },
            "schemas": schemas,
        },
    }


def _channel(kind: Kind, channel: Channel, prefix: str) -> dict[str, Any]:
    name = channel.payload.__name__
    used = {key: text for key, text in _PARAMETERS.items() if "{" + key + "}" in channel.address}
    described: dict[str, Any] = {
        "address": f"{prefix}/{channel.address}",
        "summary": channel.summary,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }
    if used:
        described["parameters"] = {key: {"description": text} for key, text in used.items()}
    if kind in RETAINED:
        described["description"] = "Retained: the last message is kept by the broker."
    return described
