"""Who pushes: meters by system title or device id, the keys that open what they send, and the counters that it used.

Pure. Encryption without authentication, which is what Indian meters push with, opens with any key; that it was the
right one shows in what comes out. A title that nobody knows is learned when its payload names a meter whose key it is.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Final, NamedTuple

from gateway.push.payload import MalformedPushError, device_id_of, split_payload
from gateway.push.tap import Notification
from gateway.service.unit import Unit
from protocols.dlms.ciphered import (
    GENERAL_CIPHERING,
    PLAIN_TAGS,
    GeneralCiphering,
    GeneralDedCiphering,
    GeneralGloCiphering,
)
from protocols.dlms.notification import (
    DATA_NOTIFICATION,
    EVENT_NOTIFICATION_REQUEST,
    DataNotification,
    DataNotificationConfirm,
    EventNotificationRequest,
)
from protocols.dlms.security.control import AUTHENTICATED, ENCRYPTED, PROTECTED
from protocols.dlms.security.counter import InvocationCounter
from protocols.dlms.security.envelope import protect_general_glo, unprotect
from protocols.dlms.security.form import CIPHERED_TAGS
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.opened import NO_COUNTERS, Opened
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.security.suite import SUITES
from protocols.dlms.value import skip
from protocols.errors import RemoteProtocolError
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load

PUSH_CLIENT: Final = 64
CONFIRMED_BIT: Final = 1 << 30
"""The service class in long-invoke-id-and-priority."""

OPENED_MAX: Final = 4
"""Pushes of one meter that are known again by their octets: it tries few at once."""

KEYS_TRIED_MAX: Final = 8
"""Different keys tried on a title that nobody knows; a fleet has one, or one a meter with its title on record."""

NAMING_MODELS: Final = ("is15959-d1", "is15959-d2")
"""How a meter whose model is not said makes its names."""


_DECODERS: Final[dict[int, Callable[[bytes], Notification]]] = {
    DATA_NOTIFICATION: DataNotification.decode,
    EVENT_NOTIFICATION_REQUEST: EventNotificationRequest.decode,
}


class Counted(NamedTuple):
    """An invocation counter that a push has used, and under which name the last one of its kind is remembered."""

    name: str
    counter: int


class Letter(NamedTuple):
    """A push that was opened.

    Attributes:
        unit: whose it is.
        notification: what was pushed.
        control: the security control byte it came with; 0 in clear.
        counted: its invocation counter; None where it has none, or perhaps nobody has encrypted it.
    """

    unit: Unit
    notification: Notification
    control: int
    counted: Counted | None = None

    @property
    def wants_confirmation(self) -> bool:
        """Whether the meter tries again until it is confirmed."""
        pushed = self.notification
        return isinstance(pushed, DataNotification) and bool(pushed.long_invoke & CONFIRMED_BIT)


class _Read(NamedTuple):
    """What came out of a ciphered push, and whether the key was surely the right one.

    Where nothing is authenticated, that shows in a payload that is whole; else anybody could use a meter's counters up.
    """

    opened: Opened
    notification: Notification
    sure: bool


class _KeySet:
    """Keys that a meter may push with, and the counters that it has used with them."""

    __slots__ = ("keys", "name", "received")

    def __init__(self, keys: Keys, name: str) -> None:
        self.keys = keys
        self.name = name
        self.received = [InvocationCounter() for _ in KeyUse]


class _Sender:
    """One meter as it pushes.

    Attributes:
        unit: the meter.
        title: its system title, as its configuration or its model says it.
        sets: keys that may be in force, those of the last push first: which ones an association has is the meter's
            matter, and a rotation of keys may be under way.
        sent: the invocation counter of what we send.
        opened: pushes that asked for a confirmation, by their octets: a meter whose confirmation was lost may send the
            very same ones again, with a counter that has been used.
    """

    __slots__ = ("opened", "sent", "sets", "title", "unit")

    def __init__(self, unit: Unit, title: bytes) -> None:
        self.unit = unit
        self.title = _names(unit)[0][1]
        self.sets = _key_sets(unit, title)
        shared = None if unit.credentials is None else unit.credentials.shared
        # The keys are those of the associations, under the same title: one counter, or a nonce would come twice.
        self.sent = InvocationCounter(1) if shared is None else shared.counter
        self.opened: dict[bytes, Letter] = {}

    def keep(self, apdu: bytes, letter: Letter) -> Letter:
        """Know a push again that asks for a confirmation."""
        if letter.wants_confirmation:
            if len(self.opened) >= OPENED_MAX:
                del self.opened[next(iter(self.opened))]
            self.opened[apdu] = letter
        return letter

    @property
    def must_cipher(self) -> bool:
        """Whether its model pushes under a key."""
        model = self.unit.model
        association = None if model is None else model.associations.get(PUSH_CLIENT)
        return association is not None and bool(association.security)


def _key_sets(unit: Unit, title: bytes) -> list[_KeySet]:
    """The keys in force, and those that are to follow."""
    found: list[_KeySet] = []
    for named in (unit.secrets, unit.configured):
        secrets = {**SECRETS_DEFAULT, **named}
        keys = Keys(
            suite=SUITES[unit.config.suite or 0],
            title=title,
            block=secrets["block"],
            authentication=secrets.get("authentication"),
            broadcast=secrets.get("broadcast"),
            master=secrets.get("master"),
        )
        if all(keys != each.keys for each in found):
            digest = blake2b(secrets["block"].reveal(), digest_size=8, person=b"pushed with").hexdigest()
            found.append(_KeySet(keys, f"pushed {digest}"))
    return found


class Senders:
    """All meters that may push.

    Args:
        title: the gateway's own system title.
        refuse_replayed: whether a counter that was used before is refused.
    """

    def __init__(self, title: bytes, *, refuse_replayed: bool = True) -> None:
        self._title = title
        self._refuse_replayed = refuse_replayed
        self._by_id: dict[str, _Sender] = {}
        self._by_title: dict[bytes, _Sender] = {}
        self._by_device: dict[str, _Sender] = {}

    def adopt(self, units: Iterable[Unit]) -> None:
        """These are our meters now; what is known of those that were there already stays."""
        known = self._by_id
        self._by_id, self._by_title, self._by_device = {}, {}, {}
        for unit in units:
            old = known.get(unit.id)
            sender = old if old is not None and old.unit is unit else _Sender(unit, self._title)
            self._by_id[unit.id] = sender
            for device_id, title in _names(unit):
                self._by_device[device_id] = sender
                self._by_title[title] = sender

    def unit(self, meter: str) -> Unit | None:
        """One of our meters."""
        sender = self._by_id.get(meter)
        return None if sender is None else sender.unit

    def open(self, apdu: bytes, meter: str | None = None) -> Letter | Refused:
        """What an APDU from a meter holds, and whose it is; or why it is not taken.

        Args:
            apdu: in clear or ciphered.
            meter: whose line it came over, where only that meter is there.
        """
        tag = apdu[0] if apdu else 0
        if tag in _DECODERS:
            return self._in_clear(apdu, meter)
        if tag not in CIPHERED_TAGS:
            return Refused(RefusalKind.MALFORMED, f"APDU {tag:02X} is no push")
        alone = None if meter is None else self._by_id.get(meter)
        if tag in PLAIN_TAGS and alone is not None:
            return self._open_with(alone, apdu, alone.title)
        try:
            title = _title_of(apdu)
        except RemoteProtocolError as error:
            return Refused(RefusalKind.MALFORMED, f"no push: {error}")
        sender = self._by_title.get(title)
        if sender is not None:
            return self._open_with(sender, apdu, title)
        found = self._open_unknown(apdu, title)
        return found if alone is None or isinstance(found, Letter) else self._open_alone(alone, apdu, title)

    def confirmation(self, letter: Letter) -> bytes:
        """The APDU that confirms a push, protected as that was.

        Raises:
            LocalProtocolError: the counter is used up.
        """
        assert isinstance(letter.notification, DataNotification)  # noqa: S101 (nothing else wants a confirmation)
        plain = DataNotificationConfirm(letter.notification.long_invoke, b"").encode()
        if not letter.control & PROTECTED:
            return plain
        sender = self._by_id[letter.unit.id]
        return protect_general_glo(sender.sets[0].keys, letter.control & PROTECTED, sender.sent.take(), plain)

    # How it is opened

    def _in_clear(self, apdu: bytes, meter: str | None) -> Letter | Refused:
        notification = _notification(apdu)
        if isinstance(notification, Refused):
            return notification
        sender = self._named(notification)
        if sender is None and meter is not None:
            sender = self._by_id.get(meter)
        if sender is None:
            return Refused(RefusalKind.TITLE, "a push in clear names no meter of this gateway")
        if sender.must_cipher:
            return Refused(RefusalKind.POLICY, f"meter {sender.unit.id} pushes in clear, where its model ciphers")
        return Letter(sender.unit, notification, 0)

    def _open_with(self, sender: _Sender, apdu: bytes, title: bytes) -> Letter | Refused:
        if (again := sender.opened.get(apdu)) is not None:
            return again
        found = self._read(sender.sets[0], apdu, title)
        for place, each in enumerate(sender.sets[1:], 1):
            if isinstance(found, _Read) and found.sure:
                break
            read = self._read(each, apdu, title)
            if isinstance(read, _Read) and read.sure:
                found = read
                sender.sets.insert(0, sender.sets.pop(place))
        if isinstance(found, Refused):
            return found
        opened, notification, sure = found
        if not opened.control & PROTECTED and sender.must_cipher:
            return Refused(RefusalKind.POLICY, f"meter {sender.unit.id} pushes unprotected, where its model ciphers")
        if not sure:
            return Letter(sender.unit, notification, opened.control)
        used = sender.sets[0]
        used.received[opened.key].raise_to(opened.counter + 1)
        counted = Counted(f"{used.name} {int(opened.key)}", opened.counter)
        return sender.keep(apdu, Letter(sender.unit, notification, opened.control, counted))

    def _read(self, key_set: _KeySet, apdu: bytes, title: bytes) -> _Read | Refused:
        lowest = [each.lowest for each in key_set.received] if self._refuse_replayed else NO_COUNTERS
        opened = unprotect(apdu, key_set.keys, title, counters=lowest)
        if isinstance(opened, Refused):
            return opened
        notification = _notification(opened.apdu)
        if isinstance(notification, Refused):
            return notification
        encrypted = bool(opened.control & ENCRYPTED)
        return _Read(
            opened, notification, bool(opened.control & AUTHENTICATED) or (encrypted and _is_whole(notification))
        )

    def _open_unknown(self, apdu: bytes, title: bytes) -> Letter | Refused:
        """Try the keys there are; the payload must name a meter that has the key."""
        tried: list[Keys] = []
        for keys in (each.keys for candidate in self._by_id.values() for each in candidate.sets):
            if keys in tried:
                continue
            tried.append(keys)
            opened = unprotect(apdu, keys, title)
            notification = opened if isinstance(opened, Refused) else _notification(opened.apdu)
            named = None if isinstance(notification, Refused) else self._named(notification)
            if named is not None and any(keys == each.keys for each in named.sets):
                self._by_title[title] = named
                return self._open_with(named, apdu, title)
            if len(tried) >= KEYS_TRIED_MAX:
                break
        return Refused(RefusalKind.TITLE, f"system title {title.hex().upper()} is of no meter of this gateway")

    def _open_alone(self, sender: _Sender, apdu: bytes, title: bytes) -> Letter | Refused:
        """Nobody else is on this line: a title that its keys surely open is its own, whatever the payload says."""
        letter = self._open_with(sender, apdu, title)
        if isinstance(letter, Letter) and letter.counted is None:
            return Refused(RefusalKind.TITLE, f"system title {title.hex().upper()} is not known, and no key opens it")
        if isinstance(letter, Letter):
            self._by_title[title] = sender
        return letter

    def _named(self, notification: Notification) -> _Sender | None:
        if isinstance(notification, EventNotificationRequest):
            return None
        try:
            device_id = device_id_of(split_payload(notification.body))
        except MalformedPushError:
            return None
        return None if device_id is None else self._by_device.get(device_id)


def _is_whole(notification: Notification) -> bool:
    try:
        if isinstance(notification, EventNotificationRequest):
            return skip(notification.value, 0) == len(notification.value)
        split_payload(notification.body)
    except (MalformedPushError, RemoteProtocolError):
        return False
    return True


def _notification(apdu: bytes) -> Notification | Refused:
    decoder = _DECODERS.get(apdu[0]) if apdu else None
    if decoder is None:
        return Refused(RefusalKind.MALFORMED, "what was opened is no push: the key is perhaps a wrong one")
    try:
        return decoder(apdu)
    except RemoteProtocolError as error:
        return Refused(RefusalKind.MALFORMED, f"what was opened is no push ({error}): the key is perhaps a wrong one")


def _title_of(apdu: bytes) -> bytes:
    """The system title that a ciphered APDU states."""
    if apdu[0] == GENERAL_CIPHERING:
        return GeneralCiphering.decode(apdu).header.originator_system_title
    if apdu[0] == GeneralGloCiphering.tag:
        return GeneralGloCiphering.decode(apdu).system_title
    if apdu[0] == GeneralDedCiphering.tag:
        return GeneralDedCiphering.decode(apdu).system_title
    raise RemoteProtocolError("a service-specific form states no system title")


def _names(unit: Unit) -> list[tuple[str, bytes]]:
    """Device ids and system titles that a meter may push under."""
    config = unit.config
    models = [unit.model] if unit.model is not None else [load(each) for each in NAMING_MODELS]
    titles = [each.identity.system_title(unit.id) for each in models]
    if config.system_title is not None:
        titles = [bytes.fromhex(config.system_title)]
    devices = [each.identity.device_id(unit.id) for each in models] if config.device_id is None else [config.device_id]
    return [(device_id, title) for device_id in (*devices, unit.id) for title in titles]
