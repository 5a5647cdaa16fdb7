"""Addresses that the configuration has us listen on: one that can't be had is a fault of the configuration."""

import contextlib
import os
from collections.abc import Iterator

from gateway.configuration.config import ConfigError


@contextlib.contextmanager
def listening_on(key: str, place: str) -> Iterator[None]:
    """Listen within.

    Args:
        key: of the configuration.
        place: host and port.

    Raises:
        ConfigError: the address can't be had.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ConfigError([f"key {key}: nobody can listen on {place} ({reason}); name another address"]) from None
