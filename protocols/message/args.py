"""The arguments of each verb, as strict as the command itself: what is not known here is refused, not ignored."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from protocols.cosem.obis import LogicalName
from protocols.message.command import Verb
from protocols.message.envelope import Instant, Message


def _logical_name(text: str) -> str:
    return str(LogicalName.parse(text))


Obis = Annotated[str, AfterValidator(_logical_name)]
RegisterAddress = Annotated[int, Field(ge=0, le=0xFFFF, description="zero-based wire address")]
ClassId = Annotated[int, Field(alias="class", ge=1, le=0xFFFF)]
DataType = Literal[
    "null", "boolean", "bit_string", "double_long", "double_long_unsigned", "octet_string", "visible_string",
    "utf8_string", "integer", "long", "unsigned", "long_unsigned", "long64", "long64_unsigned", "enum", "float32",
    "float64", "date_time", "raw",
]  # fmt: skip
"""How a COSEM value is written in JSON; `octet_string` and `raw` (A-XDR, tag included) are hexadecimal."""


class Args(Message):
    """Arguments of a verb."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NoArgs(Args):
    """None are needed."""


class ReadArgs(Args):
    """One of: a profile (its newest row, or from `from` to `to`), a COSEM attribute, registers or coils."""

    profile: str | None = None
    since: Instant | None = Field(default=None, alias="from")
    until: Instant | None = Field(default=None, alias="to")
    obis: Obis | None = None
    class_id: int = Field(default=3, alias="class", ge=1, le=0xFFFF)
    attribute: int = Field(default=2, ge=-128, le=127)
    register_address: RegisterAddress | None = Field(default=None, alias="register")
    coil: RegisterAddress | None = None
    count: int = Field(default=1, ge=1, le=125)
    function: Literal[1, 2, 3, 4] | None = None

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        targets = (self.profile, self.obis, self.register_address, self.coil)
        if sum(target is not None for target in targets) != 1:
            raise ValueError("name one of profile, obis, register or coil")
        return self


class WriteArgs(Args):
    """A COSEM attribute and its value, or registers or coils and theirs."""

    obis: Obis | None = None
    class_id: int = Field(default=1, alias="class", ge=1, le=0xFFFF)
    attribute: int = Field(default=2, ge=1, le=127)
    type: DataType | None = None
    register_address: RegisterAddress | None = Field(default=None, alias="register")
    coil: RegisterAddress | None = None
    value: Any = None
    values: tuple[int, ...] | None = Field(default=None, max_length=123)

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        targets = (self.obis, self.register_address, self.coil)
        if sum(target is not None for target in targets) != 1:
            raise ValueError("name one of obis, register or coil")
        if self.obis is not None and (self.type is None or self.values is not None):
            raise ValueError("a COSEM attribute is written with `value` and `type`")
        if self.obis is None and (self.values is None) == (not isinstance(self.value, int)):
            raise ValueError("registers and coils are written with a whole number as `value`, or with `values`")
        return self


class ExecuteArgs(Args):
    """A method of a COSEM object; without a parameter, integer 0."""

    obis: Obis
    class_id: ClassId
    method: int = Field(ge=1, le=127)
    type: DataType | None = None
    parameter: Any = None


class SetClockArgs(Args):
    """To the gateway's own time, or to a given one."""

    to: Instant | None = None


class SetBalanceArgs(Args):
    """What the head-end says the balance is, in minor units."""

    balance: int = Field(ge=-(2**31), lt=2**31)
    as_on: Instant


class RechargeArgs(Args):
    """One payment, known by its name for ever: it is never applied twice. Minor units."""

    payment: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")
    amount: int = Field(gt=0, lt=2**31)
    total: int = Field(ge=0, lt=2**31, description="total recharged, this payment included")
    balance: int = Field(ge=-(2**31), lt=2**31, description="balance after it")
    at: Instant
    as_on: Instant | None = Field(default=None, description="time of the balance; absent: that of the payment")


class LoadLimitArgs(Args):
    """The limiter's threshold, and for how long it must be exceeded."""

    watts: int = Field(ge=1, le=10_000_000)
    over_s: int | None = Field(default=None, ge=0, le=65_535)


class SyncArgs(Args):
    """Catch up now: the named histories, or all."""

    profiles: tuple[str, ...] = ()


class FirmwareArgs(Args):
    """An image from the gateway's image folder; checked against its digest before a block is sent."""

    image: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    identifier: str = Field(pattern=r"^([0-9A-Fa-f]{2}){1,64}$", description="image identifier, hexadecimal")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    activate: bool = True


class RotateKeysArgs(Args):
    """Which keys to change for those that the configuration's `next_keys` name."""

    keys: tuple[Literal["block", "authentication", "broadcast", "master"], ...] = Field(min_length=1)


class TariffArgs(Args):
    """A passive activity calendar: its parts as A-XDR in hexadecimal, and when it becomes active."""

    name: str = Field(pattern=r"^[\x20-\x7e]{1,16}$")
    season_profile: str = Field(pattern=r"^([0-9A-Fa-f]{2})+$")
    week_profile: str = Field(pattern=r"^([0-9A-Fa-f]{2})+$")
    day_profile: str = Field(pattern=r"^([0-9A-Fa-f]{2})+$")
    activate_at: Instant


ARGS: Final[Mapping[Verb, type[Args]]] = {
    Verb.DISCONNECT: NoArgs,
    Verb.RECONNECT: NoArgs,
    Verb.READ: ReadArgs,
    Verb.WRITE: WriteArgs,
    Verb.EXECUTE: ExecuteArgs,
    Verb.SET_CLOCK: SetClockArgs,
    Verb.SET_BALANCE: SetBalanceArgs,
    Verb.RECHARGE: RechargeArgs,
    Verb.LOAD_LIMIT: LoadLimitArgs,
    Verb.SYNC: SyncArgs,
    Verb.FIRMWARE: FirmwareArgs,
    Verb.ROTATE_KEYS: RotateKeysArgs,
    Verb.TARIFF: TariffArgs,
}


def args_of(verb: Verb, args: Mapping[str, Any]) -> Args:
    """The arguments of a command, checked.

    Raises:
        ValueError: with one sentence that says which one is wrong and why.
    """
    try:
        return ARGS[verb].model_validate_json(json.dumps(args), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"args{'.' + where if where else ''}: {first['msg']}") from None
