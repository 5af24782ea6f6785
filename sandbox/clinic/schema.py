"""Tables of the shape Spring PetClinic uses, and made-up rows for them.

``vet_specialties`` has no primary key, as in the original: Azure then adds an invisible one, and dump,
restore and comparison have to cope with that.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

from .database import Database, Row

OWNERS = 600  # enough rows that a restore has something to do; the original's sample has 10

TABLES = (
    """CREATE TABLE IF NOT EXISTS vets (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        first_name VARCHAR(30), last_name VARCHAR(30), INDEX (last_name)) ENGINE=InnoDB""",
    """CREATE TABLE IF NOT EXISTS specialties (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        name VARCHAR(80), INDEX (name)) ENGINE=InnoDB""",
    """CREATE TABLE IF NOT EXISTS vet_specialties (
        vet_id INT UNSIGNED NOT NULL, specialty_id INT UNSIGNED NOT NULL,
        FOREIGN KEY (vet_id) REFERENCES vets (id), FOREIGN KEY (specialty_id) REFERENCES specialties (id),
        UNIQUE (vet_id, specialty_id)) ENGINE=InnoDB""",
    """CREATE TABLE IF NOT EXISTS types (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        name VARCHAR(80), INDEX (name)) ENGINE=InnoDB""",
    """CREATE TABLE IF NOT EXISTS owners (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        first_name VARCHAR(30), last_name VARCHAR(30), address VARCHAR(255), city VARCHAR(80),
        telephone VARCHAR(20), INDEX (last_name)) ENGINE=InnoDB""",
    """CREATE TABLE IF NOT EXISTS pets (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        name VARCHAR(30), birth_date DATE, type_id INT UNSIGNED NOT NULL, owner_id INT UNSIGNED,
        INDEX (name), FOREIGN KEY (owner_id) REFERENCES owners (id),
        FOREIGN KEY (type_id) REFERENCES types (id)) ENGINE=InnoDB""",
    """CREATE TABLE IF NOT EXISTS visits (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        pet_id INT UNSIGNED, visit_date DATE, description VARCHAR(255),
        FOREIGN KEY (pet_id) REFERENCES pets (id)) ENGINE=InnoDB""",
)

TYPES = ("cat", "dog", "hamster", "lizard", "parrot", "rabbit", "snake", "turtle")
SPECIALTIES = ("cardiology", "dentistry", "radiology", "surgery")
_FIRST = (
    "Mina",
    "Jisoo",
    "Haneul",
    "Doyun",
    "Seojun",
    "Yuna",
    "Bora",
    "Taeho",
    "Ada",
    "Noor",
    "Émile",
    "Zoë",
)
_LAST = (
    "Kim",
    "Lee",
    "Park",
    "Choi",
    "Jung",
    "Kang",
    "Yoon",
    "Lim",
    "O'Hara",
    "Müller",
    "Ferreira",
    "Nakata",
)
_CITIES = ("Seoul", "Busan", "Incheon", "Daegu", "Daejeon", "Gwangju", "Suwon", "Jeju")
_STREETS = ("Teheran-ro", "Sejong-daero", "Gangnam-daero", "Olympic-ro", "Jong-ro", "Yeoksam-ro")
_PETS = ("Bori", "Choco", "Dubu", "Gureum", "Kong", "Mong", "Nabi", "Ppoppi", "Sarang", "Tori")
_REASONS = ("rabies shot", "annual check", "teeth cleaned", "cut paw; bandaged", "won't eat", "neutered")


def create(database: Database) -> None:
    """Make the tables and the sample rows that are not there yet (``SPRING_SQL_INIT_MODE=always``).

    Like the original's script it inserts by id and ignores rows that exist, so it also brings deleted sample
    rows back: the reason why a restored database must be started with ``never``.

    Raises:
        DatabaseError: the database is away or the account may not create tables.
    """
    with database.transaction() as cursor:
        for statement in TABLES:
            cursor.execute(statement)
        for table, rows in sample().items():
            marks = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT IGNORE INTO {table} VALUES ({marks})", rows)


def sample(owners: int = OWNERS) -> dict[str, list[Row]]:
    """The same made-up rows every time, by table, parents first."""
    dice = random.Random(20_231_123)
    pets: list[Row] = []
    visits: list[Row] = []
    for owner in range(1, owners + 1):
        for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
            pet = len(pets) + 1
            pets.append((pet, dice.choice(_PETS), _day(dice, 2012), dice.randint(1, len(TYPES)), owner))
            for _ in range(dice.choice((0, 0, 1, 2))):
                visits.append((len(visits) + 1, pet, _day(dice, 2021), dice.choice(_REASONS)))
    return {
        "types": list(enumerate(TYPES, 1)),
        "specialties": list(enumerate(SPECIALTIES, 1)),
        "vets": [(n, _FIRST[n], _LAST[-n]) for n in range(1, 9)],
        "vet_specialties": [(2, 3), (3, 2), (3, 4), (4, 4), (5, 3), (7, 1)],
        "owners": list(_owners(dice, owners)),
        "pets": pets,
        "visits": visits,
    }


def _owners(dice: random.Random, count: int) -> Iterator[Row]:
    for number in range(1, count + 1):
        yield (
            number,
            dice.choice(_FIRST),
            dice.choice(_LAST),
            f"{dice.randint(1, 400)} {dice.choice(_STREETS)}",
            dice.choice(_CITIES),
            f"010{dice.randint(0, 9_999_999):07d}",
        )


def _day(dice: random.Random, first_year: int) -> date:
    return date(first_year, 1, 1) + timedelta(days=dice.randint(0, 1200))
