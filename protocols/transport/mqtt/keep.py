"""Keeping a session up for ever, with waits between attempts that spread a fleet of gateways."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Final, Literal

from protocols.transport.mqtt.broker import Broker, MqttLostError, MqttTakenOverError, Will
from protocols.transport.mqtt.connect import OtherVersionError, connect
from protocols.transport.mqtt.session import Session

BACKOFF_FIRST_S: Final = 0.5
STEADY_S: Final = 10.0
"""A session that stood for so long was a good one: after it attempts are counted from the beginning."""


def backoff_s(attempt: int, rng: Random, most_s: float) -> float:
    """How long to wait before an attempt (0 is the first that failed): full jitter under a doubling bound."""
    return rng.uniform(0, min(most_s, BACKOFF_FIRST_S * 2 ** min(attempt, 16)))


async def stay_connected(
    broker: Broker,
    will: Will | None,
    serve: Callable[[Session], Awaitable[None]],
    *,
    rng: Random,
    backoff_max_s: float,
    lost: Callable[[str, float], None],
) -> None:
    """Keep a session up for ever: `serve` runs while one stands; when it ends, try again after a while.

    Args:
        broker: to whom.
        will: for when we are gone.
        serve: ends by `MqttLostError`, or by returning when all is done, which ends this too.
        rng: draws the waits.
        backoff_max_s: the longest of them.
        lost: is told why and for how long we wait now.
    """
    attempt = 0
    version = broker.version
    loop = asyncio.get_running_loop()
    while True:
        begun_s = None
        try:
            async with connect(replace(broker, version=version), will) as session:
                begun_s, version = loop.time(), _stick(broker, session)
                await serve(session)
                return
        except MqttLostError as error:
            if isinstance(error, OtherVersionError):
                version = broker.version
            reason = str(error)
            if begun_s is not None:
                if loop.time() - begun_s >= STEADY_S:
                    attempt = 0
                elif not isinstance(error, MqttTakenOverError):
                    reason += ", soon after it had let us in; if that repeats, somebody else may have our client id"
            # Two that have one client id would throw each other out for ever, as fast as they can connect.
            wait_s = backoff_max_s if isinstance(error, MqttTakenOverError) else backoff_s(attempt, rng, backoff_max_s)
            attempt += 1
            lost(reason, wait_s)
            await asyncio.sleep(wait_s)


def _stick(broker: Broker, session: Session) -> Literal["auto", "5", "3.1.1"]:
    """What worked is tried first next time, so that an old broker is not asked for MQTT 5 at every return."""
    if broker.version != "auto":
        return broker.version
    return "3.1.1" if session.version == "3.1.1" else "auto"
