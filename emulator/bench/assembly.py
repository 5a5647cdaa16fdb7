"""A bench file becomes meters: models loaded, loads read, keys fetched, faces put on.

What a section of the file names is looked up once and shared by all its meters; ten thousand meters of one model have
one model, one plan of objects and one image of registers.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from time import time_ns
from typing import Final, NamedTuple

from emulator.bench.file import BenchError, BenchFile, MeterPlan, MeterSection, plans
from emulator.bench.pushing import check_push, direct
from emulator.bench.resident import Resident
from emulator.errand.errands import Errands, runs_errands
from emulator.face.cosem.face import CosemFace
from emulator.face.modbus.face import ModbusFace
from emulator.keys.certificate_store import SECRET_NAMES, Works
from emulator.keys.keyring import keys_of, suite_of
from emulator.line.rs485 import LineBehaviour
from emulator.load import load_from_table
from emulator.load.recorded import RecordedLoad
from emulator.meter import Meter
from emulator.payment.token import format_of
from emulator.state import MeterState, StateError, keep, path_of
from emulator.timing.clock import BenchClock
from emulator.timing.zone import Zone, zone
from protocols.address import MeterAddress
from protocols.dlms.security.key_file import authorities_in, certificates_in, private_key_of
from protocols.modbus.security import Rights
from protocols.model.association import SECRETS_DEFAULT, secrets_default
from protocols.model.loader import load, load_file
from protocols.model.meter_model import MeterModel
from protocols.model.table import ModelError
from protocols.secret import Secret
from protocols.transport.pump import link_time_us

LN_CIPHERED: Final = 3
"""Application contexts from this one on are ciphered."""

MECHANISM_KEYS: Final[Mapping[int, str]] = {1: "lls", 2: "hls", 3: "hls", 4: "hls", 5: "block", 6: "hls"}
"""The key that an association with this authentication mechanism cannot do without."""

LOAD_DEFAULT: Final[Mapping[str, object]] = {"household": "urban"}
"""What hangs behind a meter of which the file says nothing."""


_log = logging.getLogger(__name__)


class Member(NamedTuple):
    """One meter of a household.

    Attributes:
        resident: the meter with its faces.
        model: its model.
        addresses: where it is to listen.
        public_keys: whether keys that everybody knows let a client in.
        state: what it keeps on disk, or None.
    """

    resident: Resident
    model: MeterModel
    addresses: tuple[MeterAddress, ...]
    public_keys: bool
    state: MeterState | None


class Household(NamedTuple):
    """All meters of a bench, with the clock they share, how their serial lines behave, and what roles may do."""

    seed: int
    clock: BenchClock
    members: list[Member]
    behaviours: Mapping[str, LineBehaviour]
    rights: Rights


class _Kind(NamedTuple):
    """What the meters of one section have in common."""

    model: MeterModel
    secrets: dict[str, Secret]
    pairs: Works
    public_keys: bool


class _Place(NamedTuple):
    """What meters are made from, apart from their section."""

    seed: int
    start_ms: int
    local: Zone
    directory: Path
    state: Path | None


def assemble(bench: BenchFile, name: str, directory: Path, state: Path | None = None) -> Household:
    """Make the meters of a bench.

    Args:
        bench: what the file says.
        name: the file, for what is wrong.
        directory: where models, recordings and key files are looked for.
        state: the folder where meters keep their non-volatile state; they go on where an earlier run has stopped.

    Raises:
        BenchError: a model, a load, a supply, a key or a kept state is wrong; one sentence a fault.
    """
    place = _Place(bench.seed, _start_ms(bench), zone(bench.clock.zone), directory, state)
    kinds: dict[int, _Kind] = {}
    made: list[tuple[MeterPlan, _Kind, Meter, MeterState | None]] = []
    for plan in plans(bench):
        try:
            kind = kinds.get(id(plan.section))
            if kind is None:
                kind = kinds[id(plan.section)] = _kind(plan.section, directory)
            made.append((plan, kind, *_meter(plan, kind.model, place)))
        except (ModelError, ValueError, StateError, OSError) as error:
            raise BenchError([f'{name}: meter "{plan.id}": {error}']) from None
    _tell_of_recordings(made)
    kept_ms = max((kept.last_ms for *_, kept in made if kept is not None), default=0)
    clock = BenchClock(max(_start_ms(bench), kept_ms), place.local, bench.clock.rate, link_time_us())
    # Challenges are drawn from the bench's seed, so that a run can be repeated to the octet; no secret hangs on them.
    entropy = Random(f"{bench.seed}/{kept_ms}/entropy").randbytes  # noqa: S311
    behaviours = {line.on: line.behaviour for line in bench.line}
    return Household(bench.seed, clock, [_member(*each, clock, entropy) for each in made], behaviours, bench.rights)


def _tell_of_recordings(made: Iterable[tuple[MeterPlan, _Kind, Meter, MeterState | None]]) -> None:
    """Say what is out of the ordinary in recordings, once a file, however many meters it is behind."""
    told = set[str]()
    for plan, _, meter, _ in made:
        if isinstance(meter.load, RecordedLoad):
            file = str((plan.section.load or {}).get("recorded"))
            if file not in told:
                told.add(file)
                for note in meter.load.recording.notes:
                    _log.warning("%s: %s", file, note)


def _start_ms(bench: BenchFile) -> int:
    start = bench.clock.start
    return time_ns() // 1_000_000 if start is None else round(start.timestamp() * 1000)


def _meter(plan: MeterPlan, model: MeterModel, place: _Place) -> tuple[Meter, MeterState | None]:
    load_table, supply = plan.section.load or LOAD_DEFAULT, plan.section.supply
    clock_zone = model.physics.clock.zone
    behind = load_from_table(
        load_table,
        seed=place.seed,
        meter_id=plan.id,
        phases=model.physics.metering.phases,
        zone=zone(clock_zone) if clock_zone else place.local,
        directory=place.directory,
    )

    def make(start_ms: int) -> Meter:
        return Meter(plan.id, model, place.seed, behind, supply, start_ms, place.local)

    if place.state is None:
        return make(place.start_ms), None
    header = {
        "id": plan.id,
        "model": plan.section.model,
        "seed": place.seed,
        "zone": place.local.name,
        "load": dict(load_table),
        "supply": supply,
        "start_ms": place.start_ms,
    }
    place.state.mkdir(parents=True, exist_ok=True)
    return keep(path_of(place.state, plan.id), header, make)


def _member(
    plan: MeterPlan,
    kind: _Kind,
    meter: Meter,
    state: MeterState | None,
    clock: BenchClock,
    entropy: Callable[[int], bytes],
) -> Member:
    resident = Resident(meter, clock, entropy)
    if kind.model.associations:
        face = resident.cosem = CosemFace(meter, kind.model, clock, kind.secrets)
        if plan.section.push is not None:
            direct(face, plan.section.push)
        if kind.pairs != Works():
            resident.keyring(face).pairs = kind.pairs
        if state is not None:
            face.keep(state.notes, state.put)
            resident.keyring(face).keep(state.notes, state.put)
        if runs_errands(face.plan):
            resident.errands = Errands(face, meter)
    if kind.model.modbus is not None:
        registers = ModbusFace(meter, kind.model.modbus, clock)
        if state is not None:
            registers.keep(state.notes, state.put)
        resident.modbus = registers
    return Member(resident, kind.model, plan.addresses, kind.public_keys, state)


def _kind(section: MeterSection, directory: Path) -> _Kind:
    is_file = section.model.endswith(".toml")
    model = load_file(directory / section.model) if is_file else load(section.model)
    if section.push is not None:
        check_push(model, section.push)
    secrets = {key: source.read(directory) for key, source in section.keys.items()}
    pairs = Works(
        authorities=tuple(authorities_in(section.authorities, directory)),
        certificates=tuple(certificates_in(section.certificates, directory)),
    )
    for client in model.associations:
        keys_of(
            model,
            client,
            model.identity.system_title(section.id),
            {**secrets_default(model.security_suite(client)), **secrets},
        )
        suite = suite_of(model, client)
        for name in SECRET_NAMES.values():
            if name in secrets and suite.curve is not None:
                private_key_of(suite, secrets[name])
    needed = {MECHANISM_KEYS.get(association.mechanism, "") for association in model.associations.values()}
    if any(association.context >= LN_CIPHERED for association in model.associations.values()):
        needed |= {"block", "authentication"}
    if (account := model.physics.payment.account) is not None and account.gateway is not None:
        needed.add("token")
        format_of(account.gateway, {**SECRETS_DEFAULT, **secrets}["token"], section.id)
    return _Kind(
        model, secrets, pairs, public_keys=any(key in SECRETS_DEFAULT and key not in secrets for key in needed)
    )
