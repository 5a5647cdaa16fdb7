"""The command `rotate_keys`: a meter is given new keys under its master key, and is then spoken to with them.

The new keys are the configuration's `next_keys`. They are in force once the meter has let us in with them; that is
remembered in the store, so that a restart, or a configuration that still names the old ones, changes nothing. Whatever
interrupts the change, the next turn finds out which keys the meter takes by trying.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

from gateway.command.command import Commands, Open
from gateway.meter.dlms_profile import Act, obis
from gateway.outbox.store import Store
from gateway.service.script import Ask, Commit, NonsenseError, Script
from protocols.dlms.ask.outcome import Invoked
from protocols.dlms.results import ActionResult
from protocols.dlms.security.key_wrap import wrap_key
from protocols.dlms.value import Tag
from protocols.message.args import RotateKeysArgs
from protocols.message.command import Rung
from protocols.secret import Secret

SECURITY_SETUP: Final = 64
KEY_TRANSFER: Final = 2
KEY_IDS: Final[Mapping[str, int]] = {"block": 0, "broadcast": 1, "authentication": 2, "master": 3}
"""The enumeration of the security setup's method key_transfer (Blue Book, class 64)."""
SETUPS: Final[Mapping[int, str]] = {
    32: "0.0.43.0.2.255",
    48: "0.0.43.0.3.255",
    64: "0.0.43.0.4.255",
    80: "0.0.43.0.5.255",
}
"""The security setup of each client in IS 15959 meters; elsewhere it is the first one."""
SETUP: Final = "0.0.43.0.0.255"
ROTATED: Final = "rotated"
"""Under this the store remembers which of a meter's next keys are in force."""


class Rekey(NamedTuple):
    """Ask to be let in anew with other keys; the outcome is whether the meter took them, else the old ones stand."""

    names: tuple[str, ...]


class Rotation(NamedTuple):
    """What a rotation needs to know of a meter's keys.

    Attributes:
        client: ours, which decides the security setup.
        present: the keys in force.
        following: those that are to come, as far as the configuration names them.
        remember: is told, within a transaction, which are in force from now on.
    """

    client: int
    present: Mapping[str, Secret]
    following: Mapping[str, Secret]
    remember: Callable[[tuple[str, ...]], None]


def rotate(waiting: Open, args: RotateKeysArgs, commands: Commands, rotation: Rotation | None) -> Script[int | None]:
    """Give the keys, unless that may have happened; then see which ones the meter takes."""
    fault = _fault(args, rotation)
    if rotation is None or fault is not None:
        yield from _rung(waiting, commands, Rung.FAILED, reason=fault)
        return None
    if waiting.rung is Rung.SENT and not waiting.progress.get(ROTATED):
        yield Commit(lambda _now_ms: commands.set_progress(waiting.command.id, waiting.progress | {ROTATED: True}))
        refusal = yield from _transfer(args, rotation)
        if refusal is not None:
            yield from _rung(waiting, commands, Rung.FAILED, reason=refusal)
            return None
        yield from _rung(waiting, commands, Rung.ACKNOWLEDGED)
    names = tuple(args.keys)
    taken: bool = yield Ask(Rekey(names))
    if not taken:
        yield from _rung(waiting, commands, Rung.FAILED, reason="the meter still takes the old keys only")
        return None

    def work(now_ms: int) -> None:
        rotation.remember(names)
        commands.rung(waiting.command.id, Rung.CONFIRMED, now_ms, detail={"keys": list(names)})

    yield Commit(work)
    return None


def _fault(args: RotateKeysArgs, rotation: Rotation | None) -> str | None:
    if rotation is None:
        return "this meter has no keys that could be changed"
    if "master" not in rotation.present:
        return "new keys travel under the master key, and the configuration names none"
    missing = [name for name in args.keys if name not in rotation.following]
    if missing:
        return f"the configuration names no next_keys.{missing[0]}"
    return None


def _transfer(args: RotateKeysArgs, rotation: Rotation) -> Script[str | None]:
    master = rotation.present["master"]
    keys = [
        (
            int(Tag.STRUCTURE),
            [
                (int(Tag.ENUM), KEY_IDS[name]),
                (int(Tag.OCTET_STRING), wrap_key(master, rotation.following[name])),
            ],
        )
        for name in args.keys
    ]
    setup = obis(SETUPS.get(rotation.client, SETUP))
    outcome = yield Ask(Act(SECURITY_SETUP, setup, KEY_TRANSFER, (int(Tag.ARRAY), keys)))
    if not isinstance(outcome, Invoked):
        raise NonsenseError("the meter answered a method with something else")
    return None if outcome.result is ActionResult.SUCCESS else outcome.result.title


def _rung(waiting: Open, commands: Commands, rung: Rung, reason: str | None = None) -> Script[None]:
    yield Commit(lambda now_ms: commands.rung(waiting.command.id, rung, now_ms, reason=reason))


def remember(store: Store, meter: str, names: tuple[str, ...], following: Mapping[str, Secret]) -> str:
    """Write down, within a transaction, that these of the next keys are in force; gives what was written."""
    kept = json.dumps([sorted(names), _tag(names, following)])
    store.remember(meter, ROTATED, kept)
    return kept


def in_force(kept: str | None, following: Mapping[str, Secret]) -> tuple[str, ...]:
    """Which of the next keys are in force, by what was written; none once the configuration names other next keys."""
    if kept is None:
        return ()
    names, tag = json.loads(kept)
    known = all(name in following for name in names) and tag == _tag(names, following)
    return tuple(names) if known else ()


def _tag(names: tuple[str, ...], following: Mapping[str, Secret]) -> str:
    """Tells one set of keys from another, and says nothing of them."""
    digest = blake2b(digest_size=16, person=b"rotated keys")
    for name in sorted(names):
        digest.update(name.encode() + b"\0" + following[name].reveal() + b"\0")
    return digest.hexdigest()
