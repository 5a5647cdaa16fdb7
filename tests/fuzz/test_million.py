"""The long run without any guide: every decoder and both roles take a million mutated inputs each."""

import os

import pytest

from tests.fuzz.found import Target, targets
from tests.fuzz.mutation import mutations
from tests.laws.line import seeded

COUNT = int(os.environ.get("FUZZ_COUNT", "1000000"))
SEED = int(os.environ.get("FUZZ_SEED", "20241028"))
TARGETS = targets()


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_a_million_mutated_inputs_are_stood(target: Target) -> None:
    for data in mutations(target.seeds, seeded(SEED), COUNT):
        try:
            target.take(data)
        except Exception as error:
            error.add_note(f"FUZZ_SEED={SEED}, input {data.hex()}")
            raise
