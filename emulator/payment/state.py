"""The states of payment as tables: credits, accounts, supply, tokens. What is not in a table is not allowed."""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final, TypeVar


class CreditStatus(IntEnum):
    """Attribute 8 of class 112."""

    ENABLED = 0
    SELECTABLE = 1
    INVOKED = 2
    IN_USE = 3
    EXHAUSTED = 4


class CreditEvent(Enum):
    """What moves a credit."""

    OFFER = "offered"
    WITHDRAW = "withdrawn"
    CONFIRM = "confirmed"
    GRANT = "granted"
    TAKE = "taken"
    YIELD = "yields"
    SPEND = "spent"
    FILL = "filled"
    REPAY = "repaid"


_C, _E = CreditStatus, CreditEvent

CREDIT_STATES: Final[dict[tuple[CreditStatus, CreditEvent], CreditStatus]] = {
    (_C.ENABLED, _E.OFFER): _C.SELECTABLE,
    (_C.SELECTABLE, _E.WITHDRAW): _C.ENABLED,
    (_C.SELECTABLE, _E.CONFIRM): _C.INVOKED,
    (_C.ENABLED, _E.GRANT): _C.INVOKED,
    (_C.INVOKED, _E.TAKE): _C.IN_USE,
    (_C.IN_USE, _E.YIELD): _C.INVOKED,
    (_C.INVOKED, _E.SPEND): _C.EXHAUSTED,
    (_C.IN_USE, _E.SPEND): _C.EXHAUSTED,
    (_C.EXHAUSTED, _E.FILL): _C.INVOKED,
    (_C.INVOKED, _E.REPAY): _C.ENABLED,
    (_C.IN_USE, _E.REPAY): _C.ENABLED,
    (_C.EXHAUSTED, _E.REPAY): _C.ENABLED,
}
"""A credit that needs no confirmation is granted by the meter itself; one that does is offered, then confirmed."""


class AccountStatus(IntEnum):
    """The second element of attribute 2 of class 111."""

    NEW = 1
    ACTIVE = 2
    CLOSED = 3


class AccountEvent(Enum):
    """The methods of class 111."""

    ACTIVATE = "activate_account"
    CLOSE = "close_account"
    RESET = "reset_account"


ACCOUNT_STATES: Final[dict[tuple[AccountStatus, AccountEvent], AccountStatus]] = {
    (AccountStatus.NEW, AccountEvent.ACTIVATE): AccountStatus.ACTIVE,
    (AccountStatus.ACTIVE, AccountEvent.CLOSE): AccountStatus.CLOSED,
    (AccountStatus.CLOSED, AccountEvent.RESET): AccountStatus.NEW,
}


class Supply(Enum):
    """What the account says of the supply."""

    GIVEN = "given"
    FRIENDLY = "given although out of credit"
    WITHHELD = "withheld"


class SupplyEvent(Enum):
    """What moves it."""

    SPENT = "out of credit"
    SPENT_IN_FRIENDLY_HOURS = "out of credit in friendly hours"
    HOURS_END = "friendly hours end"
    CLEARED = "in credit, threshold cleared"


SUPPLY_STATES: Final[dict[tuple[Supply, SupplyEvent], Supply]] = {
    (Supply.GIVEN, SupplyEvent.SPENT): Supply.WITHHELD,
    (Supply.GIVEN, SupplyEvent.SPENT_IN_FRIENDLY_HOURS): Supply.FRIENDLY,
    (Supply.FRIENDLY, SupplyEvent.HOURS_END): Supply.WITHHELD,
    (Supply.FRIENDLY, SupplyEvent.CLEARED): Supply.GIVEN,
    (Supply.WITHHELD, SupplyEvent.CLEARED): Supply.GIVEN,
}
"""Friendly hours keep a supply that is there; they do not bring back one that has been withheld."""


class TokenStatus(IntEnum):
    """The first element of attribute 6 of class 115."""

    FORMAT_OK = 0
    AUTHENTICATION_OK = 1
    VALIDATION_OK = 2
    EXECUTION_OK = 3
    FORMAT_FAILURE = 4
    AUTHENTICATION_FAILURE = 5
    VALIDATION_FAILURE = 6
    EXECUTION_FAILURE = 7
    RECEIVED = 8


_T = TokenStatus

TOKEN_STATES: Final[dict[tuple[TokenStatus, bool], TokenStatus]] = {
    (_T.RECEIVED, True): _T.FORMAT_OK,
    (_T.RECEIVED, False): _T.FORMAT_FAILURE,
    (_T.FORMAT_OK, True): _T.AUTHENTICATION_OK,
    (_T.FORMAT_OK, False): _T.AUTHENTICATION_FAILURE,
    (_T.AUTHENTICATION_OK, True): _T.VALIDATION_OK,
    (_T.AUTHENTICATION_OK, False): _T.VALIDATION_FAILURE,
    (_T.VALIDATION_OK, True): _T.EXECUTION_OK,
    (_T.VALIDATION_OK, False): _T.EXECUTION_FAILURE,
}
"""A token passes four checks, or fails at one."""

S = TypeVar("S", bound=Enum)
V = TypeVar("V")


def moved(states: Mapping[tuple[S, V], S], state: S, event: V) -> S:
    """The state after an event; the same where the table does not allow it."""
    return states.get((state, event), state)
