"""Why a protected APDU, a signature or a certificate is not accepted: a value, with one sentence for the engineer."""

from dataclasses import dataclass
from enum import Enum


class RefusalKind(Enum):
    """What was wrong, for whoever must answer as the standard says."""

    MALFORMED = "it is no ciphered APDU, or what it protects is none"
    SUITE = "the security suite is reserved or not the one in force"
    POLICY = "it is protected less than asked, or in a way that is not supported"
    KEY = "there is no key for it"
    TITLE = "it comes from another system title"
    COUNTER = "the invocation counter was used before"
    TAG = "the authentication tag does not verify"
    SIGNATURE = "the signature does not verify"
    CERTIFICATE = "the certificate is not accepted"


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal; nothing of the APDU may be used.

    Attributes:
        kind: what was wrong.
        reason: one sentence, without keys and without payload.
        counter_expected: with `COUNTER`: the lowest invocation counter that would have been accepted.
    """

    kind: RefusalKind
    reason: str
    counter_expected: int | None = None


def show_title(title: bytes) -> str:
    """A system title for sentences: as text where it is text, else in hex."""
    if title and all(0x21 <= octet < 0x7F for octet in title):
        return title.decode("ascii")
    if len(title) > 3 and title[:3].isalpha() and title[:3].isascii():
        return f"{title[:3].decode('ascii')}-{title[3:].hex().upper()}"
    return title.hex().upper() or "empty"
