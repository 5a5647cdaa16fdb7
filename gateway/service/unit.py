"""One meter at run time: its configuration, what can be said to it, and how it is doing."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.command.key_job import Rekey, Rotation, named_by
from gateway.configuration.config import ConfigError, GatewayConfig, MeterConfig
from gateway.configuration.counter_book import StoreBook
from gateway.configuration.credentials import Credentials, KeyRing, credentials, read_fleet
from gateway.configuration.pairs import Trusts
from gateway.meter.dlms import DlmsScripts
from gateway.meter.dlms_link import DlmsLink, Terms
from gateway.meter.modbus import ModbusScripts
from gateway.meter.modbus_link import ModbusLink, Pauses
from gateway.meter.quirk_match import Recognition
from gateway.meter.referencing import BaseNames
from gateway.meter.security import NoBook
from gateway.outbox.group_commit import GroupCommit
from gateway.polling.poll import OWN_READS
from gateway.polling.reading import names_of
from gateway.push.tap import LinePushes
from gateway.service.caller import Call
from protocols.address import DlmsAddress, ModbusAddress, SerialLine, TcpListen
from protocols.cosem.obis import LogicalName
from protocols.dlms.quirk import NO_QUIRKS
from protocols.message.status import MeterState
from protocols.model.loader import load, load_file, model_ids
from protocols.model.meter_model import MeterModel
from protocols.model.quirk_table import KnownQuirks, read_quirk_table
from protocols.model.table import ModelError
from protocols.secret import Secret
from protocols.settings.fault import nearest

_log = logging.getLogger(__name__)

OFFLINE_AFTER: Final = 2
"""Failures in a row after which a meter is offline; the first one makes it degraded."""

Link = DlmsLink | ModbusLink


class Unit:
    """See the module.

    Args:
        config: of the meter.
        model: what it is, if known.
        credentials: how a DLMS meter lets us in.
        zone: where its clock stands.
    """

    __slots__ = (
        "config",
        "configured",
        "credentials",
        "failures",
        "last_seen_ms",
        "met",
        "model",
        "named",
        "names",
        "prepared",
        "recognition",
        "scripts",
        "terms",
        "trouble",
    )

    def __init__(
        self,
        config: MeterConfig,
        model: MeterModel | None,
        credentials: Credentials | None,
        zone: tzinfo,
        known: Sequence[KnownQuirks] = (),
    ) -> None:
        self.config = config
        self.recognition = Recognition(NO_QUIRKS if model is None else model.quirks, known)
        self.model = model
        self.credentials = credentials
        self.named: Mapping[str, Secret] = {} if credentials is None else credentials.profile.secrets
        """Its keys before any of the next ones."""
        self.configured = {} if credentials is None else {**self.named, **credentials.following}
        """All keys that the configuration names."""
        self.terms = Terms(timeout_ms=config.timeout, retries=config.retries)
        self.scripts: DlmsScripts | ModbusScripts
        if isinstance(config.address, DlmsAddress):
            self.scripts = DlmsScripts(zone, model, self.recognition)
        else:
            self.scripts = ModbusScripts(model.modbus if model is not None else None)
        self.names = BaseNames()
        """Of a meter with short names; asked for once, not with every connection."""
        self.failures = 0
        self.last_seen_ms: int | None = None
        self.prepared = False
        """What the store knows of its keys and of the counter is known here."""
        self.met = False
        """It has answered since the program started."""
        self.trouble: dict[str, str] = {}
        """What makes it degraded although it answers, by the read that showed it."""

    @property
    def id(self) -> str:
        """The meter's id."""
        return self.config.id

    def is_like(self, other: "Unit") -> bool:
        """Whether another configuration means the same meter, let in the same way."""
        return self.config == other.config and self.configured == other.configured

    @property
    def secrets(self) -> Mapping[str, Secret]:
        """Its keys that are in force, by the names of the configuration."""
        return {} if self.credentials is None else self.credentials.profile.secrets

    @property
    def has_relay(self) -> bool:
        """Whether a poll of the relay makes sense: a DLMS meter is asked, a Modbus model says."""
        if isinstance(self.scripts, DlmsScripts):
            return True
        return self.model is not None and self.model.modbus is not None and self.model.modbus.relay is not None

    def keep_counter(self, commit: GroupCommit) -> None:
        """Have the invocation counter kept in the store, from the first association on."""
        shared = None if self.credentials is None else self.credentials.shared
        if shared is not None and isinstance(shared.book, NoBook) and self.credentials is not None:
            shared.book = StoreBook(commit, self.id, self.credentials.profile.client)

    def note_received(self) -> None:
        """Within a transaction that stores what the meter has said: write down which counters it has used."""
        shared = None if self.credentials is None else self.credentials.shared
        if shared is not None and isinstance(shared.book, StoreBook) and (text := shared.received.note()) is not None:
            shared.book.note(text)

    def next_keys(self, kept: str | None) -> tuple[str, ...]:
        """Names of the next keys that the store has written down, none once others are configured."""
        return () if self.credentials is None else named_by(kept, self.credentials.following)

    def use_next_keys(self, kept: str | None) -> None:
        """Speak with those of the next keys that are in force already, by what the store has kept."""
        if self.credentials is not None and (names := self.next_keys(kept)):
            self.credentials = self.credentials.rekeyed(names)

    def rotation(self, remember: Callable[[str, tuple[str, ...]], None]) -> Rotation | None:
        """What a rotation of keys needs to know; None for a meter without any."""
        known = self.credentials
        if known is None or known.shared is None:
            return None
        masters = [each["master"] for each in (known.profile.secrets, self.named) if "master" in each]
        return Rotation(
            known.profile.client,
            known.profile.secrets,
            known.following,
            remember,
            tuple(dict.fromkeys(masters)),
            self._push_setup(known.profile.client),
        )

    def _push_setup(self, client: int) -> str | None:
        """The security setup that the meter pushes under, where its model has one beside that of our association."""
        if self.model is None:
            return None
        associations = self.model.associations
        ours = associations[client].security_setup if client in associations else None
        setups = (each.security_setup for each in associations.values() if each.pre_established)
        return next((str(setup) for setup in setups if setup not in {None, ours}), None)

    async def rekey(self, link: DlmsLink, names: tuple[str, ...]) -> bool:
        """Be let in with some of the next keys, else with those in force; whether the meter took them.

        Raises:
            MeterError: it took neither.
        """
        known = self.credentials
        assert known is not None  # noqa: S101 (whoever has a DLMS link has them)
        rekeyed = known.rekeyed(names)
        if not await link.reopen(rekeyed):
            return False
        self.credentials = rekeyed
        return True

    def link(
        self,
        entropy: Callable[[int], bytes],
        call_of: Callable[[str], Call | None] | None = None,
        notice: Callable[[Any], None] | None = None,
        pushes: LinePushes | None = None,
    ) -> Link:
        """A new way to the meter; a Modbus one serves all units of its line.

        Args:
            entropy: for challenges.
            call_of: the connections of meters that have dialled in.
            notice: is told what passes on a DLMS link beside the answers.
            pushes: takes what the meter says unasked.
        """
        address = self.config.address
        if isinstance(address, ModbusAddress):
            config = self.config
            pauses = Pauses(
                connect_ms=config.connect_pause, request_ms=config.request_pause, local_echo=config.local_echo
            )
            return ModbusLink(address, pauses)
        assert self.credentials is not None  # noqa: S101 (made with every DLMS meter)
        called = None
        if isinstance(address.carrier, TcpListen):
            called = (lambda: call_of(self.id)) if call_of is not None else (lambda: None)
        return DlmsLink(
            address, self.credentials, self.terms, entropy, called, self.recognition, notice, pushes, self.names
        )

    async def ask(self, link: Link, request: Any) -> Any:
        """Ask what a script of this meter asks."""
        if isinstance(link, ModbusLink):
            address = self.config.address
            assert isinstance(address, ModbusAddress)  # noqa: S101 (links are made by address)
            return await link.ask(address.unit, request, self.terms)
        if isinstance(request, Rekey):
            return await self.rekey(link, request.names)
        return await link.ask(request)

    def state(self) -> tuple[MeterState, str | None]:
        """How it is doing, as its status says."""
        reason = next(iter(self.trouble.values()), None)
        if self.failures >= OFFLINE_AFTER:
            return MeterState.OFFLINE, reason
        return (MeterState.ONLINE if reason is None else MeterState.DEGRADED), reason


