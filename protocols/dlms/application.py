"""What stands above the DLMS server: the application it calls, and the association that the application sees.

The server decodes, negotiates, blocks and bounds; what an attribute is, who may read it and what a method does is the
application's matter, one `Application` for each logical device. It is called, not evented, and answers at once.
The same `Association` serves the client role, so that ciphering and authentication see one thing in both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.dlms.results import ActionResult, DataAccessResult
    from protocols.dlms.selection import Selection
    from protocols.machine import Peer
    from protocols.secret import Secret

MAX_PDU_UNLIMITED = 0
"""A client's max receive PDU size of zero says that it sets no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationProfile:
    """One association that a logical device offers, as its model says.

    Attributes:
        client: the client SAP it is for.
        logical_name: six octets of its association object (class 15 or 12), such as 0.0.40.0.2.255.
        mechanism: authentication mechanism id, 0 none, 1 LLS, 2 to 7 HLS.
        context: application context id: 1 LN, 2 SN, 3 LN with ciphering, 4 SN with ciphering.
        secrets: by the names of the configuration's `keys`: `lls`, `hls`, `block`, `authentication`, `master` ...
        conformance: the services offered, as bits of `protocols.dlms.initiate.Conformance`.
        max_pdu: the longest APDU the server takes in this association, in octets.
        view: the name of the object list that the association shows.
        pre_established: it stands without an AARQ and cannot be released.
        wrong_passwords_max: after so many wrong passwords in a row the next AARQ waits; 0 is never.
        slow_down_us: how long it then waits, in link time.
        users: identifications of the client's users that may associate; none of them for anybody.
        protected_release: in a ciphered association, an RLRQ counts only with its InitiateRequest ciphered.
    """

    client: int
    logical_name: bytes = bytes((0, 0, 40, 0, 0, 255))
    mechanism: int = 0
    context: int = 1
    secrets: Mapping[str, Secret] = field(default_factory=dict, hash=False)
    conformance: int
    max_pdu: int = 1024
    view: str = ""
    pre_established: bool = False
    wrong_passwords_max: int = 0
    slow_down_us: int = 0
    users: frozenset[int] = frozenset()
    protected_release: bool = False

    def __post_init__(self) -> None:
        if len(self.logical_name) != 6:
            raise ValueError("a logical name has six octets")
        if self.context not in {1, 2, 3, 4}:
            raise ValueError("an application context is 1, 2, 3 or 4")
        if not 0 <= self.mechanism <= 7:
            raise ValueError("an authentication mechanism is 0 to 7")
        if not 12 <= self.max_pdu <= 65535:
            raise ValueError("max_pdu is 12 to 65535: an InitiateResponse must fit")

    @property
    def ciphered(self) -> bool:
        """Whether the context asks for ciphering."""
        return self.context >= 3

    @property
    def short_names(self) -> bool:
        """Whether objects are referred to by short name."""
        return self.context in {2, 4}

    @property
    def vaa_name(self) -> int:
        """The name that the InitiateResponse carries."""
        return 0xFA00 if self.short_names else 0x0007


