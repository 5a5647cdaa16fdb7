"""What a server tells above of its associations: opened, refused, closed, and what was refused within."""

from typing import NamedTuple


class AssociationOpened(NamedTuple):
    """A client has associated."""

    client: int
    server: int
    mechanism: int


class AssociationRefused(NamedTuple):
    """An AARQ was refused, or the proof of HLS did not hold; `reason` is one sentence without any secret."""

    client: int
    server: int
    reason: str


class ApduRefused(NamedTuple):
    """A protected APDU was refused and nothing of it was executed; `reason` is one sentence without any secret."""

    client: int
    server: int
    reason: str


class AssociationClosed(NamedTuple):
    """An association has ended."""

    client: int
    server: int
    reason: str
