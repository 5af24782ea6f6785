"""The agent as somebody uses it who has a MySQL, a Blob endpoint, and no interest in the rest."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import errors
from agent.config import load, parse
from sandbox.azurite import Azurite
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.conftest import PASSWORD, SCHEMA, World, add_owners, clinic, count
from tests.agent.differential import differences, snapshot

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "docs" / name for name in ("agent.md", "agent.ko.md")]
COMMANDS = ("run", "dump", "archive", "list", "restore", "replay", "verify", "check")


def dr(*words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """``./dr agent ...`` without its shell wrapper."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli", "agent", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path or os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_every_command_and_every_status() -> None:
    said = dr("--help").stdout
    assert said.startswith("usage: ./dr agent")
    for command in COMMANDS:
        assert re.search(rf"^    {command} ", said, re.MULTILINE), command
    for kind in errors.ALL:
        assert f"{kind.exit_code:3}  {kind.meaning}" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from agent.__main__ import main  # noqa: PLC0415

    with pytest.raises(SystemExit) as ended:
        main([command, "--help"], program="./dr agent")
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "--config FILE" in said and "--json" in said and "see also: ./dr agent --help" in said


def test_statuses_differ() -> None:
    codes = [kind.exit_code for kind in errors.ALL]
    assert len(set(codes)) == len(codes) and 0 not in codes and 130 not in codes


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_documents_example_is_a_configuration_and_its_statuses_are_the_agents(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    examples = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 1
    config = parse(json.loads(examples[0]), document.name)
    assert config.archive is not None and config.verify is not None and config.site == "aws"
    statuses = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert statuses == {0, 130, *(kind.exit_code for kind in errors.ALL)}
    for words in re.findall(r"^\./dr agent (.*?)(?:  +#.*)?$", text, re.MULTILINE):
        _parses(words.replace("target.json", "x").split())


def _parses(words: list[str]) -> None:
    from agent.__main__ import _parser  # noqa: PLC0415

    assert _parser("./dr agent").parse_args(words)


def test_the_example_file_parses() -> None:
    assert load(ROOT / "agent" / "example.json").identity


def test_a_wrong_configuration_is_one_sentence_and_one_document(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    file.write_text("{}")
    done = dr("list", "--config", str(file), "--json")
    assert done.returncode == errors.ConfigError.exit_code
    assert json.loads(done.stdout) == {"error": done.stderr[len("error: ") : -1], "exit_code": 2}
    assert "site is missing" in done.stderr and "Traceback" not in done.stderr


def test_mysqls_programs_are_brought_where_path_has_none(tmp_path: Path) -> None:
    """With nothing on PATH but the shell's own tools, the command still gets as far as the server."""
    file = tmp_path / "agent.json"
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text("secret")
    document = json.loads((ROOT / "agent" / "example.json").read_text())
    document["database"] |= {"port": 1, "password": {"file": str(tmp_path / "password")}}
    document["state_dir"] = str(tmp_path / "state")
    file.write_text(json.dumps(document))
    done = dr("check", "--config", str(file), "--json", path="/usr/bin:/bin")
    assert "mysqldump is not on PATH" not in done.stdout + done.stderr


class Alone:
    """A configuration file for each side, and the command line."""

    def __init__(self, folder: Path, tools: Tools, document: dict[str, Any]) -> None:
        self._folder, self._document = folder, document
        self._path = f"{tools.bin}:{os.environ['PATH']}"

    def __call__(self, site: str, server: MySqlServer, *words: str) -> tuple[int, Any, str]:
        file = self._folder / f"{site}.json"
        database = {**self._document["database"], "host": server.address, "port": server.port}
        file.write_text(json.dumps({**self._document, "site": site, "database": database}))
        command, *rest = words
        done = dr(command, "--config", str(file), "--json", *rest, path=self._path)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr

    def works(self, site: str, server: MySqlServer, *words: str) -> Any:
        code, document, said = self(site, server, *words)
        assert code == 0, said
        return document


@pytest.fixture
def alone(world: World, azurite: Azurite, tools: Tools, tmp_path: Path) -> Alone:
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text(PASSWORD)
    return Alone(
        tmp_path,
        tools,
        {
            "database": {"schemas": [SCHEMA], "user": "admin", "password": {"file": str(password)}},
            "storage": {
                "endpoint": azurite.endpoint,
                **{kind: world.containers[kind] for kind in ("backups", "signals", "control")},
            },
            "identity": {"kind": "emulator"},
            "dump": {},
            "archive": {"flush_seconds": 0.1},
            "verify": {"mode": "full"},
            "state_dir": str(tmp_path / "state"),
        },
    )


def test_the_whole_walk(alone: Alone, rds: MySqlServer, flexible: MySqlServer, tools: Tools) -> None:
    """check, dump, archive, list, verify, restore; then more writes, archive, replay."""
    clinic(rds)
    assert not [f for f in alone.works("aws", rds, "check") if f["level"] == "error"]
    backup = alone.works("aws", rds, "dump")["backup"]
    add_owners(rds, 5)
    executed = str(rds.execute("SELECT @@GLOBAL.gtid_executed")[0][0]).replace("\n", "")
    status = alone.works("aws", rds, "archive", "--once")
    assert rds.execute("SELECT GTID_SUBSET(%s, %s)", (executed, status["archived_gtid"])) == [(1,)]

    listed = alone.works("azure", flexible, "list")
    assert [one["backup"] for one in listed["backups"]] == [backup]
    assert (
        listed["log"][0]["backup"] == backup and listed["log"][0]["through"] and not listed["log"][0]["hole"]
    )

    verified = alone.works("aws", rds, "verify")
    assert verified["ok"] and verified["backup"] == backup

    forecast = alone.works("azure", flexible, "restore", "--dry-run")
    assert forecast["backup"]["backup"] == backup and not forecast["loaded"]
    assert flexible.execute("SHOW DATABASES LIKE %s", (SCHEMA,)) == []

    report = alone.works("azure", flexible, "restore")
    assert report["loaded"] and count(flexible) == count(rds) == 8
    assert alone("azure", flexible, "restore")[1]["loaded"] is False, "the second run finds nothing to do"

    add_owners(rds, 2)
    alone.works("aws", rds, "archive", "--once")
    alone.works("azure", flexible, "replay")
    assert count(flexible) == 10
    assert differences(snapshot(rds, tools, [SCHEMA]), snapshot(flexible, tools, [SCHEMA])) == []


def test_another_sites_turn_and_an_empty_container_have_their_statuses(
    alone: Alone, world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    code, document, _ = alone("azure", flexible, "restore")
    assert (code, document["exit_code"]) == (9, 9)
    world.epoch(2, "azure")
    for words in (("dump",), ("archive", "--once")):
        code, document, said = alone("aws", rds, *words)
        assert (code, document["exit_code"]) == (7, 7), said
