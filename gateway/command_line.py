"""What every command has: errors as one sentence, spans and instants on the command line, the loop."""

import asyncio
import contextlib
import importlib.util
import json
import time
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from gateway.configuration.config import ConfigError
from gateway.configuration.span import milliseconds
from gateway.desk.send import NobodyError
from gateway.exit_status import ExitStatus
from gateway.outbox.store import StoreError
from gateway.service.script import MeterError, NoAnswerError, NoConnectionError, NotLetInError
from protocols.transport.mqtt.broker import MqttLostError, MqttRefusedError

T = TypeVar("T")

JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs; errors too.")]
TimeoutOption = Annotated[str, typer.Option(help="How long an answer may take, such as 5s.")]


class WrongUseError(Exception):
    """The command line says something that can't be."""


@contextlib.contextmanager
def told(*, as_json: bool) -> Iterator[None]:
    """Errors become one sentence on standard error (with `--json` one object) and their exit status."""
    try:
        yield
    except ConfigError as error:
        fail(str(error), ExitStatus.WRONG_USE, as_json=as_json)
    except (WrongUseError, StoreError) as error:
        fail(str(error), ExitStatus.WRONG_USE, as_json=as_json)
    except (NotLetInError, MqttRefusedError) as error:
        fail(str(error), ExitStatus.NOT_LET_IN, as_json=as_json)
    except (NoConnectionError, NoAnswerError, MqttLostError, NobodyError) as error:
        fail(str(error), ExitStatus.NO_CONNECTION, as_json=as_json)
    except MeterError as error:
        fail(str(error), ExitStatus.SAID_NO, as_json=as_json)
    except KeyboardInterrupt:
        fail("interrupted", ExitStatus.SAID_NO, as_json=as_json)


def fail(text: str, status: ExitStatus, *, as_json: bool) -> NoReturn:
    """Say what is wrong and end."""
    typer.echo(json.dumps({"error": text, "status": status}) if as_json else text, err=True)
    raise typer.Exit(status)


def system_ms() -> int:
    """The system's clock, milliseconds UTC."""
    return time.time_ns() // 1_000_000


def in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where it is installed: it halves the cost of a request."""
    factory = None
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def span_ms(text: str, option: str) -> int:
    """A span as people write it, such as 60s.

    Raises:
        WrongUseError: it is none.
    """
    try:
        return milliseconds(text)
    except ValueError as error:
        raise WrongUseError(f"{option}: {error}") from None


def instant_ms(text: str | None, default: int) -> int:
    """An instant, ISO 8601, as milliseconds; UTC where it has no offset.

    Raises:
        WrongUseError: it is none.
    """
    if text is None:
        return default
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUseError(f"{text!r} is no instant; write 2024-10-28T00:00:00+05:30") from None
    return round((instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)).timestamp() * 1000)
