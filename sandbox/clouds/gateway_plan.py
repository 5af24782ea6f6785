"""What an ApplicationGateway resource says, read from its own inputs, or why Azure would refuse it.

The resource as such was checked by the simulated provider (sandbox/providers/azure_gateway.py); here is what
shows only when the parts are put together.

Sources: [arm] the ARM types of microsoft.network 2024-05-01 (Azure/bicep-types-az) and, under the articles
about Application Gateway in MicrosoftDocs/azure-docs, [errors] custom-error.md, [probe]
application-gateway-probe-overview.md, [v2] overview-v2.md, [tls] application-gateway-ssl-policy-overview.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_ERROR_STATUSES = {
    400,
    403,
    404,
    405,
    408,
    500,
    502,
    503,
    504,
}  # [arm] ApplicationGatewayCustomErrorStatusCode
_REDIRECTS = {"Permanent": 301, "Found": 302, "SeeOther": 303, "Temporary": 307}
_NOT_SIMULATED = (
    "urlPathMaps",
    "rewriteRuleSets",
    "listeners",
    "backendSettingsCollection",
    "routingRules",
    "privateLinkConfigurations",
    "authenticationCertificates",
    "trustedClientCertificates",
)


class GatewayRefused(ValueError):
    """Azure would refuse this gateway; starts with the code that Azure Resource Manager would give."""


@dataclass(frozen=True)
class Probe:
    """A health probe; seconds of the real service. ``host`` None: taken from the backend settings."""

    protocol: str
    host: str | None
    path: str
    interval_s: float
    timeout_s: float
    threshold: int
    statuses: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Settings:
    """Backend settings. ``host`` is a fixed Host header; ``pick_host``: the backend's own name is used."""

    name: str
    protocol: str
    port: int
    timeout_s: float
    host: str | None
    pick_host: bool
    path: str
    probe: Probe


@dataclass(frozen=True)
class Route:
    """Where a listener's requests go: to servers (host names or addresses), or a redirect."""

    pool: str
    servers: tuple[str, ...]
    settings: Settings | None
    redirect: tuple[int, str] | None
    """Status code and the target's scheme and port as text, e.g. ``(301, "https://$host")``."""


@dataclass(frozen=True)
class Listener:
    """One HTTP or HTTPS listener and the route of its rule."""

    name: str
    public_ip: str
    port: int
    secure: bool
    hosts: tuple[str, ...]
    secret_url: str | None
    error_pages: dict[int, str]
    route: Route


@dataclass(frozen=True)
class GatewayPlan:
    """A whole gateway. Listeners are in the order of their rules' priority."""

    name: str
    listeners: tuple[Listener, ...]
    identities: tuple[str, ...]
    tls_protocols: str


class _Reader:
    """Looks things up by ``$self`` references and absolute ids, and complains like Resource Manager."""

    def __init__(self, inputs: dict[str, Any], address_of: Callable[[str], str]) -> None:
        self.inputs = inputs
        self.address_of = address_of

    def items(self, collection: str) -> list[dict[str, Any]]:
        return list(self.inputs.get(collection) or [])

    def find(self, collection: str, reference: Any, user: str) -> dict[str, Any]:
        wanted = str((reference or {}).get("id") or "")
        kind, _, name = wanted.rstrip("/").rpartition("/")
        if not kind.endswith("/" + collection):
            raise GatewayRefused(
                f"InvalidResourceReference: {user} needs an id of {collection}, not {wanted!r}"
            )
        for item in self.items(collection):
            if item.get("name") == name:
                return item
        raise GatewayRefused(
            f"InvalidResourceReference: {user} names {collection}/{name}, which does not exist"
        )


