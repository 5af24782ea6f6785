"""Tags against both clouds' limits, for any stack name and any occasion."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from components.tags import tags_of

STACKS = st.from_regex(r"[A-Za-z0-9._-]{1,100}", fullmatch=True)
OCCASIONS = st.from_regex(r"[a-z0-9]{0,12}", fullmatch=True)


@given(STACKS, OCCASIONS)
def test_both_clouds_take_them(stack: str, occasion: str) -> None:
    tags = tags_of(stack, occasion)
    assert len(tags) <= 15  # the smallest limit: Azure DNS zones and Automation take 15, others 50
    assert len({key.lower() for key in tags}) == len(tags)  # Azure's keys know no case
    for key, value in tags.items():
        assert re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{1,128}", key)
        assert not re.match(r"(?i)aws:|azure|microsoft|windows", key)  # reserved by the clouds
        assert not re.search(r"[<>%&\\?/]", key)
        assert re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{1,256}", value)


def test_a_drill_is_told_from_production() -> None:
    assert "occasion" not in tags_of("normal", "")
    assert tags_of("emergency", "drill1")["occasion"] == "drill1"
