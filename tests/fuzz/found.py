"""Which targets there are: every module of this folder that has `SEEDS` and `target`."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple


class Target(NamedTuple):
    """One decoder, or one role of a machine, to be given any bytes."""

    name: str
    seeds: Sequence[bytes]
    take: Callable[[bytes], None]


def load(name: str) -> Target | None:
    """The target in the module of that name, or None if there is none in it."""
    module = import_module(f"tests.fuzz.{name}")
    if hasattr(module, "SEEDS") and hasattr(module, "target"):
        return Target(name, module.SEEDS, module.target)
    return None


def targets() -> dict[str, Target]:
    """All of them by name."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    modules = [name for name in names if not name.startswith(("_", "test_")) and name not in {"found", "one"}]
    return {target.name: target for name in modules if (target := load(name)) is not None}
