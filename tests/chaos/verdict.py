"""What must hold after a run, and what was counted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.chaos.bench import Bench
from tests.chaos.evidence import Move, answers, moves, ms, switched
from tests.chaos.plan import CLEAR, EMULATOR, GATEWAY, METERS
from tests.chaos.witness import BASE, Witness, digest

MINUTE_MS = 60_000
ON_THE_WIRE_MS = 1_000
"""Between the gateway's last look at an expiry and the meter lie one wait for the disk and the wire."""
EXECUTION_MS = 5_000
"""A command reaches its meter so long after `sent` was stored, at most; mostly it is milliseconds."""
CLOCKS_MS = 50
"""The meters' clock was set by the gateway's when the emulator was started, and then goes by itself."""
IN_FLIGHT_MS = 2_500
"""An answer that a meter gave so shortly before a death may have died with it."""


class Death(NamedTuple):
    """One kill."""

    victim: str
    at_ms: int


class Given(NamedTuple):
    """One command that was given."""

    meter: str
    expires_ms: int


class History(NamedTuple):
    """What a meter shows of a profile."""

    through_ms: int
    """So far it was asked for: later rows were made after that."""
    rows: list[dict[str, Any]]


class Told(NamedTuple):
    """A rung that the gateway has told of."""

    rung: str
    verb: str
    final: bool
    at_ms: int


