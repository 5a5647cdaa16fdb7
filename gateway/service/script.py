"""Scripts: what is to be done with a meter, as generators that wait for nothing themselves.

A script yields steps and is sent their outcomes: `Ask` goes to the meter, `Commit` is made durable in the store, `Wait`
lets time pass. The supervisor drives scripts with real lines and a real disk; the simulation drives the same ones and
ends the world between any two steps. What goes wrong on the way is thrown into the script at the step that met it.
"""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")


class Ask(NamedTuple):
    """A request to the meter; the outcome is what the protocol's driver documents."""

    request: Any


class Commit(NamedTuple):
    """A piece of work for the store, called with now in milliseconds; the outcome is what it returns, once durable."""

    work: Callable[[int], Any]


class Wait(NamedTuple):
    """Let so much time pass."""

    ms: int


Step = Ask | Commit | Wait
Script: TypeAlias = Generator[Step, Any, T]


class MeterError(Exception):
    """A meter did not do what was asked; the text is one sentence."""


class NoConnectionError(MeterError):
    """Nobody there: the line or the address does not answer, or the connection broke."""


class NotLetInError(MeterError):
    """The meter refused our name or our password."""


class NoAnswerError(MeterError):
    """A question stayed without an answer; whether it took effect is not known."""


class AbsentError(NoAnswerError):
    """Whoever carries questions to the meter says that it does not answer; the way as far as there stands."""


class RefusedError(MeterError):
    """The meter answered no, with its reason."""


class NonsenseError(MeterError):
    """The meter's answer can't be what it claims to be."""
