"""The tools that ask one meter by its URL; they need no gateway and no broker."""

import json
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import typer

from gateway.command.execution import settled
from gateway.command_line import (
    JsonOption,
    TimeoutOption,
    WrongUseError,
    in_loop,
    instant_ms,
    span_ms,
    system_ms,
    told,
)
from gateway.configuration.config import MeterConfig
from gateway.configuration.fleet_keys import FleetKeys
from gateway.desk import show
from gateway.desk.firmware import install, transfer_of
from gateway.desk.objects import Listed, Target, object_list
from gateway.desk.reach import Desk, keys_in, meter_config, reach
from gateway.meter.firmware import Stage
from gateway.meter.scripts import RelaySeen, Table
from gateway.polling.coverage import Stretch
from gateway.service.script import NoAnswerError, RefusedError
from protocols.message.args import ReadArgs
from protocols.message.reading import Row, Value

T = TypeVar("T")

RELAY_ACTIONS: Final = ("status", "disconnect", "reconnect")

app = typer.Typer()


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

    with told(as_json=as_json):
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

    with told(as_json=as_json):
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

    with told(as_json=as_json):
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
    with told(as_json=as_json):
        stretch = None
        if since is not None or until is not None:
            stretch = Stretch(instant_ms(since, 0), instant_ms(until, 4_102_444_800_000))

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
    with told(as_json=as_json):
        try:
            transfer = transfer_of(file, identifier, activate=activate)
        except ValueError as error:
            raise WrongUseError(str(error)) from None
        config, known = _meter_config(url, Login(auth, key_env, key_file, keys, security), model, timeout)
        patience_s = span_ms(patience, "--patience") / 1000
        stage = in_loop(install(config, transfer, system_ms, _stage_teller(as_json=as_json), patience_s, known))
        if not as_json:
            typer.echo(stage.sentence)


# ---- what they share


def _with_meter(url: str, login: Login, model: str | None, timeout: str, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Reach the meter that the options name, and do something with it."""
    config, keys = _meter_config(url, login, model, timeout)

    async def reached() -> T:
        async with reach(config, system_ms, keys=keys) as desk:
            return await work(desk)

    return in_loop(reached())


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
    values: list[Value] = []
    classes: dict[str, int] | None = None
    for name in names:
        if name.isdecimal() or name.lower().startswith("0x"):
            values += _values(await desk.run(scripts.get(ReadArgs(register=int(name, 0)))))
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
        values += _values(await desk.run(scripts.get(ReadArgs.model_validate(args))))
    return (Row(values=tuple(values)),)


def _values(rows: tuple[Row, ...]) -> list[Value]:
    return [value for row in rows for value in row.values]


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


def _show_relay(seen: RelaySeen, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(seen._asdict()))
        return
    mode = "" if seen.control_mode is None else f", control mode {seen.control_mode}"
    contact = "closed" if seen.output_state else "open"
    typer.echo(f"{seen.control_state.value}, contact {contact}{mode}")


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
