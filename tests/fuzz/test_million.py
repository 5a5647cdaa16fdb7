"""The long run without any guide: a million mutated conversations, in which nothing but an answer may happen."""

import os

import pytest

from tests.fuzz.found import targets
from tests.fuzz.mutation import mutations
from tests.laws.line import seeded

COUNT = int(os.environ.get("FUZZ_COUNT", "1000000"))
SEED = int(os.environ.get("FUZZ_SEED", "20241028"))


@pytest.mark.long
def test_the_server_stands_a_million_mutated_conversations() -> None:
    target = targets()["server"]
    for data in mutations(target.seeds, seeded(SEED), COUNT):
        try:
            target.take(data)
        except Exception as error:
            error.add_note(f"FUZZ_SEED={SEED}, input {data.hex()}")
            raise
