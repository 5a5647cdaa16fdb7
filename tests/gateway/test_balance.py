"""The balance on the topic is the money on the meter, whatever the meter counts in: emulated meters, real wires."""

import json
from pathlib import Path
from typing import Any

from emulator.bench.assembly import assemble
from emulator.bench.file import check as check_bench
from emulator.bench.running import RunningBench
from emulator.meter import Meter
from tests.gateway.live import Live, client_48, running
from tests.gateway.push.test_ways import NO_BROKER
from tests.patience import until

MAJOR = 'base = "is15959-d1-prepaid"\ntitle = "rupees"\n[payment]\nunit = "major"\n'
MODELS = {"MIN1": "is15959-d1-prepaid", "MAJ1": "major.toml", "STS1": "is15959-d1-sts"}
OPENING = 12_345
PAID = 5_050


def balances(live: Live, meter: str) -> list[dict[str, Any]]:
    wanted = "SELECT body FROM outbox WHERE topic LIKE ? ORDER BY id"
    rows = live.gateway.core.store.sql.execute(wanted, (f"%{meter}/balance",))
    return [json.loads(body) for (body,) in rows]


async def test_a_token_shows_on_the_topic_in_minor_units(tmp_path: Path) -> None:
    (tmp_path / "major.toml").write_text(MAJOR)
    said = {
        "seed": 7,
        "clock": {"rate": 0},
        "meter": [
            {"id": meter, "model": model, "load": {"constant": 0}, "listen": ["dlms+tcp://127.0.0.1:0"]}
            for meter, model in MODELS.items()
        ],
    }
    household = assemble(check_bench(said, "test"), "test", tmp_path)
    meters = [each.resident.meter for each in household.members if isinstance(each.resident.meter, Meter)]
    accounts = {each.id: each.payment.look(each.now_ms) for each in meters if each.payment is not None}
    for meter in meters:
        account = accounts[meter.id]
        tokens = account.credits[0].model.name
        assert meter.pay(meter.now_ms, "update_credit", str(tokens), OPENING - account.balance)
        assert account.balance == OPENING
    async with RunningBench(household) as emulator:
        config = [
            {"id": each["id"], "url": client_48(each["urls"]), "auth": "hls", "read": {"balance": "1s"}}
            | {"model": str(tmp_path / "major.toml") if each["id"] == "MAJ1" else MODELS[each["id"]]}
            for each in emulator.ready()["meters"]
        ]
        async with running(tmp_path, NO_BROKER, config, metrics={"listen": "off"}) as live:
            for name in MODELS:
                await until(lambda name=name: balances(live, name))  # type: ignore[misc]  # bound at once
            before = {name: balances(live, name)[-1]["balance"] for name in MODELS}
            for meter in meters:
                assert meter.pay(meter.now_ms, "token", "00", 0, None, "credit", 1, PAID)
            for name in MODELS:
                await until(lambda name=name: balances(live, name)[-1]["balance"] != before[name])  # type: ignore[misc]
            after = {name: balances(live, name)[-1] for name in MODELS}
    left = {name: account.balance for name, account in accounts.items()}
    assert set(before.values()) == {OPENING, OPENING // 100 * 100}
    assert before["MAJ1"] == OPENING // 100 * 100, "a mirror in rupees is rounded down"
    assert {name: each["balance"] for name, each in after.items()} == left | {"MAJ1": left["MAJ1"] // 100 * 100}
    assert {name: each["last_recharge"]["amount"] for name, each in after.items()} == {
        "MIN1": PAID, "MAJ1": PAID // 100 * 100, "STS1": PAID
    }  # fmt: skip
    assert {name: each["currency"] for name, each in after.items()} == {"MIN1": "INR", "MAJ1": "INR", "STS1": "Wh"}
    assert {each["payment_mode"] for each in after.values()} == {"prepaid"}
