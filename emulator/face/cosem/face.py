"""One meter as a COSEM logical device: the `Application` that a DLMS server calls.

A face holds its meter, its model's plan, and what was written to attributes that mean nothing to the meter itself.
Access rights are enforced here, by a client's view having the entry or not.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from emulator.face.cosem import association_users, note
from emulator.face.cosem.access import parameter_fits
from emulator.face.cosem.image_transfer import resume as resume_images
from emulator.face.cosem.place import shown
from emulator.face.cosem.plan import Plan, View, plan_of
from emulator.face.cosem.security_setup import resume
from protocols.dlms.conformance import Conformance
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import NULL, Value, decode, encode, structure
from protocols.errors import RemoteProtocolError
from protocols.model.cosem_object import Fixed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from emulator.errand.firmware import ImageTransfer
    from emulator.face.cosem.host import Host
    from emulator.keys.keyring import Keyring
    from protocols.address import MeterAddress
    from protocols.dlms.application import Association, AssociationProfile, ShortName
    from protocols.dlms.selection import Selection
    from protocols.model.cosem_object import CosemObject
    from protocols.model.meter_model import MeterModel
    from protocols.secret import Secret

LLS_SECRET_CHANGED: Final = 161
HLS_KEY_CHANGED: Final = 162
FIRMWARE_KEY_CHANGED: Final = 163
"""What the transaction log of an IS 15959 meter keeps of it."""

FIRMWARE_CLIENT: Final = 80
"""Whose HLS secret has a code of its own."""

ALL_ATTRIBUTES: Final = 0
"""An attribute's number that stands for all of an object's, where conformance has it."""

_NO_MEMORY: dict[tuple[int, bytes, int], bytes] = {}
"""What a face remembers before anything was written: shared by all, never written to."""


_NO_COUNTERS: dict[int, int] = {}
"""The same for counters of ciphered requests."""

_NO_IMAGES: dict[bytes, ImageTransfer] = {}
"""The same for image transfers."""


_NO_CONFIRMATIONS: dict[bytes, int] = {}
"""The same for pushes that were confirmed."""


class TrueTime(Protocol):
    """Where true time comes from: the bench's clock."""

    def true_ms(self, now_us: int) -> int:
        """True time at an instant of link time."""


