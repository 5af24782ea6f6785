"""Key Vault's data plane: reading secrets, as tokens and role assignments allow.

Secrets come from the program's ``keyvault.Secret`` resources and from certificates that an operator imported;
a certificate is readable as a secret of its own name, as PKCS #12 in base64
(learn.microsoft.com/azure/key-vault/certificates/about-certificates). Simulated: GET of one secret.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from sandbox.ca import Authority
from sandbox.clouds import azure_resources as azure
from sandbox.clouds.authorization import NetworkRules, UndecidableError, role_allows
from sandbox.clouds.callers import INTERNET
from sandbox.clouds.entra import Entra, TokenRefused
from sandbox.clouds.http_server import Exchange, HttpServer
from sandbox.clouds.request_log import RequestLog
from sandbox.network import Network
from sandbox.store import Resource, Store

_SUFFIX = ".vault.azure.net"
_AUDIENCES = ("https://vault.azure.net",)
_GET_SECRET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"  # noqa: S105 - a right's name
_PKCS12 = "application/x-pkcs12"


class VaultRefused(Exception):
    """A request that the vault refuses, with Azure's status and codes."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(f"{status} {inner or code}: {message}")
        self.status, self.code, self.message, self.inner = status, code, message, inner


@dataclass(frozen=True)
class Secret:
    """A secret's value as the vault gives it out."""

    value: str
    content_type: str | None


