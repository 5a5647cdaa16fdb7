"""The keys of one security setup, towards each client whose association refers to it.

Keys that were changed stand beside the old ones until a client has used them; then the old ones are gone, for all
clients of the setup, and counting begins anew. A master key is used when it wraps. Where nobody but the meter sends, as
in a setup of pushes, nobody could use them first: they are in force at once. The counters of what the meter sends
belong to the keys, those of what it has received to the client. All of it survives a restart, in one note for the keys
and one for each counter.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from emulator.book import Book
from emulator.keys.certificate_store import CertificateStore, Works
from protocols.dlms.security.agreement import agree, ephemeral_key, open_ephemeral, signed_ephemeral
from protocols.dlms.security.certificate import Usage
from protocols.dlms.security.context import KeySet, SecurityContext
from protocols.dlms.security.control import PROTECTED
from protocols.dlms.security.counter import InvocationCounter
from protocols.dlms.security.key_wrap import unwrap_key
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.policy import NO_POLICY, Policy
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.security.suite import Suite
from protocols.secret import Secret

NAMES: Final = {0: "block", 1: "broadcast", 2: "authentication", 3: "master"}
"""The keys of a transfer by key_id, as the configuration names them."""

FIRST_SENT: Final = 1
"""Some clients take for granted that a meter has counted before, and refuse a first 0."""


class Setup(NamedTuple):
    """What a ring is of.

    Attributes:
        name: of the security setup, or of a client without one.
        suite: in force.
        title: the meter's system title.
        asked: by client SAP: bits of the security control byte that the association itself asks for.
        pushed: whether only the meter sends, in associations that nobody has to ask for.
    """

    name: str
    suite: Suite
    title: bytes
    asked: Mapping[int, int]
    pushed: bool = False


class Ring:
    """See the module.

    Args:
        setup: what it is of.
        works: the keys that a client's association had from the works, or that the bench file names.
        pairs: certificates likewise.
        book: where what must survive is kept.
        entropy: random octets.
    """

    __slots__ = (
        "_book",
        "_changed",
        "_contexts",
        "_generation",
        "_pending",
        "_policy",
        "_sent",
        "_works",
        "certificates",
        "entropy",
        "setup",
    )

    def __init__(
        self,
        setup: Setup,
        works: Callable[[int], Mapping[str, Secret]],
        pairs: Works,
        book: Book,
        entropy: Callable[[int], bytes] | None,
    ) -> None:
        self.setup = setup
        self._works = works
        self._book = book
        self.entropy = entropy
        self._contexts: dict[int, SecurityContext] = {}
        self._policy = NO_POLICY
        self._generation = 0
        self._changed: dict[str, Secret] = {}
        self._pending: dict[str, Secret] | None = None
        self._restore()
        self._sent = self._counters("sent", self._generation, FIRST_SENT)
        pairs = pairs._replace(secrets=works(next(iter(setup.asked))))
        self.certificates = CertificateStore(setup.name, setup.suite, setup.title, pairs, book)

    # ---- what survives

    def _restore(self) -> None:
        kept = self._book.get(f"keys {self.setup.name}")
        if kept is not None:
            found = json.loads(kept)
            self._generation = found["generation"]
            self._changed = _secrets(found["changed"])
            self._pending = None if found["pending"] is None else _secrets(found["pending"])

    def _keep(self) -> None:
        pending = None if self._pending is None else _digits(self._pending)
        kept = {"generation": self._generation, "changed": _digits(self._changed), "pending": pending}
        self._book.put(f"keys {self.setup.name}", json.dumps(kept, separators=(",", ":")))

    def _counters(self, whose: str, generation: int, first: int = 0) -> list[InvocationCounter]:
        return [self._counter(f"counter {self.setup.name} {generation} {whose} {use.name}", first) for use in KeyUse]

    def _counter(self, name: str, first: int) -> InvocationCounter:
        if not self._book.keeps:
            return InvocationCounter(first)
        kept = self._book.get(name)
        return InvocationCounter(first if kept is None else int(kept), lambda lowest: self._book.put(name, str(lowest)))

    # ---- contexts

    def context(
        self, client: int, client_title: bytes = b"", at: datetime | None = None, sent: bytes = b""
    ) -> SecurityContext | None:
        """What a client shares with the meter; None where it has no block cipher key.

        Args:
            client: its SAP.
            client_title: its system title, for whose public keys the certificates are asked.
            at: now, by the meter's clock.
            sent: its certificate for digital signature, where it has sent one.
        """
        context = self._contexts.get(client)
        if context is None:
            keys = self._keys(client, {})
            if keys is None:
                return None
            context = self._contexts[client] = self._new_context(client, keys)
        if self.setup.suite.curve is not None and client_title and at is not None:
            self._know(context, client_title, at, sent)
        return context

    def _new_context(self, client: int, keys: Keys) -> SecurityContext:
        asked = self.setup.asked[client]
        current = KeySet(keys, self._sent, self._counters(str(client), self._generation))
        policy = self._policy.with_request(asked)
        context = SecurityContext(current, policy, control=asked or PROTECTED, entropy=self.entropy)
        context.confirmed = lambda: self._confirmed(context)
        if self._pending is not None:
            context.pending = self._pending_set(client, self._counters("sent", self._generation + 1, FIRST_SENT))
        return context

    def _keys(self, client: int, pending: Mapping[str, Secret]) -> Keys | None:
        secrets = {**self._works(client), **self._changed, **pending}
        if "block" not in secrets:
            return None
        pairs = self.certificates
        return Keys(
            suite=self.setup.suite,
            title=self.setup.title,
            block=secrets["block"],
            authentication=secrets.get("authentication"),
            broadcast=secrets.get("broadcast"),
            master=secrets.get("master"),
            signing_key=pairs.private_key(Usage.DIGITAL_SIGNATURE),
            agreement_key=pairs.private_key(Usage.KEY_AGREEMENT),
        )

    def _know(self, context: SecurityContext, title: bytes, at: datetime, sent: bytes) -> None:
        """The client's public keys and our own pairs, as the certificates have them now."""
        context.other_title = title
        pairs = self.certificates
        context.certificate = pairs.own()
        signs = pairs.public_key(title, Usage.DIGITAL_SIGNATURE, at, sent)
        agrees = pairs.public_key(title, Usage.KEY_AGREEMENT, at)
        context.lacking = signs.reason if isinstance(signs, Refused) else ""
        for keyset in (context.current, context.pending):
            if keyset is not None:
                keyset.keys = replace(
                    keyset.keys,
                    signing_key=pairs.private_key(Usage.DIGITAL_SIGNATURE),
                    agreement_key=pairs.private_key(Usage.KEY_AGREEMENT),
                    other_signing_key=None if isinstance(signs, Refused) else signs,
                    other_agreement_key=None if isinstance(agrees, Refused) else agrees,
                )

    def last_counter(self, client: int) -> int:
        """The last counter that a client has used with its unicast key, 0 before the first."""
        context = self.context(client)
        return 0 if context is None else max(0, context.current.received[KeyUse.UNICAST].lowest - 1)

    def last_sent(self) -> int:
        """The last counter that the meter has used with the unicast key, 0 before the first."""
        return max(0, self._sent[KeyUse.UNICAST].lowest - 1)

    def lose_received(self) -> None:
        """Forget what clients have used: what some meters do when their supply goes."""
        for context in self._contexts.values():
            for counter in context.current.received:
                counter.lowest = 0

    def set_policy(self, policy: Policy) -> None:
        """Ask for this from now on, beside what each association asks for."""
        self._policy = policy
        for client, context in self._contexts.items():
            context.policy = policy.with_request(self.setup.asked[client])

    # ---- new keys

    def unwrapped(self, rows: list[tuple[int, bytes]]) -> dict[str, Secret] | Refused:
        """The keys of a transfer: (key_id, wrapped key) each; all of them or a refusal."""
        now = {**self._works(next(iter(self.setup.asked))), **self._changed}.get("master")
        fresh = (self._pending or {}).get("master")
        masters = [each for each in (fresh, now) if each is not None]
        found: dict[str, Secret] = {}
        used_fresh = False
        for key_id, wrapped in rows:
            name = NAMES.get(key_id)
            key: Secret | Refused = Refused(RefusalKind.KEY, f"there is no key {key_id}, or no master key")
            for master in masters if name is not None else ():
                key = unwrap_key(master, wrapped)
                if isinstance(key, Secret):
                    used_fresh |= master is fresh
                    break
            if name is None or isinstance(key, Refused):
                return key if isinstance(key, Refused) else Refused(RefusalKind.KEY, f"there is no key {key_id}")
            found[name] = key
        checked = self._checked(found)
        if used_fresh and isinstance(checked, dict):
            self._confirm_master()
        return checked

    def _confirm_master(self) -> None:
        """The new master key has wrapped: the old one is gone. What else is pending waits on."""
        pending = dict(self._pending or {})
        self._changed = {**self._changed, "master": pending.pop("master")}
        self._pending = pending or None
        self._keep()
        for client, context in self._contexts.items():
            keys = self._keys(client, {})
            if keys is not None:
                context.current.keys = replace(context.current.keys, master=keys.master)
            if not pending:
                context.pending = None

    def agreed(self, rows: list[tuple[int, bytes]], client: int) -> tuple[dict[str, Secret], list[bytes]] | Refused:
        """The keys of an agreement: (key_id, the client's signed ephemeral key) each.

        Returns:
            The new keys, and the meter's own signed ephemeral keys in the same order; or why there are none.
        """
        context, suite = self._contexts.get(client), self.setup.suite
        keys = None if context is None else context.current.keys
        if context is None or keys is None or keys.other_signing_key is None or keys.signing_key is None:
            return Refused(RefusalKind.KEY, f"security suite {suite.number} has no key agreement here")
        if self.entropy is None or suite.curve is None:
            return Refused(RefusalKind.KEY, f"security suite {suite.number} has no key agreement")
        found: dict[str, Secret] = {}
        answers: list[bytes] = []
        for key_id, data in rows:
            name, prefix = NAMES.get(key_id), bytes((key_id,))
            other = open_ephemeral(suite, data, keys.other_signing_key, prefix)
            if name is None or isinstance(other, Refused):
                return other if isinstance(other, Refused) else Refused(RefusalKind.KEY, f"there is no key {key_id}")
            own = ephemeral_key(suite, self.entropy)
            found[name] = agree(suite, own, other, originator=context.other_title, recipient=self.setup.title)
            answers.append(signed_ephemeral(suite, own, keys.signing_key, prefix))
        return found, answers

    def _checked(self, found: dict[str, Secret]) -> dict[str, Secret] | Refused:
        try:
            for name, key in found.items():
                self.setup.suite.check(name, key)
        except ValueError as error:
            return Refused(RefusalKind.KEY, str(error))
        return found or Refused(RefusalKind.KEY, "no key was sent")

    def change(self, keys: Mapping[str, Secret]) -> None:
        """New keys: they count beside the old ones until a client uses them."""
        self._pending = {**(self._pending or {}), **keys}
        self._keep()
        sent = self._counters("sent", self._generation + 1, FIRST_SENT)
        for client in self.setup.asked:
            context = self.context(client)
            if context is not None:
                context.pending = self._pending_set(client, sent)
                if context.pending is not None:
                    now = context.current.keys
                    context.pending.keys = replace(
                        context.pending.keys,
                        other_signing_key=now.other_signing_key,
                        other_agreement_key=now.other_agreement_key,
                    )
                if self.setup.pushed:
                    context.confirm()

    def _pending_set(self, client: int, sent: list[InvocationCounter]) -> KeySet | None:
        keys = self._keys(client, self._pending or {})
        return None if keys is None else KeySet(keys, sent, self._counters(str(client), self._generation + 1))

    def _confirmed(self, by: SecurityContext) -> None:
        """A client has used the new keys: the old ones are gone, for every client of the setup."""
        self._changed = {**self._changed, **(self._pending or {})}
        self._pending = None
        self._generation += 1
        self._sent = list(by.current.sent)
        self._keep()
        for context in self._contexts.values():
            if context is not by and context.pending is not None:
                context.current, context.pending = context.pending, None


def _digits(keys: Mapping[str, Secret]) -> dict[str, str]:
    return {name: key.reveal().hex() for name, key in keys.items()}


def _secrets(digits: Mapping[str, str]) -> dict[str, Secret]:
    return {name: Secret(bytes.fromhex(text)) for name, text in digits.items()}
