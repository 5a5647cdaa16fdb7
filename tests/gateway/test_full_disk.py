"""A full disk is survived, said, and what it cost is named."""

from pathlib import Path

import pytest

from gateway.outbox.ballast import Ballast
from gateway.outbox.store import BALLAST_BYTES, StoreFullError
from tests.broker import mosquitto
from tests.gateway.live import bench, client_48, dlms, listener, running
from tests.patience import until

pytestmark = pytest.mark.interop


def test_ballast_is_laid_given_up_and_laid_again(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "gw.db")
    assert not ballast.give_up()
    ballast.lay()
    assert (tmp_path / "gw.db.ballast").stat().st_size == BALLAST_BYTES
    assert ballast.give_up()
    assert not ballast.is_laid
    Ballast(tmp_path / "nowhere" / "gw.db").lay()


async def test_while_nothing_can_be_stored_nothing_is_sent_and_afterwards_all_goes_on(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls, listener(broker.url) as ear:
            meters = [
                {"id": "MB0001", "url": client_48(urls["MB0001"]), "auth": "hls", "read": {"instantaneous": "200ms"}}
            ]
            async with running(tmp_path, broker.url, meters) as live:
                await ear.first("MB0001/relay")
                core = live.gateway.core
                commit, full = core.store.commit, [True]

                def commit_to_a_full_disk() -> None:
                    if full:
                        core.store.rollback()
                        raise StoreFullError("database or disk is full")
                    commit()

                core.store.commit = commit_to_a_full_disk  # type: ignore[method-assign]
                await until(lambda: core.commit.full and core.unstored > 1)
                assert live.gateway._not_ready() == "the store can't be written"
                sent = core.outbox.sent_through
                full.clear()
                await ear.until(
                    lambda: any(
                        hole["reason"] == "the disk was full"
                        for each in ear.payloads("gw1/status")
                        for hole in each["holes"]
                    )
                )
                await ear.until(lambda: max(each["seq"] for each in ear.payloads("/instantaneous")) > sent)
            numbers = sorted({each["seq"] for each in ear.payloads() if "seq" in each})
            assert numbers == list(range(1, numbers[-1] + 1))
