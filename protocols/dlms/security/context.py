"""What one side shares with one other side: keys and their counters, and what every APDU must be protected with.

A context outlives connections and associations. New keys stand beside the old ones until the other side has used them:
then they are confirmed, the old ones are gone, and counting begins anew.
"""

from collections.abc import Callable, Sequence

from protocols.dlms.security.control import PROTECTED
from protocols.dlms.security.counter import InvocationCounter
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.opened import cipher_of
from protocols.dlms.security.policy import NO_POLICY, Policy
from protocols.secret import Secret


class KeySet:
    """Keys with their counters, by `KeyUse`.

    Args:
        keys: this side's.
        sent, received: lowest values not used yet; all from the start where left out.
    """

    __slots__ = ("keys", "received", "sent", "unicast", "usual")

    def __init__(
        self,
        keys: Keys,
        sent: Sequence[InvocationCounter] | None = None,
        received: Sequence[InvocationCounter] | None = None,
    ) -> None:
        self.keys = keys
        self.sent = sent or [InvocationCounter() for _ in KeyUse]
        self.received = received or [InvocationCounter() for _ in KeyUse]
        self.unicast = cipher_of(keys, KeyUse.UNICAST)
        # The security control byte of nearly all traffic, or one that nothing has where it cannot be.
        self.usual = PROTECTED | keys.suite.number if keys.authentication is not None else -1

    @property
    def lowest(self) -> list[int]:
        """The lowest counters accepted, by `KeyUse`."""
        return [each.lowest for each in self.received]


class SecurityContext:
    """See the module.

    Args:
        current: the keys in force.
        policy: the least protection that is accepted and given.
        control: what this side protects with where it is not answering: bits of the security control byte.
        other_title: the other side's system title where it is known beforehand, else empty.
        entropy: random octets, for the keys of single APDUs and for challenges.

    Attributes:
        certificate: our own for digital signature, in DER; empty where we have none.
        lacking: why the other side's public key for signatures is not there, one sentence; empty where it is.
        pending: keys that the other side has been given and has not used yet.
        confirmed: called when it has.
    """

    __slots__ = (
        "_dedicated",
        "certificate",
        "confirmed",
        "control",
        "current",
        "entropy",
        "lacking",
        "other_title",
        "pending",
        "policy",
    )

    def __init__(
        self,
        current: KeySet,
        policy: Policy = NO_POLICY,
        *,
        control: int = PROTECTED,
        other_title: bytes = b"",
        entropy: Callable[[int], bytes] | None = None,
    ) -> None:
        self.current = current
        self.policy = policy
        self.control = control
        self.other_title = other_title
        self.entropy = entropy
        self.certificate = b""
        self.lacking = ""
        self.pending: KeySet | None = None
        self.confirmed: Callable[[], None] | None = None
        self._dedicated: Secret | None = None

    def begin_dedicated(self, key: Secret) -> None:
        """An association with a dedicated key begins: the other side counts anew, unless the key is the last one."""
        if key != self._dedicated:
            self._dedicated = key
            self.current.received[KeyUse.DEDICATED].lowest = 0

    def confirm(self) -> None:
        """The other side has used the pending keys: they are the only ones from now on."""
        if self.pending is not None:
            self.current, self.pending = self.pending, None
            if self.confirmed is not None:
                self.confirmed()
