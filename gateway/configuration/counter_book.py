"""Where the gateway keeps invocation counters: of each direction one row of the store's memory a meter and client."""

from gateway.outbox.group_commit import GroupCommit


class StoreBook:
    """See `gateway.meter.security.CounterBook`.

    Args:
        commit: writes to the store.
        meter: the meter's id.
        client: the client SAP whose counter it is.
    """

    def __init__(self, commit: GroupCommit, meter: str, client: int) -> None:
        self._commit = commit
        self._meter = meter
        self._key = f"counter/{client}"
        self._received = f"received/{client}"

    async def recall(self) -> int | None:
        """The lowest value that may be used, if one was kept."""
        kept = await self._commit.run(lambda: self._commit.store.recall(self._meter, self._key))
        return None if kept is None else int(kept)

    async def received(self) -> str | None:
        """What was written down of the counters that the meter has used."""
        return await self._commit.run(lambda: self._commit.store.recall(self._meter, self._received))

    def note(self, text: str) -> None:
        """Write that down, within a transaction."""
        self._commit.store.remember(self._meter, self._received, text)

    async def keep(self, lowest: int) -> None:
        """Keep it; it is durable when this returns."""
        await self._commit.run(lambda: self._commit.store.remember(self._meter, self._key, str(lowest)))
