"""Which settings meet in the engine's tests: modes, switches and optional parts, two by two."""

from __future__ import annotations

from components.settings import SettingsError, read_settings
from tests.engine.pairs import Row, all_pairs
from tests.program.recorder import config_of

SWITCHES = {
    "mode": ("normal", "emergency", "failback"),
    "emergencyScope": ("full", "maintenance"),
    "enablePetclinic": ("false", "true"),
    "maintenance": ("false", "true"),
    "awsWeight": ("0", "10"),
    "cutover": ("", "cutover-1"),
}
OPTIONS = {
    "forceFailover": ("false", "true"),
    "gatewayWaf": ("false", "true"),
    "awsInterfaceEndpoints": ("false", "true"),
    "awsRouteTableIds": ("[]", '["rtb-0a1b2c3d4e5f60718"]'),
    "archiveFlushSeconds": ("1", "0"),
    "verifyMode": ("auto", "off"),
    "databaseTimeZone": ("", "+09:00"),
    "alertEmails": ("[]", '["a@example.com", "b@example.com"]'),
}


def accepted(switches: Row) -> bool:
    """Whether the program itself takes this combination. In ``normal`` the other switches mean nothing, so
    they stay as they are."""
    if switches["mode"] == "normal" and any(switches[key] != SWITCHES[key][0] for key in SWITCHES):
        return False
    try:
        read_settings(config_of("normal", switches).get)
    except SettingsError:
        return False
    return True


def combinations() -> list[Row]:
    """The rows; their number decides how long the tests take."""
    return all_pairs(SWITCHES, OPTIONS, accepted)
