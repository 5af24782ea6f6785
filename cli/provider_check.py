"""``./dr test providers``: both stacks previewed by the real provider plugins.

Shows that the published plugins take the program's inputs, without an account: credentials are false, and
every call to a cloud is recorded and refused. Nothing is deployed and no state is kept.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import grpc

from cli.places import CLONE
from cli.refusing_proxy import Attempt, RefusingProxy
from sandbox.cache import bring, cache_root
from sandbox.engine.bring import find_or_bring_engine
from sandbox.engine.environment import engine_environment
from sandbox.engine.language_host import add_language_host
from sandbox.engine.project import prepare_project
from sandbox.setup_step import telling

UNAVAILABLE = 3
"""Exit status when the plugins cannot be had: neither passed nor failed."""
PLUGINS = {"aws": "pulumi-aws", "azure-native": "pulumi-azure-native", "random": "pulumi-random"}
"""Plugin by the package of its SDK, whose version it must have."""
_DOWNLOAD_S = 900.0
_PREVIEW_S = 900.0
_PLUGINS_MIB = 2500  # azure-native alone unpacks to more than 500
_FALSE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAFALSEFALSEFALSE0",
    "AWS_SECRET_ACCESS_KEY": "false",
    "AWS_EC2_METADATA_DISABLED": "true",
    "ARM_CLIENT_ID": "00000000-0000-0000-0000-000000000001",
    "ARM_CLIENT_SECRET": "false",
    "ARM_TENANT_ID": "00000000-0000-0000-0000-000000000002",
    "ARM_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000003",
}
_READ_FROM_PRODUCTION = "production-"
"""How the names of what a stack without AWS reads from production begin; only a cloud can answer these."""


class PluginsUnavailable(Exception):
    """The plugins could not be downloaded; the message says why."""


@dataclass(frozen=True)
class Situation:
    """One preview: a stack, with settings on top of its file."""

    title: str
    stack: str
    settings: Mapping[str, str]
    aws: bool
    """Whether a call to AWS would be in order."""


SITUATIONS = (
    Situation("normal", "normal", {}, aws=True),
    Situation("emergency, production's stack", "normal", {"mode": "emergency"}, aws=False),
    Situation("opened", "normal", {"mode": "emergency", "enablePetclinic": "true"}, aws=False),
    Situation("drill, the stack without AWS", "emergency", {}, aws=False),
)


def check() -> int:
    """Run it; 0 passed, 1 failed, ``UNAVAILABLE`` without plugins."""
    engine = find_or_bring_engine(cache_root(), _say)
    try:
        plugins = find_or_bring_plugins(engine)
    except PluginsUnavailable as error:
        print(f"not checked: {error}", file=sys.stderr)
        return UNAVAILABLE
    failed = 0
    with (
        tempfile.TemporaryDirectory(prefix="pilotlight-") as folder,
        RefusingProxy() as proxy,
        _language() as port,
    ):
        root = Path(folder)
        project = prepare_project(CLONE, root)
        environment = assemble(root, engine, port, plugins, proxy.environment())
        for situation in SITUATIONS:
            done = _preview(situation, project, environment)
            complaints = judge(situation, done.returncode, done.stdout, proxy.taken())
            print(f"{situation.title}: {'FAILED' if complaints else 'passed'}", flush=True)
            for complaint in complaints:
                print(f"  {complaint}")
            if complaints:
                failed += 1
                print(done.stdout[-6000:])
    return 1 if failed else 0


def find_or_bring_plugins(engine: tuple[str, ...]) -> Path:
    """A folder with the plugins in the versions of the installed SDKs; it is a Pulumi home.

    Raises:
        PluginsUnavailable: the vendor's downloads cannot be reached.
        SetupError: disk full, cache not writable.
    """
    versions = {plugin: metadata.version(package) for plugin, package in PLUGINS.items()}

    def make(folder: Path) -> None:
        for plugin, version in versions.items():
            _say(f"provider plugin {plugin} {version}: downloading it")
            _install(engine, plugin, version, folder)

    name = "plugins-" + "-".join(f"{plugin}{version}" for plugin, version in versions.items())
    return bring(name, make, _say, needs_mib=_PLUGINS_MIB)


def _install(engine: tuple[str, ...], plugin: str, version: str, home: Path) -> None:
    command = [*engine, "plugin", "install", "resource", plugin, version]
    environment = dict(engine_environment(home / "run", engine, home, {"python": 0})) | {
        "PULUMI_HOME": str(home)
    }
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_DOWNLOAD_S, check=False
        )
    except subprocess.TimeoutExpired:
        reason = f"no end within {_DOWNLOAD_S:.0f} s"
    else:
        if done.returncode == 0:
            return
        reason = telling(done.stderr) or f"status {done.returncode}"
    raise PluginsUnavailable(
        f"the provider plugin {plugin} {version} cannot be downloaded from here ({reason}); run "
        "'./dr test providers' on a machine with open internet, or let the workflow 'providers' do it"
    )


def assemble(
    root: Path, engine: tuple[str, ...], language_port: int, plugins: Path, proxy: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a preview: own state, real plugins, false credentials, no way out but the proxy."""
    environment = dict(engine_environment(root, engine, root, {"python": language_port}))
    del environment["PULUMI_DEBUG_PROVIDERS"]  # the real ones
    home = Path(environment["PULUMI_HOME"])
    if not (home / "plugins").exists():
        (home / "plugins").symlink_to(plugins / "plugins", target_is_directory=True)
    return environment | _FALSE_CREDENTIALS | dict(proxy)