@dataclass(slots=True)
class Evidence:
    """Everything that is known after a run."""

    bench: Bench
    witness: Witness
    deaths: list[Death] = field(default_factory=list)
    given: dict[str, Given] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    histories: dict[tuple[str, str], History] = field(default_factory=dict)
    calm_ms: int = 0
    replayed: int = 0

    def rows(self, meter: str, profile: str) -> list[dict[str, Any]]:
        """Every row of a profile in the ledger, in the order of the stream."""
        return [row for entry in self.bench.ledger.entries(f"/{meter}/reading/{profile}") for row in entry.said["rows"]]

    def stamps(self, meter: str, profile: str) -> list[int]:
        """Their times."""
        return [ms(row["at"]) for row in self.rows(meter, profile) if "at" in row]

    def missing_minutes(self, meter: str, first_ms: int) -> list[int]:
        """Stamps of rows that the meter had made before the calm and that are not in the ledger."""
        have = set(self.stamps(meter, "block_load"))
        made = range(-(-first_ms // MINUTE_MS) * MINUTE_MS, self.calm_ms + 1, MINUTE_MS)
        return [stamp for stamp in made if stamp not in have]

    def gaps(self, status: dict[str, Any]) -> list[int]:
        """Numbers that the head-end should have and has not, and that the status does not name as a hole."""
        named = [hole for hole in status.get("holes", ()) if "from" in hole]
        missing = self.bench.ledger.missing(status["sent_through"])
        return [seq for seq in missing if not any(hole["from"] <= seq <= hole["to"] for hole in named)]

    def told(self) -> dict[str, list[Told]]:
        """The rungs of each command, in the order of time; answers to repeats are left out."""
        ladders: dict[str, list[Told]] = {}
        for entry in self.bench.ledger.entries("/result"):
            said = entry.said
            if not said.get("repeated"):
                rung = Told(said["rung"], said["verb"], said["final"], ms(said["read_at"]))
                ladders.setdefault(said["id"], []).append(rung)
        for ladder in ladders.values():
            ladder.sort(key=lambda rung: (rung.at_ms, rung.final))
        return ladders


@dataclass(slots=True)
class Verdict:
    """What is wrong (nothing, if all is well), and the figures."""

    faults: list[str]
    figures: dict[str, Any]


def judge(evidence: Evidence) -> Verdict:
    """Hold everything that is known against what must be so."""
    figures: dict[str, Any] = {"killed": dict(Counter(death.victim for death in evidence.deaths))}
    faults = [*evidence.faults]
    for part in (_stream, _payloads, _histories, _journal, _ladders, _relays):
        faults += part(evidence, figures)
    return Verdict(faults, figures)


def _stream(evidence: Evidence, figures: dict[str, Any]) -> Iterator[str]:
    """Every number of the one stream once; what is missing is a hole that the status names."""
    ledger, status = evidence.bench.ledger, evidence.bench.ledger.last_status()
    if status is None or len(ledger.streams()) != 1:
        yield f"there are {len(ledger.streams())} streams"
        return
    gaps = evidence.gaps(status)
    if gaps:
        yield f"{len(gaps)} messages are missing and not named, the first is {gaps[0]}"
    if ledger.newest() != status["sent_through"]:
        yield f"the ledger ends with {ledger.newest()}, the stream with {status['sent_through']}"
    figures["messages"] = ledger.count()
    figures["sent through"] = status["sent_through"]
    figures["holes named"] = sum(hole["rows"] for hole in status.get("holes", ()))


def _payloads(evidence: Evidence, figures: dict[str, Any]) -> Iterator[str]:
    """What came again, from the broker or from the shelf, was the same, byte for byte."""
    witness = evidence.witness
    figures["deliveries seen"] = witness.deliveries.total()
    figures["of these repeats"] = witness.deliveries.total() - len(witness.digests)
    figures["sent again on request"] = evidence.replayed
    figures["historical"] = sum(entry.said["historical"] for entry in evidence.bench.ledger.entries())
    if witness.changed:
        yield f"{len(witness.changed)} messages came again with other bytes, the first is {witness.changed[0]}"
    for entry in evidence.bench.ledger.entries():
        seen = witness.digests.get(entry.seq)
        if seen is not None and seen != digest(entry.topic, entry.payload):
            yield f"the head-end has other bytes for {entry.seq} than the witness"


def _histories(evidence: Evidence, figures: dict[str, Any]) -> Iterator[str]:
    """Rows of the meters' histories: all are there, once each, as the meter itself shows them."""
    for (meter, profile), shown in evidence.histories.items():
        rows = evidence.rows(meter, profile)
        stamps = sorted(evidence.stamps(meter, profile))
        figures[f"{profile} rows"] = figures.get(f"{profile} rows", 0) + len(stamps)
        if profile == "block_load" and (missing := evidence.missing_minutes(meter, stamps[0])):
            yield f"{meter}: {len(missing)} minutes are missing in {profile}, the first is {missing[0]}"
        if len(stamps) != len(set(stamps)):
            yield f"{meter}: {len(stamps) - len(set(stamps))} rows of {profile} came under two numbers"
        ours = {row["at"]: row for row in rows if ms(row["at"]) <= shown.through_ms}
        theirs = {row["at"]: row for row in shown.rows}
        differ = [at for at in ours.keys() | theirs.keys() if ours.get(at) != theirs.get(at)]
        if differ:
            yield f"{meter}: {len(differ)} rows of {profile} are not as the meter shows them, such as {min(differ)}"


def _journal(evidence: Evidence, figures: dict[str, Any]) -> Iterator[str]:
    """What a meter has answered is in the ledger, unless somebody died while the answer was on its way."""
    found = answers(evidence.bench.journals(), CLEAR)
    deaths = [death.at_ms for death in evidence.deaths if death.victim in {GATEWAY, EMULATOR}]
    figures["rows answered in clear"] = len(found)
    lost = 0
    have = {profile: set(evidence.stamps(CLEAR, profile)) for profile in {each.profile for each in found}}
    for each in found:
        if each.stamp_ms in have[each.profile]:
            continue
        lost += 1
        died = any(0 <= at_ms - each.at_ms <= IN_FLIGHT_MS for at_ms in deaths)
        if each.profile != "instantaneous" or not died:
            yield f"{CLEAR} answered a row of {each.profile} at {each.at_ms} that is nowhere"
    figures["of these died on their way"] = lost


def _ladders(evidence: Evidence, figures: dict[str, Any]) -> Iterator[str]:
    """Each command comes to one end, is sent at most once, and not after its expiry."""
    told = evidence.told()
    figures["commands given"] = len(evidence.given)
    ends: Counter[str] = Counter()
    for command_id, given in evidence.given.items():
        ladder = told.get(command_id, [])
        finals = [rung for rung in ladder if rung.final]
        ends.update(rung.rung for rung in finals)
        if len(finals) != 1:
            yield f"{command_id} came to {len(finals)} ends"
        sent = [rung.at_ms for rung in ladder if rung.rung == "sent"]
        if len(sent) > 1:
            yield f"{command_id} was sent {len(sent)} times"
        if any(at_ms > given.expires_ms for at_ms in sent):
            yield f"{command_id} was sent after it had expired"
    figures["ends"] = dict(sorted(ends.items()))


class _Window(NamedTuple):
    """When a command that was sent may have moved its meter's switch."""

    command: str
    verb: str
    first_ms: int
    last_ms: int
    expires_ms: int


def _relays(evidence: Evidence, figures: dict[str, Any]) -> Iterator[str]:
    """Each move of a switch is the work of one command, of the same verb, in its time; no command has two."""
    ladders = evidence.told()
    latest_ms, moved = -(10**9), 0
    for meter in METERS:
        windows = [
            window
            for command_id, given in evidence.given.items()
            if given.meter == meter and (window := _window(command_id, given, ladders.get(command_id, []))) is not None
        ]
        made = moves(evidence.bench.state(meter))
        moved += len(made)
        if missing := set(switched(evidence.bench.journals(), meter)) - {move.at_ms for move in made}:
            yield f"{meter}: the switch has moved {len(missing)} times without an input"
        owners = _assign(made, windows)
        taken = [ladders[owner.command][0].at_ms for owner in owners if owner is not None]
        if taken != sorted(taken):
            yield f"{meter}: commands have overtaken each other"
        for move, owner in zip(made, owners, strict=True):
            if owner is None:
                yield f"{meter}: a {move.verb} at {move.at_ms} is nobody's, or somebody's second"
            else:
                latest_ms = max(latest_ms, move.at_ms - owner.expires_ms)
                if move.at_ms > owner.expires_ms + ON_THE_WIRE_MS:
                    yield f"{meter}: {owner.command} moved the switch after it had expired"
        yield from _last_relay(evidence, meter, made)
    figures["moves of switches"] = moved
    figures["latest move before its expiry, ms"] = -latest_ms


def _window(command_id: str, given: Given, ladder: list[Told]) -> _Window | None:
    for index, rung in enumerate(ladder):
        if rung.rung == "sent":
            after = ladder[index + 1].at_ms if index + 1 < len(ladder) else rung.at_ms + EXECUTION_MS
            last_ms = min(after, rung.at_ms + EXECUTION_MS)
            return _Window(command_id, rung.verb, rung.at_ms - CLOCKS_MS, last_ms + CLOCKS_MS, given.expires_ms)
    return None


def _assign(made: list[Move], windows: list[_Window]) -> list[_Window | None]:
    """Give each move a command of its own: of those it may be, the one whose time ends first."""
    free = sorted(windows, key=lambda window: window.last_ms)
    owners: list[_Window | None] = []
    for move in made:
        fits = (each for each in free if each.verb == move.verb and each.first_ms <= move.at_ms <= each.last_ms)
        owner = next(fits, None)
        owners.append(owner)
        if owner is not None:
            free.remove(owner)
    return owners


def _last_relay(evidence: Evidence, meter: str, made: list[Move]) -> Iterator[str]:
    """What the gateway last told of a switch is how it stands."""
    told = evidence.bench.ledger.entries(f"/{meter}/relay")
    assert all(entry.topic == f"{BASE}/{meter}/relay" for entry in told)
    last = max((entry.said for entry in told), key=lambda said: ms(said["read_at"]), default=None)
    closed = not made or made[-1].verb == "reconnect"
    if last is None or last["output_state"] is not closed:
        yield f"{meter}: the switch is {'closed' if closed else 'open'}, and the gateway tells something else"
