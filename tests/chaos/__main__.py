"""`make chaos`: the long run; `--seed N` makes the same decisions again, `--kills N` changes how often each dies."""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.course import run
from tests.chaos.plan import LONG, plan

SEED = 1
FAULTS_SHOWN = 20
BEGAN = time.monotonic()  # noqa: TID251 (how long it takes, for people)


def main() -> int:
    """Go one run; 0 if everything held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--kills", type=int, help="how often gateway, mosquitto and emulator are killed, each")
    parser.add_argument("--folder", type=Path, help="for all files; must not exist; else a new one")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    kills = LONG if asked.kills is None else dict.fromkeys(LONG, asked.kills)
    folder = Path(tempfile.mkdtemp(prefix="chaos-")) if asked.folder is None else asked.folder
    folder.mkdir(parents=True, exist_ok=asked.folder is None)
    again = f"python -m tests.chaos --seed {asked.seed}" + (f" --kills {asked.kills}" if asked.kills else "")
    say(f"seed {asked.seed}; the same decisions again: {again}; files are in {folder}")
    verdict = asyncio.run(run(plan(asked.seed, kills), folder, say))
    for name, figure in verdict.figures.items():
        say(f"{name:36} {figure}")
    for fault in verdict.faults[:FAULTS_SHOWN]:
        say(f"FAULT {fault}")
    if len(verdict.faults) > FAULTS_SHOWN:
        say(f"and {len(verdict.faults) - FAULTS_SHOWN} more")
    say("nothing lost, nothing changed, nothing moved twice" if not verdict.faults else f"again: {again}")
    return 1 if verdict.faults else 0


def say(text: str) -> None:
    """A line for whoever waits, with the seconds that the process has lived."""
    sys.stdout.write(f"{time.monotonic() - BEGAN:6.1f}  {text}\n")  # noqa: TID251
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
