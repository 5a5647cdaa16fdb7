"""How a program ends, for whoever started it; both programs of meterbench end alike."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """0 is done; everything else says whose turn it is."""

    DONE = 0
    SAID_NO = 1
    """The meter said no, or a check did."""
    WRONG_USE = 2
    """The command line or the configuration is wrong; nothing was begun."""
    NO_CONNECTION = 3
    NOT_LET_IN = 4
    """A password, a key or a client address was refused."""
    GUARDED = 5
    """The gateway's guard refused."""
