"""Points in time: a moment is one moment on every machine, or it is refused."""

from __future__ import annotations

import pytest

from agent.errors import ConfigError
from agent.gtid import GtidSet
from agent.moment import parse_target, say_target

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-01-31T12:00:00+09:00", "2026-01-31T03:00:00.000000+00:00"),
        ("2026-01-31T12:00:00.123456Z", "2026-01-31T12:00:00.123456+00:00"),
        (f" {UUID.upper()}:1-3:5", f"{UUID}:1-3:5"),
    ],
)
def test_targets(text: str, said: str) -> None:
    assert say_target(parse_target(text)) == said


def test_a_gtid_set_is_a_set() -> None:
    assert parse_target(f"{UUID}:7") == GtidSet.parse(f"{UUID}:7")


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00Z for UTC"),
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("yesterday", "write 2026-01-31T12:00:00+09:00"),
        (f"{UUID}:0", "write 2026-01-31T12:00:00+09:00"),
        ("", "write 2026-01-31T12:00:00+09:00"),
    ],
)
def test_what_is_refused_comes_with_the_fix(text: str, fix: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_target(text)
    assert fix in str(refused.value)