def read_gateway(name: str, inputs: dict[str, Any], address_of: Callable[[str], str]) -> GatewayPlan:
    """Check and read a gateway.

    Args:
        name: the gateway's name.
        inputs: the resource's camelCase inputs.
        address_of: the IPv4 address of a PublicIPAddress id; raises GatewayRefused when unusable.

    Raises:
        GatewayRefused: with what Azure would complain about, or a part that this sandbox does not know.
    """
    for key in _NOT_SIMULATED:
        if inputs.get(key):
            raise GatewayRefused(f"{key} is not simulated; extend {__name__}")
    reader = _Reader(inputs, address_of)
    for collection in (
        "frontendIPConfigurations",
        "frontendPorts",
        "backendAddressPools",
        "httpListeners",
        "requestRoutingRules",
    ):
        names = [item.get("name") for item in reader.items(collection)]
        if not names or None in names or len(set(names)) != len(names):
            raise GatewayRefused(
                f"InvalidRequestFormat: {collection} must hold entries with names of their own"
            )
    return GatewayPlan(
        name=name,
        listeners=_listeners(reader),
        identities=tuple((inputs.get("identity") or {}).get("userAssignedIdentities") or ()),
        tls_protocols=_tls(inputs.get("sslPolicy") or {}),
    )


def _tls(policy: dict[str, Any]) -> str:
    name = str(policy.get("policyName") or "AppGwSslPolicy20150501")
    if name.startswith(("AppGwSslPolicy20220101",)):
        return "TLSv1.2 TLSv1.3"
    if name in {"AppGwSslPolicy20170401S", "AppGwSslPolicy20170401"}:
        return "TLSv1.2"
    raise GatewayRefused(f"sslPolicy {name} allows TLS 1.0 or is unknown; use AppGwSslPolicy20220101S")


def _listeners(reader: _Reader) -> tuple[Listener, ...]:
    rules = reader.items("requestRoutingRules")
    priorities: set[int] = set()
    for rule in rules:
        priority = rule.get("priority")
        if priority is None:
            raise GatewayRefused(
                "ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty: "
                f"rule {rule['name']} has no priority"
            )
        if not 1 <= int(priority) <= 20000 or int(priority) in priorities:
            raise GatewayRefused(
                f"ApplicationGatewayRequestRoutingRulePriority: rule {rule['name']}: {priority} is taken "
                "or not in 1..20000"
            )
        priorities.add(int(priority))
    found: list[Listener] = []
    used: set[str] = set()
    places: set[tuple[str, int, tuple[str, ...]]] = set()
    for rule in sorted(rules, key=lambda rule: int(rule["priority"])):
        listener = _listener(reader, rule)
        place = (listener.public_ip, listener.port, listener.hosts)
        if listener.name in used or place in places:
            raise GatewayRefused(
                f"ApplicationGatewayHttpListenerInUse: {listener.name} (rule {rule['name']})"
            )
        used.add(listener.name)
        places.add(place)
        found.append(listener)
    return tuple(found)


def _listener(reader: _Reader, rule: dict[str, Any]) -> Listener:
    user = f"rule {rule['name']}"
    raw = reader.find("httpListeners", rule.get("httpListener"), user)
    user = f"listener {raw['name']}"
    front = reader.find("frontendIPConfigurations", raw.get("frontendIPConfiguration"), user)
    if not front.get("publicIPAddress"):
        raise GatewayRefused(
            f"frontend {front['name']}: only public frontends are simulated; extend {__name__}"
        )
    secure = str(raw.get("protocol")).lower() == "https"
    secret_url = None
    if secure:
        certificate = reader.find("sslCertificates", raw.get("sslCertificate"), user)
        secret_url = certificate.get("keyVaultSecretId")
        if not secret_url:
            raise GatewayRefused(f"certificate {certificate['name']}: only keyVaultSecretId is simulated")
    pages = {**_error_pages(reader.inputs, "gateway"), **_error_pages(raw, user)}
    hosts = tuple(raw.get("hostNames") or ([raw["hostName"]] if raw.get("hostName") else []))
    return Listener(
        name=raw["name"],
        public_ip=reader.address_of(front["publicIPAddress"]["id"]),
        port=int(reader.find("frontendPorts", raw.get("frontendPort"), user)["port"]),
        secure=secure,
        hosts=hosts,
        secret_url=secret_url,
        error_pages=pages,
        route=_route(reader, rule),
    )


def _error_pages(owner: dict[str, Any], user: str) -> dict[int, str]:
    pages: dict[int, str] = {}
    for entry in owner.get("customErrorConfigurations") or []:
        text, url = str(entry.get("statusCode")), str(entry.get("customErrorPageUrl"))
        status = text.removeprefix("HttpStatus")
        if not status.isdigit() or int(status) not in _ERROR_STATUSES:
            raise GatewayRefused(
                f"{user}: custom error page for {text}: allowed are {sorted(_ERROR_STATUSES)}"
            )
        if not url.endswith((".htm", ".html")):
            raise GatewayRefused(f"{user}: custom error page {url} must end in .htm or .html [errors]")
        pages[int(status)] = url
    return pages


