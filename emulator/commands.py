"""The command line of the emulator: running a bench, and what a bench needs around it (keys, tokens, images, plots)."""

import asyncio
import contextlib
import gc
import importlib.util
import json
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import time_ns
from typing import Annotated, Any, Final

import typer

from emulator.bench.assembly import Household, assemble
from emulator.bench.file import ID, BenchError, BenchFile, check, plans, read_bench
from emulator.bench.journal import Journal
from emulator.bench.running import RunningBench
from emulator.keys.issue import issue
from emulator.keys.key_file import rows, text_of, write
from emulator.line.endpoint import check_files
from emulator.payment import commands as token_commands
from emulator.told import told
from protocols.firmware_image import HEADER_OCTETS, IMAGE_OCTETS_MAX, FirmwareImage, hardware_of
from protocols.model.loader import load, load_file, model_ids
from protocols.model.meter_model import MeterModel

TITLE: Final = re.compile(r"[0-9A-Fa-f]{16}")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # keys are among them
    help="Smart meters without hardware.",
)

app.add_typer(token_commands.app)

_log = logging.getLogger(__name__)

EXAMPLE: Final = """\
# Three single-phase meters and a Modbus meter, on loopback. Start them with: meter-emulator run {name}
seed = 42

[clock]
# start = "2024-10-28T00:00:00+05:30"   # now, if left out
zone = "Asia/Kolkata"
rate = 1                                # 0 frozen, 60 a minute a second

[[meter]]
id = "MB0001"
model = "is15959-d1"
count = 3                               # MB0001 to MB0003; ports and physical addresses count up
load = {{ household = "urban" }}        # or {{ constant = 500 }} (watts), {{ recorded = "FILE.csv" }}
listen = ["dlms+tcp://127.0.0.1:4059", "dlms+hdlc://pty?path=run/line1&physical=17"]
# keys = {{ lls = {{ env = "MB_LLS" }} }}   # else the public bench keys

[[meter]]
id = "EA0001"
model = "sdm120"
load = {{ constant = 500 }}
listen = ["modbus+tcp://127.0.0.1:5020?unit=1", "modbus+rtu://pty?path=run/line2&unit=1"]
"""


@app.command()
def run(
    bench: Annotated[Path | None, typer.Argument(help="A bench file; without one, see --model.")] = None,
    *,
    model: Annotated[str | None, typer.Option(help="Without a file: the meters' model, or its TOML file.")] = None,
    count: Annotated[int, typer.Option(help="Without a file: how many meters.")] = 1,
    first_id: Annotated[str, typer.Option("--id", help="Without a file: the first meter's id.")] = "MB0001",
    listen: Annotated[list[str] | None, typer.Option(help="Without a file: listen URLs.")] = None,
    seed: Annotated[int | None, typer.Option(help="What everything random is drawn from.")] = None,
    rate: Annotated[float | None, typer.Option(help="How fast time runs: 1 real, 0 frozen.")] = None,
    start: Annotated[str | None, typer.Option(help="Bench time at the start, ISO 8601 with offset.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Write every request, answer and happening here.")] = None,
    state: Annotated[Path | None, typer.Option(help="Keep the meters' non-volatile state in this directory.")] = None,
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", help="End when standard input is closed, as a child program.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on standard error.")] = False,
) -> None:
    """Start meters and keep them until interrupted; one JSON line on standard output says where they listen."""
    _log_to_stderr(verbose=verbose)
    with told():
        if bench is not None and (model is not None or listen):
            raise BenchError(["name a bench file or --model with --listen, not both"])
        config = read_bench(bench) if bench is not None else _without_file(model, count, first_id, listen)
        config = _overridden(config, seed=seed, rate=rate, start=start)
        name = str(bench) if bench is not None else "command line"
        check_files(address for plan in plans(config) for address in plan.addresses)
        with _undisturbed():
            household = assemble(config, name, bench.parent if bench is not None else Path(), state)
        file = _open_journal(journal)
        running = RunningBench(household, Journal(file, household.clock.true_ms) if file else None)
        _warn_of_public_keys(household)
        if config.control is not None:
            _log.warning("%s: [control] is read, but there is no control API yet: nothing listens there", name)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(running, until_stdin_closes=until_stdin_closes))


