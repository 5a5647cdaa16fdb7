"""Tokens for the meters of a bench: what a vending station would print."""

from dataclasses import replace
from pathlib import Path
from time import time_ns
from typing import Final, NamedTuple

from emulator.bench.file import BenchError, BenchFile, plans
from emulator.payment.token import decoder_of, format_of
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load, load_file
from protocols.model.payment import GatewayModel, StsModel
from protocols.secret import Secret
from protocols.sts.identifier import BaseDate
from protocols.sts.key_change import KeyChange
from protocols.sts.misty1 import Misty1


class Changed(NamedTuple):
    """What a meter's decoder key belongs to, where that is not what its model says."""

    supply_group: str | None = None
    tariff: str | None = None
    key_revision: int | None = None
    base_date: int | None = None

    def of(self, model: StsModel) -> StsModel:
        """The model with what is said here."""
        return replace(model, **{name: value for name, value in self._asdict().items() if value is not None})


NOTHING_CHANGED: Final = Changed()


def issued(
    bench: BenchFile,
    directory: Path,
    meter_id: str,
    amount: int,
    identifier: int | None = None,
    now: Changed = NOTHING_CHANGED,
) -> str:
    """A token of 20 digits for one meter.

    Args:
        bench: the bench.
        directory: where its models and key files are.
        meter_id: whose token it is.
        amount: in the account's smallest unit.
        identifier: what must not come twice; None for the minute that it is.
        now: what its key belongs to since it was changed.

    Raises:
        BenchError: there is no such meter, it takes no tokens, or not such a one.
    """
    try:
        gateway, key = _gateway(bench, directory, meter_id)
        if gateway.sts is not None:
            gateway = replace(gateway, sts=now.of(gateway.sts))
        base = BaseDate.B2014 if gateway.sts is None else BaseDate(gateway.sts.base_date)
        number = base.identifier(time_ns() // 1_000_000) if identifier is None else identifier
        return format_of(gateway, key, meter_id).issue(number, amount)
    except ValueError as error:
        raise BenchError([f"meter {meter_id}: {error}"]) from None


def key_change(bench: BenchFile, directory: Path, meter_id: str, to: Changed) -> tuple[str, ...]:
    """The four tokens that change a meter's decoder key from the one that its model says.

    Args:
        bench: the bench.
        directory: where its models and key files are.
        meter_id: whose key it is.
        to: what the new key belongs to; another base date has identifiers begin anew.

    Raises:
        BenchError: there is no such meter, it takes no STS tokens, or there is no such key.
    """
    try:
        gateway, key = _gateway(bench, directory, meter_id)
        old = gateway.sts
        if old is None:
            refusal = "it takes the bench's tokens, which know no key change; is15959-d1-sts takes STS tokens"
            raise BenchError([f"meter {meter_id}: {refusal}"])
        new = to.of(old)
        decoder = decoder_of(meter_id, new)
        change = KeyChange(
            key=Secret(decoder.key(key)),
            supply_group=new.supply_group,
            tariff=new.tariff,
            key_revision=new.key_revision,
            rollover=new.base_date != old.base_date,
        )
        return change.tokens(Misty1(decoder_of(meter_id, old).key(key)))
    except ValueError as error:
        raise BenchError([f"meter {meter_id}: {error}"]) from None


def _gateway(bench: BenchFile, directory: Path, meter_id: str) -> tuple[GatewayModel, Secret]:
    """A meter's token gateway, and the key of its tokens."""
    plan = next((each for each in plans(bench) if each.id == meter_id), None)
    if plan is None:
        raise ValueError("the bench has no such meter")
    name = plan.section.model
    model = load_file(directory / name) if name.endswith(".toml") else load(name)
    account = model.physics.payment.account
    if account is None or account.gateway is None:
        raise ValueError(f"its model {name} takes no tokens; is15959-d1-prepaid does")
    source = plan.section.keys.get("token")
    return account.gateway, SECRETS_DEFAULT["token"] if source is None else source.read(directory)
