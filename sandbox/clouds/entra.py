"""Microsoft Entra ID: exchanges client assertions for access tokens, and checks the tokens that come back.

Simulated: the v2.0 token endpoint for ``client_credentials`` with a federated assertion (RFC 7523) or an
application's secret, the discovery document that MSAL reads first, and tokens for managed identities. Errors
carry the numbers of learn.microsoft.com/entra/identity-platform/reference-error-codes and
.../workload-identity-federation-faq.
Not simulated: users, certificates, and the minutes that a new credential takes to spread.
"""

from __future__ import annotations

import hmac
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qs

import jwt

from sandbox.ca import Authority
from sandbox.clouds import azure_resources as azure
from sandbox.clouds.callers import INTERNET, MACHINE_CLAIM, Caller, Locate
from sandbox.clouds.http_server import Exchange, HttpServer
from sandbox.clouds.keys import KeysOfIssuer, SigningKey, decode
from sandbox.clouds.request_log import RequestLog
from sandbox.network import Network
from sandbox.store import Resource, Store

HOST = "login.microsoftonline.com"
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CLOCK_SKEW_S = 300  # what Entra tolerates
APPLICATION_LIFETIME_S = 3600
MANAGED_IDENTITY_LIFETIME_S = 24 * 3600
_RESOURCES = ("https://storage.azure.com", "https://vault.azure.net", "https://management.azure.com")
_BLOB_SUFFIX = ".blob.core.windows.net"