class CosemFace:
    """One meter's COSEM face.

    Args:
        meter: the meter.
        model: its model.
        clock: maps link time to true time.
        secrets: keys that a bench file names, by the names of the configuration's `keys`; the bench's public ones
            count for the rest.

    Attributes:
        images: image transfers that somebody has asked for, by logical name.
        push: pushes what a setup says, by its logical name, now; None while nobody does.
        places: where it listens.
        confirmed_ms: when the last push of a setup was confirmed, true time.
    """

    __slots__ = (
        "_profiles",
        "_put",
        "_required",
        "_true_ms",
        "_views",
        "confirmed_ms",
        "images",
        "invocation_counters",
        "keyring",
        "memory",
        "meter",
        "places",
        "plan",
        "push",
    )

    def __init__(
        self, meter: Host, model: MeterModel, clock: TrueTime, secrets: Mapping[str, Secret] | None = None
    ) -> None:
        self.meter = meter
        self.plan: Plan = plan_of(model)
        self.memory = _NO_MEMORY
        self.invocation_counters: Mapping[int, int] = _NO_COUNTERS
        self.keyring: Keyring | None = None
        self.images: Mapping[bytes, ImageTransfer] = _NO_IMAGES
        self.push: Callable[[bytes, int], bool] | None = None
        self.confirmed_ms = _NO_CONFIRMATIONS
        self.places: Sequence[MeterAddress] = ()
        self._true_ms = clock.true_ms
        self._views = self.plan.views
        self._profiles = self.plan.profiles(secrets or {})
        self._required: Mapping[int, int] = self.plan.required
        self._put: Callable[[str, str], None] | None = None

    def clock_at(self, now_us: int) -> datetime:
        """What the meter's clock says at an instant of link time."""
        return datetime.fromtimestamp(self.meter.clock.reading(self._true_ms(now_us)).utc_ms / 1000, UTC)

    def associations(self) -> Mapping[int, AssociationProfile]:
        """What the meter offers, by client SAP."""
        return self._profiles

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
        client = association.client
        view = self._views[client]
        key = (class_id, instance, attribute)
        source = view.readers.get(key)
        if source is None or self._required[client] & ~association.security:
            if attribute == ALL_ATTRIBUTES and association.conformance & Conformance.ATTRIBUTE_0_SUPPORTED_WITH_GET:
                return self._get_all(association, class_id, instance, now_us)
            return _why_not(view, class_id, instance)
        if selection is not None and key not in view.selective:
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        if isinstance(source, bytes):
            return source
        return source(self, self._true_ms(now_us), selection, association)

    def _get_all(
        self, association: Association, class_id: int, instance: bytes, now_us: int
    ) -> bytes | DataAccessResult:
        """All attributes as one structure; those that the client may not read are null-data."""
        view = self._views[association.client]
        if class_id not in view.objects.get(instance, ()):
            return _why_not(view, class_id, instance)
        values = []
        for number in view.attributes[class_id, instance]:
            value = self.get(association, class_id, instance, number, None, now_us)
            values.append(value if isinstance(value, bytes) else encode(NULL))
        return structure(values)

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
        """Write one attribute."""
        view = self._views[association.client]
        entry = view.writers.get((class_id, instance, attribute))
        if entry is None or self._required[association.client] & ~association.security:
            return _why_not(view, class_id, instance)
        if selection is not None:
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        try:
            decoded = decode(value)
        except RemoteProtocolError:
            return DataAccessResult.TYPE_UNMATCHED
        kind, writer = entry
        if kind is not None and not kind.matches(decoded):
            return DataAccessResult.TYPE_UNMATCHED
        at_ms = self._true_ms(now_us)
        self.meter.advance(at_ms)
        return writer(self, at_ms, decoded, association)

    def action(
        self,
        association: Association,
        class_id: int,
        instance: bytes,
        method: int,
        parameter: bytes | None,
        now_us: int,
    ) -> tuple[ActionResult, bytes | DataAccessResult | None]:
        """Invoke one method."""
        view = self._views[association.client]
        entry = view.methods.get((class_id, instance, method))
        if entry is None or self._required[association.client] & ~association.security:
            return ActionResult(int(_why_not(view, class_id, instance))), None
        try:
            decoded: Value = NULL if parameter is None else decode(parameter)
        except RemoteProtocolError:
            return ActionResult.TYPE_UNMATCHED, None
        kind, executor = entry
        if kind is not None and not parameter_fits(kind, decoded):
            return ActionResult.TYPE_UNMATCHED, None
        at_ms = self._true_ms(now_us)
        self.meter.advance(at_ms)
        return executor(self, at_ms, decoded, association)

    def resolve(self, name: int, association: Association) -> ShortName | None:
        """What a short name stands for to this client, or None."""
        return self.plan.short_names.get(association.client, {}).get(name)

    def remember(self, key: tuple[int, bytes, int], encoded: bytes) -> None:
        """Keep what was written to an attribute that the meter itself does not know."""
        if self.memory is _NO_MEMORY:
            self.memory = {}
        if self._put is not None:
            self._put(note.written_note(key), encoded.hex())
        self.memory[key] = encoded

    def begin_with(self, key: tuple[int, bytes, int], encoded: bytes) -> None:
        """What an attribute holds before anybody writes it, where a bench says otherwise than the model."""
        if self.memory is _NO_MEMORY:
            self.memory = {}
        self.memory.setdefault(key, encoded)

    def hold(self, cosem_object: CosemObject, number: int, value: Value) -> None:
        """Keep a value of an attribute that the model only fixes."""
        self.remember((cosem_object.class_id, cosem_object.logical_name.octets, number), encode(value))

    def held(self, cosem_object: CosemObject, number: int, places: Sequence[MeterAddress] | None = None) -> Value:
        """What such an attribute holds: what was written, else what it shows of the meter's place, else the model's.

        Args:
            cosem_object: whose.
            number: the attribute's.
            places: instead of all where the meter listens.
        """
        class_id, where = cosem_object.class_id, self.places if places is None else places
        value = self.recall((class_id, cosem_object.logical_name.octets, number)) or shown(class_id, number, where)
        if value is not None:
            return value
        source = cosem_object.attributes.get(number)
        return source.value if isinstance(source, Fixed) else NULL

    def recall(self, key: tuple[int, bytes, int]) -> Value | None:
        """What was remembered under a key."""
        encoded = self.memory.get(key)
        return None if encoded is None else decode(encoded)

    def change_secret(self, client: int, name: str, secret: Secret, at_ms: int) -> None:
        """A new password or key for one association, from its next AARQ on."""
        if self._put is not None:
            self._put(note.secret_note(client, name), secret.reveal().hex())
        self._change(client, {name: secret})
        high = FIRMWARE_KEY_CHANGED if client == FIRMWARE_CLIENT else HLS_KEY_CHANGED
        self.meter.log_transaction(at_ms, LLS_SECRET_CHANGED if name == "lls" else high)

    def require(self, clients: Iterable[int], security: int) -> None:
        """Ask these clients for more: bits of the security control byte that each request must have."""
        raised = {client: self._required[client] | security for client in clients}
        self._required = {**self._required, **raised}

    def admit_users(self, client: int, users: Iterable[int]) -> None:
        """Let these users of a client associate and no others; everybody where they are none."""
        changed = replace(self._profiles[client], users=frozenset(users))
        self._profiles = {**self._profiles, client: changed}

    def _change(self, client: int, secrets: Mapping[str, Secret]) -> None:
        profile = self._profiles[client]
        changed = replace(profile, secrets={**profile.secrets, **secrets})
        self._profiles = {**self._profiles, client: changed}

    def keep(self, notes: Mapping[str, str], put: Callable[[str, str], None]) -> None:
        """Take up what was kept of an earlier run, and keep from now on what changes.

        Args:
            notes: what was kept, by name; those of others are left alone.
            put: keeps one note, durably, before it takes effect.
        """
        self._put = None
        for key, encoded in note.written(notes).items():
            self.remember(key, encoded)
        for client, secrets in note.secrets(notes).items():
            if client in self._profiles:
                self._change(client, secrets)
        resume(self)
        association_users.resume(self)
        resume_images(self, notes, put)
        self._put = put

    def invocation_counter(self, client: int) -> int:
        """The counter that the next ciphered request of a client must exceed."""
        return self.invocation_counters.get(client, 0)

    def last_event(self, log: str, at_ms: int) -> tuple[int, int]:
        """Code and sequence number of the newest event of a log; zeros while there is none."""
        entries = self.meter.event_log.entries(log, at_ms)
        if not entries:
            return 0, 0
        event = self.meter.event_log.rows(log, at_ms, entries, entries)[0]
        return event.code, event.sequence


def _why_not(view: View, class_id: int, instance: bytes) -> DataAccessResult:
    """Why an entry is not in a view."""
    classes = view.objects.get(instance)
    if classes is None:
        return DataAccessResult.OBJECT_UNDEFINED
    if class_id not in classes:
        return DataAccessResult.OBJECT_CLASS_INCONSISTENT
    return DataAccessResult.READ_WRITE_DENIED
