"""Which version of the program this is, from the installed distribution."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _version() -> str:
    try:
        return version("meterbench")
    except PackageNotFoundError:
        return "0"


VERSION: Final = _version()
