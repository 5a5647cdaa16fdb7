"""Tokens for the meters of a bench: what a vending station would print."""

from pathlib import Path
from time import time_ns

from emulator.bench.file import BenchError, BenchFile, plans
from emulator.payment.token import format_of
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load, load_file
from protocols.sts.identifier import BaseDate


def issued(bench: BenchFile, directory: Path, meter_id: str, amount: int, identifier: int | None = None) -> str:
    """A token of 20 digits for one meter.

    Args:
        bench: the bench.
        directory: where its models and key files are.
        meter_id: whose token it is.
        amount: in the account's smallest unit.
        identifier: what must not come twice; None for the minute that it is.

    Raises:
        BenchError: there is no such meter, it takes no tokens, or not such a one.
    """
    plan = next((each for each in plans(bench) if each.id == meter_id), None)
    if plan is None:
        raise BenchError([f"meter {meter_id}: the bench has no such meter"])
    name = plan.section.model
    model = load_file(directory / name) if name.endswith(".toml") else load(name)
    account = model.physics.payment.account
    if account is None or account.gateway is None:
        raise BenchError([f"meter {meter_id}: its model {name} takes no tokens; is15959-d1-prepaid does"])
    source = plan.section.keys.get("token")
    sts = account.gateway.sts
    base = BaseDate.B2014 if sts is None else BaseDate(sts.base_date)
    try:
        key = SECRETS_DEFAULT["token"] if source is None else source.read(directory)
        number = base.identifier(time_ns() // 1_000_000) if identifier is None else identifier
        return format_of(account.gateway, key, meter_id).issue(number, amount)
    except ValueError as error:
        raise BenchError([f"meter {meter_id}: {error}"]) from None
