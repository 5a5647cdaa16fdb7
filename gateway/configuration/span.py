"""Spans of time and sizes as people write them in a configuration: `15m`, `1d`, `512 MiB`."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator

_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_BYTES: Final = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def milliseconds(text: object) -> int:
    """Read a span.

    >>> milliseconds("15m"), milliseconds("1h30m"), milliseconds("500ms")
    (900000, 5400000, 500)

    Raises:
        ValueError: saying what would be right.
    """
    if isinstance(text, str) and re.fullmatch(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+", text):
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdw])", text)
        return round(sum(float(number) * _MS[unit] for number, unit in parts))
    raise ValueError(f"{text!r} is no span of time; write 30s, 15m, 1h30m or 1d")


def octets(text: object) -> int:
    """Read a size.

    >>> octets("512 MiB"), octets(1000)
    (536870912, 1000)

    Raises:
        ValueError: saying what would be right.
    """
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    if isinstance(text, str) and (match := re.fullmatch(r"(\d+)\s*([KMG]i?B|B|)", text)):
        return int(match[1]) * _BYTES[match[2]]
    raise ValueError(f"{text!r} is no size; write 512 MiB")


Span = Annotated[int, BeforeValidator(milliseconds)]
"""Milliseconds, written as `15m`."""

Size = Annotated[int, BeforeValidator(octets)]
"""Bytes, written as `512 MiB`."""


def written(ms: int) -> str:
    """A span for people, in its two largest units.

    >>> written(5_430_000)
    '1h30m'
    """
    if ms < 1000:
        return f"{ms}ms"
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, ms = divmod(ms, _MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])