def _preview(
    situation: Situation, project: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    def pulumi(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *words, "--non-interactive", "--color", "never"],
            cwd=project,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PREVIEW_S,
            check=False,
        )

    made = pulumi("stack", "select", "--create", situation.stack)
    if made.returncode != 0:
        return made
    settings = [word for key, value in situation.settings.items() for word in ("--config", f"{key}={value}")]
    return pulumi("preview", "--stack", situation.stack, "--suppress-progress", *settings)


def judge(situation: Situation, status: int, said: str, attempts: list[Attempt]) -> list[str]:
    """What is wrong with one preview; empty: it passed.

    A stack that reads production cannot get further than these reads without an account: errors at them, and
    only there, are what a working program shows.
    """
    wrong = [f"AWS was called: {each.host}" for each in attempts if _is_aws(each.host) and not situation.aws]
    blamed = _blamed(said)
    strangers = sorted(name for name in blamed if not name.startswith(_READ_FROM_PRODUCTION))
    wrong += [f"the plugin refuses {name}" for name in strangers]
    if status != 0 and not blamed:
        wrong.append(f"the preview ended with status {status} and blamed no resource")
    return wrong


def _is_aws(host: str) -> bool:
    return host.endswith((".amazonaws.com", ".aws", ".amazonaws.com.cn")) or host == "169.254.169.254"


def _blamed(said: str) -> set[str]:
    """Names of the resources below which the engine's diagnostics show an error."""
    found: set[str] = set()
    name = ""
    _, _, diagnostics = said.rpartition("\nDiagnostics:\n")
    for line in diagnostics.splitlines():
        if line.startswith("  ") and not line.startswith("   ") and line.rstrip().endswith("):"):
            kind, _, rest = line.strip().partition(" (")
            # The stack's own line only says that something below it failed.
            name = "" if kind == "pulumi:pulumi:Stack" else rest.removesuffix("):")
        elif "error:" in line and name:
            found.add(name)
    return found


@contextmanager
def _language() -> Generator[int]:
    """The port of a Python language host: an engine built from its modules has none of its own."""
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    add_language_host(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


def _say(line: str) -> None:
    print(f"set-up: {line}", file=sys.stderr, flush=True)
