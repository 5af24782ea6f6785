"""Everything that can go wrong, one class and one exit status each. Messages are whole sentences."""

from __future__ import annotations


class AgentError(RuntimeError):
    """A failure that the operator can understand and act on; ``exit_code`` is the process's exit status."""

    exit_code = 1
    meaning = "any other failure"


class ConfigError(AgentError):
    """The configuration file or the command line is wrong."""

    exit_code = 2
    meaning = "the configuration or the command line is wrong"


class CredentialError(AgentError):
    """A password or token could not be had."""

    exit_code = 3
    meaning = "a password or token could not be had"


class DatabaseError(AgentError):
    """MySQL or its client programs: not found, not reachable, not allowed."""

    exit_code = 4
    meaning = "MySQL or its client programs: not found, not reachable, not allowed"


class StorageError(AgentError):
    """The Blob endpoint: not reachable, not allowed, not what was expected."""

    exit_code = 5
    meaning = "the Blob endpoint: not reachable, not allowed, not what was expected"


class BusyError(AgentError):
    """Another run of the same kind is under way."""

    exit_code = 6
    meaning = "another run is under way"


class NotWriterError(AgentError):
    """The epoch names another site as the writer."""

    exit_code = 7
    meaning = "this site is not the writer, or stopped being it meanwhile"


class GuardError(AgentError):
    """The target database holds something that the restore must not touch."""

    exit_code = 8
    meaning = "the target database must not be touched"


class NoBackupError(AgentError):
    """There is no complete backup that could be used."""

    exit_code = 9
    meaning = "no complete backup that could be used"


class DumpError(AgentError):
    """A dump failed; nothing of it counts as a backup."""

    exit_code = 10
    meaning = "the dump failed and nothing of it counts as a backup"


class UnopenedError(DumpError):
    """There is nothing to back up yet: the copy is opened first, and then backed up."""


class RestoreError(AgentError):
    """Loading failed; the restore can be run again."""

    exit_code = 11
    meaning = "loading failed; run the restore again"


class VerificationError(AgentError):
    """The loaded copy is not what the manifest describes."""

    exit_code = 12
    meaning = "the loaded copy is not what the manifest describes"


class CheckError(AgentError):
    """``check`` found something that must be put right."""

    exit_code = 13
    meaning = "check found something that must be put right"


class LogError(AgentError):
    """The archived log: damaged, with a hole, or holding what cannot be replayed."""

    exit_code = 14
    meaning = "the log: damaged, with a hole, or holding what cannot be replayed"


ALL: tuple[type[AgentError], ...] = (
    AgentError,
    ConfigError,
    CredentialError,
    DatabaseError,
    StorageError,
    BusyError,
    NotWriterError,
    GuardError,
    NoBackupError,
    DumpError,
    RestoreError,
    VerificationError,
    CheckError,
    LogError,
)