@app.command()
def models(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """List the meter models with their numbers of objects and registers."""
    with told():
        rows = [_row(model_id) for model_id in model_ids()]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    width = max((len(row["id"]) for row in rows), default=0)
    typer.echo(f"{'model':{width}}  objects  registers  title")
    for row in rows:
        typer.echo(f"{row['id']:{width}}  {row['objects']:7}  {row['registers']:9}  {row['title']}")


@app.command()
def plot(
    model: Annotated[str, typer.Argument(help="The model to draw, or a file of your own.")],
    *,
    days: Annotated[int, typer.Option(help="How many days, from 28 October 2024.", min=1, max=366)] = 7,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture: PNG, SVG or PDF.")] = Path("meter.png"),
    seed: Annotated[int, typer.Option(help="What everything random is drawn from.")] = 42,
) -> None:
    """Draw some days of a meter in which things happen: load, voltage, load switch and events."""
    with told():
        try:
            from emulator.plot import plot as draw

            draw(_model(model), Path(model).stem, days, output, seed=seed)
        except ImportError:
            raise BenchError(["pictures need matplotlib: pip install 'meterbench[plot]'"]) from None
        except (ValueError, OSError) as error:
            raise BenchError([str(error)]) from None
    typer.echo(str(output))


@app.command()
def image(
    path: Annotated[Path, typer.Argument(help="Where to write it.")],
    *,
    model: Annotated[str, typer.Option(help="The model it is for.")] = "is15959-d1",
    version: Annotated[str, typer.Option(help="What a meter shows as its firmware version afterwards.")] = "MTB-02.00",
    octets: Annotated[int, typer.Option(help="Its length.", min=HEADER_OCTETS, max=IMAGE_OCTETS_MAX)] = 200_000,
    seed: Annotated[int, typer.Option(help="What its content is made from.")] = 42,
) -> None:
    """Write a firmware image that meters of a model take."""
    with told():
        identity = _model(model).identity
        hardware = hardware_of(identity.flag, identity.category, identity.meter_type)
        body = Random(f"{seed}/image").randbytes(octets - HEADER_OCTETS)  # noqa: S311 (it means nothing)
        try:
            path.write_bytes(FirmwareImage(hardware=hardware, version=version, body=body).encode())
        except ValueError as error:
            raise BenchError([f"--version: {error}"]) from None
        except OSError as error:
            raise BenchError([f"{path}: can't be written ({error.strerror})"]) from None
    typer.echo(f"{path} written: {version} for {hardware}, {octets} octets")


@app.command()
def keys(
    bench: Annotated[Path, typer.Argument(help="A bench file.")],
    out: Annotated[Path, typer.Option(help="Where to write them; a name that ends in .csv makes it CSV.")],
) -> None:
    """Write the keys of a bench's meters into one file, which a gateway reads as `fleet_keys`."""
    with told():
        try:
            found = rows(read_bench(bench), bench.parent)
            write(out, text_of(found, as_csv=out.suffix == ".csv"))
        except FileExistsError:
            raise BenchError([f"{out} is already there; name another file"]) from None
        except OSError as error:
            raise BenchError([f"{out}: can't be written ({error.strerror})"]) from None
        except ValueError as error:
            raise BenchError([f"{bench}: {error}"]) from None
    typer.echo(f"{out} written, for {len(found)} meters; readable by its owner only")


@app.command()
def certificates(
    bench: Annotated[Path, typer.Argument(help="A bench file with meters of security suite 1 or 2.")],
    out: Annotated[Path, typer.Option(help="The folder where they go.")],
    title: Annotated[
        list[str] | None, typer.Option(help="Who else has some, as NAME=SYSTEM_TITLE in 16 hexadecimal digits.")
    ] = None,
) -> None:
    """Make an authority of your own, and key pairs with its certificates for meters and others, as PEM files."""
    with told():
        others = dict(_titled(each) for each in title or ())
        try:
            owners = issue(read_bench(bench), bench.parent, others, out, _now(), os.urandom)  # noqa: TID251 (the edge)
        except FileExistsError as error:
            raise BenchError([f"{error.filename} is already there; name another folder"]) from None
        except OSError as error:
            raise BenchError([f"{out}: can't be written ({error.strerror})"]) from None
        except ValueError as error:
            raise BenchError([f"{bench}: {error}"]) from None
    typer.echo(f"{out} written, for {', '.join(owners)}; readable by its owner only")


def _now() -> datetime:
    return datetime.fromtimestamp(time_ns() / 1_000_000_000, UTC)


def _titled(text: str) -> tuple[str, bytes]:
    name, _, digits = text.partition("=")
    if not ID.fullmatch(name) or not TITLE.fullmatch(digits):
        raise BenchError([f"--title {text!r}: write NAME=SYSTEM_TITLE, as gw1=4D42474757310001"])
    return name, bytes.fromhex(digits)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("bench.toml"),
) -> None:
    """Write an example bench file."""
    with told():
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(EXAMPLE.format(name=path))
        except FileExistsError:
            raise BenchError([f"{path} is already there; name another file"]) from None
        except OSError as error:
            raise BenchError([f"{path}: can't be written ({error.strerror})"]) from None
    typer.echo(f"{path} written; start it with: meter-emulator run {path}")