def line_key(unit: Unit) -> str:
    """What is one line: a serial device whatever its speed, each meter that dials in, else the carrier."""
    carrier = unit.config.address.carrier
    if isinstance(carrier, TcpListen):
        return f"{carrier!r} {unit.id}"
    return carrier.device if isinstance(carrier, SerialLine) else repr(carrier)


def model_of(config: MeterConfig, known: Mapping[str, MeterModel]) -> MeterModel | None:
    """The model that a meter's configuration names: one of ours, or a file.

    Raises:
        ConfigError: there is none of that name, or its file is wrong.
    """
    if config.model is None:
        return None
    if config.model in known:
        return known[config.model]
    try:
        return load_file(config.model) if config.model.endswith(".toml") else load(config.model)
    except ModelError as error:
        raise ConfigError([f'meter "{config.id}", key model: {error}']) from None


def zone_of(name: str) -> tzinfo:
    """A time zone whose name was checked."""
    return ZoneInfo(name)


def make_units(
    config: GatewayConfig, beside: Path, zone: tzinfo, entropy: Callable[[int], bytes], now_ms: Callable[[], int]
) -> list[Unit]:
    """Every meter of a configuration that is enabled, with its model and its keys.

    Args:
        config: checked.
        beside: the folder of its file.
        zone: where the meters' clocks stand.
        entropy: for challenges.
        now_ms: the clock that certificates are judged by.

    Raises:
        ConfigError: with every model or key that is missing.
    """
    fleet = read_fleet(config.fleet_keys, beside)
    trusts = Trusts(beside, now_ms)
    ring = KeyRing(beside, fleet, title_of(config), entropy, trusts, one_title=config.system_title is not None)
    known = () if config.quirks is None else known_quirks(beside / config.quirks)
    models: dict[str, MeterModel] = {}
    units: list[Unit] = []
    faults: list[str] = []
    for each in config.meter:
        if not each.enabled:
            continue
        try:
            units.append(_readable(make_unit(each, zone, ring, models, known)))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(faults)
    if any(isinstance(unit.scripts, DlmsScripts) for unit in units):
        names_of(None)  # a tenth of a second, better now than in the middle of the first read
    _warn_of_shared_addresses(units)
    public = [unit.id for unit in units if unit.credentials is not None and unit.credentials.bench_keys]
    if public:
        shown = ", ".join(public[:5]) + (f" and {len(public) - 5} more" if len(public) > 5 else "")
        _log.warning("the bench's keys, which are public, are used for %s", shown)
    return units


