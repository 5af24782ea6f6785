"""CREATE TABLE taken apart: what the rows need is made first, nothing is lost, and nothing changes its place."""

# ruff: noqa: E501 - mysqldump's lines are as long as they are

from __future__ import annotations

import pytest

from agent.tables import Table, take_apart

END = ") ENGINE=InnoDB COMMENT='a;'"


def table(*parts: str, end: str = f"{END};", name: str = "t") -> Table:
    text = f"CREATE TABLE `{name}` (\n" + ",\n".join(f"  {part}" for part in parts) + f"\n{end}\n"
    return take_apart(text.encode().splitlines(keepends=True))


def test_secondary_keys_and_foreign_keys_come_later() -> None:
    found = table(
        "`id` int NOT NULL",
        "`a` int DEFAULT NULL COMMENT 'b,\\n  KEY `x` (`id`),'",
        "PRIMARY KEY (`id`)",
        "UNIQUE KEY `u` (`a`)",
        "KEY `k``1` (`a` DESC) COMMENT 'k,;' /*!80000 INVISIBLE */",
        "KEY `f` (((`a` * 2)))",
        "SPATIAL KEY `s` (`g`)",
        "CONSTRAINT `c` CHECK ((`a` <> _utf8mb4') FOREIGN KEY ('))",
        "CONSTRAINT `x``y` FOREIGN KEY (`a`) REFERENCES `o`.`p` (`id`) ON DELETE CASCADE",
        "CONSTRAINT `z` FOREIGN KEY (`a`) REFERENCES `t` (`id`)",
        name="od``d",
    )
    assert found.create.decode() == (
        "CREATE TABLE `od``d` (\n  `id` int NOT NULL,\n"
        "  `a` int DEFAULT NULL COMMENT 'b,\\n  KEY `x` (`id`),',\n"
        "  PRIMARY KEY (`id`),\n"
        "  CONSTRAINT `c` CHECK ((`a` <> _utf8mb4') FOREIGN KEY ('))\n"
        ") ENGINE=InnoDB COMMENT='a;';\n"
    )
    (indexes,) = found.indexes
    assert indexes.decode() == (
        "ALTER TABLE `od``d` ADD UNIQUE KEY `u` (`a`), ADD KEY `k``1` (`a` DESC) COMMENT 'k,;' /*!80000 INVISIBLE */,"
        " ADD KEY `f` (((`a` * 2))), ADD SPATIAL KEY `s` (`g`)"
    )
    assert found.foreign_keys.decode() == (
        "ALTER TABLE `od``d` ADD CONSTRAINT `x``y` FOREIGN KEY (`a`) REFERENCES `o`.`p` (`id`) ON DELETE CASCADE,"
        " ADD CONSTRAINT `z` FOREIGN KEY (`a`) REFERENCES `t` (`id`)"
    )
    assert found.keyed and not found.takes_no_generated_key


def test_full_text_indexes_are_built_one_at_a_time() -> None:
    found = table(
        "`id` int NOT NULL",
        "PRIMARY KEY (`id`)",
        "KEY `k` (`a`)",
        "FULLTEXT KEY `f1` (`a`)",
        "FULLTEXT KEY `f2` (`b`) /*!50100 WITH PARSER `ngram` */ ",
    )
    assert [index.decode() for index in found.indexes] == [
        "ALTER TABLE `t` ADD KEY `k` (`a`)",
        "ALTER TABLE `t` ADD FULLTEXT KEY `f1` (`a`)",
        "ALTER TABLE `t` ADD FULLTEXT KEY `f2` (`b`) /*!50100 WITH PARSER `ngram` */",
    ]


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        (["PRIMARY KEY (`n`,`a`)", "KEY `k` (`a`)"], 0),
        (["PRIMARY KEY (`a`)", "KEY `k` (`n`)", "KEY `l` (`a`)"], 1),
        # The keys before the needed one stay, so that the server lists them in the order of the source.
        (["PRIMARY KEY (`a`)", "UNIQUE KEY `j` (`a`,`n`)", "KEY `k` (`n`)", "KEY `l` (`a`)"], 2),
    ],
)
def test_a_counter_keeps_the_key_that_it_needs(keys: list[str], kept: int) -> None:
    found = table("`a` int NOT NULL", "`n` int NOT NULL AUTO_INCREMENT COMMENT 'n'", *keys)
    assert found.create.count(b" KEY `") == kept
    assert sum(index.count(b"ADD ") for index in found.indexes) == len(keys) - 1 - kept


def test_a_table_without_a_primary_key_keeps_its_keys() -> None:
    found = table("`a` int NOT NULL", "UNIQUE KEY `u` (`a`)", "KEY `k` (`a`)")
    assert not found.indexes and not found.keyed and not found.takes_no_generated_key
    assert table("`n` int NOT NULL AUTO_INCREMENT", "KEY `k` (`n`)").takes_no_generated_key


def test_partitions_stay_with_the_table() -> None:
    partitions = f"{END}\n/*!50100 PARTITION BY RANGE (`y`)\n(PARTITION `p,;` VALUES LESS THAN (10),\n PARTITION q VALUES LESS THAN MAXVALUE) */;"
    found = table("`y` int NOT NULL", "PRIMARY KEY (`y`)", "KEY `k` (`y`)", end=partitions)
    assert found.create.decode().endswith(f"  PRIMARY KEY (`y`)\n{partitions}\n")
    assert table("`y` int NOT NULL", end=partitions).takes_no_generated_key


def test_a_word_in_a_comment_makes_no_counter() -> None:
    found = table("`a` int COMMENT ' AUTO_INCREMENT'", "PRIMARY KEY (`b`)", "KEY `k` (`a`)")
    assert b"KEY `k`" not in found.create


@pytest.mark.parametrize(
    ("column", "plain"),
    [
        ("`a` int unsigned NOT NULL", True),
        ("`a` varchar(20) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT 'blob'", True),
        ("`binary` enum('blob','bit') DEFAULT NULL", True),
        ("`a` json DEFAULT NULL", True),
        ("`a` double DEFAULT NULL", True),
        ("`a` bit(1) DEFAULT NULL", False),
        ("`a` varbinary(20) DEFAULT NULL", False),
        ("`int` longblob", False),
        ("`a` geometry NOT NULL /*!80003 SRID 4326 */", False),
        ("`a` vector(3) DEFAULT NULL", False),
        ("`a` inet6 DEFAULT NULL", False),  # of a server that knows more types than we do
    ],
)
def test_only_values_without_a_hexadecimal_form_are_sent_as_a_file(column: str, plain: bool) -> None:
    assert table("`id` int NOT NULL", column, "PRIMARY KEY (`id`)").plain is plain
    assert table("`id` int NOT NULL", column).plain is plain
