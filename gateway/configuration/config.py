"""The gateway's configuration: one TOML file, typed; what is wrong is said in one sentence with file, line and key.

Secrets are named (`{ env = "..." }`, `{ file = "..." }`), never written; they are read once, here.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from gateway.command.guard_rule import BUILT_IN_BLAST_RADIUS, BUILT_IN_EVIDENCE, GuardConfig
from gateway.configuration.span import Size, Span, written
from gateway.polling.schedule import ReadPlan
from protocols.address import AddressError, MeterAddress, Tcp, TcpListen, Udp, parse
from protocols.message.topic import DEFAULT_PREFIX, IDENTIFIER, Topics
from protocols.settings.fault import nearest, placed
from protocols.settings.file import SettingsError, Written, checked, read_toml
from protocols.settings.section import SecretSource, Section
from protocols.settings.text import HostPort, ZoneName

CONFIG_BYTES_MAX: Final = 64 * 1024 * 1024
"""A file of 100,000 meters has about 20 MiB."""
PORT_MAX: Final = 65_535
MINUTE_MS: Final = 60_000


class ConfigError(SettingsError):
    """The gateway's configuration is wrong."""


class BrokerConfig(Section):
    """The broker and the session with it."""

    url: str = Field(default="mqtt://127.0.0.1:1883", description="mqtt, mqtts, ws or wss")
    username: str | None = Field(default=None, description="for the broker")
    password: SecretSource | None = Field(default=None, description="from env or file")
    client_id: str | None = Field(default=None, max_length=64, description="without, made from the gateway's id")
    version: Literal["auto", "5", "3.1.1"] = Field(default="auto", description="auto tries 5 first")
    keepalive: Span = Field(default=30_000, description="a silent broker is noticed within one and a half of these")
    session_expiry: Span = Field(
        default=7 * 86_400_000, description="how long the broker keeps commands for us while we are away; MQTT 5"
    )
    in_flight: int = Field(default=100, ge=1, le=65535, description="messages that wait for their PUBACK at most")
    receive_maximum: int = Field(default=100, ge=1, le=65535, description="commands that the broker hands over at once")
    message_expiry: Span | None = Field(default=None, gt=0, description="of readings, at the broker; MQTT 5 only")
    authority: str | None = Field(default=None, description="CA certificates, a file")
    certificate: str | None = Field(default=None, description="our own, a file")
    private_key: str | None = Field(default=None, description="for it, a file")
    backoff_max: Span = Field(default=60_000, description="the longest pause between two attempts to connect")

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if not re.fullmatch(r"(mqtt|mqtts|ws|wss)://[^/@?#\s]+(/[^@?#\s]*)?", url):
            shown = re.sub(r"[?#].*", "?...", re.sub(r"//.*@", "//...@", url))  # most often a password
            raise ValueError(
                f"{shown!r} is no broker URL; write mqtt://HOST:1883, mqtts://HOST:8883, ws:// or wss://, "
                "and put user and password into their own keys"
            )
        try:
            _ = urlsplit(url).port
        except ValueError:
            raise ValueError(f"{url!r} has no possible port; ports are 1 to 65535") from None
        return url


class StoreConfig(Section):
    """The one SQLite file, and how much of what was sent it keeps on the shelf."""

    path: str = Field(
        default="gateway.db", description="relative to `$STATE_DIRECTORY` if systemd gives one, else to this file"
    )
    bytes_max: Size = Field(default=1024**3, ge=256 * 1024, description="for all messages, the shelf included")
    age_max: Span = Field(default=60 * 86_400_000, description="what is older is given up, sent or not")
    shelf_bytes: Size = Field(default=256 * 1024**2, description="for messages that the broker has, for a replay")
    shelf_age: Span = Field(default=7 * 86_400_000, description="how long they stay there")
    acknowledgement: Literal["broker", "head-end"] = Field(
        default="broker", description="whose word lets a message go from the store"
    )
    historical_after: Span = Field(
        default=30_000, description="what waited longer is marked, and goes after what is live"
    )


