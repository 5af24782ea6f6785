"""Random databases and random changes of them, from a seed: for the replay's tests and the fault campaign.

Only SQL text comes from here; the same seed gives the same text whatever the server answers. Statements may
fail on the server (a duplicate key, a foreign key): whoever runs them goes on.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.agent.workload_values import COLUMNS, KEY_COLUMNS, Make, integer, text_of

SCHEMA = "petclinic"
_FAMILY = ("parent", "child", "leaf")


@dataclass
class _Table:
    name: str
    columns: list[tuple[str, str, Make]]
    """Name, definition, values; without those that the server computes."""
    key: list[str]
    parent: str | None = None
    extra: list[str] = field(default_factory=list[str])


class Workload:
    """Random SQL for one schema.

    Args:
        seed: the same one gives the same statements.
        exotic: types and values that mysqldump cannot carry (FLOAT, the ENUM error value, -0) as well.
        tables: how many to begin with.
        ddl: change definitions, too.
    """

    def __init__(
        self, seed: int, *, schema: str = SCHEMA, exotic: bool = True, tables: int = 6, ddl: bool = True
    ) -> None:
        self.rng = random.Random(seed)
        self.schema, self._exotic, self._ddl = schema, exotic, ddl
        self._tables: dict[str, _Table] = {}
        self._made = 0
        self._wanted = tables

    def setup(self) -> list[str]:
        """Statements that make the schema."""
        statements = [f"CREATE DATABASE {self.schema} CHARACTER SET utf8mb4", f"USE {self.schema}"]
        for _ in range(self._wanted):
            statements += self._create()
        return [*statements, *self._family()]

    def _family(self) -> list[str]:
        """Tables that cascade, one of them without a key, and a trigger."""
        number = ("BIGINT", integer(10, False))
        self._tables["parent"] = _Table(
            "parent", [("id", *_auto()), ("label", "VARCHAR(30)", text_of("utf8mb4", 30))], ["id"]
        )
        self._tables["child"] = _Table(
            "child",
            [("id", *_auto()), ("parent_id", *number), ("n", "INT", integer(8, False))],
            ["id"],
            "parent",
        )
        self._tables["leaf"] = _Table(
            "leaf", [("child_id", *number), ("n", "INT", integer(4, False))], [], "child"
        )
        schema = self.schema
        journal = "(id BIGINT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(100))"
        parent = "(id BIGINT AUTO_INCREMENT PRIMARY KEY, label VARCHAR(30) UNIQUE)"
        child = (
            "(id BIGINT AUTO_INCREMENT PRIMARY KEY, parent_id BIGINT, n INT,"
            f" FOREIGN KEY (parent_id) REFERENCES {schema}.parent (id) ON DELETE CASCADE ON UPDATE CASCADE)"
        )
        leaf = (
            "(child_id BIGINT, n INT,"
            f" FOREIGN KEY (child_id) REFERENCES {schema}.child (id) ON DELETE SET NULL ON UPDATE CASCADE)"
        )
        made = {"journal": journal, "parent": parent, "child": child, "leaf": leaf}
        statements = [f"CREATE TABLE {schema}.{name} {columns}" for name, columns in made.items()]
        return [*statements, self._watch("CONCAT('new ', COALESCE(NEW.label, '-'))")]

    def _carried(self, columns: list[tuple[str, Make]]) -> list[tuple[str, Make]]:
        """Those that mysqldump carries exactly, unless anything goes."""
        return [c for c in columns if self._exotic or c[0] not in ("FLOAT", "DOUBLE", "JSON")]

    def _create(self) -> list[str]:
        rng = self.rng
        self._made += 1
        name = rng.choice(
            [f"t{self._made}", f"odd `name {self._made}", f"표{self._made}", f"select {self._made}"]
        )
        kind = rng.choice(["auto", "auto", "key", "key", "pair", "none", "unique"])
        columns: list[tuple[str, str, Make]] = []
        extra: list[str] = []
        key: list[str] = []
        if kind == "auto":
            columns.append(("id", *_auto()))
            key = ["id"]
        elif kind in ("key", "pair"):
            picks = rng.sample(self._carried(KEY_COLUMNS), 1 if kind == "key" else 2)
            columns += [
                (f"k{i}", f"{definition} NOT NULL", make) for i, (definition, make) in enumerate(picks)
            ]
            key = [column[0] for column in columns]
        pool = self._carried(COLUMNS)
        count = rng.choice([1, 4, 8, 20, 70])
        for i in range(count):
            definition, make = rng.choice(pool)
            columns.append((rng.choice([f"c{i}", f"c {i}`", f"열{i}"]), definition, make))
        if kind == "unique":
            columns.append(("u", "INT", integer(6, False)))
            extra.append("UNIQUE (u)")
        rng.shuffle(columns)
        if any(definition == "INT" for _, definition, _ in columns):
            source = next(c for c, definition, _ in columns if definition == "INT")
            extra.append(f"g INT GENERATED ALWAYS AS ({_q(source)} % 7) {rng.choice(['STORED', 'VIRTUAL'])}")
            extra.append(f"INDEX by_g ((g + {_q(source)} % 3))")
        if rng.random() < 0.3:
            extra.append("hidden INT DEFAULT 3 INVISIBLE")
        table = _Table(name, columns, key)
        self._tables[name] = table
        return [self._create_text(table, extra)]

    def _create_text(self, table: _Table, extra: list[str]) -> str:
        parts = [f"{_q(name)} {definition}" for name, definition, _ in table.columns]
        parts += [part for part in extra if not part.startswith(("INDEX", "UNIQUE"))]
        if table.key:
            parts.append(f"PRIMARY KEY ({','.join(map(_q, table.key))})")
        parts += [part for part in extra if part.startswith(("INDEX", "UNIQUE"))]
        return f"CREATE TABLE {self.schema}.{_q(table.name)} ({', '.join(parts)})"

    def transaction(self) -> list[str]:
        """The statements of one transaction, or one DDL statement, or several."""
        rng = self.rng
        if self._ddl and rng.random() < 0.06:
            return self._change_definitions()
        return [self._change() for _ in range(rng.choice([1, 1, 1, 2, 5]))]

    def _change(self) -> str:
        rng = self.rng
        table = self._tables[rng.choice([*self._tables, "parent", "child", "leaf"])]
        place = f"{self.schema}.{_q(table.name)}"
        roll = rng.random()
        if roll < 0.55:
            columns = [c for c in table.columns if c[0] != "id" or rng.random() < 0.1]
            rows = [self._row(columns) for _ in range(rng.choice([1, 1, 2, 10]))]
            verb = rng.choice(["INSERT", "INSERT", "INSERT", "REPLACE", "INSERT IGNORE"])
            if table.name in ("parent", "child"):
                verb = "INSERT"
            return f"{verb} INTO {place} ({','.join(_q(c[0]) for c in columns)}) VALUES {','.join(rows)}"
        order = f" ORDER BY {','.join(map(_q, table.key))}" if table.key else ""
        some = f" WHERE {self._condition(table)}{order} LIMIT {rng.choice([1, 2, 5])}"
        if roll < 0.8:
            name, definition, make = rng.choice(table.columns)
            return f"UPDATE {place} SET {_q(name)} = {self._value(definition, make)}{some}"
        return f"DELETE FROM {place}{some}"

    def _condition(self, table: _Table) -> str:
        rng = self.rng
        if "id" in table.key:
            return f"id >= {rng.randint(0, 60)}"
        if table.parent:
            return f"n = {rng.randrange(16)}"
        return rng.choice(["1 = 1", f"{_q(rng.choice(table.columns)[0])} IS NOT NULL"])

    def _row(self, columns: list[tuple[str, str, Make]]) -> str:
        return f"({','.join(self._value(definition, make) for _, definition, make in columns)})"

    def _value(self, definition: str, make: Make) -> str:
        if "NOT NULL" not in definition and "PRIMARY" not in definition and self.rng.random() < 0.12:
            return "NULL"
        return make(self.rng)

    def _change_definitions(self) -> list[str]:
        """A change of one kind of definition."""
        self._made += 1
        tables = (self._create, self._drop, self._widen, self._truncate, self._rename, self._index)
        others = (self._programs, self._trigger, self._copy, self._event)
        change = self.rng.choice((*tables, *others))
        return change()

    def _some(self) -> _Table:
        return self.rng.choice([t for name, t in self._tables.items() if name not in _FAMILY])

    def _drop(self) -> list[str]:
        if len(self._tables) < 7:
            return []
        table = self._some()
        del self._tables[table.name]
        return [f"DROP TABLE {self._place(table)}"]

    def _widen(self) -> list[str]:
        definition, make = self.rng.choice(self._carried(COLUMNS))
        table, name = self._some(), f"added{self._made}"
        table.columns.append((name, definition, make))
        where = self.rng.choice(["", " FIRST"])
        return [f"ALTER TABLE {self._place(table)} ADD COLUMN {name} {definition}{where}"]

    def _truncate(self) -> list[str]:
        return [f"TRUNCATE TABLE {self._place(self._some())}"]

    def _rename(self) -> list[str]:
        table = self._some()
        del self._tables[table.name]
        old, table.name = self._place(table), f"renamed{self._made}"
        self._tables[table.name] = table
        return [f"RENAME TABLE {old} TO {self._place(table)}"]

    def _index(self) -> list[str]:
        table = self._some()
        name, definition, _ = self.rng.choice(table.columns)
        part = "(5)" if "TEXT" in definition or "BLOB" in definition else ""
        return [f"ALTER TABLE {self._place(table)} ADD INDEX ix{self._made} ({_q(name)}{part})"]

    def _programs(self) -> list[str]:
        schema, name = self.schema, f"p{self._made}"
        return [
            f"CREATE OR REPLACE VIEW {schema}.seen AS SELECT id, label FROM {schema}.parent",
            f"DROP PROCEDURE IF EXISTS {schema}.{name}",
            f"CREATE PROCEDURE {schema}.{name}() BEGIN SELECT 'DEFINER=`x`@`y`'; END",
        ]

    def _trigger(self) -> list[str]:
        return [f"DROP TRIGGER IF EXISTS {self.schema}.watch", self._watch(f"'{self._made}'")]

    def _watch(self, what: str) -> str:
        return (
            f"CREATE TRIGGER {self.schema}.watch AFTER INSERT ON {self.schema}.parent FOR EACH ROW"
            f" INSERT INTO {self.schema}.journal (what) VALUES ({what})"
        )

    def _copy(self) -> list[str]:
        table = _Table(f"copy{self._made}", [("id", "BIGINT", integer(8, False))], [])
        self._tables[table.name] = table
        return [f"CREATE TABLE {self._place(table)} AS SELECT id FROM {self.schema}.parent"]

    def _event(self) -> list[str]:
        event = f"{self.schema}.nightly"
        body = f"DO DELETE FROM {self.schema}.journal WHERE id < 0"
        return [
            f"CREATE EVENT IF NOT EXISTS {event} ON SCHEDULE EVERY 1 DAY COMMENT 'ENABLE; DO' {body}",
            f"ALTER EVENT {event} {self.rng.choice(['ENABLE', 'DISABLE'])}",
        ]

    def _place(self, table: _Table) -> str:
        return f"{self.schema}.{_q(table.name)}"


def _auto() -> tuple[str, Make]:
    return "BIGINT AUTO_INCREMENT", integer(6, False)


def _q(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
