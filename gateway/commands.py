"""The command line of the gateway: running it, its configuration, and the tools that ask one meter or one frame."""

import asyncio
import contextlib
import importlib.util
import json
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Annotated, Any, Final, NamedTuple, NoReturn, TypeVar

import typer

from gateway.config import ConfigError, MeterConfig, load
from gateway.coverage import Stretch
from gateway.desk import show
from gateway.desk.csv_model import model_text
from gateway.desk.dissect import Dissector, bench_keys, messages
from gateway.desk.firmware import install, transfer_of
from gateway.desk.objects import Listed, Target, object_list
from gateway.desk.reach import Desk, fleet_in, keys_in, meter_config, reach
from gateway.desk.scan import Found, progress_teller, search_of
from gateway.desk.scan import scan as scan_line
from gateway.desk.send import Asked, NobodyError, exit_status, send, sentence
from gateway.execution import settled
from gateway.fleet_keys import FleetKeys
from gateway.log import log_to_stderr
from gateway.meter.firmware import Stage
from gateway.meter.scripts import RelaySeen, Table
from gateway.reading import utc
from gateway.script import MeterError, NoAnswerError, NoConnectionError, NotLetInError, RefusedError
from gateway.span import milliseconds
from gateway.store import StoreError
from gateway.supervisor import Edge, Gateway
from gateway.unit import make_units, zone_of
from protocols.message import schema as contract
from protocols.message.args import ReadArgs
from protocols.message.command import Command, Result
from protocols.message.reading import Row
from protocols.message.topic import DEFAULT_PREFIX, Kind
from protocols.model.table import ModelError
from protocols.secret import Secret
from protocols.transport.mqtt import Broker, MqttLostError, MqttRefusedError
from protocols.transport.pump import link_time_us

T = TypeVar("T")

SAID_NO, WRONG_USE, NO_CONNECTION, NOT_LET_IN, GUARDED = 1, 2, 3, 4, 5
PATH_LETTERS_MAX: Final = 4096
"""What is longer is no file's name."""

RELAY_ACTIONS: Final = ("status", "disconnect", "reconnect")

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Meters to and from MQTT; loses nothing.")
config_app = typer.Typer(no_args_is_help=True, help="The configuration file.")
app.add_typer(config_app, name="config")

_log = logging.getLogger(__name__)


class Auth(StrEnum):
    """How a meter lets a tool in."""

    NONE = "none"
    LLS = "lls"
    HLS = "hls"
    HLS_MD5 = "hls-md5"
    HLS_SHA1 = "hls-sha1"
    HLS_GMAC = "hls-gmac"
    HLS_SHA256 = "hls-sha256"
    HLS_ECDSA = "hls-ecdsa"


class Security(StrEnum):
    """How requests are protected."""

    NONE = "none"
    AUTHENTICATION = "authentication"
    ENCRYPTION = "encryption"
    BOTH = "both"


class Login(NamedTuple):
    """How a meter lets us in, as the options say."""

    auth: Auth
    key_env: str | None
    key_file: str | None
    keys: Path | None
    security: Security | None


AuthOption = Annotated[Auth, typer.Option(help="How the meter lets us in.")]
KeyEnv = Annotated[str | None, typer.Option(help="Environment variable with the password or key.")]
KeysOption = Annotated[
    Path | None, typer.Option("--keys", help="File with all keys: hls, block, authentication ... (TOML or CSV).")
]
SecurityOption = Annotated[
    Security | None, typer.Option(help="How requests are protected; without, as the model or the mechanism has it.")
]
KeyFile = Annotated[str | None, typer.Option(help="File with the password or key.")]
ModelOption = Annotated[str | None, typer.Option(help="The meter's model; a Modbus meter is recognised without.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs; errors too.")]
TimeoutOption = Annotated[str, typer.Option(help="How long an answer may take, such as 5s.")]


class WrongUseError(Exception):
    """The command line says something that can't be."""


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
    with _told(as_json=as_json):
        config = load(file)
        gateway = Gateway(config, _edge(file))
        _asyncio(_serve(gateway, until_stdin_closes=until_stdin_closes))