class KeyVaults:
    """All key vaults' data planes.

    Args:
        store: resources of azure-native.
        folder: where imported certificates are kept (mode 0700).
    """

    def __init__(
        self,
        *,
        store: Store,
        network: Network,
        authority: Authority,
        entra: Entra,
        log: RequestLog,
        folder: Path,
    ) -> None:
        self._store = store
        self._network = network
        self._authority = authority
        self._entra = entra
        self._log = log
        self._folder = folder
        self._mutex = threading.Lock()
        self._servers: dict[str, HttpServer] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(self) -> None:
        """Open every vault that is already deployed."""
        for vault in self._store.find(azure.VAULT):
            self.open_vault(vault.inputs["vaultName"])

    def stop(self) -> None:
        """Close all listeners."""
        for name in list(self._servers):
            self.close_vault(name)

    def open_vault(self, name: str) -> None:
        """Start answering for a vault; nothing happens when it is open."""
        with self._mutex:
            if name in self._servers:
                return
            host = f"{name}{_SUFFIX}"
            endpoint = self._network.endpoint(host, 443)
            certificate = self._authority.issue([host, endpoint[0]])

            def answer(exchange: Exchange) -> None:
                self._answer(exchange, name)

            server = HttpServer("vault", endpoint, answer, log=self._log, certificate=certificate)
            server.start()
            self._servers[name] = server

    def close_vault(self, name: str) -> None:
        """Stop answering for a vault."""
        with self._mutex:
            server = self._servers.pop(name, None)
        if server:
            server.stop()

    def import_certificate(self, vault: str, name: str, certificate_pem: bytes, key_pem: bytes) -> None:
        """What ``az keyvault certificate import`` does: certificate (leaf first) and private key.

        Raises:
            ValueError: the key is neither RSA nor EC, or the PEM text is broken.
        """
        key = serialization.load_pem_private_key(key_pem, password=None)
        if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            raise ValueError(f"certificate {name}: Key Vault takes RSA and EC keys, not {type(key).__name__}")
        leaf, *chain = x509.load_pem_x509_certificates(certificate_pem)
        bundle = pkcs12.serialize_key_and_certificates(
            name.encode(), key, leaf, chain, serialization.NoEncryption()
        )
        file = self._certificate_file(vault, name)
        descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(bundle)

    def secret_for(self, principal_id: str, vault: str, name: str) -> Secret:
        """What a service reads with a managed identity, as the Application Gateway does for its certificate.

        Such a service passes the firewall only as a "trusted service" (``bypass: AzureServices``).

        Raises:
            VaultRefused: no vault, no such secret, no right, or the firewall.
            UndecidableError: a role assignment that cannot be judged.
        """
        resource = self._vault(vault)
        rules = resource.inputs["properties"].get("networkAcls") or {}
        admitted = NetworkRules.of_vault(resource.inputs)
        if not (admitted.public and admitted.admit_all) and rules.get("bypass") != "AzureServices":
            message = f"Client address is not authorized and caller is not a trusted service. Vault: {vault}"
            raise VaultRefused(403, "Forbidden", message, "ForbiddenByFirewall")
        self._require_role(resource, principal_id, name)
        return self._secret(resource, name)

    def certificate_for(self, principal_id: str, vault: str, name: str) -> tuple[bytes, bytes]:
        """An imported certificate, read by ``secret_for``, as PEM: chain (leaf first) and private key.

        Raises:
            VaultRefused: as ``secret_for``, or the secret is no certificate.
        """
        secret = self.secret_for(principal_id, vault, name)
        if secret.content_type != _PKCS12:
            raise VaultRefused(400, "BadParameter", f"Secret {name} of vault {vault} is not a certificate.")
        loaded = pkcs12.load_pkcs12(base64.b64decode(secret.value), None)
        if loaded.key is None or loaded.cert is None:
            raise VaultRefused(
                400, "BadParameter", f"Certificate {name} of vault {vault} has no private key."
            )
        chain = [loaded.cert.certificate, *(extra.certificate for extra in loaded.additional_certs)]
        key = loaded.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain), key

    # -- one request --------------------

    def _answer(self, exchange: Exchange, vault: str) -> None:
        exchange.target = f"{vault}{exchange.path}"
        try:
            secret, identifier = self._read(exchange, vault)
        except VaultRefused as refusal:
            exchange.error = refusal.inner or refusal.code
            error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
            if refusal.inner:
                error["innererror"] = {"code": refusal.inner}
            headers = {}
            if refusal.status == 401:
                where = self._entra.authorization_uri().removesuffix("/oauth2/authorize")
                challenge = f'Bearer authorization="{where}", resource="{_AUDIENCES[0]}"'
                headers["WWW-Authenticate"] = challenge
            _reply_json(exchange, refusal.status, {"error": error}, headers)
        except UndecidableError as undecided:
            exchange.error = "NotSimulated"
            body = {"error": {"code": "NotSimulated", "message": str(undecided)}}
            _reply_json(exchange, 501, body)
        else:
            body = {"value": secret.value, "id": identifier, "attributes": {"enabled": True}}
            if secret.content_type:
                body["contentType"] = secret.content_type
            _reply_json(exchange, 200, body)

    def _read(self, exchange: Exchange, vault: str) -> tuple[Secret, str]:
        resource = self._vault(vault)
        claims, refusal = self._authenticate(exchange)
        exchange.caller = self._entra.caller(claims) if claims else INTERNET
        if refusal:  # unlike storage, a vault asks for the token before it looks at the address
            raise refusal
        rules = NetworkRules.of_vault(resource.inputs)
        subnets = self._store.find(azure.SUBNET)
        if not rules.admit(exchange.caller, service="Microsoft.KeyVault", subnets=subnets):
            message = (
                "Client address is not authorized and caller is not a trusted service. "
                f"Client address: {exchange.caller.public_ip}; Vault: {vault}"
            )
            raise VaultRefused(403, "Forbidden", message, "ForbiddenByFirewall")
        if "api-version" not in exchange.query:
            raise VaultRefused(400, "BadParameter", "AKV10017: api-version must be specified")
        kind, name, version = (*exchange.path.strip("/").split("/"), "", "", "")[:3]
        if exchange.method != "GET" or kind != "secrets" or not name:
            message = (
                f"{exchange.method} {exchange.path} is not simulated: see sandbox/clouds/vault_endpoint.py"
            )
            raise VaultRefused(501, "NotSimulated", message)
        self._require_role(resource, str((claims or {}).get("oid", "")), name)
        secret = self._secret(resource, name)
        current = sha256(f"{vault}/{name}/{secret.value}".encode()).hexdigest()[:32]
        if version not in ("", current):
            raise _not_found(name)
        return secret, f"https://{vault}{_SUFFIX}/secrets/{name}/{current}"

    def _authenticate(self, exchange: Exchange) -> tuple[Mapping[str, Any] | None, VaultRefused | None]:
        scheme, _, token = exchange.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            message = "AKV10000: Request is missing a Bearer or PoP token."
            return None, VaultRefused(401, "Unauthorized", message)
        try:
            return self._entra.verify(token, _AUDIENCES), None
        except TokenRefused as error:
            return error.claims, VaultRefused(401, "Unauthorized", f"AKV10022: {error}")

    def _vault(self, name: str) -> Resource:
        vault = azure.find_vault(self._store, name)
        if vault is None:
            raise VaultRefused(404, "VaultNotFound", f"No key vault is named {name}.")
        return vault

    def _require_role(self, vault: Resource, principal_id: str, secret: str) -> None:
        if not vault.inputs["properties"].get("enableRbacAuthorization"):
            message = "Access policies are not simulated: set enableRbacAuthorization on the vault."
            raise VaultRefused(403, "Forbidden", message, "AccessDenied")
        allowed = role_allows(
            _GET_SECRET,
            data=True,
            principal_id=principal_id,
            resource_id=f"{vault.id}/secrets/{secret}",
            assignments=self._store.find(azure.ROLE_ASSIGNMENT),
            definitions=self._store.find(azure.ROLE_DEFINITION),
        )
        if not allowed:
            message = (
                "Caller is not authorized to perform action on resource. "
                f"Caller: oid={principal_id}; Action: '{_GET_SECRET}'; Resource: {vault.id}/secrets/{secret}"
            )
            raise VaultRefused(403, "Forbidden", message, "ForbiddenByRbac")

    def _secret(self, vault: Resource, name: str) -> Secret:
        vault_name = vault.inputs["vaultName"]
        for resource in self._store.find(azure.SECRET, vaultName=vault_name, secretName=name):
            properties = resource.inputs["properties"]
            return Secret(properties["value"], properties.get("contentType"))
        file = self._certificate_file(vault_name, name)
        if file.exists():
            return Secret(base64.b64encode(file.read_bytes()).decode(), _PKCS12)
        raise _not_found(name)

    def _certificate_file(self, vault: str, name: str) -> Path:
        return self._folder / f"{vault}.{name}.pfx"


def _not_found(name: str) -> VaultRefused:
    message = f"A secret with (name/id) {name} was not found in this key vault."
    return VaultRefused(404, "SecretNotFound", message)


def _reply_json(
    exchange: Exchange, status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> None:
    exchange.reply(status, json.dumps(document).encode(), headers, kind="application/json; charset=utf-8")
