"""What machines boot from: cloud-init, units, the agent's bundle, and the installer run for real."""

from __future__ import annotations

import base64
import configparser
import hashlib
import http.server
import importlib.util
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import agent.config
from agent.config import Config
from components.backup_settings import BackupSettings, VerifyMode
from components.guests import documents
from components.guests.bundle import agent_bundle, pack, stored
from components.guests.render import Guest, cloud_init, encoded

GUESTS = Path(__file__).parents[2] / "components" / "guests"
STORAGE = documents.Storage(
    endpoint="https://drvault0.blob.core.windows.net",
    backups="mysql-backups",
    signals="signals",
    control="control",
)
BACKUPS = BackupSettings(
    dump_interval_seconds=300,
    dump_refresh_seconds=86_400,
    egress_gb_per_month=90,
    archive_flush_seconds=1,
    archive_segment_bytes=8_388_608,
    archive_pack_seconds=3600,
    verify_interval_seconds=21_600,
    verify_mode=VerifyMode.AUTO,
    verify_full_up_to_mb=2000,
)
DOCUMENTS = {"agent": {"site": "aws"}, "install": {"agent": {}}, "upstream": "upstream petclinic {}\n"}


def _files(guest: Guest) -> dict[str, str]:
    parsed = yaml.safe_load(cloud_init(guest, DOCUMENTS))
    return {entry["path"]: entry["content"] for entry in parsed["write_files"]}


@pytest.mark.parametrize("guest", list(Guest))
def test_files_arrive_unchanged(guest: Guest) -> None:
    """YAML must not touch what it carries: a lost blank breaks Python, a lost line end breaks a unit."""
    template = yaml.safe_load((GUESTS / f"{guest}.yaml").read_text())
    written = _files(guest)
    for entry in template["write_files"]:
        if "file" in entry:
            assert written[entry["path"]] == (GUESTS / entry["file"]).read_text()


@pytest.mark.parametrize("guest", list(Guest))
def test_only_two_programs_are_run(guest: Guest) -> None:
    written = _files(guest)
    for command in yaml.safe_load(cloud_init(guest, DOCUMENTS))["runcmd"]:
        if command[0] == "python3":
            assert command[1:] == ["/opt/pilotlight/install.py"]
        else:
            assert command[:3] == ["systemctl", "enable", "--now"]
            assert command[3:-1] in ([], ["--no-block"])
            ours = f"/etc/systemd/system/{command[-1]}"
            assert ours in written or command[-1] == "nginx.service"


def test_the_same_input_gives_the_same_bytes() -> None:
    assert cloud_init(Guest.APP_SERVER, DOCUMENTS) == cloud_init(Guest.APP_SERVER, DOCUMENTS)


def test_a_document_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError, match="agent"):
        cloud_init(Guest.BACKUP_INSTANCE, {"install": {}})


def test_too_large_for_the_cloud_is_an_error() -> None:
    with pytest.raises(ValueError, match="the cloud takes 16384"):
        cloud_init(Guest.BACKUP_INSTANCE, {**DOCUMENTS, "agent": {"x": "y" * 16_384}})


def test_encoded_is_base64() -> None:
    assert base64.b64decode(encoded("Grüße\n")).decode() == "Grüße\n"


