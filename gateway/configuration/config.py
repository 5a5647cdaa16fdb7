"""The gateway's configuration: one TOML file, typed; what is wrong is said in one sentence with file, line and key.

Secrets are named (`{ env = "..." }`, `{ file = "..." }`), never written; they are read once, here.
"""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from gateway.command.guard_rule import GuardConfig
from gateway.configuration.span import Size, Span
from gateway.configuration.toml_line import line_of
from gateway.polling.schedule import ReadPlan
from protocols.address import AddressError, MeterAddress, Tcp, TcpListen, Udp, parse
from protocols.message.topic import DEFAULT_PREFIX, IDENTIFIER, Topics
from protocols.secret import Secret

CONFIG_BYTES_MAX: Final = 64 * 1024 * 1024
"""A file of 100,000 meters has about 20 MiB."""


class ConfigError(Exception):
    """The configuration is wrong; one sentence a fault, each with the file and where known the line and key."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Section(BaseModel):
    """A table of the file; unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class SecretSource(Section):
    """Where a secret is: an environment variable or a file, exactly one of the two."""

    env: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError('name the secret by { env = "NAME" } or { file = "PATH" }, one of the two')
        return self

    def read(self, beside: Path) -> Secret:
        """The secret itself; 32, 48, 64 or 96 hexadecimal digits are taken as the bytes they write.

        Raises:
            ValueError: when it is not there.
        """
        if self.env is not None:
            text = os.environ.get(self.env)
            if not text:
                raise ValueError(f"the environment variable {self.env} is not set")
            return secret_of(text)
        path = beside / (self.file or "")
        try:
            return secret_of(path.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the key file {path} can't be read: {error}") from None


def secret_of(text: str) -> Secret:
    """A key as people write it: 32, 48, 64 or 96 hexadecimal digits are the bytes they write, else it is text."""
    is_hex = len(text) in {32, 48, 64, 96} and re.fullmatch(r"[0-9A-Fa-f]+", text)
    return Secret(bytes.fromhex(text) if is_hex else text)


class BrokerConfig(Section):
    """The broker and the session with it."""

    url: str = "mqtt://127.0.0.1:1883"
    username: str | None = None
    password: SecretSource | None = None
    client_id: str | None = Field(default=None, max_length=64)
    version: Literal["auto", "5", "3.1.1"] = "auto"
    keepalive: Span = 30_000
    session_expiry: Span = 7 * 86_400_000
    in_flight: int = Field(default=100, ge=1, le=65535)
    receive_maximum: int = Field(default=100, ge=1, le=65535)
    message_expiry: Span | None = Field(default=None, gt=0, description="of readings, at the broker; MQTT 5 only")
    authority: str | None = Field(default=None, description="CA certificates, a file")
    certificate: str | None = None
    private_key: str | None = None
    backoff_max: Span = 60_000

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if not re.fullmatch(r"(mqtt|mqtts|ws|wss)://[^/@?#\s]+(/[^@?#\s]*)?", url):
            shown = re.sub(r"//.*@", "//...@", url)  # what stands there is most often a password
            raise ValueError(
                f"{shown!r} is no broker URL; write mqtt://HOST:1883, mqtts://HOST:8883, ws:// or wss://, "
                "and put user and password into their own keys"
            )
        return url


class StoreConfig(Section):
    """The one SQLite file, and how much of what was sent it keeps on the shelf."""

    path: str = "gateway.db"
    bytes_max: Size = Field(default=1024**3, ge=256 * 1024)
    age_max: Span = 60 * 86_400_000
    shelf_bytes: Size = 256 * 1024**2
    shelf_age: Span = 7 * 86_400_000
    acknowledgement: Literal["broker", "head-end"] = "broker"
    historical_after: Span = 30_000


class ClockConfig(Section):
    """`trusted_if` names a file that exists once the system's clock is right; the rest is for benches only."""

    start: AwareDatetime | None = None
    zone: str = "Asia/Kolkata"
    rate: float = Field(default=1, gt=0, le=100_000)
    trusted_if: str | None = None
    jump_max: Span = 60_000

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{zone!r} is no time zone; write one such as Asia/Kolkata") from None
        return zone


class MetricsConfig(Section):
    """Where `/metrics`, `/healthz` and `/readyz` are served."""

    listen: Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$")] | Literal["off"] = "127.0.0.1:0"


class PushConfig(Section):
    """Where meters push to, as `dlms+tcp://HOST:PORT` or `dlms+udp://HOST:PORT`, and what of them is taken.

    A push whose invocation counter was used before is a replayed one, or its meter has lost its counters.
    """

    listen: tuple[str, ...] = ()
    replayed: Literal["refuse", "accept"] = "refuse"

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

    images: str = "images"


class LimitsConfig(Section):
    """How much the gateway does at once."""

    conversations: int = Field(default=64, ge=1, le=4096, description="lines that are spoken on at the same time")
    commands_per_second: float = Field(default=50, gt=0, description="new commands begun, over all meters")
    queue_per_meter: int = Field(default=32, ge=1, description="commands that may wait for one meter")


Auth = Literal["none", "lls", "hls", "hls-md5", "hls-sha1", "hls-gmac", "hls-sha256", "hls-ecdsa"]
KEY_NAMES: Final = ("lls", "hls", "block", "authentication", "master", "broadcast", "signing", "agreement")


def _address(url: object) -> MeterAddress:
    if not isinstance(url, str):
        raise ValueError("a URL is text, such as dlms+tcp://192.0.2.7:4059?client=48&server=1")  # noqa: TRY004
    try:
        return parse(url)
    except AddressError as error:
        raise ValueError(str(error)) from None


class MeterConfig(Section):
    """One meter: where it is, how we are let in, what is read when."""

    id: str
    url: Annotated[Any, BeforeValidator(_address)]
    model: str | None = None
    auth: Auth = "none"
    keys: dict[str, SecretSource] = Field(default_factory=dict)
    next_keys: dict[str, SecretSource] = Field(default_factory=dict, description="those that `rotate_keys` changes to")
    suite: int | None = Field(default=None, ge=0, le=2)
    form: Literal["glo", "ded", "general-glo", "general-ded", "general-ciphering"] = "glo"
    security: Literal["none", "authentication", "encryption", "both"] | None = None
    system_title: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{16}$", description="the meter's own")
    invocation_counter: str | None = Field(default=None, description="the object that shows it, if not the usual one")
    device_id: str | None = Field(default=None, description="the first element of its pushes, if not usual")
    read: dict[str, ReadPlan] = Field(default_factory=lambda: {"instantaneous": ReadPlan.model_validate("1m")})
    groups: tuple[str, ...] = ()
    association: Literal["keep", "drop"] = "keep"
    idle: Span = Field(default=60_000, description="how long a kept association may lie idle")
    timeout: Span = 5_000
    retries: int = Field(default=1, ge=0, le=10)
    connect_pause: Span = Field(default=0, description="Modbus: between connecting and the first request")
    request_pause: Span = Field(default=0, description="Modbus: between two requests")
    local_echo: bool | None = Field(default=None, description="Modbus: the adapter hears itself; found out if not said")
    observe_after: Span = Field(default=2_000, description="when to look whether the current agrees with the contact")
    clock_limit: Span = Field(default=60_000, description="set_clock refuses larger steps; a drift beyond is reported")
    backoff_max: Span = 300_000
    enabled: bool = True

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

    @field_validator("keys", "next_keys")
    @classmethod
    def _known_keys(cls, keys: dict[str, SecretSource]) -> dict[str, SecretSource]:
        for name in keys:
            if name not in KEY_NAMES:
                raise ValueError(f"{name!r} is no key; there are {', '.join(KEY_NAMES)}")
        return keys


class GatewayConfig(Section):
    """The whole file."""

    id: str
    prefix: str = DEFAULT_PREFIX
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
    defaults: dict[str, Any] = Field(default_factory=dict, description="what every [[meter]] has unless it says more")
    status_every: Span = Field(default=30_000, le=60_000, gt=0)
    meter: tuple[MeterConfig, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _spread_defaults(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(defaults := data.get("defaults"), dict):
            meters = data.get("meter")
            if isinstance(meters, list):
                data = data | {"meter": [defaults | m if isinstance(m, dict) else m for m in meters]}
        return data

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        Topics(self.id, self.prefix)
        seen: set[str] = set()
        for meter in self.meter:
            if meter.id in seen:
                raise ValueError(f"the meter id {meter.id!r} is given twice; every meter needs its own")
            seen.add(meter.id)
        return self


def load(path: Path) -> GatewayConfig:
    """Read and check a file.

    Raises:
        ConfigError: with every fault that was found.
    """
    try:
        if path.stat().st_size > CONFIG_BYTES_MAX:
            raise ConfigError([f"{path}: larger than {CONFIG_BYTES_MAX} bytes"])
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([f"{path}: can't be read ({reason}); name a gateway file such as gateway.toml"]) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: this is not TOML: {error}"]) from None
    return check(data, text, str(path))


def check(data: Mapping[str, Any], text: str, name: str) -> GatewayConfig:
    """Check what a file says.

    Raises:
        ConfigError: with every fault that was found.
    """
    try:
        return GatewayConfig.model_validate(data)
    except ValidationError as error:
        faults = [_sentence(each, text, name, data) for each in error.errors(include_url=False)]
        raise ConfigError(faults) from None


def _sentence(error: ErrorDetails, text: str, name: str, data: Mapping[str, Any]) -> str:
    path = _as_written(error["loc"])
    line = line_of(text, path)
    where = f"{name}, line {line}" if line else name
    key = _key(path, data)
    return f"{where}: {key}: {_fault(error, path)}" if key else f"{where}: {_fault(error, path)}"


def _as_written(place: Sequence[str | int]) -> list[str | int]:
    """Pydantic puts the tried member of a union into the place; a person does not write it."""
    kind = 3 if place[:2] == ("guard", "rule") else None
    return [part for index, part in enumerate(place) if index != kind and not _is_union_word(part)]


def _is_union_word(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in {"literal", "str", "constrained-str"})


def _key(path: list[str | int], data: Mapping[str, Any]) -> str:
    """`meter "MB0001": read.block_load`, so that a person finds it among five thousand."""
    if len(path) >= 2 and path[0] == "meter" and isinstance(path[1], int):
        meters = data.get("meter")
        entry = meters[path[1]] if isinstance(meters, list) and path[1] < len(meters) else None
        title = entry.get("id", path[1] + 1) if isinstance(entry, dict) else path[1] + 1
        rest = ".".join(map(str, path[2:]))
        return f'meter "{title}"' + (f", key {rest}" if rest else "")
    return "key " + ".".join(map(str, path)) if path else ""


def _fault(error: ErrorDetails, path: list[str | int]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return _unknown(str(path[-1]) if path else "", path)
        case "missing":
            return "is missing"
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
        case "string_pattern_mismatch":
            key = str(path[-1]) if path else ""
            return f"{error['input']!r} can't be read; write {_LOOKS.get(key, error['msg'])}"
        case _:
            given = error["input"]
            shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
            message = str(error["msg"])
            return message[:1].lower() + message[1:] + shown


_LOOKS: Final = {
    "from": "a time of day such as 06:00",
    "to": "a time of day such as 20:00",
    "window": "two times of day such as 00:10-06:00",
    "listen": "HOST:PORT such as 127.0.0.1:9108, or off",
    "system_title": "16 hexadecimal digits",
}
"""What a person would write where a pattern was not met."""


def _unknown(word: str, path: list[str | int]) -> str:
    section: type[BaseModel] = GatewayConfig
    for part in path[:-1]:
        if isinstance(part, str) and part in section.model_fields:
            section = _SECTIONS.get((section, part), section)
    near = get_close_matches(word, section.model_fields, n=1)
    hint = f"did you mean `{near[0]}`" if near else f"known here are {', '.join(section.model_fields)}"
    return f"unknown key; {hint}"


_SECTIONS: Final[Mapping[tuple[type[BaseModel], str], type[BaseModel]]] = {
    (GatewayConfig, "broker"): BrokerConfig,
    (GatewayConfig, "store"): StoreConfig,
    (GatewayConfig, "clock"): ClockConfig,
    (GatewayConfig, "metrics"): MetricsConfig,
    (GatewayConfig, "push"): PushConfig,
    (GatewayConfig, "firmware"): FirmwareConfig,
    (GatewayConfig, "limits"): LimitsConfig,
    (GatewayConfig, "guard"): GuardConfig,
    (GatewayConfig, "meter"): MeterConfig,
    (MeterConfig, "read"): ReadPlan,
    (MeterConfig, "keys"): SecretSource,
    (MeterConfig, "next_keys"): SecretSource,
    (BrokerConfig, "password"): SecretSource,
}


def bench_start_ms(config: ClockConfig) -> int | None:
    """The instant a bench's clock starts at, in milliseconds UTC, or None for the system's clock."""
    return None if config.start is None else round(config.start.timestamp() * 1000)
