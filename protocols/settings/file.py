"""A settings file: read, and checked against the model of the whole of it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from protocols.secret import masked
from protocols.settings.fault import sentences

M = TypeVar("M", bound=BaseModel)


class SettingsError(Exception):
    """The settings are wrong; one sentence a fault, each with the file and where known the line and key."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = [masked(fault) for fault in faults]
        super().__init__("\n".join(self.faults))


class Written(NamedTuple):
    """What a file says, as tables and as people wrote it; without text (a command line) there are no lines to name."""

    data: Mapping[str, Any]
    text: str
    name: str


def read_toml(path: Path, bytes_max: int, hint: str, kind: type[SettingsError]) -> Written:
    """Read a file.

    Args:
        path: which.
        bytes_max: it may not be larger.
        hint: what to do where it can't be read.
        kind: the error to raise.

    Raises:
        SettingsError: it is not there, too large, or no TOML.
    """
    try:
        if path.stat().st_size > bytes_max:
            raise kind([f"{path}: larger than {bytes_max} bytes"])
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise kind([f"{path}: can't be read ({reason}); {hint}"]) from None
    try:
        return Written(tomllib.loads(text), text, str(path))
    except tomllib.TOMLDecodeError as error:
        raise kind([f"{path}: this is not TOML: {error}"]) from None


def checked(written: Written, root: type[M], kind: type[SettingsError]) -> M:
    """Check what a file says.

    Args:
        written: the file.
        root: the model of the whole of it.
        kind: the error to raise.

    Raises:
        SettingsError: with every fault that was found.
    """
    try:
        return root.model_validate(written.data)
    except ValidationError as error:
        raise kind(sentences(error, root, written.data, written.text, written.name)) from None
