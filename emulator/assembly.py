"""A bench file becomes meters: models loaded, loads read, keys fetched, faces put on.

What a section of the file names is looked up once and shared by all its meters; ten thousand meters of one model have
one model, one plan of objects and one image of registers.
"""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from time import time_ns
from typing import Final, NamedTuple

from emulator.bench import BenchError, BenchFile, MeterPlan, MeterSection, plans
from emulator.clock import BenchClock
from emulator.face.cosem.face import CosemFace
from emulator.face.modbus.face import ModbusFace
from emulator.load import load_from_table
from emulator.meter import Meter
from emulator.resident import Resident
from emulator.zone import Zone, zone
from protocols.address import MeterAddress
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load, load_file
from protocols.model.meter_model import MeterModel
from protocols.model.table import ModelError
from protocols.secret import Secret
from protocols.transport.pump import link_time_us

MECHANISM_KEYS: Final[Mapping[int, str]] = {1: "lls", 2: "hls", 3: "hls", 4: "hls", 5: "block", 6: "hls"}
"""The key that an association with this authentication mechanism cannot do without."""


LOAD_DEFAULT: Final[Mapping[str, object]] = {"household": "urban"}
"""What hangs behind a meter of which the file says nothing."""


class Member(NamedTuple):
    """One meter of a household: the resident, its model, where it is to listen, whether public keys let anyone in."""

    resident: Resident
    model: MeterModel
    addresses: tuple[MeterAddress, ...]
    public_keys: bool


class Household(NamedTuple):
    """All meters of a bench, with the clock they share."""

    seed: int
    clock: BenchClock
    members: list[Member]


class _Kind(NamedTuple):
    """What the meters of one section have in common."""

    model: MeterModel
    secrets: dict[str, Secret]
    public_keys: bool


def assemble(bench: BenchFile, name: str, directory: Path) -> Household:
    """Make the meters of a bench.

    Args:
        bench: what the file says.
        name: the file, for what is wrong.
        directory: where models, recordings and key files are looked for.

    Raises:
        BenchError: a model, a load, a supply or a key is wrong; one sentence a fault.
    """
    start = bench.clock.start
    start_ms = time_ns() // 1_000_000 if start is None else round(start.timestamp() * 1000)
    clock = BenchClock(start_ms, zone(bench.clock.zone), bench.clock.rate, link_time_us())
    # Challenges are drawn from the bench's seed, so that a run can be repeated to the octet; no secret hangs on them.
    entropy = Random(f"{bench.seed}/entropy").randbytes  # noqa: S311
    kinds: dict[int, _Kind] = {}
    members = []
    for plan in plans(bench):
        try:
            kind = kinds.get(id(plan.section))
            if kind is None:
                kind = kinds[id(plan.section)] = _kind(plan.section, directory)
            meter = _meter(plan, kind.model, bench.seed, start_ms, clock.zone, directory)
        except (ModelError, ValueError, OSError) as error:
            raise BenchError([f'{name}: meter "{plan.id}": {error}']) from None
        resident = Resident(meter, clock, entropy)
        if kind.model.associations:
            resident.cosem = CosemFace(meter, kind.model, clock, kind.secrets)
        if kind.model.modbus is not None:
            resident.modbus = ModbusFace(meter, kind.model.modbus, clock)
        members.append(Member(resident, kind.model, plan.addresses, kind.public_keys))
    return Household(bench.seed, clock, members)


def _meter(plan: MeterPlan, model: MeterModel, seed: int, start_ms: int, local: Zone, directory: Path) -> Meter:
    clock_zone = model.physics.clock.zone
    behind = load_from_table(
        plan.section.load or LOAD_DEFAULT,
        seed=seed,
        meter_id=plan.id,
        phases=model.physics.metering.phases,
        zone=zone(clock_zone) if clock_zone else local,
        directory=directory,
    )
    return Meter(plan.id, model, seed, behind, plan.section.supply, start_ms, local)


def _kind(section: MeterSection, directory: Path) -> _Kind:
    is_file = section.model.endswith(".toml")
    model = load_file(directory / section.model) if is_file else load(section.model)
    secrets = {key: source.read(directory) for key, source in section.keys.items()}
    needed = {MECHANISM_KEYS.get(association.mechanism, "") for association in model.associations.values()}
    return _Kind(model, secrets, public_keys=any(key in SECRETS_DEFAULT and key not in secrets for key in needed))