@config_app.command("check")
def check_config(
    file: Annotated[Path, typer.Argument(help="The gateway's TOML file.")], *, as_json: JsonOption = False
) -> None:
    """Say what is wrong with a configuration file, by line and key; nothing is started."""
    with _told(as_json=as_json):
        config = load(file)
        make_units(config, file.parent, zone_of(config.clock.zone), _edge(file).entropy)
        said = {"ok": True, "id": config.id, "meters": len(config.meter)}
        typer.echo(json.dumps(said) if as_json else f"{file}: good; gateway {config.id}, {len(config.meter)} meters")


@app.command()
def read(
    url: Annotated[str, typer.Argument(help="Where the meter is, as dlms+tcp://HOST:4059?client=32&server=1.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Objects, as 1.0.1.8.0.255 or 3:1.0.1.8.0.255:2; without, all of now.")
    ] = None,
    *,
    auth: AuthOption = Auth.NONE,
    key_env: KeyEnv = None,
    key_file: KeyFile = None,
    keys: KeysOption = None,
    security: SecurityOption = None,
    model: ModelOption = None,
    timeout: TimeoutOption = "5s",
    as_json: JsonOption = False,
) -> None:
    """Read a meter once."""

    async def work(desk: Desk) -> tuple[Row, ...]:
        return await _read(desk, names or [])

    with _told(as_json=as_json):
        rows = _with_meter(url, Login(auth, key_env, key_file, keys, security), model, timeout, work)
        typer.echo(show.as_json(rows, url=url) if as_json else "\n".join(show.lines(rows)))


@app.command()
def relay(
    url: Annotated[str, typer.Argument(help="Where the meter is.")],
    action: Annotated[str, typer.Argument(help="status, disconnect or reconnect.")] = "status",
    *,
    auth: AuthOption = Auth.NONE,
    key_env: KeyEnv = None,
    key_file: KeyFile = None,
    keys: KeysOption = None,
    security: SecurityOption = None,
    model: ModelOption = None,
    timeout: TimeoutOption = "5s",
    as_json: JsonOption = False,
) -> None:
    """Show or work a meter's load switch, directly; the state is read back."""

    async def work(desk: Desk) -> tuple[str | None, RelaySeen]:
        return await _relay(desk, action)

    with _told(as_json=as_json):
        if action not in RELAY_ACTIONS:
            raise WrongUseError(f"{action!r} is nothing a relay does; write one of {', '.join(RELAY_ACTIONS)}")
        refusal, seen = _with_meter(url, Login(auth, key_env, key_file, keys, security), model, timeout, work)
        _show_relay(seen, as_json=as_json)
        if action != "status" and seen.output_state is not (action == "reconnect"):
            raise RefusedError(f"the relay did not {action}: {refusal or 'the meter acknowledged, but shows this'}")


@app.command()
def objects(
    url: Annotated[str, typer.Argument(help="Where the meter is.")],
    *,
    auth: AuthOption = Auth.NONE,
    key_env: KeyEnv = None,
    key_file: KeyFile = None,
    keys: KeysOption = None,
    security: SecurityOption = None,
    timeout: TimeoutOption = "5s",
    as_json: JsonOption = False,
) -> None:
    """List the objects that a DLMS association shows."""

    async def work(desk: Desk) -> list[Listed]:
        return await desk.run(object_list())

    with _told(as_json=as_json):
        found = _with_meter(url, Login(auth, key_env, key_file, keys, security), None, timeout, work)
        if as_json:
            typer.echo(json.dumps([each._asdict() | {"title": each.title} for each in found]))
        else:
            for each in found:
                typer.echo(f"{each.class_id:5}  {each.obis:22} version {each.version}  {each.title}")