def _unit(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string((GUESTS / "units" / name).read_text())
    return parser


def test_petclinic_never_initialises_a_schema() -> None:
    unit = (GUESTS / "units" / "petclinic.service").read_text()
    assert "Environment=SPRING_SQL_INIT_MODE=never\n" in unit


def test_petclinic_waits_for_a_restore_s_environment_file_for_ever_and_for_nothing_else() -> None:
    """The restore at boot may leave a database alone for good, which the agent replaces by order later."""
    unit = _unit("petclinic.service")
    assert (
        unit["Service"]["EnvironmentFile"] == documents.RESTORE_ENVIRONMENT
    )  # with a "-" it would be optional
    assert set(unit["Unit"]) == {"Description", "StartLimitIntervalSec"}
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert unit["Service"]["Restart"] == "always"
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_nothing_that_takes_long_is_between_a_first_boot_and_petclinic_s_enabling() -> None:
    """A reboot meanwhile would leave it disabled; its first start, which fails, must not fail the boot."""
    commands = yaml.safe_load(cloud_init(Guest.APP_SERVER, DOCUMENTS))["runcmd"]
    assert commands[-2:] == [
        ["systemctl", "enable", "--now", "--no-block", "petclinic.service"],
        ["systemctl", "enable", "--now", "pilotlight-restore.service"],
    ]


@pytest.mark.parametrize("name", ["pilotlight-agent.service", "pilotlight-restore.service"])
def test_the_log_is_where_the_runbook_looks(name: str) -> None:
    service = _unit(name)["Service"]
    assert service["StandardOutput"] == "append:/var/log/mysql-backup-to-azure.log"
    assert service["StandardError"] == service["StandardOutput"]


def test_agent_documents_name_secrets_and_hold_none() -> None:
    azure = _azure_agent(BACKUPS)
    assert azure["database"]["password"] == {
        "azure_secret": "https://kv.vault.azure.net/secrets/database-admin-password"
    }
    assert "restore_from" not in azure["storage"]
    assert azure["orders"]["container"] == "orders"


def _aws_agent(backups: BackupSettings) -> dict[str, Any]:
    return documents.aws_agent(
        host="petclinic.abc.ap-northeast-2.rds.amazonaws.com",
        port=3306,
        user="backup",
        secret_arn="arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:petclinic/backup-AbCdEf",
        region="ap-northeast-2",
        rds_instance="petclinic",
        schemas=["petclinic"],
        application_users=["petclinic"],
        storage=STORAGE,
        tenant_id="11111111-2222-3333-4444-555555555555",
        client_id="11111111-2222-3333-4444-555555555556",
        backups=backups,
    )


def _azure_agent(backups: BackupSettings) -> dict[str, Any]:
    return documents.azure_agent(
        host="db.mysql.database.azure.com",
        user="dradmin",
        admin_secret="https://kv.vault.azure.net/secrets/database-admin-password",
        application_secret="https://kv.vault.azure.net/secrets/application-password",
        schemas=["petclinic"],
        storage=STORAGE,
        orders=documents.Orders(endpoint="https://drsite0.blob.core.windows.net", container="orders"),
        client_id="11111111-2222-3333-4444-555555555557",
        backups=backups,
    )


def _read(document: dict[str, Any]) -> Config:
    return agent.config.parse(json.loads(json.dumps(document)), "test")


def test_agent_documents_are_what_the_agent_reads() -> None:
    """The contract between this program and the agent, held by the agent's own loader."""
    aws, azure = _read(_aws_agent(BACKUPS)), _read(_azure_agent(BACKUPS))
    assert (aws.site, azure.site) == ("aws", "azure")
    for config in (aws, azure):
        assert config.archive is not None
        assert (config.archive.flush_s, config.archive.pack_s) == (1.0, 3600)
        assert config.archive.segment_bytes == 8_388_608
        assert config.dump.interval_s == 300
    # Azure skips none: the dead man's alert counts its dumps.
    assert (aws.dump.refresh_s, azure.dump.refresh_s) == (86_400, 300)
    assert aws.dump.egress_gb_per_month == 90
    assert azure.dump.egress_gb_per_month is None  # what stays in Azure costs no egress
    assert aws.verify is not None
    assert (aws.verify.interval_s, aws.verify.mode, aws.verify.full_up_to_mb) == (21_600, "auto", 2000)
    assert azure.verify is None  # PetClinic needs the machine
    assert aws.metrics is not None
    assert (aws.metrics.cloudwatch_namespace, aws.metrics.region) == ("PilotLight", "ap-northeast-2")
    assert azure.metrics is None
    assert aws.rds_snapshot is not None
    assert (aws.rds_snapshot.instance, aws.rds_snapshot.region) == ("petclinic", "ap-northeast-2")
    assert azure.rds_snapshot is None


def test_what_is_switched_off_is_not_asked_of_the_agent() -> None:
    off = replace(BACKUPS, archive_flush_seconds=0, verify_mode=VerifyMode.OFF, egress_gb_per_month=0)
    config = _read(_aws_agent(off))
    assert (config.archive, config.verify, config.dump.egress_gb_per_month) == (None, None, None)


_BACKUPS = st.builds(
    BackupSettings,
    dump_interval_seconds=st.integers(30, 86_400),
    dump_refresh_seconds=st.integers(300, 604_800),
    egress_gb_per_month=st.integers(0, 100_000),
    archive_flush_seconds=st.integers(0, 60),
    archive_segment_bytes=st.integers(65_536, 67_108_864),
    archive_pack_seconds=st.integers(60, 86_400),
    verify_interval_seconds=st.integers(0, 604_800),
    verify_mode=st.sampled_from(list(VerifyMode)),
    verify_full_up_to_mb=st.integers(1, 1_000_000),
)


@given(_BACKUPS)
def test_the_agent_takes_whatever_the_settings_take(backups: BackupSettings) -> None:
    """The ranges of both sides, settings and agent; else a machine would boot with what it refuses."""
    _read(_aws_agent(backups))
    _read(_azure_agent(backups))


def test_a_drills_agent_reads_productions_backups() -> None:
    drill = documents.Storage(
        endpoint="https://x", backups="d-b", signals="d-s", control="d-c", restore_from="mysql-backups"
    )
    assert drill.document()["restore_from"] == "mysql-backups"


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?\.py", fullmatch=True), st.binary(max_size=64))
)
def test_a_bundle_depends_on_content_alone(files: dict[str, bytes]) -> None:
    one, other = pack(files), pack(dict(reversed(files.items())))
    assert one == other
    assert one.sha256 == hashlib.sha256(one.content).hexdigest()
    with zipfile.ZipFile(io.BytesIO(one.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_the_agents_bundle_has_code_and_requirements_only(tmp_path: Path) -> None:
    (tmp_path / "agent" / "__pycache__").mkdir(parents=True)
    (tmp_path / "agent" / "__init__.py").write_text("")
    (tmp_path / "agent" / "__pycache__" / "x.pyc").write_text("")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "agent.txt").write_text("isal==1\n")
    bundle = agent_bundle(tmp_path)
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        assert archive.namelist() == ["agent/__init__.py", "requirements/agent.txt"]
    file = stored(bundle, tmp_path / "build")
    assert file.read_bytes() == bundle.content
    assert stored(bundle, tmp_path / "build") == file
    assert [path.name for path in (tmp_path / "build").iterdir()] == [file.name]


def test_a_clone_without_agent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="complete clone"):
        agent_bundle(tmp_path)


