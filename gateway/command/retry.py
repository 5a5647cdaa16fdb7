"""What becomes of a command whose meter could not be reached: tried again, or brought to its end."""

from typing import Final

from gateway.command.command import Commands
from gateway.command.execution import READ_BACK_MS
from gateway.service.script import MeterError, NotLetInError
from protocols.message.command import Rung

RETRY_FIRST_MS: Final = 1_000
RETRY_MAX_MS: Final = 30_000
"""The wait grows from the one to the other."""


def try_again(commands: Commands, command_id: str, error: MeterError, now_ms: int) -> bool:
    """Whether a command is to be tried again; a command that waits expires, one that was sent is read back for longer.

    Args:
        commands: where it is; within a transaction.
        command_id: which.
        error: what went wrong with its meter.
        now_ms: now.
    """
    waiting = commands.find(command_id)
    if waiting is None:
        return False
    if isinstance(error, NotLetInError) and not waiting.may_have_moved:
        commands.rung(command_id, Rung.FAILED, now_ms, reason=str(error))
        return False
    if waiting.rung is Rung.CONFIRMED:
        commands.rung(command_id, Rung.CONFIRMED, now_ms, reason=f"it could not be observed: {error}")
        return False
    if waiting.may_have_moved and now_ms > waiting.expires_ms + READ_BACK_MS:
        commands.rung(command_id, Rung.UNKNOWN, now_ms, reason=f"no read-back: {error}")
        return False
    return True


def wait_ms(failures: int) -> int:
    """How long to wait after so many failures in a row."""
    return min(RETRY_FIRST_MS << min(max(failures - 1, 0), 10), RETRY_MAX_MS)
