"""A meter of a few lines, for tests of the face alone: values in a dictionary, a clock that is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.face.cosem.face import CosemFace
from emulator.limiter import EmergencyProfile, LoadLimiter
from emulator.metering.activation import ActivationCourse, Entry
from emulator.metering.tariff import ActiveCalendar, Calendar
from emulator.relay import LoadSwitch
from emulator.timing.clock import ClockReading
from emulator.timing.zone import Zone, zone
from protocols.dlms.application import Association
from protocols.dlms.value import Value, decode
from protocols.machine import Peer
from protocols.model.activation import Activation
from protocols.model.meter_model import MeterModel

if TYPE_CHECKING:
    from emulator.payment.prepayment import Prepayment

NOON_MS = 1_730_097_000_000
"""2024-10-28 12:00 in India."""

MINUTE_MS = 60_000


@dataclass
class FakeClock:
    zone: Zone = field(default_factory=lambda: zone("Asia/Kolkata"))
    shift_ms: int = 0

    def accepts(self, utc_ms: int) -> bool:
        return 946_684_800_000 <= utc_ms < 4_102_444_800_000  # 2000 to 2099

    def reading(self, at_ms: int) -> ClockReading:
        utc_ms = at_ms + self.shift_ms
        return ClockReading(utc_ms, self.zone.offset_ms(utc_ms) // MINUTE_MS, self.zone.daylight(utc_ms), 0)


@dataclass
class FakeSwitch:
    connected: bool = True
    willing: bool = True

    def remote_disconnect(self, at_ms: int) -> bool:
        if self.willing:
            self.connected = False
        return self.willing

    def remote_reconnect(self, at_ms: int) -> bool:
        if self.willing:
            self.connected = True
        return self.willing


@dataclass
class FakeHistory:
    """Rows a quarter of an hour apart; each quantity is the row's number times a thousand."""

    kept: int = 10

    def stamp(self, number: int) -> int:
        return NOON_MS - (self.kept - number) * 15 * MINUTE_MS

    def entries(self, profile: str, at_ms: int) -> int:
        return self.kept

    def rows(self, profile: str, at_ms: int, first: int, last: int, columns: Sequence[str]) -> list[tuple[int, ...]]:
        return [
            tuple(self.stamp(number) if column == "clock" else number * 1000 for column in columns)
            for number in range(first, last + 1)
        ]

    def find(self, profile: str, at_ms: int, from_ms: int, to_ms: int) -> tuple[int, int]:
        within = [number for number in range(1, self.kept + 1) if from_ms <= self.stamp(number) <= to_ms]
        return (within[0], within[-1]) if within else (1, 0)


@dataclass(frozen=True)
class FakeEvent:
    utc_ms: int
    code: int
    values: Mapping[str, int]
    sequence: int


@dataclass
class FakeEventLog:
    events: dict[str, list[FakeEvent]] = field(default_factory=dict)

    def entries(self, log: str, at_ms: int) -> int:
        return len(self.events.get(log, []))

    def rows(self, log: str, at_ms: int, first: int, last: int) -> list[FakeEvent]:
        return self.events.get(log, [])[first - 1 : last]


class FakeMeter:
    """What `emulator.face.cosem.host.Host` asks for."""

    def __init__(self, model: MeterModel, meter_id: str = "MB0001") -> None:
        self.id = meter_id
        self.seed = 7
        self.firmware_version = ""
        self.payment: Prepayment | None = None
        self.clock = FakeClock()
        self.relay = FakeSwitch()
        self.history = FakeHistory()
        self.event_log = FakeEventLog()
        self.tariff = ActiveCalendar(Calendar.from_model(model.physics.tariff), 0)
        self.activation = ActivationCourse(model.physics.activations, 0)
        self.limiter = LoadLimiter(model.physics, LoadSwitch(self, model.physics.relay, 0))
        self.transactions: list[int] = []
        self.values: dict[str, int] = {}
        self.parameters: dict[str, int] = {}
        self.resets: list[int] = []
        self.advanced_ms = 0

    def advance(self, at_ms: int) -> None:
        self.advanced_ms = at_ms

    def value(self, name: str, at_ms: int) -> int:
        return self.values.get(name, 0)

    def parameter(self, name: str) -> int:
        return self.parameters.get(name, 0)

    def configure(self, name: str, value: int, at_ms: int) -> bool:
        if value < 0:
            return False
        self.parameters[name] = value
        return True

    def set_clock(self, at_ms: int, utc_ms: int) -> None:
        self.clock.shift_ms = utc_ms - at_ms

    def shift_clock(self, at_ms: int, shift_ms: int) -> None:
        self.clock.shift_ms += shift_ms

    def adjust_clock(self, at_ms: int, step_ms: int) -> None:
        now_ms = at_ms + self.clock.shift_ms
        self.set_clock(at_ms, (now_ms + step_ms // 2) // step_ms * step_ms)

    def set_emergency(self, at_ms: int, profile: EmergencyProfile | None, groups: tuple[int, ...]) -> None:
        self.limiter.groups = groups
        self.limiter.set_emergency(profile)

    def set_passive_calendar(self, at_ms: int, calendar: Calendar, activation_ms: int | None = None) -> None:
        self.tariff.passive = calendar
        self.tariff.passive_ms = activation_ms

    def activate_calendar(self, at_ms: int) -> bool:
        return self.tariff.activate(at_ms)

    def set_activation(self, at_ms: int, activation: Activation) -> None:
        self.activation.begin(Entry(at_ms, (activation,)))

    def activate_mask(self, at_ms: int, logical_name: str, mask: str) -> bool:
        return False

    def active_mask(self, at_ms: int, logical_name: str) -> str:
        return "T1"

    def activate_firmware(self, at_ms: int, version: str) -> None:
        self.firmware_version = version

    def pay(self, at_ms: int, verb: str, *arguments: object) -> bool:
        return False

    def clear_profile(self, profile: str, at_ms: int) -> None:
        self.history.kept = 0

    def log_transaction(self, at_ms: int, code: int) -> None:
        self.transactions.append(code)

    # What a load switch tells its owner, which matters to none of these tests

    def take(self, at_ms: int, name: str, *arguments: object) -> int:
        return at_ms

    def switched(self, at_ms: int, *, connected: bool, cause: str) -> None:
        pass

    def contact_moved(self, at_ms: int) -> None:
        pass

    def replan(self) -> None:
        pass

    def supply_mv(self, at_ms: int) -> int:
        return 230_000

    def event_status_word(self, at_ms: int) -> int:
        return 1 << 127

    def billing_reset(self, at_ms: int) -> None:
        self.resets.append(at_ms)


class LinkTime:
    """True time is link time: one microsecond each."""

    def true_ms(self, now_us: int) -> int:
        return now_us // 1000


@dataclass
class Desk:
    """A face and an association on it, with the arguments of every test filled in."""

    face: CosemFace
    association: Association
    now_us: int = NOON_MS * 1000

    def value(self, key: str, attribute: int) -> Value:
        class_id, name = key.split(":")
        answer = self.face.get(
            self.association, int(class_id), bytes(map(int, name.split("."))), attribute, None, self.now_us
        )
        assert isinstance(answer, bytes), answer
        return decode(answer)


def associate(face: CosemFace, client: int) -> Association:
    association = Association(face.associations()[client], 1, Peer("memory", "test"))
    association.conformance = association.profile.conformance
    association.peer_max_pdu = 512
    return association


def desk(model: MeterModel, client: int = 48) -> Desk:
    face = CosemFace(FakeMeter(model), model, LinkTime())
    return Desk(face, associate(face, client))
