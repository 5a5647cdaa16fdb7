"""Publishes a command and follows its ladder to the end, as a head-end would."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from gateway.exit_status import ExitStatus
from protocols.message.command import Command, Result, Rung
from protocols.message.status import GatewayState, GatewayStatus
from protocols.message.topic import Kind, Topics, parse
from protocols.transport.mqtt.broker import Broker, MqttLostError
from protocols.transport.mqtt.connect import connect
from protocols.transport.mqtt.session import Session

ACCEPTED_S: Final = 10.0
"""A gateway that is there answers within this."""
DISCOVER_S: Final = 2.0

WRONG_USE_RULES: Final = frozenset({"malformed"})
REQUEST_RULES: Final = frozenset(
    {"unknown-meter", "retained", "id-reused", "queue-full", "outbox-full", "response-topic", "expired"}
)
"""Refusals that are not the guard's."""


class Asked(NamedTuple):
    """What to send, and where."""

    broker: Broker
    prefix: str
    gateway: str | None
    meter: str
    command: Command
    patience_s: float


class NobodyError(Exception):
    """No gateway answered."""


async def send(asked: Asked, tell: Callable[[Result], None]) -> Result:
    """Publish and follow.

    Args:
        asked: what to send.
        tell: is told of every rung.

    Raises:
        MqttLostError: no broker, or none that lets us in.
        NobodyError: no gateway has the meter, or it does not answer.
    """
    async with connect(asked.broker) as session:
        gateway = asked.gateway or await _discover(session, asked)
        topics = Topics(gateway, asked.prefix)
        await session.subscribe((topics.of_meter(Kind.RESULT, asked.meter),))
        session.publish(topics.of_meter(Kind.COMMAND, asked.meter), asked.command.to_json())
        return await _follow(session, asked, tell)


async def _follow(session: Session, asked: Asked, tell: Callable[[Result], None]) -> Result:
    heard = False
    try:
        async with asyncio.timeout(ACCEPTED_S) as patience:
            async for message in session.messages():
                result = _result(message.payload, asked.command.id)
                if result is None:
                    continue
                if not heard:
                    heard = True
                    patience.reschedule(asyncio.get_running_loop().time() + asked.patience_s)
                tell(result)
                if result.final:
                    return result
    except TimeoutError:
        what = "the command did not come to its end in time" if heard else "no gateway answered"
        raise NobodyError(what) from None
    raise MqttLostError("the broker closed the connection")


def _result(payload: bytes, command_id: str) -> Result | None:
    try:
        result = Result.from_json(payload)
    except ValueError:
        return None
    return result if result.id == command_id else None


async def _discover(session: Session, asked: Asked) -> str:
    """Which gateway has the meter: its retained status says so."""
    await session.subscribe((f"{asked.prefix}/+/{asked.meter}/status", f"{asked.prefix}/+/status"))
    known: set[str] = set()
    try:
        async with asyncio.timeout(DISCOVER_S):
            async for message in session.messages():
                address = parse(message.topic, asked.prefix)
                if address is None:
                    continue
                if address.kind is Kind.METER_STATUS and address.meter == asked.meter:
                    return address.gateway
                if address.kind is Kind.GATEWAY_STATUS and _is_online(message.payload):
                    known.add(address.gateway)
    except TimeoutError:
        if len(known) == 1:
            return known.pop()
    raise NobodyError(f"no gateway on this broker has told of {asked.meter}; name one with --gateway")


def _is_online(payload: bytes) -> bool:
    try:
        return GatewayStatus.from_json(payload).status is GatewayState.ONLINE
    except ValueError:
        return False  # whatever a stranger publishes there


def exit_status(result: Result) -> ExitStatus:
    """The exit status for how a command ended."""
    match result.rung:
        case Rung.CONFIRMED | Rung.OBSERVED | Rung.ARMED:
            return ExitStatus.DONE
        case Rung.REFUSED if result.rule in WRONG_USE_RULES:
            return ExitStatus.WRONG_USE
        case Rung.REFUSED if result.rule not in REQUEST_RULES:
            return ExitStatus.GUARDED
        case _:
            return ExitStatus.SAID_NO


def sentence(result: Result) -> str:
    """A rung for people."""
    parts = [result.rung.value]
    if result.rule is not None:
        parts.append(f"by rule {result.rule}")
    text = " ".join(parts)
    if result.reason is not None:
        text += f": {result.reason}"
    shown: dict[str, Any] | None = result.detail
    if shown:
        text += " (" + ", ".join(f"{name} {value}" for name, value in shown.items()) + ")"
    return text + (" (this id was sent before)" if result.repeated else "")
