import pytest

from imagenet_build.storage.run_state import RunState, StageRecord, UnitRecord, UnitTotals


@pytest.fixture
def state(tmp_path):
    made = RunState(tmp_path / "state.sqlite")
    yield made
    made.close()


def test_units_are_remembered_by_stage_and_key(state):
    state.record_unit("search", "n1/openverse", "f1", {"hits": 3, "refused": 1}, "")
    state.record_unit("search", "n2/openverse", "", {}, "openverse stopped")
    state.record_unit("dedup", "n1/openverse", "f2", {}, "")
    assert state.units("search") == {
        "n1/openverse": UnitRecord("f1", {"hits": 3, "refused": 1}, ""),
        "n2/openverse": UnitRecord("", {}, "openverse stopped"),
    }
    assert state.units("manifest") == {}


def test_a_unit_that_runs_again_replaces_its_record(state):
    state.record_unit("search", "a", "", {}, "no answer")
    state.record_unit("search", "a", "f", {"hits": 1}, "")
    assert state.units("search") == {"a": UnitRecord("f", {"hits": 1}, "")}


def test_units_that_are_no_longer_planned_are_forgotten(state):
    for key in ("a", "b", "c"):
        state.record_unit("search", key, "f", {}, "")
    state.record_unit("dedup", "a", "f", {}, "")
    state.forget_units_except("search", {"b", "new"})
    assert set(state.units("search")) == {"b"}
    assert set(state.units("dedup")) == {"a"}


def test_the_time_of_all_sessions_adds_up(state):
    assert state.stage("search") is None
    state.record_stage("search", "", 10, 1.5)
    state.record_stage("search", "token", 12, 2.0)
    assert state.stage("search") == StageRecord("token", 12, 3.5)
    assert state.stage("dedup") is None


def test_totals_are_the_sums_of_the_units(state):
    state.record_unit("search", "n1", "f1", {"requests": 2, "hits": 3}, "")
    state.record_unit("search", "n2", "f2", {"requests": 1, "hits": 4, "refused": 1}, "")
    state.record_unit("search", "n3", "", {}, "openverse stopped")
    state.record_unit("search", "n4", "", {"requests": 1}, "openverse stopped")
    state.record_unit("dedup", "n1", "f1", {"images": 9}, "")
    totals = state.totals("search")
    assert totals == UnitTotals(4, {"requests": 4, "hits": 7, "refused": 1}, {"openverse stopped": 2})
    assert list(totals.counts) == ["requests", "hits", "refused"]
    assert state.totals("manifest") == UnitTotals(0, {}, {})
