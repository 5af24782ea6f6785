"""How often a unit may start: ``StartLimitIntervalSec`` and ``StartLimitBurst`` of systemd.unit(5)."""

from __future__ import annotations

from sandbox.clouds.unit_file import Unit

_INTERVAL_S, _BURST = 10.0, 5  # DefaultStartLimitIntervalSec=, DefaultStartLimitBurst=


class StartLimit:
    """Counts the starts that follow one another, on the unit's own clock: what it ran, and the pauses that it
    asks for, whatever the simulation makes of them. An interval of 0 allows any number.
    """

    def __init__(self, unit: Unit) -> None:
        self._interval_s = unit.seconds("StartLimitIntervalSec", _INTERVAL_S, section="Unit")
        self._burst = int(unit.one("Unit", "StartLimitBurst", str(_BURST)))
        self._now = self._began = 0.0
        self._starts = 0

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def allows(self) -> bool:
        """Whether it may start once more; counts it."""
        if self._interval_s == 0 or self._burst == 0:
            return True
        if self._now - self._began > self._interval_s:
            self._began, self._starts = self._now, 0
        self._starts += 1
        return self._starts <= self._burst
