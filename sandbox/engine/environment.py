"""The environment of the sandbox's Pulumi and its programs: nothing of the user's cloud accounts."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

CREDENTIAL_PREFIXES = ("AWS_", "AZURE_", "ARM_", "GOOGLE_", "PULUMI_", "VAULT_")
"""Variables that could lead the engine or a provider to a real account; none of them passes."""


def clean(base: Mapping[str, str]) -> dict[str, str]:
    """``base`` without anything that names an account, a credential or another Pulumi installation."""
    return {key: value for key, value in base.items() if not key.startswith(CREDENTIAL_PREFIXES)}


def engine_environment(
    root: Path, pulumi: tuple[str, ...], tools: Path, ports: Mapping[str, int]
) -> dict[str, str]:
    """The full environment for plain ``pulumi`` against the simulated clouds.

    Args:
        root: the sandbox's folder.
        pulumi: the engine's command.
        tools: folder with the other programs, for PATH.
        ports: the loopback port of each simulated provider, and of the language host under ``python``.
    """
    home, state, programs = root / "pulumi" / "home", root / "pulumi" / "state", root / "pulumi" / "bin"
    for folder in (home, state, programs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_programs(programs, pulumi)
    providers = ",".join(f"{name}:{port}" for name, port in ports.items() if name != "python")
    return {
        **clean(os.environ),
        "PATH": f"{programs}:{tools}:{os.environ.get('PATH', os.defpath)}",
        # away from ~/.aws and ~/.azure, where credentials lie
        "HOME": str(home),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(_passphrase(root / "pulumi" / "passphrase")),
        "PULUMI_DEBUG_PROVIDERS": providers,
        "PULUMI_DEBUG_LANGUAGES": f"python:{ports['python']}",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _passphrase(file: Path) -> Path:
    """A random passphrase for this sandbox's secrets; made once."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file


def _write_programs(folder: Path, pulumi: tuple[str, ...]) -> None:
    """``pulumi``, and the program that the engine starts a Python policy pack with."""
    scripts = {
        "pulumi": shlex.join(pulumi) + ' "$@"',
        # named by the engine (sdk/go/common/resource/plugin/analyzer_plugin.go): arguments are its address
        # and the pack
        "pulumi-analyzer-policy-python": shlex.join([sys.executable, "-u", "-m", "pulumi.policy"])
        + ' "$1" "$2"',
    }
    for name, command in scripts.items():
        file = folder / name
        file.write_text(f"#!/bin/sh\nexec {command}\n")
        file.chmod(0o700)
