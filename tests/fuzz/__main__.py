"""All targets under atheris, each in a process of its own: `python -m tests.fuzz --seconds 600 [NAME ...]`.

Prints how many inputs each target took. On a finding the input's hex is printed and written to `run/fuzz/`, and the
exit status is 1.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from tests.fuzz.found import Target, targets

INPUT_BYTES_MAX = 8192
HANG_SECONDS = 10  # for one input; the slowest legal one takes milliseconds
MEMORY_MB_MAX = 1024
SPARE_SECONDS = 120  # to start, and to write a finding down
FINDINGS = Path("run/fuzz")


def say(text: str, to: TextIO = sys.stdout) -> None:
    """One line, at once."""
    to.write(text + "\n")
    to.flush()


def fuzz(target: Target, seconds: int, seed: int) -> bool:
    """Run one target; whether it stood."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, artifacts = Path(folder, "corpus"), Path(folder, "artifacts")
        corpus.mkdir()
        artifacts.mkdir()
        for index, data in enumerate(target.seeds):
            (corpus / f"seed-{index}").write_bytes(data)
        command = [
            sys.executable,
            *("-m", "tests.fuzz.one", target.name, str(corpus)),
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-max_len={INPUT_BYTES_MAX}",
            f"-timeout={HANG_SECONDS}",
            f"-rss_limit_mb={MEMORY_MB_MAX}",
            f"-artifact_prefix={artifacts}/",
            "-print_final_stats=1",
        ]
        start = time.perf_counter()
        ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + SPARE_SECONDS, check=False)
        took = time.perf_counter() - start
        counts = re.findall(r"number_of_executed_units: *(\d+)", ended.stderr)
        say(f"{target.name}: {counts[-1] if counts else 'unknown'} executions in {took:.0f} s")
        if ended.returncode == 0:
            return True
        say(ended.stderr[-4000:])
        for artifact in sorted(artifacts.iterdir()):
            FINDINGS.mkdir(parents=True, exist_ok=True)
            path = FINDINGS / f"{target.name}-{artifact.name}.hex"
            path.write_text(artifact.read_bytes().hex() + "\n")
            say(f"{target.name}: {path}: {artifact.read_bytes().hex()}")
        return False


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", help="targets; all by default")
    parser.add_argument("--seconds", type=int, default=600, help="each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    if find_spec("atheris") is None:
        say("atheris is not installed: pip install 'meterbench[fuzz]' on a Python before 3.14", sys.stderr)
        return 2
    known = targets()
    unknown = sorted(set(arguments.names) - set(known))
    if unknown:
        say(f"no target {', '.join(unknown)}; there are {', '.join(known)}", sys.stderr)
        return 2
    chosen = [known[name] for name in arguments.names or known]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        stood = list(pool.map(lambda target: fuzz(target, arguments.seconds, arguments.seed), chosen))
    return 0 if all(stood) else 1


if __name__ == "__main__":
    sys.exit(main())
