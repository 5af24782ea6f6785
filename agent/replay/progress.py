"""Which transactions were replayed: a GTID set that grows by one at a time."""

from __future__ import annotations

from agent.gtid import GtidSet


class Progress:
    """The transactions so far.

    Args:
        window: those that the base may or may not hold; None: not known.
    """

    def __init__(self, window: GtidSet | None) -> None:
        self._window = window
        self._waiting = window.count() if window is not None else None
        self._runs: dict[str, list[tuple[int, int]]] = {}
        self.last = ""
        """The last transaction added."""

    def in_window(self, gtid: str) -> bool:
        """Whether the base may or may not hold the transaction."""
        return self._window is not None and gtid in self._window

    @property
    def settled(self) -> bool:
        """Whether everything that the base may hold was applied."""
        return self._waiting == 0

    def add(self, gtid: str) -> None:
        """One more; each comes once."""
        if self._waiting and self.in_window(gtid):
            self._waiting -= 1
        source, _, text = gtid.rpartition(":")
        number = int(text)
        runs = self._runs.setdefault(source, [])
        if runs and runs[-1][1] + 1 == number:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
        self.last = gtid

    @property
    def gtids(self) -> GtidSet:
        """All of them."""
        text = ",".join(f"{source}:{a}-{b}" for source, runs in self._runs.items() for a, b in runs)
        return GtidSet.parse(text)
