"""The decisions that the steps ask for: the tool's own functions, and what a test breaks on purpose.

Each answer is remembered: the same small arguments come again in thousands of states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from agent.config import Site
from agent.epoch import Epoch, Orders
from agent.errors import GuardError
from agent.fence import must_close
from agent.guard import Target, require_replaceable
from agent.handover.decide import Duty, duty, is_copy, may_open_unasked, receive_refusal
from agent.handover.order import Answer
from agent.marker import Marker
from agent.opening import refusal, wants_to_open
from components.switches import Switches
from tests.model.world import (
    AZURE,
    SITES,
    Conf,
    Control,
    Copied,
    Said,
    answer_of,
    epoch_of,
    gtids,
    marker_of,
    orders_of,
    switches,
)


@dataclass(frozen=True, eq=False)
class Rules:
    """The protocol. Functions are the tool's; the flags below them are steps that live in a sequence of calls
    and not in one function. A mutant replaces one."""

    duty: Callable[[Site, Epoch, Orders | None, Answer | None, Marker | None], Duty] = duty
    is_copy: Callable[[Marker | None, Epoch], bool] = is_copy
    receive_refusal: Callable[..., str] = receive_refusal
    may_open_unasked: Callable[[Epoch], bool] = may_open_unasked
    wants_to_open: Callable[[Orders, Epoch, Site], bool] = wants_to_open
    refusal: Callable[[Epoch, Marker | None], str] = refusal
    must_close: Callable[[Site, Epoch, Marker | None], bool] = must_close
    protected: Callable[[Switches], bool] = lambda now: now.database_protected

    conditional_writes: bool = True
    """A write of the epoch is conditional on the ETag of the read that was decided on."""
    conditional_orders: bool = True
    """So is that of an order."""
    duty_before_release: bool = True
    """A writer opens what the fence closed only after it knows that no order wants it drained."""
    lock_before_draining_ends: bool = True
    """``drained`` is said only once nobody can write."""
    archive_before_drained: bool = True
    """``drained`` is said only once the archive holds all."""
    waits_for_the_fence: bool = True
    """A target replaces its database only once nobody can write into it."""
    keeps_what_is_replaced: bool = True
    """A dump of what is replaced goes to the vault first."""
    wants_acceptance: bool = True
    """A divergence is overwritten only when the order names it."""
    compares: bool = True
    """A target takes over only when its tables are what the source drained to."""
    clears_the_order: bool = True
    """A new epoch begins without an order."""
    chains_cross_forks: bool = True
    """A restore of an epoch without a dump of its own goes by the epoch before and its log to the fork."""
    marks_before_opening: bool = True
    """The marker says that the database serves before the application may write."""
    follows_before_opening: bool = True
    """A standby that opens unasked first replays what was archived since its restore."""
    stays_enabled: bool = True
    """Operators leave ``enablePetclinic`` on from the opening to the release, as they are told to."""
    locks_the_site: bool = True
    """Two processes of one site never act on different reads: the second waits for the first."""

    @cached_property
    def ask(self) -> Asked:
        """The same questions in the model's own values."""
        return Asked(self)


class Asked:
    """The tool's functions over the model's values."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.duty = lru_cache(None)(self._duty)
        self.is_copy = lru_cache(None)(self._is_copy)
        self.receive_refusal = lru_cache(None)(self._receive_refusal)
        self.wants_to_open = lru_cache(None)(self._wants_to_open)
        self.refusal = lru_cache(None)(self._refusal)
        self.must_close = lru_cache(None)(self._must_close)
        self.protected = lru_cache(None)(self._protected)

    def _duty(
        self, site: int, control: Control, blobs: Conf, own: Said | None, copied: Copied | None
    ) -> Duty:
        program = orders_of(blobs) if site == AZURE else None
        return self._rules.duty(
            SITES[site], epoch_of(control), program, answer_of(site, own), marker_of(copied)
        )

    def _is_copy(self, copied: Copied | None, control: Control) -> bool:
        return self._rules.is_copy(marker_of(copied), epoch_of(control))

    def _receive_refusal(self, control: Control, source: Said | None, held: int) -> str:
        return self._rules.receive_refusal(epoch_of(control), answer_of(control.writer, source), gtids(held))

    def _wants_to_open(self, blobs: Conf, control: Control) -> bool:
        return self._rules.wants_to_open(orders_of(blobs), epoch_of(control), "azure")

    def may_open_unasked(self, control: Control) -> bool:
        """No draining order stands in the way."""
        return self._rules.may_open_unasked(epoch_of(control))

    def _refusal(self, control: Control, copied: Copied | None) -> str:
        return self._rules.refusal(epoch_of(control), marker_of(copied))

    def _must_close(self, site: int, control: Control, copied: Copied | None) -> bool:
        return self._rules.must_close(SITES[site], epoch_of(control), marker_of(copied))

    def _protected(self, conf: Conf) -> bool:
        return self._rules.protected(switches(conf))


@lru_cache(None)
def state_of(copied: Copied | None, content: int) -> Target:
    """``agent.guard.inspect`` for a database of the model, which asks a server."""
    if copied is not None and not copied.verified:
        return Target.UNFINISHED
    if not content and copied is None:
        return Target.EMPTY
    return Target.FOREIGN if copied is None else Target.RESTORED


@lru_cache(None)
def may_load_at_boot(copied: Copied | None, content: int, control: Control, site: int) -> bool:
    """Whether the restore that a standby's first boot starts would touch the database."""
    try:
        require_replaceable(
            state_of(copied, content), take_over=False, epoch=epoch_of(control), site=SITES[site]
        )
    except GuardError:
        return False
    return True


def has_own(copied: Copied | None, content: int) -> bool:
    """Whether the database may hold what no other one does: not a copy that never served, nor half of one."""
    state = state_of(copied, content)
    if state is Target.RESTORED:
        return copied is not None and copied.served > 0
    return state is Target.FOREIGN
