"""A figure with its uncertainty: low, expected, high."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from costs.errors import CostError


@dataclass(frozen=True)
class Range:
    """Three readings of one non-negative quantity or amount. A certain figure has all three equal.

    Raises:
        CostError: when a reading is negative or the three are out of order.
    """

    low: float
    expected: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.expected <= self.high:
            raise CostError(
                f"range low={self.low} expected={self.expected} high={self.high}: "
                "needs 0 <= low <= expected <= high"
            )

    @classmethod
    def exactly(cls, value: float) -> Range:
        return cls(value, value, value)

    @property
    def certain(self) -> bool:
        return self.low == self.high

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, other: Range | float) -> Range:
        """Elementwise: everything here grows with everything else, so low goes with low."""
        by = other if isinstance(other, Range) else Range.exactly(other)
        return Range(self.low * by.low, self.expected * by.expected, self.high * by.high)

    def __truediv__(self, by: float) -> Range:
        return Range(self.low / by, self.expected / by, self.high / by)

    def above(self, allowance: Range) -> Range:
        """What is left after a free allowance; the largest allowance belongs to the low reading.

        >>> Range.exactly(50).above(Range(0, 40, 100))
        Range(low=0.0, expected=10.0, high=50.0)
        """
        return Range(
            max(0.0, self.low - allowance.high),
            max(0.0, self.expected - allowance.expected),
            max(0.0, self.high - allowance.low),
        )


ZERO = Range.exactly(0.0)


def total(parts: Iterable[Range]) -> Range:
    result = ZERO
    for part in parts:
        result = result + part
    return result


def parse(value: object, key: str) -> Range:
    """A number, or a mapping with low, expected and high.

    Raises:
        CostError: naming `key`, the value and the two accepted forms.
    """
    fix = f"{key}: {value!r} is neither a number nor {{low: .., expected: .., high: ..}}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return Range.exactly(float(value))
        except CostError as error:
            raise CostError(f"{key}: {error}") from error
    if not isinstance(value, dict):
        raise CostError(fix)
    readings: dict[object, object] = dict(value)  # pyright: ignore[reportUnknownArgumentType]
    if set(readings) != {"low", "expected", "high"}:
        raise CostError(fix)
    numbers: list[float] = []
    for name in ("low", "expected", "high"):
        number = readings[name]
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise CostError(fix)
        numbers.append(float(number))
    try:
        return Range(*numbers)
    except CostError as error:
        raise CostError(f"{key}: {error}") from error
