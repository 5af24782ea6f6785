"""Empty data directories, initialised once per MySQL and table-name rule and then copied."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from sandbox.cache import Report, bring, remove
from sandbox.setup_step import run_step

# A server makes these anew for itself: its identity and its own keys.
_OWN = ("auto.cnf", "*.pem")


def template(
    mysqld: tuple[str, ...], version: tuple[int, int, int], lower_case_table_names: int, report: Report
) -> Path:
    """The cached data directory; made in about 3 s the first time.

    Raises:
        SetupError: mysqld cannot make one.
    """
    which = hashlib.sha256("\0".join(mysqld).encode()).hexdigest()[:8]
    name = f"mysql-data-{'.'.join(map(str, version))}-names{lower_case_table_names}-{which}"

    def make(folder: Path) -> None:
        report("MySQL: initialising an empty data directory")
        run_step(
            [
                *mysqld,
                "--initialize-insecure",
                f"--datadir={folder / 'data'}",
                f"--lower-case-table-names={lower_case_table_names}",
                "--innodb-redo-log-capacity=16M",
                "--performance-schema=OFF",
                "--secure-file-priv=NULL",
            ],
            what="an empty MySQL data directory",
            by_hand=(
                f"if {mysqld[0]} is confined (AppArmor, SELinux, snap) and may not write to {folder.parent}, "
                "run 'DR_MYSQL=packages ./dr ...'"
            ),
        )
        for pattern in _OWN:
            for path in (folder / "data").glob(pattern):
                path.unlink()

    return bring(name, make, report, needs_mib=250) / "data"


def copy_template(source: Path, target: Path) -> None:
    """Make ``target`` a copy of a template; all of it or nothing."""
    partial = target.with_name(f"{target.name}.partial")
    remove(partial)
    shutil.copytree(source, partial)
    partial.rename(target)
