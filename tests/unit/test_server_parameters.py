"""The standby database's parameters: the order that MySQL demands, and no time spent for nothing."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from components.azure.server_parameters import before_restore, beside_restore

# https://dev.mysql.com/doc/refman/8.0/en/replication-options-gtids.html#sysvar_gtid_mode
MODES = ["OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"]


def test_gtid_mode_moves_one_step_at_a_time_after_its_precondition() -> None:
    parameters = before_restore("")
    names = [parameter.name for parameter in parameters]
    assert names.index("enforce_gtid_consistency") < names.index("gtid_mode")
    way = ["OFF", *(parameter.value for parameter in parameters if parameter.name == "gtid_mode")]
    assert all(MODES.index(after) - MODES.index(before) == 1 for before, after in itertools.pairwise(way))
    assert way[-1] == "ON"


def test_only_the_steps_on_the_way_may_be_left_behind() -> None:
    """The last setting of a parameter stays enforced; the steps before it must not come back."""
    parameters = [*before_restore("+09:00"), *beside_restore()]
    last = {parameter.name: parameter for parameter in parameters}
    for parameter in parameters:
        assert parameter.passing is (parameter is not last[parameter.name])


def test_gtids_and_packets_come_before_the_restore_and_the_archives_own_after_it() -> None:
    before = {parameter.name for parameter in before_restore("")}
    wanted = {"gtid_mode", "max_allowed_packet", "local_infile", "log_bin_trust_function_creators"}
    assert wanted <= before
    beside = {parameter.name: parameter.value for parameter in beside_restore()}
    assert beside["binlog_row_metadata"] == beside["binlog_row_image"] == "FULL"
    assert int(beside["binlog_expire_logs_seconds"]) >= 86_400
    assert not before & beside.keys()


@given(st.sampled_from(["", "+09:00", "-05:30"]))
def test_labels_are_different(zone: str) -> None:
    labels = [parameter.label for parameter in [*before_restore(zone), *beside_restore()]]
    assert len(set(labels)) == len(labels)
    assert ("time-zone" in labels) is bool(zone)
