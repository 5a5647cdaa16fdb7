"""Who pushes: meters by system title or device id, the keys that open what they send, and the counters that it used.

Pure. Encryption without authentication, which is what Indian meters push with, opens with any key; that it was the
right one shows in what comes out. A title that nobody knows is learned when its payload names a meter whose key it is.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from gateway.meter.push import MalformedPushError, device_id_of, split_payload
from gateway.unit import Unit
from protocols.dlms.ciphered import GENERAL_CIPHERING, GeneralCiphering, GeneralDedCiphering, GeneralGloCiphering
from protocols.dlms.notification import DATA_NOTIFICATION, DataNotification, DataNotificationConfirm
from protocols.dlms.security.control import AUTHENTICATED, ENCRYPTED, PROTECTED
from protocols.dlms.security.counter import InvocationCounter
from protocols.dlms.security.envelope import protect_general_glo, unprotect
from protocols.dlms.security.form import CIPHERED_TAGS
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.opened import NO_COUNTERS, Opened
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.security.suite import SUITES
from protocols.errors import RemoteProtocolError
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load

PUSH_CLIENT: Final = 64
CONFIRMED_BIT: Final = 1 << 30
"""The service class in long-invoke-id-and-priority."""

KEYS_TRIED_MAX: Final = 8
"""Different keys tried on a title that nobody knows; a fleet has one, or one a meter with its title on record."""

NAMING_MODELS: Final = ("is15959-d1", "is15959-d2")
"""How a meter whose model is not said makes its names."""


class Letter(NamedTuple):
    """A push that was opened.

    Attributes:
        unit: whose it is.
        notification: what was pushed.
        control: the security control byte it came with; 0 in clear.
    """

    unit: Unit
    notification: DataNotification
    control: int

    @property
    def wants_confirmation(self) -> bool:
        """Whether the meter tries again until it is confirmed."""
        return bool(self.notification.long_invoke & CONFIRMED_BIT)


class _Read(NamedTuple):
    """What came out of a ciphered push, and whether the key was surely the right one.

    Where nothing is authenticated, that shows in a payload that is whole; else anybody could use a meter's counters up.
    """

    opened: Opened
    notification: DataNotification
    sure: bool


class _Sender:
    """One meter as it pushes.

    Attributes:
        unit: the meter.
        keys: those that opened its last push.
        others: those that may be in force as well: which ones an association has is the meter's matter, and a rotation
            of keys may be under way.
        received, sent: invocation counters.
    """

    __slots__ = ("keys", "others", "received", "sent", "unit")

    def __init__(self, unit: Unit, title: bytes) -> None:
        self.unit = unit
        self.keys, *self.others = _key_sets(unit, title)
        self.received = [InvocationCounter() for _ in KeyUse]
        shared = None if unit.credentials is None else unit.credentials.shared
        # The keys are those of the associations, under the same title: one counter, or a nonce would come twice.
        self.sent = InvocationCounter(1) if shared is None else shared.counter

    @property
    def must_cipher(self) -> bool:
        """Whether its model pushes under a key."""
        model = self.unit.model
        association = None if model is None else model.associations.get(PUSH_CLIENT)
        return association is not None and bool(association.security)

    def prefer(self, keys: Keys) -> None:
        """These have opened a push."""
        self.others.remove(keys)
        self.others.append(self.keys)
        self.keys = keys


def _key_sets(unit: Unit, title: bytes) -> list[Keys]:
    """The keys in force, and those that are to follow."""
    found: list[Keys] = []
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
        if keys not in found:
            found.append(keys)
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

    def open(self, apdu: bytes) -> Letter | Refused:
        """What an APDU from a meter holds, and whose it is; or why it is not taken."""
        tag = apdu[0] if apdu else 0
        if tag == DATA_NOTIFICATION:
            return self._in_clear(apdu)
        if tag not in CIPHERED_TAGS:
            return Refused(RefusalKind.MALFORMED, f"APDU {tag:02X} is no push")
        try:
            title = _title_of(apdu)
        except RemoteProtocolError as error:
            return Refused(RefusalKind.MALFORMED, f"no push: {error}")
        sender = self._by_title.get(title)
        return self._open_unknown(apdu, title) if sender is None else self._open_with(sender, apdu, title)

    def confirmation(self, letter: Letter) -> bytes:
        """The APDU that confirms a push, protected as that was.

        Raises:
            LocalProtocolError: the counter is used up.
        """
        plain = DataNotificationConfirm(letter.notification.long_invoke, b"").encode()
        if not letter.control & PROTECTED:
            return plain
        sender = self._by_id[letter.unit.id]
        return protect_general_glo(sender.keys, letter.control & PROTECTED, sender.sent.take(), plain)

    # How it is opened

    def _in_clear(self, apdu: bytes) -> Letter | Refused:
        notification = _notification(apdu)
        if isinstance(notification, Refused):
            return notification
        sender = self._named(notification)
        if sender is None:
            return Refused(RefusalKind.TITLE, "a push in clear names no meter of this gateway")
        if sender.must_cipher:
            return Refused(RefusalKind.POLICY, f"meter {sender.unit.id} pushes in clear, where its model ciphers")
        return Letter(sender.unit, notification, 0)

    def _open_with(self, sender: _Sender, apdu: bytes, title: bytes) -> Letter | Refused:
        found = self._read(sender, apdu, title, sender.keys)
        for keys in () if isinstance(found, _Read) and found.sure else tuple(sender.others):
            read = self._read(sender, apdu, title, keys)
            if isinstance(read, _Read) and read.sure:
                found = read
                sender.prefer(keys)
                break
        if isinstance(found, Refused):
            return found
        opened, notification, sure = found
        if not opened.control & PROTECTED and sender.must_cipher:
            return Refused(RefusalKind.POLICY, f"meter {sender.unit.id} pushes unprotected, where its model ciphers")
        if sure:
            sender.received[opened.key].raise_to(opened.counter + 1)
        return Letter(sender.unit, notification, opened.control)

    def _read(self, sender: _Sender, apdu: bytes, title: bytes, keys: Keys) -> _Read | Refused:
        lowest = [each.lowest for each in sender.received] if self._refuse_replayed else NO_COUNTERS
        opened = unprotect(apdu, keys, title, counters=lowest)
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
        for candidate in self._by_id.values():
            if any(candidate.keys == keys for keys in tried):
                continue
            tried.append(candidate.keys)
            opened = unprotect(apdu, candidate.keys, title)
            notification = opened if isinstance(opened, Refused) else _notification(opened.apdu)
            named = None if isinstance(notification, Refused) else self._named(notification)
            if named is not None and named.keys == candidate.keys:
                self._by_title[title] = named
                return self._open_with(named, apdu, title)
            if len(tried) >= KEYS_TRIED_MAX:
                break
        return Refused(RefusalKind.TITLE, f"system title {title.hex().upper()} is of no meter of this gateway")

    def _named(self, notification: DataNotification) -> _Sender | None:
        try:
            device_id = device_id_of(split_payload(notification.body))
        except MalformedPushError:
            return None
        return None if device_id is None else self._by_device.get(device_id)


def _is_whole(notification: DataNotification) -> bool:
    try:
        split_payload(notification.body)
    except MalformedPushError:
        return False
    return True


def _notification(apdu: bytes) -> DataNotification | Refused:
    try:
        return DataNotification.decode(apdu)
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
