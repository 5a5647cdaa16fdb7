"""The block cipher MISTY1 with eight rounds (RFC 2994): encryption algorithm 11 of STS.

Blocks of 64 bits and the key of 128 bits are integers, most significant bit first, as the RFC numbers its octets.
"""

from typing import Final

ROUNDS: Final = 8
KEY_BITS: Final = 128

_WORD: Final = 0xFFFF

# The RFC's two tables of substitution, as it prints them; two and three hexadecimal digits an entry.
_S7: Final = bytes.fromhex(
    "1b32335a3b1017545b1a72736b2c66491f24136c372e3f4a5d0f405625511c04"
    "0b46200d7b3544422b1e41144b79156f0e550936740c6753280a7e3802076029"
    "1912652f303908685f782a4c6445753d594803577c4f623c1d215e276a704d3a"
    "016d6e6318772305267600312d7a7f61502211064716524e713e6943345c587d"
)
_S9_DIGITS: Final = (
    "1c30cb15319f1e30e90fb0351810b91171eb13300902d0d30c714a03707e0eb1641931d80a311e05502c01d1a216311814b1521d200f"
    "02b03013a0e511113818e0630e30c81f401b00109d0f81a016d1f301c14607d0d10821ea18312d0f419e1d30dd1e21281e00ec059091"
    "01112f0260dc0b018c10f1f70e716c0b60f90d815110114c1030b815412b1ae01707100c04705807f1a413412908415d19d1b21a3048"
    "07c0511ca02313d1a716503b0420da1920ce0c106b09f1f112c1840fa1961e116917d03118010a0941da18613e11c0601751cf067119"
    "06506809915000800717c0b70240190de1270db0e41a905210909019c1c10281b313516a1760df1e51880c516e1de1b10c31df0360ee"
    "1ee0f009304909a1b606908112500b05e0b41491c717403e13b1b708e1c60ae0100951ef04e0f21fd0850fd0f60a016f08308a15609b"
    "13c1071670981d01e90031fe0bd1220890d218f01203306a1420ed17011b0e214f15813114705d1131cd0791611a517909e1b40cc022"
    "13201a0e80041871ed1970391bf1d702718b0c609c0d014e06c0341f206e0ca0250ba1910fe01310602f1ad1721db0c010b1d60f51ec"
    "10d0761141ab07510c1e415905411f04b0c41be0f70290a400e1f007704d17a08608b0b31710bf10e10409715b1601680d70bb0661ce"
    "0fc0921c506f01604a0a11390af0f119000a1aa14317b05618d1660d41fb14d19419a0871f81230a71b814103c1f914002a15511a1a1"
    "1980d51261af06112e1571dc07218a0aa0961150ef04507b08d14505305f1780b202e0201d503f1c91e71ac0440380140b116b0ab0b5"
    "05a1821c81d40181770640cf06d10019913015a0051201bb1bd0e004f0d613f1c412a0150060ff19b0a604308805015f1e812107317e"
    "0bc0c20c91731891f50741cc1e61a819501f04100d1ba03203d1d10800a80571b91621480d910506207a0211ff1121081c00a911d1b0"
    "1a60cd0f305c10205b1d91441f60ad0a503a1cb13617f0460e101e1dd0e61371fa18508c08f0401b50be0780000ac11015e1240021bc"
    "0a20ea0701fc11615c04c1c2"
)
_S9: Final = tuple(int(_S9_DIGITS[place : place + 3], 16) for place in range(0, len(_S9_DIGITS), 3))


def _fi(word: int, key: int) -> int:
    """The inner function: nine and seven bits of a word through both tables, with 16 bits of key."""
    nine, seven = word >> 7, word & 0x7F
    nine = _S9[nine] ^ seven
    seven = _S7[seven] ^ nine & 0x7F
    seven ^= key >> 9
    nine = _S9[nine ^ key & 0x1FF] ^ seven
    return seven << 9 | nine


class Misty1:
    """MISTY1 under one key.

    Args:
        key: 16 octets.
    """

    __slots__ = ("_derived", "_given")

    def __init__(self, key: bytes) -> None:
        if len(key) * 8 != KEY_BITS:
            raise ValueError(f"a key of {len(key)} octets: MISTY1 takes {KEY_BITS // 8}")
        self._given = [key[place] << 8 | key[place + 1] for place in range(0, len(key), 2)]
        self._derived = [_fi(word, self._given[(place + 1) % 8]) for place, word in enumerate(self._given)]

    def encrypt(self, block: int) -> int:
        """One block of 64 bits."""
        left, right = block >> 32, block & 0xFFFFFFFF
        for place in range(0, ROUNDS, 2):
            left, right = self._fl(left, place), self._fl(right, place + 1)
            right ^= self._fo(left, place)
            left ^= self._fo(right, place + 1)
        left, right = self._fl(left, ROUNDS), self._fl(right, ROUNDS + 1)
        return right << 32 | left

    def decrypt(self, block: int) -> int:
        """The block that `encrypt` has made this of."""
        right, left = block >> 32, block & 0xFFFFFFFF
        left, right = self._fl_back(left, ROUNDS), self._fl_back(right, ROUNDS + 1)
        for place in range(ROUNDS - 2, -1, -2):
            left ^= self._fo(right, place + 1)
            right ^= self._fo(left, place)
            left, right = self._fl_back(left, place), self._fl_back(right, place + 1)
        return left << 32 | right

    def _fo(self, half: int, place: int) -> int:
        """The function of a round: three inner ones over the two words of a half block."""
        given, derived = self._given, self._derived
        one, other = half >> 16, half & _WORD
        one = _fi(one ^ given[place], derived[(place + 5) % 8]) ^ other
        other = _fi(other ^ given[(place + 2) % 8], derived[(place + 1) % 8]) ^ one
        one = _fi(one ^ given[(place + 7) % 8], derived[(place + 3) % 8]) ^ other
        return (other ^ given[(place + 4) % 8]) << 16 | one

    def _keys_of_fl(self, place: int) -> tuple[int, int]:
        half = place // 2
        if place % 2:
            return self._derived[(half + 2) % 8], self._given[(half + 4) % 8]
        return self._given[half], self._derived[(half + 6) % 8]

    def _fl(self, half: int, place: int) -> int:
        """The linear function between rounds."""
        with_and, with_or = self._keys_of_fl(place)
        one, other = half >> 16, half & _WORD
        other ^= one & with_and
        return (one ^ (other | with_or)) << 16 | other

    def _fl_back(self, half: int, place: int) -> int:
        with_and, with_or = self._keys_of_fl(place)
        one, other = half >> 16, half & _WORD
        one ^= other | with_or
        return one << 16 | other ^ one & with_and
