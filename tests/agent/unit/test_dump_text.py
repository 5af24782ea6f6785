"""Reading and rewriting mysqldump's text: what is data, what is code, what changes."""

# ruff: noqa: E501 - mysqldump's lines are as long as they are

from __future__ import annotations

import tracemalloc

import pytest

from agent.dumpscan import Contents, DumpScanner
from agent.errors import DumpError
from agent.rewrite import Rewriter

HEAD = "USE `petclinic`;\nCREATE TABLE `owners` (\n  `id` int NOT NULL,\n  `name` text,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB;\n"
KEYLESS = HEAD.replace("  PRIMARY KEY (`id`)\n", "  KEY `i` (`id`)\n")
END = "\n-- Dump completed on 2026-01-01  0:00:00\n"


def scan(text: str, size: int = 7) -> Contents:
    scanner = DumpScanner()
    data = text.encode()
    for at in range(0, len(data), size):
        scanner.feed(data[at : at + size])
    return scanner.finish()


def rows_hash(text: str) -> str:
    return scan(text).tables["petclinic"]["owners"].rows_sha256


@pytest.mark.parametrize("size", [1, 5, 1_000_000])
def test_pieces_of_any_size_give_the_same_contents(size: int) -> None:
    text = HEAD + "INSERT INTO `owners` VALUES (1,'a'),(2,'b');\n" + END
    assert scan(text, size) == scan(text, 13)
    assert scan(text, size).objects == {"columns": 2, "events": 0, "keys": 1, "tables": 1, "views": 0}


def test_the_hash_does_not_depend_on_how_rows_are_spread_over_statements() -> None:
    together = HEAD + "INSERT INTO `owners` VALUES (1,'a'),(2,'b');\n" + END
    apart = (
        HEAD
        + "INSERT INTO `owners` (`id`, `name`) VALUES (1,'a');\nINSERT INTO `owners` VALUES (2,'b');\n"
        + END
    )
    assert rows_hash(together) == rows_hash(apart)


def test_order_counts_with_a_primary_key_and_not_without() -> None:
    one, two = (
        "INSERT INTO `owners` VALUES (1,'a'),(2,'),(');\n",
        "INSERT INTO `owners` VALUES (2,'),('),(1,'a');\n",
    )
    assert rows_hash(HEAD + one + END) != rows_hash(HEAD + two + END)
    assert rows_hash(KEYLESS + one + END) == rows_hash(KEYLESS + two + END)


@pytest.mark.parametrize("head", [HEAD, KEYLESS])
@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ("(1,'a')", 1),
        ("(1,2),(3,NULL),(5,0x2C)", 3),
        ("(1,'a'),(2,'),('),(3,'x),(4,')", 3),
        (r"(1,'it\'s'),(2,'\\'),(3,'\\\'),(\''),(4,'\'),(')", 4),
        ("(1,'),(),()'),(2,'')", 2),
    ],
)
def test_rows_are_counted_whatever_their_text_looks_like(head: str, values: str, rows: int) -> None:
    contents = scan(f"{head}INSERT INTO `owners` VALUES {values};\n{END}")
    assert contents.tables["petclinic"]["owners"].rows == rows


@pytest.mark.parametrize("head", [HEAD, KEYLESS])
def test_a_row_of_many_megabytes_is_read_alike_and_held_twice_at_most(head: str) -> None:
    """A machine of 1 GiB must dump a BLOB of 100 MiB, which mysqldump writes as 200 MiB of digits."""
    before, piece, after = b"INSERT INTO `owners` VALUES (1,'),('),(2,'", b"it\\'s (" * 2**17, b"'),(3,NULL);"
    scanner = DumpScanner()
    scanner.feed(head.encode() + before)
    tracemalloc.start()
    for _ in range(16):
        scanner.feed(piece)
    scanner.feed(after + END.encode())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    contents = scanner.finish()
    assert contents.tables["petclinic"]["owners"].rows == 3
    assert contents.longest_statement == len(before + after) + 16 * len(piece)
    assert peak < 2.5 * contents.longest_statement


