"""The words an operator sets, what they imply, and which of them contradict each other. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from components.config_reader import Reader

_CUTOVER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


class Mode(StrEnum):
    """What the stack is doing; see DESIGN section 3."""

    NORMAL = "normal"
    EMERGENCY = "emergency"
    FAILBACK = "failback"


class Purpose(StrEnum):
    """Why this stack exists. Only production owns AWS resources and durable data."""

    PRODUCTION = "production"
    DRILL = "drill"
    TAKEOVER = "takeover"


class Scope(StrEnum):
    """How much of the standby an emergency starts."""

    FULL = "full"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, kw_only=True)
class Switches:
    """The words an operator sets during an emergency."""

    mode: Mode
    purpose: Purpose
    scope: Scope
    enable_petclinic: bool
    maintenance: bool
    force_failover: bool
    aws_weight: int
    cutover: str
    """Id of the change by which AWS became the writer again; empty before it."""
    release_database: str

    @property
    def owns_production(self) -> bool:
        """True for the stack that owns AWS resources and everything durable."""
        return self.purpose is Purpose.PRODUCTION

    @property
    def frozen_aws(self) -> bool:
        """AWS may be gone: its provider gets placeholder credentials, its resources stay as they are."""
        return self.mode is Mode.EMERGENCY

    @property
    def gateway_runs(self) -> bool:
        """The Azure gateway exists."""
        return self.mode is not Mode.NORMAL

    @property
    def servers_run(self) -> bool:
        """Standby database and servers exist."""
        return self.gateway_runs and self.scope is Scope.FULL

    @property
    def aws_serves(self) -> bool:
        """AWS is the writer again, so the gateway sends its users there and the hold is off.

        From the cutover on, whatever ``awsWeight`` says: weights move paths, never writers.
        """
        return self.mode is Mode.FAILBACK and bool(self.cutover)

    @property
    def azure_writes(self) -> bool:
        """The standby was opened and AWS has not taken over again: its database is the truth."""
        return self.servers_run and self.enable_petclinic and not self.aws_serves

    @property
    def open(self) -> bool:
        """Users reach PetClinic in Azure."""
        return self.servers_run and self.enable_petclinic and not self.maintenance

    @property
    def holds_traffic(self) -> bool:
        """The hold blob exists: DNS keeps users on Azure even when AWS wakes up half-way."""
        return self.gateway_runs and not self.aws_serves and self.purpose is not Purpose.DRILL

    @property
    def database_protected(self) -> bool:
        """The engine refuses to delete the standby database: it has served, and nobody released it."""
        return self.enable_petclinic and not self.release_database and self.purpose is not Purpose.DRILL


def read_switches(reader: Reader) -> Switches:
    """The switches; problems and contradictions are noted in ``reader``."""
    switches = Switches(
        mode=reader.choice("mode", Mode),
        purpose=reader.choice("purpose", Purpose),
        scope=reader.choice("emergencyScope", Scope),
        enable_petclinic=reader.flag("enablePetclinic"),
        maintenance=reader.flag("maintenance"),
        force_failover=reader.flag("forceFailover"),
        aws_weight=reader.integer("awsWeight", low=0, high=100, example=0),
        cutover=reader.text("cutover", example="cutover-1", pattern=_CUTOVER, required=False),
        release_database=reader.text(
            "releaseDatabase", example="cutover-1", pattern=_CUTOVER, required=False
        ),
    )
    if not reader.problems:  # contradictions between guessed values would only confuse
        _contradictions(reader, switches)
    return switches


def _contradictions(reader: Reader, now: Switches) -> None:
    if now.release_database and now.mode is not Mode.FAILBACK:
        reason = "only mode failback gives the standby database up"
        reader.wrong("releaseDatabase", now.release_database, reason, "pulumi config rm releaseDatabase")
    elif now.release_database and now.release_database != now.cutover:
        proved = f"only cutover {now.cutover!r}" if now.cutover else "no cutover"
        reason = f"{proved} proved that the data is home"
        reader.wrong("releaseDatabase", now.release_database, reason, "pulumi config rm releaseDatabase")
    if now.cutover and now.mode is not Mode.FAILBACK:
        # A left-over id would move users and the gateway to AWS in the first second of the next failback.
        reason = "only in mode failback AWS becomes the writer again"
        reader.wrong("cutover", now.cutover, reason, "pulumi config rm cutover")
    if now.aws_weight and now.mode is not Mode.FAILBACK:
        reader.wrong("awsWeight", str(now.aws_weight), "only mode failback shares traffic out", "0")
    elif now.aws_weight and not now.cutover:
        reader.wrong("awsWeight", str(now.aws_weight), "before the cutover Azure is the writer", "0")
    if now.enable_petclinic and now.gateway_runs and now.scope is Scope.MAINTENANCE:
        reason = "emergencyScope maintenance starts no PetClinic"
        reader.wrong("enablePetclinic", "true", reason, "pulumi config set emergencyScope full")
    if now.mode is Mode.FAILBACK and now.scope is Scope.MAINTENANCE:
        reader.wrong("emergencyScope", now.scope, "mode failback needs the standby database", "full")
    if now.mode is Mode.FAILBACK and not now.enable_petclinic and now.scope is Scope.FULL:
        reason = "failback starts from an opened standby; one that never served goes straight back to normal"
        reader.wrong("mode", now.mode, reason, "normal")
    if now.purpose is not Purpose.PRODUCTION and now.mode is not Mode.EMERGENCY:
        reason = f"a {now.purpose} stack knows mode emergency only"
        reader.wrong("mode", now.mode, reason, "emergency")