class ClockConfig(Section):
    """`trusted_if` names a file that exists once the system's clock is right; the rest is for benches only."""

    start: AwareDatetime | None = Field(default=None, description="benches: what time it is when the program starts")
    zone: ZoneName = Field(
        default="Asia/Kolkata", description="where meters stand: windows, daily reads, clocks without offset"
    )
    rate: float = Field(default=1, gt=0, le=100_000, description="benches: how much faster time runs")
    trusted_if: str | None = Field(default=None, description="a file that is there once the clock is right")
    jump_max: Span = Field(default=60_000, description="a larger jump of the system's clock takes the trust away")


class MetricsConfig(Section):
    """Where `/metrics`, `/healthz` and `/readyz` are served."""

    listen: HostPort | Literal["off"] = Field(
        default="127.0.0.1:0", description="HOST:PORT; the ready line says which port was had"
    )

    @field_validator("listen")
    @classmethod
    def _a_port(cls, listen: str) -> str:
        port = listen.rpartition(":")[2]
        if port.isdecimal() and int(port) > PORT_MAX:
            raise ValueError(f"port {port} is more than the {PORT_MAX} there are")
        return listen


class PushConfig(Section):
    """Where meters push to, as `dlms+tcp://HOST:PORT` or `dlms+udp://HOST:PORT`, and what of them is taken.

    A push whose invocation counter was used before is a replayed one, or its meter has lost its counters.
    """

    listen: tuple[str, ...] = Field(default=(), description="dlms+tcp://HOST:PORT or dlms+udp://HOST:PORT")
    replayed: Literal["refuse", "accept"] = Field(default="refuse", description="a push whose counter was used before")

    @field_validator("listen")
    @classmethod
    def _can_listen(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            try:
                carrier = parse(url, listen=True).carrier
            except AddressError as error:
                raise ValueError(str(error)) from None
            if not url.startswith("dlms") or not isinstance(carrier, Tcp | TcpListen | Udp):
                raise ValueError(f"{url} is no port for pushes; write dlms+tcp://HOST:PORT or dlms+udp://HOST:PORT")
        return urls


class FirmwareConfig(Section):
    """The folder with the images that the command `firmware` names; relative to the configuration file."""

    images: str = Field(default="images", description="the folder")


class LimitsConfig(Section):
    """How much the gateway does at once."""

    conversations: int = Field(default=64, ge=1, le=4096, description="lines that are spoken on at the same time")
    commands_per_second: float = Field(default=50, gt=0, description="new commands begun, over all meters")
    queue_per_meter: int = Field(default=32, ge=1, description="commands that may wait for one meter")


Auth = Literal["none", "lls", "hls", "hls-md5", "hls-sha1", "hls-gmac", "hls-sha256", "hls-ecdsa"]
KEY_NAMES: Final = ("lls", "hls", "block", "authentication", "master", "broadcast", "signing", "agreement")


HEARD_SCHEMES: Final = ("dlms+hdlc", "dlms+hdlc+tcp", "dlms+tcp")
"""Lines that can be held open without an association; a meter that dials in is heard anyway."""


def _address(url: object) -> MeterAddress:
    if not isinstance(url, str):
        raise ValueError("a URL is text, such as dlms+tcp://192.0.2.7:4059?client=48&server=1")  # noqa: TRY004
    try:
        return parse(url)
    except AddressError as error:
        raise ValueError(str(error)) from None


class MeterConfig(Section):
    """One meter: where it is, how we are let in, what is read when."""

    id: str = Field(description="a level of its topics")
    url: Annotated[Any, BeforeValidator(_address)] = Field(description="where it is")
    model: str | None = Field(default=None, description="a built-in model's name or a file; Modbus meters need one")
    auth: Auth = Field(default="none", description="how it lets us in")
    keys: dict[str, SecretSource] = Field(default_factory=dict, description="by name, each from env or file")
    next_keys: dict[str, SecretSource] = Field(default_factory=dict, description="those that `rotate_keys` changes to")
    suite: int | None = Field(default=None, ge=0, le=2, description="security suite; without, as the model has it")
    form: Literal[
        "glo",
        "ded",
        "general-glo",
        "general-ded",
        "general-ciphering",
        "general-ciphering-wrapped",
        "general-ciphering-ephemeral",
        "general-ciphering-static",
    ] = Field(default="glo", description="how ciphered APDUs are wrapped, and with which key")
    signed: bool | Literal["without-length"] = Field(
        default=False, description="suites 1 and 2: requests go in general-signing too, as the meter wants to see it"
    )
    replayed: Literal["refuse", "accept"] | None = Field(
        default=None,
        description="an answer whose counter was used before; without, refused unless the keys are the bench's",
    )
    certificates: tuple[str, ...] = Field(
        default=(), description="suites 1 and 2: files or folders; the meter's, ours, and of authorities in between"
    )
    authorities: tuple[str, ...] = Field(
        default=(), description="whom certificates must come from; without, those that are named are believed"
    )
    security: Literal["none", "authentication", "encryption", "both"] | None = Field(
        default=None, description="how requests are protected; without, as the model or the mechanism has it"
    )
    short_names: bool | None = Field(
        default=None, description="its objects are referred to by short names; without, as the model has it"
    )
    system_title: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{16}$", description="the meter's own")
    invocation_counter: str | None = Field(default=None, description="the object that shows it, if not the usual one")
    device_id: str | None = Field(default=None, description="the first element of its pushes, if not usual")
    read: dict[str, ReadPlan] = Field(
        default_factory=lambda: {"instantaneous": ReadPlan.model_validate("1m")}, description="by profile, see below"
    )
    groups: tuple[str, ...] = Field(default=(), description="for rules of the guard")
    pushes: bool = Field(
        default=False, description="its line is held open between conversations, and what is pushed on it is heard"
    )
    association: Literal["keep", "drop"] = Field(default="keep", description="between two conversations")
    idle: Span = Field(default=60_000, description="how long a kept association may lie idle")
    timeout: Span = Field(default=5_000, description="of one request")
    retries: int = Field(default=1, ge=0, le=10, description="of a request that can be asked twice")
    connect_pause: Span = Field(default=0, description="Modbus: between connecting and the first request")
    request_pause: Span = Field(default=0, description="Modbus: between two requests")
    local_echo: bool | None = Field(default=None, description="Modbus: the adapter hears itself; found out either way")
    observe_after: Span = Field(default=2_000, description="when to look whether the current agrees with the contact")
    clock_limit: Span = Field(default=60_000, description="set_clock refuses larger steps; a drift beyond is reported")
    backoff_max: Span = Field(default=300_000, description="the longest pause between two attempts to reach it")
    enabled: bool = Field(default=True, description="false leaves it in the file and alone")

    @property
    def address(self) -> MeterAddress:
        """The URL, taken apart."""
        address: MeterAddress = self.url
        return address

    @field_validator("id")
    @classmethod
    def _a_topic_level(cls, name: str) -> str:
        if not IDENTIFIER.fullmatch(name):
            raise ValueError(f"{name!r} can't be a meter's id; use letters, digits, '.', '_' and '-'")
        return name

    @model_validator(mode="after")
    def _a_line_to_hear(self) -> Self:
        if self.pushes and self.address.scheme not in HEARD_SCHEMES:
            raise ValueError(
                f"pushes = true holds a line open, which {self.address.scheme} has none of; it is for "
                f"{', '.join(HEARD_SCHEMES)}. Ports to push to stand in [push] listen"
            )
        return self

    @field_validator("keys", "next_keys")
    @classmethod
    def _known_keys(cls, keys: dict[str, SecretSource]) -> dict[str, SecretSource]:
        for name in keys:
            if name not in KEY_NAMES:
                raise ValueError(f"a name there is no key's; {nearest(name, KEY_NAMES)}")
        return keys


class GatewayConfig(Section):
    """The whole file."""

    id: str = Field(description="a level of every topic")
    prefix: str = Field(default=DEFAULT_PREFIX, description="what every topic begins with")
    broker: BrokerConfig = BrokerConfig()
    store: StoreConfig = StoreConfig()
    clock: ClockConfig = ClockConfig()
    metrics: MetricsConfig = MetricsConfig()
    push: PushConfig = PushConfig()
    firmware: FirmwareConfig = FirmwareConfig()
    limits: LimitsConfig = LimitsConfig()
    guard: GuardConfig = GuardConfig()
    system_title: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{16}$", description="the gateway's own")
    fleet_keys: SecretSource | None = Field(
        default=None, description="one file, TOML or CSV, with the keys of all meters"
    )
    quirks: str | None = Field(
        default=None,
        description="a file, see docs/dlms.md: what meters do differently, by what they show of themselves",
    )
    defaults: dict[str, Any] = Field(default_factory=dict, description="what every [[meter]] has unless it says more")
    status_every: Span = Field(default=30_000, gt=0, description="how often the gateway says how it is; at most 1m")
    meter: tuple[MeterConfig, ...] = ()

    @field_validator("status_every")
    @classmethod
    def _at_least_once_a_minute(cls, every: int) -> int:
        if every > MINUTE_MS:
            raise ValueError(f"{written(every)} is too long; head-ends rely on a status once a minute")
        return every

    @model_validator(mode="before")
    @classmethod
    def _spread_defaults(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(defaults := data.get("defaults"), dict):
            meters = data.get("meter")
            if isinstance(meters, list):
                data = data | {"meter": [defaults | m if isinstance(m, dict) else m for m in meters]}
        return data

    @model_validator(mode="after")
    def _names_topics(self) -> Self:
        Topics(self.id, self.prefix)
        return self


def load(path: Path) -> GatewayConfig:
    """Read and check a file.

    Raises:
        ConfigError: with every fault that was found.
    """
    return _check(read_toml(path, CONFIG_BYTES_MAX, "name a gateway file such as gateway.toml", ConfigError))


def check(data: Mapping[str, Any], text: str, name: str) -> GatewayConfig:
    """Check what a file says.

    Raises:
        ConfigError: with every fault that was found.
    """
    return _check(Written(data, text, name))


def _check(file: Written) -> GatewayConfig:
    config = checked(file, GatewayConfig, ConfigError)
    faults = [placed(path, fault, *file) for path, fault in incoherences(config)]
    if faults:
        raise ConfigError(faults)
    return config


def incoherences(config: GatewayConfig) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is right by itself and wrong beside the rest, each with its place in the file."""
    yield from _meters_given_twice(config)
    meters, groups = {meter.id for meter in config.meter}, {group for meter in config.meter for group in meter.groups}
    for index, rule in enumerate(config.guard.rule):
        # A protected meter or a safety hold with a slip of the pen in it would protect nobody, and say nothing.
        for name in sorted({*rule.meters} - meters):
            yield ("guard", "rule", index, "meters"), f"there is no meter {name!r}; {nearest(name, sorted(meters))}"
        for name in sorted({*rule.groups} - groups):
            yield ("guard", "rule", index, "groups"), f"no meter is in group {name!r}; {nearest(name, sorted(groups))}"
    rules = {rule.name for rule in (*config.guard.rule, BUILT_IN_EVIDENCE, BUILT_IN_BLAST_RADIUS)}
    for name, permission in config.guard.permission.items():
        for passed in sorted({*permission.rules} - rules):
            fault = f"there is no rule {passed!r}; {nearest(passed, sorted(rules))}"
            yield ("guard", "permission", name, "rules"), fault


def _meters_given_twice(config: GatewayConfig) -> Iterator[tuple[tuple[str | int, ...], str]]:
    ids: set[str] = set()
    for index, meter in enumerate(config.meter):
        if meter.id in ids:
            yield ("meter", index, "id"), f"the meter id {meter.id!r} is given twice; every meter needs its own"
        ids.add(meter.id)
