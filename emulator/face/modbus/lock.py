"""The password that makers put before settings: written to one register, it opens locked ones for a while."""

from collections.abc import Mapping

from protocols.modbus.register_map import RegisterMap


class Lock:
    """One meter's lock.

    Args:
        register_map: a model with `unlock`.
    """

    __slots__ = ("_expires_ms", "_open_until_ms", "_password", "_register")

    def __init__(self, register_map: RegisterMap) -> None:
        unlock = register_map.unlock
        register = register_map.by_name(unlock.register) if unlock is not None else None
        password = register_map.by_name(unlock.password) if unlock is not None else None
        if unlock is None or register is None or password is None:
            msg = "a lock needs a model that names the register that takes the password and the one that holds it"
            raise ValueError(msg)
        self._register = register
        self._password = password
        self._expires_ms = unlock.expires_ms
        self._open_until_ms: int | None = None

    @property
    def register(self) -> str:
        """The name of the register that takes the password."""
        return self._register.name

    def open(self, at_ms: int) -> bool:
        """Whether locked registers may be written."""
        return self._open_until_ms is not None and at_ms < self._open_until_ms

    def shown(self, at_ms: int) -> bytes:
        """What reading the register shows: 1 while it is open, else 0."""
        return self._register.encode(1 if self.open(at_ms) else 0)

    def fits(self, data: bytes, memory: Mapping[str, bytes] | None) -> bool:
        """Whether what was written is the password in force."""
        works = self._password.encode(self._password.value or 0)
        held = works if memory is None else memory.get(self._password.name, works)
        return self._register.decode(data) == self._password.decode(held)

    def unlock(self, at_ms: int) -> None:
        """Open it for as long as the maker has it."""
        self._open_until_ms = at_ms + self._expires_ms
