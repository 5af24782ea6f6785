"""Where explorations begin: the situations that the promises are about, each as it really comes about."""

from __future__ import annotations

from tests.model.explore import Bounds
from tests.model.world import AWS, AZURE, Base, Conf, Control, Copied, World


def normal(bounds: Bounds) -> World:
    """AWS serves, the standby is a pilot light."""
    quiet = Conf("normal", enable=False)
    return World(
        control=Control(1, AWS, 0, "", None),
        aws=Base(0, closed=False, granted=True, marker=None),
        azure=None,
        aws_up=True,
        link=True,
        chains=(0,),
        kept=0,
        exported=0,
        said=(None, None),
        blobs=quiet,
        infra=quiet,
        rolling=None,
        minds=(None,) * len(bounds.sites),
        written=(0, 0),
        lost=0,
        fenced=0,
        ups=bounds.ups,
        orders=bounds.orders,
        faults=bounds.faults,
        ids=0,
    )


def opened(bounds: Bounds) -> World:
    """Azure opened without AWS's part in it; AWS is up, not fenced yet, and holds what Azure lacks."""
    conf = Conf("emergency", enable=True)
    return normal(bounds)._replace(
        control=Control(2, AZURE, 1, "unasked", None),
        aws=Base(3, closed=False, granted=True, marker=None),
        azure=Base(1, closed=False, granted=True, marker=Copied(True, 1, 1, 2)),
        chains=(1, 1),
        blobs=conf,
        infra=conf,
        written=(2, 0),
    )


def home_again(bounds: Bounds) -> World:
    """AWS took over by a cutover; its program says so, and the standby is still there."""
    conf = Conf("failback", enable=True, cutover=3)
    return normal(bounds)._replace(
        control=Control(3, AWS, 9, "order", None),
        aws=Base(9, closed=False, granted=True, marker=Copied(True, 2, 9, 3)),
        azure=Base(9, closed=True, granted=True, marker=Copied(True, 1, 1, 2)),
        chains=(1, 9, 9),
        blobs=conf,
        infra=conf,
        written=(1, 1),
        fenced=2,
    )


def just_taken_home(bounds: Bounds) -> World:
    """As above, a moment after the epoch was written: AWS is not opened yet."""
    world = home_again(bounds)
    return world._replace(aws=Base(9, closed=True, granted=True, marker=Copied(True, 2, 9, 0)))


def following(bounds: Bounds) -> World:
    """Azure writes, and AWS holds a copy of it and follows; the program is in failback."""
    conf = Conf("failback", enable=True)
    return opened(bounds)._replace(
        aws=Base(9, closed=True, granted=True, marker=Copied(True, 2, 9, 0)),
        azure=Base(9, closed=False, granted=True, marker=Copied(True, 1, 1, 2)),
        chains=(1, 9),
        blobs=conf,
        infra=conf,
        written=(1, 1),
        fenced=2,
    )


def second_time(bounds: Bounds) -> World:
    """After a cutover AWS failed again and Azure opened from its chain; AWS is back with a write more."""
    conf = Conf("failback", enable=True)
    return normal(bounds)._replace(
        control=Control(4, AZURE, 9, "unasked", None),
        aws=Base(11, closed=False, granted=True, marker=Copied(True, 2, 9, 3)),
        azure=Base(9, closed=False, granted=True, marker=Copied(True, 3, 9, 4)),
        chains=(1, 9, 9, 9),
        blobs=conf,
        infra=conf,
        written=(2, 1),
        fenced=3,
    )
