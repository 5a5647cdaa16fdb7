"""Seeded mutations in plain Python: what the suite uses where the coverage-guided fuzzer would take too long."""

from collections.abc import Iterator, Sequence
from random import Random

INPUT_BYTES_MAX = 4096
TELLING = bytes((0x00, 0x01, 0x7E, 0x7F, 0x80, 0x81, 0x82, 0x83, 0x84, 0xFE, 0xFF))
"""Octets that are a length, a flag or a limit somewhere."""


def mutations(seeds: Sequence[bytes], random: Random, count: int) -> Iterator[bytes]:
    """That many inputs made from the seeds; the same for the same `random`."""
    for _ in range(count):
        data = bytearray(random.choice(seeds) if seeds else b"")
        for _ in range(random.randint(1, 6)):
            _mutate(data, seeds, random)
        yield bytes(data[:INPUT_BYTES_MAX])


def _mutate(data: bytearray, seeds: Sequence[bytes], random: Random) -> None:
    at = random.randrange(len(data) + 1)
    end = min(len(data), at + random.randint(1, 16))
    match random.randrange(8):
        case 0 if at < len(data):
            data[at] ^= 1 << random.randrange(8)
        case 1 if at < len(data):
            data[at] = random.choice(TELLING)
        case 2:
            del data[at:end]
        case 3:
            data[at:at] = data[at:end]
        case 4:
            data[at:at] = random.randbytes(random.randint(1, 8))
        case 5 if seeds:
            data[at:] = random.choice(seeds)[random.randrange(64) :]
        case 6:
            del data[at:]
        case _:
            data[at:at] = bytes((random.choice(TELLING),)) * random.randint(1, 4)
