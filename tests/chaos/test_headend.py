"""The head-end of the examples: each message once, gaps filled, and what it has confirmed is let go of."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import Mosquitto, mosquitto
from tests.chaos.ledger import Ledger
from tests.chaos.program import ROOT, Program
from tests.gateway.live import bench, client_48, dlms, running
from tests.patience import until

pytestmark = pytest.mark.interop


@contextlib.contextmanager
def example(folder: Path, broker: Mosquitto) -> Iterator[Program]:
    command = (sys.executable, str(ROOT / "examples" / "headend.py"), "127.0.0.1", str(broker.port), "gw1", "ledger.db")
    program = Program("head-end", folder, command)
    program.start()
    try:
        yield program
    finally:
        program.kill()


def test_the_example_is_as_short_as_it_says() -> None:
    lines = (ROOT / "examples" / "headend.py").read_text(encoding="utf-8").splitlines()
    assert sum(bool(line.strip()) for line in lines) == 40


async def test_the_example_fills_its_gaps_and_confirms_what_it_has(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls:
            meter = {
                "id": "MB0001",
                "url": client_48(urls["MB0001"]),
                "auth": "hls",
                "read": {"instantaneous": "300ms"},
            }
            more = {"status_every": "1s", "store": {"acknowledgement": "head-end"}}
            async with running(tmp_path, broker.url, [meter], **more) as live:
                outbox = live.gateway.core.outbox
                await until(lambda: outbox.sent_through >= 5)  # nobody was there to hear these
                with example(tmp_path, broker) as headend:
                    await until(lambda: ledger.count() > 5 and not ledger.missing(outbox.totals.confirmed))
                    headend.kill()
                    broker.kill()  # it forgets the head-end, and what it had kept for it
                    broker.start()
                    through = outbox.sent_through
                    await until(lambda: outbox.sent_through >= through + 5)
                    headend.start()
                    await until(lambda: outbox.totals.confirmed >= through + 5)
                assert ledger.streams() == [outbox.stream]
                assert not ledger.missing(outbox.totals.confirmed)
                kept = "SELECT COUNT(*) FROM outbox WHERE seq <= ?"
                await until(lambda: live.gateway.core.store.sql.execute(kept, (through,)).fetchone() == (0,))
