"""Whose public keys are believed: certificates that somebody has named or sent, and the authorities behind them.

Where authorities are named, a chain must lead from a certificate to one of them, and then one that was sent along is as
good as one that was named. Without authorities a named certificate is believed as it stands, and none that is sent.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocols.dlms.security.certificate import Certificate, Usage, read_certificate, verify_chain
from protocols.dlms.security.refused import RefusalKind, Refused, show_title


class Trust:
    """See the module.

    Args:
        certificates: of the other sides, of ourselves, of authorities in between; a later one goes before an earlier.
        authorities: whom everything must come from.
    """

    __slots__ = ("_authorities", "_between", "_by_owner")

    def __init__(self, certificates: Iterable[Certificate], authorities: Sequence[Certificate]) -> None:
        self._authorities = authorities
        self._between: list[Certificate] = []
        self._by_owner: dict[tuple[bytes, Usage], list[Certificate]] = {}
        for each in certificates:
            if each.usage is Usage.AUTHORITY:
                self._between.append(each)
            else:
                self._by_owner.setdefault((each.title, each.usage), []).insert(0, each)

    def certificate_of(self, title: bytes, usage: Usage, at: datetime, sent: bytes = b"") -> Certificate | Refused:
        """Somebody's certificate that holds, or why there is none.

        Args:
            title: whose.
            usage: what for.
            at: when, aware.
            sent: the certificate that they have sent along, in DER; judged where none that is named holds.
        """
        refused: Refused | None = None
        for each in self._by_owner.get((title, usage), ()):
            judged = self._judge(each, title, usage, at)
            if judged is None:
                return each
            refused = refused or judged
        if sent and self._authorities:
            found = read_certificate(sent)
            judged = found if isinstance(found, Refused) else self._judge(found, title, usage, at)
            if isinstance(found, Certificate) and judged is None:
                return found
            refused = judged
        if refused is not None:
            return refused
        why = "without authorities, the one that was sent is not believed" if sent else "none was sent"
        reason = f"no certificate of {show_title(title)} for {usage.value} is named, and {why}"
        return Refused(RefusalKind.CERTIFICATE, reason)

    def own(self, key: ec.EllipticCurvePublicKey, usage: Usage) -> Certificate | None:
        """The last certificate named that is for this public key: ours, where the key is."""
        named = (each for (_, purpose), each_of in self._by_owner.items() if purpose is usage for each in each_of)
        return next((each for each in named if _point(each.public_key) == _point(key)), None)

    def _judge(self, certificate: Certificate, title: bytes, usage: Usage, at: datetime) -> Refused | None:
        if self._authorities:
            between = self._between
            return verify_chain(certificate, self._authorities, at, authorities=between, usage=usage, title=title)
        if certificate.valid(at):
            return None
        return Refused(RefusalKind.CERTIFICATE, f"certificate {certificate.serial:X} is not valid at this time")


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