class Association:
    """One association of one connection: what was agreed, and who is at the other end.

    Attributes:
        client, server: the two SAPs.
        peer: the carrier's other end.
        profile: what the server offers, or what the client asks for.
        conformance: the services agreed on.
        peer_max_pdu: the longest APDU the other end takes, 0 for no limit.
        own_max_pdu: the longest APDU this end takes.
        authenticated: whether the mechanism of the profile has been satisfied; an HLS association is not until both
            passes are done.
        client_title, server_title: system titles as exchanged, or empty.
        client_challenge, server_challenge: CtoS and StoC of an HLS authentication.
        other_certificate: the other end's for digital signature, as the AARQ or AARE carried it, or empty.
        asked_us: link time of the AARQ.
        dedicated_key: what the InitiateRequest carried, or None.
        user_id: the client user identification of the AARQ, or None.
        security: the security control byte of the request being served, 0 in clear.
        protection: ciphering, or None while the association is clear.
        remark: why the other side's proof did not hold, one sentence; empty while there is nothing to say.
        scratch: for the application alone; it ends with the association.
    """

    __slots__ = (
        "asked_us",
        "authenticated",
        "client",
        "client_challenge",
        "client_title",
        "conformance",
        "dedicated_key",
        "other_certificate",
        "own_max_pdu",
        "peer",
        "peer_max_pdu",
        "profile",
        "protection",
        "remark",
        "scratch",
        "security",
        "server",
        "server_challenge",
        "server_title",
        "user_id",
    )

    def __init__(self, profile: AssociationProfile, server: int, peer: Peer) -> None:
        self.client = profile.client
        self.server = server
        self.peer = peer
        self.profile = profile
        self.conformance = 0
        self.peer_max_pdu = MAX_PDU_UNLIMITED
        self.own_max_pdu = profile.max_pdu
        self.authenticated = False
        self.client_title = b""
        self.server_title = b""
        self.client_challenge = b""
        self.server_challenge = b""
        self.other_certificate = b""
        self.asked_us = 0
        self.dedicated_key: Secret | None = None
        self.user_id: int | None = None
        self.security = 0
        self.protection: Protection | None = None
        self.remark = ""
        self.scratch: object = None


class Application(Protocol):
    """A logical device. Access rights are its matter: it answers `READ_WRITE_DENIED` and the like."""

    def associations(self) -> Mapping[int, AssociationProfile]:
        """What is offered, by client SAP; asked at every AARQ, so a changed secret counts from the next one on."""

    def get(
        self,
        association: Association,
        class_id: int,
        instance: bytes,
        attribute: int,
        selection: Selection | None,
        now_us: int,
    ) -> bytes | DataAccessResult:
        """The attribute's value, encoded, or why not."""

    def set(
        self,
        association: Association,
        class_id: int,
        instance: bytes,
        attribute: int,
        selection: Selection | None,
        value: bytes,
        now_us: int,
    ) -> DataAccessResult:
        """Write one attribute; `value` is one well-formed encoded value."""

    def action(
        self,
        association: Association,
        class_id: int,
        instance: bytes,
        method: int,
        parameter: bytes | None,
        now_us: int,
    ) -> tuple[ActionResult, bytes | DataAccessResult | None]:
        """Invoke one method: the result, and what it returns (encoded), why that failed, or None."""


class ShortName(NamedTuple):
    """What a short name stands for; `method` tells a method's number from an attribute's."""

    class_id: int
    instance: bytes
    number: int
    method: bool = False


class ShortNames(Protocol):
    """The short names of one logical device."""

    def resolve(self, name: int, association: Association) -> ShortName | None:
        """What this base name plus offset stands for, or None where nothing is mapped."""


class Refusal(NamedTuple):
    """A protected APDU was not accepted: what to answer in clear (None for nothing), and one sentence that says why."""

    answer: bytes | None
    reason: str


class Protection(Protocol):
    """Ciphering of one association in one role; a clear association has none and pays nothing.

    It stands between the services and block-wise general transfer: what `unprotect` returns is a plain xDLMS APDU
    (or the plain InitiateRequest or InitiateResponse of an AARQ or AARE), what `protect` returns is what is sent.
    """

    overhead: int
    """The most octets that `protect` adds to an APDU."""

    def unprotect(self, apdu: bytes, association: Association, now_us: int) -> bytes | Refusal:
        """The plain APDU; sets `association.security` to what protected it."""

    def protect(self, apdu: bytes, association: Association, now_us: int) -> bytes:
        """The protected form of an APDU of ours."""


class Authenticator(Protocol):
    """One HLS mechanism in one role: what each side computes over the challenges that `Association` holds."""

    challenge_octets: int
    """How long a challenge of ours is: 8 to 64."""

    def certificate(self, association: Association) -> bytes | None:
        """Our certificate for digital signature, in DER, for the other side; None where it is not to be sent."""

    def prove(self, association: Association) -> bytes:
        """Our answer to the other side's challenge."""

    def verify(self, proof: bytes, association: Association) -> bool:
        """Whether the other side's answer to our challenge holds; compared in constant time.

        Why not may be told in `association.remark`.
        """
