"""The HTML pages, as functions from values to text. Everything that came from outside is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .database import Row

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#222;background:#fafafa}"
    "header{background:#34302d;padding:.8rem 1.5rem}"
    "header a{color:#fff;margin-right:1.2rem;text-decoration:none}"
    "main{max-width:60rem;margin:1.5rem auto;padding:0 1.5rem}table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid #ddd;padding:.4rem .6rem;text-align:left}"
    "label{display:block;margin:.6rem 0}input,select{font:inherit;padding:.3rem;margin-left:.5rem}"
    ".error{color:#a00}"
)
_MENU = (("/", "Home"), ("/owners/find", "Find owners"), ("/vets.html", "Veterinarians"))


def page(title: str, body: str) -> str:
    """A whole page around ``body`` (HTML)."""
    menu = "".join(f'<a href="{link}">{name}</a>' for link, name in _MENU)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>PetClinic: {escape(title)}</title>"
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><header>{menu}</header><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def welcome() -> str:
    """The home page; it reads nothing, as in the original, so it proves nothing about the database."""
    return page("Welcome", "<p>A clinic for pets and their people.</p>")


def message(title: str, text: str) -> str:
    """A page that says one thing: an error, mostly."""
    return page(title, f"<p>{escape(text)}</p>")


def form(
    title: str, fields: Sequence[tuple[str, str]], values: dict[str, str], errors: dict[str, str]
) -> str:
    """A form that posts to its own address; ``fields`` are (name, label)."""
    rows = "".join(
        f'<label>{escape(label)}<input name="{name}" value="{escape(values.get(name, ""))}">'
        f'<span class="error">{escape(errors.get(name, ""))}</span></label>'
        for name, label in fields
    )
    return page(title, f'<form method="post">{rows}<button type="submit">Save</button></form>')


def find_owners() -> str:
    """The search form."""
    search = (
        '<form action="/owners"><label>Last name<input name="lastName"></label><button>Find</button></form>'
    )
    return page("Find owners", search + '<p><a href="/owners/new">Add an owner</a></p>')


def owner_list(owners: Sequence[Row], page_number: int, pages: int, last_name: str) -> str:
    """Owners as (id, first, last, address, city, telephone), one page of them."""
    links = " ".join(
        f"<b>{n}</b>"
        if n == page_number
        else f'<a href="/owners?page={n}&amp;lastName={escape(last_name)}">{n}</a>'
        for n in range(max(1, page_number - 4), min(pages, page_number + 4) + 1)
    )
    names = [(f'<a href="/owners/{row[0]}">{escape(f"{row[1]} {row[2]}")}</a>', *row[3:]) for row in owners]
    return page(
        "Owners", _table(("Name", "Address", "City", "Telephone"), names) + f"<p>Page {links} of {pages}</p>"
    )


def owner(row: Row, pets: Sequence[Row], visits: Sequence[Row]) -> str:
    """One owner with pets (id, name, birth date, type) and their visits (pet id, date, description)."""
    number, first, last, address, city, telephone = row
    body = _table(
        ("Name", "Address", "City", "Telephone"), [(escape(f"{first} {last}"), address, city, telephone)]
    )
    body += f'<p><a href="/owners/{number}/pets/new">Add a pet</a></p><h2>Pets and visits</h2>'
    for pet, name, born, kind in pets:
        body += f"<h3>{escape(str(name))}, {escape(str(kind))}, born {escape(str(born))}</h3>"
        body += _table(("Date", "Description"), [(escape(str(v[1])), v[2]) for v in visits if v[0] == pet])
        body += f'<p><a href="/owners/{number}/pets/{pet}/visits/new">Add a visit</a></p>'
    return page("Owner", body)


def vets(rows: Sequence[Row]) -> str:
    """Vets as (first, last, specialties)."""
    names = [(escape(f"{first} {last}"), skills or "none") for first, last, skills in rows]
    return page("Veterinarians", _table(("Name", "Specialties"), names))


def _table(heads: Sequence[str], rows: Sequence[Row]) -> str:
    """A table whose first column is HTML already; the others are escaped here."""
    top = "".join(f"<th>{head}</th>" for head in heads)
    body = "".join(
        f"<tr><td>{row[0]}</td>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
