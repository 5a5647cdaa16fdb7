"""The tools for lines and files: who is on a Modbus line, a model from a maker's sheet, what octets mean."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.command_line import (
    JsonOption,
    WrongUseError,
    in_loop,
    span_ms,
    told,
)
from gateway.desk.csv_model import base_of, model_text
from gateway.desk.dissect import Dissector, bench_keys, messages
from gateway.desk.progress import ProgressOption, of_conversation
from gateway.desk.progress import progress as told_progress
from gateway.desk.reach import fleet_in
from gateway.desk.read_out import as_csv as read_out_csv
from gateway.desk.read_out import as_json as read_out_json
from gateway.desk.read_out import as_text as read_out_text
from gateway.desk.scan import Found, search_of
from gateway.desk.scan import scan as scan_line
from gateway.exit_status import ExitStatus
from gateway.meter.iec62056_21 import read_out
from gateway.service.script import NoAnswerError
from protocols.address import AddressError, parse_read_out
from protocols.model.table import ModelError

PATH_LETTERS_MAX: Final = 4096
"""What is longer is no file's name."""

app = typer.Typer()


@app.command()
def scan(
    url: Annotated[
        str, typer.Argument(help="The line or port, as modbus+rtu:///dev/ttyUSB0 or modbus+tcp://HOST:502.")
    ],
    *,
    units: Annotated[str, typer.Option(help="Whom to ask, as 1-247 or 1,2,17.")] = "1-247",
    baud: Annotated[
        str | None, typer.Option(help="Speeds to try, as 9600,19200; without, that of the URL, or all usual ones.")
    ] = None,
    parity: Annotated[
        str | None, typer.Option(help="Parities to try, as N,E; a pty has none. Without, as speeds.")
    ] = None,
    timeout: Annotated[str, typer.Option(help="How long an answer may take.")] = "300ms",
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the units on a Modbus line or behind a port, and what they are; Ctrl-C keeps what was found."""
    with told(as_json=as_json):
        search = search_of(url, units, baud, parity, span_ms(timeout, "--timeout"))
        found: list[Found] = []
        try:
            with told_progress(wanted=progress, as_json=as_json) as tell:
                in_loop(scan_line(search, found.append, tell))
        except KeyboardInterrupt:
            typer.echo("interrupted; this was found until then", err=True)
            _show_found(found, complete=False, as_json=as_json)
            raise typer.Exit(ExitStatus.SAID_NO) from None
        _show_found(found, complete=True, as_json=as_json)
        if not found:
            raise NoAnswerError(f"nobody answers on {url}: check wiring, speed and parity, or try a longer --timeout")


@app.command("read-out")
def read_out_meter(
    url: Annotated[
        str, typer.Argument(help="The optical head, as iec62056-21:///dev/ttyUSB0 or iec62056-21+tcp://HOST:PORT.")
    ],
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a meter out in mode C of IEC 62056-21: who it is, and its data block; no password is needed."""
    with told(as_json=as_json):
        try:
            address = parse_read_out(url)
        except AddressError as error:
            raise WrongUseError(str(error)) from None
        with told_progress(wanted=progress, as_json=as_json) as tell:
            found = in_loop(read_out(address, of_conversation(tell)))
        if as_json:
            typer.echo(json.dumps({"url": url} | read_out_json(found)))
        else:
            typer.echo(read_out_csv(found) if as_csv else read_out_text(found), nl=False)


@app.command("model")
def make_model(
    file: Annotated[Path, typer.Argument(help="A maker's register sheet, saved as CSV.")],
    *,
    base: Annotated[
        str,
        typer.Option(help="What is taken off its addresses, such as 40001; modicon for numbers from 30001 and 40001."),
    ] = "0",
    title: Annotated[str | None, typer.Option(help="What the meter is called.")] = None,
    maker: Annotated[str, typer.Option(help="Who makes it.")] = "unknown",
) -> None:
    """Print a model file made from a sheet, for `model = "FILE.toml"` of both programs."""
    with told(as_json=False):
        try:
            sheet = file.read_text(encoding="utf-8")
            text = model_text(sheet, where=file.name, base=base_of(base), title=title, maker=maker)
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
    with told(as_json=False):
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


def _show_found(found: list[Found], *, complete: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"found": [each._asdict() for each in found], "complete": complete}))
        return
    for each in found:
        typer.echo(each.sentence)
