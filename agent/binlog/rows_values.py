"""Values that columns and JSON documents have in common: DECIMAL, DOUBLE, date and time."""

from __future__ import annotations

_DECIMAL_BYTES = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)


def floating(value: float) -> bytes:
    """A DOUBLE literal (with an exponent: without one it would be a DECIMAL)."""
    text = repr(value)
    return (text if "e" in text else f"{text}e0").encode()


def decimal_bytes(precision: int, scale: int) -> int:
    """How long the binary form of a DECIMAL is."""
    whole = precision - scale
    return whole // 9 * 4 + _DECIMAL_BYTES[whole % 9] + scale // 9 * 4 + _DECIMAL_BYTES[scale % 9]


def decimal(data: bytes, precision: int, scale: int) -> bytes:
    """The literal of a DECIMAL from its binary form: groups of nine digits, all bits inverted if negative."""
    bits = len(data) * 8
    number = int.from_bytes(data, "big") ^ 1 << bits - 1
    negative = bool(number >> bits - 1)
    if negative:
        number ^= (1 << bits) - 1
    data = number.to_bytes(len(data), "big")
    at = 0

    def digits(count: int) -> str:
        nonlocal at
        start, at = at, at + _DECIMAL_BYTES[count]
        return f"{int.from_bytes(data[start:at], 'big'):0{count}d}"

    whole = precision - scale
    head = [digits(whole % 9)] if whole % 9 else []
    head += [digits(9) for _ in range(whole // 9)]
    tail = [digits(9) for _ in range(scale // 9)]
    tail += [digits(scale % 9)] if scale % 9 else []
    text = "".join(head).lstrip("0") or "0"
    return (("-" if negative else "") + text + ("." + "".join(tail) if tail else "")).encode()


def datetime_text(packed: int) -> str:
    """Date and time to the second from MySQL's packed form without its fraction."""
    day, clock = packed >> 17, packed & (1 << 17) - 1
    months = day >> 5
    return (
        f"{months // 13:04d}-{months % 13:02d}-{day & 31:02d}"
        f" {clock >> 12:02d}:{clock >> 6 & 63:02d}:{clock & 63:02d}"
    )
