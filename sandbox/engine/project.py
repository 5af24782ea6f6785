"""The project folder in which the sandbox runs Pulumi: copies of the stack files, links to the code.

``pulumi config set`` writes into ``Pulumi.<stack>.yaml``; here it writes into a copy and never touches the
clone.
"""

from __future__ import annotations

import re
from pathlib import Path

_LINKED = ("__main__.py", "components", "policies", "agent", "costs", "requirements")
_SALT = re.compile(r"^encryptionsalt:.*\n", re.MULTILINE)


def prepare_project(clone: Path, root: Path) -> Path:
    """Make or refresh ``root/project`` for the program in ``clone`` and return it.

    A stack file is copied again only when the clone's is newer, so that settings made in the sandbox stay;
    the salt of the stack's secrets always stays.
    """
    project = root / "project"
    project.mkdir(parents=True, exist_ok=True)
    for name in _LINKED:
        link = project / name
        if (clone / name).exists() and not link.is_symlink():
            link.symlink_to((clone / name).resolve(), target_is_directory=(clone / name).is_dir())
    for file in sorted(clone.glob("Pulumi*.yaml")):
        copy = project / file.name
        if not copy.exists() or copy.stat().st_mtime < file.stat().st_mtime:
            salt = _SALT.search(copy.read_text()) if copy.exists() else None
            copy.write_text((salt[0] if salt else "") + _SALT.sub("", file.read_text()))
    return project
