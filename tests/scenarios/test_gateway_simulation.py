"""Two thousand small worlds: whatever dies when, nothing is lost, nothing changes, no relay moves twice or too late."""

import pytest

from gateway.polling.reading import utc_ms
from protocols.message.reading import Reading, Relay
from tests.gateway.cores import NOW_MS
from tests.scenarios.gateway_world import DISK_MS, METERS, PERIOD_MS, World

SEEDS = 2_000
PARTS = 20


def check(world: World) -> None:
    """What must hold once the world has come to rest."""
    headend = world.headend
    through = world.gateway.outbox.sent_through
    unsent = world.gateway.outbox.totals.queued
    missing = [seq for seq in range(1, through + 1) if seq not in headend.ledger]
    assert missing in ([], [through], [through - 1, through]), "all but what is on its way has arrived"
    assert unsent <= 1
    for command_id, (meter, _, expires_ms) in headend.commands.items():
        acts = [at_ms for acted, at_ms in world.acts if acted == command_id]
        assert len(acts) <= 1, f"{command_id} moved {meter} twice"
        assert all(at_ms < expires_ms + DISK_MS for at_ms in acts), f"{command_id} moved {meter} after it had expired"
        finals = headend.finals.get(command_id, [])
        assert len(finals) == 1, f"{command_id} came to {len(finals)} ends"
    received = dict(world.store.sql.execute("SELECT id, received_ms FROM command").fetchall())
    for meter in METERS:
        order = [received[acted] for acted, _ in world.acts if _meter(world, acted) == meter]
        assert order == sorted(order), f"commands for {meter} have overtaken each other"
        rows = _rows(world, meter)
        made = world.meters[meter].rows(NOW_MS + 1, world.end_ms - 3 * PERIOD_MS)
        assert set(made) <= rows, f"rows of {meter} are missing"
        assert len(world.meters[meter].moves) <= len([each for each in world.acts if _meter(world, each[0]) == meter])
        name = f"meters/v1/gw1/{meter}/relay"
        relay = world.broker.retained.get(name)
        if relay is not None:
            told = [
                Relay.from_json(headend.ledger[seq]).read_at for seq, topic in headend.topics.items() if topic == name
            ]
            newest = Relay.from_json(relay).read_at
            assert newest == max(told), "an older state has replaced a newer one at the broker"


def _meter(world: World, command_id: str) -> str:
    return world.headend.commands[command_id][0]


def _rows(world: World, meter: str) -> set[int]:
    found: set[int] = set()
    for seq, topic in world.headend.topics.items():
        if topic.endswith(f"/{meter}/reading/block_load"):
            rows = Reading.from_json(world.headend.ledger[seq]).rows
            found |= {utc_ms(row.at) for row in rows if row.at is not None}
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_and_no_relay_moves_twice(part: int) -> None:
    kills = 0
    for seed in range(part * SEEDS // PARTS, (part + 1) * SEEDS // PARTS):
        world = World(seed)
        try:
            world.run()
            check(world)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error}; see `World({seed}).run()`") from error
        kills += world.kills
    assert kills > 10 * SEEDS // PARTS


def test_a_seed_replays_to_the_last_message() -> None:
    first, again = World(7), World(7)
    first.run()
    again.run()
    assert first.headend.ledger == again.headend.ledger
    assert first.acts == again.acts
    assert first.acts
