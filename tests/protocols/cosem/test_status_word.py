"""The event status word: its bits have names, each its own."""

from emulator.event import status_word
from protocols.cosem.status_word import BITS, FIRST_BREATH, LAST_GASP, NAMES, SWITCH, bits_of, name_of


def test_bits_are_counted_from_the_first_on_the_wire() -> None:
    word = "".join("1" if bit in {0, SWITCH, 127} else "0" for bit in range(BITS))
    assert list(bits_of(word)) == [0, SWITCH, 127]
    assert [name_of(bit) for bit in bits_of(word)] == ["voltage_missing_l1", "load_switch", "relay_neutral"]
    assert name_of(40) == "bit_40"


def test_each_bit_has_a_name_of_its_own() -> None:
    assert len(set(NAMES.values())) == len(NAMES)
    assert all(0 <= bit < BITS for bit in NAMES)


def test_meter_and_reader_mean_the_same_bits() -> None:
    assert (SWITCH, LAST_GASP, FIRST_BREATH) == (status_word.SWITCH, status_word.LAST_GASP, status_word.FIRST_BREATH)