def known_quirks(file: Path) -> tuple[KnownQuirks, ...]:
    """The quirks of a file, by what meters show.

    Raises:
        ConfigError: it can't be read, or says what cannot be.
    """
    try:
        return read_quirk_table(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError([f"{file}: can't be read ({reason})"]) from None
    except ModelError as error:
        raise ConfigError([str(error)]) from None


def _warn_of_shared_addresses(units: list[Unit]) -> None:
    """Two ids for one meter may be meant, with other keys; mostly a line was copied."""
    first: dict[str, str] = {}
    for unit in units:
        if not isinstance(unit.config.address.carrier, TcpListen):
            other = first.setdefault(str(unit.config.address), unit.id)
            if other != unit.id:
                _log.warning("meters %s and %s have the same url; is that meant?", other, unit.id)


def make_unit(
    config: MeterConfig,
    zone: tzinfo,
    ring: KeyRing,
    models: dict[str, MeterModel],
    known: Sequence[KnownQuirks] = (),
) -> Unit:
    """One meter, with its model, its keys, and the quirks that it may turn out to have.

    Raises:
        ConfigError: a model or key is missing.
    """
    model = model_of(config, models)
    if model is not None and config.model is not None:
        models[config.model] = model
    address = config.address
    if not isinstance(address, DlmsAddress):
        return Unit(config, model, None, zone)
    offered = model.associations.get(address.client) if model is not None else None
    suite = config.suite
    if suite is None and model is not None and offered is not None:
        suite = model.security_suite(address.client)
    elif suite is None:
        suite = 1 if config.auth == "hls-ecdsa" or config.certificates else 0  # below there are no signatures
    return Unit(config, model, credentials(config, address.client, ring, offered, suite), zone, known)


def _readable(unit: Unit) -> Unit:
    """What is to be read is there to be read; a tool may find out what it reads, a file says it.

    Raises:
        ConfigError: a Modbus meter has no model, or a profile's name is not known.
    """
    if isinstance(unit.scripts, ModbusScripts) and (unit.model is None or unit.model.modbus is None):
        known = ", ".join(name for name in model_ids() if load(name).modbus is not None)
        hint = f"a Modbus meter needs one, its registers say nothing of themselves; there are {known}, or a file"
        raise ConfigError([f'meter "{unit.id}", key model: {hint}'])
    readable = (*unit.scripts.profiles(), *OWN_READS)
    faults = [
        f'meter "{unit.id}", key read.{name}: there is no such profile; {nearest(name, readable)}'
        for name in unit.config.read
        if name not in readable and not (isinstance(unit.scripts, DlmsScripts) and _is_logical_name(name))
    ]
    if faults:
        raise ConfigError(faults)
    return unit


def _is_logical_name(text: str) -> bool:
    try:
        LogicalName.parse(text)
    except ValueError:
        return False
    return True


def title_of(config: GatewayConfig) -> bytes:
    """Our system title: as configured, else made from the gateway's id."""
    if config.system_title is not None:
        return bytes.fromhex(config.system_title)
    return b"MBG" + blake2b(config.id.encode(), digest_size=5, person=b"system title").digest()
