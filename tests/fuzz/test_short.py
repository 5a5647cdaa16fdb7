"""The short run: every target takes its seeds and some hundred seeded mutations of them."""

import os

import pytest

from tests.fuzz.found import Target, targets
from tests.fuzz.mutation import mutations
from tests.laws.line import seeded

SEED = int(os.environ.get("FUZZ_SEED", "20241028"))
MUTATIONS = 300
TARGETS = targets()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_any_bytes_are_taken(target: Target) -> None:
    print(f"{target.name}: FUZZ_SEED={SEED}")  # noqa: T201 (pytest shows it when the test fails)
    for data in (b"", *target.seeds, *mutations(target.seeds, seeded(SEED), MUTATIONS)):
        try:
            target.take(data)
        except Exception as error:
            error.add_note(f"FUZZ_SEED={SEED}, input {data.hex()}")
            raise


def test_the_same_seed_makes_the_same_inputs() -> None:
    seeds = [b"abc", bytes(100)]
    first, second = (list(mutations(seeds, seeded(SEED), 50)) for _ in range(2))
    assert first == second
    assert len(set(first)) > 40
