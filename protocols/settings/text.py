"""Texts that mean something in both programs' files: a time zone, a place to listen."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field


def _known(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{zone!r} is no time zone; write one such as Asia/Kolkata") from None
    return zone


ZoneName = Annotated[str, AfterValidator(_known)]
"""The name of a time zone of the IANA database."""

HostPort = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$")]
"""Where to listen, as HOST:PORT or [IPv6]:PORT."""