def _route(reader: _Reader, rule: dict[str, Any]) -> Route:
    user = f"rule {rule['name']}"
    if rule.get("ruleType", "Basic") != "Basic":
        raise GatewayRefused(f"{user}: ruleType {rule['ruleType']} is not simulated; extend {__name__}")
    if rule.get("redirectConfiguration"):
        redirect = reader.find("redirectConfigurations", rule["redirectConfiguration"], user)
        return Route("", (), None, _redirect(reader, redirect))
    pool = reader.find("backendAddressPools", rule.get("backendAddressPool"), user)
    raw = reader.find("backendHttpSettingsCollection", rule.get("backendHttpSettings"), user)
    servers = tuple(
        str(item.get("fqdn") or item.get("ipAddress")) for item in pool.get("backendAddresses") or []
    )
    return Route(pool["name"], servers, _settings(reader, raw), None)


def _redirect(reader: _Reader, raw: dict[str, Any]) -> tuple[int, str]:
    code = _REDIRECTS.get(str(raw.get("redirectType")))
    if code is None:
        raise GatewayRefused(f"redirect {raw['name']}: redirectType must be one of {sorted(_REDIRECTS)}")
    if raw.get("targetUrl"):
        return code, str(raw["targetUrl"])
    target = reader.find("httpListeners", raw.get("targetListener"), f"redirect {raw['name']}")
    port = int(reader.find("frontendPorts", target.get("frontendPort"), f"listener {target['name']}")["port"])
    scheme = str(target.get("protocol")).lower()
    shown = "" if port == {"http": 80, "https": 443}[scheme] else f":{port}"
    rest = "$request_uri" if raw.get("includePath", False) else "/"
    return code, f"{scheme}://$host{shown}{rest}"


def _settings(reader: _Reader, raw: dict[str, Any]) -> Settings:
    user = f"backend settings {raw['name']}"
    pick, host = bool(raw.get("pickHostNameFromBackendAddress")), raw.get("hostName")
    protocol = str(raw.get("protocol", "Http")).lower()
    port = int(raw.get("port") or {"http": 80, "https": 443}[protocol])
    return Settings(
        name=raw["name"],
        protocol=protocol,
        port=port,
        timeout_s=float(
            raw.get("requestTimeout") or 20
        ),  # [arm] ApplicationGatewayBackendHttpSettings default
        host=host,
        pick_host=pick,
        path=str(raw.get("path") or ""),
        probe=_probe(reader, raw, protocol, user),
    )


def _probe(reader: _Reader, settings: dict[str, Any], protocol: str, user: str) -> Probe:
    if not settings.get("probe"):
        # [probe] "Default health probe": the backend's protocol, host 127.0.0.1, path /, 30 s, 30 s, 3
        return Probe(protocol, "127.0.0.1", "/", 30.0, 30.0, 3, ((200, 399),))
    raw = reader.find("probes", settings["probe"], user)
    user = f"probe {raw['name']}"
    if str(raw.get("protocol")).lower() != protocol:
        raise GatewayRefused(
            f"{user}: protocol {raw.get('protocol')} differs from that of {settings['name']} [probe]"
        )
    pick, host = bool(raw.get("pickHostNameFromBackendHttpSettings")), raw.get("host")
    if pick and not (settings.get("hostName") or settings.get("pickHostNameFromBackendAddress")):
        raise GatewayRefused(f"{user}: picks its host from settings that have none")
    statuses = (raw.get("match") or {}).get("statusCodes") or ["200-399"]
    return Probe(
        protocol=protocol,
        host=host,
        path=str(raw.get("path") or "/"),
        interval_s=float(raw.get("interval") or 30),
        timeout_s=float(raw.get("timeout") or 30),
        threshold=int(raw.get("unhealthyThreshold") or 3),
        statuses=tuple(_range(str(item), user) for item in statuses),
    )


def _range(text: str, user: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    if not low.isdigit() or (dash and not high.isdigit()):
        raise GatewayRefused(f"{user}: status codes {text!r} are neither a number nor a range")
    return int(low), int(high) if dash else int(low)
