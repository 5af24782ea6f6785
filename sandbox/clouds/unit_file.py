"""A systemd unit file as data: the keys that this sandbox runs, those it only notes, and no others."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field


class UnitError(ValueError):
    """A unit that does not exist, is not understood, or does not start; names unit and key."""


_RUN = {
    "Unit": {
        "Description",
        "Documentation",
        "After",
        "Requires",
        "Wants",
        "ConditionPathExists",
        "StartLimitIntervalSec",
        "StartLimitBurst",
    },
    "Service": {
        "Type",
        "ExecStartPre",
        "ExecStart",
        "WorkingDirectory",
        "Environment",
        "EnvironmentFile",
        "Restart",
        "RestartSec",
        "RestartMode",
        "RestartPreventExitStatus",
        "RemainAfterExit",
        "StandardOutput",
        "StandardError",
        "SuccessExitStatus",
        "TimeoutStartSec",
        "RuntimeDirectory",
        "RuntimeDirectoryPreserve",
        "StateDirectory",
        "LogsDirectory",
    },
    "Install": {"WantedBy"},
}
# Real systemd confines and limits with these; here every process is the developer's own.
_NOTE = {
    "Unit": {"Before"},
    "Service": {
        "User",
        "Group",
        "UMask",
        "DynamicUser",
        "RuntimeDirectoryMode",
        "StateDirectoryMode",
        "LogsDirectoryMode",
        "NoNewPrivileges",
        "ProtectSystem",
        "ProtectHome",
        "PrivateTmp",
        "PrivateDevices",
        "ProtectKernelTunables",
        "ProtectKernelModules",
        "ProtectControlGroups",
        "RestrictSUIDSGID",
        "LockPersonality",
        "ReadWritePaths",
        "ReadOnlyPaths",
        "CapabilityBoundingSet",
        "AmbientCapabilities",
        "MemoryMax",
        "MemoryHigh",
        "LimitNOFILE",
        "Nice",
        "CPUWeight",
        "IOSchedulingClass",
        "OOMScoreAdjust",
        "TimeoutStopSec",
        "KillSignal",
        "KillMode",
        "SyslogIdentifier",
    },
    "Install": set[str](),
}
_LIST_KEYS = {"After", "Requires", "Wants"}


@dataclass(frozen=True)
class Unit:
    """One service unit, paths and hosts as the program wrote them.

    Attributes:
        noted: keys that the real systemd obeys and this sandbox does not.
    """

    name: str
    values: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]])
    noted: tuple[str, ...] = ()

    def all(self, section: str, key: str) -> list[str]:
        """All values of a key; an empty assignment resets what came before it."""
        return self.values.get((section, key), [])

    def one(self, section: str, key: str, default: str = "") -> str:
        """The last value of a key."""
        found = self.all(section, key)
        return found[-1] if found else default

    def names(self, key: str) -> list[str]:
        """Units named under ``Requires``, ``After`` or ``Wants``, services only (targets always hold)."""
        words = " ".join(self.all("Unit", key)).split()
        return [word for word in words if word.endswith(".service")]

    @property
    def type(self) -> str:
        """``simple`` or ``oneshot``."""
        return self.one("Service", "Type", "simple")

    def flag(self, key: str) -> bool:
        """A boolean of the Service section; absent is no."""
        return self.one("Service", key, "no").lower() in {"yes", "true", "on", "1"}

    def seconds(self, key: str, default: float, *, section: str = "Service") -> float:
        """A time span in seconds.

        Raises:
            UnitError: a span other than a number, ``Ns``, ``Nms``, ``Nmin`` or ``infinity``.
        """
        text = self.one(section, key)
        if not text:
            return default
        if text == "infinity":
            return float("inf")
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|sec|min|h)?", text)
        if not match:
            raise UnitError(
                f"{self.name}: {key}={text} is not a time span this sandbox reads; extend {__name__}"
            )
        return float(match[1]) * {"ms": 0.001, "min": 60.0, "h": 3600.0}.get(match[2] or "s", 1.0)

    def commands(self, key: str) -> list[tuple[list[str], bool]]:
        """Commands under ``ExecStart`` or ``ExecStartPre``: their words, and whether failure is forgiven.

        Raises:
            UnitError: a prefix or a substitution that is not simulated.
        """
        result: list[tuple[list[str], bool]] = []
        for line in self.all("Service", key):
            forgiven = line.startswith("-")
            words = shlex.split(line.removeprefix("-"))
            if not words or not words[0].startswith("/"):
                raise UnitError(f"{self.name}: {key}={line}: the program must be an absolute path")
            if any("$" in word or "%" in word for word in words):
                raise UnitError(f"{self.name}: {key}={line}: $ and % are not simulated; extend {__name__}")
            result.append((words, forgiven))
        return result


def parse_unit(name: str, text: str) -> Unit:
    """Read a unit file.

    Raises:
        UnitError: a section or key that is not known, or a line that is none.
    """
    values: dict[tuple[str, str], list[str]] = {}
    noted: list[str] = []
    section = ""
    for number, raw in enumerate(text.replace("\\\n", " ").splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            if section not in _RUN:
                raise UnitError(f"{name}: section [{section}] is not simulated; extend {__name__}")
            continue
        key, equals, value = line.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not section:
            raise UnitError(f"{name}: line {number} {line!r} is no assignment in a section")
        if key in _NOTE[section]:
            noted.append(f"{key}={value}")
        elif key not in _RUN[section]:
            raise UnitError(f"{name}: key {key} in [{section}] is not simulated; extend {__name__}")
        elif not value:
            values[(section, key)] = []
        else:
            values.setdefault((section, key), []).append(value)
    unit = Unit(name, values, tuple(noted))
    if unit.type not in {"simple", "exec", "oneshot"}:
        raise UnitError(f"{name}: Type={unit.type} is not simulated; extend {__name__}")
    if not unit.all("Service", "ExecStart"):
        raise UnitError(f"{name}: no ExecStart")
    return unit


def parse_environment_file(text: str) -> dict[str, str]:
    """An ``EnvironmentFile`` as systemd.exec(5) reads it: KEY=VALUE, comments, quotes, backslashes."""
    result: dict[str, str] = {}
    for raw in text.replace("\\\n", "").splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        key, _, value = line.partition("=")
        result[key.strip()] = _unquote(value.strip())
    return result


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r'\\(["\\`$])', r"\1", value[1:-1])
    return re.sub(r"\\(.)", r"\1", value)


def parse_environment(lines: list[str]) -> dict[str, str]:
    """``Environment=`` lines: quoted assignments separated by spaces."""
    pairs = (word.partition("=") for line in lines for word in shlex.split(line))
    return {key: value for key, _, value in pairs}
