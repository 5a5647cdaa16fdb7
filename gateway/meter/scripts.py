"""What any meter can be asked, whatever it speaks: the operations, and what they come to."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from gateway.polling.coverage import Stretch
from gateway.service.script import Script
from protocols.message.args import (
    ExecuteArgs,
    LoadLimitArgs,
    ReadArgs,
    RechargeArgs,
    SetBalanceArgs,
    TariffArgs,
    WriteArgs,
)
from protocols.message.reading import ControlState, Row


class Table(NamedTuple):
    """Rows of one profile, and the time of the newest (milliseconds UTC) where rows have times."""

    profile: str
    rows: tuple[Row, ...]
    newest_ms: int | None = None


class RelaySeen(NamedTuple):
    """What the load switch says of itself."""

    output_state: bool
    control_state: ControlState
    control_mode: int | None = None


class BalanceSeen(NamedTuple):
    """What the meter's payment objects say, in minor units; `currency` where its model says one."""

    balance: int
    as_on: datetime | None
    recharge_amount: int | None = None
    recharge_at: datetime | None = None
    recharge_total: int | None = None
    prepaid: bool | None = None
    currency: str | None = None


class Written(NamedTuple):
    """What came of a write: the meter's refusal, and what it shows afterwards."""

    refusal: str | None
    as_asked: bool
    shown: str | None = None


class MeterScripts(Protocol):
    """One meter. A script raises `MeterError`s; one that the meter does not offer raises `RefusedError`."""

    def profiles(self) -> tuple[str, ...]:
        """The profiles that it can be read by."""

    def read(self, profile: str, stretch: Stretch | None = None) -> Script[Table]:
        """Rows of a profile: those of a stretch of time, or its newest."""

    def period_ms(self, profile: str) -> Script[int]:
        """How far apart the rows of a profile are; 0 where they come by events."""

    def relay(self) -> Script[RelaySeen | None]:
        """The load switch; None where the meter has none."""

    def switch(self, *, closed: bool) -> Script[str | None]:
        """Work the load switch; the meter's refusal, or None when it acknowledged."""

    def current(self) -> Script[Decimal | None]:
        """The greatest phase current in amperes, or None where it can't be had."""

    def get(self, args: ReadArgs) -> Script[tuple[Row, ...]]:
        """A raw read."""

    def write(self, args: WriteArgs) -> Script[Written]:
        """A raw write with its read-back."""

    def execute(self, args: ExecuteArgs) -> Script[str | None]:
        """Invoke a method; the meter's refusal, or None when it acknowledged."""

    def clock(self) -> Script[datetime]:
        """What the meter's clock says."""

    def set_clock(self, to: datetime) -> Script[str | None]:
        """Set it; the meter's refusal, or None."""

    def balance(self) -> Script[BalanceSeen | None]:
        """The payment objects; None where the meter has none."""

    def set_balance(self, args: SetBalanceArgs) -> Script[Written]:
        """Write the balance and its time, and read them back."""

    def recharge(self, args: RechargeArgs) -> Script[Written]:
        """Bring the five payment objects to what a payment makes them, whatever a half-done write left."""

    def load_limit(self, args: LoadLimitArgs) -> Script[Written]:
        """Write the limiter's threshold, and read it back."""

    def tariff(self, args: TariffArgs) -> Script[Written]:
        """Write the passive activity calendar, its activation time last, and read it back."""
