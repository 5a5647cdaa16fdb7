"""The pages of the gateway: its messages from their classes, its settings from the models of its file."""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gateway.command.guard_rule import AnyRule, Permission
from gateway.command.ladder import FOLLOWS
from gateway.configuration.config import (
    BrokerConfig,
    ClockConfig,
    FirmwareConfig,
    GatewayConfig,
    LimitsConfig,
    MeterConfig,
    MetricsConfig,
    PushConfig,
    StoreConfig,
)
from gateway.configuration.span import Size, Span, written
from gateway.polling.schedule import ReadPlan
from protocols.message.args import ARGS, NoArgs
from protocols.message.command import Evidence, Override, Rung
from protocols.message.envelope import Streamed
from protocols.message.reading import LastRecharge, Row, Value
from protocols.message.schema import CHANNELS
from protocols.message.status import Hole
from protocols.message.topic import RETAINED
from protocols.settings.section import SecretSource

PARTS: Final = (Row, Value, Hole, LastRecharge, Evidence, Override)
"""What stands in payloads."""

SECTIONS: Final = (
    ("broker", BrokerConfig),
    ("store", StoreConfig),
    ("clock", ClockConfig),
    ("metrics", MetricsConfig),
    ("push", PushConfig),
    ("firmware", FirmwareConfig),
    ("limits", LimitsConfig),
)

MIB: Final = 1024**2


def messages_page() -> str:
    """Topics, payloads, verbs and the ladder."""
    return "\n".join(_messages())


def _messages() -> Iterator[str]:
    yield "# Messages\n"
    yield (
        "Every topic, payload, verb and rung, from the classes in `protocols/message/`. What they promise is told in "
        "[contract.md](contract.md). `P` is the prefix, `meters/v1` unless configured; everything is QoS 1.\n"
    )
    yield "| topic | from | retained | what |"
    yield "|---|---|---|---|"
    for kind, channel in CHANNELS.items():
        sender = "gateway" if channel.by_gateway else "head-end"
        retained = "yes" if kind in RETAINED else ""
        yield f"| [`P/{channel.address}`](#{kind.value}) | {sender} | {retained} | {channel.summary} |"
    yield (
        "\nEvery message from a gateway begins with `stream`, `seq` and `historical`: the store's name, the message's "
        "number in it, and whether it waited. Only the last will has neither stream nor seq."
    )
    for kind, channel in CHANNELS.items():
        yield f"\n## {kind.value}\n"
        yield from _described(channel.payload)
    yield "\n## Parts"
    for part in PARTS:
        yield f"\n### {part.__name__.lower()}\n"
        yield from _described(part)
    yield "\n## Verbs\n"
    yield "| verb | arguments |"
    yield "|---|---|"
    for verb, args in ARGS.items():
        said = "" if args is NoArgs else f"{_first(args)} {', '.join(_argument(args))}"
        yield f"| `{verb.value}` | {said} |"
    yield "\n## Ladder\n"
    yield "What is not here can't happen. `gateway/command/ladder.py` is this table."
    yield ""
    yield "```mermaid"
    yield "stateDiagram-v2"
    for before, afters in FOLLOWS.items():
        for after in (each for each in Rung if each in afters):
            if before is not after:
                yield f"    {'[*]' if before is None else before.value} --> {after.value}"
    yield "```"


def _described(model: type[BaseModel]) -> Iterator[str]:
    yield f"{_first(model)}\n"
    yield "| field | type | what |"
    yield "|---|---|---|"
    schema = model.model_json_schema(by_alias=True, mode="validation")
    for name, described in schema["properties"].items():
        info = next(each for key, each in model.model_fields.items() if name in {key, each.alias})
        nullable = ", null where there is none" if "anyOf" in described else ""
        optional = nullable if info.is_required() else ", may be absent"
        if not (issubclass(model, Streamed) and name in Streamed.model_fields):
            yield f"| `{name}` | {_type(described, schema)}{optional} | {_text(info, described)} |"