def test_a_quote_in_a_name_does_not_disturb_the_count() -> None:
    text = HEAD.replace("owners", "o'),('s") + "INSERT INTO `o'),('s` VALUES (1,'a'),(2,'b');\n" + END
    assert scan(text).tables["petclinic"]["o'),('s"].rows == 2


@pytest.mark.parametrize(
    "other",
    [
        "(1,'a')",  # one row fewer
        "(1,'a'),(2,'b'),(2,'b')",  # one more
        "(1,'a'),(2,'B')",
        "(1,'a'),(2,'b ')",
        "(1,'a'),(2,NULL)",
        "(1,'b'),(2,'a')",
        r"(1,'a'),(2,'b\'')",
    ],
)
@pytest.mark.parametrize("head", [HEAD, KEYLESS])
def test_every_difference_in_rows_shows(head: str, other: str) -> None:
    text = head + "INSERT INTO `owners` VALUES {};\n" + END
    assert rows_hash(text.format("(1,'a'),(2,'b')")) != rows_hash(text.format(other))


@pytest.mark.parametrize(
    "cut",
    [
        HEAD,
        HEAD + "INSERT INTO `owners` VALUES (1,'-- Dump completed');\n",
        HEAD + END + "INSERT INTO `owners` VALUES (1,'after the end');\n",
        HEAD + END.rstrip(),
        HEAD + "DELIMITER ;;\nCREATE PROCEDURE `p`()\nSELECT '\n-- Dump completed on 2026-01-01\n",
        "",
    ],
)
def test_a_cut_dump_is_known_by_its_end(cut: str) -> None:
    with pytest.raises(DumpError, match="was cut"):
        scan(cut)


def test_a_line_that_is_not_understood_is_refused_rather_than_miscounted() -> None:
    for line in (
        "INSERT INTO `owners` SET id = 1;\n",
        "INSERT INTO `owners` VALUES (1,'a')",
        "DELIMITER ;;\nCREATE SOMETHING `new` ;;\n",
    ):
        with pytest.raises(DumpError, match="is not understood"):
            scan(HEAD + line + "\n" + END)


def test_a_delimiter_that_mysqldump_chose_itself() -> None:
    """A body that holds ;; gets another delimiter."""
    text = (
        HEAD
        + "DELIMITER ;;;\nCREATE PROCEDURE `p`()\nBEGIN\nSELECT 1;;\nCREATE FUNCTION `f`() ;;\nEND ;;;\nDELIMITER ;\n"
        + END
    )
    assert scan(text).objects["procedures"] == 1 and "functions" not in scan(text).objects


def rewrite(text: str, names: dict[str, str] | None = None) -> str:
    rewriter = Rewriter(names or {}, {"petclinic": "PetClinic"} if names else {})
    return b"".join(rewriter(line) for line in text.encode().splitlines(keepends=True)).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "DELIMITER ;;\nCREATE DEFINER=`a`@`%` PROCEDURE `p`()\nSELECT 'DEFINER=`a`@`%`' ;;\n",
            "DELIMITER ;;\nCREATE PROCEDURE `p`()\nSELECT 'DEFINER=`a`@`%`' ;;\n",
        ),
        (
            "DELIMITER ;;\n/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `x` FOR EACH ROW SET @a = 1 */;;\n",
            "DELIMITER ;;\n/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER `t` BEFORE INSERT ON `x` FOR EACH ROW SET @a = 1 */;;\n",
        ),
        (
            "/*!50013 DEFINER=`a`@`%` SQL SECURITY INVOKER */\n",
            "/*!50013 SQL SECURITY INVOKER */\n",
        ),
        (
            "DELIMITER ;;\n/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`%`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01' ON COMPLETION NOT PRESERVE ENABLE COMMENT 'PRESERVE ENABLE' DO SELECT 1 */ ;;\n",
            "DELIMITER ;;\n/*!50106 CREATE*/ /*!50117 */ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01' ON COMPLETION NOT PRESERVE DISABLE COMMENT 'PRESERVE ENABLE' DO SELECT 1 */ ;;\n",
        ),
    ],
)  # fmt: skip
def test_definers_go_and_events_sleep(before: str, after: str) -> None:
    assert rewrite(before) == after


