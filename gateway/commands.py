"""The command line of the gateway: running it, its configuration and contract, and commands through the broker."""

import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer

from gateway.command_line import JsonOption, WrongUseError, in_loop, span_ms, system_ms, told
from gateway.configuration.config import load
from gateway.desk import meter_commands, wire_commands
from gateway.desk.send import Asked, exit_status, send, sentence
from gateway.outbox.uplink import broker_of
from gateway.polling.reading import utc
from gateway.service.log import log_to_stderr
from gateway.service.supervisor import Edge, Gateway
from gateway.service.unit import make_units, zone_of
from protocols.message import schema as contract
from protocols.message.command import Command, Result
from protocols.message.topic import DEFAULT_PREFIX, Kind
from protocols.secret import Secret
from protocols.transport.mqtt.broker import Broker
from protocols.transport.pump import link_time_us

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # keys are among them
    help="Meters to and from MQTT; loses nothing.",
)
config_app = typer.Typer(no_args_is_help=True, help="The configuration file.")
app.add_typer(config_app, name="config")
app.add_typer(meter_commands.app)
app.add_typer(wire_commands.app)


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="The gateway's TOML file.")],
    *,
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", help="End when standard input is closed, as a child program.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on standard error.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read meters and publish until interrupted; one JSON line on standard output says when all is up."""
    log_to_stderr(verbose=verbose, as_json=as_json)
    with told(as_json=as_json):
        config = load(file)
        gateway = Gateway(config, _edge(file))
        in_loop(_serve(gateway, until_stdin_closes=until_stdin_closes))


@config_app.command("check")
def check_config(
    file: Annotated[Path, typer.Argument(help="The gateway's TOML file.")], *, as_json: JsonOption = False
) -> None:
    """Say what is wrong with a configuration file, by line and key; nothing is started."""
    with told(as_json=as_json):
        config = load(file)
        make_units(config, file.parent, zone_of(config.clock.zone), _edge(file).entropy, system_ms)
        broker_of(config.broker, config.id, file.parent)
        said = {"ok": True, "id": config.id, "meters": len(config.meter)}
        typer.echo(json.dumps(said) if as_json else f"{file}: good; gateway {config.id}, {len(config.meter)} meters")


@app.command("send")
def send_command(
    meter: Annotated[str, typer.Argument(help="The meter's id.")],
    verb: Annotated[str, typer.Argument(help="disconnect, reconnect, read, write, execute, set_clock ...")],
    *,
    broker: Annotated[str, typer.Option(help="The broker, as mqtt://HOST:1883.")],
    gateway: Annotated[
        str | None, typer.Option(help="The gateway's id; without, the one that tells of the meter.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="What topics begin with.")] = DEFAULT_PREFIX,
    command_id: Annotated[str | None, typer.Option("--id", help="The command's id; the same id is done once.")] = None,
    args: Annotated[str, typer.Option(help="Arguments, as JSON.")] = "{}",
    cause: Annotated[str | None, typer.Option(help="non_payment (if absent), safety, maintenance, ...")] = None,
    evidence_balance: Annotated[int | None, typer.Option(help="For non_payment: the balance in minor units.")] = None,
    as_on: Annotated[
        str | None, typer.Option(help="For non_payment: the time of that balance; now, if absent.")
    ] = None,
    expires_in: Annotated[str, typer.Option(help="How long the command may wait.")] = "60s",
    requested_by: Annotated[str | None, typer.Option(help="Who asks.")] = None,
    username: Annotated[str | None, typer.Option(help="For the broker.")] = None,
    password_env: Annotated[str | None, typer.Option(help="Environment variable with the broker's password.")] = None,
    authority: Annotated[str | None, typer.Option(help="File with the CA certificates for mqtts.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Publish a command and follow its ladder to the end."""
    with told(as_json=as_json):
        lifetime_ms = span_ms(expires_in, "--expires-in")
        now = utc(system_ms())
        command: dict[str, Any] = {
            "id": command_id or f"cli-{secrets.token_hex(8)}",
            "verb": verb,
            "args": _json_object(args),
            "expires_at": utc(system_ms() + lifetime_ms).isoformat(),
            "requested_by": requested_by or os.environ.get("USER") or "meter-gateway send",
        }
        if cause is not None:
            command["cause"] = cause
        if evidence_balance is not None:
            command["evidence"] = {"balance": evidence_balance, "as_on": as_on or now.isoformat()}
        to = Broker(
            url=broker,
            client_id=f"meter-gateway-send-{secrets.token_hex(4)}",
            username=username,
            password=None if password_env is None else Secret(os.environ.get(password_env, "")),
            authority=authority,
            clean=True,
        )
        asked = Asked(to, prefix, gateway, meter, _command(command), lifetime_ms / 1000 + 30)
        result = in_loop(send(asked, _teller(as_json=as_json)))
        status = exit_status(result)
        if status:
            raise typer.Exit(status)


@app.command()
def schema(
    kind: Annotated[
        str | None, typer.Argument(help="One payload, such as command; without, the whole contract.")
    ] = None,
    *,
    write: Annotated[Path | None, typer.Option(help="Write every file of the contract into this folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the MQTT contract: an AsyncAPI 3 document, or the JSON Schema of one payload."""
    with told(as_json=as_json):
        if write is not None:
            write.mkdir(parents=True, exist_ok=True)
            for name, text in contract.files().items():
                (write / name).write_text(text, encoding="utf-8")
            typer.echo(f"{len(contract.files())} files written to {write}")
        elif kind is None:
            typer.echo(contract.written(contract.asyncapi()), nl=False)
        elif kind in {each.value for each in contract.CHANNELS}:
            typer.echo(contract.written(contract.json_schema(Kind(kind))), nl=False)
        else:
            raise WrongUseError(f"{kind!r} is no payload; there are {', '.join(contract.CHANNELS)}")


# ---- what they share


def _teller(*, as_json: bool) -> Callable[[Result], None]:
    def tell(result: Result) -> None:
        typer.echo(result.to_json().decode() if as_json else sentence(result))

    return tell


def _command(data: dict[str, Any]) -> Command:
    try:
        return Command.from_json(json.dumps(data).encode())
    except ValueError as error:
        raise WrongUseError(str(error)) from None


def _json_object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise WrongUseError(f"--args is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise WrongUseError('--args is a JSON object, such as {"profile": "instantaneous"}')
    return data


def _edge(file: Path) -> Edge:
    return Edge(
        system_ms=system_ms,
        monotonic_us=link_time_us,
        entropy=secrets.token_bytes,  # noqa: TID251 (the program's edge)
        rng=Random(secrets.randbits(64)),  # noqa: S311 (jitter, not secrets)
        file=file,
        state=_state_directory(os.environ.get("STATE_DIRECTORY", "")),
    )


def _state_directory(named: str) -> Path | None:
    """The first folder that systemd has made for what is to be kept (systemd.exec(5), StateDirectory=)."""
    first = named.split(":", maxsplit=1)[0]
    return Path(first) if first else None


async def _serve(gateway: Gateway, *, until_stdin_closes: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(gateway.reload(), name="reload")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _stdin_is_readable, stop)

    def ready(line: dict[str, Any]) -> None:
        typer.echo(json.dumps(line, separators=(",", ":")))
        sys.stdout.flush()

    await gateway.run(ready, stop)


def _stdin_is_readable(stop: asyncio.Event) -> None:
    """What comes is not for us; its end is."""
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()
