"""The tools that ask one meter by its URL; they need no gateway and no broker."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.command.switching import settled
from gateway.command_line import WrongUseError, fail, in_loop, instant_ms, span_ms, system_ms
from gateway.desk import show
from gateway.desk.firmware import install, transfer_of
from gateway.desk.objects import Listed, Target, object_list
from gateway.desk.options import Asked, Auth, about_a_meter
from gateway.desk.progress import Progress, Teller, progress
from gateway.desk.reach import Desk
from gateway.desk.registers import is_address, read_wanted, wanted_of
from gateway.exit_status import ExitStatus
from gateway.meter.dlms import DlmsScripts
from gateway.meter.firmware import Stage
from gateway.meter.modbus import ModbusScripts
from gateway.meter.profile_part import WHOLE, Part
from gateway.meter.scripts import RelaySeen, Table
from gateway.polling.coverage import Stretch
from gateway.service.script import NoAnswerError, RefusedError
from protocols.message.args import ReadArgs
from protocols.message.reading import Row, Value

RELAY_ACTIONS: Final = ("status", "disconnect", "reconnect")
FOREVER_MS: Final = 4_102_444_800_000  # the year 2100

app = typer.Typer()


@app.command()
@about_a_meter()
def read(
    asked: Asked,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Objects, as 1.0.1.8.0.255 or 3:1.0.1.8.0.255:2; registers, as voltage_l1, energy (a group), "
            "4:12 (function and address) or 4:12:float32:CDAB; without, all of now."
        ),
    ] = None,
) -> None:
    """Read a meter once."""

    async def work(desk: Desk, tell: Teller) -> tuple[Row, ...]:
        return await _read(desk, names or [], tell)

    rows = asked.of_meter(work, recognised=not (names and all(map(is_address, names))))
    typer.echo(show.as_json(rows, url=asked.url) if asked.as_json else "\n".join(show.lines(rows)))


@app.command()
@about_a_meter()
def relay(
    asked: Asked,
    action: Annotated[str, typer.Argument(help="status, disconnect or reconnect.")] = "status",
) -> None:
    """Show or work a meter's load switch, directly; the state is read back."""
    if action not in RELAY_ACTIONS:
        raise WrongUseError(f"{action!r} is nothing a relay does; write one of {', '.join(RELAY_ACTIONS)}")

    async def work(desk: Desk, _tell: Teller) -> tuple[str | None, RelaySeen]:
        return await _relay(desk, action)

    refusal, seen = asked.of_meter(work)
    _show_relay(seen, as_json=asked.as_json)
    if action != "status" and seen.output_state is not (action == "reconnect"):
        raise RefusedError(f"the relay did not {action}: {refusal or 'the meter acknowledged, but shows this'}")


@app.command()
@about_a_meter()
def objects(asked: Asked) -> None:
    """List the objects that a DLMS association shows."""

    async def work(desk: Desk, _tell: Teller) -> list[Listed]:
        if not isinstance(desk.unit.scripts, DlmsScripts):
            raise WrongUseError("a Modbus meter has no list of objects; `read` shows its registers")
        return await desk.run(object_list())

    found = asked.of_meter(work)
    if asked.as_json:
        typer.echo(json.dumps([each._asdict() | {"title": each.title} for each in found]))
    else:
        for each in found:
            typer.echo(f"{each.class_id:5}  {each.obis:22} version {each.version}  {each.title}")