def _model(name: str) -> MeterModel:
    """A model that comes with the project, or one from a file."""
    return load_file(name) if name.endswith(".toml") else load(name)


def _row(model_id: str) -> dict[str, Any]:
    model = load(model_id)
    registers = 0 if model.modbus is None else len(model.modbus.registers)
    return {"id": model.id, "title": model.title, "objects": len(model.objects), "registers": registers}


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """What is made in here lives as long as the program: the garbage collector need not look at it, now or ever.

    Ten thousand meters are up a third sooner.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _without_file(model: str | None, count: int, first_id: str, listen: list[str] | None) -> BenchFile:
    if model is None:
        raise BenchError(["name a bench file, or --model; `meter-emulator models` lists them"])
    if not listen:
        raise BenchError(["--model needs --listen, such as --listen dlms+tcp://127.0.0.1:0"])
    return check({"meter": [{"id": first_id, "model": model, "count": count, "listen": listen}]}, "command line")


def _overridden(config: BenchFile, *, seed: int | None, rate: float | None, start: str | None) -> BenchFile:
    """The bench with what the command line says instead."""
    data = {"clock": {"zone": config.clock.zone}, "meter": [{"id": "M1", "model": "any"}]}
    if rate is not None:
        data["clock"]["rate"] = rate  # type: ignore[index]
    if start is not None:
        data["clock"]["start"] = start  # type: ignore[index]
    clock = check(data, "command line").clock
    changed: dict[str, Any] = {"rate": clock.rate} if rate is not None else {}
    if start is not None:
        changed["start"] = clock.start
    return config.model_copy(
        update={
            "seed": config.seed if seed is None else seed,
            "clock": config.clock.model_copy(update=changed),
        }
    )


def _open_journal(path: Path | None) -> Any:
    if path is None:
        return None
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise BenchError([f"--journal {path}: can't be written ({error.strerror}); name another file"]) from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop of uvloop where it is installed, which halves the cost of a request."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(running: RunningBench, *, until_stdin_closes: bool) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with running:
        if until_stdin_closes:
            _watch_stdin(ended)
        typer.echo(json.dumps(running.ready(), separators=(",", ":")))
        sys.stdout.flush()
        await ended.wait()
        _log.info("ending")


def _watch_stdin(ended: asyncio.Event) -> None:
    """Set `ended` once standard input is closed by whoever started us."""
    loop, fd = asyncio.get_running_loop(), sys.stdin.fileno()

    def on_readable() -> None:
        if not os.read(fd, 4096):
            loop.remove_reader(fd)
            ended.set()

    try:
        loop.add_reader(fd, on_readable)
    except OSError:
        ended.set()  # a file or /dev/null: nobody is there to close it


def _log_to_stderr(*, verbose: bool) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


def _warn_of_public_keys(household: Household) -> None:
    public = [member.resident.id for member in household.members if member.public_keys]
    if public:
        others = f" and {len(public) - 1} more" if len(public) > 1 else ""
        _log.warning(
            "meter %s%s: the public bench keys are in use; name others under `keys` before anybody else can reach it",
            public[0],
            others,
        )
