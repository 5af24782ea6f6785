"""The stand-in application: how it reads its environment, routes, validates, and how its "jar" is packed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandbox.clinic import jar, schema
from sandbox.clinic.clinic import Clinic, Request
from sandbox.clinic.database import Database, DatabaseError, Row
from sandbox.clinic.settings import DatabaseUrl, Settings, SettingsError, SslMode

OWNER = {
    "firstName": "Ada",
    "lastName": "Lim",
    "address": "1 Jong-ro",
    "city": "Seoul",
    "telephone": "0101234567",
}


class FakeDatabase(Database):
    """Answers by the first word that a statement contains; no server."""

    def __init__(self, answers: dict[str, list[Row]] | None = None, *, away: bool = False) -> None:
        self.answers = answers or {}
        self.away = away
        self.inserted: list[tuple[object, ...]] = []

    def query(self, statement: str, arguments: Sequence[object] = ()) -> list[Row]:
        if self.away:
            raise DatabaseError("connection refused")
        return next((rows for part, rows in self.answers.items() if part in statement), [])

    def insert(self, statement: str, arguments: Sequence[object]) -> int:
        self.inserted.append(tuple(arguments))
        return 77


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("jdbc:mysql://db.example:3307/petclinic", ("db.example", 3307, "petclinic", SslMode.PREFERRED)),
        ("jdbc:mysql://db/petclinic?sslMode=required&x=1", ("db", 3306, "petclinic", SslMode.REQUIRED)),
        ("jdbc:mysql://[::1]/p?useSSL=false", ("::1", 3306, "p", SslMode.DISABLED)),
        ("jdbc:mysql://h/p?sslMode=VERIFY_IDENTITY&useSSL=false", ("h", 3306, "p", SslMode.VERIFY_IDENTITY)),
    ],
)
def test_jdbc_urls(url: str, expected: tuple[str, int, str, SslMode]) -> None:
    parsed = DatabaseUrl.parse(url)
    assert (parsed.host, parsed.port, parsed.schema, parsed.ssl_mode) == expected


@pytest.mark.parametrize(
    "url", ["", "mysql://h/p", "jdbc:mysql://h", "jdbc:mysql://a,b/p", "jdbc:mysql://h/p?sslMode=MAYBE"]
)
def test_a_bad_jdbc_url_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="MYSQL_URL"):
        DatabaseUrl.parse(url)


@pytest.mark.parametrize(("name", "value"), [("SPRING_SQL_INIT_MODE", "maybe"), ("SERVER_PORT", "http")])
def test_a_bad_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is '{value}'"):
        Settings.from_environment({name: value})


def test_a_new_owner_is_acknowledged_only_after_the_insert() -> None:
    database = FakeDatabase()
    reply = Clinic(database).answer(Request("POST", "/owners/new", OWNER))
    assert (reply.status, reply.location) == (302, "/owners/77")
    assert database.inserted == [("Ada", "Lim", "1 Jong-ro", "Seoul", "0101234567")]


@pytest.mark.parametrize(("field", "value"), [("telephone", "123"), ("city", " "), ("lastName", "x" * 31)])
def test_an_invalid_owner_is_shown_again_and_not_written(field: str, value: str) -> None:
    database = FakeDatabase()
    reply = Clinic(database).answer(Request("POST", "/owners/new", OWNER | {field: value}))
    assert (reply.status, database.inserted) == (200, [])
    assert 'class="error"' in reply.body


def test_exactly_one_match_redirects_to_the_owner() -> None:
    rows: list[Row] = [(5, "Ada", "Lim", "", "", "")]
    clinic = Clinic(FakeDatabase({"COUNT": [(1,)], "FROM owners WHERE last_name": rows}))
    reply = clinic.answer(Request("GET", "/owners", {"lastName": "Lim"}))
    assert (reply.status, reply.location) == (302, "/owners/5")


def test_health_follows_the_database_and_says_it_as_spring_does() -> None:
    up = Clinic(FakeDatabase()).answer(Request("GET", "/actuator/health"))
    down = Clinic(FakeDatabase(away=True)).answer(Request("GET", "/actuator/health"))
    assert (up.status, json.loads(up.body)["status"]) == (200, "UP")
    assert (down.status, json.loads(down.body)["status"]) == (503, "DOWN")


def test_errors_are_pages() -> None:
    away = Clinic(FakeDatabase(away=True))
    assert away.answer(Request("GET", "/vets")).status == 500
    assert away.answer(Request("GET", "/nowhere")).status == 404
    assert away.answer(Request("POST", "/vets")).status == 405


def test_what_came_from_outside_is_escaped() -> None:
    rows: list[Row] = [(1, "<script>", "x", "", "", "")]
    reply = Clinic(FakeDatabase({"FROM owners WHERE id": rows})).answer(Request("GET", "/owners/1"))
    assert "<script>" not in reply.body


def test_sample_rows_are_the_same_every_time_and_refer_to_each_other() -> None:
    rows = schema.sample()
    assert rows == schema.sample()
    assert len(rows["owners"]) == schema.OWNERS
    pets = {row[0] for row in rows["pets"]}
    assert {row[1] for row in rows["visits"]} <= pets
    assert {row[4] for row in rows["pets"]} <= {row[0] for row in rows["owners"]}


def test_the_jar_is_reproducible_and_runs_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "a folder" / "petclinic.jar", tmp_path / "petclinic.jar"
    first.parent.mkdir()
    assert jar.build(first) == jar.build(second)
    names = zipfile.ZipFile(first).namelist()
    assert "clinic/server.py" in names
    assert "pymysql/connections.py" in names
    done = subprocess.run(
        [sys.executable, "-I", first],
        env={"MYSQL_URL": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "MYSQL_URL is 'nonsense'" in done.stderr
    assert "Traceback" not in done.stderr
