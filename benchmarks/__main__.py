"""All benchmarks, one after the other, each in a process of its own: `python -m benchmarks [NAME ...]`.

A benchmark is a module of this folder with a `main() -> int`: it prints its ratios, one a line, and returns 1 when one
of them is beyond its bound.
"""

import argparse
import subprocess
import sys
from pathlib import Path


def names() -> list[str]:
    """The modules that can be run."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def main() -> int:
    """Run what was asked for, and say at the end which bounds were kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks; all by default")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(names()))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(names())}")
    kept: dict[str, bool] = {}
    for name in arguments.names or names():
        ended = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False)
        kept[name] = ended.returncode == 0
    print()
    for name, within in kept.items():
        print(f"{name:24} {'within its bounds' if within else 'BEYOND a bound'}")
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
