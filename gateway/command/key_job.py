"""The command `rotate_keys`: a meter is given new keys under its master key, and is then spoken to with them.

The new keys are the configuration's `next_keys`. They are in force once the meter has let us in with them; that is
remembered in the store, so that a restart, or a configuration that still names the old ones, changes nothing. What may
be in force is remembered before anything is sent: whatever interrupts the change, the next turn finds out which keys
the meter takes by trying, and a meter that no longer takes the old ones is spoken to with those.

A meter that pushes under a security setup of its own is given the new keys there too. It uses them from its next push
on; both are opened, so nothing depends on when that is.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from gateway.command.command import Commands, Open
from gateway.meter.dlms_profile import Act, obis
from gateway.outbox.store import Store
from gateway.service.script import Ask, Commit, NoAnswerError, NonsenseError, RefusedError, Script
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
ROTATING: Final = "rotating"
"""Under this the store remembers which of a meter's next keys may be in force: a rotation was begun."""
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
        remember: is told, within a transaction, of `ROTATING` which may be in force, of `ROTATED` which are.
        masters: under which a setup may take new keys, the likeliest first; none where there is no master key.
        push_setup: the security setup that the meter pushes under, where that is another one.
    """

    client: int
    present: Mapping[str, Secret]
    following: Mapping[str, Secret]
    remember: Callable[[str, tuple[str, ...]], None]
    masters: tuple[Secret, ...] = ()
    push_setup: str | None = None


def rotate(waiting: Open, args: RotateKeysArgs, commands: Commands, rotation: Rotation | None) -> Script[int | None]:
    """Give the keys, see that the meter takes them, then give them to its push setup.

    Where an earlier turn was interrupted, the meter is tried first. Keys that it does not take are given again, which
    changes nothing where it had them already.
    """
    fault = _fault(args, rotation)
    if rotation is None or fault is not None:
        yield from _rung(waiting, commands, Rung.FAILED, reason=fault)
        return None
    names = tuple(args.keys)
    taken = False
    if waiting.progress.get(ROTATING):
        taken = yield Ask(Rekey(names))
    else:
        yield Commit(lambda _now_ms: _begin(waiting, names, commands, rotation))
    if not taken:
        try:
            refusal = yield from _transfer(names, rotation, SETUPS.get(rotation.client, SETUP))
        except NoAnswerError:
            refusal = None  # it may have them: whether it takes them is the answer
        else:
            if refusal is not None:
                yield from _rung(waiting, commands, Rung.FAILED, reason=refusal)
                return None
            if waiting.rung is not Rung.ACKNOWLEDGED:
                yield from _rung(waiting, commands, Rung.ACKNOWLEDGED)
        taken = yield Ask(Rekey(names))
    if not taken:
        yield from _rung(waiting, commands, Rung.FAILED, reason="the meter still takes the old keys only")
        return None
    yield Commit(lambda _now_ms: rotation.remember(ROTATED, names))
    detail: dict[str, Any] = {"keys": list(names)}
    if rotation.push_setup is not None:
        try:
            refusal = yield from _transfer(names, rotation, rotation.push_setup)
        except (NoAnswerError, RefusedError) as error:
            refusal = str(error)
        detail["push"] = "acknowledged" if refusal is None else f"it pushes under the old keys: {refusal}"
    yield Commit(lambda now_ms: commands.rung(waiting.command.id, Rung.CONFIRMED, now_ms, detail=detail))
    return None


def _begin(waiting: Open, names: tuple[str, ...], commands: Commands, rotation: Rotation) -> None:
    commands.set_progress(waiting.command.id, waiting.progress | {ROTATING: True})
    rotation.remember(ROTATING, names)


def _fault(args: RotateKeysArgs, rotation: Rotation | None) -> str | None:
    if rotation is None:
        return "this meter has no keys that could be changed"
    if not rotation.masters:
        return "new keys travel under the master key, and the configuration names none"
    missing = [name for name in args.keys if name not in rotation.following]
    if missing:
        return f"the configuration names no next_keys.{missing[0]}"
    return None


def _transfer(names: tuple[str, ...], rotation: Rotation, setup: str) -> Script[str | None]:
    """Have a security setup take new keys, under the first master key that it knows; the refusal, or None."""
    refusal: str | None = None
    for master in rotation.masters:
        keys = [
            (
                int(Tag.STRUCTURE),
                [
                    (int(Tag.ENUM), KEY_IDS[name]),
                    (int(Tag.OCTET_STRING), wrap_key(master, rotation.following[name])),
                ],
            )
            for name in names
        ]
        outcome = yield Ask(Act(SECURITY_SETUP, obis(setup), KEY_TRANSFER, (int(Tag.ARRAY), keys)))
        if not isinstance(outcome, Invoked):
            raise NonsenseError("the meter answered a method with something else")
        if outcome.result is ActionResult.SUCCESS:
            return None
        refusal = refusal or outcome.result.title
    return refusal


def _rung(waiting: Open, commands: Commands, rung: Rung, reason: str | None = None) -> Script[None]:
    yield Commit(lambda now_ms: commands.rung(waiting.command.id, rung, now_ms, reason=reason))


def remember(store: Store, meter: str, stage: str, names: tuple[str, ...], following: Mapping[str, Secret]) -> str:
    """Write down, within a transaction, for which of the next keys a stage holds; gives what was written."""
    kept = json.dumps([sorted(names), _tag(names, following)])
    store.remember(meter, stage, kept)
    return kept


def named_by(kept: str | None, following: Mapping[str, Secret]) -> tuple[str, ...]:
    """Which of the next keys were written down; none once the configuration names other next keys."""
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
