"""The environment variables that Spring PetClinic's mysql profile reads, as one frozen value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

_JDBC = re.compile(
    r"jdbc:mysql://(?P<host>\[[0-9a-fA-F:]+\]|[^:/?#,\[\]()]+)(?::(?P<port>\d+))?/(?P<schema>[^/?#]+)"
    r"(?:\?(?P<query>.*))?"
)
_EXAMPLE = "jdbc:mysql://localhost:3306/petclinic?sslMode=REQUIRED"


class SettingsError(ValueError):
    """A variable is missing or wrong; the message names it, its value and what it should look like."""


class SslMode(StrEnum):
    """Connector/J's ``sslMode``: https://dev.mysql.com/doc/connector-j/en/connector-j-connp-props-security.html"""

    DISABLED = "DISABLED"
    PREFERRED = "PREFERRED"  # Connector/J's default: TLS when the server offers it, unverified
    REQUIRED = "REQUIRED"
    VERIFY_CA = "VERIFY_CA"
    VERIFY_IDENTITY = "VERIFY_IDENTITY"


@dataclass(frozen=True, kw_only=True)
class DatabaseUrl:
    """What a JDBC URL of MySQL says."""

    host: str
    port: int
    schema: str
    ssl_mode: SslMode

    @classmethod
    def parse(cls, url: str) -> DatabaseUrl:
        """Read ``jdbc:mysql://host[:port]/schema[?sslMode=...]``; other parameters are Connector/J's own.

        Raises:
            SettingsError: for any other form (several hosts, no schema, unknown sslMode).
        """
        match = _JDBC.fullmatch(url.strip())
        if match is None:
            raise SettingsError(f"MYSQL_URL is {url!r}; it must look like {_EXAMPLE}")
        parameters = {key.lower(): value for key, value in parse_qsl(match["query"] or "")}
        mode = parameters.get("sslmode", "").upper()
        if not mode:  # the older spelling, still in many configurations
            mode = "DISABLED" if parameters.get("usessl", "").lower() == "false" else "PREFERRED"
        if mode not in SslMode.__members__:
            raise SettingsError(f"MYSQL_URL has sslMode={mode}; it must be one of {', '.join(SslMode)}")
        return cls(
            host=match["host"].strip("[]"),
            port=int(match["port"] or 3306),
            schema=match["schema"],
            ssl_mode=SslMode[mode],
        )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the application is told from outside."""

    database: DatabaseUrl
    user: str
    password: str
    init_schema: bool
    address: str
    port: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read Spring PetClinic's variables; defaults are those of its ``mysql`` profile.

        Raises:
            SettingsError: names the variable, its value and the fix.
        """
        mode = environment.get("SPRING_SQL_INIT_MODE", "always").lower()
        if mode not in ("always", "never"):
            raise SettingsError(f"SPRING_SQL_INIT_MODE is {mode!r}; it must be 'always' or 'never'")
        port = environment.get("SERVER_PORT", "8080")
        if not port.isdecimal() or not 0 <= int(port) <= 65535:
            raise SettingsError(f"SERVER_PORT is {port!r}; it must be a port number, 0 to 65535")
        return cls(
            database=DatabaseUrl.parse(environment.get("MYSQL_URL", "jdbc:mysql://localhost/petclinic")),
            user=environment.get("MYSQL_USER", "petclinic"),
            password=environment.get("MYSQL_PASS", "petclinic"),
            init_schema=mode == "always",
            address=environment.get("SERVER_ADDRESS", ""),
            port=int(port),
        )
