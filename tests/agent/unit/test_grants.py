"""SHOW GRANTS as MySQL and the services print it."""

from __future__ import annotations

import pytest

from agent.grants import Grants, missing_for_dump


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        (["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"], []),
        (["GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO `b`@`%`"], []),
        (
            ["GRANT SELECT, SHOW VIEW, EVENT ON *.* TO `b`@`%`"],
            ["TRIGGER ON `pet_clinic`.*"],
        ),
        (
            [
                "GRANT USAGE ON *.* TO `b`@`%`",
                "GRANT SHOW_ROUTINE ON *.* TO `b`@`%`",
                r"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `pet\_clinic`.* TO `b`@`%`",
            ],
            [],
        ),
        (["GRANT ALL PRIVILEGES ON `pet%`.* TO `b`@`%`", "GRANT SHOW_ROUTINE ON *.* TO `b`@`%`"], []),
        (
            ["GRANT ALL PRIVILEGES ON `petXclini`.* TO `b`@`%`", "GRANT SHOW_ROUTINE ON *.* TO `b`@`%`"],
            [f"{p} ON `pet_clinic`.*" for p in ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")],
        ),
        (
            [
                "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO `b`@`%`",
                "REVOKE TRIGGER ON `pet_clinic`.* FROM `b`@`%`",
                "REVOKE EVENT ON `mysql`.* FROM `b`@`%`",
            ],
            ["TRIGGER ON `pet_clinic`.*"],
        ),
        # What RDS's administrator can grant; SHOW_ROUTINE it does not hold.
        (["GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `pet_clinic`.* TO `b`@`%`"], ["SELECT ON *.*"]),
        (
            [
                "GRANT SELECT, SHOW VIEW, EVENT, SHOW_ROUTINE ON *.* TO `b`@`%`",
                "GRANT TRIGGER ON `pet_clinic`.`owners` TO `b`@`%`",  # one table is not all of them
                "GRANT `rds_superuser_role`@`%` TO `b`@`%`",
            ],
            ["TRIGGER ON `pet_clinic`.*"],
        ),
    ],
)
def test_what_a_dump_lacks(lines: list[str], missing: list[str]) -> None:
    assert missing_for_dump(Grants.parse(lines), ["pet_clinic"]) == missing
