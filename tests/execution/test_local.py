import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from imagenet_build.contracts import UnitResult, WorkUnit
from imagenet_build.errors import DataError, DiskUnusable
from imagenet_build.execution import local
from imagenet_build.execution.local import LocalExecutor
from tests.execution.stages import Lanes, Squares, run_in, units_of

ROOT = Path(__file__).parents[2]


def execute(stage, units, folder, workers=1):
    results: list[UnitResult] = []
    items: list[int] = []
    LocalExecutor(workers).run(stage, units, run_in(folder), results.append, items.append)
    assert sum(items) == sum(unit.size for unit in units)
    return results


async def soon(unit: WorkUnit) -> None:
    """Give the loop to others a few times, differently for each unit."""
    for _ in range(random.Random(unit.key).randrange(5)):
        await asyncio.sleep(0)


# computing


def test_units_run_here_in_their_order(tmp_path):
    units = units_of(50)
    results = execute(Squares(), units, tmp_path)
    assert [result.unit for result in results] == units
    assert [result.counts["square"] for result in results] == [place * place for place in range(50)]
    assert {result.note for result in results} == {str(os.getpid())}


def test_a_result_is_recorded_before_the_next_unit_begins(tmp_path):
    recorded: list[str] = []

    class Watching(Squares):
        def run_unit(self, unit, run):
            assert len(recorded) == int(unit.key[1:])
            return super().run_unit(unit, run)

    stage = Watching()
    LocalExecutor(1).run(stage, units_of(9), run_in(tmp_path), lambda result: recorded.append(result.unit.key), print)
    assert len(recorded) == 9


def test_a_pool_gives_the_same_results_from_other_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "POOL_FROM", 10)
    monkeypatch.setattr(local, "CHUNK", 7)
    units = units_of(100)
    here = {result.unit.key: result.counts for result in execute(Squares(), units, tmp_path)}
    results = execute(Squares(), units, tmp_path, workers=2)
    assert len(results) == len(units)
    assert {result.unit.key: result.counts for result in results} == here
    assert str(os.getpid()) not in {result.note for result in results}


def test_few_units_are_not_worth_a_pool(tmp_path):
    results = execute(Squares(), units_of(20), tmp_path, workers=2)
    assert {result.note for result in results} == {str(os.getpid())}


def test_what_a_unit_raises_comes_back_whole(tmp_path, monkeypatch):
    for workers in (1, 2):
        monkeypatch.setattr(local, "POOL_FROM", 10)
        monkeypatch.setattr(local, "CHUNK", 5)
        results: list[UnitResult] = []
        stage = Squares(fails_at="u0012")
        with pytest.raises(DataError, match="u0012 cannot be done") as caught:
            LocalExecutor(workers).run(stage, units_of(40), run_in(tmp_path), results.append, lambda _: None)
        assert caught.value.remedy == "Try another."
        assert len(results) < 40


# waiting


def test_one_unit_of_a_lane_at_a_time_in_order_and_many_lanes_together(tmp_path):
    units = units_of(60, lanes=6)
    stage = Lanes(soon)
    results = execute(stage, units, tmp_path)
    assert sorted(result.unit.key for result in results) == [unit.key for unit in units]
    for lane in {unit.lane for unit in units}:
        planned = [unit.key for unit in units if unit.lane == lane]
        assert [result.unit.key for result in results if result.unit.lane == lane] == planned
    assert stage.most_lanes == 6
    assert (stage.events[0], stage.events[-1]) == ("open", "close")


def test_no_more_lanes_than_allowed(tmp_path):
    stage = Lanes(soon, at_once=3)
    assert len(execute(stage, units_of(40, lanes=8), tmp_path)) == 40
    assert stage.most_lanes == 3


def test_a_slow_lane_does_not_hold_up_the_others(tmp_path):
    rest_done = asyncio.Event()
    units = units_of(20, lanes=4)
    fast = {unit.key for unit in units if unit.lane != "lane0"}

    async def step(unit: WorkUnit) -> None:
        if unit.lane == "lane0":
            await asyncio.wait_for(rest_done.wait(), 20)
        else:
            fast.discard(unit.key)
            if not fast:
                rest_done.set()

    assert len(execute(Lanes(step), units, tmp_path)) == 20


def test_a_result_of_a_lane_is_recorded_before_its_next_unit_begins(tmp_path):
    recorded: set[str] = set()
    units = units_of(30, lanes=3)

    async def step(unit: WorkUnit) -> None:
        before = [other.key for other in units if other.lane == unit.lane and other.key < unit.key]
        assert set(before) <= recorded
        await soon(unit)

    LocalExecutor().run(Lanes(step), units, run_in(tmp_path), lambda done: recorded.add(done.unit.key), lambda _: None)
    assert len(recorded) == 30


def test_nothing_to_do_opens_no_session(tmp_path):
    stage = Lanes(soon)
    assert execute(stage, [], tmp_path) == []
    assert stage.events == []