_TYPES: Final = {"string": "text", "integer": "whole number"}


def _type(described: dict[str, Any], schema: dict[str, Any]) -> str:
    match described:
        case {"anyOf": several}:
            return " or ".join(_type(each, schema) for each in several if each.get("type") != "null")
        case {"$ref": reference}:
            name = str(reference).rsplit("/", 1)[1]
            values = schema["$defs"][name].get("enum")
            return name.lower() if values is None else " ".join(f"`{each}`" for each in values)
        case {"type": "array", "items": items}:
            return f"list of {_type(items, schema)}"
        case {"type": "string", "format": "date-time"}:
            return "time"
        case {"type": known}:
            return _TYPES.get(known, str(known))
        case _:
            return "any"


def _text(info: FieldInfo, schema: dict[str, Any]) -> str:
    return info.description or str(schema.get("description", ""))


def _first(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _argument(args: type[BaseModel]) -> Iterator[str]:
    for name, info in args.model_fields.items():
        yield f"`{info.alias or name}`" + ("" if info.is_required() else "?")


def settings_page() -> str:
    """Every key of the configuration file."""
    return "\n".join(_settings())


def _settings() -> Iterator[str]:
    yield "# Settings of the gateway\n"
    yield (
        "Every key of the gateway's file (TOML), from `gateway/configuration/config.py`. What it is like to run one is "
        "told in [operations.md](operations.md). Spans are written `500ms`, `30s`, `15m`, `1h30m`, `7d`; sizes "
        "`512 MiB`. `meter-gateway config check FILE` says what is wrong, by line and key.\n"
    )
    sections = dict(SECTIONS)
    yield from _keys("The file itself", GatewayConfig, skip={*sections, "meter", "guard"})
    for name, model in SECTIONS:
        yield from _keys(f"[{name}]", model)
    yield from _keys("[[meter]]", MeterConfig)
    yield from _keys("read", ReadPlan, 'A profile\'s plan; `"15m"` is short for `{ every = "15m" }`.')
    yield from _keys("keys", SecretSource, "Each of `keys` and `next_keys`, `broker.password`, `fleet_keys`.")
    yield "\n## [[guard.rule]]\n"
    yield "What the rules are for is told in [operations.md](operations.md#the-guard)."
    for rule in get_args(get_args(AnyRule)[0]):
        kind = get_args(rule.model_fields["kind"].annotation)[0]
        yield from _keys(f'kind = "{kind}"', rule, skip={"kind"}, level=3)
    yield from _keys("[guard.permission.NAME]", Permission)


def _keys(
    title: str, model: type[BaseModel], text: str = "", *, skip: AbstractSet[str] = frozenset(), level: int = 2
) -> Iterator[str]:
    yield f"\n{'#' * level} {title}\n"
    yield f"{text or _first(model)}\n"
    yield "| key | default | what |"
    yield "|---|---|---|"
    for name, info in model.model_fields.items():
        if name not in skip:
            yield f"| `{info.alias or name}` | {_default(info)} | {_what(info)} |"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**must be given**"
    value = info.get_default(call_default_factory=True, validated_data={})
    if value in (None, (), {}, PydanticUndefined):
        return ""
    if isinstance(value, dict):
        return "see below"
    if isinstance(value, int) and not isinstance(value, bool):
        if _is(info, Span):
            return f"`{written(value)}`"
        if _is(info, Size):
            return f"`{value // MIB} MiB`"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _what(info: FieldInfo) -> str:
    """What a key is for; its choices, where it has some."""
    choices = [f"`{each}`" for each in get_args(info.annotation) if isinstance(each, str)]
    return "; ".join(each for each in (" ".join(choices), info.description) if each)


def _is(info: FieldInfo, kind: Any) -> bool:
    """Whether a field is written as that kind."""
    (validator,) = kind.__metadata__
    return validator in info.metadata


PAGES: Final[dict[str, Callable[[], str]]] = {"messages.md": messages_page, "gateway_settings.md": settings_page}
