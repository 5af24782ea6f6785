"""Runs checkov once over everything and says what it judged and how."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.checks.checkov_input import arm_template, rendered, terraform_plan
from tests.checks.linters import environment
from tests.program.recorder import Recorded

_KINDS = {"arm": ("azure-native:", arm_template), "plan": ("aws:", terraform_plan)}
"""Kinds of files, with what they are for."""
_Places = dict[tuple[str, str], tuple[str, Recorded]]
"""By file and checkov's name: group and resource."""


@dataclass(frozen=True)
class Verdict:
    """One check of one resource.

    Attributes:
        group: which of the groups that were handed in.
        check: its identifier, ``CKV_AZURE_41``.
        asks: what the check says that it wants.
        type: the resource's Pulumi type.
        name: the resource's Pulumi name.
        passed: whether checkov is content.
    """

    group: str
    check: str
    asks: str
    type: str
    name: str
    passed: bool


@dataclass(frozen=True)
class Judgement:
    """Everything that checkov said.

    Attributes:
        given: how many resources it was given.
        read: how many it says that it read.
        verdicts: one for each check of each resource.
    """

    given: int
    read: int
    verdicts: frozenset[Verdict]

    def failed(self, group: str) -> set[Verdict]:
        """What it complains about in a group."""
        return {each for each in self.verdicts if each.group == group and not each.passed}


def judge(groups: Mapping[str, Sequence[Recorded]], folder: Path, not_run: Iterable[str]) -> Judgement:
    """Write each group into files below ``folder`` and have them judged.

    Args:
        groups: resources by the name of their group; one may be there in several variants.
        folder: an empty one; checkov reads everything in it.
        not_run: checks to leave out.

    Raises:
        SetupError: checkov could not be had.
        subprocess.TimeoutExpired: it has not ended after ten minutes, where 20 seconds are usual.
        AssertionError: it did not understand a file.
    """
    places: _Places = {}
    for group, members in groups.items():
        places |= _write(group, members, folder)
    reports = _run(folder, not_run)
    verdicts: set[Verdict] = set()
    for report in reports:
        assert report["results"]["parsing_errors"] == [], "checkov could not read a file"
        for record in report["results"]["passed_checks"] + report["results"]["failed_checks"]:
            group, resource = places[record["file_path"].lstrip("/"), record["resource"]]
            verdicts.add(
                Verdict(
                    group=group,
                    check=record["check_id"],
                    asks=record["check_name"],
                    type=resource.type,
                    name=resource.name,
                    passed=record["check_result"]["result"] == "PASSED",
                )
            )
    read = sum(report["summary"]["resource_count"] for report in reports)
    return Judgement(given=len(places), read=read, verdicts=frozenset(verdicts))


def _write(group: str, members: Sequence[Recorded], folder: Path) -> _Places:
    """A first file with the first variant of each resource, a second with those that have a second one, ...

    Every file holds a variant of all: some checks look for what belongs to a resource.
    """
    places: _Places = {}
    for kind, (prefix, document) in _KINDS.items():
        files: list[dict[str, tuple[dict[str, Any], Recorded]]] = []
        for member in members:
            if not member.type.startswith(prefix):
                continue
            for body in rendered(member):
                name = f"{body['type']}.{body['name']}"  # what checkov calls it
                free = next((file for file in files if name not in file), None)
                if free is None:
                    files.append(free := {})
                free[name] = (body, member)
        for number, file in enumerate(files):
            complete = files[0] | file
            path = f"{group}-{kind}-{number}.json"
            # Over several lines: checkov looks up where each resource begins.
            text = json.dumps(document([body for body, _ in complete.values()]), indent=1)
            (folder / path).write_text(text)
            places |= {(path, name): (group, member) for name, (_, member) in complete.items()}
    return places


def _run(folder: Path, not_run: Iterable[str]) -> list[dict[str, Any]]:
    home = folder / ".home"  # it keeps a cache and reads a configuration there
    home.mkdir()
    command = [environment("checkov"), "-m", "checkov.main", "--directory", folder]
    command += ["--framework", "arm", "terraform_plan", "--output", "json", "--compact", "--skip-download"]
    command += ["--skip-check", ",".join(not_run)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"HOME": str(home), "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"},
        timeout=600,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: a check failed
    return json.loads(done.stdout)
