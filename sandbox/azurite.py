"""Azurite, the Blob endpoint behind the gate: one account, one folder, one address."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

from sandbox import processes
from sandbox.tools import Tools

_START_PATIENCE_S = 30.0
# Azurite's documented development account; it opens nothing but this emulator on this machine's loopback.
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class AzuriteError(RuntimeError):
    """Azurite could not start."""


class Azurite:
    """One Azurite Blob server with its data below ``folder``.

    Attributes:
        account: the storage account's name.
        address, port: where it listens, plain HTTP.
        endpoint: ``http://address:port/account``.
        sas: an account SAS without its ``?``: every blob permission for the next ten years.
    """

    def __init__(self, *, tools: Tools, folder: Path, address: str, port: int = 10000) -> None:
        self.account, self.address, self.port = _ACCOUNT, address, port
        self.endpoint = f"http://{address}:{port}/{_ACCOUNT}"
        self.sas = generate_account_sas(
            _ACCOUNT,
            _KEY,
            resource_types=ResourceTypes(service=True, container=True, object=True),
            permission=AccountSasPermissions(
                read=True,
                write=True,
                delete=True,
                list=True,
                add=True,
                create=True,
                update=True,
                process=True,
                tag=True,
                filter_by_tags=True,
                set_immutability_policy=True,
                permanent_delete=True,
                delete_previous_version=True,
            ),
            expiry=datetime.now(UTC) + timedelta(days=3650),
        )
        self._tools, self._folder = tools, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it accepts connections.

        Raises:
            AzuriteError: the port is in use, or Azurite ended or did not answer within 30 s.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = self._folder / "azurite.log"
        data = self._folder / "data"
        data.mkdir(exist_ok=True, mode=0o700)
        self._refuse_taken_port()
        self._process = processes.spawn(
            [
                *self._tools.azurite,
                *("--blobHost", self.address, "--blobPort", str(self.port), "--location", data),
                *("--skipApiVersionCheck", "--loose", "--disableTelemetry", "--silent"),
            ],
            log=log,
            cwd=self._folder,
        )
        try:
            self._wait_until_it_accepts(self._process, log)
        except BaseException:
            processes.kill(self._process)
            raise

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.address, self.port))
            except OSError as error:
                raise AzuriteError(
                    f"Azurite cannot listen on {self.address}:{self.port} ({error.strerror}): "
                    "end the program that uses it, or './dr sandbox down' if it is an older sandbox"
                ) from error

    def _wait_until_it_accepts(self, process: subprocess.Popen[bytes], log: Path) -> None:
        end = time.monotonic() + _START_PATIENCE_S
        while True:
            if process.poll() is not None:
                raise AzuriteError(f"Azurite ended with status {process.returncode} (log: {log})")
            with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 1):
                return
            if time.monotonic() > end:
                raise AzuriteError(f"Azurite did not answer within {_START_PATIENCE_S:.0f} s (log: {log})")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it; its data stays."""
        if self._process is not None:
            processes.stop(self._process)
            self._process = None
