"""The package sources that this Debian or Ubuntu machine trusts, read from its own apt configuration.

Both formats of sources.list(5) are read. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from sandbox.setup_error import SetupError

ETC_APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")


@dataclass(frozen=True)
class Source:
    """One archive.

    Attributes:
        uris: mirrors, separated by spaces.
        suites: names of suites (``bookworm``, ``noble-updates``).
        components: names of components (``main``).
        signed_by: a keyring's path, or an embedded key as it stood in the file; empty: the machine's
            trusted keyrings.
    """

    uris: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str

    def stanza(self) -> str:
        """The source in deb822 form. Never ``Trusted: yes``, whatever the machine's own entry says."""
        lines = [
            "Types: deb",
            f"URIs: {self.uris}",
            f"Suites: {' '.join(self.suites)}",
            f"Components: {' '.join(self.components)}",
            "Targets: Packages",
        ]
        if self.signed_by:
            lines.append(f"Signed-By: {self.signed_by}")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Distribution:
    """What /etc/os-release says: names such as ``debian`` (own and similar ones) and code names."""

    names: tuple[str, ...]
    codenames: tuple[str, ...] = field(default=())


def distribution(os_release: Path = OS_RELEASE) -> Distribution:
    """Read os-release(5); names are empty on a machine without one."""
    if not os_release.exists():
        return Distribution(names=())
    pairs = (line.split("=", 1) for line in os_release.read_text().splitlines() if "=" in line)
    values = {key: value.strip().strip("\"'") for key, value in pairs}
    names = (values.get("ID", ""), *values.get("ID_LIKE", "").split())
    codenames = (values.get("VERSION_CODENAME", ""), values.get("UBUNTU_CODENAME", ""))
    return Distribution(tuple(filter(None, names)), tuple(filter(None, codenames)))


def own_sources(etc_apt: Path = ETC_APT, os_release: Path = OS_RELEASE) -> list[Source]:
    """The distribution's own archives as this machine uses them; third-party archives are left out.

    An archive counts as the distribution's own when its suite is the machine's code name (or that with
    ``-updates`` or ``-security``) and its keyring, where one is named, bears the distribution's name.

    Raises:
        SetupError: when there is none.
    """
    here = distribution(os_release)
    wanted = {f"{name}{part}" for name in here.codenames for part in ("", "-updates", "-security")}
    found: list[Source] = []
    for source in read_sources(etc_apt):
        suites = tuple(suite for suite in source.suites if suite in wanted)
        keyring = "" if "BEGIN PGP" in source.signed_by else Path(source.signed_by).name
        foreign = keyring and not keyring.startswith(tuple(f"{name}-" for name in here.names))
        if suites and not foreign and not source.uris.startswith("cdrom:"):
            found.append(replace(source, suites=suites))
    if not found:
        raise SetupError(
            f"no package source of {' / '.join(here.names) or 'this system'} in {etc_apt}, and set-up "
            "takes what is missing from those archives only: install MySQL 8.0.30 or newer and nginx"
        )
    return found


def read_sources(etc_apt: Path) -> list[Source]:
    """Every enabled binary source of ``sources.list`` and ``sources.list.d``."""
    parts = etc_apt / "sources.list.d"
    files = [etc_apt / "sources.list", *(sorted(parts.iterdir()) if parts.is_dir() else [])]
    found: list[Source] = []
    for file in files:
        if file.suffix == ".list" and file.is_file():
            found += filter(None, map(_from_line, file.read_text().splitlines()))
        elif file.suffix == ".sources" and file.is_file():
            found += filter(None, map(_from_stanza, file.read_text().split("\n\n")))
    return found


def _from_line(line: str) -> Source | None:
    words = line.split("#", 1)[0].split()
    if not words or words[0] != "deb":
        return None
    options: dict[str, str] = {}
    rest = " ".join(words[1:])
    if rest.startswith("["):
        inside, _, rest = rest[1:].partition("]")
        options = dict(pair.split("=", 1) for pair in inside.split() if "=" in pair)
    uri, suite, *components = [*rest.split(), "", ""][: max(2, len(rest.split()))]
    return Source(uri, (suite,), tuple(components), options.get("signed-by", ""))


def _from_stanza(stanza: str) -> Source | None:
    fields: dict[str, str] = {}
    key = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and key:
            fields[key] += "\n" + line
        elif ":" in line:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            fields[key] = value.strip()
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in (
        "no",
        "false",
    ):
        return None
    return Source(
        " ".join(fields.get("uris", "").split()),
        tuple(fields.get("suites", "").split()),
        tuple(fields.get("components", "").split()),
        fields.get("signed-by", ""),
    )
