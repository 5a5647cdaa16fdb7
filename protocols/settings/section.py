"""What every table of a settings file has, and how one names a secret without writing it."""

import os
import re
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, model_validator

from protocols.secret import Secret, shown_file, shown_variable

KEY_DIGITS: Final = frozenset({32, 40, 48, 64, 96})
"""So many hexadecimal digits are a key of 16, 20, 24, 32 or 48 octets; everything else is text."""


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
        """The secret itself.

        Args:
            beside: the folder that the file is relative to.

        Raises:
            ValueError: when it is not there.
        """
        if self.env is not None:
            text = os.environ.get(self.env)
            if not text:
                raise ValueError(f"the environment variable {shown_variable(self.env)} is not set")
            return secret_of(text)
        path = beside / (self.file or "")
        try:
            return secret_of(path.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            shown = shown_file(self.file or "", beside)
            raise ValueError(f"the key file {shown} can't be read ({reason})") from None


def secret_of(text: str) -> Secret:
    """A key as people write it: the octets that its hexadecimal digits write, where it is as long as a key, else text.

    >>> secret_of("000102030405060708090a0b0c0d0e0f").reveal() == bytes(range(16))
    True
    """
    is_hex = len(text) in KEY_DIGITS and re.fullmatch(r"[0-9A-Fa-f]+", text)
    return Secret(bytes.fromhex(text) if is_hex else text)
