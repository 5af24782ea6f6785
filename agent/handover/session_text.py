"""What the session must be set to for the statements of an export, written only where it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agent.database import quoted
from agent.replay.settings import Settings
from agent.replay.triggers import Trigger
from agent.replay.writer import LENIENT, MODES, SETTINGS

STRICT_MODE = f"SET SESSION sql_mode = '{MODES}';\n".encode()
LENIENT_MODE = f"SET SESSION sql_mode = '{LENIENT}';\n".encode()
# mysqlbinlog's own, which no statement holds.
_DELIMITER = b"/*!*/;"
_UTF8 = "utf8mb4"
# What a statement ran with where the log says nothing.
_DEFAULTS = {"lc_time_names": "0", "time_zone": "'+00:00'"}
# The same, of those that some versions let only privileged accounts set: written only where they differ from
# what every server has that nobody changed.
_UNCHANGED = {
    "auto_increment_increment": "1",
    "auto_increment_offset": "1",
    "explicit_defaults_for_timestamp": "1",
    "default_collation_for_utf8mb4": "255",
}


@dataclass(frozen=True)
class State:
    """What the session is set to: for rows or not, whether foreign keys are checked, the variables that a
    definition set, the character set in which the mysql client reads."""

    for_rows: bool = False
    checked: bool = False
    variables: Mapping[str, str] = field(default_factory=lambda: dict(_UNCHANGED))
    client: str = ""


class SessionText:
    """Follows the session of whoever applies the file.

    Args:
        charset_of: collation number -> character set.

    Attributes:
        state: at this point of the file; put back where what was written since is left out of it.
    """

    def __init__(self, charset_of: Mapping[int, str]) -> None:
        self._charset_of = charset_of
        self.state = State()

    def rows(self, *, checked: bool) -> bytes:
        """For row changes; ``checked``: foreign keys are checked, and cascade."""
        text, state = b"", self.state
        if not state.for_rows:
            text = self._as_client(_UTF8) + b"SET NAMES utf8mb4;\n"
            text += b"".join(f"{statement};\n".encode() for statement in SETTINGS)
            kept = {name: state.variables[name] for name in _UNCHANGED}
            state = State(True, False, kept, _UTF8)
        if checked != state.checked:
            text += f"SET SESSION foreign_key_checks = {int(checked)};\n".encode()
        self.state = replace(state, checked=checked)
        return text

    def definition(self, statement: bytes, schema: str, settings: Settings) -> bytes:
        """A statement of the log with the settings that it ran with."""
        known = self.state.variables
        variables = {**known, **_DEFAULTS, **_UNCHANGED, **settings.variables}
        new = {name: value for name, value in variables.items() if known.get(name) != value}
        number = variables.get("character_set_client", "")
        charset = self._charset_of.get(int(number), _UTF8) if number.isdigit() else _UTF8
        text = f"USE {quoted(schema)};\n".encode() if schema else b""
        text += self._as_client(charset)
        if new:
            assigned = ", ".join(f"{name} = {value}" for name, value in new.items())
            text += f"SET SESSION {assigned};\n".encode()
        self.state = State(False, False, variables, charset)
        return text + delimited(statement)

    def _as_client(self, charset: str) -> bytes:
        """Tell the mysql client how the bytes that follow are to be cut into characters."""
        if self.state.client == charset:
            return b""
        return f"/*!\\C {charset} */;\n".encode()


def delimited(statement: bytes) -> bytes:
    """A statement that may hold semicolons."""
    return b"DELIMITER " + _DELIMITER + b"\n" + statement + b"\n" + _DELIMITER + b"\nDELIMITER ;\n"


def trigger_text(trigger: Trigger) -> bytes:
    """What creates a trigger again, with the settings that it had."""
    client = trigger.charset if trigger.charset.startswith("utf8") else _UTF8
    head = (
        f"USE {quoted(trigger.schema)};\n"
        f"SET SESSION sql_mode = '{trigger.sql_mode}', character_set_client = {client},"
        f" collation_connection = {trigger.collation};\n"
    )
    return head.encode() + delimited(trigger.statement.encode())
