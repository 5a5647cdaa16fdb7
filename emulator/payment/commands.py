"""Commands of a vending station: credit tokens for the meters of a bench, and STS key changes."""

from pathlib import Path
from typing import Annotated

import typer

from emulator.bench.file import read_bench
from emulator.payment.issue import Changed, issued, key_change
from emulator.told import told

app = typer.Typer()

Group = Annotated[str | None, typer.Option(help="STS: supply group, six digits, if not the model's.")]
Tariff = Annotated[str | None, typer.Option(help="STS: tariff index, two digits, if not the model's.")]
Revision = Annotated[int | None, typer.Option(help="STS: key revision, 1 to 9, if not the model's.")]
Base = Annotated[int | None, typer.Option(help="STS: 1993, 2014 or 2035, if not the model's.")]


@app.command()
def token(
    bench: Annotated[Path, typer.Argument(help="A bench file.")],
    meter: Annotated[str, typer.Argument(help="The meter's id.")],
    amount: Annotated[int, typer.Argument(help="In the account's smallest unit: paise, or watt-hours for STS.")],
    identifier: Annotated[int | None, typer.Option(help="What must not come twice; else the minute it is.")] = None,
    supply_group: Group = None,
    tariff: Tariff = None,
    key_revision: Revision = None,
    base_date: Base = None,
) -> None:
    """Print a credit token for a meter that keeps an account."""
    now = Changed(supply_group, tariff, key_revision, base_date)
    with told():
        typer.echo(issued(read_bench(bench), bench.parent, meter, amount, identifier, now))


@app.command(name="key-change")
def change_key(
    bench: Annotated[Path, typer.Argument(help="A bench file.")],
    meter: Annotated[str, typer.Argument(help="The meter's id.")],
    supply_group: Group = None,
    tariff: Tariff = None,
    key_revision: Revision = None,
    base_date: Base = None,
) -> None:
    """Print the four STS tokens that change a meter's key from its model's to one for what is named.

    Afterwards give `token` the same options.
    """
    to = Changed(supply_group, tariff, key_revision, base_date)
    with told():
        typer.echo("\n".join(key_change(read_bench(bench), bench.parent, meter, to)))