def test_an_error_in_one_lane_stops_the_others_and_closes_the_session(tmp_path):
    started = asyncio.Event()

    async def step(unit: WorkUnit) -> None:
        if unit.lane == "lane0":
            await started.wait()
            raise DiskUnusable("the disk is full")
        started.set()
        await asyncio.Event().wait()  # for ever

    stage = Lanes(step)
    results: list[UnitResult] = []
    with pytest.raises(DiskUnusable, match="the disk is full"):
        LocalExecutor().run(stage, units_of(6, lanes=2), run_in(tmp_path), results.append, lambda _: None)
    assert results == []
    assert stage.events == ["open", "start u0000", "start u0001", "cancel u0001", "close"]


def test_an_error_while_recording_stops_everything_too(tmp_path):
    def record(result: UnitResult) -> None:
        raise DiskUnusable("the state cannot be written")

    stage = Lanes(soon)
    with pytest.raises(DiskUnusable, match="the state cannot be written"):
        LocalExecutor().run(stage, units_of(9, lanes=3), run_in(tmp_path), record, lambda _: None)
    assert stage.events[-1] == "close"
    assert len([event for event in stage.events if event.startswith("start")]) < 9


def test_lanes_run_outside_the_main_thread(tmp_path):
    """Where no signal can be caught, as in a notebook's worker or a server."""
    results: list[UnitResult] = []
    thread = threading.Thread(target=lambda: results.extend(execute(Lanes(soon), units_of(8, lanes=2), tmp_path)))
    thread.start()
    thread.join(20)
    assert len(results) == 8


def test_signals_are_as_before_afterwards(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    execute(Lanes(soon), units_of(4), tmp_path)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


# signals, in a process of their own

AS_IN_A_TERMINAL = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""Tests started with `&` in a script ignore Ctrl-C, and so would every process that they start."""

WAITING = """
import asyncio, sys
from pathlib import Path
from imagenet_build.execution.local import LocalExecutor
from tests.execution.stages import Lanes, run_in, units_of

async def step(unit):
    if unit.key == "u0002":
        print("ready", flush=True)
        await asyncio.Event().wait()

stage = Lanes(step)
done = []
try:
    record = lambda result: done.append(result.unit.key)
    LocalExecutor().run(stage, units_of(4), run_in(Path(".")), record, lambda _: None)
except KeyboardInterrupt:
    print("interrupted", *done, *stage.events[-2:], flush=True)
    sys.exit(130)
"""

COMPUTING = """
import sys
from pathlib import Path
from imagenet_build.execution import local
from tests.execution.stages import Squares, run_in, units_of

if __name__ == "__main__":
    local.POOL_FROM, local.CHUNK = 1, 1
    done = []

    def record(result):
        done.append(result.unit.key)
        if len(done) == 3:
            print("ready", flush=True)

    try:
        stage = Squares(pause_s=0.05)
        local.LocalExecutor(2).run(stage, units_of(100_000), run_in(Path(".")), record, lambda _: None)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.exit(130)
"""


def start(code: str, folder: Path) -> subprocess.Popen[str]:
    script = folder / "script.py"
    script.write_text(AS_IN_A_TERMINAL + code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_session_and_is_a_keyboard_interrupt(tmp_path, number):
    process = start(WAITING, tmp_path)
    process.send_signal(number)
    said, _ = process.communicate(timeout=20)
    assert said == "interrupted u0000 u0001 cancel u0002 close\n"
    assert process.returncode == 130


def test_ctrl_c_ends_a_pool_in_seconds(tmp_path):
    process = start(COMPUTING, tmp_path)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    started_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert (said, process.returncode) == ("interrupted\n", 130)
    assert time.monotonic() - started_s < 10
    assert psutil.wait_procs(workers, timeout=10)[1] == []


def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    process = start(COMPUTING, tmp_path)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    process.kill()
    process.communicate(timeout=20)
    assert psutil.wait_procs(workers, timeout=10)[1] == []


async def nothing(unit: WorkUnit) -> None:
    """What a unit does that only wants to be seen."""


def test_a_lane_at_rest_gives_its_place_to_another_and_is_run_again(tmp_path):
    now = time.time()
    stage = Lanes(nothing, at_once=1, rests={"u0000": [now + 0.3, now + 0.4]})
    results = execute(stage, units_of(4, lanes=2), tmp_path)
    assert stage.events == [
        "open",
        *("start u0000", "rest u0000"),
        *("start u0001", "end u0001", "start u0003", "end u0003"),
        *("start u0000", "rest u0000", "start u0000", "end u0000", "start u0002", "end u0002"),
        "close",
    ]
    assert time.time() >= now + 0.4
    assert [result.unit.key for result in results] == ["u0001", "u0003", "u0000", "u0002"]


def test_many_workers_wait_for_one_lane_at_rest_and_run_it_once(tmp_path):
    stage = Lanes(nothing, at_once=5, rests={"u0002": [time.time() + 0.2]})
    results = execute(stage, units_of(5, lanes=5), tmp_path)
    assert sorted(result.unit.key for result in results) == [f"u{place:04d}" for place in range(5)]
    assert stage.events.count("start u0002") == 2
