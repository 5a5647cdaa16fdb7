"""Who a station is: which of its logical devices an address means, and how it calls itself."""

from collections.abc import Collection

from protocols.hdlc.address import Address


class Station:
    """The addresses of one station.

    Args:
        physical: our address on the line, or None to be meant by any (a line of our own).
        logical_devices: the upper addresses we have; in the one-octet form a station known by `physical` gives its
            first one.
        address_size: the form of our address where no client has used one yet.
        calling: we have called, so we are meant by the calling-station address too.
    """

    __slots__ = ("_address_size", "_calling", "_devices", "_physical")

    def __init__(
        self, physical: int | None, logical_devices: Collection[int], address_size: int | None, *, calling: bool
    ) -> None:
        self._physical = physical
        self._devices = tuple(logical_devices)
        self._address_size = address_size
        self._calling = calling

    def meant(self, address: Address) -> tuple[int, ...]:
        """Our logical devices that an address means."""
        if address.is_no_station:
            return ()
        if address.lower is None and address.upper == self._physical and address.upper not in self._devices:
            return self._devices[:1]
        if address.lower is not None and not address.is_all_station:
            known = self._physical in {None, address.lower} or (self._calling and address.is_calling)
            if not known:
                return ()
        if address.is_every_logical_device:
            return self._devices
        return (address.upper,) if address.upper in self._devices else ()

    def own_address(self, device: int) -> Address:
        """The address of one of our logical devices."""
        return Address.server(device, self._physical, self._address_size)
