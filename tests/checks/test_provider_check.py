"""``./dr test providers``: all of it but the plugins themselves, which cannot be had everywhere."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cli import provider_check
from cli.__main__ import main
from cli.provider_check import SITUATIONS, UNAVAILABLE, assemble, judge
from cli.refusing_proxy import Attempt, RefusingProxy
from sandbox.providers.server import Servers
from sandbox.tools import find_or_bring
from tests.engine.conftest import World

_NORMAL, _EMERGENCY, _OPENED, _DRILL = SITUATIONS
_REFUSING_ENGINE = ("/bin/sh", "-c", "echo 'error: no route to the downloads' >&2; exit 1", "pulumi")


@pytest.fixture
def proxy() -> Iterator[RefusingProxy]:
    with RefusingProxy() as proxy:
        yield proxy


def _get(url: str, proxy: RefusingProxy) -> None:
    address = proxy.environment()["HTTPS_PROXY"]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": address, "https": address}))
    opener.open(url, timeout=30)


def test_the_proxy_records_and_refuses(proxy: RefusingProxy) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        _get("http://169.254.169.254/latest/meta-data", proxy)
    with pytest.raises(urllib.error.URLError, match="403"):
        _get("https://management.azure.com/subscriptions", proxy)
    seen = [Attempt("GET", "169.254.169.254"), Attempt("CONNECT", "management.azure.com")]
    assert proxy.taken() == seen
    assert proxy.taken() == []


def test_a_preview_has_no_way_to_an_account(
    tmp_path: Path, proxy: RefusingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "AWS_PROFILE",
        "ARM_ACCESS_KEY",
        "AZURE_CLIENT_SECRET",
        "PULUMI_ACCESS_TOKEN",
        "https_proxy",
    ):
        monkeypatch.setenv(name, "the user's own")
    environment = assemble(tmp_path / "run", ("pulumi",), 1234, tmp_path / "plugins", proxy.environment())
    assert "the user's own" not in environment.values()
    assert environment["PULUMI_BACKEND_URL"].startswith("file://")
    assert "PULUMI_DEBUG_PROVIDERS" not in environment, "the simulated providers would be their own judges"
    assert environment["HTTPS_PROXY"] == environment["https_proxy"]
    assert environment["https_proxy"].startswith("http://127.0.0.1:")
    assert (Path(environment["PULUMI_HOME"]) / "plugins").readlink() == tmp_path / "plugins" / "plugins"


def test_plugins_that_cannot_be_had_are_one_sentence_and_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(provider_check, "find_or_bring_engine", lambda *_: _REFUSING_ENGINE)
    assert main(["test", "providers"]) == UNAVAILABLE
    assert UNAVAILABLE not in (0, 1, 2), "neither passed nor failed nor wrong usage"
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "not checked" in line]
    assert "aws" in line and "no route to the downloads" in line and "./dr test providers" in line
    assert not list((tmp_path / "pilotlight").glob("plugins-*")), "the next run must try again"


_AT_A_RESOURCE = """\
Previewing update (normal):

Diagnostics:
  azure-native:network:Subnet ({name}):
    error: azure-native:network:Subnet resource '{name}' has a problem: no such field

  pulumi:pulumi:Stack (petclinic-dr-normal):
    error: preview failed
"""


def test_a_refused_input_fails() -> None:
    said = _AT_A_RESOURCE.format(name="landing-zone-web-subnet")
    assert judge(_DRILL, 255, said, []) == ["the plugin refuses landing-zone-web-subnet"]


def test_a_read_of_production_may_be_refused() -> None:
    said = _AT_A_RESOURCE.format(name="production-site")
    assert judge(_DRILL, 255, said, [Attempt("CONNECT", "management.azure.com")]) == []


def test_a_call_to_aws_in_an_emergency_fails() -> None:
    calls = [Attempt("CONNECT", "sts.ap-northeast-2.amazonaws.com")]
    assert judge(_NORMAL, 0, "", calls) == []
    assert judge(_EMERGENCY, 0, "", calls) == ["AWS was called: sts.ap-northeast-2.amazonaws.com"]
    assert judge(_OPENED, 0, "", [Attempt("GET", "169.254.169.254")])


def test_a_failure_that_nobody_explains_fails() -> None:
    assert judge(_NORMAL, 255, "error: could not load plugin", [])


def test_the_whole_check_on_providers_of_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The simulated providers stand in for the plugins: everything around them is the real thing."""
    tools, world = find_or_bring(print), World(tmp_path / "clouds")
    servers = Servers(world)
    attached = ",".join(f"{name}:{port}" for name, port in servers.ports.items() if name != "python")
    real = provider_check.assemble

    def with_ours(*arguments: Any) -> Mapping[str, str]:
        return real(*arguments) | {"PULUMI_DEBUG_PROVIDERS": attached}

    monkeypatch.setattr(provider_check, "assemble", with_ours)
    monkeypatch.setattr(provider_check, "find_or_bring_engine", lambda *_: tools.pulumi)
    monkeypatch.setattr(provider_check, "find_or_bring_plugins", lambda _: tmp_path)
    monkeypatch.setattr(provider_check, "SITUATIONS", (_EMERGENCY, _DRILL))
    try:
        status = provider_check.check()
    finally:
        servers.stop()
    printed = capsys.readouterr().out
    assert status == 0, printed
    assert "emergency, production's stack: passed" in printed
    assert "drill, the stack without AWS: passed" in printed
