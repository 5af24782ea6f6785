"""A command that is killed anywhere and run again ends where it would have ended."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from cli.operate import act
from cli.operate.facts import Switches
from cli.operate.pulumi import Pulumi
from tests.operate import fake_pulumi
from tests.operate.conftest import Scene


class Killed(BaseException):
    """What a SIGKILL does to a command here: nothing of it runs on."""


@contextmanager
def killed(at: int) -> Generator[None]:
    """Die right before or right after a change of the stack or the epoch: at the ``at``-th such moment."""
    seen = [0]

    def moment() -> None:
        if seen[0] == at:
            raise Killed
        seen[0] += 1

    def around(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **named: Any) -> Any:
            moment()
            result = real(*words, **named)
            moment()
            return result

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pulumi, "change", around(Pulumi.change))
        patch.setattr(act, "give_order", around(act.give_order))
        yield


def dies(scene: Scene, at: int, *words: str) -> bool:
    """Run the command with a death in it; False when it ended before that."""
    with killed(at):
        try:
            assert scene.run(*words) == 0
        except Killed:
            return True
    return False


def failed_over(scene: Scene) -> None:
    scene.aws_lives = False
    assert scene.run("failover", "--yes", "--open") == 0
    scene.aws_lives = True


def page_up(scene: Scene) -> None:
    assert scene.run("failover", "--scope", "maintenance", "--yes") == 0


def synced(scene: Scene) -> None:
    failed_over(scene)
    assert scene.run("failback", "sync", "--yes") == 0


def drained(scene: Scene) -> None:
    """In the middle of a cutover that will not end."""
    synced(scene)
    scene.differs = True
    assert scene.run("failback", "cutover", "--yes") == 1


def home(scene: Scene) -> None:
    synced(scene)
    assert scene.run("failback", "cutover", "--yes") == 0
    scene.step()


def weighted(scene: Scene) -> None:
    home(scene)
    assert scene.run("failback", "weight", "100", "--yes") == 0


def nothing(_: Scene) -> None:
    """The stack as deployed."""


def standby_full(scene: Scene) -> None:
    """An emergency whose opening was ordered and has not happened."""
    scene.restores = False
    for switches in ({"mode": "emergency"}, {"enablePetclinic": "true"}):
        scene.set(config={**scene.stack["config"], **switches})
        assert fake_pulumi.call(scene.folder, ["up", "--yes", "--skip-preview"])[0] == 0


CASES: dict[str, tuple[Callable[[Scene], None], list[str]]] = {
    "failover": (nothing, ["failover", "--yes", "--open"]),
    "planned": (nothing, ["failover", "--planned", "--yes", "--open"]),
    "page": (nothing, ["failover", "--scope", "maintenance", "--yes"]),
    "abort": (page_up, ["abort", "--yes"]),
    "abort of an opening": (standby_full, ["abort", "--yes"]),
    "sync": (failed_over, ["failback", "sync", "--yes"]),
    "cutover": (synced, ["failback", "cutover", "--yes"]),
    "give up": (drained, ["failback", "abort", "--yes"]),
    "weight": (home, ["failback", "weight", "10", "--yes"]),
    "finish": (weighted, ["failback", "finish", "--yes"]),
    "second disaster": (weighted, ["failover", "--yes", "--open"]),
}


def unnamed(state: dict[str, Any]) -> dict[str, Any]:
    """Without the ids that differ from run to run."""
    return {
        key: replace(value, cutover="", release="") if isinstance(value, Switches) else value
        for key, value in state.items()
    }


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_killed_anywhere_and_run_again_it_ends_the_same(quick_scene: Scene, name: str) -> None:
    """Each round begins where the case begins: what the last one left is thrown away."""
    scene = quick_scene
    prepare, words = CASES[name]
    prepare(scene)
    begin = scene.keep()
    assert scene.run(*words) == 0
    wanted = unnamed(scene.state())
    for at in range(100):
        scene.put_back(begin)
        if not dies(scene, at, *words):
            break
        assert scene.run(*words) == 0, at
        assert unnamed(scene.state()) == wanted, at
    else:
        raise AssertionError("it never ends")
    assert at >= (2 if name == "sync" else 4)  # a sync is one order
