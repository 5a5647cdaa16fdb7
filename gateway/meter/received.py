"""The invocation counters that a meter has used towards us: what it sends with one that was used before is refused.

They are written down in the transaction that stores what its answers brought, so that after a restart, or a kill, an
answer that has had an effect can't have it again. Meters whose counters go back (a lost memory, a bench that was
started anew) are taken by configuration alone, and each association then counts from where the meter does: within it
nothing is taken twice, but what was recorded earlier may be.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.dlms.security.context import KeySet
    from protocols.secret import Secret


class Received:
    """See the module.

    Args:
        keyset: the keys with their counters.
        refuse: whether counters that were used in an earlier association are refused.
    """

    __slots__ = ("_counters", "_noted", "_tag", "refuse")

    def __init__(self, keyset: KeySet, *, refuse: bool) -> None:
        keys = keyset.keys
        self._counters = keyset.received
        self._tag = _tag(keys.block, keys.authentication)
        self._noted = ""
        self.refuse = refuse

    def begin(self) -> None:
        """An association begins."""
        if not self.refuse:
            for counter in self._counters:
                counter.lowest = 0

    def take_up(self, noted: str | None) -> None:
        """Go on where an earlier run has stopped; what was written down of other keys does not count."""
        tag, lowest = json.loads(noted) if noted else ("", ())
        if self.refuse and tag == self._tag:
            for counter, value in zip(self._counters, lowest, strict=True):
                counter.raise_to(value)

    def note(self) -> str | None:
        """What is to be written down now, None where that stands there already."""
        text = json.dumps([self._tag, [each.lowest for each in self._counters]])
        if not self.refuse or text == self._noted:
            return None
        self._noted = text
        return text


def _tag(block: Secret, authentication: Secret | None) -> str:
    """Tells one pair of keys from another, and says nothing of them."""
    digest = blake2b(digest_size=8, person=b"received with")
    digest.update(block.reveal() + b"\0" + (b"" if authentication is None else authentication.reveal()))
    return digest.hexdigest()
