"""What boots on the servers, by the judges of those who read it: cloud-init's schema, nginx, the clouds."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

from sandbox.tools import Tools, find_or_bring
from tests.checks import linters
from tests.checks.registered import resources

_EC2_BYTES = 16 * 1024
"""Of user data before base64: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html"""
_AZURE_BYTES = 64 * 1024
"""Of custom data after base64: https://learn.microsoft.com/azure/virtual-machines/custom-data"""


@pytest.fixture(scope="module")
def tools() -> Tools:
    return find_or_bring(print)


def _encoded() -> dict[str, str]:
    """Base64 user data by the resource that carries it; the largest where a situation changes it."""
    found: dict[str, str] = {}
    for resource in (*resources("aws"), *resources("azure-native")):
        data = resource.inputs.get("userData") or resource.inputs.get("osProfile", {}).get("customData")
        if data and len(data) > len(found.get(resource.name, "")):
            found[resource.name] = data
    return found


def _documents() -> dict[str, str]:
    return {name: base64.b64decode(data).decode() for name, data in _encoded().items()}


@pytest.fixture(scope="module")
def validator() -> Any:
    return Draft4Validator(json.loads(linters.cloud_init_schema().read_text()))


def _complaints(validator: Any, document: str) -> list[str]:
    config = yaml.safe_load(document)
    modules = validator.schema["$defs"].values()
    known = {key for module in modules for key in module.get("properties", {})}
    # Older versions of the schema let any word stand at the top, where it would do nothing.
    strangers = [f"no module knows {key}" for key in config if key not in known]
    return strangers + [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(config)]


def test_cloud_init_accepts_every_server(validator: Any) -> None:
    documents = _documents()
    assert set(documents) == {"backup-instance-template", "standby-servers-app", "standby-servers-web"}
    for name, document in documents.items():
        assert document.startswith("#cloud-config\n"), f"{name} would be taken for a script or ignored"
        assert _complaints(validator, document) == [], name


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("\npackages:", "\npackges:"),
        ("\npackages:\n- nginx", "\npackages: nginx"),
        ("  permissions:", "  permission:"),
        ("\nwrite_files:\n- path:", "\nwrite_files:\n- pth:"),
        ("\nruncmd:\n", "\nruncmd: {}\nx-runcmd:\n"),
    ],
)
def test_cloud_init_refuses_mistakes(validator: Any, right: str, wrong: str) -> None:
    document = _documents()["standby-servers-web"]
    assert right in document
    assert _complaints(validator, document.replace(right, wrong, 1))


def test_user_data_fits_into_what_the_clouds_take() -> None:
    for name, data in _encoded().items():
        size, limit = len(data), _AZURE_BYTES
        if name == "backup-instance-template":
            size, limit = len(base64.b64decode(data)), _EC2_BYTES
        assert size <= limit, f"{name}: {size} bytes, {limit} are taken"


def _nginx_says(tools: Tools, folder: Path, files: dict[str, str]) -> str:
    """What ``nginx -t`` says about files that Ubuntu's nginx.conf includes; empty: it would start."""
    (folder / "conf.d").mkdir()
    for name, content in files.items():
        (folder / "conf.d" / name).write_text(content)
    # The parts of Ubuntu's nginx.conf that matter here; Ubuntu's paths would need root.
    paths = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths} include {folder}/conf.d/*.conf; }}\n"
    )
    done = linters.run(*tools.nginx, "-t", "-e", "stderr", "-c", folder / "nginx.conf", "-p", folder)
    return "" if done.returncode == 0 else done.stderr or "it said nothing"


def _nginx_files() -> dict[str, str]:
    written = yaml.safe_load(_documents()["standby-servers-web"])["write_files"]
    return {Path(f["path"]).name: f["content"] for f in written if f["path"].startswith("/etc/nginx/conf.d/")}


def test_nginx_accepts_the_web_server_s_configuration(tools: Tools, tmp_path: Path) -> None:
    files = _nginx_files()
    assert len(files) == 2
    assert _nginx_says(tools, tmp_path, files) == ""


@pytest.mark.parametrize(
    "mistake",
    [("proxy_pass", "proxy_passs"), ("http://petclinic;", "http://petclinc.invalid;"), ("60s", "60 s")],
)
def test_nginx_refuses_mistakes(tools: Tools, tmp_path: Path, mistake: tuple[str, str]) -> None:
    broken = {name: text.replace(*mistake) for name, text in _nginx_files().items()}
    assert "emerg" in _nginx_says(tools, tmp_path, broken)
