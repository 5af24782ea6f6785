"""The agent as one file: a zip that is the same, byte for byte, whenever its content is the same."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold; real ones would change the checksum


@dataclass(frozen=True)
class Bundle:
    """The zip and its SHA-256 in hex."""

    content: bytes
    sha256: str


def agent_bundle(project: Path) -> Bundle:
    """Packs ``agent/**.py`` and ``requirements/agent.txt`` of a clone.

    Raises:
        FileNotFoundError: the folder has no agent or no requirements.
    """
    files = sorted((project / "agent").rglob("*.py"), key=lambda file: file.relative_to(project).as_posix())
    if not files:
        raise FileNotFoundError(f"no agent in {project / 'agent'}: run this from a complete clone")
    return pack(
        {file.relative_to(project).as_posix(): file.read_bytes() for file in files}
        | {"requirements/agent.txt": (project / "requirements" / "agent.txt").read_bytes()}
    )


def pack(files: dict[str, bytes]) -> Bundle:
    """A deterministic zip of ``files``. Stored, not deflated: zlib builds differ in what they produce."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, whatever this runs on
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])
    content = buffer.getvalue()
    return Bundle(content, hashlib.sha256(content).hexdigest())


def stored(bundle: Bundle, folder: Path) -> Path:
    """Writes the bundle below ``folder`` under a name that its content decides; returns the file.

    Two runs at once write the same bytes, and the rename is atomic, so neither can see half a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"agent-{bundle.sha256[:16]}.zip"
    if not file.exists():
        temporary = file.with_suffix(f".{id(bundle)}.tmp")
        temporary.write_bytes(bundle.content)
        temporary.replace(file)
    return file