@app.command()
def profile(
    url: Annotated[str, typer.Argument(help="Where the meter is.")],
    name: Annotated[str, typer.Argument(help="block_load, daily_load, billing, events_control ... or a logical name.")],
    *,
    since: Annotated[str | None, typer.Option("--from", help="First instant, ISO 8601 with offset.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last instant, ISO 8601 with offset.")] = None,
    auth: AuthOption = Auth.NONE,
    key_env: KeyEnv = None,
    key_file: KeyFile = None,
    keys: KeysOption = None,
    security: SecurityOption = None,
    model: ModelOption = None,
    timeout: TimeoutOption = "10s",
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read the rows of a profile."""
    with _told(as_json=as_json):
        stretch = None
        if since is not None or until is not None:
            stretch = Stretch(_instant_ms(since, 0), _instant_ms(until, 4_102_444_800_000))

        async def work(desk: Desk) -> Table:
            return await desk.run(desk.unit.scripts.read(name, stretch))

        table = _with_meter(url, Login(auth, key_env, key_file, keys, security), model, timeout, work)
        if as_json:
            typer.echo(show.as_json(table.rows, url=url, profile=name))
        elif as_csv:
            typer.echo(show.as_csv(table.rows), nl=False)
        else:
            typer.echo("\n".join(show.as_table(table.rows)))


@app.command()
def firmware(
    url: Annotated[str, typer.Argument(help="Where the meter is, as dlms+tcp://HOST:4059?client=80&server=1.")],
    file: Annotated[Path, typer.Argument(help="The image.")],
    *,
    identifier: Annotated[
        str | None, typer.Option(help="Image identifier; without, the image's version or the file's name.")
    ] = None,
    activate: Annotated[bool, typer.Option(help="Let the meter run with it, or only hold it verified.")] = True,
    patience: Annotated[str, typer.Option(help="How long nothing may get on, as while it restarts.")] = "2m",
    auth: AuthOption = Auth.HLS,
    key_env: KeyEnv = None,
    key_file: KeyFile = None,
    keys: KeysOption = None,
    security: SecurityOption = None,
    model: ModelOption = None,
    timeout: TimeoutOption = "5s",
    as_json: JsonOption = False,
) -> None:
    """Install firmware on a meter; what was interrupted goes on where it was."""
    with _told(as_json=as_json):
        try:
            transfer = transfer_of(file, identifier, activate=activate)
        except ValueError as error:
            raise WrongUseError(str(error)) from None
        config, known = _meter_config(url, Login(auth, key_env, key_file, keys, security), model, timeout)
        patience_s = _span(patience, "--patience") / 1000
        stage = _asyncio(install(config, transfer, _system_ms, _stage_teller(as_json=as_json), patience_s, known))
        if not as_json:
            typer.echo(stage.sentence)


@app.command()
def scan(
    url: Annotated[str, typer.Argument(help="The line or port, as modbus+rtu:///dev/ttyUSB0 or modbus+tcp://HOST:502.")],
    *,
    units: Annotated[str, typer.Option(help="Whom to ask, as 1-247 or 1,2,17.")] = "1-247",
    baud: Annotated[
        str | None, typer.Option(help="Speeds to try, as 9600,19200; without, that of the URL, or all usual ones.")
    ] = None,
    parity: Annotated[
        str | None, typer.Option(help="Parities to try, as N,E; a pty has none. Without, as speeds.")
    ] = None,
    timeout: Annotated[str, typer.Option(help="How long an answer may take.")] = "300ms",
    as_json: JsonOption = False,
) -> None:
    """Find the units on a Modbus line or behind a port, and what they are; Ctrl-C keeps what was found."""
    with _told(as_json=as_json):
        search = search_of(url, units, baud, parity, _span(timeout, "--timeout"))
        found: list[Found] = []
        try:
            _asyncio(scan_line(search, found.append, progress_teller(as_json=as_json)))
        except KeyboardInterrupt:
            typer.echo("interrupted; this was found until then", err=True)
            _show_found(found, complete=False, as_json=as_json)
            raise typer.Exit(SAID_NO) from None
        _show_found(found, complete=True, as_json=as_json)
        if not found:
            raise NoAnswerError(f"nobody answers on {url}: check wiring, speed and parity, or try a longer --timeout")


@app.command("model")
def make_model(
    file: Annotated[Path, typer.Argument(help="A maker's register sheet, saved as CSV.")],
    *,
    base: Annotated[int, typer.Option(help="What is taken off its addresses, such as 40001.")] = 0,
    title: Annotated[str | None, typer.Option(help="What the meter is called.")] = None,
    maker: Annotated[str, typer.Option(help="Who makes it.")] = "unknown",
) -> None:
    """Print a model file made from a sheet, for `model = "FILE.toml"` of both programs."""
    with _told(as_json=False):
        try:
            text = model_text(file.read_text(encoding="utf-8"), where=file.name, base=base, title=title, maker=maker)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise WrongUseError(f"{file}: can't be read ({reason})") from None
        except ModelError as error:
            raise WrongUseError(str(error)) from None
        typer.echo(text, nl=False)


@app.command()
def dissect(
    what: Annotated[str, typer.Argument(help="Hexadecimal, or a file: a frame or APDU a line, or a journal.")],
    *,
    keys: Annotated[
        str | None, typer.Option("--keys", help="File with keys (TOML or CSV), or `bench` for the public ones.")
    ] = None,
    title: Annotated[
        list[str] | None, typer.Option(help="A system title to try, 16 hexadecimal digits; may come again.")
    ] = None,
) -> None:
    """Explain frames and APDUs field by field, opened where keys are given."""
    with _told(as_json=False):
        try:
            titles = [bytes.fromhex(each) for each in title or []]
            path = Path(what)
            text = path.read_text(encoding="utf-8") if len(what) < PATH_LETTERS_MAX and path.is_file() else what
            fleet = {} if keys is None else bench_keys() if keys == "bench" else fleet_in(Path(keys))
            dissector = Dissector(fleet, titles)
            for number, data in enumerate(messages(text)):
                typer.echo("\n".join(["", *dissector.explain(data)] if number else dissector.explain(data)))
        except (ValueError, OSError) as error:
            raise WrongUseError(str(error)) from None


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
    with _told(as_json=as_json):
        lifetime_ms = _span(expires_in, "--expires-in")
        now = utc(_system_ms())
        command: dict[str, Any] = {
            "id": command_id or f"cli-{secrets.token_hex(8)}",
            "verb": verb,
            "args": _json_object(args),
            "expires_at": utc(_system_ms() + lifetime_ms).isoformat(),
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
        result = _asyncio(send(asked, _teller(as_json=as_json)))
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
    with _told(as_json=as_json):
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


def _stage_teller(*, as_json: bool) -> Callable[[Stage], None]:
    """Tells of a transfer each time it has got on by a tenth, or something else is being done."""
    told: list[object] = []

    def tell(stage: Stage) -> None:
        if as_json:
            said = {"next": stage.next.name.lower(), "blocks": stage.blocks, "have": stage.have}
            typer.echo(json.dumps(said | {"sentence": stage.sentence}))
            return
        step = (stage.next, stage.have * 10 // max(stage.blocks, 1))
        if told[-1:] != [step]:
            told.append(step)
            typer.echo(stage.sentence, err=True)

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


def _span(text: str, option: str) -> int:
    try:
        return milliseconds(text)
    except ValueError as error:
        raise WrongUseError(f"{option}: {error}") from None


def _instant_ms(text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUseError(f"{text!r} is no instant; write 2024-10-28T00:00:00+05:30") from None
    return round((instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)).timestamp() * 1000)


def _with_meter(url: str, login: Login, model: str | None, timeout: str, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Reach the meter that the options name, and do something with it."""
    config, keys = _meter_config(url, login, model, timeout)

    async def reached() -> T:
        async with reach(config, _system_ms, keys=keys) as desk:
            return await work(desk)

    return _asyncio(reached())


def _meter_config(url: str, login: Login, model: str | None, timeout: str) -> tuple[MeterConfig, FleetKeys]:
    """The meter that the options name, and its keys where they are in one file."""
    env, file = login.key_env, login.key_file
    if env is not None and file is not None:
        raise WrongUseError("name the key by --key-env or by --key-file, not by both")
    key = {"env": env} if env is not None else {"file": file} if file is not None else None
    options: dict[str, Any] = {"timeout": timeout} | ({} if model is None else {"model": model})
    if login.security is not None:
        options["security"] = login.security.value
    keys: FleetKeys = {} if login.keys is None else keys_in(login.keys)
    return meter_config(url, login.auth.value, key, options), keys


async def _read(desk: Desk, names: list[str]) -> tuple[Row, ...]:
    scripts = desk.unit.scripts
    if not names:
        for each in ("instantaneous", "nameplate"):
            try:
                return (await desk.run(scripts.read(each))).rows
            except RefusedError as error:
                refusal = error
        raise refusal
    rows: list[Row] = []
    classes: dict[str, int] | None = None
    for name in names:
        if name.isdecimal() or name.lower().startswith("0x"):
            rows += await desk.run(scripts.get(ReadArgs(register=int(name, 0))))
            continue
        try:
            target = Target.parse(name)
        except ValueError as error:
            raise WrongUseError(str(error)) from None
        class_id = target.class_id
        if class_id is None:
            classes = classes if classes is not None else await _classes(desk)
            class_id = classes.get(target.obis)
            if class_id is None:
                raise WrongUseError(
                    f"{target.obis} is not listed for this client: name its class too, as 8:{target.obis}"
                )
        args = {"obis": target.obis, "class": class_id, "attribute": target.attribute}
        rows += await desk.run(scripts.get(ReadArgs.model_validate(args)))
    return tuple(rows)


async def _classes(desk: Desk) -> dict[str, int]:
    """The class of each object, as the association lists them."""
    try:
        return {each.obis: each.class_id for each in await desk.run(object_list())}
    except (RefusedError, NoAnswerError):
        return {}


async def _relay(desk: Desk, action: str) -> tuple[str | None, RelaySeen]:
    scripts = desk.unit.scripts
    refusal = None
    if action == "status":
        seen = await desk.run(scripts.relay())
    else:
        closed = action == "reconnect"
        refusal = await desk.run(scripts.switch(closed=closed))
        seen = await desk.run(settled(scripts, closed=closed, hopeless=refusal is not None))
    if seen is None:
        raise RefusedError("this meter has no load switch")
    return refusal, seen


def _show_found(found: list[Found], *, complete: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"found": [each._asdict() for each in found], "complete": complete}))
        return
    for each in found:
        typer.echo(each.sentence)


