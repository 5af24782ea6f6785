"""Who may import whom (docs/architecture.md): the rooms stay separate."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("components", "policies", "costs", "agent", "cli", "sandbox", "benchmarks", "tests")
ALLOWED = {
    "components": {"components"},
    "policies": {"policies", "components", "costs"},
    "costs": {"costs"},
    "agent": {"agent"},
    "cli": {"cli", "agent", "costs", "sandbox"},
    "sandbox": {"sandbox", "agent", "components", "policies", "costs"},
    "benchmarks": {"benchmarks", "agent", "sandbox", "tests"},  # the proxy of the fault campaign
}


def _imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_only_what_it_may(room: str) -> None:
    files = list((ROOT / room).rglob("*.py"))
    assert files, f"{room} is empty"
    for file in files:
        strangers = (_imports(file) & set(ROOMS)) - ALLOWED[room]
        assert not strangers, f"{file.relative_to(ROOT)} imports {strangers}"


def test_the_agent_knows_no_pulumi() -> None:
    for file in (ROOT / "agent").rglob("*.py"):
        assert "pulumi" not in _imports(file), file


def test_the_clinic_stands_alone() -> None:
    """It is zipped into a 'jar' and runs on a simulated machine that has no sandbox."""
    for file in (ROOT / "sandbox" / "clinic").rglob("*.py"):
        if file.name != "jar.py":  # the builder of the zip is not in the zip
            assert not _imports(file) & {"agent", "cli", "components"}, file


def test_files_can_be_read_in_one_sitting() -> None:
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            lines = len(file.read_text().splitlines())
            assert lines <= 450, f"{file.relative_to(ROOT)} has {lines} lines"
