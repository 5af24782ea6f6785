"""What the application does: one function per route, from a request to a reply. No sockets here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import ceil

from . import pages
from .database import Database, DatabaseError

_PAGE_SIZE = 5  # as in the original
_OWNER = "SELECT id, first_name, last_name, address, city, telephone FROM owners"
_OWNER_FIELDS = (
    ("firstName", "First name"),
    ("lastName", "Last name"),
    ("address", "Address"),
    ("city", "City"),
    ("telephone", "Telephone"),
)


@dataclass(frozen=True)
class Request:
    """Method, path without the query, and the query's or form's fields (last value wins)."""

    method: str
    path: str
    fields: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Reply:
    """Status, body and the two headers that differ from page to page."""

    status: int
    body: str
    content_type: str = "text/html;charset=UTF-8"
    location: str | None = None


def _see(location: str) -> Reply:
    return Reply(302, "", location=location)


def _json(status: int, value: object) -> Reply:
    return Reply(status, json.dumps(value), content_type="application/json")


class Clinic:
    """The routes of Spring PetClinic that people and probes use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._routes: tuple[tuple[str, re.Pattern[str], Callable[..., Reply]], ...] = tuple(
            (method, re.compile(pattern), action)
            for method, pattern, action in (
                ("GET", r"/", lambda _: Reply(200, pages.welcome())),
                ("GET", r"/actuator/health", self._health),
                ("GET", r"/actuator/health/liveness", lambda _: _json(200, {"status": "UP"})),
                ("GET", r"/actuator/health/readiness", lambda _: _json(200, {"status": "UP"})),
                ("GET", r"/owners/find", lambda _: Reply(200, pages.find_owners())),
                ("GET", r"/owners", self._owners),
                ("GET", r"/owners/new", self._owner_form),
                ("POST", r"/owners/new", self._new_owner),
                ("GET", r"/owners/(\d+)", self._owner),
                ("GET", r"/owners/(\d+)/pets/new", self._pet_form),
                ("POST", r"/owners/(\d+)/pets/new", self._new_pet),
                ("GET", r"/owners/(\d+)/pets/(\d+)/visits/new", self._visit_form),
                ("POST", r"/owners/(\d+)/pets/(\d+)/visits/new", self._new_visit),
                ("GET", r"/vets", self._vets_json),
                ("GET", r"/vets\.html", self._vets),
            )
        )

    def answer(self, request: Request) -> Reply:
        """The reply to a request; a failing database becomes a 500 page, an unknown path a 404 page."""
        other_methods = False
        for method, pattern, action in self._routes:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            if method != ("GET" if request.method == "HEAD" else request.method):
                other_methods = True
                continue
            try:
                return action(request, *(int(group) for group in match.groups()))
            except DatabaseError as error:
                return Reply(500, pages.message("Something happened", f"The database did not help: {error}"))
        if other_methods:
            return Reply(405, pages.message("Method not allowed", f"{request.method} {request.path}"))
        return Reply(404, pages.message("Not found", request.path))

    def _health(self, _: Request) -> Reply:
        try:
            self._database.query("SELECT 1")
        except DatabaseError:
            return _json(503, {"groups": ["liveness", "readiness"], "status": "DOWN"})
        return _json(200, {"groups": ["liveness", "readiness"], "status": "UP"})

    def _owners(self, request: Request) -> Reply:
        last_name = request.fields.get("lastName", "")
        wanted = request.fields.get("page", "1")
        number = int(wanted) if wanted.isdecimal() and int(wanted) > 0 else 1
        start = last_name.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
        count = int(
            self._database.query("SELECT COUNT(*) FROM owners WHERE last_name LIKE %s", (start,))[0][0]
        )
        if count == 0:
            return Reply(200, pages.message("Find owners", "has not been found"))
        rows = self._database.query(
            f"{_OWNER} WHERE last_name LIKE %s ORDER BY id LIMIT %s OFFSET %s",
            (start, _PAGE_SIZE, (number - 1) * _PAGE_SIZE),
        )
        if count == 1 and rows:
            return _see(f"/owners/{rows[0][0]}")
        return Reply(200, pages.owner_list(rows, number, ceil(count / _PAGE_SIZE), last_name))

    def _owner(self, _: Request, owner: int) -> Reply:
        rows = self._database.query(f"{_OWNER} WHERE id = %s", (owner,))
        if not rows:
            return Reply(404, pages.message("Not found", f"No owner {owner}"))
        pets = self._database.query(
            "SELECT p.id, p.name, p.birth_date, t.name FROM pets p JOIN types t ON t.id = p.type_id "
            "WHERE p.owner_id = %s ORDER BY p.name",
            (owner,),
        )
        visits = self._database.query(
            "SELECT v.pet_id, v.visit_date, v.description FROM visits v JOIN pets p ON p.id = v.pet_id "
            "WHERE p.owner_id = %s ORDER BY v.visit_date",
            (owner,),
        )
        return Reply(200, pages.owner(rows[0], pets, visits))

    def _owner_form(self, _: Request) -> Reply:
        return Reply(200, pages.form("Owner", _OWNER_FIELDS, {}, {}))

    def _new_owner(self, request: Request) -> Reply:
        values = {name: request.fields.get(name, "").strip() for name, _ in _OWNER_FIELDS}
        errors = {name: "must not be blank" for name, value in values.items() if not value}
        if not re.fullmatch(r"\d{10}", values["telephone"]):
            errors["telephone"] = "must be ten digits"
        errors |= {n: "at most 30 characters" for n in ("firstName", "lastName") if len(values[n]) > 30}
        if errors:
            return Reply(200, pages.form("Owner", _OWNER_FIELDS, values, errors))
        number = self._database.insert(
            "INSERT INTO owners (first_name, last_name, address, city, telephone) "
            "VALUES (%s, %s, %s, %s, %s)",
            tuple(values.values()),
        )
        return _see(f"/owners/{number}")

    def _pet_form(self, _: Request, _owner: int) -> Reply:
        return Reply(
            200, pages.form("Pet", (("name", "Name"), ("birthDate", "Birth date"), ("type", "Type")), {}, {})
        )

    def _new_pet(self, request: Request, owner: int) -> Reply:
        name, born, kind = (request.fields.get(key, "").strip() for key in ("name", "birthDate", "type"))
        types = self._database.query("SELECT id FROM types WHERE name = %s", (kind,))
        if not name or not types or _day(born) is None:
            return self._pet_form(request, owner)
        self._database.insert(
            "INSERT INTO pets (name, birth_date, type_id, owner_id) VALUES (%s, %s, %s, %s)",
            (name, _day(born), types[0][0], owner),
        )
        return _see(f"/owners/{owner}")

    def _visit_form(self, _: Request, _owner: int, _pet: int) -> Reply:
        return Reply(200, pages.form("Visit", (("date", "Date"), ("description", "Description")), {}, {}))

    def _new_visit(self, request: Request, owner: int, pet: int) -> Reply:
        when = _day(request.fields.get("date", "").strip()) or date.today()  # noqa: DTZ011 - a clinic's local day
        description = request.fields.get("description", "").strip()
        mine = self._database.query("SELECT id FROM pets WHERE id = %s AND owner_id = %s", (pet, owner))
        if not mine:
            return Reply(404, pages.message("Not found", f"Owner {owner} has no pet {pet}"))
        if not description:
            return self._visit_form(request, owner, pet)
        self._database.insert(
            "INSERT INTO visits (pet_id, visit_date, description) VALUES (%s, %s, %s)",
            (pet, when, description),
        )
        return _see(f"/owners/{owner}")

    def _vet_rows(self) -> list[tuple[object, ...]]:
        return self._database.query(
            "SELECT v.first_name, v.last_name, GROUP_CONCAT(s.name ORDER BY s.name SEPARATOR ', ') "
            "FROM vets v LEFT JOIN vet_specialties vs ON vs.vet_id = v.id "
            "LEFT JOIN specialties s ON s.id = vs.specialty_id "
            "GROUP BY v.id ORDER BY v.id"
        )

    def _vets(self, _: Request) -> Reply:
        return Reply(200, pages.vets(self._vet_rows()))

    def _vets_json(self, _: Request) -> Reply:
        rows = self._vet_rows()
        return _json(
            200, {"vetList": [{"firstName": r[0], "lastName": r[1], "specialties": r[2]} for r in rows]}
        )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