def _show_relay(seen: RelaySeen, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(seen._asdict()))
        return
    mode = "" if seen.control_mode is None else f", control mode {seen.control_mode}"
    contact = "closed" if seen.output_state else "open"
    typer.echo(f"{seen.control_state.value}, contact {contact}{mode}")


def _edge(file: Path) -> Edge:
    return Edge(
        system_ms=_system_ms,
        monotonic_us=link_time_us,
        entropy=secrets.token_bytes,  # noqa: TID251 (the program's edge)
        rng=Random(secrets.randbits(64)),  # noqa: S311 (jitter, not secrets)
        file=file,
    )


def _system_ms() -> int:
    return time.time_ns() // 1_000_000


def _asyncio(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where it is installed: it halves the cost of a request."""
    factory = None
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


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


@contextlib.contextmanager
def _told(*, as_json: bool) -> Iterator[None]:
    """Errors become one sentence on standard error (with `--json` one object) and their exit status."""
    try:
        yield
    except ConfigError as error:
        _fail(str(error), WRONG_USE, as_json=as_json)
    except (WrongUseError, StoreError) as error:
        _fail(str(error), WRONG_USE, as_json=as_json)
    except (NotLetInError, MqttRefusedError) as error:
        _fail(str(error), NOT_LET_IN, as_json=as_json)
    except (NoConnectionError, NoAnswerError, MqttLostError, NobodyError) as error:
        _fail(str(error), NO_CONNECTION, as_json=as_json)
    except MeterError as error:
        _fail(str(error), SAID_NO, as_json=as_json)


def _fail(text: str, status: int, *, as_json: bool) -> NoReturn:
    typer.echo(json.dumps({"error": text, "status": status}) if as_json else text, err=True)
    raise typer.Exit(status)