class TokenRefused(Exception):
    """An access token that a service does not accept.

    Attributes:
        claims: the token's claims when at least its signature is Entra's, else None.
    """

    def __init__(self, reason: str, claims: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.claims = claims


class EntraRefused(Exception):
    """A token request that Entra refuses: ``AADSTS<number>: <message>``."""

    def __init__(
        self, number: int, message: str, *, status: int = 401, error: str = "invalid_client"
    ) -> None:
        super().__init__(f"AADSTS{number}: {message}")
        self.number, self.status, self.error = number, status, error


@dataclass(frozen=True)
class Application:
    """An application registered in the tenant by people, not by the program; it signs in with its secret.

    Attributes:
        object_id: of its service principal, to which roles are assigned.
        groups: object ids of the groups that it is a member of. Tokens name them; the real service looks
            them up itself.
        machine: from where it calls.
    """

    tenant_id: str
    client_id: str
    client_secret: str
    object_id: str
    groups: tuple[str, ...]
    machine: str


class Entra:
    """The tenant's token issuer.

    Args:
        store: resources of azure-native: identities and their federated credentials.
        assertion_keys: stands for fetching the JWKS of an assertion's issuer.
        locate: where a machine is now.
        applications: those that sign in with a secret.
    """

    def __init__(
        self,
        *,
        store: Store,
        network: Network,
        authority: Authority,
        log: RequestLog,
        locate: Locate,
        assertion_keys: KeysOfIssuer,
        applications: Sequence[Application] = (),
    ) -> None:
        self._store = store
        self._applications = applications
        self._locate = locate
        self._assertion_keys = assertion_keys
        self._key = SigningKey()
        endpoint = network.endpoint(HOST, 443)
        certificate = authority.issue([HOST, endpoint[0]])
        self._server = HttpServer("entra", endpoint, self._answer, log=log, certificate=certificate)
        self.url = self._server.url

    def start(self) -> None:
        """Start answering."""
        self._server.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.stop()

    # -- tokens --------------------

    def issue(
        self, identity: Resource, resource: str, *, machine: str | None, lifetime_s: int
    ) -> tuple[str, int]:
        """An access token of a user-assigned identity, and when it expires (seconds since the epoch).

        Args:
            resource: the audience, such as ``https://storage.azure.com``.
            machine: where the token is handed to.

        Raises:
            EntraRefused: no such resource.
        """
        outputs = identity.outputs
        who = {
            "tid": outputs["tenantId"],
            "appid": outputs["clientId"],
            "oid": outputs["principalId"],
            "xms_mirid": identity.id,
            MACHINE_CLAIM: machine,
        }
        return self._sign(who, resource, lifetime_s)

    def _sign(self, who: Mapping[str, object], resource: str, lifetime_s: int) -> tuple[str, int]:
        if not _known_resource(resource):
            message = f"The resource principal named {resource} was not found in the tenant."
            raise EntraRefused(500011, message, status=400, error="invalid_resource")
        now = int(time.time())
        claims = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{who['tid']}/",
            "iat": now,
            "nbf": now,
            "exp": now + lifetime_s,
            "idtyp": "app",
            "sub": who["oid"],
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
            **who,
        }
        return self._key.sign(claims), now + lifetime_s

    def verify(self, token: str, audiences: Sequence[str]) -> Mapping[str, Any]:
        """The claims of an access token for one of ``audiences``.

        Raises:
            TokenRefused: not ours, for another audience, another issuer, not valid yet, or expired.
        """
        try:
            claims = decode(token, self._key.public)
        except jwt.InvalidTokenError as error:
            raise TokenRefused(f"Signature validation failed: {error}") from error
        now = time.time()
        if str(claims.get("aud", "")).rstrip("/") not in audiences:
            raise TokenRefused(f"Audience validation failed: the token is for {claims.get('aud')}.", claims)
        if claims.get("iss") != f"https://sts.windows.net/{claims.get('tid')}/":
            raise TokenRefused(f"Issuer validation failed: {claims.get('iss')}.", claims)
        if not claims["nbf"] - _CLOCK_SKEW_S <= now < claims["exp"]:
            raise TokenRefused("Lifetime validation failed: the token is expired or not valid yet.", claims)
        return claims

    def caller(self, claims: Mapping[str, Any]) -> Caller:
        """Where the machine that was given a token (or an assertion) is now."""
        machine = claims.get(MACHINE_CLAIM)
        return self._locate(machine) if machine else INTERNET

    def authorization_uri(self) -> str:
        """The authority that a service's 401 challenge names."""
        identity = next(iter(self._store.find(azure.IDENTITY)), None)
        tenant = identity.outputs["tenantId"] if identity else "common"
        return f"https://{HOST}/{tenant}/oauth2/authorize"

    # -- endpoint --------------------

    def _answer(self, exchange: Exchange) -> None:
        tenant, _, rest = exchange.path.strip("/").partition("/")
        base = f"https://{exchange.headers.get('Host', HOST)}/{tenant}"
        if exchange.method == "GET" and rest == "v2.0/.well-known/openid-configuration":
            document = {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "tenant_region_scope": "AS",
            }
            _reply_json(exchange, 200, document)
        elif exchange.method == "GET" and rest == "discovery/v2.0/keys":
            _reply_json(exchange, 200, self._key.jwks())
        elif exchange.method == "POST" and rest == "oauth2/v2.0/token":
            self._token(exchange, tenant)
        else:
            exchange.error = "NotSimulated"
            _reply_json(
                exchange, 404, {"error": "not_found", "error_description": "see sandbox/clouds/entra.py"}
            )

    def _token(self, exchange: Exchange, tenant: str) -> None:
        form = {name: values[0] for name, values in parse_qs(exchange.body.read().decode()).items()}
        try:
            token = self._client_credentials(exchange, tenant, form)
            _reply_json(
                exchange,
                200,
                {
                    "token_type": "Bearer",
                    "expires_in": APPLICATION_LIFETIME_S,
                    "ext_expires_in": APPLICATION_LIFETIME_S,
                    "access_token": token,
                },
            )
        except EntraRefused as refusal:
            exchange.error = f"AADSTS{refusal.number}"
            trace, moment = str(uuid.uuid4()), datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            _reply_json(
                exchange,
                refusal.status,
                {
                    "error": refusal.error,
                    "error_description": f"{refusal} Trace ID: {trace} Timestamp: {moment}",
                    "error_codes": [refusal.number],
                    "timestamp": moment,
                    "trace_id": trace,
                    "correlation_id": trace,
                },
            )

    def _client_credentials(self, exchange: Exchange, tenant: str, form: Mapping[str, str]) -> str:
        if form.get("grant_type") != "client_credentials":
            message = f"The app requested an unsupported grant type '{form.get('grant_type')}'."
            raise EntraRefused(70003, message, status=400, error="unsupported_grant_type")
        asserted = form.get("client_assertion_type") == _JWT_BEARER and form.get("client_assertion")
        if not asserted and not form.get("client_secret"):
            message = "The request body must contain one of the following parameters: "
            raise EntraRefused(7000218, f"{message}'client_assertion' or 'client_secret'.")
        scope = form.get("scope", "")
        if not scope.endswith("/.default"):
            message = f"The provided value for the input parameter 'scope' is not valid: '{scope}'."
            raise EntraRefused(1002012, message, status=400, error="invalid_scope")
        resource = scope.removesuffix("/.default")
        client = self._client(form.get("client_id", ""), tenant)
        if isinstance(client, Application):
            return self._application_token(exchange, client, form.get("client_secret", ""), resource)
        assertion = self._check_assertion(client, form.get("client_assertion", ""))
        exchange.caller = self.caller(assertion)
        machine = assertion.get(MACHINE_CLAIM)
        token, _ = self.issue(client, resource, machine=machine, lifetime_s=APPLICATION_LIFETIME_S)
        return token

    def _application_token(
        self, exchange: Exchange, application: Application, secret: str, resource: str
    ) -> str:
        exchange.caller = self._locate(application.machine)
        if not hmac.compare_digest(secret.encode(), application.client_secret.encode()):
            message = f"Invalid client secret provided for app '{application.client_id}'."
            raise EntraRefused(7000215, message)
        who = {
            "tid": application.tenant_id,
            "appid": application.client_id,
            "oid": application.object_id,
            "groups": list(application.groups),
            MACHINE_CLAIM: application.machine,
        }
        token, _ = self._sign(who, resource, APPLICATION_LIFETIME_S)
        return token

    def _client(self, client_id: str, tenant: str) -> Resource | Application:
        identities = self._store.find(azure.IDENTITY)
        tenants = {identity.outputs["tenantId"] for identity in identities}
        if tenant not in tenants | {application.tenant_id for application in self._applications}:
            message = f"Tenant '{tenant}' not found."
            raise EntraRefused(90002, message, status=400, error="invalid_request")
        for application in self._applications:
            if (application.client_id, application.tenant_id) == (client_id, tenant):
                return application
        for identity in identities:
            if identity.outputs["clientId"] == client_id and identity.outputs["tenantId"] == tenant:
                return identity
        message = f"Application with identifier '{client_id}' was not found in the directory."
        raise EntraRefused(700016, message, status=400, error="unauthorized_client")

    def _check_assertion(self, identity: Resource, assertion: str) -> Mapping[str, Any]:
        """The assertion's claims, once a federated credential of ``identity`` matches it exactly."""
        try:
            claimed: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError as error:
            raise EntraRefused(50027, f"JWT token is invalid or malformed: {error}") from error
        self._match_credential(identity, claimed)
        try:
            claims = decode(assertion, self._assertion_keys(str(claimed["iss"])))
        except jwt.InvalidTokenError as error:
            raise EntraRefused(700027, f"Client assertion failed signature validation: {error}.") from error
        now = time.time()
        if not claims.get("nbf", claims["iat"]) - _CLOCK_SKEW_S <= now < claims["exp"] + _CLOCK_SKEW_S:
            raise EntraRefused(700024, "Client assertion is not within its valid time range.")
        return claims

    def _match_credential(self, identity: Resource, claimed: Mapping[str, Any]) -> None:
        """Issuer, subject and audience must equal those of one credential, letter by letter."""
        issuer, subject, audience = (str(claimed.get(name)) for name in ("iss", "sub", "aud"))
        credentials = self._store.find(
            azure.FEDERATED_CREDENTIAL,
            resourceGroupName=identity.inputs["resourceGroupName"],
            resourceName=identity.inputs["resourceName"],
        )
        hint = "Please check your federated identity credential Subject, Audience and Issuer against it."
        candidates = [one.inputs for one in credentials if one.inputs["issuer"] == issuer]
        start = "No matching federated identity record found for presented assertion"
        if not candidates:
            raise EntraRefused(700211, f"{start} issuer '{issuer}'. {hint}")
        candidates = [one for one in candidates if one["subject"] == subject]
        if not candidates:
            raise EntraRefused(700213, f"{start} subject '{subject}'. {hint}")
        if not any(audience in one["audiences"] for one in candidates):
            raise EntraRefused(700212, f"{start} audience '{audience}'. {hint}")


def groups_of(claims: Mapping[str, object]) -> tuple[str, ...]:
    """The groups that a token's holder is a member of."""
    groups = claims.get("groups")
    return tuple(str(group) for group in cast(list[object], groups)) if isinstance(groups, list) else ()


def _known_resource(resource: str) -> bool:
    name = resource.rstrip("/")
    return name in _RESOURCES or (name.startswith("https://") and name.endswith(_BLOB_SUFFIX))


def _reply_json(exchange: Exchange, status: int, document: Mapping[str, Any]) -> None:
    headers = {"Cache-Control": "no-store"}
    exchange.reply(status, json.dumps(document).encode(), headers, kind="application/json; charset=utf-8")
