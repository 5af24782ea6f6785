"""The workflows for the user's repository: what they promise, by linters of others and by looking."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks import linters
from tests.checks.linters import CLONE, in_venv, run

_FOLDER = CLONE / ".github"
_WORKFLOWS = sorted((_FOLDER / "workflows").glob("*.yml"))
_ACTIONS = sorted((_FOLDER / "actions").glob("*/action.yml"))
_CHANGES = re.compile(r"\bpulumi\s+(up|destroy|refresh|import|state)\b")


def _read(file: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key "on" as true.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(file.read_text()).items()}


def _steps(file: Path) -> Iterator[dict[str, Any]]:
    content = _read(file)
    for job in content.get("jobs", {"": content.get("runs")}).values():
        yield from job["steps"]


def _changes_a_stack(file: Path) -> bool:
    """Whether a step changes a real stack; the sandbox's own script changes simulated ones."""
    for step in _steps(file):
        if step.get("with", {}).get("command") in {"up", "destroy", "refresh"} or _CHANGES.search(
            step.get("run", "")
        ):
            return True
    return False


def test_there_are_workflows_for_every_promise() -> None:
    assert {file.stem for file in _WORKFLOWS} == {
        "tests",
        "preview",
        "deploy",
        "readiness",
        "drill",
        "providers",
    }
    assert {file.stem for file in _WORKFLOWS if _changes_a_stack(file)} == {"deploy", "drill"}


def test_actionlint_finds_nothing() -> None:
    done = run(linters.actionlint(), "-shellcheck", in_venv("shellcheck"), "-pyflakes", "", *_WORKFLOWS)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "mistake",
    [
        ("runs-on: ubuntu-24.04", "runs_on: ubuntu-24.04"),
        ("vars.AZURE_TENANT_ID", "vras.AZURE_TENANT_ID"),
        ('cron: "17 22', 'cron: "77 22'),
    ],
)
def test_actionlint_finds_mistakes(tmp_path: Path, mistake: tuple[str, str]) -> None:
    text = (_FOLDER / "workflows" / "readiness.yml").read_text()
    assert mistake[0] in text
    (tmp_path / "x.yml").write_text(text.replace(*mistake))
    assert run(linters.actionlint(), "-shellcheck", "", "-pyflakes", "", tmp_path / "x.yml").returncode == 1


def test_zizmor_finds_nothing() -> None:
    """An audit of what makes workflows dangerous; ``$/`` paths, a matter of taste, are below the line."""
    done = run(in_venv("zizmor"), "--offline", "--no-progress", "--min-severity", "medium", _FOLDER)
    assert done.returncode == 0, done.stdout


def test_shellcheck_finds_nothing_in_the_scripts() -> None:
    scripts = [*sorted((CLONE / "scripts").glob("*.sh")), CLONE / ".ci" / "run", CLONE / "dr"]
    assert len(scripts) >= 4
    done = run(in_venv("shellcheck"), *scripts)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", [*_WORKFLOWS, *_ACTIONS], ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_everything_by_others_is_pinned_by_commit_and_says_which_release(file: Path) -> None:
    for line in file.read_text().splitlines():
        used = re.search(r"\buses:\s*(\S+)(.*)", line)
        if used and not used[1].startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", used[1]), line
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", used[2]), line


def test_a_release_has_one_commit_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for file in (*_WORKFLOWS, *_ACTIONS):
        for name, commit in re.findall(r"uses:\s*([\w./-]+)@(\w+)", file.read_text()):
            pins.setdefault(name, set()).add(commit)
    assert {name: commits for name, commits in pins.items() if len(commits) > 1} == {}


@pytest.mark.parametrize("file", _WORKFLOWS, ids=lambda file: file.stem)
def test_rights_are_given_job_by_job_and_are_few(file: Path) -> None:
    workflow = _read(file)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        rights = job["permissions"]
        assert rights.pop("contents") == "read", name
        assert rights.pop("pull-requests", "write") == "write", name
        # A token for the clouds only where an environment guards it.
        assert ("environment" in job) == (rights.pop("id-token", "") == "write"), name
        assert rights == {}, name
        assert job["timeout-minutes"] <= 180, name


@pytest.mark.parametrize("file", _WORKFLOWS, ids=lambda file: file.stem)
def test_the_checkout_leaves_no_token_behind(file: Path) -> None:
    checkouts = [step for step in _steps(file) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("file", _WORKFLOWS, ids=lambda file: file.stem)
def test_no_running_update_is_cancelled(file: Path) -> None:
    concurrency = _read(file)["concurrency"]
    assert "cancel-in-progress" in concurrency, "say it, whatever the default is"
    if _changes_a_stack(file):
        assert concurrency["cancel-in-progress"] is False
        assert "github.ref" not in concurrency["group"], "two branches would update one stack at once"


@pytest.mark.parametrize("file", [*_WORKFLOWS, *_ACTIONS], ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_stranger_s_pull_request_gets_nothing(file: Path) -> None:
    """No stored secret exists at all, and the trigger that hands rights to a stranger's code is not used."""
    text = file.read_text()
    assert "secrets." not in text and "secrets:" not in text
    triggers = _read(file).get("on") or {}
    assert not {"pull_request_target", "workflow_run"} & set(triggers)
    if "pull_request" in triggers:
        for name, job in _read(file)["jobs"].items():
            if "id-token" in job["permissions"]:
                assert "head.repo.full_name == github.repository" in job["if"], name


def test_a_pull_request_has_exactly_one_kind_of_preview() -> None:
    """Either the clouds or the sandbox: each condition is the other's opposite, part by part."""
    jobs = _read(_FOLDER / "workflows" / "preview.yml")["jobs"]
    clouds, sandbox = (re.split(r"\s*(?:&&|\|\|)\s*", jobs[name]["if"]) for name in ("clouds", "sandbox"))
    turned = {"==": "!=", "!=": "=="}
    opposite = [re.sub("[!=]=", lambda found: turned[found[0]], part) for part in clouds]
    assert opposite == sandbox


def test_deployments_wait_for_a_person_and_ask_first() -> None:
    job = _read(_FOLDER / "workflows" / "deploy.yml")["jobs"]["deploy"]
    assert job["environment"] == "production"
    runs = [step.get("run", "") for step in job["steps"]]
    update = next(i for i, step in enumerate(job["steps"]) if step.get("with", {}).get("command") == "up")
    guard = next(i for i, text in enumerate(runs) if "cli.deployed" in text)
    assert guard < update
    assert "if" not in job["steps"][guard] and not job["steps"][guard].get("continue-on-error")


def test_a_drill_is_always_taken_down() -> None:
    steps = list(_steps(_FOLDER / "workflows" / "drill.yml"))
    assert steps[-1]["with"]["command"] == "destroy"
    assert steps[-1]["if"].startswith("always()")


def test_whoever_opens_a_pull_request_does_not_become_who_may_read_the_accounts_key() -> None:
    """The provider reads blobs with it, so a refresh needs a right that a preview must not have."""
    for file in _WORKFLOWS:
        workflow = _read(file)
        for job in workflow["jobs"].values():
            refreshes = any("refresh" in step.get("with", {}) for step in job["steps"])
            assert not (refreshes and job.get("environment") == "preview"), file.stem
            assert not (refreshes and "pull_request" in workflow["on"]), file.stem