class _Cloud(http.server.BaseHTTPRequestHandler):
    """A metadata service and a blob endpoint in one, as Azure's machines see them."""

    content = b""
    refusals = 0

    def do_GET(self) -> None:
        if self.path.startswith("/metadata/identity/oauth2/token"):
            assert self.headers["Metadata"] == "true"
            self._answer(200, json.dumps({"access_token": "token"}).encode())
        elif self.headers["Authorization"] != "Bearer token" or type(self).refusals > 0:
            type(self).refusals -= 1
            self._answer(403, b"AuthorizationPermissionMismatch")
        else:
            self._answer(200, self.content)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Cloud)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", address)
    _Cloud.refusals = 0
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def _installer(root: Path, config: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """install.py at its place below another root, with a virtual environment that is already there."""
    here = root / "opt" / "pilotlight"
    (here / "venv" / "bin").mkdir(parents=True)
    (here / "venv" / "bin" / "python").write_text("")
    (here / "install.py").write_text((GUESTS / "install.py").read_text())
    (here / "install.json").write_text(json.dumps(config))
    spec = importlib.util.spec_from_file_location("installer_under_test", here / "install.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)
    return module


def _config(cloud: str, content: bytes) -> dict[str, object]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {"agent": {"source": f"{cloud}/artifacts/agent.zip", "sha256": sha256}, "client_id": "me"}


def test_the_installer_unpacks_the_agent_below_any_root(
    tmp_path: Path, cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Cloud.content = pack({"agent/__init__.py": b"new", "requirements/agent.txt": b""}).content
    root = tmp_path / "a root"
    installer = _installer(root, _config(cloud, _Cloud.content), monkeypatch)
    stale = root / "opt" / "pilotlight" / "agent" / "gone.py"
    stale.parent.mkdir()
    stale.write_text("an older bundle's file")
    installer.main()
    installer.main()  # a reboot
    assert (root / "opt" / "pilotlight" / "agent" / "__init__.py").read_text() == "new"
    assert not stale.exists()


def test_the_installer_waits_for_its_role(
    tmp_path: Path, cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Cloud.content = pack({"agent/__init__.py": b"", "requirements/agent.txt": b""}).content
    _Cloud.refusals = 3
    _installer(tmp_path, _config(cloud, _Cloud.content), monkeypatch).main()
    assert (tmp_path / "opt" / "pilotlight" / "agent" / "__init__.py").exists()


def test_the_installer_refuses_a_file_with_another_checksum(
    tmp_path: Path, cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Cloud.content = b"somebody else's"
    installer = _installer(tmp_path, _config(cloud, b"ours"), monkeypatch)
    monkeypatch.setattr(installer, "PATIENCE", 0)
    with pytest.raises(ValueError, match="expected"):
        installer.main()
    assert not (tmp_path / "opt" / "pilotlight" / "agent").exists()