@pytest.mark.parametrize(
    "data",
    [
        "INSERT INTO `t` VALUES ('/*!50013 DEFINER=`a`@`%` SQL SECURITY INVOKER */');\n",
        "  `c` int COMMENT 'DEFINER=`a`@`%`',\n",
        "-- CREATE DEFINER=`a`@`%` PROCEDURE `p`()\n",
    ],
)
def test_data_that_looks_like_code_stays(data: str) -> None:
    assert rewrite(data) == data


def test_a_negative_zero_keeps_its_sign_and_text_that_looks_like_one_stays() -> None:
    before = "INSERT INTO `t,-0,` (`a`, `it's`) VALUES (-0,'x\\',-0,'),(-0.00,',-0)'),(1,-0),(-0.5,'(-0,');\n"
    after = "INSERT INTO `t,-0,` (`a`, `it's`) VALUES (-0e0,'x\\',-0,'),(-0.00e0,',-0)'),(1,-0e0),(-0.5,'(-0,');\n"
    assert rewrite(before) == after


NAMES = {"owners": "Owners", "visits": "Visits"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("USE `petclinic`;\n", "USE `PetClinic`;\n"),
        (
            "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `petclinic` /*!40100 X */;\n",
            "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `PetClinic` /*!40100 X */;\n",
        ),
        ("DROP TABLE IF EXISTS `owners`;\n", "DROP TABLE IF EXISTS `Owners`;\n"),
        ("CREATE TABLE `owners` (\n  `owners` int,\n", "CREATE TABLE `Owners` (\n  `owners` int,\n"),
        (
            "CREATE TABLE `x` (\n  CONSTRAINT `owners` FOREIGN KEY (`owners`) REFERENCES `owners` (`owners`)\n",
            "CREATE TABLE `x` (\n  CONSTRAINT `owners` FOREIGN KEY (`owners`) REFERENCES `Owners` (`owners`)\n",
        ),
        (
            "CREATE TABLE `x` (\n  CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `petclinic`.`owners` (`owners`)\n",
            "CREATE TABLE `x` (\n  CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `PetClinic`.`Owners` (`owners`)\n",
        ),
        (
            "CREATE TABLE `x` (\n  CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `owners`.`visits` (`owners`)\n",
            "CREATE TABLE `x` (\n  CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `owners`.`Visits` (`owners`)\n",
        ),
        ("INSERT INTO `owners` VALUES ('`owners`');\n", "INSERT INTO `Owners` VALUES ('`owners`');\n"),
        ("LOCK TABLES `owners` WRITE;\n", "LOCK TABLES `Owners` WRITE;\n"),
        ("/*!40000 ALTER TABLE `owners` DISABLE KEYS */;\n", "/*!40000 ALTER TABLE `Owners` DISABLE KEYS */;\n"),
        (
            "/*!50001 VIEW `v` AS select `owners`.`owners` AS `visits`,'`owners`' AS `b` from (`owners` join `visits` `o`) */;\n",
            "/*!50001 VIEW `v` AS select `Owners`.`owners` AS `visits`,'`owners`' AS `b` from (`Owners` join `Visits` `o`) */;\n",
        ),
        (
            "DELIMITER ;;\n/*!50003 CREATE*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `owners` FOR EACH ROW SET @a = ' ON `owners` FOR EACH ROW' */;;\n",
            "DELIMITER ;;\n/*!50003 CREATE*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `Owners` FOR EACH ROW SET @a = ' ON `owners` FOR EACH ROW' */;;\n",
        ),
    ],
)  # fmt: skip
def test_names_get_their_capitals_back(before: str, after: str) -> None:
    assert rewrite(before, NAMES) == after
