"""The reference size is measured: a dump of so many visits is made and compressed as the agent does."""

from __future__ import annotations

import random

import pytest
from isal import igzip

from costs import assumptions

OWNERS, PETS, VISITS = 5_000, 10_000, 100_000
ROWS_PER_STATEMENT = 1000
WORDS = [
    "vaccination",
    "rabies",
    "checkup",
    "annual",
    "dental",
    "cleaning",
    "surgery",
    "follow-up",
    "neutered",
    "spayed",
    "limping",
    "left",
    "right",
    "paw",
    "ear",
    "infection",
    "antibiotic",
    "course",
    "days",
    "prescribed",
    "weight",
    "kg",
    "normal",
    "fever",
    "vomiting",
    "diet",
    "changed",
    "blood",
    "test",
    "results",
    "x-ray",
    "fracture",
    "allergy",
    "skin",
    "itch",
    "flea",
    "treatment",
    "worming",
    "booster",
    "puppy",
    "kitten",
    "owner",
    "advised",
    "return",
    "weeks",
    "recovered",
    "stable",
    "medication",
    "dose",
    "mg",
    "twice",
    "daily",
]


def _dump() -> bytes:
    dice = random.Random(7)
    syllables = [a + b + c for a in "BCDFGHJKLMNPRST" for b in "aeiou" for c in "nlrmst"]
    names = [s + end for s in syllables for end in ("a", "o", "ie", "son", "er")]

    def day() -> str:
        return f"20{dice.randint(10, 26)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"

    def note() -> str:
        return " ".join(dice.choices(WORDS, k=dice.randint(3, 10)))

    def owner(key: int) -> str:
        first, last, street, city = dice.choices(names, k=4)
        phone = f"{dice.randint(0, 10**10 - 1):010}"
        return f"({key},'{first}','{last}','{dice.randint(1, 9999)} {street} St.','{city}','{phone}')"

    tables = {
        "owners": [owner(key) for key in range(1, OWNERS + 1)],
        "pets": [
            f"({key},'{dice.choice(names)}','{day()}',{dice.randint(1, 6)},{dice.randint(1, OWNERS)})"
            for key in range(1, PETS + 1)
        ],
        "visits": [f"({key},{dice.randint(1, PETS)},'{day()}','{note()}')" for key in range(1, VISITS + 1)],
    }
    statements = [
        f"INSERT INTO `{table}` VALUES {','.join(rows[start : start + ROWS_PER_STATEMENT])};\n"
        for table, rows in tables.items()
        for start in range(0, len(rows), ROWS_PER_STATEMENT)
    ]
    return "".join(statements).encode()


def test_the_reference_size_is_what_such_a_clinic_has() -> None:
    dump = _dump()
    stored = len(igzip.compress(dump))
    a = assumptions.load()
    assert len(dump) / 1e6 == pytest.approx(a.dump_sql_mb, rel=0.05)
    assert len(dump) / stored == pytest.approx(a.dump_compression, rel=0.15)
