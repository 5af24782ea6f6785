"""The configuration and what it leads to: the containers and the login."""

from __future__ import annotations

from dataclasses import dataclass

from agent.config import Config
from agent.credentials import storage_credential
from agent.database import Login, login
from agent.storage import BlobStore


@dataclass(frozen=True)
class Context:
    """Opened once per process.

    Attributes:
        backups: where this site's dumps go.
        restore_from: where restores read; the same container except in a drill.
        signals: heartbeats and reports. control: the epoch.
        orders: what the operator wants of the Azure side; None where nobody gives orders.
    """

    config: Config
    backups: BlobStore
    restore_from: BlobStore
    signals: BlobStore
    control: BlobStore
    orders: BlobStore | None

    @classmethod
    def of(cls, config: Config) -> Context:
        """Clients for everything the configuration names; nothing is contacted yet.

        Raises:
            CredentialError: an account key's file cannot be read.
        """
        storage = config.storage
        credential = storage_credential(config.identity)
        backups, restore_from, signals, control = (
            BlobStore(storage.endpoint, container, credential)
            for container in (storage.backups, storage.restore_from, storage.signals, storage.control)
        )
        place = config.orders
        orders = None if place is None else BlobStore(place.endpoint, place.container, credential)
        return cls(config, backups, restore_from, signals, control, orders)

    def login(self) -> Login:
        """The database login with its password, fetched now: secrets rotate.

        Raises:
            CredentialError: the password cannot be had.
        """
        return login(self.config.database, self.config.identity)