@app.command()
@about_a_meter(timeout="10s")
def profile(
    asked: Asked,
    name: Annotated[
        str,
        typer.Argument(help="block_load, daily_load, billing, events_control ..., a logical name, or 62:LOGICAL_NAME."),
    ],
    *,
    since: Annotated[str | None, typer.Option("--from", help="First instant, ISO 8601 with offset.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last instant, ISO 8601 with offset.")] = None,
    entries: Annotated[str | None, typer.Option(help="Rows by number, as 1-10; they count from 1.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="So many of the newest rows.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="Columns, by quantity or logical name, as voltage,current.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
) -> None:
    """Read the rows of a profile, or compact data; the times carry the meter's offset from UTC."""
    stretch = None
    if since is not None or until is not None:
        stretch = Stretch(instant_ms(since, 0), instant_ms(until, FOREVER_MS))
    if (stretch, entries, last).count(None) < 2:
        raise WrongUseError("choose rows by --from and --to, by --entries, or by --last, not by two of them")
    part = Part(None if entries is None else _entries(entries), last, tuple(columns.split(",")) if columns else ())

    async def work(desk: Desk, _tell: Teller) -> Table:
        scripts = desk.unit.scripts
        if isinstance(scripts, DlmsScripts):
            return await desk.run(scripts.rows(name, stretch, part))
        if part != WHOLE:
            raise WrongUseError("a Modbus meter keeps no rows; `profile` reads its registers of now, all of a group")
        return await desk.run(scripts.read(name, stretch))

    table = asked.of_meter(work)
    if asked.as_json:
        typer.echo(show.as_json(table.rows, url=asked.url, profile=name))
    else:
        typer.echo(show.as_csv(table.rows) if as_csv else "\n".join([*show.as_table(table.rows), ""]), nl=False)
        for remark in show.remarks(table.rows):
            typer.echo(remark, err=True)


@app.command()
@about_a_meter(auth=Auth.HLS)
def firmware(
    asked: Asked,
    file: Annotated[Path, typer.Argument(help="The image.")],
    *,
    identifier: Annotated[
        str | None, typer.Option(help="Image identifier; without, the image's version or the file's name.")
    ] = None,
    activate: Annotated[bool, typer.Option(help="Let the meter run with it, or only hold it verified.")] = True,
    patience: Annotated[str, typer.Option(help="How long nothing may get on, as while it restarts.")] = "2m",
) -> None:
    """Install firmware on a meter; what was interrupted goes on where it was."""
    try:
        transfer = transfer_of(file, identifier, activate=activate)
    except ValueError as error:
        raise WrongUseError(str(error)) from None
    config, keys = asked.config()
    patience_s = span_ms(patience, "--patience") / 1000
    last: Stage | None = None
    try:
        with progress(wanted=asked.progress, as_json=asked.as_json) as tell:

            def tell_stage(stage: Stage) -> None:
                nonlocal last
                last = stage
                tell(Progress(stage.have, stage.blocks, stage.sentence))

            stage = in_loop(install(config, transfer, system_ms, tell_stage, patience_s, keys, asked.known()))
    except KeyboardInterrupt:
        there = "" if last is None or not last.blocks else f": {last.have} of {last.blocks} blocks are on the meter"
        sentence = f"interrupted{there}; the same command goes on from there"
        fail(sentence, ExitStatus.SAID_NO, as_json=asked.as_json)
    typer.echo(json.dumps({"blocks": stage.blocks, "sentence": stage.sentence}) if asked.as_json else stage.sentence)


# ---- what they share


async def _read(desk: Desk, names: list[str], tell: Teller) -> tuple[Row, ...]:
    scripts = desk.unit.scripts
    if isinstance(scripts, ModbusScripts) and (names or scripts.registers is None):
        return (await _read_registers(desk, scripts, names),)
    if not names:
        for each in ("instantaneous", "nameplate"):
            try:
                return (await desk.run(scripts.read(each))).rows
            except RefusedError as error:
                refusal = error
        raise refusal
    values: list[Value] = []
    classes: dict[str, int] | None = None
    for number, name in enumerate(names):
        tell(Progress(number, len(names), f"{number} of {len(names)} objects: {name}"))
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


async def _read_registers(desk: Desk, scripts: ModbusScripts, names: list[str]) -> Row:
    if not names:
        raise RefusedError(
            "the meter answers, but is none of the models known here (meter-emulator models): name one with --model, "
            "or registers by address, such as 3:12 or 4:12:float32"
        )
    try:
        wanted = [wanted_of(name, scripts) for name in names]
    except ValueError as error:
        raise WrongUseError(str(error)) from None
    return await desk.run(read_wanted(scripts, wanted))


def _values(rows: tuple[Row, ...]) -> list[Value]:
    return [value for row in rows for value in row.values]


async def _classes(desk: Desk) -> dict[str, int]:
    """The class of each object, as the association lists them."""
    try:
        return {each.obis: each.class_id for each in await desk.run(object_list())}
    except (RefusedError, NoAnswerError):
        return {}


def _entries(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal() and 1 <= int(first) <= int(last or first)):
        raise WrongUseError(f"--entries {text}: rows are chosen as 1-10, and count from 1")
    return int(first), int(last or first)


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
